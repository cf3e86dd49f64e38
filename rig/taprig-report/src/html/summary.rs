//! The first screen: what was tested, and what it came to.

use std::collections::BTreeMap;

use taprig_judge::transcript::render;
use taprig_model::device::Interface;
use taprig_model::event::Role;
use taprig_model::event::{BaselineUse, Event, SeenBy, TimeBasis};
use taprig_model::lock::ENVIRONMENT;
use taprig_model::result::{BenchResult, CaseResult, RunResult, Summary, Verdict};
use taprig_record::Inputs;
use taprig_record::decode::View;

use super::rows::word;
use super::since::{Changes, Since};
use super::table::Kind;
use super::text::{count, counted, duration, fragment, shell, visible};

/// Cases that the first screen shows with their essentials.
const FAILED: usize = 100;

/// Errors of the rig, and differences of a kind, that the first screen lists.
const LISTED: usize = 50;

/// Lines of a transcript on the first screen.
const LINES: usize = 400;

/// The sentence at the top.
pub(super) struct Headline {
    pub class: &'static str,
    pub mark: &'static str,
    pub words: String,
    pub more: Vec<String>,
}

/// What the run came to, in a sentence.
pub(super) fn headline(result: &RunResult) -> Headline {
    let counts = &result.summary;
    let judged = counts.pass + counts.changed + counts.fail + counts.quarantined;
    let excused = counts.quarantined;
    let all = counted(judged as usize, "judged sub-case");
    let changed_fails = counts.changed > 0 && result.run.baseline == BaselineUse::Require;
    let of = Kind::Of;
    let (kind, words) = match () {
        () if counts.fail > 0 => (of(Verdict::Fail), format!("{} of {all} failed", count(counts.fail as usize))),
        () if changed_fails => {
            (of(Verdict::Changed), format!("{} of {all} changed since the baseline", count(counts.changed as usize)))
        }
        () if judged == 0 => (of(Verdict::Skipped), "No sub-case was judged".to_owned()),
        () if counts.error + counts.skipped > 0 || !result.complete => {
            let passed = counted((judged - excused) as usize, "judged sub-case");
            (of(Verdict::Error), format!("{passed} passed, but the run is not whole"))
        }
        () if excused > 0 => (Kind::Quarantined, format!("{} of {all} failed in quarantine", count(excused as usize))),
        () if judged == 1 => (of(Verdict::Pass), "The one judged sub-case passed".to_owned()),
        () => (of(Verdict::Pass), format!("All {all} passed")),
    };
    let mut more = vec![];
    if counts.fail > 0 && counts.changed > 0 {
        more.push(format!("{} changed since the baseline.", counted(counts.changed as usize, "sub-case")));
    }
    if excused > 0 {
        let which = if kind == Kind::Quarantined {
            let passed = counted((judged - excused) as usize, "sub-case");
            format!("{passed} passed. A failure in quarantine does not fail the run.")
        } else {
            let failed = counted(excused as usize, "sub-case");
            format!("{failed} failed in quarantine. A failure in quarantine does not fail the run.")
        };
        more.push(which);
    }
    if counts.error > 0 || !result.faults.is_empty() {
        let times = counted(counts.error as usize + result.faults.len(), "time");
        more.push(format!("The rig itself failed {times}. That says nothing about the device."));
    }
    if counts.flaky > 0 {
        more.push(format!("{} had attempts with different verdicts.", counted(counts.flaky as usize, "sub-case")));
    }
    let look = kind.look();
    Headline { class: look.class, mark: look.mark, words, more }
}

/// Counts of verdicts with a common title.
pub(super) struct Tiles {
    pub title: &'static str,
    pub tiles: Vec<Tile>,
}

/// The count of a verdict.
pub(super) struct Tile {
    pub key: &'static str,
    pub class: &'static str,
    pub mark: &'static str,
    pub words: &'static str,
    pub count: String,
}

