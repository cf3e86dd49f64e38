//! The one stream of events in a run.
//!
//! taprig computes everything else from it: verdicts, transcripts and reports. A record keeps it as JSON Lines with one
//! [`Event`] per line. [`SCHEMA`] in the first event says how to read the others. Names in the file are stable: a kind
//! of event may be added, but is never renamed.
//!
//! Primary account numbers in [`Bytes`] and in console values are masked unless the record is kept whole. In bytes, the
//! digits between the first six and the last four become `C`, which is never a digit of a PAN. In text they become `x`,
//! because a device that masks numbers itself writes `*`.

mod air;
mod always;
mod book;
mod check;
mod firmware;
mod signal;
mod started;
mod tap;
mod value;

pub use air::AirRule;
pub use always::AlwaysRule;
pub use book::Book;
pub use check::{Check, CheckResult, Criterion, SeenBy};
pub use firmware::{FirmwareImage, FlashOutcome};
pub use signal::{JournalRow, Reason, Signal, Status, Word};
pub use started::{BaselineUse, CaseStarted, RunStarted};
pub use tap::{Exchange, Release, Traffic};
pub use value::{Bytes, Fields};

use crate::acquirer::Work;
pub use crate::board::Role;
use crate::board::{BoardKind, CardSideKind};
use crate::result::{Summary, Verdict};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// Version of the stream. It is raised when an event changes its meaning.
pub const SCHEMA: u32 = 2;

/// Something happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Event {
    /// Time at which the rig noticed the event: us since the run started, on the rig's monotonic clock.
    pub at_us: u64,
    /// Time at which the event happened: us since the board started, on the board's own clock. Only boards that report
    /// their time have it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub board_us: Option<u64>,
    /// Name of the bench.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bench: Option<String>,
    /// The sub-case that was running, such as `ODA-004` or `ODA-004/rsa1024`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub case: Option<String>,
    /// The source of the event.
    pub source: Source,
    /// What happened.
    pub body: Body,
    /// One token for each account number that is masked in `body`, in the order of the numbers. Two equal tokens in one
    /// record stand for the same number. The key of the tokens is made for one record and is not kept. Frames have no
    /// tokens, because the exchange that they are a part of has them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub numbers: Vec<String>,
}

