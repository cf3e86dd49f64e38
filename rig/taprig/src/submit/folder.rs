//! Puts the folder of a submission together.

use super::{Candidate, Signer, cover};
use serde_json::json;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use taprig_conformance::{Sheet, show};
use taprig_model::lab::Lab;
use taprig_record::pretty;
use taprig_seal::{SUMS, Sums, SumsError};

/// The parts of a submission, with what each is.
pub const FILES: [(&str, &str); 12] = [
    ("README.md", "what the folder holds, and how to verify it"),
    ("cover.html", "this page: laboratory, customer, item, tests and results"),
    ("lab.json", "the laboratory file; a field that is null is blank"),
    ("ics.html", "the conformance statement of the device, as a form to sign"),
    ("ics.json", "the same for programs"),
    ("matrix.html", "the state of each requirement"),
    ("matrix.csv", "a row for each sub-case of each requirement"),
    ("matrix.json", "the same for programs"),
    ("record/report.html", "every result with its evidence"),
    ("record/junit.xml", "every result for CI servers, with the ids of its requirements"),
    ("record/capture.pcapng", "what passed on the air, for Wireshark"),
    ("record", "the sealed record: events, raw bytes, inputs, statement and signature"),
];

/// Where the pages of the folder find the evidence.
const REPORT: Option<&str> = Some("record/report.html");

/// The folder can't be written.
#[derive(Debug)]
pub enum WriteFolderError {
    /// There is something at its place.
    Exists(PathBuf),
    /// It would be within the record, which nothing may change.
    Within(PathBuf),
    /// A file can't be read or written.
    Io {
        /// The file.
        path: PathBuf,
        /// What went wrong.
        cause: io::Error,
    },
    /// The sums of the folder can't be computed.
    Sums(SumsError),
}

impl std::fmt::Display for WriteFolderError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Exists(path) => write!(f, "{} exists already; name another folder, or remove it", path.display()),
            Self::Within(record) => {
                write!(f, "it lies in the record {}, which nothing may change; name another folder", record.display())
            }
            Self::Io { path, cause } => write!(f, "writing the submission, {}: {cause}", path.display()),
            Self::Sums(error) => write!(f, "computing the sums of the submission: {error}"),
        }
    }
}

impl std::error::Error for WriteFolderError {}

/// Writes the submission of a record into a new folder. It appears as a whole or not at all.
///
/// # Errors
/// The folder exists or lies in the record, or a file can't be read or written.
pub fn write(to: &Path, record: &Path, lab: &Lab, candidate: &Candidate<'_>) -> Result<(), WriteFolderError> {
    // `handed-in/` and `handed-in/.` are `handed-in`.
    let to: &Path = &std::path::absolute(to).map_err(io_error(to))?.components().collect::<PathBuf>();
    if fs::symlink_metadata(to).is_ok() {
        return Err(WriteFolderError::Exists(to.to_owned()));
    }
    // The parents that exist say where the folder would really be.
    let parent = to.ancestors().skip(1).find_map(|folder| folder.canonicalize().ok());
    if let (Some(parent), Ok(inside)) = (parent, record.canonicalize())
        && parent.starts_with(&inside)
    {
        return Err(WriteFolderError::Within(record.to_owned()));
    }
    let mut beside = to.as_os_str().to_owned();
    beside.push(".part");
    let beside = PathBuf::from(beside);
    // An attempt that was killed leaves this, but it may as well be somebody else's.
    if fs::symlink_metadata(&beside).is_ok() {
        return Err(WriteFolderError::Exists(beside));
    }
    let written = fill(&beside, record, lab, candidate).and_then(|()| fs::rename(&beside, to).map_err(io_error(to)));
    if written.is_err() {
        let _ = fs::remove_dir_all(&beside);
    }
    written
}

fn io_error(path: &Path) -> impl FnOnce(io::Error) -> WriteFolderError {
    let path = path.to_owned();
    move |cause| WriteFolderError::Io { path, cause }
}

fn fill(folder: &Path, record: &Path, lab: &Lab, candidate: &Candidate<'_>) -> Result<(), WriteFolderError> {
    copy(record, &folder.join("record"))?;
    let cover = cover(lab, candidate);
    let marked = |sheet: Sheet| Sheet { mark: cover.mark.clone(), ..sheet };
    let put = |name: &str, content: &[u8]| {
        let path = folder.join(name);
        fs::write(&path, content).map_err(io_error(&path))
    };
    let mut csv = Vec::new();
    show::csv(candidate.matrix, &mut csv).map_err(io_error(&folder.join("matrix.csv")))?;
    put("README.md", readme(lab, candidate).as_bytes())?;
    put("cover.html", show::html(&cover).as_bytes())?;
    put("lab.json", &pretty(lab))?;
    put("ics.html", show::html(&marked(candidate.statement.sheet(REPORT))).as_bytes())?;
    put("ics.json", &numbered(lab, candidate.statement))?;
    put("matrix.html", show::html(&marked(candidate.matrix.sheet(REPORT))).as_bytes())?;
    put("matrix.csv", &csv)?;
    put("matrix.json", &numbered(lab, candidate.matrix))?;
    let sums = Sums::of(folder).map_err(WriteFolderError::Sums)?;
    put(SUMS, sums.text().as_bytes())
}

/// A value as JSON with the number of the report.
fn numbered(lab: &Lab, value: &impl serde::Serialize) -> Vec<u8> {
    let mut value = serde_json::to_value(value).unwrap_or_default();
    if let Some(object) = value.as_object_mut() {
        object.insert("report".into(), json!(lab.report.number));
    }
    pretty(&value)
}

/// Copies the files of a folder. The seal covers only files and folders.
fn copy(from: &Path, to: &Path) -> Result<(), WriteFolderError> {
    fs::create_dir_all(to).map_err(io_error(to))?;
    for entry in fs::read_dir(from).map_err(io_error(from))? {
        let entry = entry.map_err(io_error(from))?;
        let (path, copied) = (entry.path(), to.join(entry.file_name()));
        if path.is_dir() {
            copy(&path, &copied)?;
        } else {
            fs::copy(&path, &copied).map_err(io_error(&path))?;
        }
    }
    Ok(())
}

fn readme(lab: &Lab, candidate: &Candidate<'_>) -> String {
    let number = lab.report.number.as_deref().unwrap_or("(blank)");
    let files: Vec<String> = FILES.iter().map(|(file, what)| format!("| {file} | {what} |\n")).collect();
    let key = match &candidate.seal {
        Ok(Signer { name: Some(name), key, .. }) => format!("{name}, with {key}"),
        Ok(Signer { name: None, key, .. }) => format!("{key}; nobody has said yet whose key this is"),
        // Nothing is written for a record without a seal.
        Err(_) => "nobody".into(),
    };
    format!(
        "# Submission {number}\n\nBegin with cover.html.\n\n| file | what it is |\n| --- | --- |\n{}\n\
         ## How to verify it\n\nWithout taprig:\n\n```\nsha256sum -c SHA256SUMS\ncd record\nsha256sum -c SHA256SUMS\n\
         ssh-keygen -Y verify -f ALLOWED_SIGNERS -I SIGNER -n record@taprig -s SHA256SUMS.sig < SHA256SUMS\n```\n\n\
         With taprig, which also judges all events again, and computes the statement and the matrix again:\n\n```\n\
         taprig verify record --signers ALLOWED_SIGNERS\ntaprig ics --record record --format json\n\
         taprig report matrix record --format json\n```\n\nSigned by {key}.\n",
        files.concat()
    )
}
