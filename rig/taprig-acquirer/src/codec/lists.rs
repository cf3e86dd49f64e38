//! Lists that a terminal downloads: keys of certification authorities (field 62) and the deny list (field 63).

use super::tlv::{self, Object};

/// The name of an authority's key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct KeyName {
    /// Registered application provider identifier.
    pub rid: [u8; 5],
    /// Index of the key.
    pub index: u8,
}

/// A key of a certification authority.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthorityKey {
    /// Its name.
    pub name: KeyName,
    /// The last day on which it holds, `YYYYMMDD`.
    pub expiry: String,
    /// Modulus.
    pub modulus: Vec<u8>,
    /// Public exponent.
    pub exponent: Vec<u8>,
    /// SHA-1 over RID, index, modulus and exponent.
    pub check_sum: Vec<u8>,
}

/// Flag at the start of a list or a key: nothing is there.
pub const NONE: u8 = b'0';
/// Flag: this is all, or the last part.
pub const ALL: u8 = b'1';
/// Flag: there is more to ask for.
pub const MORE: u8 = b'2';

/// Entries of the list of keys in one answer: 1 + 21 * 23 bytes.
pub const KEYS_IN_A_PAGE: usize = 21;

/// Field 62 of the request for the list of keys: `1` and the number of entries that the terminal already has.
///
/// # Errors
/// It is not three such digits.
pub fn list_request(field: &[u8]) -> Result<usize, String> {
    let wrong = || "field 62 of a request for the list of keys is `1` and two digits".to_string();
    match field {
        [b'1', tens @ b'0'..=b'9', ones @ b'0'..=b'9'] => Ok(usize::from(tens - b'0') * 10 + usize::from(ones - b'0')),
        _ => Err(wrong()),
    }
}

/// Field 62 of the answer to it, from this entry on.
#[must_use]
pub fn list_answer(keys: &[AuthorityKey], from: usize) -> Vec<u8> {
    let left = keys.get(from..).unwrap_or_default();
    let page = &left[..left.len().min(KEYS_IN_A_PAGE)];
    let flag = match (page.len(), left.len()) {
        (0, _) => NONE,
        (page, left) if page == left => ALL,
        _ => MORE,
    };
    let mut field = vec![flag];
    for key in page {
        field.extend(tlv::encode(&[
            (0x9F06, key.name.rid.to_vec()),
            (0x9F22, vec![key.name.index]),
            (0xDF05, key.expiry.clone().into_bytes()),
        ]));
    }
    field
}

/// The key that field 62 of a request asks for.
///
/// # Errors
/// It is no TLV, or RID or index are missing.
pub fn key_request(field: &[u8]) -> Result<KeyName, String> {
    let objects = tlv::decode(field).map_err(|error| format!("field 62: {error}"))?;
    let rid = tlv::find(&objects, 0x9F06).and_then(|rid| rid.try_into().ok());
    match (rid, tlv::find(&objects, 0x9F22)) {
        (Some(rid), Some(&[index])) => Ok(KeyName { rid, index }),
        _ => Err("field 62 of a request for a key has 9F06 with 5 bytes and 9F22 with 1 byte".into()),
    }
}

/// Field 62 of the answer to it. Without a key it is the flag alone.
#[must_use]
pub fn key_answer(key: Option<&AuthorityKey>) -> Vec<u8> {
    let Some(key) = key else { return vec![NONE] };
    let objects: [Object; 8] = [
        (0x9F06, key.name.rid.to_vec()),
        (0x9F22, vec![key.name.index]),
        (0xDF05, key.expiry.clone().into_bytes()),
        // SHA-1 and RSA, the only two that the list of a test authority needs.
        (0xDF06, vec![1]),
        (0xDF07, vec![1]),
        (0xDF02, key.modulus.clone()),
        (0xDF04, key.exponent.clone()),
        (0xDF03, key.check_sum.clone()),
    ];
    let mut field = vec![ALL];
    field.extend(tlv::encode(&objects));
    field
}

/// A request for a page of the deny list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageRequest {
    /// Organisation, 8 characters.
    pub organisation: String,
    /// Where the page begins: the cursor of the page before, and 0 for the first page.
    pub cursor: u64,
}

/// Reads field 63 of such a request.
///
/// # Errors
/// It is not 8 characters and 10 digits.
pub fn page_request(field: &[u8]) -> Result<PageRequest, String> {
    let wrong = || "field 63 of a request for the deny list is 8 characters and 10 digits".to_string();
    let text = std::str::from_utf8(field).ok().filter(|text| text.is_ascii() && text.len() == 18).ok_or_else(wrong)?;
    let (organisation, cursor) = text.split_at(8);
    if !cursor.bytes().all(|c| c.is_ascii_digit()) {
        return Err(wrong());
    }
    Ok(PageRequest { organisation: organisation.into(), cursor: cursor.parse().map_err(|_| wrong())? })
}

/// A page of the deny list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// The cursor of the next page. `None` if this is the last one.
    pub next: Option<u64>,
    /// Version of the list. All pages of one download have the same.
    pub version: u32,
    /// Account numbers.
    pub cards: Vec<String>,
}

/// Characters of an account number in a page. Blanks fill shorter numbers on the right.
const CARD: usize = 19;

/// Most account numbers in a page: they and the head fit 999 bytes.
pub const MOST_CARDS: usize = (999 - 1 - 10 - 8 - 2) / CARD;

