//! What a run says: a failed case, JSON Lines, several benches, colours.

use std::collections::BTreeMap;
use std::io::Read as _;

use serde_json::Value;

use super::attached::Terminal;
use super::place::{Place, RIDE, Ran};

const WRONG: &str = "steps: [tap]\nexpect: { outcome: declined, charged: 2.00 CNY, journal: unchanged }\n";

#[test]
fn a_failed_case_shows_expected_seen_exchange_and_how_to_repeat_it() {
    let place = Place::new();
    place.case("BUS-001", RIDE);
    place.case("BUS-002", WRONG);
    let ran = place.run(&["--bench", "sim"]);
    let words = [
        "pass ",
        "FAIL BUS-002 A rider pays\n  at cases/bus/BUS-002.yaml:9\n",
        "  seen by a person\n    outcome    expected declined\n               seen     approved\n",
        "    charged    expected 2.00 CNY\n               seen     1.00 CNY\n",
        "  told by the device\n    journal    expected unchanged\n               seen     +1\n",
        "  what happened\n",
        "      > gpo\n",
        "      = approved reason=oda-approved",
        "  repeat: ci/rig run --bench sim BUS-002\n",
        "1 passed, 1 failed in ",
        "  fail    BUS-002  outcome: expected declined, seen approved",
    ];
    ran.expect(1, &words);
    assert_eq!(ran.err, "", "the rig did not fail");
    assert_eq!(place.verdict("BUS-002").0, "fail");
    assert_eq!(place.record(), "complete");
}

/// By its id it would be looked for among the cases of the project, in vain.
#[test]
fn a_case_that_is_elsewhere_is_repeated_by_its_file() {
    let place = Place::new();
    let elsewhere = tempfile::TempDir::new().unwrap();
    place.case("BUS-002", WRONG);
    let file = elsewhere.path().join("BUS-002.yaml");
    std::fs::rename(place.path("cases/bus/BUS-002.yaml"), &file).unwrap();
    let file = file.display().to_string();
    let ran = place.run(&["--bench", "sim", &file]);
    ran.expect(1, &[&format!("  repeat: ci/rig run --bench sim {file}\n")]);
    // In the project's folder, but not among its cases.
    std::fs::rename(&file, place.path("BUS-002.yaml")).unwrap();
    let ran = place.run(&["--bench", "sim", "BUS-002.yaml"]);
    ran.expect(1, &["  repeat: ci/rig run --bench sim BUS-002.yaml\n"]);
}

#[test]
fn firmware_is_named_from_the_project_on() {
    let Some(place) = Place::of_bench("qemu") else { return };
    place.case("BUS-001", RIDE);
    place.bench("mixed", "qemu: { machine: mps2-an386 }", "sim: {}");
    place.run(&["--bench", "mixed"]).expect(0, &["1 passed"]);
    for report in ["firmware.json", "results.json", "events.jsonl"] {
        let text = std::fs::read_to_string(place.path("report").join(report)).unwrap();
        let project = place.path("target").display().to_string();
        assert!(!text.contains(&project), "{report} tells where the project lies: {text}");
        assert!(text.contains("\"target/boards/mps2-an386-validator.elf\""), "{report}: {text}");
    }
}

/// The place of the first check that failed.
fn wanted_at(place: &Place, id: &str) -> String {
    let results = place.results();
    let case = results["cases"].as_array().unwrap().iter().find(|case| case["id"] == id).unwrap();
    let failed = case["checks"].as_array().unwrap().iter().find(|check| check["result"] == "fails").unwrap();
    failed["at"].as_str().unwrap().to_owned()
}

#[test]
fn a_failure_names_the_line_of_what_was_expected() {
    let place = Place::new();
    place.case("BUS-001", "steps:\n  - tap\n  - tap:\n      expect:\n        gate: open\n        outcome: declined\n");
    place.case("BUS-002", "steps:\n  - tap\n  - console: { send: status, expect: ok state=asleep }\n");
    place.case("BUS-003", "steps: [tap]\nexpect:\n  outcome: approved\n  charged: 5.00 CNY\n");
    place.run(&["--bench", "sim"]).expect(1, &["at cases/bus/BUS-003.yaml:11\n"]);
    assert_eq!(wanted_at(&place, "BUS-001"), "cases/bus/BUS-001.yaml:12");
    assert_eq!(wanted_at(&place, "BUS-002"), "cases/bus/BUS-002.yaml:10");
    assert_eq!(wanted_at(&place, "BUS-003"), "cases/bus/BUS-003.yaml:11");
}

