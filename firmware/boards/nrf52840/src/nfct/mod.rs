//! The air through the nRF52840's NFCT, a front end for cards of type A.
//!
//! The peripheral answers anticollision by itself. The firmware gets the frames from RATS on, and answers each by
//! a frame at a time that the peripheral keeps, or by listening again.
//!
//! ```text
//!   off --present--> sensing --field--> settling --1 ms--> validating --1 ms--> on
//!                       ^                                                        |
//!                       +------------------------ field lost --------------------+
//!   on:  idle --SELECTED--> selected --ATS--> blocks --S(DESELECT)--> halted --SELECTED--> ..
//! ```
//!
//! Two anomalies of the chip matter. Number 190: FIELDDETECTED may come too early, so the peripheral is activated 1 ms later, and
//! the field is looked at once more after another ms. Number 218: FRAMEDELAYMAX has its value from reset while the
//! peripheral answers by itself.

mod delay;
pub mod registers;

use core::sync::atomic::{Ordering, fence};
use delay::Start;
use emulator::air::{Air, FromAir, Heard, Outgoing};
use emulator::card::{OnAir, Stage};
use emulator::{CardBoard, with_crc};
use registers::{Peripheral, Register, event, mode, task};
use wire::crc::crc_a_ok;
use wire::link::{self, Company, Front, Refusal};

/// Time between the field and ACTIVATE, and between ACTIVATE and the second look at the field, in us.
const SETTLING_US: u64 = 1000;

/// How much time S(WTX) asks for. The host is at a serial line: it takes milliseconds, and seconds if it has other work.
const EXTENSION_US: u64 = 300_000;

/// FRAMEDELAYMAX from reset.
const DEFAULT_MAX: u32 = 0x1000;

/// How far the peripheral is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Power {
    Off,
    Sensing,
    /// There is a field. Activated at this time, on the board's clock.
    Settling(u64),
    /// The field is looked at again at this time.
    Validating(u64),
    On,
}

/// A frame of the reader that waits for its answer.
#[derive(Debug, Clone, Copy)]
struct Open {
    /// When it ended, on the board's clock.
    at_us: u64,
    /// The peripheral listens again. Its frame delay timer counts no more for this frame.
    listening: bool,
}

/// What is in the transmit buffer.
#[derive(Debug, Clone, Copy)]
struct Loaded {
    /// It is S(WTX), and the answer takes its place if it comes before.
    extension: bool,
    /// Where the card is when it has been sent.
    then: Stage,
    state: Sending,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sending {
    /// The peripheral starts it when its frame delay timer says.
    Armed,
    /// The peripheral starts it at once.
    Going,
    /// The firmware starts it, at this time on the board's clock.
    Due(u64),
    /// Its first symbol is out.
    Started,
}

/// The air through NFCT.
#[derive(Debug)]
pub struct Nfct<P> {
    peripheral: P,
    power: Power,
    stage: Stage,
    open: Option<Open>,
    loaded: Option<Loaded>,
    /// The second look found no field.
    vanished: bool,
    presented_us: u64,
}

impl<P: Peripheral> Nfct<P> {
    /// The air through this peripheral, which has just been reset.
    pub fn new(peripheral: P) -> Self {
        peripheral.write(registers::INTENCLR, u32::MAX);
        Self {
            peripheral,
            power: Power::Off,
            stage: Stage::Idle,
            open: None,
            loaded: None,
            vanished: false,
            presented_us: 0,
        }
    }

    fn trigger(&self, task: Register) {
        // What was written to memory before is there when EasyDMA looks.
        fence(Ordering::SeqCst);
        self.peripheral.write(task, 1);
    }

    /// Whether an event happened; it is cleared.
    fn take(&self, event: Register) -> bool {
        let happened = self.peripheral.read(event) != 0;
        if happened {
            self.peripheral.write(event, 0);
            // The write has arrived when it can be read back; the interrupt would come again otherwise.
            let _ = self.peripheral.read(event);
        }
        happened
    }

