//! BER-TLV by EMV Book 3 annex B, parsed as far as the bytes allow.

/// The deepest nesting that is parsed. No card of this field needs more than five.
const MAX_DEPTH: usize = 8;

/// A piece of a TLV string. Pieces are in the order of the bytes, and a template comes before its contents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Item<'a> {
    /// A data object.
    Object {
        /// Number of templates around it.
        depth: usize,
        /// Tag, such as `0x9F26`.
        tag: u32,
        /// Value. For a template these are its contents, which follow as items of their own.
        value: &'a [u8],
        /// Whether this is a template.
        template: bool,
    },
    /// Bytes that can't be parsed, up to the end of the template around them.
    Broken {
        /// Number of templates around them.
        depth: usize,
        /// The bytes.
        rest: &'a [u8],
        /// What is wrong.
        why: Why,
    },
}

/// Why bytes are not a data object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// The tag is longer than four bytes, or the bytes end within it.
    Tag,
    /// The length field is longer than three bytes, or the bytes end within it.
    Length,
    /// The value is longer than the remaining bytes.
    Value {
        /// The tag.
        tag: u32,
        /// The length that the object claims.
        claimed: usize,
        /// Number of remaining bytes.
        there: usize,
    },
}

impl std::fmt::Display for Why {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Tag => f.write_str("no tag"),
            Self::Length => f.write_str("no length"),
            Self::Value { tag, claimed, there } => write!(f, "{tag:02X} claims {claimed} bytes, {there} are there"),
        }
    }
}

/// All pieces of `bytes`. Zeros between objects are padding, which Book 3 annex B1 allows.
pub fn walk(bytes: &[u8]) -> Vec<Item<'_>> {
    let mut items = Vec::new();
    descend(bytes, 0, &mut items);
    items
}

fn descend<'a>(mut bytes: &'a [u8], depth: usize, items: &mut Vec<Item<'a>>) {
    loop {
        while let [0, rest @ ..] = bytes {
            bytes = rest;
        }
        if bytes.is_empty() {
            return;
        }
        match object(bytes) {
            Err(why) => {
                items.push(Item::Broken { depth, rest: bytes, why });
                return;
            }
            Ok((tag, value, rest)) => {
                let template = is_template(tag) && depth < MAX_DEPTH;
                items.push(Item::Object { depth, tag, value, template });
                if template {
                    descend(value, depth + 1, items);
                }
                bytes = rest;
            }
        }
    }
}

fn is_template(tag: u32) -> bool {
    tag.to_be_bytes().into_iter().find(|&byte| byte != 0).is_some_and(|first| first & 0x20 != 0)
}

/// The first object: its tag, its value, and the bytes after it.
fn object(bytes: &[u8]) -> Result<(u32, &[u8], &[u8]), Why> {
    let (tag, rest) = tag(bytes).ok_or(Why::Tag)?;
    let (len, rest) = length(rest).ok_or(Why::Length)?;
    let value = rest.get(..len).ok_or(Why::Value { tag, claimed: len, there: rest.len() })?;
    Ok((tag, value, &rest[len..]))
}

fn tag(bytes: &[u8]) -> Option<(u32, &[u8])> {
    let (&first, mut rest) = bytes.split_first()?;
    let mut tag = u32::from(first);
    if first & 0x1F == 0x1F {
        for place in 0.. {
            let (&next, after) = rest.split_first()?;
            if place == 3 {
                return None;
            }
            tag = tag << 8 | u32::from(next);
            rest = after;
            if next & 0x80 == 0 {
                break;
            }
        }
    }
    Some((tag, rest))
}

fn length(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let (&first, rest) = bytes.split_first()?;
    let more = match first {
        0..=0x7F => return Some((usize::from(first), rest)),
        0x81..=0x83 => usize::from(first & 0x7F),
        _ => return None,
    };
    let (len, rest) = rest.split_at_checked(more)?;
    Some((len.iter().fold(0, |sum, &byte| sum << 8 | usize::from(byte)), rest))
}

/// The entries of a data object list (tags and lengths without values), and whether the whole list could be parsed.
pub fn list(mut bytes: &[u8]) -> (Vec<(u32, usize)>, bool) {
    let mut entries = Vec::new();
    while !bytes.is_empty() {
        let Some((tag, after)) = tag(bytes) else { return (entries, false) };
        let Some((&len, rest)) = after.split_first() else { return (entries, false) };
        entries.push((tag, usize::from(len)));
        bytes = rest;
    }
    (entries, true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn nested_objects_and_padding() {
        let bytes = [0x6F, 0x07, 0x84, 0x01, 0xAA, 0x00, 0xA5, 0x01, 0x00, 0x9F, 0x38, 0x01, 0x05];
        let seen: Vec<_> = walk(&bytes)
            .iter()
            .map(|item| match item {
                Item::Object { depth, tag, value, .. } => (*depth, *tag, value.len()),
                Item::Broken { .. } => panic!("{item:?}"),
            })
            .collect();
        assert_eq!(seen, [(0, 0x6F, 7), (1, 0x84, 1), (1, 0xA5, 1), (0, 0x9F38, 1)]);
    }

    #[test]
    fn what_is_wrong_is_named() {
        let why = |bytes: &[u8]| match walk(bytes).last() {
            Some(Item::Broken { why, .. }) => *why,
            other => panic!("{other:?}"),
        };
        assert_eq!(why(&[0x5A, 0x08, 0x62]), Why::Value { tag: 0x5A, claimed: 8, there: 1 });
        assert_eq!(why(&[0x9F]), Why::Tag);
        assert_eq!(why(&[0x9F, 0x81, 0x82, 0x83, 0x04]), Why::Tag);
        assert_eq!(why(&[0x5A, 0x84, 0, 0, 0, 1, 0]), Why::Length);
        assert_eq!(why(&[0x5A, 0x82, 1]), Why::Length);
        assert_eq!(why(&[0x5A]), Why::Length);
    }

    #[test]
    fn lists() {
        assert_eq!(list(&[0x9F, 0x66, 4, 0x9A, 3]), (vec![(0x9F66, 4), (0x9A, 3)], true));
        assert_eq!(list(&[0x9A, 3, 0x9F]), (vec![(0x9A, 3)], false));
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in any::<Vec<u8>>()) {
            let items = walk(&bytes);
            prop_assert!(items.len() <= bytes.len());
            let _ = list(&bytes);
        }

        #[test]
        fn deep_nesting_ends(depth in 0usize..120) {
            let mut bytes = vec![];
            for _ in 0..depth {
                let len = u8::try_from(bytes.len()).unwrap_or(0);
                bytes.splice(0..0, [0x70, 0x81, len]);
            }
            prop_assert!(walk(&bytes).len() <= depth);
        }
    }
}
