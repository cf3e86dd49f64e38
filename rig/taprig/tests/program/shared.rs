//! Runs in several parts: resumed after an early end, repeated where they failed, or shared between machines.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use super::place::{Place, RIDE, Ran};

const WRONG: &str = "steps: [tap]\nexpect: { outcome: declined, charged: 0.00 CNY }\n";

fn taprig(place: &Place, args: &[&str]) -> Ran {
    Ran::of(&place.taprig(args).output().unwrap())
}

/// The sub-cases that a record has events of.
fn played(record: &Path) -> BTreeSet<String> {
    let events = fs::read_to_string(record.join("events.jsonl")).unwrap();
    let events = events.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    events.filter_map(|event| event["case"].as_str().map(str::to_owned)).collect()
}

/// Leaves what a run of three cases leaves if it is killed while it writes an event of the second one.
fn killed() -> Place {
    let place = Place::new();
    for id in ["BUS-001", "BUS-002", "BUS-003"] {
        place.case(id, RIDE);
    }
    place.run(&["--bench", "sim"]).expect(0, &["3 passed"]);
    let events = place.path("report/events.jsonl");
    let text = fs::read_to_string(&events).unwrap();
    let second = text.find(r#""case":"BUS-002""#).unwrap();
    let torn = second + text[second..].find('\n').unwrap() + 1 + 20;
    fs::write(&events, &text[..torn]).unwrap();
    fs::write(place.path("report/record.json"), r#"{ "schema": 1, "state": "open" }"#.replace("1", &schema(&text)))
        .unwrap();
    for report in ["results.json", "junit.xml"] {
        fs::remove_file(place.path("report").join(report)).unwrap();
    }
    place
}

fn schema(events: &str) -> String {
    let first: serde_json::Value = serde_json::from_str(events.lines().next().unwrap()).unwrap();
    first["body"]["schema"].to_string()
}

#[test]
fn a_killed_run_goes_on_where_it_stopped() {
    let place = killed();
    let before = fs::read_to_string(place.path("report/events.jsonl")).unwrap();
    let whole = &before[..before.rfind('\n').unwrap()];
    taprig(&place, &["run", "--resume", "report"]).expect(0, &["3 passed"]);
    let after = fs::read_to_string(place.path("report/events.jsonl")).unwrap();
    assert!(after.starts_with(whole), "what was recorded stays");
    assert_eq!(after.matches(r#""kind":"run-resumed""#).count(), 1);
    assert_eq!(after[whole.len()..].matches(r#""kind":"case-started""#).count(), 2, "only what was left is played");
    assert_eq!(place.record(), "complete");
    let times: Vec<u64> = after
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["at_us"].as_u64().unwrap())
        .collect();
    assert!(times.last() > times.first(), "{times:?}");
    taprig(&place, &["judge", "report"]).expect(0, &["every verdict is the same as in the record", "3 passed"]);
    taprig(&place, &["run", "--resume", "report"]).expect(0, &["3 passed"]);
}

#[test]
fn a_run_is_not_resumed_with_other_cases() {
    let place = killed();
    let before = fs::read(place.path("report/events.jsonl")).unwrap();
    place.case("BUS-003", WRONG);
    taprig(&place, &["run", "--resume", "report"]).expect(2, &["cases or fixtures have changed since this run"]);
    assert_eq!(fs::read(place.path("report/events.jsonl")).unwrap(), before);
    taprig(&place, &["run", "--resume", "nothing"]).expect(2, &["name a folder that `taprig run --report` wrote"]);
    taprig(&place, &["run", "--resume", "report", "BUS"]).expect(2, &["cannot be used with"]);
}

#[test]
fn only_what_failed_is_repeated() {
    let place = Place::new();
    place.case("BUS-001", RIDE);
    place.case("BUS-002", WRONG);
    place.run(&["--bench", "sim"]).expect(1, &["1 passed, 1 failed"]);
    place.case("BUS-002", RIDE);
    taprig(&place, &["run", "--bench", "sim", "--failed-from", "report", "--report", "again"]).expect(0, &["1 passed"]);
    assert_eq!(played(&place.path("again")), ["BUS-002".to_owned()].into());
    let nothing = taprig(&place, &["run", "--bench", "sim", "--failed-from", "again", "--report", "once-more"]);
    assert_eq!((nothing.code, nothing.out.as_str()), (0, ""), "{}", nothing.err);
    assert!(nothing.err.contains("none of these cases failed in again, so nothing was run"), "{}", nothing.err);
    assert!(!place.path("once-more").exists());
}

/// Eight cases, shared between two machines: `one` and `two`.
fn shared() -> Place {
    let place = Place::new();
    for number in 1..=8 {
        place.case(&format!("BUS-{number:03}"), RIDE);
    }
    for (part, to) in [("1/2", "one"), ("2/2", "two")] {
        taprig(&place, &["run", "--bench", "sim", "--partition", part, "--report", to]).expect(0, &["passed"]);
    }
    place
}

#[test]
fn machines_that_share_a_run_play_each_case_once_and_their_records_are_joined() {
    let place = shared();
    let (one, two) = (played(&place.path("one")), played(&place.path("two")));
    assert!(one.is_disjoint(&two) && !one.is_empty() && !two.is_empty(), "{one:?} {two:?}");
    assert_eq!(one.len() + two.len(), 8);
    taprig(&place, &["report", "merge", "one", "two", "--to", "report"])
        .expect(0, &["8 passed; 2 records joined in report"]);
    assert_eq!(place.record(), "complete");
    let results = place.results();
    assert_eq!(results["cases"].as_array().unwrap().len(), 8);
    assert_eq!(results["run"]["cases"], 8);
    // The joined record can be judged like any other.
    let judge = Command::new(env!("CARGO_BIN_EXE_taprig")).arg("judge").arg(place.path("report")).output().unwrap();
    Ran::of(&judge).expect(0, &["8 sub-cases judged again: every verdict is the same as in the record"]);
}

#[test]
fn what_is_missing_or_there_twice_is_told() {
    let place = shared();
    taprig(&place, &["report", "merge", "one", "--to", "half"]).expect(3, &["part 2/2 of the suite is missing"]);
    let twice = taprig(&place, &["report", "merge", "one", "two", "one", "--to", "twice"]);
    twice.expect(3, &["it is there twice: pass in one, which counts, and pass in one", "8 passed"]);
    taprig(&place, &["report", "merge", "one", "two", "--to", "two"]).expect(2, &["joining would replace it"]);
    place.device("title: The taprig reference validator", "title: Another validator");
    taprig(&place, &["run", "--bench", "sim", "--partition", "2/2", "--report", "two"]).expect(0, &["passed"]);
    taprig(&place, &["report", "merge", "one", "two", "--to", "both"])
        .expect(2, &["it is about another device than the record in one"]);
    assert!(!place.path("both").exists());
}

#[test]
fn a_part_that_is_none() {
    let place = Place::new();
    place.case("BUS-001", RIDE);
    taprig(&place, &["run", "--partition", "3/2"]).expect(2, &["`1/4` is the first of four"]);
}

#[test]
fn a_bench_whose_parts_exist_once_has_one_user_at_a_time() {
    let place = Place::new();
    place.case("BUS-001", RIDE);
    let console = super::pty::raw();
    let attached = format!("attached: {{ serial: {{ path: {} }} }}", console.2.display());
    place.bench("desk", &attached, "sim: {}");
    taprig(&place, &["run", "--bench", "desk", "--jobs", "2"]).expect(2, &["exist only once, so `--jobs` must be 1"]);
    // A run that waits for its silent validator holds the bench.
    place.device("ready: 5 s", "ready: 60 s");
    let mut holder = place.taprig(&["run", "--bench", "desk"]).spawn().unwrap();
    let list = || Ran::of(&place.taprig(&["bench", "list"]).output().unwrap()).out;
    while !list().contains("in use since") {
        std::thread::yield_now();
    }
    let listed = list();
    assert!(
        listed.contains(&format!("process {} of ", holder.id())) && listed.contains("run --bench desk"),
        "{listed}"
    );
    let refused = taprig(&place, &["run", "--bench", "desk"]);
    refused.expect(3, &["another run uses the bench desk", &format!("process {}", holder.id()), "--wait 10 min"]);
    // The lock ends with its process, however that ends.
    holder.kill().unwrap();
    holder.wait().unwrap();
    assert!(!list().contains("in use"), "{}", list());
}