/// The source of an event.
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
    /// The acquirer's host.
    Acquirer,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Body {
    /// A run began. This is the first event of a record.
    RunStarted(RunStarted),
    /// A run that had ended early goes on (`taprig run --resume`).
    RunResumed {
        /// Time of day in UTC by RFC 3339.
        started: String,
        /// Sub-cases that are left.
        cases: u32,
    },
    /// A run started to use a bench.
    BenchOpened {
        /// The kinds of its boards.
        boards: BTreeMap<Role, BoardKind>,
        /// The kind of its card side, as bench files call it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        card_side: Option<CardSideKind>,
        /// Serial number of the device under test, if the bench file gives it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        serial_number: Option<String>,
        /// Where times come from.
        time: TimeBasis,
    },
    /// A run stopped using a bench.
    BenchClosed {},
    /// A board got or lost its power.
    Power {
        /// Which board.
        role: Role,
        /// Whether power is on now.
        on: bool,
        /// How it was switched.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<PowerSwitch>,
    },
    /// The image that a board is to run.
    Firmware(FirmwareImage),
    /// A board was flashed, or taprig found that it held the image already.
    Flashed {
        /// Which board.
        role: Role,
        /// What was done.
        outcome: FlashOutcome,
        /// SHA-256 of the image in lower-case hexadecimal.
        digest: String,
        /// Size of the image in bytes.
        bytes: u64,
        /// Duration in us.
        took_us: u64,
    },
    /// The maker's own program flashed the validator, or taprig found that the validator reports the version already.
    FlashedByProgram {
        /// Which board.
        role: Role,
        /// The program and its arguments.
        command: String,
        /// What was done.
        outcome: FlashOutcome,
        /// The version that the validator reports now.
        version: String,
        /// Duration in us.
        took_us: u64,
    },
    /// A board reported its identity.
    Identified {
        /// Which board.
        role: Role,
        /// What the board said: `device`, `firmware`, `board`, `version`, `digest`.
        identity: Fields,
    },
    /// A board is ready for the next tap or command.
    Ready {
        /// Which board.
        role: Role,
        /// Time since its power-on or reset, in us.
        took_us: u64,
    },
    /// A sub-case began. All events of the sub-case carry its id.
    CaseStarted(CaseStarted),
    /// A step of a case began.
    StepStarted {
        /// Number of the step, from 1.
        number: u32,
        /// The step as the case writes it, such as `tap` or `wait 3 s`.
        step: String,
    },
    /// A step ended.
    StepDone {
        /// Number of the step, from 1.
        number: u32,
        /// Duration in us.
        took_us: u64,
    },
    /// The rig sent a command line to the validator.
    ConsoleSent {
        /// The line without its line end.
        line: String,
    },
    /// The validator answered a command.
    ConsoleReply(ConsoleReply),
    /// The validator reported something by itself.
    Signal {
        /// The meaning of the report.
        signal: Signal,
        /// What the device said, in its own words.
        said: Fields,
    },
    /// The validator reported its state.
    Status {
        /// The meaning of the report.
        status: Status,
        /// What the device said, in its own words.
        said: Fields,
    },
    /// The validator accepted the settings of a step, or refused one.
    SettingsTaken {
        /// The settings, in words.
        what: String,
        /// Why the validator refused the setting. This is absent if it accepted all of them.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        refused: Option<String>,
    },
    /// A step emptied the journal.
    JournalCleared {
        /// Why the validator refused to empty the journal. This is absent if it did so.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        refused: Option<String>,
    },
    /// A step told the validator to do something with its acquirer.
    WorkAsked {
        /// The work.
        work: Work,
        /// Why the validator refused. This is absent if it has begun.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        refused: Option<String>,
    },
    /// Something happened at the acquirer.
    Acquirer {
        /// What happened, as the acquirer's own log has it.
        happened: Box<crate::acquirer::log::Body>,
    },
    /// The rig read the whole journal at the end of a case with an acquirer.
    Books {
        /// Number of records that the journal holds.
        count: u32,
        /// Sum of the records, in fen.
        total: u64,
        /// The records.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        rows: Vec<JournalRow>,
    },
    /// How the rig knows that the answers in a case do not come from an earlier case.
    Fresh {
        /// Which board.
        role: Role,
        /// The proof that was used.
        by: Freshness,
    },
    /// Whether the validator was ready for the next rider after a tap.
    ReadyAgain {
        /// Number of the tap in the sub-case, from 1.
        tap: u32,
        /// What was seen.
        seen: ReadyAgain,
        /// The longest time that the rig waited after the card had left, in us.
        within_us: u64,
    },
    /// The validator stopped in the middle of a case: it is a program on this host and ended by itself, or it did not answer
    /// until it was restarted.
    DeviceEnded {
        /// How it ended, and its last words; or what it did not answer.
        why: String,
    },
    /// The validator sent a line that is neither a reply nor an event.
    ConsoleNoise {
        /// The line. Bytes that are not UTF-8 are replaced.
        text: String,
    },
    /// Bytes passed a serial port. A file beside the events contains them.
    Serial {
        /// Name of the port, such as `validator-console`. The file `serial/<bench>-<port>.bin` holds the bytes.
        port: String,
        /// Whether the bytes came from the board. Otherwise the rig sent them to the board.
        received: bool,
        /// Offset of the first byte in the file.
        offset: u64,
        /// Number of bytes.
        len: u32,
    },
    /// The card side held a card to the reader: a tap began.
    Presented {
        /// Number of the tap in the sub-case, from 1.
        tap: u32,
        /// Name of the card image.
        card: String,
    },
    /// The reader switched its field on or off.
    Field {
        /// Whether the field is on now.
        on: bool,
        /// Time on the air since the card was presented, in us. Early records do not have it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        air_us: Option<u64>,
    },
    /// The reader activated the card (RATS was answered), or gave it power.
    Activated {
        /// FSD of the reader, in bytes. A PC/SC reader announces none to the card side.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        fsd: Option<u16>,
    },
    /// A command and its response.
    Exchange(Exchange),
    /// A frame on the air.
    Frame {
        /// Whether the card sent the frame. Otherwise the reader sent it.
        from_card: bool,
        /// Whether the frame is a short frame of seven bits.
        short: bool,
        /// The bytes with CRC. In a masked frame the two bytes of the CRC are 00.
        bytes: Bytes,
        /// Whether digits of an account number are hidden in the frame.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        masked: bool,
        /// Whether the card sent the frame after the reader had stopped waiting for it.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        late: bool,
        /// Time on the air since the card was presented, in us: the beginning of a frame of the reader, or the end of a frame of
        /// the card. Early records do not have it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        air_us: Option<u64>,
    },
    /// A fault was put on the link.
    Injected {
        /// The place of the fault, as the case writes it: `gpo`.
        at: String,
        /// The kind of fault, as the case writes it: `drop`.
        fault: String,
        /// The parameters of the fault, such as `seed` and `times`.
        values: Fields,
    },
    /// The rig did something while the reader waited for the answer to a command.
    Acted {
        /// The command, as the case writes it: `gpo`.
        at: String,
        /// What the rig did, in words.
        act: String,
    },
    /// The card left the reader's field in the middle of a tap, or came back.
    InField {
        /// Whether it is back.
        there: bool,
    },
    /// The reader released the card.
    Released {
        /// How the reader released it.
        how: Release,
    },
    /// The card side took the card away: a tap ended.
    Removed {
        /// What was on the air.
        traffic: Traffic,
        /// Time on the air since the card was presented, in us. [`TimeBasis`] says whether it is modelled or measured.
        air_us: u64,
    },
    /// What the electronic cash of the card holds after a tap. A card without electronic cash has no such event.
    Balance {
        /// The balance, in fen.
        fen: u64,
    },
    /// The rig read the journal at the end of a tap or case.
    Journal {
        /// Number of records that the journal holds.
        count: u32,
        /// Sum of the records, in fen.
        total: u64,
        /// Number of records that were added since the rig last read the journal in this case.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        added: Vec<JournalRow>,
        /// Records that a step asked for. This is absent if no step asked for any.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        listed: Option<Vec<JournalRow>>,
    },
    /// taprig compared an expectation with what was seen.
    Checked(Check),
    /// A sub-case ended.
    CaseFinished {
        /// The verdict.
        verdict: Verdict,
        /// Duration in us.
        took_us: u64,
        /// Number of the attempt, from 1.
        attempt: u32,
        /// Why the verdict is not a pass.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        failure: Option<String>,
    },
    /// The rig itself failed. This is never a failure of the device.
    RigFault(RigFault),
    /// The run ended. This is the last event of a complete record.
    RunFinished {
        /// Counts of verdicts.
        summary: Summary,
        /// Whether a person or a fault ended the run early, so that cases are missing.
        interrupted: bool,
    },
    /// A message for people who read the record.
    Note {
        /// The text.
        text: String,
    },
}

