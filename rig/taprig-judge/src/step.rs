//! Judges the expectations of steps.

use taprig_model::criteria::{Criteria, StepCriteria, StepWanted};
use taprig_model::event::{Body, ConsoleReply, Criterion, Event, SeenBy};
use taprig_model::expect::Expect;
use taprig_model::step::{Act, During};

use crate::checks::Checks;
use crate::tap::{TapEvents, stopped, taps_of};
use crate::{acquirer, card, person, reported};

/// What came of the steps.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Played {
    /// Whether one of the steps that the case did not get to is a tap.
    pub(crate) taps_are_left: bool,
    /// How many messages the acquirer had received at the last step that looked at them.
    pub(crate) messages: usize,
}

/// Judges each step by the events between its beginning and the beginning of the next one. Steps that the case did not
/// get to are not judged.
pub(crate) fn judge<'a>(criteria: &'a Criteria, events: &[Event], checks: &mut Checks<'a>) -> Played {
    let starts: Vec<(usize, usize)> = events
        .iter()
        .enumerate()
        .filter_map(|(place, event)| match event.body {
            Body::StepStarted { number, .. } => Some((place, usize::try_from(number).ok()?.checked_sub(1)?)),
            _ => None,
        })
        .collect();
    // The taps of earlier steps determine which values are new in a later one.
    let mut taps: Vec<TapEvents<'_>> = Vec::new();
    let mut messages = 0;
    for (i, &(start, index)) in starts.iter().enumerate() {
        let Some(step) = criteria.steps.get(index) else { continue };
        let end = starts.get(i + 1).map_or(events.len(), |&(next, _)| next);
        match &step.wanted {
            // It looks at all that came since the case began.
            StepWanted::Acquirer(wanted) => {
                checks.about(None, &step.lines);
                messages = acquirer::stated(wanted, &events[..end], messages, checks);
            }
            _ => one(step, &events[start..end], &mut taps, checks),
        }
    }
    let Some(why) = stopped(events) else { return Played { taps_are_left: false, messages } };
    checks.withhold(Some(why));
    let played = starts.last().map_or(0, |&(_, index)| index + 1);
    let left = criteria.steps.get(played..).unwrap_or_default();
    for step in left {
        one(step, &[], &mut taps, checks);
    }
    checks.withhold(None);
    Played { taps_are_left: left.iter().any(|step| matches!(step.wanted, StepWanted::Tap(_))), messages }
}

