//! Reads `quarantine.yaml`, which names cases whose failure does not fail a run for a time.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use taprig_model::name::SubCaseId;
use taprig_model::quarantine::{Entry, Quarantine};

use super::diagnostic::{Diagnostic, Problems};
use super::document::{Node, PathStep};
use super::project::Project;
pub use super::project::QUARANTINE as FILE;
use super::select::{FileKind, file_of, files_if_any};
use super::typed::typed;
use super::{each, include};

/// The path of the file, whether it exists or not.
#[must_use]
pub fn path(project: &Project) -> PathBuf {
    project.root().join(FILE)
}

/// The entries of a project. A project without the file has none. Entries that have expired are among them.
///
/// # Errors
/// What is wrong with the file: an entry without a reason, an owner or a day, a case that does not exist, or two entries for
/// the same case.
pub fn read(project: &Project) -> Result<Vec<Entry>, Problems> {
    let (path, mut problems) = (path(project), Problems::default());
    if !path.exists() {
        return Ok(vec![]);
    }
    let Some(tree) = include::read_alone(&path, &mut problems) else { return problems.into_result(vec![]) };
    let file = typed::<Quarantine>(&tree, &mut problems);
    let entries = file.map(|file| file.quarantine).unwrap_or_default();
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for (place, entry) in entries.iter().enumerate() {
        let at = |key: &str| tree.place(&[PathStep::from("quarantine"), PathStep::from(place), PathStep::from(key)]);
        for (key, text) in [("reason", &entry.reason), ("owner", &entry.owner)] {
            if text.trim().is_empty() {
                problems.push(at(key).problem(format!("the {key} is empty")).help("name it, or delete the entry"));
            }
        }
        let id = entry.case.to_string();
        if let Some(first) = seen.insert(id.clone(), place) {
            let problem = at("case").problem(format!("`{id}` is in quarantine twice"));
            problems.push(problem.help(format!("it is entry {} as well; delete one of them", first + 1)));
        } else if let Some(problem) = unknown(project, &entry.case, at("case").problem("")) {
            problems.push(problem);
        }
    }
    for (place, entry) in entries.iter().enumerate().filter(|(_, entry)| entry.case.sub.is_some()) {
        let covers = |other: &&Entry| other.case.sub.is_none() && other.case.case == entry.case.case;
        let Some(whole) = entries.iter().find(covers).filter(|whole| whole.until != entry.until) else { continue };
        let at = tree.place(&[PathStep::from("quarantine"), PathStep::from(place), PathStep::from("until")]);
        let (id, case) = (&entry.case, &whole.case);
        let what =
            format!("`{id}` is in quarantine until {}, and its case `{case}` until {}", entry.until, whole.until);
        problems.push(at.problem(what).help("give both the same last day, or delete one of them"));
    }
    problems.into_result(entries)
}

/// What is wrong with an id, told at the place of `at`.
fn unknown(project: &Project, id: &SubCaseId, at: Diagnostic) -> Option<Diagnostic> {
    let says = |message: String| Diagnostic { message, ..at };
    let own = file_of(project, &id.case);
    let file = if own.is_file() { Some(own) } else { find(project, id.case.as_str()) };
    let Some(tree) = file.and_then(|file| include::read_alone(&file, &mut Problems::default())) else {
        let known = ids(project);
        return Some(
            says(format!("there is no case `{}`", id.case)).nearest(id.case.as_str(), known.iter().map(String::as_str)),
        );
    };
    let wanted = id.sub.as_ref()?;
    let names: Vec<String> = each::expand(tree, &mut Problems::default())
        .into_iter()
        .filter_map(|sub| sub.name.map(|name| name.to_string()))
        .collect();
    let problem = || says(format!("the case `{}` has no sub-case `{wanted}`", id.case));
    match names.iter().any(|name| name == wanted.as_str()) {
        true => None,
        false if names.is_empty() => Some(problem().help("it has no matrix: name the case alone")),
        false => Some(problem().nearest(wanted.as_str(), names.iter().map(String::as_str))),
    }
}

/// All case files of the project and of its suite.
fn cases(project: &Project) -> impl Iterator<Item = PathBuf> {
    let folders = project.case_folders().into_iter();
    let files = folders.flat_map(|folder| files_if_any(&folder, &mut Problems::default()));
    files.filter(|path| FileKind::read(path) == FileKind::Case)
}

/// The file of a case that is not where its id says.
fn find(project: &Project, id: &str) -> Option<PathBuf> {
    let has = |path: &PathBuf| {
        let tree = include::read_alone(path, &mut Problems::default());
        tree.as_ref().and_then(|tree| tree.get("id")).and_then(Node::text) == Some(id)
    };
    cases(project).find(has)
}

