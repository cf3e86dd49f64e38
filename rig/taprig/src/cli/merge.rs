//! `taprig report merge`: joins the records of machines that shared a run (`--partition`).

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use taprig_case::partition::Partition;
use taprig_case::{Diagnostic, Problems};
use taprig_model::event::{Body, Event, FirmwareImage, Role, RunStarted, Source};
use taprig_model::result::{CaseResult, Verdict};
use taprig_record::{Inputs, Options, Record, Recorder, State, WriteError};
use taprig_report::{Capture, Tally};

use super::{Exit, print, resume};

/// Arguments of `taprig report merge`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Folders of the records. The command does not change them.
    #[arg(required = true, value_name = "DIR")]
    records: Vec<PathBuf>,
    /// Folder of the joined record. An earlier record in it is replaced.
    #[arg(long, value_name = "DIR")]
    to: PathBuf,
}

impl Args {
    /// The folder that this command writes.
    pub(super) fn writes(&self) -> PathBuf {
        self.to.clone()
    }
}

pub(super) fn run(args: &Args) -> Result<Exit, Problems> {
    let parts = args.records.iter().map(|folder| Part::open(folder)).collect::<Result<Vec<_>, _>>()?;
    let to = args.to.canonicalize().ok();
    if let Some(part) = parts.iter().find(|part| to.is_some() && part.folder.canonicalize().ok() == to) {
        let why = "this is one of the records to join, and joining would replace it";
        return Err(Diagnostic::of_file(&part.folder, why).help("give `--to` another folder").into());
    }
    comparable(&parts)?;
    let findings = Findings::of(&parts);
    let result = match write(&parts, args) {
        Ok(result) => result,
        Err(Failed::Before(problems)) => return Err(problems),
        Err(Failed::Then(exit)) => return Ok(exit),
    };
    let (counts, records) = (super::counts(&result.summary), parts.len());
    let printed = print(&format!("{findings}{counts}; {records} records joined in {}\n", args.to.display()));
    Ok(match (printed, result.summary.exit_code(result.run.baseline)) {
        (Exit::Ok, 1) => Exit::CaseFailed,
        (Exit::Ok, 0) if findings.are_none() => Exit::Ok,
        (Exit::Ok, _) => Exit::RigFailed,
        (printed, _) => printed,
    })
}

/// One of the records.
struct Part {
    folder: PathBuf,
    record: Record,
    started: RunStarted,
    inputs: Inputs,
    /// The sub-cases that it has played to their end, with their verdicts.
    verdicts: BTreeMap<String, Verdict>,
}

impl Part {
    fn open(folder: &Path) -> Result<Self, Problems> {
        let record = resume::open(folder)?;
        let wrong = |why: String| Problems::from(Diagnostic::of_file(folder, why));
        let inputs = Inputs::read(folder).map_err(|error| wrong(error.to_string()))?;
        let Some(started) = record.started().cloned() else {
            return Err(wrong("this record does not say how its run began".into()));
        };
        let result = Tally::of(&record.events).result();
        let played = result.cases.into_iter().filter(CaseResult::has_verdict);
        let verdicts = played.map(|case| (case.id, case.verdict)).collect();
        Ok(Self { folder: folder.to_owned(), record, started, inputs, verdicts })
    }

    /// The images that its boards ran, by role.
    fn images(&self) -> BTreeMap<Role, &FirmwareImage> {
        let images = self.record.events.iter().filter_map(|event| match &event.body {
            Body::Firmware(image) => Some((image.role, image)),
            _ => None,
        });
        images.collect()
    }
}

