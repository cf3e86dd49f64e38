//! The one stream of what happened in a run.
//!
//! Everything else is computed from it: verdicts, transcripts, reports. A record keeps it as JSON Lines, one
//! [`Event`] a line; [`SCHEMA`] in the first event tells how to read the others. Names in the file are stable: a
//! kind of event is added, never renamed.
//!
//! Primary account numbers in [`Bytes`] and in console values are masked unless the record is kept whole: the digits between
//! the first six and the last four are written as `C` in bytes, which no digit of a PAN is, and as `x` in text, where a
//! device that masks them itself writes `*`.

mod check;
mod signal;
mod value;

pub use check::{Check, CheckResult, Criterion, SeenBy};
pub use signal::{JournalRow, Signal, Status, Word};
pub use value::{Bytes, Fields};

use crate::bench::BoardKind;
use crate::result::{Summary, Verdict};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// Version of the stream; raised when an event changes its meaning.
pub const SCHEMA: u32 = 2;

/// Something happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Event {
    /// Time since the run started, in us, on the rig's monotonic clock: when the rig noticed.
    pub at_us: u64,
    /// Time since the board started, in us, on the board's own clock: when it happened. Only boards that tell have it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub board_us: Option<u64>,
    /// Name of the bench.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bench: Option<String>,
    /// The sub-case that was running, as `ODA-004` or `ODA-004/rsa1024`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub case: Option<String>,
    /// Who tells.
    pub source: Source,
    /// What happened.
    pub body: Body,
    /// A token for each account number that is masked in `body`, in the order of the numbers. Two equal tokens of one
    /// record stand for the same number. The key of the tokens is made for one record and is not kept.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub numbers: Vec<String>,
}

/// Who tells of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// The rig itself.
    Rig,
    /// The validator's console.
    Validator,
    /// The card emulator.
    Emulator,
    /// The debug probe.
    Probe,
    /// The power switch.
    Power,
}

