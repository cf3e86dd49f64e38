//! One part of a suite, for machines that share a run.

use std::fmt;
use std::str::FromStr;

/// A part of a suite: `2/4` is the second of four. Which part a sub-case belongs to depends on its id alone, so that
/// machines agree without talking to each other, and a new case moves no other case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Partition {
    part: u16,
    of: u16,
}

impl Partition {
    /// Whether a sub-case belongs to this part.
    #[must_use]
    pub fn takes(self, id: &str) -> bool {
        hash(id) % u64::from(self.of) + 1 == u64::from(self.part)
    }

    /// Number of parts of the whole.
    #[must_use]
    pub const fn of(self) -> u16 {
        self.of
    }

    /// All parts of the whole that this is a part of.
    pub fn all(self) -> impl Iterator<Item = Self> {
        (1..=self.of).map(move |part| Self { part, of: self.of })
    }
}

/// FNV-1a. It is written out here because the parts have to be the same with every version of every library. Its low
/// bits depend on too few bits of the text to divide by a power of two, so the halves are combined.
fn hash(text: &str) -> u64 {
    let hash = text
        .bytes()
        .fold(0xCBF2_9CE4_8422_2325, |hash: u64, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01B3));
    hash ^ (hash >> 32)
}

impl fmt::Display for Partition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.part, self.of)
    }
}

/// The text is not a part of a suite.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("write the part and the number of parts: `1/4` is the first of four")]
pub struct NoPartition;

impl FromStr for Partition {
    type Err = NoPartition;

    fn from_str(text: &str) -> Result<Self, NoPartition> {
        let (part, of) = text.split_once('/').ok_or(NoPartition)?;
        let number = |text: &str| text.parse::<u16>().map_err(|_| NoPartition);
        let (part, of) = (number(part)?, number(of)?);
        if (1..=of).contains(&part) { Ok(Self { part, of }) } else { Err(NoPartition) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_no_part_is_refused() {
        for text in ["", "1", "0/4", "5/4", "1/0", "a/b", "1/4/2", "-1/4", "1/70000"] {
            assert_eq!(text.parse::<Partition>(), Err(NoPartition), "{text}");
        }
        assert_eq!("2/4".parse::<Partition>().unwrap().to_string(), "2/4");
    }

    /// If this fails, machines with two versions of taprig no longer agree.
    #[test]
    fn parts_never_change() {
        let parts = |id: &str| (1..=4).find(|part| Partition { part: *part, of: 4 }.takes(id));
        let ids = ["BUS-001", "BUS-002", "ODA-004/first-bit", "REA-001", "SEL-010", "ISO-002"];
        assert_eq!(ids.map(parts), PARTS.map(Some));
    }

    const PARTS: [u16; 6] = [4, 3, 2, 2, 2, 3];

    #[test]
    fn parts_are_of_like_size() {
        let half: Partition = "1/2".parse().unwrap();
        let ids = (0..1000).map(|number| format!("BUS-{number:03}"));
        let taken = ids.filter(|id| half.takes(id)).count();
        assert!((400..600).contains(&taken), "{taken}");
    }

    proptest! {
        #[test]
        fn each_id_belongs_to_exactly_one_part(id in "[A-Z]{3}-[0-9]{3}(/[a-z]{1,9})?", of in 1u16..20) {
            let whole = Partition { part: 1, of };
            prop_assert_eq!(whole.all().filter(|part| part.takes(&id)).count(), 1);
        }
    }
}
