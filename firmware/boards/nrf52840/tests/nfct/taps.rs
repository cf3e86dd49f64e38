//! Whole taps: reader, kernel, NFCT, card.

use super::world::{Antenna, Mind, World};
use super::{UID, answer, front};
use kernel::{CaKey, Date, DateTime, Environment, Mode, OutcomeKind, Pan, Rid, Ride, Settings, Transaction, UiRequest};
use std::cell::RefCell;
use std::rc::Rc;
use validator::reader::{Presence, Reader};
use wire::link::{Refusal, Release, Report};

/// A device that has no keys.
struct NoKeys;

impl Environment for NoKeys {
    fn ca_key(&self, _: &Rid, _: u8) -> Option<CaKey> {
        None
    }
    fn has_sm2_key(&self, _: &Rid) -> bool {
        false
    }
    fn revoked(&self, _: &Rid, _: u8, _: &[u8; 3]) -> bool {
        false
    }
    fn denied(&self, _: &Pan, _: Option<u8>) -> bool {
        false
    }
    fn rode(&self, _: &Pan, _: Option<u8>) -> bool {
        false
    }
    fn torn(&self, _: &Pan, _: Option<u8>) -> Option<u64> {
        None
    }
    fn about_to_pay(&mut self, _: &Ride, _: u64) -> bool {
        true
    }
    fn journal_has_room(&self) -> bool {
        true
    }
    fn ui(&mut self, _: &UiRequest) {}
}

fn tlv(tag: &[u8], value: &[u8]) -> Vec<u8> {
    let length = u8::try_from(value.len()).expect("short");
    let length = if length < 0x80 { vec![length] } else { vec![0x81, length] };
    [tag, &length, value].concat()
}

fn ok(body: Vec<u8>) -> Vec<u8> {
    [body, vec![0x90, 0x00]].concat()
}

const AID: [u8; 8] = [0xA0, 0x00, 0x00, 0x03, 0x33, 0x01, 0x01, 0x02];

/// A card that asks for an online authorisation, with a record that fills the longest response.
fn card(command: &[u8]) -> Vec<u8> {
    let fci =
        |name: &[u8], proprietary: &[u8]| ok(tlv(&[0x6F], &[tlv(&[0x84], name), tlv(&[0xA5], proprietary)].concat()));
    match command {
        [0x00, 0xA4, 0x04, 0x00, 0x0E, ..] => {
            fci(b"2PAY.SYS.DDF01", &tlv(&[0xBF, 0x0C], &tlv(&[0x61], &tlv(&[0x4F], &AID))))
        }
        // PDOL: transaction qualifiers, amount, unpredictable number.
        [0x00, 0xA4, ..] => fci(&AID, &tlv(&[0x9F, 0x38], &[0x9F, 0x66, 4, 0x9F, 0x02, 6, 0x9F, 0x37, 4])),
        [0x80, 0xA8, ..] => ok(tlv(
            &[0x77],
            &[
                tlv(&[0x82], &[0x7C, 0x00]),
                tlv(&[0x9F, 0x36], &[0x00, 0x17]),
                tlv(&[0x57], &[0x62, 0x26, 0x00, 0x12, 0x34, 0x56, 0x78, 0x90, 0xD3, 0x01, 0x22, 0x20]),
                tlv(&[0x9F, 0x10], &[0x07, 0x01, 0x01, 0x03, 0xA0, 0x00, 0x00]),
                tlv(&[0x9F, 0x26], &[1, 2, 3, 4, 5, 6, 7, 8]),
                tlv(&[0x9F, 0x27], &[0x80]),
                tlv(&[0x9F, 0x6C], &[0x00, 0x00]),
                tlv(&[0x94], &[0x08, 0x01, 0x02, 0x00]),
            ]
            .concat(),
        )),
        [0x00, 0xB2, 1, ..] => ok(tlv(
            &[0x70],
            &[tlv(&[0x5A], &[0x62, 0x26, 0x00, 0x12, 0x34, 0x56, 0x78, 0x90]), tlv(&[0x5F, 0x24], &[0x30, 0x12, 0x31])]
                .concat(),
        )),
        [0x00, 0xB2, ..] => ok(tlv(&[0x70], &tlv(&[0x90], &[0x5A; 248]))),
        _ => vec![0x6D, 0x00],
    }
}

fn mind() -> Mind {
    Rc::new(|command| answer(&card(command), 500, None))
}

fn online() -> Settings {
    Settings { mode: Mode::Online, ..Settings::default() }
}

fn transaction() -> Transaction {
    let date = Date { year: 2018, month: 5, day: 21 };
    Transaction { amount: 100, time: DateTime { date, hour: 8, minute: 0, second: 0 }, unpredictable_number: [7; 4] }
}