/// A board of a bench.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// The device under test.
    Validator,
    /// The card emulator.
    Emulator,
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Validator => "validator",
            Self::Emulator => "emulator",
        })
    }
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Body {
    /// A run began; the first event of a record.
    RunStarted(RunStarted),
    /// A bench was taken into use.
    BenchOpened {
        /// Its boards.
        boards: BTreeMap<Role, BoardKind>,
        /// Serial number of the device under test, where the bench file gives it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        serial_number: Option<String>,
        /// Where times come from.
        time: TimeBasis,
    },
    /// A bench was given back.
    BenchClosed {},
    /// A board got or lost its power.
    Power {
        /// Which board.
        role: Role,
        /// On.
        on: bool,
        /// How it was switched.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<PowerSwitch>,
    },
    /// The image that a board is to run.
    Firmware(FirmwareImage),
    /// A board was flashed, or found to hold the image already.
    Flashed {
        /// Which board.
        role: Role,
        /// What was done.
        outcome: FlashOutcome,
        /// SHA-256 of the image, lower-case hex.
        digest: String,
        /// Bytes of the image.
        bytes: u64,
        /// Time it took, in us.
        took_us: u64,
    },
    /// A board told who it is.
    Identified {
        /// Which board.
        role: Role,
        /// What it said: `device`, `firmware`, `board`, `version`, `digest`.
        identity: Fields,
    },
    /// A board is ready for the next tap or order.
    Ready {
        /// Which board.
        role: Role,
        /// Time since its power-on or reset, in us.
        took_us: u64,
    },
    /// A sub-case began. Its events carry its id.
    CaseStarted(CaseStarted),
    /// A step of a case began.
    StepStarted {
        /// From 1.
        number: u32,
        /// The step as the case writes it, as `tap` or `wait 3 s`.
        step: String,
    },
    /// A step ended.
    StepDone {
        /// From 1.
        number: u32,
        /// Time it took, in us.
        took_us: u64,
    },
    /// A command line was sent to the validator.
    ConsoleSent {
        /// The line without its end.
        line: String,
    },
    /// The validator answered a command.
    ConsoleReply(ConsoleReply),
    /// The validator told something by itself.
    Signal {
        /// What it means.
        signal: Signal,
        /// What the device said, in its own words.
        said: Fields,
    },
    /// The validator told its state.
    Status {
        /// What it means.
        status: Status,
        /// What the device said, in its own words.
        said: Fields,
    },
    /// The validator took settings of a step, or refused one.
    SettingsTaken {
        /// Which, in words.
        what: String,
        /// Why it refused; none where it took them.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        refused: Option<String>,
    },
    /// The journal was emptied by a step.
    JournalCleared {
        /// Why the validator refused; none where it did so.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        refused: Option<String>,
    },
    /// How the rig knows that the answers of a case are none of an earlier one.
    Fresh {
        /// Which board.
        role: Role,
        /// How.
        by: Freshness,
    },
    /// After a tap: whether the validator was ready for the next rider.
    ReadyAgain {
        /// Number of the tap in the sub-case, from 1.
        tap: u32,
        /// What was seen.
        seen: ReadyAgain,
        /// How long the rig waited at most after the card had left, in us.
        within_us: u64,
    },
    /// A line from the validator that is neither reply nor event.
    ConsoleNoise {
        /// The line, bytes that are no UTF-8 replaced.
        text: String,
    },
    /// Bytes passed a serial port; they are in a file beside the events.
    Serial {
        /// Name of the port, as `validator-console`; `serial/<bench>-<port>.bin` holds the bytes.
        port: String,
        /// From the board; else to it.
        received: bool,
        /// Place of the first byte in the file.
        offset: u64,
        /// Number of bytes.
        len: u32,
    },
    /// A card was held to the reader: a tap began.
    Presented {
        /// Number of the tap in the sub-case, from 1.
        tap: u32,
        /// Name of the card image.
        card: String,
    },
    /// The reader switched its field.
    Field {
        /// On.
        on: bool,
    },
    /// The reader activated the card (RATS was answered).
    Activated {
        /// FSD of the reader, in bytes.
        fsd: u16,
    },
    /// A command and its response.
    Exchange(Exchange),
    /// A frame on the air.
    Frame {
        /// From the card; else from the reader.
        from_card: bool,
        /// Of seven bits.
        short: bool,
        /// Bytes, CRC included.
        bytes: Bytes,
    },
    /// A fault was put on the link.
    Injected {
        /// Where, as the case says it: `gpo`.
        at: String,
        /// Which, as the case says it: `drop`.
        fault: String,
        /// Its parameters, as `seed`, `times`.
        values: Fields,
    },
    /// The reader let the card go.
    Released {
        /// How.
        how: Release,
    },
    /// The card was taken away: a tap ended.
    Removed {
        /// What was on the air.
        traffic: Traffic,
        /// Time on the air since the card was presented, in us: modelled or measured as [`TimeBasis`] says.
        air_us: u64,
    },
    /// The journal was read at the end of a tap or case.
    Journal {
        /// Records it holds.
        count: u32,
        /// Their sum, in fen.
        total: u64,
        /// Records that were added since the rig last read it in this case.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        added: Vec<JournalRow>,
        /// Records that a step asked for; none where no step did.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        listed: Option<Vec<JournalRow>>,
    },
    /// An expectation was held against what was seen.
    Checked(Check),
    /// A sub-case ended.
    CaseFinished {
        /// The verdict.
        verdict: Verdict,
        /// Time it took, in us.
        took_us: u64,
        /// Which attempt it was, from 1.
        attempt: u32,
        /// Why it is not a pass.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        failure: Option<String>,
    },
    /// The rig itself failed; never a failure of the device.
    RigFault(RigFault),
    /// The run ended; the last event of a whole record.
    RunFinished {
        /// Counts of verdicts.
        summary: Summary,
        /// Ended early by a person or a fault; cases are missing.
        interrupted: bool,
    },
    /// For people who read the record.
    Note {
        /// The text.
        text: String,
    },
}

/// How a run began.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RunStarted {
    /// [`SCHEMA`].
    pub schema: u32,
    /// `taprig`.
    pub tool: String,
    /// Its version.
    pub version: String,
    /// Time of day at the start, RFC 3339 in UTC.
    pub started: String,
    /// The command line after the program's name.
    pub arguments: Vec<String>,
    /// Device file of the device under test.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
    /// Sub-cases that will run.
    pub cases: u32,
    /// What a transcript that is not the reviewed one means for the run.
    #[serde(default)]
    pub baseline: BaselineUse,
    /// Where it ran: `os`, `arch`, `qemu`, `ci` and the like.
    pub environment: BTreeMap<String, String>,
}

/// What a transcript that is not the reviewed one of its device means for a run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum BaselineUse {
    /// The run fails.
    #[default]
    Require,
    /// It is told, and the run does not fail.
    Report,
    /// Transcripts are not compared.
    Off,
}

/// Where the times of a bench come from; a report never mixes the two.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TimeBasis {
    /// Arithmetic over the frames (emulated boards).
    #[default]
    Modelled,
    /// Clocks of real boards.
    Measured,
}

