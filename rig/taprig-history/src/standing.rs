//! How a case stands after its newest night: broken or flaky, and since when.

use crate::change::{self, Change};
use crate::rate::Rate;
use crate::series::{Key, Seen, Series, Sign};
use serde::Serialize;
use std::collections::BTreeSet;
use taprig_model::result::Verdict;

/// How a case stands.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Standing {
    /// Id of the sub-case.
    pub id: String,
    /// What it is.
    pub state: State,
    /// Whether the newest verdict about the device is bad.
    pub bad_now: bool,
    /// Whether it is good since the newest night, and was bad before.
    pub mended: bool,
    /// How often it failed under one key: of the present key, or of the one under which
    /// it was flaky and ran most often.
    pub rate: Rate,
    /// The last change of the verdict.
    pub turn: Turn,
    /// The newest reason for a bad verdict.
    pub why: Option<String>,
    /// Whether it is in quarantine.
    pub quarantined: bool,
}

impl Standing {
    /// Whether a person wants to know of it.
    #[must_use]
    pub fn is_notable(&self) -> bool {
        self.state != State::Good || self.mended
    }
}

/// What a case is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// It does what it should.
    Good,
    /// It only fails since some night.
    Broken,
    /// Both verdicts happen under one key: the same case, device, firmware and bench.
    Flaky,
    /// Its verdict went back and forth from key to key. A case that is flaky looks like this if each night has another
    /// firmware.
    Unsteady,
}

/// The night in which the verdict changed, or the oldest night if it never did.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Turn {
    /// The first night with the present verdict.
    pub first: NightName,
    /// The last night with the other verdict. This is absent if the history has none.
    pub before: Option<NightName>,
    /// How many nights since then have the present verdict.
    pub nights: usize,
    /// How many nights between these two ran without a verdict about the device, because of an error of the rig.
    pub unknown: usize,
    /// What differs between the two nights.
    pub changes: Vec<Change>,
}

/// A night, for a reader.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NightName {
    /// Time of day at its start, in UTC by RFC 3339.
    pub started: String,
    /// The folder of its record. The record may be gone.
    pub record: String,
}

impl NightName {
    /// The day.
    #[must_use]
    pub fn day(&self) -> &str {
        self.started.get(..10).unwrap_or(&self.started)
    }
}

/// A case whose verdict changed from good to bad or back so often is not simply broken.
const RESTLESS: usize = 3;

/// If the chance that the newest verdicts are what the verdicts before them foretell is smaller, something has changed,
/// even if no line tells what.
const UNLIKELY: f64 = 0.01;

/// How each case stands that the newest night contains and that was bad in the last `window` nights, unless it is good and
/// was good in the night before. The first bad night is searched for in the whole history.
#[must_use]
pub fn notable(series: &Series<'_>, window: usize) -> Vec<Standing> {
    let Some(newest) = series.nights.last() else { return vec![] };
    let recent = series.nights[series.since(window)..].iter().flat_map(|night| &night.cases);
    let is_bad = |verdict: &Verdict| matches!(verdict, Verdict::Fail | Verdict::Changed);
    let bad =
        recent.filter(|case| is_bad(&case.verdict) || case.earlier.iter().any(is_bad)).map(|case| case.id.as_str());
    let bad: BTreeSet<&str> = bad.collect();
    let present = newest.cases.iter().map(|case| case.id.as_str()).filter(|id| bad.contains(id));
    let standings = present.filter_map(|id| of(series, id, &series.case(id)?, window));
    standings.filter(Standing::is_notable).collect()
}

