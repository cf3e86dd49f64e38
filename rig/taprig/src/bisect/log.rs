//! The log of a bisection: the file `bisect.jsonl` in its folder. The first line says what is looked for, and each further line
//! says what became of an image.

use std::path::{Path, PathBuf};
use std::{fs, io};

use serde::{Deserialize, Serialize};
use taprig_case::Diagnostic;
use taprig_model::result::Verdict;

use super::images::Image;
use super::search::Outcome;

/// Name of the file.
pub const FILE: &str = "bisect.jsonl";

/// Version of the file.
const SCHEMA: u32 = 1;

/// What is looked for. Two bisections with equal values ask the same question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Question {
    /// Version of the file.
    schema: u32,
    /// The case or sub-case.
    pub case: String,
    /// Name of the bench.
    pub bench: String,
    /// Digest of cases and fixtures.
    pub cases: String,
    /// How often the case is repeated with each image.
    pub repeat: u32,
    /// What a transcript that differs from the reviewed one means.
    pub baseline: String,
    /// The images, the oldest first, each with its digest.
    pub images: Vec<(String, String)>,
}

impl Question {
    /// The question.
    #[must_use]
    pub fn new(case: &str, bench: &str, cases: String, repeat: u32, baseline: String, images: &[Image]) -> Self {
        let images = images.iter().map(|image| (image.name.clone(), image.digest.clone())).collect();
        Self { schema: SCHEMA, case: case.to_owned(), bench: bench.to_owned(), cases, repeat, baseline, images }
    }

    /// What differs from an earlier question.
    fn difference(&self, earlier: &Self) -> Option<&'static str> {
        [
            (self.schema != earlier.schema, "its version is another one"),
            (self.case != earlier.case, "it is about another case"),
            (self.bench != earlier.bench, "it used another bench"),
            (self.images != earlier.images, "it had other images, or in another order"),
            (self.cases != earlier.cases, "cases or fixtures have changed since"),
            (self.repeat != earlier.repeat, "it had another `--repeat`"),
            (self.baseline != earlier.baseline, "it had another `--baseline`"),
        ]
        .into_iter()
        .find_map(|(differs, what)| differs.then_some(what))
    }
}

/// What became of an image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trial {
    /// The place of the image in the order.
    pub image: usize,
    /// Its name.
    pub name: String,
    /// What became of it.
    pub outcome: Outcome,
    /// The verdict of each repetition of the last attempt, over all sub-cases.
    pub verdicts: Vec<Verdict>,
    /// Whether repetitions have different verdicts about the device.
    pub flaky: bool,
    /// How many attempts were made, because the rig failed.
    pub attempts: u32,
    /// The first reason that is not a pass.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// The folder of the record.
    pub record: String,
}

/// The log of a bisection.
#[derive(Debug)]
pub struct Log {
    path: PathBuf,
    question: Question,
    /// What became of the images that were tried, in this order.
    pub steps: Vec<Trial>,
}

