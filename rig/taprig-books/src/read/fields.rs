//! The fields of a row of a CSV file, and the values in them.

use super::lines::Line;
use csv_core::{ReadRecordResult, Reader, ReaderBuilder};
use encoding_rs::GB18030;
use std::borrow::Cow;
use std::fmt::Display;
use std::str::FromStr;
use taprig_model::books::columns::{Encoding, Unit};
use taprig_model::books::{Fen, SixDigits};

/// Takes rows apart.
pub(super) struct Fields {
    reader: Reader,
    encoding: Encoding,
    text: Vec<u8>,
    ends: Vec<usize>,
}

/// The fields of a row, without the blanks around them.
#[derive(Debug)]
pub(super) struct Row<'a> {
    text: &'a str,
    ends: &'a [usize],
}

impl<'a> Row<'a> {
    pub(super) const fn len(&self) -> usize {
        self.ends.len()
    }

    /// A field. One that is not there is empty.
    pub(super) fn get(&self, column: usize) -> &'a str {
        let start = if column == 0 { 0 } else { self.ends.get(column - 1).copied().unwrap_or_default() };
        let end = self.ends.get(column).copied().unwrap_or(start);
        self.text.get(start..end).unwrap_or_default().trim()
    }
}

impl Fields {
    pub(super) fn new(encoding: Encoding, separator: u8) -> Self {
        let reader = ReaderBuilder::new().delimiter(separator).build();
        Self { reader, encoding, text: Vec::new(), ends: Vec::new() }
    }

    /// The fields of a row.
    ///
    /// # Errors
    /// The row is too long, has wrong characters, or has a quote that is not closed.
    pub(super) fn of(&mut self, line: &Line<'_>) -> Result<Row<'_>, String> {
        if line.too_long {
            return Err(format!("the row has more than {} bytes", super::lines::LONGEST));
        }
        let text = decoded(line.bytes, self.encoding)?;
        // The reader takes a row with its line end. Within an open quote, it takes the line end for a part of the value.
        self.text.resize(text.len() + 1, 0);
        self.ends.resize(text.len() + 2, 0);
        self.reader.reset();
        let (mut written, mut fields) = (0, 0);
        let mut ended = false;
        for input in [text.as_bytes(), b"\n"] {
            let mut rest = input;
            while !rest.is_empty() {
                // A row that has ended before its line has a line end of its own within.
                if ended {
                    return Err("a line end stands within the row".into());
                }
                let (result, taken, put, ends) =
                    self.reader.read_record(rest, &mut self.text[written..], &mut self.ends[fields..]);
                written += put;
                fields += ends;
                rest = &rest[taken..];
                ended = result == ReadRecordResult::Record;
                // Never: each byte has room. But a loop without an end would be worse than a row that is told.
                if taken == 0 {
                    return Err("the row can't be taken apart".into());
                }
            }
        }
        if !ended && !text.is_empty() {
            return Err("a quote is opened and not closed in the row".into());
        }
        let text = std::str::from_utf8(&self.text[..written]).map_err(|_| "the row is not text")?;
        Ok(Row { text, ends: &self.ends[..fields] })
    }
}

/// The characters of a row.
fn decoded(bytes: &[u8], encoding: Encoding) -> Result<Cow<'_, str>, String> {
    match encoding {
        Encoding::Utf8 => std::str::from_utf8(bytes)
            .map(Cow::Borrowed)
            .map_err(|error| format!("byte {} of the row is not UTF-8", error.valid_up_to() + 1)),
        Encoding::Gb18030 => GB18030
            .decode_without_bom_handling_and_without_replacement(bytes)
            .ok_or_else(|| "the row is not GB18030".into()),
    }
}

/// An amount. No amount is ever a floating-point number.
pub(super) fn amount(text: &str, unit: Unit) -> Result<Fen, String> {
    let all_digits = |text: &str| !text.is_empty() && text.bytes().all(|c| c.is_ascii_digit());
    let digits = match unit {
        Unit::Fen if all_digits(text) => Cow::Borrowed(text),
        Unit::Fen => return Err(format!("the amount `{text}` is not a whole number of fen, such as `150`")),
        Unit::Yuan => match text.split_once('.') {
            Some((yuan, fen)) if all_digits(yuan) && all_digits(fen) && fen.len() == 2 => {
                Cow::Owned(format!("{yuan}{fen}"))
            }
            _ => return Err(format!("the amount `{text}` is not in yuan with two decimals, such as `1.50`")),
        },
    };
    let fen = digits.parse::<u64>().ok().and_then(|fen| Fen::try_from(fen).ok());
    fen.ok_or_else(|| format!("the amount `{text}` has more than twelve digits of fen"))
}