#[test]
fn a_transcript_that_differs_is_named_from_the_project_on() {
    let place = Place::new();
    place.case("BUS-001", RIDE);
    let file = "cases/bus/BUS-001.yaml";
    let text = std::fs::read_to_string(place.path(file)).unwrap();
    place.put(file, &text.replace("snapshot: none\n", ""));
    let snapshot = "cases/bus/snapshots/BUS-001.snap";
    let told_from_the_project_on = |place: &Place| {
        let cases = place.path("cases").display().to_string();
        for report in ["results.json", "junit.xml", "events.jsonl"] {
            let text = std::fs::read_to_string(place.path("report").join(report)).unwrap();
            assert!(!text.contains(&cases), "{report} tells where the project lies: {text}");
        }
    };
    place.put(snapshot, "---\nsource: taprig\n---\nanother\n");
    place.run(&["--bench", "sim"]).expect(1, &[&format!("CHANGED BUS-001 A rider pays\n  at {snapshot}\n")]);
    assert_eq!(wanted_at(&place, "BUS-001"), snapshot);
    told_from_the_project_on(&place);
    // A baseline that can't be read is no failure of the device.
    std::fs::remove_file(place.path(snapshot)).unwrap();
    std::fs::create_dir(place.path(snapshot)).unwrap();
    place.run(&["--bench", "sim"]).expect(3, &["ERROR BUS-001", snapshot, "1 error"]);
    told_from_the_project_on(&place);
}

#[test]
fn whether_a_changed_transcript_fails_the_run_is_for_the_run_to_say() {
    let place = Place::new();
    place.case("BUS-001", RIDE);
    let file = "cases/bus/BUS-001.yaml";
    let text = std::fs::read_to_string(place.path(file)).unwrap();
    place.put(file, &text.replace("snapshot: none\n", ""));
    let run = |args: &[&str]| place.run(&[&["--bench", "sim"], args].concat());
    run(&[]).expect(1, &["CHANGED BUS-001", "0 passed, 1 changed since the baseline", "none was reviewed"]);
    run(&["--baseline", "require"]).expect(1, &["1 changed since the baseline"]);
    run(&["--baseline", "report"]).expect(0, &["CHANGED BUS-001", "1 changed since the baseline"]);
    run(&["--baseline", "off"]).expect(0, &["1 passed"]);
    // A device without a baseline has nothing to change from.
    place.device("baseline: beside-cases\n", "");
    run(&[]).expect(0, &["1 passed"]);
    // One of its own lies where its device file says.
    place.device("deadlines:", "baseline: { folder: fixtures/baselines/own }\ndeadlines:");
    run(&[]).expect(1, &["at fixtures/baselines/own/BUS-001.snap"]);
}

#[test]
fn what_a_device_does_not_claim_to_tell_is_not_judged_and_named() {
    let place = Place::new();
    place.case("BUS-001", "steps: [tap]\nexpect: { outcome: approved, reason: denied, journal: unchanged }\n");
    place.case("BUS-002", "steps: [tap]\nexpect: { reason: oda-approved }\n");
    place.run(&["--bench", "sim"]).expect(1, &["1 passed, 1 failed", "reason"]);
    place.device("  tells-reason: true ", "  tells-reason: false");
    place.device("  journal: true ", "  journal: false");
    let ran = place.run(&["--bench", "sim"]);
    let words = [
        "1 passed, 1 not applicable",
        "judged 2 of 4 expectations of the cases that ran\n",
        "  1 not judged: the device does not claim journal\n",
        "  1 not judged: the device does not claim tells-reason\n",
    ];
    ran.expect(0, &words);
    assert_eq!(place.verdict("BUS-002").0, "not-applicable");
    assert!(place.verdict("BUS-002").1.contains("the device does not claim tells-reason"));
    let junit = std::fs::read_to_string(place.path("report/junit.xml")).unwrap();
    for words in ["2 of 4 expectations", "the device does not claim journal", "name=\"requirement\" value=\"RIDE\""] {
        assert!(junit.contains(words), "{words}: {junit}");
    }
}

#[test]
fn a_failed_case_outweighs_a_rig_that_fails_after_it() {
    let place = Place::new();
    place.case("BUS-001", WRONG);
    place.case("BUS-002", super::place::LONG);
    let mut run = super::running::Running::start(&place, &["--bench", "sim"]);
    run.until_waiting();
    run.interrupt();
    run.end().expect(1, &["1 of 2 cases were judged"]);
    assert_eq!(place.record(), "partial");
}

