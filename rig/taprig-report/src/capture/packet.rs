//! Packets of link type 264: ISO/IEC 14443 with the pseudo header that Wireshark reads (kaiser.cx, "pcap ISO14443").

use taprig_model::event::Bytes;

/// Version of the pseudo header.
const VERSION: u8 = 0;

/// Bytes of an APDU in a block that is made up: a frame of 256 bytes without PCB and CRC.
const CONTENT: usize = 253;

/// The event byte of the pseudo header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
enum Kind {
    FromCard = 0xFF,
    FromReader = 0xFE,
    FieldOff = 0xFD,
    FieldOn = 0xFC,
    /// The two bytes of the CRC are not in the packet, so nobody calls it wrong.
    FromCardWithoutCrc = 0xFB,
    FromReaderWithoutCrc = 0xFA,
}

/// A packet of a capture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Packet {
    /// Time since the start of the run, in us.
    pub(super) at_us: u64,
    /// Pseudo header and frame.
    pub(super) bytes: Vec<u8>,
    /// Words for people who read the capture.
    pub(super) comments: Vec<String>,
    /// Whether the block around a command or response is made up.
    pub(super) made_up: bool,
}

impl Packet {
    fn new(at_us: u64, kind: Kind, frame: &[u8]) -> Self {
        // A frame has at most 259 bytes, and a response 258.
        let frame = &frame[..frame.len().min(usize::from(u16::MAX))];
        let length = u16::try_from(frame.len()).unwrap_or(u16::MAX).to_be_bytes();
        let bytes = [&[VERSION, kind as u8, length[0], length[1]], frame].concat();
        Self { at_us, bytes, comments: vec![], made_up: false }
    }

    /// The reader switched its field on or off.
    pub(super) fn field(at_us: u64, on: bool) -> Self {
        Self::new(at_us, if on { Kind::FieldOn } else { Kind::FieldOff }, &[])
    }

    /// A frame that the card side reported. The CRC of a masked frame is left out.
    pub(super) fn frame(at_us: u64, from_card: bool, bytes: &Bytes, masked: bool) -> Self {
        let kind = match (from_card, masked) {
            (true, false) => Kind::FromCard,
            (false, false) => Kind::FromReader,
            (true, true) => Kind::FromCardWithoutCrc,
            (false, true) => Kind::FromReaderWithoutCrc,
        };
        let end = bytes.0.len() - if masked { bytes.0.len().min(2) } else { 0 };
        let mut packet = Self::new(at_us, kind, &bytes.0[..end]);
        if masked {
            packet.comments.push("digits of an account number are masked as C, so the CRC is left out".into());
        }
        packet
    }

    /// A command or response of a card side that reports no frames, in I-blocks that are made up. `number` is the number of the
    /// exchange in its tap. As with a reader and a card that take frames of 256 bytes, a longer APDU is a chain. Wireshark would
    /// cut a longer block.
    pub(super) fn apdu(at_us: u64, from_card: bool, apdu: &Bytes, number: u32) -> Vec<Self> {
        let kind = if from_card { Kind::FromCardWithoutCrc } else { Kind::FromReaderWithoutCrc };
        let parts: Vec<&[u8]> = apdu.0.chunks(CONTENT).collect();
        // The first block of a reader has the number 0, and the numbers alternate (ISO/IEC 14443-4, 7.5.4).
        let numbers = (0..=1_u8).cycle().skip(usize::from(number.is_multiple_of(2)));
        let last = parts.len().saturating_sub(1);
        let blocks = parts.into_iter().zip(numbers).enumerate().map(|(place, (part, number))| {
            let more = if place < last { 0x10 } else { 0 };
            let mut packet = Self::new(at_us, kind, &[&[0x02 | more | number], part].concat());
            let words = "the card side reports no frames: the bytes are the APDU, and the block around it is made up";
            packet.comments.push(words.into());
            packet.made_up = true;
            packet
        });
        blocks.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pseudo_header_says_direction_length_and_whether_a_crc_follows() {
        let bytes = Bytes(vec![0x02, 0x90, 0x00, 0x12, 0x34]);
        let frame = |from_card, masked| Packet::frame(0, from_card, &bytes, masked).bytes;
        assert_eq!(frame(true, false), [0, 0xFF, 0, 5, 0x02, 0x90, 0x00, 0x12, 0x34]);
        assert_eq!(frame(false, false)[1], 0xFE);
        assert_eq!(frame(true, true), [0, 0xFB, 0, 3, 0x02, 0x90, 0x00]);
        assert_eq!(frame(false, true)[1], 0xFA);
        assert_eq!(Packet::field(0, true).bytes, [0, 0xFC, 0, 0]);
        assert_eq!(Packet::field(0, false).bytes, [0, 0xFD, 0, 0]);
        assert_eq!(Packet::frame(0, true, &Bytes(vec![0; 259]), false).bytes[2..4], [1, 3]);
        assert_eq!(Packet::frame(0, true, &Bytes(vec![9]), true).bytes, [0, 0xFB, 0, 0]);
    }

    #[test]
    fn blocks_that_are_made_up_have_the_numbers_of_a_reader_and_no_crc() {
        let apdu = |from_card, number| Packet::apdu(0, from_card, &Bytes(vec![0x90, 0x00]), number).remove(0).bytes;
        assert_eq!(apdu(false, 1), [0, 0xFA, 0, 3, 0x02, 0x90, 0x00]);
        assert_eq!(apdu(true, 1)[1], 0xFB);
        assert_eq!((apdu(false, 2)[4], apdu(false, 3)[4]), (0x03, 0x02));
        let long = Packet::apdu(0, false, &Bytes(vec![7; 261]), 2);
        assert_eq!(
            long.iter().map(|packet| packet.bytes[2..5].to_vec()).collect::<Vec<_>>(),
            [[0, 254, 0x13], [0, 9, 0x02]]
        );
        assert_eq!(Packet::apdu(0, true, &Bytes(vec![]), 1), []);
    }
}
