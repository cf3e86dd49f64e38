//! `taprig replay`: plays months of rides of a whole fleet, and makes the books.

use std::io::{IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use taprig::replay::{CaseTaps, Failed, compare};
use taprig_bench::Config;
use taprig_case::source::Source;
use taprig_case::{Diagnostic, Problems, Project};
use taprig_model::bench::BoardConfig;
use taprig_replay::ReplayError;
use taprig_replay::engine::{self, Ended, Progress};
use taprig_replay::file::{Fleet, PlanFile};
use taprig_replay::output::{self, Replay};
use taprig_replay::plan::{Plan, Refusal};

use super::yaml::gather;
use super::{Exit, config, interrupt, print, say};

/// How often the progress is told where there is no terminal.
const SELDOM: Duration = Duration::from_secs(10);

/// How often it is told on a terminal.
const OFTEN: Duration = Duration::from_millis(250);

/// Arguments of `taprig replay`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The plan, a YAML file.
    plan: PathBuf,
    /// Folder for the books. If it holds the same replay, the replay goes on where it has ended. The default is `replay-` and the
    /// name of the plan, in the current folder.
    #[arg(long, value_name = "DIR")]
    output: Option<PathBuf>,
    /// Number of benches that play at the same time. The default is the number of cores. The books do not depend on it.
    #[arg(long, value_parser = clap::value_parser!(u8).range(1..=64))]
    jobs: Option<u8>,
    /// Play so many rides in place of those of the plan. The total shrinks or grows in proportion.
    #[arg(long, value_name = "N")]
    rides: Option<u64>,
    /// Play so many of the rides again as cases, and compare the transcripts.
    #[arg(long, value_name = "N", default_value_t = 0)]
    samples: u64,
    /// Bench: a name in fixtures/benches, or a file. Both boards must be processes on this computer.
    #[arg(long, default_value = "sim")]
    bench: String,
    /// Make the plan, say what it comes to, and play nothing.
    #[arg(long)]
    dry_run: bool,
}

impl Args {
    /// The folder that this command writes.
    pub(super) fn writes(&self) -> PathBuf {
        let stem = self.plan.file_stem().unwrap_or_default().to_string_lossy();
        self.output.clone().unwrap_or_else(|| format!("replay-{stem}").into())
    }
}

pub(super) fn run(project: &Project, args: &Args) -> Result<Exit, Problems> {
    let mut problems = Problems::default();
    let source = Source::read(&args.plan);
    let text = source.as_ref().map(|source| source.text().to_owned()).unwrap_or_default();
    let file: Option<PlanFile> = gather(source, &mut problems);
    let Some(file) = problems.into_result(file)? else { return Ok(Exit::BadInput) };
    let mut problems = Problems::default();
    let path = args.plan.parent().unwrap_or(Path::new(".")).join(&file.fleet);
    let source = Source::read(&path);
    let fleet_text = source.as_ref().map(|source| source.text().to_owned()).unwrap_or_default();
    let fleet: Option<Fleet> = gather(source, &mut problems);
    let Some(fleet) = problems.into_result(fleet)? else { return Ok(Exit::BadInput) };
    let plan = Plan::new(&fleet, &file, args.rides).map_err(|wrong| refused(&args.plan, wrong))?;
    if args.dry_run {
        return Ok(print(&planned(&plan)));
    }
    let config = config(project, &args.bench)?;
    hosted(&config)?;
    if let Some(exit) = super::refused(&config) {
        return Ok(exit);
    }
    let folder = args.writes();
    let replay = Replay::of(&plan, args.samples, &[&text, &fleet_text]);
    let setting =
        engine::prepare(plan, Config::clone(&config), Box::new(CaseTaps), project, folder.clone(), args.samples)?;
    let done = output::open(&folder, &replay, setting.plan()).map_err(|wrong| refused(&folder, vec![wrong]))?;
    if done > 0 {
        say(&format!("taprig: {done} buses of this replay are already done; it goes on with the others"));
    }
    let stop = interrupt::stop();
    let flag = Arc::new(AtomicBool::new(false));
    watch(&stop, &flag);
    let jobs = args.jobs.map_or_else(|| std::thread::available_parallelism().map_or(1, usize::from), usize::from);
    let shown = Shown::default();
    match engine::run(&setting, jobs, &flag, &|progress| shown.tell(progress)) {
        Ok(Ended::Done) => shown.end(),
        Ok(Ended::Stopped) => {
            shown.end();
            say("taprig: interrupted; the same command goes on with the buses that are left");
            return Ok(Exit::RigFailed);
        }
        Err(error) => {
            shown.end();
            return Ok(failed(&error));
        }
    }
    let books = match output::merge(&folder, setting.plan()) {
        Ok(books) => books,
        Err(error) => return Ok(failed(&error)),
    };
    let printed = print(&output::report(&books));
    let samples = match args.samples {
        0 => Exit::Ok,
        _ => sampled(project, &config, setting.plan(), &folder, &stop)?,
    };
    Ok(match (printed, samples) {
        (Exit::Ok, Exit::Ok) if !books.balanced => Exit::CaseFailed,
        (Exit::Ok, samples) => samples,
        (printed, _) => printed,
    })
}

