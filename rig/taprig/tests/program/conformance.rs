//! Conformance statements and requirement matrices: of a project, and of records alone.

use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use super::place::{Place, RIDE, Ran};

const REFUSED: &str = "applies: [sm2]\nsteps: [tap]\nexpect: { outcome: declined }\n";

/// A project whose device claims no SM2, with three cases of two requirements.
fn place() -> Place {
    let place = Place::new();
    place.device("  sm2: true ", "  sm2: false ");
    let requirements = "schema: 1\nrequirements:\n  RIDE: { text: A ride is charged., strength: must, source: Our own }\n  \
                        OTHER: { text: \"A card with SM2 | rides.\", strength: should, source: Our own }\n";
    place.put("cases/requirements.yaml", requirements);
    place.case("BUS-001", RIDE);
    place.case("BUS-002", RIDE);
    place.case("BUS-003", REFUSED);
    let third = std::fs::read_to_string(place.path("cases/bus/BUS-003.yaml")).unwrap();
    place.put("cases/bus/BUS-003.yaml", &third.replace("requires: [RIDE]", "requires: [OTHER]"));
    place
}

fn json(ran: &Ran) -> Value {
    serde_json::from_str(&ran.out).unwrap_or_else(|_| panic!("{}{}", ran.out, ran.err))
}

/// taprig where there is no project.
fn elsewhere(args: &[&str]) -> Ran {
    let folder = TempDir::new().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_taprig"));
    Ran::of(&command.args(args).current_dir(folder.path()).env("NO_COLOR", "1").output().unwrap())
}

#[test]
fn a_statement_lists_every_claim_and_what_depends_on_it() {
    let place = place();
    let ran = |args: &[&str]| Ran::of(&place.taprig(&[&["ics"], args].concat()).output().unwrap());
    let statement = json(&ran(&["taprig-reference", "--format", "json"]));
    let functions = statement["functions"].as_array().unwrap();
    let claims = std::fs::read_to_string(place.path("fixtures/devices/taprig-reference.yaml")).unwrap();
    let claims = claims.split_once("\nclaims:\n").unwrap().1.lines().take_while(|line| line.starts_with("  ")).count();
    assert_eq!(functions.len(), claims);
    let sm2 = functions.iter().find(|of| of["claim"] == "sm2").unwrap();
    assert_eq!((&sm2["claimed"], &sm2["requirements"]["wholly"]), (&"no".into(), &serde_json::json!(["OTHER"])));
    assert_eq!(statement["open"], serde_json::json!([]));
    ran(&["taprig-reference"])
        .expect(0, &["| sm2 | authenticates a card that signs by SM2 | o | optional | no | OTHER | - |"]);
    // The device of the bench `qemu` is the default.
    ran(&["--format", "html"]).expect(0, &["<!doctype html>", "The taprig reference validator", "</html>"]);
    ran(&["taprig-reference2"])
        .expect(2, &["there is no device `taprig-reference2`", "did you mean `taprig-reference`?"]);
}

#[test]
fn a_record_alone_gives_its_matrix_and_the_statement_of_its_device() {
    let place = place();
    place.run(&["--bench", "sim"]).expect(0, &["2 passed, 1 not applicable"]);
    let record = place.path("report").display().to_string();
    let matrix = json(&elsewhere(&["report", "matrix", &record, "--format", "json"]));
    let states: Vec<(&str, &str)> = matrix["rows"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| (row["id"].as_str().unwrap(), row["state"].as_str().unwrap()))
        .collect();
    assert_eq!(states, [("OTHER", "not-applicable"), ("RIDE", "met")]);
    assert_eq!(matrix["rows"][0]["cases"][0]["excuse"], "device");
    let csv = elsewhere(&["report", "matrix", &record, "--format", "csv"]);
    assert_eq!(csv.out.lines().count(), 4, "{}", csv.out);
    csv.expect(0, &["RIDE,must,met,A ride is charged.,Our own,,BUS-001,pass,"]);
    elsewhere(&["report", "matrix", &record]).expect(0, &["    1 met: all applicable", "    1 not applicable: none"]);
    let statement = json(&elsewhere(&["ics", "--record", &record, "--format", "json"]));
    assert_eq!(
        statement["functions"],
        json(&Ran::of(&place.taprig(&["ics", "--format", "json"]).output().unwrap()))["functions"]
    );
}

#[test]
fn a_failed_case_fails_its_requirement_and_the_matrix_says_which() {
    let place = place();
    place.case("BUS-002", "steps: [tap]\nexpect: { outcome: declined }\n");
    place.run(&["--bench", "sim"]).expect(1, &["1 passed, 1 failed"]);
    let record = place.path("report").display().to_string();
    let words = [
        "failed  RIDE: A ride is charged.",
        "  BUS-002  outcome: expected declined, seen approved",
        "    1 failed: a sub-case failed",
    ];
    elsewhere(&["report", "matrix", &record]).expect(0, &words);
}

#[test]
fn what_holds_no_matrix_is_told() {
    let place = place();
    place.run(&["BUS-001", "--bench", "sim"]).expect(0, &["1 passed"]);
    let record = place.path("report").display().to_string();
    let matrix = json(&elsewhere(&["report", "matrix", &record, "--format", "json"]));
    assert_eq!(matrix["rows"][0]["state"], "not-run", "the case of OTHER is not in the record");
    std::fs::remove_file(place.path("report/inputs.tar.gz")).unwrap();
    elsewhere(&["report", "matrix", &record]).expect(2, &["inputs.tar.gz"]);
    elsewhere(&["ics", "--record", "/nowhere"]).expect(2, &["inputs.tar.gz"]);
}

#[test]
fn coverage_ends_with_1_if_a_requirement_has_no_sub_case_in_the_record() {
    let place = place();
    place.run(&["--bench", "sim"]).expect(0, &["2 passed, 1 not applicable"]);
    let record = place.path("report").display().to_string();
    elsewhere(&["coverage", &record])
        .expect(0, &["RIDE   verified     2 pass", "OTHER  not claimed  1 not applicable", "1 verified"]);
    elsewhere(&["coverage", &record, "--cases"]).expect(0, &["  pass  BUS-001", "  not applicable  BUS-003"]);
    place.run(&["--bench", "sim", "BUS-001"]).expect(0, &["1 passed"]);
    elsewhere(&["coverage", &record]).expect(1, &["OTHER  uncovered", "no sub-case of this record requires OTHER"]);
    assert_eq!(json(&elsewhere(&["coverage", &record, "--format", "json"]))["rows"][0]["covered"], "uncovered");
    elsewhere(&["coverage", "nowhere"]).expect(2, &["nowhere"]);
}