impl Log {
    /// Opens the log of the folder, or begins one. The steps of an earlier part of the same bisection count.
    ///
    /// # Errors
    /// The folder has the log of another bisection, or its log can't be read or written. Nothing was changed.
    pub fn open(folder: &Path, question: Question) -> Result<Self, Diagnostic> {
        let path = folder.join(FILE);
        let mut log = Self { path, question, steps: vec![] };
        let wrong = |why: String| Diagnostic::of_file(&log.path, why);
        match fs::read(&log.path) {
            Ok(text) => log.steps = log.earlier(&text)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let made = fs::create_dir_all(folder).and_then(|()| log.write());
                made.map_err(|error| wrong(format!("the log can't be written: {error}")))?;
            }
            Err(error) => return Err(wrong(format!("the log can't be read: {error}"))),
        }
        Ok(log)
    }

    /// The steps of an earlier part. A last line that a killed writer left incomplete is ignored.
    fn earlier(&self, text: &[u8]) -> Result<Vec<Trial>, Diagnostic> {
        const OTHER: &str = "name another folder with `--log`, or delete this one";
        let wrong =
            |line: usize, why: String| Diagnostic::of_file(&self.path, format!("line {line}: {why}")).help(OTHER);
        let whole = text.iter().rposition(|&byte| byte == b'\n').map_or(0, |last| last + 1);
        let mut lines = text[..whole].split_inclusive(|&byte| byte == b'\n');
        let first: Question = serde_json::from_slice(lines.next().unwrap_or_default())
            .map_err(|error| wrong(1, format!("this is not the log of a bisection: {error}")))?;
        if let Some(difference) = self.question.difference(&first) {
            let why = format!("this is the log of another bisection: {difference}");
            return Err(Diagnostic::of_file(&self.path, why).help(OTHER));
        }
        let mut steps = vec![];
        for (line, text) in (2..).zip(lines) {
            let step: Trial = serde_json::from_slice(text).map_err(|error| wrong(line, error.to_string()))?;
            if step.image >= self.question.images.len() {
                return Err(wrong(line, format!("there is no image {}", step.image)));
            }
            steps.push(step);
        }
        Ok(steps)
    }

    /// Adds a step.
    ///
    /// # Errors
    /// The log can't be written. The step counts nevertheless.
    pub fn add(&mut self, step: Trial) -> io::Result<()> {
        self.steps.push(step);
        self.write()
    }

    fn write(&self) -> io::Result<()> {
        let mut text = serde_json::to_vec(&self.question)?;
        text.push(b'\n');
        for step in &self.steps {
            text.extend(serde_json::to_vec(step)?);
            text.push(b'\n');
        }
        taprig_record::replace(&self.path, &text)
    }

    /// What is known of each image.
    #[must_use]
    pub fn outcomes(&self) -> Vec<Option<Outcome>> {
        let mut outcomes = vec![None; self.question.images.len()];
        for step in &self.steps {
            outcomes[step.image] = Some(step.outcome);
        }
        outcomes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn images() -> Vec<Image> {
        let image = |name: &str| Image { path: name.into(), name: name.into(), digest: format!("digest of {name}") };
        ["a", "b", "c"].map(image).into()
    }

    fn question() -> Question {
        Question::new("BUS-001", "sim", "sha256 1".into(), 3, "off".into(), &images())
    }

    fn step(image: usize, outcome: Outcome) -> Trial {
        let (name, record) = ("b".into(), "records/b".into());
        Trial { image, name, outcome, verdicts: vec![Verdict::Pass], flaky: false, attempts: 1, why: None, record }
    }

    #[test]
    fn a_log_goes_on_where_it_was_interrupted() {
        let folder = tempfile::tempdir().unwrap();
        let mut log = Log::open(&folder.path().join("new"), question()).unwrap();
        log.add(step(2, Outcome::Bad)).unwrap();
        log.add(step(0, Outcome::Good)).unwrap();
        let path = folder.path().join("new").join(FILE);
        let mut text = fs::read_to_string(&path).unwrap();
        text.push_str("{\"image\":1,\"na");
        fs::write(&path, &text).unwrap();
        let mut log = Log::open(&folder.path().join("new"), question()).unwrap();
        assert_eq!(log.outcomes(), [Some(Outcome::Good), None, Some(Outcome::Bad)]);
        assert_eq!(fs::read_to_string(&path).unwrap(), text, "nothing is written before there is a step");
        log.add(step(1, Outcome::Skipped)).unwrap();
        let log = Log::open(&folder.path().join("new"), question()).unwrap();
        assert_eq!(log.steps.len(), 3);
    }

    #[test]
    fn the_log_of_another_bisection_is_refused_and_stays() {
        let folder = tempfile::tempdir().unwrap();
        Log::open(folder.path(), question()).unwrap();
        let before = fs::read(folder.path().join(FILE)).unwrap();
        let mut others = vec![];
        for (other, why) in [
            (Question { case: "BUS-002".into(), ..question() }, "another case"),
            (Question { bench: "qemu".into(), ..question() }, "another bench"),
            (Question { cases: "sha256 2".into(), ..question() }, "cases or fixtures have changed"),
            (Question { repeat: 4, ..question() }, "another `--repeat`"),
            (Question { baseline: "require".into(), ..question() }, "another `--baseline`"),
            (Question { images: question().images[1..].to_vec(), ..question() }, "other images"),
        ] {
            let problem = Log::open(folder.path(), other).unwrap_err();
            assert!(problem.message.contains(why), "{problem}");
            others.push(problem);
        }
        assert_eq!(fs::read(folder.path().join(FILE)).unwrap(), before);
    }

    #[test]
    fn a_broken_line_is_named() {
        let folder = tempfile::tempdir().unwrap();
        Log::open(folder.path(), question()).unwrap().add(step(2, Outcome::Bad)).unwrap();
        let path = folder.path().join(FILE);
        let good = fs::read_to_string(&path).unwrap();
        fs::write(&path, good.replace("\"bad\"", "\"worse\"")).unwrap();
        let problem = Log::open(folder.path(), question()).unwrap_err();
        assert!(problem.message.starts_with("line 2: unknown variant"), "{problem}");
        fs::write(&path, good.replace("\"image\":2", "\"image\":9")).unwrap();
        assert!(Log::open(folder.path(), question()).unwrap_err().message.contains("there is no image 9"));
        fs::write(&path, "notes\n").unwrap();
        assert!(Log::open(folder.path(), question()).unwrap_err().message.contains("not the log of a bisection"));
    }
}
