//! Carrying out console commands.

use crate::board::Board;
use crate::clock::{self, Iso};
use crate::console::{Command, Line};
use crate::device::{Device, End};
use crate::hex::Hex;
use crate::journal::claims::Claim;
use crate::journal::{Purpose, Record};
use crate::problem::Problem;
use crate::store::StoreError;
use crate::store::fares::PolicyError;
use crate::store::settings::SettingError;
use wire::loopback::{PATIENCE_US, Tally};

/// Sends an `error` reply.
pub(crate) fn refuse<B: Board>(board: &B, problem: Problem) {
    Line::new("error").words(problem.code).words(problem.text).send(board);
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Full => Self { code: "full", text: "no room for one more; clear the list first" },
            StoreError::Memory => Self { code: "memory", text: "the memory did not keep what was written" },
        }
    }
}

impl From<PolicyError> for Problem {
    fn from(error: PolicyError) -> Self {
        match error {
            PolicyError::Rules(text) => Self::value(text),
            PolicyError::Store(error) => error.into(),
        }
    }
}

impl From<SettingError> for Problem {
    fn from(error: SettingError) -> Self {
        match error {
            SettingError::Key => Self::unknown("no such setting"),
            SettingError::Value(wanted) => Self::value(wanted),
        }
    }
}

