//! A client of the GDB remote serial protocol ("Debugging with GDB", appendix E), as far as QEMU's stub needs it.

mod client;
mod packet;

pub(crate) use client::unexpected;
pub use client::{Client, RspError};
pub use packet::{Decoder, PacketError, encode, from_hex, to_hex};
