//! What travels between the parts of a bench, and how it is framed.
//!
//! - [`link`]: messages between the rig and the card emulator, over the emulator's serial port.
//! - [`air`]: what passes between validator and card emulator where the air is a UART between two boards.
//! - [`frame`]: packing of either into bytes: COBS, closed by a zero byte, a CRC where the line has none of its own.
//! - [`loopback`]: the self-test of a board whose air is wired to itself.
//! - [`crc`]: the check sums of ISO/IEC 14443-3 and of the serial link.
//!
//! The crate is the only one that firmware and rig share. It holds no rule of EMV: the two sides of the
//! card are written independently, so that a misreading in one shows against the other.
#![no_std]

pub mod air;
pub mod crc;
pub mod frame;
pub mod link;
pub mod loopback;

/// Longest command APDU without extended length: header, Lc, 255 bytes of data, Le.
pub const MAX_COMMAND: usize = 261;

/// Longest response APDU without extended length: 256 bytes of data and the status word.
pub const MAX_RESPONSE: usize = 258;

/// A command APDU.
pub type Command = heapless::Vec<u8, MAX_COMMAND>;

/// A response APDU.
pub type Response = heapless::Vec<u8, MAX_RESPONSE>;
