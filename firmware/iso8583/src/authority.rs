//! Keys of certification authorities: field 62 of the messages 372 and 370.

use sha1::{Digest, Sha1};

use crate::error::{Error, What};
use crate::tlv::{Iter, Object, objects};

/// The number of the field.
const FIELD: u8 = 62;

/// Field 62 of the request for the list (0820, 372): `1` and how many entries the terminal already has. `None` above 99.
#[must_use]
pub fn list_request(known: u8) -> Option<[u8; 3]> {
    (known <= 99).then(|| [b'1', b'0' + known / 10, b'0' + known % 10])
}

/// Field 62 of the request for a key (0800, 370).
#[must_use]
pub fn key_request(rid: &[u8; 5], index: u8) -> [u8; 12] {
    let [a, b, c, d, e] = *rid;
    [0x9F, 0x06, 5, a, b, c, d, e, 0x9F, 0x22, 1, index]
}

/// The last day on which a key may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Expiry {
    /// The year, such as 2030.
    pub year: u16,
    /// 1 to 12.
    pub month: u8,
    /// 1 to 31. Whether the month has this day is not checked.
    pub day: u8,
}

impl Expiry {
    /// DF05: 8 ASCII digits, or 4 bytes of BCD. Other programs use the latter.
    fn read(value: &[u8]) -> Result<Self, What> {
        let mut digits = [0; 8];
        match *value {
            [_, _, _, _, _, _, _, _] => {
                for (to, character) in digits.iter_mut().zip(value) {
                    *to = character.wrapping_sub(b'0');
                }
            }
            [_, _, _, _] => {
                for (to, nibble) in digits.iter_mut().zip(value.iter().flat_map(|byte| [byte >> 4, byte & 0x0F])) {
                    *to = nibble;
                }
            }
            _ => return Err(What::Length),
        }
        if digits.iter().any(|digit| *digit > 9) {
            return Err(What::Digit);
        }
        let [a, b, c, d, e, f, g, h] = digits;
        let year = [a, b, c, d].into_iter().fold(0, |year, digit| year * 10 + u16::from(digit));
        let expiry = Self { year, month: e * 10 + f, day: g * 10 + h };
        if (1..=12).contains(&expiry.month) && (1..=31).contains(&expiry.day) { Ok(expiry) } else { Err(What::Value) }
    }
}

/// An entry of the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListEntry {
    /// 9F06.
    pub rid: [u8; 5],
    /// 9F22.
    pub index: u8,
    /// DF05.
    pub expiry: Expiry,
}

/// The list of keys: field 62 of 0830 with 372.
#[derive(Clone, Debug)]
pub struct AuthorityList<'a> {
    more: bool,
    entries: Iter<'a>,
}

impl<'a> AuthorityList<'a> {
    /// Reads field 62 of an answer. Each entry has the objects 9F06, 9F22 and DF05 in this order.
    ///
    /// # Errors
    /// Anything does not fit the format: also a flag that contradicts the entries. Bytes are counted from the beginning of
    /// field 62.
    pub fn parse(field62: &'a [u8]) -> Result<Self, Error> {
        let wrong = |at, what| Error::new(FIELD, at, what);
        let (flag, bytes) = field62.split_first().ok_or(wrong(0, What::Short))?;
        let more = match flag {
            b'0' | b'1' => false,
            b'2' => true,
            _ => return Err(wrong(0, What::Value)),
        };
        if (*flag == b'0') != bytes.is_empty() {
            return Err(wrong(1, What::Contradiction));
        }
        let entries = objects(FIELD, bytes).map_err(|error| error.moved(1))?.into_iter();
        let mut left = entries.clone();
        while let Some(entry) = entry(&mut left) {
            entry.map_err(|error| error.moved(1))?;
        }
        Ok(Self { more, entries })
    }

    /// Whether there are more entries to ask for.
    #[must_use]
    pub fn more(&self) -> bool {
        self.more
    }

