//! The card's part of the block protocol, ISO/IEC 14443-4.
//!
//! A card never recovers by itself: it answers what it understands and is silent otherwise. Its block number starts
//! at 1 and turns with each I-block that it receives and with each R(ACK) that moves its chain on. R(NAK) or
//! R(ACK) with its current number gets the last block again; R(NAK) with the other one gets R(ACK).
//! Blocks with CID or NAD are not understood (EMV forbids both).

use crate::{Frame, MAX_FRAME, with_crc};
use wire::crc::crc_a_ok;
use wire::link::{Answer, Fault};
use wire::{Command, Response};

/// Bytes of a block beside INF: PCB and CRC.
const AROUND_INF: usize = 3;

const I_BLOCK: u8 = 0x02;
const R_ACK: u8 = 0xA2;
const S_DESELECT: u8 = 0xC2;
const S_WTX: u8 = 0xF2;
const CHAINING: u8 = 0x10;
const NUMBER: u8 = 0x01;

/// FSD of FSDI, in bytes (ISO/IEC 14443-4); larger and reserved values count as 256, the most this medium takes.
#[must_use]
pub fn fsd(fsdi: u8) -> u16 {
    const SIZES: [u16; 9] = [16, 24, 32, 40, 48, 64, 96, 128, 256];
    SIZES.get(usize::from(fsdi)).copied().unwrap_or(256)
}

/// What a block, or the host's answer, led to.
#[derive(Debug, PartialEq, Eq)]
pub enum Reply {
    /// The card says nothing.
    Silence,
    /// The card's block, so long in us beyond the shortest frame delay or, if `exact`, after the reader's frame.
    Block {
        /// The frame.
        frame: Frame,
        /// Delay in us.
        delay_us: u32,
        /// The delay is the whole frame delay.
        exact: bool,
    },
    /// A whole command: the host answers it.
    Command(Command),
    /// The host still thinks about the command: the answer to this block comes later.
    Thinking,
    /// S(DESELECT), and its answer.
    Deselected(Frame),
    /// [`Fault::Cut`]: the card is gone.
    Left,
    /// [`Fault::Mute`]: the card is silent from now on.
    Muted,
}

/// What stands between the last block and the reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Damage {
    None,
    Drop(u8),
    Corrupt { seed: u32, times: u8 },
}

/// The block protocol between RATS and deselection.
#[derive(Debug)]
pub struct Blocks {
    /// Longest frame that the reader takes.
    fsd: u16,
    /// [`Front::chain`](wire::link::Front::chain).
    chain: u8,
    /// The card's current block number, 0 or 1.
    number: u8,
    /// The command so far, while the reader chains.
    command: Command,
    /// The reader's chain is longer than a command can be.
    overflow: bool,
    /// The host has been asked.
    awaiting: bool,
    /// WTXM of the S(WTX) request that the reader has to confirm.
    extension: Option<u8>,
    /// WTXM that the reader has just confirmed: it waits for so many frame waiting times for the answer to its last frame.
    granted: u8,
    /// The host's answer, until its first block is made.
    answer: Option<Answer>,
    response: Response,
    /// How much of the response is in blocks already sent.
    sent: usize,
    /// INF of this response's blocks at most.
    inf: usize,
    /// The last block, as it is sent again.
    last: Frame,
    damage: Damage,
}

impl Blocks {
    /// A card that answered RATS: the reader takes frames of `fsd` bytes, the card chains by `chain` bytes of INF, 0 for
    /// the most that FSD allows.
    #[must_use]
    pub fn new(fsd: u16, chain: u8) -> Self {
        Self {
            fsd,
            chain,
            number: 1,
            command: Command::new(),
            overflow: false,
            awaiting: false,
            extension: None,
            granted: 1,
            answer: None,
            response: Response::new(),
            sent: 0,
            inf: 0,
            last: Frame::new(),
            damage: Damage::None,
        }
    }

    /// The host has been asked and has not answered.
    #[must_use]
    pub fn is_awaiting(&self) -> bool {
        self.awaiting
    }

    /// WTXM of the S(WTX) request that waits for its confirmation.
    #[must_use]
    pub fn extension(&self) -> Option<u8> {
        self.extension
    }

    /// The multiplier of the frame waiting time that the reader now waits for; 1 unless it has just confirmed S(WTX).
    #[must_use]
    pub fn granted(&self) -> u8 {
        self.granted
    }

