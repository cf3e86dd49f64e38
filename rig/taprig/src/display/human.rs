//! Shows progress, failures and the summary to a person.

use super::style::{Styles, paint};
use super::terminal::Unfilled;
use super::{Options, Out, failure, times};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::collections::{BTreeMap, HashMap};
use std::io::IsTerminal;
use std::sync::Arc;
use std::time::Duration;
use taprig_model::event::{Body, Event, FlashOutcome};
use taprig_model::result::{CaseResult, RunResult, Verdict};
use taprig_report::Tally;

/// How many of the slowest cases the summary names, and the shortest time (in us) that is worth naming.
const SLOWEST: usize = 3;
const SLOW_US: u64 = 1_000_000;

/// Shows a run to a person.
pub struct Human {
    options: Options,
    styles: Styles,
    out: Out,
    bar: ProgressBar,
    tally: Tally,
    /// Events of the sub-cases that are running, by id.
    running: HashMap<String, Vec<Arc<Event>>>,
}

impl Human {
    /// The display at the start of a run.
    pub fn new(options: Options, out: Out) -> Self {
        let styles = Styles::new(options.colour);
        Self { options, styles, out, bar: ProgressBar::hidden(), tally: Tally::default(), running: HashMap::new() }
    }

    /// Counts the events of an earlier part of the run. They are not shown.
    pub fn remember(&mut self, earlier: &[Event]) {
        earlier.iter().for_each(|event| self.tally.add(event));
    }

    /// Shows an event.
    pub fn event(&mut self, event: &Arc<Event>) {
        if matches!(event.body, Body::Serial { .. }) {
            return;
        }
        self.tally.add(event);
        match (&event.case, &event.body) {
            (None, Body::RunStarted(run)) => self.begin(u64::from(run.cases)),
            (None, Body::RunResumed { cases, .. }) => self.begin(u64::from(*cases)),
            (None, Body::RigFault(fault)) => {
                let line = format!("{} {fault}", paint(self.styles.fault, "rig fault:"));
                self.print(&line);
            }
            (_, Body::Flashed { role, outcome: FlashOutcome::Programmed, bytes, took_us, .. }) => {
                let bench = event.bench.as_deref().unwrap_or_default();
                let line = format!("flashed {role} of {bench}: {} KiB in {}", bytes.div_ceil(1024), seconds(*took_us));
                self.print(&paint(self.styles.faint, line));
            }
            (_, Body::FlashedByProgram { role, outcome: FlashOutcome::Programmed, command, version, took_us }) => {
                let bench = event.bench.as_deref().unwrap_or_default();
                let line =
                    format!("flashed {role} of {bench} by `{command}`: version {version} in {}", seconds(*took_us));
                self.print(&paint(self.styles.faint, line));
            }
            (_, Body::RunFinished { interrupted, .. }) => self.finish(*interrupted),
            (Some(id), body) => {
                if let Body::CaseStarted(_) = body {
                    self.running.insert(id.clone(), vec![]);
                    self.bar.set_message(id.clone());
                }
                self.running.entry(id.clone()).or_default().push(event.clone());
                if let Body::CaseFinished { .. } = body {
                    self.case(id);
                }
            }
            _ => {}
        }
    }

    fn begin(&mut self, cases: u64) {
        if !self.options.terminal {
            return;
        }
        let template = "{bar:24} {pos}/{len}  {prefix}{wide_msg}";
        // The template is fixed and valid. Without it the bar would only look different.
        let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
        let target = match std::io::stderr().is_terminal() {
            true => ProgressDrawTarget::term_like_with_hz(Box::new(Unfilled), 10),
            false => ProgressDrawTarget::hidden(),
        };
        self.bar = ProgressBar::with_draw_target(Some(cases), target);
        self.bar.set_style(style.progress_chars("=> "));
    }

    fn case(&mut self, id: &str) {
        let events = self.running.remove(id).unwrap_or_default();
        let Some(case) = self.tally.get(id).cloned() else { return };
        // A second attempt does not count the sub-case again.
        if case.attempts.len() == 1 {
            self.bar.inc(1);
        }
        let notable = case.verdict.is_notable();
        if notable {
            let events: Vec<Event> = events.iter().map(|event| (**event).clone()).collect();
            let block = failure::block(&case, &events, &self.options, &self.styles);
            self.print(&block);
        } else if !self.options.terminal && case.verdict != Verdict::Skipped {
            // Cases that did not run are only a number in the summary. A thousand lines would hide those that did.
            self.print(&line(&case, &self.styles));
        }
        if notable && self.options.terminal {
            let summary = self.tally.result().summary;
            let counts = [(summary.fail, "failed"), (summary.changed, "changed"), (summary.error, "errors")];
            let counts = counts.iter().filter(|(count, _)| *count > 0).map(|(count, name)| format!("{count} {name}  "));
            self.bar.set_prefix(counts.collect::<String>());
        }
    }

    fn finish(&mut self, interrupted: bool) {
        self.bar.finish_and_clear();
        let summary = summary(&self.tally.result(), interrupted, &self.styles);
        self.print(&summary);
    }

    /// Prints a line above the bar.
    fn print(&mut self, text: &str) {
        let line = format!("{}\n", text.strip_suffix('\n').unwrap_or(text));
        let out = &mut self.out;
        self.bar.suspend(|| out.put(line.as_bytes()));
    }
}

