//! The chip's end of its frames, byte by byte as a receiver in hardware works.

/// What the host sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FromHost {
    /// A command: its code and parameters.
    Command(Vec<u8>),
    /// The host got the last reply, or takes its last command back.
    Ack,
    /// The host wants the last reply again.
    Nack,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
enum State {
    /// Nothing of a frame yet; `true` after a zero.
    #[default]
    Idle,
    Zero,
    /// `00 FF` was there.
    Length,
    /// LEN was there.
    Check(u8),
    /// `FF FF` was there, and up to two bytes of a long length.
    Long(Vec<u8>),
    /// So many bytes are still to come, DCS included.
    Body {
        left: usize,
        bytes: Vec<u8>,
    },
}

/// Reads frames from the host. It ignores what it can't read, as the chip does: the host misses its ACK.
#[derive(Debug, Default)]
pub struct Receiver {
    state: State,
}

const TFI_HOST: u8 = 0xD4;
const TFI_CHIP: u8 = 0xD5;

/// Most bytes from TFI to the last parameter.
const LONGEST: usize = 265;

impl Receiver {
    /// Takes one byte.
    pub fn push(&mut self, byte: u8) -> Option<FromHost> {
        let body = |left: usize| State::Body { left: left + 1, bytes: Vec::with_capacity(left + 1) };
        let mut found = None;
        self.state = match std::mem::take(&mut self.state) {
            State::Zero if byte == 0xFF => State::Length,
            State::Idle | State::Zero => start(byte),
            State::Length => State::Check(byte),
            State::Check(0x00) if byte == 0xFF => {
                found = Some(FromHost::Ack);
                State::Idle
            }
            State::Check(0xFF) if byte == 0x00 => {
                found = Some(FromHost::Nack);
                State::Idle
            }
            State::Check(0xFF) if byte == 0xFF => State::Long(Vec::new()),
            State::Check(length @ 1..) if byte == 0u8.wrapping_sub(length) => body(length.into()),
            State::Check(_) => start(byte),
            State::Long(mut bytes) => {
                bytes.push(byte);
                match bytes[..] {
                    [m, l, check] => {
                        let length = usize::from(u16::from_be_bytes([m, l]));
                        let right = u32::from(m) + u32::from(l) + u32::from(check);
                        if right % 256 == 0 && (1..=LONGEST).contains(&length) { body(length) } else { State::Idle }
                    }
                    _ => State::Long(bytes),
                }
            }
            State::Body { left, mut bytes } => {
                bytes.push(byte);
                if left > 1 {
                    State::Body { left: left - 1, bytes }
                } else {
                    found = command(&bytes);
                    State::Idle
                }
            }
        };
        found
    }
}

fn start(byte: u8) -> State {
    if byte == 0x00 { State::Zero } else { State::Idle }
}

/// The command in TFI, data and DCS.
fn command(bytes: &[u8]) -> Option<FromHost> {
    let total: u32 = bytes.iter().map(|byte| u32::from(*byte)).sum();
    match bytes {
        [TFI_HOST, data @ .., _] if total.is_multiple_of(256) && !data.is_empty() => {
            Some(FromHost::Command(data.to_vec()))
        }
        _ => None,
    }
}

/// The acknowledgement of a command.
pub const ACK: &[u8] = &[0x00, 0x00, 0xFF, 0x00, 0xFF, 0x00];

/// What the chip says of a command that it does not know.
pub const ERROR: &[u8] = &[0x00, 0x00, 0xFF, 0x01, 0xFF, 0x7F, 0x81, 0x00];

/// The frame of a reply: its code and parameters.
#[must_use]
pub fn reply(data: &[u8]) -> Vec<u8> {
    let length = u16::try_from(data.len() + 1).unwrap_or(u16::MAX);
    let checked = |bytes: &[u8]| {
        let total: u32 = bytes.iter().map(|byte| u32::from(*byte)).sum();
        // The remainder is below 256.
        ((256 - total % 256) % 256) as u8
    };
    let mut frame = vec![0x00, 0x00, 0xFF];
    if length < 256 {
        frame.push(length as u8);
        frame.push(checked(&frame[3..]));
    } else {
        frame.extend([0xFF, 0xFF]);
        frame.extend(length.to_be_bytes());
        frame.push(checked(&frame[5..]));
    }
    let body = frame.len();
    frame.push(TFI_CHIP);
    frame.extend_from_slice(data);
    frame.push(checked(&frame[body..]));
    frame.push(0x00);
    frame
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn hear(bytes: &[u8]) -> Vec<FromHost> {
        let mut receiver = Receiver::default();
        bytes.iter().filter_map(|byte| receiver.push(*byte)).collect()
    }

    /// A frame of the host, from the frame of a reply.
    fn from_host(data: &[u8]) -> Vec<u8> {
        let mut frame = reply(data);
        let tfi = if data.len() < 255 { 5 } else { 8 };
        frame[tfi] = TFI_HOST;
        let dcs = frame.len() - 2;
        frame[dcs] = frame[dcs].wrapping_add(1);
        frame
    }

    #[test]
    fn frames_of_libnfc_and_nfcpy() {
        let version = || FromHost::Command(vec![0x02]);
        let mut wake = vec![0x55, 0x55];
        wake.extend([0; 14]);
        wake.extend([0x00, 0x00, 0xFF, 0x02, 0xFE, 0xD4, 0x02, 0x2A, 0x00]);
        assert_eq!(hear(&wake), [version()]);
        // nfcpy puts ten zeros in front.
        assert_eq!(hear(&[&[0; 10], &wake[16..]].concat()), [version()]);
        assert_eq!(hear(ACK), [FromHost::Ack]);
        assert_eq!(hear(&[0x00, 0x00, 0xFF, 0xFF, 0x00, 0x00]), [FromHost::Nack]);
        let sam = [0x00, 0x00, 0xFF, 0x05, 0xFB, 0xD4, 0x14, 0x01, 0x00, 0x00, 0x17, 0x00];
        assert_eq!(hear(&sam), [FromHost::Command(vec![0x14, 0x01, 0x00, 0x00])]);
        assert_eq!(
            reply(&[0x03, 0x32, 0x01, 0x06, 0x07]),
            [0x00, 0x00, 0xFF, 0x06, 0xFA, 0xD5, 0x03, 0x32, 0x01, 0x06, 0x07, 0xE8, 0x00]
        );
    }

    #[test]
    fn what_is_damaged_is_ignored() {
        let good = from_host(&[0x12, 0x20]);
        for at in 3..good.len() - 1 {
            let mut bad = good.clone();
            bad[at] ^= 0x10;
            assert_eq!(hear(&bad), [], "{bad:02X?}");
        }
        // A reply is no command.
        assert_eq!(hear(&reply(&[0x12, 0x20])), []);
    }

    proptest! {
        #[test]
        fn commands_of_all_lengths_are_read(data in prop::collection::vec(any::<u8>(), 1..265)) {
            let wanted = FromHost::Command(data.clone());
            prop_assert_eq!(hear(&from_host(&data)), vec![wanted]);
        }

        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
            hear(&bytes);
        }
    }
}
