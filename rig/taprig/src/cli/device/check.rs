//! `taprig device check`: tries a device file on a bench.

use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::json;
use taprig::device::check::{Cards, Check, Finding, Places, Report, Subject, TestCard, Weight, Words};
use taprig::run::station::Station;
use taprig::setup;
use taprig_bench::Bench;
use taprig_case::baseline::Mode;
use taprig_case::project::Fixture;
use taprig_case::{Diagnostic, Problems, Project, Workshop};
use taprig_model::card::Change;
use taprig_model::event::{Body, CaseStarted, Event, Source};
use taprig_model::settings;
use taprig_record::{Listener, Options, Recorder};

use crate::cli::fixture::{DEFAULT_PROFILE, situation};
use crate::cli::problem::shown;
use crate::cli::{Exit, Format, bench_failed, config_of, desk, faults, interrupt, print, rig_failed};

/// The card that the device must accept, by the mode of authorisation. Both need few claims.
const GOOD: &str = "unionpay-credit-rsa1152";
const GOOD_OFFLINE: &str = "unionpay-offline-tc";

/// The card that the device must refuse: another account, with an application that expired before the clock of every
/// profile. No key and no signature is needed to see this.
const REFUSED: &str = "unionpay-credit-rsa1024";
const EXPIRED: &str = "2018-04";

/// The profile if the device is fixed to offline authorisation.
const OFFLINE_PROFILE: &str = "kernel-offline";

/// Arguments of `taprig device check`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Device file: a name in fixtures/devices, or a file.
    file: String,
    /// Bench on which the device stands: a name in fixtures/benches, or a file. Its device is replaced by FILE.
    #[arg(long)]
    bench: String,
    /// Validator profile in which cards are tried: a name in fixtures/validators, or a file.
    #[arg(long)]
    validator: Option<String>,
    /// Format of the result.
    #[arg(long, value_enum, default_value_t)]
    pub(super) format: Format,
}

pub(super) fn run(project: &Project, args: &Args) -> Result<Exit, Problems> {
    let path = project.meant(Fixture::Device, &args.file)?;
    let mut config = Arc::unwrap_or_clone(config_of(project, &args.bench, Some(&path))?);
    setup::greet_adapter(project, &config)?;
    if config.device.interface.operator().is_some() {
        config.desk = desk::at_terminal(None);
        if config.desk.is_none() {
            let problem =
                Diagnostic::of_file(&path, "this device needs a person at a terminal, and there is no terminal");
            return Err(problem.help("run this in a terminal in front of the device").into());
        }
    }
    let places = Places::read(project, &path)?;
    let device = config.device.clone();
    let offline = device.fixed.settings.mode == Some(settings::Mode::Offline)
        || device.fixed.settings.mode.is_none() && !device.claims("oda-online") && device.claims("oda-offline");
    let profile = if offline { OFFLINE_PROFILE } else { DEFAULT_PROFILE };
    let mut workshop = Workshop::new(project);
    let (profile, situation) = situation(project, &mut workshop, args.validator.as_deref().unwrap_or(profile))?;
    let good = if offline { GOOD_OFFLINE } else { GOOD };
    let mut cards = Cards {
        good: test_card(project, &mut workshop, good, &[])?,
        refused: test_card(project, &mut workshop, REFUSED, &expired()?)?,
    };
    let name = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
    let words = Words::read(project, name);

    let heard = Arc::<Mutex<Vec<Event>>>::default();
    let (told, failed) = faults();
    let recorder = match Recorder::start(None, Options::default(), vec![told, hears(heard.clone())]) {
        Ok(recorder) => recorder,
        Err(error) => return Ok(rig_failed(&error)),
    };
    let stop = interrupt::stop();
    let bench_name = config.name.clone();
    let station = Station::new(Arc::new(config), recorder.clone(), project.root().to_owned(), Mode::Off);
    let mut station = match station {
        Ok(station) => station,
        Err(error) => return Ok(rig_failed(&error)),
    };
    let subject = Subject { device: &device, places: &places, situation: &situation, words: &words };
    let mut check = Check::new(subject);
    let scope = recorder.scope().case("check");
    let played = station.with_bench(&stop, async |bench: &mut Bench| {
        let own = bench.scope().clone();
        bench.tell_to(scope.clone());
        scope
            .emit(Source::Rig, Body::CaseStarted(CaseStarted { validator: profile.clone(), ..CaseStarted::default() }));
        let played = check.play(bench, &mut cards, &scope).await;
        bench.tell_to(own);
        played
    });
    // What the device still says belongs to the check.
    drop(station);
    recorder.flush();
    match played {
        Ok(Some(())) => {}
        Ok(None) => return Ok(interrupt::interrupted()),
        Err(error) => {
            if let Err(error) = check.explain(error) {
                return Ok(bench_failed(&error));
            }
        }
    }
    if failed.load(Ordering::Acquire) {
        return Ok(Exit::RigFailed);
    }
    let events = std::mem::take(&mut *heard.lock().unwrap_or_else(PoisonError::into_inner));
    let report = check.finish(&events, &cards);
    let shown = match args.format {
        Format::Human => text(&path, &bench_name, &report),
        Format::Json => json(&path, &bench_name, &report),
    };
    match (print(&shown), report.count(Weight::Wrong)) {
        (Exit::Ok, 1..) => Ok(Exit::CaseFailed),
        (exit, _) => Ok(exit),
    }
}

