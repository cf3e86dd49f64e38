//! Bytes in words, for people: data objects, commands, status words, bit fields.
//!
//! Nothing here decides anything: no verdict rests on it, and whatever the bytes are, it says how far they made
//! sense. The rules of the card are `taprig-card`'s, those of the reader the firmware's.

pub mod apdu;
pub mod bits;
pub mod dialogue;
pub mod tag;
pub mod tlv;
pub mod value;

pub use dialogue::Dialogue;
pub use value::View;

/// Upper-case hex without blanks.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02X}")).collect()
}
