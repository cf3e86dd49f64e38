//! What the card has sent: one arena of bytes, an index by tag, and which parts the card's certificate signs.

use heapless::Vec;

use crate::{
    Reason, tag,
    tlv::{self, Reader, Tag},
};

/// Room for the response to GET PROCESSING OPTIONS and all records. A chain of the largest keys (1984 bits) with
/// everything around it takes about 1,300 bytes.
const ARENA: usize = 3072;

/// Most data objects of one card.
const OBJECTS: usize = 96;

/// Most records that are signed.
pub(crate) const SIGNED: usize = 32;

/// Bytes in the arena.
#[derive(Debug, Clone, Copy)]
struct Range {
    start: u16,
    length: u16,
}

/// The card's data objects of one transaction.
pub(crate) struct CardData {
    arena: Vec<u8, ARENA>,
    index: Vec<(Tag, Range), OBJECTS>,
    signed: Vec<Range, SIGNED>,
    psn_differs: bool,
}

/// Values that the terminal alone sets: what a card sends under these tags is ignored.
const IGNORED: [Tag; 3] = [tag::UNPREDICTABLE_NUMBER, tag::AMOUNT, tag::CURRENCY];

impl CardData {
    pub(crate) const fn new() -> Self {
        Self { arena: Vec::new(), index: Vec::new(), signed: Vec::new(), psn_differs: false }
    }

    pub(crate) fn clear(&mut self) {
        self.arena.clear();
        self.index.clear();
        self.signed.clear();
        self.psn_differs = false;
    }

    /// Takes in a whole template. `malformed` is the reason to give when `bytes` are not exactly that template.
    /// Returns where its contents are.
    fn add(&mut self, bytes: &[u8], template: Tag, malformed: Reason) -> Result<Range, Reason> {
        let body = tlv::template(bytes, template).map_err(|_| malformed)?;
        let start = self.arena.len();
        self.arena.extend_from_slice(bytes).map_err(|_| Reason::TooMuchData)?;
        for element in Reader::new(body.value) {
            let element = element.map_err(|_| malformed)?;
            if IGNORED.contains(&element.tag) {
                continue;
            }
            if let Some(first) = self.get(element.tag) {
                // The sequence number may come with the cryptogram and again in a record; the first one counts.
                if element.tag != tag::PSN {
                    return Err(Reason::Duplicate(element.tag));
                }
                self.psn_differs |= first != element.value;
                continue;
            }
            let range = range(start + body.offset + element.offset, element.value.len());
            self.index.push((element.tag, range)).map_err(|_| Reason::TooMuchData)?;
        }
        Ok(range(start + body.offset, body.value.len()))
    }

    /// Takes in the response to GET PROCESSING OPTIONS.
    pub(crate) fn add_response(&mut self, bytes: &[u8]) -> Result<(), Reason> {
        self.add(bytes, tag::RESPONSE, Reason::GpoMalformed).map(|_| ())
    }

    /// Takes in a record of the short file `sfi`. Of a signed record of files 1 to 10 the contents are
    /// authenticated, of files 11 to 30 the whole record (EMV Book 3, 10.3).
    pub(crate) fn add_record(&mut self, bytes: &[u8], sfi: u8, signed: bool) -> Result<(), Reason> {
        let start = self.arena.len();
        let contents = self.add(bytes, tag::RECORD, Reason::RecordMalformed)?;
        if signed {
            let part = if sfi <= 10 { contents } else { range(start, bytes.len()) };
            self.signed.push(part).map_err(|_| Reason::TooMuchData)?;
        }
        Ok(())
    }

    fn bytes(&self, range: Range) -> &[u8] {
        let start = usize::from(range.start);
        self.arena.get(start..start + usize::from(range.length)).unwrap_or_default()
    }

    /// The object of that tag.
    pub(crate) fn get(&self, tag: Tag) -> Option<&[u8]> {
        self.index.iter().find(|(known, _)| *known == tag).map(|(_, range)| self.bytes(*range))
    }

    /// The object of that tag, `N` bytes long; nothing when it is absent.
    pub(crate) fn fixed<const N: usize>(&self, tag: Tag) -> Result<Option<[u8; N]>, Reason> {
        self.get(tag).map(|value| value.try_into().map_err(|_| Reason::Invalid(tag))).transpose()
    }

