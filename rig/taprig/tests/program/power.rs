//! Benches whose power is switched by programs.

use std::io::{BufRead as _, BufReader};
use std::process::Command;

use super::attached::{ASK, Terminal, answers, in_a_row, play_emulator, play_validator, reports};
use super::place::{Place, Ran};
use super::running::Running;

/// A bench whose validator starts when the program `on` writes a line to `power`, a named pipe. `words` are the programs'
/// text.
pub(crate) fn bench(place: &Place, on: &str, off: &str) {
    let pipe = place.path("power");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let (console, link) = (Terminal::new(), Terminal::new());
    let attached = |terminal: &Terminal| format!("attached: {{ serial: {{ path: {} }} }}", terminal.path().display());
    place.bench("desk", &attached(&console), &attached(&link));
    let on = place.script("switch-on", &format!("#!/bin/sh\n{on}\n"));
    let off = place.script("switch-off", &format!("#!/bin/sh\n{off}\n"));
    let file = "fixtures/benches/desk.yaml";
    let text = std::fs::read_to_string(place.path(file)).unwrap();
    let power = format!(
        "power:\n  switches:\n    validator:\n      command: {{ on: [{}], off: [{}], off-for: 10 ms, within: 1 s }}\n",
        on.display(),
        off.display()
    );
    place.put(file, &(text + &power));
    let say = play_validator(console, answers);
    play_emulator(link, reports(in_a_row()));
    std::thread::spawn(move || {
        // Opened anew each time: a pipe ends when its writer does.
        while let Ok(pipe) = std::fs::File::open(&pipe) {
            for _ in BufReader::new(pipe).lines().map_while(Result::ok) {
                say("! started firmware=taprig-validator version=1 cause=power\n! ready\n");
            }
        }
    });
}

pub(crate) const ON: &str = "echo on > power";

#[test]
fn a_bench_whose_power_is_switched_by_programs() {
    let place = Place::new();
    place.case("BUS-001", ASK);
    place.case("BUS-002", ASK);
    bench(&place, ON, "true");
    place.run(&["--bench", "desk"]).expect(0, &["2 passed"]);
}

#[test]
fn a_program_that_does_not_end_is_ended_and_told() {
    let place = Place::new();
    place.case("BUS-001", ASK);
    bench(&place, "sleep 120", "true");
    place.run(&["--bench", "desk"]).expect(3, &["switch-on` did not switch the power: it did not end within 1000 ms"]);
    assert_eq!(place.verdict("BUS-001").0, "skipped");
}

#[test]
fn ctrl_c_ends_the_wait_for_a_power_switch() {
    let place = Place::new();
    place.case("BUS-001", ASK);
    bench(&place, "sleep 120", "true");
    let file = "fixtures/benches/desk.yaml";
    let text = std::fs::read_to_string(place.path(file)).unwrap();
    place.put(file, &text.replace("within: 1 s", "within: 120 s"));
    let run = Running::start(&place, &["--bench", "desk"]);
    let programs = run.boards_when("switch-on", 1);
    run.interrupt();
    run.end().expect(3, &["0 of 1 cases were judged"]);
    programs[0].ends();
    assert_eq!(place.verdict("BUS-001"), ("skipped".into(), "the run was interrupted".into()));
}

#[test]
fn power_that_can_not_be_taken_away_is_told_and_nothing_runs() {
    let place = Place::new();
    place.case("BUS-001", ASK);
    bench(&place, ON, "echo 'no such hub; no such port' >&2; exit 4");
    let words = [
        "switch-off` did not switch the power: exit status: 4: no such hub; no such port; check whether the program works",
    ];
    place.run(&["--bench", "desk"]).expect(3, &words);
    assert_eq!(place.verdict("BUS-001").0, "skipped");
    let faults = place.results()["faults"].clone();
    assert_eq!(faults.as_array().unwrap().len(), 1, "once is enough: {faults}");
    assert_eq!(
        faults[0]["advice"], "check whether the program works when you run it by hand",
        "the program's words are none"
    );
}

/// It works when the bench is opened, and no more when it is closed.
pub(crate) const OFF_ONCE: &str = "[ -e was-off ] && { echo 'no such hub' >&2; exit 4; }; touch was-off";

#[test]
fn power_that_can_not_be_taken_away_at_the_end_is_told_after_the_cases() {
    let place = Place::new();
    place.case("BUS-001", ASK);
    bench(&place, ON, OFF_ONCE);
    let words = ["rig fault: switching the boards off on the bench desk-1: ", "no such hub", "1 passed"];
    place.run(&["--bench", "desk"]).expect(3, &words);
    assert_eq!(place.verdict("BUS-001").0, "pass");
}

#[test]
fn a_command_without_a_record_tells_it_too() {
    let place = Place::new();
    bench(&place, ON, OFF_ONCE);
    let ran = Ran::of(&place.taprig(&["flash", "--bench", "desk"]).output().unwrap());
    ran.expect(3, &["taprig: switching the boards off on the bench desk-1: ", "no such hub"]);
}
