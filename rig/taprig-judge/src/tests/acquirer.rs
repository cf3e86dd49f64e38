//! What a real host heard from a small terminal, and what must follow from it.

use std::collections::BTreeMap;

use taprig_acquirer::codec::frame::{Frame, Header, Tpdu};
use taprig_acquirer::codec::{Message, tlv};
use taprig_acquirer::mac::{MacKey, mac};
use taprig_acquirer::{Host, Setup};
use taprig_model::acquirer::expect::AcquirerExpect;
use taprig_model::acquirer::keys::Keys;
use taprig_model::acquirer::log::State;
use taprig_model::acquirer::{Work, WorkResult};
use taprig_model::event::Book;
use taprig_record::mask::{self, Frames, Key};

use super::*;

pub(super) const CARD: &str = "6222021234567894";
/// A card that looks like the other one in a record.
pub(super) const ALIKE: &str = "6222029994567894";

fn hex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

pub(super) fn object(tag: u32, value: &str) -> (u32, Vec<u8>) {
    (tag, hex(value))
}

/// What reader and card exchange in a tap.
#[derive(Clone)]
pub(super) struct SampleTap {
    pub(super) card: &'static str,
    pub(super) cryptogram: &'static str,
    pub(super) counter: &'static str,
    pub(super) outcome: Outcome,
    pub(super) charged: u64,
    pub(super) held: Option<u64>,
}

pub(super) const TAP: SampleTap = SampleTap {
    card: CARD,
    cryptogram: "0102030405060708",
    counter: "0017",
    outcome: Outcome::Approved,
    charged: 100,
    held: None,
};

const TTQ: &str = "21800080";
const AMOUNT: &str = "000000000100";
const RANDOM: &str = "DEADBEEF";
const IAD: &str = "07010103A0000001";

impl SampleTap {
    pub(super) fn events(&self, number: u32) -> Vec<Event> {
        let pdol = "9F66049F02069F03069F1A0295055F2A029A039C019F3704";
        let fci = tlv::encode(&[object(0x84, "A000000333010102"), (0xA5, tlv::encode(&[object(0x9F38, pdol)]))]);
        let data = format!("{TTQ}{AMOUNT}000000000000015600000000000156180521 00{RANDOM}").replace(' ', "");
        let gpo = [&hex("80A80000")[..], &[2 + 33, 0x83, 33], &hex(&data), &[0]].concat();
        let answer = tlv::encode(&[
            object(0x82, "7C00"),
            object(0x9F36, self.counter),
            object(0x9F26, self.cryptogram),
            object(0x9F10, IAD),
            object(0x57, &format!("{}D35122200000000000", self.card)),
            object(0x5F34, "01"),
        ]);
        let answer = [tlv::encode(&[(0x77, answer)]), vec![0x90, 0]].concat();
        let record = tlv::encode(&[object(0x5A, self.card), object(0x5F24, "351231")]);
        let record = [tlv::encode(&[(0x70, record)]), vec![0x90, 0]].concat();
        vec![
            presented(number),
            exchange(1, &hex("00A4040008A00000033301010200"), &[tlv::encode(&[(0x6F, fci)]), vec![0x90, 0]].concat()),
            exchange(2, &gpo, &answer),
            exchange(3, &hex("00B2011400"), &record),
            signal(Signal::Result {
                outcome: Some(Word::Known(self.outcome)),
                reason: None,
                charged: (self.charged > 0).then_some(self.charged),
                held: self.held,
                cvm: None,
            }),
            removed(1),
            ready(number, ReadyAgain::InTime),
        ]
    }