#[test]
fn for_a_program_a_run_is_json_lines_and_the_record_the_same_events() {
    let place = Place::new();
    place.case("BUS-001", RIDE);
    let ran = place.run(&["--bench", "sim", "--format", "json"]);
    ran.expect(0, &[]);
    let events = |text: &str| -> Vec<Value> {
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .filter(|e: &Value| e["body"]["kind"] != "serial")
            .collect()
    };
    let printed = events(&ran.out);
    assert_eq!(printed.last().unwrap()["body"]["kind"], "run-finished");
    assert_eq!(printed, events(&std::fs::read_to_string(place.path("report/events.jsonl")).unwrap()));
}

#[test]
fn two_benches_at_a_time_come_to_the_same() {
    let place = Place::new();
    for number in 1..=6 {
        // Long enough that the second bench is there before the first has done all.
        place.case(
            &format!("BUS-00{number}"),
            &format!("steps: [tap, {{ wait: 400 ms }}]\nexpect: {{ charged: {}.00 CNY }}\n", number % 2),
        );
    }
    let verdicts = |jobs: &str| -> (BTreeMap<String, (Value, Value)>, usize) {
        place.run(&["--bench", "sim", "--jobs", jobs]).expect(1, &["3 passed, 3 failed"]);
        assert_eq!(place.record(), "complete");
        let results = place.results();
        let cases = results["cases"].as_array().unwrap().iter();
        let cases = cases
            .map(|case| (case["id"].as_str().unwrap().to_owned(), (case["verdict"].clone(), case["failure"].clone())));
        (cases.collect(), results["benches"].as_object().unwrap().len())
    };
    let (one, benches) = verdicts("1");
    assert_eq!((one.len(), benches), (6, 1));
    let (two, benches) = verdicts("2");
    assert_eq!(benches, 2, "both benches were used");
    assert_eq!(one, two);
}

/// Runs with a terminal as standard output.
fn on_a_terminal(no_color: Option<&str>) -> String {
    shown_on_a_terminal(no_color, false)
}

fn shown_on_a_terminal(no_color: Option<&str>, errors_too: bool) -> String {
    let place = Place::new();
    place.case("BUS-001", WRONG);
    let terminal = Terminal::new();
    let mut command = place.taprig(&["run", "--bench", "sim"]);
    command.env("TERM", "xterm").stdout(terminal.port()).stderr(std::process::Stdio::null());
    if errors_too {
        command.stderr(terminal.port());
    }
    if let Some(value) = no_color {
        command.env("NO_COLOR", value);
    }
    let mut child = command.spawn().unwrap();
    drop(command);
    let (mut device, port) = terminal.into_ends();
    drop(port);
    let mut text = Vec::new();
    let mut buffer = [0; 4096];
    // The device reports an error when the last holder of the port is gone: the end.
    while let Ok(n @ 1..) = device.read(&mut buffer) {
        text.extend_from_slice(&buffer[..n]);
    }
    assert_eq!(child.wait().unwrap().code(), Some(1));
    String::from_utf8(text).unwrap()
}

#[test]
fn the_progress_is_gone_at_the_end() {
    let text = shown_on_a_terminal(Some("1"), true);
    let drawn: Vec<&str> =
        text.split(['\r', '\n']).filter(|part| part.contains("0/1") || part.contains("1/1")).collect();
    assert!(!drawn.is_empty(), "{text:?}");
    // What a terminal shows of Ctrl-C stands behind it in the same line.
    assert!(drawn.iter().all(|line| line.len() < 60), "{drawn:?}");
    let erased = text.rfind("\r\u{1b}[2K").unwrap();
    assert!(text.rfind("1/1").is_none_or(|last| last < erased), "{text:?}");
    assert!(text[erased..].contains("0 passed, 1 failed"), "{text:?}");
}

#[test]
fn colours_are_for_terminals_and_not_with_no_color() {
    let coloured = on_a_terminal(None);
    assert!(coloured.contains("\u{1b}[") && coloured.contains("FAIL"), "{coloured}");
    // As the convention has it, an empty value is none.
    assert!(on_a_terminal(Some("")).contains("\u{1b}["));
    let plain = on_a_terminal(Some("1"));
    assert!(!plain.contains('\u{1b}') && plain.contains("FAIL BUS-001"), "{plain}");

    let place = Place::new();
    place.case("BUS-001", WRONG);
    let piped = Ran::of(&place.taprig(&["run", "--bench", "sim"]).output().unwrap());
    assert!(!piped.out.contains('\u{1b}'), "{}", piped.out);
}