/// The counts of the verdicts, those of the rig apart.
pub(super) fn tiles(counts: &Summary) -> Vec<Tiles> {
    let tile = |kind: &Kind| {
        let look = kind.look();
        let count = count(kind.counted(counts) as usize);
        Tile { key: look.class, class: look.class, mark: look.mark, words: look.words, count }
    };
    // Most runs have no quarantine, and a tile for it would only puzzle their readers.
    let shown = |kind: &&Kind| **kind != Kind::Quarantined || counts.quarantined > 0;
    let tiles = |title, kinds: &[Kind]| Tiles { title, tiles: kinds.iter().filter(shown).map(tile).collect() };
    let of = Kind::Of;
    let device = [of(Verdict::Pass), of(Verdict::Changed), of(Verdict::Fail), Kind::Quarantined];
    vec![
        tiles("The device", &device),
        tiles("The rig itself", &[of(Verdict::Error)]),
        tiles("Not judged", &[of(Verdict::NotApplicable), of(Verdict::Skipped)]),
    ]
}

/// A part of the bar below the counts.
pub(super) struct Part {
    pub class: &'static str,
    pub x: String,
    pub width: String,
}

/// The verdicts as parts of a bar, and in words.
pub(super) fn bar(counts: &Summary) -> (Vec<Part>, String) {
    let total = f64::from(counts.total().max(1));
    let (mut parts, mut words, mut x) = (vec![], vec![], 0.0);
    let kinds = [
        Kind::Of(Verdict::Fail),
        Kind::Quarantined,
        Kind::Of(Verdict::Changed),
        Kind::Of(Verdict::Error),
        Kind::Of(Verdict::Pass),
        Kind::Of(Verdict::NotApplicable),
        Kind::Of(Verdict::Skipped),
    ];
    for kind in kinds {
        let number = kind.counted(counts);
        if number == 0 {
            continue;
        }
        // One failure among thousands stays visible.
        let width = (1000.0 * f64::from(number) / total).max(4.0);
        let look = kind.look();
        parts.push(Part { class: look.class, x: format!("{x:.1}"), width: format!("{width:.1}") });
        words.push(format!("{number} {}", look.words));
        x += width;
    }
    (parts, words.join(", "))
}

/// A fact with its values, one in each line.
pub(super) struct Fact {
    pub name: &'static str,
    pub values: Vec<String>,
    pub code: bool,
}

fn fact(name: &'static str, values: impl IntoIterator<Item = String>) -> Fact {
    Fact { name, values: values.into_iter().map(|value| visible(&value)).collect(), code: false }
}

fn code(name: &'static str, values: impl IntoIterator<Item = String>) -> Fact {
    Fact { code: true, ..fact(name, values) }
}

/// How the rig came to know what a person sees and hears. A laboratory must not take the device's word for a person's.
fn seen_how(interface: &Interface, result: &RunResult) -> String {
    match (interface, result.run.environment.get("operator")) {
        (Interface::Native(_) | Interface::Rules(_), _) => {
            "as the console of the device reports them; no person watched".into()
        }
        (Interface::Adapter(_), _) => "as the adapter program reports them; no person watched".into(),
        (Interface::Operator(_), Some(operator)) => format!("{operator} watched the device and answered"),
        (Interface::Operator(_), None) => "a person was to watch, and nobody answered".into(),
    }
}