impl<B: Board> Device<'_, B> {
    /// Carries out one line; exactly one `ok` or `error` is sent.
    pub(crate) fn execute(&mut self, line: &str) -> Option<End> {
        let command = match Command::parse(line) {
            Ok(command) => command,
            Err(problem) => {
                refuse(self.board, problem);
                return None;
            }
        };
        if command == Command::Reboot {
            Line::new("ok").send(self.board);
            self.board.reset();
            return Some(End::Reset);
        }
        match self.carry_out(command) {
            Ok(reply) => reply.send(self.board),
            Err(problem) => refuse(self.board, problem),
        }
        None
    }

    fn carry_out(&mut self, command: Command<'_>) -> Result<Line, Problem> {
        let ok = Line::new("ok");
        match command {
            Command::Identity => return Ok(self.identity()),
            Command::Echo("") => {}
            Command::Echo(text) => return Ok(ok.words(text)),
            Command::Status => return Ok(self.status()),
            Command::Counters => return Ok(self.counters()),
            Command::Clock(seconds) => self.board.set_rtc(seconds),
            Command::Set { key: "master-key", value } if value != "none" && !self.store.has_uplink() => {
                return Err(Problem::value("none: this board has no uplink, or no memory for one"));
            }
            Command::Set { key: key @ ("terminal" | "merchant"), value } if self.is_claimed_as_another(key, value) => {
                return Err(Problem::value(
                    "rides of this terminal wait for an answer; upload them or clear the journal",
                ));
            }
            Command::Set { key: "mode", value } if value != "oda" && !self.store.policy().is_flat() => {
                return Err(Problem::value("oda: the fare policy in force needs it; use fares clear first"));
            }
            Command::Set { key, value } => {
                let mut settings = self.store.settings().clone();
                settings.set(key, value)?;
                self.store.put(settings)?;
                // What was asked for is kept, and what there is room for is told.
                let (wanted, taken) = (self.store.settings().capacity, self.store.capacity());
                if key == "capacity" && wanted != Some(taken) {
                    return Ok(ok.field("capacity", taken));
                }
            }
            Command::KeyAdd(key) => self.store.add_key(&key)?,
            Command::KeyClear => self.store.clear_keys()?,
            Command::DenyAdd(pan, psn) => self.store.deny(&pan, psn)?,
            Command::DenyClear => self.store.clear_deny()?,
            Command::RevokeAdd(rid, index, serial) => self.store.revoke(&rid, index, &serial)?,
            Command::RevokeClear => self.store.clear_revoked()?,
            Command::Profile(tag) => {
                let mut settings = self.store.settings().clone();
                settings.name(tag)?;
                self.store.put(settings)?;
            }
            Command::Fares => return Ok(self.list_fares()),
            Command::FaresClear => self.store.clear_fares()?,
            Command::FareRule(_) | Command::FaresUse if !self.store.has_fares() => {
                return Err(Problem::value("the memory of this board has no room for a fare policy"));
            }
            Command::FareRule(rule) => self.store.add_rule(&rule)?,
            Command::FaresUse => self.store.use_fares()?,
            Command::Stop(stop) => self.stop = stop,
            Command::EndOfService => self.store.release_trips(None)?,
            Command::Uplink(work) => self.uplink().begin(work)?,
            Command::Journal(from) => return Ok(self.list_rides(from)),
            Command::Requests(from) => return Ok(self.list_requests(from)),
            Command::Loopback(blocks) => return Ok(self.loopback(blocks)),
            Command::JournalClear => {
                self.store.clear_journal()?;
                // Whoever clears the journal begins anew: no ride is known of any card.
                self.last = None;
            }
            Command::Factory => {
                self.store.factory()?;
                self.last = None;
            }
            // Carried out by `execute`.
            Command::Reboot => {}
        }
        Ok(ok)
    }

    fn identity(&mut self) -> Line {
        let digest = self.image_digest();
        Line::new("ok")
            .field("device", "taprig-reference")
            .field("firmware", "taprig-validator")
            .field("board", self.board.name())
            .field("version", env!("CARGO_PKG_VERSION"))
            .field("digest", Hex(&digest))
    }

    /// The self-test of the air, with its transmitter wired to its receiver.
    fn loopback(&self, blocks: u32) -> Line {
        let board = self.board;
        // What a card side said before is none of it.
        while board.air_read().is_some() {}
        let started = board.now_us();
        let tally = Tally::of(
            blocks,
            |bytes| board.air_write(bytes),
            || {
                let until = board.now_us() + PATIENCE_US;
                loop {
                    match board.air_read() {
                        None if board.now_us() < until && !board.stopped() => board.sleep(until),
                        byte => return byte,
                    }
                }
            },
        );
        Line::new("ok")
            .field("sent", tally.sent)
            .field("back", tally.back)
            .field("wrong", tally.wrong)
            .field("us", board.now_us() - started)
    }

    fn list_fares(&self) -> Line {
        let mut rules = 0_u32;
        for rule in self.store.rules() {
            Line::new("-").field("rule", format_args!("\"{rule}\"")).send(self.board);
            rules += 1;
        }
        let state = if self.store.policy().is_flat() { "flat" } else { "policy" };
        let line = Line::new("ok").field("fares", state).field("rules", rules).field("cards", self.store.cards());
        match self.stop {
            Some(stop) => line.field("stop", stop),
            None => line.field("stop", "none"),
        }
    }

    fn status(&self) -> Line {
        let clock = self.board.rtc();
        let state = match clock {
            _ if self.card_left => "card-left",
            None => "clock-unset",
            Some(_) if !self.store.journal_has_room() => "journal-full",
            Some(_) => "ready",
        };
        let profile = match self.store.settings().profile.as_str() {
            "" => "-",
            tag => tag,
        };
        let journal = self.store.journal();
        let line = Line::new("ok")
            .field("state", state)
            .field("profile", profile)
            .field("journal", journal.rides())
            .field("capacity", self.store.capacity())
            .field("total", journal.total);
        match clock {
            Some(seconds) => line.field("clock", Iso(clock::from_seconds(seconds))),
            None => line.field("clock", "unset"),
        }
    }

    /// What the device has done since its start.
    fn counters(&self) -> Line {
        let line = Line::new("ok").field("taps", self.taps).field("gpos", self.reader.gpos());
        line.field("authentications", self.authentications)
    }

    /// Whether a claim waits for its answer that was sent under another number. Sent again under this one, it would be
    /// paid twice.
    fn is_claimed_as_another(&self, key: &str, value: &str) -> bool {
        let settings = self.store.settings();
        let now = if key == "terminal" { settings.terminal.as_str() } else { settings.merchant.as_str() };
        let journal = self.store.journal();
        let is_sent = |index| matches!(self.store.claim(index), Claim::Sent { .. });
        value != now && (journal.first_open..journal.count).any(is_sent)
    }

    fn list_rides(&self, from: u32) -> Line {
        let journal = self.store.journal();
        // Without other records, the number of a ride is that of its place.
        let passed = if journal.void == 0 { (from - 1).min(journal.count) } else { 0 };
        self.list(passed, from, Record::gave_ride);
        Line::new("ok").field("count", journal.rides()).field("total", journal.total)
    }

    fn list_requests(&self, from: u32) -> Line {
        let (count, total) = self.list(0, from, |record, _| record.request);
        Line::new("ok").field("count", count).field("total", total)
    }

    /// Lists the records that are wanted, and returns how many there are and the sum of their fares. Each has its number among
    /// them, and the list begins with the number `from`. So many were passed over that are wanted, from the first place on.
    /// Whether a record that can't be read is wanted is not known, so every list has it.
    fn list(&self, passed: u32, from: u32, wanted: impl Fn(&Record, Claim) -> bool) -> (u32, u64) {
        let (mut number, mut total) = (passed, 0);
        for index in passed..self.store.journal().count {
            let Some(record) = self.store.record(index) else {
                number += 1;
                if number >= from {
                    Line::new("-").field("n", number).field("damaged", "yes").send(self.board);
                }
                continue;
            };
            let claim = self.store.claim(index);
            if !wanted(&record, claim) {
                continue;
            }
            number += 1;
            total += u64::from(record.fare);
            if number < from {
                continue;
            }
            let line = Line::new("-").field("n", number).field("time", Iso(clock::from_seconds(record.time_s)));
            let line = match record.pan() {
                Some(pan) => line.field("pan", pan.masked()),
                None => line.field("pan", "-"),
            };
            let line = match record.psn {
                Some(psn) => line.field("psn", format_args!("{psn:02}")),
                None => line.field("psn", "-"),
            };
            // A tap-on is not charged unless its tap-off stays out.
            let charged = if matches!(claim, Claim::Held | Claim::Void) { 0 } else { record.fare };
            let line = line
                .field("fare", charged)
                .field("atc", format_args!("{:04x}", record.atc))
                .field("ac", Hex(&record.cryptogram))
                .field("cid", format_args!("{:02x}", record.cid))
                .field("kind", record.kind.slug())
                .text("line", &record.line);
            claimed(of_trip(line, &record), claim, record.trace).send(self.board);
        }
        (number, total)
    }
}

/// What the ride is to its trip.
fn of_trip(line: Line, record: &Record) -> Line {
    match record.purpose {
        Purpose::Ride => line,
        Purpose::On { stop, .. } => line.field("trip", "on").field("stop", stop).field("held", record.fare),
        Purpose::Off { stop, on } => line.field("trip", "off").field("stop", stop).field("on", format_args!("{on:06}")),
        Purpose::Debt => line.field("trip", "debt"),
    }
}

/// What became of the claim, once it was sent or will never be.
fn claimed(line: Line, claim: Claim, trace: u32) -> Line {
    if matches!(claim, Claim::Held | Claim::Void | Claim::Nothing) {
        return line.field("claim", claim.slug());
    }
    let Some(batch) = claim.batch() else { return line };
    let line = line.field("claim", claim.slug()).field("batch", format_args!("{batch:06}"));
    let line = line.field("trace", format_args!("{trace:06}"));
    match claim {
        Claim::Refused { code, .. } => line.field("code", core::str::from_utf8(&code).unwrap_or("??")),
        _ => line,
    }
}
