//! Why flashing failed, in words that help. probe-rs' own top-level messages say little: the cause is found by walking
//! the sources of an error.

use super::{ImageError, Operation};
use probe_rs::{
    architecture::arm::{ArmError, DapError},
    config::RegistryError,
    flashing::FlashError as ProbeRsFlashError,
    probe::{DebugProbeError, ProbeCreationError},
};
use probe_rs_qemu::cortex_m::CoreError;
use std::{error::Error, fmt, path::PathBuf, time::Duration};

/// What was being done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Making sure that image and chip belong together.
    Check,
    /// Opening the probe.
    Open,
    /// Attaching to the chip.
    Attach,
    /// Erasing, programming or verifying.
    Flash(Option<Operation>),
    /// Resetting the chip.
    Reset,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Check => "choosing what to flash on",
            Self::Open => "opening",
            Self::Attach => "attaching to",
            Self::Flash(None) => "preparing the flash of",
            Self::Flash(Some(Operation::Fill)) => "reading the flash of",
            Self::Flash(Some(Operation::Erase)) => "erasing",
            Self::Flash(Some(Operation::Program)) => "programming",
            Self::Flash(Some(Operation::Verify)) => "verifying",
            Self::Reset => "resetting",
        })
    }
}

/// What went wrong.
#[derive(Debug, thiserror::Error)]
pub enum Cause {
    /// The image is none, or none for this chip.
    #[error(transparent)]
    Image(Box<ImageError>),
    /// probe-rs does not know the chip.
    #[error("probe-rs knows no chip by that name, or several")]
    UnknownChip,
    /// The flash algorithm's file can't be read.
    #[error("reading the flash algorithm {} failed", .0.display())]
    AlgorithmUnreadable(PathBuf),
    /// The flash algorithm's file is not one.
    #[error("the flash algorithm {} can't be used", .0.display())]
    AlgorithmBroken(PathBuf),
    /// The probe's name is no selector.
    #[error("a probe is named by `vid:pid` or `vid:pid:serial`, in hexadecimal: `0483:374b:0670FF48`")]
    BadSelector,
    /// No such probe.
    #[error("no such probe is connected (there is: {connected})")]
    NoProbe {
        /// The probes that there are.
        connected: String,
    },
    /// No probe was named, and there is more than one.
    #[error("several probes are connected ({connected})")]
    WhichProbe {
        /// The probes that there are.
        connected: String,
    },
    /// The probe is there but can't be used.
    #[error("the probe can't be opened")]
    ProbeBusy,
    /// The probe vanished.
    #[error("the connection to the probe broke")]
    ProbeLost,
    /// The emulator vanished.
    #[error("the emulated board is gone or does not answer")]
    EmulatorLost,
    /// The chip does not answer.
    #[error("the chip does not answer")]
    NoTarget,
    /// The chip does not let a debugger in.
    #[error("the chip refuses debug access")]
    Locked,
    /// Flash holds something else than was written.
    #[error("flash reads back other bytes than were written")]
    Verify,
    /// The flash algorithm reported a failure.
    #[error("the flash algorithm reported code {code}")]
    Algorithm {
        /// What it returned.
        code: u32,
    },
    /// Nothing happened for too long.
    #[error("nothing happened for {0:?}")]
    Stalled(Duration),
    /// Something else; the sources tell.
    #[error("{0}")]
    Other(String),
}

impl Cause {
    /// What to try.
    #[must_use]
    pub fn advice(&self) -> Option<&'static str> {
        Some(match self {
            Self::Image(error) => error.advice(),
            Self::UnknownChip => "write it as in its list of chips, for example STM32F405RGTx",
            Self::AlgorithmUnreadable(_) | Self::AlgorithmBroken(_) => "build it with ci/firmware",
            Self::NoProbe { .. } => "check its cable, or correct the bench file",
            Self::WhichProbe { .. } => "name one in the bench file",
            Self::ProbeBusy => "is another program using it, or is this user not allowed to (udev rules)?",
            Self::ProbeLost => "was it unplugged? Check its cable and run again",
            Self::EmulatorLost => "look at its qemu.log",
            Self::NoTarget => "check that the board has power and the SWD wires are right",
            Self::Locked => "if it is protected against reading out, unlock it (this erases it)",
            Self::Verify => "run again, and if it stays so, the chip is worn or damaged",
            Self::Algorithm { .. } => "is the flash write-protected, or the chip another one?",
            Self::Stalled(_) => "unplug the probe, plug it in again and run again",
            Self::BadSelector | Self::Other(_) => return None,
        })
    }
}

