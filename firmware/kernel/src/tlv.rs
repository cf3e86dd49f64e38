//! BER-TLV as EMV uses it (Book 3 annex B): reader and small writer.
//!
//! The reader never goes past the bytes it was given: a length that points beyond them is [`Malformed`].

use heapless::Vec;

/// A tag of one to three bytes, as a number: 0x9F66 is the bytes 9F 66.
pub type Tag = u32;

/// The bytes are no sequence of data objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Malformed;

/// No room for the data object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Full;

/// A data object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Element<'a> {
    /// Tag.
    pub tag: Tag,
    /// Contents.
    pub value: &'a [u8],
    /// Where the contents begin in the bytes that the reader was given.
    pub offset: usize,
}

/// Reads data objects one after another, one level deep. After [`Malformed`] it yields no more. Zero bytes between
/// objects are skipped.
#[derive(Debug, Clone)]
pub struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    /// A reader of all of `bytes`.
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    fn byte(&mut self) -> Result<u8, Malformed> {
        let byte = *self.bytes.get(self.at).ok_or(Malformed)?;
        self.at += 1;
        Ok(byte)
    }

    /// A tag: one byte, or up to two more when the low five bits of the first are set.
    fn tag(&mut self) -> Result<Tag, Malformed> {
        let first = self.byte()?;
        let mut tag = Tag::from(first);
        if first & 0x1F != 0x1F {
            return Ok(tag);
        }
        for _ in 0..2 {
            let next = self.byte()?;
            tag = (tag << 8) | Tag::from(next);
            if next & 0x80 == 0 {
                return Ok(tag);
            }
        }
        Err(Malformed)
    }

    fn length(&mut self) -> Result<usize, Malformed> {
        match self.byte()? {
            short @ 0..=0x7F => Ok(short.into()),
            0x81 => self.byte().map(usize::from),
            0x82 => Ok(usize::from(self.byte()?) << 8 | usize::from(self.byte()?)),
            _ => Err(Malformed),
        }
    }

    fn element(&mut self) -> Result<Element<'a>, Malformed> {
        let tag = self.tag()?;
        let length = self.length()?;
        let offset = self.at;
        let end = offset.checked_add(length).ok_or(Malformed)?;
        let value = self.bytes.get(offset..end).ok_or(Malformed)?;
        self.at = end;
        Ok(Element { tag, value, offset })
    }
}

impl<'a> Iterator for Reader<'a> {
    type Item = Result<Element<'a>, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        while self.bytes.get(self.at) == Some(&0) {
            self.at += 1;
        }
        if self.at >= self.bytes.len() {
            return None;
        }
        let element = self.element();
        if element.is_err() {
            self.at = self.bytes.len();
        }
        Some(element)
    }
}

/// The first data object of that tag among `bytes`, one level deep.
///
/// # Errors
/// [`Malformed`] when any part of `bytes` is no data object, before or after the one looked for.
pub fn find(bytes: &[u8], tag: Tag) -> Result<Option<&[u8]>, Malformed> {
    let mut found = None;
    for element in Reader::new(bytes) {
        let element = element?;
        if element.tag == tag && found.is_none() {
            found = Some(element.value);
        }
    }
    Ok(found)
}

/// The contents of the template that `bytes` consist of, alone.
///
/// # Errors
/// [`Malformed`] when it is another object, or not the only one.
pub fn template(bytes: &[u8], tag: Tag) -> Result<Element<'_>, Malformed> {
    let mut reader = Reader::new(bytes);
    match (reader.next(), reader.next()) {
        (Some(Ok(element)), None) if element.tag == tag => Ok(element),
        _ => Err(Malformed),
    }
}

/// The bytes of a tag, in the last `length` of four.
fn tag_bytes(tag: Tag) -> ([u8; 4], usize) {
    let length = match tag {
        0..=0xFF => 1,
        0x100..=0xFFFF => 2,
        0x1_0000..=0xFF_FFFF => 3,
        _ => 4,
    };
    (tag.to_be_bytes(), length)
}

