//! What is wrong with a campaign file is told with file, line and cause.

use proptest::prelude::*;

use super::example::{CAMPAIGN, Example};

/// What is said of a campaign with another text in one place, and in which line.
fn said_of(was: &str, is: &str) -> Vec<(usize, String)> {
    let example = Example::new().with(was, is);
    let problems = example.read().unwrap_err();
    problems
        .iter()
        .map(|one| {
            (
                one.line_column().map_or(0, |(line, _)| line),
                format!("{} | {}", one.message, one.help.clone().unwrap_or_default()),
            )
        })
        .collect()
}

/// One problem, in the line that has this text.
fn one(was: &str, is: &str, line_of: &str, message: &str) {
    let told = said_of(was, is);
    let text = CAMPAIGN.replace(was, is);
    let line = text.lines().position(|line| line.contains(line_of)).unwrap() + 1;
    assert!(told.len() == 1 && told[0].0 == line && told[0].1.contains(message), "{told:?}, line {line}");
}

#[test]
fn gates_that_wait_for_each_other() {
    one(
        "needs: [sample, short-test]",
        "needs: [sample, go-live]",
        "needs: [sample, go-live]",
        "these gates wait for each other: go-live -> go-live",
    );
    let both = said_of(
        "    needs: [type-test]\n    records: { suite: short",
        "    needs: [go-live]\n    records: { suite: short",
    );
    assert_eq!(both.len(), 1, "{both:?}");
    assert!(both[0].1.contains("these gates wait for each other: short-test -> go-live -> short-test"), "{both:?}");
}

#[test]
fn tasks_that_wait_for_each_other() {
    one(
        "    deadline: 2018-05-18\n",
        "    deadline: 2018-05-18\n    after: [permission]\n",
        "after: [permission]",
        "these tasks wait for each other: drivers -> permission -> drivers",
    );
}

#[test]
fn names_that_mean_nothing() {
    one(
        "{ bus: TL-2-02, serial: S-5 }",
        "{ bus: TL-2-03, serial: S-5 }",
        "bus: TL-2-03",
        "the fleet has no bus `TL-2-03` | did you mean",
    );
    one("    bus: TL-2-02\n", "    bus: TL-9-02\n", "bus: TL-9-02", "the fleet has no bus `TL-9-02`");
    let county = said_of("county: Luonan,", "county: Luonam,");
    assert!(county[0].1.contains("the county `Luonan` of the fleet is missing"), "{county:?}");
    assert!(county[1].1.contains("the fleet has no county `Luonam` | did you mean `Luonan`?"), "{county:?}");
    one(
        "last-gate: go-live",
        "last-gate: go-life",
        "last-gate: go-life",
        "no gate `go-life` | did you mean `go-live`?",
    );
    one("suite: short,", "suite: shorts,", "suite: shorts", "no suite `shorts` | did you mean `short`?");
    one("after: [drivers]", "after: [driver]", "after: [driver]", "no task `driver`");
    one("    owner: office\n    needs", "    owner: offices\n    needs", "owner: offices", "no party `offices`");
    one("sealed-by: bus-company", "sealed-by: office", "sealed-by: office", "the party `office` seals no records");
}

#[test]
fn values_that_can_not_be() {
    one("hours-from-utc: 8", "hours-from-utc: 80", "hours-from-utc: 80", "no place on Earth");
    one("bad: 2,", "bad: 0,", "bad: 0", "a sample that has to find nothing");
    one("last-gate: go-live", "last-gate: type-test", "last-gate: type-test", "one for all counties");
    one("file: papers/drivers.txt", "file: ../drivers.txt", "../drivers.txt", "leads out of the folder");
    one("deadline: 2018-05-19", "deadline: 2018-05-32", "2018-05-32", "`2018-05-32` is not a day");
    one("digest: \"1111", "digest: \"x111", "x111", "is not a SHA-256");
    one("begins: 2018-04-02\n", "begins: 2018-04-02\ndone: true\n", "done: true", "unknown key `done`");
    let twice = said_of("  - task: permission", "  - task: drivers");
    assert!(twice.iter().any(|(_, what)| what.contains("the campaign has two tasks `drivers`")), "{twice:?}");
}

#[test]
fn a_fleet_that_is_missing_or_wrong() {
    let example = Example::new().with("fleet: fleet.yaml", "fleet: flet.yaml");
    let problems = example.read().unwrap_err().to_string();
    assert!(problems.contains("flet.yaml: the file can't be read"), "{problems}");
    let mut example = Example::new();
    example.fleet = example.fleet.replace("buses: 3", "buses: three");
    let problems = example.read().unwrap_err().to_string();
    assert!(problems.contains("fleet.yaml:7:"), "{problems}");
    let mut example = Example::new();
    example.fleet = example.fleet.replace("TL-2", "TL-1");
    let problems = example.read().unwrap_err().to_string();
    assert!(problems.contains("the fleet has two lines `TL-1`"), "{problems}");
}

#[test]
fn half_a_file_is_refused() {
    let mut example = Example::new();
    example.text = String::new();
    assert!(example.read().unwrap_err().to_string().contains("the file is empty"));
    // Cut off anywhere, it is read as far as it goes or refused, and never stops the program.
    for end in (0..CAMPAIGN.len()).step_by(37).filter(|end| CAMPAIGN.is_char_boundary(*end)) {
        example.text = CAMPAIGN[..end].to_owned();
        drop(example.read());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn a_file_with_wrong_bytes_never_stops_the_program(at in 0..CAMPAIGN.len(), byte in 32_u8..127, cut in 0_usize..60) {
        let mut example = Example::new();
        let end = (at + cut).min(CAMPAIGN.len());
        let is_boundary = CAMPAIGN.is_char_boundary(at) && CAMPAIGN.is_char_boundary(end);
        prop_assume!(is_boundary);
        example.text = format!("{}{}{}", &CAMPAIGN[..at], char::from(byte), &CAMPAIGN[end..]);
        if example.read().is_ok() {
            let status = example.status();
            prop_assert_eq!(status.counties.len(), 2);
        }
    }
}
