//! A bank's clearing file: CSV by a column map.

use super::fields::{Fields, Row, amount, optional, six_digits, value};
use super::lines::{Line, Lines};
use super::{Reading, Refused};
use crate::books::{Books, Cleared, FileId};
use crate::time::Moment;
use std::io::BufRead;
use taprig_model::acquirer::Terminal;
use taprig_model::books::columns::{Columns, Encoding, Unit};
use taprig_model::books::result::Side;
use taprig_model::books::{Label, Merchant};

/// Where each value is: the number of its column, from 0.
#[derive(Debug, Clone, Copy)]
struct Places {
    merchant: usize,
    terminal: usize,
    batch: usize,
    trace: usize,
    amount: usize,
    time: Option<usize>,
    cleared: Option<usize>,
    line: Option<usize>,
    product: Option<usize>,
    /// Number of columns.
    count: usize,
}

/// Reads a clearing file.
///
/// # Errors
/// The file can't be read, is empty, or has other columns. Rows that can't be read are told to the books.
pub fn read(input: impl BufRead, map: &Columns, file: FileId, books: &mut Books) -> Result<(), Refused> {
    let mut lines = Lines::new(input);
    let mut reading = Reading::new(books, file, Side::Clearing);
    let mut fields = Fields::new(map.encoding, map.separator.byte());
    let Some(first) = lines.next()? else { return Err(Refused::Empty) };
    let places = header(&first, &mut fields, map)?;
    while let Some(line) = lines.next()? {
        let why = match fields.of(&line) {
            Ok(row) if row.len() == 0 => continue,
            Ok(row) => reading.payment(&row, places, map, &line).err(),
            Err(why) => Some(why),
        };
        if let Some(why) = why {
            reading.broken(line.row, why, None);
        }
    }
    reading.end("a row of a clearing file", "check separator, encoding, unit and patterns of the column map")
}

fn header(first: &Line<'_>, fields: &mut Fields, map: &Columns) -> Result<Places, Refused> {
    let refused = |what: String, help: String| Refused::Content { row: 1, what, help };
    let encoding = "set `encoding: gb18030` in the column map, or save the file as UTF-8".to_owned();
    if first.bytes.starts_with(b"\xFF\xFE") || first.bytes.starts_with(b"\xFE\xFF") {
        return Err(refused("this is UTF-16".into(), encoding));
    }
    let row = match fields.of(first) {
        Ok(row) => row,
        Err(what) if map.encoding == Encoding::Utf8 => return Err(refused(what, encoding)),
        Err(what) => return Err(refused(what, "check `encoding` in the column map".into())),
    };
    places(&row, map).map_err(|what| {
        let names: Vec<&str> = (0..row.len()).map(|column| row.get(column)).collect();
        let help = format!(
            "the file has the columns `{}`; write a column map (`--columns FILE`) that names those of them that are wanted",
            names.join("`, `")
        );
        refused(what, help)
    })
}

fn places(header: &Row<'_>, map: &Columns) -> Result<Places, String> {
    let find = |name: &str| {
        let mut found = (0..header.len()).filter(|column| header.get(*column) == name);
        match (found.next(), found.next()) {
            (_, Some(_)) => Err(format!("the column `{name}` is there twice")),
            (found, None) => Ok(found),
        }
    };
    let needed = |given: Option<&Label>, default: &str| {
        let name = given.map_or(default, Label::as_str);
        find(name)?.ok_or_else(|| format!("the column `{name}` is missing"))
    };
    let wanted = |given: Option<&Label>, default: &str| match given {
        Some(_) => needed(given, default).map(Some),
        None => find(default),
    };
    let names = &map.columns;
    Ok(Places {
        merchant: needed(names.merchant.as_ref(), "merchant")?,
        terminal: needed(names.terminal.as_ref(), "terminal")?,
        batch: needed(names.batch.as_ref(), "batch")?,
        trace: needed(names.trace.as_ref(), "trace")?,
        amount: needed(
            names.amount.as_ref(),
            match map.amount {
                Unit::Fen => "amount_fen",
                Unit::Yuan => "amount_yuan",
            },
        )?,
        time: wanted(names.time.as_ref(), "time")?,
        cleared: wanted(names.cleared.as_ref(), "cleared")?,
        line: wanted(names.line.as_ref(), "line")?,
        product: wanted(names.product.as_ref(), "product")?,
        count: header.len(),
    })
}

