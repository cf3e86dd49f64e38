//! The outcome of a tap on a device that reports no result: it follows from what the device shows, sounds and opens.
//!
//! EMV Contactless Book A gives the same message for several outcomes. If what is seen fits several outcomes and one of
//! them is the expected one, the expectation is not judged, and the report names them.

use taprig_model::device::Sight;
use taprig_model::event::{Body, Criterion, SeenBy, Signal, Word};
use taprig_model::expect::{Gate, Outcome, Sound};
use taprig_model::units::Money;

use crate::checks::{Checks, unmapped};
use crate::tap::TapEvents;

/// What the signs of a tap say.
enum Signs {
    /// The outcomes that fit them. There is at least one.
    Fit(Vec<Outcome>),
    /// A word that the device file does not map: its kind and the word.
    Unmapped(&'static str, String),
}

fn signs(tap: TapEvents<'_>, watched: bool) -> Signs {
    let (mut gate, mut sound, mut shown, mut unknown) = (None, None, Vec::new(), None);
    for signal in tap.signals() {
        match signal {
            // A person says of every tap whether the gate is open. That it stayed shut is no sign of the tap.
            Signal::Gate { gate: Word::Known(Gate::Shut) } if watched => {}
            Signal::Gate { gate: Word::Known(word) } => gate = Some(*word),
            Signal::Sound { sound: Word::Known(word) } => sound = Some(*word),
            Signal::Show { message: Word::Known(text) } => shown.push(text.as_str()),
            Signal::Gate { gate: Word::Unknown(word) } => unknown = Some(("gate", word)),
            Signal::Sound { sound: Word::Unknown(word) } => unknown = Some(("sound", word)),
            Signal::Show { message: Word::Unknown(word) } => unknown = Some(("message", word)),
            _ => {}
        }
    }
    let last = |text: &str| shown.iter().rev().find(|shown| !is_idle(shown)).is_some_and(|shown| *shown == text);
    let fit = match (gate, sound) {
        (Some(Gate::Open), _) | (None, Some(Sound::Accepted)) => vec![Outcome::Approved],
        _ if last("present card again") || last("see phone") || last("present one card only") => {
            vec![Outcome::TryAgain]
        }
        _ if last("not authorised") => vec![Outcome::Declined, Outcome::OnlineRequest],
        _ if last("insert, swipe or try another card") => vec![Outcome::EndApplication, Outcome::TryAnotherInterface],
        _ if unknown.is_some() => vec![],
        (_, Some(Sound::Attention)) => vec![Outcome::TryAgain],
        (Some(Gate::Shut), _) | (_, Some(Sound::Refused)) => {
            vec![Outcome::Declined, Outcome::OnlineRequest, Outcome::EndApplication, Outcome::TryAnotherInterface]
        }
        _ => vec![Outcome::None],
    };
    match unknown {
        Some((kind, word)) if fit.is_empty() => Signs::Unmapped(kind, word.clone()),
        _ => Signs::Fit(fit),
    }
}

/// Whether a device shows this when no card is there, so that it says nothing about the tap before it.
fn is_idle(message: &str) -> bool {
    matches!(message, "welcome" | "present card" | "remove card" | "processing" | "card read ok")
}

/// Judges the outcome by the signs that the device reports.
pub(crate) fn outcome(wanted: Outcome, tap: TapEvents<'_>, checks: &mut Checks<'_>) {
    by_signs(wanted, signs(tap, false), checks);
}

/// Judges the outcome by what a person saw. The display and either the sound or the gate are enough. That nothing
/// happened follows only from all three.
pub(crate) fn watched(wanted: Outcome, tap: TapEvents<'_>, checks: &mut Checks<'_>) {
    let [shows, sound, gate] = [Sight::Shows, Sight::Sound, Sight::Gate].map(|sight| tap.not_seen(sight));
    let signs = signs(tap, true);
    let nothing = matches!(&signs, Signs::Fit(fit) if *fit == [Outcome::None]);
    let missing = match nothing {
        true => shows.or(sound).or(gate),
        false => shows.or(sound.and(gate)),
    };
    match missing {
        Some(why) => {
            let what = Criterion::Outcome;
            checks.not_judged(SeenBy::Person, what, wanted.as_str(), "not seen", why.to_owned());
        }
        None => by_signs(wanted, signs, checks),
    }
}

fn by_signs(wanted: Outcome, signs: Signs, checks: &mut Checks<'_>) {
    let (by, what) = (SeenBy::Person, Criterion::Outcome);
    let fit = match signs {
        Signs::Fit(fit) => fit,
        Signs::Unmapped(kind, word) => {
            let why = unmapped(kind, &word);
            return checks.not_judged(by, what, wanted.as_str(), word, why);
        }
    };
    let seen = fit.iter().map(|outcome| outcome.as_str()).collect::<Vec<_>>().join(" or ");
    if fit.contains(&wanted) && fit.len() > 1 {
        let why = "the device reports no result, and what it shows, sounds and opens fits several outcomes".to_owned();
        return checks.not_judged(by, what, wanted.as_str(), seen, why);
    }
    let ok = fit == [wanted];
    checks.add(by, what, wanted.as_str(), seen, ok);
}

/// Judges the amount charged in these taps together: by the amount that the device shows, and otherwise by what its
/// journal gained.
pub(crate) fn charged(wanted: Money, taps: &[TapEvents<'_>], checks: &mut Checks<'_>) {
    let sum: Option<u64> = taps.iter().map(|tap| charged_in(*tap)).sum();
    match sum {
        Some(sum) => checks.money(wanted, sum),
        None => {
            let why = "the device reports neither a result nor the amount of the ride".to_owned();
            checks.not_judged(SeenBy::Person, Criterion::Charged, wanted.to_string(), "not told", why);
        }
    }
}

fn charged_in(tap: TapEvents<'_>) -> Option<u64> {
    match signs(tap, false) {
        Signs::Fit(fit) if !fit.contains(&Outcome::Approved) => return Some(0),
        _ => {}
    }
    let mut shown = tap.events.iter().filter_map(|event| match &event.body {
        Body::Signal { signal: Signal::Show { message: Word::Known(message) }, said } if !is_idle(message) => {
            said.get("amount")?.parse().ok()
        }
        _ => None,
    });
    let mut added = tap.events.iter().filter_map(|event| match &event.body {
        Body::Journal { added, .. } if !added.is_empty() => added.iter().map(|row| row.charged).sum::<Option<u64>>(),
        _ => None,
    });
    shown.next_back().or_else(|| added.next_back())
}
