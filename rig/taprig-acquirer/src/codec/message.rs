//! A message: its type and its fields.

use super::bcd::{self, Align};
use super::field::{self, Unfit, Value, Wrong};
use super::frame::ENVELOPE;
use std::collections::BTreeMap;

/// A message.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Message {
    /// Its type, one digit in a nibble: `0x0200`.
    pub mti: u16,
    /// Its fields by number.
    pub fields: BTreeMap<u8, Value>,
}

/// Why bytes are not a message. Bytes are counted from 0 at the TPDU, so at the third byte of the frame.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotMessage {
    /// The message ends before its bitmap does.
    #[error("byte {at}: a message begins with 10 bytes of type and bitmap, and {there} are there")]
    Short {
        /// Index of the first missing byte.
        at: usize,
        /// Bytes that are there.
        there: usize,
    },
    /// The type is not four digits.
    #[error("byte {at}: message type: {error}")]
    Type {
        /// Index of the wrong byte.
        at: usize,
        /// What is wrong.
        error: bcd::NotBcd,
    },
    /// Bit 1 of the bitmap is set.
    #[error("byte {at}: bit 1 of the bitmap is set, and a second bitmap is not used here")]
    SecondBitmap {
        /// Index of the first byte of the bitmap.
        at: usize,
    },
    /// A field is not in the table.
    #[error("byte {at}: field {number} is in the bitmap, and no message of this protocol has it")]
    Unknown {
        /// Number of the field.
        number: u8,
        /// Index of the byte at which it would begin.
        at: usize,
    },
    /// A field is wrong.
    #[error("byte {at}: field {number} ({name}): {wrong}")]
    Field {
        /// Number of the field.
        number: u8,
        /// Name of the field.
        name: &'static str,
        /// Index of the wrong byte.
        at: usize,
        /// What is wrong.
        wrong: Wrong,
    },
    /// Bytes follow the last field.
    #[error("byte {at}: {count} bytes follow the last field")]
    TooMuch {
        /// Index of the first byte too many.
        at: usize,
        /// Number of bytes too many.
        count: usize,
    },
}

/// Why a message can't be sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotSent {
    /// No message has this field.
    #[error("no message of this protocol has the field {0}")]
    Unknown(u8),
    /// A value does not fit its field.
    #[error("field {number} ({name}): {unfit}")]
    Field {
        /// Number of the field.
        number: u8,
        /// Name of the field.
        name: &'static str,
        /// What is wrong.
        unfit: Unfit,
    },
}

impl Message {
    /// A message without fields.
    #[must_use]
    pub const fn new(mti: u16) -> Self {
        Self { mti, fields: BTreeMap::new() }
    }

    /// The message with this field, too: digits.
    #[must_use]
    pub fn digits(mut self, number: u8, digits: impl Into<String>) -> Self {
        self.fields.insert(number, Value::Digits(digits.into()));
        self
    }

    /// The message with this field, too: text.
    #[must_use]
    pub fn text(mut self, number: u8, text: impl Into<String>) -> Self {
        self.fields.insert(number, Value::Text(text.into()));
        self
    }

    /// The message with this field, too: bytes.
    #[must_use]
    pub fn bytes(mut self, number: u8, bytes: impl Into<Vec<u8>>) -> Self {
        self.fields.insert(number, Value::Bytes(bytes.into()));
        self
    }

    /// The digits or the text of a field. `None` if the field is absent or holds bytes.
    #[must_use]
    pub fn word(&self, number: u8) -> Option<&str> {
        match self.fields.get(&number)? {
            Value::Digits(text) | Value::Text(text) => Some(text),
            Value::Bytes(_) => None,
        }
    }

    /// The bytes of a field. `None` if the field is absent or holds something else.
    #[must_use]
    pub fn data(&self, number: u8) -> Option<&[u8]> {
        match self.fields.get(&number)? {
            Value::Bytes(bytes) => Some(bytes),
            Value::Digits(_) | Value::Text(_) => None,
        }
    }

    /// Whether the message has this field.
    #[must_use]
    pub fn has(&self, number: u8) -> bool {
        self.fields.contains_key(&number)
    }

