//! `SHA256SUMS`: the files of a folder with their SHA-256, in the format of `sha256sum`.

use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fs;
use std::io::{self, BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use taprig_record::seal::{SIGNATURE, SUMS, TIME_STAMP};
use taprig_record::units::lower_hex;

/// The files of a folder and of its folders, each with its SHA-256 in lower-case hexadecimal. Names are relative to the folder
/// and have `/` between their parts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sums(pub BTreeMap<String, String>);

/// The sums of a folder can't be computed, or a list of sums can't be read.
#[derive(Debug, thiserror::Error)]
pub enum SumsError {
    /// A file or a folder can't be read.
    #[error("reading {}: {cause}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What went wrong.
        cause: io::Error,
    },
    /// Something that has no content of its own.
    #[error("{}: it is neither a file nor a folder, so it can't be sealed; remove it, or put a copy in its place", .0.display())]
    NoFile(PathBuf),
    /// `sha256sum` writes such a name in another form, which other programs may read differently.
    #[error("{}: a name in a record may not have a line end or a backslash, and has to be UTF-8; rename it", .0.display())]
    Name(PathBuf),
    /// A line of a list is no line of `sha256sum`.
    #[error("line {line} of {SUMS} is not `SHA-256, two spaces, name`")]
    Line {
        /// Line number, from 1.
        line: usize,
    },
}

/// The SHA-256 in lower-case hexadecimal.
#[must_use]
pub fn sha256(content: &[u8]) -> String {
    lower_hex(&Sha256::digest(content))
}

/// The SHA-256 of a file of any size.
fn sum(path: &Path) -> io::Result<String> {
    let (mut digest, mut file) = (Sha256::new(), BufReader::with_capacity(1 << 16, fs::File::open(path)?));
    loop {
        let part = file.fill_buf()?;
        if part.is_empty() {
            return Ok(lower_hex(&digest.finalize()));
        }
        digest.update(part);
        let length = part.len();
        file.consume(length);
    }
}

impl Sums {
    /// The sums of all files in `folder`, at any depth. The list itself, its signature and its time stamp are left out.
    ///
    /// # Errors
    /// A file can't be read, or something in the folder can't be part of a seal.
    pub fn of(folder: &Path) -> Result<Self, SumsError> {
        let (sums, wrong) = Self::of_all(folder);
        wrong.into_iter().next().map_or(Ok(sums), Err)
    }

    /// The sums of all files that have one, and everything in the folder that can't be part of a seal.
    pub fn of_all(folder: &Path) -> (Self, Vec<SumsError>) {
        let (mut sums, mut wrong) = (Self::default(), vec![]);
        sums.add(folder, "", &mut wrong);
        sums.0.retain(|name, _| ![SUMS, SIGNATURE, TIME_STAMP].contains(&name.as_str()));
        (sums, wrong)
    }

