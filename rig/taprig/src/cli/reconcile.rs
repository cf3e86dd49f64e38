//! `taprig reconcile`: compares a journal with an acquirer's log and with a bank's clearing file. It needs no project.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use jiff::civil::{Date, Time};
use taprig_books::{Books, Options, read, show};
use taprig_case::source::Source;
use taprig_case::{Diagnostic, Problems};
use taprig_model::books::columns::Columns;
use taprig_model::books::result::{Reconciliation, Side};

use super::yaml::gather;
use super::{Exit, print, say};

/// The largest number of broken rows that are told. All of them are counted.
const SHOWN: usize = 50;

/// Arguments of `taprig reconcile`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Journal of the validators, as CSV or JSON Lines. May be given several times.
    #[arg(long, value_name = "FILE", required = true)]
    journal: Vec<PathBuf>,
    /// Log that `taprig acquirer --log` has written. May be given several times.
    #[arg(long, value_name = "FILE")]
    acquirer: Vec<PathBuf>,
    /// The bank's clearing file, as CSV. May be given several times.
    #[arg(long, value_name = "FILE")]
    clearing: Vec<PathBuf>,
    /// Column map of the clearing files. Without it, their columns have the default names.
    #[arg(long, value_name = "FILE", requires = "clearing")]
    columns: Option<PathBuf>,
    /// Time of day from which a ride is due a day later.
    #[arg(long, value_name = "hh:mm", default_value = "23:00", value_parser = cut_off)]
    cut_off: Time,
    /// So many days later every ride is due, in addition.
    #[arg(long, value_name = "DAYS", default_value_t = 0, value_parser = clap::value_parser!(u16).range(..=366))]
    wait_days: u16,
    /// The day up to which the clearing files are complete. Without it, the files themselves show it.
    #[arg(long, value_name = "YYYY-MM-DD", requires = "clearing", value_parser = day)]
    cleared_through: Option<Date>,
    /// What the validators themselves state as the sum of their journals, in yuan with two decimals.
    #[arg(long, value_name = "YUAN", value_parser = yuan)]
    gross: Option<u128>,
    /// Format of the result.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// Write the result to this file. An existing file is replaced.
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// Format of the result.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Text for a person.
    #[default]
    Text,
    /// All of it as JSON.
    Json,
    /// The groups as CSV.
    Csv,
}

fn cut_off(text: &str) -> Result<Time, String> {
    let digits = |text: &str| text.len() == 2 && text.bytes().all(|c| c.is_ascii_digit());
    let number = |text: &str| text.parse::<i8>().ok().filter(|_| digits(text));
    let time = text.split_once(':').and_then(|(hour, minute)| Time::new(number(hour)?, number(minute)?, 0, 0).ok());
    time.ok_or_else(|| "write a time of day such as `23:00`".into())
}

fn day(text: &str) -> Result<Date, String> {
    let pattern = Columns::default().day;
    taprig_books::time::Moment::read(text, &pattern).map(|moment| moment.day).map_err(|error| error.to_string())
}

fn yuan(text: &str) -> Result<u128, String> {
    let wrong = || "write yuan with two decimals, such as `369200.00`".to_owned();
    let (yuan, fen) = text.split_once('.').filter(|(_, fen)| fen.len() == 2).ok_or_else(wrong)?;
    let digits = format!("{yuan}{fen}");
    if yuan.is_empty() || digits.len() > 24 || !digits.bytes().all(|c| c.is_ascii_digit()) {
        return Err(wrong());
    }
    digits.parse().map_err(|_| wrong())
}

impl Args {
    /// The file that this command writes, if there is one.
    pub(super) fn writes(&self) -> Option<PathBuf> {
        self.output.clone()
    }
}

pub(super) fn run(args: &Args) -> Result<Exit, Problems> {
    if args.acquirer.is_empty() && args.clearing.is_empty() {
        let problem = Diagnostic::of_file(Path::new("--journal"), "there is nothing to compare the journal with");
        return Err(problem.help("add `--acquirer FILE`, `--clearing FILE` or both").into());
    }
    let mut problems = Problems::default();
    if let Some(output) = &args.output {
        check_output(output, args, &mut problems);
    }
    let map = match &args.columns {
        Some(file) => gather(Source::read(file), &mut problems),
        None => Some(Columns::default()),
    };
    let mut books = Books::new();
    if let Some(map) = map {
        fill(&mut books, args, &map, &mut problems);
    }
    let through = args.cleared_through.or(books.cleared_through());
    if problems.is_empty() && !args.clearing.is_empty() && through.is_none() {
        problems.push(
            Diagnostic::of_file(
                &args.clearing[0],
                "the clearing files have no day, so nobody can say what they have to contain",
            )
            .help("say so by `--cleared-through YYYY-MM-DD`, or map the column of the day or of the time"),
        );
    }
    problems.into_result(())?;
    if let Some(fen) = args.gross {
        books.state_gross(fen);
    }
    let result = books.reconcile(&Options {
        cut_off: args.cut_off,
        wait_days: args.wait_days,
        cleared_through: args.cleared_through,
    });
    let broken = books.broken_rows();
    tell(&result, broken, args);
    let code = match (broken, result.balanced) {
        (0, true) => Exit::Ok,
        (0, false) => Exit::CaseFailed,
        (1.., _) => Exit::BadInput,
    };
    Ok(match (output(&result, args), code) {
        (Exit::Ok, code) => code,
        (failed, _) => failed,
    })
}

