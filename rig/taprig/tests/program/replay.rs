//! `taprig replay`: a small plan of fixtures/replays, on the benches of this host.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use super::place::{Ran, repository};

/// What makes the books.
const BOOKS: [&str; 6] = ["journal.csv", "acquirer.jsonl", "clearing.csv", "books.csv", "books.json", "samples.json"];

/// `taprig replay` in the repository, with a state folder of the test's own.
fn replay(place: &TempDir, plan: &Path, args: &[&str]) -> Ran {
    let mut command = Command::new(env!("CARGO_BIN_EXE_taprig"));
    command.arg("--project").arg(repository()).arg("replay").arg(plan).args(args).current_dir(place.path());
    command.env("TAPRIG_STATE", place.path().join("state")).env("XDG_RUNTIME_DIR", place.path());
    Ran::of(&command.output().unwrap())
}

fn two_lines() -> std::path::PathBuf {
    repository().join("fixtures/replays/two-lines.yaml")
}

fn books(folder: &Path) -> Vec<Vec<u8>> {
    BOOKS.iter().map(|name| fs::read(folder.join(name)).unwrap()).collect()
}

#[test]
fn a_replay_balances_and_is_the_same_for_any_jobs_and_after_an_interruption() {
    let place = TempDir::new().unwrap();
    let play = |to: &str, jobs: &str| {
        let ran = replay(&place, &two_lines(), &["--rides", "150", "--samples", "6", "--jobs", jobs, "--output", to]);
        ran.expect(0, &["150 rides, 174.07 CNY", "the books balance", "6 of 6 sampled rides have the same transcript"]);
        ran
    };
    play("one", "1");
    play("two", "3");
    let one = books(&place.path().join("one"));
    assert_eq!(one, books(&place.path().join("two")), "the number of jobs changes nothing");

    // As after an interruption: the summary of one bus is missing, and everything of another one.
    let parts = place.path().join("two/parts");
    for part in fs::read_dir(&parts).unwrap() {
        let path = part.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if name == "TL-1-01.json" || name.starts_with("TL-2-02.") {
            fs::remove_file(path).unwrap();
        }
    }
    fs::write(parts.join("TL-1-01.journal.csv"), "a part that was cut off").unwrap();
    let again = play("two", "2");
    assert!(again.err.contains("3 buses of this replay are already done"), "{}", again.err);
    assert_eq!(one, books(&place.path().join("two")), "an interruption changes nothing");

    let books: Value = serde_json::from_slice(&one[4]).unwrap();
    assert_eq!((&books["planned"]["count"], &books["gross"]["rides"]["fen"]), (&150.into(), &17_407.into()));
    assert_eq!(books["gpos"]["cards"], books["gpos"]["validator"]);
    assert_eq!(books["authentications"]["cards"], books["authentications"]["validator"]);
    assert!(books["gross"]["waiting"]["count"].as_u64().unwrap() > 0 && books["repeats"].as_u64().unwrap() > 0);

    let other = replay(&place, &two_lines(), &["--rides", "151", "--output", "two"]);
    other.expect(2, &["the folder holds another replay"]);
}

#[test]
fn a_wrong_plan_is_refused_and_leaves_nothing() {
    let place = TempDir::new().unwrap();
    let text = fs::read_to_string(two_lines()).unwrap();
    let fleet = repository().join("fixtures/fleets/two-lines.yaml");
    let try_with = |was: &str, is: &str, args: &[&str]| {
        let text = text.replace("../fleets/two-lines.yaml", fleet.to_str().unwrap());
        assert!(text.contains(was), "{was}");
        let plan = place.path().join("plan.yaml");
        fs::write(&plan, text.replace(was, is)).unwrap();
        let ran = replay(&place, &plan, args);
        assert!(!place.path().join("replay-plan").exists(), "nothing is written");
        ran
    };
    try_with("total: 2321.05", "total: 9000.00", &[]).expect(2, &["at the highest fares they sum to", "less"]);
    try_with("rides: 2000", "rides: 200000", &[]).expect(2, &["the fleet has room for", "fewer than 200000"]);
    try_with("seed: 7", "seed: x", &[]).expect(2, &["plan.yaml:5:7"]);
    try_with("retaps: 30", "retap: 30", &[]).expect(2, &["unknown key `retap`"]);
    try_with("profile: uplink-1-yuan", "profile: uplink-1-yen", &[])
        .expect(2, &["there is no validator `uplink-1-yen`"]);
    try_with("image: phone", "image: telephone", &[]).expect(2, &["there is no card `telephone`"]);
    try_with("seed: 7", "seed: 7", &["--bench", "qemu"]).expect(2, &["the bench `qemu` can't play a replay"]);
    try_with("two-lines.yaml", "no-lines.yaml", &[]).expect(2, &["no-lines.yaml"]);
    let dry = try_with("seed: 7", "seed: 8", &["--dry-run"]);
    dry.expect(0, &["2000 rides, 2321.05 CNY, on 5 buses", "line TL-2"]);
    fs::create_dir(place.path().join("mine")).unwrap();
    fs::write(place.path().join("mine/letter"), "dear").unwrap();
    try_with("seed: 7", "seed: 7", &["--output", "mine"]).expect(2, &["the folder holds files that are no replay"]);
}
