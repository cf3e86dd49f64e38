//! BER-TLV data objects as a card builds them (EMV Book 3, annex B), including objects that a case breaks.

/// A data object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Node {
    /// The tag, its bytes as a number: 0x9F4B.
    pub(crate) tag: u32,
    pub(crate) body: Body,
    /// The bytes of the length field, if a case replaces the right ones.
    pub(crate) length: Option<Vec<u8>>,
}

/// The content of a data object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Body {
    Value(Vec<u8>),
    Template(Vec<Node>),
}

impl Node {
    pub(crate) fn value(tag: u32, value: impl Into<Vec<u8>>) -> Self {
        Self { tag, body: Body::Value(value.into()), length: None }
    }

    pub(crate) fn template(tag: u32, nodes: Vec<Self>) -> Self {
        Self { tag, body: Body::Template(nodes), length: None }
    }

    /// The value field.
    pub(crate) fn content(&self) -> Vec<u8> {
        match &self.body {
            Body::Value(value) => value.clone(),
            Body::Template(nodes) => encode(nodes),
        }
    }

    fn write(&self, out: &mut Vec<u8>) {
        let content = self.content();
        out.extend(tag_bytes(self.tag));
        match &self.length {
            Some(length) => out.extend(length),
            None => out.extend(length_bytes(content.len())),
        }
        out.extend(content);
    }
}

/// The bytes of data objects, in order.
pub(crate) fn encode(nodes: &[Node]) -> Vec<u8> {
    let mut out = Vec::new();
    for node in nodes {
        node.write(&mut out);
    }
    out
}

fn tag_bytes(tag: u32) -> impl Iterator<Item = u8> {
    tag.to_be_bytes().into_iter().skip_while(|byte| *byte == 0)
}

/// The length field, in its shortest form.
fn length_bytes(length: usize) -> Vec<u8> {
    match length {
        0..=0x7F => vec![length.to_le_bytes()[0]],
        0x80..=0xFF => vec![0x81, length.to_le_bytes()[0]],
        _ => vec![0x82, length.to_le_bytes()[1], length.to_le_bytes()[0]],
    }
}

/// An entry of a data object list: a tag and a length (EMV Book 3, clause 5.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct DolEntry {
    pub(crate) tag: u32,
    pub(crate) length: usize,
}

/// The entries of a data object list, or `None` if the list ends within an entry.
pub(crate) fn data_object_list(bytes: &[u8]) -> Option<Vec<DolEntry>> {
    let mut rest = bytes.iter().copied();
    let mut entries = Vec::new();
    while let Some(first) = rest.next() {
        let mut tag = u32::from(first);
        if first & 0x1F == 0x1F {
            loop {
                let next = rest.next()?;
                tag = tag.checked_mul(0x100)? | u32::from(next);
                if next & 0x80 == 0 {
                    break;
                }
            }
        }
        entries.push(DolEntry { tag, length: rest.next()?.into() });
    }
    Some(entries)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn lengths_take_their_shortest_form() {
        let length = |n: usize| length_bytes(n);
        assert_eq!(length(0), [0]);
        assert_eq!(length(127), [0x7F]);
        assert_eq!(length(128), [0x81, 0x80]);
        assert_eq!(length(255), [0x81, 0xFF]);
        assert_eq!(length(256), [0x82, 0x01, 0x00]);
    }

    #[test]
    fn templates_nest() {
        let fci = Node::template(0x6F, vec![Node::value(0x84, *b"A"), Node::template(0xBF0C, vec![])]);
        assert_eq!(encode(&[fci]), [0x6F, 6, 0x84, 1, b'A', 0xBF, 0x0C, 0]);
    }

    #[test]
    fn a_wrong_length_field_is_written_as_it_is() {
        let node = Node { length: Some(vec![0x82, 0xFF]), ..Node::value(0x57, [1]) };
        assert_eq!(encode(&[node]), [0x57, 0x82, 0xFF, 1]);
    }

    #[test]
    fn a_list_has_tags_of_one_to_three_bytes() {
        let list = data_object_list(&[0x9F, 0x66, 4, 0x95, 5, 0xDF, 0x81, 0x01, 2]).unwrap();
        let list: Vec<_> = list.iter().map(|entry| (entry.tag, entry.length)).collect();
        assert_eq!(list, [(0x9F66, 4), (0x95, 5), (0xDF8101, 2)]);
        assert_eq!(data_object_list(&[0x9F, 0x66]), None);
        assert_eq!(data_object_list(&[0x9F]), None);
    }

    proptest! {
        #[test]
        fn no_list_panics(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            if let Some(list) = data_object_list(&bytes) {
                prop_assert!(list.len() * 2 <= bytes.len());
            }
        }
    }
}
