//! Frames from the bytes of the line.

use heapless::Vec;
use iso8583::Assembler;

use crate::board::Board;

/// Longest answer in bytes: a page of 51 cards, or a list of 32 keys.
pub(super) const MAX_FRAME: usize = 1400;

/// A frame whose bytes stop for so long was cut, in us. The rest of it is lost, and the next byte begins a frame.
pub(super) const SILENCE_US: u64 = 1_000_000;

/// The receiving end.
#[derive(Debug)]
pub(super) struct Line {
    assembler: Assembler<MAX_FRAME>,
    last_us: u64,
    /// The frame was too long: all is dropped until the line is silent.
    deaf: bool,
}

impl Default for Line {
    fn default() -> Self {
        Self { assembler: Assembler::new(), last_us: 0, deaf: false }
    }
}

impl Line {
    /// The content of the next frame that is whole. The rest of the bytes stays with the board.
    pub(super) fn read<B: Board>(&mut self, board: &B) -> Option<Vec<u8, MAX_FRAME>> {
        if board.now_us() >= self.wake_us() {
            self.forget();
        }
        while let Some(byte) = board.uplink_read() {
            self.last_us = board.now_us();
            if self.deaf {
                continue;
            }
            match self.assembler.push(byte) {
                Ok(None) => {}
                Ok(Some(content)) => return Vec::from_slice(content).ok(),
                Err(_) => {
                    self.assembler.reset();
                    self.deaf = true;
                }
            }
        }
        None
    }

    /// When a frame that is not whole counts as cut.
    pub(super) fn wake_us(&self) -> u64 {
        if self.deaf || self.assembler.is_within() { self.last_us + SILENCE_US } else { u64::MAX }
    }

    /// Drops a frame that is not whole.
    pub(super) fn forget(&mut self) {
        self.assembler.reset();
        self.deaf = false;
    }
}
