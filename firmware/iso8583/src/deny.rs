//! A page of the deny list: field 63 of the answer to 0800 with 570.

use crate::error::{Error, What};

/// Where a page begins: the number of cards on the pages before it, 10 digits as characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor(pub [u8; 10]);

impl Cursor {
    /// The first page.
    pub const FIRST: Self = Self(*b"0000000000");

    /// The number of cards on the pages before it. A character that is no digit counts as 0; no page has one.
    #[must_use]
    pub fn cards_before(self) -> u64 {
        self.0.iter().fold(0, |value, byte| value * 10 + u64::from(byte.wrapping_sub(b'0') % 10))
    }
}

/// Field 63 of the request for a page: the organisation, 8 characters, and the cursor.
#[must_use]
pub fn request(organisation: &[u8; 8], cursor: Cursor) -> [u8; 18] {
    let mut field = [0; 18];
    field[..8].copy_from_slice(organisation);
    field[8..].copy_from_slice(&cursor.0);
    field
}

/// One page of the deny list.
///
/// A page without cards means an empty list only if it is the first page. If the version differs between two pages, the
/// list has changed, and the download has to start again. The next page has to begin where this one ends. The caller looks
/// after all three.
#[derive(Clone, Copy)]
pub struct DenyPage<'a> {
    next: Option<Cursor>,
    version: u32,
    cards: &'a [[u8; CARD]],
}

impl core::fmt::Debug for DenyPage<'_> {
    /// Without the account numbers.
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "DenyPage(version {}, {} cards, next {:?})", self.version, self.cards.len(), self.next)
    }
}

/// The characters of a card.
const CARD: usize = 19;
/// The number of the field.
const FIELD: u8 = 63;

impl<'a> DenyPage<'a> {
    /// Reads field 63 of an answer.
    ///
    /// # Errors
    /// Anything does not fit the format: also a flag that contradicts the number of cards, a next cursor of zeros (which
    /// would begin the download again), and a card without digits or with a blank between digits. Bytes are counted from
    /// the beginning of field 63.
    pub fn parse(field63: &'a [u8]) -> Result<Self, Error> {
        let short = Error::new(FIELD, field63.len(), What::Short);
        let (&flag, mut rest) = field63.split_first().ok_or(short)?;
        let mut next = None;
        if flag == b'2' {
            let (cursor, after) = rest.split_first_chunk::<10>().ok_or(short)?;
            digits(cursor).map_err(|error| error.moved(1))?;
            if *cursor == Cursor::FIRST.0 {
                return Err(Error::new(FIELD, 1, What::Contradiction));
            }
            (next, rest) = (Some(Cursor(*cursor)), after);
        } else if !matches!(flag, b'0' | b'1') {
            return Err(Error::new(FIELD, 0, What::Value));
        }
        let at = field63.len() - rest.len();
        let (version, rest) = rest.split_first_chunk::<8>().ok_or(short)?;
        let version = digits(version).map_err(|error| error.moved(at))?;
        let (count, rest) = rest.split_first_chunk::<2>().ok_or(short)?;
        let count = digits(count).map_err(|error| error.moved(at + 8))?;
        if (flag == b'0') != (count == 0) {
            return Err(Error::new(FIELD, at + 8, What::Contradiction));
        }
        let (cards, left) = rest.as_chunks::<CARD>();
        let at = at + 10;
        let wanted = usize::try_from(count).map_err(|_| short)?;
        if cards.len() < wanted {
            return Err(short);
        }
        if cards.len() > wanted || !left.is_empty() {
            return Err(Error::new(FIELD, at + wanted * CARD, What::Trailing));
        }
        for (index, card) in cards.iter().enumerate() {
            let number = trimmed(card);
            if number.is_empty() {
                return Err(Error::new(FIELD, at + index * CARD, What::Digit));
            }
            digits(number).map_err(|error| error.moved(at + index * CARD))?;
        }
        Ok(Self { next, version, cards })
    }

    /// The cursor of the next page. `None` if this is the last one.
    #[must_use]
    pub fn next(&self) -> Option<Cursor> {
        self.next
    }

    /// The version of the list.
    #[must_use]
    pub fn version(&self) -> u32 {
        self.version
    }

    /// The number of cards on this page, 0 to 99.
    #[must_use]
    pub fn len(&self) -> usize {
        self.cards.len()
    }

    /// Whether this page has no cards, flag `0`.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.cards.is_empty()
    }

    /// The account numbers, each as 1 to 19 digits.
    pub fn cards(&self) -> impl ExactSizeIterator<Item = &'a str> + use<'a> {
        self.cards.iter().map(|card| core::str::from_utf8(trimmed(card)).unwrap_or_default())
    }
}

