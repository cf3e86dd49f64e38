//! Cases whose failure does not fail a run, for a time.

use std::fs;

use super::place::{Place, RIDE, Ran};

const WRONG: &str = "steps: [tap]\nexpect: { outcome: declined, charged: 0.00 CNY }\n";

fn place(until: &str) -> Place {
    let place = Place::new();
    place.case("BUS-001", RIDE);
    place.case("BUS-002", WRONG);
    put(&place, "BUS-002", until);
    place
}

fn put(place: &Place, case: &str, until: &str) {
    let entry = format!("{{ case: {case}, reason: a race in the firmware, owner: Li, until: {until} }}");
    place.put("quarantine.yaml", &format!("schema: 1\nquarantine:\n  - {entry}\n"));
}

fn taprig(place: &Place, args: &[&str]) -> Ran {
    Ran::of(&place.taprig(args).output().unwrap())
}

#[test]
fn a_failure_in_quarantine_is_told_and_fails_no_run_and_the_record_gives_the_same() {
    let place = place("2099-12-31");
    let words = [
        "1 passed, 1 failed in quarantine",
        "FAIL BUS-002",
        "BUS-002 is in quarantine until 2099-12-31, so it does not fail the run: a race in the firmware (Li)",
    ];
    place.run(&["--bench", "sim"]).expect(0, &words);
    assert_eq!(place.verdict("BUS-002").0, "fail", "the verdict stays");
    let results = place.results();
    assert_eq!((&results["summary"]["fail"], &results["summary"]["quarantined"]), (&0.into(), &1.into()));
    assert_eq!(results["run"]["quarantine"][0]["owner"], "Li", "the record says which quarantine was in force");
    assert_eq!(results["cases"][1]["quarantine"]["holds"], true);
    let junit = fs::read_to_string(place.path("report/junit.xml")).unwrap();
    for words in
        [r#"failures="0""#, r#"message="in quarantine: fail: outcome"#, r#"name="quarantine.owner" value="Li""#]
    {
        assert!(junit.contains(words), "{junit}");
    }
    // The present file does not matter for a record.
    fs::remove_file(place.path("quarantine.yaml")).unwrap();
    taprig(&place, &["judge", "report"]).expect(0, &["every verdict is the same", "1 passed, 1 failed in quarantine"]);
    let inputs = taprig_record::Inputs::read(&place.path("report")).unwrap();
    assert!(inputs.files.keys().any(|path| path.ends_with("quarantine.yaml")));
}

#[test]
fn after_its_last_day_a_failure_counts_and_the_run_says_so() {
    let place = place("2026-01-31");
    let told = "BUS-002 fails the run, because its quarantine has expired on 2026-01-31 (Li)";
    place.run(&["--bench", "sim"]).expect(1, &["1 passed, 1 failed in", told]);
    taprig(&place, &["judge", "report"]).expect(1, &["1 passed, 1 failed"]);
    taprig(&place, &["check"])
        .expect(0, &["the quarantine of BUS-002 has expired on 2026-01-31", "Li is to remove the entry"]);
}

#[test]
fn a_case_that_passes_is_told_so_that_somebody_removes_its_entry() {
    let place = place("2099-12-31");
    put(&place, "BUS-001", "2099-12-31");
    let told = "BUS-001 passes, but it is in quarantine until 2099-12-31: Li can remove it";
    place.run(&["--bench", "sim", "BUS-001"]).expect(0, &["1 passed", told]);
}

#[test]
fn an_error_of_the_rig_is_not_covered() {
    let place = place("2099-12-31");
    let broken = place.script("broken-board", "#!/bin/sh\nexit 1\n");
    place.bench("broken", &format!("sim: {{ program: {} }}", broken.display()), "sim: {}");
    let ran = place.run(&["--bench", "broken", "BUS-002"]);
    assert_eq!(ran.code, 3, "{}{}", ran.out, ran.err);
}

#[test]
fn a_wrong_entry_is_refused_with_its_line_before_anything_runs() {
    let place = place("2099-12-31");
    put(&place, "BUS-003", "2099-12-31");
    let told = ["quarantine.yaml:3:13", "there is no case `BUS-003`", "did you mean `BUS-00", "nothing was run"];
    place.run(&["--bench", "sim"]).expect(2, &told);
    taprig(&place, &["check"]).expect(2, &["there is no case `BUS-003`"]);
    taprig(&place, &["check", "quarantine.yaml"]).expect(2, &["there is no case `BUS-003`"]);
    place.put("quarantine.yaml", "schema: 1\nquarantine:\n  - { case: BUS-002, reason: a race, until: 2099-12-31 }\n");
    place.run(&["--bench", "sim"]).expect(2, &["key `owner` is missing"]);
    place.put("quarantine.yaml", "schema: 1\nquarantine:\n  - { case: BUS-002, reason: a race, owner: Li }\n");
    place.run(&["--bench", "sim"]).expect(2, &["key `until` is missing"]);
    assert!(!place.path("report").exists());
}

#[test]
fn a_run_that_is_resumed_keeps_the_quarantine_with_which_it_began() {
    let place = place("2026-01-31");
    place.run(&["--bench", "sim"]).expect(1, &[]);
    put(&place, "BUS-002", "2099-12-31");
    taprig(&place, &["run", "--resume", "report"]).expect(1, &["its quarantine has expired on 2026-01-31"]);
}
