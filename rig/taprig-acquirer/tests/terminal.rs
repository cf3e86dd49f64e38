//! A terminal by the crate `iso8583` talks to the host. The two sides share no code: a misreading of the document on one side
//! shows against the other. Each kind of message of the document is sent, and each answer is read.

#![expect(clippy::unwrap_used, reason = "helpers of tests, too")]

use iso8583::{
    Additional, Assembler, AuthorityKey, AuthorityList, Cursor, DenyPage, Expiry, Header, Item, KeySet, MacKey,
    MacKeyLength, Message, PartTotals, SettlementResult, Totals, Tpdu, WorkingKeys, Writer, authority, deny, mti,
    network,
};
use serde_json::{Value, json};
use taprig_acquirer::host::Order;
use taprig_acquirer::{Host, Setup};
use taprig_model::units::DateTime;

const NOW: DateTime = DateTime { year: 2018, month: 5, day: 21, hour: 8, minute: 0, second: 0 };
const HEADER: Header = Header([0x61, 0x32, 0x00, 0x32, 0x46, 0x05]);
const MASTER: [u8; 16] = 0x0123_4567_89AB_CDEF_FEDC_BA98_7654_3210_u128.to_be_bytes();
const CARD: &str = "6222021234567894";
const RID: [u8; 5] = [0xA0, 0, 0, 3, 0x33];

/// 22 keys, so that the list has more than the 21 entries of one answer. The check sums are made here.
fn authorities() -> Vec<Value> {
    use sha1::{Digest, Sha1};
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02X}")).collect::<String>();
    (1..=22_u8)
        .map(|index| {
            let modulus = [index | 0x80; 128];
            let sum = Sha1::new().chain_update(RID).chain_update([index]).chain_update(modulus).chain_update([3]);
            json!({
                "rid": hex(&RID), "index": hex(&[index]), "expiry": "20301231", "modulus": hex(&modulus),
                "exponent": "03", "check-sum": hex(&sum.finalize()),
            })
        })
        .collect()
}

/// The terminal, and the host at the other end of its line.
struct Bench {
    host: Host,
    mac_length: MacKeyLength,
    keys: Option<WorkingKeys>,
    batch: u32,
}

impl Bench {
    /// A host with these rules, and two sets of working keys of which the first has this key for MACs.
    fn new(mac: &str, rules: Value) -> Self {
        let keys = json!({
            "schema": 1,
            "master": "0123456789ABCDEFFEDCBA9876543210",
            "working": [
                { "pin": "11111111111111112222222222222222", "mac": mac, "track": "44444444444444445555555555555555" },
            ],
            "authorities": authorities(),
        });
        let list =
            json!({ "version": 7, "page": 2, "cards": ["6222020000000007", "6222020000000015", "6222020000000023"] });
        let rules = json!({ "schema": 1, "deny-list": list, "rules": rules });
        let setup = Setup::new(serde_json::from_value(keys).unwrap());
        let mut host = Host::new(setup, serde_json::from_value(rules).unwrap());
        host.connect(1);
        let mac_length = if mac.len() == 16 { MacKeyLength::Eight } else { MacKeyLength::Sixteen };
        Self { host, mac_length, keys: None, batch: 0 }
    }

    fn proper() -> Self {
        Self::new("3333333333333333", json!([]))
    }

    fn mac_key(&self) -> &MacKey {
        &self.keys.as_ref().expect("the terminal has signed on").mac
    }

