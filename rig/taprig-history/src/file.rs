//! The file of a history: one night in each line.
//!
//! A reader needs no lock, because a writer never changes the file in place: it writes a new one beside it and renames it.
//! So a crash leaves either the old file or the new one, and never half a line. Writers wait for each other with a lock of
//! the operating system on the file itself.

use serde::Serialize;
use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use taprig_model::history::{Night, SCHEMA};

/// A history that was read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct History {
    /// The nights, oldest first. Each run is there once, as its last line has it.
    pub nights: Vec<Night>,
    /// Lines that can't be read. All other lines count.
    pub broken: Vec<BrokenLine>,
}

/// A line that can't be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BrokenLine {
    /// Line number, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub why: String,
}

/// A file could not be read or written.
#[derive(Debug, thiserror::Error)]
#[error("{doing} {}: {cause}", path.display())]
pub struct FileError {
    /// What was being done.
    doing: &'static str,
    /// The file.
    path: PathBuf,
    /// What went wrong.
    cause: io::Error,
}

impl FileError {
    /// Whether the file does not exist.
    #[must_use]
    pub fn is_missing(&self) -> bool {
        self.cause.kind() == io::ErrorKind::NotFound
    }
}

/// What adding a night did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Added {
    /// The run is new.
    New,
    /// The history had this very record already. Nothing was written.
    Known,
    /// The run was resumed since its line was written. The new line replaces the old one.
    Continued,
}

impl History {
    /// Reads a history.
    ///
    /// # Errors
    /// The file can't be read. A line that is broken is not an error.
    pub fn read(path: &Path) -> Result<Self, FileError> {
        let text = fs::read(path).map_err(|cause| FileError { doing: "reading", path: path.into(), cause })?;
        Ok(Self::of(&text))
    }

    /// The history in this text.
    #[must_use]
    pub fn of(text: &[u8]) -> Self {
        let lines: Vec<(usize, &[u8])> = (1..)
            .zip(text.split(|&byte| byte == b'\n'))
            .filter(|(_, line)| !line.iter().all(u8::is_ascii_whitespace))
            .collect();
        let mut history = Self::default();
        // Reading is most of the work of every answer, so all cores do it.
        let workers = std::thread::available_parallelism().map_or(1, usize::from).min(8);
        let share = lines.len().div_ceil(workers).max(1);
        let read: Vec<Vec<Result<Night, BrokenLine>>> = std::thread::scope(|threads| {
            let parts: Vec<_> = lines
                .chunks(share)
                .map(|part| threads.spawn(move || part.iter().map(|(line, text)| night(*line, text)).collect()))
                .collect();
            parts.into_iter().map(|part| part.join().unwrap_or_default()).collect()
        });
        for line in read.into_iter().flatten() {
            match line {
                Ok(night) => history.nights.push(night),
                Err(broken) => history.broken.push(broken),
            }
        }
        history.order();
        history
    }

    /// Sorts the nights by their start, and keeps the last line of each run.
    fn order(&mut self) {
        let mut seen = std::collections::BTreeSet::new();
        let mut nights: Vec<Night> = std::mem::take(&mut self.nights).into_iter().rev().collect();
        nights.retain(|night| seen.insert(night.run.clone()));
        nights.reverse();
        nights.sort_by(|a, b| a.started.cmp(&b.started));
        // The lines of `taprig history add` are in order; cases are looked for by their ids.
        for night in nights.iter_mut().filter(|night| !night.cases.is_sorted_by(|a, b| a.id < b.id)) {
            night.cases.sort_by(|a, b| a.id.cmp(&b.id));
        }
        self.nights = nights;
    }
}

/// An error in a line. serde counts the lines within this one, and a second number of a line would only puzzle.
fn in_a_line(error: &serde_json::Error) -> String {
    error.to_string().replace(" at line 1 column ", ", at column ")
}

/// What can't be true of a night. `taprig history add` writes no such line, so somebody has changed it, and answers from it would be
/// wrong.
fn wrong(night: &Night) -> Option<String> {
    if night.started.parse::<jiff::Timestamp>().is_err() {
        return Some(format!("`{}` is no time of day in UTC, so it is not known when the run began", night.started));
    }
    // Ids in order are there once, and the lines of `taprig history add` have them in order.
    let mut ids = std::collections::BTreeSet::new();
    let ordered = night.cases.is_sorted_by(|a, b| a.id < b.id);
    for case in &night.cases {
        let benches = night.benches.len();
        if !ordered && !ids.insert(case.id.as_str()) {
            return Some(format!("the case {} is there twice", case.id));
        }
        if let Some(bench) = case.bench.filter(|bench| *bench >= benches) {
            return Some(format!(
                "the case {} ran on the bench {bench} of the list, and the list has {benches}",
                case.id
            ));
        }
    }
    None
}

/// One line.
fn night(line: usize, text: &[u8]) -> Result<Night, BrokenLine> {
    #[derive(serde::Deserialize)]
    struct Version {
        schema: u32,
    }
    let broken = |why: String| BrokenLine { line, why };
    match serde_json::from_slice::<Night>(text) {
        Ok(night) if night.schema <= SCHEMA => match wrong(&night) {
            None => Ok(night),
            Some(why) => Err(broken(why)),
        },
        Err(_) | Ok(_)
            if let Ok(Version { schema }) = serde_json::from_slice(text)
                && schema > SCHEMA =>
        {
            Err(broken(format!("schema {schema} is later than {SCHEMA}; read it with a newer taprig")))
        }
        Ok(_) => Err(broken("it has no schema".into())),
        Err(error) if error.is_eof() => Err(broken(format!("the line ends too early: {}", in_a_line(&error)))),
        Err(error) => Err(broken(in_a_line(&error))),
    }
}

