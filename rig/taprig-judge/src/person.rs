//! Judges what a person at the validator sees and hears.

use taprig_model::device::{Interface, Sight, claim};
use taprig_model::event::{Body, Criterion, ReadyAgain, SeenBy, Signal, Word};
use taprig_model::expect::{Expect, Gate, Outcome, Sound};
use taprig_model::units::{Duration, Money};

use crate::checks::{Checks, unmapped};
use crate::inferred;
use crate::tap::TapEvents;

/// Judges the outcome, the display, the sound and the gate of a tap.
pub(crate) fn last_signs(expect: &Expect, tap: TapEvents<'_>, checks: &mut Checks<'_>) {
    if let Some(wanted) = expect.outcome {
        match tap.not_seen(Sight::Outcome) {
            Some(_) if checks.device().interface.operator().is_some() => inferred::watched(wanted, tap, checks),
            Some(why) => not_seen(Criterion::Outcome, wanted.as_str(), why, checks),
            None => outcome(wanted, tap, checks),
        }
    }
    if let Some(wanted) = &expect.shows {
        match tap.not_seen(Sight::Shows) {
            Some(why) => not_seen(Criterion::Shows, wanted.0.join(", "), why, checks),
            None => shows(&wanted.0, tap, checks),
        }
    }
    if let Some(wanted) = expect.sound {
        if let Some(why) = tap.not_seen(Sight::Sound) {
            not_seen(Criterion::Sound, wanted.as_str(), why, checks);
        // EMV Contactless Book A (user interface) has a success tone and an alert tone, and no third one.
        } else if wanted == Sound::Attention && !checks.device().claims(claim::ATTENTION_SOUND) {
            let why = format!("the device does not claim {}", claim::ATTENTION_SOUND);
            checks.not_judged(SeenBy::Person, Criterion::Sound, wanted.as_str(), "not heard", why);
        } else {
            sound(wanted, tap, checks);
        }
    }
    if let (Some(wanted), Some(why)) = (expect.gate, tap.not_seen(Sight::Gate)) {
        not_seen(Criterion::Gate, wanted.as_str(), why, checks);
    } else if let Some(wanted) = expect.gate {
        let last = tap.signals().filter_map(|signal| match signal {
            Signal::Gate { gate } => Some(gate),
            _ => None,
        });
        // If the device does not mention the gate, it has not moved: it is shut.
        word(Criterion::Gate, wanted.as_str(), last.last(), Gate::Shut.as_str(), Gate::as_str, checks);
    }
}

/// What nobody saw is not judged.
fn not_seen(what: Criterion, wanted: impl Into<String>, why: &str, checks: &mut Checks<'_>) {
    checks.not_judged(SeenBy::Person, what, wanted, "not seen", why.to_owned());
}

