//! The images of a folder, in order.

use std::cmp::Ordering;
use std::fs;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use taprig_case::Diagnostic;
use taprig_record::units::lower_hex;

/// The file of a folder that gives the order of its images: one name in each line, the oldest first. Empty lines and lines
/// that begin with `#` do not count.
pub const LIST: &str = "images.txt";

/// Endings of files that are no images.
const NO_IMAGES: [&str; 5] = ["txt", "md", "json", "yaml", "map"];

/// An image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// Its path.
    pub path: PathBuf,
    /// Its name in the folder.
    pub name: String,
    /// SHA-256 of the file in lower-case hexadecimal.
    pub digest: String,
}

/// The images of a folder, the oldest first: in the order of its list, or without a list in the natural order of their names,
/// in which `fw-9` comes before `fw-10`.
///
/// # Errors
/// The folder or an image can't be read, a line of the list names no file, or there are fewer than two images.
pub fn of(folder: &Path) -> Result<Vec<Image>, Diagnostic> {
    let list = folder.join(LIST);
    let names = if list.exists() { listed(folder, &list)? } else { found(folder)? };
    if names.len() < 2 {
        let problem = format!("a bisection needs at least two images, and this folder has {}", names.len());
        return Err(
            Diagnostic::of_file(folder, problem).help("put an old image that works and a new one that fails into it")
        );
    }
    let image = |name: String| {
        let path = folder.join(&name);
        let content =
            fs::read(&path).map_err(|error| Diagnostic::of_file(&path, format!("the image can't be read: {error}")))?;
        Ok(Image {
            path: std::path::absolute(&path).unwrap_or(path),
            name,
            digest: lower_hex(&Sha256::digest(&content)),
        })
    };
    names.into_iter().map(image).collect()
}

fn listed(folder: &Path, list: &Path) -> Result<Vec<String>, Diagnostic> {
    let text = fs::read_to_string(list)
        .map_err(|error| Diagnostic::of_file(list, format!("the list of images can't be read: {error}")))?;
    let mut names: Vec<String> = vec![];
    for (line, text) in (1..).zip(text.lines().map(str::trim)) {
        if text.is_empty() || text.starts_with('#') {
            continue;
        }
        let wrong = |why: &str| Diagnostic::of_file(list, format!("line {line}: {why} `{text}`"));
        if !folder.join(text).is_file() {
            return Err(wrong("there is no image").help("names are relative to the folder of the list"));
        }
        if names.iter().any(|name| name == text) {
            return Err(wrong("the list has this image twice:"));
        }
        names.push(text.to_owned());
    }
    Ok(names)
}

fn found(folder: &Path) -> Result<Vec<String>, Diagnostic> {
    let entries = fs::read_dir(folder)
        .map_err(|error| Diagnostic::of_file(folder, format!("the folder of images can't be read: {error}")))?;
    let is_image = |path: &Path| {
        let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
        path.is_file() && !NO_IMAGES.contains(&extension)
    };
    let names = entries.flatten().filter(|entry| is_image(&entry.path()));
    let mut names: Vec<String> = names.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.retain(|name| !name.starts_with('.'));
    names.sort_by(|a, b| natural(a, b));
    Ok(names)
}

/// The order of names in which a row of digits counts as a number.
#[must_use]
pub fn natural(a: &str, b: &str) -> Ordering {
    let (mut left, mut right) = (parts(a), parts(b));
    loop {
        return match (left.next(), right.next()) {
            (Some(one), Some(other)) => match compare(one, other) {
                Ordering::Equal => continue,
                order => order,
            },
            // Names that differ in leading zeros only are not the same.
            (None, None) => a.cmp(b),
            (None, Some(_)) => Ordering::Less,
            (Some(_), None) => Ordering::Greater,
        };
    }
}

fn compare(a: &str, b: &str) -> Ordering {
    let is_number = |text: &str| text.starts_with(|c: char| c.is_ascii_digit());
    if !is_number(a) || !is_number(b) {
        return a.cmp(b);
    }
    // A number of any length is compared as text, without its leading zeros.
    let (a, b) = (a.trim_start_matches('0'), b.trim_start_matches('0'));
    a.len().cmp(&b.len()).then_with(|| a.cmp(b))
}

/// Rows of digits, and single other characters.
fn parts(mut text: &str) -> impl Iterator<Item = &str> {
    std::iter::from_fn(move || {
        let first = text.chars().next()?;
        let end = match first.is_ascii_digit() {
            true => text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()),
            false => first.len_utf8(),
        };
        let (part, rest) = text.split_at(end);
        text = rest;
        Some(part)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        files.iter().for_each(|(name, text)| fs::write(folder.path().join(name), text).unwrap());
        folder
    }

    fn names(folder: &tempfile::TempDir) -> Result<Vec<String>, String> {
        let images = of(folder.path()).map_err(|problem| problem.message)?;
        Ok(images.into_iter().map(|image| image.name).collect())
    }

    #[test]
    fn versions_are_in_the_order_of_their_numbers() {
        let folder = folder(&[
            ("fw-1.10.0.elf", "d"),
            ("fw-1.9.0.elf", "c"),
            ("fw-1.2.0.elf", "b"),
            ("fw-0.9.elf", "a"),
            ("README.md", ""),
            (".hidden", ""),
        ]);
        assert_eq!(names(&folder).unwrap(), ["fw-0.9.elf", "fw-1.2.0.elf", "fw-1.9.0.elf", "fw-1.10.0.elf"]);
        assert!(of(folder.path()).unwrap()[0].digest.starts_with("ca978112ca1bbdca"), "SHA-256 of `a`");
    }

    #[test]
    fn a_list_gives_another_order() {
        let folder = folder(&[("a.elf", "a"), ("b.elf", "b"), ("c.elf", "c"), (LIST, "# by date\nc.elf\n\n  a.elf\n")]);
        assert_eq!(names(&folder).unwrap(), ["c.elf", "a.elf"]);
    }

    #[test]
    fn wrong_folders_and_lists_are_told() {
        assert!(names(&folder(&[("a.elf", "a")])).unwrap_err().contains("at least two images, and this folder has 1"));
        let list = folder(&[("a.elf", "a"), (LIST, "a.elf\nb.elf\n")]);
        assert_eq!(names(&list).unwrap_err(), "line 2: there is no image `b.elf`");
        let list = folder(&[("a.elf", "a"), (LIST, "a.elf\na.elf\n")]);
        assert_eq!(names(&list).unwrap_err(), "line 2: the list has this image twice: `a.elf`");
        assert!(of(Path::new("/no/such/folder")).unwrap_err().message.contains("can't be read"));
    }

    proptest! {
        #[test]
        fn the_order_is_one(mut names in prop::collection::vec("[a0-3.ü]{0,6}", 3..4)) {
            names.sort_by(|a, b| natural(a, b));
            prop_assert_ne!(natural(&names[0], &names[1]), Ordering::Greater);
            prop_assert_ne!(natural(&names[1], &names[2]), Ordering::Greater);
            prop_assert_ne!(natural(&names[0], &names[2]), Ordering::Greater);
            prop_assert_eq!(natural(&names[0], &names[1]), natural(&names[1], &names[0]).reverse());
            prop_assert_eq!(natural(&names[0], &names[1]) == Ordering::Equal, names[0] == names[1]);
        }
    }
}
