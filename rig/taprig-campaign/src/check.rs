//! What is wrong with a campaign file although each value of it is right by itself.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::{Component, Path};

use taprig_case::document::{Node, PathStep};
use taprig_case::{Diagnostic, Problems};
use taprig_model::fleet::Fleet;

use crate::file::{CampaignFile, Document, Of, Repaired, Waived};

/// Where something stands in the file.
macro_rules! at {
    ($($step:expr),+) => { [$(PathStep::from($step)),+] };
}

struct Check<'a> {
    file: &'a CampaignFile,
    tree: &'a Node,
    problems: &'a mut Problems,
    buses: BTreeSet<String>,
}

/// Adds everything that is wrong.
pub(crate) fn all(file: &CampaignFile, fleet: &Fleet, tree: &Node, fleet_path: &Path, problems: &mut Problems) {
    let lines: Vec<&str> = fleet.counties.iter().flat_map(|of| &of.lines).map(|line| line.line.as_str()).collect();
    for name in twice(&lines) {
        problems.push(
            Diagnostic::of_file(fleet_path, format!("the fleet has two lines `{name}`"))
                .help("give each line its own name"),
        );
    }
    let buses = fleet.counties.iter().flat_map(|of| &of.lines).flat_map(taprig_model::fleet::Line::all_buses).collect();
    let mut check = Check { file, tree, problems, buses };
    check.head();
    check.gates();
    check.counties(fleet);
    check.buses();
    check.tasks();
    check.items();
    check.waivers();
}

fn twice<'a>(names: &[&'a str]) -> BTreeSet<&'a str> {
    let mut seen = BTreeSet::new();
    names.iter().copied().filter(|name| !seen.insert(*name)).collect()
}