impl Page {
    /// Field 63 of the answer: flag, cursor of 10 digits if the flag is `2`, version of 8 digits, 2 digits of count, and 19
    /// characters for each account number.
    #[must_use]
    pub fn field(&self) -> Vec<u8> {
        let flag = match (self.next, self.cards.is_empty()) {
            (Some(_), _) => MORE,
            (None, true) => NONE,
            (None, false) => ALL,
        };
        let mut text = char::from(flag).to_string();
        if let Some(next) = self.next {
            text += &format!("{next:010}");
        }
        text += &format!("{:08}{:02}", self.version, self.cards.len());
        for card in &self.cards {
            text += &format!("{card:<CARD$}");
        }
        text.into_bytes()
    }

    /// Reads field 63 of an answer.
    ///
    /// # Errors
    /// It is not such a field.
    pub fn parse(field: &[u8]) -> Result<Self, String> {
        let text = std::str::from_utf8(field).ok().filter(|text| text.is_ascii()).ok_or("field 63 is not ASCII")?;
        let (flag, rest) = text.split_at_checked(1).ok_or("field 63 is empty")?;
        let (next, rest) = match (flag, rest.split_at_checked(10)) {
            ("0" | "1", _) => (None, rest),
            ("2", Some((cursor, rest))) => (Some(cursor.parse().map_err(|_| "the cursor is not digits")?), rest),
            _ => return Err(format!("the flag of field 63 is `{flag}`, or the cursor is not whole")),
        };
        let number = |from: usize, to: usize| rest.get(from..to).and_then(|text| text.parse::<u32>().ok());
        let (Some(version), Some(count)) = (number(0, 8), number(8, 10)) else {
            return Err("field 63 has no version and count".into());
        };
        let cards = &rest[10..];
        if cards.len() != count as usize * CARD {
            return Err(format!("field 63 claims {count} cards, and {} characters follow", cards.len()));
        }
        let cards = (0..count as usize).map(|at| cards[at * CARD..][..CARD].trim_end().to_owned()).collect();
        Ok(Self { next, version, cards })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn key(index: u8) -> AuthorityKey {
        AuthorityKey {
            name: KeyName { rid: [0xA0, 0, 0, 3, 0x33], index },
            expiry: "20301231".into(),
            modulus: vec![0xAB; 144],
            exponent: vec![3],
            check_sum: vec![0xCD; 20],
        }
    }

    #[test]
    fn an_entry_of_the_list_of_keys_has_23_bytes() {
        let answer = list_answer(&[key(8)], list_request(b"100").unwrap());
        assert_eq!(answer, b"1\x9F\x06\x05\xA0\0\0\x03\x33\x9F\x22\x01\x08\xDF\x05\x0820301231");
        assert_eq!(list_answer(&[], 0), b"0");
        assert_eq!(list_answer(&[key(8)], 1), b"0");
        for wrong in [b"200".as_slice(), b"10", b"1000", b"1x0", b""] {
            assert!(list_request(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_long_list_of_keys_has_pages() {
        let keys: Vec<_> = (0..50).map(key).collect();
        let lengths = |from| (list_answer(&keys, from)[0], list_answer(&keys, from).len());
        assert_eq!(lengths(0), (MORE, 1 + 21 * 23));
        assert_eq!(lengths(21), (MORE, 1 + 21 * 23));
        assert_eq!(lengths(42), (ALL, 1 + 8 * 23));
    }

    #[test]
    fn a_key_is_asked_for_by_rid_and_index() {
        let name = key_request(b"\x9F\x06\x05\xA0\0\0\x03\x33\x9F\x22\x01\x08").unwrap();
        assert_eq!(name, key(8).name);
        let answer = key_answer(Some(&key(8)));
        let objects = tlv::decode(&answer[1..]).unwrap();
        assert_eq!((answer[0], objects.len(), tlv::find(&objects, 0xDF02)), (ALL, 8, Some([0xAB; 144].as_slice())));
        assert_eq!(key_answer(None), b"0");
        for wrong in [b"\x9F\x22\x01\x08".as_slice(), b"\x9F\x06\x04\xA0\0\0\x03\x9F\x22\x01\x08", b"\x9F"] {
            assert!(key_request(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_page_of_the_deny_list() {
        assert_eq!(page_request(b"000000010000000002").unwrap().cursor, 2);
        for wrong in [b"0000000100000000".as_slice(), b"00000001000000000x", b"\xFF00000010000000002"] {
            assert!(page_request(wrong).is_err(), "{wrong:?}");
        }
        let cards = vec!["6222021234567894".to_owned()];
        let page = Page { next: Some(1), version: 3, cards: cards.clone() };
        assert_eq!(page.field(), b"2000000000100000003016222021234567894   ");
        assert_eq!(Page { next: None, version: 3, cards }.field(), b"100000003016222021234567894   ");
        assert_eq!(Page { next: None, version: 0, cards: vec![] }.field(), b"00000000000");
        let most = Page { next: Some(1), version: 1, cards: vec!["6".repeat(19); MOST_CARDS] };
        assert!(most.field().len() <= 999);
    }

    proptest! {
        #[test]
        fn pages_come_back(next in proptest::option::of(0u64..9_999_999_999), version in 0u32..99_999_999, cards in proptest::collection::vec("[0-9]{12,19}", 0..20)) {
            let page = Page { next, version, cards };
            prop_assert_eq!(Page::parse(&page.field()).unwrap(), page);
        }

        #[test]
        fn no_bytes_panic(bytes: Vec<u8>, text in "[0-2][0-9 ]{0,60}") {
            for bytes in [bytes.as_slice(), text.as_bytes()] {
                let _ = (page_request(bytes), Page::parse(bytes), key_request(bytes), list_request(bytes));
            }
        }
    }
}