/// Adds nights, and says what became of each. Lines of other runs stay as they are, byte by byte, even those that are broken.
/// Returns these, too.
///
/// # Errors
/// The file can't be read or written. Then it is as before.
pub fn add(path: &Path, nights: &[Night]) -> Result<(Vec<Added>, Vec<BrokenLine>), FileError> {
    let failed = |doing, cause| FileError { doing, path: path.into(), cause };
    let mut locked = Locked::open(path).map_err(|cause| failed("opening", cause))?;
    let old = locked.read().map_err(|cause| failed("reading", cause))?;
    let history = History::of(&old);
    let mut known: BTreeMap<&str, &str> =
        history.nights.iter().map(|night| (night.run.as_str(), night.content.as_str())).collect();
    let mut new = old;
    let mut all = Vec::with_capacity(nights.len());
    for night in nights {
        let added = match known.insert(&night.run, &night.content) {
            Some(content) if content == night.content => Added::Known,
            Some(_) => Added::Continued,
            None => Added::New,
        };
        all.push(added);
        if added == Added::Known {
            continue;
        }
        if !new.is_empty() && !new.ends_with(b"\n") {
            new.push(b'\n');
        }
        new.extend(line(night));
    }
    if all.iter().any(|added| *added != Added::Known) {
        locked.replace(&new).map_err(|cause| failed("writing", cause))?;
    }
    Ok((all, history.broken))
}

/// What rebuilding did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Rebuilt {
    /// Nights that were made from records.
    pub from_records: usize,
    /// Nights of runs whose records are gone. Their lines were kept.
    pub kept: usize,
    /// Broken lines of the old file. The new file does not have them.
    pub broken: Vec<BrokenLine>,
    /// Where the old file is now, if there was one.
    pub old: Option<PathBuf>,
}

/// Writes the history again, from nights that were made from records. Readable lines of other runs are kept, because
/// their records may be gone. The old file is kept under another name.
///
/// # Errors
/// A file can't be read or written. Then the history is as before.
pub fn rebuild(path: &Path, nights: Vec<Night>) -> Result<Rebuilt, FileError> {
    let failed = |doing, cause| FileError { doing, path: path.into(), cause };
    let mut locked = Locked::open(path).map_err(|cause| failed("opening", cause))?;
    let old = locked.read().map_err(|cause| failed("reading", cause))?;
    let mut history = History::of(&old);
    let broken = std::mem::take(&mut history.broken);
    history.nights.retain(|known| !nights.iter().any(|night| night.run == known.run));
    let kept = history.nights.len();
    history.nights.extend(nights);
    history.order();
    let from_records = history.nights.len() - kept;
    let beside = match old.is_empty() {
        true => None,
        false => {
            let beside = unused(&locked.path).map_err(|cause| failed("looking for a name beside", cause))?;
            fs::write(&beside, &old).map_err(|cause| failed("copying", cause))?;
            Some(beside)
        }
    };
    let new: Vec<u8> = history.nights.iter().flat_map(line).collect();
    locked.replace(&new).map_err(|cause| failed("writing", cause))?;
    Ok(Rebuilt { from_records, kept, broken, old: beside })
}

/// A name beside the file that no file has: `history.jsonl.old`, `history.jsonl.old-2`.
fn unused(path: &Path) -> io::Result<PathBuf> {
    for number in 1u32.. {
        let mut name = path.as_os_str().to_owned();
        name.push(if number == 1 { ".old".to_owned() } else { format!(".old-{number}") });
        let name = PathBuf::from(name);
        if !fs::exists(&name)? {
            return Ok(name);
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

fn line(night: &Night) -> Vec<u8> {
    // Serialising fails only for maps whose keys are not text, and a night has no such map.
    let mut line = serde_json::to_vec(night).unwrap_or_default();
    line.push(b'\n');
    line
}

/// The file, held against other writers. The lock ends with this value, or with the process.
struct Locked {
    /// The real path, so that a link to a history stays a link.
    path: PathBuf,
    file: File,
}

impl Locked {
    fn open(path: &Path) -> io::Result<Self> {
        loop {
            let file = OpenOptions::new().read(true).append(true).create(true).open(path)?;
            file.lock()?;
            // Another writer may have renamed its file to this path while this one waited.
            let real = path.canonicalize()?;
            match fs::metadata(&real) {
                Ok(now) if (now.dev(), now.ino()) == id(&file.metadata()?) => return Ok(Self { path: real, file }),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn read(&mut self) -> io::Result<Vec<u8>> {
        let mut content = Vec::new();
        self.file.read_to_end(&mut content)?;
        Ok(content)
    }

    /// Puts a file with this content in its place.
    fn replace(&self, content: &[u8]) -> io::Result<()> {
        let mut beside = self.path.as_os_str().to_owned();
        beside.push(".part");
        let beside = PathBuf::from(beside);
        let written = (|| {
            let mut new = File::create(&beside)?;
            new.set_permissions(self.file.metadata()?.permissions())?;
            new.write_all(content)?;
            new.sync_all()?;
            fs::rename(&beside, &self.path)
        })();
        if written.is_err() {
            let _ = fs::remove_file(&beside);
        }
        written
    }
}

fn id(meta: &fs::Metadata) -> (u64, u64) {
    (meta.dev(), meta.ino())
}

#[cfg(test)]
mod tests;
