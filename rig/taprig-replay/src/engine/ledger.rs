//! The three sides of one bus, and its books. What is decided goes to the files of the bus in the evening and is then kept as sums.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Cursor, Read as _};
use std::path::Path;

use jiff::civil::{Date, DateTime};
use serde::Serialize;
use taprig_books::time::Moment;
use taprig_books::{Books, Cleared, FileId, Options, Place, Running, read, show};
use taprig_model::books::columns::Columns;
use taprig_model::books::journal::{COLUMNS, Ride};
use taprig_model::books::result::{Reconciliation, Side, Sum, Sums};

use super::claims::{Claims, DatedClaim, Heard};
use super::rows;
use crate::books::{BusBooks, CLEARING, Counted, Sample};
use crate::error::ReplayError;
use crate::file::Hours;
use crate::parts::{Growing, Part, part};
use crate::plan::{Bus, Kind, Plan};

/// How many differences of a bus are told in words. All of them are counted.
const TOLD: usize = 20;

/// What a bus has come to while it is played.
#[derive(Debug)]
pub(super) struct Ledger<'a> {
    plan: &'a Plan,
    bus: &'a Bus,
    folder: &'a Path,
    journal: Growing,
    log: Growing,
    clearing: Growing,
    books: Running,
    /// The log in the books, and the number of its lines.
    log_file: FileId,
    lines: u32,
    claims: Claims,
    repeats: u64,
    pub(super) taps: BTreeMap<Kind, u64>,
    pub(super) gpos: Counted,
    pub(super) authentications: Counted,
    pub(super) samples: Vec<Sample>,
    differences: u64,
    told: Vec<String>,
}

impl<'a> Ledger<'a> {
    /// Begins the files of a bus. What an earlier attempt has left there is lost.
    pub(super) fn open(plan: &'a Plan, bus: &'a Bus, folder: &'a Path) -> Result<Self, ReplayError> {
        let mut books = Running::new();
        let [_, log_file, _] = Side::ALL.map(|side| books.file(side, side.word()));
        let file = |which| Growing::create(folder, &bus.name, which);
        Ok(Self {
            plan,
            bus,
            folder,
            journal: file(Part::Journal)?,
            log: file(Part::Acquirer)?,
            clearing: file(Part::Clearing)?,
            books,
            log_file,
            lines: 0,
            claims: Claims::default(),
            repeats: 0,
            taps: BTreeMap::new(),
            gpos: Counted::default(),
            authentications: Counted::default(),
            samples: Vec::new(),
            differences: 0,
            told: Vec::new(),
        })
    }

    /// Something is not as planned.
    pub(super) fn differs(&mut self, what: impl FnOnce() -> String) {
        self.differences += 1;
        if self.told.len() < TOLD {
            self.told.push(what());
        }
    }

    /// Takes in what came since the last evening: rides of the journal, and what the acquirer has told. Both may also come later. What is
    /// decided is settled.
    pub(super) fn evening(&mut self, rides: &[Ride], heard: Heard) -> Result<(), ReplayError> {
        self.journal.add(&rows::journal(rides))?;
        for ride in rides {
            self.books.ride(ride, None);
        }
        let hours = self.plan.file.hours;
        self.log.add(&rows::log(&heard.claims, |day| evening(day, hours)))?;
        for told in &heard.claims {
            let DatedClaim { day, claim } = told;
            self.lines += 1;
            let at = Moment { day: *day, time: Some(hours.to.0) };
            let place = Place { file: self.log_file, row: self.lines };
            let (merchant, terminal) = (claim.merchant.as_str(), claim.terminal.as_str());
            let (batch, trace, fen, state) = (claim.batch, claim.trace, claim.fen, claim.state);
            let known = taprig_books::Claim { merchant, terminal, batch, trace, fen, state };
            self.books.claim(&known, Some(taprig_books::Heard { at, repeat: claim.repeat, place }));
            self.claims.hear(told);
            self.repeats += u64::from(claim.repeat);
        }
        for why in heard.not_taken {
            self.differs(|| why);
        }
        let paid = self.claims.paid();
        self.pay(&paid)
    }

    /// The bank pays, and what is decided by then is settled.
    fn pay(&mut self, paid: &[DatedClaim]) -> Result<(), ReplayError> {
        self.clearing.add(&rows::clearing(paid))?;
        for DatedClaim { day, claim } in paid {
            let row = Cleared {
                merchant: &claim.merchant,
                terminal: &claim.terminal,
                batch: claim.batch,
                trace: claim.trace,
                fen: claim.fen,
                at: None,
                cleared: Some(*day),
                line: None,
                product: None,
            };
            self.books.cleared(&row, None);
        }
        self.books.settle();
        Ok(())
    }

