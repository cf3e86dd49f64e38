//! Reading a message.

use crate::additional::{self, Additional};
use crate::digits::Digits;
use crate::error::{Error, What};
use crate::field::{Form, form};
use crate::mac::{MacKey, mac};
use crate::tlv::{Objects, objects};
use crate::totals::Totals;

/// The bytes before the message type: TPDU and header.
pub(crate) const MTI_AT: usize = 11;
/// The bytes before the first field.
pub(crate) const FIELDS_AT: usize = 21;

/// The five bytes before the header: `60`, destination, source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tpdu {
    /// To whom the message goes.
    pub destination: u16,
    /// From whom it comes.
    pub source: u16,
}

impl Tpdu {
    /// The TPDU with these two addresses.
    #[must_use]
    pub const fn new(destination: u16, source: u16) -> Self {
        Self { destination, source }
    }

    /// The TPDU that an answer has.
    #[must_use]
    pub const fn swapped(self) -> Self {
        Self { destination: self.source, source: self.destination }
    }

    /// The bytes on the wire.
    #[must_use]
    pub const fn bytes(self) -> [u8; 5] {
        let ([a, b], [c, d]) = (self.destination.to_be_bytes(), self.source.to_be_bytes());
        [0x60, a, b, c, d]
    }
}

/// The 12 digits before the message type, two in a byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header(pub [u8; 6]);

impl Header {
    /// The processing request, the sixth digit: what the host asks the terminal to do, 0 to 9. 0 asks for nothing, 3 for a
    /// sign-on, 4 for a download of the keys of authorities, 7 for a download of the deny list.
    #[must_use]
    pub const fn request(self) -> u8 {
        self.0[2] & 0x0F
    }

    /// The class of application, the first two digits: 60, or 61 on buses.
    #[must_use]
    pub const fn class(self) -> u8 {
        (self.0[0] >> 4) * 10 + (self.0[0] & 0x0F)
    }
}

/// A message that was checked whole. It refers to the bytes of its frame.
#[derive(Clone, Copy)]
pub struct Message<'a> {
    /// From the TPDU on.
    content: &'a [u8],
    header: Header,
    tpdu: Tpdu,
    mti: u16,
    bitmap: u64,
}

impl core::fmt::Debug for Message<'_> {
    /// The message type and the numbers of its fields. What is in the fields may be an account number.
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Message({:04X}", self.mti)?;
        (1..=64).filter(|number| self.has(*number)).try_for_each(|number| write!(f, " {number}"))?;
        f.write_str(")")
    }
}

impl<'a> Message<'a> {
    /// Reads the content of a frame, which is what comes after its length.
    ///
    /// Every byte is checked: the TPDU begins with `60`, what has to be a digit is one, fillers are 0, text is printable
    /// ASCII, no field is unknown, and no byte is left.
    ///
    /// # Errors
    /// The first thing that is wrong, and where: bytes are counted from 0 at the TPDU.
    pub fn decode(content: &'a [u8]) -> Result<Self, Error> {
        let wrong = |at, what| Error::new(0, at, what);
        let short = wrong(content.len(), What::Short);
        let (&[first, d1, d2, s1, s2], rest) = content.split_first_chunk::<5>().ok_or(short)?;
        let (&header, rest) = rest.split_first_chunk::<6>().ok_or(short)?;
        let (&mti, rest) = rest.split_first_chunk::<2>().ok_or(short)?;
        let (&bitmap, _) = rest.split_first_chunk::<8>().ok_or(short)?;
        if first != 0x60 {
            return Err(wrong(0, What::Tpdu));
        }
        for (at, byte) in header.iter().chain(&mti).enumerate() {
            if byte >> 4 > 9 || byte & 0x0F > 9 {
                return Err(wrong(5 + at, What::Digit));
            }
        }
        let bitmap = u64::from_be_bytes(bitmap);
        if bitmap >> 63 != 0 {
            return Err(wrong(MTI_AT + 2, What::SecondBitmap));
        }
        let tpdu = Tpdu::new(u16::from_be_bytes([d1, d2]), u16::from_be_bytes([s1, s2]));
        let message = Self { content, header: Header(header), tpdu, mti: u16::from_be_bytes(mti), bitmap };
        let mut at = FIELDS_AT;
        for number in message.numbers() {
            let part = message.part(number, at)?;
            part.check().map_err(|(offset, what)| Error::new(number, part.at + offset, what))?;
            if number == 60 && part.count < additional::FIXED {
                return Err(Error::new(number, at, What::Length));
            }
            at = part.end();
        }
        if at != content.len() {
            return Err(wrong(at, What::Trailing));
        }
        Ok(message)
    }

