//! The reader against a scripted card.

use std::vec;
use std::vec::Vec;

use kernel::{Card, LinkError};
use proptest::prelude::*;
use wire::Response;
use wire::crc::crc_a;

use super::testcard::{TestCard, TestMedium, Twist};
use super::{ActivationError, Presence, Reader};

fn reader(card: TestCard) -> Reader<TestMedium> {
    Reader::new(TestMedium::new(card))
}

fn card(change: impl FnOnce(&mut TestCard)) -> TestCard {
    let mut card = TestCard::new(&[1, 2, 3, 4]);
    change(&mut card);
    card
}

/// A reader with an activated card and the twists that follow.
fn active(chunk: usize, twists: Vec<Twist>) -> Reader<TestMedium> {
    let mut reader = reader(card(|card| card.chunk = chunk));
    assert_eq!(reader.poll(), Presence::TypeA);
    reader.activate().expect("a good card");
    reader.medium.twists = twists;
    reader.medium.sent.clear();
    reader
}

fn sealed(bytes: &[u8]) -> Vec<u8> {
    [bytes, &crc_a(bytes)].concat()
}

/// Exchanges a command of so many bytes with the card that echoes it.
fn exchange(reader: &mut Reader<TestMedium>, length: usize) -> Result<(), LinkError> {
    let command: Vec<u8> = (0..length).map(|i| i as u8).collect();
    let mut response = Response::new();
    reader.transmit(&command, &mut response)?;
    assert_eq!(response[..length], command[..]);
    assert_eq!(response[length..], [0x90, 0x00]);
    Ok(())
}

/// First bytes of the frames that were sent.
fn pcbs(reader: &Reader<TestMedium>) -> Vec<u8> {
    reader.medium.sent.iter().map(|frame| frame[0]).collect()
}

/// A card may take 5 ms until it hears anything (ISO/IEC 14443-3, 5.2).
#[test]
fn the_first_frame_comes_when_a_card_has_had_power_for_long_enough() {
    let mut reader = reader(TestCard::new(&[1, 2, 3, 4]));
    assert_eq!(reader.poll(), Presence::TypeA);
    assert!(reader.medium.powered_us >= 5_100, "{} us", reader.medium.powered_us);
    let before = reader.medium.air_us;
    assert_eq!(reader.poll(), Presence::TypeA);
    assert!(reader.medium.air_us - before < 22_000, "a field that is on needs no pause");
    reader.release(true);
    assert_eq!(reader.poll(), Presence::TypeA);
    assert!(reader.medium.powered_us >= 5_100, "{} us after a reset", reader.medium.powered_us);
}

#[test]
fn uids_of_all_sizes_are_selected() {
    for uid in [&[1, 2, 3, 4][..], &[1, 2, 3, 4, 5, 6, 7], &[1, 2, 3, 4, 5, 6, 0x88, 8, 9, 10]] {
        let mut reader = reader(TestCard::new(uid));
        assert_eq!(reader.poll(), Presence::TypeA);
        assert_eq!(reader.activate(), Ok(()), "{uid:?}");
        exchange(&mut reader, 20).expect("active");
    }
}

#[test]
fn an_empty_field_and_other_company_are_told_apart() {
    let mut reader = reader(card(|card| card.present = false));
    assert_eq!(reader.poll(), Presence::Nothing);
    reader.medium.type_b = true;
    assert_eq!(reader.poll(), Presence::TypeB);
    reader.medium.card.present = true;
    reader.medium.type_b = true;
    assert_eq!(reader.poll(), Presence::Several);
    reader.medium.twists = vec![Twist::Collide];
    assert_eq!(reader.poll(), Presence::Several);
}

/// The reader has just looked for type A when both cards come.
#[test]
fn two_cards_that_come_between_the_looks_for_both_types_are_told_from_one() {
    let mut reader = reader(card(|_| {}));
    reader.medium.type_b = true;
    reader.medium.twists = vec![Twist::LoseCommand];
    assert_eq!(reader.poll(), Presence::Several);
    reader.medium.type_b = false;
    reader.medium.twists = vec![Twist::LoseCommand];
    assert_eq!(reader.poll(), Presence::Nothing);
}

