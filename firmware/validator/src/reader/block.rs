//! Half-duplex block protocol of ISO/IEC 14443-4, reader's side, with EMV's limits: no CID, no NAD, 106 kbit/s.

use kernel::LinkError;
use wire::Response;
use wire::crc::crc_a_ok;

use super::activation::{ACTIVATION_FWT_US, waiting_time_us, with_crc_a};
use super::medium::{Frame, Heard, Medium};

/// Longest frame that the reader takes, in bytes, CRC included (FSDI 8).
pub const FSD: usize = 256;

/// How often one block is asked for again (EMV: at most twice).
const RETRIES: u8 = 2;

/// Waiting time extensions for one block. A card that asks for more is broken; on the modelled air, where an emulator
/// asks while its host thinks, the host is given up after some seconds.
const MAX_WTX: u32 = 40;

/// Card's own time in one tap, in us: far above what any passenger waits.
const MAX_CARD_TIME_US: u64 = 5_000_000;

const I_BLOCK: u8 = 0x02;
const CHAINING: u8 = 0x10;
const R_ACK: u8 = 0xA2;
const R_NAK: u8 = 0xB2;
const S_DESELECT: u8 = 0xC2;
const S_WTX: u8 = 0xF2;
/// Bits of an I-block and R-block PCB that may be either: chaining or NAK, block number.
const FREE_BITS: u8 = 0x11;

/// State of the protocol with one activated card.
#[derive(Debug, Clone)]
pub struct Link {
    /// The reader's block number, 0 or 1.
    number: u8,
    /// Longest frame that the card takes, in bytes, CRC included.
    fsc: usize,
    /// Frame waiting time in us.
    fwt_us: u32,
    /// Time that the card took in all, in us.
    card_time_us: u64,
}

/// What to send when a block does not come, or comes damaged.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Recovery {
    /// The reader waits for the answer to an I-block of its own.
    Nak,
    /// The card chains and waits for this acknowledgement.
    Ack,
}

/// A block from the card, whole and with a good CRC.
#[derive(Debug, PartialEq, Eq)]
enum Block<'a> {
    Information { number: u8, chaining: bool, inf: &'a [u8] },
    Ack { number: u8 },
    Wtx(u8),
}

impl<'a> Block<'a> {
    /// A block of the card; nothing for one that breaks the format or that a card never sends.
    fn parse(body: &'a [u8]) -> Option<Self> {
        let (&pcb, inf) = body.split_first()?;
        let number = pcb & 1;
        match (pcb & !FREE_BITS, inf) {
            (I_BLOCK, _) => Some(Self::Information { number, chaining: pcb & CHAINING != 0, inf }),
            (R_ACK, []) if pcb & CHAINING == 0 => Some(Self::Ack { number }),
            _ => match (pcb, inf) {
                // Bits 8 and 7 of the multiplier (power level) are 0 in EMV.
                (S_WTX, [wtxm @ 1..=59]) => Some(Self::Wtx(*wtxm)),
                _ => None,
            },
        }
    }
}

impl Link {
    /// A card that was just activated.
    pub(super) fn new(fsc: usize, fwt_us: u32) -> Self {
        Self { number: 0, fsc, fwt_us, card_time_us: 0 }
    }

