//! Events that are missing at the end of a record.

use std::path::{Path, PathBuf};

use taprig_model::event::Body;

use crate::State;

/// Events are missing at the end of a record: somebody has cut the file, or its writer was killed in the middle of a line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("reading {}, line {line}: {cause}", path.display())]
pub struct Cut {
    /// The file.
    pub path: PathBuf,
    /// The line at which the file was cut, from 1.
    pub line: usize,
    /// What is missing.
    pub cause: String,
}

/// Where the events of a record end, as far as they were read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct End {
    /// Number of whole lines.
    pub lines: usize,
    /// Number of bytes in a last line that has no end.
    pub torn: usize,
    /// Whether the run says in these lines that it has ended.
    pub said: bool,
}

impl End {
    /// Takes the next event into account. A run that is resumed ends once more.
    pub fn see(&mut self, body: &Body) {
        match body {
            Body::RunFinished { .. } => self.said = true,
            Body::RunStarted(_) | Body::RunResumed { .. } => self.said = false,
            _ => {}
        }
    }

    /// What is missing at the end of the record with this file of events and this state. A run that was killed writes no end, and
    /// nothing is missing then but half a line.
    #[must_use]
    pub fn cut(self, path: &Path, state: State) -> Option<Cut> {
        let Self { lines, torn, said } = self;
        let cut = |line, cause: String| Some(Cut { path: path.to_owned(), line, cause });
        let complete = "although `record.json` says that it is complete; put the file back that the run wrote";
        match (torn, state, lines) {
            (1.., ..) => cut(lines + 1, format!("the line is cut off after {torn} bytes")),
            (0, State::Complete, 0) => cut(1, format!("the record has no events, {complete}")),
            (0, State::Complete, _) if !said => {
                cut(lines, format!("the record ends here without the end of its run, {complete}"))
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use taprig_model::event::RunStarted;

    fn cut(lines: usize, torn: usize, said: bool, state: State) -> Option<(usize, String)> {
        let cut = End { lines, torn, said }.cut(Path::new("events.jsonl"), state);
        cut.map(|cut| (cut.line, cut.cause))
    }

    #[test]
    fn a_complete_record_says_its_end_and_no_line_is_torn() {
        assert_eq!(cut(9, 0, true, State::Complete), None);
        assert_eq!(cut(9, 0, false, State::Open), None, "the run was killed");
        assert_eq!(cut(9, 0, false, State::Partial), None);
        let (line, why) = cut(9, 0, false, State::Complete).unwrap();
        assert!(line == 9 && why.starts_with("the record ends here without the end of its run"), "{why}");
        assert_eq!(cut(0, 0, false, State::Complete).unwrap().0, 1);
        assert_eq!(cut(9, 4, false, State::Open), Some((10, "the line is cut off after 4 bytes".into())));
    }

    #[test]
    fn a_resumed_run_has_to_end_again() {
        let mut end = End::default();
        let finished = Body::RunFinished { summary: Default::default(), interrupted: true };
        for (body, said) in [(Body::RunStarted(RunStarted::default()), false), (finished, true)] {
            end.see(&body);
            assert_eq!(end.said, said);
        }
        end.see(
            &serde_json::from_value(
                serde_json::json!({ "kind": "run-resumed", "started": "2026-11-30T01:30:00Z", "cases": 1 }),
            )
            .unwrap(),
        );
        assert!(!end.said);
    }
}
