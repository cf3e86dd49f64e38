//! A board for tests: a clock that moves only by sleeping, memory with power cuts, scripted air and console.

use core::cell::{Cell, RefCell};
use std::boxed::Box;
use std::collections::VecDeque;
use std::string::String;
use std::vec;
use std::vec::Vec;

use wire::air::{MAX_PACKED, Message};
use wire::frame::{Collected, Collector};

use crate::board::{Board, ResetCause};

/// What stands in for the card side: gets each message of the reader, gives the bytes that come back.
pub(crate) type Air = Box<dyn FnMut(&TestBoard, Message<'_>) -> Vec<u8>>;

/// Something that happens at a time.
type Event = Box<dyn FnOnce(&TestBoard)>;

/// A line without a card side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BareAir {
    Open,
    WiredToItself,
}

pub(crate) struct TestBoard {
    pub(crate) now: Cell<u64>,
    pub(crate) nvm: RefCell<Vec<u8>>,
    /// Bytes of memory that were read.
    pub(crate) nvm_read: Cell<usize>,
    /// Bytes of memory that may still be written.
    cut: Cell<Option<usize>>,
    pub(crate) console_in: RefCell<VecDeque<u8>>,
    pub(crate) console_out: RefCell<Vec<u8>>,
    air_in: RefCell<VecDeque<u8>>,
    air: RefCell<Option<Air>>,
    collector: RefCell<Collector<MAX_PACKED>>,
    /// The air is no card side but a bare line: open, or wired to itself.
    pub(crate) bare_air: Cell<Option<BareAir>>,
    pub(crate) rtc: Cell<Option<u64>>,
    /// Things that happen when the clock gets there, in order of time.
    script: RefCell<VecDeque<(u64, Event)>>,
    pub(crate) stop_at: Cell<u64>,
    pub(crate) resets: Cell<u32>,
    pub(crate) image: Vec<u8>,
    pub(crate) frames: Cell<u32>,
    entropy: Cell<u32>,
}

impl TestBoard {
    pub(crate) fn new(nvm: usize) -> Self {
        Self {
            now: Cell::new(0),
            nvm: RefCell::new(vec![0; nvm]),
            nvm_read: Cell::new(0),
            cut: Cell::new(None),
            console_in: RefCell::default(),
            console_out: RefCell::default(),
            air_in: RefCell::default(),
            air: RefCell::default(),
            collector: RefCell::new(Collector::new()),
            bare_air: Cell::new(None),
            rtc: Cell::new(None),
            script: RefCell::default(),
            stop_at: Cell::new(u64::MAX),
            resets: Cell::new(0),
            image: Vec::new(),
            frames: Cell::new(0),
            entropy: Cell::new(0x1234_5678),
        }
    }

    /// After so many bytes more, memory keeps nothing.
    pub(crate) fn power_cut_after(&self, bytes: usize) {
        self.cut.set(Some(bytes));
    }

    /// The board after power came back: the memory is what is left.
    pub(crate) fn restarted(&self) -> Self {
        let board = Self::new(0);
        board.nvm.replace(self.nvm.borrow().clone());
        board
    }

    pub(crate) fn set_air(&self, air: Air) {
        *self.air.borrow_mut() = Some(air);
    }

    /// Adds something that happens at a time; times must rise.
    pub(crate) fn at(&self, at_us: u64, what: impl FnOnce(&TestBoard) + 'static) {
        self.script.borrow_mut().push_back((at_us, Box::new(what)));
    }

    pub(crate) fn type_in(&self, text: &str) {
        self.console_in.borrow_mut().extend(text.as_bytes());
    }

    /// The card side sends by itself.
    pub(crate) fn air_says(&self, message: &Message<'_>) {
        self.air_in.borrow_mut().extend(message.encode().expect("fits").iter());
    }

    /// Lines on the console since the last call.
    pub(crate) fn lines(&self) -> Vec<String> {
        let bytes = self.console_out.take();
        String::from_utf8(bytes).expect("text").lines().map(String::from).collect()
    }

    fn run_script(&self) -> bool {
        let due = self.script.borrow().front().is_some_and(|(at, _)| *at <= self.now.get());
        if due && let Some((_, what)) = self.script.borrow_mut().pop_front() {
            what(self);
        }
        due
    }
}

impl Board for TestBoard {
    fn name(&self) -> &'static str {
        "test"
    }

    fn now_us(&self) -> u64 {
        // Each look at the clock takes a microsecond, so that no loop stands still.
        self.now.set(self.now.get() + 1);
        self.now.get()
    }

    fn sleep(&self, until_us: u64) {
        if self.run_script() {
            return;
        }
        let next = self.script.borrow().front().map_or(u64::MAX, |(at, _)| *at);
        self.now.set(self.now.get().max(until_us.min(next)));
        self.run_script();
    }

    fn console_read(&self) -> Option<u8> {
        self.console_in.borrow_mut().pop_front()
    }

    fn console_write(&self, bytes: &[u8]) {
        self.console_out.borrow_mut().extend_from_slice(bytes);
    }

    fn air_read(&self) -> Option<u8> {
        self.air_in.borrow_mut().pop_front()
    }

    fn air_write(&self, bytes: &[u8]) {
        if let Some(bare) = self.bare_air.get() {
            let back = if bare == BareAir::WiredToItself { bytes } else { &[] };
            self.air_in.borrow_mut().extend(back);
            return;
        }
        for &byte in bytes {
            let body = match self.collector.borrow_mut().push(byte) {
                Some(Collected::Frame(body)) => body.to_vec(),
                Some(Collected::Garbage) => panic!("the reader sent garbage"),
                None => continue,
            };
            let message = Message::decode(&body).expect("the reader sends messages");
            self.frames.set(self.frames.get() + 1);
            let air = self.air.borrow_mut().take();
            if let Some(mut air) = air {
                let back = air(self, message);
                self.air_in.borrow_mut().extend(back);
                self.air.borrow_mut().get_or_insert(air);
            }
        }
    }

    fn has_uplink_port(&self) -> bool {
        true
    }

    fn nvm_size(&self) -> usize {
        self.nvm.borrow().len()
    }

    fn nvm_read(&self, offset: usize, buffer: &mut [u8]) {
        self.nvm_read.set(self.nvm_read.get() + buffer.len());
        buffer.copy_from_slice(&self.nvm.borrow()[offset..offset + buffer.len()]);
    }

    fn nvm_write(&self, offset: usize, bytes: &[u8]) {
        let kept = self.cut.get().map_or(bytes.len(), |left| left.min(bytes.len()));
        self.nvm.borrow_mut()[offset..offset + kept].copy_from_slice(&bytes[..kept]);
        self.cut.set(self.cut.get().map(|left| left - kept));
    }

    fn rtc(&self) -> Option<u64> {
        self.rtc.get()
    }

    fn set_rtc(&self, seconds: u64) {
        self.rtc.set(Some(seconds));
    }

    fn entropy(&self) -> u32 {
        self.entropy.set(self.entropy.get().wrapping_mul(1_664_525).wrapping_add(1_013_904_223));
        self.entropy.get()
    }

    fn image(&self) -> &[u8] {
        &self.image
    }

    fn reset_cause(&self) -> ResetCause {
        ResetCause::Power
    }

    fn reset(&self) {
        self.resets.set(self.resets.get() + 1);
    }

    fn stopped(&self) -> bool {
        self.now.get() >= self.stop_at.get()
    }
}
