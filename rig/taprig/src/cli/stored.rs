//! A stored record with everything that its reports follow from.

use std::path::Path;

use taprig_case::{Diagnostic, Problems, requirements};
use taprig_conformance::{Evidence, Matrix};
use taprig_model::requirement::Requirements;
use taprig_model::result::RunResult;
use taprig_record::{Cut, Inputs, ReadError, Record};
use taprig_report::Tally;

use super::{Exit, say};

/// A record, its inputs, and the result that follows from its events.
pub(super) struct Stored {
    pub(super) record: Record,
    pub(super) inputs: Inputs,
    pub(super) requirements: Requirements,
    pub(super) result: RunResult,
    /// Lines in the middle of the record that can't be read. They are left out.
    unreadable: Vec<ReadError>,
}

/// Unreadable lines that are told one by one.
const TOLD: usize = 5;

impl Stored {
    /// Reads the whole record in a folder.
    ///
    /// # Errors
    /// A part of the record can't be read, or it has no inputs or no requirements.
    pub(super) fn open(folder: &Path) -> Result<Self, Problems> {
        let record = Record::open(folder).map_err(|error| wrong(folder, &error))?;
        Self::of(folder, record, vec![])
    }

    /// Reads as much as possible of the record in a folder. [`Stored::after`] tells what is missing.
    ///
    /// # Errors
    /// Nothing of the record can be read, or it has no inputs or no requirements.
    pub(super) fn readable(folder: &Path) -> Result<Self, Problems> {
        let (record, unreadable) = Record::readable(folder).map_err(|error| wrong(folder, &error))?;
        Self::of(folder, record, unreadable)
    }

    fn of(folder: &Path, record: Record, unreadable: Vec<ReadError>) -> Result<Self, Problems> {
        let inputs = Inputs::read(folder).map_err(|error| wrong(folder, &error))?;
        let requirements = requirements::of_texts(&inputs.files)?;
        let result = Tally::of(&record.events).result();
        Ok(Self { record, inputs, requirements, result, unreadable })
    }

    /// The exit code after the report was `shown`. If events are missing, this says so: the report is about the others.
    pub(super) fn after(&self, shown: Exit) -> Exit {
        after(shown, &self.unreadable, self.record.cut(), "this is about the events before")
    }

    /// The state of each requirement.
    pub(super) fn matrix(&self) -> Matrix {
        let Inputs { criteria, device, bench, .. } = &self.inputs;
        Matrix::of(&self.requirements, Evidence { criteria, device, bench, result: &self.result })
    }
}

fn wrong(folder: &Path, error: &ReadError) -> Problems {
    Diagnostic::of_file(folder, error.to_string()).into()
}

/// The exit code after something of a record was `shown`. Says which lines of it can't be read, and where it is cut. `rest` says what was
/// shown all the same.
pub(super) fn after(shown: Exit, lines: &[ReadError], cut: Option<Cut>, rest: &str) -> Exit {
    lines.iter().take(TOLD).for_each(|error| say(&format!("taprig: {error}; this line is left out")));
    if lines.len() > TOLD {
        say(&format!("taprig: and {} more lines that can't be read are left out", lines.len() - TOLD));
    }
    match cut {
        Some(cut) => {
            say(&format!("taprig: {cut}; {rest}"));
            Exit::BadInput
        }
        None if !lines.is_empty() => Exit::BadInput,
        None => shown,
    }
}
