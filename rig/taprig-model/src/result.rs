//! What a run came to: the content of `results.json`.

use crate::bench::BoardKind;
use crate::event::{
    BaselineUse, Check, CheckResult, Fields, FirmwareImage, PowerSwitch, RigFault, Role, RunStarted, SeenBy, TimeBasis,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// Version of `results.json`; raised when a field changes its meaning.
pub const SCHEMA: u32 = 2;

/// What a case came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// The device does what the case wants.
    Pass,
    /// The device does what the case wants, but its transcript is not the reviewed one of this device.
    Changed,
    /// The device does something else.
    Fail,
    /// The rig failed; nothing is said about the device.
    Error,
    /// The device does not claim what the case is about, the bench can't do what it needs, or the device can tell nothing that
    /// the case expects.
    NotApplicable,
    /// Not run.
    Skipped,
}

impl Verdict {
    /// The verdict as people write it.
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
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A whole run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RunResult {
    /// [`SCHEMA`].
    pub schema: u32,
    /// Tool, device and environment.
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
    /// The run reached its end; else cases may be missing.
    pub complete: bool,
}

/// A bench of the run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BenchResult {
    /// Kinds of its boards.
    pub boards: BTreeMap<Role, BoardKind>,
    /// Serial number of the device under test, where the bench file gives it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub serial_number: Option<String>,
    /// Where times come from.
    pub time: TimeBasis,
    /// What the boards said of themselves, the last time they were asked.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub identities: BTreeMap<Role, Fields>,
}

/// A sub-case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CaseResult {
    /// Id of the sub-case, as `ODA-004` or `ODA-004/rsa1024`.
    pub id: String,
    /// Title of the case.
    pub title: String,
    /// File of the case.
    pub file: String,
    /// Ids of the requirements that the case is about.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub requires: Vec<String>,
    /// Bench it ran on; none where it did not run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bench: Option<String>,
    /// By which kind of power cycle its validator started for the last attempt; none where it did not run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub power: Option<PowerSwitch>,
    /// Verdict of the last attempt.
    pub verdict: Verdict,
    /// Why it is not a pass: the first check that failed, the fault, the claim that is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
    /// Time of the last attempt, in us.
    pub took_us: u64,
    /// Time on the air of each tap of the last attempt, in us.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub air_us: Vec<u64>,
    /// Expectations of the last attempt.
    pub checks: Vec<Check>,
    /// All attempts, first to last.
    pub attempts: Vec<Attempt>,
}

impl CaseResult {
    /// How many of its expectations were judged, and how many there are. The comparison with the baseline is none.
    pub fn judged(&self) -> (usize, usize) {
        let expectations = || self.checks.iter().filter(|check| check.seen_by != SeenBy::Baseline);
        (expectations().filter(|check| check.result != CheckResult::NotJudged).count(), expectations().count())
    }

    /// Attempts came to different verdicts, so that the last one says little.
    pub fn is_flaky(&self) -> bool {
        self.attempts.windows(2).any(|pair| pair[0].verdict != pair[1].verdict)
    }
}

/// One attempt at a sub-case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Attempt {
    /// From 1.
    pub number: u32,
    /// Its verdict.
    pub verdict: Verdict,
    /// Time it took, in us.
    pub took_us: u64,
    /// Why it is not a pass.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
}

/// Counts of verdicts over sub-cases.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Summary {
    /// Passed.
    pub pass: u32,
    /// Did what the case wants, but changed since the baseline.
    #[serde(default)]
    pub changed: u32,
    /// Failed.
    pub fail: u32,
    /// Ended by a fault of the rig.
    pub error: u32,
    /// Not applicable.
    pub not_applicable: u32,
    /// Not run.
    pub skipped: u32,
    /// Whose attempts differ; counted above too.
    pub flaky: u32,
}

impl Summary {
    /// Counts one more.
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

    /// Counts these.
    pub fn of<'a>(cases: impl IntoIterator<Item = &'a CaseResult>) -> Self {
        let mut summary = Self::default();
        for case in cases {
            summary.add(case.verdict);
            summary.flaky += u32::from(case.is_flaky());
        }
        summary
    }

    /// Sub-cases that ran.
    pub fn ran(&self) -> u32 {
        self.pass + self.changed + self.fail + self.error
    }

    /// All sub-cases.
    pub fn total(&self) -> u32 {
        self.ran() + self.not_applicable + self.skipped
    }

    /// Exit code of the program: 0 all passed, 1 a case failed, 3 the rig failed. A failed case weighs more than a
    /// failed rig, as it says something about the device. Where the baseline is required, a changed case is a failed one.
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
            took_us: 0,
            air_us: vec![],
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
    fn a_changed_case_fails_the_run_where_the_baseline_is_required() {
        let changed = Summary::of(&[case(&[Verdict::Changed]), case(&[Verdict::Pass])]);
        assert_eq!(
            (changed.exit_code(BaselineUse::Require), changed.exit_code(BaselineUse::Report), changed.ran()),
            (1, 0, 2)
        );
    }
}
