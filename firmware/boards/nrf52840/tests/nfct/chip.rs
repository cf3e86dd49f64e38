//! A model of the NFCT peripheral at its registers, from the nRF52840 Product Specification and its errata. Time is counted
//! in clocks of the carrier.
//!
//! What the chip would not do, or what nobody knows that it does, is kept as a violation: a test fails that has one.
//! The model takes the state machine of anticollision from the crate `emulator`, and its card from the registers.

use board_nrf52840::nfct::registers::*;
use emulator::activation::{Activation, Heard};
use emulator::card::Stage;
use emulator::with_crc;
use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicU8, Ordering};
use wire::crc::crc_a_ok;
use wire::link::{Company, Front};

/// Carrier clocks of one etu.
const ETU: u64 = 128;
/// Between SENSE or the field, and FIELDDETECTED.
const DETECTION: u64 = 1356;
/// Between ACTIVATE and the first frame that is heard.
const RAMP_UP: u64 = 700;
/// What reading or writing a register takes, unless a test makes the board slower.
const ACCESS: u64 = 2;
const RAM: std::ops::Range<u32> = 0x2000_0000..0x2004_0000;
const TRANSMIT: u32 = 0x2000_1000;
const RECEIVE: u32 = 0x2000_2000;
const SLEEPSTATE: Register = Register(0x420);

/// Carrier clocks in so many us, rounded up.
pub(crate) fn clocks(us: u64) -> u64 {
    us.saturating_mul(1356).div_ceil(100)
}

/// A frame of the reader.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Sent<'a> {
    Short(u8),
    Bytes(&'a [u8]),
}

impl Sent<'_> {
    /// How long it is on the air.
    pub(crate) fn duration(self) -> u64 {
        match self {
            Self::Short(_) => 9 * ETU,
            Self::Bytes(bytes) => bytes_last(bytes.len()),
        }
    }

    /// From its end to the start of the frame delay timer: it depends on the last bit, which is a parity bit after a byte.
    fn before_timer(self) -> u64 {
        let one = match self {
            Self::Short(bits) => bits & 0x40 != 0,
            Self::Bytes(bytes) => bytes.last().is_some_and(|byte| byte.count_ones() % 2 == 0),
        };
        if one { 84 } else { 20 }
    }
}

fn bytes_last(bytes: usize) -> u64 {
    (bytes as u64 * 9 + 2) * ETU
}

/// A frame of the card.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) start: u64,
    pub(crate) end: u64,
    pub(crate) bytes: Vec<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Power {
    Disabled,
    Sense,
    Active { ready_at: u64 },
}

#[derive(Debug)]
struct Outgoing {
    start: u64,
    /// The peripheral's own frame. `None`: the buffer's, which EasyDMA reads when it starts.
    own: Option<Vec<u8>>,
    on_air: Option<Answer>,
    /// It is the last SAK.
    selects: bool,
}

#[derive(Debug)]
struct Inner {
    now: u64,
    registers: BTreeMap<u16, u32>,
    power: Power,
    field: bool,
    detect_at: Option<u64>,
    detected_at: Option<u64>,
    card: Activation,
    front: Option<Front>,
    /// Buffer and size of ENABLERXDATA.
    receive: Option<(u32, usize)>,
    /// When the frame delay timer read 0.
    timer: Option<u64>,
    /// It has ended.
    expired: bool,
    access: u64,
    out: Option<Outgoing>,
    reader_from: u64,
    reader_until: u64,
    answers: VecDeque<Answer>,
    violations: Vec<String>,
    lost: u32,
    received_at: u64,
    collisions: u32,
}

/// The peripheral.
#[derive(Debug)]
pub(crate) struct Chip {
    inner: RefCell<Inner>,
    transmit: [AtomicU8; LONGEST_FRAME],
    receive: [AtomicU8; LONGEST_FRAME],
}

