//! Ctrl-C.

use super::attached::Terminal;
use super::place::{LONG, Place, RIDE, Ran};
use super::running::Running;

fn everything_ends_in_order(bench: &str, process: &str, stop: impl FnOnce(&Running)) {
    let Some(place) = Place::of_bench(bench) else { return };
    place.case("BUS-001", RIDE);
    place.case("BUS-002", LONG);
    place.case("BUS-003", RIDE);
    let mut run = Running::start(&place, &["--bench", bench]);
    run.until_waiting();
    let boards = run.boards(process);
    assert!(boards.len() >= 2, "{}", boards.len());
    stop(&run);
    let ran = run.end();
    for board in &boards {
        board.ends();
    }
    ran.expect(3, &["1 of 3 cases were judged", "are in report"]);
    assert!(!ran.out.contains("rig-fault"), "boards heard the signal: {}", ran.out);
    assert_eq!(place.verdict("BUS-001").0, "pass");
    for id in ["BUS-002", "BUS-003"] {
        assert_eq!(begun(&ran, id), 1, "{id}: {}", ran.out);
        assert_eq!(place.verdict(id), ("skipped".into(), "the run was interrupted".into()));
    }
    assert_eq!(place.results()["complete"], false);
    assert_eq!(place.record(), "partial");
    assert_eq!(sockets(&place), [""; 0], "sockets are left");
}

/// Folders of sockets.
fn sockets(place: &Place) -> Vec<String> {
    let all = std::fs::read_dir(place.path("")).unwrap();
    let all = all.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    all.filter(|name| name.starts_with("taprig-")).collect()
}

/// How often a case was told to have begun.
fn begun(ran: &Ran, id: &str) -> usize {
    let events = ran.out.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    events.filter(|event| event["case"] == id && event["body"]["kind"] == "case-started").count()
}

/// A bench whose validator never says anything. The terminal is its port.
fn silent_bench(place: &Place) -> Terminal {
    place.device("ready: 5 s", "ready: 120 s");
    let silent = Terminal::new();
    let text = format!("#!/bin/sh\necho '{{\"serial\":\"{}\"}}'\nread line\n", silent.path().display());
    let program = place.script("silent-board", &text);
    place.bench("silent", &format!("sim: {{ program: {} }}", program.display()), "sim: {}");
    silent
}

/// Commands without a record stop their boards too.
fn a_command_ends_in_order(args: &[&str]) {
    let place = Place::new();
    let _silent = silent_bench(&place);
    let run = Running::of(place.taprig(&[args, &["--bench", "silent"]].concat()));
    let boards = run.boards_when("board", 2);
    run.interrupt();
    let ran = run.end();
    ran.expect(3, &["taprig: interrupted; the boards are off"]);
    for board in &boards {
        board.ends();
    }
}

#[test]
fn ctrl_c_ends_a_tap() {
    a_command_ends_in_order(&["tap", "unionpay-credit-rsa1152"]);
}

#[test]
fn ctrl_c_ends_a_flash() {
    a_command_ends_in_order(&["flash"]);
}

#[test]
fn ctrl_c_stops_hosted_boards_and_keeps_what_was_done() {
    everything_ends_in_order("sim", " board ", Running::interrupt);
}

#[test]
fn ctrl_c_stops_emulated_boards_and_keeps_what_was_done() {
    everything_ends_in_order("qemu", "-machine mps2-an386", Running::interrupt);
}

#[test]
fn a_terminated_run_ends_like_an_interrupted_one() {
    everything_ends_in_order("sim", " board ", Running::terminate);
}

/// As when the connection to the laboratory is lost.
#[test]
fn a_run_whose_terminal_is_closed_ends_like_an_interrupted_one() {
    everything_ends_in_order("sim", " board ", Running::hang_up);
}

/// The rig waits for a board that says nothing: Ctrl-C ends that wait too.
#[test]
fn ctrl_c_ends_the_wait_for_a_board() {
    let place = Place::new();
    place.case("BUS-001", RIDE);
    let _silent = silent_bench(&place);
    let mut run = Running::start(&place, &["--bench", "silent"]);
    run.until(|event| event["body"]["kind"] == "ready" && event["body"]["role"] == "emulator");
    let boards = run.boards("board");
    assert_eq!(boards.len(), 2);
    run.interrupt();
    let ran = run.end();
    ran.expect(3, &["0 of 1 cases were judged"]);
    assert_eq!(begun(&ran, "BUS-001"), 1, "{}", ran.out);
    for board in &boards {
        board.ends();
    }
    assert_eq!(place.verdict("BUS-001"), ("skipped".into(), "the run was interrupted".into()));
    assert_eq!(place.record(), "partial");
}

/// Nothing can be done in order then; but no board is left, and what was recorded is there.
fn a_killed_run_leaves_no_board(bench: &str, process: &str) {
    let Some(place) = Place::of_bench(bench) else { return };
    place.case("BUS-001", RIDE);
    place.case("BUS-002", LONG);
    let mut run = Running::start(&place, &["--bench", bench]);
    run.until_waiting();
    let boards = run.boards(process);
    assert!(boards.len() >= 2, "{}", boards.len());
    // The record is written behind the display. What has not reached the disk by now could be lost.
    let events = place.path("report/events.jsonl");
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(10);
    while !std::fs::read_to_string(&events).unwrap().contains("\"kind\":\"case-finished\"") {
        assert!(std::time::Instant::now() < deadline, "the first case does not reach the disk");
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    drop(run);
    for board in &boards {
        board.ends();
    }
    let read = |name: &str| std::fs::read_to_string(place.path("report").join(name)).unwrap();
    assert!(read("record.json").contains("open"));
    let events = read("events.jsonl");
    // The run was killed while it wrote, so its last line may be a part of one.
    let whole = &events[..events.rfind('\n').map_or(0, |end| end + 1)];
    let passed = whole.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let passed = passed.filter(|event| event["body"]["kind"] == "case-finished" && event["body"]["verdict"] == "pass");
    assert_eq!(passed.count(), 1);
    assert_eq!(sockets(&place).len(), 1, "nobody was left to remove it");
    // The bench is free again at once.
    std::fs::remove_file(place.path("cases/bus/BUS-002.yaml")).unwrap();
    place.run(&["--bench", bench]).expect(0, &["1 passed"]);
    assert!(place.results()["benches"][format!("{bench}-1")].is_object());
    assert_eq!(sockets(&place), [""; 0], "the next run removes what the killed one left");
}

#[test]
fn a_killed_run_leaves_no_hosted_board() {
    a_killed_run_leaves_no_board("sim", " board ");
}

#[test]
fn a_killed_run_leaves_no_emulated_board() {
    a_killed_run_leaves_no_board("qemu", "-machine mps2-an386");
}
