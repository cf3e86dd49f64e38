//! Judges what a validator must do in every case, whatever the case is about.

use taprig_model::criteria::Criteria;
use taprig_model::device::claim;
use taprig_model::event::{AlwaysRule, Body, Criterion, Event, SeenBy, Signal, Source, Word};
use taprig_model::expect::{Gate, Outcome};
use taprig_model::units::Money;

use crate::checks::{Checks, DeviceAnswer};
use crate::tap::{TapEvents, taps_of};

pub(crate) fn judge<'a>(criteria: &'a Criteria, events: &[Event], checks: &mut Checks<'a>) {
    checks.about(None, &criteria.lines);
    // A device without any interface writes nothing and reports nothing: a person says what it does.
    let writes = checks.device().interface.operator().is_none();
    for rule in AlwaysRule::ALL {
        let (by, wanted, found) = match rule {
            AlwaysRule::Masked => {
                (SeenBy::Device, "in all that the device writes", unmasked(events).filter(|_| writes))
            }
            AlwaysRule::Refusals => (SeenBy::Person, "no gate and no charge without approval", breached(events)),
            // A case that expects faults says which.
            AlwaysRule::Faults if criteria.expect.faults.is_some() => continue,
            AlwaysRule::Faults => (SeenBy::Device, "none reported", own_faults(events).filter(|_| writes)),
        };
        let Some(wrong) = found else { continue };
        checks.rule(by, Criterion::Always(rule), wanted, wrong, "so it is");
    }
}

/// Judges the faults that a case expects, each of which may come more than once.
pub(crate) fn stated(wanted: &[String], events: &[Event], checks: &mut Checks<'_>) {
    let words = |list: &[String]| if list.is_empty() { "none".to_owned() } else { list.join(", ") };
    checks.by_device(claim::NATIVE_CONSOLE, Criterion::Faults, words(wanted), || {
        let mut seen: Vec<_> = faults(events).unwrap_or_default().into_iter().map(|(what, _)| what).collect();
        seen.sort_unstable();
        seen.dedup();
        let ok = seen.iter().all(|fault| wanted.contains(fault)) && wanted.iter().all(|fault| seen.contains(fault));
        DeviceAnswer::Seen(words(&seen), ok)
    });
}

/// What the device wrote with an account number in full. `None`: the device wrote nothing.
///
/// The recorder hides such numbers before anybody sees an event, and leaves a token for each one. A number that the device itself
/// has masked has no token.
fn unmasked(events: &[Event]) -> Option<Vec<String>> {
    let wrote = |event: &&Event| {
        let told = match &event.body {
            Body::Signal { signal, .. } => !matches!(signal, Signal::NotSeen { .. }),
            Body::ConsoleNoise { .. }
            | Body::ConsoleReply(_)
            | Body::Journal { .. }
            | Body::Status { .. }
            | Body::Identified { .. } => true,
            _ => false,
        };
        told && event.source == Source::Validator
    };
    let mut wrote = events.iter().filter(wrote).peekable();
    wrote.peek()?;
    let in_full = wrote.filter(|event| !event.numbers.is_empty()).map(|event| {
        let what = match &event.body {
            Body::Signal { signal, .. } => format!("event `{}`", signal.name()),
            Body::ConsoleNoise { text } => format!("line `{text}`"),
            Body::ConsoleReply(reply) => format!("reply `{}`", reply.text),
            Body::Journal { .. } => "journal".to_owned(),
            Body::Status { .. } => "status".to_owned(),
            _ => "identity".to_owned(),
        };
        format!("{what} has a number in full")
    });
    Some(in_full.collect())
}

/// Taps that were not approved, and what they still did. `None`: the device reports no outcome.
fn breached(events: &[Event]) -> Option<Vec<String>> {
    let mut any = false;
    let mut wrong = vec![];
    for tap in taps_of(events) {
        let Some(result) = tap.result() else { continue };
        let Some(Word::Known(outcome)) = result.outcome else { continue };
        any = true;
        // Only an issuer that approves lets the rider in after a request, and then the result is an approval.
        if *outcome == Outcome::Approved {
            continue;
        }
        if opened(tap) {
            wrong.push(format!("tap {}: {}, and the gate opened", tap.number, outcome.as_str()));
        }
        if let Some(charged) = result.charged.filter(|charged| *charged > 0) {
            wrong.push(format!("tap {}: {}, and {} charged", tap.number, outcome.as_str(), Money::from_fen(charged)));
        }
    }
    any.then_some(wrong)
}

fn opened(tap: TapEvents<'_>) -> bool {
    tap.signals().any(|signal| matches!(signal, Signal::Gate { gate: Word::Known(Gate::Open) }))
}

/// What the reference device calls a card that lies on the reader long after its tap has ended.
const CARD_LEFT: &str = "card-left";

/// A card that lies there for so long after the last sign of its tap may be called left. The reference device waits 0.7 s.
const LIES_US: u64 = 500_000;

/// Faults that the device reports of itself, and whether the rig has caused them: if this host was too busy to take the card away in
/// time, the device is right to say that the card is still there. `None`: the device reports nothing at all.
fn faults(events: &[Event]) -> Option<Vec<(String, bool)>> {
    let (mut any, mut faults) = (false, vec![]);
    let (mut there, mut last_us) = (false, 0);
    for event in events {
        match &event.body {
            Body::Presented { .. } => there = true,
            Body::Removed { .. } => there = false,
            // That nobody saw something is no word of the device.
            Body::Signal { signal: Signal::NotSeen { .. }, .. } => {}
            Body::Signal { signal, .. } => {
                any = true;
                let lies = there && event.at_us.saturating_sub(last_us) >= LIES_US;
                last_us = event.at_us;
                if let Signal::Fault { what } = signal {
                    faults.push((what.clone(), lies && what == CARD_LEFT));
                }
            }
            _ => {}
        }
    }
    any.then_some(faults)
}

/// The faults of the device that the rig has not caused.
fn own_faults(events: &[Event]) -> Option<Vec<String>> {
    faults(events).map(|faults| faults.into_iter().filter(|(_, caused)| !caused).map(|(what, _)| what).collect())
}
