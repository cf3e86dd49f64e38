//! Writing a message.

use crate::additional::Additional;
use crate::error::{Error, What};
use crate::field::{Form, form};
use crate::mac::{MacKey, mac};
use crate::message::{FIELDS_AT, Header, MTI_AT, Tpdu};
use crate::tlv::{length_bytes, tag_bytes};
use crate::totals::{Item, MOST_ITEMS, Totals};

/// The bytes of the length before a frame.
const LENGTH: usize = 2;

/// Writes the frame of one message into a buffer. Fields have to come in rising order.
///
/// The first mistake is kept, everything after it is ignored, and [`finish`](Self::finish) returns it. So the calls can be
/// chained.
#[derive(Debug)]
pub struct Writer<'b> {
    buffer: &'b mut [u8],
    /// Where the next byte goes.
    at: usize,
    mti: u16,
    bitmap: u64,
    last: u8,
    wrong: Option<Error>,
}

impl<'b> Writer<'b> {
    /// Begins a frame: length, TPDU, header, message type (as in [`mti`](crate::mti)) and room for the bitmap, 23 bytes.
    #[must_use]
    pub fn new(buffer: &'b mut [u8], tpdu: Tpdu, header: Header, mti: u16) -> Self {
        let mut writer = Self { buffer, at: 0, mti, bitmap: 0, last: 0, wrong: None };
        writer.put(&[0; LENGTH]);
        writer.put(&tpdu.bytes());
        writer.put(&header.0);
        writer.put(&mti.to_be_bytes());
        writer.put(&[0; 8]);
        if header.0.iter().chain(&mti.to_be_bytes()).any(|byte| byte >> 4 > 9 || byte & 0x0F > 9) {
            writer.fail(What::Digit);
        }
        writer
    }

    /// A field of digits, given as characters. In field 35 the separator is `D` or `=`.
    ///
    /// A fixed field has to be given whole; see [`number`](Self::number) for zeros on the left.
    pub fn digits(&mut self, number: u8, digits: &str) -> &mut Self {
        let nibbles = digits.bytes().map(|character| match character {
            b'0'..=b'9' => character - b'0',
            b'D' | b'=' => 0x0D,
            _ => 0x0F,
        });
        self.nibbles(number, digits.len(), nibbles)
    }

    /// A field with a fixed number of digits, with zeros on the left. A number with too many digits is a mistake.
    pub fn number(&mut self, number: u8, value: u64) -> &mut Self {
        match form(number, self.mti) {
            Some(Form::Digits(len) | Form::DigitsOnRight(len)) => self.numbers(number, &[(value, len)]),
            _ => self.mistake(number, What::Form),
        }
    }

    /// A field of digits that are packed two in a byte and filled with F on the right, as cards have them in 57 and 5A.
    pub fn packed(&mut self, number: u8, bytes: &[u8]) -> &mut Self {
        let nibbles = bytes.iter().flat_map(|byte| [byte >> 4, byte & 0x0F]);
        let len = nibbles.clone().take_while(|nibble| *nibble != 0x0F).count();
        if nibbles.clone().skip(len).any(|nibble| nibble != 0x0F) {
            return self.mistake(number, What::Filler);
        }
        self.nibbles(number, len, nibbles)
    }

    /// A field of ASCII characters, which have to be as many as the field has.
    pub fn text(&mut self, number: u8, text: &str) -> &mut Self {
        match form(number, self.mti) {
            Some(Form::Text(len)) if len != text.len() => self.mistake(number, What::Length),
            Some(Form::Text(_)) if text.bytes().any(|byte| !matches!(byte, 0x20..=0x7E)) => {
                self.mistake(number, What::Text)
            }
            Some(Form::Text(_)) => {
                self.begin(number);
                self.put(text.as_bytes());
                self
            }
            _ => self.mistake(number, What::Form),
        }
    }

    /// A field of bytes with its length before it: 48 (unless it is one of digits), 55, 62 or 63.
    pub fn bytes(&mut self, number: u8, bytes: &[u8]) -> &mut Self {
        if form(number, self.mti) != Some(Form::Bytes) {
            return self.mistake(number, What::Form);
        }
        self.begin(number);
        let start = self.at;
        self.put(&[0; 2]);
        self.put(bytes);
        self.measured(start);
        self
    }

