//! Faults on an antenna are those of the modelled air: the same reader meets the same card in both, and hears the same.

use super::chip::clocks;
use super::world::{Antenna, Mind, World};
use super::{UID, answer, front};
use emulator::air_time::fwt_ns;
use emulator::card::{Card, Event, FromReader, OnAir};
use kernel::{Card as _, LinkError};
use proptest::prelude::*;
use std::cell::RefCell;
use std::rc::Rc;
use validator::reader::medium::Frame;
use validator::reader::{Heard, Medium, Presence, Reader};
use wire::Response;
use wire::link::{Fault, Front, Release, Report, Request};

/// A card at a reader, and nothing in between: what the modelled air would carry.
struct Direct {
    card: Option<Card>,
    mind: Mind,
    heard: Vec<Vec<u8>>,
}

impl Direct {
    fn carry(&mut self, frame: FromReader<'_>, limit_us: u32, answer: &mut Frame) -> Heard {
        answer.clear();
        let Some(card) = &mut self.card else { return Heard::Silence };
        let (mut on_air, event) = card.hear(frame);
        if let Some(Event::Command(command)) = event {
            let left;
            (on_air, left) = card.answer((self.mind)(&command));
            if left == Some(Event::Left) {
                self.card = None;
            }
        }
        let OnAir::Frame { delay_us, frame } = on_air else { return Heard::Silence };
        if delay_us > limit_us {
            return Heard::Silence;
        }
        answer.extend_from_slice(&frame).expect("fits");
        self.heard.push(frame.to_vec());
        Heard::Answer { delay_us }
    }
}

impl Medium for Direct {
    fn field(&mut self, on: bool) {
        if let (false, Some(card)) = (on, &mut self.card) {
            card.field_off();
        }
    }
    fn short(&mut self, bits: u8, limit_us: u32, answer: &mut Frame) -> Heard {
        self.carry(FromReader::Short(bits), limit_us, answer)
    }
    fn command(&mut self, bytes: &[u8], limit_us: u32, answer: &mut Frame) -> Heard {
        self.carry(FromReader::Bytes(bytes), limit_us, answer)
    }
    fn pause(&mut self, _us: u32) {}
    fn listen(&mut self) -> bool {
        false
    }
    fn load(&self) -> Option<bool> {
        None
    }
    fn deaths(&mut self) -> u32 {
        0
    }
}

/// What one response is, and what goes wrong with it.
#[derive(Debug, Clone)]
struct Turn {
    command: Vec<u8>,
    response: Vec<u8>,
    delay_us: u32,
    fault: Option<Fault>,
}

/// The mind that answers the n-th command by the n-th turn.
fn mind(turns: &[Turn]) -> Mind {
    let (turns, at) = (turns.to_vec(), RefCell::new(0));
    Rc::new(move |_| {
        let turn = &turns[*at.borrow()];
        *at.borrow_mut() += 1;
        answer(&turn.response, turn.delay_us, turn.fault)
    })
}

/// What the reader makes of the turns: each result, until one fails.
fn play<M: Medium>(medium: M, turns: &[Turn]) -> (Vec<Result<Vec<u8>>>, Reader<M>) {
    let mut reader = Reader::new(medium);
    assert_eq!(reader.poll(), Presence::TypeA);
    assert_eq!(reader.activate(), Ok(()));
    let mut results = Vec::new();
    for turn in turns {
        let mut response = Response::new();
        let result = reader.transmit(&turn.command, &mut response).map(|()| response.to_vec());
        let failed = result.is_err();
        results.push(result);
        if failed {
            break;
        }
    }
    reader.release(false);
    (results, reader)
}

fn faults() -> impl Strategy<Value = Option<Fault>> {
    prop_oneof![
        4 => Just(None),
        1 => (0..4u8).prop_map(|times| Some(Fault::Drop { times })),
        2 => (any::<u32>(), 0..4u8).prop_map(|(seed, times)| Some(Fault::Corrupt { seed, times })),
        2 => (0..300_000u32).prop_map(|delay_us| Some(Fault::Late { delay_us })),
        1 => (0..3u8, 0..70u8, 0..3u8).prop_map(|(times, multiplier, lost)| Some(Fault::Wtx { times, multiplier, lost })),
        1 => any::<u8>().prop_map(|size| Some(Fault::Chain { size })),
        1 => any::<u8>().prop_map(|pcb| Some(Fault::Pcb(pcb))),
        1 => prop::sample::select(vec![Fault::Cut, Fault::Mute, Fault::BlockNumber, Fault::Oversize]).prop_map(Some),
    ]
}

