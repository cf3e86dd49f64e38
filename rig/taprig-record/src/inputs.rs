//! The inputs of the verdicts of a run. A record keeps them, so that taprig can judge it again after cases and fixtures
//! have changed.
//!
//! `inputs.tar.gz` holds
//!
//! ```text
//! criteria.jsonl       the criteria of each sub-case, one in each line
//! device.json          the device file, with its includes applied
//! card-side.json       the capabilities of the card side of the bench
//! acquirer.json        `true`, if the bench has an acquirer
//! baselines/<ID>.snap  the reviewed transcripts of the device
//! files/...            cases, fixtures and the bench file as they were written, for people
//! ```
//!
//! The archive contains no private keys: the files of `fixtures/keys` are left out. Account numbers are masked as in
//! the events.

use super::mask;
use super::read::ReadError;
use super::writer::WriteError;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use taprig_model::capability::BenchCapabilities;
use taprig_model::criteria::Criteria;
use taprig_model::device::Device;

/// Name of the archive within a record.
pub const INPUTS: &str = "inputs.tar.gz";

const CRITERIA: &str = "criteria.jsonl";
const DEVICE: &str = "device.json";
const CARD_SIDE: &str = "card-side.json";
const ACQUIRER: &str = "acquirer.json";
const BASELINES: &str = "baselines";
const FILES: &str = "files";

/// The largest number of bytes that are unpacked. This is a thousand times what a run has today. A limit is needed
/// because a record may come from anywhere.
const MOST: u64 = 256 * 1024 * 1024;

/// The inputs of the verdicts of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inputs {
    /// The criteria of each sub-case, in the order of the plan.
    pub criteria: Vec<Criteria>,
    /// The device under test.
    pub device: Device,
    /// The capabilities of the bench.
    pub bench: BenchCapabilities,
    /// Reviewed transcripts, by the id of their sub-case. `None` if the device has no baseline.
    pub baselines: Option<BTreeMap<String, String>>,
    /// The text of cases, fixtures and the bench file, by their paths in the project.
    pub files: BTreeMap<PathBuf, String>,
}

/// The inputs of a run, packed for its record. They take a hundredth of the memory of [`Inputs`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packed(Vec<u8>);

impl Packed {
    /// Packs inputs whose criteria are made one by one. The criteria in `inputs` itself are not packed. Account numbers are not
    /// masked if `whole` is set.
    ///
    /// # Errors
    /// The inputs can't be packed.
    pub fn of(inputs: &Inputs, criteria: impl IntoIterator<Item = Criteria>, whole: bool) -> Result<Self, WriteError> {
        inputs.pack(criteria, whole).map(Self).map_err(|cause| WriteError::Io {
            doing: "packing",
            path: PathBuf::from(INPUTS),
            cause,
        })
    }

    /// Writes the inputs into the folder of a record.
    ///
    /// # Errors
    /// The file can't be written.
    pub fn write(&self, folder: &Path) -> Result<(), WriteError> {
        let path = folder.join(INPUTS);
        super::replace(&path, &self.0).map_err(|cause| WriteError::Io { doing: "writing", path, cause })
    }
}

impl Inputs {
    /// Writes the inputs into the folder of a record. Account numbers are not masked if `whole` is set.
    ///
    /// # Errors
    /// The file can't be written.
    pub fn write(&self, folder: &Path, whole: bool) -> Result<(), WriteError> {
        Packed::of(self, self.criteria.iter().cloned(), whole)?.write(folder)
    }

    /// Reads the inputs of a record.
    ///
    /// # Errors
    /// The record has no inputs, or they are damaged.
    pub fn read(folder: &Path) -> Result<Self, ReadError> {
        let path = folder.join(INPUTS);
        let failed = |cause| ReadError::Io { path: path.clone(), cause };
        let file = File::open(&path).map_err(failed)?;
        Self::unpack(file).map_err(failed)
    }

