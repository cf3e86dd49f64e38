//! Why flashing failed. The top-level messages of probe-rs say little, so the cause is found among the sources of an
//! error.

use super::{ImageError, Operation};
use probe_rs::{
    architecture::arm::{ArmError, DapError},
    config::RegistryError,
    flashing::FlashError as ProbeRsFlashError,
    probe::{DebugProbeError, ProbeCreationError},
};
use probe_rs_qemu::cortex_m::CoreError;
use std::{error::Error, fmt, path::PathBuf, time::Duration};

/// The stage of flashing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FlashStage {
    /// Checking that image and chip belong together.
    Check,
    /// Opening the probe.
    Open,
    /// Attaching to the chip.
    Attach,
    /// Erasing, programming or verifying.
    Flash(Option<Operation>),
    /// Reading flash for its digest.
    Read,
    /// Resetting the chip.
    Reset,
}

impl fmt::Display for FlashStage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Check => "choosing what to flash on",
            Self::Open => "opening",
            Self::Attach => "attaching to",
            Self::Flash(None) => "preparing the flash of",
            Self::Read | Self::Flash(Some(Operation::Fill)) => "reading the flash of",
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
    /// The file is not an image, or not an image for this chip.
    #[error(transparent)]
    Image(Box<ImageError>),
    /// probe-rs does not know the chip.
    #[error("probe-rs knows no chip with that name, or several")]
    UnknownChip,
    /// The flash algorithm's file can't be read.
    #[error("reading the flash algorithm {} failed", .0.display())]
    AlgorithmUnreadable(PathBuf),
    /// The flash algorithm's file does not contain a flash algorithm.
    #[error("the flash algorithm {} can't be used", .0.display())]
    AlgorithmBroken(PathBuf),
    /// The probe's name is not a selector.
    #[error("probe-rs does not understand the name of the probe")]
    BadSelector,
    /// There is no such probe.
    #[error("no such probe is connected (connected probes: {connected})")]
    NoProbe {
        /// The connected probes.
        connected: String,
    },
    /// The bench file names no probe, and there is more than one.
    #[error("several probes are connected ({connected})")]
    WhichProbe {
        /// The connected probes.
        connected: String,
    },
    /// Another probe is the same as the named one, except for the place where it is plugged in.
    #[error("a probe with the same ids and serial number is plugged in at {at}, and probe-rs can't tell the two apart")]
    Twins {
        /// USB port chains of the others.
        at: String,
    },
    /// The probe is connected but can't be used.
    #[error("the probe can't be opened")]
    ProbeBusy,
    /// The probe vanished.
    #[error("the connection to the probe broke")]
    ProbeLost,
    /// The emulator vanished.
    #[error("the emulated board has ended or does not answer")]
    EmulatorLost,
    /// The chip does not answer.
    #[error("the chip does not answer")]
    NoTarget,
    /// The chip does not let a debugger in.
    #[error("the chip refuses debug access")]
    Locked,
    /// The content of flash differs from what was written.
    #[error("flash reads back bytes that differ from those that were written")]
    Verify,
    /// The flash algorithm reported a failure.
    #[error("the flash algorithm reported code {code}")]
    Algorithm {
        /// The code that it returned.
        code: u32,
    },
    /// Flashing made no progress for too long.
    #[error("there was no progress for {0:?}")]
    Stalled(Duration),
    /// Any other cause. The sources contain the details.
    #[error("{0}")]
    Other(String),
}

impl Cause {
    /// What a person can try.
    #[must_use]
    pub fn advice(&self) -> Option<&'static str> {
        Some(match self {
            Self::Image(error) => error.advice(),
            Self::UnknownChip => "write the name as in the list of chips of probe-rs, for example STM32F405RGTx",
            Self::AlgorithmUnreadable(_) | Self::AlgorithmBroken(_) => "build it with ci/firmware",
            Self::NoProbe { .. } => "check its cable, or correct the bench file",
            Self::WhichProbe { .. } => "name one of them in the bench file",
            Self::Twins { .. } => {
                "give one of them another serial number with its maker's tool, or connect them to two machines"
            }
            Self::ProbeBusy => "check whether another program uses it, and whether this user may use it (udev rules)",
            Self::ProbeLost => "check whether it was unplugged, check its cable, and run again",
            Self::EmulatorLost => "look at the board's qemu.log",
            Self::NoTarget => "check that the board has power and that the SWD wires are connected correctly",
            Self::Locked => "if the chip is protected against reading, unlock it (this erases it)",
            Self::Verify => "run again; if it happens again, the chip is worn or damaged",
            Self::Algorithm { .. } => "check whether the flash is write-protected, or whether it is another chip",
            Self::Stalled(_) => "unplug the probe, plug it in again and run again",
            Self::BadSelector | Self::Other(_) => return None,
        })
    }
}

/// Flashing or resetting failed. The message says what was being done, on what, and what went wrong. The cause says
/// what to try. The sources contain the details.
#[derive(Debug)]
pub struct FlashError {
    /// The stage at which it failed.
    pub stage: FlashStage,
    /// The chip and the probe.
    pub on: String,
    /// What went wrong.
    pub cause: Cause,
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl FlashError {
    /// An error without details.
    pub(super) fn new(stage: FlashStage, on: &str, cause: Cause) -> Self {
        Self { stage, on: on.to_owned(), cause, source: None }
    }

    /// An error whose cause is known, with the details.
    pub(super) fn with(stage: FlashStage, on: &str, cause: Cause, source: impl Error + Send + Sync + 'static) -> Self {
        Self { stage, on: on.to_owned(), cause, source: Some(Box::new(source)) }
    }

    /// An error of probe-rs. Its cause is somewhere among its sources.
    pub(super) fn probe(stage: FlashStage, on: &str, source: impl Error + Send + Sync + 'static) -> Self {
        let cause = classify(&source);
        Self::with(stage, on, cause, source)
    }

    /// The details: every source, in order.
    pub fn details(&self) -> String {
        let texts: Vec<_> = chain(self).skip(1).map(ToString::to_string).collect();
        texts.join(": ")
    }
}

impl fmt::Display for FlashError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} failed: {}", self.stage, self.on, self.cause)
    }
}

impl Error for FlashError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match (&self.source, &self.cause) {
            (Some(source), _) => Some(&**source),
            // The text of an image error is shown as the cause, so the details begin with its source.
            (None, Cause::Image(error)) => (**error).source(),
            (None, _) => None,
        }
    }
}

/// An error and its sources.
fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}

/// The most helpful cause among the sources of an error. A broken connection comes first, because it makes everything
/// else fail.
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
