//! A board in memory, for tests.

extern crate std;

use crate::air::UartAir;
use crate::{CardBoard, Relay};
use core::cell::{Cell, RefCell};
use heapless::Vec;
use std::collections::VecDeque;
use std::vec::Vec as StdVec;
use wire::air::{Message, Pace};
use wire::frame::{Collected, Collector};
use wire::link::{Answer, Company, Front, Note, Order, Report, Request};

/// The times of an ordinary reader, which waits for FWI 7.
const PACE: Pace = Pace { pause_us: 500, wait_us: 38_665 };

/// An ordinary bank card with a UID of four bytes and FWI 7.
pub(crate) fn front() -> Front {
    Front {
        uid: Vec::from_slice(&[0x08, 0x12, 0x34, 0x56]).expect("fits"),
        atqa: [0x04, 0x00],
        sak: 0x20,
        ats: Vec::from_slice(&[0x05, 0x78, 0x80, 0x70, 0x02]).expect("fits"),
        company: Company::Alone,
        delay_us: 100,
        chain: 0,
    }
}

#[derive(Default)]
pub(crate) struct Desk {
    pub(crate) now_us: Cell<u64>,
    pub(crate) air_byte_ns: Cell<u32>,
    /// What is sent on the air comes back.
    pub(crate) wired_to_itself: Cell<bool>,
    link: RefCell<StdVec<u8>>,
    air: RefCell<StdVec<u8>>,
    /// How many bytes had gone to the host when the last byte went on the air.
    pub(crate) told_before: Cell<usize>,
    /// What the reader says, and the firmware has not read.
    reader: RefCell<VecDeque<u8>>,
}

impl CardBoard for Desk {
    fn name(&self) -> &'static str {
        "desk"
    }
    fn image(&self) -> &[u8] {
        b"abc"
    }
    fn now_us(&self) -> u64 {
        self.now_us.get()
    }
    fn sleep(&self, until_us: u64) {
        self.now_us.set(self.now_us.get().max(until_us));
    }
    fn link_read(&self) -> Option<u8> {
        None
    }
    fn link_write(&self, bytes: &[u8]) {
        self.link.borrow_mut().extend(bytes);
    }
    fn air_read(&self) -> Option<u8> {
        if let Some(byte) = self.reader.borrow_mut().pop_front() {
            return Some(byte);
        }
        let mut air = self.air.borrow_mut();
        (self.wired_to_itself.get() && !air.is_empty()).then(|| air.remove(0))
    }
    fn air_byte_ns(&self) -> u32 {
        self.air_byte_ns.get()
    }
    fn air_write(&self, bytes: &[u8]) {
        self.told_before.set(self.link.borrow().len());
        self.air.borrow_mut().extend(bytes);
    }
}

/// A relay on a desk, with reader and host in the test's hand.
pub(crate) struct Bench {
    pub(crate) desk: Desk,
    pub(crate) relay: Relay<UartAir>,
    orders: u16,
    exchange: u8,
}

/// What the reader got.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Got {
    Answer { exchange: u8, delay_us: u32, bytes: StdVec<u8> },
    Collision(u8),
    Silence(u8),
    Load(bool),
}

impl Bench {
    pub(crate) fn new() -> Self {
        let desk = Desk::default();
        let relay = Relay::start(&desk, UartAir::default());
        Self { desk, relay, orders: 0, exchange: 0 }
    }

    /// With this card in the field.
    pub(crate) fn with(front: Front) -> Self {
        let mut bench = Self::new();
        bench.order(Request::Configure(front));
        bench.order(Request::Present);
        bench.notes();
        bench.got();
        bench
    }

    /// What the host got since it last looked.
    pub(crate) fn notes(&self) -> StdVec<Note> {
        let mut collector = Collector::<{ wire::link::MAX_PACKED }>::new();
        let mut notes = StdVec::new();
        for byte in self.desk.link.take() {
            match collector.push(byte) {
                Some(Collected::Frame(body)) => notes.push(wire::link::decode(body).expect("a note")),
                Some(Collected::Garbage) => panic!("garbage"),
                None => {}
            }
        }
        notes
    }

    pub(crate) fn reports(&self) -> StdVec<Report> {
        self.notes().into_iter().map(|note| note.report).collect()
    }

    /// What the reader got since it last looked.
    pub(crate) fn got(&self) -> StdVec<Got> {
        let mut collector = Collector::<{ wire::air::MAX_PACKED }>::new();
        let mut got = StdVec::new();
        for byte in self.desk.air.take() {
            match collector.push(byte) {
                Some(Collected::Frame(body)) => got.push(match Message::decode(body).expect("a message") {
                    Message::Answer { exchange, delay_us, bytes } => {
                        Got::Answer { exchange, delay_us, bytes: bytes.to_vec() }
                    }
                    Message::Collision { exchange } => Got::Collision(exchange),
                    Message::Silence { exchange } => Got::Silence(exchange),
                    Message::Load { card } => Got::Load(card),
                    other => panic!("not the card's: {other:?}"),
                }),
                Some(Collected::Garbage) => panic!("garbage"),
                None => {}
            }
        }
        got
    }

    pub(crate) fn order(&mut self, request: Request) {
        self.orders += 1;
        let packed = wire::link::encode(&Order { number: self.orders, request }).expect("fits");
        let mut collector = Collector::<{ wire::link::MAX_PACKED }>::new();
        for byte in packed {
            if let Some(Collected::Frame(body)) = collector.push(byte) {
                self.relay.link(&self.desk, body);
            }
        }
    }

    pub(crate) fn answer(&mut self, command: u16, answer: Answer) {
        self.order(Request::Answer { command, answer });
    }

    pub(crate) fn reader(&mut self, message: &Message<'_>) {
        self.desk.reader.borrow_mut().extend(message.encode().expect("fits"));
        self.relay.hear(&self.desk);
    }

    /// Sends seven bits; what came back.
    pub(crate) fn short(&mut self, bits: u8) -> StdVec<Got> {
        self.exchange = self.exchange.wrapping_add(1);
        self.reader(&Message::Short { exchange: self.exchange, pace: PACE, bits });
        self.got()
    }

    /// Sends bytes as they are; what came back.
    pub(crate) fn raw(&mut self, bytes: &[u8]) -> StdVec<Got> {
        self.exchange = self.exchange.wrapping_add(1);
        self.reader(&Message::Command { exchange: self.exchange, pace: PACE, bytes });
        self.got()
    }

    /// Sends bytes with CRC; what came back.
    pub(crate) fn send(&mut self, body: &[u8]) -> StdVec<Got> {
        self.raw(&crate::with_crc(body))
    }

    /// Number of the last exchange.
    pub(crate) fn exchange(&self) -> u8 {
        self.exchange
    }

    /// Activation up to ATS, for the card of [`front`].
    pub(crate) fn activate(&mut self) {
        self.reader(&Message::FieldOn { pause_us: 0 });
        self.short(0x52);
        self.raw(&[0x93, 0x20]);
        self.send(&[0x93, 0x70, 0x08, 0x12, 0x34, 0x56, 0x08 ^ 0x12 ^ 0x34 ^ 0x56]);
        let [Got::Answer { bytes, .. }] = &self.send(&[0xE0, 0x80])[..] else { panic!("no ATS") };
        assert_eq!(bytes[..5], front().ats);
    }
}
