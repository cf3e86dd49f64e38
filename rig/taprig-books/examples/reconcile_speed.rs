//! How long a reconciliation takes: `cargo run --release -p taprig-books --example reconcile_speed JOURNAL LOG CLEARING`.

use std::error::Error;
use std::fs::File;
use std::io::BufReader;
use std::time::Instant;

use taprig_books::{Books, Options, read, show};
use taprig_model::books::columns::Columns;
use taprig_model::books::result::Side;

fn main() -> Result<(), Box<dyn Error>> {
    let paths: Vec<String> = std::env::args().skip(1).collect();
    let [journal, log, clearing] = paths.as_slice() else {
        return Err("give a journal, a log and a clearing file".into());
    };
    let open = |path: &str| Ok::<_, std::io::Error>(BufReader::with_capacity(1 << 16, File::open(path)?));
    let start = Instant::now();
    let mut books = Books::new();
    let lap = |what: &str| println!("{what:12} {:>6} ms", start.elapsed().as_millis());
    let file = books.file(Side::Journal, journal);
    read::journal::read(open(journal)?, file, &mut books)?;
    lap("journal");
    let file = books.file(Side::Acquirer, log);
    read::log::read(open(log)?, file, log, &mut books)?;
    lap("log");
    let file = books.file(Side::Clearing, clearing);
    read::clearing::read(open(clearing)?, &Columns::default(), file, &mut books)?;
    lap("clearing");
    let result = books.reconcile(&Options::default());
    lap("reconciled");
    println!("{} groups; {}", result.groups.len(), show::verdict(&result));
    let status = std::fs::read_to_string("/proc/self/status")?;
    println!("{}", status.lines().find(|line| line.starts_with("VmHWM")).unwrap_or_default());
    Ok(())
}
