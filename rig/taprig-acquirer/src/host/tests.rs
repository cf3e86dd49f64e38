//! The host against a small terminal.

mod proper;
mod ruled;

use super::*;
use crate::codec::frame::{Header, Tpdu};
use crate::codec::tlv;
use crate::keys::take;
use serde_json::{Value, json};
use taprig_model::acquirer::log;

const CARD: &str = "6222021234567894";
const LINE: u64 = 1;

fn now() -> DateTime {
    "2018-05-21T08:09:10".parse().unwrap()
}

fn master() -> MacKey {
    MacKey::new(&[0x10; 16]).unwrap()
}

fn keys() -> Value {
    json!({
        "schema": 1,
        "master": "10".repeat(16),
        "working": [
            { "pin": "11".repeat(16), "mac": "33".repeat(8) },
            { "pin": "22".repeat(16), "mac": "0123456789ABCDEFFEDCBA9876543210" },
        ],
        "authorities": [{
            "rid": "A000000333", "index": "08", "expiry": "20301231",
            "modulus": "AB".repeat(144), "exponent": "03", "check-sum": "CD".repeat(20),
        }],
    })
}

/// A terminal, and the host that it talks to.
struct Bench {
    host: Host,
    key: Option<MacKey>,
    batch: u32,
}

/// What came of a message.
struct Got {
    orders: Vec<Order>,
    heard: Heard,
}

impl Bench {
    fn of(keys: Value, rules: Value) -> Self {
        let setup = Setup::new(serde_json::from_value(keys).unwrap());
        let mut host = Host::new(setup, serde_json::from_value(rules).unwrap());
        host.connect(LINE);
        Self { host, key: None, batch: 1 }
    }

    fn new() -> Self {
        Self::of(keys(), json!({ "schema": 1 }))
    }

    /// A bench with these rules whose terminal has signed on.
    fn with_rules(rules: Value) -> Self {
        let mut bench = Self::of(keys(), json!({ "schema": 1, "rules": rules }));
        bench.sign_on();
        bench
    }

    fn signed_on() -> Self {
        Self::with_rules(json!([]))
    }

    fn bytes(&self, message: &Message, with_mac: bool) -> Vec<u8> {
        let message = match self.key.filter(|_| with_mac) {
            Some(key) => message.encode_with_mac(|bytes| mac(&key, bytes)).unwrap(),
            None => message.encode().unwrap(),
        };
        let tpdu = Tpdu { id: 0x60, destination: [0, 3], source: [0, 9] };
        Frame { tpdu, header: Header::new("613200324605").unwrap(), message }.encode()
    }

    fn send(&mut self, bytes: &[u8]) -> Got {
        let mut all = self.host.hear(LINE, bytes, now());
        assert_eq!(all.len(), 1, "one message");
        let Done { orders, body } = all.remove(0);
        let Body::Heard(heard) = body else { panic!("{body:?}") };
        Got { orders, heard: *heard }
    }

    fn say(&mut self, message: &Message) -> Got {
        let mti = message.mti;
        self.send(&self.bytes(message, matches!(mti, 0x0200 | 0x0220 | 0x0400)))
    }

    fn sign_on(&mut self) -> Got {
        self.sign_on_with(3)
    }

    fn sign_on_with(&mut self, code: u16) -> Got {
        let message = base(0x0800, 1, &format!("00000000{code:03}")).bytes(63, *b"01 ");
        let got = self.say(&message);
        if got.code() == "00" {
            let answer = got.answer();
            let slot = if code == 1 { 12 } else { 20 };
            let field = answer.data(62).unwrap();
            let mac = &field[slot..2 * slot];
            self.key = [16, 8].iter().find_map(|&length| take(mac, &master(), length).ok());
            assert!(self.key.is_some(), "no key for MACs in {field:02X?}");
            self.batch = answer.word(60).unwrap()[2..8].parse().unwrap();
        }
        got
    }

    fn ride(&mut self, trace: u32, fen: u64) -> Got {
        let message = self.claim(trace, fen);
        self.say(&message)
    }

    fn claim(&self, trace: u32, fen: u64) -> Message {
        claim(0x0200, "22", self.batch, trace, fen)
    }

    fn reverse(&mut self, trace: u32, fen: u64) -> Got {
        let message = claim(0x0400, "22", self.batch, trace, fen).text(39, "98");
        self.say(&message)
    }

    fn settle(&mut self, count: u64, fen: u64) -> Got {
        let message = base(0x0500, 99, &format!("00{:06}201", self.batch))
            .digits(48, format!("{fen:012}{count:03}{:047}", 0))
            .text(49, "156")
            .bytes(63, *b"01 ");
        self.say(&message)
    }

    fn upload(&mut self, code: u16, digits: &str) -> Got {
        let message = base(0x0320, 98, &format!("00{:06}{code:03}", self.batch)).digits(48, digits);
        self.say(&message)
    }

    fn page(&mut self, cursor: u64) -> Got {
        let message = base(0x0800, 1, "00000001570").bytes(63, format!("00000001{cursor:010}").into_bytes());
        self.say(&message)
    }

    fn sums(&self) -> [(u64, u64); 4] {
        let all = self.host.summary();
        [all.accepted, all.refused, all.waiting, all.reversed].map(|amounts| (amounts.count, amounts.fen))
    }
}

impl Got {
    fn answers(&self) -> Vec<Vec<u8>> {
        let sent = |order: &Order| match order {
            Order::Send { bytes, .. } => Some(bytes.clone()),
            Order::Close => None,
        };
        self.orders.iter().filter_map(sent).collect()
    }

    fn frame(&self) -> Frame {
        let answers = self.answers();
        assert_eq!(answers.len(), 1, "{:?}", self.orders);
        Frame::decode(&answers[0][2..]).unwrap()
    }

    fn answer(&self) -> Message {
        Message::decode(&self.frame().message).unwrap()
    }

    fn code(&self) -> String {
        self.answer().word(39).unwrap().to_owned()
    }

    /// Whether the MAC of the answer is right.
    fn is_signed(&self, key: Option<MacKey>) -> bool {
        let bytes = self.frame().message;
        let (data, found) = bytes.split_at(bytes.len() - 8);
        mac(&key.unwrap(), data) == found
    }

    fn state(&self) -> Option<(log::State, bool)> {
        self.heard.claims.first().map(|claim| (claim.state, claim.repeat))
    }
}

fn base(mti: u16, trace: u32, reserved: &str) -> Message {
    Message::new(mti)
        .digits(11, format!("{trace:06}"))
        .text(41, "12345678")
        .text(42, "123456789012345")
        .digits(60, reserved)
}

fn claim(mti: u16, kind: &str, batch: u32, trace: u32, fen: u64) -> Message {
    base(mti, trace, &format!("{kind}{batch:06}000601"))
        .digits(2, CARD)
        .digits(3, "000000")
        .digits(4, format!("{fen:012}"))
        .digits(22, "072")
        .digits(23, "001")
        .digits(25, "00")
        .text(49, "156")
}

/// Field 55 of a claim.
fn chip(fen: u64, day: [u8; 3]) -> Vec<u8> {
    let amount = crate::codec::bcd::encode(&format!("{fen:012}"), crate::codec::bcd::Align::Left);
    tlv::encode(&[
        (0x9F26, vec![1; 8]),
        (0x9F36, vec![0, 1]),
        (0x9F10, vec![7; 8]),
        (0x95, vec![0; 5]),
        (0x9F37, vec![1; 4]),
        (0x9A, day.to_vec()),
        (0x9F02, amount),
        (0x82, vec![0x7C, 0]),
    ])
}