    /// Reads the message of a frame.
    ///
    /// # Errors
    /// The first thing that is wrong, with its field and its byte.
    pub fn decode(bytes: &[u8]) -> Result<Self, NotMessage> {
        let Some((head, _)) = bytes.split_first_chunk::<10>() else {
            return Err(NotMessage::Short { at: ENVELOPE + bytes.len(), there: bytes.len() });
        };
        bcd::decode(&head[..2], 4, Align::Left, false)
            .map_err(|error| NotMessage::Type { at: ENVELOPE + error.at(), error })?;
        let mut message = Self::new(u16::from_be_bytes([head[0], head[1]]));
        if head[2] & 0x80 != 0 {
            return Err(NotMessage::SecondBitmap { at: ENVELOPE + 2 });
        }
        let mut at = head.len();
        for number in 2..=64u8 {
            if head[2 + usize::from(number - 1) / 8] & 0x80 >> ((number - 1) % 8) == 0 {
                continue;
            }
            let Some(field) = field::of(number, message.mti) else {
                return Err(NotMessage::Unknown { number, at: ENVELOPE + at });
            };
            let (value, taken) = field::decode(field.form, &bytes[at..]).map_err(|(index, wrong)| {
                NotMessage::Field { number, name: field.name, at: ENVELOPE + at + index, wrong }
            })?;
            message.fields.insert(number, value);
            at += taken;
        }
        match bytes.len() - at {
            0 => Ok(message),
            count => Err(NotMessage::TooMuch { at: ENVELOPE + at, count }),
        }
    }

    /// The bytes of the message.
    ///
    /// # Errors
    /// A field does not fit its form.
    pub fn encode(&self) -> Result<Vec<u8>, NotSent> {
        let mut bytes = self.mti.to_be_bytes().to_vec();
        bytes.extend([0; 8]);
        for (&number, value) in &self.fields {
            let field = field::of(number, self.mti).ok_or(NotSent::Unknown(number))?;
            bytes[2 + usize::from(number - 1) / 8] |= 0x80 >> ((number - 1) % 8);
            field::encode(field.form, value, &mut bytes).map_err(|unfit| NotSent::Field {
                number,
                name: field.name,
                unfit,
            })?;
        }
        Ok(bytes)
    }

