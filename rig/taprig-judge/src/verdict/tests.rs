//! Each criterion, true and false, on events made by hand.

use taprig_model::device::Device;
use taprig_model::event::{Bytes, Exchange, Source, Traffic};

use super::*;

fn adapter() -> Adapter {
    let file = include_str!("../../../../fixtures/devices/taprig-reference.yaml");
    serde_yaml::from_str::<Device>(file).unwrap().console
}

fn event(body: Body) -> Event {
    Event { at_us: 0, board_us: None, bench: None, case: Some("BUS-001".into()), source: Source::Rig, body }
}

fn told(name: &str, values: &str) -> Event {
    event(Body::ConsoleEvent { name: name.into(), values: Fields::parse(values) })
}

fn exchange(number: u32, command: &[u8], response: &[u8]) -> Event {
    let (command, response) = (Bytes(command.to_vec()), Some(Bytes(response.to_vec())));
    event(Body::Exchange(Exchange { number, command, response, ..Exchange::default() }))
}

fn presented(tap: u32) -> Event {
    event(Body::Presented { tap, card: "credit".into() })
}

fn removed(air_us: u64) -> Event {
    event(Body::Removed { traffic: Traffic::default(), air_us })
}

fn journal(added: usize) -> Event {
    event(Body::Journal { count: 9, total: 900, added: vec![Fields::default(); added] })
}

/// A ride: selected, PDOL of TTQ and amount, one record, approved and charged.
fn ride(tap: u32) -> Vec<Event> {
    let mut ppse = vec![0x00, 0xA4, 0x04, 0x00, 0x0E];
    ppse.extend(b"2PAY.SYS.DDF01\0");
    vec![
        presented(tap),
        exchange(1, &ppse, &[0x90, 0x00]),
        exchange(
            2,
            &[0x00, 0xA4, 0x04, 0x00, 0x05, 0xA0, 0, 0, 3, 0x33, 0],
            // 6F [ A5 [ 9F38: 9F66 04, 9F02 06 ] ]
            &[0x6F, 0x0B, 0xA5, 0x09, 0x9F, 0x38, 0x06, 0x9F, 0x66, 0x04, 0x9F, 0x02, 0x06, 0x90, 0x00],
        ),
        exchange(
            3,
            &[0x80, 0xA8, 0, 0, 12, 0x83, 10, 0x21, 0x80, 0x00, 0x80, 0, 0, 0, 0, 1, 0, 0],
            &[0x77, 0x04, 0x82, 0x02, 0x7C, 0x00, 0x90, 0x00],
        ),
        exchange(4, &[0x00, 0xB2, 1, 0x0C, 0], &[0x70, 0x04, 0x5F, 0x34, 0x01, 0x01, 0x90, 0x00]),
        told("show", "id=16 text=processing"),
        told("show", "id=03 text=approved amount=100"),
        told("sound", "accepted"),
        told("gate", "open"),
        told("result", "outcome=approved reason=oda-approved fare=100 charged=100 cvm=none"),
        removed(250_000),
        journal(1),
    ]
}

/// A tap at which nothing is heard of the validator.
fn nothing(tap: u32) -> Vec<Event> {
    vec![presented(tap), removed(0)]
}

const NOWHERE: At<'_> = &|_| None;

fn expect(yaml: &str) -> Expect {
    serde_yaml::from_str(yaml).unwrap()
}

/// The one check that `yaml` makes of the last tap.
fn check(yaml: &str, events: &[Event]) -> Check {
    let taps = taps(events);
    let checks = judge_tap(&expect(yaml), &taps, &adapter(), &|what| Some(format!("BUS-001.yaml, {what}")));
    let [check] = checks.as_slice() else { panic!("{yaml}: {checks:?}") };
    let what = check.what.split(" (").next().unwrap();
    assert_eq!(check.at, Some(format!("BUS-001.yaml, {what}")));
    check.clone()
}

#[track_caller]
fn holds(yaml: &str, events: &[Event]) {
    let check = check(yaml, events);
    assert!(check.ok, "{yaml}: {check:?}");
}

#[track_caller]
fn fails(yaml: &str, events: &[Event], wanted: &str, seen: &str) {
    let check = check(yaml, events);
    assert_eq!((check.ok, check.wanted.as_str(), check.seen.as_str()), (false, wanted, seen), "{yaml}");
}

#[test]
fn outcome() {
    holds("outcome: approved", &ride(1));
    fails("outcome: declined", &ride(1), "declined", "approved");
    holds("outcome: none", &nothing(1));
    fails("outcome: approved", &nothing(1), "approved", "none");
    fails("outcome: none", &ride(1), "none", "approved");
    fails("outcome: none", &[presented(1), told("result", "reason=x")], "none", "unnamed");
}