impl Chip {
    pub(crate) fn new() -> Self {
        let reset = [
            (FRAMEDELAYMIN, 0x480),
            (FRAMEDELAYMAX, 0x1000),
            (FRAMEDELAYMODE, mode::WINDOW),
            (TXD_FRAMECONFIG, 0x17),
            (RXD_FRAMECONFIG, 0x15),
            (AUTOCOLRESCONFIG, 2),
            (SENSRES, 1),
        ];
        let inner = Inner {
            now: 0,
            registers: reset.into_iter().map(|(register, value)| (register.0, value)).collect(),
            power: Power::Disabled,
            field: false,
            detect_at: None,
            detected_at: None,
            card: Activation::default(),
            front: None,
            receive: None,
            timer: None,
            expired: false,
            access: ACCESS,
            out: None,
            reader_from: 0,
            reader_until: 0,
            answers: VecDeque::new(),
            violations: Vec::new(),
            lost: 0,
            received_at: 0,
            collisions: 0,
        };
        let zeros = || std::array::from_fn(|_| AtomicU8::new(0));
        Self { inner: RefCell::new(inner), transmit: zeros(), receive: zeros() }
    }

    pub(crate) fn now(&self) -> u64 {
        self.inner.borrow().now
    }

    /// Makes each access to a register take so many clocks.
    pub(crate) fn slow_down(&self, access: u64) {
        self.inner.borrow_mut().access = access;
    }

    /// What the chip would not have done.
    pub(crate) fn violations(&self) -> Vec<String> {
        self.inner.borrow().violations.clone()
    }

    /// Frames of the reader that came while the firmware had not asked for one.
    pub(crate) fn lost(&self) -> u32 {
        self.inner.borrow().lost
    }

    /// Frames of the card that began while the reader sent.
    pub(crate) fn collisions(&self) -> u32 {
        self.inner.borrow().collisions
    }

    /// The interrupt is raised.
    pub(crate) fn interrupts(&self) -> bool {
        let inner = self.inner.borrow();
        event::ALL
            .into_iter()
            .any(|event| inner.get(event) != 0 && inner.get(INTENSET) & 1 << ((event.0 - 0x100) / 4) != 0)
    }

    pub(crate) fn answer(&self) -> Option<Answer> {
        self.inner.borrow_mut().answers.pop_front()
    }

    /// When the card's frame that is on the air ends.
    pub(crate) fn sending_until(&self) -> Option<u64> {
        self.inner.borrow().out.as_ref()?.on_air.as_ref().map(|answer| answer.end)
    }

    /// When something will happen by itself.
    pub(crate) fn next(&self) -> u64 {
        self.inner.borrow().next()
    }

    /// Lets time pass.
    pub(crate) fn advance(&self, to: u64) {
        let mut inner = self.inner.borrow_mut();
        loop {
            let at = inner.next();
            if at > to {
                break;
            }
            inner.now = inner.now.max(at);
            inner.happen(&self.transmit);
        }
        inner.now = inner.now.max(to);
    }

    pub(crate) fn set_field(&self, on: bool) {
        let mut inner = self.inner.borrow_mut();
        if std::mem::replace(&mut inner.field, on) == on {
            return;
        }
        match inner.power {
            Power::Sense if on => inner.detect_at = Some(inner.now + DETECTION),
            Power::Active { .. } if !on => inner.set(event::FIELDLOST, 1),
            _ => {}
        }
        if !on {
            // The carrier is the clock of all frames.
            inner.detect_at = None;
            inner.out = None;
            inner.timer = None;
            inner.card = Activation::default();
        }
    }

    /// The reader begins a frame.
    pub(crate) fn begin(&self, frame: Sent<'_>) {
        let mut inner = self.inner.borrow_mut();
        inner.reader_from = inner.now;
        inner.reader_until = inner.now + frame.duration();
    }

    /// The reader's frame is over.
    pub(crate) fn end(&self, frame: Sent<'_>) {
        let mut inner = self.inner.borrow_mut();
        if !inner.field || !matches!(inner.power, Power::Active { ready_at } if inner.reader_from >= ready_at) {
            return;
        }
        let zero = inner.now + frame.before_timer();
        let automatic = inner.get(AUTOCOLRESCONFIG) & 1 == 0;
        if automatic && inner.card.stage() != Stage::Selected {
            inner.answer_by_itself(frame, zero);
            return;
        }
        if let (true, Sent::Bytes(bytes), Some(front)) = (automatic, frame, inner.front.clone())
            && crc_a_ok(bytes)
            && bytes.starts_with(&[0x50, 0x00])
        {
            inner.card.command(&front, bytes);
            inner.set(SLEEPSTATE, 1);
        }
        inner.receive(frame, zero, &self.receive);
    }
}

