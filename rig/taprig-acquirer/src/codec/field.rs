//! The fields that the messages use: their names and their form on the wire.

use super::bcd::{self, Align};

/// The form of a field on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// So many digits in BCD.
    Digits(usize, Align),
    /// Digits in BCD after a length in BCD that counts digits: bytes of the length, most digits. An odd digit is left-aligned.
    CountedDigits(usize, usize),
    /// Track 2: like `CountedDigits` with one byte of length, and the nibble D as the separator.
    Track(usize),
    /// So many printable ASCII characters.
    Text(usize),
    /// So many bytes.
    Bytes(usize),
    /// Bytes after a length of two bytes in BCD that counts bytes. The number is the most of them.
    CountedBytes(usize),
}

/// A field of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field {
    /// Its number, which is its bit in the bitmap, from 1.
    pub number: u8,
    /// Its name for a person.
    pub name: &'static str,
    /// Its form.
    pub form: Form,
}

const fn field(number: u8, name: &'static str, form: Form) -> Field {
    Field { number, name, form }
}

/// All fields, in the order of their numbers. Field 48 has two forms: see [`of`].
pub const FIELDS: [Field; 26] = [
    field(2, "account number", Form::CountedDigits(1, 19)),
    field(3, "processing code", Form::Digits(6, Align::Left)),
    field(4, "amount", Form::Digits(12, Align::Left)),
    field(7, "date and time of sending", Form::Digits(10, Align::Left)),
    field(11, "trace", Form::Digits(6, Align::Left)),
    field(12, "time", Form::Digits(6, Align::Left)),
    field(13, "date", Form::Digits(4, Align::Left)),
    field(14, "expiry", Form::Digits(4, Align::Left)),
    field(22, "entry mode", Form::Digits(3, Align::Left)),
    field(23, "card sequence number", Form::Digits(3, Align::Right)),
    field(25, "condition", Form::Digits(2, Align::Left)),
    field(32, "acquirer", Form::CountedDigits(1, 11)),
    field(35, "track 2", Form::Track(37)),
    field(37, "retrieval reference", Form::Text(12)),
    field(38, "authorisation", Form::Text(6)),
    field(39, "response code", Form::Text(2)),
    field(41, "terminal", Form::Text(8)),
    field(42, "merchant", Form::Text(15)),
    field(48, "additional data", Form::CountedBytes(999)),
    field(49, "currency", Form::Text(3)),
    field(53, "security control", Form::Digits(16, Align::Left)),
    field(55, "chip data", Form::CountedBytes(999)),
    field(60, "type, batch and network code", Form::CountedDigits(2, 19)),
    field(62, "keys and parameters", Form::CountedBytes(999)),
    field(63, "operator or list", Form::CountedBytes(999)),
    field(64, "MAC", Form::Bytes(8)),
];

/// The field of this number in a message of this kind. `mti` is the message type, such as `0x0200`. In a settlement and in a
/// batch upload, field 48 holds digits, and elsewhere it holds bytes.
#[must_use]
pub fn of(number: u8, mti: u16) -> Option<Field> {
    let found = FIELDS.iter().find(|field| field.number == number).copied()?;
    let digits = number == 48 && matches!(mti, 0x0320 | 0x0330 | 0x0500 | 0x0510);
    Some(if digits { Field { form: Form::CountedDigits(2, 999), ..found } } else { found })
}

/// The value of a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// Digits, and in track 2 the separator `D`.
    Digits(String),
    /// Printable ASCII.
    Text(String),
    /// Bytes.
    Bytes(Vec<u8>),
}

/// What is wrong with a field on the wire.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Wrong {
    /// The message ends within the field.
    #[error("it takes {needed} bytes, and {there} are there")]
    Short {
        /// Bytes that the field takes from here.
        needed: usize,
        /// Bytes that are there.
        there: usize,
    },
    /// Its length is above the field's largest.
    #[error("its length is {length}, and at most {most} is allowed")]
    Long {
        /// The length.
        length: usize,
        /// The largest that is allowed.
        most: usize,
    },
    /// Bytes that must be digits are none.
    #[error(transparent)]
    NotBcd(#[from] bcd::NotBcd),
    /// A byte is no printable ASCII character.
    #[error("the byte {0:02X} is not a printable ASCII character")]
    NotText(u8),
}

