//! The three sides of one bus, and its books.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use jiff::ToSpan as _;
use jiff::civil::Date;
use serde::Serialize;
use taprig_books::time::Moment;
use taprig_books::{Books, Cleared, Heard, Options, Place, show};
use taprig_model::acquirer::log::{self, State};
use taprig_model::books::journal::Ride;
use taprig_model::books::result::{Side, Sum, Sums};

use crate::books::{BusBooks, Counted, Sample};
use crate::error::ReplayError;
use crate::parts::{Part, part};
use crate::plan::{Bus, Kind, Plan};

/// How many differences of a bus are told in words. All of them are counted.
const TOLD: usize = 20;

/// A claim as the acquirer has told it, on a day of the replay.
#[derive(Debug, Clone)]
pub(super) struct Told {
    pub(super) day: Date,
    pub(super) claim: log::Claim,
}

/// What a bus has come to while it is played.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    pub(super) rows: Vec<Ride>,
    pub(super) taps: BTreeMap<Kind, u64>,
    pub(super) gpos: Counted,
    pub(super) authentications: Counted,
    pub(super) samples: Vec<Sample>,
    differences: u64,
    told: Vec<String>,
}

impl Ledger {
    /// Something is not as planned.
    pub(super) fn differs(&mut self, what: impl FnOnce() -> String) {
        self.differences += 1;
        if self.told.len() < TOLD {
            self.told.push(what());
        }
    }

    /// Makes the books of the bus and writes its part of each file. The summary is the last one: a bus that has it is done.
    pub(super) fn close(
        mut self,
        plan: &Plan,
        bus: &Bus,
        told: &[Told],
        folder: &Path,
    ) -> Result<BusBooks, ReplayError> {
        let mut books = Books::new();
        let journal = books.file(Side::Journal, "journal.csv");
        let log = books.file(Side::Acquirer, "acquirer.jsonl");
        let clearing = books.file(Side::Clearing, "clearing.csv");
        for (number, row) in (1..).zip(&self.rows) {
            books.ride(row, Some(Place { file: journal, row: number }));
        }
        let evening = |day: Date| day.to_datetime(plan.file.hours.to.0);
        for (number, Told { day, claim }) in (1..).zip(told) {
            let at = Moment { day: *day, time: Some(evening(*day).time()) };
            let heard = Heard { at, repeat: claim.repeat, place: Place { file: log, row: number } };
            let (merchant, terminal) = (claim.merchant.as_str(), claim.terminal.as_str());
            let (batch, trace, fen, state) = (claim.batch, claim.trace, claim.fen, claim.state);
            books.claim(&taprig_books::Claim { merchant, terminal, batch, trace, fen, state }, Some(heard));
        }
        let paid = paid(told);
        for (number, (claim, day)) in (1..).zip(&paid) {
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
            books.cleared(&row, Some(Place { file: clearing, row: number }));
        }
        let options = Options { cleared_through: Some(plan.file.to.0), ..Options::default() };
        let result = books.reconcile(&options);
        let planned = Sum { count: bus.rides(), fen: bus.fen().into() };
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
            repeats: told.iter().filter(|told| told.claim.repeat).count() as u64,
            differences: self.differences,
            told: self.told,
        };
        let write = |which: Part, bytes: &[u8]| -> Result<(), ReplayError> {
            let path: PathBuf = part(folder, &bus.name, which);
            std::fs::write(&path, bytes).map_err(|source| ReplayError::file("writing", &path, source))
        };
        write(Part::Journal, &csv(self.rows.iter().map(journal_row)))?;
        write(Part::Acquirer, &log_lines(told, evening))?;
        write(Part::Clearing, &csv(paid.iter().map(|(claim, day)| clearing_row(claim, *day))))?;
        let mut groups = Vec::new();
        let path = part(folder, &bus.name, Part::Books);
        show::csv::write(&result, &mut groups).map_err(|source| ReplayError::file("writing", &path, source))?;
        let header = groups.iter().position(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        write(Part::Books, &groups[header..])?;
        write(Part::Samples, &json(&self.samples))?;
        let path = part(folder, &bus.name, Part::Summary);
        taprig_record::replace(&path, &json(&summary)).map_err(|source| ReplayError::file("writing", &path, source))?;
        Ok(summary)
    }
}

fn json(value: &impl Serialize) -> Vec<u8> {
    taprig_record::pretty(value)
}

