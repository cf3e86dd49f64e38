//! The status of a campaign: which gates are open, and what keeps the others closed.

use jiff::civil::Date;
use serde::Serialize;
use taprig_model::name::Name;

use crate::sample::Risk;
use crate::text::Text;

/// The status of a campaign on one day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Status {
    /// What is accepted.
    pub title: Text,
    /// The day.
    pub today: Date,
    /// Gates that are open or closed for all counties at once.
    pub common: Vec<GateStatus>,
    /// The counties, in the order of the fleet.
    pub counties: Vec<CountyStatus>,
    /// The tasks, in the order of the file.
    pub tasks: Vec<TaskStatus>,
    /// The punch list, in the order of the file.
    pub punch_list: Vec<ItemStatus>,
    /// The waivers, in the order of the file.
    pub waivers: Vec<WaiverStatus>,
    /// Folders that mean nothing to the campaign.
    pub strays: Vec<String>,
}

/// A county.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct CountyStatus {
    /// Its name in the fleet.
    pub county: String,
    /// For a person.
    pub title: Text,
    /// The day on which its buses begin to take cards, by the fleet file.
    pub opens: Date,
    /// Whether it may, and whether it does.
    pub service: Service,
    /// The gates of this county, in the order of the file.
    pub gates: Vec<GateStatus>,
    /// Its buses, in the order of the fleet.
    pub buses: Vec<BusStatus>,
}

impl CountyStatus {
    /// Number of buses that are accepted.
    #[must_use]
    pub fn accepted(&self) -> usize {
        self.buses.iter().filter(|bus| bus.accepted).count()
    }
}

/// Whether a county may take passengers, and whether it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Service {
    /// Its last gate is open, and its day has come.
    Live,
    /// Its last gate is open, and its day is still to come.
    Ready,
    /// Its last gate is closed, and its day is still to come.
    Preparing,
    /// Its day has come, and its last gate is closed.
    Ahead,
}

/// A gate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct GateStatus {
    /// Its name.
    pub gate: Name,
    /// For a person.
    pub title: Text,
    /// Whether it is open.
    pub state: State,
    /// The day on which the last of its evidence was made, if it is open.
    pub opened: Option<Date>,
    /// Number of devices whose records are good.
    pub good: usize,
    /// Number of devices of which it needs records.
    pub wanted: usize,
    /// How its sample was computed, if it has one.
    pub sample: Option<SampleStatus>,
    /// Everything that keeps it closed.
    pub blockers: Vec<Blocker>,
}

/// Whether a gate is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// Nothing is missing.
    Open,
    /// Something is missing that somebody can do now.
    Closed,
    /// Nothing is wrong, but a gate before it is closed.
    Waiting,
}

/// A sample.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct SampleStatus {
    /// Number of buses that it is drawn from.
    pub lot: u32,
    /// The risk that it is for.
    pub risk: Risk,
    /// Number of buses in it.
    pub size: u32,
    /// In how many of 100 campaigns it finds `risk.bad` bad buses, rounded.
    pub finds: u32,
    /// The first bus of the sample that was bad. Every bus of the lot is then tested.
    pub found: Option<String>,
}

/// One reason why a gate is closed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Blocker {
    /// The reason.
    pub what: What,
    /// Whose turn it is.
    pub turn: Name,
    /// Since which day.
    pub since: Date,
    /// The bus that it is about.
    pub bus: Option<String>,
}

