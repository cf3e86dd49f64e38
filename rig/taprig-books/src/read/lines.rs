//! Lines of a file, each of limited length.

use std::io::{self, BufRead};

/// The longest line that is read. The lines of a log that an upload of a whole batch makes have some 10 KB.
pub(super) const LONGEST: usize = 1 << 20;

/// A line without its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Line<'a> {
    /// Its number as an editor counts it, from 1.
    pub(super) row: u32,
    /// Its bytes. They end at [`LONGEST`].
    pub(super) bytes: &'a [u8],
    /// Whether it is longer than that.
    pub(super) too_long: bool,
    /// Whether the file ends without the end of this line.
    pub(super) cut_off: bool,
}

/// The lines of a file, without a byte order mark of UTF-8.
#[derive(Debug)]
pub(super) struct Lines<R> {
    input: R,
    row: u32,
    line: Vec<u8>,
}

impl<R: BufRead> Lines<R> {
    pub(super) const fn new(input: R) -> Self {
        Self { input, row: 0, line: Vec::new() }
    }

    /// The next line, if there is one.
    pub(super) fn next(&mut self) -> io::Result<Option<Line<'_>>> {
        self.line.clear();
        let (mut too_long, mut cut_off, mut any) = (false, true, false);
        loop {
            let there = match self.input.fill_buf() {
                Ok(there) => there,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            if there.is_empty() {
                break;
            }
            any = true;
            let end = there.iter().position(|byte| *byte == b'\n');
            let part = &there[..end.unwrap_or(there.len())];
            let fits = part.len().min(LONGEST - self.line.len());
            self.line.extend_from_slice(&part[..fits]);
            too_long |= fits < part.len();
            let used = part.len() + usize::from(end.is_some());
            self.input.consume(used);
            if end.is_some() {
                cut_off = false;
                break;
            }
        }
        if !any {
            return Ok(None);
        }
        self.row = self.row.saturating_add(1);
        let mut bytes = self.line.as_slice();
        if self.row == 1 {
            bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
        }
        bytes = bytes.strip_suffix(b"\r").unwrap_or(bytes);
        Ok(Some(Line { row: self.row, bytes, too_long, cut_off }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::BufReader;

    fn lines(input: &[u8], buffer: usize) -> Vec<(u32, Vec<u8>, bool, bool)> {
        let mut lines = Lines::new(BufReader::with_capacity(buffer, input));
        let mut all = Vec::new();
        while let Some(line) = lines.next().unwrap() {
            all.push((line.row, line.bytes.to_vec(), line.too_long, line.cut_off));
        }
        all
    }

    #[test]
    fn ends_marks_and_cuts_are_seen_whatever_the_buffer() {
        for buffer in [1, 2, 7, 8192] {
            assert_eq!(lines(b"", buffer), []);
            let all = lines(b"\xEF\xBB\xBFa,b\r\n\nc", buffer);
            let line = |row, text: &str, cut_off| (row, text.as_bytes().to_vec(), false, cut_off);
            assert_eq!(all, [line(1, "a,b", false), line(2, "", false), line(3, "c", true)]);
        }
    }

    #[test]
    fn a_line_without_end_takes_no_memory() {
        let mut input = vec![b'x'; 3 * LONGEST];
        input.extend(b"\nnext\n");
        let all = lines(&input, 8192);
        assert_eq!((all[0].1.len(), all[0].2), (LONGEST, true));
        assert_eq!(all[1], (2, b"next".to_vec(), false, false));
    }
}
