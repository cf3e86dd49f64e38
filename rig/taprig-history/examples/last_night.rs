//! Reads a history and prints what `taprig history` prints, with the time that each part takes. It links less than the whole
//! program: `cargo run --release -p taprig-history --example last_night -- history.jsonl`.

use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;
use taprig_history::file::History;
use taprig_history::series::Series;
use taprig_history::{benches, last, pace, plot, show, standing};

fn main() -> ExitCode {
    let Some(path) = std::env::args().nth(1) else {
        eprintln!("name the file of a history");
        return ExitCode::from(2);
    };
    let started = Instant::now();
    let history = match History::read(Path::new(&path)) {
        Ok(history) => history,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::from(2);
        }
    };
    let read = started.elapsed();
    let all = Series::all(&history.nights);
    let ordered = started.elapsed();
    last::nights(&all, 30).iter().for_each(|night| println!("{}", show::last_night(night)));
    let answered = started.elapsed();
    for series in &all {
        let flaky = standing::notable(series, 30).len();
        let slower = pace::Pace::of(series, 30).slowing().len();
        let drawn: usize = series.cases().map(|(id, _)| plot::verdicts(&plot::points(series, id, 30)).len()).sum();
        println!("{}: {flaky} cases are notable, {slower} have become slower, {drawn} bytes of drawings", series.bench);
    }
    println!("{} benches", benches::errors(&history.nights).len());
    println!(
        "{} nights read in {read:?}, ordered after {ordered:?}, last night answered after {answered:?}, everything after {:?}",
        history.nights.len(),
        started.elapsed()
    );
    ExitCode::SUCCESS
}