impl Reading<'_> {
    fn payment(&mut self, row: &Row<'_>, at: Places, map: &Columns, line: &Line<'_>) -> Result<(), String> {
        if row.len() != at.count {
            return Err(format!("the row has {} columns, and the first row has {}", row.len(), at.count));
        }
        let merchant: Merchant = value(row.get(at.merchant), "merchant")?;
        let terminal: Terminal = value(row.get(at.terminal), "terminal")?;
        let time = at.time.map(|column| Moment::read(row.get(column), &map.time)).transpose();
        let cleared = at.cleared.map(|column| Moment::read(row.get(column), &map.day)).transpose();
        let line_name: Option<Label> = at.line.map_or(Ok(None), |column| optional(row.get(column), "line"))?;
        let product: Option<Label> = at.product.map_or(Ok(None), |column| optional(row.get(column), "product"))?;
        let payment = Cleared {
            merchant: merchant.as_str(),
            terminal: terminal.as_str(),
            batch: six_digits(row.get(at.batch), "batch")?.get(),
            trace: six_digits(row.get(at.trace), "trace")?.get(),
            fen: amount(row.get(at.amount), map.amount)?.get(),
            at: time.map_err(|why| format!("time: {why}"))?,
            cleared: cleared.map_err(|why| format!("cleared: {why}"))?.map(|moment| moment.day),
            line: line_name.as_ref().map(Label::as_str),
            product: product.as_ref().map(Label::as_str),
        };
        self.good += 1;
        self.books.cleared(&payment, Some(self.place(line)));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Options;
    use taprig_model::books::result::{Class, Reconciliation};

    const HEADER: &str = "merchant,terminal,batch,trace,amount_fen,time,cleared\n";
    const ROW: &str = "123456789012345,12345678,000001,000007,100,2018-05-21T08:00:00,2018-05-21\n";

    fn map(value: serde_json::Value) -> Columns {
        serde_json::from_value(value).unwrap()
    }

    fn result_of(bytes: &[u8], map: &Columns) -> Result<Reconciliation, Refused> {
        let mut books = Books::new();
        let file = books.file(Side::Clearing, "clearing.csv");
        read(bytes, map, file, &mut books)?;
        Ok(books.reconcile(&Options::default()))
    }

    fn result(text: &str) -> Result<Reconciliation, Refused> {
        result_of(text.as_bytes(), &Columns::default())
    }

    #[track_caller]
    fn refused(text: &str, why: &str) {
        let error = result(text).unwrap_err();
        let all = format!("{error} ({})", error.help().unwrap_or_default());
        assert!(all.contains(why), "{all}");
    }

    fn broken(row: &str) -> String {
        let result = result(&format!("{HEADER}{ROW}{row}")).unwrap();
        assert_eq!((result.sides[0].read.count, result.sides[0].broken), (1, 1), "{row}");
        assert_eq!(result.broken[0].place.row, 3);
        result.broken[0].why.clone()
    }

    #[test]
    fn the_default_map_reads_marks_line_ends_and_quotes() {
        let text = format!("\u{feff}{HEADER}{}", ROW.replace("100", "\"100\"")).replace('\n', "\r\n");
        let result = result(&text).unwrap();
        assert_eq!(result.sides[0].read.fen, 100);
        assert_eq!(result.cleared_through.as_deref(), Some("2018-05-21"));
        assert_eq!(result.classes[Class::Long as usize].sums.clearing.count, 1);
    }

    #[test]
    fn a_map_for_a_bank_of_another_form() {
        let columns = map(serde_json::json!({
            "schema": 1, "encoding": "gb18030", "separator": "bar", "amount": "yuan", "time": "YYYYMMDDhhmmss", "day": "YYYY/MM/DD",
            "columns": {
                "merchant": "商户号", "terminal": "终端号", "batch": "批次号", "trace": "流水号", "amount": "金额", "time": "交易时间",
                "cleared": "清算日期", "line": "线路", "product": "卡种",
            },
        }));
        let text = "清算日期|商户号|终端号|批次号|流水号|金额|交易时间|线路|卡种|备注\n2018/05/22|123456789012345|12345678|000001|000007|1.50|20180521230000|3路|贷记|-\n";
        let (bytes, _, _) = encoding_rs::GB18030.encode(text);
        let result = result_of(&bytes, &columns).unwrap();
        assert_eq!(result.sides[0].read.fen, 150);
        let group = &result.groups[0];
        assert_eq!(
            (group.day.as_deref(), group.line.as_deref(), group.product.as_deref()),
            (Some("2018-05-21"), Some("3路"), Some("贷记"))
        );
        let error = result_of(&bytes, &map(serde_json::json!({"schema": 1}))).unwrap_err();
        assert!(error.to_string().contains("is not UTF-8") && error.help().unwrap().contains("gb18030"), "{error}");
    }

    #[test]
    fn another_file_is_refused() {
        refused("", "the file is empty");
        refused("a,b\n1,2\n", "row 1: the column `merchant` is missing (the file has the columns `a`, `b`");
        refused("merchant,merchant,terminal\n", "the column `merchant` is there twice");
        refused(&format!("{HEADER}1;2;3\n"), "no row of the file is a row of a clearing file");
        let error = result_of(b"\xFF\xFEm\0", &Columns::default()).unwrap_err();
        assert!(error.to_string().contains("UTF-16"), "{error}");
        // A name that the map gives must be there, even of a column that may be missing.
        let named = map(serde_json::json!({"schema": 1, "columns": {"line": "route"}}));
        let error = result_of(format!("{HEADER}{ROW}").as_bytes(), &named).unwrap_err();
        assert!(error.to_string().contains("the column `route` is missing"), "{error}");
        assert_eq!(result(HEADER).unwrap().sides[0].read.count, 0);
    }

    #[test]
    fn a_broken_row_is_told_and_the_rest_counts() {
        let with = |column: usize, value: &str| {
            let mut fields: Vec<&str> = ROW.trim_end().split(',').collect();
            fields[column] = value;
            broken(&format!("{}\n", fields.join(",")))
        };
        assert!(with(0, "").contains("`merchant` is empty"));
        assert!(with(1, "123").contains("is not a terminal's number"));
        assert!(with(3, "seven").contains("the trace `seven`"));
        assert!(with(4, "1.005").contains("the amount `1.005`"));
        assert!(with(4, "-").contains("the amount `-`"));
        assert!(with(5, "2018-02-29T08:00:00").contains("time: `2018-02-29T08:00:00` is not in the calendar"));
        assert!(with(6, "21.05.2018").contains("cleared: `21.05.2018` is not written as `YYYY-MM-DD`"));
        assert!(broken("1,2\n").contains("the row has 2 columns, and the first row has 7"));
        assert!(broken("\"1,2\n").contains("a quote is opened and not closed"));
        assert!(broken(&format!("{},\n", ROW.trim_end())).contains("the row has 8 columns"));
    }

    #[test]
    fn a_key_twice_is_paid_twice() {
        let result = result(&format!("{HEADER}{ROW}{ROW}")).unwrap();
        let item = result.items.iter().find(|item| item.class == Class::Duplicate).unwrap();
        assert_eq!((item.entries[0].place.as_ref().unwrap().row, item.first.as_ref().unwrap().row), (3, 2));
        assert_eq!(result.classes[Class::Duplicate as usize].sums.clearing.fen, 100);
    }
}
