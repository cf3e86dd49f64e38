//! Judges the expectations of steps.

use taprig_model::criteria::{Criteria, StepWanted};
use taprig_model::event::{Body, Event};

use crate::checks::Checks;
use crate::tap::{TapEvents, taps_of};
use crate::{card, person, reported};

/// Judges each step by the events between its beginning and the beginning of the next one.
pub(crate) fn judge<'a>(criteria: &'a Criteria, events: &[Event], checks: &mut Checks<'a>) {
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
    for (i, &(start, index)) in starts.iter().enumerate() {
        let Some(step) = criteria.steps.get(index) else { continue };
        let end = starts.get(i + 1).map_or(events.len(), |&(next, _)| next);
        let events = &events[start..end];
        checks.about(None, &step.lines);
        match &step.wanted {
            StepWanted::Tap(expect) => {
                for tap in taps_of(events) {
                    taps.push(tap);
                    checks.about(Some(tap.number), &step.lines);
                    for event in tap.events {
                        if let Body::ReadyAgain { seen, within_us, .. } = event.body {
                            person::ready_again(seen, within_us, tap, checks);
                        }
                    }
                    // A validator that is not ready again ends the case before its journal can be read.
                    if tap.is_whole() {
                        let earlier = &taps[..taps.len() - 1];
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
                let mut line = "";
                for event in events {
                    match &event.body {
                        Body::ConsoleSent { line: sent } => line = sent,
                        Body::ConsoleReply(reply) => reported::reply(line, wanted, reply, checks),
                        _ => {}
                    }
                }
            }
            StepWanted::Nothing => {}
        }
    }
}
