//! Errors of a bench.

use std::borrow::Cow;
use std::path::PathBuf;
use std::time::Duration;

use taprig_model::bench::BoardKind;
use taprig_model::event::{RigFault, Role};

use crate::card_side::pn532::WrongSettings;
use crate::flash::{Cause, FlashError};
use crate::link::LinkError;
use crate::link::vpcd::VpcdError;
use crate::wedged::{Part, Wedged};

/// The bench failed. This is the rig's fault and never a verdict on the device.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// A folder or file of the rig's own can't be used.
    #[error("can't use {path}: {source}", path = path.display())]
    State {
        /// The folder or file.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// Too many benches are in use at the same time.
    #[error("{}", in_use(.bench, *.slots, .holders))]
    NoSlot {
        /// The bench.
        bench: String,
        /// Number of slots.
        slots: u32,
        /// The runs that use them.
        holders: String,
    },
    /// A labgrid coordinator did not hand out the bench, or did not take it back.
    #[error("the place {place} {what}")]
    Place {
        /// Name of the place.
        place: String,
        /// What happened, in a form that follows the name.
        what: String,
    },
    /// The bench has no board in this role, so there is no serial port.
    #[error("the bench file names no board for the {0}, and the adapter of this side needs one")]
    NoBoard(Role),
    /// The bench file asks for something that a PN532 can't do.
    #[error(transparent)]
    Pn532(#[from] WrongSettings),
    /// A board does not start.
    #[error("the {role} ({kind}) does not start: {what}")]
    Start {
        /// The board.
        role: Role,
        /// The kind of the board.
        kind: BoardKind,
        /// What went wrong.
        what: String,
        /// What a person can try.
        advice: Option<&'static str>,
    },
    /// A board ended by itself.
    #[error("the {role} is gone: {why}")]
    Ended {
        /// The board.
        role: Role,
        /// The cause, as far as it is known.
        why: String,
    },
    /// The validator did not become ready.
    #[error("the {role} did not become ready within {} ms of power-on: {why}", within.as_millis())]
    NotReady {
        /// The board.
        role: Role,
        /// The time limit.
        within: Duration,
        /// What the board sent in that time.
        why: String,
    },
    /// A board has started, but does not answer.
    #[error("the {role} does not answer: {source}")]
    Silent {
        /// The board.
        role: Role,
        /// The cause.
        source: LinkError,
    },
    /// A part of the bench hung in an earlier run.
    #[error("the bench {bench} is wedged {wedged}")]
    Wedged {
        /// The bench.
        bench: String,
        /// The part, the reason and the time.
        wedged: Wedged,
    },
    /// A part of the bench hangs, and the mark for later runs could not be written.
    #[error("the bench {bench} is wedged {wedged}. Later runs will not refuse it, because {path} can't be written: {source}", path = path.display())]
    Unmarked {
        /// The bench.
        bench: String,
        /// The part, the reason and the time.
        wedged: Wedged,
        /// The file of the mark.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// A board's identity differs from its device file.
    #[error("the {role} says that it is {seen}, but its device file says {wanted}: nothing was flashed")]
    WrongBoard {
        /// The board.
        role: Role,
        /// What the board says.
        seen: String,
        /// What the device file says.
        wanted: String,
    },
    /// The other side answers at the port of a board.
    #[error("{answers} answers at the serial port of the {role}{}: nothing was flashed", too.as_ref().map_or_else(String::new, |too| format!(", and {too} answers at the other port")))]
    Swapped {
        /// The board whose port it is.
        role: Role,
        /// Who answers there.
        answers: String,
        /// Who answers at the port of the other board, if its port is wrong as well.
        too: Option<String>,
    },
    /// The debug probe of a board is connected to a board that has the firmware of the other role.
    #[error("the board behind the debug probe of the {role} holds the firmware {holds}: nothing was flashed")]
    WrongProbe {
        /// The board.
        role: Role,
        /// The firmware that its flash holds.
        holds: String,
    },
    /// The debug probe of a board is connected to another chip than the bench file names.
    #[error(
        "the chip behind the debug probe of the {role} has the serial number {seen}, but the bench file says {wanted}: nothing was flashed"
    )]
    WrongChip {
        /// The board.
        role: Role,
        /// The serial number of the chip.
        seen: String,
        /// The serial number in the bench file.
        wanted: String,
    },
    /// After flashing, the board still runs another image.
    #[error("the {role} was flashed and verified, but its firmware reports the digest {seen} instead of {wanted}")]
    Digest {
        /// The board.
        role: Role,
        /// The digest that the firmware reports.
        seen: String,
        /// The digest of the image.
        wanted: String,
    },
    /// A board runs another image than the bench file names, and it must not be flashed now.
    #[error("the {role} runs the image {}, but the bench file names the image {}", short(seen), short(wanted))]
    Stale {
        /// The board.
        role: Role,
        /// The digest that the firmware reports.
        seen: String,
        /// The digest of the image.
        wanted: String,
        /// The bench.
        bench: String,
    },
    /// A board does not start, and it must not be flashed now, although its flash may be empty.
    #[error("{why}")]
    Unflashed {
        /// The board.
        role: Role,
        /// What went wrong.
        why: Box<BenchError>,
        /// The bench.
        bench: String,
    },
    /// The board did not return the nonce of a case.
    #[error("the {role} returned `{seen}` instead of this case's nonce: its answers can't be relied on")]
    Nonce {
        /// The board.
        role: Role,
        /// What the board returned.
        seen: String,
    },
    /// The card emulator did not answer the reader.
    #[error(
        "the validator got no answer from the card emulator, although it answers every frame: the machine is overloaded, or the air between the boards is cut"
    )]
    Air,
    /// Notes of the card emulator did not arrive.
    #[error("{notes} notes of the card emulator were lost, so the observations of the card side are incomplete")]
    Lost {
        /// Number of lost notes.
        notes: u32,
    },
    /// The rig does not program this kind of board.
    #[error("the rig does not program boards of kind `{0}`")]
    NotProgrammable(BoardKind),
    /// The line between the validator and the acquirer of the bench can't be used.
    #[error("{what}")]
    Acquirer {
        /// What went wrong, and where.
        what: String,
    },
    /// No serial port matches the bench file.
    #[error(
        "no serial port matches the bench file's description of the {role}: {wanted} (ports of this machine: {there})"
    )]
    NoPort {
        /// The board.
        role: Role,
        /// What the bench file says.
        wanted: String,
        /// The ports of this machine.
        there: String,
    },
    /// Several serial ports match the bench file.
    #[error("several serial ports match the bench file's description of the {role}: {wanted} (these ports: {fitting})")]
    SeveralPorts {
        /// The board.
        role: Role,
        /// What the bench file says.
        wanted: String,
        /// The ports that match.
        fitting: String,
    },
    /// A power switch failed.
    #[error("`{switch}` did not switch the power: {why}")]
    Power {
        /// The program with its arguments, the address, or another name of what switches.
        switch: String,
        /// The cause.
        why: String,
        /// Whose power it switches, and its host and port, if nothing answered there.
        away: Option<(Role, String)>,
        /// What a person can try.
        advice: &'static str,
    },
    /// The program that flashes the validator failed.
    #[error("`{command}` did not flash the validator: {why}")]
    FlashProgram {
        /// The program with its arguments.
        command: String,
        /// The cause.
        why: String,
    },
    /// After the program has flashed it, the validator reports another version.
    #[error("the validator was flashed, but it reports {}, and the bench file asks for version {wanted}", version(seen.as_deref()))]
    Version {
        /// The version that the validator reports.
        seen: Option<String>,
        /// The version in the bench file.
        wanted: String,
    },
    /// The validator has another version than the bench file asks for, and the program that flashes it must not run.
    #[error("the validator reports {}, and the bench file asks for version {wanted}: nothing was flashed", version(seen.as_deref()))]
    Outdated {
        /// The version that the validator reports.
        seen: Option<String>,
        /// The version in the bench file.
        wanted: String,
        /// Name of the bench.
        bench: String,
    },
    /// Flashing failed.
    #[error("flashing the {role}: {}", with_causes(source))]
    Flash {
        /// The board.
        role: Role,
        /// The cause.
        source: FlashError,
    },
    /// A part was unplugged, or it lost its power.
    #[error("{part} was unplugged or lost its power: {}", with_causes(&**source))]
    Unplugged {
        /// The part, in words.
        part: String,
        /// What the rig noticed.
        source: Box<BenchError>,
    },
    /// A part that was unplugged did not come back.
    #[error("{part} did not come back within {} s{}", within.as_secs_f32(), because(source.as_deref()))]
    NotBack {
        /// The part, in words.
        part: String,
        /// How long the rig waited.
        within: Duration,
        /// What the rig noticed when it tried to use the part for the last time.
        source: Option<Box<BenchError>>,
    },
    /// A part that was unplugged came back, but the bench does not work.
    #[error("{part} came back, but the bench does not work: {}", with_causes(&**source))]
    BackInVain {
        /// The part, in words.
        part: String,
        /// Why the bench does not work.
        source: Box<BenchError>,
    },
    /// A serial link failed.
    #[error(transparent)]
    Link(#[from] LinkError),
}

