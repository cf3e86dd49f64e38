//! What can be wrong with a bench.

use std::path::PathBuf;
use std::time::Duration;

use taprig_model::event::{RigFault, Role};

use super::Kind;
use crate::flash::FlashError;
use crate::link::LinkError;

/// The bench failed: the rig's fault, never a verdict on the device.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// A folder or file of the rig's own can't be used.
    #[error("can't use {path}: {source}; set TAPRIG_STATE to a folder that you may write", path = path.display())]
    State {
        /// The folder or file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Too many benches at a time.
    #[error("all {slots} slots of the bench {bench} are taken by other runs; wait for one to end")]
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
        kind: Kind,
        /// What went wrong.
        what: String,
    },
    /// A board ended of its own accord.
    #[error("the {role} is gone: {why}; run again, and if it stays so, look at the end of its record (--report)")]
    Ended {
        /// Which board.
        role: Role,
        /// Why, as far as is known.
        why: String,
    },
    /// The validator does not become ready.
    #[error("the {role} did not become ready within {} ms of power-on: {why}; has it power, is it this board's firmware, does it run, and is this its port?", within.as_millis())]
    NotReady {
        /// Which board.
        role: Role,
        /// How long it had.
        within: Duration,
        /// What was heard of it.
        why: String,
    },
    /// A board is not what the bench file says.
    #[error(
        "the {role} says that it is {seen}, but the bench file wants {wanted}: nothing was flashed; are the cables swapped, or is it another board?"
    )]
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
        "the {role} was flashed and verified, but its firmware reports the digest {seen} where the image has {wanted}; does it run from another memory?"
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
    #[error(
        "the {role} did not return this case's nonce but `{seen}`: what it says can't be relied on; is another program on its port?"
    )]
    Nonce {
        /// Which board.
        role: Role,
        /// What it returned.
        seen: String,
    },
    /// The card emulator left the reader without an answer.
    #[error(
        "the validator got no answer from the card emulator, which answers every frame: the machine is overloaded, or the air between the boards is cut; run fewer benches at a time, or check the wires"
    )]
    Air,
    /// Notes of the card emulator did not arrive.
    #[error(
        "{notes} notes of the card emulator were lost on the way, so what the card side saw is not whole; check its serial cable and `baud`, or run fewer benches at a time"
    )]
    Lost {
        /// How many.
        notes: u32,
    },
    /// This kind of board is not programmed by the rig.
    #[error("a board of kind `{0}` is not programmed by the rig")]
    NotProgrammable(Kind),
    /// A serial port that the bench file names is not there.
    #[error(
        "no serial port fits what the bench file says of the {role}: {wanted} (ports here: {there}); is the board or its adapter plugged in, and is this how it is called?"
    )]
    NoPort {
        /// Of which board.
        role: Role,
        /// What the bench file says.
        wanted: String,
        /// The ports that there are.
        there: String,
    },
    /// Several serial ports are as the bench file says.
    #[error(
        "several serial ports fit what the bench file says of the {role}: {wanted} (they are: {fitting}); tell them apart by `serial`, `interface` or `location`"
    )]
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

/// An error with all its causes, before its advice: `reading x failed (permission denied); has it been built?`.
pub fn told(error: &(dyn std::error::Error + 'static)) -> String {
    let text = error.to_string();
    let causes = std::iter::successors(error.source(), |error| error.source()).map(ToString::to_string);
    let causes: Vec<_> = causes.filter(|cause| !text.contains(cause.as_str())).collect();
    if causes.is_empty() {
        return text;
    }
    let causes = causes.join(": ");
    match text.rsplit_once("; ") {
        Some((what, advice)) => format!("{what} ({causes}); {advice}"),
        None => format!("{text} ({causes})"),
    }
}

impl BenchError {
    /// The fault as an event.
    #[must_use]
    pub fn fault(&self, doing: &str, on: &str) -> RigFault {
        let text = self.to_string();
        let (cause, advice) = match text.rsplit_once("; ") {
            Some((cause, advice)) => (cause.to_owned(), Some(advice.to_owned())),
            None => (text, None),
        };
        RigFault { doing: doing.into(), on: on.into(), cause, advice }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("reading x failed; is it there?")]
    struct Outer(#[source] std::io::Error);

    #[test]
    fn causes_stand_before_the_advice() {
        let error = Outer(std::io::Error::other("no such file"));
        assert_eq!(told(&error), "reading x failed (no such file); is it there?");
        assert_eq!(told(&std::io::Error::other("alone")), "alone");
    }

    #[test]
    fn a_fault_tells_cause_and_advice_apart() {
        let error = BenchError::NoSlot { bench: "sim".into(), slots: 2 };
        let fault = error.fault("getting the boards ready", "the bench sim");
        assert_eq!(fault.cause, "all 2 slots of the bench sim are taken by other runs");
        assert_eq!(fault.advice.as_deref(), Some("wait for one to end"));
    }
}