    /// One command APDU out, one response APDU in.
    pub(super) fn transmit<M: Medium>(
        &mut self,
        medium: &mut M,
        command: &[u8],
        response: &mut Response,
    ) -> Result<(), LinkError> {
        response.clear();
        let mut answer = Frame::new();
        let mut rest = command;
        let mut chaining = loop {
            let (inf, after) = rest.split_at(rest.len().min(self.fsc - 3));
            let last = after.is_empty();
            let pcb = I_BLOCK | self.number | if last { 0 } else { CHAINING };
            let mut body = heapless::Vec::<u8, FSD>::new();
            // FSC is at most 256, so PCB and INF fit.
            let _ = body.push(pcb);
            let _ = body.extend_from_slice(inf);
            match self.turn(medium, &with_crc_a(&body), Recovery::Nak, &mut answer)? {
                Block::Ack { number } if !last && number == self.number => {
                    self.number ^= 1;
                    rest = after;
                }
                Block::Information { number, chaining, inf } if last && number == self.number => {
                    self.number ^= 1;
                    collect(response, inf, chaining)?;
                    break chaining;
                }
                _ => return Err(LinkError::Protocol),
            }
        };
        while chaining {
            let ack = with_crc_a(&[R_ACK | self.number]);
            match self.turn(medium, &ack, Recovery::Ack, &mut answer)? {
                Block::Information { number, chaining: more, inf } if number == self.number => {
                    self.number ^= 1;
                    collect(response, inf, more)?;
                    chaining = more;
                }
                _ => return Err(LinkError::Protocol),
            }
        }
        Ok(())
    }

    /// Sends a block and gets the next I-block or R(ACK), with retries and waiting time extensions in between.
    fn turn<'a, M: Medium>(
        &mut self,
        medium: &mut M,
        block: &Frame,
        recovery: Recovery,
        answer: &'a mut Frame,
    ) -> Result<Block<'a>, LinkError> {
        let (mut failures, mut extensions) = (0, 0);
        let mut limit_us = self.fwt_us;
        let mut next = block.clone();
        loop {
            let heard = medium.command(&next, limit_us, answer);
            limit_us = self.fwt_us;
            let failure = match heard {
                Heard::Dead => return Err(LinkError::Timeout),
                Heard::Silence => Some(LinkError::Timeout),
                Heard::Collision => Some(LinkError::Transmission),
                Heard::Answer { delay_us } => {
                    self.card_time_us += u64::from(delay_us);
                    if answer.len() > FSD || self.card_time_us > MAX_CARD_TIME_US {
                        return Err(LinkError::Protocol);
                    }
                    (!crc_a_ok(answer)).then_some(LinkError::Transmission)
                }
            };
            let resend_own = if let Some(failure) = failure {
                if failures == RETRIES {
                    let gone = failure == LinkError::Timeout && medium.load() == Some(false);
                    return Err(if gone { LinkError::Removed } else { failure });
                }
                recovery == Recovery::Ack
            } else {
                match Block::parse(&answer[..answer.len() - 2]).ok_or(LinkError::Protocol)? {
                    Block::Wtx(wtxm) => {
                        extensions += 1;
                        if extensions > MAX_WTX {
                            return Err(LinkError::Protocol);
                        }
                        limit_us = self.fwt_us.saturating_mul(wtxm.into()).min(waiting_time_us(14));
                        next = with_crc_a(&[S_WTX, wtxm]);
                        continue;
                    }
                    // The card did not get the reader's block (ISO/IEC 14443-4, rule 6): once more.
                    Block::Ack { number } if recovery == Recovery::Nak && number != self.number => {
                        if failures == RETRIES {
                            return Err(LinkError::Protocol);
                        }
                        true
                    }
                    _ => break,
                }
            };
            failures += 1;
            next = if resend_own { block.clone() } else { with_crc_a(&[R_NAK | self.number]) };
        }
        Block::parse(&answer[..answer.len() - 2]).ok_or(LinkError::Protocol)
    }

    /// Lets the card go by S(DESELECT). False when it does not confirm.
    pub(super) fn deselect<M: Medium>(&self, medium: &mut M) -> bool {
        let mut answer = Frame::new();
        let heard = medium.command(&with_crc_a(&[S_DESELECT]), ACTIVATION_FWT_US, &mut answer);
        matches!(heard, Heard::Answer { .. }) && crc_a_ok(&answer) && answer[..answer.len() - 2] == [S_DESELECT]
    }
}

/// Appends INF to the response.
fn collect(response: &mut Response, inf: &[u8], chaining: bool) -> Result<(), LinkError> {
    // An empty block that promises more could go on for ever.
    if chaining && inf.is_empty() {
        return Err(LinkError::Protocol);
    }
    response.extend_from_slice(inf).map_err(|_| LinkError::Protocol)
}