fn turns() -> impl Strategy<Value = Vec<Turn>> {
    let bytes = |range| prop::collection::vec(any::<u8>(), range);
    let turn = (bytes(4..262), bytes(2..259), prop_oneof![Just(0), 0..60_000u32], faults())
        .prop_map(|(command, response, delay_us, fault)| Turn { command, response, delay_us, fault });
    prop::collection::vec(turn, 1..6)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn a_reader_hears_what_it_would_hear_on_the_modelled_air(
        length in prop::sample::select(vec![4usize, 7, 10]), fwi in 5..=9u8, chain: u8, own_us in 0..3000u32,
        latency in 0..2000u64, thinking_us in 100..6000u64, turns in turns(),
    ) {
        let card = Front { chain, delay_us: own_us, ..front(&[0x04, 1, 2, 3, 4, 5, 6, 7, 8, 9][..length], fwi) };
        // Whether an answer at the very end of the reader's patience is in time is a matter of clocks, which only one of
        // the two counts. Half a ms later the reader and the card would speak at once.
        let fwt_us = fwt_ns(fwi) / 1000;
        let limits: Vec<u64> = (1..60).flat_map(|wtxm| [fwt_us * wtxm, fwt_us * wtxm + 500]).collect();
        for turn in &turns {
            let whole = match turn.fault {
                Some(Fault::Late { delay_us }) => delay_us,
                _ => 92 + own_us + turn.delay_us,
            };
            prop_assume!(limits.iter().all(|limit| u64::from(whole).abs_diff(*limit) > 60));
        }

        let direct = Direct { card: Some(Card::new(card.clone())), mind: mind(&turns), heard: Vec::new() };
        let (wanted, mut reader) = play(direct, &turns);
        let wanted_frames = std::mem::take(&mut reader.medium().heard);

        let mut world = World::with(card, mind(&turns));
        (world.latency, world.thinking) = (latency, clocks(thinking_us));
        let world = Rc::new(RefCell::new(world));
        let (results, _) = play(Antenna(world.clone()), &turns);
        let world = world.borrow();
        prop_assert_eq!(world.chip.violations(), Vec::<String>::new());
        prop_assert_eq!(world.chip.collisions(), 0);
        let frames: Vec<_> = world.heard.iter().map(|(_, bytes)| bytes.clone()).collect();
        prop_assert_eq!(frames, wanted_frames);
        prop_assert_eq!(results, wanted);
    }
}

const RESPONSE: [u8; 4] = [0xAB, 0xCD, 0x90, 0x00];

type Result<T> = std::result::Result<T, LinkError>;

/// One command with this fault; the result, and reader and world afterwards.
fn with_fault(fault: Fault) -> (Result<Vec<u8>>, Reader<Antenna>, Rc<RefCell<World>>) {
    let turn = Turn { command: vec![0, 0xA4, 4, 0], response: RESPONSE.to_vec(), delay_us: 0, fault: Some(fault) };
    let world = Rc::new(RefCell::new(World::with(front(&UID, 7), mind(std::slice::from_ref(&turn)))));
    let mut reader = Reader::new(Antenna(world.clone()));
    assert_eq!(reader.poll(), Presence::TypeA);
    assert_eq!(reader.activate(), Ok(()));
    let mut response = Response::new();
    let result = reader.transmit(&turn.command, &mut response).map(|()| response.to_vec());
    world.borrow().is_sound();
    (result, reader, world)
}

#[test]
fn a_cut_takes_the_card_out_of_the_field() {
    let (result, mut reader, world) = with_fault(Fault::Cut);
    assert_eq!(result, Err(LinkError::Timeout));
    assert!(reader.is_removed());
    let heard = world.borrow().heard.len();
    reader.release(true);
    assert_eq!(reader.poll(), Presence::Nothing);
    let mut world = world.borrow_mut();
    assert_eq!(world.heard.len(), heard, "not a frame after that");
    assert!(matches!(world.reports().rev().nth(1), Some(Report::Removed(_))));
    world.ask(Request::Present);
    world.pass(clocks(6000));
    assert!(world.exchange(super::chip::Sent::Short(0x52), clocks(100)).is_some(), "it comes again");
    world.is_sound();
}

#[test]
fn a_mute_card_stays_and_says_nothing_even_after_a_field_reset() {
    let (result, mut reader, world) = with_fault(Fault::Mute);
    assert_eq!(result, Err(LinkError::Timeout));
    let heard = world.borrow().heard.len();
    reader.release(true);
    assert_eq!(reader.poll(), Presence::Nothing);
    let world = world.borrow();
    assert_eq!(world.heard.len(), heard);
    let fields: Vec<_> = world.reports().filter(|report| matches!(report, Report::Field(_))).collect();
    assert!(fields.len() > 2, "the field is still seen: {fields:?}");
    assert!(world.reports().any(|report| *report == Report::Released(Release::FieldOff)));
    world.is_sound();
}

#[test]
fn a_wrong_crc_is_sent_as_it_is_and_the_next_one_is_right() {
    let (result, _, world) = with_fault(Fault::Corrupt { seed: 1, times: 2 });
    assert_eq!(result, Ok(RESPONSE.to_vec()));
    let world = world.borrow();
    let [.., (_, first), (_, second), (_, third)] = &world.heard[..] else { panic!("{:?}", world.heard) };
    let wrong = |bytes: &[u8]| !wire::crc::crc_a_ok(bytes);
    assert!(wrong(first) && wrong(second) && !wrong(third), "{first:02X?} {second:02X?} {third:02X?}");
    assert_eq!(first.len(), third.len());
}

#[test]
fn an_oversized_block_is_as_long_as_the_peripheral_can_send() {
    let (result, _, world) = with_fault(Fault::Oversize);
    assert_eq!(result, Err(LinkError::Protocol));
    assert!(world.borrow().heard.iter().any(|(_, bytes)| bytes.len() == 257));
}