/// Where the times of a bench come from. A report never mixes the two.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TimeBasis {
    /// The card emulator computes them from the frames, because the air is a UART, between real boards as well. They do not
    /// contain the time that the device itself takes.
    #[default]
    Modelled,
    /// They are measured, by the clock of a card side with an antenna or by the clock of the host.
    Measured,
}

/// How the power of a board is switched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PowerSwitch {
    /// The rig stops the emulated board, overwrites its RAM with random bytes and resets it. The process of the board
    /// stays.
    Cut,
    /// The rig ends the process of the board and starts a new one.
    Process,
    /// The rig runs the programs that the bench file names.
    Command,
    /// A relay on a serial port.
    Relay,
    /// A switch with an HTTP interface.
    Http,
    /// A modem control line of a serial adapter.
    Line,
    /// The power can't be switched. The rig resets the board through its probe, or tells the board to restart.
    Reset,
}

/// The answer to a console command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ConsoleReply {
    /// Data lines before the status, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub data: Vec<Fields>,
    /// Whether the device accepted the command.
    pub ok: bool,
    /// Error code of a refusal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// What followed `ok`, or the text of the refusal.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub text: String,
}

/// Whether a validator was ready again after a tap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ReadyAgain {
    /// It was ready in time.
    InTime,
    /// It was not ready in time.
    Not,
    /// It had restarted by itself, for example after a crash.
    Restarted,
    /// Only a person could have seen it, and nobody did.
    NotSeen,
}

/// How the rig knows that no answer belongs to an earlier case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Freshness {
    /// The board returned a number that no other case has used.
    Nonce,
    /// The board lost its power before the case and has reported its start since.
    PowerOn,
    /// The board was restarted before the case, because its power can't be switched.
    Restart,
    /// The board reports nothing. Only questions that a person was asked in this case have answers.
    Asked,
}

/// The rig could not do its part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RigFault {
    /// What the rig was doing.
    pub doing: String,
    /// The object of the work, such as a board or a port.
    pub on: String,
    /// What went wrong.
    pub cause: String,
    /// What a person can try.
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