impl Inner {
    fn get(&self, register: Register) -> u32 {
        self.registers.get(&register.0).copied().unwrap_or(0)
    }

    fn set(&mut self, register: Register, value: u32) {
        self.registers.insert(register.0, value);
    }

    fn violate(&mut self, what: &str) {
        self.violations.push(format!("{} us: {what}", self.now * 100 / 1356));
    }

    fn next(&self) -> u64 {
        let out = self.out.as_ref().map(|out| out.on_air.as_ref().map_or(out.start, |answer| answer.end));
        let timeout = self.timer.filter(|_| self.out.is_none()).map(|zero| zero + u64::from(self.get(FRAMEDELAYMAX)));
        [out, timeout, self.detect_at].into_iter().flatten().min().unwrap_or(u64::MAX)
    }

    /// Does what is due now.
    fn happen(&mut self, transmit: &[AtomicU8]) {
        if self.detect_at.is_some_and(|at| at <= self.now) {
            self.detect_at = None;
            self.detected_at = Some(self.now);
            self.set(event::FIELDDETECTED, 1);
            return;
        }
        let Some(mut out) = self.out.take() else {
            self.timed_out();
            return;
        };
        if let Some(answer) = out.on_air {
            self.set(event::TXFRAMEEND, 1);
            if out.selects {
                self.set(event::SELECTED, 1);
            }
            self.timer = None;
            self.answers.push_back(answer);
            return;
        }
        if self.now < self.reader_until {
            self.collisions += 1;
        }
        let bytes = match out.own.take() {
            Some(bytes) => bytes,
            None => self.assemble(transmit),
        };
        self.set(event::TXFRAMESTART, 1);
        out.on_air = Some(Answer { start: out.start, end: out.start + bytes_last(bytes.len()), bytes });
        self.out = Some(out);
    }

    fn timed_out(&mut self) {
        (self.timer, self.expired) = (None, true);
        let status = self.get(ERRORSTATUS);
        self.set(ERRORSTATUS, status | FRAMEDELAYTIMEOUT);
        self.set(event::ERROR, 1);
    }

    /// The frame that EasyDMA reads from RAM.
    fn assemble(&mut self, transmit: &[AtomicU8]) -> Vec<u8> {
        let (amount, size, config) = (self.get(TXD_AMOUNT), self.get(MAXLEN) as usize, self.get(TXD_FRAMECONFIG));
        let bytes = (amount >> 3) as usize;
        if amount & 7 != 0 || bytes == 0 || bytes > size || size > LONGEST_FRAME {
            self.violate(&format!("{amount:03X} bits of a buffer of {size} bytes are sent"));
        }
        if config & 0b101 != 0b101 {
            self.violate("a frame without parity or start of frame");
        }
        if self.get(PACKETPTR) != TRANSMIT {
            self.violate("EasyDMA sends what is not the transmit buffer");
        }
        let body: Vec<u8> = transmit.iter().take(bytes).map(|byte| byte.load(Ordering::Relaxed)).collect();
        if config & 0x10 != 0 { with_crc(&body).to_vec() } else { body }
    }

    /// Anticollision.
    fn answer_by_itself(&mut self, frame: Sent<'_>, zero: u64) {
        let Some(front) = self.front.clone() else { return };
        // The frame goes nowhere, but the events come.
        self.set(event::RXFRAMEEND, 1);
        let heard = match frame {
            Sent::Short(bits) => self.card.short(&front, bits),
            Sent::Bytes(bytes) => self.card.command(&front, bytes),
        };
        let (Heard::Answer(bytes) | Heard::Shared(bytes)) = heard else { return };
        for (register, wanted) in [
            (FRAMEDELAYMAX, 0x1000),
            (FRAMEDELAYMIN, 0x480),
            (FRAMEDELAYMODE, mode::WINDOW_GRID),
            (TXD_FRAMECONFIG, 0x17),
        ] {
            let value = self.get(register);
            if value != wanted {
                self.violate(&format!("anticollision with {value:X} in {register:X?}"));
            }
        }
        let selects = self.card.stage() == Stage::Selected;
        self.out = Some(Outgoing { start: zero + 0x480, own: Some(bytes.to_vec()), on_air: None, selects });
    }