/// Only records of the same device, firmware and cases can be joined.
fn comparable(parts: &[Part]) -> Result<(), Problems> {
    let Some((first, others)) = parts.split_first() else { return Ok(()) };
    let cases = |part: &Part| part.started.environment.get(resume::CASES).cloned();
    for part in others {
        let why = if part.inputs.device != first.inputs.device {
            "it is about another device".to_owned()
        } else if cases(part) != cases(first) {
            "it was run with other cases or fixtures".to_owned()
        } else if part.started.lab != first.started.lab {
            "it was run with another laboratory file".to_owned()
        } else if part.started.quarantine != first.started.quarantine {
            "it was run with another quarantine".to_owned()
        } else if let Some((role, _)) = part
            .images()
            .iter()
            .find(|(role, image)| first.images().get(role).is_some_and(|other| other.digest != image.digest))
        {
            format!("its {role} ran another image")
        } else {
            continue;
        };
        let why = format!("{why} than the record in {}, so the two can't be joined", first.folder.display());
        return Err(Diagnostic::of_file(&part.folder, why).into());
    }
    Ok(())
}

/// What is wrong with the whole.
#[derive(Default)]
struct Findings(Vec<String>);

impl Findings {
    fn of(parts: &[Part]) -> Self {
        let mut found = Self::default();
        for part in parts.iter().filter(|part| part.record.state != State::Complete) {
            found.0.push(format!("{}: its run did not reach its end", part.folder.display()));
        }
        let there: BTreeSet<&str> = parts.iter().filter_map(|part| part.started.partition.as_deref()).collect();
        for part in there.iter().filter_map(|part| part.parse::<Partition>().ok()) {
            for missing in part.all().map(|part| part.to_string()).filter(|part| !there.contains(part.as_str())) {
                let finding = format!("part {missing} of the suite is missing");
                if !found.0.contains(&finding) {
                    found.0.push(finding);
                }
            }
        }
        let mut seen: BTreeMap<&str, (&Part, Verdict)> = BTreeMap::new();
        for part in parts {
            for (id, verdict) in &part.verdicts {
                let Some((first, other)) = seen.get(id.as_str()) else {
                    seen.insert(id, (part, *verdict));
                    continue;
                };
                let (here, there) = (part.folder.display(), first.folder.display());
                found.0.push(format!(
                    "{id}: it is there twice: {other} in {there}, which counts, and {verdict} in {here}"
                ));
            }
        }
        let planned: BTreeSet<&str> =
            parts.iter().flat_map(|part| &part.inputs.criteria).map(|criteria| criteria.id.as_str()).collect();
        let missing = planned.iter().filter(|id| !seen.contains_key(*id));
        found.0.extend(missing.map(|id| format!("{id}: no record has played it to its end")));
        found
    }

    fn are_none(&self) -> bool {
        self.0.is_empty()
    }
}

impl std::fmt::Display for Findings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|finding| writeln!(f, "{finding}"))
    }
}

/// Why the joined record was not written.
enum Failed {
    /// Its folder can't be used. Nothing was written.
    Before(Problems),
    /// The error was reported.
    Then(Exit),
}

fn write(parts: &[Part], args: &Args) -> Result<taprig_model::result::RunResult, Failed> {
    let then = |error: &dyn std::error::Error| Failed::Then(super::rig_failed(error));
    let events = joined(parts);
    let options = Options { whole: true };
    // The events of the parts are masked already, or were kept whole on purpose.
    let recorder = match Recorder::start(Some(&args.to), options, vec![]) {
        Ok(recorder) => recorder,
        Err(WriteError::Folder { path, why }) => return Err(Failed::Before(Diagnostic::of_file(&path, why).into())),
        Err(error) => return Err(then(&error)),
    };
    for (number, part) in (1..).zip(parts) {
        serial(part, number, &args.to).map_err(|error| then(&error))?;
    }
    inputs(parts).write(&args.to, true).map_err(|error| then(&error))?;
    events.iter().for_each(|event| recorder.replay(event.clone()));
    let result = Tally::of(&events).result();
    let interrupted = parts.iter().any(|part| part.record.state != State::Complete);
    let last = events.last().map_or(0, |event| event.at_us);
    let end = Body::RunFinished { summary: result.summary, interrupted };
    let end =
        Event { at_us: last, board_us: None, bench: None, case: None, source: Source::Rig, body: end, numbers: vec![] };
    recorder.replay(end.clone());
    let closing = recorder.end(!interrupted).map_err(|error| then(&error))?;
    let events: Vec<Event> = events.into_iter().chain([end]).collect();
    let result = Tally::of(&events).result();
    taprig_report::write(&args.to, &result, &events).map_err(|error| then(&error))?;
    taprig_report::write_capture(&args.to, Capture::of(&events)).map_err(|error| then(&error))?;
    taprig_report::write_html(&args.to, closing.state(), None).map_err(|error| then(&error))?;
    closing.mark().map_err(|error| then(&error))?;
    Ok(result)
}

