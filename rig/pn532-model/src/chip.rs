//! The chip: commands of the host on one side, the reader on the other.

use std::collections::HashMap;

use board_sim::Host;
use emulator::card::{FromReader, OnAir};
use wire::air::Message;
use wire::frame::{Collected, Collector};

use crate::Options;
use crate::fault::Fault;
use crate::frame::{self, FromHost, Receiver};
use crate::registers::Registers;
use crate::target::{MAX_RESPONSE, News, Target, Wanted};

/// So many bytes are lost while the chip wakes up. It is enough to lose the start of a frame that has no bytes in front.
const LOST_IN_SLEEP: u8 = 4;

/// The command does not fit what the chip is doing.
const WRONG_STATE: u8 = 0x27;
/// A parameter is out of range.
const OUT_OF_RANGE: u8 = 0x10;
/// A frame with a wrong CRC.
const BAD_CRC: u8 = 0x02;
/// More data follows.
const MORE: u8 = 0x40;

/// Foreign bytes for [`Fault::Garbage`]: a sentence of a GPS receiver, and what looks like the start of a frame.
const GARBAGE: &[u8] = b"$GPRMC,,V,,,,,,,,,,N*53\r\n\x00\x00\xFF\x05";

/// Runs a chip until the host is stopped or the module is unplugged.
pub(crate) fn run(host: &Host, options: &Options) {
    let mut chip = Chip::new(host, options);
    let mut air = Collector::<{ wire::air::MAX_PACKED }>::new();
    while !host.stopped() && !chip.unplugged {
        // The reader first: it waits with a clock of its own.
        while let Some(byte) = host.air_read() {
            if let Some(Collected::Frame(body)) = air.push(byte)
                && let Ok(message) = Message::decode(body)
            {
                chip.air(&message);
            }
        }
        if let Some(byte) = host.serial_read() {
            chip.serial(byte);
            continue;
        }
        let deadline = chip.serve();
        host.sleep(deadline);
    }
}

/// A frame of the reader that was not answered yet.
#[derive(Debug)]
struct Waiting {
    exchange: u8,
    /// When the chip can't wait for the host any longer, on the clock of [`Host::now_us`].
    until_us: u64,
    /// The frame, if no card has heard it yet: between two sessions.
    unheard: Option<(bool, Vec<u8>)>,
}

struct Chip<'h> {
    host: &'h Host,
    options: &'h Options,
    receiver: Receiver,
    /// Bytes that are still lost because the chip wakes up.
    sleepy: u8,
    /// How often each command has come.
    seen: HashMap<u8, u32>,
    /// The last reply, for NACK.
    last: Vec<u8>,
    /// What happens to the next reply.
    next_reply: Option<Fault>,
    parameters: u8,
    registers: Registers,
    target: Target,
    field: bool,
    /// The command that waits for the reader.
    pending: Option<u8>,
    /// What the reader sent and the host has not asked for.
    news: Option<News>,
    /// The rest of a command that the host gets in parts.
    rest: Vec<u8>,
    /// The parts of a response that came so far.
    parts: Vec<u8>,
    waiting: Option<Waiting>,
    unplugged: bool,
}

impl<'h> Chip<'h> {
    fn new(host: &'h Host, options: &'h Options) -> Self {
        Self {
            host,
            options,
            receiver: Receiver::default(),
            sleepy: LOST_IN_SLEEP,
            seen: HashMap::new(),
            last: vec![],
            next_reply: None,
            parameters: 0x14,
            registers: Registers::default(),
            target: Target::Off,
            field: false,
            pending: None,
            news: None,
            rest: vec![],
            parts: vec![],
            waiting: None,
            unplugged: false,
        }
    }

    fn patience_us(&self) -> u64 {
        u64::try_from(self.options.patience.as_micros()).unwrap_or(u64::MAX)
    }

    /// Does what is due, and returns when something will be due next.
    fn serve(&mut self) -> u64 {
        let Some(waiting) = &self.waiting else { return u64::MAX };
        if self.host.now_us() < waiting.until_us {
            return waiting.until_us;
        }
        let on_air = match waiting.unheard {
            Some(_) => OnAir::Silence,
            None => self.target.extend(self.patience_us()),
        };
        self.answer_waiting(&on_air);
        u64::MAX
    }

    // The reader's side.

    fn air(&mut self, message: &Message<'_>) {
        match *message {
            Message::FieldOn { .. } => self.field_on(),
            Message::FieldOff { .. } => {
                self.answer_waiting(&OnAir::Silence);
                self.field = false;
                let news = self.target.field_off();
                self.tell(news);
            }
            Message::Short { exchange, bits, .. } => self.hear(exchange, true, &[bits]),
            Message::Command { exchange, bytes, .. } => self.hear(exchange, false, bytes),
            // No reader says anything else.
            Message::Load { .. } | Message::Answer { .. } | Message::Collision { .. } | Message::Silence { .. } => {}
        }
    }

