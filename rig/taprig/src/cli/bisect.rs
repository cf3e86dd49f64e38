//! `taprig bisect`: finds the first image with which a case fails.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::json;
use taprig::bisect::images::{self, Image};
use taprig::bisect::log::{Log, Question, Trial};
use taprig::bisect::search::{self, Found, Next, Outcome};
use taprig::run::queue;
use taprig::run::station::Stop;
use taprig::setup;
use taprig_case::baseline::Mode;
use taprig_case::plan::{self, Planned};
use taprig_case::{Diagnostic, Problems, Project, Suite};
use taprig_model::event::{BaselineUse, Body, Source};
use taprig_model::result::{RunResult, Verdict};
use taprig_record::{Listener, Options, Recorder};
use taprig_report::{Notable, Tally};

use super::run::{BaselineArg, Extra, inputs, run_started};
use super::{Exit, Format, desk, interrupt, print, rig_failed, say};

/// Arguments of `taprig bisect`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Id of the case or sub-case that passes with an old image and fails with a new one.
    case: String,
    /// Folder of the images. Their order is that of the file `images.txt` in it (a name in each line, the oldest first), or
    /// else the natural order of their names.
    #[arg(long, value_name = "DIR")]
    images: PathBuf,
    /// Bench: a name in fixtures/benches, or a file. Its validator gets one image after the other.
    #[arg(long, default_value = setup::DEFAULT_BENCH)]
    bench: String,
    /// How often the case is repeated with each image. One failure is enough for an image to be bad.
    #[arg(long, value_name = "COUNT", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=1000))]
    repeat: u32,
    /// How often an image is tried again if the rig fails. After that it is skipped.
    #[arg(long, value_name = "COUNT", default_value_t = 2, value_parser = clap::value_parser!(u32).range(0..=20))]
    retries: u32,
    /// Folder of the log and the records. If it has the log of this bisection already, the bisection goes on. The default is
    /// `bisect-CASE` in the current folder.
    #[arg(long, value_name = "DIR")]
    log: Option<PathBuf>,
    /// What a transcript that differs from the reviewed one of the device means: with `require` it counts as a failure.
    #[arg(long, value_enum, default_value = "off")]
    baseline: BaselineArg,
    /// Format of the answer.
    #[arg(long, value_enum, default_value_t)]
    pub(super) format: Format,
}

impl Args {
    /// The folder that this command writes.
    pub(super) fn writes(&self) -> PathBuf {
        self.log.clone().unwrap_or_else(|| format!("bisect-{}", self.case.replace('/', "__")).into())
    }
}

pub(super) fn run(project: &Project, args: &Args) -> Result<Exit, Problems> {
    // Everything is read and checked before anything runs.
    let mut suite = Suite::load(project, std::slice::from_ref(&args.case))?;
    let images = images::of(&args.images)?;
    let mut problems = Problems::default();
    for image in &images {
        if let Err(wrong) = super::config_with(project, &args.bench, &image.path) {
            problems.add(&wrong);
        }
    }
    problems.into_result(())?;
    let config = super::config_with(project, &args.bench, &images[0].path)?;
    if let Some(exit) = super::refused(&config) {
        return Ok(exit);
    }
    setup::greet_adapter(project, &config)?;
    let cases = suite.cases.clone();
    for planned in plan::plan(&mut suite.workshop, cases.clone())? {
        let lacks = queue::lacks(&planned, &config);
        if !lacks.is_empty() {
            let problem = format!("this case does not apply to the device on this bench: {}", lacks.join("; "));
            return Err(Diagnostic::of_file(Path::new(&planned.id), problem).into());
        }
    }
    let folder = args.writes();
    let baseline = format!("{:?}", BaselineUse::from(args.baseline)).to_lowercase();
    let question = Question::new(&args.case, &config.name, project.digest(), args.repeat, baseline, &images);
    let log = Log::open(&folder, question)?;
    if !log.steps.is_empty() {
        say(&format!("taprig: {} images were tried before, as {} tells", log.steps.len(), folder.display()));
    }
    let mut bisection = Bisection { project, args, suite, cases, images, log, folder, stop: interrupt::stop() };
    match bisection.search()? {
        Ended::Found(found) => Ok(bisection.tell(found)),
        Ended::Stopped => {
            say(&format!(
                "taprig: interrupted; the same command goes on from the log in {}",
                bisection.folder.display()
            ));
            Ok(Exit::RigFailed)
        }
        Ended::Failed => Ok(Exit::RigFailed),
    }
}

