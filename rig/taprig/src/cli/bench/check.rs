//! `taprig bench check`: whether a bench is fit for a run, and what to do if it is not.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use serde_json::json;
use taprig::display::Out;
use taprig::run::checkup::{CheckTap, Checkup, Extent};
use taprig::setup;
use taprig_bench::check::{CheckStep, Finding, State, part};
use taprig_bench::wedged::wedged;
use taprig_case::project::Fixture;
use taprig_case::{Problems, Project, Workshop};
use taprig_model::event::Role;
use taprig_record::{Options, Recorder};

use super::super::fixture::{DEFAULT_PROFILE, card, situation};
use super::super::{Exit, Format, config, interrupt, rig_failed, shown};

/// The card of the tap if no argument names one.
const DEFAULT_CARD: &str = "unionpay-credit-rsa1152";

/// Arguments of `taprig bench check`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Bench: a name in fixtures/benches, or a file.
    #[arg(default_value = setup::DEFAULT_BENCH)]
    bench: String,
    /// Also compare the clocks over 10 s, count 10,000 frames each way on the air, and repeat what may fail now and then. This
    /// takes up to three minutes.
    #[arg(long)]
    thorough: bool,
    /// Flash a real board that runs another image than the bench file names, as a run does.
    #[arg(long)]
    flash: bool,
    /// The air of the validator's board is wired to itself: check up to the loop test, and end there.
    #[arg(long = "loop", conflicts_with = "frames")]
    wired_to_itself: bool,
    /// Count at least so many frames each way between reader and card, and those that were lost.
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    frames: Option<u32>,
    /// Folder in which records are written. Its disk is checked.
    #[arg(long, value_name = "DIR", default_value = ".")]
    report: PathBuf,
    /// Card image of the tap: a name in fixtures/cards, or a file.
    #[arg(long)]
    card: Option<String>,
    /// Validator profile of the tap: a name in fixtures/validators, or a file.
    #[arg(long)]
    validator: Option<String>,
    /// How long to wait if a run uses the bench, such as `10 min`.
    #[arg(long, value_name = "TIME")]
    wait: Option<taprig_model::units::Duration>,
    /// Format of the result.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Format,
}

impl Args {
    /// The folder in which this command tries to write.
    pub(in crate::cli) fn writes(&self) -> PathBuf {
        self.report.clone()
    }
}

pub(crate) fn run(project: &Project, args: &Args) -> Result<Exit, Problems> {
    let started = Instant::now();
    let mut config = Arc::unwrap_or_clone(config(project, &args.bench)?);
    // That a program does not greet is a finding here. A device file that does not fit the program is a wrong file.
    let silent = match config.greet_adapter() {
        Ok(greeting) => greeting.map_or(Ok(()), |greeting| setup::fits(project, &config, &greeting)).map(|()| None)?,
        Err(error) => Some(Finding::error(CheckStep::Ports, part(Role::Validator), &error.into())),
    };
    let tap = tap(project, args)?;
    config.wait = args.wait.map_or(std::time::Duration::ZERO, Into::into);
    let config = Arc::new(config);
    let Args { thorough, flash, wired_to_itself, frames, .. } = *args;
    let extent = Extent { thorough, flash, wired_to_itself, frames };

    let (faults, _) = super::super::faults();
    let recorder = match Recorder::start(None, Options::default(), vec![faults]) {
        Ok(recorder) => recorder,
        Err(error) => return Ok(rig_failed(&error)),
    };
    let stop = interrupt::stop();
    let mut out = Out::new(std::io::stdout());
    let failure = out.failure();
    let mut findings = Vec::new();
    let mut tell = |finding: &Finding| {
        if args.format == Format::Human {
            out.put(line(finding).as_bytes());
        }
        findings.push(finding.clone());
    };
    let checked = Checkup::new(config.clone(), recorder, extent, &mut tell).run(&args.report, silent, tap, &stop);
    let fit = match checked {
        Ok(Some(fit)) => fit,
        Ok(None) => return Ok(interrupt::interrupted()),
        Err(error) => return Ok(rig_failed(&error)),
    };
    let mark = wedged(&config.name);
    let took = started.elapsed();
    let text = match args.format {
        Format::Human => {
            let mut text = summary(&config.name, fit, findings.len(), took);
            if let Some(mark) = &mark {
                text += &format!("the bench {} is marked as wedged {mark}\n", config.name);
                text += &match fit {
                    true => format!("it works again: `taprig bench clear {}` lifts the mark\n", config.name),
                    false => "the mark stays\n".to_owned(),
                };
            }
            text
        }
        Format::Json => {
            let took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
            let bench = &config.name;
            let result =
                json!({ "bench": bench, "fit": fit, "took_ms": took_ms, "wedged": mark, "findings": findings });
            format!("{result}\n")
        }
    };
    out.put(text.as_bytes());
    Ok(match shown(&failure) {
        Exit::Ok if !fit => Exit::RigFailed,
        exit => exit,
    })
}

/// What the tap needs. A project that lacks the fixtures of the default has no tap. A fixture that an argument names has
/// to be there.
fn tap(project: &Project, args: &Args) -> Result<Result<CheckTap, String>, Problems> {
    let lacks = |fixture: Fixture, asked: &Option<String>, name: &str| {
        asked.is_none() && !project.file(fixture, name).is_file()
    };
    if lacks(Fixture::Card, &args.card, DEFAULT_CARD) {
        return Ok(Err(format!("the project has no card {DEFAULT_CARD}; --card names another one")));
    }
    if lacks(Fixture::Validator, &args.validator, DEFAULT_PROFILE) {
        return Ok(Err(format!("the project has no profile {DEFAULT_PROFILE}; --validator names another one")));
    }
    let mut workshop = Workshop::new(project);
    let profile = args.validator.as_deref().unwrap_or(DEFAULT_PROFILE);
    let (_, situation) = situation(project, &mut workshop, profile)?;
    let (name, card) = card(project, &mut workshop, args.card.as_deref().unwrap_or(DEFAULT_CARD))?;
    Ok(Ok(CheckTap { name, card, situation }))
}

/// A finding for a person. What to do stands in a line of its own.
fn line(finding: &Finding) -> String {
    let state = match finding.state {
        State::Ok => "ok",
        State::Warning => "warning",
        State::Failed => "FAILED",
        State::NotApplicable => "-",
    };
    let Finding { step, part, seen, .. } = finding;
    let mut text = format!("{state:7}  {step:10}  {part:22}  {seen}\n");
    if let Some(advice) = &finding.advice {
        text += &format!("{:7}  {:10}  {:22}  -> {advice}\n", "", "", "");
    }
    text
}

fn summary(bench: &str, fit: bool, checks: usize, took: std::time::Duration) -> String {
    let verdict = if fit { "fit" } else { "not fit" };
    format!("the bench {bench} is {verdict}: {checks} checks in {:.1} s\n", took.as_secs_f64())
}