    /// The frame asks for a block again: R(NAK), or R(ACK) that moves no chain on.
    #[must_use]
    pub fn asks_again(&self, frame: &[u8]) -> bool {
        match *frame {
            [0xB2 | 0xB3, _, _] => crc_a_ok(frame),
            [pcb @ (0xA2 | 0xA3), _, _] => crc_a_ok(frame) && pcb & NUMBER == self.number,
            _ => false,
        }
    }

    /// A frame of the reader.
    pub fn command(&mut self, frame: &[u8]) -> Reply {
        let [pcb, inf @ .., _, _] = frame else { return Reply::Silence };
        if !crc_a_ok(frame) || frame.len() > 256 {
            return Reply::Silence;
        }
        self.granted = 1;
        match (*pcb, inf) {
            (0x02 | 0x03 | 0x12 | 0x13, _) => self.i_block(pcb & CHAINING != 0, inf),
            (0xA2 | 0xA3, []) => self.r_ack(pcb & NUMBER),
            (0xB2 | 0xB3, []) => self.r_nak(pcb & NUMBER),
            (S_DESELECT, []) => Reply::Deselected(with_crc(&[S_DESELECT])),
            // The confirmation repeats the WTXM that the card asked for.
            (S_WTX, [wtxm]) if self.extension == Some(*wtxm) => {
                self.extension = None;
                self.granted = *wtxm;
                self.go_on()
            }
            _ => Reply::Silence,
        }
    }

    fn i_block(&mut self, chaining: bool, inf: &[u8]) -> Reply {
        self.number ^= NUMBER;
        if self.awaiting || self.answer.is_some() || self.extension.is_some() {
            // The reader has given up on the command before.
            (self.awaiting, self.answer, self.extension) = (false, None, None);
            self.command.clear();
        }
        self.response.clear();
        self.sent = 0;
        self.damage = Damage::None;
        self.overflow |= self.command.extend_from_slice(inf).is_err();
        if chaining {
            return self.acknowledge();
        }
        let command = core::mem::take(&mut self.command);
        if core::mem::take(&mut self.overflow) {
            // No card takes more than a short-length APDU: silent, as one that ran out of memory.
            return Reply::Silence;
        }
        self.awaiting = true;
        Reply::Command(command)
    }

    fn r_ack(&mut self, number: u8) -> Reply {
        if number == self.number {
            return self.again();
        }
        if self.awaiting || self.extension.is_some() || self.sent >= self.response.len() {
            return Reply::Silence;
        }
        self.number ^= NUMBER;
        self.damage = Damage::None;
        let (pcb, inf) = self.next_block();
        self.block(pcb, inf)
    }

    fn r_nak(&mut self, number: u8) -> Reply {
        if number == self.number { self.again() } else { self.acknowledge() }
    }

    /// The last block once more, or the one that is still to come.
    fn again(&mut self) -> Reply {
        if self.awaiting && self.extension.is_none() { Reply::Thinking } else { self.transmit(0, false) }
    }

    fn acknowledge(&mut self) -> Reply {
        self.block(R_ACK | self.number, Frame::new())
    }

    /// The host's answer. The reply is for the block that waits; when none waits it is kept as the last block, except
    /// for [`Reply::Left`] and [`Reply::Muted`], which happen at once.
    ///
    /// `None`: S(WTX) is on its way, the answer follows its confirmation.
    pub fn answer(&mut self, answer: Answer) -> Option<Reply> {
        self.awaiting = false;
        match answer.fault {
            Some(Fault::Cut) => return Some(Reply::Left),
            Some(Fault::Mute) => return Some(Reply::Muted),
            _ => {}
        }
        self.answer = Some(answer);
        self.extension.is_none().then(|| self.go_on())
    }

    /// S(WTX): the card asks for `wtxm` frame waiting times.
    pub fn extend(&mut self, wtxm: u8) -> Reply {
        self.extension = Some(wtxm);
        self.damage = Damage::None;
        self.last = extension(wtxm);
        self.transmit(0, false)
    }

    /// What follows when the reader may be answered.
    fn go_on(&mut self) -> Reply {
        if self.awaiting {
            return Reply::Thinking;
        }
        match &mut self.answer {
            None => Reply::Silence,
            Some(Answer { fault: Some(Fault::Wtx { times, multiplier, .. }), .. }) if *times > 0 => {
                *times -= 1;
                let wtxm = *multiplier;
                self.extend(wtxm)
            }
            Some(_) => self.first_block(),
        }
    }