/// A reason why a gate is closed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum What {
    /// A gate before it is closed.
    Earlier {
        /// That gate.
        gate: Name,
    },
    /// There is no record.
    NoRecord {
        /// The suite that it has to contain.
        suite: Name,
    },
    /// A record is not sealed.
    Unsealed {
        /// Its folder.
        folder: String,
    },
    /// The seal of a record does not hold.
    Broken {
        /// Its folder.
        folder: String,
        /// Why, in the words of the check.
        why: Vec<String>,
    },
    /// A record can't be read.
    Unreadable {
        /// Its folder.
        folder: String,
        /// Why.
        why: String,
    },
    /// A record says no serial number.
    NoSerial {
        /// Its folder.
        folder: String,
    },
    /// A record is of another device.
    OtherDevice {
        /// Its folder.
        folder: String,
        /// The serial numbers in it.
        found: Vec<String>,
        /// The serial number that it should have.
        wanted: String,
    },
    /// The campaign does not say which device a bus has.
    NotListed,
    /// The campaign lists a bus more than once.
    ListedTwice {
        /// The lines of the file.
        lines: Vec<usize>,
    },
    /// Two buses are listed with the same device.
    SharedSerial {
        /// Its serial number.
        serial: String,
        /// The other bus.
        other: String,
    },
    /// A record says no firmware.
    NoFirmware {
        /// Its folder.
        folder: String,
    },
    /// A record is of firmware that is not approved.
    Firmware {
        /// Its folder.
        folder: String,
        /// The digest of that firmware.
        digest: String,
    },
    /// A record was sealed by somebody else.
    OtherSigner {
        /// Its folder.
        folder: String,
        /// Who sealed it.
        found: String,
        /// Who has to.
        wanted: String,
    },
    /// A record was made with other cases or fixtures.
    OtherSuite {
        /// Its folder.
        folder: String,
        /// SHA-256 of its suite, and of its cases and fixtures. `None` if the record says none.
        found: Option<String>,
        /// That of the required ones.
        wanted: String,
    },
    /// A record is of a later day than the status.
    Later {
        /// Its folder.
        folder: String,
        /// Its day.
        day: Date,
    },
    /// The run of a record did not reach its end.
    Unfinished {
        /// Its folder.
        folder: String,
    },
    /// A record does not contain the whole suite.
    Incomplete {
        /// Its folder.
        folder: String,
        /// Number of cases that are missing.
        missing: usize,
        /// Number of cases of the suite.
        of: usize,
        /// The first of them.
        first: String,
    },
    /// Cases of a record did not pass.
    NotPassed {
        /// Its folder.
        folder: String,
        /// Number of cases.
        count: usize,
        /// The first of them.
        first: String,
    },
    /// A waiver that would be needed has expired.
    WaiverExpired {
        /// The waiver.
        waiver: Name,
        /// What it was for.
        of: String,
        /// Its last day.
        expired: Date,
    },
    /// A waiver that would be needed does not hold yet.
    WaiverLater {
        /// The waiver.
        waiver: Name,
        /// What it is for.
        of: String,
        /// The day of its approval.
        from: Date,
    },
    /// A task is not done.
    Task {
        /// The task.
        task: Name,
        /// Its last day.
        deadline: Date,
        /// Whether that day has passed.
        overdue: bool,
    },
    /// A task waits for another one.
    TaskAfter {
        /// The task.
        task: Name,
        /// The other one.
        after: Name,
        /// Its last day.
        deadline: Date,
        /// Whether that day has passed.
        overdue: bool,
    },
    /// A defect is not repaired.
    Item {
        /// The defect.
        item: Name,
        /// The last day of the repair.
        deadline: Date,
        /// Whether that day has passed.
        overdue: bool,
    },
    /// The document of a task or of a defect is missing.
    NoDocument {
        /// The task or the defect.
        of: Name,
        /// The file.
        file: String,
        /// Why it can't be read.
        why: String,
    },
    /// The document of a task or of a defect is another one than the campaign names.
    OtherDocument {
        /// The task or the defect.
        of: Name,
        /// The file.
        file: String,
    },
    /// The county takes passengers although the gate is closed.
    Ahead {
        /// Since this day.
        opened: Date,
    },
}

impl What {
    /// Whether its last day has passed.
    #[must_use]
    pub const fn is_overdue(&self) -> bool {
        matches!(
            self,
            Self::Task { overdue: true, .. }
                | Self::TaskAfter { overdue: true, .. }
                | Self::Item { overdue: true, .. }
                | Self::WaiverExpired { .. }
                | Self::Ahead { .. }
        )
    }
}

/// A bus.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct BusStatus {
    /// Its name.
    pub bus: String,
    /// Its line.
    pub line: String,
    /// Serial number of its validator, if the campaign lists it.
    pub serial: Option<String>,
    /// What the gates need of it, in their order.
    pub records: Vec<BusRecord>,
    /// What is wrong with its entry in the campaign.
    pub listing: Vec<What>,
    /// Whether everything that the gates need of it is there, and good.
    pub accepted: bool,
}

/// The record of a bus for one gate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct BusRecord {
    /// The gate.
    pub gate: Name,
    /// For a person.
    pub title: Text,
    /// The record, if it is good.
    pub proof: Option<Proof>,
    /// What is missing or wrong.
    pub wrong: Vec<What>,
}