    /// What the reader sends next goes to the receive buffer.
    fn listen(&self) {
        let buffer = self.peripheral.receive_buffer();
        self.peripheral.write(registers::FRAMEDELAYMODE, mode::WINDOW_GRID);
        self.peripheral.write(registers::FRAMEDELAYMIN, delay::SHORTEST);
        // The software ends each wait; the timer must not end it before.
        self.peripheral.write(registers::FRAMEDELAYMAX, registers::LONGEST_DELAY);
        self.peripheral.write(registers::PACKETPTR, buffer.address);
        self.peripheral.write(registers::MAXLEN, registers::LONGEST_FRAME as u32);
        self.trigger(task::ENABLERXDATA);
    }

    /// Settings with which the peripheral answers REQA, WUPA, anticollision and SELECT.
    fn hand_over(&self) {
        self.peripheral.write(registers::FRAMEDELAYMODE, mode::WINDOW_GRID);
        self.peripheral.write(registers::FRAMEDELAYMIN, delay::SHORTEST);
        self.peripheral.write(registers::FRAMEDELAYMAX, DEFAULT_MAX);
        self.peripheral.write(registers::TXD_FRAMECONFIG, registers::TXD_WITH_CRC);
        self.peripheral.write(registers::AUTOCOLRESCONFIG, registers::AUTOCOLRES_ON);
    }

    /// The card is there where `stage` says, and the reader's next frame is awaited.
    fn rest(&mut self, stage: Stage) {
        self.stage = stage;
        match stage {
            Stage::Idle | Stage::Halted => {
                self.hand_over();
                self.trigger(if stage == Stage::Halted { task::GOSLEEP } else { task::GOIDLE });
            }
            Stage::Selected => self.listen(),
            Stage::Blocks | Stage::Mute => {
                // Neither REQA nor HLTA means anything to a card that exchanges blocks.
                self.peripheral.write(registers::AUTOCOLRESCONFIG, registers::AUTOCOLRES_OFF);
                self.listen();
            }
        }
    }

    /// Nobody waits for anything any more.
    fn forget(&mut self) {
        self.open = None;
        self.loaded = None;
    }

    fn lost(&mut self) -> FromAir {
        self.forget();
        if self.stage != Stage::Mute {
            self.stage = Stage::Idle;
            self.hand_over();
        }
        self.power = Power::Sensing;
        self.trigger(task::SENSE);
        FromAir::Field(false)
    }

    fn field_is_there(&self) -> bool {
        self.peripheral.read(registers::FIELDPRESENT) & 0b11 != 0
    }

    /// Field on, field off.
    fn hear_field(&mut self, now_us: u64) -> Option<FromAir> {
        let (on, off) = (self.take(event::FIELDDETECTED), self.take(event::FIELDLOST));
        match self.power {
            Power::Sensing if on => {
                self.power = Power::Settling(now_us + SETTLING_US);
                Some(FromAir::Field(true))
            }
            // Both at once: which was the last shows.
            Power::On if self.vanished || off && !(on && self.field_is_there()) => {
                self.vanished = false;
                Some(self.lost())
            }
            _ => None,
        }
    }

    fn selected(&mut self) -> FromAir {
        // What came before SELECTED was for the peripheral.
        for event in [event::RXFRAMEEND, event::RXERROR, event::TXFRAMESTART, event::TXFRAMEEND] {
            self.take(event);
        }
        self.peripheral.write(registers::FRAMESTATUS_RX, registers::FRAME_ERRORS);
        self.peripheral.write(registers::ERRORSTATUS, registers::FRAMEDELAYTIMEOUT);
        self.forget();
        self.rest(Stage::Selected);
        FromAir::Selected
    }

    /// A frame of the card goes out, or has gone out.
    fn hear_own(&mut self) -> Option<FromAir> {
        if self.take(event::TXFRAMESTART)
            && let Some(loaded) = &mut self.loaded
        {
            loaded.state = Sending::Started;
            if loaded.extension {
                self.open = None;
                return Some(FromAir::Extended);
            }
        }
        if self.take(event::TXFRAMEEND)
            && let Some(loaded) = self.loaded.take()
        {
            self.rest(loaded.then);
        }
        None
    }

