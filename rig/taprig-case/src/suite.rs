//! The selected cases, ready to run, or everything that is wrong with them.

use super::check::{self, Known};
use super::criteria::Lines;
use super::diagnostic::{Diagnostic, Problems, nearest};
use super::document::Node;
use super::project::{Fixture, Project};
use super::select::{COLUMNS, FileKind, Selector, file_in, file_of, files, files_if_any};
use super::typed::typed;
use super::workshop::Workshop;
use super::{each, include, lab, quarantine};
use crate::baseline;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use taprig_model::bench::Bench;
use taprig_model::books::columns::Columns;
use taprig_model::card::{CardImage, KeyFile};
use taprig_model::case::{Case, Snapshot};
use taprig_model::criteria::Criteria;
use taprig_model::device::Device;
use taprig_model::name::{CaseId, Name, SubCaseId};
use taprig_model::settings::Settings;
use taprig_model::validator::Validator;

/// The unit of a run: a case, or one value of its matrix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubCase {
    /// Its id.
    pub id: SubCaseId,
    /// The case, with the values of the matrix inserted.
    pub case: Case,
    /// Title of the case as the file has it, with the names of matrix values in braces.
    pub title: String,
    /// The path of the file, relative to the project if the file lies in it.
    pub file: PathBuf,
    /// Where the expectations are in that file.
    pub lines: Lines,
    /// The settings of the validator before the first step: those of the profile, overridden by those of the case.
    pub settings: Settings,
}

impl SubCase {
    /// The criteria of the sub-case.
    #[must_use]
    pub fn criteria(&self) -> Criteria {
        super::criteria::of(self)
    }
}

/// The selected cases, in the order of files and matrices.
#[derive(Debug)]
pub struct Suite {
    /// The cases.
    pub cases: Vec<SubCase>,
    /// How many files were read to find them.
    pub files: usize,
    /// The workshop that makes their cards.
    pub workshop: Workshop,
}

impl Suite {
    /// Reads the cases that the words select (paths, ids, families, tags). Without words, all of `cases` is selected.
    /// If any word is not a path, taprig reads all of `cases`, and all of it must be right.
    ///
    /// # Errors
    /// All problems of all files.
    pub fn load(project: &Project, words: &[String]) -> Result<Self, Problems> {
        let mut problems = Problems::default();
        let mut selectors = Vec::new();
        for word in words {
            match Selector::of(word, project) {
                Ok(selector) => selectors.push(selector),
                Err(problem) => problems.push(problem),
            }
        }
        let mut paths = Paths::new();
        for selector in &selectors {
            if let Selector::Path(path) = selector {
                paths.extend(by_real(files(path, &mut problems)));
            }
        }
        let asked: BTreeSet<PathBuf> = paths.keys().cloned().collect();
        if selectors.is_empty() && problems.is_empty()
            || selectors.iter().any(|word| !matches!(word, Selector::Path(_)))
        {
            for folder in project.case_folders() {
                paths.extend(by_real(files(&folder, &mut problems)));
            }
        }
        // `taprig check` reports the other device files, and the bench loads the one that is used.
        let mut known = Known::for_run(project, &mut problems, &mut Problems::default());
        let mut cases = read(&mut known, project, paths.values().map(PathBuf::as_path), &mut problems);
        let files = cases.iter().map(|case| &case.file).collect::<BTreeSet<_>>().len();
        let all_words = words_of(&cases);
        for (word, selector) in words.iter().zip(&selectors) {
            let fits = |case: &SubCase| selector.fits(&case.id, &case.case.tags);
            // If files are wrong, the case may be in one of them.
            if problems.is_empty() && !matches!(selector, Selector::Path(_)) && !cases.iter().any(fits) {
                let problem = Diagnostic::of_file(Path::new(word), "no case has this id or tag");
                let known: Vec<&str> = all_words.iter().map(String::as_str).collect();
                problems.push(match nearest(word, &known) {
                    Some(name) => problem.help(format!("did you mean `{name}`?")),
                    None => problem.help("`taprig list` shows ids and tags"),
                });
            }
        }
        if !selectors.is_empty() {
            cases.retain(|case| {
                selectors.iter().any(|selector| match selector {
                    Selector::Path(_) => asked.contains(&real(&project.root().join(&case.file))),
                    other => other.fits(&case.id, &case.case.tags),
                })
            });
        }
        // A run that judges nothing must not look like one that passed.
        if cases.is_empty() && problems.is_empty() {
            let asked = if words.is_empty() { "cases".to_owned() } else { words.join(" ") };
            problems.push(
                Diagnostic::of_file(Path::new(&asked), "this selects no case")
                    .help("name a case file, a folder of cases, a case id such as `ODA-004`, or a tag"),
            );
        }
        problems.into_result(Self { cases, files, workshop: known.workshop })
    }
}

/// The files by their real paths, because two words may name the same file in different ways.
type Paths = BTreeMap<PathBuf, PathBuf>;

