//! Expectations held against what was seen. Works on events alone, so that a stored record gives the same verdict.

mod trace;

use taprig_model::device::Adapter;
use taprig_model::event::{Body, Check, CheckKind, Event, Fields};
use taprig_model::expect::{Expect, Gate, Outcome, Sound};
use taprig_model::units::Money;

pub use trace::tags;

/// The events of one tap: from one presentation of a card to the next.
#[derive(Debug, Clone, Copy)]
pub struct TapEvents<'a> {
    /// Number of the tap.
    pub number: u32,
    /// Its events.
    pub events: &'a [Event],
}

/// The taps of a sub-case.
#[must_use]
pub fn taps(events: &[Event]) -> Vec<TapEvents<'_>> {
    let starts: Vec<(usize, u32)> = events
        .iter()
        .enumerate()
        .filter_map(|(place, event)| match event.body {
            Body::Presented { tap, .. } => Some((place, tap)),
            _ => None,
        })
        .collect();
    starts
        .iter()
        .enumerate()
        .map(|(i, &(start, number))| {
            let end = starts.get(i + 1).map_or(events.len(), |&(next, _)| next);
            TapEvents { number, events: &events[start..end] }
        })
        .collect()
}

impl<'a> TapEvents<'a> {
    /// The console events of this name, in order.
    pub fn told(self, name: &'a str) -> impl Iterator<Item = &'a Fields> {
        self.events.iter().filter_map(move |event| match &event.body {
            Body::ConsoleEvent { name: seen, values } if seen == name => Some(values),
            _ => None,
        })
    }

    /// The validator's result.
    #[must_use]
    pub fn result(self) -> Option<&'a Fields> {
        self.told("result").last()
    }

    /// What the display showed, in the words of cases.
    #[must_use]
    pub fn shown(self, adapter: &'a Adapter) -> Vec<String> {
        self.told("show")
            .map(|values| {
                let id = values.get("id").unwrap_or_default();
                adapter.message(id).map_or_else(|| format!("message {id}"), str::to_owned)
            })
            .collect()
    }

    /// What was charged, in fen.
    #[must_use]
    pub fn charged(self) -> u64 {
        self.result().and_then(|result| result.get("charged")?.parse().ok()).unwrap_or(0)
    }
}

/// Tells where the case wants what a check is about, `file:line`, by the criterion's name.
pub type At<'a> = &'a dyn Fn(&str) -> Option<String>;

/// What a case expects at the last of `taps`, judged. Those before tell what is new in it.
#[must_use]
pub fn judge_tap(expect: &Expect, taps: &[TapEvents<'_>], adapter: &Adapter, at: At<'_>) -> Vec<Check> {
    let Some((&tap, earlier)) = taps.split_last() else { return vec![] };
    let mut checks = Checks { checks: Vec::new(), tap: Some(tap.number), at };
    checks.person(expect, tap, adapter);
    if let Some(money) = expect.charged {
        checks.money(money, tap.charged());
    }
    if let Some(change) = expect.journal {
        checks.journal(change.0, added(tap.events));
    }
    trace::judge(expect, tap, earlier, &mut checks);
    checks.checks
}

/// What a case expects of itself: the last tap's signs, the sum of all taps for money and journal.
#[must_use]
pub fn judge_case(expect: &Expect, events: &[Event], adapter: &Adapter, at: At<'_>) -> Vec<Check> {
    let taps = taps(events);
    let mut checks = Checks { checks: Vec::new(), tap: None, at };
    match taps.split_last() {
        Some((&last, earlier)) => {
            checks.person(expect, last, adapter);
            trace::judge(expect, last, earlier, &mut checks);
        }
        None if expect.is_empty() => {}
        None => checks.add(CheckKind::Trace, "tap", "a tap", "none", false),
    }
    if let Some(money) = expect.charged {
        checks.money(money, taps.iter().map(|tap| tap.charged()).sum());
    }
    if let Some(change) = expect.journal {
        checks.journal(change.0, added(events));
    }
    checks.checks
}

/// How a validator was found after a tap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadyAgain {
    /// Ready in time.
    InTime,
    /// Not ready in time.
    Not,
    /// Started again by itself, as after a crash.
    Restarted,
}