struct Bisection<'a> {
    project: &'a Project,
    args: &'a Args,
    suite: Suite,
    cases: Vec<taprig_case::SubCase>,
    images: Vec<Image>,
    log: Log,
    folder: PathBuf,
    stop: Stop,
}

enum Ended {
    Found(Found),
    Stopped,
    /// The error was reported.
    Failed,
}

impl Bisection<'_> {
    fn search(&mut self) -> Result<Ended, Problems> {
        let most = search::at_most(self.images.len());
        self.show(&format!(
            "{} images, {} repetitions each; {most} images have to be tried at most\n",
            self.images.len(),
            self.args.repeat
        ));
        loop {
            let place = match search::next(&self.log.outcomes()) {
                Next::Done(found) => return Ok(Ended::Found(found)),
                Next::Try(place) => place,
            };
            let Some(step) = self.image(place)? else { return Ok(Ended::Failed) };
            if self.stop.is_set() {
                // What was played was cut off.
                return Ok(Ended::Stopped);
            }
            self.show(&line(&step));
            if let Err(error) = self.log.add(step) {
                say(&format!("taprig: writing the log in {}: {error}", self.folder.display()));
                return Ok(Ended::Failed);
            }
        }
    }

    /// Tries an image until the rig does not fail, or until it has failed too often. `None` if an error was reported.
    fn image(&mut self, place: usize) -> Result<Option<Trial>, Problems> {
        let name = self.images[place].name.clone();
        let record = self.folder.join("records").join(format!("{:03}-{name}", place + 1));
        let mut step = Trial {
            image: place,
            name,
            outcome: Outcome::Skipped,
            verdicts: vec![],
            flaky: false,
            attempts: 0,
            why: None,
            record: record.display().to_string(),
        };
        while step.attempts <= self.args.retries && step.outcome == Outcome::Skipped && !self.stop.is_set() {
            step.attempts += 1;
            let Some(result) = self.play(place, &record)? else { return Ok(None) };
            judge(&mut step, &result, self.args.baseline.into());
        }
        Ok(Some(step))
    }

    /// Flashes the image and plays the case as often as asked, into a record. `None` if the record can't be written; this was
    /// reported.
    fn play(&mut self, place: usize, folder: &Path) -> Result<Option<RunResult>, Problems> {
        let mut config = super::config_with(self.project, &self.args.bench, &self.images[place].path)?;
        if config.device.interface.operator().is_some() {
            config.desk = desk::at_terminal(None);
        }
        let mut planned: Vec<Planned> = vec![];
        for attempt in 1..=self.args.repeat {
            let again = plan::plan(&mut self.suite.workshop, self.cases.clone())?;
            planned.extend(again.into_iter().map(|planned| Planned { attempt, ..planned }));
        }
        let baseline: BaselineUse = self.args.baseline.into();
        let mode = if baseline == BaselineUse::Off { Mode::Off } else { Mode::Compare };
        let inputs = match inputs(self.project, &config, &planned[..self.cases.len()], mode, Extra::default()) {
            Ok(inputs) => inputs,
            Err(error) => {
                rig_failed(&error);
                return Ok(None);
            }
        };
        let cases = u32::try_from(self.cases.len()).unwrap_or(u32::MAX);
        let started = run_started(self.project, &config, cases, baseline, vec![]);
        let config = Arc::new(config);
        let kept = Arc::new(Mutex::new((Tally::default(), Notable::default())));
        let keep: Listener = {
            let kept = kept.clone();
            Box::new(move |event| {
                let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
                kept.0.add(event);
                kept.1.add(event);
            })
        };
        if let Err(error) = std::fs::create_dir_all(folder) {
            return Err(Diagnostic::of_file(folder, format!("the folder can't be made: {error}")).into());
        }
        let recorder = match Recorder::start(Some(folder), Options::default(), vec![keep]) {
            Ok(recorder) => recorder,
            Err(error) => return Err(Diagnostic::of_file(folder, error.to_string()).into()),
        };
        let scope = recorder.scope();
        scope.emit(Source::Rig, Body::RunStarted(started));
        if let Err(error) = inputs.write(folder) {
            rig_failed(&error);
            return Ok(None);
        }
        queue::run(planned, &config, 1, &recorder, self.project.root(), mode, &self.stop);
        recorder.flush();
        let summary = kept.lock().unwrap_or_else(PoisonError::into_inner).0.result().summary;
        scope.emit(Source::Rig, Body::RunFinished { summary, interrupted: self.stop.is_set() });
        let closing = match recorder.end(!self.stop.is_set()) {
            Ok(closing) => closing,
            Err(error) => {
                rig_failed(&error);
                return Ok(None);
            }
        };
        let (tally, notable) = &*kept.lock().unwrap_or_else(PoisonError::into_inner);
        let result = tally.result();
        if let Err(error) = taprig_report::write(folder, &result, &notable.events()) {
            rig_failed(&error);
            return Ok(None);
        }
        if let Err(error) = closing.mark() {
            rig_failed(&error);
            return Ok(None);
        }
        Ok(Some(result))
    }

    /// Shows progress: with the answer for a person, and beside it for a program.
    fn show(&self, text: &str) {
        match self.args.format {
            Format::Human => drop(print(text)),
            Format::Json => say(text.trim_end()),
        }
    }

    /// The answer.
    fn tell(&self, found: Found) -> Exit {
        let name = |place: usize| self.images[place].name.as_str();
        let mut suspects = vec![];
        let (exit, words) = match found {
            Found::First { good, bad } => {
                suspects.extend((good + 1..=bad).map(name));
                let mut text = match suspects.len() {
                    1 => format!("{} is the first bad image; {} is the last good one\n", name(bad), name(good)),
                    _ => format!(
                        "the first bad image is one of these, because the rig failed with all but the last of them: {}; {} is the \
                         last good one\n",
                        suspects.join(", "),
                        name(good)
                    ),
                };
                let steps = || self.log.steps.iter();
                if let Some(why) = steps().find(|step| step.image == bad).and_then(|step| step.why.as_ref()) {
                    text += &format!("  {why}\n");
                }
                if let Some(flaky) = steps().find(|step| step.flaky) {
                    let passed = flaky.verdicts.iter().filter(|verdict| **verdict == Verdict::Pass).count();
                    let all = flaky.verdicts.len();
                    text += &format!(
                        "  with {} the case is flaky: it passed {passed} of {all} times. A bad image can look good by chance; \
                         repeat the bisection with a higher `--repeat` and another `--log`\n",
                        flaky.name
                    );
                }
                (Exit::Ok, text)
            }
            Found::OldestIsBad(place) => (
                Exit::CaseFailed,
                format!("the case fails already with the oldest image, {}; add older ones\n", name(place)),
            ),
            Found::NewestIsGood(place) => (
                Exit::CaseFailed,
                format!("the case passes with the newest image, {}, so there is nothing to find\n", name(place)),
            ),
            Found::NothingKnown => (
                Exit::RigFailed,
                "the rig failed with too many images, so nothing is known; `taprig bench check` says more\n".to_owned(),
            ),
        };
        let words = format!("{words}log and records: {}\n", self.folder.display());
        let (good, bad) = match found {
            Found::First { good, bad } => (Some(name(good)), Some(name(bad))),
            Found::OldestIsBad(place) => (None, Some(name(place))),
            Found::NewestIsGood(place) => (Some(name(place)), None),
            Found::NothingKnown => (None, None),
        };
        let printed = print(&match self.args.format {
            Format::Human => words,
            Format::Json => format!(
                "{}\n",
                json!({ "last_good": good, "first_bad": bad, "suspects": suspects, "steps": self.log.steps })
            ),
        });
        if printed == Exit::Ok { exit } else { printed }
    }
}

