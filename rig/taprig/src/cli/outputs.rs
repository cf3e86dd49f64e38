//! What a command writes, so that no command writes to a sealed record.
//!
//! [`check`] is called once, before any command begins. [`writes`] names every place, and has no arm for "all others": a new
//! command does not compile until somebody has said what it writes. A test does the same for each option that takes a path.

use std::path::{Path, PathBuf};

use taprig_case::baseline::Mode;
use taprig_case::{Diagnostic, Problems, Project};
use taprig_record::seal;

use super::suite::Suite;
use super::{Bench, Cli, Command, Report};

/// Refuses a command that would write to a sealed record, or to any folder in it.
///
/// # Errors
/// The first such place.
pub(super) fn check(cli: &Cli) -> Result<(), Problems> {
    for place in writes(cli) {
        seal::refuse(&place).map_err(|sealed| {
            let inside = (sealed.folder != place).then(|| format!("{} is in this record", place.display()));
            let help =
                inside.unwrap_or_else(|| "a sealed record can be read, judged and verified, but not changed".into());
            Problems::from(Diagnostic::of_file(&sealed.folder, sealed.to_string()).help(help))
        })?;
    }
    Ok(())
}

/// The files and folders that a command writes. Those that it only reads are not among them.
fn writes(cli: &Cli) -> Vec<PathBuf> {
    let project = || project(cli.project.as_deref());
    let state = taprig_bench::state_dir;
    match &cli.command {
        Command::Run(args) => {
            let transcripts = matches!(Mode::from_env(), Mode::Accept | Mode::Propose).then(project).flatten();
            args.writes().into_iter().chain(transcripts).chain([state()]).collect()
        }
        Command::Seal(args) => vec![args.writes()],
        Command::Bench(Bench::Check(args)) => vec![args.writes(), state()],
        Command::Bench(Bench::List(_) | Bench::Clear(_)) => vec![state()],
        Command::Device(command) => match command.writes_project() {
            true => project().into_iter().collect(),
            false => vec![state()],
        },
        Command::Report(Report::Merge(args)) => vec![args.writes()],
        Command::Report(Report::Capture(args)) => vec![args.writes()],
        Command::Report(Report::Html(args)) => vec![args.writes()],
        Command::History(args) => args.writes().into_iter().collect(),
        Command::Acquirer(args) => args.writes().into_iter().collect(),
        Command::Reconcile(args) => args.writes().into_iter().collect(),
        Command::Bisect(args) => vec![args.writes(), state()],
        Command::Replay(args) => vec![args.writes(), state()],
        Command::Campaign(command) => command.writes().into_iter().collect(),
        Command::Submit(args) => vec![args.writes()],
        Command::New(args) => vec![args.writes()],
        Command::Suite(Suite::Export(args)) => vec![args.writes()],
        Command::Suite(Suite::Update(_)) => project().into_iter().collect(),
        Command::Index(args) => if args.writes() { project() } else { None }.into_iter().collect(),
        Command::Board(args) => args.writes(),
        Command::Tap(_) | Command::Serve(_) | Command::PowerCuts(_) | Command::Flash(_) => vec![state()],
        Command::Report(Report::Matrix(_))
        | Command::Suite(Suite::Show(_))
        | Command::Judge(_)
        | Command::Verify(_)
        | Command::Adapter(_)
        | Command::Check(_)
        | Command::List(_)
        | Command::Ics(_)
        | Command::Coverage(_)
        | Command::Schema(_) => vec![],
    }
}

/// The folder of the project. That there is none is told by the command itself.
fn project(folder: Option<&Path>) -> Option<PathBuf> {
    super::project(folder).ok().map(|project: Project| project.root().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::{CommandFactory as _, Parser as _};
    use std::any::TypeId;
    use std::collections::BTreeSet;

    /// Each option that names what is written, with a command line that would write to the sealed record `REC`. The test
    /// `sealing` of the program runs all of these lines.
    const TABLE: &str = include_str!("../../tests/support/outputs.txt");

    /// The options that name what is read.
    const READ: &str = "
        acquirer rules, acquirer keys, bisect images, campaign brief evidence, campaign brief file, campaign brief signers,
        campaign slip evidence, campaign slip file, campaign slip signers, campaign status evidence, campaign status file,
        campaign status signers, coverage record, device new answers, history add records,
        history rebuild records, ics record, judge cases, judge record,
        reconcile acquirer, reconcile clearing, reconcile columns, reconcile journal, replay plan, report capture record,
        report html history, report html record, report html since, report matrix record, report merge records, run failed_from, run lab, run since,
        seal authority, seal key, seal time_stamp, submit lab, submit record, submit signers, taprig project,
        verify authority, verify record, verify signers";

    fn rows() -> impl Iterator<Item = (&'static str, &'static str)> {
        TABLE
            .lines()
            .filter(|line| !line.starts_with('#') && !line.is_empty())
            .map(|line| line.split_once('|').unwrap())
    }

    /// The options of all commands that take a path: command and name of the option.
    fn options(command: &clap::Command, above: &str, all: &mut BTreeSet<String>) {
        for option in command.get_arguments() {
            if option.get_value_parser().type_id() == TypeId::of::<PathBuf>() {
                all.insert(format!("{above}{}", option.get_id()));
            }
        }
        for inner in command.get_subcommands() {
            options(inner, &format!("{above}{} ", inner.get_name()), all);
        }
    }

    #[test]
    fn somebody_has_said_of_each_option_whether_its_path_is_read_or_written() {
        let mut all = BTreeSet::new();
        options(&Cli::command(), "", &mut all);
        let all: BTreeSet<_> =
            all.into_iter().map(|name| if name == "project" { "taprig project".into() } else { name }).collect();
        let read = READ.split(',').map(|name| name.trim().to_owned());
        let written = rows().map(|(name, _)| name.trim().to_owned()).filter(|name| !name.contains("without"));
        assert_eq!(all, read.chain(written).collect());
    }

    #[test]
    fn each_command_of_the_table_says_that_it_writes_there() {
        for (name, line) in rows() {
            let words = std::iter::once("taprig").chain(line.split_whitespace());
            let cli = Cli::try_parse_from(words).unwrap_or_else(|error| panic!("{name}: {error}"));
            let into = |place: &PathBuf| place.components().any(|part| part.as_os_str() == "REC");
            // What a command writes into the current folder is tried by the program.
            assert!(name.contains("without") || writes(&cli).iter().any(into), "{name}: {:?}", writes(&cli));
        }
    }
}