fn seconds(us: u64) -> String {
    format!("{:.2} s", Duration::from_micros(us).as_secs_f64())
}

fn line(case: &CaseResult, styles: &Styles) -> String {
    let verdict = paint(styles.verdict(case.verdict), format!("{:<14}", case.verdict));
    let why = match (&case.failure, case.is_flaky()) {
        (_, true) => " (flaky)".to_owned(),
        (Some(why), false) => format!(" ({why})"),
        (None, false) => String::new(),
    };
    format!("{verdict} {:>7}  {}  {}{why}", seconds(case.took_us), case.id, case.title)
}

/// What could not be judged, and why. A verdict on fewer expectations is worth less.
fn not_judged(result: &RunResult, styles: &Styles) -> Vec<String> {
    let ran = |case: &&CaseResult| matches!(case.verdict, Verdict::Pass | Verdict::Changed | Verdict::Fail);
    let mut why: BTreeMap<&str, u32> = BTreeMap::new();
    for check in result.cases.iter().filter(ran).flat_map(|case| &case.checks) {
        if let Some(reason) = &check.why {
            *why.entry(reason).or_default() += 1;
        }
    }
    if why.is_empty() {
        return vec![];
    }
    let (judged, all) = result
        .cases
        .iter()
        .filter(ran)
        .map(CaseResult::judged)
        .fold((0, 0), |sum, case| (sum.0 + case.0, sum.1 + case.1));
    let head = paint(styles.fault, format!("judged {judged} of {all} expectations of the cases that ran"));
    let lines = why.iter().map(|(why, count)| paint(styles.faint, format!("  {count} not judged: {why}")));
    std::iter::once(head).chain(lines).collect()
}

/// What somebody has to do about cases in quarantine: those that pass need it no more, and those whose time is over count.
fn quarantine(result: &RunResult) -> impl Iterator<Item = String> {
    result.cases.iter().filter_map(|case| {
        let of = case.quarantine.as_ref()?;
        let (id, until, owner) = (&case.id, of.until, &of.owner);
        match case.verdict {
            Verdict::Pass if !of.holds => {
                Some(format!("{id} passes, and its quarantine has expired on {until}: {owner} can remove it"))
            }
            Verdict::Pass => Some(format!("{id} passes, but it is in quarantine until {until}: {owner} can remove it")),
            Verdict::Fail | Verdict::Changed if of.holds => Some(format!(
                "{id} is in quarantine until {until}, so it does not fail the run: {} ({owner})",
                of.reason
            )),
            Verdict::Fail | Verdict::Changed => {
                Some(format!("{id} fails the run, because its quarantine has expired on {until} ({owner})"))
            }
            Verdict::Error => Some(format!("{id} is in quarantine, but an error of the rig is not covered by that")),
            Verdict::NotApplicable | Verdict::Skipped => None,
        }
    })
}

/// The end of a run: counts, cases that did not pass, slow cases.
fn summary(result: &RunResult, interrupted: bool, styles: &Styles) -> String {
    let counts = result.summary;
    let named = [
        (counts.pass, "passed", styles.good),
        (counts.changed, "changed since the baseline", styles.fault),
        (counts.fail, "failed", styles.bad),
        (counts.quarantined, "failed in quarantine", styles.fault),
        (counts.error, if counts.error == 1 { "error" } else { "errors" }, styles.fault),
        (counts.flaky, "flaky", styles.fault),
        (counts.not_applicable, "not applicable", styles.faint),
        (counts.skipped, "skipped", styles.faint),
    ];
    let named: Vec<_> = named
        .iter()
        .filter(|(count, name, _)| *count > 0 || *name == "passed")
        .map(|(count, name, style)| paint(*style, format!("{count} {name}")))
        .collect();
    let mut lines = vec![format!("{} in {}", named.join(", "), seconds(result.took_us))];
    if interrupted {
        lines.push(paint(styles.fault, format!("interrupted: {} of {} cases ran", counts.ran(), result.run.cases)));
    }
    lines.extend(not_judged(result, styles));
    let listed = |verdict: Verdict| result.cases.iter().filter(move |case| case.verdict == verdict);
    for case in listed(Verdict::Fail).chain(listed(Verdict::Changed)).chain(listed(Verdict::Error)) {
        let verdict = paint(styles.verdict(case.verdict), format!("{:<7}", case.verdict));
        let why = case.failure.as_deref().unwrap_or_default().lines().next().unwrap_or_default();
        lines.push(format!("  {verdict} {}  {why}", case.id));
    }
    lines.extend(quarantine(result).map(|line| format!("  {}", paint(styles.fault, line))));
    for case in result.cases.iter().filter(|case| case.is_flaky()) {
        lines.push(format!("  {} {}  {} attempts", paint(styles.fault, "flaky"), case.id, case.attempts.len()));
    }
    let mut slow: Vec<_> = result.cases.iter().filter(|case| case.took_us >= SLOW_US).collect();
    slow.sort_by_key(|case| std::cmp::Reverse(case.took_us));
    for case in slow.into_iter().take(SLOWEST) {
        lines.push(paint(styles.faint, format!("  slow  {}  {}", case.id, seconds(case.took_us))));
    }
    lines.extend(times::of_run(result).map(|line| paint(styles.faint, line)));
    lines.join("\n")
}
