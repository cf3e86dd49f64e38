//! The card's random numbers. They depend only on a seed, so that a run can be repeated with the same bytes.

use sha1::{Digest, Sha1};

/// A source of bytes: SHA-1 over the seed and a counter. It gives the same bytes on every machine and with every
/// version of a library.
#[derive(Debug, Clone)]
pub(crate) struct Random {
    seed: u64,
    count: u64,
}

impl Random {
    pub(crate) const fn new(seed: u64) -> Self {
        Self { seed, count: 0 }
    }

    pub(crate) fn bytes(&mut self, length: usize) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(length + 20);
        while bytes.len() < length {
            let mut hash = Sha1::new();
            hash.update(self.seed.to_be_bytes());
            hash.update(self.count.to_be_bytes());
            bytes.extend(hash.finalize());
            self.count += 1;
        }
        bytes.truncate(length);
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_tells_all() {
        let mut one = Random::new(1);
        let first = one.bytes(30);
        assert_eq!(first.len(), 30);
        assert_ne!(one.bytes(30), first);
        assert_eq!(Random::new(1).bytes(30), first);
        assert_ne!(Random::new(2).bytes(30), first);
    }
}
