//! Reads a laboratory file.

use super::diagnostic::{Diagnostic, Problems};
use super::include;
use super::typed::typed;
use std::path::Path;
use taprig_model::lab::Lab;

/// Name of the file in a project. Another name will do as well.
pub const FILE: &str = "lab.yaml";

/// The laboratory file at this path. Blank fields are no problem.
///
/// # Errors
/// Everything that is wrong with the file, with line and column.
pub fn read(path: &Path) -> Result<Lab, Problems> {
    let mut problems = Problems::default();
    let lab = include::read_alone(path, &mut problems).and_then(|tree| typed::<Lab>(&tree, &mut problems));
    match problems.into_result(lab)? {
        Some(lab) => Ok(lab),
        None => Err(Diagnostic::of_file(path, "the file can't be understood").into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(text: &str) -> String {
        let file = tempfile::Builder::new().suffix(".yaml").tempfile().unwrap();
        std::fs::write(file.path(), text).unwrap();
        let problems = read(file.path()).unwrap_err();
        let all: Vec<String> = problems
            .iter()
            .map(|problem| {
                let (line, column) = problem.line_column().unwrap_or_default();
                format!("{line}:{column} {} {}", problem.message, problem.help.as_deref().unwrap_or_default())
            })
            .collect();
        all.join("\n")
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        assert_eq!(wrong("schema: 1\nlaboratory: { names: A }\n"), "2:15 unknown key `names` did you mean `name`?");
        let day = wrong("schema: 1\ndates:\n  received: 2026-02-30\n");
        assert!(day.starts_with("3:13 `2026-02-30` is not a day write a day such as"), "{day}");
        let both = wrong("schema: 1\nitem:\n  model: 12\n  firmware: { sha256: 12ab }\n");
        assert!(both.contains("3:10 expected a text, found the number `12` put it in quotes"), "{both}");
        assert!(both.contains("4:23 `12ab` is not a SHA-256"), "{both}");
        assert!(wrong("place: here\n").contains("key `schema` is missing"));
    }

    #[test]
    fn the_example_is_right_and_leaves_nothing_blank() {
        let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../taprig/doc/lab-example.yaml");
        let lab = read(&example).unwrap_or_else(|problems| panic!("{problems}"));
        let blank: Vec<_> = lab.fields().into_iter().filter(|field| field.value.is_none()).map(|of| of.key).collect();
        assert_eq!(blank, ["suite"], "nobody knows which suite the reader of the example has");
    }
}