    /// A frame of the reader. `false`: it is damaged, or not for the firmware.
    fn hear_frame(&mut self, now_us: u64, frame: &mut Heard) -> bool {
        if !self.take(event::RXFRAMEEND) {
            return false;
        }
        let damaged = self.take(event::RXERROR);
        let status = self.peripheral.read(registers::FRAMESTATUS_RX);
        self.peripheral.write(registers::FRAMESTATUS_RX, registers::FRAME_ERRORS);
        let in_blocks = match self.stage {
            Stage::Idle | Stage::Halted => return false,
            Stage::Selected => false,
            Stage::Blocks | Stage::Mute => true,
        };
        // A frame that was to come later: the reader has given it up.
        self.loaded = None;
        // Bits beyond whole bytes don't count: a chip was seen to add two to a HLTA.
        let bytes = self.peripheral.read(registers::RXD_AMOUNT) as usize >> 3 & 0x1FF;
        if damaged || status & registers::FRAME_ERRORS != 0 || !(2..=registers::LONGEST_FRAME).contains(&bytes) {
            // A card that exchanges blocks goes on listening. One that was just selected forgets it.
            self.rest(if in_blocks { self.stage } else { Stage::Idle });
            return false;
        }
        fence(Ordering::SeqCst);
        let buffer = self.peripheral.receive_buffer();
        let body: emulator::Frame = buffer.bytes[..bytes - 2].iter().map(|byte| byte.load(Ordering::Relaxed)).collect();
        // The peripheral has checked the CRC.
        frame.clear();
        frame.extend(with_crc(&body));
        self.open = Some(Open { at_us: self.peripheral.received_us(now_us), listening: false });
        true
    }

    /// The frame delay timer has ended.
    fn hear_error(&mut self) {
        if !self.take(event::ERROR) {
            return;
        }
        self.peripheral.write(registers::ERRORSTATUS, registers::FRAMEDELAYTIMEOUT);
        match self.loaded {
            // It was to start this frame.
            Some(Loaded { state: Sending::Armed, .. }) => self.go(),
            // The host has more time than the timer counts. From now on the reader might speak again.
            Some(Loaded { state: Sending::Due(_), .. }) => self.listen_in_between(),
            _ => {}
        }
    }

    /// Listens although a frame of the reader waits for its answer. The frame delay timer counts no more for that one.
    fn listen_in_between(&mut self) {
        if let Some(open) = &mut self.open {
            open.listening = true;
        }
        self.listen();
    }

    /// Puts a frame into the transmit buffer. One with a wrong CRC keeps it; the peripheral makes the right ones.
    fn load(&self, frame: &[u8]) {
        let (body, config) = match frame {
            [body @ .., _, _] if crc_a_ok(frame) => (body, registers::TXD_WITH_CRC),
            _ => (frame, registers::TXD_WITHOUT_CRC),
        };
        let buffer = self.peripheral.transmit_buffer();
        // No frame of a card is longer than FSD and one byte.
        let body = &body[..body.len().min(registers::LONGEST_FRAME)];
        for (place, byte) in buffer.bytes.iter().zip(body) {
            place.store(*byte, Ordering::Relaxed);
        }
        self.peripheral.write(registers::TXD_FRAMECONFIG, config);
        self.peripheral.write(registers::TXD_AMOUNT, (body.len() as u32) << 3);
    }

    /// What is loaded starts at once.
    fn go(&mut self) {
        self.arm(mode::FREE_RUN, registers::LONGEST_DELAY);
    }

