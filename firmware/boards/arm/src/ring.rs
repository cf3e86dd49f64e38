//! Bytes from an interrupt to the firmware.

use core::sync::atomic::{AtomicU8, AtomicUsize, Ordering};

/// A ring of `N` bytes between one writer (an interrupt) and one reader. Holds `N - 1`; `N` is a power of two.
#[derive(Debug)]
pub struct Ring<const N: usize> {
    bytes: [AtomicU8; N],
    /// Where the writer writes next.
    head: AtomicUsize,
    /// Where the reader reads next.
    tail: AtomicUsize,
}

impl<const N: usize> Default for Ring<N> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const N: usize> Ring<N> {
    /// An empty ring.
    #[must_use]
    pub const fn new() -> Self {
        assert!(N.is_power_of_two());
        Self { bytes: [const { AtomicU8::new(0) }; N], head: AtomicUsize::new(0), tail: AtomicUsize::new(0) }
    }

    /// Keeps a byte. `false`: the ring is full and the byte lost, as in a UART that nobody reads.
    pub fn push(&self, byte: u8) -> bool {
        let head = self.head.load(Ordering::Relaxed);
        let next = (head + 1) % N;
        if next == self.tail.load(Ordering::Acquire) {
            return false;
        }
        self.bytes[head % N].store(byte, Ordering::Relaxed);
        self.head.store(next, Ordering::Release);
        true
    }

    /// The oldest byte.
    pub fn pop(&self) -> Option<u8> {
        let tail = self.tail.load(Ordering::Relaxed);
        if tail == self.head.load(Ordering::Acquire) {
            return None;
        }
        let byte = self.bytes[tail % N].load(Ordering::Relaxed);
        self.tail.store((tail + 1) % N, Ordering::Release);
        Some(byte)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_come_out_in_order_and_a_full_ring_refuses() {
        let ring = Ring::<4>::new();
        for round in 0..5 {
            assert!((0..3).all(|byte| ring.push(round + byte)));
            assert!(!ring.push(99), "holds three");
            assert_eq!([ring.pop(), ring.pop(), ring.pop()], [Some(round), Some(round + 1), Some(round + 2)]);
            assert_eq!(ring.pop(), None);
        }
    }

    #[test]
    fn an_interrupt_and_the_firmware_may_meet() {
        static RING: Ring<16> = Ring::new();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for byte in 0..=255 {
                    while !RING.push(byte) {
                        std::thread::yield_now();
                    }
                }
            });
            for expected in 0..=255 {
                let byte = loop {
                    match RING.pop() {
                        Some(byte) => break byte,
                        None => std::thread::yield_now(),
                    }
                };
                assert_eq!(byte, expected);
            }
        });
    }
}