    /// The object of that tag, up to `N` bytes long; nothing when it is absent.
    pub(crate) fn limited<const N: usize>(&self, tag: Tag) -> Result<Option<Vec<u8, N>>, Reason> {
        self.get(tag).map(|value| Vec::from_slice(value).map_err(|_| Reason::Invalid(tag))).transpose()
    }

    /// How many objects there are.
    pub(crate) fn objects(&self) -> usize {
        self.index.len()
    }

    /// Whether all objects that came after the first `objects` have this tag.
    pub(crate) fn only_since(&self, objects: usize, tag: Tag) -> bool {
        self.index.iter().skip(objects).all(|(known, _)| *known == tag)
    }

    /// Whether the card sent two sequence numbers, so that neither can be relied on.
    pub(crate) const fn psn_differs(&self) -> bool {
        self.psn_differs
    }

    /// The static data that the card's certificate signs, in order of the file locator.
    pub(crate) fn signed_parts(&self) -> impl Iterator<Item = &[u8]> {
        self.signed.iter().map(|range| self.bytes(*range))
    }
}

/// A range of the arena, whose length fits into 16 bits.
fn range(start: usize, length: usize) -> Range {
    Range { start: start as u16, length: length as u16 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_are_found_and_the_terminals_own_are_not() {
        let mut data = CardData::new();
        let response = [0x77, 13, 0x82, 2, 0x20, 0, 0x9F, 0x37, 1, 9, 0x5F, 0x34, 1, 1, 0];
        assert_eq!(data.add_response(&response), Ok(()));
        assert_eq!(data.get(tag::AIP), Some(&[0x20, 0][..]));
        assert_eq!(data.get(tag::UNPREDICTABLE_NUMBER), None);
        assert_eq!(data.fixed::<2>(tag::AIP), Ok(Some([0x20, 0])));
        assert_eq!(data.fixed::<3>(tag::AIP), Err(Reason::Invalid(tag::AIP)));
        assert_eq!(data.fixed::<3>(tag::PAN), Ok(None));
    }

    #[test]
    fn twice_is_an_error_but_for_the_sequence_number_and_what_is_ignored() {
        let mut data = CardData::new();
        data.add_response(&[0x77, 4, 0x5F, 0x34, 1, 1]).unwrap();
        assert_eq!(data.add_record(&[0x70, 4, 0x5F, 0x34, 1, 2], 1, false), Ok(()));
        assert_eq!(data.get(tag::PSN), Some(&[1][..]));
        assert_eq!(data.add_record(&[0x70, 6, 0x5F, 0x2A, 0, 0x5F, 0x2A, 0], 1, false), Ok(()));
        assert_eq!(data.add_record(&[0x70, 6, 0xDF, 1, 0, 0xDF, 1, 0], 1, false), Err(Reason::Duplicate(0xDF01)));
    }

    #[test]
    fn files_above_ten_are_signed_with_their_header() {
        let mut data = CardData::new();
        data.add_record(&[0x70, 3, 0x9A, 1, 5], 10, true).unwrap();
        data.add_record(&[0x70, 3, 0x9B, 1, 6], 11, true).unwrap();
        data.add_record(&[0x70, 3, 0x9C, 1, 7], 2, false).unwrap();
        let signed: std::vec::Vec<u8> = data.signed_parts().flatten().copied().collect();
        assert_eq!(signed, [0x9A, 1, 5, 0x70, 3, 0x9B, 1, 6]);
    }

    #[test]
    fn too_much_is_said_to_be_too_much() {
        let mut data = CardData::new();
        let mut record = std::vec![0x70, 0x81, 0xC4];
        for tag in 0x40..0x40 + 3u8 {
            record.extend([0xDF, tag, 61]);
            record.extend([0; 61]);
        }
        record.extend([0; 4]);
        let mut result = Ok(());
        let mut count = 0u8;
        while result.is_ok() && count < 200 {
            for (at, byte) in [4, 68, 132].into_iter().enumerate() {
                record[byte] = 1 + (count * 3 + at as u8) % 0x7F;
            }
            result = data.add_record(&record, 1, true);
            count += 1;
        }
        assert_eq!(result, Err(Reason::TooMuchData));
    }
}
