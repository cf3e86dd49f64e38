//! `taprig judge`: computes every verdict of a stored record again.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde_json::json;
use taprig_case::baseline::Baselines;
use taprig_case::{Diagnostic, Problems, Project, Suite};
use taprig_judge::again::{self, Again, By, Difference};
use taprig_model::result::{RunResult, Verdict};
use taprig_record::{EVENTS, Inputs, ReadError, Record};
use taprig_report::Tally;

use super::{Exit, Format, print};

/// Arguments of `taprig judge`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Folder of the record that `taprig run --report` wrote. The command does not change it, and ends with exit code 1 if a verdict
    /// differs.
    record: PathBuf,
    /// Judge by the present cases of this project instead of those in the record.
    #[arg(long, value_name = "PROJECT")]
    cases: Option<PathBuf>,
    /// What a transcript that differs from the reviewed one means. By default, this is the same as in the recorded run.
    #[arg(long, value_enum)]
    baseline: Option<super::run::BaselineArg>,
    /// Format of the result.
    #[arg(long, value_enum, default_value_t)]
    pub(super) format: Format,
}

pub(super) fn run(args: &Args) -> Result<Exit, Problems> {
    let wrong = |error: &ReadError| Problems::from(Diagnostic::of_file(&args.record, error.to_string()));
    let record = Record::open(&args.record).map_err(|error| wrong(&error))?;
    let inputs = Inputs::read(&args.record).map_err(|error| wrong(&error))?;
    let by = Judges::new(&inputs, args.cases.as_deref(), &record)?;
    let recorded = record.started().map(|run| run.baseline).unwrap_or_default();
    let baseline = args.baseline.map_or(recorded, Into::into);
    let of = |id: &str| again::baseline(baseline, by.baselines.as_ref(), id);
    let judged = again::record(
        &record.events,
        By { criteria: &by.criteria, device: &inputs.device, bench: &inputs.bench, baseline: &of },
    );
    let mut result = Tally::of(&judged.events).result();
    result.run.baseline = baseline;
    let printed = print(&match args.format {
        Format::Human => text(&judged, &result, ending(&record).as_deref()),
        Format::Json => format!("{}\n", as_json(&judged, &result, ending(&record).as_deref())),
    });
    // A sub-case that the run was never to play says nothing about its record. Only the present cases have it.
    let planned = |id: &str| inputs.criteria.iter().any(|criteria| criteria.id == id);
    let differs = judged.differences.iter().any(|of| of.was.is_some() || planned(&of.id));
    Ok(match (printed, result.summary.exit_code(baseline)) {
        // A record that contradicts itself is not one of a run in which all cases passed.
        (Exit::Ok, _) if differs => Exit::CaseFailed,
        (Exit::Ok, 0) => Exit::Ok,
        (Exit::Ok, 1) => Exit::CaseFailed,
        (Exit::Ok, _) => Exit::RigFailed,
        (printed, _) => printed,
    })
}

/// The inputs of the verdicts: those of the record, or the cases of a project.
struct Judges {
    criteria: Vec<taprig_model::criteria::Criteria>,
    baselines: Option<BTreeMap<String, String>>,
}

impl Judges {
    fn new(inputs: &Inputs, project: Option<&Path>, record: &Record) -> Result<Self, Problems> {
        let Some(project) = project else {
            return Ok(Self { criteria: inputs.criteria.clone(), baselines: inputs.baselines.clone() });
        };
        let project = Project::find(project)?;
        project.verify()?;
        let cases = Suite::load(&project, &[])?.cases;
        // A record of some cases is judged by these cases alone: those that its run was to play, and those that it played.
        let recorded = record.events.iter().filter_map(|event| event.case.as_deref());
        let recorded: BTreeSet<&str> =
            recorded.chain(inputs.criteria.iter().map(|criteria| criteria.id.as_str())).collect();
        let known: BTreeSet<&str> = recorded.iter().map(|id| id.split('/').next().unwrap_or(id)).collect();
        let criteria: Vec<_> = cases
            .iter()
            .filter(|sub| known.contains(sub.id.case.as_str()))
            .map(taprig_case::SubCase::criteria)
            .collect();
        let baselines = Baselines::of(project.root(), &inputs.device).map(|baselines| {
            let read = |id: &str, file: &str| baselines.read(Path::new(file), id).ok().flatten();
            criteria.iter().filter_map(|of| Some((of.id.clone(), read(&of.id, &of.file)?))).collect()
        });
        Ok(Self { criteria, baselines })
    }
}

/// What is missing at the end of a record.
fn ending(record: &Record) -> Option<String> {
    let file = record.folder.join(EVENTS);
    let end = record.end();
    match end.cut(&file, record.state) {
        Some(cut) => Some(cut.to_string()),
        None if !end.said => Some(format!(
            "reading {}: the end of the run is missing: the run is still going on, or it was killed",
            file.display()
        )),
        None => None,
    }
}

fn as_json(judged: &Again, result: &RunResult, missing: Option<&str>) -> serde_json::Value {
    let difference = |of: &Difference| json!({ "id": of.id, "was": of.was, "now": of.now, "why": of.why });
    json!({ "differences": judged.differences.iter().map(difference).collect::<Vec<_>>(), "missing": missing, "result": result })
}

fn text(judged: &Again, result: &RunResult, missing: Option<&str>) -> String {
    let mut text = String::new();
    for Difference { id, was, now, why } in &judged.differences {
        let word =
            |verdict: &Option<Verdict>| verdict.map_or_else(|| "absent".to_owned(), |verdict| verdict.to_string());
        let why = why.as_deref().and_then(|why| why.lines().next()).unwrap_or_default();
        let why = if why.is_empty() { String::new() } else { format!("  ({why})") };
        text += &format!("{id}  was {}, is {}{why}\n", word(was), word(now));
    }
    let cases = result.cases.len();
    text += &match judged.differences.len() {
        0 => format!("{cases} sub-cases judged again: every verdict is the same as in the record\n"),
        1 => format!("{cases} sub-cases judged again: 1 verdict differs\n"),
        differ => format!("{cases} sub-cases judged again: {differ} verdicts differ\n"),
    };
    text += &missing.map(|missing| format!("{missing}\n")).unwrap_or_default();
    text + &super::counts(&result.summary) + "\n"
}
