//! Card emulator: the body of a contactless card, whose mind is on the host.
//!
//! The board answers activation (ISO/IEC 14443-3 type A, [`activation`]) and the block protocol (ISO/IEC 14443-4,
//! [`blocks`]) by itself, as a card does. Each command APDU goes up the serial link as a
//! [`Report::Command`](wire::link::Report::Command); the response APDU comes down with what is to go wrong on
//! its way to the reader. While the host thinks, S(WTX) keeps the reader waiting.
//!
//! ```text
//!   rig  <--- wire::link --->  relay  --->  card { activation, blocks }  <--- wire::air --->  reader
//!                                └── air time
//! ```
//!
//! A board implements [`CardBoard`] and calls [`run`]. A board with another air than a UART implements [`Air`] too, and calls
//! [`run_over`]. Blocking code, no heap; all waiting is in [`CardBoard::sleep`].
#![no_std]

pub mod activation;
pub mod air;
pub mod air_time;
pub mod blocks;
mod board;
pub mod card;
mod loopback;
mod relay;
mod stage;

pub use air::Air;
pub use board::CardBoard;
pub use relay::{Relay, run, run_over};

#[cfg(test)]
mod testing;

/// Longest frame that this card sends: what an [`Answer`](wire::air::Message::Answer) carries beside kind, number and
/// delay. Above FSD of 256 bytes, so that an oversized block can be sent.
pub const MAX_FRAME: usize = wire::air::MAX_MESSAGE - 6;

/// One frame of the card, CRC included where the standard has one.
pub type Frame = heapless::Vec<u8, MAX_FRAME>;

/// `body` and its CRC_A. What a frame can't carry is left out; no caller comes near.
#[must_use]
pub fn with_crc(body: &[u8]) -> Frame {
    let body = &body[..body.len().min(MAX_FRAME - 2)];
    body.iter().copied().chain(wire::crc::crc_a(body)).collect()
}
