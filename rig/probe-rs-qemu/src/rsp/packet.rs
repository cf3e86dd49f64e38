//! Packets: `$body#checksum`, with escapes and run-length encoding. This module does no input or output.

use std::fmt::Write as _;

/// A packet violated the rules of the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PacketError {
    /// The checksum is not two hexadecimal digits, or it is not the sum of the body modulo 256.
    #[error("checksum of a packet is wrong (sum of the body {sum:#04x})")]
    Checksum {
        /// The sum of the received body.
        sum: u8,
    },
    /// The body ends in an escape or a repeat count, repeats nothing, or has a count out of range.
    #[error("escape or repeat count of a packet is malformed")]
    Coding,
    /// The other side did not understand our packet (`-`).
    #[error("the other side received a damaged packet")]
    Refused,
    /// The packet does not end within the largest size that a stub sends.
    #[error("a packet is longer than {MAX} bytes")]
    TooLong,
}

/// The longest packet that is accepted. QEMU's own limit is 4096.
const MAX: usize = 64 * 1024;

/// Makes a packet from `body`. Bytes that have a meaning of their own are escaped.
pub fn encode(body: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(body.len() + 4);
    out.push(b'$');
    for &byte in body {
        if matches!(byte, b'$' | b'#' | b'}' | b'*') {
            out.extend([b'}', byte ^ 0x20]);
        } else {
            out.push(byte);
        }
    }
    let sum = checksum(&out[1..]);
    out.extend(format!("#{sum:02x}").into_bytes());
    out
}

/// Lowercase hexadecimal digits of `bytes`.
pub fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a string can't fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The bytes of hexadecimal digits, or `None` if their number is odd or another character is among them.
pub fn from_hex(digits: &[u8]) -> Option<Vec<u8>> {
    let digit = |d: u8| char::from(d).to_digit(16).map(|v| v as u8);
    let (pairs, rest) = digits.as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    pairs.iter().map(|&[high, low]| Some(digit(high)? << 4 | digit(low)?)).collect()
}

/// Finds packets in a stream of bytes.
#[derive(Debug, Default)]
pub struct Decoder {
    buffer: Vec<u8>,
}

impl Decoder {
    /// Adds received bytes.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// The body of the next complete packet, if there is one. Acknowledgements (`+`) and noise between packets are
    /// skipped.
    ///
    /// # Errors
    /// The packet, or the acknowledgement before it, is bad. It is consumed, so that the next call continues after it.
    pub fn next_packet(&mut self) -> Result<Option<Vec<u8>>, PacketError> {
        let Some(start) = self.buffer.iter().position(|&b| b == b'$' || b == b'-') else {
            self.buffer.clear();
            return Ok(None);
        };
        if self.buffer[start] == b'-' {
            self.buffer.drain(..=start);
            return Err(PacketError::Refused);
        }
        self.buffer.drain(..start);
        let Some(end) = self.buffer.iter().position(|&b| b == b'#') else {
            if self.buffer.len() > MAX {
                self.buffer.clear();
                return Err(PacketError::TooLong);
            }
            return Ok(None);
        };
        if self.buffer.len() < end + 3 {
            return Ok(None);
        }
        let packet: Vec<u8> = self.buffer.drain(..end + 3).collect();
        let body = &packet[1..end];
        let sum = checksum(body);
        if from_hex(&packet[end + 1..]) != Some(vec![sum]) {
            return Err(PacketError::Checksum { sum });
        }
        unpack(body).map(Some)
    }
}

/// Resolves escapes (`}`) and repeats (`*`).
fn unpack(body: &[u8]) -> Result<Vec<u8>, PacketError> {
    let mut out = Vec::with_capacity(body.len());
    let mut bytes = body.iter().copied();
    while let Some(byte) = bytes.next() {
        match byte {
            b'}' => out.push(bytes.next().ok_or(PacketError::Coding)? ^ 0x20),
            b'*' => {
                let last = *out.last().ok_or(PacketError::Coding)?;
                // The count is a printable character: the number of repeats plus 29.
                let count = bytes.next().and_then(|c| c.checked_sub(29)).filter(|c| (3..=97).contains(c));
                out.extend(std::iter::repeat_n(last, usize::from(count.ok_or(PacketError::Coding)?)));
            }
            plain => out.push(plain),
        }
    }
    Ok(out)
}

fn checksum(body: &[u8]) -> u8 {
    body.iter().fold(0, |sum, byte| sum.wrapping_add(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn decode(bytes: &[u8]) -> Result<Option<Vec<u8>>, PacketError> {
        let mut decoder = Decoder::default();
        decoder.feed(bytes);
        decoder.next_packet()
    }

    #[test]
    fn reads_a_packet_after_its_acknowledgement() {
        assert_eq!(decode(b"+$OK#9a"), Ok(Some(b"OK".to_vec())));
        assert_eq!(decode(b"+"), Ok(None));
        assert_eq!(decode(b"$OK#9"), Ok(None));
    }

    #[test]
    fn expands_repeats() {
        // "0* " stands for 0 and three more.
        assert_eq!(decode(b"$0* #7a"), Ok(Some(b"0000".to_vec())));
    }

    #[test]
    fn reports_what_is_wrong() {
        assert_eq!(decode(b"$OK#9b"), Err(PacketError::Checksum { sum: 0x9a }));
        assert_eq!(decode(b"$OK#zz"), Err(PacketError::Checksum { sum: 0x9a }));
        assert_eq!(decode(b"$* #4a"), Err(PacketError::Coding));
        assert_eq!(decode(b"$}#7d"), Err(PacketError::Coding));
        assert_eq!(decode(b"-"), Err(PacketError::Refused));
        assert_eq!(decode(&[b"$".as_slice(), &vec![b'0'; MAX + 1]].concat()), Err(PacketError::TooLong));
    }

    #[test]
    fn goes_on_after_a_bad_packet() {
        let mut decoder = Decoder::default();
        decoder.feed(b"$bad#00$OK#9a");
        assert!(decoder.next_packet().is_err());
        assert_eq!(decoder.next_packet(), Ok(Some(b"OK".to_vec())));
    }

    proptest! {
        #[test]
        fn any_body_survives(body: Vec<u8>) {
            prop_assert_eq!(decode(&encode(&body)), Ok(Some(body)));
        }

        #[test]
        fn any_split_gives_the_same_packets(bodies: Vec<Vec<u8>>, cut in 1_usize..8) {
            let stream: Vec<u8> = bodies.iter().flat_map(|body| [b"+".to_vec(), encode(body)].concat()).collect();
            let (mut decoder, mut got) = (Decoder::default(), Vec::new());
            for piece in stream.chunks(cut) {
                decoder.feed(piece);
                while let Some(body) = decoder.next_packet().unwrap() {
                    got.push(body);
                }
            }
            prop_assert_eq!(got, bodies);
        }

        #[test]
        fn noise_never_panics(noise: Vec<u8>) {
            let mut decoder = Decoder::default();
            decoder.feed(&noise);
            // Every call that returns something consumes at least one byte.
            for _ in 0..=noise.len() {
                if decoder.next_packet() == Ok(None) {
                    return Ok(());
                }
            }
            prop_assert!(false, "the decoder does not get on");
        }

        #[test]
        fn hex_survives(bytes: Vec<u8>) {
            prop_assert_eq!(from_hex(to_hex(&bytes).as_bytes()), Some(bytes));
        }
    }
}
