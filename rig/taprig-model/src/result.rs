//! The result of a run: the content of `results.json`.

use crate::bench::{BoardKind, CardSideKind};
use crate::event::{
    BaselineUse, Check, CheckResult, Fields, FirmwareImage, PowerSwitch, RigFault, Role, RunStarted, SeenBy, TimeBasis,
};
use crate::quarantine::InQuarantine;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// Version of `results.json`. It is raised when a field changes its meaning.
pub const SCHEMA: u32 = 2;

/// The verdict of a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// The device does what the case wants.
    Pass,
    /// The device does what the case wants, but the transcript differs from the reviewed one of this device.
    Changed,
    /// The device does something else.
    Fail,
    /// The rig failed. The verdict says nothing about the device.
    Error,
    /// The device does not claim what the case is about, the bench lacks a capability that the case needs, or the
    /// device can report nothing that the case expects.
    NotApplicable,
    /// The case was not run.
    Skipped,
}

impl Verdict {
    /// The verdict in words.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Changed => "changed",
            Self::Fail => "fail",
            Self::Error => "error",
            Self::NotApplicable => "not applicable",
            Self::Skipped => "skipped",
        }
    }

    /// Whether a person wants to see what happened: the case ran and did not simply pass.
    #[must_use]
    pub const fn is_notable(self) -> bool {
        matches!(self, Self::Fail | Self::Error | Self::Changed)
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A complete run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RunResult {
    /// [`SCHEMA`].
    pub schema: u32,
    /// The tool, the device and the environment.
    pub run: RunStarted,
    /// Images that the boards ran.
    pub firmware: Vec<FirmwareImage>,
    /// Benches that were used, by name.
    pub benches: BTreeMap<String, BenchResult>,
    /// Sub-cases in the order of the plan.
    pub cases: Vec<CaseResult>,
    /// Faults of the rig that belong to no case.
    pub faults: Vec<RigFault>,
    /// Counts of verdicts.
    pub summary: Summary,
    /// Time from start to end, in us.
    pub took_us: u64,
    /// Whether the run reached its end. Otherwise cases may be missing.
    pub complete: bool,
}

/// A bench of the run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BenchResult {
    /// Kinds of its boards.
    pub boards: BTreeMap<Role, BoardKind>,
    /// The kind of its card side, as bench files call it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub card_side: Option<CardSideKind>,
    /// Serial number of the device under test, if the bench file gives it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub serial_number: Option<String>,
    /// Where times come from.
    pub time: TimeBasis,
    /// What the boards said about themselves when they were last asked.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub identities: BTreeMap<Role, Fields>,
}

/// A sub-case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CaseResult {
    /// Id of the sub-case, such as `ODA-004` or `ODA-004/rsa1024`.
    pub id: String,
    /// Title of the case.
    pub title: String,
    /// File of the case.
    pub file: String,
    /// Ids of the requirements that the case is about.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub requires: Vec<String>,
    /// The bench on which it ran. This is absent if it did not run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bench: Option<String>,
    /// The kind of power cycle before the last attempt. This is absent if the sub-case did not run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub power: Option<PowerSwitch>,
    /// Verdict of the last attempt.
    pub verdict: Verdict,
    /// Why the verdict is not a pass: the first check that failed, the fault, or the claim that is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
    /// What the quarantine means for the sub-case, if it is in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quarantine: Option<InQuarantine>,
    /// Duration of the last attempt in us.
    pub took_us: u64,
    /// Time on the air of each tap of the last attempt, in us.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub air_us: Vec<u64>,
    /// The device's own time at each tap of the last attempt, in the order of `air_us`. A modelled time on the air does
    /// not contain it. On an emulated board it depends on the host and says nothing about a product.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub own_time: Vec<OwnTime>,
    /// Expectations of the last attempt.
    pub checks: Vec<Check>,
    /// All attempts, in order.
    pub attempts: Vec<Attempt>,
}

/// The time that the device itself took at a tap.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OwnTime {
    /// The sum of the times between a frame of the card and the reader's next frame, in us. The card side measured it:
    /// [`Traffic::reader_us`](crate::event::Traffic::reader_us).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reader_us: Option<u64>,
    /// From the reader's release of the card to the device's report of the result, in us. The host measured it, so that it
    /// contains the time of the lines on the console. It is absent if the device does not report a result after the
    /// release.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result_us: Option<u64>,
}

impl CaseResult {
    /// How many of the expectations were judged, and how many there are. The comparison with the baseline does not
    /// count as an expectation, and neither do the rules that hold in every case.
    pub fn judged(&self) -> (usize, usize) {
        let expectations =
            || self.checks.iter().filter(|check| check.seen_by != SeenBy::Baseline && !check.what.is_rule());
        (expectations().filter(|check| check.result != CheckResult::NotJudged).count(), expectations().count())
    }

    /// Whether it failed or changed, and a quarantine keeps that from failing the run.
    #[must_use]
    pub fn is_excused(&self) -> bool {
        matches!(self.verdict, Verdict::Fail | Verdict::Changed)
            && self.quarantine.as_ref().is_some_and(|quarantine| quarantine.holds)
    }

    /// Whether the sub-case ran to its end. One that began and did not end has no attempt, and a skipped one was not run.
    pub fn has_verdict(&self) -> bool {
        !self.attempts.is_empty() && self.verdict != Verdict::Skipped
    }

    /// Whether attempts have different verdicts, so that the last one says little.
    pub fn is_flaky(&self) -> bool {
        self.attempts.windows(2).any(|pair| pair[0].verdict != pair[1].verdict)
    }
}