    /// The addresses.
    #[must_use]
    pub fn tpdu(&self) -> Tpdu {
        self.tpdu
    }

    /// The header.
    #[must_use]
    pub fn header(&self) -> Header {
        self.header
    }

    /// The message type as [`mti`](crate::mti) writes it: `0x0210`.
    #[must_use]
    pub fn mti(&self) -> u16 {
        self.mti
    }

    /// Whether the field is there.
    #[must_use]
    pub fn has(&self, number: u8) -> bool {
        (1..=64).contains(&number) && self.bitmap >> (64 - number) & 1 == 1
    }

    /// The bytes of a field as they are on the wire, without the length before them. `None` if it is not there.
    #[must_use]
    pub fn field(&self, number: u8) -> Option<&'a [u8]> {
        self.find(number).map(|part| part.bytes)
    }

    /// The digits of a field of digits. `None` if it is not there or has another form.
    #[must_use]
    pub fn digits(&self, number: u8) -> Option<Digits<'a>> {
        self.find(number)?.digits()
    }

    /// The text of a field of ASCII characters: 37, 38, 39, 41, 42 or 49. `None` if it is not there or has another form.
    #[must_use]
    pub fn text(&self, number: u8) -> Option<&'a str> {
        let part = self.find(number)?;
        matches!(part.form, Form::Text(_)).then(|| core::str::from_utf8(part.bytes).ok()).flatten()
    }

    /// Field 2: the account number.
    #[must_use]
    pub fn account(&self) -> Option<Digits<'a>> {
        self.digits(2)
    }

    /// Field 4: the amount in fen.
    #[must_use]
    pub fn amount(&self) -> Option<u64> {
        self.digits(4)?.value()
    }

    /// Field 11: the trace, 0 to 999,999.
    #[must_use]
    pub fn trace(&self) -> Option<u32> {
        u32::try_from(self.digits(11)?.value()?).ok()
    }

    /// Field 39: the response code, or the reason of a reversal.
    #[must_use]
    pub fn code(&self) -> Option<[u8; 2]> {
        self.field(39)?.try_into().ok()
    }

    /// Field 60: type of message, batch and network code.
    ///
    /// # Errors
    /// The field is missing. A field that is there was checked by [`decode`](Self::decode).
    pub fn additional(&self) -> Result<Additional, Error> {
        Additional::read(self.digits(60).ok_or(Error::new(60, 0, What::Missing))?)
    }

    /// Field 48 of a settlement: the totals.
    ///
    /// # Errors
    /// The field is missing, the message is none of a settlement, or the digits are no totals.
    pub fn totals(&self) -> Result<Totals, Error> {
        Totals::read(self.digits(48).ok_or(Error::new(48, 0, What::Missing))?)
    }

    /// The data objects of field 55.
    ///
    /// # Errors
    /// The field is missing or is not TLV to its end.
    pub fn chip(&self) -> Result<Objects<'a>, Error> {
        objects(55, self.field(55).ok_or(Error::new(55, 0, What::Missing))?)
    }

    /// Whether field 64 is the MAC of this message under this key. False if field 64 is missing.
    #[must_use]
    pub fn mac_is_good(&self, key: &MacKey) -> bool {
        let Some((covered, found)) = self.content[MTI_AT..].split_last_chunk::<8>() else { return false };
        // The whole of both is compared, so that the time does not tell how much of a guess was right.
        let wanted = mac(key, &[covered]);
        self.has(64) && found.iter().zip(wanted).fold(0, |differs, (found, wanted)| differs | (found ^ wanted)) == 0
    }

    /// The numbers of the fields that are there, rising.
    fn numbers(&self) -> impl Iterator<Item = u8> + use<'a> {
        let bitmap = self.bitmap;
        (1..=64).filter(move |number| bitmap >> (64 - number) & 1 == 1)
    }

    fn find(&self, wanted: u8) -> Option<Part<'a>> {
        if !self.has(wanted) {
            return None;
        }
        let mut at = FIELDS_AT;
        for number in self.numbers() {
            let part = self.part(number, at).ok()?;
            if number == wanted {
                return Some(part);
            }
            at = part.end();
        }
        None
    }

    /// The field that begins at this byte.
    fn part(&self, number: u8, start: usize) -> Result<Part<'a>, Error> {
        let wrong = |at, what| Error::new(number, at, what);
        let form = form(number, self.mti).ok_or(wrong(start, What::UnknownField))?;
        let (at, count, max) = match form {
            Form::Digits(count) | Form::DigitsOnRight(count) | Form::Text(count) => (start, count, count),
            Form::Mac => (start, 8, 8),
            Form::Counted { prefix, max, .. } => (start + prefix, self.length(number, start, prefix)?, max),
            Form::Bytes => (start + 2, self.length(number, start, 2)?, crate::field::MOST),
        };
        if count > max {
            return Err(wrong(start, What::Length));
        }
        let len = match form {
            Form::Digits(_) | Form::DigitsOnRight(_) | Form::Counted { .. } => count.div_ceil(2),
            Form::Text(_) | Form::Bytes | Form::Mac => count,
        };
        let bytes = self.content.get(at..at + len).ok_or(wrong(self.content.len(), What::Short))?;
        Ok(Part { form, at, bytes, count })
    }

    /// A length in BCD.
    fn length(&self, number: u8, at: usize, prefix: usize) -> Result<usize, Error> {
        let bytes = self.content.get(at..at + prefix).ok_or(Error::new(number, self.content.len(), What::Short))?;
        bytes.iter().enumerate().try_fold(0, |len, (offset, byte)| {
            let (tens, ones) = (byte >> 4, byte & 0x0F);
            if tens > 9 || ones > 9 {
                return Err(Error::new(number, at + offset, What::Digit));
            }
            Ok(len * 100 + usize::from(tens) * 10 + usize::from(ones))
        })
    }
}