fn by_real(files: Vec<PathBuf>) -> impl Iterator<Item = (PathBuf, PathBuf)> {
    files.into_iter().map(|path| (real(&path), path))
}

fn real(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.into())
}

fn words_of(cases: &[SubCase]) -> BTreeSet<String> {
    cases
        .iter()
        .flat_map(|case| {
            let tags = case.case.tags.iter().map(ToString::to_string);
            tags.chain([case.id.case.to_string(), case.id.to_string()])
        })
        .collect()
}

/// Reads the cases among these files and leaves out other kinds of file.
fn read<'a>(
    known: &mut Known,
    project: &Project,
    paths: impl Iterator<Item = &'a Path>,
    problems: &mut Problems,
) -> Vec<SubCase> {
    let mut ids: BTreeMap<CaseId, PathBuf> = BTreeMap::new();
    let mut cases = Vec::new();
    for path in paths {
        if FileKind::read(path) == FileKind::Case {
            read_case(known, project, path, &mut ids, &mut cases, problems);
        }
    }
    cases
}

fn read_case(
    known: &mut Known,
    project: &Project,
    path: &Path,
    ids: &mut BTreeMap<CaseId, PathBuf>,
    cases: &mut Vec<SubCase>,
    problems: &mut Problems,
) {
    let Some(tree) = include::read_alone(path, problems) else { return };
    note_id(&tree, path, project, ids, problems);
    check::family(project, &tree, path, problems);
    let title = tree.get("title").and_then(Node::text).unwrap_or_default().to_string();
    for mut expanded in each::expand(tree, problems) {
        let mut found = Problems::default();
        known.presets.put_into(&mut expanded.tree, &mut found);
        let case = typed::<Case>(&expanded.tree, &mut found);
        let settings = case.as_ref().and_then(|case| known.case(case, &expanded.tree, path, &mut found));
        for problem in found.iter() {
            problems.push(in_sub_case(problem, expanded.name.as_ref()));
        }
        let Some(case) = case else { continue };
        let id = SubCaseId { case: case.id.clone(), sub: expanded.name };
        if let Some(settings) = settings {
            let (file, lines) = (project.shown(path).into(), Lines::of(&expanded.tree));
            cases.push(SubCase { id, case, title: title.clone(), file, lines, settings });
        }
    }
}

/// A problem at a place where a value of the matrix was inserted. The message names the sub-case.
fn in_sub_case(problem: &Diagnostic, name: Option<&Name>) -> Diagnostic {
    let put_in = problem
        .place
        .as_ref()
        .is_some_and(|(source, bytes)| source.text().get(bytes.clone()).is_some_and(|text| text.contains('{')));
    match (name, &problem.help) {
        (Some(name), Some(help)) if put_in => problem.clone().help(format!("{help} (in sub-case `{name}`)")),
        (Some(name), None) if put_in => problem.clone().help(format!("in sub-case `{name}`")),
        _ => problem.clone(),
    }
}

/// Ids are compared before typing, so that a case with another problem still has its id.
fn note_id(tree: &Node, path: &Path, project: &Project, ids: &mut BTreeMap<CaseId, PathBuf>, problems: &mut Problems) {
    let Some(Ok(id)) = tree.get("id").and_then(Node::text).map(str::parse::<CaseId>) else { return };
    // If only some files are read, the folders of the case's id show whether there is another one.
    let first = ids.get(&id).cloned().or_else(|| {
        let mut own = project.case_folders().into_iter().map(|cases| file_in(&cases, &id));
        own.find(|own| own.is_file() && real(own) != real(path))
    });
    match first {
        Some(first) => problems.push(check::same_id(id.as_str(), project.shown(&first), tree)),
        None => {
            ids.insert(id, path.into());
        }
    }
}