/// One attempt at a sub-case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Attempt {
    /// Number of the attempt, from 1.
    pub number: u32,
    /// Its verdict.
    pub verdict: Verdict,
    /// Duration in us.
    pub took_us: u64,
    /// Why the verdict is not a pass.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
}

/// Counts of verdicts over sub-cases.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Summary {
    /// Passed.
    pub pass: u32,
    /// Sub-cases in which the device did what the case wants, but changed since the baseline.
    #[serde(default)]
    pub changed: u32,
    /// Failed.
    pub fail: u32,
    /// Sub-cases that a fault of the rig ended.
    pub error: u32,
    /// Not applicable.
    pub not_applicable: u32,
    /// Not run.
    pub skipped: u32,
    /// Failed, or changed since the baseline, but in quarantine. They are not included in the counts of these verdicts.
    #[serde(default)]
    pub quarantined: u32,
    /// Sub-cases whose attempts differ. They are included in the counts above.
    pub flaky: u32,
}

impl Summary {
    /// Whether a case was judged at all.
    #[must_use]
    pub const fn judged_any(&self) -> bool {
        self.pass + self.changed + self.fail + self.quarantined > 0
    }

    /// Counts one more sub-case.
    pub fn add(&mut self, verdict: Verdict) {
        let count = match verdict {
            Verdict::Pass => &mut self.pass,
            Verdict::Changed => &mut self.changed,
            Verdict::Fail => &mut self.fail,
            Verdict::Error => &mut self.error,
            Verdict::NotApplicable => &mut self.not_applicable,
            Verdict::Skipped => &mut self.skipped,
        };
        *count += 1;
    }

    /// Counts the verdicts of these sub-cases.
    pub fn of<'a>(cases: impl IntoIterator<Item = &'a CaseResult>) -> Self {
        let mut summary = Self::default();
        for case in cases {
            match case.is_excused() {
                true => summary.quarantined += 1,
                false => summary.add(case.verdict),
            }
            summary.flaky += u32::from(case.is_flaky());
        }
        summary
    }

    /// Number of sub-cases that ran.
    pub fn ran(&self) -> u32 {
        self.pass + self.changed + self.fail + self.error + self.quarantined
    }

    /// Number of all sub-cases.
    pub fn total(&self) -> u32 {
        self.ran() + self.not_applicable + self.skipped
    }

    /// Exit code of the program: 0 if all cases passed that are not in quarantine, 1 if a case failed, 3 if the rig failed. A failed case takes
    /// precedence over a failed rig, because it says something about the device. If the run requires the baseline, a
    /// changed case counts as failed.
    pub fn exit_code(&self, baseline: BaselineUse) -> u8 {
        let changed = if baseline == BaselineUse::Require { self.changed } else { 0 };
        match (self.fail + changed, self.error) {
            (1.., _) => 1,
            (_, 1..) => 3,
            _ => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn case(verdicts: &[Verdict]) -> CaseResult {
        CaseResult {
            id: "BUS-001".into(),
            title: "A ride".into(),
            file: "cases/bus/BUS-001.yaml".into(),
            requires: vec![],
            bench: None,
            power: None,
            verdict: *verdicts.last().unwrap(),
            failure: None,
            quarantine: None,
            took_us: 0,
            air_us: vec![],
            own_time: vec![],
            checks: vec![],
            attempts: (1..)
                .zip(verdicts)
                .map(|(number, &verdict)| Attempt { number, verdict, took_us: 0, failure: None })
                .collect(),
        }
    }

    #[test]
    fn a_pass_after_an_error_is_flaky() {
        let summary = Summary::of(&[case(&[Verdict::Error, Verdict::Pass]), case(&[Verdict::Pass])]);
        assert_eq!(summary, Summary { pass: 2, flaky: 1, ..Summary::default() });
        assert_eq!(summary.exit_code(BaselineUse::Require), 0);
    }

    #[test]
    fn a_failed_case_outweighs_a_failed_rig() {
        let both = Summary::of(&[case(&[Verdict::Fail]), case(&[Verdict::Error]), case(&[Verdict::Skipped])]);
        assert_eq!((both.exit_code(BaselineUse::Require), both.ran(), both.total()), (1, 2, 3));
        assert_eq!(Summary::of(&[case(&[Verdict::Error])]).exit_code(BaselineUse::Require), 3);
    }

    #[test]
    fn a_quarantine_excuses_failures_and_no_error_until_it_expires() {
        let quarantine = |holds| InQuarantine {
            reason: "flaky".into(),
            owner: "Li".into(),
            until: "2026-12-31".parse().unwrap(),
            holds,
        };
        let of = |verdict, holds| CaseResult { quarantine: Some(quarantine(holds)), ..case(&[verdict]) };
        let both = Summary::of(&[of(Verdict::Fail, true), of(Verdict::Changed, true), of(Verdict::Pass, true)]);
        assert_eq!(both, Summary { pass: 1, quarantined: 2, ..Summary::default() });
        assert_eq!((both.exit_code(BaselineUse::Require), both.ran(), both.judged_any()), (0, 3, true));
        assert_eq!(Summary::of(&[of(Verdict::Fail, false)]).exit_code(BaselineUse::Require), 1, "it has expired");
        assert_eq!(Summary::of(&[of(Verdict::Error, true)]).exit_code(BaselineUse::Require), 3, "errors are the rig's");
    }

    #[test]
    fn a_changed_case_fails_the_run_where_the_baseline_is_required() {
        let changed = Summary::of(&[case(&[Verdict::Changed]), case(&[Verdict::Pass])]);
        assert_eq!(
            (changed.exit_code(BaselineUse::Require), changed.exit_code(BaselineUse::Report), changed.ran()),
            (1, 0, 2)
        );
    }
}
