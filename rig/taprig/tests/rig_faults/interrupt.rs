//! Ctrl-C.

use super::place::{LONG, Place, RIDE};
use super::running::Running;

fn everything_ends_in_order(bench: &str, process: &str, stop: impl FnOnce(&Running)) {
    let place = Place::new();
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
        assert_eq!(place.verdict(id), ("skipped".into(), "the run was interrupted".into()));
    }
    assert_eq!(place.results()["complete"], false);
    assert_eq!(place.record(), "partial");
    let left = std::fs::read_dir(place.path("")).unwrap();
    let left: Vec<_> = left.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    assert!(!left.iter().any(|name| name.starts_with("taprig-")), "sockets are left: {left:?}");
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
