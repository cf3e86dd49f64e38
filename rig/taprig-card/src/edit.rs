//! Changes of what the finished card sends.

use crate::tlv::{Body, Node, encode};
use taprig_model::card::change::Place;

/// A change of a data object in a response.
#[derive(Debug, Clone)]
pub(crate) struct Edit {
    pub(crate) place: Option<Place>,
    pub(crate) tag: u32,
    pub(crate) kind: Kind,
    /// The change in words.
    pub(crate) words: String,
}

#[derive(Debug, Clone)]
pub(crate) enum Kind {
    Replace(Vec<u8>),
    Flip(usize),
    Drop,
    Truncate(usize),
    Extend(Vec<u8>),
    Length(Vec<u8>),
    Duplicate,
    Insert(Vec<u8>),
}

impl Edit {
    /// Whether the change concerns this response.
    pub(crate) fn concerns(&self, place: Place) -> bool {
        self.place.is_none_or(|own| own == place)
    }

    /// Alters the objects with the tag, at any depth. Returns how many objects it found.
    ///
    /// # Errors
    /// Why the change does not fit an object.
    pub(crate) fn apply(&self, nodes: &mut Vec<Node>) -> Result<usize, String> {
        let mut found = 0;
        let mut at = 0;
        while at < nodes.len() {
            if nodes[at].tag == self.tag {
                found += 1;
                at += self.alter(nodes, at)?;
                continue;
            }
            if let Body::Template(children) = &mut nodes[at].body {
                found += self.apply(children)?;
            }
            at += 1;
        }
        Ok(found)
    }

    /// Alters one object. Returns how many objects take its place.
    fn alter(&self, nodes: &mut Vec<Node>, at: usize) -> Result<usize, String> {
        let node = &mut nodes[at];
        let mut value = node.content();
        let bytes = value.len();
        match &self.kind {
            Kind::Replace(new) => node.body = Body::Value(new.clone()),
            Kind::Flip(bit) => {
                let Some(byte) = value.get_mut(bit / 8) else {
                    return Err(format!("it has {bytes} bytes, that is bits 0 to {}", (bytes * 8).saturating_sub(1)));
                };
                *byte ^= 0x80 >> (bit % 8);
                node.body = Body::Value(value);
            }
            Kind::Drop => {
                nodes.remove(at);
                return Ok(0);
            }
            Kind::Truncate(to) if *to >= bytes => return Err(format!("it has only {bytes} bytes")),
            Kind::Truncate(to) => {
                value.truncate(*to);
                node.body = Body::Value(value);
            }
            Kind::Extend(more) => {
                value.extend(more);
                node.body = Body::Value(value);
            }
            Kind::Length(field) => node.length = Some(field.clone()),
            Kind::Duplicate => {
                let again = node.clone();
                nodes.insert(at, again);
                return Ok(2);
            }
            Kind::Insert(more) => match &node.body {
                Body::Template(children) => {
                    let mut bytes = encode(children);
                    bytes.extend(more);
                    node.body = Body::Value(bytes);
                }
                Body::Value(_) => return Err("it is not a template; use `extend` to append to a value".into()),
            },
        }
        Ok(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn response() -> Vec<Node> {
        vec![Node::template(0x70, vec![Node::value(0x5A, [0x62, 0x26]), Node::value(0x57, [1])])]
    }

    fn after(tag: u32, kind: Kind) -> Result<Vec<u8>, String> {
        let mut nodes = response();
        let found = Edit { place: None, tag, kind, words: String::new() }.apply(&mut nodes)?;
        assert_eq!(found, 1);
        Ok(encode(&nodes))
    }

    #[test]
    fn each_kind_alters_one_thing() {
        assert_eq!(after(0x5A, Kind::Flip(15)).unwrap(), [0x70, 7, 0x5A, 2, 0x62, 0x27, 0x57, 1, 1]);
        assert_eq!(after(0x5A, Kind::Drop).unwrap(), [0x70, 3, 0x57, 1, 1]);
        assert_eq!(after(0x5A, Kind::Truncate(1)).unwrap(), [0x70, 6, 0x5A, 1, 0x62, 0x57, 1, 1]);
        assert_eq!(after(0x57, Kind::Extend(vec![2])).unwrap(), [0x70, 8, 0x5A, 2, 0x62, 0x26, 0x57, 2, 1, 2]);
        assert_eq!(after(0x57, Kind::Duplicate).unwrap(), [0x70, 10, 0x5A, 2, 0x62, 0x26, 0x57, 1, 1, 0x57, 1, 1]);
        assert_eq!(after(0x57, Kind::Length(vec![9])).unwrap(), [0x70, 7, 0x5A, 2, 0x62, 0x26, 0x57, 9, 1]);
        assert_eq!(after(0x70, Kind::Insert(vec![0xFF])).unwrap(), [0x70, 8, 0x5A, 2, 0x62, 0x26, 0x57, 1, 1, 0xFF]);
        assert_eq!(after(0x70, Kind::Replace(vec![])).unwrap(), [0x70, 0]);
        assert_eq!(after(0x70, Kind::Flip(0)).unwrap()[2], 0xDA);
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        assert!(after(0x5A, Kind::Flip(16)).unwrap_err().contains("bits 0 to 15"));
        assert!(after(0x5A, Kind::Truncate(2)).is_err());
        assert!(after(0x5A, Kind::Insert(vec![1])).is_err());
    }
}