/// Plays sampled rides as cases.
fn sampled(
    project: &Project,
    config: &Arc<Config>,
    plan: &Plan,
    folder: &Path,
    stop: &taprig::run::station::Stop,
) -> Result<Exit, Problems> {
    say("taprig: the sampled rides are played again as cases");
    let samples = output::samples(folder, plan);
    let compared = match compare(project, config, plan.file.profile.as_str(), samples, stop) {
        Ok(compared) => compared,
        Err(Failed::Case(problems)) => return Err(problems),
        Err(Failed::Sample(error)) => return Ok(failed(&error)),
        Err(Failed::Bench(error)) => return Ok(super::bench_failed(&error)),
    };
    if stop.is_set() {
        return Ok(interrupt::interrupted());
    }
    for one in &compared.first {
        say(&format!(
            "taprig: {} has another transcript as a case\nreplay:\n{}\ncase:\n{}",
            one.name, one.replay, one.case
        ));
    }
    let same = compared.rides - compared.differ;
    let printed = print(&format!("{same} of {} sampled rides have the same transcript as a case\n", compared.rides));
    Ok(if compared.differ == 0 { printed } else { Exit::CaseFailed })
}

/// The flag of the workers follows the stop of the command.
fn watch(stop: &taprig::run::station::Stop, flag: &Arc<AtomicBool>) {
    let (stop, flag) = (stop.clone(), flag.clone());
    // It ends with the process. If it can't be started, the command ends at the second signal.
    let _ = std::thread::Builder::new().name("stop".into()).spawn(move || {
        if let Ok(runtime) = tokio::runtime::Builder::new_current_thread().build() {
            runtime.block_on(stop.stopped());
            flag.store(true, Ordering::Relaxed);
        }
    });
}

fn refused(path: &Path, wrong: Vec<Refusal>) -> Problems {
    let mut problems = Problems::default();
    for Refusal { what, help } in wrong {
        problems.push(Diagnostic::of_file(path, what).help(help));
    }
    problems
}

/// A replay empties the validator's memory and sets its clock to another year, which only a process bears.
fn hosted(config: &Config) -> Result<(), Problems> {
    let is_sim = |board: Option<&BoardConfig>| matches!(board, Some(BoardConfig::Sim(_)));
    let has_link = matches!(config.bench.acquirer, Some(taprig_model::bench::AcquirerConfig::Link(_)));
    if is_sim(Some(&config.bench.validator)) && is_sim(config.bench.card.board()) && has_link {
        return Ok(());
    }
    let what = format!("the bench `{}` can't play a replay", config.name);
    let help =
        "its validator and its card emulator must be hosted boards, and its acquirer `link`, as on the bench `sim`";
    Err(Diagnostic::of_file(Path::new("--bench"), what).help(help).into())
}

fn failed(error: &ReplayError) -> Exit {
    match error {
        ReplayError::Bench { what, source } => {
            say(&format!("taprig: {what}"));
            super::bench_failed(source)
        }
        error => super::rig_failed(error),
    }
}

/// What a plan comes to.
fn planned(plan: &Plan) -> String {
    let days: usize = plan.buses.iter().map(|bus| bus.days.len()).sum();
    let mut lines = vec![format!(
        "{}: {} rides, {}, on {} buses and {days} days of a bus",
        plan.file.title,
        plan.rides,
        taprig_model::units::Money::from_fen(plan.total),
        plan.buses.len()
    )];
    let mut by_line: Vec<(String, u64, u64)> = Vec::new();
    for bus in &plan.buses {
        match by_line.last_mut().filter(|(line, ..)| *line == bus.line.as_str()) {
            Some((_, rides, fen)) => {
                *rides += bus.rides();
                *fen += bus.fen();
            }
            None => by_line.push((bus.line.to_string(), bus.rides(), bus.fen())),
        }
    }
    lines.extend(by_line.into_iter().map(|(line, rides, fen)| {
        let sum = taprig_model::units::Money::from_fen(fen).to_string();
        format!("  line {line:<8}{rides:>8} rides {sum:>14}")
    }));
    lines.join("\n") + "\n"
}

/// Where the progress is shown.
#[derive(Default)]
struct Shown(Mutex<Option<Instant>>);

impl Shown {
    fn tell(&self, progress: Progress) {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let terminal = std::io::stderr().is_terminal();
        let every = if terminal { OFTEN } else { SELDOM };
        let since = *last.get_or_insert_with(Instant::now);
        if since.elapsed() < every {
            return;
        }
        *last = Some(Instant::now());
        let left = progress.left.map_or_else(String::new, |left| {
            format!(", about {} min {:02} s left", left.as_secs() / 60, left.as_secs() % 60)
        });
        let line = format!("{} of {} rides, {} buses done{left}", progress.rides, progress.of, progress.buses);
        if terminal {
            put(&format!("\r\u{1b}[2K{line}"));
        } else {
            say(&format!("taprig: {line}"));
        }
    }

    fn end(&self) {
        if std::io::stderr().is_terminal() {
            put("\r\u{1b}[2K");
        }
    }
}

/// Writes to standard error what does not end a line. It is no failure if nobody reads it.
fn put(text: &str) {
    let mut error = std::io::stderr();
    let _ = error.write_all(text.as_bytes()).and_then(|()| error.flush());
}