    /// Sends a message, one byte at a time, and returns the content of the answer. The answer is checked for what each has.
    fn ask(&mut self, mti: u16, signed: bool, write: impl Fn(&mut Writer<'_>)) -> Vec<u8> {
        let mut buffer = [0; 1024];
        let mut writer = Writer::new(&mut buffer, Tpdu::new(3, 9), HEADER, mti);
        write(&mut writer);
        let frame = writer.finish(signed.then(|| self.mac_key())).unwrap();
        let request = Message::decode(&frame[2..]).unwrap();
        let mut answers = Vec::new();
        let mut assembler = Assembler::<2048>::new();
        for byte in frame {
            for done in self.host.hear(1, &[*byte], NOW) {
                for order in done.orders {
                    let Order::Send { bytes, .. } = order else { panic!("the host closes: {:?}", done.body) };
                    for byte in bytes {
                        answers.extend(assembler.push(byte).unwrap().map(<[u8]>::to_vec));
                    }
                }
            }
        }
        assert!(!assembler.is_within());
        let [answer] = &answers[..] else { panic!("{request:?} has {} answers", answers.len()) };
        let message = Message::decode(answer).unwrap_or_else(|error| panic!("answer to {request:?}: {error}"));
        assert_eq!(message.mti(), mti::answer_to(mti));
        assert_eq!(message.tpdu(), request.tpdu().swapped());
        assert_eq!(message.header().class(), 61);
        for field in [11, 41, 42] {
            assert_eq!(message.field(field), request.field(field), "field {field} of the answer to {request:?}");
        }
        assert_eq!(message.digits(12).unwrap(), "080000");
        assert_eq!(message.digits(13).unwrap(), "0521");
        assert_eq!(message.digits(32).unwrap(), "00000000");
        assert_eq!(message.text(37).map(str::len), Some(12));
        if let Some(keys) = &self.keys {
            assert_eq!(message.mac_is_good(&keys.mac), signed, "{message:?}");
        }
        answer.clone()
    }

    fn code(&mut self, mti: u16, signed: bool, write: impl Fn(&mut Writer<'_>)) -> String {
        let answer = self.ask(mti, signed, write);
        String::from_utf8(Message::decode(&answer).unwrap().code().unwrap().to_vec()).unwrap()
    }

    fn sign_on(&mut self, set: KeySet) {
        let answer = self.ask(mti::SIGN_ON, false, |writer| {
            named(writer.trace(900_001)).additional(&Additional::management(0, set.network())).bytes(63, b"01 ");
        });
        let message = Message::decode(&answer).unwrap();
        assert_eq!(message.code(), Some(*b"00"));
        let additional = message.additional().unwrap();
        assert_eq!((additional.kind, additional.network), (0, set.network()));
        self.batch = additional.batch;
        self.keys = Some(WorkingKeys::open(&MASTER, set, message.field(62).unwrap(), self.mac_length).unwrap());
    }

    fn claim(&mut self, mti: u16, kind: u8, trace: u32, fen: u64) -> Vec<u8> {
        let additional = Additional { kind, ..Additional::ride(self.batch) };
        self.ask(mti, true, move |writer| ride(writer, &additional, trace, fen))
    }

    fn ride(&mut self, trace: u32, fen: u64) -> String {
        text_of_code(&self.claim(mti::RIDE, 22, trace, fen))
    }

    fn reverse(&mut self, trace: u32, fen: u64) -> String {
        let additional = Additional::ride(self.batch);
        self.code(mti::REVERSAL, true, move |writer| {
            writer.digits(2, CARD).number(3, 0).amount(fen).trace(trace).number(22, 72).number(23, 1).number(25, 0);
            named(writer.text(39, "98")).text(49, "156").additional(&additional);
        })
    }

    fn settle(&mut self, trace: u32, debits: u32, fen: u64) -> Totals {
        let own = PartTotals { debit_fen: fen, debits, ..PartTotals::default() };
        let totals = Totals { own, ..Totals::default() };
        let additional = Additional::management(self.batch, network::SETTLEMENT);
        let answer = self.ask(mti::SETTLEMENT, false, |writer| {
            named(writer.trace(trace)).totals(&totals).text(49, "156").additional(&additional).bytes(63, b"01 ");
        });
        let message = Message::decode(&answer).unwrap();
        assert_eq!((message.code(), message.text(49)), (Some(*b"00"), Some("156")));
        let answered = message.totals().unwrap();
        assert_eq!((answered.own.debit_fen, answered.own.debits), (fen, debits % 1000));
        answered
    }

    fn upload(&mut self, trace: u32, network: u16, items: &[Item<&str>], count: u32) -> String {
        let additional = Additional::management(self.batch, network);
        self.code(mti::BATCH_UPLOAD, false, |writer| {
            named(writer.trace(trace));
            if items.is_empty() { writer.uploaded(count) } else { writer.items(items) }.additional(&additional);
        })
    }

    fn management(&mut self, network: u16) -> String {
        let additional = Additional::management(self.batch, network);
        self.code(mti::MANAGEMENT, false, |writer| {
            named(writer.trace(7)).additional(&additional);
        })
    }

    /// Field 62 of the answer to a message about keys of authorities.
    fn keys(&mut self, mti: u16, network: u16, field: &[u8]) -> Vec<u8> {
        let additional = Additional::management(self.batch, network);
        let answer = self.ask(mti, false, |writer| {
            named(writer).additional(&additional).bytes(62, field);
        });
        Message::decode(&answer).unwrap().field(62).unwrap_or_default().to_vec()
    }

    /// All cards of the deny list, and its version.
    fn deny_list(&mut self) -> (u32, Vec<String>) {
        let additional = Additional::management(self.batch, network::DENY_LIST);
        let (mut cards, mut cursor) = (Vec::new(), Cursor::FIRST);
        loop {
            let answer = self.ask(mti::DOWNLOAD, false, |writer| {
                named(writer).additional(&additional).bytes(63, &deny::request(b"00000001", cursor));
            });
            let field = Message::decode(&answer).unwrap().field(63).unwrap().to_vec();
            let page = DenyPage::parse(&field).unwrap();
            cards.extend(page.cards().map(str::to_owned));
            match page.next() {
                Some(next) => cursor = next,
                None => return (page.version(), cards),
            }
        }
    }
}

/// Terminal and merchant.
fn named<'w, 'b>(writer: &'w mut Writer<'b>) -> &'w mut Writer<'b> {
    writer.text(41, "12345678").text(42, "123456789012345")
}

/// All fields that a ride may have.
fn ride(writer: &mut Writer<'_>, additional: &Additional, trace: u32, fen: u64) {
    let amount: Vec<u8> =
        (0..6).rev().map(|place| (fen / 100_u64.pow(place) % 100) as u8).map(|two| two / 10 * 16 + two % 10).collect();
    let objects: [(u32, &[u8]); 12] = [
        (0x9F26, &[0x11; 8]),
        (0x9F27, &[0x80]),
        (0x9F10, &[7, 6, 5, 4, 3, 2, 1, 0]),
        (0x9F37, &[0x11, 0x22, 0x33, 0x44]),
        (0x9F36, &[0, 1]),
        (0x95, &[0; 5]),
        (0x9A, &[0x18, 0x05, 0x21]),
        (0x9C, &[0]),
        (0x9F02, &amount),
        (0x5F2A, &[0x01, 0x56]),
        (0x82, &[0x7C, 0]),
        // A value whose length takes two bytes.
        (0x9F4B, &[0x5A; 128]),
    ];
    writer.digits(2, CARD).number(3, 0).amount(fen).number(7, 521_160_000).trace(trace).digits(14, "3012");
    writer
        .number(22, 72)
        .number(23, 1)
        .number(25, 0)
        .packed(35, b"\x62\x22\x02\x12\x34\x56\x78\x94\xD3\x01\x22\x01\x00\x00\x0F");
    named(writer).bytes(48, b"PA570900000001#").text(49, "156").number(53, 2_600_000_000_000_000).chip(objects);
    writer.additional(additional);
}

fn text_of_code(answer: &[u8]) -> String {
    Message::decode(answer).unwrap().text(39).unwrap().to_owned()
}

#[test]
fn a_day_of_a_terminal() {
    let mut bench = Bench::proper();
    assert_eq!(bench.management(network::ECHO), "00");
    bench.sign_on(KeySet::TripleDes);
    assert_eq!(bench.mac_key(), &MacKey::new(&[0x33; 8]).unwrap());
    assert_eq!(bench.batch, 1);

    let answer = bench.claim(mti::RIDE, 22, 1, 200);
    let message = Message::decode(&answer).unwrap();
    assert_eq!(message.code(), Some(*b"00"));
    assert_eq!((message.amount(), message.trace(), message.text(49)), (Some(200), Some(1), Some("156")));
    assert!(message.account().unwrap() == CARD);
    assert_eq!(message.digits(3).unwrap(), "000000");
    assert_eq!(message.text(38).map(str::len), Some(6));
    assert_eq!(message.additional().unwrap(), Additional::ride(1));
    assert_eq!(message.header().request(), 0);

    assert_eq!(bench.ride(1, 200), "94");
    assert_eq!(bench.ride(2, 150), "00");
    for _ in 0..2 {
        assert_eq!(bench.reverse(2, 150), "00");
    }
    assert_eq!(bench.reverse(99, 150), "25");
    for (kind, trace, code) in [(30, 3, "00"), (36, 4, "00"), (22, 5, "12")] {
        assert_eq!(text_of_code(&bench.claim(mti::ADVICE, kind, trace, 100)), code, "60.1 is {kind}");
    }

    let own = bench.settle(6, 3, 400).own;
    assert_eq!(own.result, SettlementResult::Balanced);
    assert_eq!(bench.upload(7, network::BALANCED_END, &[], 3), "00");
    assert_eq!(bench.ride(8, 100), "77");
    bench.sign_on(KeySet::TripleDes);
    assert_eq!(bench.batch, 2);
    assert_eq!(bench.ride(8, 100), "00");
    assert_eq!(bench.management(network::SIGN_OFF), "00");

    let states: Vec<_> = bench.host.claims().map(|(_, batch, trace, claim)| (batch, trace, claim.state)).collect();
    assert_eq!(states.len(), 5, "{states:?}");
    let summary = bench.host.summary();
    assert_eq!((summary.accepted.count, summary.accepted.fen), (4, 500));
    assert_eq!((summary.reversed.count, summary.reversed.fen), (1, 150));
}

#[test]
fn a_batch_that_does_not_balance_is_uploaded() {
    let mut bench = Bench::proper();
    bench.sign_on(KeySet::TripleDes);
    for trace in 1..=9 {
        assert_eq!(bench.ride(trace, 100), "00");
    }
    assert_eq!(bench.settle(20, 10, 1000).own.result, SettlementResult::NotBalanced);
    let item = |trace| Item { kind: 0, trace, card: CARD, amount: 100 };
    // The host has never seen the tenth.
    let items: Vec<_> = (1..=10).map(item).collect();
    assert_eq!(bench.upload(21, network::SETTLEMENT, &items[..8], 0), "00");
    assert_eq!(bench.upload(22, network::SETTLEMENT, &items[8..], 0), "00");
    assert_eq!(bench.upload(23, network::UPLOAD_END, &[], 9), "95");
    assert_eq!(bench.upload(24, network::UPLOAD_END, &[], 10), "00");
    let summary = bench.host.summary();
    assert_eq!((summary.accepted.count, summary.accepted.fen), (10, 1000));
    let cards: Vec<_> = bench.host.claims().map(|(_, _, trace, claim)| (trace, claim.fen)).collect();
    assert_eq!(cards, (1..=10).map(|trace| (trace, 100)).collect::<Vec<_>>());
}

#[test]
fn each_set_of_keys_is_opened() {
    for (mac, set, wanted) in [
        ("3333333333333333", KeySet::Des, 8),
        ("3333333333333333", KeySet::TripleDes, 8),
        ("3333333333333333", KeySet::TripleDesWithTrack, 8),
        ("33333333333333337777777777777777", KeySet::Des, 8),
        ("33333333333333337777777777777777", KeySet::TripleDes, 16),
        ("33333333333333337777777777777777", KeySet::TripleDesWithTrack, 16),
    ] {
        let mut bench = Bench::new(mac, json!([]));
        bench.sign_on(set);
        let keys = bench.keys.clone().unwrap();
        assert_eq!(keys.mac.0.bytes().len(), wanted, "{set:?} {mac}");
        assert_eq!(keys.pin.bytes(), &[[0x11; 8], [0x22; 8]].concat()[..if set == KeySet::Des { 8 } else { 16 }]);
        let track = (set == KeySet::TripleDesWithTrack).then(|| [[0x44; 8], [0x55; 8]].concat());
        assert_eq!(keys.track.as_ref().map(|key| key.bytes().to_vec()), track);
        assert_eq!(bench.ride(1, 100), "00", "{set:?} {mac}");
    }
}

#[test]
fn the_deny_list_comes_in_pages() {
    let mut bench = Bench::new("3333333333333333", json!([{ "when": { "message": "ride" }, "then": ["deny-card"] }]));
    let cards = ["6222020000000007", "6222020000000015", "6222020000000023"];
    assert_eq!(bench.deny_list(), (7, cards.map(str::to_owned).to_vec()));
    bench.sign_on(KeySet::TripleDes);
    assert_eq!(bench.ride(1, 100), "00");
    let (version, cards) = bench.deny_list();
    assert_eq!((version, cards.len()), (8, 4));
    assert!(cards.iter().any(|card| card == CARD));
    // A cursor past the end: an empty page.
    let additional = Additional::management(bench.batch, network::DENY_LIST);
    let answer = bench.ask(mti::DOWNLOAD, false, |writer| {
        named(writer).additional(&additional).bytes(63, &deny::request(b"00000001", Cursor(*b"0000009999")));
    });
    let field = Message::decode(&answer).unwrap().field(63).unwrap();
    let page = DenyPage::parse(field).unwrap();
    assert!(page.is_empty() && page.next().is_none());
}

#[test]
fn keys_of_authorities_are_listed_and_fetched() {
    let mut bench = Bench::proper();
    let mut entries = Vec::new();
    loop {
        let known = authority::list_request(u8::try_from(entries.len()).unwrap()).unwrap();
        let field = bench.keys(mti::MANAGEMENT, network::KEY_LIST, &known);
        let list = AuthorityList::parse(&field).unwrap();
        entries.extend(list.entries());
        if !list.more() {
            break;
        }
        assert_eq!(entries.len(), 21);
    }
    assert_eq!(entries.len(), 22);
    for (entry, index) in entries.iter().zip(1..) {
        assert_eq!((entry.rid, entry.index, entry.expiry), (RID, index, Expiry { year: 2030, month: 12, day: 31 }));
        let field = bench.keys(mti::DOWNLOAD, network::KEY, &authority::key_request(&entry.rid, entry.index));
        let key = AuthorityKey::parse(&field).unwrap().unwrap();
        assert!(key.is_sound());
        assert_eq!((key.rid, key.index, key.expiry, key.exponent), (RID, index, entry.expiry, &[3][..]));
        assert_eq!(key.modulus, [index | 0x80; 128]);
    }
    let field = bench.keys(mti::DOWNLOAD, network::KEY, &authority::key_request(&RID, 99));
    assert_eq!(AuthorityKey::parse(&field), Ok(None));
    let known = authority::list_request(22).unwrap();
    assert!(bench.keys(mti::MANAGEMENT, network::KEY_LIST, &known) == b"0");
    assert!(bench.keys(mti::DOWNLOAD, network::KEYS_END, &[]).is_empty());
}

/// What the host does wrongly on request, and what the terminal sees of it.
#[test]
fn wrong_answers_are_seen() {
    let answer = |then: Value| {
        let mut bench = Bench::new("3333333333333333", json!([{ "when": { "message": "ride" }, "then": [then] }]));
        bench.sign_on(KeySet::TripleDes);
        let mut buffer = [0; 1024];
        let mut writer = Writer::new(&mut buffer, Tpdu::new(3, 9), HEADER, mti::RIDE);
        ride(&mut writer, &Additional::ride(1), 1, 100);
        let frame = writer.finish(Some(bench.mac_key())).unwrap();
        let done = bench.host.hear(1, frame, NOW);
        let Order::Send { bytes, .. } = &done[0].orders[0] else { panic!("no answer") };
        (bytes.clone(), bench.mac_key().clone())
    };
    let (bytes, key) = answer(json!({ "wrong": "mac" }));
    assert!(!Message::decode(&bytes[2..]).unwrap().mac_is_good(&key));
    let (bytes, key) = answer(json!({ "wrong": "trace" }));
    let message = Message::decode(&bytes[2..]).unwrap();
    assert!(message.mac_is_good(&key) && message.trace() != Some(1));
    let (bytes, key) = answer(json!({ "wrong": "amount" }));
    let message = Message::decode(&bytes[2..]).unwrap();
    assert!(message.mac_is_good(&key) && message.amount() != Some(100));
    for (ask, request) in [("sign-on", 3), ("authority-keys", 4), ("deny-list", 7)] {
        let (bytes, key) = answer(json!({ "ask": ask }));
        let message = Message::decode(&bytes[2..]).unwrap();
        assert_eq!((message.header().request(), message.mac_is_good(&key)), (request, true));
    }
    let (bytes, _) = answer(json!({ "cut": 20 }));
    let mut assembler = Assembler::<1024>::new();
    assert!(bytes.iter().all(|byte| assembler.push(*byte) == Ok(None)));
    assert!(assembler.is_within());
}

#[test]
fn another_key_for_macs_is_refused() {
    let mut bench = Bench::proper();
    bench.sign_on(KeySet::TripleDes);
    bench.keys.as_mut().unwrap().mac = MacKey::new(&[0x35; 8]).unwrap();
    let mut buffer = [0; 1024];
    let mut writer = Writer::new(&mut buffer, Tpdu::new(3, 9), HEADER, mti::RIDE);
    ride(&mut writer, &Additional::ride(1), 1, 100);
    let frame = writer.finish(Some(bench.mac_key())).unwrap();
    let done = bench.host.hear(1, frame, NOW);
    let Order::Send { bytes, .. } = &done[0].orders[0] else { panic!("no answer") };
    assert_eq!(Message::decode(&bytes[2..]).unwrap().code(), Some(*b"A0"));
}
