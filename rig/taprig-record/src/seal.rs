//! The files of a seal, and the rule that nothing writes to a sealed record.
//!
//! The crate `taprig-seal` makes and verifies seals. The rule is here, because everything that writes to a record has to obey
//! it.

use std::fs;
use std::path::{Path, PathBuf};

/// The SHA-256 of every other file of the record, in the format of `sha256sum`.
pub const SUMS: &str = "SHA256SUMS";

/// The signature of [`SUMS`] by `ssh-keygen`. A record with this file is sealed.
pub const SIGNATURE: &str = "SHA256SUMS.sig";

/// The reply of a time-stamping authority (RFC 3161) for [`SIGNATURE`].
pub const TIME_STAMP: &str = "SHA256SUMS.sig.tsr";

/// The in-toto statement about the record. [`SUMS`] covers it.
pub const STATEMENT: &str = "statement.json";

/// A record is sealed, so nothing may be written to it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("this record is sealed (`{SIGNATURE}`), so nothing may be written to it; name another folder")]
pub struct Sealed {
    /// The folder of the record.
    pub folder: PathBuf,
}

/// Whether the record in `folder` is sealed. This says nothing about whether the seal is still good.
#[must_use]
pub fn is_sealed(folder: &Path) -> bool {
    // A link that leads nowhere counts as well, so that nobody can lift the rule by moving what it points to.
    fs::symlink_metadata(folder.join(SIGNATURE)).is_ok()
}

/// Refuses to write to a sealed record. Call it before anything in `folder` is changed.
///
/// # Errors
/// The record is sealed.
pub fn refuse(folder: &Path) -> Result<(), Sealed> {
    if is_sealed(folder) { Err(Sealed { folder: folder.to_owned() }) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{EVENTS, Options, Record, Recorder, WriteError};

    #[test]
    fn a_sealed_record_is_neither_replaced_nor_continued() {
        let folder = tempfile::tempdir().unwrap();
        let start = || Recorder::start(Some(folder.path()), Options::default(), vec![]);
        start().unwrap().close(false).unwrap();
        let record = Record::open(folder.path()).unwrap();
        start().unwrap().close(false).unwrap();
        fs::write(folder.path().join(SIGNATURE), "").unwrap();
        let before = fs::read(folder.path().join(EVENTS)).unwrap();
        for refused in [start(), Recorder::resume(&record, Options::default(), vec![])] {
            let error = refused.err().unwrap();
            assert!(matches!(&error, WriteError::Folder { why, .. } if why.contains("is sealed")), "{error}");
        }
        assert_eq!(fs::read(folder.path().join(EVENTS)).unwrap(), before);
        fs::remove_file(folder.path().join(SIGNATURE)).unwrap();
        start().unwrap().close(true).unwrap();
    }
}
