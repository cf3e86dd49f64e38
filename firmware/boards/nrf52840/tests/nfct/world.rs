//! A firmware, a host and a reader around the model of the peripheral, in one time.

use super::chip::{Chip, Sent, clocks};
use board_nrf52840::nfct::Nfct;
use emulator::{CardBoard, Relay};
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use validator::reader::{Heard, Medium};
use wire::frame::{Collected, Collector};
use wire::link::{Answer, Front, Note, Order, Report, Request};

/// Between the card's frame and the reader's next one.
const PCD_US: u64 = 500;

/// The board around the peripheral.
struct Desk {
    chip: &'static Chip,
    from_host: RefCell<VecDeque<u8>>,
    to_host: RefCell<Vec<u8>>,
}

impl CardBoard for Desk {
    fn name(&self) -> &'static str {
        "nrf52840"
    }
    fn image(&self) -> &[u8] {
        &[]
    }
    fn now_us(&self) -> u64 {
        self.chip.now() * 100 / 1356
    }
    fn sleep(&self, _until_us: u64) {
        unreachable!("the world lets time pass")
    }
    fn link_read(&self) -> Option<u8> {
        self.from_host.borrow_mut().pop_front()
    }
    fn link_write(&self, bytes: &[u8]) {
        self.to_host.borrow_mut().extend(bytes);
    }
    fn air_read(&self) -> Option<u8> {
        None
    }
    fn air_write(&self, _bytes: &[u8]) {
        panic!("this board has no UART for the air")
    }
}

/// What the host answers to a command.
pub(crate) type Mind = Rc<dyn Fn(&[u8]) -> Answer>;

/// The world.
pub(crate) struct World {
    pub(crate) chip: &'static Chip,
    desk: Desk,
    relay: Relay<Nfct<&'static Chip>>,
    orders: Collector<{ wire::link::MAX_PACKED }>,
    notes: Collector<{ wire::link::MAX_PACKED }>,
    /// From an interrupt to what the firmware does about it.
    pub(crate) latency: u64,
    /// From a command to the host's answer.
    pub(crate) thinking: u64,
    mind: Mind,
    answer: Option<(u64, Request)>,
    order: u16,
    wake: Option<u64>,
    deadline: u64,
    /// All that the host was told.
    pub(crate) told: Vec<Note>,
    /// All that the reader heard: frame delay in clocks, and bytes.
    pub(crate) heard: Vec<(u64, Vec<u8>)>,
}

impl World {
    pub(crate) fn new(mind: Mind) -> Self {
        // A test makes few of them, and the peripheral of a chip lives as long as the chip.
        let chip: &'static Chip = Box::leak(Box::new(Chip::new()));
        let desk = Desk { chip, from_host: RefCell::default(), to_host: RefCell::default() };
        let relay = Relay::start(&desk, Nfct::new(chip));
        let mut world = Self {
            chip,
            desk,
            relay,
            orders: Collector::new(),
            notes: Collector::new(),
            latency: clocks(20),
            thinking: clocks(2000),
            mind,
            answer: None,
            order: 0,
            wake: None,
            deadline: u64::MAX,
            told: Vec::new(),
            heard: Vec::new(),
        };
        world.run();
        world
    }

    /// With this card in the field of a reader that is on.
    pub(crate) fn with(front: Front, mind: Mind) -> Self {
        let mut world = Self::new(mind);
        world.chip.set_field(true);
        world.ask(Request::Configure(front));
        world.ask(Request::Present);
        world.pass(clocks(6000));
        world
    }

    /// An order of the host.
    pub(crate) fn ask(&mut self, request: Request) {
        self.order += 1;
        let packed = wire::link::encode(&Order { number: self.order, request }).expect("fits");
        self.desk.from_host.borrow_mut().extend(packed);
        self.run();
    }

    /// What the host was told last.
    pub(crate) fn reports(&self) -> impl DoubleEndedIterator<Item = &Report> {
        self.told.iter().map(|note| &note.report)
    }

    pub(crate) fn traffic(&self) -> Option<wire::link::Traffic> {
        self.reports().rev().find_map(|report| match report {
            Report::Removed(traffic) => Some(*traffic),
            _ => None,
        })
    }