    fn arm(&mut self, mode: u32, max: u32) {
        let buffer = self.peripheral.transmit_buffer();
        // If the frame delay timer has ended, no frame waits for it any more.
        let mode = if self.take(event::ERROR) { mode::FREE_RUN } else { mode };
        self.peripheral.write(registers::ERRORSTATUS, registers::FRAMEDELAYTIMEOUT);
        self.peripheral.write(registers::PACKETPTR, buffer.address);
        self.peripheral.write(registers::MAXLEN, registers::LONGEST_FRAME as u32);
        self.peripheral.write(registers::FRAMEDELAYMIN, delay::SHORTEST);
        self.peripheral.write(registers::FRAMEDELAYMAX, max);
        self.peripheral.write(registers::FRAMEDELAYMODE, mode);
        self.take(event::TXFRAMESTART);
        self.take(event::TXFRAMEEND);
        if let Some(loaded) = &mut self.loaded {
            loaded.state = if mode == mode::FREE_RUN { Sending::Going } else { Sending::Armed };
        }
        self.trigger(task::STARTTX);
    }

    /// Sends what is loaded, `delay_us` after the reader's frame, at a reader that waits for `waiting_us`.
    fn schedule(&mut self, open: Open, now_us: u64, delay_us: u64, waiting_us: u64) {
        let start = delay::start(delay_us, now_us.saturating_sub(open.at_us), waiting_us);
        match start {
            Start::Soon if !open.listening => self.arm(mode::WINDOW_GRID, registers::LONGEST_DELAY),
            Start::Exact(count) if !open.listening => self.arm(mode::EXACT_VAL, count),
            Start::ByClock | Start::Soon | Start::Exact(_) => {
                let at_us = open.at_us.saturating_add(delay_us);
                if at_us <= now_us {
                    self.go();
                } else if let Some(loaded) = &mut self.loaded {
                    loaded.state = Sending::Due(at_us);
                    // The reader gives up before, and speaks again.
                    if delay_us > waiting_us && !open.listening {
                        self.listen_in_between();
                    }
                }
            }
        }
    }
}

impl<P: Peripheral> Air for Nfct<P> {
    const FIRMWARE: &'static str = link::FIRMWARE_ANTENNA;
    const REAL_TIME: bool = true;

    fn extension_us<B: CardBoard>() -> u64 {
        EXTENSION_US
    }

    fn hear<B: CardBoard>(&mut self, board: &B, frame: &mut Heard) -> Option<FromAir> {
        if self.power == Power::Off {
            return None;
        }
        let now_us = board.now_us();
        if let Some(heard) = self.hear_field(now_us) {
            return Some(heard);
        }
        if self.take(event::SELECTED) && self.stage != Stage::Mute {
            return Some(self.selected());
        }
        if let Some(heard) = self.hear_own() {
            return Some(heard);
        }
        if self.hear_frame(now_us, frame) {
            return Some(FromAir::Bytes);
        }
        self.hear_error();
        None
    }

    fn serve<B: CardBoard>(&mut self, board: &B) -> u64 {
        let now_us = board.now_us();
        match self.power {
            Power::Settling(at_us) if now_us >= at_us => {
                self.trigger(task::ACTIVATE);
                self.power = Power::Validating(now_us + SETTLING_US);
            }
            Power::Validating(at_us) if now_us >= at_us => {
                self.power = Power::On;
                self.vanished = !self.field_is_there();
            }
            _ => {}
        }
        let mut next_us = match self.power {
            Power::Settling(at_us) | Power::Validating(at_us) => at_us,
            Power::Off | Power::Sensing | Power::On => u64::MAX,
        };
        if let Some(Loaded { state: Sending::Due(at_us), .. }) = self.loaded {
            if now_us < at_us {
                next_us = next_us.min(at_us);
            } else if self.peripheral.read(registers::NFCTAGSTATE) == registers::RECEIVING {
                // The reader has given up this frame, and speaks.
                self.loaded = None;
            } else {
                self.go();
            }
        }
        // The interrupt has switched itself off. What has happened since `hear` brings it back at once.
        if self.power != Power::Off {
            self.peripheral.write(registers::INTENSET, registers::INTERRUPTS);
        }
        next_us
    }

