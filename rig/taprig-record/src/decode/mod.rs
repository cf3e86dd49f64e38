//! Describes bytes for people: data objects, commands, status words, bit fields.
//!
//! Nothing in this module decides anything: no verdict rests on it. For any bytes it says how far they could be parsed.
//! The rules of the card are in `taprig-card`, and the rules of the reader in the firmware.

pub mod apdu;
pub mod bits;
pub mod dialogue;
pub mod tag;
pub mod tlv;
pub mod value;

pub use dialogue::{Decoded, Dialogue, Part};
pub use value::View;

/// Upper-case hexadecimal without blanks.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02X}")).collect()
}
