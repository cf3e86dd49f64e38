//! Derives the status of a campaign. Nothing but the campaign, the evidence and the day has an influence.

mod gate;
mod record;
mod work;

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use taprig_model::name::Name;

use crate::campaign::Campaign;
use crate::evidence::{Evidence, Found};
use crate::file::{Gate, Of, Waived, Waiver};
use crate::sample::{self, Risk};
use crate::status::{
    Blocker, BusRecord, BusStatus, CountyStatus, GateStatus, SampleStatus, Service, State, Status, WaiverStatus, What,
};
use record::{Device, Judged, Reason};

/// The cases of each suite: ids of sub-cases.
pub type Suites = BTreeMap<Name, BTreeSet<String>>;

/// Everything that a status follows from.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    /// The campaign.
    pub campaign: &'a Campaign,
    /// The cases of its suites.
    pub suites: &'a Suites,
    /// The evidence.
    pub evidence: &'a Evidence,
    /// The day.
    pub today: Date,
}

/// The status on one day.
#[must_use]
pub fn status(facts: Facts<'_>) -> Status {
    let common = facts.gates(None, &[]);
    let counties = facts.campaign.fleet.counties.iter().map(|county| {
        let name = county.name.as_str();
        let gates = facts.gates(Some(name), &common);
        let last = gates.iter().find(|gate| gate.gate == facts.campaign.file.last_gate);
        let open = last.is_some_and(|gate| gate.state == State::Open);
        let service = match (open, county.opens.0 <= facts.today) {
            (true, true) => Service::Live,
            (true, false) => Service::Ready,
            (false, false) => Service::Preparing,
            (false, true) => Service::Ahead,
        };
        CountyStatus {
            county: name.to_owned(),
            title: facts.campaign.county_title(name),
            opens: county.opens.0,
            service,
            buses: facts.buses(name),
            gates,
        }
    });
    Status {
        title: facts.campaign.file.title.clone(),
        today: facts.today,
        counties: counties.collect(),
        common,
        tasks: facts.tasks(),
        punch_list: facts.items(),
        waivers: facts.waivers(),
        strays: facts.evidence.strays.clone(),
    }
}

