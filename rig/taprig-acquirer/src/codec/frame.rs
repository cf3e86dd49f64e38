//! What stands around a message: its length, the TPDU and the header.

use super::bcd::{self, Align};

/// Bytes of TPDU and header.
pub const ENVELOPE: usize = 5 + 6;

/// The shortest content of a frame: TPDU, header, message type and bitmap.
pub const SHORTEST: usize = ENVELOPE + 2 + 8;

/// Transport protocol data unit: which two ends a frame runs between.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tpdu {
    /// Kind of transport, always `60`.
    pub id: u8,
    /// Where the frame goes.
    pub destination: [u8; 2],
    /// Where it comes from.
    pub source: [u8; 2],
}

impl Tpdu {
    /// The TPDU of an answer: the two addresses change places.
    #[must_use]
    pub const fn swapped(self) -> Self {
        Self { id: self.id, destination: self.source, source: self.destination }
    }
}

/// The header: 12 digits. Class of application (2), version (2), state of the terminal (1), processing request (1),
/// and six more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header(String);

impl Header {
    /// A header of these 12 digits.
    #[must_use]
    pub fn new(digits: &str) -> Option<Self> {
        (digits.len() == 12 && digits.bytes().all(|c| c.is_ascii_digit())).then(|| Self(digits.into()))
    }

    /// All digits.
    #[must_use]
    pub fn digits(&self) -> &str {
        &self.0
    }

    /// This header with another processing request, which is one digit.
    #[must_use]
    pub fn asking(&self, request: u8) -> Self {
        Self(format!("{}{}{}", &self.0[..5], request % 10, &self.0[6..]))
    }

    /// The processing request.
    #[must_use]
    pub fn request(&self) -> u8 {
        self.0.as_bytes()[5] - b'0'
    }
}

/// A frame without its length.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// Its ends.
    pub tpdu: Tpdu,
    /// Its header.
    pub header: Header,
    /// The message: its type, its bitmap and its fields.
    pub message: Vec<u8>,
}

/// Why bytes are not a frame.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotFrame {
    /// It is too short.
    #[error("a message has at least {SHORTEST} bytes, and this one has {0}")]
    Short(usize),
    /// The TPDU does not begin with 60.
    #[error("byte 0: the TPDU begins with {0:02X}, where 60 belongs")]
    Tpdu(u8),
    /// The header holds something else than digits.
    #[error("byte {at}: header: {error}")]
    Header {
        /// Index of the wrong byte, from 0 at the TPDU.
        at: usize,
        /// What is wrong.
        error: bcd::NotBcd,
    },
}

impl Frame {
    /// Reads the content of a frame, without its length.
    ///
    /// # Errors
    /// The bytes are not a frame.
    pub fn decode(bytes: &[u8]) -> Result<Self, NotFrame> {
        if bytes.len() < SHORTEST {
            return Err(NotFrame::Short(bytes.len()));
        }
        let tpdu = Tpdu { id: bytes[0], destination: [bytes[1], bytes[2]], source: [bytes[3], bytes[4]] };
        if tpdu.id != 0x60 {
            return Err(NotFrame::Tpdu(tpdu.id));
        }
        let digits = bcd::decode(&bytes[5..ENVELOPE], 12, Align::Left, false)
            .map_err(|error| NotFrame::Header { at: 5 + error.at(), error })?;
        Ok(Self { tpdu, header: Header(digits), message: bytes[ENVELOPE..].to_vec() })
    }

    /// The whole frame with its length. The message must be shorter than 65,525 bytes, and those of [`Message`] are.
    ///
    /// [`Message`]: super::Message
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let length = ENVELOPE + self.message.len();
        let mut bytes = u16::try_from(length).unwrap_or(u16::MAX).to_be_bytes().to_vec();
        bytes.push(self.tpdu.id);
        bytes.extend(self.tpdu.destination);
        bytes.extend(self.tpdu.source);
        bytes.extend(bcd::encode(&self.header.0, Align::Left));
        bytes.extend(&self.message);
        bytes
    }
}

