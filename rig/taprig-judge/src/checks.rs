//! Collects the checks of a sub-case.

use taprig_model::criteria::{Criteria, WantedLines};
use taprig_model::device::Device;
use taprig_model::event::{Check, CheckResult, Criterion, SeenBy};
use taprig_model::units::Money;

/// Collects checks. Each check carries the tap and the line that it belongs to.
pub(crate) struct Checks<'a> {
    criteria: &'a Criteria,
    device: &'a Device,
    tap: Option<u32>,
    lines: &'a WantedLines,
    /// Why nothing can be judged at the moment.
    withheld: Option<String>,
    checks: Vec<Check>,
}

/// The result of an expectation that only the device can answer.
pub(crate) enum DeviceAnswer {
    /// What the device reported.
    Seen(String, bool),
    /// Why the expectation can't be judged.
    NotJudged(String),
}

impl<'a> Checks<'a> {
    pub(crate) fn new(criteria: &'a Criteria, device: &'a Device) -> Self {
        Self { criteria, device, tap: None, lines: &criteria.lines, withheld: None, checks: Vec::new() }
    }

    /// Sets the tap and the lines of the case for the checks that follow. The tap is `None` if they are about no single
    /// tap.
    pub(crate) fn about(&mut self, tap: Option<u32>, lines: &'a WantedLines) {
        (self.tap, self.lines) = (tap, lines);
    }

    pub(crate) fn device(&self) -> &'a Device {
        self.device
    }

    pub(crate) fn into_checks(self) -> Vec<Check> {
        self.checks
    }

    /// With a reason, the expectations that follow are not judged, because the case did not get as far as them.
    pub(crate) fn withhold(&mut self, why: Option<&str>) {
        self.withheld = why.map(str::to_owned);
    }

    /// Adds an expectation that was judged.
    pub(crate) fn add(
        &mut self,
        by: SeenBy,
        what: Criterion,
        wanted: impl Into<String>,
        seen: impl Into<String>,
        ok: bool,
    ) {
        if let Some(why) = self.withheld.clone() {
            return self.not_judged(by, what, wanted, "not asked", why);
        }
        let result = if ok { CheckResult::Holds } else { CheckResult::Fails };
        self.push(by, what, wanted.into(), seen.into(), result, None);
    }

    /// Adds a rule that holds if nothing is `wrong`. Then `fine` says what was looked at. At most the first few faults are told.
    pub(crate) fn rule(
        &mut self,
        by: SeenBy,
        what: Criterion,
        wanted: &str,
        mut wrong: Vec<String>,
        fine: impl Into<String>,
    ) {
        const TOLD: usize = 3;
        let ok = wrong.is_empty();
        let more = wrong.len().saturating_sub(TOLD);
        wrong.truncate(TOLD);
        let seen = match (ok, more) {
            (true, _) => fine.into(),
            (false, 0) => wrong.join("; "),
            (false, more) => format!("{}; and {more} more", wrong.join("; ")),
        };
        self.add(by, what, wanted, seen, ok);
    }

    /// Adds an expectation that could not be judged.
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

    /// Adds an expectation about something that only the device can report. It is judged if the device claims that it
    /// reports this.
    pub(crate) fn by_device(
        &mut self,
        claim: &str,
        what: Criterion,
        wanted: impl Into<String>,
        answer: impl FnOnce() -> DeviceAnswer,
    ) {
        if !self.device.claims(claim) {
            let why = format!("the device does not claim {claim}");
            return self.not_judged(SeenBy::Device, what, wanted, "not told", why);
        }
        match answer() {
            DeviceAnswer::Seen(seen, ok) => self.add(SeenBy::Device, what, wanted, seen, ok),
            DeviceAnswer::NotJudged(why) => self.not_judged(SeenBy::Device, what, wanted, "not told", why),
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
