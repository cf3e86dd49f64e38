//! Words that a card can't foresee, from the times at which bytes arrive.
//!
//! The low bits of a fast counter at each received byte depend on the other side's clock, on its software and on people; the
//! unpredictable number of a fare validator needs no more, keys would. A chip with a generator of its own stirs its words
//! in too.

use core::sync::atomic::{AtomicU32, Ordering};

/// What was gathered.
#[derive(Debug)]
pub struct Pool {
    state: AtomicU32,
    drawn: AtomicU32,
}

impl Default for Pool {
    fn default() -> Self {
        Self::new()
    }
}

/// A bijection of 32 bits in which every bit of the input reaches every bit of the output (MurmurHash3's finaliser).
const fn mix(mut x: u32) -> u32 {
    x ^= x >> 16;
    x = x.wrapping_mul(0x85EB_CA6B);
    x ^= x >> 13;
    x = x.wrapping_mul(0xC2B2_AE35);
    x ^ (x >> 16)
}

impl Pool {
    /// Nothing gathered yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { state: AtomicU32::new(0x7461_7072), drawn: AtomicU32::new(0) }
    }

    /// Adds the value of a fast counter at an event that nobody chooses to the tick.
    pub fn stir(&self, counter: u32) {
        let state = self.state.load(Ordering::Relaxed);
        self.state.store(mix(state ^ counter).rotate_left(5), Ordering::Relaxed);
    }

    /// A word; the next one is another.
    pub fn draw(&self, counter: u32) -> u32 {
        self.stir(counter);
        let drawn = self.drawn.load(Ordering::Relaxed).wrapping_add(0x9E37_79B9);
        self.drawn.store(drawn, Ordering::Relaxed);
        mix(self.state.load(Ordering::Relaxed).wrapping_add(drawn))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_differ_from_each_other_and_with_the_times_of_the_bytes() {
        let words = |arrivals: &[u32]| {
            let pool = Pool::new();
            arrivals.iter().for_each(|&counter| pool.stir(counter));
            [pool.draw(1), pool.draw(1), pool.draw(1)]
        };
        let [a, b, c] = words(&[100, 200]);
        assert!(a != b && b != c && a != c);
        assert_ne!(words(&[100, 200]), words(&[100, 201]));
    }
}