    pub(super) fn chip(&self) -> Vec<(u32, Vec<u8>)> {
        vec![
            object(0x9F26, self.cryptogram),
            object(0x9F27, "80"),
            object(0x9F10, IAD),
            object(0x9F37, RANDOM),
            object(0x9F36, self.counter),
            object(0x95, "0000000000"),
            object(0x9A, "180521"),
            object(0x9C, "00"),
            object(0x9F02, AMOUNT),
            object(0x5F2A, "0156"),
            object(0x82, "7C00"),
            object(0x9F1A, "0156"),
            object(0x9F03, "000000000000"),
            object(0x9F33, "E0E1C8"),
            object(0x9F35, "26"),
            object(0x9F1E, "3132333435363738"),
            object(0x84, "A000000333010102"),
            object(0x9F66, TTQ),
            object(0x5A, self.card),
        ]
    }

    pub(super) fn claim(&self, trace: u32) -> Message {
        Message::new(0x0200)
            .digits(2, self.card)
            .digits(3, "000000")
            .digits(4, format!("{:012}", self.charged))
            .digits(11, format!("{trace:06}"))
            .digits(14, "3512")
            .digits(22, "072")
            .digits(23, "001")
            .digits(25, "00")
            .digits(35, format!("{}D35122200000000000", self.card))
            .text(41, "12345678")
            .text(42, "123456789012345")
            .bytes(48, tlv::encode(&[(0xDF21, b"1".to_vec()), (0xDF22, b"B7".to_vec())]))
            .text(49, "156")
            .bytes(55, tlv::encode(&self.chip()))
            .digits(60, "22000001000601")
    }
}

impl SampleTap {
    pub(super) fn reversal(&self, trace: u32) -> Message {
        Message::new(0x0400)
            .digits(2, self.card)
            .digits(3, "000000")
            .digits(4, format!("{:012}", self.charged))
            .digits(11, format!("{trace:06}"))
            .text(39, "98")
            .text(41, "12345678")
            .text(42, "123456789012345")
            .text(49, "156")
            .digits(60, "22000001000601")
    }
}

/// The claim with another data object in field 55.
pub(super) fn with_object(tap: &SampleTap, tag: u32, value: &str) -> Message {
    let chip: Vec<_> = tap
        .chip()
        .into_iter()
        .map(|(known, old)| if known == tag { object(tag, value) } else { (known, old) })
        .collect();
    tap.claim(1).bytes(55, tlv::encode(&chip))
}