fn because(source: Option<&BenchError>) -> String {
    source.map_or_else(String::new, |source| format!(": {}", with_causes(source)))
}

const PLUG_IN: &str = "plug it in and run again; `back-within` in the bench file says how long a run waits";

/// The beginning of a digest, which is enough to tell two apart.
fn short(digest: &str) -> &str {
    digest.get(..16).unwrap_or(digest)
}

/// An error with all its causes: `reading x failed (permission denied)`. A cause that the error's text already contains
/// is not repeated.
pub fn with_causes(error: &(dyn std::error::Error + 'static)) -> String {
    let text = error.to_string();
    let causes = std::iter::successors(error.source(), |error| error.source()).map(ToString::to_string);
    let causes: Vec<_> = causes.filter(|cause| !text.contains(cause.as_str())).collect();
    if causes.is_empty() { text } else { format!("{text} ({})", causes.join(": ")) }
}

/// What went wrong and what to try, in one line.
pub fn with_advice(what: String, advice: Option<&str>) -> String {
    match advice {
        Some(advice) => format!("{what}; {advice}"),
        None => what,
    }
}

fn version(seen: Option<&str>) -> String {
    seen.map_or_else(|| "no version".to_owned(), |seen| format!("version {seen}"))
}

impl BenchError {
    /// The error for a question to the side of a role that failed with a [`LinkError`].
    pub(super) fn silent(role: Role) -> impl Fn(LinkError) -> Self {
        move |error| match error {
            source @ (LinkError::Deadline { .. } | LinkError::Stuck { .. }) => Self::Silent { role, source },
            error => error.into(),
        }
    }

    /// What a person can try. This is not part of the message, which may contain the words of other programs.
    #[must_use]
    pub fn advice(&self) -> Option<Cow<'static, str>> {
        match self {
            Self::Wedged { bench, .. } => Some(Cow::Owned(format!(
                "`taprig bench check {bench}` says what is wrong now, and `taprig bench clear {bench}` lifts the mark"
            ))),
            Self::Stale { bench, .. } => {
                Some(Cow::Owned(format!("`taprig flash --bench {bench}` writes the image; every run does it too")))
            }
            Self::Outdated { bench, .. } => {
                Some(Cow::Owned(format!("`taprig flash --bench {bench}` flashes it; every run does it too")))
            }
            Self::Unflashed { bench, .. } => Some(Cow::Owned(format!(
                "check that the board has power and that this is its port; if its flash is empty, `taprig flash --bench \
                 {bench}` writes the image"
            ))),
            Self::BackInVain { source, .. } => source.advice(),
            Self::Unplugged { source, .. } | Self::NotBack { source: Some(source), .. } => {
                source.advice().or(Some(Cow::Borrowed(PLUG_IN)))
            }
            _ => self.fixed_advice().map(Cow::Borrowed),
        }
    }

    /// The advice of the errors that need no name in it.
    fn fixed_advice(&self) -> Option<&'static str> {
        Some(match self {
            Self::State { .. } | Self::Unmarked { .. } => "set TAPRIG_STATE to a folder that you may write",
            Self::NoSlot { .. } => "wait until one of them ends; `taprig run` does so with `--wait 10 min`",
            Self::Place { .. } => {
                "look at it with `labgrid-client -p PLACE show`; `LG_COORDINATOR` or `labgrid.coordinator` names the coordinator, and `--wait 10 min` waits for a place"
            }
            Self::Start { advice, .. } => return *advice,
            Self::Ended { .. } => "run again; if it happens again, look at the end of the record (--report)",
            Self::NotReady { .. } => {
                "check that it has power, that its firmware is the one for this board and runs, and that this is its port"
            }
            Self::WrongBoard { .. } => {
                "check whether the cables are swapped, whether it is another board, and whether `identity` in the device file is right"
            }
            Self::Swapped { too: Some(_), .. } => {
                "exchange the two serial cables, or `serial` of the two boards in the bench file; if the boards are to change their roles, `taprig flash --reassign` flashes both"
            }
            Self::Swapped { .. } => {
                "check which board is connected to this port, and correct the cable or `serial` in the bench file; if the board is to change its role, use `taprig flash --reassign`"
            }
            Self::WrongProbe { .. } => {
                "exchange the two debug probes, or `probe` of the two boards in the bench file; if the board is to change its role, use `taprig flash --reassign`"
            }
            Self::WrongChip { .. } => {
                "connect the probe to the right board, or correct `probe` or `chip-serial` in the bench file"
            }
            Self::Digest { .. } => "check whether it runs from another memory",
            Self::Nonce { .. } => "check whether another program uses its port",
            Self::Air => "run fewer benches at a time, or check the wires",
            Self::Lost { .. } => "check its serial cable and `baud`, or run fewer benches at a time",
            Self::Acquirer { .. } => {
                "check `acquirer` in the bench file, and that no other program uses that address or port"
            }
            Self::NoPort { .. } => {
                "check that the board or its adapter is plugged in, and that the bench file describes it correctly"
            }
            Self::SeveralPorts { .. } => "add `serial`, `interface` or `location` to tell them apart",
            Self::Power { advice, .. } => advice,
            Self::FlashProgram { .. } => {
                "check whether the program works when you run it by hand in the project's folder"
            }
            Self::Version { seen: None, .. } => {
                "see to it that the identity in the device file contains the version, or remove `flash` from the bench file"
            }
            Self::Version { .. } => {
                "check which version the program flashes, and correct `flash.version` if it is right"
            }
            Self::Flash { source, .. } => return source.cause.advice(),
            Self::Link(error) | Self::Silent { source: error, .. } => return error.advice(),
            Self::Pn532(error) => error.advice(),
            Self::NoBoard(_) => "add a board to the bench file",
            Self::NotBack { .. } => PLUG_IN,
            Self::NotProgrammable(_)
            | Self::Unplugged { .. }
            | Self::BackInVain { .. }
            | Self::Wedged { .. }
            | Self::Stale { .. }
            | Self::Outdated { .. }
            | Self::Unflashed { .. } => return None,
        })
    }

    /// The part that hangs, if the error says that one does: it is there, but it does not answer. A part that was
    /// unplugged is no part that hangs, because it works again as soon as it is plugged in. The same is true of a program
    /// that ends by itself, because the rig starts it again.
    #[must_use]
    pub fn hangs(&self) -> Option<Part> {
        match self {
            Self::NotReady { role, .. } | Self::Silent { role, .. } => Some((*role).into()),
            Self::Flash { role, source } if matches!(source.cause, Cause::Stalled(_) | Cause::NoTarget) => {
                Some((*role).into())
            }
            Self::Link(LinkError::VirtualReader(VpcdError::NotTaken { .. } | VpcdError::Unfinished { .. })) => {
                Some(Part::CardSide)
            }
            Self::Power { away: None, .. } => Some(Part::PowerSwitch),
            // All that an adapter program does wrong has this error. The rig has started it anew.
            Self::Link(LinkError::Adapter { .. }) => Some(Part::Validator),
            _ => None,
        }
    }

    /// The error as an event.
    #[must_use]
    pub fn fault(&self, doing: &str, on: &str) -> RigFault {
        let advice = self.advice().map(Cow::into_owned);
        RigFault { doing: doing.into(), on: on.into(), cause: with_causes(self), advice }
    }
}

