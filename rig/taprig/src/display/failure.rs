//! The description of a case that did not pass: what was expected, what was seen, the exchange, and how to repeat the
//! case.

use super::Options;
use super::style::{Styles, paint};
use std::path::Path;
use taprig_judge::transcript::render;
use taprig_model::event::{Body, CheckResult, Event, SeenBy};
use taprig_model::result::{CaseResult, Verdict};
use taprig_record::decode::View;

/// The largest number of lines of the exchange that are shown. The record has all of them.
const LINES: usize = 60;

/// The largest number of lines from the validator that are neither reply nor event.
const NOISE: usize = 20;

/// The largest number of lines about the initial state of the case, which is often the cause: settings, card, changes,
/// faults.
const GIVEN: usize = 20;

/// The description, with a line end after each line. `events` are those of the sub-case.
pub(super) fn block(case: &CaseResult, events: &[Event], options: &Options, styles: &Styles) -> String {
    let mut out = Vec::new();
    let verdict = match case.verdict {
        Verdict::Fail => "FAIL",
        Verdict::Changed => "CHANGED",
        _ => "ERROR",
    };
    let head = paint(styles.verdict(case.verdict), verdict);
    out.push(format!("{head} {} {}", paint(styles.strong, &case.id), case.title));
    let wanted_at = || case.checks.iter().filter(|check| check.fails()).find_map(|check| check.at.as_ref());
    let place = if case.verdict == Verdict::Error { None } else { wanted_at() }.unwrap_or(&case.file);
    if !place.is_empty() {
        out.push(format!("  at {place}"));
    }
    if case.verdict == Verdict::Error {
        // The verdict says nothing about the device, so the checks are not shown.
        out.extend(faults(events, case).iter().map(|fault| format!("  {}", paint(styles.fault, block_text(fault)))));
    } else {
        checks(case, styles, &mut out);
    }
    let text = render(events, View::Whole);
    let lines: Vec<_> = text.lines().collect();
    if !lines.is_empty() {
        out.push("  what happened".to_owned());
        let mut show = |lines: &[&str]| {
            out.extend(lines.iter().map(|line| paint(styles.faint, format!("    {line}")).trim_end().to_owned()));
        };
        let given = lines.iter().take_while(|line| !line.is_empty()).count().min(GIVEN);
        let rest = lines.len().saturating_sub(LINES).max(given);
        show(&lines[..given]);
        if rest > given {
            show(&["", &left_out(rest - given, options)]);
        }
        show(&lines[rest..]);
    }
    noise(events, options, styles, &mut out);
    if !options.repeat.is_empty() {
        out.push(format!("  repeat: {} {}", options.repeat, quoted(meant(case))));
    }
    out.push(String::new());
    out.iter().map(|line| format!("{line}\n")).collect()
}

/// Says where the lines are that are not shown.
fn left_out(count: usize, options: &Options) -> String {
    let where_to = if options.recorded { ", in the record" } else { "; add --report DIR to keep them" };
    format!("... {count} lines{where_to}")
}

/// Debug output of the validator. The last lines are shown, because they are nearest to the failure.
fn noise(events: &[Event], options: &Options, styles: &Styles, out: &mut Vec<String>) {
    let lines = super::noise(events);
    if lines.is_empty() {
        return;
    }
    out.push("  other output of the validator".to_owned());
    let before = lines.len().saturating_sub(NOISE);
    if before > 0 {
        out.push(paint(styles.faint, format!("    {}", left_out(before, options))));
    }
    out.extend(lines[before..].iter().map(|line| paint(styles.faint, format!("    {line}"))));
}

/// The expectations that do not hold, by who sees them, and how many could not be judged.
fn checks(case: &CaseResult, styles: &Styles, out: &mut Vec<String>) {
    let failed = |seen_by| case.checks.iter().filter(move |check| check.fails() && check.seen_by == seen_by);
    for seen_by in [SeenBy::Person, SeenBy::Card, SeenBy::Acquirer, SeenBy::Device, SeenBy::Baseline] {
        for (place, check) in failed(seen_by).enumerate() {
            if place == 0 {
                out.push(format!("  {}", seen_by.words()));
            }
            let wanted = paint(styles.good, block_text(&check.wanted));
            let seen = paint(styles.bad, block_text(&check.seen));
            out.push(format!("    {:<10} expected {wanted}", check.title()));
            out.push(format!("    {:<10} seen     {seen}", ""));
        }
    }
    let (judged, all) = case.judged();
    if judged < all {
        out.push(format!("  judged {judged} of {all} expectations"));
        let mut why: Vec<_> = case.checks.iter().filter(|check| check.result == CheckResult::NotJudged).collect();
        why.dedup_by_key(|check| check.why.clone());
        out.extend(why.iter().map(|check| {
            let why = check.why.as_deref().unwrap_or_default();
            paint(styles.faint, format!("    {:<10} not judged: {why}", check.title()))
        }));
    }
    if !case.checks.iter().any(taprig_model::event::Check::fails)
        && let Some(failure) = &case.failure
    {
        out.push(format!("  {}", block_text(failure)));
    }
}

