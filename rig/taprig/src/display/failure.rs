//! The block that tells of a case that did not pass: what was expected, what was seen, the exchange, how to repeat it.

use super::style::{Styles, paint};
use crate::decode::View;
use crate::transcript::render;
use taprig_model::event::{Body, CheckKind, Event, RigFault};
use taprig_model::result::{CaseResult, Verdict};

/// Most lines of the exchange that are shown; the record has all.
const LINES: usize = 60;

/// The block, lines ended. `events` are those of the sub-case.
pub(super) fn block(case: &CaseResult, events: &[Event], repeat: &str, styles: &Styles) -> String {
    let mut out = Vec::new();
    let verdict = if case.verdict == Verdict::Fail { "FAIL" } else { "ERROR" };
    let head = paint(styles.verdict(case.verdict), verdict);
    out.push(format!("{head} {} {}", paint(styles.strong, &case.id), case.title));
    let place = case.checks.iter().find(|check| !check.ok).and_then(|check| check.at.as_ref()).unwrap_or(&case.file);
    if !place.is_empty() {
        out.push(format!("  at {place}"));
    }
    let failed = |kind| case.checks.iter().filter(move |check| !check.ok && check.of == kind);
    for (kind, heading) in [(CheckKind::Person, "a person sees"), (CheckKind::Trace, "the trace shows")] {
        for (place, check) in failed(kind).enumerate() {
            if place == 0 {
                out.push(format!("  {heading}"));
            }
            let wanted = block_text(&check.wanted);
            let seen = block_text(&check.seen);
            out.push(format!("    {:<10} expected {}", check.what, paint(styles.good, wanted)));
            out.push(format!("    {:<10} seen     {}", "", paint(styles.bad, seen)));
        }
    }
    if case.checks.iter().all(|check| check.ok)
        && let Some(failure) = &case.failure
    {
        out.push(format!("  {}", block_text(failure)));
    }
    for fault in faults(events) {
        out.push(format!("  {}", paint(styles.fault, fault)));
    }
    let text = render(events, View::Whole);
    let lines: Vec<_> = text.lines().collect();
    if !lines.is_empty() {
        out.push("  what happened".to_owned());
        let left = lines.len().saturating_sub(LINES);
        if left > 0 {
            out.push(paint(styles.faint, format!("    ... {left} lines before, in the record")));
        }
        out.extend(lines[left..].iter().map(|line| {
            let line = paint(styles.faint, format!("    {line}"));
            line.trim_end().to_owned()
        }));
    }
    if !repeat.is_empty() {
        out.push(format!("  repeat: {repeat} {}", case.id));
    }
    out.push(String::new());
    out.iter().map(|line| format!("{line}\n")).collect()
}

fn faults(events: &[Event]) -> impl Iterator<Item = &RigFault> {
    events.iter().filter_map(|event| match &event.body {
        Body::RigFault(fault) => Some(fault),
        _ => None,
    })
}

/// Text of several lines (a difference of transcripts) keeps the margin; nothing is told as such.
fn block_text(text: &str) -> String {
    if text.is_empty() { "nothing".to_owned() } else { text.trim_end().replace('\n', "\n      ") }
}