/// A card without the blanks on its right.
fn trimmed(card: &[u8; CARD]) -> &[u8] {
    let len = card.iter().rposition(|byte| *byte != b' ').map_or(0, |last| last + 1);
    &card[..len]
}

/// The number that ASCII digits are. It is only read where it has at most 8 digits.
fn digits(characters: &[u8]) -> Result<u32, Error> {
    characters.iter().enumerate().try_fold(0_u32, |value, (at, byte)| match byte {
        b'0'..=b'9' => Ok(value.wrapping_mul(10).wrapping_add(u32::from(byte - b'0'))),
        _ => Err(Error::new(FIELD, at, What::Digit)),
    })
}

#[cfg(test)]
mod tests {
    use std::string::String;
    use std::vec::Vec;
    use std::{assert_eq, format};

    use super::*;

    const CARDS: [&str; 3] = ["6222020000000007   ", "6222020000000000015", "1                  "];

    fn refused(field: &str) -> (usize, What) {
        let error = DenyPage::parse(field.as_bytes()).unwrap_err();
        assert_eq!(error.field, 63);
        (error.at, error.what)
    }

    #[test]
    fn a_cursor_counts_cards() {
        assert_eq!(Cursor::FIRST.cards_before(), 0);
        assert_eq!(Cursor(*b"0000000042").cards_before(), 42);
        assert_eq!(Cursor(*b"9999999999").cards_before(), 9_999_999_999);
        // No page has such a cursor.
        assert_eq!(Cursor([0xFF; 10]).cards_before() % 10, u64::from((0xFF_u8 - b'0') % 10));
    }

    #[test]
    fn the_three_kinds_of_pages() {
        let field = format!("1{:08}{:02}{}", 7, 3, CARDS.concat());
        let page = DenyPage::parse(field.as_bytes()).unwrap();
        assert_eq!((page.next(), page.version(), page.len(), page.is_empty()), (None, 7, 3, false));
        assert_eq!(page.cards().collect::<Vec<_>>(), ["6222020000000007", "6222020000000000015", "1"]);
        assert_eq!(format!("{page:?}"), "DenyPage(version 7, 3 cards, next None)");
        let field = format!("20000000002{:08}{:02}{}", 20_180_521, 1, CARDS[0]);
        let page = DenyPage::parse(field.as_bytes()).unwrap();
        assert_eq!((page.next(), page.version(), page.len()), (Some(Cursor(*b"0000000002")), 20_180_521, 1));
        let page = DenyPage::parse(b"00000000700").unwrap();
        assert_eq!((page.next(), page.version(), page.is_empty()), (None, 7, true));
        let full = format!("1{:08}99{}", 7, CARDS[1].repeat(99));
        assert_eq!(DenyPage::parse(full.as_bytes()).unwrap().cards().len(), 99);
    }

    #[test]
    fn anything_else_is_refused() {
        let page = |flag: &str, count: &str, cards: &str| -> String { format!("{flag}00000007{count}{cards}") };
        let card = CARDS[0];
        for (field, wanted) in [
            (page("3", "01", card), (0, What::Value)),
            (page("0", "01", card), (9, What::Contradiction)),
            (page("1", "00", ""), (9, What::Contradiction)),
            (page("20000000001", "00", ""), (19, What::Contradiction)),
            (page("20000000000", "01", card), (1, What::Contradiction)),
            (page("2000000000x", "01", card), (10, What::Digit)),
            (page("1", "x1", card), (9, What::Digit)),
            (format!("1 000000701{card}"), (1, What::Digit)),
            (page("1", "02", card), (30, What::Short)),
            (page("1", "01", &format!("{card}{card}")), (30, What::Trailing)),
            (page("1", "01", &format!("{card} ")), (30, What::Trailing)),
            (page("1", "01", &" ".repeat(19)), (11, What::Digit)),
            (page("1", "01", " 622202000000000007"), (11, What::Digit)),
            (page("1", "02", &format!("{card}62220200000 0000007")), (41, What::Digit)),
            (page("1", "01", "622202000000000000D"), (29, What::Digit)),
            (page("0", "00", "0"), (11, What::Trailing)),
        ] {
            assert_eq!(refused(&field), wanted, "{field}");
        }
    }

    #[test]
    fn a_page_that_is_cut_is_refused() {
        let field = format!("20000000002{:08}{:02}{}", 7, 3, CARDS.concat());
        for len in 0..field.len() {
            assert_eq!(refused(&field[..len]), (len, What::Short), "{len} characters");
        }
    }
}
