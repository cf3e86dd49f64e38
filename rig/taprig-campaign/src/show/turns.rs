//! Blockers by whose turn it is. Equal reasons of several buses are one line.

use jiff::civil::Date;

use super::Speaker;
use crate::status::{Status, What};
use crate::words::Message;

/// How many buses a line names.
const NAMED: usize = 3;

/// Everything that waits for one party.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Turn {
    pub(super) party: String,
    pub(super) lines: Vec<Line>,
}

/// One thing that waits for a party.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) since: Date,
    /// County, if it is of one.
    pub(super) county: Option<String>,
    pub(super) gate: String,
    pub(super) buses: Vec<String>,
    pub(super) why: String,
    pub(super) overdue: bool,
}

impl Line {
    /// County and gate.
    pub(super) fn place(&self, speaker: Speaker<'_>) -> String {
        self.county.as_ref().map_or_else(|| self.gate.clone(), |county| speaker.comma(county, &self.gate))
    }

    /// The buses, if it is about some, and the reason.
    pub(super) fn reason(&self, speaker: Speaker<'_>) -> String {
        if self.buses.is_empty() { self.why.clone() } else { speaker.about(&self.some_buses(speaker), &self.why) }
    }

    /// The buses in a few words: the first of them and how many more.
    fn some_buses(&self, speaker: Speaker<'_>) -> String {
        let names = speaker.list(self.buses.get(..NAMED).unwrap_or(&self.buses));
        match self.buses.len().saturating_sub(NAMED) {
            0 => names,
            // One more name takes no more room than saying so.
            1 => speaker.list(&self.buses),
            more => {
                // In Chinese the number is that of all of them.
                let n = match speaker.language {
                    crate::text::Language::En => more,
                    crate::text::Language::Zh => self.buses.len(),
                };
                speaker.say(Message::More, &[("names", &names), ("n", &n.to_string())])
            }
        }
    }
}

/// The blockers by whose turn it is, in the order of the campaign's parties. A closed gate is not a reason of its own here: what keeps
/// that gate closed is told.
pub(super) fn turns(speaker: Speaker<'_>, status: &Status) -> Vec<Turn> {
    let turns = speaker.campaign.file.parties.iter().map(|party| {
        let mut lines: Vec<Line> = Vec::new();
        for (county, gate, blocker) in status.blockers() {
            if blocker.turn != party.party || matches!(blocker.what, What::Earlier { .. }) {
                continue;
            }
            let line = Line {
                since: blocker.since,
                county: county.map(|county| speaker.county(county).to_owned()),
                gate: gate.title.in_language(speaker.language).to_owned(),
                buses: blocker.bus.iter().cloned().collect(),
                why: speaker.why(&blocker.what),
                overdue: blocker.what.is_overdue(),
            };
            let same = |other: &&mut Line| {
                (&other.county, &other.gate, &other.why, other.since)
                    == (&line.county, &line.gate, &line.why, line.since)
            };
            match lines.iter_mut().find(same) {
                Some(other) => other.buses.extend(line.buses),
                None => lines.push(line),
            }
        }
        // What has waited longest comes first.
        lines.sort_by_key(|line| line.since);
        Turn { party: party.title.in_language(speaker.language).to_owned(), lines }
    });
    turns.filter(|turn| !turn.lines.is_empty()).collect()
}