#[test]
fn a_collision_in_anticollision_ends_activation() {
    let mut reader = reader(TestCard::new(&[1, 2, 3, 4]));
    assert_eq!(reader.poll(), Presence::TypeA);
    reader.medium.twists = vec![Twist::Pass, Twist::Collide];
    assert_eq!(reader.activate(), Err(ActivationError::Collision));
}

#[test]
fn a_card_without_block_protocol_is_recognised() {
    let mut reader = reader(card(|card| card.sak = 0x08));
    assert_eq!(reader.poll(), Presence::TypeA);
    assert_eq!(reader.activate(), Err(ActivationError::NoBlockProtocol));
}

#[test]
fn a_failing_activation_is_tried_three_times() {
    // A bad BCC twice, then all is well.
    let mut reader = reader(TestCard::new(&[1, 2, 3, 4]));
    assert_eq!(reader.poll(), Presence::TypeA);
    reader.medium.twists = vec![Twist::Pass, Twist::Corrupt, Twist::Pass, Twist::Corrupt];
    assert_eq!(reader.activate(), Ok(()));
    // The BCC alone is wrong: bit 6 of the first UID byte turned.
    assert_eq!(reader.medium.sent.iter().filter(|frame| frame[..] == [0x93, 0x20]).count(), 3);
    // RATS never answered.
    let mut reader = self::reader(card(|card| card.ats = vec![]));
    assert_eq!(reader.poll(), Presence::TypeA);
    reader.medium.sent.clear();
    assert_eq!(reader.activate(), Err(ActivationError::Link(LinkError::Timeout)));
    assert_eq!(reader.medium.sent.iter().filter(|frame| frame[0] == 0xE0).count(), 3);
}

#[test]
fn a_wrong_ats_is_a_protocol_error() {
    for ats in [vec![6, 0x78, 0x80, 0x70, 0x00], vec![2, 0x78], vec![0]] {
        let mut reader = reader(card(|card| card.ats = ats));
        assert_eq!(reader.poll(), Presence::TypeA);
        assert_eq!(reader.activate(), Err(ActivationError::Link(LinkError::Protocol)));
    }
}

#[test]
fn an_answer_after_the_activation_time_is_too_late() {
    for (delay_us, expected) in [(5287, Ok(())), (5288, Err(ActivationError::Link(LinkError::Timeout)))] {
        let mut reader = reader(TestCard::new(&[1, 2, 3, 4]));
        assert_eq!(reader.poll(), Presence::TypeA);
        reader.medium.twists = vec![Twist::Late(delay_us); 30];
        assert_eq!(reader.activate(), expected);
    }
}

#[test]
fn chaining_works_both_ways() {
    for chunk in [1, 13, 250] {
        let mut reader = active(chunk, vec![]);
        for length in [1, 252, 253, 254, 256] {
            exchange(&mut reader, length).expect("whole");
        }
    }
    // FSC 16: 13 bytes a block.
    let mut reader = reader(card(|card| card.ats = vec![2, 0x00]));
    assert_eq!(reader.poll(), Presence::TypeA);
    reader.activate().expect("a good card");
    reader.medium.sent.clear();
    exchange(&mut reader, 30).expect("whole");
    assert_eq!(pcbs(&reader), [0x12, 0x13, 0x02]);
    assert!(reader.medium.sent.iter().all(|frame| frame.len() <= 16));
}