    fn fits(&self, front: &Front) -> Result<(), Refusal> {
        if front.company != Company::Alone {
            return Err(Refusal::Company);
        }
        // The peripheral takes the length of the UID from ATQA, and sets the cascade bit of SAK by itself.
        let length = match front.atqa[0] >> 6 {
            0 => 4,
            1 => 7,
            2 => 10,
            _ => 0,
        };
        if length == front.uid.len() && front.sak & 0x04 == 0 { Ok(()) } else { Err(Refusal::Front) }
    }

    fn present<B: CardBoard>(&mut self, board: &B, front: &Front) {
        self.remove(board);
        let part = |bytes: &[u8]| bytes.iter().fold(0, |sum, byte| sum << 8 | u32::from(*byte));
        let (rest, last) = front.uid.split_at(front.uid.len().saturating_sub(4));
        let (third, second) = rest.split_at(rest.len().saturating_sub(3));
        self.peripheral.write(registers::NFCID1_LAST, part(last));
        self.peripheral.write(registers::NFCID1_SECOND_LAST, part(second));
        self.peripheral.write(registers::NFCID1_THIRD_LAST, part(third));
        self.peripheral.write(registers::SENSRES, u16::from_le_bytes(front.atqa).into());
        self.peripheral.write(registers::SELRES, front.sak.into());
        self.peripheral.write(registers::RXD_FRAMECONFIG, registers::RXD_WITH_CRC);
        self.hand_over();
        let buffer = self.peripheral.receive_buffer();
        self.peripheral.write(registers::PACKETPTR, buffer.address);
        self.peripheral.write(registers::MAXLEN, registers::LONGEST_FRAME as u32);
        for event in event::ALL {
            self.take(event);
        }
        self.stage = Stage::Idle;
        self.presented_us = board.now_us();
        self.power = Power::Sensing;
        self.trigger(task::SENSE);
    }

    fn remove<B: CardBoard>(&mut self, _board: &B) {
        self.forget();
        self.vanished = false;
        self.peripheral.write(registers::INTENCLR, u32::MAX);
        self.trigger(task::DISABLE);
        self.power = Power::Off;
    }

    fn answer<B: CardBoard>(&mut self, board: &B, answer: &Outgoing<'_>) -> bool {
        let Some(open) = self.open.take() else { return false };
        let OnAir::Frame { delay_us, frame } = answer.on_air else {
            self.rest(answer.stage);
            return false;
        };
        self.load(frame);
        self.loaded = Some(Loaded { extension: false, then: answer.stage, state: Sending::Armed });
        self.schedule(open, board.now_us(), u64::from(*delay_us), answer.waiting_us);
        true
    }

    fn later<B: CardBoard>(&mut self, board: &B, extension: OnAir, waiting_us: u64) {
        let (Some(open), OnAir::Frame { frame, .. }) = (self.open, extension) else { return };
        self.load(&frame);
        self.loaded = Some(Loaded { extension: true, then: Stage::Blocks, state: Sending::Armed });
        self.schedule(open, board.now_us(), delay::extension_due_us(waiting_us), waiting_us);
    }

    fn take_back<B: CardBoard>(&mut self, _board: &B) -> bool {
        match self.loaded {
            Some(Loaded { extension: true, state: Sending::Armed | Sending::Going, .. }) => {
                if self.peripheral.read(event::TXFRAMESTART) == 0 {
                    self.trigger(task::STOPTX);
                }
                // It may have started in between.
                if self.peripheral.read(event::TXFRAMESTART) != 0 {
                    return false;
                }
                self.loaded = None;
                true
            }
            Some(Loaded { extension: true, state: Sending::Due(_), .. }) => {
                self.loaded = None;
                true
            }
            // Nothing is loaded, or S(WTX) has been told of.
            _ => true,
        }
    }

    fn air_us<B: CardBoard>(&self, board: &B, _modelled: u32) -> u32 {
        u32::try_from(board.now_us().saturating_sub(self.presented_us)).unwrap_or(u32::MAX)
    }
}