/// A record that is good.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Proof {
    /// Its folder, relative to the folder of the records.
    pub folder: String,
    /// The day of the run.
    pub day: Date,
    /// Number of cases of the suite that passed.
    pub passed: usize,
    /// Number of cases of the suite.
    pub cases: usize,
    /// Waivers that it needs.
    pub waivers: Vec<Name>,
    /// The digest of the firmware.
    pub firmware: String,
    /// Who sealed it.
    pub signer: String,
    /// SHA-256 of the list of its files.
    pub digest: String,
}

/// A task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct TaskStatus {
    /// Its name.
    pub task: Name,
    /// For a person.
    pub title: Text,
    /// The gate that it belongs to.
    pub gate: Name,
    /// The county that it is for.
    pub county: Option<String>,
    /// Whose turn it is.
    pub owner: Name,
    /// The last day.
    pub deadline: Date,
    /// Whether it is done.
    pub done: Done,
}

/// A defect.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct ItemStatus {
    /// Its name.
    pub item: Name,
    /// For a person.
    pub title: Text,
    /// The gate that it belongs to.
    pub gate: Name,
    /// The county.
    pub county: String,
    /// The bus.
    pub bus: String,
    /// The day on which it was found.
    pub found: Date,
    /// Who repairs it.
    pub owner: Name,
    /// The last day.
    pub deadline: Date,
    /// Whether it is repaired.
    pub done: Done,
}

/// Whether something is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Done {
    /// Its evidence is there.
    Done,
    /// A waiver holds.
    Waived,
    /// It is not done, and there is time.
    Open,
    /// It is not done, and its last day has passed.
    Overdue,
}

impl Done {
    /// Whether it keeps no gate closed.
    #[must_use]
    pub const fn is_settled(self) -> bool {
        matches!(self, Self::Done | Self::Waived)
    }
}

/// A waiver.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct WaiverStatus {
    /// Its name.
    pub waiver: Name,
    /// What it is for.
    pub of: String,
    /// Why.
    pub reason: Text,
    /// Who approved it.
    pub approver: Name,
    /// The day of the approval.
    pub approved: Date,
    /// Its last day.
    pub expires: Date,
    /// Whether it holds on the day of the status.
    pub holds: bool,
}

impl Status {
    /// Number of buses that are accepted, and of all buses.
    #[must_use]
    pub fn accepted(&self) -> (usize, usize) {
        let accepted = self.counties.iter().map(CountyStatus::accepted).sum();
        (accepted, self.counties.iter().map(|county| county.buses.len()).sum())
    }

    /// Every blocker with its county and its gate. The county is absent for the gates of all counties.
    pub fn blockers(&self) -> impl Iterator<Item = (Option<&CountyStatus>, &GateStatus, &Blocker)> {
        let common = self.common.iter().map(|gate| (None, gate));
        let of_counties =
            self.counties.iter().flat_map(|county| county.gates.iter().map(move |gate| (Some(county), gate)));
        common
            .chain(of_counties)
            .flat_map(|(county, gate)| gate.blockers.iter().map(move |blocker| (county, gate, blocker)))
    }

    /// The next deadlines that have not passed: the earliest day, and what is due on it.
    #[must_use]
    pub fn next_deadline(&self) -> Option<(Date, Vec<&Text>)> {
        let tasks = self.tasks.iter().filter(|task| !task.done.is_settled()).map(|task| (task.deadline, &task.title));
        let items = self.punch_list.iter().filter(|item| !item.done.is_settled());
        let mut due: Vec<(Date, &Text)> = tasks.chain(items.map(|item| (item.deadline, &item.title))).collect();
        due.retain(|(day, _)| *day >= self.today);
        let first = due.iter().map(|(day, _)| *day).min()?;
        Some((first, due.into_iter().filter(|(day, _)| *day == first).map(|(_, title)| title).collect()))
    }

    /// A bus with its county.
    #[must_use]
    pub fn bus(&self, name: &str) -> Option<(&CountyStatus, &BusStatus)> {
        let mut all = self.counties.iter().flat_map(|county| county.buses.iter().map(move |bus| (county, bus)));
        all.find(|(_, bus)| bus.bus == name)
    }
}