pub(super) fn in_words(settings: &[(&str, &str)]) -> BTreeMap<String, String> {
    settings.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

/// A case with an acquirer, as its events come.
pub(super) struct Scene {
    /// The settings before the first step.
    pub(super) settings: BTreeMap<String, String>,
    /// The settings that the second step and those behind it change.
    pub(super) changes: Vec<BTreeMap<String, String>>,
    /// Whether the criteria say in which step a setting changes.
    pub(super) dated: bool,
    host: Host,
    pub(super) events: Vec<Event>,
    /// Counter, cryptogram and amount of what was charged.
    pub(super) ridden: Vec<(String, String, u64)>,
}

fn happened(body: taprig_model::acquirer::log::Body) -> Event {
    event(Body::Acquirer { happened: Box::new(body) })
}

impl Scene {
    pub(super) fn new(rules: serde_json::Value) -> Self {
        let rules = serde_json::from_value(serde_json::json!({ "schema": 1, "rules": rules })).unwrap();
        let mut host = Host::new(Setup::new(Keys::published()), rules).without_hiding();
        host.connect(1);
        Self {
            settings: in_words(&[("terminal", "12345678"), ("line", "1"), ("bus", "B7")]),
            changes: vec![],
            dated: true,
            host,
            events: vec![event(Body::CaseStarted(CaseStarted::default())), step(1)],
            ridden: vec![],
        }
    }

    /// A terminal that has signed on, and these taps.
    pub(super) fn with(taps: &[&SampleTap]) -> Self {
        let mut scene = Self::new(serde_json::json!([]));
        scene.sign_on();
        scene.taps(taps);
        scene
    }

    pub(super) fn taps(&mut self, taps: &[&SampleTap]) {
        for (number, tap) in (1..).zip(taps) {
            self.events.extend(tap.events(number));
            if tap.charged > 0 {
                self.ridden.push((tap.counter.into(), tap.cryptogram.into(), tap.charged));
            }
        }
    }

    fn hear(&mut self, bytes: &[u8]) {
        let all = self.host.hear(1, bytes, "2018-05-21T08:00:00".parse().unwrap());
        self.events.extend(all.into_iter().map(|done| happened(done.body)));
    }

    fn frame(message: Vec<u8>) -> Vec<u8> {
        let tpdu = Tpdu { id: 0x60, destination: [0, 3], source: [0, 0] };
        Frame { tpdu, header: Header::new("613200324605").unwrap(), message }.encode()
    }

    pub(super) fn sign_on(&mut self) {
        let message = Message::new(0x0800)
            .digits(11, "900001")
            .text(41, "12345678")
            .text(42, "123456789012345")
            .digits(60, "00000000003")
            .bytes(63, *b"001");
        self.hear(&Self::frame(message.encode().unwrap()));
    }

    /// The terminal connects once more, because the host has closed the connection.
    pub(super) fn connect_again(&mut self) {
        self.host.connect(1);
    }

    pub(super) fn say(&mut self, message: &Message) {
        let key = MacKey::new(&[0x33; 8]).unwrap();
        let bytes = message.encode_with_mac(|bytes| mac(&key, bytes)).unwrap();
        self.hear(&Self::frame(bytes));
    }

    fn books(&mut self, rows: Vec<JournalRow>) {
        self.events.push(event(Body::Books { count: 0, total: 0, rows }));
    }

    /// The journal as a validator lists it that has recorded what it charged and heard every answer. The nth ride has the trace n.
    pub(super) fn list(&mut self) {
        let row = |(trace, (counter, cryptogram, charged)): (u32, &(String, String, u64))| {
            let claim = self.host.claims().find(|(_, batch, number, _)| (*batch, *number) == (1, trace));
            JournalRow {
                time: Some("2018-05-21T08:00:00".into()),
                counter: Some(counter.clone()),
                cryptogram: Some(cryptogram.clone()),
                charged: Some(*charged),
                claim: claim.as_ref().map(|(.., claim)| {
                    if claim.state == State::Accepted { "accepted".to_owned() } else { "refused".to_owned() }
                }),
                batch: claim.as_ref().map(|_| 1),
                trace: claim.as_ref().map(|_| trace),
                ..JournalRow::default()
            }
        };
        let rows = (1..).zip(&self.ridden).map(row).collect();
        self.books(rows);
    }

    fn judged_with(&self, expect: Expect, events: &[Event]) -> Judgement {
        let steps =
            [StepWanted::Tap(Expect::default())].into_iter().chain(self.changes.iter().map(|_| StepWanted::Nothing));
        let mut criteria = of_steps(steps.collect());
        criteria.expect = expect;
        criteria.needs.acquirer = true;
        for (key, value) in std::iter::once(&self.settings).chain(&self.changes).flatten() {
            criteria.needs.settings.entry(key.clone()).or_default().insert(value.clone());
        }
        if self.dated {
            criteria.settings = self.settings.clone();
            for (step, changed) in criteria.steps[1..].iter_mut().zip(&self.changes) {
                step.settings = changed.clone();
            }
        }
        stated(judge(&criteria, &device(), events, Baseline::Off))
    }

    /// The judgement, which is the same by a record that hides the account numbers.
    pub(super) fn judged(&self, expect: &Expect) -> Judgement {
        let (key, mut masked) = (Key::default(), self.events.clone());
        masked.iter_mut().for_each(|event| mask::event(event, &key, &mut Frames::default()));
        assert!(!serde_json::to_string(&masked).unwrap().contains("1234567894"));
        let (own, again) = (self.judged_with(expect.clone(), &self.events), self.judged_with(expect.clone(), &masked));
        let results = |judgement: &Judgement| -> Vec<_> {
            judgement.checks.iter().map(|check| (check.what.clone(), check.result)).collect()
        };
        assert_eq!(results(&own), results(&again));
        again
    }

    /// The books that fail, each with what was seen.
    pub(super) fn wrong(&self) -> Vec<(Book, String)> {
        let checks = self.judged(&Expect::default()).checks.into_iter();
        let failing = checks.filter(Check::fails).filter_map(|check| match check.what {
            Criterion::Books(book) => Some((book, check.seen)),
            _ => None,
        });
        failing.collect()
    }

    pub(super) fn only_wrong(&self) -> (Book, String) {
        let mut wrong = self.wrong();
        assert_eq!(wrong.len(), 1, "{wrong:?}");
        wrong.remove(0)
    }
}

#[test]
fn a_claim_as_it_must_be() {
    let mut scene = Scene::with(&[&TAP]);
    scene.say(&TAP.claim(1));
    scene.list();
    let judgement = scene.judged(&Expect::default());
    let books: Vec<_> = judgement.checks.iter().filter(|check| matches!(check.what, Criterion::Books(_))).collect();
    assert!(books.iter().all(|check| check.result == CheckResult::Holds), "{books:?}");
    let seen: Vec<_> = books.iter().map(|check| (check.what.to_string(), check.seen.as_str())).collect();
    assert_eq!(seen.len(), Book::ALL.len());
    assert_eq!(seen[4], ("books nothing missing".into(), "1 (1.00 CNY) claimed, 0 (0.00 CNY) waiting"));
}

#[test]
fn what_comes_twice_must_be_the_same_and_for_one_tap_once() {
    let other = SampleTap { cryptogram: "1112131415161718", counter: "0018", ..TAP };
    let mut scene = Scene::with(&[&TAP, &other]);
    scene.say(&TAP.claim(1));
    scene.say(&TAP.claim(1));
    scene.say(&other.claim(2));
    scene.list();
    assert_eq!(scene.wrong(), []);
    let mut scene = Scene::with(&[&TAP]);
    scene.say(&TAP.claim(1));
    scene.say(&TAP.claim(1).digits(25, "01"));
    scene.list();
    assert_eq!(
        scene.only_wrong(),
        (Book::Repeats, "batch 1 trace 1: field 25 differs between messages 2 and 3".into())
    );
    let mut scene = Scene::with(&[&TAP]);
    scene.say(&TAP.claim(1));
    scene.say(&TAP.claim(2));
    scene.list();
    assert_eq!(
        scene.wrong(),
        [
            (Book::Repeats, "batch 1 trace 1 and batch 1 trace 2 are for one tap".into()),
            (Book::Reconciled, "batch 1 trace 2 is long: journal has nothing, acquirer has 1.00 CNY accepted".into()),
        ]
    );
}

#[test]
fn a_claim_needs_an_approved_tap_with_its_amount() {
    let declined = SampleTap { outcome: Outcome::Declined, charged: 0, ..TAP };
    let mut scene = Scene::with(&[&declined]);
    scene.say(&TAP.claim(1));
    scene.list();
    let long = "batch 1 trace 1 is long: journal has nothing, acquirer has 1.00 CNY accepted";
    let not_approved = "batch 1 trace 1 is for tap 1, which was not approved";
    assert_eq!(scene.wrong(), [(Book::Approvals, not_approved.into()), (Book::Reconciled, long.into())]);
    let mut scene = Scene::with(&[]);
    scene.say(&TAP.claim(1));
    scene.list();
    let no_tap = "batch 1 trace 1 is for no tap of this case";
    assert_eq!(scene.wrong(), [(Book::Approvals, no_tap.into()), (Book::Reconciled, long.into())]);
    let mut scene = Scene::with(&[&TAP]);
    scene.say(&TAP.claim(1).digits(4, "000000000200"));
    scene.list();
    let books: Vec<_> = scene.wrong().into_iter().map(|(book, _)| book).collect();
    assert_eq!(books, [Book::Approvals, Book::Fields, Book::Accounted, Book::Reconciled]);
}

/// A tap of an electronic-cash card: what is available after the payment (9F5D), and what the card holds in the end.
fn electronic_cash(tap: &SampleTap, number: u32, available: u64, held: u64) -> Vec<Event> {
    let mut events = tap.events(number);
    let data = tlv::encode(&[(0x77, tlv::encode(&[object(0x9F5D, &format!("{available:012}"))]))]);
    events.insert(3, exchange(9, &hex("80CA9F5D00"), &[data, vec![0x90, 0]].concat()));
    events.insert(5, event(Body::Balance { fen: held }));
    events
}

#[test]
fn a_claim_of_a_ride_that_was_paid_at_a_torn_tap_is_for_that_tap() {
    let torn = SampleTap { outcome: Outcome::TryAgain, charged: 0, ..TAP };
    let again = SampleTap { cryptogram: "1112131415161718", counter: "0018", ..TAP };
    let judged = |torn_held: u64, again_held: u64, claimed: &SampleTap| {
        let mut scene = Scene::with(&[]);
        scene.events.extend(electronic_cash(&torn, 1, 4900, torn_held));
        scene.events.extend(electronic_cash(&again, 2, 4800, again_held));
        scene.say(&SampleTap { charged: 100, ..claimed.clone() }.claim(1));
        scene.ridden.push((claimed.counter.into(), claimed.cryptogram.into(), 100));
        scene.list();
        scene.wrong().into_iter().map(|(book, _)| book).collect::<Vec<_>>()
    };
    assert_eq!(judged(4900, 4900, &torn), []);
    // The card paid at neither tap, or at both: the claim is then for the tap that was approved.
    assert_eq!(judged(5000, 5000, &torn), [Book::Approvals, Book::Accounted]);
    assert_eq!(judged(4900, 4800, &torn), [Book::Approvals, Book::Accounted]);
    assert_eq!(judged(5000, 4900, &again), []);
    // A claim for the second cryptogram would be paid by nobody.
    assert_eq!(judged(4900, 4900, &again), [Book::Approvals, Book::Accounted]);
}

#[test]
fn a_tap_that_charged_nothing_may_be_claimed_over_what_it_held() {
    // A tap-on without a tap-off, and an old fare.
    for outcome in [Outcome::Approved, Outcome::Declined] {
        let wrong = || vec![Book::Approvals, Book::Reconciled];
        for (held, expected) in [(Some(100), vec![]), (Some(99), wrong()), (None, wrong())] {
            let tap = SampleTap { outcome, charged: 0, held, ..TAP };
            let mut scene = Scene::with(&[&tap]);
            scene.say(&TAP.claim(1));
            scene.ridden.push((tap.counter.into(), tap.cryptogram.into(), 100));
            scene.list();
            let books: Vec<_> = scene.wrong().into_iter().map(|(book, _)| book).collect();
            assert_eq!(books, expected, "{outcome:?} {held:?}");
        }
    }
    // Nothing is missing if it is never claimed.
    let mut scene = Scene::with(&[&SampleTap { charged: 0, held: Some(100), ..TAP }]);
    scene.books(vec![]);
    assert_eq!(scene.wrong(), []);
}

#[test]
fn messages_must_be_readable_and_have_a_good_mac() {
    let mut scene = Scene::new(serde_json::json!([]));
    scene.taps(&[&TAP]);
    scene.say(&TAP.claim(1));
    scene.sign_on();
    scene.say(&TAP.claim(1));
    scene.hear(&Scene::frame(TAP.claim(1).encode().unwrap()));
    scene.hear(&Scene::frame(TAP.claim(1).encode_with_mac(|_| *b"00000000").unwrap()));
    scene.hear(&[0, 3, 1, 2, 3]);
    scene.list();
    let (book, seen) = scene.only_wrong();
    assert_eq!(book, Book::Readable);
    for part in [
        "message 1 (ride) came before a sign-on",
        "message 4 (ride) has no MAC",
        "message 5 (ride) has a wrong MAC",
        "a frame that is no message",
    ] {
        assert!(seen.contains(part), "{seen}");
    }
}

#[test]
fn each_charged_ride_is_claimed_or_waits() {
    let row = |claim: Option<&str>| JournalRow {
        counter: Some("0017".into()),
        cryptogram: Some("0102030405060708".to_lowercase()),
        charged: Some(100),
        claim: claim.map(str::to_owned),
        ..JournalRow::default()
    };
    let accounted = |claimed: bool, rows: Option<Vec<JournalRow>>| {
        let mut scene = Scene::with(&[&TAP]);
        if claimed {
            scene.say(&TAP.claim(1));
        }
        if let Some(rows) = rows {
            scene.books(rows);
        }
        let checks = scene.judged(&Expect::default()).checks;
        let check = checks.into_iter().find(|check| check.what == Criterion::Books(Book::Accounted)).unwrap();
        (check.result, check.why.unwrap_or(check.seen))
    };
    let holds = |seen: &str| (CheckResult::Holds, seen.to_owned());
    let fails = |seen: &str| (CheckResult::Fails, seen.to_owned());
    assert_eq!(accounted(false, Some(vec![row(Some("waiting"))])), holds("0 (0.00 CNY) claimed, 1 (1.00 CNY) waiting"));
    assert_eq!(accounted(true, Some(vec![row(Some("sent"))])), holds("1 (1.00 CNY) claimed, 0 (0.00 CNY) waiting"));
    assert_eq!(accounted(false, Some(vec![])), fails("the ride of tap 1 (1.00 CNY) is neither a claim nor a record"));
    assert_eq!(
        accounted(false, Some(vec![row(Some("accepted"))])),
        fails("the device lists the ride of tap 1 as accepted, and the acquirer has no claim for it")
    );
    assert_eq!(
        accounted(true, Some(vec![row(Some("refused"))])),
        fails("the device lists batch 1 trace 1 as refused, and the acquirer has it as accepted")
    );
    let other = JournalRow { charged: Some(99), ..row(Some("waiting")) };
    assert_eq!(accounted(false, Some(vec![other])), fails("the record of tap 1 has another amount"));
    assert_eq!(accounted(false, Some(vec![row(None)])).0, CheckResult::NotJudged);
    assert_eq!(accounted(false, None).0, CheckResult::NotJudged);
}

#[test]
fn what_a_case_states_about_its_acquirer() {
    let mut scene =
        Scene::new(serde_json::json!([{ "when": { "message": "ride", "nth": 2 }, "then": [{ "refuse": "51" }] }]));
    let other = SampleTap { cryptogram: "1112131415161718", counter: "0018", ..TAP };
    scene.sign_on();
    scene.taps(&[&TAP, &other]);
    scene.say(&TAP.claim(1));
    scene.say(&other.claim(2));
    scene.list();
    let failing = |yaml: &str| {
        let acquirer: AcquirerExpect = serde_yaml::from_str(yaml).unwrap();
        let judgement = scene.judged(&Expect { acquirer: Some(acquirer), ..Expect::default() });
        let about = |check: &&Check| matches!(check.what, Criterion::Acquirer(_));
        assert!(judgement.checks.iter().any(|check| about(&check)), "{yaml}");
        let failing = judgement.checks.iter().filter(about).filter(|check| check.fails());
        failing.map(|check| (check.what.to_string(), check.seen.clone())).collect::<Vec<_>>()
    };
    assert_eq!(
        failing(
            "{ messages: [sign-on, ride+], accepted: { count: 1, total: 1.00 CNY }, refused: { count: 1 }, batch: 1, claims: [
               { charged: 1.00 CNY, state: accepted, code: '00', account: '622202\\*\\*\\*\\*\\*\\*7894', sequence: '01', counter: '0017',
                 batch: 1, trace: 1, sent: 1 }, { state: refused, code: '51' } ] }"
        ),
        []
    );
    for (yaml, what, seen) in [
        ("messages: [sign-on, ride]", "messages", "[sign-on, ride, ride]"),
        ("claims: []", "claims", "2"),
        ("claims: [{}, { state: accepted }]", "claim 2 state", "refused"),
        ("claims: [{ charged: 2.00 CNY }, {}]", "claim 1 charged", "1.00 CNY"),
        ("claims: [{ code: '05' }, {}]", "claim 1 code", "00"),
        ("claims: [{ account: '6222029*' }, {}]", "claim 1 account", "622202******7894"),
        ("claims: [{ sequence: '-' }, {}]", "claim 1 sequence", "01"),
        ("claims: [{ counter: '0018' }, {}]", "claim 1 counter", "0017"),
        ("claims: [{ sent: 2 }, {}]", "claim 1 sent", "1"),
        ("claims: [{ trace: 2 }, {}]", "claim 1 trace", "1"),
        ("accepted: { total: 2.00 CNY }", "accepted total", "1.00 CNY"),
        ("waiting: { count: 1 }", "waiting count", "0"),
        ("batch: 2", "batch", "1"),
    ] {
        assert_eq!(failing(yaml), [(format!("acquirer {what}"), seen.to_owned())], "{yaml}");
    }
}