#[test]
fn a_lost_or_damaged_answer_is_asked_for_again_twice() {
    for twist in [Twist::Lose, Twist::Corrupt] {
        for times in 0..=2 {
            let mut reader = active(250, vec![twist.clone(); times]);
            exchange(&mut reader, 20).expect("recovered");
            let mut expected = vec![0x02];
            expected.extend(vec![0xB2; times]);
            assert_eq!(pcbs(&reader), expected);
            assert_eq!(reader.medium.card.commands, 1, "processed once");
        }
    }
    assert_eq!(exchange(&mut active(250, vec![Twist::Lose; 3]), 20), Err(LinkError::Timeout));
    assert_eq!(exchange(&mut active(250, vec![Twist::Corrupt; 3]), 20), Err(LinkError::Transmission));
    let mut reader = active(250, vec![Twist::Lose; 3]);
    reader.medium.load = Some(false);
    assert_eq!(exchange(&mut reader, 20), Err(LinkError::Removed));
}

#[test]
fn a_lost_command_is_sent_again() {
    let mut reader = active(250, vec![Twist::LoseCommand]);
    exchange(&mut reader, 20).expect("recovered");
    assert_eq!(pcbs(&reader), [0x02, 0xB2, 0x02]);
    assert_eq!(reader.medium.card.commands, 1);
}

#[test]
fn while_the_card_chains_the_acknowledgement_is_repeated() {
    let mut reader = active(10, vec![Twist::Pass, Twist::Lose, Twist::Corrupt]);
    exchange(&mut reader, 20).expect("recovered");
    assert_eq!(pcbs(&reader), [0x02, 0xA3, 0xA3, 0xA3, 0xA2]);
}

#[test]
fn more_time_is_granted_and_used() {
    let wtx = |wtxm: u8| Twist::Instead(sealed(&[0xF2, wtxm]));
    // FWI 7 is 38.7 ms; ten times that is in time after WTXM 10, and too late without.
    let mut reader = active(250, vec![wtx(10), Twist::Late(380_000)]);
    exchange(&mut reader, 20).expect("in time");
    assert_eq!(reader.medium.sent[1], sealed(&[0xF2, 10]));
    assert_eq!(exchange(&mut active(250, vec![Twist::Late(380_000); 3]), 20), Err(LinkError::Timeout));
    // The longer time holds for one frame only.
    let mut reader = active(250, vec![wtx(10), wtx(1), Twist::Late(380_000), Twist::Late(1), Twist::Pass]);
    exchange(&mut reader, 20).expect("asked again");
    assert_eq!(pcbs(&reader), [0x02, 0xF2, 0xF2, 0xB2]);
    let mut reader = active(250, vec![wtx(10), Twist::Lose, Twist::Late(380_000), Twist::Lose]);
    assert_eq!(exchange(&mut reader, 20), Err(LinkError::Timeout), "after R(NAK) the ordinary time holds");
    for wtxm in [0, 60, 63, 0x41] {
        assert_eq!(exchange(&mut active(250, vec![wtx(wtxm)]), 20), Err(LinkError::Protocol), "{wtxm}");
    }
}

#[test]
fn what_breaks_the_protocol_is_not_retried() {
    let oversize = {
        let mut bytes = vec![0x02; 255];
        bytes.extend(crc_a(&bytes));
        bytes
    };
    for bytes in [
        sealed(&[0x03, 0x90, 0x00]),
        sealed(&[0x0A, 0x00, 0x90, 0x00]),
        sealed(&[0x06, 0x00, 0x90, 0x00]),
        sealed(&[0x00, 0x90, 0x00]),
        sealed(&[0xC2]),
        sealed(&[0xA2]),
        sealed(&[0xB2]),
        sealed(&[0xA2, 0x00]),
        sealed(&[0xF2]),
        sealed(&[0xF2, 1, 1]),
        sealed(&[0x12]),
        oversize,
    ] {
        let mut reader = active(250, vec![Twist::Instead(bytes.clone())]);
        assert_eq!(exchange(&mut reader, 20), Err(LinkError::Protocol), "{bytes:02x?}");
        assert_eq!(reader.medium.sent.len(), 1);
        assert_eq!(exchange(&mut reader, 20), Err(LinkError::Removed), "nothing more without a reset");
    }
}

