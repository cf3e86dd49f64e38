//! Digits in BCD, two in a byte.

/// Where an odd digit stands, and so where the filler nibble is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Align {
    /// The digits begin at the left nibble. The filler is the last nibble.
    Left,
    /// The digits end at the right nibble. The filler is the first nibble.
    Right,
}

/// Why bytes are not digits in BCD.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotBcd {
    /// A nibble is no digit.
    #[error("the nibble {nibble:X} is not a digit")]
    Digit {
        /// Index of its byte, from 0.
        at: usize,
        /// The nibble.
        nibble: u8,
    },
    /// The filler of an odd number of digits is not 0.
    #[error("the filler of an odd number of digits is {nibble:X}, where 0 belongs")]
    Filler {
        /// Index of its byte, from 0.
        at: usize,
        /// The nibble.
        nibble: u8,
    },
}

impl NotBcd {
    /// Index of the wrong byte, from 0.
    #[must_use]
    pub const fn at(self) -> usize {
        match self {
            Self::Digit { at, .. } | Self::Filler { at, .. } => at,
        }
    }
}

/// Number of bytes that so many digits take.
#[must_use]
pub const fn bytes(digits: usize) -> usize {
    digits.div_ceil(2)
}

/// The first `count` digits of `bytes`. With `separator`, the nibble D is a digit too, as in track 2.
///
/// # Errors
/// A nibble is no digit, or the filler is not 0.
pub fn decode(from: &[u8], count: usize, align: Align, separator: bool) -> Result<String, NotBcd> {
    let odd = count % 2 == 1;
    let filler = match align {
        Align::Left => count,
        Align::Right => 0,
    };
    let mut digits = String::with_capacity(count);
    for place in 0..bytes(count) * 2 {
        let (at, byte) = (place / 2, from.get(place / 2).copied().unwrap_or(0));
        let nibble = if place % 2 == 0 { byte >> 4 } else { byte & 0x0F };
        match nibble {
            0 if odd && place == filler => {}
            _ if odd && place == filler => return Err(NotBcd::Filler { at, nibble }),
            0..=9 => digits.push(char::from(b'0' + nibble)),
            0xD if separator => digits.push('D'),
            _ => return Err(NotBcd::Digit { at, nibble }),
        }
    }
    Ok(digits)
}

/// These digits in BCD. `D` becomes the nibble D. The filler is 0, and so is every character that is no digit.
#[must_use]
pub fn encode(digits: &str, align: Align) -> Vec<u8> {
    let nibble = |c: u8| match c {
        b'0'..=b'9' => c - b'0',
        b'D' => 0xD,
        _ => 0,
    };
    let mut nibbles: Vec<u8> = digits.bytes().map(nibble).collect();
    if nibbles.len() % 2 == 1 {
        match align {
            Align::Left => nibbles.push(0),
            Align::Right => nibbles.insert(0, 0),
        }
    }
    nibbles.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_odd_digit_stands_where_its_field_puts_it() {
        assert_eq!(encode("072", Align::Left), [0x07, 0x20]);
        assert_eq!(encode("001", Align::Right), [0x00, 0x01]);
        assert_eq!(decode(&[0x07, 0x20], 3, Align::Left, false).unwrap(), "072");
        assert_eq!(decode(&[0x00, 0x01], 3, Align::Right, false).unwrap(), "001");
        assert_eq!(decode(&[0x07, 0x2F], 3, Align::Left, false), Err(NotBcd::Filler { at: 1, nibble: 0xF }));
        assert_eq!(decode(&[0x10, 0x01], 3, Align::Right, false), Err(NotBcd::Filler { at: 0, nibble: 1 }));
    }

    #[test]
    fn only_track_2_has_a_separator() {
        assert_eq!(decode(&[0x62, 0xD3], 4, Align::Left, true).unwrap(), "62D3");
        assert_eq!(decode(&[0x62, 0xD3], 4, Align::Left, false), Err(NotBcd::Digit { at: 1, nibble: 0xD }));
    }

    proptest! {
        #[test]
        fn digits_come_back(digits in "[0-9]{0,40}", left: bool) {
            let align = if left { Align::Left } else { Align::Right };
            prop_assert_eq!(decode(&encode(&digits, align), digits.len(), align, false).unwrap(), digits);
        }
    }
}