/// Device, serial number, firmware, bench, card side and times.
pub(super) fn tested(result: &RunResult, inputs: Option<&Inputs>) -> Vec<Fact> {
    let file = result.run.device.clone();
    let title = inputs.map(|inputs| inputs.device.title.clone()).or(file).unwrap_or_else(|| "not known".into());
    let said = result.benches.values().filter_map(|bench| bench.identities.get(&Role::Validator));
    let mut said: Vec<String> = said
        .map(|said| {
            let words = ["device", "firmware", "version", "board"].iter().filter_map(|name| said.get(name));
            format!("it reports: {}", words.collect::<Vec<_>>().join(" "))
        })
        .collect();
    said.dedup();
    let mut serial: Vec<String> = result.benches.values().filter_map(|bench| bench.serial_number.clone()).collect();
    serial.dedup();
    if serial.is_empty() {
        serial.push("not given in the bench file".into());
    }
    let mut firmware: Vec<String> = result
        .firmware
        .iter()
        .map(|image| {
            format!(
                "{}: SHA-256 {}\n{}, {} bytes",
                image.role,
                image.digest,
                image.path,
                count(usize::try_from(image.bytes).unwrap_or(usize::MAX))
            )
        })
        .collect();
    if firmware.is_empty() {
        let reported =
            result.benches.values().filter_map(|bench| bench.identities.get(&Role::Validator)?.get("digest"));
        // The firmware of a hosted board has no digest.
        let reported = reported.filter(|digest| digest.bytes().any(|digit| digit != b'0'));
        firmware.extend(reported.map(|digest| format!("the device reports SHA-256 {digest}")));
        firmware.dedup();
        firmware.push("taprig has flashed no image".into());
    }
    let benches = result.benches.iter().map(|(name, bench)| {
        let boards: Vec<_> = bench.boards.iter().map(|(role, kind)| format!("{role} {kind}")).collect();
        format!("{name}: {}", boards.join(", "))
    });
    let mut sides: Vec<String> =
        result.benches.values().filter_map(|bench| bench.card_side).map(|side| word(&side)).collect();
    sides.dedup();
    let mut times: Vec<String> = result.benches.values().map(times).collect();
    times.dedup();
    let mut facts = vec![
        fact("Device", std::iter::once(title).chain(said)),
        fact("Serial number", serial),
        fact("Bench", benches),
        fact("Card side", sides),
        fact("Times", times),
        fact("Display, sound, gate", inputs.map(|inputs| seen_how(&inputs.device.interface, result))),
        code("Firmware", firmware),
    ];
    facts.retain(|fact| !fact.values.is_empty());
    facts
}

fn times(bench: &BenchResult) -> String {
    match bench.time {
        TimeBasis::Modelled => "modelled: the card emulator computes the time on the air from the frames. It does not contain the time that the device itself takes".into(),
        TimeBasis::Measured => "measured".into(),
    }
}

/// What the laboratory file says, with what it leaves blank.
pub(super) fn laboratory(result: &RunResult) -> Vec<Fact> {
    let fields = result.run.lab.iter().flat_map(|lab| lab.fields());
    fields
        .map(|field| fact(field.title, [field.value.unwrap_or_else(|| "(blank)".to_owned()), field.clause.to_owned()]))
        .collect()
}

/// How the run was made.
pub(super) fn run(result: &RunResult) -> Vec<Fact> {
    let run = &result.run;
    let of = |key: &str| run.environment.get(key).cloned();
    let known = ["cases-and-fixtures", "operator", ENVIRONMENT, "bench"];
    let rest = run.environment.iter().filter(|(key, _)| !known.contains(&key.as_str()));
    let rest: Vec<_> = rest.map(|(key, value)| format!("{key} {value}")).collect();
    let command = run.arguments.iter().map(|word| shell(word)).collect::<Vec<_>>().join(" ");
    let mut facts = vec![
        fact("Started", [run.started.clone()]),
        fact("Duration", [duration(result.took_us)]),
        fact("Tool", [format!("{} {}", run.tool, run.version)]),
        code("Command", [format!("{} {command}", run.tool)]),
        fact("Suite", of(ENVIRONMENT)),
        code("Cases and fixtures", of("cases-and-fixtures")),
        fact("Device file", run.device.clone()),
        fact("Part of the suite", run.partition.clone()),
        fact(
            "Transcripts that differ from the baseline",
            [match run.baseline {
                BaselineUse::Require => "fail the run".to_owned(),
                BaselineUse::Report => "are reported, and do not fail the run".to_owned(),
                BaselineUse::Off => "are not compared".to_owned(),
            }],
        ),
        fact("Operator", of("operator")),
        fact("Environment", (!rest.is_empty()).then(|| rest.join("\n"))),
    ];
    facts.retain(|fact| fact.values.iter().any(|value| !value.trim().is_empty()));
    facts
}

