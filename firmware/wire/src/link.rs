//! Messages between the rig and the card emulator, over the emulator's serial port.
//!
//! The card's mind is on the host, its body on the board: the board answers activation and the block protocol
//! by itself and keeps the timing; each command APDU goes up, the response APDU comes down.
//!
//! A message is postcard, closed by a CRC-16, packed by COBS, closed by a zero. Each side numbers its messages; a
//! gap tells of loss, and the board's reports carry the board's own clock.

use crate::{Command, Response, frame};
use heapless::Vec;
use serde::{Deserialize, Serialize};

/// Version of this protocol and of the messages on the air; [`Identity::protocol`] carries it. Raised when a message changes
/// its meaning. 2: messages on the air have a CRC. 3: [`Traffic`] has the reader's own time. 4: the reader says
/// its times ([`Pace`](crate::air::Pace)), and [`AirFrame`] tells whether a frame came too late.
pub const PROTOCOL: u8 = 4;

/// Name of the card emulator whose air is a UART to the reader ([`air`](crate::air)). Times on it are modelled.
pub const FIRMWARE_UART: &str = "taprig-emulator";

/// Name of the card emulator with an antenna, behind a front end that answers anticollision by itself. Times on it are
/// measured. It does not see frames up to SELECT, and it plays one card at a time.
pub const FIRMWARE_ANTENNA: &str = "taprig-emulator-antenna";

/// Longest message before packing.
pub const MAX_MESSAGE: usize = 400;

/// Room for one packed message.
pub const MAX_PACKED: usize = frame::encoded_len(MAX_MESSAGE);

/// From the rig to the board.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// Number of this order; the board's [`Report::Done`] or [`Report::Refused`] names it.
    pub number: u16,
    /// What to do.
    pub request: Request,
}

/// What the rig asks of the board.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(clippy::large_enum_variant, reason = "a board has no heap, and one order at a time is alive")]
pub enum Request {
    /// Say who you are: answered by [`Report::Identity`].
    Identify,
    /// Return these bytes: answered by [`Report::Echo`].
    Echo([u8; 8]),
    /// Be this card from the next [`Request::Present`] on. Clears what was armed.
    Configure(Front),
    /// Hold the card to the reader.
    Present,
    /// Take the card away: answered by [`Report::Removed`].
    Remove,
    /// The response to command `command`.
    Answer {
        /// [`Report::Command`]'s number.
        command: u16,
        /// What the card says, and how the link carries it.
        answer: Answer,
    },
    /// Report each frame on the air ([`Report::Frame`]), or no longer.
    Trace(bool),
    /// Send so many blocks on the air and count what comes back: answered by [`Report::Looped`]. For a board whose air is
    /// wired to itself ([`loopback`](crate::loopback)).
    Loopback(u16),
}

/// The card as the reader sees it before any application.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Front {
    /// UID, 4, 7 or 10 bytes.
    pub uid: Vec<u8, 10>,
    /// ATQA in the order it is sent.
    pub atqa: [u8; 2],
    /// SAK of the last cascade level; bit 6 tells that the card speaks ISO/IEC 14443-4.
    pub sak: u8,
    /// ATS from TL to the last historical byte, without CRC, as it is sent, right or wrong. Empty: RATS stays
    /// without answer.
    pub ats: Vec<u8, 32>,
    /// Who else is in the field.
    pub company: Company,
    /// Frame delay of ordinary answers, in us; added to the shortest that the standard allows.
    pub delay_us: u32,
    /// The card chains its responses in blocks of at most so many bytes of INF, 0 for the most that FSD allows.
    pub chain: u8,
}

/// Who else is in the field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Company {
    /// Nobody.
    Alone,
    /// Another card of type A: WUPA and anticollision collide.
    TypeA,
    /// A card of type B: WUPB is answered too.
    TypeB,
}

/// What the card says to one command, and how the link carries it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// The response APDU.
    pub response: Response,
    /// Frame delay of the first block of the response on top of [`Front::delay_us`], in us: the card's own time.
    pub delay_us: u32,
    /// How the link fails.
    pub fault: Option<Fault>,
}

