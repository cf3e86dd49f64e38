//! The card as the reader sees it before any application, byte by byte.

use crate::units::Duration;

/// What a card side answers by itself until the first command. It is made from the [`Front`](super::Front) of a card
/// image, with the changes of a case applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Activation {
    /// UID, 4, 7 or 10 bytes.
    pub uid: Vec<u8>,
    /// ATQA in the order of transmission.
    pub atqa: [u8; 2],
    /// SAK of the last cascade level. Bit 6 says that the card speaks ISO/IEC 14443-4.
    pub sak: u8,
    /// ATS from TL to the last historical byte, without CRC. It is sent as it is, right or wrong. If it is empty, the
    /// card does not answer RATS.
    pub ats: Vec<u8>,
    /// Frame delay that is added to ordinary answers, on top of the shortest delay that the standard allows.
    pub delay: Duration,
    /// The largest number of INF bytes in a block when the card chains its responses. The value 0 stands for the most
    /// that FSD allows.
    pub chain: u8,
}