/// After each tap the validator has to be ready again: a bus may not stop, whatever a card does.
#[must_use]
pub fn ready_again(tap: u32, seen: ReadyAgain, within_ms: u128, at: Option<String>) -> Check {
    Check {
        of: CheckKind::Person,
        what: format!("ready again (tap {tap})"),
        wanted: format!("within {within_ms} ms of the card's leaving"),
        seen: match seen {
            ReadyAgain::InTime => "ready",
            ReadyAgain::Not => "not ready",
            ReadyAgain::Restarted => "it started again by itself",
        }
        .into(),
        ok: seen == ReadyAgain::InTime,
        at,
    }
}

/// Records that the journal gained.
fn added(events: &[Event]) -> u32 {
    let added = events.iter().map(|event| match &event.body {
        Body::Journal { added, .. } => added.len(),
        _ => 0,
    });
    u32::try_from(added.sum::<usize>()).unwrap_or(u32::MAX)
}

/// Checks as they are made.
struct Checks<'a> {
    checks: Vec<Check>,
    /// Named in the check when the case has an expectation for this tap alone.
    tap: Option<u32>,
    at: At<'a>,
}

impl Checks<'_> {
    fn add(&mut self, of: CheckKind, what: &str, wanted: impl Into<String>, seen: impl Into<String>, ok: bool) {
        let at = (self.at)(what);
        let what = self.tap.map_or_else(|| what.to_owned(), |tap| format!("{what} (tap {tap})"));
        self.checks.push(Check { of, what, wanted: wanted.into(), seen: seen.into(), ok, at });
    }

    fn word(&mut self, of: CheckKind, what: &str, wanted: &str, seen: &str) {
        self.add(of, what, wanted, seen, wanted == seen);
    }

    fn person(&mut self, expect: &Expect, tap: TapEvents<'_>, adapter: &Adapter) {
        let result = tap.result();
        let of_result = |key| result.and_then(|result| result.get(key)).unwrap_or("none");
        if let Some(outcome) = expect.outcome {
            let seen = result.map_or(Outcome::None.as_str(), |result| result.get("outcome").unwrap_or("unnamed"));
            self.word(CheckKind::Person, "outcome", outcome.as_str(), seen);
        }
        if let Some(reason) = &expect.reason {
            self.word(CheckKind::Trace, "reason", reason, of_result("reason"));
        }
        if let Some(wanted) = &expect.shows {
            let shown = tap.shown(adapter);
            let mut rest = shown.iter();
            let ok = wanted.0.iter().all(|text| rest.any(|seen| seen == text));
            let seen = if shown.is_empty() { "nothing".to_owned() } else { shown.join(", ") };
            self.add(CheckKind::Person, "shows", wanted.0.join(", "), seen, ok);
        }
        if let Some(sound) = expect.sound {
            let seen = tap.told("sound").last().map_or(Sound::None.as_str(), first);
            self.word(CheckKind::Person, "sound", sound.as_str(), seen);
        }
        if let Some(gate) = expect.gate {
            let seen = tap.told("gate").last().map_or(Gate::Shut.as_str(), first);
            self.word(CheckKind::Person, "gate", gate.as_str(), seen);
        }
    }

    fn money(&mut self, wanted: Money, seen: u64) {
        let seen = Money::from_fen(seen);
        self.add(CheckKind::Person, "charged", wanted.to_string(), seen.to_string(), wanted == seen);
    }

    fn journal(&mut self, wanted: u32, seen: u32) {
        let word = |records| match records {
            0 => "unchanged".to_owned(),
            records => format!("+{records}"),
        };
        self.add(CheckKind::Trace, "journal", word(wanted), word(seen), wanted == seen);
    }
}

/// The first word of an event such as `! sound accepted`.
fn first(values: &Fields) -> &str {
    values.iter().next().map_or("", |(name, _)| name)
}

#[cfg(test)]
mod tests;
