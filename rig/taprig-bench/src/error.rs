//! What can be wrong with a bench.

use std::path::PathBuf;
use std::time::Duration;

use taprig_model::bench::BoardKind;
use taprig_model::event::{RigFault, Role};

use crate::flash::FlashError;
use crate::link::LinkError;

/// The bench failed: the rig's fault, never a verdict on the device.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// A folder or file of the rig's own can't be used.
    #[error("can't use {path}: {source}", path = path.display())]
    State {
        /// The folder or file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Too many benches at a time.
    #[error("all {slots} slots of the bench {bench} are taken by other runs")]
    NoSlot {
        /// The bench.
        bench: String,
        /// How many slots there are.
        slots: u32,
    },
    /// A board does not start.
    #[error("the {role} ({kind}) does not start: {what}")]
    Start {
        /// Which board.
        role: Role,
        /// Which kind.
        kind: BoardKind,
        /// What went wrong.
        what: String,
        /// What to try.
        advice: Option<&'static str>,
    },
    /// A board ended of its own accord.
    #[error("the {role} is gone: {why}")]
    Ended {
        /// Which board.
        role: Role,
        /// Why, as far as is known.
        why: String,
    },
    /// The validator does not become ready.
    #[error("the {role} did not become ready within {} ms of power-on: {why}", within.as_millis())]
    NotReady {
        /// Which board.
        role: Role,
        /// How long it had.
        within: Duration,
        /// What was heard of it.
        why: String,
    },
    /// A board is not what the bench file says.
    #[error("the {role} says that it is {seen}, but the bench file wants {wanted}: nothing was flashed")]
    WrongBoard {
        /// Which board.
        role: Role,
        /// What it says.
        seen: String,
        /// What the bench file wants.
        wanted: String,
    },
    /// After flashing, the board still runs another image.
    #[error(
        "the {role} was flashed and verified, but its firmware reports the digest {seen} where the image has {wanted}"
    )]
    Digest {
        /// Which board.
        role: Role,
        /// What it reports.
        seen: String,
        /// What the image has.
        wanted: String,
    },
    /// The nonce of a case did not come back.
    #[error("the {role} did not return this case's nonce but `{seen}`: what it says can't be relied on")]
    Nonce {
        /// Which board.
        role: Role,
        /// What it returned.
        seen: String,
    },
    /// The card emulator left the reader without an answer.
    #[error(
        "the validator got no answer from the card emulator, which answers every frame: the machine is overloaded, or the air between the boards is cut"
    )]
    Air,
    /// Notes of the card emulator did not arrive.
    #[error("{notes} notes of the card emulator were lost on the way, so what the card side saw is not whole")]
    Lost {
        /// How many.
        notes: u32,
    },
    /// This kind of board is not programmed by the rig.
    #[error("a board of kind `{0}` is not programmed by the rig")]
    NotProgrammable(BoardKind),
    /// A serial port that the bench file names is not there.
    #[error("no serial port fits what the bench file says of the {role}: {wanted} (ports here: {there})")]
    NoPort {
        /// Of which board.
        role: Role,
        /// What the bench file says.
        wanted: String,
        /// The ports that there are.
        there: String,
    },
    /// Several serial ports are as the bench file says.
    #[error("several serial ports fit what the bench file says of the {role}: {wanted} (they are: {fitting})")]
    SeveralPorts {
        /// Of which board.
        role: Role,
        /// What the bench file says.
        wanted: String,
        /// The ports that fit.
        fitting: String,
    },
    /// A program that switches power failed.
    #[error("`{command}` did not switch the power: {why}")]
    Power {
        /// The program.
        command: String,
        /// Why.
        why: String,
    },
    /// Flashing failed.
    #[error("flashing the {role}: {}", told(source))]
    Flash {
        /// Which board.
        role: Role,
        /// Why.
        source: FlashError,
    },
    /// A serial link failed.
    #[error(transparent)]
    Link(#[from] LinkError),
}

