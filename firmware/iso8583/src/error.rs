//! What is wrong with a message, and where.

use core::fmt;

/// What is wrong with a message or with a field of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Error {
    /// The number of the field, 1 to 64. 0 stands for what is before the fields: TPDU, header, message type and bitmap.
    pub field: u8,
    /// The byte at which it was noticed. A whole message counts from 0 at the TPDU. What reads the content of one field
    /// ([`DenyPage`](crate::DenyPage), [`AuthorityKey`](crate::AuthorityKey), ..) counts from 0 at the beginning of that
    /// content. What is in digits ([`Totals`](crate::Totals), [`Items`](crate::Items),
    /// [`Additional`](crate::Additional)) counts digits from 0.
    pub at: usize,
    /// What is wrong.
    pub what: What,
}

impl Error {
    pub(crate) fn new(field: u8, at: usize, what: What) -> Self {
        Self { field, at, what }
    }

    /// The same error, further to the right by this number of bytes.
    pub(crate) fn moved(self, by: usize) -> Self {
        Self { at: self.at + by, ..self }
    }
}

/// Kinds of mistakes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum What {
    /// The bytes end before this part does.
    Short,
    /// Bytes are left after the last part.
    Trailing,
    /// The TPDU does not begin with `60`.
    Tpdu,
    /// Bit 1 of the bitmap is set, which would announce a second bitmap.
    SecondBitmap,
    /// The format does not have this field.
    UnknownField,
    /// A nibble or a character is not a digit.
    Digit,
    /// The nibble that fills an odd number of digits is not 0.
    Filler,
    /// A length or a number is larger or smaller than the format allows.
    Length,
    /// A character is not printable ASCII, or not one of those that may be here.
    Text,
    /// A flag or a code has a value that the format does not have.
    Value,
    /// The field or the data object is missing.
    Missing,
    /// A tag is not well-formed or not expected here.
    Tag,
    /// A data object is there twice.
    Twice,
    /// Two parts contradict each other, such as a flag for no cards and a card.
    Contradiction,
    /// To a [`Writer`](crate::Writer): the field has another form, such as text for a field of digits.
    Form,
    /// To a [`Writer`](crate::Writer): a field with the same or a higher number was written before.
    Order,
    /// To a [`Writer`](crate::Writer): the buffer is too small.
    Room,
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Short => "the bytes end here too early",
            Self::Trailing => "there are bytes after the end",
            Self::Tpdu => "the TPDU does not begin with 60",
            Self::SecondBitmap => "bit 1 of the bitmap is set",
            Self::UnknownField => "there is no such field",
            Self::Digit => "this is not a digit",
            Self::Filler => "the filler is not 0",
            Self::Length => "the length is out of range",
            Self::Text => "this character may not be here",
            Self::Value => "this value has no meaning",
            Self::Missing => "it is missing",
            Self::Tag => "this tag may not be here",
            Self::Twice => "it is there twice",
            Self::Contradiction => "two parts contradict each other",
            Self::Form => "the field has another form",
            Self::Order => "fields have to be written in rising order",
            Self::Room => "the buffer is too small",
        })
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.field {
            0 => write!(f, "before the fields, byte {}: {}", self.at, self.what),
            field => write!(f, "field {field}, byte {}: {}", self.at, self.what),
        }
    }
}

impl core::error::Error for Error {}
