//! Primary account numbers.

use core::fmt;

use heapless::{String, Vec};

/// A primary account number, 1 to 19 digits. `Debug` shows it masked, so that it never lands whole in a log.
#[derive(Clone, PartialEq, Eq)]
pub struct Pan(String<19>);

impl Pan {
    /// From ASCII digits; nothing when a character is no digit or there are none or more than 19.
    #[must_use]
    pub fn from_digits(text: &str) -> Option<Self> {
        let good = !text.is_empty() && text.bytes().all(|c| c.is_ascii_digit());
        good.then(|| String::try_from(text).ok().map(Self)).flatten()
    }

    /// From compressed numeric form (tag 5A): BCD digits, left-justified, filled up with F at the right.
    #[must_use]
    pub fn from_compressed(bytes: &[u8]) -> Option<Self> {
        let mut digits = String::new();
        let mut ended = false;
        for nibble in bytes.iter().flat_map(|byte| [byte >> 4, byte & 0x0F]) {
            match nibble {
                0..=9 if !ended => digits.push(char::from(b'0' + nibble)).ok()?,
                0xF => ended = true,
                _ => return None,
            }
        }
        (!digits.is_empty()).then_some(Self(digits))
    }

    /// The digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// First six and last four digits, asterisks between. Of a number too short for that, the last four only.
    #[must_use]
    pub fn masked(&self) -> String<19> {
        let length = self.0.len();
        let first = if length > 10 { 6 } else { 0 };
        let show = |i: usize| i < first || i + 4 >= length;
        let mut masked = String::new();
        for (i, digit) in self.0.chars().enumerate() {
            let _ = masked.push(if show(i) { digit } else { '*' });
        }
        masked
    }

    /// Ten bytes of compressed numeric form, as certificates of cards hold it.
    #[must_use]
    pub fn compressed(&self) -> [u8; 10] {
        let mut bytes = [0xFF; 10];
        let nibbles: Vec<u8, 19> = self.0.bytes().map(|digit| digit - b'0').collect();
        for (byte, pair) in bytes.iter_mut().zip(nibbles.chunks(2)) {
            *byte = (pair[0] << 4) | pair.get(1).copied().unwrap_or(0xF);
        }
        bytes
    }
}

impl fmt::Debug for Pan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pan({})", self.masked())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compressed_form_comes_back() {
        for text in ["6226000000000007", "6226000000000000007", "1"] {
            let pan = Pan::from_digits(text).unwrap();
            assert_eq!(Pan::from_compressed(&pan.compressed()).unwrap().as_str(), text);
        }
        assert!(Pan::from_compressed(&[0xFF]).is_none());
        assert!(Pan::from_compressed(&[0x1F, 0x23]).is_none());
        assert!(Pan::from_compressed(&[0x1A]).is_none());
        assert!(Pan::from_compressed(&[0x11; 10]).is_none(), "twenty digits");
        assert!(Pan::from_digits("12a4").is_none());
    }

    #[test]
    fn logs_see_it_masked() {
        let pan = Pan::from_digits("6226001234567890").unwrap();
        assert_eq!(std::format!("{pan:?}"), "Pan(622600******7890)");
        assert_eq!(Pan::from_digits("1234567").unwrap().masked(), "***4567");
    }
}
