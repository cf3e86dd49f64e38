//! The requirements of a record, read from the files that the record keeps.

use super::diagnostic::{Diagnostic, Problems};
use super::document::parse;
use super::lock;
use super::source::Source;
use super::typed::typed;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use taprig_model::requirement::Requirements;
use taprig_model::version::Version;

/// The file in the folder of cases.
const FILE: &str = "cases/requirements.yaml";

/// The requirements in the files of a record (`Inputs::files`): those of the project, and those of its suite, if it has one.
///
/// # Errors
/// The record has no such file, or the file can't be understood.
pub fn of_texts(files: &BTreeMap<PathBuf, String>) -> Result<Requirements, Problems> {
    let mut problems = Problems::default();
    let paths = [Path::new(lock::FOLDER).join(FILE), PathBuf::from(FILE)];
    let texts: Vec<_> = paths.iter().filter_map(|path| files.get_key_value(path)).collect();
    if texts.is_empty() {
        let missing = Diagnostic::of_file(Path::new(FILE), "the record does not hold this file");
        return Err(missing.help("run the cases of a project that has requirements").into());
    }
    let mut all = Requirements { schema: Version, requirements: BTreeMap::new() };
    for (path, text) in texts {
        let tree = Source::of_bytes(path, text.clone().into_bytes()).and_then(|source| parse(&source, &mut problems));
        match tree {
            Ok(tree) => {
                let read = typed::<Requirements>(&tree, &mut problems);
                all.requirements.extend(read.into_iter().flat_map(|read| read.requirements));
            }
            Err(problem) => problems.push(problem),
        }
    }
    problems.into_result(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(files: &[(&str, &str)]) -> Result<Vec<String>, String> {
        let files = files.iter().map(|(path, text)| (PathBuf::from(path), (*text).to_owned())).collect();
        of_texts(&files).map(|all| all.requirements.into_keys().collect()).map_err(|problems| problems.to_string())
    }

    #[test]
    fn a_record_of_a_makers_project_has_the_requirements_of_both() {
        let one = |id: &str| {
            format!("schema: 1\nrequirements:\n  {id}: {{ text: It works., strength: must, source: A book }}\n")
        };
        let (own, suite) = (one("XMY-A"), one("SEL-A"));
        let both = [("cases/requirements.yaml", own.as_str()), ("suite/cases/requirements.yaml", suite.as_str())];
        assert_eq!(read(&both).unwrap(), ["SEL-A", "XMY-A"]);
        assert_eq!(read(&both[..1]).unwrap(), ["XMY-A"]);
    }

    #[test]
    fn what_is_no_list_of_requirements_is_told_with_its_line() {
        assert!(read(&[]).unwrap_err().contains("the record does not hold this file"));
        let wrong = read(&[(
            "cases/requirements.yaml",
            "schema: 1\nrequirements:\n  A: { text: It works., strength: perhaps, source: s }\n",
        )]);
        assert!(wrong.unwrap_err().starts_with("cases/requirements.yaml:3:"));
    }
}