/// Appends a data object. On an error nothing is appended.
///
/// # Errors
/// [`Full`] when there is no room, or the value is longer than two length bytes can say.
pub fn write<const N: usize>(tag: Tag, value: &[u8], out: &mut Vec<u8, N>) -> Result<(), Full> {
    let (tag, tag_length) = tag_bytes(tag);
    let length = u16::try_from(value.len()).map_err(|_| Full)?;
    let [high, low] = length.to_be_bytes();
    let mut head = Vec::<u8, 7>::from_slice(&tag[4 - tag_length..]).map_err(|_| Full)?;
    let length_bytes: &[u8] = match length {
        0..=0x7F => &[low],
        0x80..=0xFF => &[0x81, low],
        _ => &[0x82, high, low],
    };
    head.extend_from_slice(length_bytes).map_err(|_| Full)?;
    if out.capacity() - out.len() < head.len() + value.len() {
        return Err(Full);
    }
    out.extend_from_slice(&head).map_err(|_| Full)?;
    out.extend_from_slice(value).map_err(|_| Full)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn all(bytes: &[u8]) -> Result<std::vec::Vec<(Tag, &[u8])>, Malformed> {
        Reader::new(bytes).map(|e| e.map(|e| (e.tag, e.value))).collect()
    }

    #[test]
    fn tags_of_one_to_three_bytes() {
        let bytes = [0x82, 1, 7, 0x9F, 0x66, 0, 0xDF, 0x81, 0x29, 1, 9];
        assert_eq!(all(&bytes), Ok(std::vec![(0x82, &[7][..]), (0x9F66, &[]), (0xDF_8129, &[9])]));
        assert_eq!(all(&[0xDF, 0x81, 0x81, 0x01, 0]), Err(Malformed));
    }

    #[test]
    fn a_length_beyond_the_end_is_malformed() {
        for bytes in [
            &[0x57][..],
            &[0x57, 1],
            &[0x57, 0x81],
            &[0x57, 0x81, 0x80, 0],
            &[0x57, 0x82, 0xFF],
            &[0x57, 0x82, 0xFF, 0xFF, 0],
            &[0x57, 0x80, 0, 0],
            &[0x57, 0x84, 0xFF, 0xFF, 0xFF, 0xFF],
            &[0x9F],
        ] {
            assert_eq!(all(bytes), Err(Malformed), "{bytes:x?}");
        }
    }

    #[test]
    fn malformed_ends_the_reading() {
        let mut reader = Reader::new(&[0x57, 9, 0x5A, 0]);
        assert_eq!(reader.next(), Some(Err(Malformed)));
        assert_eq!(reader.next(), None);
    }

    #[test]
    fn zeros_between_objects_are_padding() {
        assert_eq!(all(&[0, 0x87, 1, 1, 0, 0]), Ok(std::vec![(0x87, &[1][..])]));
    }

    #[test]
    fn a_template_stands_alone() {
        assert_eq!(template(&[0x70, 1, 0], 0x70).map(|e| e.offset), Ok(2));
        assert_eq!(template(&[0x70, 0, 0x70, 0], 0x70), Err(Malformed));
        assert_eq!(template(&[0x77, 0], 0x70), Err(Malformed));
    }

    #[test]
    fn what_does_not_fit_leaves_nothing() {
        let mut out = Vec::<u8, 4>::new();
        assert_eq!(write(0x9F66, &[1, 2], &mut out), Err(Full));
        assert!(out.is_empty());
        assert_eq!(write(0x9F66, &[1], &mut out), Ok(()));
    }

    fn any_tag() -> impl Strategy<Value = Tag> {
        prop_oneof![
            (1u32..=0xFF).prop_filter("one byte", |tag| tag & 0x1F != 0x1F),
            (0u32..8, 0u32..0x80).prop_map(|(class, low)| ((class << 5 | 0x1F) << 8) | low),
            (0u32..8, 0x80u32..0x100, 0u32..0x80).prop_map(|(c, m, l)| ((c << 5 | 0x1F) << 16) | (m << 8) | l),
        ]
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            for element in Reader::new(&bytes).flatten() {
                prop_assert_eq!(&bytes[element.offset..element.offset + element.value.len()], element.value);
            }
            let _ = template(&bytes, 0x6F);
        }

        #[test]
        fn what_is_written_is_read(
            objects in prop::collection::vec((any_tag(), prop::collection::vec(any::<u8>(), 0..300)), 0..6)
        ) {
            let mut out = Vec::<u8, 2048>::new();
            for (tag, value) in &objects {
                write(*tag, value, &mut out).unwrap();
            }
            let read = all(&out).unwrap();
            prop_assert_eq!(read.len(), objects.len());
            for ((tag, value), (t, v)) in objects.iter().zip(read) {
                prop_assert_eq!(*tag, t);
                prop_assert_eq!(value.as_slice(), v);
            }
        }
    }
}
