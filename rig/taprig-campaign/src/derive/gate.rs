//! Whether a gate is open.

use std::collections::BTreeMap;

use jiff::civil::Date;
use taprig_model::name::Name;

use super::record::{Device, Judged, Reason};
use super::{Facts, blocker, record};
use crate::file::{Gate, Of};
use crate::status::{Blocker, GateStatus, State, What};

impl Facts<'_> {
    /// The status of a gate, if the gates that it needs have theirs.
    pub(super) fn gate(&self, gate: &Gate, county: Option<&str>, before: &BTreeMap<&Name, GateStatus>) -> GateStatus {
        let begins = self.campaign.file.begins.0;
        let needs: Vec<&GateStatus> = gate.needs.iter().filter_map(|need| before.get(need)).collect();
        let closed: Vec<&&GateStatus> = needs.iter().filter(|need| need.state != State::Open).collect();
        // What it waits for has waited since the gates before it opened.
        let ready = needs.iter().filter_map(|need| need.opened).max().unwrap_or(begins);
        let mut blockers: Vec<Blocker> = closed.iter().map(|need| self.earlier(need, begins)).collect();
        let records = self.records(gate, county, ready, closed.is_empty());
        blockers.extend(records.blockers);
        blockers.extend(self.work_of(gate, county, ready));
        if let Some(county) = county {
            blockers.extend(self.listings(gate, county, begins));
            blockers.extend(self.ahead(gate, county, !blockers.is_empty()));
        }
        let opened = records.latest.into_iter().chain(needs.iter().filter_map(|need| need.opened)).max();
        let waits = blockers.iter().all(|blocker| matches!(blocker.what, What::Earlier { .. }));
        let state = match (blockers.is_empty(), waits) {
            (true, _) => State::Open,
            (false, true) => State::Waiting,
            (false, false) => State::Closed,
        };
        GateStatus {
            gate: gate.gate.clone(),
            title: gate.title.clone(),
            state,
            // A gate that no record opens has been open since the campaign began, or since the gates before it opened.
            opened: (state == State::Open).then(|| opened.unwrap_or(begins)),
            good: records.good,
            wanted: records.wanted,
            sample: records.sample,
            blockers,
        }
    }

    /// A gate before this one is closed. It is the turn of whoever it waits for the longest.
    fn earlier(&self, need: &GateStatus, begins: Date) -> Blocker {
        let first = need.blockers.iter().min_by_key(|blocker| blocker.since);
        let owner = self.campaign.gate(need.gate.as_str()).map(|gate| gate.owner.clone());
        Blocker {
            what: What::Earlier { gate: need.gate.clone() },
            turn: first.map(|first| first.turn.clone()).or(owner).unwrap_or_else(|| need.gate.clone()),
            since: first.map_or(begins, |first| first.since),
            bus: None,
        }
    }

    /// What the records of a gate prove.
    fn records(&self, gate: &Gate, county: Option<&str>, ready: Date, is_turn: bool) -> OfRecords {
        let mut all = OfRecords::default();
        let mut add = |judged: Judged, bus: Option<&str>| {
            all.wanted += 1;
            match judged {
                Judged::Good(proof) => {
                    all.good += 1;
                    all.latest = all.latest.max(Some(proof.day));
                }
                Judged::Bad(reasons) => {
                    for reason in reasons {
                        let is_missing = matches!(reason.what, What::NoRecord { .. });
                        // The day of a record whose seal does not hold can't be trusted.
                        let is_undated = matches!(
                            reason.what,
                            What::Unsealed { .. } | What::Broken { .. } | What::Unreadable { .. }
                        );
                        // Nobody makes a record for a gate whose turn has not come.
                        if is_missing && !is_turn {
                            continue;
                        }
                        let since = if is_missing || is_undated { ready } else { reason.since };
                        all.blockers.push(blocker(Reason { since, ..reason }, &gate.owner, bus));
                    }
                }
            }
        };
        match (gate.records.as_ref().map(|records| &records.of), county) {
            (Some(Of::TypeSample(serial)), _) => {
                let device = Device { serial: Some(serial.as_str()), county: None, bus: None };
                add(record::judge(self, gate, device, &self.found(gate, None)), None);
            }
            (Some(_), Some(county)) => {
                let (wanted, sample) = self.wanted(gate, county);
                for bus in &wanted {
                    add(self.of_bus(gate, county, bus), Some(bus));
                }
                all.sample = sample;
            }
            (Some(_) | None, _) => {}
        }
        all
    }

    /// What is wrong with the list of a county's buses. It closes each gate that needs records of them.
    fn listings(&self, gate: &Gate, county: &str, begins: Date) -> Vec<Blocker> {
        if gate.records.is_none() {
            return vec![];
        }
        let (wanted, _) = self.wanted(gate, county);
        let of_bus = |bus: &String| {
            let bus = bus.clone();
            self.listing(&bus)
                .into_iter()
                .map(move |what| blocker(Reason { what, since: begins, turn: None }, &gate.owner, Some(&bus)))
        };
        wanted.iter().flat_map(of_bus).collect()
    }

    /// The county takes passengers although its last gate is closed.
    fn ahead(&self, gate: &Gate, county: &str, is_closed: bool) -> Option<Blocker> {
        let opens = self.campaign.fleet.counties.iter().find(|of| of.name.as_str() == county)?.opens.0;
        let is_ahead = is_closed && gate.gate == self.campaign.file.last_gate && opens <= self.today;
        is_ahead.then(|| Blocker {
            what: What::Ahead { opened: opens },
            turn: gate.owner.clone(),
            since: opens,
            bus: None,
        })
    }
}

/// What the records of a gate prove.
#[derive(Debug, Default)]
struct OfRecords {
    good: usize,
    wanted: usize,
    latest: Option<Date>,
    sample: Option<crate::status::SampleStatus>,
    blockers: Vec<Blocker>,
}
