//! Data object lists (EMV Book 3, 5.4): what a card wants to be told.

use heapless::Vec;

use crate::tlv::{Malformed, Tag};

/// How a value is fitted to the length that the list asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Numeric: cut from the left, filled with zeros at the left.
    Numeric,
    /// Compressed numeric: cut from the right, filled with F at the right.
    CompressedNumeric,
    /// Everything else: cut from the right, filled with zeros at the right.
    Other,
}

/// A value of the terminal, of up to 15 bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Value {
    /// Format of the data object.
    pub format: Format,
    /// Its bytes.
    pub bytes: Vec<u8, 15>,
}

/// One entry of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// Tag.
    pub tag: Tag,
    /// Length of the value wanted.
    pub length: usize,
}

/// Reads a list's entries; [`Malformed`] ends them. There is no padding between entries.
pub fn entries(mut list: &[u8]) -> impl Iterator<Item = Result<Entry, Malformed>> {
    core::iter::from_fn(move || {
        let (&first, mut rest) = list.split_first()?;
        let mut tag = Tag::from(first);
        if first & 0x1F == 0x1F {
            let mut more = true;
            for _ in 0..2 {
                if let (true, Some((&next, after))) = (more, rest.split_first()) {
                    tag = (tag << 8) | Tag::from(next);
                    rest = after;
                    more = next & 0x80 != 0;
                }
            }
            if more {
                list = &[];
                return Some(Err(Malformed));
            }
        }
        match rest.split_first() {
            Some((&length @ 0..=0x7F, after)) => {
                list = after;
                Some(Ok(Entry { tag, length: length.into() }))
            }
            _ => {
                list = &[];
                Some(Err(Malformed))
            }
        }
    })
}

/// Appends the values that a list asks for, in its order. What `value` does not know, and every constructed object,
/// becomes zeros.
///
/// # Errors
/// [`Malformed`] when the list is, or when the values do not fit into `out`.
pub fn fill<const N: usize>(
    list: &[u8],
    value: impl Fn(Tag) -> Option<Value>,
    out: &mut Vec<u8, N>,
) -> Result<(), Malformed> {
    for entry in entries(list) {
        let Entry { tag, length } = entry?;
        let start = out.len();
        out.resize(start + length, 0).map_err(|_| Malformed)?;
        let Some(value) = value(tag) else { continue };
        fit(&value, &mut out[start..]);
    }
    Ok(())
}

/// Fits a value into `field`, which is all zeros.
fn fit(value: &Value, field: &mut [u8]) {
    let (have, want) = (value.bytes.len(), field.len());
    let common = have.min(want);
    match value.format {
        Format::Numeric => field[want - common..].copy_from_slice(&value.bytes[have - common..]),
        Format::CompressedNumeric | Format::Other => {
            field[..common].copy_from_slice(&value.bytes[..common]);
            if value.format == Format::CompressedNumeric {
                field[common..].fill(0xFF);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn filled(list: &[u8]) -> Result<std::vec::Vec<u8>, Malformed> {
        let value = |tag| {
            let (format, bytes): (Format, &[u8]) = match tag {
                0x9F02 => (Format::Numeric, &[0, 0, 0, 0, 0x12, 0x34]),
                0x9F37 => (Format::Other, &[1, 2, 3, 4]),
                0x5A => (Format::CompressedNumeric, &[0x62, 0x26]),
                _ => return None,
            };
            Some(Value { format, bytes: Vec::from_slice(bytes).unwrap() })
        };
        let mut out = Vec::<u8, 252>::new();
        fill(list, value, &mut out).map(|()| out.to_vec())
    }

    #[test]
    fn numeric_is_cut_and_padded_at_the_left() {
        assert_eq!(filled(&[0x9F, 0x02, 8]), Ok(std::vec![0, 0, 0, 0, 0, 0, 0x12, 0x34]));
        assert_eq!(filled(&[0x9F, 0x02, 1]), Ok(std::vec![0x34]));
    }

    #[test]
    fn others_are_cut_and_padded_at_the_right() {
        assert_eq!(filled(&[0x9F, 0x37, 6]), Ok(std::vec![1, 2, 3, 4, 0, 0]));
        assert_eq!(filled(&[0x9F, 0x37, 2]), Ok(std::vec![1, 2]));
        assert_eq!(filled(&[0x5A, 4]), Ok(std::vec![0x62, 0x26, 0xFF, 0xFF]));
        assert_eq!(filled(&[0x5A, 1]), Ok(std::vec![0x62]));
    }

    #[test]
    fn unknown_becomes_zeros_and_nothing_stays_nothing() {
        assert_eq!(filled(&[0xDF, 0x69, 1, 0x9F, 0x37, 1, 0x95, 5]), Ok(std::vec![0, 1, 0, 0, 0, 0, 0]));
        assert_eq!(filled(&[0x9F, 0x37, 0]), Ok(std::vec![]));
        assert_eq!(filled(&[]), Ok(std::vec![]));
    }

    #[test]
    fn a_list_cut_short_is_malformed() {
        for list in [&[0x9F][..], &[0x9F, 0x37], &[0x95], &[0x9F, 0x81, 0x81, 1, 1], &[0x95, 0x80]] {
            assert_eq!(filled(list), Err(Malformed), "{list:x?}");
        }
        assert_eq!(filled(&[0x95, 0x7F, 0x95, 0x7F]), Err(Malformed), "254 bytes do not fit into a command");
    }

    proptest! {
        #[test]
        fn no_list_panics(list in prop::collection::vec(any::<u8>(), 0..256)) {
            if let Ok(out) = filled(&list) {
                let wanted: usize = entries(&list).map(|e| e.unwrap().length).sum();
                prop_assert_eq!(out.len(), wanted);
            }
        }
    }
}