#[test]
fn reason() {
    holds("reason: oda-approved", &ride(1));
    fails("reason: denied", &ride(1), "denied", "oda-approved");
    fails("reason: denied", &nothing(1), "denied", "none");
}

#[test]
fn shows() {
    holds("shows: approved", &ride(1));
    holds("shows: [processing, approved]", &ride(1));
    fails("shows: [approved, processing]", &ride(1), "approved, processing", "processing, approved");
    fails("shows: not authorised", &ride(1), "not authorised", "processing, approved");
    fails("shows: approved", &nothing(1), "approved", "nothing");
    fails("shows: approved", &[presented(1), told("show", "id=77")], "approved", "message 77");
}

#[test]
fn sound() {
    holds("sound: accepted", &ride(1));
    fails("sound: refused", &ride(1), "refused", "accepted");
    holds("sound: none", &nothing(1));
    fails("sound: none", &ride(1), "none", "accepted");
}

#[test]
fn gate() {
    holds("gate: open", &ride(1));
    fails("gate: shut", &ride(1), "shut", "open");
    // A gate that nobody speaks of is as it was: shut.
    holds("gate: shut", &nothing(1));
    fails("gate: open", &nothing(1), "open", "shut");
}

#[test]
fn charged() {
    holds("charged: 1.00 CNY", &ride(1));
    fails("charged: 1.01 CNY", &ride(1), "1.01 CNY", "1.00 CNY");
    holds("charged: 0.00 CNY", &nothing(1));
    fails("charged: 1.00 CNY", &nothing(1), "1.00 CNY", "0.00 CNY");
}

#[test]
fn journal_change() {
    holds("journal: '+1'", &ride(1));
    fails("journal: unchanged", &ride(1), "unchanged", "+1");
    fails("journal: '+2'", &ride(1), "+2", "+1");
    holds("journal: unchanged", &nothing(1));
    fails("journal: '+1'", &nothing(1), "+1", "unchanged");
}

#[test]
fn exchange_of_commands() {
    holds("exchange: [select ppse, select aid, gpo, read record]", &ride(1));
    holds("exchange: [select ppse, select aid, gpo, read record+]", &ride(1));
    holds("exchange: []", &nothing(1));
    let seen = "[select ppse, select aid, gpo, read record]";
    fails("exchange: [select ppse, select aid, gpo]", &ride(1), "[select ppse, select aid, gpo]", seen);
    fails("exchange: [select ppse]", &nothing(1), "[select ppse]", "[]");
}

#[test]
fn tags_of_both_sides() {
    // The reader's, cut out of its GPO by the card's PDOL.
    holds("tags: { 9F66: 2180 00.. }", &ride(1));
    holds("tags: { 9F02: 0000 0000 0100 }", &ride(1).into_iter().map(with_amount_bcd).collect::<Vec<_>>());
    fails("tags: { 9F66: 2180 0081 }", &ride(1), "21800081", "21800080");
    // The card's.
    holds("tags: { 5F34: '01' }", &ride(1));
    holds("tags: { 5F34: present }", &ride(1));
    holds("tags: { 5A: absent }", &ride(1));
    fails("tags: { 5A: present }", &ride(1), "present", "absent");
    fails("tags: { 5F34: absent }", &ride(1), "absent", "01");
    fails("tags: { 82: 7C00 }", &nothing(1), "7C00", "absent");
}

#[test]
fn values_that_must_be_fresh() {
    let twice: Vec<Event> = ride(1).into_iter().chain(ride(2)).collect();
    holds("tags: { 9F66: fresh }", &ride(1));
    fails("tags: { 9F66: fresh }", &twice, "fresh", "21800080");
    fails("tags: { 9F66: fresh }", &nothing(1), "fresh", "absent");
    // A tap that did not come so far has nothing that could come again.
    holds("tags: { 9F66: fresh }", &nothing(1).into_iter().chain(ride(2)).collect::<Vec<_>>());
}

#[test]
fn cardholder_verification() {
    holds("cvm: none", &ride(1));
    fails("cvm: online-pin", &ride(1), "online-pin", "none");
    fails("cvm: none", &nothing(1), "none", "not told");
}

/// The ride's amount as it is written in decimal digits.
fn with_amount_bcd(mut event: Event) -> Event {
    if let Body::Exchange(exchange) = &mut event.body
        && exchange.number == 3
    {
        exchange.command.0[11..17].copy_from_slice(&[0, 0, 0, 0, 1, 0]);
    }
    event
}

