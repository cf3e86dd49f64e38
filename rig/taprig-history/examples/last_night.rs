//! Reads a history and prints what `taprig history` prints, with the time that each part takes. It links less than the whole
//! program: `cargo run --release -p taprig-history --example last_night -- history.jsonl [PAGE.html]`. The page has the
//! drawings of all cases that are notable.

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
        let drawn: usize = series.ids().iter().map(|id| plot::verdicts(&plot::points(series, id, 30)).len()).sum();
        println!("{}: {flaky} cases are notable, {slower} have become slower, {drawn} bytes of drawings", series.bench);
    }
    if let Some(page) = std::env::args().nth(2) {
        let mut html = String::from("<!DOCTYPE html><meta charset=\"utf-8\"><title>Nights</title>\n");
        for series in &all {
            for standing in standing::notable(series, 30) {
                let points = plot::points(series, &standing.id, 30);
                let (verdicts, durations) = (plot::verdicts(&points), plot::durations(&points));
                html += &format!("<p>{} {verdicts} {durations}</p>\n", standing.id);
            }
        }
        if let Err(error) = std::fs::write(&page, html) {
            eprintln!("writing {page}: {error}");
            return ExitCode::from(3);
        }
    }
    println!("{} benches", benches::errors(&history.nights).len());
    println!(
        "{} nights read in {read:?}, ordered after {ordered:?}, last night answered after {answered:?}, everything after {:?}",
        history.nights.len(),
        started.elapsed()
    );
    ExitCode::SUCCESS
}