    fn first_block(&mut self) -> Reply {
        let Some(Answer { response, delay_us, fault }) = self.answer.take() else { return Reply::Silence };
        let most = usize::from(self.fsd).saturating_sub(AROUND_INF);
        let wish = match fault {
            Some(Fault::Chain { size }) => size,
            _ => self.chain,
        };
        self.inf = if wish == 0 { most } else { most.min(usize::from(wish)) };
        self.response = response;
        self.sent = 0;
        let (mut pcb, mut inf) = self.next_block();
        let (mut delay_us, mut exact) = (delay_us, false);
        self.damage = Damage::None;
        match fault {
            Some(Fault::Drop { times } | Fault::Wtx { lost: times, .. }) => self.damage = Damage::Drop(times),
            Some(Fault::Corrupt { seed, times }) => self.damage = Damage::Corrupt { seed, times },
            Some(Fault::Late { delay_us: whole }) => (delay_us, exact) = (whole, true),
            Some(Fault::BlockNumber) => pcb ^= NUMBER,
            Some(Fault::Pcb(other)) => pcb = other,
            Some(Fault::Oversize) => {
                let len = (usize::from(self.fsd) - AROUND_INF + 1).min(MAX_FRAME - AROUND_INF);
                inf.extend(core::iter::repeat_n(0, len.saturating_sub(inf.len())));
            }
            Some(Fault::Cut | Fault::Chain { .. } | Fault::Mute) | None => {}
        }
        self.last = block(pcb, &inf);
        self.transmit(delay_us, exact)
    }

    /// PCB and INF of the next block of the response.
    fn next_block(&mut self) -> (u8, Frame) {
        let rest = &self.response[self.sent..];
        let inf: Frame = rest.iter().copied().take(self.inf).collect();
        let more = if inf.len() < rest.len() { CHAINING } else { 0 };
        self.sent += inf.len();
        (I_BLOCK | more | self.number, inf)
    }

    fn block(&mut self, pcb: u8, inf: Frame) -> Reply {
        self.last = block(pcb, &inf);
        self.transmit(0, false)
    }

    /// The last block, past what stands between it and the reader.
    fn transmit(&mut self, delay_us: u32, exact: bool) -> Reply {
        let mut frame = self.last.clone();
        match &mut self.damage {
            _ if frame.is_empty() => return Reply::Silence,
            Damage::Drop(times) if *times > 0 => {
                *times -= 1;
                return Reply::Silence;
            }
            Damage::Corrupt { seed, times } if *times > 0 => {
                *times -= 1;
                turn_bits(&mut frame, seed);
            }
            _ => {}
        }
        Reply::Block { frame, delay_us, exact }
    }
}

/// S(WTX) that asks for `wtxm` frame waiting times.
#[must_use]
pub fn extension(wtxm: u8) -> Frame {
    block(S_WTX, &[wtxm])
}

fn block(pcb: u8, inf: &[u8]) -> Frame {
    let body: Frame = core::iter::once(pcb).chain(inf.iter().copied()).take(MAX_FRAME - 2).collect();
    with_crc(&body)
}