/// The outcome of a try, written into its step. One failure makes an image bad, and errors of the rig say nothing.
fn judge(step: &mut Trial, result: &RunResult, baseline: BaselineUse) {
    let attempts = || result.cases.iter().flat_map(|case| &case.attempts);
    let is_bad = |verdict: Verdict| match verdict {
        Verdict::Fail => true,
        Verdict::Changed => baseline == BaselineUse::Require,
        _ => false,
    };
    let is_good = |verdict: Verdict| !is_bad(verdict) && matches!(verdict, Verdict::Pass | Verdict::Changed);
    step.verdicts = attempts().map(|attempt| attempt.verdict).collect();
    let bad = step.verdicts.iter().filter(|verdict| is_bad(**verdict)).count();
    let good = step.verdicts.iter().filter(|verdict| is_good(**verdict)).count();
    step.outcome = match (bad, good) {
        (1.., _) => Outcome::Bad,
        (0, good) if good > 0 && good == step.verdicts.len() => Outcome::Good,
        _ => Outcome::Skipped,
    };
    // Of a case with a matrix, one sub-case may always fail and another one never.
    step.flaky = result.cases.iter().any(|case| {
        let has = |wanted: &dyn Fn(Verdict) -> bool| case.attempts.iter().any(|attempt| wanted(attempt.verdict));
        has(&is_bad) && has(&is_good)
    });
    let reason =
        attempts().find(|attempt| is_bad(attempt.verdict)).or_else(|| attempts().find(|a| !is_good(a.verdict)));
    let fault = || result.faults.first().map(ToString::to_string);
    let why = reason.and_then(|attempt| attempt.failure.clone());
    step.why = if step.outcome == Outcome::Skipped { fault().or(why) } else { why };
}