impl Check<'_> {
    fn wrong(&mut self, path: &[PathStep], what: impl Into<String>, help: impl Into<String>) {
        self.problems.push(self.tree.place(path).problem(what).help(help));
    }

    /// A name that has to be among those of the file.
    fn known(&mut self, path: &[PathStep], what: &str, name: &str, known: &[&str]) {
        if !known.contains(&name) {
            let problem = self.tree.place(path).problem(format!("the campaign has no {what} `{name}`"));
            self.problems.push(problem.nearest(name, known.iter().copied()));
        }
    }

    /// Names that must not be in a list twice.
    fn once(&mut self, list: &str, key: &str, what: &str, names: &[&str]) {
        let mut seen = BTreeSet::new();
        for (index, name) in names.iter().enumerate() {
            if !seen.insert(*name) {
                let what = format!("the campaign has two {what} `{name}`");
                self.wrong(&at![list, index, key], what, "give one of them another name");
            }
        }
    }

    fn party(&mut self, path: &[PathStep], name: &str) {
        let parties: Vec<&str> = self.file.parties.iter().map(|party| party.party.as_str()).collect();
        self.known(path, "party", name, &parties);
    }

    fn gate(&mut self, path: &[PathStep], name: &str) {
        let gates: Vec<&str> = self.file.gates.iter().map(|gate| gate.gate.as_str()).collect();
        self.known(path, "gate", name, &gates);
    }

    fn county(&mut self, path: &[PathStep], name: &str) {
        let counties: Vec<&str> = self.file.counties.iter().map(|county| county.county.as_str()).collect();
        self.known(path, "county", name, &counties);
    }

    fn bus(&mut self, path: &[PathStep], name: &str) {
        if !self.buses.contains(name) {
            let problem = self.tree.place(path).problem(format!("the fleet has no bus `{name}`"));
            self.problems.push(problem.nearest(name, self.buses.iter().map(String::as_str)));
        }
    }

    fn document(&mut self, path: &[PathStep], document: &Document) {
        let plain = |part: Component<'_>| matches!(part, Component::Normal(_) | Component::CurDir);
        if !document.file.components().all(plain) {
            let what = format!("`{}` leads out of the folder of the records", document.file.display());
            self.wrong(path, what, "put the document into that folder, and write its path in there");
        }
    }

    fn head(&mut self) {
        let file = self.file;
        let parties: Vec<&str> = file.parties.iter().map(|party| party.party.as_str()).collect();
        self.once("parties", "party", "parties", &parties);
        if !(-12..=14).contains(&file.hours_from_utc) {
            self.wrong(
                &at!["hours-from-utc"],
                format!("no place on Earth is {} hours from UTC", file.hours_from_utc),
                "write -12 to 14; China has 8",
            );
        }
        for (index, firmware) in file.firmware.iter().enumerate() {
            self.party(&at!["firmware", index, "by"], firmware.by.as_str());
        }
        self.gate(&at!["last-gate"], file.last_gate.as_str());
    }

    fn gates(&mut self) {
        let file = self.file;
        let names: Vec<&str> = file.gates.iter().map(|gate| gate.gate.as_str()).collect();
        self.once("gates", "gate", "gates", &names);
        let needs = |name: &str| -> Vec<&str> {
            let gate = file.gates.iter().find(|gate| gate.gate.as_str() == name);
            gate.map(|gate| gate.needs.iter().map(taprig_model::name::Name::as_str).collect()).unwrap_or_default()
        };
        let mut told = BTreeSet::new();
        for (index, gate) in file.gates.iter().enumerate() {
            self.party(&at!["gates", index, "owner"], gate.owner.as_str());
            for (need, name) in gate.needs.iter().enumerate() {
                self.gate(&at!["gates", index, "needs", need], name.as_str());
                let for_county = file.gates.iter().any(|other| other.gate == *name && !other.is_for_all());
                if gate.is_for_all() && for_county {
                    let what = format!("the gate `{}` is one for all counties, and can't need `{name}`", gate.gate);
                    self.wrong(&at!["gates", index, "needs", need], what, "remove it");
                }
            }
            self.circle("gates", index, "needs", "gates", gate.gate.as_str(), &needs, &mut told);
            let Some(records) = &gate.records else { continue };
            let suites: Vec<&str> = file.suites.keys().map(taprig_model::name::Name::as_str).collect();
            self.known(&at!["gates", index, "records", "suite"], "suite", records.suite.as_str(), &suites);
            if let Some(party) = &records.sealed_by {
                let path = at!["gates", index, "records", "sealed-by"];
                self.party(&path, party.as_str());
                if file.parties.iter().any(|known| known.party == *party && known.seals_as.is_none()) {
                    self.wrong(&path, format!("the party `{party}` seals no records"), "give it the key `seals-as`");
                }
            }
            if let Of::Sample(risk) = &records.of
                && (risk.bad == 0 || risk.assurance.0 == 0)
            {
                self.wrong(
                    &at!["gates", index, "records", "of", "sample"],
                    "a sample that has to find nothing",
                    "write `bad` and `assurance` above 0",
                );
            }
        }
        if file.gates.iter().any(|gate| gate.gate == file.last_gate && gate.is_for_all()) {
            let what =
                format!("the gate `{}` is one for all counties, and counties go live one by one", file.last_gate);
            self.wrong(&at!["last-gate"], what, "name a gate of a county");
        }
    }

    /// Reports a circle once, at the first name of the file that is in it.
    #[expect(clippy::too_many_arguments, reason = "it is one place in the file, and what follows what")]
    fn circle<'n>(
        &mut self,
        list: &str,
        index: usize,
        key: &str,
        what: &str,
        name: &'n str,
        next: &impl Fn(&str) -> Vec<&'n str>,
        told: &mut BTreeSet<String>,
    ) {
        let Some(way) = circle(name, next) else { return };
        if !told.contains(name) {
            let what = format!("these {what} wait for each other: {}", way.join(" -> "));
            self.wrong(&at![list, index, key], what, "remove one of them, so that one can come first");
        }
        told.extend(way.into_iter().map(str::to_owned));
    }

    fn counties(&mut self, fleet: &Fleet) {
        let file = self.file;
        let names: Vec<&str> = file.counties.iter().map(|county| county.county.as_str()).collect();
        self.once("counties", "county", "counties", &names);
        let of_fleet: Vec<&str> = fleet.counties.iter().map(|county| county.name.as_str()).collect();
        for name in of_fleet.iter().filter(|name| !names.contains(name)) {
            let what = format!("the county `{name}` of the fleet is missing");
            self.wrong(&at!["counties"], what, "add it with its title");
        }
        let wants_pilot = file.gates.iter().filter_map(|gate| gate.records.as_ref()).any(|of| of.of == Of::PilotBuses);
        for (index, county) in file.counties.iter().enumerate() {
            let name = county.county.as_str();
            if !of_fleet.contains(&name) {
                let place = self.tree.place(&at!["counties", index, "county"]);
                let problem = place.problem(format!("the fleet has no county `{name}`"));
                self.problems.push(problem.nearest(name, of_fleet.iter().copied()));
                continue;
            }
            if wants_pilot && county.pilot.is_empty() {
                let what = format!("the county `{name}` has no pilot buses, and a gate needs their records");
                self.wrong(&at!["counties", index, "county"], what, "name them: `pilot: [ZS-1-01]`");
            }
            let own: BTreeSet<String> = fleet
                .counties
                .iter()
                .filter(|of| of.name.as_str() == name)
                .flat_map(|of| &of.lines)
                .flat_map(taprig_model::fleet::Line::all_buses)
                .collect();
            for (pilot, bus) in county.pilot.iter().enumerate() {
                let path = at!["counties", index, "pilot", pilot];
                self.bus(&path, bus.as_str());
                if self.buses.contains(bus.as_str()) && !own.contains(bus.as_str()) {
                    self.wrong(&path, format!("the bus `{bus}` is not of {name}"), "name a bus of this county");
                }
            }
        }
    }

    fn buses(&mut self) {
        let file = self.file;
        for (index, bus) in file.buses.iter().enumerate() {
            self.bus(&at!["buses", index, "bus"], bus.bus.as_str());
        }
    }

    fn tasks(&mut self) {
        let file = self.file;
        let names: Vec<&str> = file.tasks.iter().map(|task| task.task.as_str()).collect();
        self.once("tasks", "task", "tasks", &names);
        let after = |name: &str| -> Vec<&str> {
            let task = file.tasks.iter().find(|task| task.task.as_str() == name);
            task.map(|task| task.after.iter().map(taprig_model::name::Name::as_str).collect()).unwrap_or_default()
        };
        let mut told = BTreeSet::new();
        for (index, task) in file.tasks.iter().enumerate() {
            self.party(&at!["tasks", index, "owner"], task.owner.as_str());
            self.gate(&at!["tasks", index, "gate"], task.gate.as_str());
            if let Some(county) = &task.county {
                self.county(&at!["tasks", index, "county"], county.as_str());
                if file.gates.iter().any(|gate| gate.gate == task.gate && gate.is_for_all()) {
                    let what = format!("the gate `{}` is one for all counties", task.gate);
                    self.wrong(&at!["tasks", index, "county"], what, "remove `county`");
                }
            }
            for (number, name) in task.after.iter().enumerate() {
                self.known(&at!["tasks", index, "after", number], "task", name.as_str(), &names);
            }
            if let Some(document) = &task.evidence {
                self.document(&at!["tasks", index, "evidence", "file"], document);
            }
            self.circle("tasks", index, "after", "tasks", task.task.as_str(), &after, &mut told);
        }
    }

    fn items(&mut self) {
        let file = self.file;
        let names: Vec<&str> = file.punch_list.iter().map(|item| item.item.as_str()).collect();
        self.once("punch-list", "item", "defects", &names);
        for (index, item) in file.punch_list.iter().enumerate() {
            self.party(&at!["punch-list", index, "owner"], item.owner.as_str());
            self.gate(&at!["punch-list", index, "gate"], item.gate.as_str());
            self.bus(&at!["punch-list", index, "bus"], item.bus.as_str());
            if file.gates.iter().any(|gate| gate.gate == item.gate && gate.is_for_all()) {
                let what = format!("the gate `{}` is one for all counties, and a bus has this defect", item.gate);
                self.wrong(&at!["punch-list", index, "gate"], what, "name a gate of a county");
            }
            if let Some(Repaired::Document(document)) = &item.repaired {
                self.document(&at!["punch-list", index, "repaired", "document", "file"], document);
            }
        }
    }

    fn waivers(&mut self) {
        let file = self.file;
        let names: Vec<&str> = file.waivers.iter().map(|waiver| waiver.waiver.as_str()).collect();
        self.once("waivers", "waiver", "waivers", &names);
        for (index, waiver) in file.waivers.iter().enumerate() {
            self.party(&at!["waivers", index, "approver"], waiver.approver.as_str());
            if let Some(gate) = &waiver.gate {
                self.gate(&at!["waivers", index, "gate"], gate.as_str());
            }
            if let Some(county) = &waiver.county {
                self.county(&at!["waivers", index, "county"], county.as_str());
            }
            if let Some(bus) = &waiver.bus {
                self.bus(&at!["waivers", index, "bus"], bus.as_str());
            }
            if waiver.expires < waiver.approved {
                let what = format!("it expires on {} and is approved on {}", waiver.expires.0, waiver.approved.0);
                self.wrong(&at!["waivers", index, "expires"], what, "exchange the two days");
            }
            let path = at!["waivers", index, "waives"];
            match &waiver.waives {
                Waived::Case(_) => {}
                Waived::Item(name) => {
                    let known: Vec<&str> = file.punch_list.iter().map(|item| item.item.as_str()).collect();
                    self.known(&path, "defect", name.as_str(), &known);
                }
                Waived::Task(name) => {
                    let known: Vec<&str> = file.tasks.iter().map(|task| task.task.as_str()).collect();
                    self.known(&path, "task", name.as_str(), &known);
                }
            }
        }
    }
}

