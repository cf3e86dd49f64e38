//! The table of fields: which form each one has on the wire.

/// How a field stands on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// A fixed number of digits. If it is odd, the filler is on the right.
    Digits(usize),
    /// A fixed odd number of digits with the filler on the left.
    DigitsOnRight(usize),
    /// This number of bytes of length, which count digits, and at most so many digits. A filler is on the right.
    Counted { prefix: usize, max: usize, separator: bool },
    /// A fixed number of ASCII characters.
    Text(usize),
    /// Two bytes of length, which count bytes.
    Bytes,
    /// 8 hexadecimal characters.
    Mac,
}

/// The most that two bytes of length in BCD can say.
pub(crate) const MOST: usize = 9999;

/// The form of a field in a message of this type. `None` if there is no such field.
pub(crate) fn form(number: u8, mti: u16) -> Option<Form> {
    let counted = |prefix, max| Form::Counted { prefix, max, separator: false };
    Some(match number {
        2 => counted(1, 19),
        3 | 11 | 12 => Form::Digits(6),
        4 => Form::Digits(12),
        7 => Form::Digits(10),
        13 | 14 => Form::Digits(4),
        22 => Form::Digits(3),
        23 => Form::DigitsOnRight(3),
        25 => Form::Digits(2),
        32 => counted(1, 11),
        35 => Form::Counted { prefix: 1, max: 37, separator: true },
        37 => Form::Text(12),
        38 => Form::Text(6),
        39 => Form::Text(2),
        41 => Form::Text(8),
        42 => Form::Text(15),
        48 if matches!(mti, 0x0320 | 0x0330 | 0x0500 | 0x0510) => counted(2, MOST),
        48 | 55 | 62 | 63 => Form::Bytes,
        49 => Form::Text(3),
        53 => Form::Digits(16),
        60 => counted(2, 19),
        64 => Form::Mac,
        _ => return None,
    })
}