    fn receive(&mut self, frame: Sent<'_>, zero: u64, memory: &[AtomicU8]) {
        let Some((_, size)) = self.receive.take() else {
            self.lost += 1;
            return;
        };
        let bytes = match frame {
            Sent::Short(_) => &[][..],
            Sent::Bytes(bytes) => bytes,
        };
        for (place, byte) in memory.iter().zip(bytes).take(size) {
            place.store(*byte, Ordering::Relaxed);
        }
        let status = u32::from(!crc_a_ok(bytes)) | u32::from(bytes.len() > size) << 3;
        self.set(FRAMESTATUS_RX, status);
        self.set(RXD_AMOUNT, (bytes.len().min(size) as u32) << 3 | if bytes.is_empty() { 7 } else { 0 });
        if status != 0 {
            self.set(event::RXERROR, 1);
        }
        self.set(event::RXFRAMEEND, 1);
        self.received_at = self.now;
        (self.timer, self.expired) = (Some(zero), false);
    }

    fn reaches(&mut self, address: u32) {
        if !RAM.contains(&address) {
            self.violate(&format!("EasyDMA does not reach {address:08X}"));
        }
    }

    fn start(&mut self) {
        if !matches!(self.power, Power::Active { .. }) || !self.field {
            self.violate("a transmission without a field");
            return;
        }
        if self.out.is_some() {
            self.violate("a transmission before the end of the one before");
            return;
        }
        let address = self.get(PACKETPTR);
        self.reaches(address);
        let mode = self.get(FRAMEDELAYMODE);
        let start = if mode == mode::FREE_RUN {
            self.now + 20
        } else {
            let Some(zero) = self.timer else {
                if self.expired {
                    self.timed_out();
                    return;
                }
                self.violate("a transmission at a time after a frame, and there was no frame");
                return;
            };
            let (min, max) = (u64::from(self.get(FRAMEDELAYMIN)), zero + u64::from(self.get(FRAMEDELAYMAX)));
            let start = match mode {
                mode::WINDOW => self.now.max(zero + min),
                mode::EXACT_VAL => max.max(self.now),
                _ => zero + min.max(self.now.saturating_sub(zero)).div_ceil(128) * 128,
            };
            if start > max {
                self.timed_out();
                return;
            }
            start
        };
        self.out = Some(Outgoing { start, own: None, on_air: None, selects: false });
        // It sends, or waits for the time to: it hears nothing until it is told to again.
        self.receive = None;
    }

    fn task(&mut self, task: Register) {
        match task {
            task::SENSE => {
                (self.power, self.detected_at) = (Power::Sense, None);
                (self.out, self.receive, self.timer) = (None, None, None);
                self.detect_at = self.field.then_some(self.now + DETECTION);
            }
            task::DISABLE => {
                self.power = Power::Disabled;
                (self.out, self.receive, self.timer, self.detect_at) = (None, None, None, None);
            }
            task::ACTIVATE => {
                if self.detected_at.is_none_or(|at| at + clocks(1000) > self.now) {
                    self.violate("ACTIVATE less than 1 ms after FIELDDETECTED: anomaly 190");
                }
                self.power = Power::Active { ready_at: self.now + RAMP_UP };
                self.card = Activation::default();
                self.front = Some(self.played());
                if !self.field {
                    self.set(event::FIELDLOST, 1);
                }
            }
            task::STARTTX => self.start(),
            task::STOPTX => {
                if self.out.as_ref().is_some_and(|out| out.on_air.is_none() && out.own.is_none()) {
                    self.out = None;
                }
            }
            task::ENABLERXDATA => {
                let (address, size) = (self.get(PACKETPTR), self.get(MAXLEN) as usize);
                self.reaches(address);
                if RAM.contains(&address) && address != RECEIVE {
                    self.violate("EasyDMA receives into what is not the receive buffer");
                }
                if !matches!(self.power, Power::Active { .. }) {
                    self.violate("reception before activation");
                }
                // What then becomes of the frame delay timer is written nowhere.
                (self.receive, self.timer, self.expired) = (Some((address, size)), None, false);
            }
            task::GOIDLE | task::GOSLEEP => {
                self.card = Activation::default();
                if task == task::GOSLEEP {
                    self.card.halt();
                }
                self.set(SLEEPSTATE, u32::from(task == task::GOSLEEP));
                (self.receive, self.timer) = (None, None);
                if self.out.is_some() {
                    self.violate("a change of state while a frame goes out");
                }
            }
            other => self.violate(&format!("unknown task {other:X?}")),
        }
    }

