//! Data objects in BER-TLV: tag, length, value.

use crate::error::{Error, What};

/// One data object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Object<'a> {
    /// The tag as a number: `0x9F26`.
    pub tag: u32,
    /// The value.
    pub value: &'a [u8],
    /// Where the object begins, counted from the first one.
    pub at: usize,
}

/// Data objects that were checked to the end of their bytes.
#[derive(Clone, Copy, Debug)]
pub struct Objects<'a>(&'a [u8]);

impl<'a> Objects<'a> {
    /// The value of the first object with this tag.
    #[must_use]
    pub fn get(&self, tag: u32) -> Option<&'a [u8]> {
        self.into_iter().find(|object| object.tag == tag).map(|object| object.value)
    }
}

impl<'a> IntoIterator for Objects<'a> {
    type Item = Object<'a>;
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        Iter { bytes: self.0, at: 0 }
    }
}

/// The objects one after the other.
#[derive(Clone, Debug)]
pub struct Iter<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Iterator for Iter<'a> {
    type Item = Object<'a>;

    fn next(&mut self) -> Option<Object<'a>> {
        let left = self.bytes.get(self.at..).filter(|left| !left.is_empty())?;
        let (found, len) = object(left).ok()?;
        let found = Object { at: self.at, ..found };
        self.at += len;
        Some(found)
    }
}

/// Checks that bytes are data objects to their end. Objects of constructed tags are not opened.
///
/// # Errors
/// A tag or a length is not well-formed, or an object ends after the bytes. `field` is the number that the error names.
pub fn objects(field: u8, bytes: &[u8]) -> Result<Objects<'_>, Error> {
    let mut at = 0;
    while at < bytes.len() {
        let (_, len) = object(&bytes[at..]).map_err(|(offset, what)| Error::new(field, at + offset, what))?;
        at += len;
    }
    Ok(Objects(bytes))
}

/// The first object, and how many bytes it takes.
fn object(bytes: &[u8]) -> Result<(Object<'_>, usize), (usize, What)> {
    let byte = |at: usize| bytes.get(at).copied().ok_or((bytes.len(), What::Short));
    let first = byte(0)?;
    let (mut tag, mut at) = (u32::from(first), 1);
    if first == 0 {
        return Err((0, What::Tag));
    }
    if first & 0x1F == 0x1F {
        loop {
            let more = byte(at)?;
            // Tags of more than three bytes do not occur in cards.
            if at > 2 || at == 1 && more == 0x80 {
                return Err((at, What::Tag));
            }
            tag = tag << 8 | u32::from(more);
            at += 1;
            if more & 0x80 == 0 {
                break;
            }
        }
    }
    let len = match byte(at)? {
        short @ 0..=0x7F => usize::from(short),
        0x81 => {
            at += 1;
            usize::from(byte(at)?)
        }
        0x82 => {
            at += 2;
            usize::from(u16::from_be_bytes([byte(at - 1)?, byte(at)?]))
        }
        _ => return Err((at, What::Length)),
    };
    at += 1;
    let value = bytes.get(at..at + len).ok_or((bytes.len(), What::Short))?;
    Ok((Object { tag, value, at: 0 }, at + len))
}

/// The bytes of a tag, right-aligned in four, and how many they are. `None` if the number is no well-formed tag.
pub(crate) fn tag_bytes(tag: u32) -> Option<([u8; 4], usize)> {
    let bytes = tag.to_be_bytes();
    let len = 4 - tag.leading_zeros() as usize / 8;
    // A tag with an empty value: if it is read as the same tag, it is well-formed.
    let mut alone = [0; 5];
    alone.get_mut(..len)?.copy_from_slice(bytes.get(4 - len..)?);
    let (read, _) = object(alone.get(..=len)?).ok()?;
    (read.tag == tag).then_some((bytes, len))
}

/// The bytes of a length, and how many of them count. `None` above 65,535.
pub(crate) fn length_bytes(len: usize) -> Option<([u8; 3], usize)> {
    let [high, low] = u16::try_from(len).ok()?.to_be_bytes();
    Some(match len {
        0..=0x7F => ([low, 0, 0], 1),
        0x80..=0xFF => ([0x81, low, 0], 2),
        _ => ([0x82, high, low], 3),
    })
}
