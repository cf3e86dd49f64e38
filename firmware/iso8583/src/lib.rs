//! The terminal's side of the acquirer's messages: ISO 8583 (1987) in the form that bus validators in China use.
//!
//! A [`Writer`] makes the frame of a request in a buffer of the caller. An [`Assembler`] collects the bytes of a line until
//! a frame is whole, and a [`Message`] reads the frame without copying it. [`WorkingKeys`], [`DenyPage`],
//! [`AuthorityList`] and [`AuthorityKey`] read what answers carry in fields 62 and 63. No heap, no clock, no input or output.
//!
//! ```text
//! Writer --frame--> line to the host
//! line from the host --bytes--> Assembler --content--> Message --fields--> WorkingKeys, DenyPage, ..
//! ```
//!
//! The format is described in `rig/taprig/doc/acquirer.md`. This crate was written from that document only. It shares no code
//! with `taprig-acquirer`, the host: a misreading on one side shows against the other.
//!
//! ```
//! use iso8583::{Additional, Header, MacKey, Message, Tpdu, Writer, mti};
//!
//! let key = MacKey::new(&[0x33; 8]).unwrap();
//! let mut buffer = [0; 256];
//! let mut writer = Writer::new(&mut buffer, Tpdu::new(3, 9), Header([0x61, 0x32, 0x00, 0x32, 0x46, 0x05]), mti::RIDE);
//! writer.digits(2, "6222021234567894").number(3, 0).amount(100).trace(1);
//! writer.number(22, 72).number(25, 0).text(41, "12345678").text(42, "123456789012345").text(49, "156");
//! writer.additional(&Additional::ride(1));
//! let frame = writer.finish(Some(&key)).unwrap();
//!
//! let message = Message::decode(&frame[2..]).unwrap();
//! assert_eq!((message.mti(), message.trace(), message.amount()), (mti::RIDE, Some(1), Some(100)));
//! assert!(message.mac_is_good(&key));
//! ```
#![no_std]

#[cfg(test)]
extern crate std;

pub mod additional;
pub mod assembler;
pub mod authority;
pub mod deny;
pub mod digits;
pub mod error;
mod field;
pub mod keys;
pub mod mac;
pub mod message;
pub mod mti;
#[cfg(test)]
mod tests;
pub mod tlv;
pub mod totals;
pub mod writer;

pub use additional::{Additional, network};
pub use assembler::{Assembler, Overlong};
pub use authority::{AuthorityKey, AuthorityList, Expiry, ListEntry};
pub use deny::{Cursor, DenyPage};
pub use digits::Digits;
pub use error::{Error, What};
pub use keys::{KeyError, KeySet, MacKeyLength, Slot, WorkingKeys};
pub use mac::{Key, MacKey, mac};
pub use message::{Header, Message, Tpdu};
pub use totals::{Item, Items, PartTotals, SettlementResult, Totals};
pub use writer::Writer;
