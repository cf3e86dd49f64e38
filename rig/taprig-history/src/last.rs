//! What a person wants to know after a bad night: what is bad now, whether it is new, what changed, and whether it is the
//! device or the rig.

use crate::benches::{self, BenchErrors};
use crate::pace::Pace;
use crate::series::Series;
use crate::standing::{self, NightName, Standing, State};
use serde::Serialize;
use std::collections::BTreeSet;
use taprig_model::event::Role;
use taprig_model::history::Night;
use taprig_model::result::{Summary, Verdict};

/// The newest night of one device on one bench.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LastNight {
    /// Name of the bench file.
    pub bench: String,
    /// Name of the device file.
    pub device: String,
    /// Serial number of the device, if it is known.
    pub serial_number: Option<String>,
    /// The firmware of the device: a digest or a version.
    pub firmware: Option<String>,
    /// The version of taprig.
    pub tool: String,
    /// The night.
    pub night: NightName,
    /// Its duration in us.
    pub took_us: u64,
    /// Whether the run reached its end.
    pub complete: bool,
    /// How many nights the history has of this device on this bench.
    pub nights: usize,
    /// The start of the oldest of them.
    pub since: String,
    /// The verdicts.
    pub verdicts: Summary,
    /// The verdicts of the night before.
    pub before: Option<Summary>,
    /// Sub-cases that the night before has and this night has not.
    pub missing: Vec<String>,
    /// Cases that only fail since some night, except those in quarantine.
    pub broken: Vec<Standing>,
    /// Cases with both verdicts, except those in quarantine.
    pub flaky: Vec<Standing>,
    /// Cases in quarantine that are broken or flaky, or that pass again.
    pub quarantined: Vec<Standing>,
    /// Cases that pass again since this night.
    pub mended: Vec<Standing>,
    /// The rig's own errors in this night, by bench. Benches without errors are left out.
    pub rig: Vec<BenchErrors>,
    /// How much longer the cases took than they usually take, if many cases passed.
    pub pace: Option<f64>,
}

/// The newest night of each device on each bench, if it began within a day of the newest night of all. The first has the
/// most failures that are not in quarantine.
#[must_use]
pub fn nights(all: &[Series<'_>], window: usize) -> Vec<LastNight> {
    let time = |series: &Series<'_>| series.nights.last()?.started.parse::<jiff::Timestamp>().ok();
    let newest = all.iter().filter_map(time).max();
    let is_of_last_night = |series: &&Series<'_>| match (newest, time(series)) {
        (Some(newest), Some(time)) => newest.duration_since(time) < jiff::SignedDuration::from_hours(24),
        (None, _) => true,
        (Some(_), None) => false,
    };
    let mut nights: Vec<LastNight> =
        all.iter().filter(is_of_last_night).filter_map(|series| of(series, window)).collect();
    nights.sort_by_key(|night| std::cmp::Reverse((night.broken.len(), night.flaky.len())));
    nights
}

fn of(series: &Series<'_>, window: usize) -> Option<LastNight> {
    let night = *series.nights.last()?;
    let before = series.nights.len().checked_sub(2).map(|place| series.nights[place]);
    let notable = standing::notable(series, window);
    let (quarantined, rest): (Vec<_>, Vec<_>) = notable.into_iter().partition(|standing| standing.quarantined);
    let take = |wanted: fn(&Standing) -> bool| rest.iter().filter(|standing| wanted(standing)).cloned().collect();
    let bench = night.benches.first();
    let has: BTreeSet<&str> = night.cases.iter().map(|case| case.id.as_str()).collect();
    let missing = before.iter().flat_map(|before| &before.cases).map(|case| &case.id);
    let mut rig = benches::errors([night]);
    rig.retain(|bench| bench.bad_nights > 0);
    Some(LastNight {
        bench: night.bench.clone(),
        device: night.device.clone(),
        serial_number: bench.and_then(|bench| bench.serial_number.clone()),
        firmware: bench.and_then(|bench| bench.firmware.get(&Role::Validator)).cloned(),
        tool: night.tool.clone(),
        night: NightName { started: night.started.clone(), record: night.record.clone() },
        took_us: night.took_us,
        complete: night.complete,
        nights: series.nights.len(),
        since: series.nights.first()?.started.clone(),
        verdicts: counts(night),
        before: before.map(counts),
        missing: missing.filter(|id| !has.contains(id.as_str())).cloned().collect(),
        broken: take(|standing| standing.state == State::Broken),
        flaky: take(|standing| matches!(standing.state, State::Flaky | State::Unsteady)),
        mended: take(|standing| standing.state == State::Good && standing.mended),
        quarantined,
        rig,
        pace: Pace::of(series, window).newest_factor(),
    })
}