    /// The entries, in order.
    pub fn entries(&self) -> impl Iterator<Item = ListEntry> + use<'a> {
        let mut left = self.entries.clone();
        core::iter::from_fn(move || entry(&mut left)?.ok())
    }
}

/// The next entry. An error counts bytes from the first object.
fn entry(left: &mut Iter<'_>) -> Option<Result<ListEntry, Error>> {
    let rid = left.next()?;
    let wrong = |object: Object<'_>, what| Error::new(FIELD, object.at, what);
    let mut rest = || -> Result<ListEntry, Error> {
        let index = left.next().ok_or(wrong(rid, What::Short))?;
        let expiry = left.next().ok_or(wrong(rid, What::Short))?;
        for (object, tag) in [(rid, 0x9F06), (index, 0x9F22), (expiry, 0xDF05)] {
            if object.tag != tag {
                return Err(wrong(object, What::Tag));
            }
        }
        Ok(ListEntry {
            rid: rid.value.try_into().map_err(|_| wrong(rid, What::Length))?,
            index: single(index.value).map_err(|what| wrong(index, what))?,
            expiry: Expiry::read(expiry.value).map_err(|what| wrong(expiry, what))?,
        })
    };
    Some(rest())
}

/// A value of one byte.
fn single(value: &[u8]) -> Result<u8, What> {
    match *value {
        [byte] => Ok(byte),
        _ => Err(What::Length),
    }
}

/// A key of an authority: field 62 of 0810 with 370.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuthorityKey<'a> {
    /// 9F06.
    pub rid: [u8; 5],
    /// 9F22.
    pub index: u8,
    /// DF05.
    pub expiry: Expiry,
    /// DF06: 1 is SHA-1.
    pub hash: u8,
    /// DF07: 1 is RSA.
    pub algorithm: u8,
    /// DF02.
    pub modulus: &'a [u8],
    /// DF04.
    pub exponent: &'a [u8],
    /// DF03.
    pub check_sum: &'a [u8],
}

impl<'a> AuthorityKey<'a> {
    /// Reads field 62 of an answer. `None` stands for the flag `0` alone: there is no such key.
    ///
    /// The objects may come in any order. This does not verify the check sum: see [`is_sound`](Self::is_sound).
    ///
    /// # Errors
    /// Anything does not fit the format: an object is missing, unknown, there twice, or has a wrong length. Bytes are
    /// counted from the beginning of field 62.
    pub fn parse(field62: &'a [u8]) -> Result<Option<Self>, Error> {
        const TAGS: [u32; 8] = [0x9F06, 0x9F22, 0xDF05, 0xDF06, 0xDF07, 0xDF02, 0xDF04, 0xDF03];
        let wrong = |at, what| Error::new(FIELD, at, what);
        let (flag, bytes) = field62.split_first().ok_or(wrong(0, What::Short))?;
        match flag {
            b'0' if bytes.is_empty() => return Ok(None),
            b'0' => return Err(wrong(1, What::Trailing)),
            b'1' => {}
            _ => return Err(wrong(0, What::Value)),
        }
        let mut found: [Option<Object<'a>>; TAGS.len()] = [None; TAGS.len()];
        for object in objects(FIELD, bytes).map_err(|error| error.moved(1))? {
            let at = object.at + 1;
            let known = TAGS.iter().position(|tag| *tag == object.tag).ok_or(wrong(at, What::Tag))?;
            if found[known].replace(object).is_some() {
                return Err(wrong(at, What::Twice));
            }
        }
        let [rid, index, expiry, hash, algorithm, modulus, exponent, check_sum] = found;
        let value = |object: Option<Object<'a>>| object.ok_or(wrong(field62.len(), What::Missing));
        let refused = |object: Object<'_>, what| wrong(object.at + 1, what);
        let byte = |object| {
            let object = value(object)?;
            single(object.value).map_err(|what| refused(object, what))
        };
        let some = |object| {
            let object = value(object)?;
            if object.value.is_empty() { Err(refused(object, What::Length)) } else { Ok(object.value) }
        };
        let (rid, expiry) = (value(rid)?, value(expiry)?);
        Ok(Some(Self {
            rid: rid.value.try_into().map_err(|_| refused(rid, What::Length))?,
            index: byte(index)?,
            expiry: Expiry::read(expiry.value).map_err(|what| refused(expiry, what))?,
            hash: byte(hash)?,
            algorithm: byte(algorithm)?,
            modulus: some(modulus)?,
            exponent: some(exponent)?,
            check_sum: some(check_sum)?,
        }))
    }

    /// Whether this is an RSA key whose check sum is SHA-1 over RID, index, modulus and exponent. No other key may be used.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        let sum = Sha1::new()
            .chain_update(self.rid)
            .chain_update([self.index])
            .chain_update(self.modulus)
            .chain_update(self.exponent)
            .finalize();
        self.hash == 1 && self.algorithm == 1 && self.check_sum == sum.as_slice()
    }
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use super::*;
    use crate::tests::hex;

