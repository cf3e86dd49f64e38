//! Digits as they are on the wire: two in a byte.

use core::fmt;

/// The digits of a field, still packed two in a byte. The separator of track 2 counts as the digit 13.
#[derive(Clone, Copy)]
pub struct Digits<'a> {
    bytes: &'a [u8],
    /// The nibble at which the digits begin: 1 if the filler stands on the left.
    first: usize,
    len: usize,
}

impl<'a> Digits<'a> {
    /// `len` digits, which begin at this nibble. The caller has checked that they are there.
    pub(crate) fn new(bytes: &'a [u8], first: usize, len: usize) -> Self {
        Self { bytes, first, len: len.min((bytes.len() * 2).saturating_sub(first)) }
    }

    /// The number of digits.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no digit.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The digit at this place, counted from 0 on the left.
    #[must_use]
    pub fn get(&self, at: usize) -> Option<u8> {
        if at >= self.len {
            return None;
        }
        let nibble = self.first + at;
        let byte = *self.bytes.get(nibble / 2)?;
        Some(if nibble.is_multiple_of(2) { byte >> 4 } else { byte & 0x0F })
    }

    /// The digits, each as a number from 0 to 9 (or 13, the separator).
    pub fn iter(&self) -> impl Iterator<Item = u8> + use<'a> {
        let digits = *self;
        (0..digits.len).filter_map(move |at| digits.get(at))
    }

    /// The digits from `from`, at most `len` of them.
    #[must_use]
    pub fn part(&self, from: usize, len: usize) -> Digits<'a> {
        let from = from.min(self.len);
        Digits { bytes: self.bytes, first: self.first + from, len: len.min(self.len - from) }
    }

    /// The number that the digits are. `None` if there are more than 19, or a separator is among them.
    #[must_use]
    pub fn value(&self) -> Option<u64> {
        if self.len > 19 {
            return None;
        }
        self.iter().try_fold(0_u64, |value, digit| (digit < 10).then(|| value * 10 + u64::from(digit)))
    }

    /// The digits without zeros on the left.
    #[must_use]
    pub fn without_zeros(&self) -> Digits<'a> {
        let zeros = self.iter().take_while(|digit| *digit == 0).count();
        self.part(zeros, self.len)
    }
}

impl fmt::Display for Digits<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.iter().try_for_each(|digit| write!(f, "{digit:X}"))
    }
}

impl fmt::Debug for Digits<'_> {
    /// Only the number of digits: they may be an account number.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digits({})", self.len)
    }
}

impl PartialEq for Digits<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.len == other.len && self.iter().eq(other.iter())
    }
}

impl Eq for Digits<'_> {}

impl PartialEq<&str> for Digits<'_> {
    fn eq(&self, other: &&str) -> bool {
        self.len == other.len() && self.iter().zip(other.bytes()).all(|(digit, wanted)| character(digit) == wanted)
    }
}

/// A digit as a character, `D` for the separator.
fn character(digit: u8) -> u8 {
    if digit < 10 { b'0' + digit } else { b'A' + digit - 10 }
}
