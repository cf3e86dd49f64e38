//! The application file locator and the records it names (EMV Book 3, 10.2).

use crate::{Reason, tag};

/// Most records of one application. A card that names more is not read to the end of patience.
const MAX_RECORDS: usize = 32;

/// A record to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Record {
    /// Short file identifier, 1 to 30.
    pub(crate) sfi: u8,
    /// Number in the file, from 1.
    pub(crate) number: u8,
    /// The card's certificate signs it.
    pub(crate) signed: bool,
}

impl Record {
    /// READ RECORD.
    pub(crate) const fn command(self) -> [u8; 5] {
        [0x00, 0xB2, self.number, (self.sfi << 3) | 0x04, 0x00]
    }
}

/// Checks a locator: a multiple of four bytes, not empty; SFI 1 to 30 with low bits 0; first record at least 1, last at
/// least first; not more signed records than there are.
///
/// # Errors
/// [`Reason::Invalid`] for the locator; [`Reason::TooMuchData`] for more records than any real card has.
pub(crate) fn check_locator(afl: &[u8]) -> Result<(), Reason> {
    let invalid = Reason::Invalid(tag::AFL);
    if afl.is_empty() || !afl.len().is_multiple_of(4) {
        return Err(invalid);
    }
    let mut count = 0;
    for entry in afl.chunks_exact(4) {
        let &[sfi, first, last, signed] = entry else { return Err(invalid) };
        let span = last.checked_sub(first).ok_or(invalid)?;
        if sfi & 0x07 != 0 || !(1..=30).contains(&(sfi >> 3)) || first == 0 || signed.checked_sub(1) > Some(span) {
            return Err(invalid);
        }
        count += usize::from(span) + 1;
    }
    if count > MAX_RECORDS { Err(Reason::TooMuchData) } else { Ok(()) }
}

/// The records of a locator that was [checked](check_locator), in its order.
pub(crate) fn records(afl: &[u8]) -> impl Iterator<Item = Record> {
    afl.chunks_exact(4).flat_map(|entry| {
        let (sfi, first, last, signed) = (entry[0] >> 3, entry[1], entry[2], entry[3]);
        (first..=last).map(move |number| Record { sfi, number, signed: number - first < signed })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_come_in_order_and_the_first_ones_are_signed() {
        let afl = [0x08, 1, 2, 1, 0x18, 3, 3, 0];
        assert_eq!(check_locator(&afl), Ok(()));
        let list: std::vec::Vec<_> = records(&afl).map(|r| (r.sfi, r.number, r.signed)).collect();
        assert_eq!(list, [(1, 1, true), (1, 2, false), (3, 3, false)]);
        assert_eq!(records(&afl).last().map(Record::command), Some([0x00, 0xB2, 3, 0x1C, 0]));
    }

    #[test]
    fn every_rule_of_the_locator() {
        let invalid = Err(Reason::Invalid(tag::AFL));
        for afl in [
            &[][..],
            &[0x08, 1, 1],
            &[0x08, 1, 1, 0, 0x08],
            &[0x00, 1, 1, 0],
            &[0xF8, 1, 1, 0],
            &[0x09, 1, 1, 0],
            &[0x08, 0, 1, 0],
            &[0x08, 2, 1, 0],
            &[0x08, 1, 1, 2],
            &[0x08, 1, 1, 0, 0x10, 0, 0, 0],
        ] {
            assert_eq!(check_locator(afl), invalid, "{afl:x?}");
        }
        assert_eq!(check_locator(&[0xF0, 255, 255, 1]), Ok(()));
        assert_eq!(records(&[0xF0, 255, 255, 1]).count(), 1);
        assert_eq!(check_locator(&[0x08, 1, 32, 32]), Ok(()));
        assert_eq!(check_locator(&[0x08, 1, 33, 0]), Err(Reason::TooMuchData));
    }
}