/// Reads all files. The problems of all of them are told at once.
fn fill(books: &mut Books, args: &Args, map: &Columns, problems: &mut Problems) {
    for (side, paths) in
        [(Side::Journal, &args.journal), (Side::Acquirer, &args.acquirer), (Side::Clearing, &args.clearing)]
    {
        for path in paths {
            let name = path.display().to_string();
            let file = books.file(side, name.clone());
            let input = match File::open(path).and_then(|file| Ok((file.metadata()?, file))) {
                Ok((meta, _)) if meta.is_dir() => Err(io::Error::from(io::ErrorKind::IsADirectory)),
                Ok((_, file)) => Ok(BufReader::with_capacity(1 << 16, file)),
                Err(error) => Err(error),
            };
            let read = input.map_err(read::Refused::from).and_then(|input| match side {
                Side::Journal => read::journal::read(input, file, books),
                Side::Acquirer => read::log::read(input, file, &name, books),
                Side::Clearing => read::clearing::read(input, map, file, books),
            });
            if let Err(refused) = read {
                let problem = Diagnostic::of_file(path, refused.to_string());
                problems.push(match refused.help() {
                    Some(help) => problem.help(help),
                    None => problem,
                });
            }
        }
    }
}

/// An output that would destroy what is compared, or that can't be written, is refused before anything is read.
fn check_output(output: &Path, args: &Args, problems: &mut Problems) {
    let inputs = args.journal.iter().chain(&args.acquirer).chain(&args.clearing).chain(&args.columns);
    let real = |path: &Path| path.canonicalize().ok();
    if let Some(input) =
        real(output).and_then(|output| inputs.into_iter().find(|input| real(input) == Some(output.clone())))
    {
        problems.push(
            Diagnostic::of_file(
                output,
                format!("the result would replace {}, which is being compared", input.display()),
            )
            .help("name another file"),
        );
    }
    let folder = output.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if output.is_dir() {
        problems.push(Diagnostic::of_file(output, "this is a folder").help("name a file in it"));
    } else if !folder.is_dir() {
        problems.push(Diagnostic::of_file(output, "there is no such folder").help("make the folder first"));
    }
}

/// Tells the broken rows, and what it all comes to unless the text of the result says so.
fn tell(result: &Reconciliation, broken: u64, args: &Args) {
    for row in result.broken.iter().take(SHOWN) {
        say(&format!("taprig: {} row {}: {}; the row is left out", row.place.file, row.place.row, row.why));
    }
    if let Some(more) = broken.checked_sub(SHOWN as u64).filter(|more| *more > 0) {
        say(&format!("taprig: and {more} more rows"));
    }
    if args.format != Format::Text || args.output.is_some() {
        say(&format!("taprig: {}", show::verdict(result)));
    }
}

fn output(result: &Reconciliation, args: &Args) -> Exit {
    let mut bytes = Vec::new();
    let made = match args.format {
        Format::Text => bytes.write_all(show::text::report(result).as_bytes()),
        Format::Csv => show::csv::write(result, &mut bytes),
        Format::Json => {
            serde_json::to_writer_pretty(&mut bytes, result).map_err(io::Error::from).map(|()| bytes.push(b'\n'))
        }
    };
    let written = made.and_then(|()| match &args.output {
        None => Ok(()),
        Some(path) => {
            let mut file = BufWriter::new(File::create(path)?);
            file.write_all(&bytes)?;
            file.flush()
        }
    });
    match (written, &args.output) {
        (Ok(()), None) => print(&String::from_utf8_lossy(&bytes)),
        (Ok(()), Some(_)) => Exit::Ok,
        (Err(error), path) => {
            let to = path.as_deref().unwrap_or(Path::new("standard output")).display();
            say(&format!("taprig: writing the result to {to}: {error}"));
            Exit::RigFailed
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_have_one_form() {
        assert_eq!(cut_off("23:00").unwrap(), Time::constant(23, 0, 0, 0));
        assert_eq!(cut_off("00:30").unwrap(), Time::constant(0, 30, 0, 0));
        for wrong in ["23", "24:00", "23:60", "2:00", "-1:00", "23:00:00", "+1:00"] {
            assert!(cut_off(wrong).is_err(), "{wrong}");
        }
        assert_eq!(yuan("369200.00"), Ok(36_920_000));
        for wrong in ["369200", "1.0", "1.005", ".00", "-1.00", "1,000.00"] {
            assert!(yuan(wrong).is_err(), "{wrong}");
        }
        assert!(day("2018-02-28").is_ok() && day("2018-02-29").is_err());
    }
}