/// The shortest way from a name back to itself, if there is one. It begins and ends with that name.
fn circle<'a>(from: &'a str, next: &impl Fn(&str) -> Vec<&'a str>) -> Option<Vec<&'a str>> {
    let mut before: BTreeMap<&str, &str> = BTreeMap::new();
    let mut open = VecDeque::from([from]);
    while let Some(at) = open.pop_front() {
        for name in next(at) {
            if name == from {
                let mut way = vec![from, at];
                while way.last() != Some(&from) {
                    way.extend(way.last().and_then(|last| before.get(last)).copied());
                }
                if at == from {
                    way = vec![from, from];
                }
                way.reverse();
                return Some(way);
            }
            if !before.contains_key(name) {
                before.insert(name, at);
                open.push_back(name);
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shortest_circle_is_told() {
        let next = |name: &str| -> Vec<&'static str> {
            match name {
                "a" => vec!["b", "d"],
                "b" => vec!["c"],
                "c" => vec!["a", "e"],
                "d" => vec!["c"],
                "e" => vec!["e"],
                _ => vec![],
            }
        };
        assert_eq!(circle("a", &next), Some(vec!["a", "b", "c", "a"]));
        assert_eq!(circle("e", &next), Some(vec!["e", "e"]));
        assert_eq!(circle("f", &next), None);
        assert_eq!(circle("x", &|_| vec!["y"]), None);
    }
}