    /// Field 4: the amount in fen, at most 999,999,999,999.
    pub fn amount(&mut self, fen: u64) -> &mut Self {
        self.number(4, fen)
    }

    /// Field 11: the trace, at most 999,999.
    pub fn trace(&mut self, trace: u32) -> &mut Self {
        self.number(11, u64::from(trace))
    }

    /// Field 48 of a settlement: the totals.
    pub fn totals(&mut self, totals: &Totals) -> &mut Self {
        let ([a, b, c, d, e], [f, g, h, i, j]) = (totals.own.numbers(), totals.foreign.numbers());
        self.numbers(48, &[a, b, c, d, e, f, g, h, i, j])
    }

    /// Field 48 of a batch upload (0320 with 201): 1 to 8 payments.
    pub fn items(&mut self, items: &[Item<&str>]) -> &mut Self {
        if !(1..=MOST_ITEMS).contains(&items.len()) {
            return self.mistake(48, What::Length);
        }
        let whole = |item: &Item<&str>| {
            item.kind < 100 && item.trace < 1_000_000 && item.amount < 1_000_000_000_000 && item.card.len() <= 20
        };
        if !items.iter().all(whole) {
            return self.mistake(48, What::Length);
        }
        let digits = items.iter().flat_map(|item| {
            let card = item.card.bytes().map(|character| match character {
                b'0'..=b'9' => character - b'0',
                _ => 0x0F,
            });
            let zeros = core::iter::repeat_n(0, 20 - item.card.len());
            decimal(u64::from(item.kind), 2)
                .chain(decimal(u64::from(item.trace), 6))
                .chain(zeros.chain(card))
                .chain(decimal(item.amount, 12))
        });
        let count = items.len();
        self.nibbles(48, 2 + 40 * count, decimal(count as u64, 2).chain(digits))
    }

    /// Field 48 of the end of a batch upload (0320 with 202 or 207): how many payments there were, at most 9999.
    pub fn uploaded(&mut self, count: u32) -> &mut Self {
        self.numbers(48, &[(u64::from(count), 4)])
    }

