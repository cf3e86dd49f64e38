//! Tasks and the punch list.

use jiff::civil::Date;
use taprig_model::name::Name;
use taprig_model::result::Verdict;

use super::record::{Device, Judged, Reason};
use super::{Facts, Waiving, blocker, record};
use crate::file::{Document, Gate, Item, Repaired, Task, Waived};
use crate::status::{Blocker, Done, ItemStatus, TaskStatus, What};

/// How something stands that has to be done.
struct Standing {
    done: Done,
    /// Why it is not done.
    reasons: Vec<Reason>,
}

impl Facts<'_> {
    pub(super) fn tasks(&self) -> Vec<TaskStatus> {
        let all = self.campaign.file.tasks.iter().map(|task| TaskStatus {
            task: task.task.clone(),
            title: task.title.clone(),
            gate: task.gate.clone(),
            county: task.county.as_ref().map(ToString::to_string),
            owner: task.owner.clone(),
            deadline: task.deadline.0,
            done: self
                .task(task, task.county.as_ref().map(taprig_model::books::Label::as_str), self.campaign.file.begins.0)
                .done,
        });
        all.collect()
    }

    pub(super) fn items(&self) -> Vec<ItemStatus> {
        let all = self.campaign.file.punch_list.iter().map(|item| ItemStatus {
            item: item.item.clone(),
            title: item.title.clone(),
            gate: item.gate.clone(),
            county: self.county_of(item).to_owned(),
            bus: item.bus.to_string(),
            found: item.found.0,
            owner: item.owner.clone(),
            deadline: item.deadline.0,
            done: self.item(item).done,
        });
        all.collect()
    }

    /// What tasks and defects keep a gate closed. `ready`: the day on which the gates before it opened.
    pub(super) fn work_of(&self, gate: &Gate, county: Option<&str>, ready: Date) -> Vec<Blocker> {
        let mut blockers = Vec::new();
        for task in self.campaign.file.tasks.iter().filter(|task| task.gate == gate.gate) {
            if task.county.as_ref().is_none_or(|of| Some(of.as_str()) == county) {
                let reasons = self.task(task, county, ready).reasons;
                blockers.extend(reasons.into_iter().map(|reason| blocker(reason, &task.owner, None)));
            }
        }
        for item in self.campaign.file.punch_list.iter().filter(|item| item.gate == gate.gate) {
            if Some(self.county_of(item)) == county {
                let reasons = self.item(item).reasons;
                blockers
                    .extend(reasons.into_iter().map(|reason| blocker(reason, &item.owner, Some(item.bus.as_str()))));
            }
        }
        blockers
    }

    fn county_of(&self, item: &Item) -> &str {
        self.campaign.bus(item.bus.as_str()).map_or("", |(county, _)| county)
    }

    fn task(&self, task: &Task, county: Option<&str>, ready: Date) -> Standing {
        let is_meant = |waived: &Waived| matches!(waived, Waived::Task(name) if *name == task.task);
        let waiving = self.waiver(is_meant, &task.gate, county, None);
        let before = task.after.iter().find_map(|name| self.undone(name));
        let is_overdue = task.deadline.0 < self.today;
        let since = if is_overdue { day_after(task.deadline.0) } else { ready };
        let (deadline, overdue) = (task.deadline.0, is_overdue);
        let open = match before {
            Some(before) => Reason {
                what: What::TaskAfter { task: task.task.clone(), after: before.task.clone(), deadline, overdue },
                // It is held up since the other one is late.
                since: if before.deadline.0 < self.today { day_after(before.deadline.0) } else { since },
                turn: Some(before.owner.clone()),
            },
            None => Reason { what: What::Task { task: task.task.clone(), deadline, overdue }, since, turn: None },
        };
        let evidence = task.evidence.as_ref().map(|document| self.document(&task.task, document, since));
        self.standing(evidence, waiving, task.task.as_str(), open, is_overdue)
    }

    /// The task of this name, if it is not done. What is waived does not hold up others.
    fn undone(&self, name: &Name) -> Option<&Task> {
        let task = self.campaign.file.tasks.iter().find(|task| task.task == *name)?;
        let is_proved =
            task.evidence.as_ref().is_some_and(|document| self.document(&task.task, document, task.deadline.0).is_ok());
        let is_meant = |waived: &Waived| matches!(waived, Waived::Task(of) if of == name);
        let county = task.county.as_ref().map(taprig_model::books::Label::as_str);
        let is_waived = self.waiver(is_meant, &task.gate, county, None).holds().is_some();
        (!is_proved && !is_waived).then_some(task)
    }

    fn item(&self, item: &Item) -> Standing {
        let is_meant = |waived: &Waived| matches!(waived, Waived::Item(name) if *name == item.item);
        let county = self.county_of(item);
        let waiving = self.waiver(is_meant, &item.gate, Some(county), Some(item.bus.as_str()));
        let is_overdue = item.deadline.0 < self.today;
        let since = if is_overdue { day_after(item.deadline.0) } else { item.found.0 };
        let what = What::Item { item: item.item.clone(), deadline: item.deadline.0, overdue: is_overdue };
        let open = Reason { what, since, turn: None };
        let evidence = match &item.repaired {
            None => None,
            Some(Repaired::Document(document)) => Some(self.document(&item.item, document, since)),
            Some(Repaired::Case(case)) => self.passes_since(item, case.as_str()).then_some(Ok(())),
        };
        self.standing(evidence, waiving, item.item.as_str(), open, is_overdue)
    }

    fn standing(
        &self,
        evidence: Option<Result<(), Reason>>,
        waiving: Waiving<'_>,
        name: &str,
        open: Reason,
        is_overdue: bool,
    ) -> Standing {
        let late = if is_overdue { Done::Overdue } else { Done::Open };
        match (evidence, waiving.holds()) {
            (Some(Ok(())), _) => Standing { done: Done::Done, reasons: vec![] },
            (_, Some(_)) => Standing { done: Done::Waived, reasons: vec![] },
            (Some(Err(wrong)), None) => {
                let mut reasons = vec![wrong];
                if is_overdue {
                    reasons.push(open);
                }
                Standing { done: late, reasons }
            }
            (None, None) => Standing { done: late, reasons: waiving.blocker(name).into_iter().chain([open]).collect() },
        }
    }

    /// Whether a document is there and the one that the campaign names.
    fn document(&self, of: &Name, document: &Document, since: Date) -> Result<(), Reason> {
        let file = document.file.display().to_string();
        let what = match self.evidence.documents.get(&document.file) {
            Some(Ok(digest)) if digest == document.sha256.as_str() => return Ok(()),
            Some(Ok(_)) => What::OtherDocument { of: of.clone(), file },
            Some(Err(why)) => What::NoDocument { of: of.clone(), file, why: why.clone() },
            None => What::NoDocument { of: of.clone(), file, why: String::new() },
        };
        Err(Reason { what, since, turn: None })
    }

    /// Whether a case passes in the latest good record of the bus that has it and is not older than the defect.
    fn passes_since(&self, item: &Item, case: &str) -> bool {
        let (bus, county) = (item.bus.as_str(), self.county_of(item));
        let gates = self.campaign.file.gates.iter().filter(|gate| !gate.is_for_all() && gate.records.is_some());
        let serial = self.campaign.listed(bus).first().map(|(_, serial)| serial.as_str());
        let device = Device { serial, county: Some(county), bus: Some(bus) };
        let is_of_case = |id: &str| id.split('/').next() == Some(case);
        let latest = gates
            .filter(|gate| matches!(record::judge(self, gate, device, &self.found(gate, Some(bus))), Judged::Good(_)))
            .flat_map(|gate| self.found(gate, Some(bus)))
            .filter_map(|found| found.seen.as_ref().ok())
            .filter(|seen| self.campaign.day(seen.started) >= item.found.0)
            .filter(|seen| seen.cases.keys().any(|id| is_of_case(id)))
            .max_by_key(|seen| seen.started);
        latest.is_some_and(|seen| {
            seen.cases.iter().filter(|(id, _)| is_of_case(id)).all(|(_, verdict)| *verdict == Verdict::Pass)
        })
    }
}

fn day_after(day: Date) -> Date {
    day.tomorrow().unwrap_or(day)
}