    /// The bytes of the message with a MAC in field 64. `mac` gets the bytes before it, whose bitmap already has bit 64.
    ///
    /// # Errors
    /// A field does not fit its form.
    pub fn encode_with_mac(&self, mac: impl FnOnce(&[u8]) -> [u8; 8]) -> Result<Vec<u8>, NotSent> {
        let mut bytes = self.clone().bytes(64, [0; 8]).encode()?;
        let end = bytes.len() - 8;
        let mac = mac(&bytes[..end]);
        bytes[end..].copy_from_slice(&mac);
        Ok(bytes)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::codec::field::{FIELDS, Form};
    use proptest::prelude::*;

    /// The message of domain facts whose MAC is known, without its MAC.
    pub(crate) fn ride() -> Message {
        Message::new(0x0200)
            .digits(2, "6222021234567894")
            .digits(3, "000000")
            .digits(4, "000000000100")
            .digits(11, "000001")
            .digits(22, "072")
            .digits(23, "001")
            .digits(25, "00")
            .text(41, "12345678")
            .text(42, "123456789012345")
            .text(49, "156")
            .digits(60, "22000001000601")
    }

    #[test]
    fn a_ride_has_the_bytes_that_another_implementation_gives() {
        let bytes = ride().encode_with_mac(|_| *b"9C4EFF9B").unwrap();
        // Re-encoded by pyiso8583 4.0.1, which gave the same.
        let wanted = "02007020068000C0801116622202123456789400000000000000010000000107200001003132333435363738\
                      313233343536373839303132333435313536001422000001000601";
        let hex: String = bytes.iter().map(|byte| format!("{byte:02X}")).collect();
        assert_eq!(hex, format!("{wanted}{}", "3943344546463942"));
        let read = Message::decode(&bytes).unwrap();
        assert_eq!(read, ride().bytes(64, *b"9C4EFF9B"));
        assert_eq!((read.word(41), read.data(64)), (Some("12345678"), Some(b"9C4EFF9B".as_slice())));
        assert_eq!((read.data(41), read.word(64), read.has(55)), (None, None, false));
    }

    #[test]
    fn every_error_tells_its_field_and_byte() {
        let bytes = ride().encode().unwrap();
        let wrong = |change: &dyn Fn(&mut Vec<u8>)| {
            let mut bytes = bytes.clone();
            change(&mut bytes);
            Message::decode(&bytes).unwrap_err().to_string()
        };
        assert_eq!(
            wrong(&|b| b.truncate(9)),
            "byte 20: a message begins with 10 bytes of type and bitmap, and 9 are there"
        );
        assert_eq!(wrong(&|b| b[1] = 0x0A), "byte 12: message type: the nibble A is not a digit");
        assert_eq!(
            wrong(&|b| b[2] |= 0x80),
            "byte 13: bit 1 of the bitmap is set, and a second bitmap is not used here"
        );
        assert_eq!(
            wrong(&|b| b[2] |= 0x08),
            "byte 39: field 5 is in the bitmap, and no message of this protocol has it"
        );
        assert_eq!(wrong(&|b| b[22] = 0x0C), "byte 33: field 4 (amount): the nibble C is not a digit");
        assert_eq!(
            wrong(&|b| b[10] = 0x20),
            "byte 21: field 2 (account number): its length is 20, and at most 19 is allowed"
        );
        assert_eq!(wrong(&|b| b.push(0)), "byte 82: 1 bytes follow the last field");
        assert_eq!(
            wrong(&|b| b.truncate(70)),
            "byte 75: field 60 (type, batch and network code): it takes 7 bytes, and 6 are there"
        );
    }

    #[test]
    fn what_does_not_fit_is_not_encoded() {
        let error = |message: Message| message.encode().unwrap_err().to_string();
        assert_eq!(error(ride().text(5, "x")), "no message of this protocol has the field 5");
        assert_eq!(
            error(ride().digits(4, "1")),
            "field 4 (amount): the value has 1 digits, characters or bytes, and the field takes 12"
        );
    }

    fn value(form: Form) -> BoxedStrategy<Value> {
        match form {
            Form::Digits(count, _) => {
                proptest::string::string_regex(&format!("[0-9]{{{count}}}")).unwrap().prop_map(Value::Digits).boxed()
            }
            Form::CountedDigits(_, most) => {
                proptest::string::string_regex(&format!("[0-9]{{0,{most}}}")).unwrap().prop_map(Value::Digits).boxed()
            }
            Form::Track(most) => {
                proptest::string::string_regex(&format!("[0-9D]{{0,{most}}}")).unwrap().prop_map(Value::Digits).boxed()
            }
            Form::Text(count) => {
                proptest::string::string_regex(&format!("[ -~]{{{count}}}")).unwrap().prop_map(Value::Text).boxed()
            }
            Form::Bytes(count) => proptest::collection::vec(any::<u8>(), count).prop_map(Value::Bytes).boxed(),
            Form::CountedBytes(_) => proptest::collection::vec(any::<u8>(), 0..60).prop_map(Value::Bytes).boxed(),
        }
    }

    fn message() -> impl Strategy<Value = Message> {
        let mti = prop_oneof![Just(0x0200u16), Just(0x0320), Just(0x0500), Just(0x0810)];
        mti.prop_flat_map(|mti| {
            let fields = FIELDS.iter().map(|known| {
                let form = field::of(known.number, mti).unwrap().form;
                proptest::option::of(value(form)).prop_map(|value| (known.number, value))
            });
            fields.collect::<Vec<_>>().prop_map(move |fields| Message {
                mti,
                fields: fields.into_iter().filter_map(|(number, value)| Some((number, value?))).collect(),
            })
        })
    }

    proptest! {
        #[test]
        fn what_was_encoded_is_decoded(message in message()) {
            let bytes = message.encode().unwrap();
            prop_assert_eq!(Message::decode(&bytes).unwrap(), message);
        }

        #[test]
        fn no_bytes_panic_and_what_is_read_has_one_form(bytes: Vec<u8>, mti in prop_oneof![Just(0x0200u16), Just(0x0500)], bits: u64) {
            let mut whole = mti.to_be_bytes().to_vec();
            whole.extend(bits.to_be_bytes());
            whole.extend(&bytes);
            for bytes in [&bytes, &whole] {
                if let Ok(message) = Message::decode(bytes) {
                    prop_assert_eq!(&message.encode().unwrap(), bytes);
                }
            }
        }
    }
}