    const RID: [u8; 5] = [0xA0, 0, 0, 3, 0x33];
    /// An entry of the list with an expiry of 31 December 2030.
    const ENTRY: &str = "9F0605A000000333 9F220108 DF05083230333031323331";

    fn list(text: &str) -> Result<(bool, Vec<ListEntry>), (usize, What)> {
        let field = hex(text);
        let list = AuthorityList::parse(&field).map_err(|error| (error.at, error.what))?;
        Ok((list.more(), list.entries().collect()))
    }

    #[test]
    fn lists_have_a_flag_and_entries() {
        let expiry = Expiry { year: 2030, month: 12, day: 31 };
        let entry = |index| ListEntry { rid: RID, index, expiry };
        assert_eq!(hex(ENTRY).len(), 23);
        assert_eq!(list("30"), Ok((false, [].to_vec())));
        assert_eq!(list(&["31", ENTRY].concat()), Ok((false, [entry(8)].to_vec())));
        let bcd = "9F0605A000000333 9F22010A DF050420301231";
        assert_eq!(list(&["32", ENTRY, bcd].concat()), Ok((true, [entry(8), entry(10)].to_vec())));
        assert_eq!(list(&["32", &ENTRY.repeat(21)].concat()).unwrap().1.len(), 21);
    }

    #[test]
    fn other_lists_are_refused() {
        for (field, wanted) in [
            ("", (0, What::Short)),
            ("33", (0, What::Value)),
            ("31", (1, What::Contradiction)),
            ("32", (1, What::Contradiction)),
            (&["30", ENTRY].concat(), (1, What::Contradiction)),
            ("31 9F0605A000000333 9F220108", (1, What::Short)),
            ("31 9F220108 9F0605A000000333 DF050420301231", (1, What::Tag)),
            ("31 9F0604A0000003 9F220108 DF050420301231", (1, What::Length)),
            ("31 9F0605A000000333 9F22020108 DF050420301231", (9, What::Length)),
            ("31 9F0605A000000333 9F220108 DF0503203012", (13, What::Length)),
            ("31 9F0605A000000333 9F220108 DF05042030123A", (13, What::Digit)),
            ("31 9F0605A000000333 9F220108 DF0508323033303132332F", (13, What::Digit)),
            ("31 9F0605A000000333 9F220108 DF050420301331", (13, What::Value)),
            ("31 9F0605A000000333 9F220108 DF050420300031", (13, What::Value)),
            ("31 9F0605A000000333 9F220108 DF050420301200", (13, What::Value)),
            ("31 9F0605A000000333 9F220108 DF050420301232", (13, What::Value)),
            ("31 9F0605A000000333 9F220108 DF0504203012", (19, What::Short)),
            ("31 00", (1, What::Tag)),
            ("31 9F0680", (3, What::Length)),
        ] {
            assert_eq!(list(field), Err(wanted), "{field}");
        }
        let whole = hex(&["31", ENTRY].concat());
        for len in 2..whole.len() {
            assert!(AuthorityList::parse(&whole[..len]).is_err(), "{len} bytes");
        }
    }