/// A case that did not pass.
pub(super) struct Failed {
    pub id: String,
    pub id_word: String,
    pub fragment: String,
    pub title: String,
    pub class: &'static str,
    pub mark: &'static str,
    pub words: &'static str,
    pub failure: String,
    pub checks: Vec<Missed>,
    pub transcript: Option<String>,
}

/// An expectation that does not hold.
pub(super) struct Missed {
    pub what: String,
    pub wanted: String,
    pub seen: String,
    pub who: &'static str,
    pub at: String,
}

/// The cases that failed, then those that changed, then those that failed in quarantine, and how many more there are.
pub(super) fn failed(result: &RunResult, notable: &BTreeMap<String, Vec<Event>>) -> (Vec<Failed>, usize) {
    let with = |kind| result.cases.iter().filter(move |case| Kind::of(case) == kind);
    let of = Kind::Of;
    let all: Vec<_> =
        with(of(Verdict::Fail)).chain(with(of(Verdict::Changed))).chain(with(Kind::Quarantined)).collect();
    let shown = all.iter().take(FAILED).map(|case| one_failed(case, notable.get(&case.id)));
    (shown.collect(), all.len().saturating_sub(FAILED))
}

fn one_failed(case: &CaseResult, events: Option<&Vec<Event>>) -> Failed {
    let look = Kind::of(case).look();
    let checks = case.checks.iter().filter(|check| check.fails()).map(|check| Missed {
        what: visible(&check.title()),
        wanted: visible(&check.wanted),
        seen: visible(&check.seen),
        who: check.seen_by.words(),
        at: visible(check.at.as_deref().unwrap_or_default()),
    });
    Failed {
        id: visible(&case.id),
        id_word: visible(&shell(&case.id)),
        fragment: fragment(&case.id),
        title: visible(&case.title),
        class: look.class,
        mark: look.mark,
        words: look.words,
        failure: visible(case.failure.as_deref().unwrap_or_default()),
        checks: checks.collect(),
        transcript: events.map(|events| first_lines(&visible(&render(events, View::Whole)))),
    }
}

fn first_lines(text: &str) -> String {
    let all = text.lines().count();
    let mut shown = text.lines().take(LINES).collect::<Vec<_>>().join("\n");
    if all > LINES {
        shown += &format!("\n... and {} more", counted(all - LINES, "line"));
    }
    shown
}

/// An error of the rig that ended a case.
pub(super) struct Errored {
    pub id: String,
    pub fragment: String,
    pub failure: String,
}

/// Faults of the rig that belong to no case, the cases that the rig ended, and how many more of these there are.
pub(super) fn errors(result: &RunResult) -> (Vec<String>, Vec<Errored>, usize) {
    let all = result.cases.iter().filter(|case| case.verdict == Verdict::Error);
    let errored = |case: &CaseResult| Errored {
        id: visible(&case.id),
        fragment: fragment(&case.id),
        failure: visible(case.failure.as_deref().unwrap_or_default()),
    };
    let number = all.clone().count();
    let faults = result.faults.iter().take(LISTED).map(|fault| visible(&fault.to_string()));
    (faults.collect(), all.take(LISTED).map(errored).collect(), number.saturating_sub(LISTED))
}

/// A reason with the number of what it concerns.
pub(super) struct Reason {
    pub words: String,
    pub count: String,
    pub query: String,
}

fn reasons(of: BTreeMap<String, usize>, query: impl Fn(&str) -> String) -> Vec<Reason> {
    let mut all: Vec<_> = of.into_iter().collect();
    all.sort_by_key(|(_, number)| std::cmp::Reverse(*number));
    let reason = |(words, number): (String, usize)| Reason { query: query(&words), count: count(number), words };
    all.into_iter().map(reason).collect()
}

/// Why sub-cases were not judged: those that do not apply, and those that were not run.
pub(super) fn not_applicable(result: &RunResult) -> Vec<Reason> {
    let mut of: BTreeMap<String, usize> = BTreeMap::new();
    for case in result.cases.iter().filter(|case| matches!(case.verdict, Verdict::NotApplicable | Verdict::Skipped)) {
        let why = case.failure.as_deref().map_or_else(|| case.verdict.name().to_owned(), super::table::short);
        *of.entry(why).or_default() += 1;
    }
    reasons(of, |words| format!("v=na,skipped&q={}", fragment(words)))
}

