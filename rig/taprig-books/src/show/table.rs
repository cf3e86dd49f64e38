//! Columns of text.

/// Lines of cells. The first so many columns are on the left, and all others, which are numbers, on the right.
#[derive(Debug)]
pub(super) struct Table {
    left: usize,
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(super) const fn new(left: usize) -> Self {
        Self { left, rows: Vec::new() }
    }

    pub(super) fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells);
    }

    /// The table as text, each line with its end.
    pub(super) fn text(&self) -> String {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or_default();
        let width = |column: usize| {
            self.rows
                .iter()
                .filter_map(|row| row.get(column))
                .map(|cell| cell.chars().count())
                .max()
                .unwrap_or_default()
        };
        let widths: Vec<usize> = (0..columns).map(width).collect();
        let mut text = String::new();
        for row in &self.rows {
            let mut line = String::new();
            for (column, cell) in row.iter().enumerate() {
                let blanks = " ".repeat(widths[column] - cell.chars().count());
                let gap = if column == 0 { "" } else { "  " };
                line += gap;
                line += &if column < self.left { format!("{cell}{blanks}") } else { format!("{blanks}{cell}") };
            }
            text += line.trim_end();
            text.push('\n');
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_on_the_right() {
        let mut table = Table::new(1);
        table.row(vec!["class".into(), "n".into()]);
        table.row(vec!["long".into(), "12".into()]);
        assert_eq!(table.text(), "class   n\nlong   12\n");
    }
}