/// Flashing or resetting failed: what was being done, on what, what went wrong. What to try is its cause's to tell. Its sources have the
/// details.
#[derive(Debug)]
pub struct FlashError {
    /// What was being done.
    pub step: Step,
    /// On what: chip and probe.
    pub on: String,
    /// What went wrong.
    pub cause: Cause,
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl FlashError {
    /// An error without details.
    pub(super) fn new(step: Step, on: &str, cause: Cause) -> Self {
        Self { step, on: on.to_owned(), cause, source: None }
    }

    /// An error whose cause is known, with the details.
    pub(super) fn with(step: Step, on: &str, cause: Cause, source: impl Error + Send + Sync + 'static) -> Self {
        Self { step, on: on.to_owned(), cause, source: Some(Box::new(source)) }
    }

    /// An error of probe-rs, whose cause is somewhere among its sources.
    pub(super) fn probe(step: Step, on: &str, source: impl Error + Send + Sync + 'static) -> Self {
        let cause = classify(&source);
        Self::with(step, on, cause, source)
    }

    /// The details: every source, one after the other.
    pub fn details(&self) -> String {
        let texts: Vec<_> = chain(self).skip(1).map(ToString::to_string).collect();
        texts.join(": ")
    }
}

impl fmt::Display for FlashError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} failed: {}", self.step, self.on, self.cause)
    }
}

impl Error for FlashError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match (&self.source, &self.cause) {
            (Some(source), _) => Some(&**source),
            // An image's error is shown as the cause; what lies under it comes next.
            (None, Cause::Image(error)) => (**error).source(),
            (None, _) => None,
        }
    }
}

/// An error and its sources.
fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}

/// The most telling cause among an error's sources: a broken connection above all, since it makes everything fail.
fn classify(error: &(dyn Error + 'static)) -> Cause {
    let all: Vec<_> = chain(error).collect();
    let lost = all.iter().find_map(|error| lost(*error));
    let telling = || all.iter().rev().find_map(|error| telling(*error));
    let last = || Cause::Other(all.last().map_or_else(String::new, ToString::to_string));
    lost.or_else(telling).unwrap_or_else(last)
}

fn lost(error: &(dyn Error + 'static)) -> Option<Cause> {
    if let Some(CoreError::Rsp(_)) = error.downcast_ref() {
        return Some(Cause::EmulatorLost);
    }
    match error.downcast_ref::<DebugProbeError>()? {
        DebugProbeError::Usb(_) => Some(Cause::ProbeLost),
        DebugProbeError::ProbeCouldNotBeCreated(
            ProbeCreationError::CouldNotOpen | ProbeCreationError::Usb(_) | ProbeCreationError::ProbeSpecific(_),
        ) => Some(Cause::ProbeBusy),
        _ => None,
    }
}

fn telling(error: &(dyn Error + 'static)) -> Option<Cause> {
    if error.is::<RegistryError>() {
        return Some(Cause::UnknownChip);
    }
    if let Some(error) = error.downcast_ref::<ProbeRsFlashError>() {
        return match error {
            ProbeRsFlashError::Verify => Some(Cause::Verify),
            ProbeRsFlashError::RoutineCallFailed { error_code, .. } => Some(Cause::Algorithm { code: *error_code }),
            _ => None,
        };
    }
    if let Some(error) = error.downcast_ref::<ArmError>() {
        return match error {
            ArmError::NoTargetResponse { .. } => Some(Cause::NoTarget),
            ArmError::MissingPermissions(_) => Some(Cause::Locked),
            _ => None,
        };
    }
    if let Some(probe_rs::Error::MissingPermissions(_)) = error.downcast_ref() {
        return Some(Cause::Locked);
    }
    if let Some(DebugProbeError::TargetNotFound) = error.downcast_ref() {
        return Some(Cause::NoTarget);
    }
    match error.downcast_ref::<DapError>()? {
        DapError::NoAcknowledge => Some(Cause::NoTarget),
        DapError::FaultResponse => Some(Cause::Locked),
        _ => None,
    }
}
