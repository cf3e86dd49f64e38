//! A campaign file: what has to be shown before the buses of a fleet go into service.
//!
//! It says what is required, who has to do it and by when. It never says that something is done: that follows from the evidence.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use taprig_model::books::Label;
use taprig_model::day::Day;
use taprig_model::lock::Sha256;
use taprig_model::name::{CaseId, Name, SubCaseId};
use taprig_model::version::Version;

use crate::sample::Risk;
use crate::text::Text;

/// A campaign.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct CampaignFile {
    /// Version of this format.
    pub schema: Version,
    /// For a person: what is accepted.
    pub title: Text,
    /// The file of the fleet, relative to this file.
    pub fleet: PathBuf,
    /// The folder of the records, relative to this file: `<gate>/<bus>/` for each bus, `<gate>/` for the type sample.
    pub evidence: PathBuf,
    /// The file with the keys that may seal records, relative to this file, in the format of `ssh-keygen -Y verify`
    /// (`allowed_signers`).
    pub signers: PathBuf,
    /// The first day of the campaign. What has never begun has waited since then.
    pub begins: Day,
    /// The local time of the campaign, in hours ahead of UTC: 8 in China. A day begins at midnight there.
    #[serde(default)]
    pub hours_from_utc: i8,
    /// Everybody whose turn it may be.
    pub parties: Vec<Party>,
    /// The firmware that may go into service.
    pub firmware: Vec<Firmware>,
    /// The suites that records are compared with.
    pub suites: BTreeMap<Name, SuiteFile>,
    /// The gates, in the order in which they are shown.
    pub gates: Vec<Gate>,
    /// The gate that has to be open before a county takes passengers.
    pub last_gate: Name,
    /// The counties of the fleet.
    pub counties: Vec<CountyFile>,
    /// The buses of the fleet with the devices in them.
    pub buses: Vec<BusFile>,
    /// Work that no record proves.
    #[serde(default)]
    pub tasks: Vec<Task>,
    /// Defects that were found.
    #[serde(default)]
    pub punch_list: Vec<Item>,
    /// What is accepted for a time although it is not as it should be.
    #[serde(default)]
    pub waivers: Vec<Waiver>,
}

/// A company, an office or a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Party {
    /// By which the file means it.
    pub party: Name,
    /// For a person: who it is.
    pub title: Text,
    /// The name (principal) in the file of signers whose keys this party seals records with. A party without it seals none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seals_as: Option<String>,
}

/// Firmware that may go into service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Firmware {
    /// Its version, as the device reports it.
    pub version: String,
    /// The digest of the validator's image, as records have it. Without it, the approval is for devices whose image nobody knows, and
    /// that report this version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<Sha256>,
    /// The day of the approval.
    pub approved: Day,
    /// Who approved it.
    pub by: Name,
}

/// A suite: which cases a record has to contain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct SuiteFile {
    /// For a person: what it is.
    pub title: Text,
    /// Ids, families or tags of cases, as `taprig run` takes them. An empty list means all cases.
    pub select: Vec<String>,
    /// Whether a case counts that is not applicable to the device. Otherwise it counts as missing.
    #[serde(default)]
    pub accepts_not_applicable: bool,
    /// SHA-256 of the suite with which a record has to be made, or that of all its cases and fixtures, as records have them. Without it, the campaign compares ids
    /// and verdicts alone, and a case whose content somebody has emptied is not noticed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<Sha256>,
}

/// A gate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Gate {
    /// Its name, which is also the name of its folder of records.
    pub gate: Name,
    /// For a person: what it is.
    pub title: Text,
    /// Whose turn it is while a record is missing or wrong.
    pub owner: Name,
    /// Gates that have to be open before it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub needs: Vec<Name>,
    /// The records that it needs. A gate without records is opened by its tasks and by the gates before it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub records: Option<Records>,
}

impl Gate {
    /// Whether it is open or closed for the whole campaign at once.
    #[must_use]
    pub fn is_for_all(&self) -> bool {
        self.records.as_ref().is_some_and(|records| matches!(records.of, Of::TypeSample(_)))
    }
}

/// The records that a gate needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Records {
    /// The suite that each record has to contain and to pass.
    pub suite: Name,
    /// Of which devices.
    pub of: Of,
    /// Who has to have sealed them. Absent: anybody in the file of signers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sealed_by: Option<Name>,
}

/// The devices of which a gate needs records.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Of {
    /// One device for the whole campaign, with this serial number.
    TypeSample(Label),
    /// A sample of each county's buses.
    Sample(Risk),
    /// Each bus of a county.
    EveryBus,
    /// The pilot buses of a county.
    PilotBuses,
}

/// What a county has besides its lines in the fleet file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct CountyFile {
    /// Its name in the fleet file.
    pub county: Label,
    /// For a person.
    pub title: Text,
    /// Its buses that take passengers first.
    #[serde(default)]
    pub pilot: Vec<Label>,
}

/// A bus and the device in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct BusFile {
    /// Its name in the fleet.
    pub bus: Label,
    /// Serial number of its validator.
    pub serial: Label,
}

/// A document that proves something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Document {
    /// Its file, relative to the folder of the records.
    pub file: PathBuf,
    /// SHA-256 of the file.
    pub sha256: Sha256,
}

/// Work that no record proves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Task {
    /// Its name.
    pub task: Name,
    /// For a person: what has to be done.
    pub title: Text,
    /// The gate that stays closed until it is done.
    pub gate: Name,
    /// The county that it is for. Absent: all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub county: Option<Label>,
    /// Whose turn it is.
    pub owner: Name,
    /// The last day.
    pub deadline: Day,
    /// Tasks that have to be done before it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub after: Vec<Name>,
    /// The document that proves it. A task without it is not done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<Document>,
}

/// A defect of the punch list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Item {
    /// Its name.
    pub item: Name,
    /// For a person: what is wrong.
    pub title: Text,
    /// The gate that stays closed until it is repaired.
    pub gate: Name,
    /// The bus that has it.
    pub bus: Label,
    /// The day on which it was found.
    pub found: Day,
    /// Who repairs it.
    pub owner: Name,
    /// The last day.
    pub deadline: Day,
    /// What proves the repair. While it is absent, the defect is not repaired.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repaired: Option<Repaired>,
}

/// What proves a repair.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Repaired {
    /// This case passes in a good record of the bus that is as late as the day on which the defect was found, or later.
    Case(CaseId),
    /// A document.
    Document(Document),
}

/// What is accepted for a time although it is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Waiver {
    /// Its name.
    pub waiver: Name,
    /// For a person: why.
    pub reason: Text,
    /// What it is for.
    pub waives: Waived,
    /// The gate that it holds for. Absent: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gate: Option<Name>,
    /// The county that it holds for. Absent: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub county: Option<Label>,
    /// The bus that it holds for. Absent: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bus: Option<Label>,
    /// Who approved it.
    pub approver: Name,
    /// The day of the approval.
    pub approved: Day,
    /// Its last day.
    pub expires: Day,
}

/// What a waiver is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Waived {
    /// A case or sub-case that does not pass.
    Case(SubCaseId),
    /// A defect of the punch list.
    Item(Name),
    /// A task.
    Task(Name),
}

impl Firmware {
    /// Whether a record means this firmware: by its digest, or by its version if the record has no digest.
    #[must_use]
    pub fn is(&self, found: &str) -> bool {
        self.digest.as_ref().map_or(self.version.as_str(), Sha256::as_str) == found
    }
}