/// What the bank pays, by the acquirer's last word on each claim, with the day on which the claim was accepted first.
fn paid(told: &[Told]) -> Vec<(log::Claim, Date)> {
    let mut last: BTreeMap<(u32, u32), (log::Claim, Date)> = BTreeMap::new();
    for Told { day, claim } in told {
        let place = (claim.batch, claim.trace);
        match last.get_mut(&place) {
            Some((known, since)) => {
                if known.state != claim.state {
                    *since = *day;
                }
                known.state = claim.state;
            }
            None => drop(last.insert(place, (claim.clone(), *day))),
        }
    }
    last.into_values().filter(|(claim, _)| claim.state == State::Accepted).collect()
}

/// Rows of a CSV file without its header.
fn csv(rows: impl Iterator<Item = Vec<String>>) -> Vec<u8> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    for row in rows {
        // Memory takes every row, and all rows have the same number of columns.
        let _ = writer.write_record(row);
    }
    writer.into_inner().unwrap_or_default()
}

fn journal_row(ride: &Ride) -> Vec<String> {
    let state = match ride.state {
        State::Accepted => "accepted",
        State::Refused => "refused",
        State::Waiting => "waiting",
        State::Reversed => "reversed",
    };
    let label =
        |label: &Option<taprig_model::books::Label>| label.as_ref().map(ToString::to_string).unwrap_or_default();
    vec![
        ride.merchant.to_string(),
        ride.terminal.to_string(),
        format!("{:06}", ride.batch.get()),
        format!("{:06}", ride.trace.get()),
        ride.time.to_string(),
        label(&ride.line),
        label(&ride.bus),
        label(&ride.product),
        ride.amount_fen.get().to_string(),
        state.to_owned(),
        ride.code.as_ref().map(ToString::to_string).unwrap_or_default(),
    ]
}

fn clearing_row(claim: &log::Claim, day: Date) -> Vec<String> {
    vec![
        claim.merchant.trim().to_owned(),
        claim.terminal.trim().to_owned(),
        format!("{:06}", claim.batch),
        format!("{:06}", claim.trace),
        claim.fen.to_string(),
        day.to_string(),
    ]
}

/// A line of the acquirer's log without its message: what reconciliation reads of it.
#[derive(Serialize)]
struct LogLine<'a> {
    at: String,
    body: LogBody<'a>,
}

#[derive(Serialize)]
struct LogBody<'a> {
    kind: &'static str,
    message: &'static str,
    claims: [&'a log::Claim; 1],
}

/// The acquirer's log. Claims are heard in the evening of their day.
fn log_lines(told: &[Told], evening: impl Fn(Date) -> jiff::civil::DateTime) -> Vec<u8> {
    let mut lines = Vec::new();
    for Told { day, claim } in told {
        // China is 8 hours ahead of UTC.
        let at = evening(*day).checked_sub(8.hours()).map(|at| at.strftime("%Y-%m-%dT%H:%M:%S.000Z").to_string());
        let body = LogBody { kind: "heard", message: "ride", claims: [claim] };
        // Memory takes every line, and a line has no map.
        let _ = serde_json::to_writer(&mut lines, &LogLine { at: at.unwrap_or_default(), body });
        lines.push(b'\n');
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    fn told(day: i8, trace: u32, state: State, repeat: bool) -> Told {
        let (terminal, merchant) = ("12345678".to_owned(), "123456789012345".to_owned());
        let claim = log::Claim { terminal, merchant, batch: 1, trace, fen: 100, state, repeat };
        Told { day: date(2018, 1, day), claim }
    }

    #[test]
    fn the_bank_pays_once_what_was_accepted_in_the_end() {
        let all = [
            told(1, 1, State::Accepted, false),
            told(1, 2, State::Waiting, false),
            told(1, 3, State::Refused, false),
            told(2, 1, State::Accepted, true),
            told(2, 2, State::Accepted, false),
        ];
        let paid: Vec<(u32, String)> = paid(&all).iter().map(|(claim, day)| (claim.trace, day.to_string())).collect();
        assert_eq!(paid, [(1, "2018-01-01".to_owned()), (2, "2018-01-02".to_owned())]);
    }

    #[test]
    fn the_log_has_the_claims_in_the_evening_in_utc() {
        let lines = log_lines(&[told(1, 1, State::Accepted, false)], |day| day.at(20, 0, 0, 0));
        let text = String::from_utf8(lines).unwrap();
        assert!(
            text.starts_with(r#"{"at":"2018-01-01T12:00:00.000Z","body":{"kind":"heard","message":"ride","claims":[{"#),
            "{text}"
        );
        let mut books = Books::new();
        let file = books.file(Side::Acquirer, "acquirer.jsonl");
        taprig_books::read::log::read(text.as_bytes(), file, "acquirer.jsonl", &mut books).unwrap();
        assert_eq!(books.broken_rows(), 0);
    }
}