    /// Makes the books of the bus, and writes what is left. The summary is the last file: a bus that has it is done.
    pub(super) fn close(mut self) -> Result<BusBooks, ReplayError> {
        let rest = self.claims.rest();
        self.pay(&rest)?;
        let options = Options { cleared_through: Some(self.plan.file.to.0), ..Options::default() };
        let result = match self.books.reconcile(&options) {
            Ok(result) if self.claims.late() == 0 => result,
            _ => self.whole(&options)?,
        };
        let planned = Sum { count: self.bus.rides(), fen: self.bus.fen().into() };
        if result.gross.rides != planned {
            let gross = result.gross.rides;
            self.differs(|| {
                let Sum { count, fen } = planned;
                format!(
                    "the journal has {} rides with {} fen in place of {count} with {fen} fen",
                    gross.count, gross.fen
                )
            });
        }
        for (what, counted) in [("GET PROCESSING OPTIONS", self.gpos), ("authentications", self.authentications)] {
            if counted.cards != counted.validator {
                self.differs(|| {
                    format!("the validator has counted {} {what}, and the cards {}", counted.validator, counted.cards)
                });
            }
        }
        let classes = result.classes.iter().filter(|total| total.sums != Sums::default());
        let bus = self.bus;
        let summary = BusBooks {
            bus: bus.name.clone(),
            line: bus.line.to_string(),
            terminal: bus.terminal.clone(),
            balanced: result.balanced && self.differences == 0,
            planned,
            gross: result.gross.clone(),
            classes: classes.map(|total| (total.class.word().to_owned(), total.sums)).collect(),
            taps: self.taps.iter().map(|(kind, count)| (kind.word().to_owned(), *count)).collect(),
            gpos: self.gpos,
            authentications: self.authentications,
            repeats: self.repeats,
            differences: self.differences,
            told: self.told,
        };
        let write = |which: Part, bytes: &[u8]| -> Result<(), ReplayError> {
            let path = part(self.folder, &bus.name, which);
            std::fs::write(&path, bytes).map_err(|source| ReplayError::file("writing", &path, source))
        };
        let mut groups = Vec::new();
        let path = part(self.folder, &bus.name, Part::Books);
        show::csv::write(&result, &mut groups).map_err(|source| ReplayError::file("writing", &path, source))?;
        let header = groups.iter().position(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        write(Part::Books, &groups[header..])?;
        write(Part::Samples, &json(&self.samples))?;
        let path = part(self.folder, &bus.name, Part::Summary);
        taprig_record::replace(&path, &json(&summary)).map_err(|source| ReplayError::file("writing", &path, source))?;
        Ok(summary)
    }

    /// Makes clearing file and books once more from the journal and the log, because something came for a claim that was settled. This
    /// takes memory for all rides of the bus, and happens only if its validator does what it must not do.
    fn whole(&mut self, options: &Options) -> Result<Reconciliation, ReplayError> {
        let mut claims = Claims::default();
        for line in self.read(Part::Acquirer)?.lines() {
            let line = line.map_err(|source| self.unreadable(Part::Acquirer, source))?;
            let told = rows::read_log(&line).map_err(|why| self.broken(Part::Acquirer, &why))?;
            told.iter().for_each(|told| claims.hear(told));
        }
        self.clearing = Growing::create(self.folder, &self.bus.name, Part::Clearing)?;
        self.clearing.add(&rows::clearing(&claims.rest()))?;
        let mut books = Books::new();
        let header = |columns: &[&str]| Cursor::new(columns.join(",") + "\n");
        let file = books.file(Side::Journal, Part::Journal.name());
        let input = header(&COLUMNS).chain(self.read(Part::Journal)?);
        read::journal::read(input, file, &mut books).map_err(|why| self.broken(Part::Journal, &why.to_string()))?;
        let (file, input) = (books.file(Side::Acquirer, Part::Acquirer.name()), self.read(Part::Acquirer)?);
        let log = read::log::read(input, file, Part::Acquirer.name(), &mut books);
        log.map_err(|why| self.broken(Part::Acquirer, &why.to_string()))?;
        let file = books.file(Side::Clearing, Part::Clearing.name());
        let input = header(&CLEARING).chain(self.read(Part::Clearing)?);
        let clearing = read::clearing::read(input, &Columns::default(), file, &mut books);
        clearing.map_err(|why| self.broken(Part::Clearing, &why.to_string()))?;
        match books.broken_rows() {
            0 => Ok(books.reconcile(options)),
            rows => Err(self.broken(Part::Journal, &format!("{rows} rows of it or of the other files are broken"))),
        }
    }

    fn read(&self, which: Part) -> Result<BufReader<File>, ReplayError> {
        let file = File::open(part(self.folder, &self.bus.name, which));
        file.map(BufReader::new).map_err(|source| self.unreadable(which, source))
    }

    fn unreadable(&self, which: Part, source: io::Error) -> ReplayError {
        ReplayError::file("reading", &part(self.folder, &self.bus.name, which), source)
    }

    fn broken(&self, which: Part, why: &str) -> ReplayError {
        let what = format!("its {} can't be read again: {why}; play it once more", which.name());
        ReplayError::Incomplete { bus: self.bus.name.clone(), what }
    }
}

/// When the claims of a day are heard.
fn evening(day: Date, hours: Hours) -> DateTime {
    day.to_datetime(hours.to.0)
}

fn json(value: &impl Serialize) -> Vec<u8> {
    taprig_record::pretty(value)
}

#[cfg(test)]
mod tests;