    fn field_on(&mut self) {
        self.field = true;
        self.sleepy = 0;
    }

    fn hear(&mut self, exchange: u8, short: bool, bytes: &[u8]) {
        self.answer_waiting(&OnAir::Silence);
        self.field_on();
        let until_us = self.host.now_us().saturating_add(self.patience_us());
        if matches!(self.target, Target::Over(_)) {
            // The host is to start another session. On the modelled air that takes no time.
            self.waiting = Some(Waiting { exchange, until_us, unheard: Some((short, bytes.to_vec())) });
            return;
        }
        let frame = if short { FromReader::Short(bytes[0]) } else { FromReader::Bytes(bytes) };
        let (on_air, news) = self.target.hear(frame);
        if on_air == OnAir::Later {
            self.waiting = Some(Waiting { exchange, until_us, unheard: None });
        } else {
            self.answer(exchange, &on_air);
        }
        self.tell(news);
    }

    fn answer_waiting(&mut self, on_air: &OnAir) {
        if let Some(waiting) = self.waiting.take() {
            self.answer(waiting.exchange, on_air);
        }
    }

    fn answer(&self, exchange: u8, on_air: &OnAir) {
        self.to_air(&match on_air {
            OnAir::Silence | OnAir::Later => Message::Silence { exchange },
            OnAir::Collision => Message::Collision { exchange },
            OnAir::Frame { delay_us, frame } => Message::Answer { exchange, delay_us: *delay_us, bytes: frame },
        });
    }

    fn to_air(&self, message: &Message<'_>) {
        // A frame of the emulator is at most what a message carries.
        if let Ok(packed) = message.encode() {
            self.host.air_write(&packed);
        }
    }

    /// What the host learns, now or when it asks.
    fn tell(&mut self, news: Option<News>) {
        let Some(news) = news else { return };
        match news {
            News::Activated(first) => {
                if self.pending.take() == Some(0x8C) {
                    self.reply(0x8D, &first);
                }
                return;
            }
            News::Over(status) => self.target = Target::Over(status),
            News::Command(_) | News::BadCrc => {}
        }
        self.rest.clear();
        self.parts.clear();
        self.news = Some(news);
        self.serve_pending();
    }

    fn serve_pending(&mut self) {
        let Some(code @ (0x86 | 0x88)) = self.pending else { return };
        let Some(news) = self.news.take() else { return };
        self.pending = None;
        match news {
            News::Command(command) => {
                self.rest = command;
                self.next_part(code);
            }
            News::BadCrc => self.reply(code + 1, &[BAD_CRC]),
            News::Over(status) => self.reply(code + 1, &[status]),
            News::Activated(_) => {}
        }
    }

    fn next_part(&mut self, code: u8) {
        let after = self.rest.split_off(self.rest.len().min(self.options.part));
        let part = std::mem::replace(&mut self.rest, after);
        let status = if self.rest.is_empty() { 0 } else { MORE };
        self.reply(code + 1, &[&[status], part.as_slice()].concat());
    }

    // The host's side.

    fn serial(&mut self, byte: u8) {
        if self.sleepy > 0 {
            self.sleepy -= 1;
            return;
        }
        match self.receiver.push(byte) {
            None => {}
            Some(FromHost::Ack) => self.abort(),
            Some(FromHost::Nack) => self.host.serial_write(&self.last),
            Some(FromHost::Command(command)) => self.command(&command),
        }
    }

    fn reply(&mut self, code: u8, parameters: &[u8]) {
        self.last = frame::reply(&[&[code], parameters].concat());
        let mut sent = self.last.clone();
        let middle = sent.len() - 3;
        match self.next_reply.take() {
            Some(Fault::Damaged) => sent[middle] ^= 0x04,
            Some(Fault::Torn) => drop(sent.remove(middle)),
            _ => {}
        }
        self.host.serial_write(&sent);
    }

    /// Takes back the command that waits for the reader.
    fn abort(&mut self) {
        if self.pending.take() == Some(0x8C) {
            self.stop();
        }
    }

    /// Plays no card any more.
    fn stop(&mut self) {
        self.answer_waiting(&OnAir::Silence);
        if !matches!(self.target, Target::Off) {
            self.to_air(&Message::Load { card: false });
        }
        self.target = Target::Off;
        self.news = None;
        self.rest.clear();
        self.parts.clear();
    }

    fn fault_at(&mut self, code: u8) -> Option<Fault> {
        let seen = self.seen.entry(code).or_default();
        *seen += 1;
        let planned = self.options.faults.iter().find(|planned| planned.code == code && planned.nth == *seen);
        planned.map(|planned| planned.fault)
    }