/// Who keeps a bench from others.
fn in_use(bench: &str, slots: u32, holders: &str) -> String {
    match slots {
        1 => format!("another run uses the bench {bench} ({holders})"),
        _ => format!("other runs use the bench {bench}, which can be used {slots} times at once ({holders})"),
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
        assert_eq!(with_causes(&error), "reading x failed (no such file)");
        assert_eq!(with_causes(&std::io::Error::other("alone")), "alone");
        assert_eq!(with_advice("alone".into(), Some("try")), "alone; try");
    }

    #[test]
    fn a_fault_tells_cause_and_advice_apart() {
        let error =
            BenchError::NoSlot { bench: "sim".into(), slots: 2, holders: "process 7 of ann: taprig run".into() };
        let fault = error.fault("getting the boards ready", "the bench sim");
        assert_eq!(
            fault.cause,
            "other runs use the bench sim, which can be used 2 times at once (process 7 of ann: taprig run)"
        );
        assert_eq!(in_use("desk", 1, "process 7"), "another run uses the bench desk (process 7)");
        assert_eq!(
            fault.advice.as_deref(),
            Some("wait until one of them ends; `taprig run` does so with `--wait 10 min`")
        );
    }

    #[test]
    fn a_part_that_hangs_is_there_and_does_not_answer() {
        let role = Role::Emulator;
        let deadline = || LinkError::Deadline {
            what: "identity".into(),
            from: "it",
            within: Duration::from_secs(1),
            silent: false,
        };
        let gone = LinkError::Gone { port: "serial port x".into(), source: std::io::Error::other("unplugged") };
        let slow = VpcdError::NotTaken { address: "a:1".into(), within: Duration::from_secs(1) };
        for (error, part) in [
            (
                BenchError::NotReady { role, within: Duration::from_secs(1), why: "silence".into() },
                Some(Part::CardSide),
            ),
            (BenchError::Silent { role: Role::Validator, source: deadline() }, Some(Part::Validator)),
            (
                BenchError::Power { switch: "x".into(), why: "y".into(), away: None, advice: "z" },
                Some(Part::PowerSwitch),
            ),
            (
                BenchError::Power { switch: "x".into(), why: "y".into(), away: Some((role, "x".into())), advice: "z" },
                None,
            ),
            (LinkError::Adapter { program: "x".into(), what: "did not answer".into() }.into(), Some(Part::Validator)),
            (LinkError::VirtualReader(slow).into(), Some(Part::CardSide)),
            (gone.into(), None),
            (BenchError::Ended { role, why: "it crashed".into() }, None),
            (BenchError::NoPort { role, wanted: "x".into(), there: "none".into() }, None),
            (BenchError::Air, None),
        ] {
            assert_eq!(error.hangs(), part, "{error:?}");
        }
    }

    #[test]
    fn what_another_program_says_is_no_advice() {
        let foreign = "usage: relay on; relay off";
        let errors = [
            BenchError::Power { switch: "relay up".into(), why: foreign.into(), away: None, advice: "try it by hand" },
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