/// Judges a step by its own events. `taps` are the taps before it, and those of this step are added to them.
fn one<'a, 'e>(step: &'a StepCriteria, events: &'e [Event], taps: &mut Vec<TapEvents<'e>>, checks: &mut Checks<'a>) {
    checks.about(None, &step.lines);
    let is_tap = matches!(step.wanted, StepWanted::Tap(_));
    let ended = ended(events).filter(|_| !is_tap);
    if let Some(why) = ended {
        person::ended(why, checks);
        checks.withhold(stopped(events));
    }
    match &step.wanted {
        StepWanted::Tap(expect) => {
            let unplayed = events.is_empty().then(|| TapEvents { number: next_number(taps), events });
            for played in unplayed.into_iter().chain(taps_of(events)) {
                checks.about(Some(played.number), &step.lines);
                tap(expect, played, taps, checks);
                acts(&step.acts, played, checks);
                taps.push(played);
            }
        }
        StepWanted::Settings => {
            for event in events {
                if let Body::SettingsTaken { what, refused } = &event.body {
                    reported::setting(what, refused.as_ref(), checks);
                }
            }
        }
        StepWanted::Status(wanted) => {
            let seen = events.iter().find_map(|event| match &event.body {
                Body::Status { status, .. } => Some(status),
                _ => None,
            });
            reported::status(wanted, seen, checks);
        }
        StepWanted::Journal(wanted) => {
            let seen = events.iter().find_map(|event| match &event.body {
                Body::Journal { count, total, listed: Some(rows), .. } => {
                    Some(reported::Listed { count: *count, total: *total, rows })
                }
                _ => None,
            });
            reported::journal(wanted, seen, checks);
        }
        StepWanted::ClearJournal => {
            let refused = events.iter().find_map(|event| match &event.body {
                Body::JournalCleared { refused } => Some(refused.as_ref()),
                _ => None,
            });
            reported::cleared(refused, checks);
        }
        StepWanted::Identity => {
            let seen = events.iter().find_map(|event| match &event.body {
                Body::Identified { identity, .. } => Some(identity),
                _ => None,
            });
            reported::identity(checks.device(), seen, checks);
        }
        StepWanted::Console(wanted) => {
            if events.is_empty() || ended.is_some() {
                let none = ConsoleReply { data: vec![], ok: false, code: None, text: String::new() };
                reported::reply(&wanted.send, wanted, &none, checks);
            }
            let mut line = "";
            for event in events {
                match &event.body {
                    Body::ConsoleSent { line: sent } => line = sent,
                    Body::ConsoleReply(reply) => reported::reply(line, wanted, reply, checks),
                    _ => {}
                }
            }
        }
        StepWanted::Work { work, expect } => acquirer::work(*work, *expect, events, checks),
        // One that the case did not get to. The others are judged by more than their own events.
        StepWanted::Acquirer(wanted) => {
            acquirer::stated(wanted, &[], 0, checks);
        }
        StepWanted::Nothing => {}
    }
}

/// Judges a tap after the taps `earlier`.
fn tap(expect: &Expect, tap: TapEvents<'_>, earlier: &[TapEvents<'_>], checks: &mut Checks<'_>) {
    for event in tap.events {
        match &event.body {
            Body::ReadyAgain { seen, within_us, .. } => person::ready_again(*seen, *within_us, tap, checks),
            Body::DeviceEnded { why } => person::ended(why, checks),
            _ => {}
        }
    }
    person::last_signs(expect, tap, checks);
    if let Some(money) = expect.charged {
        person::charged(money, &[tap], checks);
    }
    card::judge(expect, tap, earlier, checks);
    reported::result(expect, tap, checks);
    if let Some(change) = expect.journal {
        reported::journal_change(change, tap.events, checks);
    }
}

/// Judges whether the tap came to each act, and the replies to the lines that were sent to the console in the middle of it.
fn acts(acts: &[During], tap: TapEvents<'_>, checks: &mut Checks<'_>) {
    let done: Vec<_> = tap
        .events
        .iter()
        .filter_map(|event| match &event.body {
            Body::Acted { at, act } => Some((at.as_str(), act.as_str())),
            _ => None,
        })
        .collect();
    let mut replies = tap.events.iter().filter_map(|event| match &event.body {
        Body::ConsoleReply(reply) => Some(reply),
        _ => None,
    });
    for During { at, act } in acts {
        let (at, words) = (at.to_string(), act.to_string());
        // Without its act, the tap is another one than the case is about.
        let is_done = done.contains(&(&*at, &*words));
        let seen = if is_done { "it came" } else { "it did not come" };
        checks.add(SeenBy::Card, Criterion::Act(at.clone()), format!("the command for: {words}"), seen, is_done);
        if let (Act::Console(console), true) = (act, is_done) {
            let none = ConsoleReply { data: vec![], ok: false, code: None, text: String::new() };
            reported::reply(&console.send, console, replies.next().unwrap_or(&none), checks);
        }
    }
}

/// The number that the next tap would have had.
fn next_number(taps: &[TapEvents<'_>]) -> u32 {
    taps.last().map_or(1, |tap| tap.number + 1)
}

/// How the validator ended in these events, if it did.
fn ended(events: &[Event]) -> Option<&str> {
    events.iter().find_map(|event| match &event.body {
        Body::DeviceEnded { why } => Some(why.as_str()),
        _ => None,
    })
}
