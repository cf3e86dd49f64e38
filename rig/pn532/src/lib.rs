//! The host protocol of the PN532, a contactless chip that can act as a card. This crate holds the host's view of it.
//!
//! [`frame`] packs bytes for the chip's serial port and finds its frames in whatever arrives. [`command`] holds the
//! commands that a card emulation needs, their replies, and the chip's status byte. The crate does no I/O.
//!
//! The sources are public descriptions and public drivers of the chip. No PN532 was ever connected to this code.

pub mod command;
pub mod frame;