/// An error with all its causes: `reading x failed (permission denied)`. What an error quotes of its causes itself is not
/// told twice.
pub fn told(error: &(dyn std::error::Error + 'static)) -> String {
    let text = error.to_string();
    let causes = std::iter::successors(error.source(), |error| error.source()).map(ToString::to_string);
    let causes: Vec<_> = causes.filter(|cause| !text.contains(cause.as_str())).collect();
    if causes.is_empty() { text } else { format!("{text} ({})", causes.join(": ")) }
}

/// What went wrong and what to try, as one line for a person.
pub fn advised(what: String, advice: Option<&str>) -> String {
    match advice {
        Some(advice) => format!("{what}; {advice}"),
        None => what,
    }
}

impl BenchError {
    /// What to try. It is no part of the message, which may hold words of other programs.
    #[must_use]
    pub fn advice(&self) -> Option<&'static str> {
        Some(match self {
            Self::State { .. } => "set TAPRIG_STATE to a folder that you may write",
            Self::NoSlot { .. } => "wait for one to end",
            Self::Start { advice, .. } => return *advice,
            Self::Ended { .. } => "run again, and if it stays so, look at the end of its record (--report)",
            Self::NotReady { .. } => "has it power, is it this board's firmware, does it run, and is this its port?",
            Self::WrongBoard { .. } => "are the cables swapped, or is it another board?",
            Self::Digest { .. } => "does it run from another memory?",
            Self::Nonce { .. } => "is another program on its port?",
            Self::Air => "run fewer benches at a time, or check the wires",
            Self::Lost { .. } => "check its serial cable and `baud`, or run fewer benches at a time",
            Self::NoPort { .. } => "is the board or its adapter plugged in, and is this how it is called?",
            Self::SeveralPorts { .. } => "tell them apart by `serial`, `interface` or `location`",
            Self::Power { .. } => "does it work when you run it by hand?",
            Self::Flash { source, .. } => return source.cause.advice(),
            Self::Link(error) => return error.advice(),
            Self::NotProgrammable(_) => return None,
        })
    }

    /// The fault as an event.
    #[must_use]
    pub fn fault(&self, doing: &str, on: &str) -> RigFault {
        let advice = self.advice().map(str::to_owned);
        RigFault { doing: doing.into(), on: on.into(), cause: told(self), advice }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("reading x failed")]
    struct Outer(#[source] std::io::Error);

    #[test]
    fn causes_stand_behind_in_brackets() {
        let error = Outer(std::io::Error::other("no such file"));
        assert_eq!(told(&error), "reading x failed (no such file)");
        assert_eq!(told(&std::io::Error::other("alone")), "alone");
        assert_eq!(advised("alone".into(), Some("try")), "alone; try");
    }

    #[test]
    fn a_fault_tells_cause_and_advice_apart() {
        let error = BenchError::NoSlot { bench: "sim".into(), slots: 2 };
        let fault = error.fault("getting the boards ready", "the bench sim");
        assert_eq!(fault.cause, "all 2 slots of the bench sim are taken by other runs");
        assert_eq!(fault.advice.as_deref(), Some("wait for one to end"));
    }

    #[test]
    fn what_another_program_says_is_no_advice() {
        let foreign = "usage: relay on; relay off";
        let errors = [
            BenchError::Power { command: "relay up".into(), why: foreign.into() },
            LinkError::Refused { what: "journal".into(), from: "the validator's console", why: foreign.into() }.into(),
            BenchError::Start { role: Role::Emulator, kind: BoardKind::Sim, what: foreign.into(), advice: None },
        ];
        for error in errors {
            let fault = error.fault("running BUS-001", "the bench desk");
            assert!(fault.cause.contains(foreign), "{fault:?}");
            assert!(!fault.advice.is_some_and(|advice| advice.contains("relay")), "{error:?}");
        }
    }
}