/// The verdicts of a night, counted.
#[must_use]
pub fn counts(night: &Night) -> Summary {
    let mut counts = Summary::default();
    for case in &night.cases {
        match case.verdict {
            Verdict::Fail | Verdict::Changed if case.quarantined => counts.quarantined += 1,
            verdict => counts.add(verdict),
        }
        let mut all = case.earlier.iter().chain([&case.verdict]);
        let first: Option<&Verdict> = all.next();
        counts.flaky += u32::from(first.is_some_and(|first| all.any(|verdict| verdict != first)));
    }
    counts
}

/// Counts of verdicts in words.
#[must_use]
pub fn words(counts: &Summary) -> String {
    let named = [
        (counts.pass, "passed"),
        (counts.changed, "changed since the baseline"),
        (counts.fail, "failed"),
        (counts.quarantined, "failed in quarantine"),
        (counts.error, if counts.error == 1 { "error of the rig" } else { "errors of the rig" }),
        (counts.not_applicable, "not applicable"),
        (counts.skipped, "not run"),
    ];
    let named = named.iter().filter(|(count, name)| *count > 0 || *name == "passed");
    named.map(|(count, name)| format!("{count} {name}")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::Nights;

    #[test]
    fn a_flake_a_regression_and_a_fault_of_the_rig_are_told_apart() {
        let nights = Nights::of("BUS-001", "PPPPPPPPPPPPPPPPPPPPPPPPPPPFFF")
            .case("BUS-002", "PPPPFPPPPPPPPFPPPPPPPPPPPFPPPF")
            .case("BUS-003", "PPPPPPPPPPPPPPPPPPPPPPPPPPPPPE")
            .case("BUS-004", "PPPPPPPPPPPPPPPPPPPPPPPPPPPPPP")
            .case("BUS-005", "PPPPPPPPPPPPPPPPPPPPPPPPPPPPP-")
            .case("BUS-006", "PPPPPPPPPPPPPPPPPPPPPPPPPPPPFP")
            .case("BUS-007", "PPPPPPPPPPPPPPPPPPPPPPPPPPPFFF")
            .firmware(27, "00000000000000f2");
        let mut nights = nights.nights;
        nights[29].cases.iter_mut().filter(|case| case.id == "BUS-007").for_each(|case| case.quarantined = true);
        let [night] = &super::nights(&Series::all(&nights), 30)[..] else { panic!("one bench") };
        let ids = |standings: &[Standing]| standings.iter().map(|standing| standing.id.clone()).collect::<Vec<_>>();
        assert_eq!(ids(&night.broken), ["BUS-001"]);
        assert_eq!(ids(&night.flaky), ["BUS-002", "BUS-006"]);
        assert_eq!(ids(&night.quarantined), ["BUS-007"]);
        assert_eq!(night.missing, ["BUS-005"]);
        assert_eq!((night.rig.len(), night.rig[0].errors.count), (1, 1));
        assert_eq!((night.verdicts.pass, night.verdicts.fail, night.verdicts.error), (2, 2, 1));
        assert_eq!(night.verdicts.quarantined, 1);
    }

    #[test]
    fn benches_that_did_not_run_last_night_are_left_out() {
        let mut nights = Nights::of("BUS-001", "PPP").nights;
        nights[0].bench = "old".into();
        nights[1].bench = "other".into();
        nights[1].started = "2026-11-02T23:00:00Z".into();
        let last = super::nights(&Series::all(&nights), 30);
        assert_eq!(last.iter().map(|night| night.bench.as_str()).collect::<Vec<_>>(), ["other", "sim"]);
    }
}