/// Cuts a stream of bytes into the contents of frames.
#[derive(Debug, Clone, Default)]
pub struct Splitter(Vec<u8>);

impl Splitter {
    /// Takes more bytes of the stream.
    pub fn add(&mut self, bytes: &[u8]) {
        self.0.extend(bytes);
    }

    /// Bytes of a frame that is not whole yet: how many are there, and how many it has, if that is known.
    #[must_use]
    pub fn rest(&self) -> Option<(usize, Option<usize>)> {
        match self.0.as_slice() {
            [] => None,
            [high, low, ..] => Some((self.0.len(), Some(2 + usize::from(u16::from_be_bytes([*high, *low]))))),
            [_] => Some((1, None)),
        }
    }
}

impl Iterator for Splitter {
    type Item = Vec<u8>;

    /// The content of the next frame that is there as a whole, without its length.
    fn next(&mut self) -> Option<Vec<u8>> {
        let length = usize::from(u16::from_be_bytes([*self.0.first()?, *self.0.get(1)?]));
        if self.0.len() < 2 + length {
            return None;
        }
        let rest = self.0.split_off(2 + length);
        let mut content = std::mem::replace(&mut self.0, rest);
        Some(content.split_off(2))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn frame() -> Frame {
        Frame {
            tpdu: Tpdu { id: 0x60, destination: [0, 3], source: [0, 0] },
            header: Header::new("613200324605").unwrap(),
            message: b"\x08\x00\0\0\0\0\0\0\0\0".to_vec(),
        }
    }

    #[test]
    fn a_frame_is_its_length_tpdu_header_and_message() {
        let bytes = frame().encode();
        assert_eq!(bytes, b"\x00\x15\x60\x00\x03\x00\x00\x61\x32\x00\x32\x46\x05\x08\x00\0\0\0\0\0\0\0\0");
        assert_eq!(Frame::decode(&bytes[2..]).unwrap(), frame());
        let swapped = frame().tpdu.swapped();
        assert_eq!((swapped.destination, swapped.source), ([0, 0], [0, 3]));
    }

    #[test]
    fn the_processing_request_is_the_sixth_digit() {
        let header = frame().header.asking(3);
        assert_eq!((header.digits(), header.request()), ("613203324605", 3));
    }

    #[test]
    fn what_is_no_frame_is_told_why() {
        let bytes = frame().encode()[2..].to_vec();
        assert_eq!(Frame::decode(&bytes[..20]).unwrap_err(), NotFrame::Short(20));
        let changed = |at: usize, to: u8| {
            let mut bytes = bytes.clone();
            bytes[at] = to;
            Frame::decode(&bytes).unwrap_err().to_string()
        };
        assert_eq!(changed(0, 0x61), "byte 0: the TPDU begins with 61, where 60 belongs");
        assert_eq!(changed(7, 0xA0), "byte 7: header: the nibble A is not a digit");
    }

    proptest! {
        #[test]
        fn any_division_of_a_stream_gives_the_same_frames(cuts in proptest::collection::vec(0usize..70, 0..6)) {
            let stream = frame().encode().repeat(3);
            let (mut splitter, mut found, mut last) = (Splitter::default(), 0, 0);
            let mut cuts = cuts;
            cuts.push(stream.len());
            cuts.sort_unstable();
            for cut in cuts {
                let cut = cut.min(stream.len());
                splitter.add(&stream[last..cut]);
                last = cut;
                for content in splitter.by_ref() {
                    prop_assert_eq!(Frame::decode(&content).unwrap(), frame());
                    found += 1;
                }
            }
            prop_assert_eq!((found, splitter.rest()), (3, None));
        }

        #[test]
        fn no_bytes_panic(bytes: Vec<u8>) {
            let _ = Frame::decode(&bytes);
            let mut splitter = Splitter::default();
            splitter.add(&bytes);
            let frames: usize = splitter.by_ref().map(|content| content.len() + 2).sum();
            prop_assert_eq!(frames + splitter.rest().map_or(0, |(there, _)| there), bytes.len());
        }
    }
}