/// Turns one or three bits that `seed` chooses, and moves the seed on. An odd number: CRC_A, whose polynomial has the
/// factor x + 1, never takes the frame for a whole one.
fn turn_bits(frame: &mut Frame, seed: &mut u32) {
    let bits = frame.len() * 8;
    let mut next = || {
        // xorshift32; a seed of 0 would stay 0.
        let mut x = if *seed == 0 { 0x9E37_79B9 } else { *seed };
        x ^= x << 13;
        x ^= x >> 17;
        x ^= x << 5;
        *seed = x;
        x as usize
    };
    let first = next() % bits;
    let mut turn = |bit: usize| frame[bit / 8] ^= 1 << (bit % 8);
    turn(first);
    if next() % 2 == 1 {
        turn((first + 1) % bits);
        turn((first + 2) % bits);
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use proptest::prelude::*;
    use std::vec::Vec as StdVec;

    const COMMAND: [u8; 5] = [0x00, 0xA4, 0x04, 0x00, 0x00];

    fn frame(reply: Reply) -> StdVec<u8> {
        match reply {
            Reply::Block { frame, .. } => {
                assert!(crc_a_ok(&frame), "{frame:02X?}");
                frame[..frame.len() - 2].to_vec()
            }
            other => panic!("no block but {other:?}"),
        }
    }

    fn answer(bytes: &[u8], fault: Option<Fault>) -> Answer {
        Answer { response: Response::from_slice(bytes).expect("fits"), delay_us: 7, fault }
    }

    /// The first command, answered.
    fn answered(blocks: &mut Blocks, bytes: &[u8], fault: Option<Fault>) -> Reply {
        assert_eq!(blocks.command(&block(0x02, &COMMAND)), Reply::Command(COMMAND.iter().copied().collect()));
        blocks.answer(answer(bytes, fault)).expect("no S(WTX) on its way")
    }

    #[test]
    fn commands_and_responses_alternate_in_number() {
        let mut blocks = Blocks::new(256, 0);
        for number in [0, 1, 0] {
            assert!(matches!(blocks.command(&block(0x02 | number, &COMMAND)), Reply::Command(_)));
            assert_eq!(frame(blocks.answer(answer(&[0x90, 0x00], None)).expect("now")), [0x02 | number, 0x90, 0x00]);
        }
    }

    #[test]
    fn the_last_block_comes_again_to_r_nak_with_the_current_number() {
        let mut blocks = Blocks::new(256, 0);
        answered(&mut blocks, &[0x90, 0x00], None);
        assert_eq!(frame(blocks.command(&with_crc(&[0xB2]))), [0x02, 0x90, 0x00]);
        assert_eq!(frame(blocks.command(&with_crc(&[0xA2]))), [0x02, 0x90, 0x00]);
        assert_eq!(frame(blocks.command(&with_crc(&[0xB3]))), [0xA2], "the other number: R(ACK)");
    }

    #[test]
    fn the_readers_chain_is_put_together() {
        let mut blocks = Blocks::new(256, 0);
        assert_eq!(frame(blocks.command(&block(0x12, &[1, 2]))), [0xA2]);
        assert_eq!(frame(blocks.command(&block(0x13, &[3]))), [0xA3]);
        assert_eq!(
            blocks.command(&block(0x02, &[4])),
            Reply::Command(Command::from_slice(&[1, 2, 3, 4]).expect("fits"))
        );
    }

    #[test]
    fn a_chain_longer_than_any_command_ends_in_silence_and_the_next_command_is_heard() {
        let mut blocks = Blocks::new(256, 0);
        frame(blocks.command(&block(0x12, &[0; 200])));
        assert_eq!(blocks.command(&block(0x03, &[0; 200])), Reply::Silence);
        assert!(matches!(blocks.command(&block(0x02, &COMMAND)), Reply::Command(_)));
    }

    #[test]
    fn the_cards_chain_fills_fsd_and_moves_on_with_r_ack() {
        let mut blocks = Blocks::new(16, 0);
        let response: StdVec<u8> = (0..30).collect();
        assert_eq!(frame(answered(&mut blocks, &response, None)), [&[0x12], &response[..13]].concat());
        assert_eq!(frame(blocks.command(&with_crc(&[0xA3]))), [&[0x13], &response[13..26]].concat());
        assert_eq!(frame(blocks.command(&with_crc(&[0xA3]))), [&[0x13], &response[13..26]].concat(), "again");
        assert_eq!(frame(blocks.command(&with_crc(&[0xA2]))), [&[0x02], &response[26..]].concat());
        assert_eq!(blocks.command(&with_crc(&[0xA3])), Reply::Silence, "nothing left");
    }

    #[test]
    fn chain_size_of_front_and_fault() {
        let mut blocks = Blocks::new(64, 2);
        assert_eq!(frame(answered(&mut blocks, &[1, 2, 3], None)), [0x12, 1, 2]);
        let mut blocks = Blocks::new(64, 2);
        assert_eq!(frame(answered(&mut blocks, &[1, 2, 3], Some(Fault::Chain { size: 1 }))), [0x12, 1]);
        let mut blocks = Blocks::new(64, 0);
        assert_eq!(frame(answered(&mut blocks, &[1, 2], Some(Fault::Chain { size: 0 }))), [0x02, 1, 2]);
    }

    #[test]
    fn a_dropped_block_comes_when_the_losses_are_used_up() {
        let mut blocks = Blocks::new(256, 0);
        assert_eq!(answered(&mut blocks, &[0x90, 0x00], Some(Fault::Drop { times: 2 })), Reply::Silence);
        assert_eq!(blocks.command(&with_crc(&[0xB2])), Reply::Silence);
        assert_eq!(frame(blocks.command(&with_crc(&[0xB2]))), [0x02, 0x90, 0x00]);
    }

    #[test]
    fn a_late_block_tells_its_whole_delay_once() {
        let mut blocks = Blocks::new(256, 0);
        let late = answered(&mut blocks, &[0x90, 0x00], Some(Fault::Late { delay_us: 60_000 }));
        assert!(matches!(late, Reply::Block { delay_us: 60_000, exact: true, .. }));
        assert!(matches!(blocks.command(&with_crc(&[0xB2])), Reply::Block { delay_us: 0, exact: false, .. }));
    }

    #[test]
    fn asked_for_extensions_come_before_the_first_block() {
        let mut blocks = Blocks::new(256, 0);
        let fault = Fault::Wtx { times: 2, multiplier: 5, lost: 0 };
        assert_eq!(frame(answered(&mut blocks, &[0x90, 0x00], Some(fault))), [0xF2, 5]);
        assert_eq!(blocks.command(&with_crc(&[0xF2, 6])), Reply::Silence, "another WTXM");
        assert_eq!(frame(blocks.command(&with_crc(&[0xB2]))), [0xF2, 5], "R(NAK) gets S(WTX) again");
        assert_eq!(frame(blocks.command(&with_crc(&[0xF2, 5]))), [0xF2, 5]);
        assert_eq!(frame(blocks.command(&with_crc(&[0xF2, 5]))), [0x02, 0x90, 0x00]);
        assert_eq!(blocks.command(&with_crc(&[0xF2, 5])), Reply::Silence, "nobody asked");
    }

    #[test]
    fn a_block_may_be_lost_after_an_extension() {
        let mut blocks = Blocks::new(256, 0);
        let fault = Fault::Wtx { times: 1, multiplier: 5, lost: 1 };
        assert_eq!(frame(answered(&mut blocks, &[0x90, 0x00], Some(fault))), [0xF2, 5]);
        assert_eq!(blocks.command(&with_crc(&[0xF2, 5])), Reply::Silence);
        assert_eq!(frame(blocks.command(&with_crc(&[0xB2]))), [0x02, 0x90, 0x00]);
    }

    #[test]
    fn an_answer_that_comes_during_an_extension_waits_for_its_confirmation() {
        let mut blocks = Blocks::new(256, 0);
        blocks.command(&block(0x02, &COMMAND));
        assert_eq!(frame(blocks.extend(1)), [0xF2, 1]);
        assert_eq!(blocks.answer(answer(&[0x90, 0x00], None)), None);
        assert_eq!(frame(blocks.command(&with_crc(&[0xF2, 1]))), [0x02, 0x90, 0x00]);
    }

    #[test]
    fn faulty_blocks_are_what_they_are_called() {
        let faulty = |fault| {
            let mut blocks = Blocks::new(32, 0);
            let first = frame(answered(&mut blocks, &[0x90, 0x00], Some(fault)));
            assert_eq!(frame(blocks.command(&with_crc(&[0xB2]))), first, "the same block again");
            first
        };
        assert_eq!(faulty(Fault::BlockNumber), [0x03, 0x90, 0x00]);
        assert_eq!(faulty(Fault::Pcb(0xE2)), [0xE2, 0x90, 0x00]);
        assert_eq!(faulty(Fault::Oversize).len() + 2, 33, "one byte above FSD, CRC included");
        let mut blocks = Blocks::new(256, 0);
        assert_eq!(frame(answered(&mut blocks, &[0x90, 0x00], Some(Fault::Oversize))).len() + 2, 257);
        assert_eq!(answered(&mut Blocks::new(256, 0), &[], Some(Fault::Cut)), Reply::Left);
        assert_eq!(answered(&mut Blocks::new(256, 0), &[], Some(Fault::Mute)), Reply::Muted);
    }

    #[test]
    fn blocks_with_cid_nad_or_a_wrong_crc_are_not_heard() {
        let mut blocks = Blocks::new(256, 0);
        for wrong in [block(0x0A, &COMMAND), block(0x06, &COMMAND), with_crc(&[0xC2, 0x00]), with_crc(&[0xB2, 0])] {
            assert_eq!(blocks.command(&wrong), Reply::Silence, "{wrong:02X?}");
        }
        let mut damaged = block(0x02, &COMMAND);
        damaged[2] ^= 1;
        assert_eq!(blocks.command(&damaged), Reply::Silence);
        assert_eq!(blocks.command(&[]), Reply::Silence);
    }

    proptest! {
        #[test]
        fn a_corrupted_block_never_has_a_right_crc(seed: u32, bytes in prop::collection::vec(any::<u8>(), 0..250)) {
            let mut blocks = Blocks::new(256, 0);
            let reply = answered(&mut blocks, &bytes, Some(Fault::Corrupt { seed, times: 2 }));
            for reply in [reply, blocks.command(&with_crc(&[0xB2]))] {
                let Reply::Block { frame, .. } = reply else { panic!("no block") };
                prop_assert!(!crc_a_ok(&frame));
            }
            let whole = frame(blocks.command(&with_crc(&[0xB2])));
            prop_assert_eq!(&whole[1..], &bytes);
        }
    }
}