    /// The card that the registers describe.
    fn played(&mut self) -> Front {
        let atqa = self.get(SENSRES);
        let length = match atqa >> 6 & 0b11 {
            0 => 4,
            1 => 7,
            2 => 10,
            _ => {
                self.violate("a UID of reserved length");
                4
            }
        };
        let parts = [self.get(NFCID1_THIRD_LAST), self.get(NFCID1_SECOND_LAST)];
        let uid: Vec<u8> = parts
            .into_iter()
            .flat_map(|part| part.to_be_bytes()[1..].to_vec())
            .chain(self.get(NFCID1_LAST).to_be_bytes())
            .collect();
        Front {
            uid: uid[10 - length..].try_into().expect("fits"),
            atqa: [atqa as u8, (atqa >> 8) as u8],
            sak: self.get(SELRES) as u8 & !0x04,
            ats: heapless::Vec::new(),
            company: Company::Alone,
            delay_us: 0,
            chain: 0,
        }
    }
}

impl Peripheral for &Chip {
    fn read(&self, register: Register) -> u32 {
        let now = self.now() + self.inner.borrow().access;
        self.advance(now);
        let inner = self.inner.borrow();
        match register {
            FIELDPRESENT if inner.field && inner.power != Power::Disabled => 0b11,
            FIELDPRESENT => 0,
            NFCTAGSTATE if inner.receive.is_some() && (inner.reader_from..inner.reader_until).contains(&inner.now) => {
                RECEIVING
            }
            NFCTAGSTATE => 0,
            _ => inner.get(register),
        }
    }

    fn write(&self, register: Register, value: u32) {
        let now = self.now() + self.inner.borrow().access;
        self.advance(now);
        let mut inner = self.inner.borrow_mut();
        match register {
            Register(0x000..0x100) => inner.task(register),
            Register(0x100..0x200) if value != 0 => inner.violate("an event is made by hand"),
            INTENCLR => {
                let enabled = inner.get(INTENSET);
                inner.set(INTENSET, enabled & !value);
            }
            INTENSET => {
                let enabled = inner.get(INTENSET);
                inner.set(INTENSET, enabled | value);
            }
            ERRORSTATUS | FRAMESTATUS_RX => {
                let status = inner.get(register);
                inner.set(register, status & !value);
            }
            NFCID1_LAST | NFCID1_SECOND_LAST | NFCID1_THIRD_LAST | SENSRES | SELRES
                if inner.power != Power::Disabled =>
            {
                inner.violate("another card while the peripheral is on");
            }
            FRAMEDELAYMIN if value > 0xFFFF => inner.violate("FRAMEDELAYMIN has 16 bits"),
            FRAMEDELAYMAX if value > 0xF_FFFF => inner.violate("FRAMEDELAYMAX has 20 bits"),
            MAXLEN if value > 257 => inner.violate("MAXLEN is at most 257"),
            SELRES if value & 0x04 != 0 => inner.violate("the cascade bit is the peripheral's"),
            _ => inner.set(register, value),
        }
    }

    fn transmit_buffer(&self) -> Buffer<'_> {
        Buffer { address: TRANSMIT, bytes: &self.transmit }
    }

    fn receive_buffer(&self) -> Buffer<'_> {
        Buffer { address: RECEIVE, bytes: &self.receive }
    }

    fn received_us(&self, _now_us: u64) -> u64 {
        self.inner.borrow().received_at * 100 / 1356
    }
}