/// Checks files of any kind and returns how many there are. Without words, it checks all cases and fixtures.
///
/// # Errors
/// All problems of all files.
pub fn check_files(project: &Project, words: &[String]) -> Result<usize, Problems> {
    let mut problems = Problems::default();
    let mut paths = Paths::new();
    for word in words {
        match Selector::of(word, project) {
            Ok(Selector::Path(path)) => paths.extend(by_real(files(&path, &mut problems))),
            Ok(Selector::Id(id)) => paths.extend(by_real(files(&file_of(project, &id.case), &mut problems))),
            Ok(_) => problems.push(
                Diagnostic::of_file(Path::new(word), "no such file or folder").help("`check` takes paths and ids"),
            ),
            Err(problem) => problems.push(problem),
        }
    }
    if words.is_empty() {
        for folder in project.case_folders() {
            paths.extend(by_real(files(&folder, &mut problems)));
        }
        for fixture in Fixture::ALL {
            match project.suite() {
                None => paths.extend(by_real(files(&project.folder(fixture), &mut problems))),
                // Either of the two may have no fixture of a kind.
                Some(_) => paths.extend(
                    project.folders(fixture).iter().flat_map(|folder| by_real(files_if_any(folder, &mut problems))),
                ),
            }
        }
    }
    if words.is_empty() {
        let columns = project.root().join("fixtures").join(COLUMNS);
        paths.extend(by_real(files_if_any(&columns, &mut problems)));
    }
    let lab = project.root().join(lab::FILE);
    if words.is_empty() && lab.exists() {
        paths.extend(by_real(vec![lab]));
    }
    let quarantine = quarantine::path(project);
    if words.is_empty() && quarantine.exists() {
        paths.extend(by_real(vec![quarantine]));
    }
    if paths.values().any(|path| quarantine::is_file(path)) {
        quarantine::read(project).err().iter().for_each(|wrong| problems.add(wrong));
    }
    let mut known = Known::read(project, &mut problems);
    let mut claims = None;
    for path in paths.values() {
        if FileKind::read(path) == FileKind::Lab
            && let Err(wrong) = lab::read(path)
        {
            problems.add(&wrong);
        }
        if FileKind::read(path) == FileKind::Columns
            && let Some(tree) = include::read_alone(path, &mut problems)
        {
            typed::<Columns>(&tree, &mut problems);
        }
        let FileKind::Fixture(kind) = FileKind::read(path) else { continue };
        let before = problems.len();
        fixture(project, kind, path, &mut problems);
        if kind == Fixture::Bench && problems.len() == before {
            check::shared(project, path, &mut problems);
        }
        if kind == Fixture::Device
            && let Some(device) = project.tree(kind, path, &mut Problems::default())
        {
            check::device::claims(&device, claims.get_or_insert_with(|| known_claims(project)), &mut problems);
        }
        let name = path.file_stem().and_then(|name| name.to_str()).unwrap_or_default();
        // A card of another project can't be made with the keys of this one.
        if kind == Fixture::Card && problems.len() == before && real(path) == real(&project.file(kind, name)) {
            known.workshop.card(name, &[], &mut problems);
        }
    }
    let cases = read(&mut known, project, paths.values().map(PathBuf::as_path), &mut problems);
    // A case that is wrong was not read, but it still owns its transcripts and requirements.
    let whole = words.is_empty() && problems.is_empty();
    for sub in cases.iter().filter(|sub| sub.case.requires.is_empty()) {
        problems.push(
            Diagnostic::of_file(&project.root().join(&sub.file), "this case names no requirement")
                .help("add `requires: [ID]`; the ids are in cases/requirements.yaml"),
        );
    }
    if whole {
        transcripts(project, &cases, &mut problems);
        let used = cases.iter().flat_map(|sub| sub.case.requires.iter().map(String::as_str)).collect();
        for path in project.shared("requirements.yaml") {
            check::requirements_without_case(&path, &used, &mut problems);
        }
    }
    problems.into_result(paths.len())
}

/// The claims that the cases of the project, the suite or the engine name.
fn known_claims(project: &Project) -> BTreeSet<String> {
    let ignored = &mut Problems::default();
    let paths: Vec<PathBuf> = project.case_folders().iter().flat_map(|cases| files(cases, ignored)).collect();
    let cases = paths.iter().filter(|path| FileKind::read(path) == FileKind::Case);
    let cases: Vec<Node> = cases.filter_map(|path| include::read_alone(path, ignored)).collect();
    check::device::known_claims(&cases)
}

/// Reports reviewed transcripts that belong to no case.
fn transcripts(project: &Project, cases: &[SubCase], problems: &mut Problems) {
    let mut wanted: BTreeMap<PathBuf, BTreeSet<String>> = BTreeMap::new();
    for sub in cases {
        let folder = project.root().join(&sub.file).parent().map(Path::to_owned).unwrap_or_default();
        let names = wanted.entry(folder).or_default();
        if sub.case.snapshot == Snapshot::Transcript {
            names.insert(baseline::name(&sub.id.to_string()));
        }
    }
    for entry in project.case_folders().into_iter().flat_map(std::fs::read_dir).flatten().flatten() {
        wanted.entry(entry.path()).or_default();
    }
    for (folder, names) in wanted {
        for path in baseline::left_over(&folder.join("snapshots"), &names) {
            problems.push(
                Diagnostic::of_file(&path, "this transcript belongs to no case")
                    .help("delete it, or rename it with its case: <ID>.snap, <ID>__<sub-case>.snap"),
            );
        }
    }
}

fn fixture(project: &Project, kind: Fixture, path: &Path, problems: &mut Problems) {
    let wrong = match kind {
        Fixture::Validator => project.load_file::<Validator>(kind, path).err(),
        Fixture::Card => project.load_file::<CardImage>(kind, path).err(),
        Fixture::Key => project.load_file::<KeyFile>(kind, path).err(),
        Fixture::Device => project.load_file::<Device>(kind, path).err(),
        Fixture::Bench => project.load_file::<Bench>(kind, path).err(),
    };
    wrong.iter().for_each(|wrong| problems.add(wrong));
}