/// How a case stands. `None` if the history has no verdict about the device.
#[must_use]
pub fn of(series: &Series<'_>, id: &str, seen: &[Seen<'_>], window: usize) -> Option<Standing> {
    let judged: Vec<&Seen<'_>> = seen.iter().filter(|seen| seen.last().is_some()).collect();
    let last = judged.last()?;
    let present = last.last()?;
    let since = series.since(window);
    let recent: Vec<(Key<'_>, Sign)> = judged
        .iter()
        .filter(|seen| seen.night >= since || seen.night == last.night)
        .flat_map(|seen| seen.signs().map(|sign| (seen.key, sign)))
        .collect();
    let turn = turn(series, seen, &judged, present);
    let here = Counts::under(&recent, last.key);
    let flaky = newest_flaky(&recent);
    let settled = is_settled(&recent);
    // One turn that something else explains is a change and not a flake.
    let explained = here.turns == 1 && turn.changes.iter().any(|change| !change.what.is_of_key());
    let restless = turns(recent.iter()) >= RESTLESS && !settled;
    let state = match (present, flaky) {
        (Sign::Bad, Some(key)) if key == last.key && !settled && !explained => State::Flaky,
        (Sign::Bad, Some(key)) if key != last.key && !settled => State::Unsteady,
        (Sign::Good, Some(key)) if !(settled || key == last.key && explained) => State::Flaky,
        (_, None) if restless => State::Unsteady,
        (Sign::Bad, _) => State::Broken,
        (Sign::Good, _) => State::Good,
    };
    let counts = match state {
        State::Flaky => Counts::best_known_flake(&recent),
        State::Unsteady => Counts::of(recent.iter()),
        State::Broken | State::Good => here,
    };
    let bad = judged.iter().rev().find(|seen| seen.last() == Some(Sign::Bad));
    Some(Standing {
        id: id.to_owned(),
        state,
        bad_now: present == Sign::Bad,
        mended: present == Sign::Good && turn.before.is_some() && turn.first == name(series, series.newest()),
        rate: Rate::new(counts.bad, counts.bad + counts.good),
        turn,
        why: bad.and_then(|seen| seen.case.why.clone()),
        quarantined: seen.last().is_some_and(|seen| seen.case.quarantined),
    })
}

/// What was observed.
#[derive(Debug, Clone, Copy, Default)]
struct Counts {
    good: u64,
    bad: u64,
    /// How often the sign changed.
    turns: usize,
}

impl Counts {
    fn under(signs: &[(Key<'_>, Sign)], key: Key<'_>) -> Self {
        Self::of(signs.iter().filter(|(of, _)| *of == key))
    }

    /// What was observed under the key with both signs that has the most observations.
    fn best_known_flake(signs: &[(Key<'_>, Sign)]) -> Self {
        let keys: BTreeSet<Key<'_>> = signs.iter().map(|(key, _)| *key).collect();
        let flakes = keys.into_iter().map(|key| Self::under(signs, key)).filter(|of| of.good > 0 && of.bad > 0);
        flakes.max_by_key(|of| of.good + of.bad).unwrap_or_default()
    }

    fn of<'a, 'k: 'a>(signs: impl Iterator<Item = &'a (Key<'k>, Sign)> + Clone) -> Self {
        let bad = signs.clone().filter(|(_, sign)| *sign == Sign::Bad).count() as u64;
        Self { good: signs.clone().count() as u64 - bad, bad, turns: turns(signs) }
    }
}

/// How often the sign changed.
fn turns<'a, 'k: 'a>(signs: impl Iterator<Item = &'a (Key<'k>, Sign)> + Clone) -> usize {
    signs.clone().zip(signs.skip(1)).filter(|((_, a), (_, b))| a != b).count()
}

/// The newest key under which both signs happened.
fn newest_flaky<'a>(signs: &[(Key<'a>, Sign)]) -> Option<Key<'a>> {
    let mut tried: Vec<Key<'a>> = Vec::new();
    for (key, _) in signs.iter().rev() {
        if tried.contains(key) {
            continue;
        }
        let counts = Counts::under(signs, *key);
        if counts.good > 0 && counts.bad > 0 {
            return Some(*key);
        }
        tried.push(*key);
    }
    None
}

/// Whether the newest signs are no chance: there are at least two of them, and the signs before them make such a row
/// unlikely. The rate before is that of Laplace's rule of succession, so a sign that never happened before has one, too.
fn is_settled(signs: &[(Key<'_>, Sign)]) -> bool {
    let Some((_, present)) = signs.last() else { return false };
    let row = signs.iter().rev().take_while(|(_, sign)| sign == present).count();
    let before = &signs[..signs.len() - row];
    let same = before.iter().filter(|(_, sign)| sign == present).count();
    #[expect(clippy::cast_precision_loss, reason = "counts of runs are small")]
    let rate = (same + 1) as f64 / (before.len() + 2) as f64;
    row >= 2 && rate.powi(i32::try_from(row).unwrap_or(i32::MAX)) < UNLIKELY
}

fn name(series: &Series<'_>, night: usize) -> NightName {
    let night = series.nights[night];
    NightName { started: night.started.clone(), record: night.record.clone() }
}

fn turn(series: &Series<'_>, seen: &[Seen<'_>], judged: &[&Seen<'_>], present: Sign) -> Turn {
    let before = judged.iter().rposition(|seen| seen.last() != Some(present));
    let first = judged[before.map_or(0, |before| before + 1)];
    let before = before.map(|before| judged[before]);
    let between = |night: usize| before.is_some_and(|before| night > before.night) && night < first.night;
    Turn {
        first: name(series, first.night),
        before: before.map(|seen| name(series, seen.night)),
        nights: judged.iter().filter(|seen| seen.night >= first.night).count(),
        unknown: seen.iter().filter(|seen| between(seen.night) && seen.last().is_none()).count(),
        changes: before.map(|before| change::between(series, before, first)).unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests;
