//! Whether a bench is fit for a run: every part is there, answers, and has the right firmware.
//!
//! [`host`] and [`ports`] tell what can be told without opening anything. [`chip`] uses the debug probes.
//! [`Bench`](crate::Bench) has the checks that need power: they open the bench as a run does. Nothing here prints or
//! decides what comes next: each check returns a [`Finding`], and [`CheckStep`] has the order of the first day of real boards.

pub mod chip;
mod firmware;
mod frames;
pub mod host;
mod measure;
pub mod ports;

use std::fmt;

use serde::Serialize;
use taprig_model::event::Role;

use crate::{BenchError, with_causes};

/// The steps of a check, in their order. A later step makes no sense if an earlier one has failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum CheckStep {
    /// Folders and disk of this machine.
    Host,
    /// Ports, probes, programs: they are there and may be used.
    Ports,
    /// The debug probe attaches to the chip, and it is the chip of the bench file.
    Attach,
    /// The chip lets a debugger in.
    Protection,
    /// Power and firmware: both sides become ready and run the right image.
    Flash,
    /// Both links answer, and how fast.
    Console,
    /// The air of the validator, wired to itself.
    Loop,
    /// The reader sees a card.
    Air,
    /// The clocks of host and boards agree.
    Clock,
    /// Settings outlive a power cycle, if the device claims it.
    Settings,
    /// The debug probe attaches while the firmware sleeps.
    Asleep,
    /// One tap, up to its result.
    Tap,
}

impl CheckStep {
    /// The name of the step.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Host => "host",
            Self::Ports => "ports",
            Self::Attach => "attach",
            Self::Protection => "protection",
            Self::Flash => "flash",
            Self::Console => "console",
            Self::Loop => "loop",
            Self::Air => "air",
            Self::Clock => "clock",
            Self::Settings => "settings",
            Self::Asleep => "asleep",
            Self::Tap => "tap",
        }
    }
}

impl fmt::Display for CheckStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// It holds.
    Ok,
    /// A run works, but a person should know.
    Warning,
    /// The bench is not fit.
    Failed,
    /// It does not apply to this bench, or it was not asked for.
    NotApplicable,
}

/// The result of one check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The step that it belongs to.
    pub step: CheckStep,
    /// The part: `validator`, `card side`, `this machine`.
    pub part: String,
    /// How it ended.
    pub state: State,
    /// What was seen.
    pub seen: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub advice: Option<String>,
}

impl Finding {
    /// A check that holds.
    #[must_use]
    pub fn ok(step: CheckStep, part: impl Into<String>, seen: impl Into<String>) -> Self {
        Self { step, part: part.into(), state: State::Ok, seen: seen.into(), advice: None }
    }

    /// Something that a person should know.
    #[must_use]
    pub fn warning(
        step: CheckStep,
        part: impl Into<String>,
        seen: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        Self { state: State::Warning, advice: Some(advice.into()), ..Self::ok(step, part, seen) }
    }

    /// A check that failed.
    #[must_use]
    pub fn failed(
        step: CheckStep,
        part: impl Into<String>,
        seen: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        Self { state: State::Failed, advice: Some(advice.into()), ..Self::ok(step, part, seen) }
    }

    /// A check that does not apply, and why.
    #[must_use]
    pub fn not_applicable(step: CheckStep, part: impl Into<String>, why: impl Into<String>) -> Self {
        Self { state: State::NotApplicable, ..Self::ok(step, part, why) }
    }

    /// The same as one of several attempts: `card 3 of 20`.
    #[must_use]
    pub fn among(self, which: &str) -> Self {
        Self { seen: format!("{which}: {}", self.seen), ..self }
    }

    /// A check that ended with an error.
    #[must_use]
    pub fn error(step: CheckStep, part: impl Into<String>, error: &BenchError) -> Self {
        let advice = error.advice().map(std::borrow::Cow::into_owned);
        Self { state: State::Failed, advice, ..Self::ok(step, part, with_causes(error)) }
    }
}

/// The name of a role in findings.
#[must_use]
pub const fn part(role: Role) -> &'static str {
    match role {
        Role::Validator => "validator",
        Role::Emulator => "card side",
    }
}
