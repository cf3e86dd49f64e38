//! The cases as tests: every sub-case on every bench that needs no hardware, by `cargo test` and `cargo nextest run`.
//!
//! A test is called `<bench>::<id>`. What does not apply to the device is decided when the tests are listed, and shown
//! as ignored. Benches are kept from test to test within a process; nextest starts a process a test.

use std::path::Path;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};

use libtest_mimic::{Arguments, Failed, Trial};
use taprig::run::station::{Station, Stop};
use taprig::setup;
use taprig_bench::Config;
use taprig_case::baseline::Mode;
use taprig_case::plan;
use taprig_case::select;
use taprig_case::{Problems, Project, SubCase, Suite, Workshop};
use taprig_judge::transcript::render;
use taprig_model::event::{Body, Event};
use taprig_model::name::SubCaseId;
use taprig_model::result::Verdict;
use taprig_record::decode::View;
use taprig_record::{Options, Recorder};

/// Benches that need no hardware, and the tag of the cases that are played there. The last two are other makers' validators,
/// one with a console of its own and one with an adapter program; a selection shows that they are understood.
const BENCHES: [(&str, Option<&str>); 4] =
    [("sim", None), ("qemu", None), ("lumiqin-lq9", Some("smoke")), ("qinling-adapter", Some("smoke"))];

/// Benches at work at a time: each keeps two cores busy, or one for its share of the time.
fn jobs() -> usize {
    std::thread::available_parallelism().map_or(2, usize::from).min(8)
}

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    arguments.test_threads = Some(arguments.test_threads.unwrap_or_else(jobs));
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let project = Arc::new(Project::at(&root.canonicalize().unwrap_or(root)));
    match trials(&project, &words(&project, &arguments)) {
        Ok(trials) => libtest_mimic::run(&arguments, trials).exit_code(),
        Err(problems) => {
            problems.iter().for_each(|problem| eprintln!("{problem}"));
            ExitCode::from(2)
        }
    }
}

/// What is to be read: all cases, but only its own file for one test by its exact name, as nextest asks for it, or each
/// of two thousand processes would read them all.
fn words(project: &Project, arguments: &Arguments) -> Vec<String> {
    let name = arguments.filter.as_deref().filter(|_| arguments.exact && !arguments.list);
    let id = name.and_then(|name| name.split_once("::")?.1.parse::<SubCaseId>().ok());
    let file = id.map(|id| select::file_of(project, &id.case)).filter(|file| file.is_file());
    file.iter().map(|file| file.display().to_string()).collect()
}

fn trials(project: &Arc<Project>, words: &[String]) -> Result<Vec<Trial>, Problems> {
    let suite = Suite::load(project, words)?;
    let workshop = Arc::new(Mutex::new(suite.workshop));
    let mut trials = Vec::new();
    let without_qemu = std::env::var_os("TAPRIG_WITHOUT_QEMU").is_some_and(|value| !value.is_empty() && value != "0");
    if without_qemu {
        eprintln!("left out, as TAPRIG_WITHOUT_QEMU is set: all cases on the bench qemu");
    }
    for (bench, tag) in BENCHES {
        let taprig: std::path::PathBuf = env!("CARGO_BIN_EXE_taprig").into();
        let config = Arc::new(setup::config(project, bench, taprig.clone(), taprig)?);
        let able = config.capabilities();
        let pool =
            Arc::new(Pool { project: project.clone(), workshop: workshop.clone(), config, idle: Mutex::default() });
        let is_played = |sub: &&SubCase| tag.is_none_or(|tag| sub.case.tags.iter().any(|of| of.as_str() == tag));
        for sub in suite.cases.iter().filter(is_played) {
            let (sub, pool) = (sub.clone(), pool.clone());
            let applies = taprig_judge::lacks(&sub.criteria(), &pool.config.device, &able).is_empty()
                && !(without_qemu && bench == "qemu");
            let name = format!("{bench}::{}", sub.id);
            trials.push(Trial::test(name, move || pool.test(sub)).with_ignored_flag(!applies));
        }
    }
    Ok(trials)
}

/// Benches of one kind; a test takes one and gives it back.
struct Pool {
    project: Arc<Project>,
    workshop: Arc<Mutex<Workshop>>,
    config: Arc<Config>,
    idle: Mutex<Vec<(Station, Kept)>>,
}

/// What a station told of its case.
type Kept = Arc<Mutex<Vec<Event>>>;

impl Pool {
    fn test(&self, sub: SubCase) -> Result<(), Failed> {
        let (mut station, kept) = match lock(&self.idle).pop() {
            Some(idle) => idle,
            None => self.open()?,
        };
        let planned = plan::plan(&mut lock(&self.workshop), vec![sub])
            .map_err(|problems| problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))?
            .remove(0);
        let verdict = station.run(&planned, &Stop::default()).map_err(|error| error.to_string())?;
        station.flush();
        let events: Vec<Event> = std::mem::take(&mut *lock(&kept));
        lock(&self.idle).push((station, kept));
        if verdict == Verdict::Pass {
            return Ok(());
        }
        // A panic's text reaches every runner's report; that of an error does not reach nextest's.
        panic!("{}", story(&planned.id, &events))
    }

    fn open(&self) -> Result<(Station, Kept), Failed> {
        let kept = Kept::default();
        let keep = kept.clone();
        let listener = Box::new(move |event: &Arc<Event>| {
            if event.case.is_some() && !matches!(event.body, Body::Serial { .. }) {
                lock(&keep).push((**event).clone());
            }
        });
        let recorder = Recorder::start(None, Options::default(), vec![listener])?;
        let root = self.project.root().to_owned();
        Ok((Station::new(self.config.clone(), recorder, root, Mode::from_env())?, kept))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What was expected, what was seen, and what happened.
fn story(id: &str, events: &[Event]) -> String {
    let mut text = format!("{id} did not pass\n");
    for event in events {
        match &event.body {
            Body::Checked(check) if check.fails() => {
                text += &format!("{}: expected {}, seen {}\n", check.title(), check.wanted, check.seen);
            }
            Body::RigFault(fault) => text += &format!("rig fault: {fault}\n"),
            // What is due within a time on the host's clock needs the times on it.
            Body::Removed { .. } | Body::ReadyAgain { .. } | Body::ConsoleNoise { .. } | Body::Signal { .. } => {
                text += &format!("at {} us: {:?}\n", event.at_us, event.body);
            }
            _ => {}
        }
    }
    text + &render(events, View::Whole)
}