/// How the power of a board is switched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PowerSwitch {
    /// The emulated board is stopped, its RAM is overwritten with random bytes, and it is reset; its process stays.
    Cut,
    /// The process of the board is ended and a new one started.
    Process,
    /// By the programs that the bench file names.
    Command,
    /// The power can't be switched: the board is reset through its probe or told to start again.
    Reset,
}

/// The image of a board.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FirmwareImage {
    /// Which board.
    pub role: Role,
    /// Path of the file.
    pub path: String,
    /// SHA-256 over what goes into flash, lower-case hex.
    pub digest: String,
    /// Bytes that go into flash.
    pub bytes: u64,
}

/// What flashing did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum FlashOutcome {
    /// Erased, programmed and verified.
    Programmed,
    /// The digest told that the flash holds the image.
    Unchanged,
}

/// How a sub-case began.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CaseStarted {
    /// Title of the case.
    pub title: String,
    /// File of the case.
    pub file: String,
    /// Ids of the requirements that the case is about.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub requires: Vec<String>,
    /// From 1; above 1 when an attempt before ended in error.
    pub attempt: u32,
    /// What the device echoed at the start, so that no stale byte is taken for this case's.
    pub nonce: String,
    /// Validator profile.
    pub validator: String,
    /// Card image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub card: Option<String>,
    /// Settings that differ from the profile, in words.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub settings: Vec<String>,
    /// Changes of the card image, in words.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<String>,
    /// Link faults, in words.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<String>,
}

/// The answer to a console command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ConsoleReply {
    /// Data lines before the status, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub data: Vec<Fields>,
    /// Accepted.
    pub ok: bool,
    /// Error code of a refusal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// What followed `ok`, or the text of the refusal.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub text: String,
}

/// A command APDU and what the card made of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Exchange {
    /// Number of the command within the tap, from 1.
    pub number: u32,
    /// Command APDU.
    pub command: Bytes,
    /// Response APDU with status word; none where the card stayed silent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response: Option<Bytes>,
    /// Fault that the link put on this response, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
    /// Time on the air from presentation to the end of the command, in us.
    pub air_us: u64,
    /// Host's time from the command's last byte read to the answer's last byte written, public-key operations
    /// excluded, in us.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host_us: Option<u64>,
}

/// How the reader let the card go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Release {
    /// S(DESELECT).
    Deselected,
    /// HLTA.
    Halted,
    /// The field went off.
    FieldOff,
}

/// What was on the air during a tap.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Traffic {
    /// Frames from the reader, polling included.
    pub from_reader: u32,
    /// Frames from the card.
    pub from_card: u32,
    /// R(NAK) and R(ACK) that asked for a block again.
    pub retries: u32,
    /// S(WTX) that the card asked for.
    pub wtx: u32,
}

/// Whether a validator was ready again after a tap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ReadyAgain {
    /// It was ready in time.
    InTime,
    /// It was not ready in time.
    Not,
    /// It had started again by itself, as after a crash.
    Restarted,
}

/// How the rig knows that no answer belongs to an earlier case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Freshness {
    /// The board returned a number that no other case has used.
    Nonce,
    /// The board lost its power before the case and has told of its start since.
    PowerOn,
}

/// The rig could not do its part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RigFault {
    /// What was being done.
    pub doing: String,
    /// On what.
    pub on: String,
    /// What went wrong.
    pub cause: String,
    /// What to try.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub advice: Option<String>,
}

impl fmt::Display for RigFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} on {}: {}", self.doing, self.on, self.cause)?;
        self.advice.as_ref().map_or(Ok(()), |advice| write!(f, "; {advice}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exchange() -> Event {
        Event {
            at_us: 1_200,
            board_us: Some(900),
            bench: Some("qemu".into()),
            case: Some("ODA-004/rsa1024".into()),
            source: Source::Emulator,
            numbers: vec![],
            body: Body::Exchange(Exchange {
                number: 1,
                command: Bytes(vec![0, 0xA4, 4, 0]),
                response: Some(Bytes(vec![0x90, 0])),
                air_us: 700,
                ..Exchange::default()
            }),
        }
    }

    #[test]
    fn a_line_of_the_record() {
        let line = serde_json::to_string(&exchange()).unwrap();
        assert_eq!(
            line,
            r#"{"at_us":1200,"board_us":900,"bench":"qemu","case":"ODA-004/rsa1024","source":"emulator","body":{"kind":"exchange","number":1,"command":"00A40400","response":"9000","air_us":700}}"#
        );
        assert_eq!(serde_json::from_str::<Event>(&line).unwrap(), exchange());
    }
}
