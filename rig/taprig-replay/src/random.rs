//! What is drawn: numbers that depend on a seed and on nothing else, on every machine and with every version of a library.

use taprig_model::random::SplitMix64;

/// A source of numbers.
#[derive(Debug, Clone)]
pub(crate) struct Random(SplitMix64);

impl Random {
    /// The source of one part of a plan. Parts with other numbers draw other numbers.
    pub(crate) fn of(seed: u64, part: u64) -> Self {
        let mut random = SplitMix64(SplitMix64(seed).draw() ^ part.wrapping_mul(0xD605_BBB5_8C8A_BC2D));
        random.draw();
        Self(random)
    }

    /// A number below `limit`, or 0 if there is none.
    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        // The upper half of the product. What it prefers is below one in 2^32 for every limit of a plan.
        let wide = u128::from(self.0.draw()) * u128::from(limit);
        u64::try_from(wide >> 64).unwrap_or(0)
    }

    /// A place in a list of `length` items.
    pub(crate) fn index(&mut self, length: usize) -> usize {
        usize::try_from(self.below(length as u64)).unwrap_or(0)
    }

    /// Whether something happens that happens `often` times in a thousand.
    pub(crate) fn happens(&mut self, often: u32) -> bool {
        self.below(1000) < u64::from(often)
    }

    /// Puts items into another order.
    pub(crate) fn shuffle<T>(&mut self, items: &mut [T]) {
        for at in (1..items.len()).rev() {
            let other = self.index(at + 1);
            items.swap(at, other);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_and_a_part_tell_all() {
        let draw = |seed, part| {
            let mut random = Random::of(seed, part);
            [random.below(1000), random.below(1000), random.below(1 << 40)]
        };
        assert_eq!(draw(1, 2), draw(1, 2));
        assert_ne!(draw(1, 2), draw(2, 1));
        assert_ne!(draw(1, 2), draw(1, 3));
    }

    #[test]
    fn numbers_are_below_their_limit_and_reach_all_of_it() {
        let mut random = Random::of(7, 7);
        let mut seen = [0_u32; 5];
        for _ in 0..500 {
            seen[random.index(5)] += 1;
        }
        assert!(seen.iter().all(|count| (60..140).contains(count)), "{seen:?}");
        assert_eq!((random.below(0), random.below(1)), (0, 0));
        assert!(!random.happens(0) && random.happens(1000));
        let mut order: Vec<u32> = (0..20).collect();
        random.shuffle(&mut order);
        assert_ne!(order, (0..20).collect::<Vec<_>>());
        order.sort_unstable();
        assert_eq!(order, (0..20).collect::<Vec<_>>());
    }
}