/// Why expectations were not judged.
pub(super) fn not_judged(result: &RunResult) -> Vec<Reason> {
    let mut of: BTreeMap<String, usize> = BTreeMap::new();
    let checks = result.cases.iter().flat_map(|case| &case.checks).filter(|check| check.seen_by != SeenBy::Baseline);
    for why in checks.filter_map(|check| check.why.as_deref()) {
        *of.entry(visible(why)).or_default() += 1;
    }
    reasons(of, |words| format!("n={}", fragment(words)))
}

/// What changed since an earlier run, for the page.
pub(super) struct Changed {
    pub since: String,
    pub words: String,
    pub around: Vec<(String, String, String)>,
    pub lists: Vec<ChangeList>,
}

/// Sub-cases that changed in the same way.
pub(super) struct ChangeList {
    pub title: &'static str,
    pub count: String,
    pub items: Vec<ChangedCase>,
    pub more: usize,
}

/// A sub-case that changed.
pub(super) struct ChangedCase {
    pub id: String,
    pub fragment: String,
    pub words: String,
    /// Whether this run has it.
    pub here: bool,
}

/// What changed since an earlier run.
pub(super) fn changed(since: &Since, result: &RunResult) -> Changed {
    let Changes { worse, better, other, new, gone, same, around } = since.changes(result);
    let item = |id: &str, words: String, here| ChangedCase { id: visible(id), fragment: fragment(id), words, here };
    let differ = |all: &[(String, Verdict, Verdict)]| {
        all.iter().map(|(id, was, is)| item(id, format!("was {was}, is {is}"), true)).collect::<Vec<_>>()
    };
    let lists = [
        ("Fail now", differ(&worse)),
        ("No longer fail", differ(&better)),
        ("Other verdicts that differ", differ(&other)),
        ("New in this run", new.iter().map(|(id, verdict)| item(id, verdict.to_string(), true)).collect()),
        ("Not in this run", gone.iter().map(|(id, was)| item(id, format!("was {was}"), false)).collect()),
    ];
    let differing = worse.len() + better.len() + other.len();
    let words = match differing {
        0 => format!("{} in both runs have the same verdict.", counted(same, "sub-case")),
        _ => format!(
            "{} of {} in both runs have another verdict.",
            count(differing),
            counted(same + differing, "sub-case")
        ),
    };
    let list = |(title, mut items): (&'static str, Vec<ChangedCase>)| {
        let (count, more) = (count(items.len()), items.len().saturating_sub(LISTED));
        items.truncate(LISTED);
        ChangeList { title, count, items, more }
    };
    Changed {
        since: visible(since.started()),
        words,
        around: around.into_iter().map(|(name, before, now)| (visible(&name), shown(&before), shown(&now))).collect(),
        lists: lists.into_iter().filter(|(_, items)| !items.is_empty()).map(list).collect(),
    }
}

fn shown(value: &str) -> String {
    if value.is_empty() { "none".to_owned() } else { visible(value) }
}