/// The events of all parts, one part after the other. Benches get the number of their part in front of their names.
fn joined(parts: &[Part]) -> Vec<Event> {
    let mut events: Vec<Event> = vec![];
    let mut seen: BTreeSet<&str> = BTreeSet::new();
    let cases = parts.iter().map(|part| part.started.cases).sum();
    for (number, part) in (1..).zip(parts) {
        for event in &part.record.events {
            let mut event = event.clone();
            match &mut event.body {
                Body::RunStarted(run) if number == 1 => {
                    let environment = environment(parts);
                    *run = RunStarted { cases, partition: partition(parts), environment, ..run.clone() };
                }
                Body::RunStarted(_) | Body::RunResumed { .. } | Body::RunFinished { .. } => continue,
                _ => {}
            }
            // Of a sub-case that is there twice, the first record counts.
            if event.case.as_deref().is_some_and(|id| seen.contains(id)) {
                continue;
            }
            event.bench = event.bench.map(|bench| renamed(&bench, number));
            events.push(event);
        }
        seen.extend(part.verdicts.keys().map(String::as_str));
    }
    events
}

/// The parts of the suite that are there. `None` if the records together are the whole.
fn partition(parts: &[Part]) -> Option<String> {
    let there: BTreeSet<&str> = parts.iter().filter_map(|part| part.started.partition.as_deref()).collect();
    let mut all = there.iter().filter_map(|part| part.parse::<Partition>().ok()).flat_map(Partition::all);
    let is_missing = all.any(|part| !there.contains(part.to_string().as_str()));
    is_missing.then(|| there.into_iter().collect::<Vec<_>>().join(", "))
}

/// The environment of all parts. What differs is there once for each part.
fn environment(parts: &[Part]) -> BTreeMap<String, String> {
    let mut values: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for (key, value) in parts.iter().flat_map(|part| &part.started.environment) {
        let values = values.entry(key.clone()).or_default();
        if !values.contains(&value.as_str()) {
            values.push(value);
        }
    }
    values.into_iter().map(|(key, values)| (key, values.join(", "))).collect()
}

fn renamed(bench: &str, number: u32) -> String {
    format!("{number}-{bench}")
}

/// Copies the raw bytes of a part.
fn serial(part: &Part, number: u32, to: &Path) -> Result<(), WriteError> {
    let ports: BTreeSet<(&str, &str)> = part
        .record
        .events
        .iter()
        .filter_map(|event| match (&event.bench, &event.body) {
            (Some(bench), Body::Serial { port, .. }) => Some((bench.as_str(), port.as_str())),
            _ => None,
        })
        .collect();
    for (bench, port) in ports {
        let path = |folder: &Path, bench: &str| taprig_record::serial_path(folder, bench, port);
        let from = path(&part.folder, bench);
        std::fs::copy(&from, path(to, &renamed(bench, number))).map_err(|cause| WriteError::Io {
            doing: "copying",
            path: from,
            cause,
        })?;
    }
    Ok(())
}

/// The inputs of all parts.
fn inputs(parts: &[Part]) -> Inputs {
    let mut all = parts[0].inputs.clone();
    for part in &parts[1..] {
        for criteria in &part.inputs.criteria {
            if !all.criteria.iter().any(|known| known.id == criteria.id) {
                all.criteria.push(criteria.clone());
            }
        }
        all.files.extend(part.inputs.files.clone());
        if let Some(baselines) = &part.inputs.baselines {
            all.baselines.get_or_insert_default().extend(baselines.clone());
        }
    }
    all
}