    fn command(&mut self, command: &[u8]) {
        let Some((&code, parameters)) = command.split_first() else { return };
        let fault = self.fault_at(code);
        match fault {
            Some(Fault::LostCommand) => return,
            Some(Fault::Unplug) => {
                self.unplugged = true;
                return;
            }
            Some(Fault::Garbage) => self.host.serial_write(GARBAGE),
            Some(Fault::Damaged | Fault::Torn) => self.next_reply = fault,
            Some(Fault::FieldLoss(status)) if self.target.is_live() => {
                self.answer_waiting(&OnAir::Silence);
                self.pending = None;
                self.tell(Some(News::Over(status)));
            }
            _ => {}
        }
        // A new command takes the place of the one before.
        if code != 0x8C {
            self.abort();
        }
        self.pending = None;
        if fault != Some(Fault::LostAck) {
            self.host.serial_write(frame::ACK);
        }
        match fault {
            Some(Fault::ErrorFrame) => self.host.serial_write(frame::ERROR),
            Some(Fault::Status(status)) => self.reply(code + 1, &[status]),
            _ => self.carry_out(code, parameters),
        }
    }

    fn carry_out(&mut self, code: u8, parameters: &[u8]) {
        match code {
            // Diagnose, of which only the test of the line is here: it returns what it was sent.
            0x00 if parameters.first() == Some(&0) => self.reply(0x01, parameters),
            0x02 => self.reply(0x03, &[0x32, 0x01, 0x06, 0x07]),
            0x06 => self.reply(0x07, &self.registers.read(parameters)),
            0x08 => {
                self.registers.write(parameters);
                self.reply(0x09, &[]);
            }
            // A pseudo terminal has no speed.
            0x10 if parameters.len() == 1 => self.reply(0x11, &[]),
            0x12 if parameters.len() == 1 => {
                self.parameters = parameters[0];
                self.reply(0x13, &[]);
            }
            0x14 => self.reply(0x15, &[]),
            0x16 => {
                self.stop();
                self.reply(0x17, &[0]);
                self.sleepy = LOST_IN_SLEEP;
            }
            0x32 => self.reply(0x33, &[]),
            0x52 => {
                self.stop();
                self.reply(0x53, &[0]);
            }
            0x86 | 0x88 => self.get(code),
            0x8A => self.reply(0x8B, &[self.target.is_live().into(), 0]),
            0x8C => self.listen(parameters),
            0x8E | 0x94 => self.set(code, parameters),
            0x90 => self.set_raw(parameters),
            _ => self.host.serial_write(frame::ERROR),
        }
    }

    fn listen(&mut self, parameters: &[u8]) {
        let Some(wanted) = Wanted::parse(parameters) else {
            self.host.serial_write(frame::ERROR);
            return;
        };
        if matches!(self.target, Target::Off) {
            // The reader learns at once that something is there, as it does from a hosted card emulator.
            self.to_air(&Message::Load { card: true });
        }
        self.registers.listen();
        self.target = Target::start(wanted, self.parameters);
        self.pending = Some(0x8C);
        self.news = None;
        if !self.field {
            self.sleepy = LOST_IN_SLEEP;
        }
        match self.waiting.take() {
            Some(Waiting { exchange, unheard: Some((short, bytes)), .. }) => self.hear(exchange, short, &bytes),
            waiting => self.waiting = waiting,
        }
    }

    /// TgGetData and TgGetInitiatorCommand.
    fn get(&mut self, code: u8) {
        if !self.rest.is_empty() {
            self.next_part(code);
            return;
        }
        match self.target {
            // Told again, should the host ask again.
            Target::Over(status) => self.reply(code + 1, &[status]),
            _ if self.target.is_live() => {
                self.pending = Some(code);
                self.serve_pending();
            }
            _ => self.reply(code + 1, &[WRONG_STATE]),
        }
    }

    /// TgSetMetaData and TgSetData.
    fn set(&mut self, code: u8, data: &[u8]) {
        let status = match self.target {
            Target::Over(status) => status,
            _ if self.parts.len() + data.len() > MAX_RESPONSE => OUT_OF_RANGE,
            _ => {
                self.parts.extend(data);
                if code == 0x94 { 0 } else { self.respond() }
            }
        };
        self.reply(code + 1, &[status]);
    }

    fn respond(&mut self) -> u8 {
        let response = std::mem::take(&mut self.parts);
        match self.target.answer(&response) {
            None => WRONG_STATE,
            // It follows the confirmation of S(WTX).
            Some(OnAir::Later) => 0,
            Some(on_air) => {
                self.answer_waiting(&on_air);
                0
            }
        }
    }

    fn set_raw(&mut self, data: &[u8]) {
        let status = match (&self.target, self.target.answer_raw(data, self.registers.sends_crc())) {
            (Target::Over(status), _) => *status,
            (_, None) => WRONG_STATE,
            (_, Some(on_air)) => {
                self.answer_waiting(&on_air);
                0
            }
        };
        self.reply(0x91, &[status]);
    }
}