/// One tap of this card, from the poll to its removal. `prepare` sets up the world.
fn tap(front: wire::link::Front, prepare: impl Fn(&mut World)) -> (OutcomeKind, Rc<RefCell<World>>) {
    let world = Rc::new(RefCell::new(World::with(front, mind())));
    prepare(&mut world.borrow_mut());
    let mut reader = Reader::new(Antenna(world.clone()));
    assert_eq!(reader.poll(), Presence::TypeA);
    assert_eq!(reader.activate(), Ok(()));
    let outcome = kernel::run(&mut reader, &mut NoKeys, &online(), &transaction());
    reader.release(outcome.field_off);
    world.borrow_mut().ask(wire::link::Request::Remove);
    (outcome.kind, world)
}

#[test]
fn a_whole_tap_with_uids_of_every_length() {
    for uid in [&UID[..], &[0x04, 1, 2, 3, 4, 5, 6], &[0x04, 1, 2, 3, 4, 5, 6, 7, 8, 9]] {
        let (kind, world) = tap(front(uid, 7), |_| {});
        let world = world.borrow();
        assert_eq!(kind, OutcomeKind::OnlineRequest, "{uid:02X?}");
        let told: Vec<_> = world
            .reports()
            .filter(|report| !matches!(report, Report::Command { .. } | Report::Done(_) | Report::Started))
            .collect();
        let [Report::Field(true), Report::Activated { fsd: 256 }, last @ ..] = &told[..] else { panic!("{told:?}") };
        assert!(matches!(last, [Report::Released(Release::Deselected), Report::Removed(_)]), "{last:?}");
        let traffic = world.traffic().expect("removed");
        assert_eq!(
            (traffic.from_reader, traffic.from_card, traffic.retries, traffic.wtx),
            (8, 8, 0, 0),
            "RATS, five commands, a chain of two, S(DESELECT)"
        );
        world.is_sound();
    }
}

#[test]
fn times_of_a_tap_are_measured_from_the_moment_when_the_card_came() {
    let (_, world) = tap(front(&UID, 7), |_| {});
    let world = world.borrow();
    let note = |wanted: fn(&Report) -> bool| world.told.iter().find(|note| wanted(&note.report)).expect("told");
    let (field, removed) = (note(|report| *report == Report::Field(true)), note(|r| matches!(r, Report::Removed(_))));
    assert!(field.air_us < 200, "{field:?}");
    assert_eq!(u64::from(removed.air_us - field.air_us), removed.at_us - field.at_us);
    assert!(removed.air_us > 30_000, "five commands, 2 ms each for the host, and the frames: {removed:?}");
}

#[test]
fn a_slow_host_makes_the_card_ask_for_time_and_the_tap_goes_on() {
    // FWI 4 is 4.8 ms, FWI 7 38 ms; FWI 9 is more than the frame delay timer counts.
    for (fwi, thinking_us) in [(4, 6000), (7, 60_000), (9, 200_000)] {
        let (kind, world) = tap(front(&UID, fwi), |world| world.thinking = super::chip::clocks(thinking_us));
        let world = world.borrow();
        assert_eq!(kind, OutcomeKind::OnlineRequest, "FWI {fwi}");
        let traffic = world.traffic().expect("removed");
        assert_eq!((traffic.wtx, traffic.retries), (5, 0), "once a command, FWI {fwi}");
        world.is_sound();
    }
}

#[test]
fn a_host_that_answers_in_time_takes_the_place_of_the_extension() {
    for (fwi, thinking_us) in [(4, 4000), (7, 37_800), (9, 150_000)] {
        let (kind, world) = tap(front(&UID, fwi), |world| world.thinking = super::chip::clocks(thinking_us));
        let world = world.borrow();
        assert_eq!(kind, OutcomeKind::OnlineRequest, "FWI {fwi}");
        let traffic = world.traffic().expect("removed");
        assert_eq!((traffic.wtx, traffic.retries), (0, 0), "FWI {fwi}");
        world.is_sound();
    }
}

#[test]
fn a_board_says_that_it_has_an_antenna_and_refuses_what_it_cannot_play() {
    use wire::link::{Company, FIRMWARE_ANTENNA, Front, Request};
    let mut world = World::new(mind());
    world.ask(Request::Identify);
    let is_antenna = |report: &Report| matches!(report, Report::Identity(who) if who.firmware == FIRMWARE_ANTENNA);
    assert!(world.reports().any(is_antenna));
    let card = front(&UID, 7);
    for (wrong, why) in [
        (Front { company: Company::TypeA, ..card.clone() }, Refusal::Company),
        (Front { company: Company::TypeB, ..card.clone() }, Refusal::Company),
        (Front { atqa: [0x44, 0x00], ..card.clone() }, Refusal::Front),
        (Front { sak: 0x24, ..card.clone() }, Refusal::Front),
    ] {
        world.ask(Request::Configure(wrong));
        assert!(matches!(world.reports().last(), Some(Report::Refused { why: seen, .. }) if *seen == why));
    }
    world.ask(Request::Configure(card));
    assert!(matches!(world.reports().last(), Some(Report::Done(_))));
    world.ask(Request::Loopback(1));
    assert!(matches!(world.reports().last(), Some(Report::Refused { why: Refusal::Loopback, .. })));
    world.is_sound();
}