/// The value at the beginning of `from`, and the number of bytes that it takes.
///
/// # Errors
/// The index of the wrong byte, and what is wrong.
pub fn decode(form: Form, from: &[u8]) -> Result<(Value, usize), (usize, Wrong)> {
    let take = |start: usize, len: usize| {
        from.get(start..start + len)
            .ok_or((from.len().min(start), Wrong::Short { needed: len, there: from.len().saturating_sub(start) }))
    };
    let digits = |start: usize, count: usize, align, separator| {
        let bytes = take(start, bcd::bytes(count))?;
        bcd::decode(bytes, count, align, separator)
            .map(Value::Digits)
            .map_err(|error| (start + error.at(), Wrong::NotBcd(error)))
    };
    let length = |width: usize, most: usize| {
        let text = bcd::decode(take(0, width)?, width * 2, Align::Left, false)
            .map_err(|error| (error.at(), Wrong::NotBcd(error)))?;
        let length = text.parse().unwrap_or(usize::MAX);
        if length > most { Err((0, Wrong::Long { length, most })) } else { Ok(length) }
    };
    match form {
        Form::Digits(count, align) => Ok((digits(0, count, align, false)?, bcd::bytes(count))),
        Form::CountedDigits(width, most) => {
            let count = length(width, most)?;
            Ok((digits(width, count, Align::Left, false)?, width + bcd::bytes(count)))
        }
        Form::Track(most) => {
            let count = length(1, most)?;
            Ok((digits(1, count, Align::Left, true)?, 1 + bcd::bytes(count)))
        }
        Form::Text(count) => {
            let bytes = take(0, count)?;
            if let Some(at) = bytes.iter().position(|byte| !(0x20..0x7F).contains(byte)) {
                return Err((at, Wrong::NotText(bytes[at])));
            }
            Ok((Value::Text(bytes.iter().copied().map(char::from).collect()), count))
        }
        Form::Bytes(count) => Ok((Value::Bytes(take(0, count)?.to_vec()), count)),
        Form::CountedBytes(most) => {
            let count = length(2, most)?;
            Ok((Value::Bytes(take(2, count)?.to_vec()), 2 + count))
        }
    }
}

/// Why a value does not fit a form.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// The value is of another kind.
    #[error("the value has another kind than the field")]
    Kind,
    /// Its length is not that of the field.
    #[error("the value has {length} digits, characters or bytes, and the field takes {takes}")]
    Length {
        /// Length of the value.
        length: usize,
        /// What the field takes at most, or exactly.
        takes: usize,
    },
    /// A character does not belong into the field.
    #[error("the character `{0}` does not belong into the field")]
    Character(char),
}

