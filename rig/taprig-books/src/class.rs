//! The rule that puts an item into its class. The document for users has it as tables, and a test compares the two.

use taprig_model::acquirer::log::State;
use taprig_model::books::result::Class;

/// What the acquirer's log says about an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Acquirer {
    /// There is no log. The word of the journal counts instead.
    NotGiven,
    /// The log does not have the item.
    Absent,
    /// The log has it.
    Has(State),
}

/// What the clearing file says about an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clearing {
    /// There is no clearing file.
    NotGiven,
    /// It does not have the item, and it had to.
    Missing,
    /// It does not have the item, which is not due yet.
    NotDue,
    /// It has the item.
    Has,
    /// It has the item, which took place before the journal begins and was due when the journal had begun.
    HasFromBefore,
}

/// The class of an item whose amounts agree. `None`: no side has the item.
///
/// Items whose amounts differ and repeated rows are put into their classes before this.
#[must_use]
pub fn class(journal: Option<State>, acquirer: Acquirer, clearing: Clearing) -> Option<Class> {
    use State::{Accepted, Refused, Reversed, Waiting};
    let has_log = acquirer != Acquirer::NotGiven;
    let acquirer = match acquirer {
        Acquirer::NotGiven => journal,
        Acquirer::Absent => None,
        Acquirer::Has(state) => Some(state),
    };
    if matches!(clearing, Clearing::Has | Clearing::HasFromBefore) {
        return Some(match (journal, acquirer) {
            (None, None | Some(Accepted | Waiting)) if clearing == Clearing::HasFromBefore => Class::Waiting,
            (None | Some(Refused | Reversed), _) | (_, Some(Refused | Reversed)) => Class::Long,
            (Some(Accepted | Waiting), Some(Accepted)) => Class::Matched,
            // The bank pays, and without a log nobody contradicts.
            (Some(Waiting), Some(Waiting)) if !has_log => Class::Matched,
            (Some(Accepted | Waiting), None | Some(Waiting)) => Class::StateDiffers,
        });
    }
    let has_clearing = clearing != Clearing::NotGiven;
    Some(match (journal, acquirer) {
        (None, None) => return None,
        (None | Some(Reversed), Some(Reversed)) | (Some(Reversed), None) => Class::Reversed,
        (Some(Reversed), Some(Refused)) | (Some(Refused), Some(Reversed)) => Class::Reversed,
        (None | Some(Refused), Some(Refused)) | (Some(Refused), None) => Class::Refused,
        // Nobody pays it yet, so this is no money that is missing or too much.
        (Some(Refused | Reversed), Some(Accepted)) if has_clearing => Class::StateDiffers,
        (None | Some(Refused | Reversed), Some(Waiting)) => Class::StateDiffers,
        (None, Some(Accepted)) if has_clearing => Class::Short,
        (None | Some(Refused | Reversed), Some(Accepted)) => Class::Long,
        (Some(Accepted), Some(Accepted)) => match clearing {
            Clearing::Missing => Class::Short,
            Clearing::NotDue => Class::Waiting,
            _ => Class::Matched,
        },
        (Some(Accepted), None | Some(Waiting | Refused | Reversed)) => Class::Short,
        (Some(Waiting), Some(Accepted)) if clearing == Clearing::Missing => Class::Short,
        (Some(Waiting), _) => Class::Waiting,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATES: [Option<State>; 5] =
        [None, Some(State::Accepted), Some(State::Waiting), Some(State::Refused), Some(State::Reversed)];
    const CLEARINGS: [Clearing; 5] =
        [Clearing::NotGiven, Clearing::Missing, Clearing::NotDue, Clearing::Has, Clearing::HasFromBefore];

    fn acquirers() -> impl Iterator<Item = Acquirer> {
        let told = STATES.iter().map(|state| state.map_or(Acquirer::Absent, Acquirer::Has));
        told.chain([Acquirer::NotGiven])
    }

    /// The rows of the table in the document that has this heading: cells without their blanks.
    fn table(heading: &str) -> Vec<Vec<String>> {
        let text = include_str!("../../taprig/doc/reconcile.md");
        let table = text.split(heading).nth(1).unwrap().split("\n\n").next().unwrap();
        let rows = table.lines().filter(|line| line.starts_with("| ")).skip(1).filter(|line| !line.contains("---"));
        rows.map(|row| row.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect()).collect()
    }

    fn word(state: Option<State>) -> &'static str {
        match state {
            None => "absent",
            Some(State::Accepted) => "accepted",
            Some(State::Waiting) => "waiting",
            Some(State::Refused) => "refused",
            Some(State::Reversed) => "reversed",
        }
    }

    /// Whether a cell of the table allows a word: `accepted or waiting`, `any`.
    fn allows(cell: &str, word: &str) -> bool {
        cell == "any" || cell.split(" or ").any(|one| one == word)
    }

    #[test]
    fn the_tables_of_the_document_are_the_rule() {
        let mut compared = 0;
        let tables = [
            ("<!-- three sides -->", true, true),
            ("<!-- without a clearing file -->", true, false),
            ("<!-- without a log -->", false, true),
        ];
        for (heading, has_log, has_clearing) in tables {
            let table = table(heading);
            assert!(table.len() > 3, "{heading}");
            let mut used = vec![false; table.len()];
            for journal in STATES {
                for acquirer in acquirers().filter(|acquirer| (*acquirer != Acquirer::NotGiven) == has_log) {
                    for clearing in CLEARINGS.into_iter().filter(|one| (*one != Clearing::NotGiven) == has_clearing) {
                        let Some(found) = class(journal, acquirer, clearing) else { continue };
                        let log = match acquirer {
                            Acquirer::NotGiven => "",
                            Acquirer::Absent => "absent",
                            Acquirer::Has(state) => word(Some(state)),
                        };
                        let file = match clearing {
                            Clearing::NotGiven => "",
                            Clearing::Missing => "missing",
                            Clearing::NotDue => "not due",
                            Clearing::Has => "there",
                            Clearing::HasFromBefore => "there, from before",
                        };
                        // Only an item that the journal does not have can be from before.
                        if clearing == Clearing::HasFromBefore && journal.is_some() {
                            continue;
                        }
                        let columns: Vec<&str> =
                            [word(journal), log, file].into_iter().filter(|word| !word.is_empty()).collect();
                        let row =
                            table.iter().position(|row| columns.iter().zip(row).all(|(word, cell)| allows(cell, word)));
                        let row = row.unwrap_or_else(|| panic!("{heading}: no row for {columns:?}, {found:?}"));
                        used[row] = true;
                        assert_eq!(
                            table[row].last().unwrap(),
                            &format!("`{}`", found.word()),
                            "{heading}: {columns:?}"
                        );
                        compared += 1;
                    }
                }
            }
            assert!(used.iter().all(|used| *used), "{heading}: a row that never applies: {used:?}");
        }
        assert!(compared > 100, "{compared}");
    }

    #[test]
    fn only_what_nobody_has_is_without_a_class() {
        for journal in STATES {
            for acquirer in acquirers() {
                for clearing in CLEARINGS {
                    let nobody = journal.is_none()
                        && matches!(acquirer, Acquirer::Absent | Acquirer::NotGiven)
                        && !matches!(clearing, Clearing::Has | Clearing::HasFromBefore);
                    assert_eq!(class(journal, acquirer, clearing).is_none(), nobody);
                }
            }
        }
    }
}
