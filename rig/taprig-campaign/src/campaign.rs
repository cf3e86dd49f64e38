//! A campaign file and its fleet, read and checked.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::Offset;
use serde::de::DeserializeOwned;
use taprig_case::document::{Node, PathStep, parse};
use taprig_case::source::Source;
use taprig_case::typed::typed;
use taprig_case::{Diagnostic, Problems};
use taprig_model::fleet::Fleet;
use taprig_model::name::Name;

use crate::check;
use crate::file::{CampaignFile, CountyFile, Document, Gate, Item, Party, Repaired, Task};
use crate::text::Text;

/// A campaign that holds together: each name in it means something, and no gate waits for itself.
///
/// A bus that is listed twice does not keep a campaign from being read. It closes the gates of its county.
#[derive(Debug, Clone)]
pub struct Campaign {
    /// The file.
    pub file: CampaignFile,
    /// The fleet.
    pub fleet: Fleet,
    /// The folder that paths in the file are relative to.
    folder: PathBuf,
    /// The county and the line of each bus.
    buses: BTreeMap<String, (String, String)>,
    /// The lines of the campaign file in which each bus is listed, from 1, with its serial number.
    listed: BTreeMap<String, Vec<(usize, String)>>,
    /// The file as a tree with places.
    tree: Node,
}

impl Campaign {
    /// Reads a campaign file and the fleet file that it names.
    ///
    /// # Errors
    /// Everything that is wrong with the two files, with line and column.
    pub fn read(path: &Path) -> Result<Self, Problems> {
        let source = Source::read(path)?;
        let mut problems = Problems::default();
        let found = value::<CampaignFile>(&source, &mut problems);
        let Some((tree, file)) = problems.into_result(found)? else {
            return Err(Diagnostic::of_file(path, "the file can't be understood").into());
        };
        let folder = path.parent().unwrap_or(Path::new("")).to_owned();
        let fleet_path = folder.join(&file.fleet);
        let source = Source::read(&fleet_path)?;
        let mut problems = Problems::default();
        let found = value::<Fleet>(&source, &mut problems);
        let Some((_, fleet)) = problems.into_result(found)? else {
            return Err(Diagnostic::of_file(&fleet_path, "the file can't be understood").into());
        };
        let mut problems = Problems::default();
        check::all(&file, &fleet, &tree, &fleet_path, &mut problems);
        problems.into_result(Self::new(file, fleet, folder, tree))
    }

    fn new(file: CampaignFile, fleet: Fleet, folder: PathBuf, tree: Node) -> Self {
        let buses = fleet.counties.iter().flat_map(|county| {
            county.lines.iter().flat_map(move |line| {
                let of = (county.name.to_string(), line.line.to_string());
                line.all_buses().map(move |bus| (bus, of.clone()))
            })
        });
        let (buses, listed) = (buses.collect(), listed(&file, &tree));
        Self { buses, listed, file, fleet, folder, tree }
    }

    /// A problem at a place of the campaign file.
    #[must_use]
    pub fn problem(&self, path: &[PathStep], what: impl Into<String>) -> Diagnostic {
        self.tree.place(path).problem(what)
    }

    /// A path of the file.
    #[must_use]
    pub fn path(&self, path: &Path) -> PathBuf {
        self.folder.join(path)
    }

    /// The folder of the records.
    #[must_use]
    pub fn evidence(&self) -> PathBuf {
        self.path(&self.file.evidence)
    }

    /// The party of this name.
    #[must_use]
    pub fn party(&self, name: &Name) -> Option<&Party> {
        self.file.parties.iter().find(|party| party.party == *name)
    }

    /// The gate of this name.
    #[must_use]
    pub fn gate(&self, name: &str) -> Option<&Gate> {
        self.file.gates.iter().find(|gate| gate.gate.as_str() == name)
    }

    /// What the file says about a county.
    #[must_use]
    pub fn county(&self, name: &str) -> Option<&CountyFile> {
        self.file.counties.iter().find(|county| county.county.as_str() == name)
    }

    /// What a person calls a county.
    #[must_use]
    pub fn county_title(&self, name: &str) -> Text {
        self.county(name).map_or_else(|| Text { en: name.into(), zh: name.into() }, |county| county.title.clone())
    }

    /// County and line of a bus.
    #[must_use]
    pub fn bus(&self, name: &str) -> Option<(&str, &str)> {
        self.buses.get(name).map(|(county, line)| (county.as_str(), line.as_str()))
    }

    /// The names of all buses, sorted.
    pub fn bus_names(&self) -> impl Iterator<Item = &str> {
        self.buses.keys().map(String::as_str)
    }

    /// The buses of a county, in the order of the fleet.
    #[must_use]
    pub fn buses_of(&self, county: &str) -> Vec<String> {
        let lines = self.fleet.counties.iter().filter(|of| of.name.as_str() == county).flat_map(|of| &of.lines);
        lines.flat_map(taprig_model::fleet::Line::all_buses).collect()
    }

    /// Where the file lists a bus: line numbers from 1, and serial numbers.
    #[must_use]
    pub fn listed(&self, bus: &str) -> &[(usize, String)] {
        self.listed.get(bus).map_or(&[], Vec::as_slice)
    }

    /// The buses that are listed with this serial number, each once.
    #[must_use]
    pub fn with_serial(&self, serial: &str) -> Vec<&str> {
        let has = |listed: &[(usize, String)]| listed.iter().any(|(_, known)| known == serial);
        self.listed.iter().filter(|(_, listed)| has(listed)).map(|(bus, _)| bus.as_str()).collect()
    }

    /// The day of an instant, by the campaign's local time.
    #[must_use]
    pub fn day(&self, instant: Timestamp) -> Date {
        Offset::constant(self.file.hours_from_utc).to_datetime(instant).date()
    }

    /// Every document that the file names.
    pub fn documents(&self) -> impl Iterator<Item = &Document> {
        let of_tasks = self.file.tasks.iter().filter_map(|Task { evidence, .. }| evidence.as_ref());
        let of_items = self.file.punch_list.iter().filter_map(|Item { repaired, .. }| match repaired {
            Some(Repaired::Document(document)) => Some(document),
            Some(Repaired::Case(_)) | None => None,
        });
        of_tasks.chain(of_items)
    }
}

/// The value of a file and its tree.
fn value<T: DeserializeOwned>(source: &Arc<Source>, problems: &mut Problems) -> Option<(Node, T)> {
    let tree = match parse(source, problems) {
        Ok(tree) => tree,
        Err(problem) => {
            problems.push(problem);
            return None;
        }
    };
    let value = typed(&tree, problems)?;
    Some((tree, value))
}

/// The lines in which each bus is listed.
fn listed(file: &CampaignFile, tree: &Node) -> BTreeMap<String, Vec<(usize, String)>> {
    let mut listed: BTreeMap<String, Vec<(usize, String)>> = BTreeMap::new();
    for (at, bus) in file.buses.iter().enumerate() {
        let place = tree.place(&["buses".into(), at.into()]);
        let line = place.source.line_column(place.bytes.start).0;
        listed.entry(bus.bus.to_string()).or_default().push((line, bus.serial.to_string()));
    }
    listed
}
