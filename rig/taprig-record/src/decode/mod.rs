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
    // A report is mostly bytes, so they are not formatted one by one.
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        text.push(char::from(DIGITS[usize::from(byte >> 4)]));
        text.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
    text
}
