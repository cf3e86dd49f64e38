//! Judges the reader by its frames on the air: what a case expects of them, and what a reader must do in every case.
//!
//! The rules are those of ISO/IEC 14443-3 and -4 with the restrictions of EMV Level 1. They need no reference firmware: this module
//! reads the frames, the card's ATS and the times on the air, and computes from them what the reader may do next. It shares no code
//! with the reader of the reference validator, so that the two can't be wrong together.
//!
//! | module | what it knows |
//! | --- | --- |
//! | `moment` | frames and field of one tap, in order, with their times |
//! | `ats` | what the card announced |
//! | `form` | the form of a frame |
//! | `blocks` | the block protocol |
//! | `times` | how long the reader waits and pauses |

mod ats;
mod blocks;
mod form;
mod moment;
#[cfg(test)]
mod tests;
mod times;

use taprig_model::criteria::Criteria;
use taprig_model::event::{AirRule, Body, Criterion, Event, SeenBy};
use taprig_model::expect::{Expect, FrameName, frames_match};

use crate::checks::Checks;
use crate::tap::{TapEvents, taps_of};
use moment::{Moment, spans};

/// What was looked at for a rule, and what is wrong.
#[derive(Debug, Default)]
struct Findings {
    /// How many frames or times the rule was applied to.
    looked_at: usize,
    wrong: Vec<String>,
}

impl Findings {
    /// Applies a rule once.
    fn look(&mut self, ok: bool, wrong: impl FnOnce() -> String) {
        self.looked_at += 1;
        if !ok {
            self.wrong.push(wrong());
        }
    }
}

/// Judges the frames that a case states for one tap.
pub(crate) fn stated(expect: &Expect, tap: TapEvents<'_>, checks: &mut Checks<'_>) {
    if expect.frames.is_none() && expect.never_sent.is_empty() {
        return;
    }
    let moments = spans(tap).concat();
    let list = |names: &mut dyn Iterator<Item = String>| format!("[{}]", names.collect::<Vec<_>>().join(", "));
    if let Some(wanted) = &expect.frames {
        let seen = moment::served(&moments);
        let wanted_words = list(&mut wanted.iter().map(ToString::to_string));
        let seen_words = list(&mut seen.iter().map(ToString::to_string));
        checks.add(SeenBy::Card, Criterion::Frames, wanted_words, seen_words, frames_match(wanted, &seen));
    }
    if !expect.never_sent.is_empty() {
        let sent: Vec<FrameName> = moments.iter().filter_map(Moment::name).collect();
        let found: Vec<FrameName> = expect.never_sent.iter().copied().filter(|name| sent.contains(name)).collect();
        let wanted = format!("none of {}", list(&mut expect.never_sent.iter().map(ToString::to_string)));
        let seen = match found.as_slice() {
            [] => "none of them".to_owned(),
            found => list(&mut found.iter().map(ToString::to_string)),
        };
        checks.add(SeenBy::Card, Criterion::NeverSent, wanted, seen, found.is_empty());
    }
}

/// Judges the rules that hold in every case, over all its taps. A record without frames, or without their times, has nothing to
/// judge them by: then the case has no check for that rule.
pub(crate) fn rules<'a>(criteria: &'a Criteria, events: &[Event], checks: &mut Checks<'a>) {
    if !events.iter().any(|event| matches!(event.body, Body::Frame { .. })) {
        return;
    }
    let mut found = AirRule::ALL.map(|rule| (rule, Findings::default()));
    for tap in taps_of(events) {
        let spans = spans(tap);
        for (rule, findings) in &mut found {
            let before = findings.wrong.len();
            for moments in &spans {
                match rule {
                    AirRule::Frames => form::judge(moments, findings),
                    AirRule::Blocks => blocks::judge(moments, findings),
                    AirRule::Times => times::judge(moments, findings),
                }
            }
            for wrong in &mut findings.wrong[before..] {
                *wrong = format!("tap {}: {wrong}", tap.number);
            }
        }
    }
    checks.about(None, &criteria.lines);
    for (rule, Findings { looked_at, wrong }) in found {
        if looked_at == 0 {
            continue;
        }
        let (wanted, unit) = match rule {
            AirRule::Frames => ("as the standard has them", "frames"),
            AirRule::Blocks => ("in turn", "blocks"),
            AirRule::Times => ("as the standard asks", "times"),
        };
        checks.rule(SeenBy::Card, Criterion::Air(rule), wanted, wrong, format!("{looked_at} {unit}"));
    }
}
