//! Checks as they are made.

use taprig_model::criteria::{Criteria, WantedLines};
use taprig_model::device::Device;
use taprig_model::event::{Check, CheckResult, Criterion, SeenBy};
use taprig_model::units::Money;

/// Gathers checks, each with the tap and the line that it belongs to.
pub(crate) struct Checks<'a> {
    criteria: &'a Criteria,
    device: &'a Device,
    tap: Option<u32>,
    lines: &'a WantedLines,
    checks: Vec<Check>,
}

/// What came of an expectation that only the device can tell.
pub(crate) enum Told {
    /// It told this.
    Seen(String, bool),
    /// It can't be judged, and why.
    NotJudged(String),
}

impl<'a> Checks<'a> {
    pub(crate) fn new(criteria: &'a Criteria, device: &'a Device) -> Self {
        Self { criteria, device, tap: None, lines: &criteria.lines, checks: Vec::new() }
    }

    /// What follows is about this tap, or about no single one, and stands in these lines of the case.
    pub(crate) fn about(&mut self, tap: Option<u32>, lines: &'a WantedLines) {
        (self.tap, self.lines) = (tap, lines);
    }

    pub(crate) fn device(&self) -> &'a Device {
        self.device
    }

    pub(crate) fn into_checks(self) -> Vec<Check> {
        self.checks
    }

    /// An expectation that was judged.
    pub(crate) fn add(
        &mut self,
        by: SeenBy,
        what: Criterion,
        wanted: impl Into<String>,
        seen: impl Into<String>,
        ok: bool,
    ) {
        let result = if ok { CheckResult::Holds } else { CheckResult::Fails };
        self.push(by, what, wanted.into(), seen.into(), result, None);
    }

    /// An expectation that could not be judged.
    pub(crate) fn not_judged(
        &mut self,
        by: SeenBy,
        what: Criterion,
        wanted: impl Into<String>,
        seen: impl Into<String>,
        why: String,
    ) {
        self.push(by, what, wanted.into(), seen.into(), CheckResult::NotJudged, Some(why));
    }

    /// An expectation about what only the device can tell: judged where the device claims that it tells it.
    pub(crate) fn told(
        &mut self,
        claim: &str,
        what: Criterion,
        wanted: impl Into<String>,
        told: impl FnOnce() -> Told,
    ) {
        if !self.device.claims(claim) {
            let why = format!("the device does not claim {claim}");
            return self.not_judged(SeenBy::Device, what, wanted, "not told", why);
        }
        match told() {
            Told::Seen(seen, ok) => self.add(SeenBy::Device, what, wanted, seen, ok),
            Told::NotJudged(why) => self.not_judged(SeenBy::Device, what, wanted, "not told", why),
        }
    }

    pub(crate) fn money(&mut self, wanted: Money, seen: u64) {
        let seen = Money::from_fen(seen);
        self.add(SeenBy::Person, Criterion::Charged, wanted.to_string(), seen.to_string(), wanted == seen);
    }

    fn push(
        &mut self,
        seen_by: SeenBy,
        what: Criterion,
        wanted: String,
        seen: String,
        result: CheckResult,
        why: Option<String>,
    ) {
        let at = (seen_by != SeenBy::Baseline).then(|| self.criteria.at(self.lines.of(&what)));
        self.checks.push(Check { seen_by, what, tap: self.tap, wanted, seen, result, why, at });
    }
}

/// Why a word can't be judged.
pub(crate) fn unmapped(kind: &str, word: &str) -> String {
    format!("the device file does not map the {kind} `{word}`")
}
