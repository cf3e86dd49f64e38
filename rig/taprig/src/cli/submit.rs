//! `taprig submit`: makes the folder that a vendor hands in from a sealed record, or says why a reviewer would refuse it.

use std::path::{Path, PathBuf};

use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use taprig::submit::{self, Candidate, Refusal, Signer, WriteFolderError};
use taprig_case::{Diagnostic, Problems, lab};
use taprig_conformance::Statement;
use taprig_model::event::{Body, RunStarted};
use taprig_model::lab::Lab;
use taprig_seal::Signers;

use super::stored::Stored;
use super::{Exit, Format, print, resume, rig_failed};

/// Arguments of `taprig submit`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Folder of the sealed record. The command does not change it.
    #[arg(value_name = "DIR")]
    record: PathBuf,
    /// Folder of the submission. It must not exist yet.
    #[arg(long, value_name = "FOLDER")]
    to: PathBuf,
    /// Laboratory file, if it was completed after the run. It may fill in what the record leaves blank, and must not change
    /// what the record states.
    #[arg(long, value_name = "FILE")]
    lab: Option<PathBuf>,
    /// Whose seals count: a file of allowed signers, as `ssh-keygen` reads it. By default, any key counts.
    #[arg(long, value_name = "FILE")]
    signers: Option<PathBuf>,
    /// Format of the result.
    #[arg(long, value_enum, default_value_t)]
    pub(super) format: Format,
}

impl Args {
    /// The folder that this command writes.
    pub(super) fn writes(&self) -> PathBuf {
        self.to.clone()
    }
}

pub(super) fn run(args: &Args) -> Result<Exit, Problems> {
    let stored = Stored::open(&args.record)?;
    let lab = laboratory(args, stored.result.run.lab.as_deref())?;
    let signers = args.signers.clone().map_or(Signers::Anyone, Signers::Allowed);
    args.signers.as_deref().map_or(Ok(()), super::verify::check_signers)?;
    let seal = taprig_seal::verify(&args.record, &signers, None);
    let matrix = stored.matrix();
    let statement = Statement::of(&stored.inputs.device, &stored.inputs.criteria);
    let parts = submit::FILES.iter().filter_map(|(file, _)| file.strip_prefix("record/"));
    let candidate = Candidate {
        state: stored.record.state,
        result: &stored.result,
        planned: stored.inputs.criteria.iter().map(|criteria| criteria.id.as_str()).collect(),
        left_out: left_out(&stored.result.run),
        matrix: &matrix,
        statement: &statement,
        lab: lab.as_ref(),
        seal: match &seal {
            Ok(seal) => Ok(Signer {
                name: seal.signer.clone(),
                key: seal.key.clone(),
                authorised_by: seal.statement.predicate.authorised_by.clone(),
            }),
            Err(findings) => Err(findings),
        },
        missing: parts.filter(|file| !args.record.join(file).is_file()).collect(),
        ended: ended(&stored),
    };
    let refused = submit::refusals(&candidate);
    let (Some(lab), true) = (&lab, refused.is_empty()) else {
        return Ok(match print(&not_written(args, &refused)) {
            Exit::Ok => Exit::CaseFailed,
            failed => failed,
        });
    };
    match submit::write(&args.to, &args.record, lab, &candidate) {
        Ok(()) => Ok(print(&match args.format {
            Format::Human => format!("wrote the submission {}; begin with README.md\n", args.to.display()),
            Format::Json => format!("{}\n", json!({ "written": args.to, "refused": [] })),
        })),
        Err(error @ (WriteFolderError::Exists(_) | WriteFolderError::Within(_))) => {
            Err(Diagnostic::of_file(Path::new("--to"), error.to_string()).into())
        }
        Err(error) => Ok(rig_failed(&error)),
    }
}

/// What the laboratory file says: the one that is given now, if it only fills in what the record leaves blank.
fn laboratory(args: &Args, recorded: Option<&Lab>) -> Result<Option<Lab>, Problems> {
    let Some(path) = &args.lab else { return Ok(recorded.cloned()) };
    let given = lab::read(path)?;
    let mut problems = Problems::default();
    for (field, now) in recorded.into_iter().flat_map(|recorded| recorded.contradicts(&given)) {
        let was = field.value.unwrap_or_default();
        let problem = format!("`{}` is {now} here, and the record states {was}", field.key);
        problems.push(Diagnostic::of_file(path, problem).help("write what the record states, or run the cases again"));
    }
    problems.into_result(Some(given))
}

/// When the tests ended. The clock of the record goes on from its start, and a run that was resumed says when that was.
fn ended(stored: &Stored) -> Option<Timestamp> {
    let run = &stored.result.run;
    let took = SignedDuration::from_micros(i64::try_from(stored.result.took_us).unwrap_or(i64::MAX));
    let ended = run.started.parse::<Timestamp>().ok().and_then(|started| started.checked_add(took).ok());
    let resumed = stored.record.events.iter().filter_map(|event| match &event.body {
        Body::RunResumed { started, .. } => started.parse::<Timestamp>().ok(),
        _ => None,
    });
    ended.into_iter().chain(resumed).max()
}

/// What of the suite a run left out, by its command.
fn left_out(run: &RunStarted) -> Option<String> {
    if let Some(partition) = &run.partition {
        return Some(format!("only the part {partition} of the suite was run"));
    }
    match resume::arguments(run) {
        Some(args) => args.left_out(),
        None => Some("this version of taprig does not understand the command of the run".into()),
    }
}

fn not_written(args: &Args, refused: &[Refusal]) -> String {
    if args.format == Format::Json {
        return format!("{}\n", json!({ "written": null, "refused": refused }));
    }
    let mut text = format!("{}: a reviewer would refuse this record\n", args.record.display());
    for Refusal { about, what, help } in refused {
        text += &format!("  {:11} {what}\n  {:11} {help}\n", about.word(), "");
    }
    let reasons = if refused.len() == 1 { "1 reason".to_owned() } else { format!("{} reasons", refused.len()) };
    text + &format!("{reasons}; nothing was written\n")
}