/// A fault between reader and card, at one response.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Fault {
    /// The first block of the response is lost, so many times; the reader's R(NAK) gets it when they are used up.
    Drop {
        /// How often.
        times: u8,
    },
    /// The first block arrives with bits turned, so many times; which bits, `seed` tells.
    Corrupt {
        /// Chooses the bits.
        seed: u32,
        /// How often.
        times: u8,
    },
    /// The first block begins so long after the reader's frame, in us, beyond the frame waiting time or not.
    Late {
        /// Frame delay in us.
        delay_us: u32,
    },
    /// The card leaves the field instead of answering; the command has been processed.
    Cut,
    /// The card asks for more time before it answers.
    Wtx {
        /// How many S(WTX) requests.
        times: u8,
        /// WTXM of each, 1 to 59; other values are sent as they are.
        multiplier: u8,
        /// How often the first block of the response is lost after that.
        lost: u8,
    },
    /// The response comes in blocks of at most so many bytes of INF.
    Chain {
        /// Bytes of INF a block.
        size: u8,
    },
    /// The card never answers again, but stays in the field.
    Mute,
    /// The first block has the other block number.
    BlockNumber,
    /// The first block has this PCB.
    Pcb(u8),
    /// The first block is longer than FSD.
    Oversize,
}

/// From the board to the rig.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// Number of this note, one more than that of the note before.
    pub number: u16,
    /// The board's clock, in us since it started.
    pub at_us: u64,
    /// Modelled time on the air since the card was presented, in us: frames, frame delays, the card's own time, and the reader's
    /// pauses and waits. The reader's computing is not in it. On real air, measured. For a frame of the reader it is the time at
    /// which the frame begins, and for a frame of the card the time at which it ends.
    pub air_us: u32,
    /// What happened.
    pub report: Report,
}

/// What the board tells.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Report {
    /// The firmware has started.
    Started,
    /// Who the board is.
    Identity(Identity),
    /// The bytes of [`Request::Echo`].
    Echo([u8; 8]),
    /// Order so-and-so is carried out.
    Done(u16),
    /// Order so-and-so can't be carried out, and why.
    Refused {
        /// The order.
        order: u16,
        /// Why.
        why: Refusal,
    },
    /// The reader switched its field on or off.
    Field(bool),
    /// The reader activated the card: RATS was answered.
    Activated {
        /// FSD that the reader announced, in bytes.
        fsd: u16,
    },
    /// A command APDU. The response is awaited; S(WTX) keeps the reader waiting meanwhile.
    Command {
        /// Number of this command, from 1 since the board started.
        number: u16,
        /// The command.
        command: Command,
    },
    /// The reader let the card go.
    Released(Release),
    /// The card was taken out of the field by [`Request::Remove`] or [`Fault::Cut`].
    Removed(Traffic),
    /// One frame on the air ([`Request::Trace`]).
    Frame(AirFrame),
    /// Orders were lost: bytes on the serial line that were no order.
    Damaged,
    /// What came back at [`Request::Loopback`].
    Looped {
        /// Bytes sent.
        sent: u32,
        /// Bytes that came back.
        back: u32,
        /// Bytes that came back and were not the next ones sent.
        wrong: u32,
    },
}

/// Who the board is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// [`PROTOCOL`].
    pub protocol: u8,
    /// [`FIRMWARE_UART`] or [`FIRMWARE_ANTENNA`].
    pub firmware: heapless::String<24>,
    /// Version of the firmware.
    pub version: heapless::String<16>,
    /// Kind of board, as in `firmware/boards`.
    pub board: heapless::String<16>,
    /// SHA-256 over the image in flash; of zeros where the board has none (hosted).
    pub digest: [u8; 32],
}

/// Why an order can't be carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Refusal {
    /// No card was configured.
    NoCard,
    /// UID of another length than 4, 7 or 10 bytes.
    Uid,
    /// The command is not the one that waits for a response.
    NotAwaited,
    /// This board can't put a second card into the field.
    Company,
    /// The front end of this board can't send this ATQA with this UID, or this SAK.
    Front,
    /// The air of this board is no UART that could be wired to itself.
    Loopback,
}

/// How the reader let the card go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Release {
    /// S(DESELECT).
    Deselected,
    /// HLTA.
    Halted,
    /// The field went off while the card was active.
    FieldOff,
}

/// What was on the air since the card was presented.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Traffic {
    /// Frames from the reader, polling included.
    pub from_reader: u16,
    /// Frames from the card.
    pub from_card: u16,
    /// R(NAK) and R(ACK) that asked for a block again.
    pub retries: u16,
    /// S(WTX) that the card asked for, those of [`Fault::Wtx`] included.
    pub wtx: u16,
    /// The reader's own time from ATS to release, in us of the board's clock: the sum of what passed between a frame of
    /// the card and the reader's next one. The bytes' time on the UART is not in it. `None`: the card was not activated, or
    /// the air is no UART, so that [`Note::air_us`] has this time already.
    pub reader_us: Option<u32>,
}