#[test]
fn a_step_looks_at_the_messages_since_the_last_one() {
    let mut scene = Scene::new(serde_json::json!([]));
    let wanted = |yaml: &str| StepWanted::Acquirer(serde_yaml::from_str(yaml).unwrap());
    scene.sign_on();
    scene.taps(&[&TAP]);
    scene.events.push(step(2));
    scene.events.push(step(3));
    scene.say(&TAP.claim(1));
    scene.events.push(step(4));
    let criteria = of_steps(vec![
        StepWanted::Nothing,
        wanted("{ messages: [sign-on], claims: [] }"),
        StepWanted::Nothing,
        wanted("{ messages: [ride], claims: [{ trace: 1 }] }"),
    ]);
    let judgement = judge(&criteria, &device(), &scene.events, Baseline::Off);
    assert_eq!(titles(&judgement, CheckResult::Fails), Vec::<String>::new());
    assert_eq!(titles(&judgement, CheckResult::Holds).iter().filter(|title| title.starts_with("acquirer")).count(), 5);
}

#[test]
fn a_work_ends_as_it_should() {
    let seen = |expect, events: Vec<Event>| {
        let criteria = of_steps(vec![StepWanted::Work { work: Work::Upload, expect }]);
        let mut device = device();
        device.claims.insert("uplink".parse().unwrap(), Claim::Made(true));
        let events = [vec![event(Body::CaseStarted(CaseStarted::default())), step(1)], events].concat();
        let judgement = stated(judge(&criteria, &device, &events, Baseline::Off));
        let [check] = judgement.checks.as_slice() else { panic!("{:?}", judgement.checks) };
        (check.result, check.seen.clone())
    };
    let asked =
        |refused: Option<&str>| event(Body::WorkAsked { work: Work::Upload, refused: refused.map(str::to_owned) });
    let ended = |work, result| {
        let signal = Signal::Uplink { work: Word::Known(work), result: Word::Known(result) };
        event(Body::Signal { signal, said: Fields::parse("what=upload result=failed reason=no-answer") })
    };
    let done = || ended(Work::Upload, WorkResult::Done);
    let failed = || ended(Work::Upload, WorkResult::Failed);
    let (holds, fails) = (CheckResult::Holds, CheckResult::Fails);
    assert_eq!(seen(Some(WorkResult::Done), vec![asked(None), done()]).0, holds);
    assert_eq!(seen(None, vec![asked(None), failed()]).0, holds);
    assert_eq!(
        seen(Some(WorkResult::Done), vec![asked(None), failed()]),
        (fails, "failed (reason=no-answer)".to_owned())
    );
    assert_eq!(seen(None, vec![asked(Some("busy"))]), (fails, "refused: busy".to_owned()));
    assert_eq!(seen(None, vec![asked(None), ended(Work::Settle, WorkResult::Done)]), (fails, "no end".to_owned()));
    assert_eq!(seen(None, vec![done(), asked(None)]), (fails, "no end".to_owned()), "an end from before says nothing");
}