/// The ids that files have by their names.
fn ids(project: &Project) -> Vec<String> {
    let stem = |path: PathBuf| path.file_stem().and_then(|stem| stem.to_str()).map(str::to_owned);
    cases(project).filter_map(stem).collect()
}

/// Whether a path is the file of a project's quarantine.
pub(crate) fn is_file(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name == FILE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    const GOOD: &str = "{ reason: flaky, owner: Li, until: 2026-12-31 }";

    fn project(quarantine: &str) -> (tempfile::TempDir, Project) {
        let folder = tempfile::tempdir().unwrap();
        for (file, text) in [
            (
                "cases/oda/ODA-004.yaml",
                "schema: 1\nid: ODA-004\neach: [{ name: first, bit: 0 }, { name: last, bit: 9 }]\nx: \"{bit}\"\n",
            ),
            ("cases/bus/BUS-001.yaml", "schema: 1\nid: BUS-001\n"),
            ("cases/other/ride.yaml", "schema: 1\nid: XAB-001\n"),
            (FILE, quarantine),
        ] {
            let path = folder.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let project = Project::at(folder.path());
        (folder, project)
    }

    fn problems(entries: &[&str]) -> Vec<String> {
        let (folder, project) = project(&format!("schema: 1\nquarantine:\n{}\n", entries.join("\n")));
        let problems = read(&project).unwrap_err();
        let root = format!("{}/", folder.path().display());
        problems.iter().map(|problem| problem.to_string().replace(&root, "")).collect()
    }

    #[test]
    fn entries_of_cases_and_sub_cases() {
        let rest = GOOD.trim_start_matches("{ ");
        let lines: Vec<String> = ["BUS-001", "ODA-004/first", "ODA-004", "XAB-001"]
            .iter()
            .map(|id| format!("  - {{ case: {id}, {rest}"))
            .collect();
        let (_folder, project) = project(&format!("schema: 1\nquarantine:\n{}\n", lines.join("\n")));
        let entries = read(&project).unwrap();
        let ids: Vec<_> = entries.iter().map(|entry| entry.case.to_string()).collect();
        assert_eq!(ids, ["BUS-001", "ODA-004/first", "ODA-004", "XAB-001"]);
        fs::remove_file(path(&project)).unwrap();
        assert_eq!(read(&project).unwrap(), []);
    }

    #[test]
    fn each_mistake_is_told_with_its_line() {
        assert_eq!(
            problems(&["  - { case: BUS-002, reason: flaky, owner: Li, until: 2026-12-31 }"]),
            ["quarantine.yaml:3:13: there is no case `BUS-002` (did you mean `BUS-001`?)"]
        );
        assert_eq!(
            problems(&["  - { case: ODA-004/firts, reason: flaky, owner: Li, until: 2026-12-31 }"]),
            ["quarantine.yaml:3:13: the case `ODA-004` has no sub-case `firts` (did you mean `first`?)"]
        );
        assert_eq!(
            problems(&["  - { case: BUS-001/first, reason: flaky, owner: Li, until: 2026-12-31 }"]),
            [
                "quarantine.yaml:3:13: the case `BUS-001` has no sub-case `first` (it has no matrix: name the case alone)"
            ]
        );
        for key in ["reason", "owner", "until"] {
            let all = [("reason", "flaky"), ("owner", "Li"), ("until", "2026-12-31")];
            let left: String =
                all.iter().filter(|(of, _)| *of != key).map(|(key, value)| format!(", {key}: {value}")).collect();
            let told = problems(&[&format!("  - {{ case: BUS-001{left} }}")]);
            assert_eq!(told, [format!("quarantine.yaml:3:5: key `{key}` is missing")]);
        }
        let twice = "  - { case: BUS-001, reason: flaky, owner: Li, until: 2026-12-31 }";
        assert_eq!(
            problems(&[twice, twice]),
            ["quarantine.yaml:4:13: `BUS-001` is in quarantine twice (it is entry 1 as well; delete one of them)"]
        );
        assert_eq!(
            problems(&["  - { case: BUS-001, reason: flaky, owner: ' ', until: 2026-12-31 }"]),
            ["quarantine.yaml:3:44: the owner is empty (name it, or delete the entry)"]
        );
        let overlap = problems(&[
            "  - { case: ODA-004/first, reason: flaky, owner: Li, until: 2026-11-30 }",
            "  - { case: ODA-004, reason: flaky, owner: Li, until: 2026-12-31 }",
        ]);
        let told = "quarantine.yaml:3:61: `ODA-004/first` is in quarantine until 2026-11-30, and its case `ODA-004` until \
                    2026-12-31 (give both the same last day, or delete one of them)";
        assert_eq!(overlap, [told]);
        let told = problems(&["  - { case: BUS-001, reason: flaky, owner: Li, until: 2026-02-30 }"]);
        assert!(told[0].starts_with("quarantine.yaml:3:55: `2026-02-30` is not a day"), "{told:?}");
    }
}
