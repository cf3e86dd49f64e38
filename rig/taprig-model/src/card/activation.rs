//! The card as the reader sees it before any application, byte by byte.

use crate::units::Duration;

/// What a card side answers by itself until the first command: made of a card image's [`Front`](super::Front), with the
/// changes of a case put in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Activation {
    /// UID, 4, 7 or 10 bytes.
    pub uid: Vec<u8>,
    /// ATQA in the order it is sent.
    pub atqa: [u8; 2],
    /// SAK of the last cascade level. Bit 6 tells that the card speaks ISO/IEC 14443-4.
    pub sak: u8,
    /// ATS from TL to the last historical byte, without CRC, as it is sent, right or wrong. Empty: RATS stays without
    /// answer.
    pub ats: Vec<u8>,
    /// Frame delay of ordinary answers, on top of the shortest that the standard allows.
    pub delay: Duration,
    /// The card chains its responses in blocks of at most so many bytes of INF, 0 for the most that FSD allows.
    pub chain: u8,
}