/// What a waiver says about something.
#[derive(Debug, Clone, Copy)]
enum Waiving<'a> {
    No,
    Holds(&'a Waiver),
    Expired(&'a Waiver),
    Later(&'a Waiver),
}

impl<'a> Waiving<'a> {
    /// The blocker of a waiver that does not hold.
    fn blocker(self, of: &str) -> Option<Reason> {
        match self {
            Self::Expired(waiver) => Some(Reason {
                what: What::WaiverExpired { waiver: waiver.waiver.clone(), of: of.into(), expired: waiver.expires.0 },
                since: waiver.expires.0.tomorrow().unwrap_or(waiver.expires.0),
                turn: Some(waiver.approver.clone()),
            }),
            Self::Later(waiver) => Some(Reason {
                what: What::WaiverLater { waiver: waiver.waiver.clone(), of: of.into(), from: waiver.approved.0 },
                since: waiver.approved.0,
                turn: Some(waiver.approver.clone()),
            }),
            Self::No | Self::Holds(_) => None,
        }
    }

    /// The waiver, if it holds.
    fn holds(self) -> Option<&'a Waiver> {
        match self {
            Self::Holds(waiver) => Some(waiver),
            Self::No | Self::Expired(_) | Self::Later(_) => None,
        }
    }
}

impl<'a> Facts<'a> {
    /// The gates of a county, or those of all counties, in the order of the file.
    fn gates(&self, county: Option<&str>, common: &[GateStatus]) -> Vec<GateStatus> {
        let all = &self.campaign.file.gates;
        let mut done: BTreeMap<&Name, GateStatus> = common.iter().map(|gate| (&gate.gate, gate.clone())).collect();
        let own: Vec<&Gate> = all.iter().filter(|gate| gate.is_for_all() == county.is_none()).collect();
        // No gate waits for itself, so each round derives at least one.
        for _ in &own {
            for gate in &own {
                let ready = gate.needs.iter().all(|need| done.contains_key(need));
                if ready && !done.contains_key(&gate.gate) {
                    let status = self.gate(gate, county, &done);
                    done.insert(&gate.gate, status);
                }
            }
        }
        own.iter().filter_map(|gate| done.remove(&gate.gate)).collect()
    }

    /// The buses of a county, in the order of the fleet.
    fn buses(&self, county: &str) -> Vec<BusStatus> {
        let wanted: Vec<(&Gate, Vec<String>)> = self
            .campaign
            .file
            .gates
            .iter()
            .filter(|gate| !gate.is_for_all() && gate.records.is_some())
            .map(|gate| (gate, self.wanted(gate, county).0))
            .collect();
        let buses = self.campaign.buses_of(county).into_iter().map(|bus| {
            let records: Vec<BusRecord> = wanted
                .iter()
                .filter(|(_, buses)| buses.contains(&bus))
                .map(|(gate, _)| match self.of_bus(gate, county, &bus) {
                    Judged::Good(proof) => BusRecord {
                        gate: gate.gate.clone(),
                        title: gate.title.clone(),
                        proof: Some(proof),
                        wrong: vec![],
                    },
                    Judged::Bad(reasons) => BusRecord {
                        gate: gate.gate.clone(),
                        title: gate.title.clone(),
                        proof: None,
                        wrong: reasons.into_iter().map(|reason| reason.what).collect(),
                    },
                })
                .collect();
            let listing: Vec<What> = self.listing(&bus);
            let serial = self.campaign.listed(&bus).first().map(|(_, serial)| serial.clone());
            let line = self.campaign.bus(&bus).map(|(_, line)| line.to_owned()).unwrap_or_default();
            let accepted = listing.is_empty() && !records.is_empty() && records.iter().all(|of| of.proof.is_some());
            BusStatus { bus, line, serial, records, listing, accepted }
        });
        buses.collect()
    }

    /// The buses of a county of which a gate needs records, and how a sample of them was computed.
    fn wanted(&self, gate: &Gate, county: &str) -> (Vec<String>, Option<SampleStatus>) {
        let Some(records) = &gate.records else { return (vec![], None) };
        let all = self.campaign.buses_of(county);
        match &records.of {
            Of::TypeSample(_) => (vec![], None),
            Of::EveryBus => (all, None),
            Of::PilotBuses => {
                let pilot = self.campaign.county(county).map(|county| &county.pilot);
                (pilot.into_iter().flatten().map(ToString::to_string).collect(), None)
            }
            Of::Sample(risk) => {
                let (drawn, mut sample) = drawn(&all, gate, county, *risk);
                sample.found = drawn.iter().find(|bus| self.was_bad(gate, county, bus)).cloned();
                if sample.found.is_some() { (all, Some(sample)) } else { (drawn, Some(sample)) }
            }
        }
    }

    /// What is wrong with the entry of a bus in the campaign.
    fn listing(&self, bus: &str) -> Vec<What> {
        let listed = self.campaign.listed(bus);
        let mut wrong = Vec::new();
        match listed {
            [] => wrong.push(What::NotListed),
            [_] => {}
            several => wrong.push(What::ListedTwice { lines: several.iter().map(|(line, _)| *line).collect() }),
        }
        for (_, serial) in listed {
            if let Some(other) = self.campaign.with_serial(serial).into_iter().find(|other| *other != bus) {
                wrong.push(What::SharedSerial { serial: serial.clone(), other: other.to_owned() });
            }
        }
        wrong
    }

    /// The records of a bus for a gate, judged.
    fn of_bus(&self, gate: &Gate, county: &str, bus: &str) -> Judged {
        let serial = self.campaign.listed(bus).first().map(|(_, serial)| serial.as_str());
        let device = Device { serial, county: Some(county), bus: Some(bus) };
        record::judge(self, gate, device, &self.found(gate, Some(bus)))
    }

    /// Whether a good seal on approved firmware says that a bus did not do what the suite wants, in any of its records.
    fn was_bad(&self, gate: &Gate, county: &str, bus: &str) -> bool {
        let serial = self.campaign.listed(bus).first().map(|(_, serial)| serial.as_str());
        let device = Device { serial, county: Some(county), bus: Some(bus) };
        self.found(gate, Some(bus)).into_iter().any(|found| record::is_bad_device(self, gate, device, found))
    }

    /// The records that lie where those of a device for a gate have to lie.
    fn found(&self, gate: &Gate, bus: Option<&str>) -> Vec<&'a Found> {
        let records = self.evidence.records.iter();
        records.filter(|found| found.gate == gate.gate.as_str() && found.bus.as_deref() == bus).collect()
    }

    /// The waiver of something. One that holds counts before one that has expired.
    fn waiver(
        &self,
        is_meant: impl Fn(&Waived) -> bool,
        gate: &Name,
        county: Option<&str>,
        bus: Option<&str>,
    ) -> Waiving<'a> {
        let is_for = |waiver: &&'a Waiver| {
            is_meant(&waiver.waives)
                && waiver.gate.as_ref().is_none_or(|of| of == gate)
                && waiver.county.as_ref().is_none_or(|of| Some(of.as_str()) == county)
                && waiver.bus.as_ref().is_none_or(|of| Some(of.as_str()) == bus)
        };
        let mut best = Waiving::No;
        for waiver in self.campaign.file.waivers.iter().filter(is_for) {
            if waiver.approved.0 > self.today {
                best = if matches!(best, Waiving::No) { Waiving::Later(waiver) } else { best };
            } else if waiver.expires.0 < self.today {
                best = Waiving::Expired(waiver);
            } else {
                return Waiving::Holds(waiver);
            }
        }
        best
    }

    fn waivers(&self) -> Vec<WaiverStatus> {
        let all = self.campaign.file.waivers.iter().map(|waiver| WaiverStatus {
            waiver: waiver.waiver.clone(),
            of: match &waiver.waives {
                Waived::Case(id) => id.to_string(),
                Waived::Item(name) | Waived::Task(name) => name.to_string(),
            },
            reason: waiver.reason.clone(),
            approver: waiver.approver.clone(),
            approved: waiver.approved.0,
            expires: waiver.expires.0,
            holds: (waiver.approved.0..=waiver.expires.0).contains(&self.today),
        });
        all.collect()
    }
}

/// The sample of a county for a gate.
fn drawn(all: &[String], gate: &Gate, county: &str, risk: Risk) -> (Vec<String>, SampleStatus) {
    let lot = u32::try_from(all.len()).unwrap_or(u32::MAX);
    let size = sample::size(lot, risk);
    let seed = format!("{}/{county}", gate.gate);
    let drawn = sample::draw(&seed, all.iter().map(String::as_str), size);
    let finds = sample::accepted(lot, risk.bad, size, 0).not().per_cent();
    // They are shown in the order of the fleet.
    let drawn = all.iter().filter(|bus| drawn.contains(&bus.as_str())).cloned().collect();
    (drawn, SampleStatus { lot, risk, size, finds, found: None })
}

/// A blocker of a reason.
fn blocker(reason: Reason, owner: &Name, bus: Option<&str>) -> Blocker {
    Blocker {
        what: reason.what,
        turn: reason.turn.unwrap_or_else(|| owner.clone()),
        since: reason.since,
        bus: bus.map(str::to_owned),
    }
}
