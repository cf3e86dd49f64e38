//! Writes that are moved too early on purpose: the test of every write has to find them.
//!
//! The firmware is not altered. The play runs once without a cut, and each write is noted. Then the power is cut in a write, and a
//! later one is put into the memory, as if the firmware had made it first. What rests on nothing yet must be noticed.

use super::super::memory::{Cut, Left};
use super::{Ended, Played, part, scenarios};

/// What the model says when each write of a scenario is moved in front of each earlier one, and to just behind it: before anything
/// else that the firmware does in between, such as to send a claim and to wait for the answer.
fn moved(name: &str) -> Vec<String> {
    let all = scenarios::all();
    let scenario = all.iter().find(|scenario| scenario.name == name).unwrap_or_else(|| panic!("no scenario `{name}`"));
    let played = Played::new(scenario, false);
    let writes = played.writes();
    let mut violations = Vec::new();
    for (later, early) in writes.iter().enumerate() {
        for (number, left) in (0..later).flat_map(|number| [(number, Left::Old), (number, Left::New)]) {
            let mut scene = played.begin.clone();
            let chip = scene.chip.on(Some(Cut { write: number, left }));
            chip.early.replace(Some(early.clone()));
            assert_eq!(scene.power_chip(chip), Ended::Cut, "{name}, write {number}");
            let what = format!("write {later} ({}) with write {number} {left:?}", part(early.offset));
            violations.extend(played.model.holds(&scene).err().map(|why| format!("{what}: {why}")));
        }
    }
    violations
}

fn finds(name: &str, wanted: &[&str]) {
    let violations = moved(name);
    for wanted in wanted {
        let found = violations.iter().any(|violation| violation.contains(wanted));
        assert!(found, "{name}: `{wanted}` is not among {} violations:\n{}", violations.len(), violations.join("\n"));
    }
}

#[test]
fn a_claim_that_counts_as_decided_before_its_answer_is_found() {
    finds(
        "claims, of which one is refused",
        &[
            "counts as accepted, but the host has accepted nothing",
            "counts as refused, but the host has refused nothing",
            "is refused, but its card is not barred",
        ],
    );
}

#[test]
fn a_deny_list_that_is_in_force_before_its_last_page_is_found() {
    finds("a deny list in pages takes the place of another one", &["the deny list is neither the old nor the new one"]);
}