/// A batch or a trace, perhaps with zeros on the left.
pub(super) fn six_digits(text: &str, what: &str) -> Result<SixDigits, String> {
    let wrong = || format!("the {what} `{text}` is not a number of at most six digits");
    if text.is_empty() || !text.bytes().all(|c| c.is_ascii_digit()) {
        return Err(wrong());
    }
    text.parse::<u32>().ok().and_then(|number| SixDigits::try_from(number).ok()).ok_or_else(wrong)
}

/// A value that has a form of its own.
pub(super) fn value<T: FromStr<Err: Display>>(text: &str, column: &str) -> Result<T, String> {
    if text.is_empty() {
        return Err(format!("`{column}` is empty"));
    }
    text.parse().map_err(|error| format!("{column}: {error}"))
}

/// The same, or nothing if the field is empty.
pub(super) fn optional<T: FromStr<Err: Display>>(text: &str, column: &str) -> Result<Option<T>, String> {
    if text.is_empty() { Ok(None) } else { value(text, column).map(Some) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(bytes: &[u8], encoding: Encoding, separator: u8) -> Result<Vec<String>, String> {
        let mut fields = Fields::new(encoding, separator);
        let line = Line { row: 1, bytes, too_long: false, cut_off: false };
        // Twice, as nothing may be left over from the row before.
        let _ = fields.of(&Line { bytes: b"a,\"b", ..line });
        let row = fields.of(&line)?;
        Ok((0..row.len()).map(|column| row.get(column).to_owned()).collect())
    }

    #[test]
    fn quotes_separators_and_blanks() {
        let of = |text: &str| fields(text.as_bytes(), Encoding::Utf8, b',').unwrap();
        assert_eq!(of("a,b"), ["a", "b"]);
        assert_eq!(of("\"a,\"\"x\"\"\", b ,"), ["a,\"x\"", "b", ""]);
        assert_eq!(of(",,"), ["", "", ""]);
        assert_eq!(of("one"), ["one"]);
        assert!(of("").is_empty());
        assert_eq!(fields(b"a\tb,c", Encoding::Utf8, b'\t').unwrap(), ["a", "b,c"]);
    }

    #[test]
    fn what_is_no_row_is_told() {
        let of = |bytes: &[u8], encoding| fields(bytes, encoding, b',').unwrap_err();
        assert_eq!(of(b"a,\"b,c", Encoding::Utf8), "a quote is opened and not closed in the row");
        assert_eq!(of(b"a\rb", Encoding::Utf8), "a line end stands within the row");
        assert_eq!(of(b"a,\xCF\xDF", Encoding::Utf8), "byte 3 of the row is not UTF-8");
        assert_eq!(of(b"a,\xFF", Encoding::Gb18030), "the row is not GB18030");
        assert_eq!(fields(b"3\xC2\xB7,\xB4\xFB\xBC\xC7", Encoding::Gb18030, b',').unwrap(), ["3路", "贷记"]);
        // The second byte of this character is the bar.
        assert_eq!(fields(b"\x81\x7C|x", Encoding::Gb18030, b'|').unwrap().len(), 2);
        let long = Line { row: 1, bytes: b"x", too_long: true, cut_off: false };
        assert!(Fields::new(Encoding::Utf8, b',').of(&long).unwrap_err().contains("1048576 bytes"));
    }

    #[test]
    fn amounts_are_exact_or_refused() {
        assert_eq!(amount("150", Unit::Fen).unwrap().get(), 150);
        assert_eq!(amount("000000000001", Unit::Fen).unwrap().get(), 1);
        assert_eq!(amount("0.01", Unit::Yuan).unwrap().get(), 1);
        assert_eq!(amount("9999999999.99", Unit::Yuan).unwrap().get(), 999_999_999_999);
        for wrong in
            ["", "-", "-1", "+1", "1.00", "1.005", "1,000", "1e2", "１", "1000000000000", "99999999999999999999"]
        {
            assert!(amount(wrong, Unit::Fen).is_err(), "{wrong}");
        }
        for wrong in ["", "-", "-1.00", "1", "1.0", "1.005", ".50", "1.", "1,000.00", "1.00.00", "10000000000.00"] {
            assert!(amount(wrong, Unit::Yuan).is_err(), "{wrong}");
        }
    }

    #[test]
    fn numbers_have_six_digits() {
        assert_eq!(six_digits("000007", "trace").unwrap().get(), 7);
        assert_eq!(six_digits("0000000999999", "trace").unwrap().get(), 999_999);
        for wrong in ["", "x", "-1", "1000000", "1.0", "99999999999"] {
            assert!(six_digits(wrong, "trace").is_err(), "{wrong}");
        }
    }
}
