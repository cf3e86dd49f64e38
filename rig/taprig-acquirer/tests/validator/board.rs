//! A board in memory whose line ends at the host. Time passes only when the firmware sleeps. Power and line can be cut at
//! any byte.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;
use std::time::Duration;

use taprig_acquirer::Host;
use taprig_acquirer::host::Order;
use taprig_model::acquirer::log::{Body, Heard};
use validator::board::{Board, ResetCause};

/// The host's end of the line, which outlives the power of the validator.
pub(crate) struct Desk {
    pub(crate) host: Host,
    pub(crate) heard: Vec<Heard>,
    /// Frames that the host could not read.
    pub(crate) unreadable: u32,
    /// A host that takes the place of the first one when so many messages were heard.
    pub(crate) successor: Option<(usize, Host)>,
}

/// The number of the line, a wire.
const LINE: u64 = 1;

/// Memory of the board.
pub(crate) const SIZE: usize = 65_536;

/// A number of bytes after which something ends, counted down.
#[derive(Debug, Default)]
pub(crate) struct Budget(Cell<Option<usize>>);

impl Budget {
    pub(crate) fn set(&self, bytes: usize) {
        self.0.set(Some(bytes));
    }

    /// How many of these bytes still pass.
    fn take(&self, bytes: usize) -> usize {
        let Some(left) = self.0.get() else { return bytes };
        let passed = left.min(bytes);
        self.0.set(Some(left - passed));
        passed
    }

    fn is_spent(&self) -> bool {
        self.0.get() == Some(0)
    }
}

pub(crate) struct Bench {
    now: Cell<u64>,
    pub(crate) nvm: RefCell<Vec<u8>>,
    /// Bytes that the memory still keeps. After them the power is off.
    pub(crate) power: Budget,
    /// Bytes that still reach the host, and then the validator. The rest of the frame in which it ends is lost.
    pub(crate) to_host: Budget,
    pub(crate) from_host: Budget,
    /// Length of each write to memory.
    pub(crate) writes: RefCell<Vec<usize>>,
    pub(crate) sent: Cell<usize>,
    pub(crate) received: Cell<usize>,
    console_in: RefCell<VecDeque<u8>>,
    console_out: RefCell<Vec<u8>>,
    inbox: RefCell<VecDeque<u8>>,
    /// Answers on their way, by the time at which they arrive.
    coming: RefCell<BTreeMap<(u64, usize), Vec<u8>>>,
    desk: Rc<RefCell<Desk>>,
    /// The firmware ends when its console has said so many works.
    works: usize,
    /// Works that it has said.
    ended: Cell<usize>,
}

impl Desk {
    pub(crate) fn new(host: Host) -> Rc<RefCell<Self>> {
        let mut desk = Self { host, heard: Vec::new(), unreadable: 0, successor: None };
        desk.host.connect_wire(LINE);
        Rc::new(RefCell::new(desk))
    }
}

impl Bench {
    pub(crate) fn new(nvm: Vec<u8>, desk: &Rc<RefCell<Desk>>) -> Self {
        // A host forgets a frame that was cut when the line is silent.
        desk.borrow_mut().host.forget(LINE);
        Self {
            now: Cell::new(0),
            nvm: RefCell::new(nvm),
            power: Budget::default(),
            to_host: Budget::default(),
            from_host: Budget::default(),
            writes: RefCell::default(),
            sent: Cell::new(0),
            received: Cell::new(0),
            console_in: RefCell::default(),
            console_out: RefCell::default(),
            inbox: RefCell::default(),
            coming: RefCell::default(),
            desk: Rc::clone(desk),
            works: 0,
            ended: Cell::new(0),
        }
    }

    /// Runs the firmware until it has done so many works that the commands ask for, or until the power is off. Returns
    /// what the console said about the works and the faults.
    pub(crate) fn run(&mut self, commands: &[&str], works: usize) -> Vec<String> {
        self.works = works;
        for command in commands {
            self.console_in.get_mut().extend(format!("{command}\n").bytes());
        }
        validator::run(self);
        self.said()
    }

    fn said(&self) -> Vec<String> {
        let text = String::from_utf8_lossy(&self.console_out.borrow()).into_owned();
        let about =
            |line: &&str| line.starts_with("! uplink") || line.starts_with("! fault") || line.starts_with("error");
        text.lines().filter(about).map(String::from).collect()
    }

    /// All lines of the console.
    pub(crate) fn console(&self) -> String {
        String::from_utf8_lossy(&self.console_out.borrow()).into_owned()
    }