    fn pack(&self, criteria: impl IntoIterator<Item = Criteria>, whole: bool) -> io::Result<Vec<u8>> {
        let text = |text: &str| {
            let mut text = text.to_owned();
            if !whole {
                mask::text(&mut text);
            }
            text
        };
        let mut archive = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::default()));
        let mut lines = Vec::new();
        for mut criteria in criteria {
            if !whole {
                mask::criteria(&mut criteria);
            }
            serde_json::to_writer(&mut lines, &criteria)?;
            lines.push(b'\n');
        }
        put(&mut archive, Path::new(CRITERIA), &lines)?;
        put(&mut archive, Path::new(DEVICE), &super::pretty(&self.device))?;
        put(&mut archive, Path::new(CARD_SIDE), &super::pretty(&self.bench.card_side))?;
        if self.bench.acquirer {
            put(&mut archive, Path::new(ACQUIRER), &super::pretty(&true))?;
        }
        if let Some(baselines) = &self.baselines {
            // This entry of its own distinguishes a device with an empty baseline from a device without one.
            put(
                &mut archive,
                Path::new(BASELINES).join("README").as_path(),
                b"Reviewed transcripts, one a sub-case.\n",
            )?;
            for (id, baseline) in baselines {
                let path = Path::new(BASELINES).join(format!("{}.snap", id.replace('/', "__")));
                // A transcript shows no whole account number. Masking its other values would make it another transcript.
                put(&mut archive, &path, format!("{id}\n{baseline}").as_bytes())?;
            }
        }
        for (path, content) in &self.files {
            put(&mut archive, &Path::new(FILES).join(path), text(content).as_bytes())?;
        }
        archive.into_inner()?.finish()
    }

    /// Unpacks the inputs from a compressed archive.
    ///
    /// # Errors
    /// This is not an archive, something is missing from it, or it unpacks to more than a run can have.
    pub fn unpack(packed: impl Read) -> io::Result<Self> {
        let wrong = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what.to_owned());
        let (mut criteria, mut device, mut card_side) = (None, None, None);
        let (mut acquirer, mut baselines, mut files) = (false, None, BTreeMap::new());
        let mut archive = tar::Archive::new(GzDecoder::new(packed).take(MOST));
        for entry in archive.entries()? {
            let mut entry = entry?;
            let path = entry.path()?.into_owned();
            let mut text = String::new();
            entry.read_to_string(&mut text)?;
            if path == Path::new(CRITERIA) {
                criteria = Some(text.lines().map(json).collect::<io::Result<Vec<Criteria>>>()?);
            } else if path == Path::new(DEVICE) {
                device = Some(json(&text)?);
            } else if path == Path::new(CARD_SIDE) {
                card_side = Some(json(&text)?);
            } else if path == Path::new(ACQUIRER) {
                acquirer = json(&text)?;
            } else if path.starts_with(BASELINES) {
                let all: &mut BTreeMap<String, String> = baselines.get_or_insert_default();
                if path.extension().is_some_and(|extension| extension == "snap") {
                    let (id, baseline) = text.split_once('\n').unwrap_or((&text, ""));
                    all.insert(id.to_owned(), baseline.to_owned());
                }
            } else if let Ok(path) = path.strip_prefix(FILES) {
                files.insert(path.to_owned(), text);
            }
        }
        Ok(Self {
            criteria: criteria.ok_or_else(|| wrong("`criteria.jsonl` is missing"))?,
            device: device.ok_or_else(|| wrong("`device.json` is missing"))?,
            bench: BenchCapabilities {
                card_side: card_side.ok_or_else(|| wrong("`card-side.json` is missing"))?,
                acquirer,
            },
            baselines,
            files,
        })
    }
}

fn json<T: DeserializeOwned>(text: &str) -> io::Result<T> {
    serde_json::from_str(text).map_err(io::Error::from)
}