/// One frame on the air.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AirFrame {
    /// From the card; else from the reader.
    pub from_card: bool,
    /// Seven bits (REQA, WUPA).
    pub short: bool,
    /// It began after the reader had stopped waiting for it.
    pub late: bool,
    /// The bytes, CRC included.
    pub bytes: Vec<u8, { crate::air::MAX_MESSAGE }>,
}

/// A message could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DecodeError {
    /// Shorter than its check sum.
    Short,
    /// The check sum does not fit.
    Crc,
    /// The bytes are no message of this protocol.
    Malformed,
}

/// A message packed for the line, closing zero included.
///
/// # Errors
/// [`frame::TooLong`] when it exceeds [`MAX_MESSAGE`]; no message of this module does.
pub fn encode<M: Serialize>(message: &M) -> Result<Vec<u8, MAX_PACKED>, frame::TooLong> {
    let mut body = [0u8; MAX_MESSAGE];
    let len = postcard::to_slice(message, &mut body).map_err(|_| frame::TooLong)?.len();
    let end = len + 2;
    let crc = crate::crc::link(&body[..len]);
    body.get_mut(len..end).ok_or(frame::TooLong)?.copy_from_slice(&crc);
    let mut packed = Vec::new();
    frame::encode(&body[..end], &mut packed)?;
    Ok(packed)
}

/// The message in the body of a frame.
///
/// # Errors
/// [`DecodeError`], by what is wrong with the bytes.
pub fn decode<'a, M: Deserialize<'a>>(body: &'a [u8]) -> Result<M, DecodeError> {
    let (message, crc) = body.split_last_chunk::<2>().ok_or(DecodeError::Short)?;
    if crate::crc::link(message) != *crc {
        return Err(DecodeError::Crc);
    }
    match postcard::take_from_bytes(message) {
        Ok((message, [])) => Ok(message),
        _ => Err(DecodeError::Malformed),
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use crate::frame::{Collected, Collector};
    use proptest::prelude::*;

    fn unpack(packed: &[u8]) -> std::vec::Vec<u8> {
        let mut collector = Collector::<MAX_PACKED>::new();
        for &byte in packed {
            if let Some(Collected::Frame(body)) = collector.push(byte) {
                return body.to_vec();
            }
        }
        panic!("no frame");
    }

    fn note(response: &[u8]) -> Note {
        Note {
            number: 65_535,
            at_us: u64::MAX,
            air_us: u32::MAX,
            report: Report::Command { number: 65_535, command: Command::from_slice(response).expect("fits") },
        }
    }

    #[test]
    fn the_longest_messages_fit() {
        let order = Order {
            number: 65_535,
            request: Request::Answer {
                command: 65_535,
                answer: Answer {
                    response: Response::from_slice(&[0xA5; crate::MAX_RESPONSE]).expect("fits"),
                    delay_us: u32::MAX,
                    fault: Some(Fault::Corrupt { seed: u32::MAX, times: 255 }),
                },
            },
        };
        assert_eq!(decode(&unpack(&encode(&order).expect("fits"))), Ok(order));
        let longest = note(&[0x5A; crate::MAX_COMMAND]);
        assert_eq!(decode(&unpack(&encode(&longest).expect("fits"))), Ok(longest));
        let frame = Note {
            report: Report::Frame(AirFrame {
                from_card: true,
                short: false,
                late: true,
                bytes: Vec::from_slice(&[1; crate::air::MAX_MESSAGE]).expect("fits"),
            }),
            ..note(&[])
        };
        assert!(encode(&frame).is_ok());
    }

    #[test]
    fn a_turned_bit_is_noticed() {
        let body = unpack(&encode(&note(&[0x00, 0xA4, 0x04, 0x00])).expect("fits"));
        for bit in 0..body.len() * 8 {
            let mut damaged = body.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(decode::<Note>(&damaged), Err(DecodeError::Crc));
        }
        assert_eq!(decode::<Note>(&[1]), Err(DecodeError::Short));
    }

    #[test]
    fn bytes_after_the_message_are_refused() {
        let mut body = unpack(&encode(&note(&[1])).expect("fits"));
        let len = body.len() - 2;
        body.truncate(len);
        body.push(0);
        let crc = crate::crc::link(&body);
        body.extend(crc);
        assert_eq!(decode::<Note>(&body), Err(DecodeError::Malformed));
    }

    proptest! {
        #[test]
        fn no_body_panics(body in prop::collection::vec(any::<u8>(), 0..500)) {
            let _ = decode::<Order>(&body);
            let crc = crate::crc::link(&body);
            let mut sealed = body;
            sealed.extend(crc);
            let _ = decode::<Order>(&sealed);
            let _ = decode::<Note>(&sealed);
        }
    }
}