/// A field in the bytes of its message.
struct Part<'a> {
    form: Form,
    /// Where its content begins.
    at: usize,
    bytes: &'a [u8],
    /// Digits, characters or bytes, by the form.
    count: usize,
}

impl<'a> Part<'a> {
    fn end(&self) -> usize {
        self.at + self.bytes.len()
    }

    fn digits(&self) -> Option<Digits<'a>> {
        match self.form {
            Form::Digits(_) | Form::Counted { .. } => Some(Digits::new(self.bytes, 0, self.count)),
            Form::DigitsOnRight(_) => Some(Digits::new(self.bytes, 1, self.count)),
            Form::Text(_) | Form::Bytes | Form::Mac => None,
        }
    }

    /// What is wrong, and at which byte of the content.
    fn check(&self) -> Result<(), (usize, What)> {
        match self.form {
            Form::Digits(_) | Form::DigitsOnRight(_) | Form::Counted { .. } => self.check_digits(),
            Form::Text(_) => self.check_characters(|byte| matches!(byte, 0x20..=0x7E)),
            Form::Mac => self.check_characters(|byte| matches!(byte, b'0'..=b'9' | b'A'..=b'F')),
            Form::Bytes => Ok(()),
        }
    }

    fn check_digits(&self) -> Result<(), (usize, What)> {
        let mut separators = usize::from(matches!(self.form, Form::Counted { separator: true, .. }));
        let first = usize::from(matches!(self.form, Form::DigitsOnRight(_)));
        let nibbles = self.bytes.iter().flat_map(|byte| [byte >> 4, byte & 0x0F]).enumerate();
        for (nibble, digit) in nibbles {
            let wrong = |what| Err((nibble / 2, what));
            if !(first..first + self.count).contains(&nibble) {
                if digit != 0 {
                    return wrong(What::Filler);
                }
            } else if digit == 0x0D && separators > 0 {
                separators -= 1;
            } else if digit > 9 {
                return wrong(What::Digit);
            }
        }
        Ok(())
    }

    fn check_characters(&self, may: fn(u8) -> bool) -> Result<(), (usize, What)> {
        self.bytes.iter().position(|byte| !may(*byte)).map_or(Ok(()), |at| Err((at, What::Text)))
    }
}