/// An entry that contains nothing about the machine and the time: the same inputs give the same bytes.
fn put<W: Write>(archive: &mut tar::Builder<W>, path: &Path, content: &[u8]) -> io::Result<()> {
    let mut header = tar::Header::new_gnu();
    header.set_size(content.len().try_into().map_err(io::Error::other)?);
    header.set_mode(0o644);
    header.set_mtime(0);
    archive.append_data(&mut header, path, content)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use taprig_model::capability::CardCapability;

    fn inputs() -> Inputs {
        let device = serde_json::json!({
            "schema": 1, "title": "A validator", "identity": { "device": "d", "firmware": "f" }, "claims": {},
            "interface": { "adapter": { "command": ["adapter"] } },
        });
        let criteria = serde_json::json!({
            "id": "BUS-002/a", "title": "The card 6226091234567890 is denied", "file": "cases/bus/BUS-002.yaml",
            "steps": [
                { "wanted": { "tap": { "outcome": "declined" } } },
                { "wanted": { "console": { "send": "deny add 6226091234567890" } } },
            ],
            "expect": { "tags": { "57": "6226091234567890D3512220", "9F10": "0701010390000001" } }, "baseline": true,
        });
        Inputs {
            criteria: vec![serde_json::from_value(criteria).unwrap()],
            device: serde_json::from_value(device).unwrap(),
            bench: BenchCapabilities { card_side: vec![CardCapability::Faults], acquirer: true },
            baselines: Some([("BUS-002/a".to_owned(), "1 tap\n  present credit".to_owned())].into()),
            files: [(PathBuf::from("cases/bus/BUS-002.yaml"), "deny-list: [6226 0912 3456 7890]\n".to_owned())].into(),
        }
    }

    fn packed(inputs: &Inputs, whole: bool) -> Vec<u8> {
        inputs.pack(inputs.criteria.iter().cloned(), whole).unwrap()
    }

    #[test]
    fn what_is_packed_is_unpacked_and_the_same_twice() {
        let inputs = inputs();
        let packed = packed(&inputs, true);
        assert_eq!(Inputs::unpack(packed.as_slice()).unwrap(), inputs);
        assert_eq!(self::packed(&inputs, true), packed);
        let none = Inputs { baselines: None, bench: BenchCapabilities::default(), ..inputs };
        assert_eq!(Inputs::unpack(self::packed(&none, true).as_slice()).unwrap(), none);
    }

    #[test]
    fn account_numbers_are_masked_unless_kept_whole() {
        let hidden = Inputs::unpack(packed(&inputs(), false).as_slice()).unwrap();
        assert_eq!(hidden.criteria[0].title, "The card 622609xxxxxx7890 is denied");
        let tags: Vec<_> = hidden.criteria[0].expect.tags.values().map(ToString::to_string).collect();
        assert_eq!(tags, ["622609CCCCCC7890D3512220", "0701010390000001"], "as bytes are masked, and no other value");
        let steps = serde_json::to_string(&hidden.criteria[0].steps).unwrap();
        assert!(steps.contains("deny add 622609xxxxxx7890"), "{steps}");
        assert_eq!(hidden.files[Path::new("cases/bus/BUS-002.yaml")], "deny-list: [622609xxxxxx7890]\n");
    }

    #[test]
    fn an_archive_that_lacks_something_is_refused() {
        let mut archive = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::default()));
        put(&mut archive, Path::new(CRITERIA), b"").unwrap();
        let packed = archive.into_inner().unwrap().finish().unwrap();
        assert!(Inputs::unpack(packed.as_slice()).unwrap_err().to_string().contains("`device.json` is missing"));
        assert!(Inputs::unpack(&b"not an archive"[..]).is_err());
    }

    proptest! {
        #[test]
        fn a_damaged_archive_never_panics(at in 0usize..2000, byte in any::<u8>(), cut in any::<bool>()) {
            let mut packed = packed(&inputs(), true);
            let at = at % packed.len();
            packed[at] = byte;
            if cut {
                packed.truncate(at);
            }
            let _ = Inputs::unpack(packed.as_slice());
        }
    }
}