/// The command that runs a sub-case of this run again. The id is appended.
pub(super) fn repeat(result: &RunResult) -> String {
    let mut words = result.run.arguments.iter();
    let mut kept = vec!["taprig".to_owned(), "run".to_owned()];
    while let Some(argument) = words.next() {
        for option in ["--bench", "--project", "--baseline", "--operator"] {
            if argument == option {
                kept.extend([option.to_owned(), words.next().map(|word| shell(word)).unwrap_or_default()]);
            } else if argument.strip_prefix(option).is_some_and(|rest| rest.starts_with('=')) {
                kept.push(shell(argument));
            }
        }
    }
    kept.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Tally;
    use taprig_model::samples;

    fn result(counts: Summary) -> RunResult {
        RunResult { summary: counts, complete: true, ..RunResult::default() }
    }

    #[test]
    fn the_headline_says_the_worst_of_the_device() {
        let words = |counts| headline(&result(counts)).words;
        let passed = Summary { pass: 7, ..Summary::default() };
        assert_eq!(words(passed), "All 7 judged sub-cases passed");
        let excused = Summary { quarantined: 1, ..passed };
        assert_eq!(words(excused), "1 of 8 judged sub-cases failed in quarantine");
        assert_eq!(
            headline(&result(excused)).more,
            ["7 sub-cases passed. A failure in quarantine does not fail the run."]
        );
        assert_eq!(words(Summary { fail: 1, ..excused }), "1 of 9 judged sub-cases failed");
        assert_eq!(words(Summary { error: 1, ..excused }), "7 judged sub-cases passed, but the run is not whole");
        assert_eq!(words(Summary { fail: 1, error: 2, ..passed }), "1 of 8 judged sub-cases failed");
        assert_eq!(words(Summary { changed: 2, ..passed }), "2 of 9 judged sub-cases changed since the baseline");
        assert_eq!(words(Summary { error: 1, ..passed }), "7 judged sub-cases passed, but the run is not whole");
        assert_eq!(words(Summary { not_applicable: 3, ..Summary::default() }), "No sub-case was judged");
        let report = RunResult {
            run: taprig_model::event::RunStarted { baseline: BaselineUse::Report, ..Default::default() },
            ..result(Summary { changed: 2, ..passed })
        };
        assert_eq!(headline(&report).words, "All 9 judged sub-cases passed");
    }

    #[test]
    fn blank_fields_of_a_laboratory_are_shown_as_blank() {
        let mut result = result(Summary::default());
        assert!(laboratory(&result).is_empty());
        result.run.lab = Some(Box::default());
        result.run.lab.as_mut().unwrap().place = Some("hall 3".into());
        let facts = laboratory(&result);
        let value = |name: &str| facts.iter().find(|fact| fact.name == name).unwrap().values.clone();
        assert_eq!(
            (value("Place of the tests"), value("Condition of the item")),
            (vec!["hall 3".to_owned(), "7.8.2.1 c".to_owned()], vec!["(blank)".to_owned(), "7.8.2.1 g".to_owned()],)
        );
    }

    #[test]
    fn the_command_that_repeats_a_case_keeps_what_matters() {
        let arguments = |words: &[&str]| {
            let run = taprig_model::event::RunStarted {
                arguments: words.iter().map(ToString::to_string).collect(),
                ..Default::default()
            };
            repeat(&RunResult { run, ..RunResult::default() })
        };
        assert_eq!(arguments(&["run"]), "taprig run");
        let long = ["--project", "my bus", "run", "BUS", "--bench=sim", "--jobs", "2", "--report", "/tmp/x"];
        assert_eq!(arguments(&long), "taprig run --project 'my bus' --bench=sim");
        assert_eq!(arguments(&["run", "--bench", "a;b"]), "taprig run --bench 'a;b'");
    }

    #[test]
    fn what_did_not_pass_is_told_with_its_expectations() {
        let result = Tally::of(&samples::run()).result();
        let (failed, more) = failed(&result, &BTreeMap::new());
        let seen: Vec<_> =
            failed[0].checks.iter().map(|check| (check.what.as_str(), check.seen.as_str(), check.who)).collect();
        assert_eq!((failed.len(), more), (1, 0));
        assert_eq!(seen, [("outcome", "approved", "seen by a person"), ("journal", "+1", "told by the device")]);
        let (_, errors, _) = errors(&result);
        assert_eq!(errors[0].id, "ZZZ-001");
        let reasons = not_applicable(&result);
        assert_eq!(reasons[0].query, "v=na,skipped&q=the%20device%20does%20not%20claim%20sm2");
    }

    #[test]
    fn the_bar_shows_every_verdict_there_is() {
        let (parts, words) = bar(&Summary { pass: 5_000, fail: 1, ..Summary::default() });
        assert_eq!(words, "1 fail, 5000 pass");
        assert_eq!((parts[0].class, parts[0].width.as_str()), ("fail", "4.0"));
    }
}
