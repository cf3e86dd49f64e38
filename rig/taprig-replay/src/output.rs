//! The folder of a replay: a part for each bus while it is played, and the books of all buses in the end.
//!
//! ```text
//! replay.json          which plan it is: only the same one goes on here
//! parts/<bus>.*        written while a bus is played; its summary comes last
//! journal.csv          what `taprig reconcile` takes: the journal of all buses
//! acquirer.jsonl       the claims that the acquirer has heard
//! clearing.csv         what the bank pays
//! books.csv            all three by day, terminal, batch, line, product and class
//! books.json           the sums
//! samples.json         rides that are played again as cases
//! ```

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;

use serde::{Deserialize, Serialize, Serializer as _};
use sha2::{Digest, Sha256};
use taprig_books::show;
use taprig_model::books::journal::COLUMNS;
use taprig_model::books::result::{Gross, Sum, Sums};
use taprig_model::units::Money;
use taprig_record::units::lower_hex;

use crate::books::{BusBooks, CLEARING, Counted, Sample, in_order};
use crate::error::ReplayError;
use crate::parts::{PARTS, Part, part, summary};
use crate::plan::{Bus, Plan, Refusal};

const REPLAY: &str = "replay.json";
const SAMPLES: &str = "samples.json";

/// Which replay a folder is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Replay {
    /// Version of this format, 1.
    pub schema: u32,
    /// Version of taprig.
    pub taprig: String,
    /// Title of the plan.
    pub title: String,
    /// Rides of the plan.
    pub rides: u64,
    /// What they sum to, in fen.
    pub fen: u64,
    /// Rides that are played again as cases.
    pub samples: u64,
    /// SHA-256 of the plan and of the fleet.
    pub digest: String,
}

impl Replay {
    /// That of a plan. `texts` are the files that it was made from.
    #[must_use]
    pub fn of(plan: &Plan, samples: u64, texts: &[&str]) -> Self {
        let mut digest = Sha256::new();
        for text in texts {
            digest.update((text.len() as u64).to_be_bytes());
            digest.update(text);
        }
        Self {
            schema: 1,
            taprig: env!("CARGO_PKG_VERSION").to_owned(),
            title: plan.file.title.clone(),
            rides: plan.rides,
            fen: plan.total,
            samples,
            digest: lower_hex(&digest.finalize()),
        }
    }
}

/// Makes the folder of a replay, or finds that it holds the same replay. Returns how many of its buses are done.
///
/// # Errors
/// The folder holds another replay or somebody's files, or it can't be written.
pub fn open(folder: &Path, replay: &Replay, plan: &Plan) -> Result<usize, Refusal> {
    let refused = |what: String, help: &str| Refusal { what, help: help.to_owned() };
    let failed = |error: &io::Error| refused(format!("the folder can't be used: {error}"), "name another folder");
    let mark = folder.join(REPLAY);
    match fs::read(&mark) {
        Ok(text) => {
            if serde_json::from_slice::<Replay>(&text).ok().as_ref() != Some(replay) {
                let what = "the folder holds another replay: another plan, fleet, number of rides or version of taprig";
                return Err(refused(what.into(), "name another folder, or delete this one"));
            }
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            if fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some()) {
                return Err(refused("the folder holds files that are no replay".into(), "name an empty folder"));
            }
            fs::create_dir_all(folder.join(PARTS)).map_err(|error| failed(&error))?;
            taprig_record::replace(&mark, &taprig_record::pretty(replay)).map_err(|error| failed(&error))?;
        }
        Err(error) => return Err(failed(&error)),
    }
    fs::create_dir_all(folder.join(PARTS)).map_err(|error| failed(&error))?;
    Ok(plan.buses.iter().filter(|bus| summary(folder, &bus.name).is_some()).count())
}

/// The books of all buses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct FleetBooks {
    /// Version of this format, 1.
    pub schema: u32,
    /// Title of the plan.
    pub title: String,
    /// Whether all buses balance.
    pub balanced: bool,
    /// Buses with rides.
    pub buses: u64,
    /// Rides of the plan.
    pub planned: Sum,
    /// Rides of the journals by what became of them.
    pub gross: Gross,
    /// The sums of each class, by its word.
    pub classes: BTreeMap<String, Sums>,
    /// Taps by kind.
    pub taps: BTreeMap<String, u64>,
    /// GET PROCESSING OPTIONS.
    pub gpos: Counted,
    /// Taps with offline data authentication.
    pub authentications: Counted,
    /// Claims that the acquirer received again.
    pub repeats: u64,
    /// How often something was not as planned.
    pub differences: u64,
    /// Buses that do not balance, with their differences in words.
    pub unbalanced: BTreeMap<String, Vec<String>>,
}

impl FleetBooks {
    fn of(plan: &Plan) -> Self {
        Self {
            schema: 1,
            title: plan.file.title.clone(),
            balanced: true,
            buses: 0,
            planned: Sum::default(),
            gross: Gross::default(),
            classes: BTreeMap::new(),
            taps: BTreeMap::new(),
            gpos: Counted::default(),
            authentications: Counted::default(),
            repeats: 0,
            differences: 0,
            unbalanced: BTreeMap::new(),
        }
    }

