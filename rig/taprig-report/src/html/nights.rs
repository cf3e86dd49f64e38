//! The last nights of the bench of a report, from a history.

use std::path::Path;

use serde_json::json;
use taprig_history::file::{BrokenLine, FileError, History};
use taprig_history::plot::{self, Point};
use taprig_history::series::Series;
use taprig_history::standing::{self, Standing, State};
use taprig_model::result::{CaseResult, RunResult, Verdict};

use super::text::{counted, fragment, visible};

/// The number of nights that are drawn.
const NIGHTS: usize = 30;

/// The largest number of cases that are listed.
const LISTED: usize = 20;

/// A history, of which a report shows the nights of its own device on its own bench.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Nights {
    history: History,
}

impl Nights {
    /// Reads a history that `taprig history add` has written.
    ///
    /// # Errors
    /// The file can't be read. Broken lines are no error.
    pub fn read(path: &Path) -> Result<Self, FileError> {
        Ok(Self { history: History::read(path)? })
    }

    /// Lines of the history that can't be read. The other ones are shown.
    #[must_use]
    pub fn broken(&self) -> &[BrokenLine] {
        &self.history.broken
    }

    /// What the page shows: nights of the same device on the same bench, up to the night of this run.
    pub(super) fn section(&self, result: &RunResult) -> Section {
        let run = &result.run;
        let (bench, device) =
            (run.environment.get("bench").map_or("", String::as_str), run.device.as_deref().unwrap_or_default());
        let nights = self
            .history
            .nights
            .iter()
            .filter(|night| night.bench == bench && night.device == device && night.started <= run.started);
        let of = format!("{} on the bench {}", visible(device), visible(bench));
        let Some(series) = Series::of(nights.collect()) else {
            return Section {
                words: format!("The history has no night of {of} up to this run."),
                ..Section::default()
            };
        };
        let shown = &series.nights[series.since(NIGHTS)..];
        let own = match series.nights.last().is_some_and(|night| night.started == run.started) {
            true => "The last one is this run.",
            false => "This run is not one of them, because it was not added to the history.",
        };
        let standings = standing::notable(&series, NIGHTS);
        let here = |id: &str| result.cases.iter().find(|case| case.id == id);
        let mut cases: Vec<CaseNights> = standings.iter().map(|of| CaseNights::of(&series, of, here(&of.id))).collect();
        let more = cases.len().saturating_sub(LISTED);
        cases.truncate(LISTED);
        Section {
            words: format!("{} of {of}, the oldest on the left. {own}", counted(shown.len(), "night")),
            bars: plot::nights(shown),
            cases,
            more,
            data: data(&series, result).to_string(),
        }
    }
}

/// The section of the page.
#[derive(Default)]
pub(super) struct Section {
    pub words: String,
    /// The counts of each night, as SVG. It is empty if there is no night.
    pub bars: String,
    pub cases: Vec<CaseNights>,
    pub more: usize,
    /// What the script draws on the page of a case, as JSON.
    pub data: String,
}

/// A case that a person wants to know of.
pub(super) struct CaseNights {
    pub id: String,
    pub fragment: String,
    /// Whether this report has the case.
    pub here: bool,
    pub words: String,
    /// Drawings as SVG.
    pub verdicts: String,
    pub durations: String,
}

impl CaseNights {
    fn of(series: &Series<'_>, of: &Standing, here: Option<&CaseResult>) -> Self {
        let points = plot::points(series, &of.id, NIGHTS);
        let day = of.turn.first.day();
        let words = match of.state {
            State::Broken => format!("fails since {day}"),
            State::Good => format!("passes again since {day}"),
            State::Flaky => format!(
                "flaky: fails in {} of {} runs of the same firmware, device and case",
                of.rate.count, of.rate.of
            ),
            State::Unsteady => {
                format!("fails in {} of {} runs, back and forth from firmware to firmware", of.rate.count, of.rate.of)
            }
        };
        let quarantined = if of.quarantined { "; in quarantine" } else { "" };
        Self {
            id: visible(&of.id),
            fragment: fragment(&of.id),
            here: here.is_some(),
            words: visible(&words) + quarantined,
            verdicts: plot::verdicts(&points),
            durations: plot::durations(&points),
        }
    }
}

/// The nights of the cases of a report: a letter a night. Cases that passed in each night are left out, so that the page stays small.
fn data(series: &Series<'_>, result: &RunResult) -> serde_json::Value {
    let letter = |point: &Point| match point.verdict {
        Some(Verdict::Pass) => 'P',
        Some(Verdict::Fail) => 'F',
        Some(Verdict::Changed) => 'C',
        Some(Verdict::Error) => 'E',
        Some(Verdict::NotApplicable | Verdict::Skipped) => 'N',
        None => '-',
    };
    let row = |case: &CaseResult| {
        let letters: String = plot::points(series, &case.id, NIGHTS).iter().map(letter).collect();
        letters.chars().any(|letter| letter != 'P').then(|| (case.id.clone(), letters.into()))
    };
    let cases: serde_json::Map<String, serde_json::Value> = result.cases.iter().filter_map(row).collect();
    let started: Vec<&str> = series.nights[series.since(NIGHTS)..].iter().map(|night| night.started.as_str()).collect();
    json!({ "started": started, "cases": cases })
}