    fn arrive(&self) {
        let mut coming = self.coming.borrow_mut();
        while let Some(entry) = coming.first_entry()
            && entry.key().0 <= self.now.get()
        {
            let bytes = entry.remove();
            let passed = self.from_host.take(bytes.len());
            self.received.set(self.received.get() + bytes.len());
            if passed < bytes.len() {
                // The next frame comes whole.
                self.from_host.0.set(None);
            }
            self.inbox.borrow_mut().extend(&bytes[..passed]);
        }
    }
}

impl Board for Bench {
    fn name(&self) -> &'static str {
        "bench"
    }

    fn now_us(&self) -> u64 {
        self.now.set(self.now.get() + 1);
        self.now.get()
    }

    fn sleep(&self, until_us: u64) {
        self.arrive();
        if !self.inbox.borrow().is_empty() || !self.console_in.borrow().is_empty() {
            return;
        }
        let next = self.coming.borrow().first_key_value().map_or(u64::MAX, |((at, _), _)| *at);
        self.now.set(self.now.get().max(until_us.min(next)));
        self.arrive();
    }

    fn console_read(&self) -> Option<u8> {
        self.console_in.borrow_mut().pop_front()
    }

    fn console_write(&self, bytes: &[u8]) {
        if bytes.starts_with(b"! uplink") {
            self.ended.set(self.ended.get() + 1);
        }
        self.console_out.borrow_mut().extend_from_slice(bytes);
    }

    // No card side is connected.
    fn air_read(&self) -> Option<u8> {
        None
    }

    fn air_write(&self, _bytes: &[u8]) {}

    fn has_uplink(&self) -> bool {
        true
    }

    fn uplink_read(&self) -> Option<u8> {
        self.inbox.borrow_mut().pop_front()
    }

    fn uplink_write(&self, bytes: &[u8]) {
        self.sent.set(self.sent.get() + bytes.len());
        let passed = self.to_host.take(bytes.len());
        let mut desk = self.desk.borrow_mut();
        let heard = desk.heard.len();
        if let Some((_, mut host)) = desk.successor.take_if(|(after, _)| *after == heard) {
            host.connect_wire(LINE);
            desk.host = host;
        }
        let moment = "2018-05-21T08:09:10".parse().expect("a moment");
        let done = desk.host.hear(LINE, &bytes[..passed], moment);
        if passed < bytes.len() {
            // The rest of the frame is lost, and the line is silent for long enough until the next one.
            self.to_host.0.set(None);
            desk.host.forget(LINE);
        }
        for done in done {
            match done.body {
                Body::Heard(heard) => desk.heard.push(*heard),
                _ => desk.unreadable += 1,
            }
            for order in done.orders {
                match order {
                    Order::Send { bytes, after, .. } => {
                        let at = self.now.get() + micros(after);
                        let mut coming = self.coming.borrow_mut();
                        let number = coming.len();
                        coming.insert((at, number), bytes);
                    }
                    // A wire does not close.
                    Order::Close => {}
                }
            }
        }
    }

    fn nvm_size(&self) -> usize {
        self.nvm.borrow().len()
    }

    fn nvm_read(&self, offset: usize, buffer: &mut [u8]) {
        buffer.copy_from_slice(&self.nvm.borrow()[offset..offset + buffer.len()]);
    }

    fn nvm_write(&self, offset: usize, bytes: &[u8]) {
        self.writes.borrow_mut().push(bytes.len());
        let kept = self.power.take(bytes.len());
        self.nvm.borrow_mut()[offset..offset + kept].copy_from_slice(&bytes[..kept]);
    }

    fn rtc(&self) -> Option<u64> {
        // 2018-05-21T08:00:00
        Some(1_526_889_600 + self.now.get() / 1_000_000)
    }

    fn set_rtc(&self, _seconds: u64) {}

    fn entropy(&self) -> u32 {
        0x1234_5678
    }

    fn image(&self) -> &[u8] {
        &[]
    }

    fn reset_cause(&self) -> ResetCause {
        ResetCause::Power
    }

    fn reset(&self) {}

    fn stopped(&self) -> bool {
        self.power.is_spent() || self.now.get() > 3_600_000_000 || self.ended.get() >= self.works
    }
}

fn micros(time: Duration) -> u64 {
    // A byte of an answer is on its way for at least a moment.
    u64::try_from(time.as_micros()).expect("a time of a test").max(1)
}