    fn add(&mut self, folder: &Path, before: &str, wrong: &mut Vec<SumsError>) {
        let failed = |path: &Path, cause| SumsError::Io { path: path.to_owned(), cause };
        let mut entries: Vec<fs::DirEntry> = match fs::read_dir(folder).and_then(Iterator::collect) {
            Ok(entries) => entries,
            Err(cause) => return wrong.push(failed(folder, cause)),
        };
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            let path = entry.path();
            let name = match entry.file_name().into_string() {
                Ok(name) if !name.contains(['\n', '\r', '\\']) => format!("{before}{name}"),
                _ => {
                    wrong.push(SumsError::Name(path));
                    continue;
                }
            };
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => self.add(&path, &format!("{name}/"), wrong),
                Ok(kind) if kind.is_file() => match sum(&path) {
                    Ok(sum) => drop(self.0.insert(name, sum)),
                    Err(cause) => wrong.push(failed(&path, cause)),
                },
                Ok(_) => wrong.push(SumsError::NoFile(path)),
                Err(cause) => wrong.push(failed(&path, cause)),
            }
        }
    }

    /// Reads a list.
    ///
    /// # Errors
    /// A line is not one that [`Sums::text`] writes, or a name is there twice.
    pub fn parse(text: &str) -> Result<Self, SumsError> {
        let mut sums = Self::default();
        for (line, content) in (1..).zip(text.split_inclusive('\n')) {
            let wrong = SumsError::Line { line };
            let Some((sum, name)) = content.strip_suffix('\n').and_then(|content| content.split_once("  ")) else {
                return Err(wrong);
            };
            let is_sum = sum.len() == 64 && sum.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
            if !is_sum || name.is_empty() || sums.0.insert(name.to_owned(), sum.to_owned()).is_some() {
                return Err(wrong);
            }
        }
        Ok(sums)
    }

    /// The list as `sha256sum -c` reads it, in the order of the names.
    #[must_use]
    pub fn text(&self) -> String {
        self.0.iter().map(|(name, sum)| format!("{sum}  {name}\n")).collect()
    }

    /// How `there` differs from this list: each name, and what is wrong with it, in the order of the names.
    #[must_use]
    pub fn differences(&self, there: &Self) -> Vec<(String, String)> {
        let mut all = Vec::new();
        let added: BTreeMap<&str, &str> = there
            .0
            .iter()
            .filter(|(name, _)| !self.0.contains_key(*name))
            .map(|(name, sum)| (sum.as_str(), name.as_str()))
            .collect();
        for (name, sum) in &self.0 {
            match (there.0.get(name), added.get(sum.as_str())) {
                (Some(other), _) if other == sum => {}
                (Some(_), _) => all.push((name.clone(), "it was altered after the record was sealed".into())),
                (None, Some(other)) => all.push((name.clone(), format!("it was renamed: it is now `{other}`"))),
                (None, None) => all.push((name.clone(), "it was removed after the record was sealed".into())),
            }
        }
        let renamed: Vec<&str> =
            self.0.iter().filter(|(name, _)| !there.0.contains_key(*name)).map(|(_, sum)| sum.as_str()).collect();
        for (name, sum) in there.0.iter().filter(|(name, _)| !self.0.contains_key(*name)) {
            if !renamed.contains(&sum.as_str()) {
                all.push((name.clone(), "it was added after the record was sealed".into()));
            }
        }
        all.sort();
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::os::unix::fs::symlink;
    use std::process::Command;

    fn folder() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("serial")).unwrap();
        for (name, text) in [("a b.txt", "one"), ("serial/x.bin", "two"), ("é", ""), (SUMS, "x"), (SIGNATURE, "y")] {
            fs::write(folder.path().join(name), text).unwrap();
        }
        folder
    }

    fn words(differences: &[(String, String)]) -> Vec<String> {
        differences.iter().map(|(name, what)| format!("{name} {}", what.split(' ').nth(2).unwrap())).collect()
    }

    #[test]
    fn the_list_is_one_that_sha256sum_accepts() {
        let folder = folder();
        let sums = Sums::of(folder.path()).unwrap();
        assert_eq!(sums.0.keys().collect::<Vec<_>>(), ["a b.txt", "serial/x.bin", "é"]);
        assert_eq!(Sums::parse(&sums.text()).unwrap(), sums);
        fs::write(folder.path().join(SUMS), sums.text()).unwrap();
        let check =
            || Command::new("sha256sum").args(["-c", "--quiet", SUMS]).current_dir(folder.path()).status().unwrap();
        assert!(check().success());
        fs::write(folder.path().join("serial/x.bin"), "twp").unwrap();
        assert!(!check().success());
    }

    #[test]
    fn each_difference_is_named() {
        let folder = folder();
        let at = |name: &str| folder.path().join(name);
        let sums = Sums::of(folder.path()).unwrap();
        let differ = || words(&sums.differences(&Sums::of(folder.path()).unwrap()));
        assert!(differ().is_empty());
        fs::write(at("serial/y.bin"), "three").unwrap();
        assert_eq!(differ(), ["serial/y.bin added"]);
        fs::write(at("a b.txt"), "other").unwrap();
        assert_eq!(differ(), ["a b.txt altered", "serial/y.bin added"]);
        fs::remove_file(at("é")).unwrap();
        fs::rename(at("serial/x.bin"), at("x.bin")).unwrap();
        assert_eq!(differ(), ["a b.txt altered", "serial/x.bin renamed:", "serial/y.bin added", "é removed"]);
    }

    #[test]
    fn what_can_not_be_sealed_is_refused() {
        let folder = folder();
        symlink("a b.txt", folder.path().join("link")).unwrap();
        assert!(matches!(Sums::of(folder.path()), Err(SumsError::NoFile(path)) if path.ends_with("link")));
        let (sums, wrong) = Sums::of_all(folder.path());
        assert_eq!((sums.0.len(), wrong.len()), (3, 1), "the files beside the link are read");
        fs::remove_file(folder.path().join("link")).unwrap();
        fs::write(folder.path().join("a\nb"), "").unwrap();
        assert!(matches!(Sums::of(folder.path()), Err(SumsError::Name(_))));
        let sum = "0".repeat(64);
        for wrong in [format!("{sum} a\n"), format!("{sum}  a"), format!("{sum}  \n"), "x  a\n".into()] {
            assert!(matches!(Sums::parse(&wrong), Err(SumsError::Line { line: 1 })), "{wrong}");
        }
        assert!(matches!(Sums::parse(&format!("{sum}  a\n{sum}  a\n")), Err(SumsError::Line { line: 2 })));
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in ".{0,200}", cut in 0usize..200) {
            let _ = Sums::parse(&text);
            let whole = format!("{}  a\n{}  b/c\n", "0".repeat(64), "f".repeat(64));
            let cut = cut.min(whole.len());
            if let Ok(sums) = Sums::parse(&whole[..cut]) {
                prop_assert_eq!(sums.text(), &whole[..cut]);
            }
        }
    }
}