/// Runs with a standard output that takes nothing.
fn on_a_full_disk(place: &Place, args: &[&str]) -> Ran {
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    Ran::of(&place.taprig(args).stdout(full).output().unwrap())
}

#[test]
fn output_that_can_not_be_written_fails_the_rig_and_the_record_is_whole() {
    for format in ["human", "json"] {
        let place = Place::new();
        place.case("BUS-001", RIDE);
        place.case("BUS-002", RIDE);
        let ran = on_a_full_disk(&place, &["run", "--bench", "sim", "--report", "report", "--format", format]);
        ran.expect(3, &["taprig: writing to standard output: No space left on device", "2 of 2 cases were judged"]);
        assert_eq!(ran.err.matches("standard output").count(), 1, "{}", ran.err);
        assert_eq!(place.verdict("BUS-002").0, "pass");
        assert_eq!(place.record(), "complete");
    }
}

#[test]
fn no_command_passes_over_an_output_that_can_not_be_written() {
    let Some(place) = Place::of_bench("qemu") else { return };
    place.case("BUS-001", RIDE);
    let tap = ["tap", "unionpay-credit-rsa1152", "--bench", "sim"];
    let flash = ["flash", "--bench", "mixed"];
    place.bench("mixed", "qemu: { machine: mps2-an386 }", "sim: {}");
    for args in [&["list"][..], &["list", "--format", "json"], &["check"], &["schema"], &tap, &flash] {
        let ran = on_a_full_disk(&place, args);
        assert_eq!(ran.code, 3, "{args:?}: {}", ran.err);
        assert_eq!(ran.err.matches("writing to standard output: No space").count(), 1, "{args:?}: {}", ran.err);
    }
}

/// A full disk takes neither results nor messages; the exit code is what it would have been.
#[test]
fn messages_that_can_not_be_written_change_no_exit_code() {
    let place = Place::new();
    place.case("BUS-001", RIDE);
    let full = || std::fs::File::options().write(true).open("/dev/full").unwrap();
    let run = ["run", "--bench", "sim"];
    let missing = ["run", "NOT-001", "--bench", "sim"];
    let broken = ["run", "--bench", "broken"];
    place.bench("broken", "sim: {}", "attached: { serial: { path: /dev/null } }");
    let tap = ["tap", "unionpay-credit-rsa1152", "--bench", "broken"];
    let wrong = ["board", "gate", "--air", "none"];
    for (args, code) in [(&run[..], 3), (&missing, 2), (&broken, 3), (&tap, 3), (&wrong, 2)] {
        let ended = place.taprig(args).stdout(full()).stderr(full()).status().unwrap();
        assert_eq!(ended.code(), Some(code), "{args:?}");
    }
    let ended = place.taprig(&run).stdout(std::process::Stdio::null()).stderr(full()).status().unwrap();
    assert_eq!(ended.code(), Some(0));
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    for format in ["human", "json"] {
        let place = Place::new();
        place.case("BUS-001", RIDE);
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let args = ["run", "--bench", "sim", "--report", "report", "--format", format];
        let ran = Ran::of(&place.taprig(&args).stdout(writer).output().unwrap());
        ran.expect(0, &[]);
        assert_eq!(ran.err, "");
        assert_eq!(place.record(), "complete");
    }
}

#[test]
fn what_a_device_does_not_claim_is_not_judged() {
    let place = Place::new();
    place.case("BUS-001", RIDE);
    place.case("BUS-002", &format!("applies: [bus, non-volatile]\n{RIDE}"));
    let file = "taprig-reference-volatile.yaml";
    let device = std::fs::read_to_string(super::place::repository().join("fixtures/devices").join(file)).unwrap();
    place.put(&format!("fixtures/devices/{file}"), &device);
    let bench = std::fs::read_to_string(place.path("fixtures/benches/sim.yaml")).unwrap();
    place.put("fixtures/benches/volatile.yaml", &bench.replace("taprig-reference", "taprig-reference-volatile"));
    place.run(&["--bench", "volatile"]).expect(0, &["1 passed, 1 not applicable"]);
    let why = "the device does not claim non-volatile".to_owned();
    assert_eq!(place.verdict("BUS-002"), ("not-applicable".into(), why));
    place.run(&["--bench", "sim"]).expect(0, &["2 passed"]);
}