#[test]
fn a_response_longer_than_an_apdu_is_refused() {
    let mut reader = active(250, vec![]);
    reader.medium.card.application = std::boxed::Box::new(|_| vec![0; 259]);
    assert_eq!(reader.transmit(&[0; 5], &mut Response::new()), Err(LinkError::Protocol));
}

#[test]
fn a_card_is_let_go_and_its_leaving_is_seen() {
    let mut reader = active(250, vec![]);
    reader.release(false);
    assert_eq!(pcbs(&reader), [0xC2]);
    assert_eq!(exchange(&mut reader, 20), Err(LinkError::Removed), "no command to a card that was let go");
    assert_eq!(reader.medium.sent.len(), 1);
    assert!(!reader.is_removed());
    assert!(!reader.is_removed());
    reader.medium.card.present = false;
    reader.medium.sent.clear();
    assert!(reader.is_removed());
    assert_eq!(pcbs(&reader), [0x52; 3]);
    // After a protocol error only a reset brings the card back to hearing.
    let mut reader = active(250, vec![Twist::Instead(sealed(&[0xC2]))]);
    assert!(exchange(&mut reader, 20).is_err());
    reader.release(false);
    assert!(!reader.is_removed());
}

#[test]
fn one_card_can_ride_again_and_again() {
    let mut reader = active(250, vec![]);
    for _ in 0..20 {
        exchange(&mut reader, 40).expect("whole");
        reader.release(false);
        assert_eq!(reader.poll(), Presence::TypeA);
        reader.activate().expect("a good card");
    }
}

fn twist() -> impl Strategy<Value = Twist> {
    let block = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..280),
        (
            prop::sample::select(vec![0x02, 0x03, 0x12, 0x13, 0xA2, 0xA3, 0xB2, 0xF2, 0xC2]),
            prop::collection::vec(any::<u8>(), 0..4)
        )
            .prop_map(|(pcb, inf)| sealed(&[&[pcb], &inf[..]].concat())),
        (1..60_u8).prop_map(|wtxm| sealed(&[0xF2, wtxm])),
        any::<u8>().prop_map(|inf| sealed(&[0x12, inf])),
        any::<u8>().prop_map(|inf| sealed(&[0x13, inf])),
    ];
    prop_oneof![
        3 => Just(Twist::Pass),
        1 => Just(Twist::Lose),
        1 => Just(Twist::LoseCommand),
        1 => Just(Twist::Corrupt),
        1 => Just(Twist::Collide),
        1 => (0..10_000_000_u32).prop_map(Twist::Late),
        3 => block.prop_map(Twist::Instead),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever the card does, a tap ends after a bounded number of frames and of time on the air.
    #[test]
    fn no_card_holds_the_reader(twists in prop::collection::vec(twist(), 0..200), chunk in 1..260_usize, length in 1..260_usize) {
        let mut reader = reader(card(|card| card.chunk = chunk));
        reader.medium.twists = twists;
        reader.poll();
        if reader.activate().is_ok() {
            let _ = reader.transmit(&vec![7; length], &mut Response::new());
        }
        reader.release(false);
        reader.is_removed();
        prop_assert!(reader.medium.sent.len() < 1200, "{} frames", reader.medium.sent.len());
        prop_assert!(reader.medium.air_us < 20_000_000, "{} us", reader.medium.air_us);
    }

    /// A response that arrives is the card's, whatever was lost on the way: noise never turns into data.
    #[test]
    fn losses_never_change_data(twists in prop::collection::vec(prop::sample::select(vec![Twist::Pass, Twist::Lose, Twist::Corrupt]), 0..40), chunk in 1..60_usize) {
        let mut reader = active(chunk, twists);
        let _ = exchange(&mut reader, 60);
    }
}

#[test]
fn a_card_that_only_asks_for_time_is_given_up() {
    let mut reader = active(250, vec![Twist::Instead(sealed(&[0xF2, 59])); 1000]);
    assert_eq!(exchange(&mut reader, 20), Err(LinkError::Protocol));
    assert!(reader.medium.sent.len() == 41);
}