/// What the rig could not do. If the case reported no fault, these are the case's own words.
fn faults(events: &[Event], case: &CaseResult) -> Vec<String> {
    let told = events.iter().filter_map(|event| match &event.body {
        Body::RigFault(fault) => Some(fault.to_string()),
        _ => None,
    });
    let told: Vec<_> = told.collect();
    if told.is_empty() { vec![case.failure.clone().unwrap_or_default()] } else { told }
}

/// The name of the case for a command line. An id is looked up only in `cases`, so any other case is named by its file.
fn meant(case: &CaseResult) -> &str {
    if Path::new(&case.file).starts_with("cases") { &case.id } else { &case.file }
}

/// An argument, quoted for a shell.
fn quoted(argument: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./+:,".contains(c);
    if argument.chars().all(plain) { argument.to_owned() } else { format!("'{}'", argument.replace('\'', "'\\''")) }
}

/// Text of several lines, such as a difference of transcripts, keeps the margin. An empty text is shown as `nothing`.
fn block_text(text: &str) -> String {
    if text.is_empty() { "nothing".to_owned() } else { text.trim_end().replace('\n', "\n      ") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use taprig_model::samples::{event, finished, started};
    use taprig_report::Tally;

    #[test]
    fn where_the_lines_are_that_are_not_shown() {
        let id = Some("BUS-001");
        let mut events = vec![event(1, id, started("A new card rides", 1))];
        let step = |number: usize| Body::StepStarted { number: u32::try_from(number).unwrap(), step: "tap".into() };
        events.extend((1..=LINES).map(|number| event(2, id, step(number))));
        events.push(event(3, id, finished(Verdict::Fail, 1, None)));
        let case = Tally::of(&events).get("BUS-001").cloned().unwrap();
        let shown = |recorded| {
            let options = Options { recorded, ..Options::default() };
            let text = block(&case, &events, &options, &Styles::default());
            assert!(text.contains("    validator shangluo-flat-1-yuan\n"), "what the case began with: {text}");
            text.lines().find(|line| line.contains("...")).unwrap().trim().to_owned()
        };
        // The first line shows the initial state of the case.
        let left = render(&events, View::Whole).lines().count() - LINES - 1;
        assert_eq!(shown(true), format!("... {left} lines, in the record"));
        assert_eq!(shown(false), format!("... {left} lines; add --report DIR to keep them"));
    }

    #[test]
    fn the_last_of_what_the_validator_said_besides() {
        let id = Some("BUS-001");
        let mut events = vec![event(1, id, started("A new card rides", 1))];
        events.extend((0..=NOISE).map(|number| event(2, id, Body::ConsoleNoise { text: format!("dbg {number}") })));
        events.push(event(3, id, finished(Verdict::Error, 1, None)));
        let case = Tally::of(&events).get("BUS-001").cloned().unwrap();
        let text = block(&case, &events, &Options::default(), &Styles::default());
        let told = "  other output of the validator\n    ... 1 lines; add --report DIR to keep them\n    dbg 1\n";
        assert!(text.contains(told) && text.contains(&format!("    dbg {NOISE}\n")), "{text}");
        events.retain(|event| !matches!(event.body, Body::ConsoleNoise { .. }));
        let text = block(&case, &events, &Options::default(), &Styles::default());
        assert!(!text.contains("besides"), "{text}");
    }

    #[test]
    fn ids_that_a_shell_would_split() {
        assert_eq!(quoted("ODA-004/rsa1024"), "ODA-004/rsa1024");
        assert_eq!(quoted("PRE-003/1.00 CNY"), "'PRE-003/1.00 CNY'");
        assert_eq!(quoted("it's"), "'it'\\''s'");
    }
}