fn line(step: &Trial) -> String {
    let count = |wanted: Verdict| step.verdicts.iter().filter(|verdict| **verdict == wanted).count();
    let counts = [
        (count(Verdict::Pass), "passed"),
        (count(Verdict::Changed), "changed"),
        (count(Verdict::Fail), "failed"),
        (count(Verdict::Error), "errors of the rig"),
        (count(Verdict::Skipped), "not run"),
    ];
    let counts = counts.iter().filter(|(count, _)| *count > 0).map(|(count, name)| format!("{count} {name}"));
    let counts = counts.collect::<Vec<_>>().join(", ");
    let flaky = if step.flaky { "; flaky" } else { "" };
    let tries = if step.attempts > 1 { format!("; attempt {}", step.attempts) } else { String::new() };
    let outcome = match step.outcome {
        Outcome::Good => "good",
        Outcome::Bad => "bad",
        Outcome::Skipped => "skipped",
    };
    let why = match (step.outcome, &step.why) {
        (Outcome::Good, _) | (_, None) => String::new(),
        (_, Some(why)) => format!("\n           {}", why.lines().next().unwrap_or_default()),
    };
    format!("  {outcome:<7}  {}  ({counts}{flaky}{tries}){why}\n", step.name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use taprig_model::event::Event;
    use taprig_model::samples::{event, finished, started};

    fn judged(attempts: &[(&str, Verdict)], baseline: BaselineUse) -> Trial {
        let events: Vec<Event> = (1..)
            .zip(attempts)
            .flat_map(|(at, (id, verdict))| {
                let why = (*verdict != Verdict::Pass).then_some("outcome: expected declined, seen approved");
                [event(at, Some(id), started("A ride", 1)), event(at, Some(id), finished(*verdict, 1, why))]
            })
            .collect();
        let mut step = Trial {
            image: 0,
            name: "fw".into(),
            outcome: Outcome::Skipped,
            verdicts: vec![],
            flaky: false,
            attempts: 1,
            why: None,
            record: String::new(),
        };
        judge(&mut step, &Tally::of(&events).result(), baseline);
        step
    }

    fn outcome(verdicts: &[Verdict]) -> (Outcome, bool) {
        let attempts: Vec<_> = verdicts.iter().map(|verdict| ("BUS-001", *verdict)).collect();
        let step = judged(&attempts, BaselineUse::Off);
        (step.outcome, step.flaky)
    }

    #[test]
    fn one_failure_makes_an_image_bad_and_an_error_is_no_verdict() {
        use Verdict::{Error, Fail, Pass};
        assert_eq!(outcome(&[Pass, Pass, Pass]), (Outcome::Good, false));
        assert_eq!(outcome(&[Fail, Fail, Fail]), (Outcome::Bad, false));
        assert_eq!(outcome(&[Pass, Fail, Pass]), (Outcome::Bad, true));
        assert_eq!(outcome(&[Pass, Error, Pass]), (Outcome::Skipped, false));
        assert_eq!(outcome(&[Error, Fail]), (Outcome::Bad, false));
        assert_eq!(outcome(&[]), (Outcome::Skipped, false));
    }

    #[test]
    fn sub_cases_that_differ_are_not_flaky() {
        let (one, two) = ("ODA-004/first", "ODA-004/last");
        let attempts = [(one, Verdict::Pass), (two, Verdict::Fail), (one, Verdict::Pass), (two, Verdict::Fail)];
        let step = judged(&attempts, BaselineUse::Off);
        assert_eq!((step.outcome, step.flaky), (Outcome::Bad, false));
        assert!(
            line(&step).contains("bad      fw  (2 passed, 2 failed)\n           outcome: expected"),
            "{}",
            line(&step)
        );
    }

    #[test]
    fn a_changed_transcript_counts_as_asked() {
        let attempts = [("BUS-001", Verdict::Changed)];
        assert_eq!(judged(&attempts, BaselineUse::Require).outcome, Outcome::Bad);
        assert_eq!(judged(&attempts, BaselineUse::Report).outcome, Outcome::Good);
    }
}