#[test]
fn a_card_s_last_value_counts_and_damaged_ones_do_not() {
    let mut events = ride(1);
    events.insert(5, exchange(5, &[0x00, 0xB2, 2, 0x0C, 0], &[0x70, 0x04, 0x5F, 0x34, 0x01, 0x02, 0x90, 0x00]));
    holds("tags: { 5F34: '02' }", &events);
    // A silent card, an answer too short for a status, a template cut off, a GPO shorter than the PDOL wants.
    let mut events = ride(1);
    let Body::Exchange(silent) = &mut events[4].body else { panic!() };
    silent.response = None;
    holds("tags: { 5F34: absent }", &events);
    let damaged = [
        presented(1),
        exchange(1, &[], &[]),
        exchange(2, &[0x80, 0xA8], &[0x90]),
        exchange(3, &[0x80, 0xA8, 0, 0, 2, 0x83, 200, 1], &[0x70, 0x7F, 0x5F, 0x90, 0x00]),
    ];
    holds("tags: { 9F66: absent }", &damaged);
}

#[test]
fn within() {
    holds("within: 250 ms", &ride(1));
    holds("within: 251 ms", &ride(1));
    fails("within: 249 ms", &ride(1), "249 ms", "250 ms");
    fails("within: 249 ms", &[presented(1)], "249 ms", "no tap");
}

#[test]
fn a_tap_is_judged_by_its_own_events() {
    let events: Vec<_> = ride(1).into_iter().chain(nothing(2)).collect();
    let both = taps(&events);
    assert_eq!((both[0].number, both[1].number), (1, 2));
    let first = judge_tap(&expect("{ outcome: approved, charged: 1.00 CNY }"), &both[..1], &adapter(), NOWHERE);
    assert!(first.iter().all(|check| check.ok), "{first:?}");
    assert_eq!(first[0].what, "outcome (tap 1)");
    let second =
        judge_tap(&expect("{ outcome: none, charged: 0.00 CNY, journal: unchanged }"), &both, &adapter(), NOWHERE);
    assert!(second.iter().all(|check| check.ok), "{second:?}");
}

#[test]
fn a_case_is_judged_by_the_last_tap_s_signs_and_the_sum_of_its_money() {
    let case = |yaml: &str, events: &[Event]| judge_case(&expect(yaml), events, &adapter(), NOWHERE);
    let events: Vec<_> = ride(1).into_iter().chain(ride(2)).chain(nothing(3)).collect();
    let checks = case("{ outcome: none, gate: shut, exchange: [], charged: 2.00 CNY, journal: '+2' }", &events);
    assert_eq!(checks.len(), 5);
    assert!(checks.iter().all(|check| check.ok), "{checks:?}");
    assert_eq!(checks[0].what, "outcome");
    assert!(case("charged: 1.00 CNY", &events).iter().all(|check| !check.ok));
    assert!(case("outcome: approved", &events).iter().all(|check| !check.ok));
}

#[test]
fn a_case_without_a_tap_that_expects_one_fails() {
    let checks = judge_case(&expect("outcome: approved"), &[], &adapter(), NOWHERE);
    assert!(checks.len() == 1 && !checks[0].ok && checks[0].wanted == "a tap", "{checks:?}");
    assert!(judge_case(&Expect::default(), &[], &adapter(), NOWHERE).is_empty());
}

#[test]
fn persons_and_the_trace_are_told_apart() {
    let yaml = "{ outcome: approved, reason: oda-approved, shows: approved, sound: accepted, gate: open, \
        charged: 1.00 CNY, journal: '+1', exchange: [], tags: { 82: present }, within: 1 s }";
    let events = ride(1);
    let checks = judge_tap(&expect(yaml), &taps(&events)[..1], &adapter(), NOWHERE);
    let of = |kind| {
        let names = checks.iter().filter(move |check| check.of == kind);
        names.map(|check| check.what.trim_end_matches(" (tap 1)")).collect::<Vec<_>>()
    };
    assert_eq!(of(CheckKind::Person), ["outcome", "shows", "sound", "gate", "charged"]);
    assert_eq!(of(CheckKind::Trace), ["reason", "journal", "exchange", "tag 82", "within"]);
}

#[test]
fn a_validator_has_to_be_ready_again() {
    assert!(!ready_again(1, ReadyAgain::Restarted, 1000, None).ok);
    assert!(ready_again(1, ReadyAgain::InTime, 1000, None).ok);
    let check = ready_again(2, ReadyAgain::Not, 1000, Some("BUS-001.yaml:9".into()));
    assert!(!check.ok && check.of == CheckKind::Person && check.seen == "not ready", "{check:?}");
    assert_eq!((check.what.as_str(), check.at.as_deref()), ("ready again (tap 2)", Some("BUS-001.yaml:9")));
}