    /// A key of 16 bytes as the host sends it. The check sum was computed with Python's hashlib.
    const OBJECTS: [&str; 8] = [
        "9F0605A000000333",
        "9F220108",
        "DF05083230333031323331",
        "DF060101",
        "DF070101",
        "DF0210C0C1C2C3C4C5C6C7C8C9CACBCCCDCECF",
        "DF0403010001",
        "DF031458DC8A3F24AD003FAA34150E292C07B0A50398D6",
    ];
    fn key(objects: &[&str]) -> Vec<u8> {
        hex(&["31", &objects.concat()].concat())
    }

    #[test]
    fn a_key_has_its_parts_and_its_check_sum() {
        let field = key(&OBJECTS);
        let found = AuthorityKey::parse(&field).unwrap().unwrap();
        assert_eq!((found.rid, found.index, found.hash, found.algorithm), (RID, 8, 1, 1));
        assert_eq!(found.expiry, Expiry { year: 2030, month: 12, day: 31 });
        assert_eq!((found.modulus, found.exponent), (&hex("C0C1C2C3C4C5C6C7C8C9CACBCCCDCECF")[..], &[1, 0, 1][..]));
        assert!(found.is_sound());
        assert_eq!(AuthorityKey::parse(b"0"), Ok(None));
        // In any order, and with a length of two bytes.
        let mut other = OBJECTS;
        other.reverse();
        other[2] = "DF028110C0C1C2C3C4C5C6C7C8C9CACBCCCDCECF";
        assert_eq!(AuthorityKey::parse(&key(&other)), Ok(Some(found)));
    }

    #[test]
    fn a_key_with_one_wrong_byte_is_not_sound() {
        let field = key(&OBJECTS);
        let sound = |field: &[u8]| AuthorityKey::parse(field).is_ok_and(|key| key.is_some_and(|key| key.is_sound()));
        let expiry = 1 + 8 + 4..1 + 8 + 4 + 11;
        for at in 0..field.len() {
            let mut altered = field.clone();
            altered[at] ^= 2;
            // The check sum does not cover the expiry; most altered ones can't be read as dates.
            assert!(!sound(&altered) || expiry.contains(&at), "byte {at}");
        }
        for len in 0..field.len() {
            assert!(!sound(&field[..len]), "{len} bytes");
        }
    }

    #[test]
    fn other_keys_are_refused() {
        let refused = |field: &[u8]| AuthorityKey::parse(field).unwrap_err().what;
        for (left_out, object) in OBJECTS.into_iter().enumerate() {
            let mut objects = OBJECTS.to_vec();
            objects.remove(left_out);
            assert_eq!(refused(&key(&objects)), What::Missing, "without {object}");
            objects = OBJECTS.to_vec();
            objects.push(object);
            assert_eq!(refused(&key(&objects)), What::Twice, "{object} twice");
        }
        for (index, object) in
            [(0, "9F0604A0000003"), (1, "9F2200"), (3, "DF06020101"), (5, "DF0200"), (6, "DF0400"), (7, "DF0300")]
        {
            let mut objects = OBJECTS;
            objects[index] = object;
            assert_eq!(refused(&key(&objects)), What::Length, "{object}");
        }
        let mut objects = OBJECTS.to_vec();
        objects.push("DF0800");
        assert_eq!(refused(&key(&objects)), What::Tag);
        assert_eq!(refused(b""), What::Short);
        assert_eq!(refused(b"00"), What::Trailing);
        assert_eq!(refused(b"2"), What::Value);
    }
}
