//! Hexadecimal text.

use core::fmt;

/// Bytes of hexadecimal text; the number of bytes, or nothing when a character is no digit, their number is odd
/// or the buffer is too short.
#[must_use]
pub fn decode(text: &str, buffer: &mut [u8]) -> Option<usize> {
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if !rest.is_empty() || pairs.len() > buffer.len() {
        return None;
    }
    for (byte, [high, low]) in buffer.iter_mut().zip(pairs) {
        let digit = |c: u8| char::from(c).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        *byte = digit(*high)? << 4 | digit(*low)?;
    }
    Some(pairs.len())
}

/// Shows bytes as hexadecimal text, in lower case.
pub struct Hex<'a>(pub &'a [u8]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;

    #[test]
    fn there_and_back() {
        let mut buffer = [0; 3];
        assert_eq!(decode("00fFA1", &mut buffer), Some(3));
        assert_eq!(std::format!("{}", Hex(&buffer)), "00ffa1");
        assert_eq!(decode("", &mut buffer), Some(0));
        for bad in ["0", "0g", "+1", "00000000"] {
            assert_eq!(decode(bad, &mut buffer), None, "{bad}");
        }
    }
}