/// Judges the amount that these taps charged. If nobody saw one of them, the sum is not known.
pub(crate) fn charged(wanted: Money, taps: &[TapEvents<'_>], checks: &mut Checks<'_>) {
    match taps.iter().find_map(|tap| tap.not_seen(Sight::Charged)) {
        Some(why) => not_seen(Criterion::Charged, wanted.to_string(), why, checks),
        None if checks.device().tells_result() => checks.money(wanted, taps.iter().map(|tap| tap.charged()).sum()),
        None => inferred::charged(wanted, taps, checks),
    }
}

fn sound(wanted: Sound, tap: TapEvents<'_>, checks: &mut Checks<'_>) {
    let last = tap.signals().filter_map(|signal| match signal {
        Signal::Sound { sound } => Some(sound),
        _ => None,
    });
    word(Criterion::Sound, wanted.as_str(), last.last(), Sound::None.as_str(), Sound::as_str, checks);
}

fn outcome(wanted: Outcome, tap: TapEvents<'_>, checks: &mut Checks<'_>) {
    if !checks.device().tells_result() {
        return inferred::outcome(wanted, tap, checks);
    }
    let seen = match tap.result() {
        None if wanted != Outcome::None => return no_result(wanted, tap, checks),
        None => Outcome::None.as_str(),
        Some(result) => match result.outcome {
            Some(Word::Known(outcome)) => outcome.as_str(),
            Some(Word::Unknown(word)) => {
                let why = unmapped("outcome", word);
                return checks.not_judged(SeenBy::Person, Criterion::Outcome, wanted.as_str(), word.as_str(), why);
            }
            None => "unnamed",
        },
    };
    checks.add(SeenBy::Person, Criterion::Outcome, wanted.as_str(), seen, seen == wanted.as_str());
}

/// The number of unexplained lines that a check shows.
const SHOWN: usize = 3;

/// A device by rules may have reported its result in a line that no rule explains.
fn no_result(wanted: Outcome, tap: TapEvents<'_>, checks: &mut Checks<'_>) {
    let by_rules = matches!(checks.device().interface, Interface::Rules(_));
    let lines = tap.events.iter().filter_map(|event| match &event.body {
        Body::ConsoleNoise { text } if by_rules => Some(format!("`{text}`")),
        _ => None,
    });
    let mut lines: Vec<String> = lines.collect();
    let more = lines.len().saturating_sub(SHOWN);
    lines.drain(..more);
    let none = Outcome::None.as_str();
    let seen = match (lines.is_empty(), more) {
        (true, _) => none.to_owned(),
        (false, 0) => format!("{none}; no rule explains {}", lines.join(", ")),
        (false, more) => format!("{none}; no rule explains {} and {more} lines before", lines.join(", ")),
    };
    checks.add(SeenBy::Person, Criterion::Outcome, wanted.as_str(), seen, false);
}

fn shows(wanted: &[String], tap: TapEvents<'_>, checks: &mut Checks<'_>) {
    let shown: Vec<&Word<String>> = tap
        .signals()
        .filter_map(|signal| match signal {
            Signal::Show { message } => Some(message),
            _ => None,
        })
        .collect();
    let mut rest = shown.iter();
    let ok = wanted.iter().all(|text| rest.any(|seen| seen.known() == Some(text)));
    let words = |message: &&Word<String>| match message {
        Word::Known(text) => text.clone(),
        Word::Unknown(id) => format!("message {id}"),
    };
    let seen =
        if shown.is_empty() { "nothing".to_owned() } else { shown.iter().map(words).collect::<Vec<_>>().join(", ") };
    let unknown = shown.iter().find_map(|message| match message {
        Word::Unknown(id) => Some(id),
        Word::Known(_) => None,
    });
    let wanted = wanted.join(", ");
    match unknown {
        // The unknown message may be the one that was expected.
        Some(id) if !ok => {
            checks.not_judged(SeenBy::Person, Criterion::Shows, wanted, seen, unmapped("message", id));
        }
        _ => checks.add(SeenBy::Person, Criterion::Shows, wanted, seen, ok),
    }
}

fn word<T>(
    what: Criterion,
    wanted: &str,
    seen: Option<&Word<T>>,
    silent: &str,
    as_str: impl Fn(T) -> &'static str,
    checks: &mut Checks<'_>,
) where
    T: Copy,
{
    let seen = match seen {
        None => silent,
        Some(Word::Known(word)) => as_str(*word),
        Some(Word::Unknown(word)) => {
            let why = unmapped(&what.to_string(), word);
            return checks.not_judged(SeenBy::Person, what, wanted, word.as_str(), why);
        }
    };
    checks.add(SeenBy::Person, what, wanted, seen, wanted == seen);
}

/// The validator must keep running, whatever happens.
pub(crate) fn ended(why: &str, checks: &mut Checks<'_>) {
    checks.add(SeenBy::Person, Criterion::ReadyAgain, "a validator that keeps running", why, false);
}

/// After each tap the validator must be ready again. It must keep working in a bus, whatever a card does.
pub(crate) fn ready_again(seen: ReadyAgain, within_us: u64, tap: TapEvents<'_>, checks: &mut Checks<'_>) {
    let wanted = format!("within {} of the card's leaving", Duration { us: within_us });
    let words = match seen {
        ReadyAgain::InTime => "ready",
        ReadyAgain::Not => "not ready",
        ReadyAgain::Restarted => "it started again by itself",
        ReadyAgain::NotSeen => {
            let why = tap.not_seen(Sight::Ready).unwrap_or("nobody saw it");
            return not_seen(Criterion::ReadyAgain, wanted, why, checks);
        }
    };
    checks.add(SeenBy::Person, Criterion::ReadyAgain, wanted, words, seen == ReadyAgain::InTime);
}
