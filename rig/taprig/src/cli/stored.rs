//! A stored record with everything that its reports follow from.

use std::path::Path;

use taprig_case::{Diagnostic, Problems, requirements};
use taprig_conformance::{Evidence, Matrix};
use taprig_model::requirement::Requirements;
use taprig_model::result::RunResult;
use taprig_record::{Inputs, Record};
use taprig_report::Tally;

use super::{Exit, say};

/// A record, its inputs, and the result that follows from its events.
pub(super) struct Stored {
    pub(super) record: Record,
    pub(super) inputs: Inputs,
    pub(super) requirements: Requirements,
    pub(super) result: RunResult,
}

impl Stored {
    /// Reads the record in a folder.
    ///
    /// # Errors
    /// The record can't be read, or it has no inputs or no requirements.
    pub(super) fn open(folder: &Path) -> Result<Self, Problems> {
        let wrong = |why: String| Problems::from(Diagnostic::of_file(folder, why));
        let record = Record::open(folder).map_err(|error| wrong(error.to_string()))?;
        let inputs = Inputs::read(folder).map_err(|error| wrong(error.to_string()))?;
        let requirements = requirements::of_texts(&inputs.files)?;
        let result = Tally::of(&record.events).result();
        Ok(Self { record, inputs, requirements, result })
    }

    /// The exit code after the report was `shown`. If events are missing, this says so: the report is about the others.
    pub(super) fn after(&self, shown: Exit) -> Exit {
        match self.record.cut() {
            Some(cut) => {
                say(&format!("taprig: {cut}; this is about the events before"));
                Exit::BadInput
            }
            None => shown,
        }
    }

    /// The state of each requirement.
    pub(super) fn matrix(&self) -> Matrix {
        let Inputs { criteria, device, bench, .. } = &self.inputs;
        Matrix::of(&self.requirements, Evidence { criteria, device, bench, result: &self.result })
    }
}
