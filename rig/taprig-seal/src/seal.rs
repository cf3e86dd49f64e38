//! Seals a record.

use crate::finding::Finding;
use crate::signature::{SignatureError, sign};
use crate::statement::{Statement, is_closed};
use crate::sums::{Sums, SumsError, sha256};
use crate::time_stamp::{self, TimeStamp};
use crate::verify::follows;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use taprig_record::seal::{SIGNATURE, STATEMENT, SUMS, TIME_STAMP, is_sealed};
use taprig_record::{Inputs, ReadError, Record, State, pretty, replace};

/// What a seal needs beside the record.
#[derive(Debug, Clone, Copy)]
pub struct Sealing<'a> {
    /// The private key of the signer in a format of OpenSSH, or a public key whose private part is with an agent.
    pub key: &'a Path,
    /// Who authorises the results.
    pub authorised_by: &'a str,
    /// The time of day, in UTC by RFC 3339.
    pub at: &'a str,
}

/// A record that was sealed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed {
    /// What the seal states.
    pub statement: Statement,
    /// Number of files that the seal covers.
    pub files: usize,
    /// SHA-256 of `SHA256SUMS`. It stands for the whole record.
    pub sums: String,
}

/// A record can't be sealed. Nothing was written, except where the variant says otherwise.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// It is sealed already.
    #[error("it is sealed already; a seal is never replaced")]
    Already,
    /// There is no seal to which a time stamp could be added.
    #[error("it is not sealed, so there is nothing to put a time stamp on")]
    NotSealed,
    /// It can't be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The run is still going on, or was killed.
    #[error(
        "the run has not closed this record: it is still going on, or it was killed; finish it with `taprig run --resume`"
    )]
    Open,
    /// Something in it contradicts its events.
    #[error("{}: {}; it is not sealed, because a seal on it would not be accepted", .0.file.display(), .0.what)]
    Contradiction(Finding),
    /// A file can't be read or sealed.
    #[error(transparent)]
    Sums(#[from] SumsError),
    /// It can't be signed.
    #[error("signing it: {0}")]
    Signature(#[from] SignatureError),
    /// The reply of a time-stamping authority is not one for this seal.
    #[error("{}: {why}", file.display())]
    TimeStamp {
        /// The file of the reply.
        file: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// A file of the seal can't be written. The record is not sealed, and the same command may be given again.
    #[error("writing {}: {cause}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What went wrong.
        cause: io::Error,
    },
}

/// Seals the record in `folder`: writes the statement, the sums and the signature. From then on nothing in taprig writes to the
/// record.
///
/// A record is sealed only if its verdicts and reports follow from its events. The signature is written last, so a record is either
/// sealed or not.
///
/// # Errors
/// See [`SealError`].
pub fn seal(folder: &Path, with: &Sealing<'_>) -> Result<Sealed, SealError> {
    if is_sealed(folder) {
        return Err(SealError::Already);
    }
    let record = Record::open(folder)?;
    let inputs = Inputs::read(folder)?;
    if record.state == State::Open || !is_closed(&record.events) || record.torn > 0 {
        return Err(SealError::Open);
    }
    let follows = follows(folder, &record, &inputs);
    if let Some(finding) = follows.wrong.into_iter().next() {
        return Err(SealError::Contradiction(finding));
    }
    let events = folder.join("events.jsonl");
    let lines = fs::read(&events).map_err(|cause| SumsError::Io { path: events, cause })?;
    let statement = Statement::of(&lines, &record.events, &inputs, with.authorised_by, with.at);
    let text = pretty(&statement);
    let mut sums = Sums::of(folder)?;
    sums.0.insert(STATEMENT.to_owned(), sha256(&text));
    let list = sums.text();
    // All of it is made before anything is written.
    let signature = sign(list.as_bytes(), with.key)?;
    for (name, content) in [(STATEMENT, text.as_slice()), (SUMS, list.as_bytes()), (SIGNATURE, signature.as_slice())] {
        let path = folder.join(name);
        replace(&path, content).map_err(|cause| SealError::Write { path, cause })?;
    }
    Ok(Sealed { statement, files: sums.0.len(), sums: sha256(list.as_bytes()) })
}

/// Adds the reply of a time-stamping authority (RFC 3161) to the seal of a record. The reply must be for the file
/// `SHA256SUMS.sig`. With `authority`, a file of certificates in PEM must vouch for the authority.
///
/// # Errors
/// The record is not sealed, the reply is not for its seal, or a time stamp is there already.
pub fn add_time_stamp(folder: &Path, reply: &Path, authority: Option<&Path>) -> Result<TimeStamp, SealError> {
    if !is_sealed(folder) {
        return Err(SealError::NotSealed);
    }
    let wrong = |why: String| SealError::TimeStamp { file: reply.to_owned(), why };
    let path = folder.join(TIME_STAMP);
    if fs::symlink_metadata(&path).is_ok() {
        return Err(wrong(format!("{} has a time stamp already", folder.display())));
    }
    let at = folder.join(SIGNATURE);
    let signature = fs::read(&at).map_err(|cause| SumsError::Io { path: at, cause })?;
    let stamp = time_stamp::check(&signature, reply, authority).map_err(wrong)?;
    let content = fs::read(reply).map_err(|cause| SumsError::Io { path: reply.to_owned(), cause })?;
    replace(&path, &content).map_err(|cause| SealError::Write { path, cause })?;
    Ok(stamp)
}