/// Appends the value to a message.
///
/// # Errors
/// The value does not fit the form.
pub fn encode(form: Form, value: &Value, to: &mut Vec<u8>) -> Result<(), Unfit> {
    let exactly = |length, takes| if length == takes { Ok(()) } else { Err(Unfit::Length { length, takes }) };
    let at_most = |length, takes| if length <= takes { Ok(()) } else { Err(Unfit::Length { length, takes }) };
    let only = |text: &str, right: fn(char) -> bool| match text.chars().find(|&c| !right(c)) {
        Some(c) => Err(Unfit::Character(c)),
        None => Ok(()),
    };
    let is_digit = |c: char| c.is_ascii_digit();
    let counted =
        |width: usize, length: usize| bcd::encode(&format!("{length:0width$}", width = width * 2), Align::Left);
    match (form, value) {
        (Form::Digits(count, align), Value::Digits(text)) => {
            exactly(text.len(), count)?;
            only(text, is_digit)?;
            to.extend(bcd::encode(text, align));
        }
        (Form::CountedDigits(width, most), Value::Digits(text)) => {
            at_most(text.len(), most)?;
            only(text, is_digit)?;
            to.extend(counted(width, text.len()));
            to.extend(bcd::encode(text, Align::Left));
        }
        (Form::Track(most), Value::Digits(text)) => {
            at_most(text.len(), most)?;
            only(text, |c| c.is_ascii_digit() || c == 'D')?;
            to.extend(counted(1, text.len()));
            to.extend(bcd::encode(text, Align::Left));
        }
        (Form::Text(count), Value::Text(text)) => {
            exactly(text.len(), count)?;
            only(text, |c| (' '..='~').contains(&c))?;
            to.extend(text.as_bytes());
        }
        (Form::Bytes(count), Value::Bytes(bytes)) => {
            exactly(bytes.len(), count)?;
            to.extend(bytes);
        }
        (Form::CountedBytes(most), Value::Bytes(bytes)) => {
            at_most(bytes.len(), most)?;
            to.extend(counted(2, bytes.len()));
            to.extend(bytes);
        }
        _ => return Err(Unfit::Kind),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_order() {
        assert!(FIELDS.windows(2).all(|pair| pair[0].number < pair[1].number));
    }

    #[test]
    fn additional_data_is_digits_only_in_settlement_and_upload() {
        assert_eq!(of(48, 0x0200).unwrap().form, Form::CountedBytes(999));
        for mti in [0x0320, 0x0330, 0x0500, 0x0510] {
            assert_eq!(of(48, mti).unwrap().form, Form::CountedDigits(2, 999), "{mti:04X}");
        }
        assert!(of(5, 0x0200).is_none());
    }

    #[test]
    fn lengths_count_digits_or_bytes() {
        let encoded = |number, value| {
            let mut bytes = Vec::new();
            encode(of(number, 0x0200).unwrap().form, &value, &mut bytes).unwrap();
            bytes
        };
        let digits = |text: &str| Value::Digits(text.into());
        assert_eq!(encoded(2, digits("6222021234567894567")), b"\x19\x62\x22\x02\x12\x34\x56\x78\x94\x56\x70");
        assert_eq!(encoded(60, digits("00000001003")), b"\x00\x11\x00\x00\x00\x01\x00\x30");
        assert_eq!(encoded(35, digits("6222D30")), b"\x07\x62\x22\xD3\x00");
        assert_eq!(encoded(62, Value::Bytes(vec![1, 2, 3])), b"\x00\x03\x01\x02\x03");
    }

    #[test]
    fn what_is_wrong_is_told_with_its_byte() {
        let wrong = |number, bytes: &[u8]| decode(of(number, 0x0200).unwrap().form, bytes).unwrap_err();
        assert_eq!(wrong(2, &[0x20]), (0, Wrong::Long { length: 20, most: 19 }));
        assert_eq!(wrong(2, &[0x16, 0x62]), (1, Wrong::Short { needed: 8, there: 1 }));
        assert_eq!(wrong(4, &[0, 0, 0xA0, 0, 0, 0]).0, 2);
        assert_eq!(wrong(39, b"0\x00"), (1, Wrong::NotText(0)));
        assert_eq!(wrong(62, &[]), (0, Wrong::Short { needed: 2, there: 0 }));
    }

    #[test]
    fn what_does_not_fit_is_not_sent() {
        let unfit = |number, value| encode(of(number, 0x0200).unwrap().form, &value, &mut Vec::new()).unwrap_err();
        assert_eq!(unfit(39, Value::Text("000".into())), Unfit::Length { length: 3, takes: 2 });
        assert_eq!(unfit(4, Value::Digits("00000000000D".into())), Unfit::Character('D'));
        assert_eq!(unfit(4, Value::Bytes(vec![])), Unfit::Kind);
        assert_eq!(unfit(62, Value::Bytes(vec![0; 1000])), Unfit::Length { length: 1000, takes: 999 });
    }
}
