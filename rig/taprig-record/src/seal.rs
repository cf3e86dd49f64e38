//! The files of a seal, and the rule that nothing writes to a sealed record.
//!
//! The crate `taprig-seal` makes and verifies seals. The rule is here, because everything that writes to a record has to obey
//! it.

use std::fs;
use std::path::{Path, PathBuf};

use super::{EVENTS, INPUTS, MARK};

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
#[error("this record is sealed (`{SIGNATURE}`), so nothing may be written to it; name another place")]
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

/// Refuses to write to a sealed record. `path` is a folder or file that is to be written, whether it exists already or not. It is
/// refused if it is a sealed record, or lies in one at any depth. Call it before anything is changed.
///
/// # Errors
/// The record is sealed.
pub fn refuse(path: &Path) -> Result<(), Sealed> {
    let led = led(path, LINKS);
    // A file that is replaced goes to where its name is, and one that is written in place to where a link leads.
    for at in [placed(path, LINKS), led] {
        if is_sealed(&at) {
            return Err(Sealed { folder: path.to_owned() });
        }
        if let Some(folder) = at.ancestors().skip(1).find(|folder| is_sealed(folder) && holds_record(folder)) {
            return Err(Sealed { folder: folder.to_owned() });
        }
    }
    Ok(())
}

/// The largest number of links that one path follows. The operating system gives up after as many.
const LINKS: u32 = 40;

/// Where the name of a file would really be. Folders that do not exist yet are taken as they are.
fn placed(path: &Path, links: u32) -> PathBuf {
    let parent = path.parent().map_or_else(PathBuf::new, Path::to_owned);
    let here = || PathBuf::from(".").canonicalize().unwrap_or_default();
    match path.file_name() {
        Some(name) if parent.as_os_str().is_empty() => here().join(name),
        Some(name) => led(&parent, links).join(name),
        None if path.as_os_str().is_empty() || path == Path::new(".") => here(),
        None if path.ends_with("..") => led(&parent, links).parent().map_or_else(|| "/".into(), Path::to_owned),
        None => path.to_owned(),
    }
}

/// Where a path leads after all links, also if the last of them leads to something that does not exist yet.
fn led(path: &Path, links: u32) -> PathBuf {
    if let Ok(real) = path.canonicalize() {
        return real;
    }
    let at = placed(path, links);
    match fs::read_link(&at) {
        Ok(target) if links > 0 => led(&at.parent().unwrap_or(Path::new("/")).join(target), links - 1),
        _ => at,
    }
}

/// Whether a folder looks like a record. `SHA256SUMS.sig` alone is also how others name the signature of a download, and nobody
/// wants all folders below it to be refused.
fn holds_record(folder: &Path) -> bool {
    [EVENTS, MARK, STATEMENT, INPUTS].iter().any(|name| fs::symlink_metadata(folder.join(name)).is_ok())
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

    #[test]
    fn everything_below_a_sealed_record_is_refused_however_it_is_named() {
        use std::os::unix::fs::symlink;
        let folder = tempfile::tempdir().unwrap();
        let at = |inside: &str| folder.path().join(inside);
        for (record, files) in [("record", &[EVENTS, SIGNATURE][..]), ("open", &[EVENTS]), ("download", &[SIGNATURE])] {
            fs::create_dir_all(at(record).join("serial")).unwrap();
            files.iter().for_each(|name| fs::write(at(record).join(name), "").unwrap());
        }
        symlink(at("record"), at("to-record")).unwrap();
        symlink("record/serial", at("to-serial")).unwrap();
        symlink("record/not-yet", at("to-nothing")).unwrap();
        symlink(at("open"), at("record/out")).unwrap();
        symlink("loop", at("loop")).unwrap();
        for refused in [
            "record",
            "record/",
            "record/.",
            "record/x",
            "record/serial/x",
            "record/not-yet/deep/x",
            "open/../record/x",
            "open/not-yet/../../record/x",
            "to-record",
            "to-record/x",
            "to-serial/x",
            "to-nothing",
            "to-nothing/x",
            // A file that is replaced would replace the link, which is a part of the record.
            "record/out",
            "download",
        ] {
            assert!(refuse(&at(refused)).is_err(), "{refused}");
        }
        for fine in [
            "",
            "open",
            "open/x",
            "new/x",
            "record/../x",
            "record/out/x",
            "download/x",
            "download/new/x",
            "loop",
            "loop/x",
        ] {
            assert_eq!(refuse(&at(fine)), Ok(()), "{fine}");
        }
        assert_eq!(refuse(Path::new("x")), Ok(()));
        assert_eq!(refuse(Path::new("")), Ok(()));
        assert_eq!(refuse(Path::new("/")), Ok(()));
    }
}
