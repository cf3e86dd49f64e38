//! The self-test of a board's air: its transmitter is wired to its own receiver, and what comes back is counted.
//!
//! A frame of the air is sent without gaps, so blocks are as long as the longest frame: a receiver that is too slow for its
//! line loses a byte of a block, and every block shows it.

/// Bytes of a block.
pub const BLOCK: usize = 256;

/// How long to wait for the next byte of a block, in us. A byte of the slowest line takes 87.
pub const PATIENCE_US: u64 = 20_000;

/// What was sent and what came back.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Bytes sent.
    pub sent: u32,
    /// Bytes that came back.
    pub back: u32,
    /// Bytes that came back and were not the next ones sent.
    pub wrong: u32,
}

/// The bytes of block `number`. No two blocks in a row are alike, and a byte differs from the one before and after it.
#[must_use]
pub fn block(number: u32) -> [u8; BLOCK] {
    let start = number.wrapping_mul(29);
    // The low eight bits are meant.
    core::array::from_fn(|at| start.wrapping_add((at as u32).wrapping_mul(167)) as u8)
}

impl Tally {
    /// Sends `blocks` blocks by `send`, one after the other, and counts what `next` gives. `next` waits for a byte for at
    /// most [`PATIENCE_US`]. A block that is short ends with `None`.
    #[must_use]
    pub fn of(blocks: u32, mut send: impl FnMut(&[u8]), mut next: impl FnMut() -> Option<u8>) -> Self {
        let mut tally = Self::default();
        for number in 0..blocks {
            let block = block(number);
            send(&block);
            tally.sent += BLOCK as u32;
            for expected in block {
                let Some(byte) = next() else { break };
                tally.back += 1;
                tally.wrong += u32::from(byte != expected);
            }
        }
        tally
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::cell::RefCell;
    use std::collections::VecDeque;

    /// A line that loses the bytes of these numbers.
    fn over(lost: &[usize], damage: impl Fn(u8) -> u8) -> Tally {
        let line = RefCell::new((VecDeque::new(), 0));
        Tally::of(
            4,
            |bytes| {
                for &byte in bytes {
                    let (queue, count) = &mut *line.borrow_mut();
                    if !lost.contains(count) {
                        queue.push_back(damage(byte));
                    }
                    *count += 1;
                }
            },
            || line.borrow_mut().0.pop_front(),
        )
    }

    #[test]
    fn a_whole_line_gives_back_what_was_sent() {
        assert_eq!(over(&[], |byte| byte), Tally { sent: 1024, back: 1024, wrong: 0 });
    }

    #[test]
    fn a_lost_byte_shows_in_the_count_and_in_what_follows() {
        assert_eq!(over(&[250], |byte| byte), Tally { sent: 1024, back: 1023, wrong: 5 });
        assert_eq!(over(&[0, 300, 1023], |byte| byte).back, 1021);
    }

    #[test]
    fn a_damaged_line_and_an_open_one() {
        assert_eq!(over(&[], |byte| byte ^ 0x80), Tally { sent: 1024, back: 1024, wrong: 1024 });
        assert_eq!(Tally::of(2, |_| (), || None), Tally { sent: 512, back: 0, wrong: 0 });
    }

    #[test]
    fn neighbours_differ() {
        for number in 0..300 {
            assert!(block(number).windows(2).all(|pair| pair[0] != pair[1]));
            assert_ne!(block(number), block(number + 1));
        }
    }
}
