//! Boards that die while a case runs.

use super::place::{LONG, Place, RIDE};
use super::running::Running;

fn a_killed_board_is_replaced(bench: &str, process: &str, why: &[&str]) {
    let Some(place) = Place::of_bench(bench) else { return };
    place.case("BUS-001", LONG);
    place.case("BUS-002", RIDE);
    let mut run = Running::start(&place, &["--bench", bench]);
    run.until_waiting();
    let boards = run.boards(process);
    assert!(!boards.is_empty(), "no process `{process}`");
    boards.iter().for_each(super::running::BoardProcess::kill);
    let fault = run.until(|event| event["body"]["kind"] == "rig-fault");
    assert_eq!(fault["case"], "BUS-001");
    assert_eq!(fault["body"]["doing"], "running BUS-001");
    let ran = run.end();
    ran.expect(3, &["1 of 2 cases were judged; the record and the reports of what was done are in report"]);
    let (verdict, failure) = place.verdict("BUS-001");
    assert_eq!(verdict, "error", "{failure}");
    for word in why {
        assert!(failure.contains(word), "`{word}` is not in {failure}");
    }
    assert_eq!(place.verdict("BUS-002").0, "pass", "{}", place.verdict("BUS-002").1);
    assert_eq!(place.record(), "complete");
    assert_eq!(place.results()["complete"], true);
}

#[test]
fn a_hosted_validator_that_is_killed_is_an_error_and_the_run_goes_on() {
    a_killed_board_is_replaced("sim", "board validator", &["the validator is gone", "SIGKILL", "run again"]);
}

#[test]
fn a_hosted_emulator_that_is_killed_is_an_error_and_the_run_goes_on() {
    a_killed_board_is_replaced("sim", "board emulator", &["the emulator is gone", "SIGKILL", "run again"]);
}

#[test]
fn emulated_boards_that_are_killed_are_an_error_and_the_run_goes_on() {
    a_killed_board_is_replaced("qemu", "-machine mps2-an386", &["is gone", "QEMU", "SIGKILL", "run again"]);
}

#[test]
fn emulated_boards_that_are_replaced_at_each_power_on_may_be_killed() {
    a_killed_board_is_replaced("qemu-process", "-machine mps2-an386", &["is gone", "QEMU", "SIGKILL", "run again"]);
}

/// Three cases and a power cycle within the last one: what the validator says of its starts, its processes, and how the
/// results tell of it.
fn power_cycles(bench: &str, processes: usize, kinds: [&str; 3]) {
    let Some(place) = Place::of_bench(bench) else { return };
    place.case("BUS-001", RIDE);
    place.case("BUS-002", RIDE);
    place.case("BUS-003", "steps: [tap, power-cycle, wait: 1 ms]\nexpect: { outcome: approved, journal: +1 }\n");
    place.run(&["--bench", bench]).expect(0, &["3 passed"]);
    let results = place.results();
    let powers: Vec<_> = results["cases"].as_array().unwrap().iter().map(|case| case["power"].clone()).collect();
    assert_eq!(powers, kinds);
    let events = std::fs::read_to_string(place.path("report/events.jsonl")).unwrap();
    let of = |kind: &str| events.matches(&format!(r#""on":true,"by":"{kind}""#)).count();
    assert_eq!((of("process"), of("cut")), (2 * processes, 2 * (4 - processes)), "both boards, four starts");
    let said = std::fs::read(place.path(&format!("report/serial/{bench}-1-validator-console.bin"))).unwrap();
    let said = String::from_utf8_lossy(&said);
    assert_eq!(said.matches("! started ").count(), 4, "{said}");
    assert_eq!(said.matches(" cause=power").count(), 4, "a power cut is no reset: {said}");
}

#[test]
fn a_power_cut_in_place_is_a_power_cut() {
    // The blank boards are flashed first, and power comes to new processes once.
    power_cycles("qemu", 1, ["process", "cut", "cut"]);
}

#[test]
fn a_power_cut_by_new_processes_is_a_power_cut() {
    power_cycles("qemu-process", 4, ["process"; 3]);
}

/// In a tap both boards are under way, and what one says last may come before its end does.
#[test]
fn a_board_that_is_killed_in_a_tap_is_an_error_and_no_failure_of_the_device() {
    let place = Place::new();
    place.case("BUS-001", "steps: [tap: { for: 30 s }]\nexpect: { outcome: approved }\n");
    place.case("BUS-002", RIDE);
    let mut run = Running::start(&place, &["--bench", "sim"]);
    run.until(|event| event["body"]["kind"] == "signal" && event["body"]["signal"]["signal"] == "result");
    run.boards("board validator").iter().for_each(super::running::BoardProcess::kill);
    run.end().expect(3, &["1 of 2 cases were judged"]);
    let (verdict, failure) = place.verdict("BUS-001");
    assert_eq!(verdict, "error", "{failure}");
    assert!(failure.contains("the validator is gone"), "{failure}");
    assert_eq!(place.verdict("BUS-002").0, "pass");
    assert_eq!(place.record(), "complete");
}
