//! A board in memory whose line ends at the host. Time passes when the firmware sleeps or reads its memory. Power can be cut
//! in any write, and the line at any byte.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;
use std::time::Duration;

use taprig_acquirer::Host;
use taprig_acquirer::host::Order;
use taprig_model::acquirer::log::{Body, Heard};
use validator::board::{Board, ResetCause};

use super::memory::Chip;
use super::play::{Do, Play};
use super::riders::CardSide;

/// The host's end of the line, which outlives the power of the validator.
#[derive(Clone)]
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
}

pub(crate) struct Bench {
    now: Cell<u64>,
    pub(crate) nvm: Chip,
    /// Bytes that still reach the host, and then the validator. The rest of the frame in which it ends is lost.
    pub(crate) to_host: Budget,
    pub(crate) from_host: Budget,
    pub(crate) sent: Cell<usize>,
    pub(crate) received: Cell<usize>,
    /// The byte from the host, counted from the first one, in which these bits are altered.
    pub(crate) spoilt: Cell<Option<(usize, u8)>>,
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
    /// Who stands before the validator. Nobody does in tests without cards.
    street: Option<Street>,
    /// Seconds since 1970 when the power came on.
    since_s: u64,
}

/// Riders and crew, and the card side that holds the riders' cards to the reader.
struct Street {
    play: RefCell<Play>,
    side: CardSide,
    /// The line of the console that is not whole yet.
    line: RefCell<Vec<u8>>,
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
            nvm: Chip::new(nvm),
            to_host: Budget::default(),
            from_host: Budget::default(),
            sent: Cell::new(0),
            received: Cell::new(0),
            spoilt: Cell::new(None),
            console_in: RefCell::default(),
            console_out: RefCell::default(),
            inbox: RefCell::default(),
            coming: RefCell::default(),
            desk: Rc::clone(desk),
            works: 0,
            ended: Cell::new(0),
            street: None,
            // 2018-05-21T08:00:00
            since_s: 1_526_889_600,
        }
    }

    /// A bench before which this play goes on, so many us after it began.
    pub(crate) fn with_street(nvm: Chip, desk: &Rc<RefCell<Desk>>, play: Play, after_us: u64) -> Self {
        let mut bench = Self::new(Vec::new(), desk);
        bench.nvm = nvm;
        bench.since_s += after_us / 1_000_000;
        bench.street = Some(Street { play: RefCell::new(play), side: CardSide::new(), line: RefCell::default() });
        bench
    }

    /// What is left when the power is off: the memory, the play, and the time that has passed in us.
    pub(crate) fn off(self) -> Option<(Chip, Play, u64)> {
        Some((self.nvm, self.street?.play.into_inner(), self.now.get()))
    }

    /// Whether the firmware stopped although the play is not over.
    pub(crate) fn is_stuck(&self) -> bool {
        self.street.as_ref().is_some_and(|street| !street.play.borrow().is_over())
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
        let text = self.console();
        let about =
            |line: &&str| line.starts_with("! uplink") || line.starts_with("! fault") || line.starts_with("error");
        text.lines().filter(about).map(String::from).collect()
    }

    /// All lines of the console.
    pub(crate) fn console(&self) -> String {
        String::from_utf8_lossy(&self.console_out.borrow()).into_owned()
    }

    /// The people hear a line of the console, and do what follows from it.
    fn hear(&self, street: &Street, line: &str) {
        let before = street.play.borrow().at();
        let todo = street.play.borrow_mut().hear(line, self.now.get());
        if street.play.borrow().at() > before {
            self.nvm.mark();
        }
        for what in todo {
            match what {
                Do::Type(text) => self.console_in.borrow_mut().extend(format!("{text}\n").bytes()),
                Do::Present(rider) => {
                    let front = street.play.borrow().riders[rider].card.front();
                    street.side.present(&front, self.now.get());
                }
                Do::Remove => street.side.remove(self.now.get()),
            }
        }
    }

    fn arrive(&self) {
        let mut coming = self.coming.borrow_mut();
        while let Some(entry) = coming.first_entry()
            && entry.key().0 <= self.now.get()
        {
            let mut bytes = entry.remove();
            if let Some((at, bits)) = self.spoilt.get()
                && let Some(byte) = at.checked_sub(self.received.get()).and_then(|at| bytes.get_mut(at))
            {
                *byte ^= bits;
            }
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
        let at_the_reader = self.street.as_ref().is_some_and(|street| street.side.has_arrived());
        if at_the_reader || !self.inbox.borrow().is_empty() || !self.console_in.borrow().is_empty() {
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
        let Some(street) = &self.street else { return };
        for &byte in bytes {
            if byte != b'\n' {
                street.line.borrow_mut().push(byte);
                continue;
            }
            let line = String::from_utf8(street.line.take()).expect("the console is text");
            self.hear(street, line.trim_end());
        }
    }

    // Without a street no card side is connected.
    fn air_read(&self) -> Option<u8> {
        self.street.as_ref()?.side.read()
    }

    fn air_write(&self, bytes: &[u8]) {
        if let Some(street) = &self.street {
            street.side.hear(bytes, self.now.get(), |command| street.play.borrow_mut().answer(command));
        }
    }

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
        self.nvm.size()
    }

    fn nvm_read(&self, offset: usize, buffer: &mut [u8]) {
        // As a ferroelectric memory on a bus of 8 MHz: so the time until the device is ready depends on what it reads.
        self.now.set(self.now.get() + buffer.len() as u64);
        self.nvm.read(offset, buffer);
    }

    fn nvm_write(&self, offset: usize, bytes: &[u8]) {
        let act = self.street.as_ref().map_or(0, |street| street.play.borrow().at());
        self.nvm.write(offset, bytes, act);
    }

    fn rtc(&self) -> Option<u64> {
        Some(self.since_s + self.now.get() / 1_000_000)
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
        let over = match &self.street {
            Some(street) => street.play.borrow().is_over(),
            None => self.ended.get() >= self.works,
        };
        over || self.now.get() > 3_600_000_000
    }
}

fn micros(time: Duration) -> u64 {
    // A byte of an answer is on its way for at least a moment.
    u64::try_from(time.as_micros()).expect("a time of a test").max(1)
}
