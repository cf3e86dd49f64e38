//! What lies in the folder of the records.
//!
//! ```text
//! <gate>/<bus>/            a record of this bus, or one folder for each record of it
//! <gate>/                  the same for a gate with a type sample, which has no bus
//! ```
//!
//! Where a record lies says what it is meant to prove. Whether it does is another question: it has to say itself of which device it is.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;
use sha2::{Digest as _, Sha256};
use taprig_model::result::Verdict;
use taprig_record::units::lower_hex;

use crate::campaign::Campaign;

/// Files of which a record has at least one, even if it is half a record.
const OF_A_RECORD: [&str; 2] = ["record.json", "events.jsonl"];

/// What a sealed record says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inspected {
    /// Serial numbers of the devices that it is about. A record of one device has one.
    pub serials: BTreeSet<String>,
    /// Digests of the firmware of these devices. For a device whose image nobody knows, the version that it reports.
    pub firmware: BTreeSet<String>,
    /// SHA-256 of the suite of the run, and that of all its cases and fixtures, as far as the record says them.
    pub suite: Vec<String>,
    /// Verdicts by sub-case.
    pub cases: BTreeMap<String, Verdict>,
    /// When the run began.
    pub started: Timestamp,
    /// Whether the run reached its end.
    pub complete: bool,
    /// The name (principal) of whoever sealed it.
    pub signer: String,
    /// SHA-256 of the list of its files. It stands for the whole record.
    pub digest: String,
}

/// Why a folder proves nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Flaw {
    /// It is not sealed.
    Unsealed,
    /// Its seal does not hold. Each reason is a fragment of a sentence.
    Broken(Vec<String>),
    /// It can't be read.
    Unreadable(String),
}

/// Looks into one record, and checks its seal.
pub trait Inspect: Sync {
    /// What the record in this folder says.
    ///
    /// # Errors
    /// Why it proves nothing.
    fn inspect(&self, folder: &Path) -> Result<Inspected, Flaw>;
}

/// A record and what it is meant to prove.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The gate.
    pub gate: String,
    /// The bus. A gate with a type sample has none.
    pub bus: Option<String>,
    /// Its folder, relative to the folder of the records.
    pub folder: String,
    /// What it says.
    pub seen: Result<Inspected, Flaw>,
}

/// Everything that was found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Evidence {
    /// The records, in the order of their folders.
    pub records: Vec<Found>,
    /// Folders that mean nothing to the campaign, relative to the folder of the records.
    pub strays: Vec<String>,
    /// The documents that the campaign names, by their paths in the file: SHA-256, or why there is none.
    pub documents: BTreeMap<PathBuf, Result<String, String>>,
}

/// The folder of the records, or a folder in it, can't be read.
#[derive(Debug, thiserror::Error)]
#[error("reading the folder of the records {}: {cause}", path.display())]
pub struct LookError {
    /// The folder.
    pub path: PathBuf,
    /// What went wrong.
    pub cause: io::Error,
}

/// Where a record lies.
struct Place {
    gate: String,
    bus: Option<String>,
    folder: PathBuf,
}

/// Looks at all records and documents of a campaign. If its folder does not exist yet, there are none.
///
/// # Errors
/// See [`LookError`].
pub fn look(campaign: &Campaign, root: &Path, inspect: &dyn Inspect) -> Result<Evidence, LookError> {
    let mut places = Vec::new();
    let mut evidence = Evidence::default();
    let buses: BTreeSet<&str> = campaign.bus_names().collect();
    let documents: BTreeSet<PathBuf> = campaign.documents().map(|document| document.file.clone()).collect();
    // A folder with documents is no stray.
    let holds_documents = |name: &str| documents.iter().any(|file| file.starts_with(name));
    for name in folders(root)? {
        let Some(gate) = campaign.gate(&name) else {
            if !holds_documents(&name) {
                evidence.strays.push(name);
            }
            continue;
        };
        let folder = root.join(&name);
        if gate.is_for_all() {
            records(&folder, &name, None, &mut places)?;
            continue;
        }
        for bus in folders(&folder)? {
            if buses.contains(bus.as_str()) {
                records(&folder.join(&bus), &name, Some(&bus), &mut places)?;
            } else if !holds_documents(&format!("{name}/{bus}")) {
                evidence.strays.push(format!("{name}/{bus}"));
            }
        }
    }
    evidence.records = inspected(places, root, inspect);
    evidence.documents = documents.into_iter().map(|file| (file.clone(), digest(&root.join(file)))).collect();
    Ok(evidence)
}

/// Names of the folders in a folder, sorted. A folder that does not exist has none.
fn folders(folder: &Path) -> Result<Vec<String>, LookError> {
    let failed = |cause| LookError { path: folder.to_owned(), cause };
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed(error)),
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.map_err(failed)?;
        if entry.path().is_dir() {
            names.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    names.sort();
    Ok(names)
}

/// The records of one bus or of the type sample: the folder itself, or the folders in it.
fn records(folder: &Path, gate: &str, bus: Option<&str>, places: &mut Vec<Place>) -> Result<(), LookError> {
    let is_record = |folder: &Path| OF_A_RECORD.iter().any(|name| folder.join(name).exists());
    let mut add = |folder: PathBuf| places.push(Place { gate: gate.into(), bus: bus.map(str::to_owned), folder });
    if is_record(folder) {
        add(folder.to_owned());
        return Ok(());
    }
    for name in folders(folder)? {
        let inner = folder.join(name);
        if is_record(&inner) {
            add(inner);
        }
    }
    Ok(())
}

/// Inspects all records, with all cores: each of them is judged again.
fn inspected(places: Vec<Place>, root: &Path, inspect: &dyn Inspect) -> Vec<Found> {
    let results: Vec<Mutex<Option<Found>>> = places.iter().map(|_| Mutex::new(None)).collect();
    let next = AtomicUsize::new(0);
    let work = || {
        while let Some((place, result)) =
            Some(next.fetch_add(1, Ordering::Relaxed)).and_then(|index| Some((places.get(index)?, results.get(index)?)))
        {
            let found = Found {
                gate: place.gate.clone(),
                bus: place.bus.clone(),
                folder: place.folder.strip_prefix(root).unwrap_or(&place.folder).display().to_string(),
                seen: inspect.inspect(&place.folder),
            };
            *result.lock().unwrap_or_else(PoisonError::into_inner) = Some(found);
        }
    };
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 1..cores.min(places.len()) {
            scope.spawn(work);
        }
        work();
    });
    results.into_iter().filter_map(|result| result.into_inner().unwrap_or_else(PoisonError::into_inner)).collect()
}

/// SHA-256 of a file in lower-case hexadecimal, or why there is none.
fn digest(path: &Path) -> Result<String, String> {
    let mut file = fs::File::open(path).map_err(|error| error.to_string())?;
    let mut digest = Sha256::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        match file.read(&mut buffer) {
            Ok(0) => break,
            Ok(n) => digest.update(&buffer[..n]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error.to_string()),
        }
    }
    Ok(lower_hex(&digest.finalize()))
}