/// Keeps every event. They are masked.
fn hears(heard: Arc<Mutex<Vec<Event>>>) -> Listener {
    Box::new(move |event| heard.lock().unwrap_or_else(PoisonError::into_inner).push((**event).clone()))
}

fn expired() -> Result<Vec<Change>, Problems> {
    let change = json!({ "expire": { "what": "application", "month": EXPIRED } });
    let change = serde_json::from_value(change);
    let wrong = |error: serde_json::Error| Diagnostic::of_file(Path::new(REFUSED), error.to_string());
    Ok(vec![change.map_err(wrong)?])
}

fn test_card(
    project: &Project,
    workshop: &mut Workshop,
    image: &str,
    changes: &[Change],
) -> Result<TestCard, Problems> {
    let file = project.meant(Fixture::Card, image)?;
    let mut problems = Problems::default();
    let card = workshop.card_of(&file, changes, &mut problems);
    let name = if changes.is_empty() { image.to_owned() } else { format!("{image}, expired") };
    match problems.into_result(card)? {
        Some(Ok(card)) => Ok(TestCard { name, card }),
        Some(Err(why)) => Err(Diagnostic::of_file(&file, why.to_string()).into()),
        None => Err(Diagnostic::of_file(&file, "taprig can't make a card from this image").into()),
    }
}

fn line(finding: &Finding) -> String {
    let problem = &finding.problem;
    let place = problem.line_column().map(|(line, _)| format!(":{line}")).unwrap_or_default();
    let help = problem.help.as_ref().map(|help| format!("\n    {help}")).unwrap_or_default();
    format!("{}{place}: {}{help}", shown(&problem.path), problem.message)
}

fn text(path: &Path, bench: &str, report: &Report) -> String {
    let file = shown(path);
    let of = |weight| report.findings.iter().filter(move |finding| finding.weight == weight).map(line).collect();
    let parts: [(&str, Vec<String>); 5] = [
        ("tried", report.tried.clone()),
        ("not tried", report.untried.clone()),
        ("the device contradicts the file, or the file lacks something", of(Weight::Wrong)),
        ("notes", of(Weight::Note)),
        ("lines that no rule explains", report.unexplained.clone()),
    ];
    let mut text = format!("{file} on {bench}\n");
    for (title, lines) in parts.iter().filter(|(_, lines)| !lines.is_empty()) {
        text += &format!("{title}\n");
        lines.iter().for_each(|line| text += &format!("  {line}\n"));
    }
    text += &match report.count(Weight::Wrong) {
        0 => "nothing is missing\n".to_owned(),
        1 => "1 finding\n".to_owned(),
        count => format!("{count} findings\n"),
    };
    text
}

fn json(path: &Path, bench: &str, report: &Report) -> String {
    let finding = |finding: &Finding| {
        let problem = &finding.problem;
        let place = problem.line_column();
        json!({
            "weight": finding.weight.as_str(),
            "file": shown(&problem.path),
            "line": place.map(|(line, _)| line),
            "column": place.map(|(_, column)| column),
            "message": problem.message,
            "help": problem.help,
        })
    };
    let all = json!({
        "file": shown(path),
        "bench": bench,
        "tried": report.tried,
        "untried": report.untried,
        "findings": report.findings.iter().map(finding).collect::<Vec<_>>(),
        "unexplained": report.unexplained,
    });
    format!("{all}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The device file is the same in both formats, so a program and a person get the same findings.
    #[test]
    fn a_report_as_text_and_as_json() {
        let problem = Diagnostic::of_file(Path::new("lab.yaml"), "the prompt never came").help("remove `prompt`");
        let findings = [Weight::Wrong, Weight::Note].map(|weight| Finding { weight, problem: problem.clone() });
        let report = Report {
            tried: vec!["power on and start".into()],
            findings: findings.into(),
            unexplained: vec!["boot 2.1".into()],
            ..Report::default()
        };
        let said = text(Path::new("lab.yaml"), "desk", &report);
        let expected = "lab.yaml on desk\ntried\n  power on and start\nthe device contradicts the file, or the file lacks \
                        something\n  lab.yaml: the prompt never came\n    remove `prompt`\nnotes\n  lab.yaml: the prompt \
                        never came\n    remove `prompt`\nlines that no rule explains\n  boot 2.1\n1 finding\n";
        assert_eq!(said, expected);
        let value: serde_json::Value = serde_json::from_str(&json(Path::new("lab.yaml"), "desk", &report)).unwrap();
        assert_eq!(value["findings"][0]["weight"], "wrong");
        assert_eq!(value["findings"][1]["weight"], "note");
        assert_eq!(value["unexplained"][0], "boot 2.1");
    }
}
