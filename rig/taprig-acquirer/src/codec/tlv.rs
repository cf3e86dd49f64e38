//! TLV of field 55 and of keys in field 62. Strict, and without looking into templates: none belongs there.

/// A data object: its tag and its value.
pub type Object = (u32, Vec<u8>);

/// Why bytes are not a list of data objects. Bytes are counted from 0 at the beginning of the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotTlv {
    /// There is no whole tag of at most three bytes.
    #[error("byte {0} of its value: no tag")]
    Tag(usize),
    /// There is no length of at most three bytes.
    #[error("byte {at} of its value: {tag:02X} has no length")]
    Length {
        /// Index of the length.
        at: usize,
        /// The tag.
        tag: u32,
    },
    /// The value is longer than what is there.
    #[error("byte {at} of its value: {tag:02X} claims {claimed} bytes, and {there} are there")]
    Value {
        /// Index of the value.
        at: usize,
        /// The tag.
        tag: u32,
        /// The length that the object claims.
        claimed: usize,
        /// Bytes that are there.
        there: usize,
    },
}

/// Reads a list of data objects.
///
/// # Errors
/// The bytes are not such a list.
pub fn decode(bytes: &[u8]) -> Result<Vec<Object>, NotTlv> {
    let mut objects = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let (tag, length_at) = tag(bytes, at).ok_or(NotTlv::Tag(at))?;
        let (claimed, value_at) = length(bytes, length_at).ok_or(NotTlv::Length { at: length_at, tag })?;
        let there = bytes.len() - value_at;
        let value =
            bytes.get(value_at..value_at + claimed).ok_or(NotTlv::Value { at: value_at, tag, claimed, there })?;
        objects.push((tag, value.to_vec()));
        at = value_at + claimed;
    }
    Ok(objects)
}

fn tag(bytes: &[u8], at: usize) -> Option<(u32, usize)> {
    let first = *bytes.get(at)?;
    if first & 0x1F != 0x1F {
        return Some((first.into(), at + 1));
    }
    let mut tag = u32::from(first);
    for (index, &next) in bytes.iter().enumerate().skip(at + 1).take(2) {
        tag = tag << 8 | u32::from(next);
        if next & 0x80 == 0 {
            return Some((tag, index + 1));
        }
    }
    None
}

fn length(bytes: &[u8], at: usize) -> Option<(usize, usize)> {
    let first = *bytes.get(at)?;
    match first {
        0..=0x7F => Some((first.into(), at + 1)),
        0x81 | 0x82 => {
            let end = at + 1 + usize::from(first & 0x0F);
            let length = bytes.get(at + 1..end)?;
            Some((length.iter().fold(0, |sum, &byte| sum << 8 | usize::from(byte)), end))
        }
        _ => None,
    }
}

/// The bytes of data objects, with the shortest lengths. A value has at most 65,535 bytes.
#[must_use]
pub fn encode(objects: &[Object]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (tag, value) in objects {
        let tag = tag.to_be_bytes();
        let start = tag.iter().position(|&byte| byte != 0).unwrap_or(3);
        bytes.extend(&tag[start..]);
        let [.., high, low] = value.len().to_be_bytes();
        match value.len() {
            0..=0x7F => bytes.push(low),
            0x80..=0xFF => bytes.extend([0x81, low]),
            _ => bytes.extend([0x82, high, low]),
        }
        bytes.extend(value);
    }
    bytes
}

/// The value of a data object.
#[must_use]
pub fn find(objects: &[Object], tag: u32) -> Option<&[u8]> {
    objects.iter().find(|(found, _)| *found == tag).map(|(_, value)| value.as_slice())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_wrong_is_told_with_its_byte() {
        let wrong = |bytes: &[u8]| decode(bytes).unwrap_err().to_string();
        assert_eq!(wrong(&[0x95, 1, 0, 0x9F]), "byte 3 of its value: no tag");
        assert_eq!(wrong(&[0x9F, 0x26]), "byte 2 of its value: 9F26 has no length");
        assert_eq!(wrong(&[0x9F, 0x26, 8, 1, 2]), "byte 3 of its value: 9F26 claims 8 bytes, and 2 are there");
    }

    proptest! {
        #[test]
        fn objects_come_back(objects in proptest::collection::vec(
            (prop_oneof![Just(0x95u32), Just(0x9F26), Just(0xDF02), Just(0xDF8101)], proptest::collection::vec(any::<u8>(), 0..300)), 0..5,
        )) {
            prop_assert_eq!(decode(&encode(&objects)).unwrap(), objects);
        }

        #[test]
        fn no_bytes_panic(bytes: Vec<u8>) {
            let _ = decode(&bytes);
        }
    }
}