    fn add(&mut self, bus: BusBooks) {
        self.balanced &= bus.balanced;
        self.buses += 1;
        self.planned += bus.planned;
        self.gross += bus.gross;
        for (class, sums) in bus.classes {
            *self.classes.entry(class).or_default() += sums;
        }
        for (kind, count) in bus.taps {
            *self.taps.entry(kind).or_default() += count;
        }
        for (sum, counted) in [(&mut self.gpos, bus.gpos), (&mut self.authentications, bus.authentications)] {
            sum.cards += counted.cards;
            sum.validator += counted.validator;
        }
        self.repeats += bus.repeats;
        self.differences += bus.differences;
        if !bus.balanced {
            self.unbalanced.insert(bus.bus, bus.told);
        }
    }
}

/// Puts the parts of all buses together, in the order of the fleet. Each part is read by itself.
///
/// # Errors
/// A part is missing or can't be read, or a file can't be written.
pub fn merge(folder: &Path, plan: &Plan) -> Result<FleetBooks, ReplayError> {
    let mut books = FleetBooks::of(plan);
    for bus in with_rides(plan) {
        let missing = || ReplayError::Incomplete { bus: bus.name.clone(), what: "its books are missing".into() };
        books.add(summary(folder, &bus.name).ok_or_else(missing)?);
    }
    let columns = |columns: &[&str]| columns.join(",") + "\n";
    for (which, header) in [
        (Part::Journal, columns(&COLUMNS)),
        (Part::Acquirer, String::new()),
        (Part::Clearing, columns(&CLEARING)),
        (Part::Books, columns(&show::csv::COLUMNS)),
    ] {
        let path = folder.join(which.name());
        let failed = |source| ReplayError::file("writing", &path, source);
        let mut file = BufWriter::new(File::create(&path).map_err(failed)?);
        file.write_all(header.as_bytes()).map_err(failed)?;
        for bus in with_rides(plan) {
            let from = part(folder, &bus.name, which);
            let mut part = File::open(&from).map_err(|source| ReplayError::file("reading", &from, source))?;
            io::copy(&mut part, &mut file).map_err(failed)?;
        }
        file.flush().map_err(failed)?;
    }
    let path = folder.join(SAMPLES);
    let failed = |source| ReplayError::file("writing", &path, source);
    let mut file = BufWriter::new(File::create(&path).map_err(failed)?);
    let mut unread = None;
    let all = samples(folder, plan).map_while(|sample| sample.map_err(|error| unread = Some(error)).ok());
    serde_json::Serializer::pretty(&mut file).collect_seq(all).map_err(|error| failed(error.into()))?;
    if let Some(error) = unread {
        return Err(error);
    }
    file.write_all(b"\n").and_then(|()| file.flush()).map_err(failed)?;
    let path = folder.join("books.json");
    let written = taprig_record::replace(&path, &taprig_record::pretty(&books));
    written.map_err(|source| ReplayError::file("writing", &path, source))?;
    Ok(books)
}

/// The rides of a replay that are played again as cases. Those of one bus are in memory.
pub fn samples<'a>(folder: &'a Path, plan: &'a Plan) -> impl Iterator<Item = Result<Sample, ReplayError>> + 'a {
    let of_bus = move |bus: &Bus| -> Result<Vec<Sample>, ReplayError> {
        let path = part(folder, &bus.name, Part::Samples);
        let read = fs::read(&path).and_then(|text| Ok(serde_json::from_slice(&text)?));
        read.map_err(|source| ReplayError::file("reading", &path, source))
    };
    with_rides(plan).flat_map(move |bus| {
        let (samples, error) = of_bus(bus).map_or_else(|error| (Vec::new(), Some(Err(error))), |all| (all, None));
        samples.into_iter().map(Ok).chain(error)
    })
}

/// The buses that have parts.
fn with_rides(plan: &Plan) -> impl Iterator<Item = &Bus> {
    plan.buses.iter().filter(|bus| bus.rides() > 0)
}

/// The books for a person.
#[must_use]
pub fn report(books: &FleetBooks) -> String {
    let yuan = |fen: u128| Money::from_fen(u64::try_from(fen).unwrap_or(u64::MAX)).to_string();
    let sum = |sum: Sum| format!("{} rides, {}", sum.count, yuan(sum.fen));
    let mut lines = vec![
        books.title.clone(),
        format!("planned         {}, on {} buses", sum(books.planned), books.buses),
        format!("gross           {}", sum(books.gross.rides)),
        format!("  accepted      {}", sum(books.gross.accepted)),
        format!("  refused       {}", sum(books.gross.refused)),
        format!("  waiting       {}", sum(books.gross.waiting)),
    ];
    for (class, sums) in in_order(&books.classes) {
        let [journal, acquirer, clearing] = [sums.journal, sums.acquirer, sums.clearing].map(|side| yuan(side.fen));
        lines.push(format!("{:<16}journal {journal}, acquirer {acquirer}, clearing {clearing}", class.word()));
    }
    let taps: Vec<String> = books.taps.iter().map(|(kind, count)| format!("{count} {kind}")).collect();
    lines.push(format!("taps            {}: {}", books.taps.values().sum::<u64>(), taps.join(", ")));
    for (what, counted) in [("GPO", books.gpos), ("authentication", books.authentications)] {
        lines.push(format!("{what:<16}{} by the cards, {} by the validators", counted.cards, counted.validator));
    }
    lines.push(format!("claims again    {}", books.repeats));
    for (bus, told) in books.unbalanced.iter().take(10) {
        lines.push(format!("bus {bus} does not balance"));
        lines.extend(told.iter().take(5).map(|what| format!("    {what}")));
    }
    lines.push(if books.balanced {
        "the books balance".to_owned()
    } else {
        format!("{} buses do not balance, {} differences from the plan", books.unbalanced.len(), books.differences)
    });
    lines.join("\n") + "\n"
}