    /// The firmware, until it sleeps.
    fn run(&mut self) {
        self.wake = None;
        loop {
            self.relay.hear(&self.desk);
            let Some(byte) = self.desk.link_read() else { break };
            if let Some(Collected::Frame(body)) = self.orders.push(byte) {
                self.relay.link(&self.desk, body);
            }
        }
        let deadline = self.relay.serve(&self.desk);
        self.deadline = clocks(deadline);
        for byte in self.desk.to_host.take() {
            if let Some(Collected::Frame(body)) = self.notes.push(byte) {
                let note: Note = wire::link::decode(body).expect("a note");
                if let Report::Command { number, command } = &note.report {
                    let request = Request::Answer { command: *number, answer: (self.mind)(command) };
                    self.answer = Some((self.chip.now() + self.thinking, request));
                }
                self.told.push(note);
            }
        }
    }

    /// Lets time pass, at least so many clocks.
    pub(crate) fn pass(&mut self, time: u64) {
        self.until(self.chip.now() + time, |_| false);
    }

    /// Lets time pass until then, or until `enough`.
    fn until(&mut self, until: u64, enough: impl Fn(&Self) -> bool) {
        loop {
            if self.wake.is_none() && self.chip.interrupts() {
                self.wake = Some(self.chip.now() + self.latency);
            }
            let thought = self.answer.as_ref().map(|(at, _)| *at);
            let due = [self.wake, thought].into_iter().flatten().min().unwrap_or(u64::MAX).min(self.deadline);
            if due > until.min(self.chip.next()) {
                if enough(self) || self.chip.now() >= until {
                    return;
                }
                self.chip.advance(until.min(self.chip.next()));
                continue;
            }
            self.chip.advance(due);
            if let Some((_, request)) = self.answer.take_if(|(at, _)| *at <= due) {
                self.ask(request);
            } else {
                self.run();
            }
        }
    }

    /// Sends a frame. What came back that began within `limit`.
    pub(crate) fn exchange(&mut self, frame: Sent<'_>, limit: u64) -> Option<(u64, Vec<u8>)> {
        self.pass(clocks(PCD_US));
        // A reader does not speak while it hears a subcarrier.
        while let Some(end) = self.chip.sending_until() {
            self.until(end, |_| false);
        }
        while self.chip.answer().is_some() {}
        self.chip.begin(frame);
        let end = self.chip.now() + frame.duration();
        self.until(end, |_| false);
        self.chip.end(frame);
        let end = self.chip.now();
        let found = Cell::new(false);
        self.until(end + limit, |world| {
            found.set(world.chip.sending_until().is_some());
            found.get()
        });
        while let Some(end) = self.chip.sending_until() {
            self.until(end, |_| false);
        }
        let answer = self.chip.answer()?;
        // A frame that began before the reader's ended is noise.
        let heard = (answer.start.checked_sub(end)?, answer.bytes);
        (heard.0 <= limit).then(|| {
            self.heard.push(heard.clone());
            heard
        })
    }

    /// Nothing happened that a chip would not have done, and nobody spoke while another did.
    pub(crate) fn is_sound(&self) {
        assert_eq!(self.chip.violations(), [""; 0]);
        assert_eq!(self.chip.collisions(), 0);
    }
}

/// The reader's end.
pub(crate) struct Antenna(pub(crate) Rc<RefCell<World>>);

impl Medium for Antenna {
    fn field(&mut self, on: bool) {
        self.0.borrow().chip.set_field(on);
    }

    fn short(&mut self, bits: u8, limit_us: u32, answer: &mut validator::reader::medium::Frame) -> Heard {
        heard(self.0.borrow_mut().exchange(Sent::Short(bits), clocks(limit_us.into())), answer)
    }

    fn command(&mut self, bytes: &[u8], limit_us: u32, answer: &mut validator::reader::medium::Frame) -> Heard {
        heard(self.0.borrow_mut().exchange(Sent::Bytes(bytes), clocks(limit_us.into())), answer)
    }

    fn pause(&mut self, us: u32) {
        self.0.borrow_mut().pass(clocks(us.into()));
    }

    fn listen(&mut self) -> bool {
        false
    }

    fn load(&self) -> Option<bool> {
        None
    }

    fn deaths(&mut self) -> u32 {
        0
    }
}

fn heard(got: Option<(u64, Vec<u8>)>, answer: &mut validator::reader::medium::Frame) -> Heard {
    answer.clear();
    let Some((delay, bytes)) = got else { return Heard::Silence };
    answer.extend_from_slice(&bytes).expect("fits");
    Heard::Answer { delay_us: (delay * 100 / 1356) as u32 }
}