    /// Field 55: data objects, each as its tag (such as `0x9F26`) and its value.
    pub fn chip<'v>(&mut self, objects: impl IntoIterator<Item = (u32, &'v [u8])>) -> &mut Self {
        self.begin(55);
        let start = self.at;
        self.put(&[0; 2]);
        for (tag, value) in objects {
            let (Some((tag, tag_len)), Some((length, length_len))) = (tag_bytes(tag), length_bytes(value.len())) else {
                return self.mistake(55, What::Tag);
            };
            self.put(&tag[4 - tag_len..]);
            self.put(&length[..length_len]);
            self.put(value);
        }
        self.measured(start);
        self
    }

    /// Field 60: type of message, batch and network code.
    pub fn additional(&mut self, parts: &Additional) -> &mut Self {
        let rest = parts.rest.bytes().map(|character| match character {
            b'0'..=b'9' => character - b'0',
            _ => 0x0F,
        });
        if parts.kind > 99 || parts.batch > 999_999 || parts.network > 999 {
            return self.mistake(60, What::Length);
        }
        let fixed = decimal(u64::from(parts.kind), 2)
            .chain(decimal(u64::from(parts.batch), 6))
            .chain(decimal(u64::from(parts.network), 3));
        self.nibbles(60, 11 + parts.rest.len(), fixed.chain(rest))
    }

    /// Ends the frame: sets bitmap and length, and adds field 64 if a key for MACs is given.
    ///
    /// # Errors
    /// The first mistake of all calls. [`Error::at`] is the place where the writer was, counted from 0 at the TPDU.
    pub fn finish(mut self, mac_key: Option<&MacKey>) -> Result<&'b [u8], Error> {
        if mac_key.is_some() {
            self.begin(64);
            self.put(&[0; 8]);
        }
        let wrong = Error::new(0, self.at.saturating_sub(LENGTH), What::Length);
        let len = u16::try_from(self.at.saturating_sub(LENGTH)).map_err(|_| wrong)?;
        if let Some(wrong) = self.wrong {
            return Err(wrong);
        }
        let (at, bitmap) = (self.at, self.bitmap.to_be_bytes());
        let frame = self.buffer.get_mut(..at).ok_or(wrong)?;
        frame[..LENGTH].copy_from_slice(&len.to_be_bytes());
        frame[LENGTH + MTI_AT + 2..LENGTH + FIELDS_AT].copy_from_slice(&bitmap);
        if let Some(key) = mac_key {
            let code = mac(key, &[&frame[LENGTH + MTI_AT..at - 8]]);
            frame[at - 8..].copy_from_slice(&code);
        }
        Ok(frame)
    }

    /// Numbers with their widths, as one field of digits.
    fn numbers(&mut self, number: u8, numbers: &[(u64, usize)]) -> &mut Self {
        if numbers.iter().any(|(value, len)| *value >= 10_u64.pow(u32::try_from(*len).unwrap_or(19).min(19))) {
            return self.mistake(number, What::Length);
        }
        let len = numbers.iter().map(|(_, len)| len).sum();
        self.nibbles(number, len, numbers.iter().flat_map(|(value, len)| decimal(*value, *len)))
    }

    /// A field of `len` digits, with its length and its filler.
    fn nibbles(&mut self, number: u8, len: usize, digits: impl Iterator<Item = u8>) -> &mut Self {
        let (prefix, on_right, mut separators) = match form(number, self.mti) {
            Some(Form::Digits(count) | Form::DigitsOnRight(count)) if count != len => {
                return self.mistake(number, What::Length);
            }
            Some(Form::Digits(_)) => (0, false, 0),
            Some(Form::DigitsOnRight(_)) => (0, true, 0),
            Some(Form::Counted { max, .. }) if len > max => return self.mistake(number, What::Length),
            Some(Form::Counted { prefix, separator, .. }) => (prefix, false, usize::from(separator)),
            _ => return self.mistake(number, What::Form),
        };
        self.begin(number);
        let mut length = decimal(len as u64, prefix * 2);
        while let (Some(tens), Some(ones)) = (length.next(), length.next()) {
            self.put(&[tens << 4 | ones]);
        }
        let filler = |wanted: bool| core::iter::repeat_n(0, usize::from(wanted && !len.is_multiple_of(2)));
        let mut nibbles = filler(on_right).chain(digits.take(len)).chain(filler(!on_right));
        while let (Some(left), Some(right)) = (nibbles.next(), nibbles.next()) {
            for digit in [left, right] {
                if digit == 0x0D && separators > 0 {
                    separators -= 1;
                } else if digit > 9 {
                    return self.mistake(number, What::Digit);
                }
            }
            self.put(&[left << 4 | right]);
        }
        self
    }

    /// Marks a field as there, if it may follow.
    fn begin(&mut self, number: u8) {
        if self.wrong.is_some() {
            return;
        }
        if number <= self.last {
            self.mistake(number, What::Order);
            return;
        }
        self.last = number;
        self.bitmap |= 1 << (64 - number);
    }

    /// Writes the number of bytes since `start`, which has two bytes for it.
    fn measured(&mut self, start: usize) {
        let len = self.at.saturating_sub(start + 2);
        if len > crate::field::MOST {
            self.fail(What::Length);
            return;
        }
        let mut digits = decimal(len as u64, 4);
        let mut pair = || digits.next().unwrap_or(0) << 4 | digits.next().unwrap_or(0);
        let length = [pair(), pair()];
        if self.wrong.is_none()
            && let Some(room) = self.buffer.get_mut(start..start + 2)
        {
            room.copy_from_slice(&length);
        }
    }

    fn put(&mut self, bytes: &[u8]) {
        if self.wrong.is_some() {
            return;
        }
        match self.buffer.get_mut(self.at..self.at + bytes.len()) {
            Some(room) => {
                room.copy_from_slice(bytes);
                self.at += bytes.len();
            }
            None => self.fail(What::Room),
        }
    }

    fn mistake(&mut self, number: u8, what: What) -> &mut Self {
        let at = self.at.saturating_sub(LENGTH);
        self.wrong.get_or_insert(Error::new(number, at, what));
        self
    }

    fn fail(&mut self, what: What) {
        self.mistake(self.last, what);
    }
}

/// The last `len` digits of a number.
fn decimal(value: u64, len: usize) -> impl Iterator<Item = u8> {
    (0..len).rev().map(move |place| {
        let power = 10_u64.checked_pow(u32::try_from(place).unwrap_or(u32::MAX));
        power.map_or(0, |power| u8::try_from(value / power % 10).unwrap_or(0))
    })
}
