//! Records that are judged again: by what they carry, by other cases, after somebody has altered them.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tempfile::TempDir;

use super::place::{Place, RIDE, Ran};

const WRONG: &str = "steps: [tap]\nexpect: { outcome: declined, charged: 0.00 CNY }\n";
const OTHER: &str = "applies: [online]\nsteps: [tap]\nexpect: { outcome: approved }\n";
const STATUS: &str = "steps: [tap, status: { state: ready, journal: 1 }]\nexpect: { journal: +1 }\n";

/// A record of four cases: two pass, one fails, one does not apply. It stands alone, without the project's reports.
struct Kept {
    place: Place,
    folder: TempDir,
}

impl Kept {
    fn new() -> Self {
        let place = Place::new();
        let device = "fixtures/devices/taprig-reference.yaml";
        let claims = fs::read_to_string(place.path(device)).unwrap();
        assert!(claims.contains("  online: true "));
        place.put(device, &claims.replace("  online: true ", "  online: false "));
        place.case("BUS-001", RIDE);
        place.case("BUS-002", WRONG);
        place.case("BUS-003", OTHER);
        place.case("BUS-004", STATUS);
        place.run(&["--bench", "sim"]).expect(1, &["2 passed, 1 failed, 1 not applicable"]);
        let folder = TempDir::new().unwrap();
        for name in ["events.jsonl", "record.json", "inputs.tar.gz", "firmware.json"] {
            let from = place.path("report").join(name);
            if from.exists() {
                fs::copy(from, folder.path().join(name)).unwrap();
            }
        }
        Self { place, folder }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// `taprig judge`, started where there is no project.
    fn judge(&self, args: &[&str]) -> Ran {
        let elsewhere = TempDir::new().unwrap();
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_taprig"));
        command.arg("judge").arg(self.folder.path()).args(args).current_dir(elsewhere.path()).env("NO_COLOR", "1");
        Ran::of(&command.output().unwrap())
    }

    fn differences(&self, args: &[&str]) -> Vec<(String, String, String, String)> {
        let ran = self.judge(&[args, &["--format", "json"]].concat());
        let all: Value = serde_json::from_str(&ran.out).unwrap_or_else(|_| panic!("{}{}", ran.out, ran.err));
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let all = all["differences"].as_array().unwrap().clone();
        all.iter().map(|of| (text(&of["id"]), text(&of["was"]), text(&of["now"]), text(&of["why"]))).collect()
    }
}

fn contents(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut all: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    all.sort();
    all.into_iter().map(|path| (path.clone(), fs::read(path).unwrap())).collect()
}

#[test]
fn a_record_alone_gives_the_verdicts_of_its_run_and_stays_as_it_is() {
    let kept = Kept::new();
    let before = contents(kept.folder.path());
    let ran = kept.judge(&[]);
    ran.expect(1, &["4 sub-cases judged again: every verdict is the same as in the record\n2 passed, 1 failed, 1 not applicable\n"]);
    assert_eq!(kept.differences(&[]), []);
    assert_eq!(contents(kept.folder.path()), before);
}

#[test]
fn an_altered_event_changes_the_verdict_of_its_case_alone() {
    let kept = Kept::new();
    let path = kept.file("events.jsonl");
    let text = fs::read_to_string(&path).unwrap();
    // What the validator told it charged in BUS-001.
    let lines = text.lines().map(|line| match line.contains(r#""case":"BUS-001""#) {
        true => line.replace(r#""charged":100"#, r#""charged":99"#),
        false => line.to_owned(),
    });
    let altered = lines.collect::<Vec<_>>().join("\n") + "\n";
    assert_ne!(altered, text);
    fs::write(&path, altered).unwrap();
    let [(id, was, now, why)] = kept.differences(&[]).try_into().unwrap();
    assert_eq!((id.as_str(), was.as_str(), now.as_str()), ("BUS-001", "pass", "fail"));
    assert_eq!(why, "charged: expected 1.00 CNY, seen 0.99 CNY");
    kept.judge(&[]).expect(1, &["BUS-001  was pass, is fail  (charged: ", "1 verdict differs"]);
}

#[test]
fn a_changed_expectation_gives_exactly_its_difference() {
    let kept = Kept::new();
    kept.place.case("BUS-002", "steps: [tap]\nexpect: { outcome: approved, charged: 1.00 CNY }\n");
    let project = kept.place.path("").display().to_string();
    assert_eq!(kept.differences(&[]), [], "the record has its own cases");
    let [(id, was, now, _)] = kept.differences(&["--cases", &project]).try_into().unwrap();
    assert_eq!((id.as_str(), was.as_str(), now.as_str()), ("BUS-002", "fail", "pass"));
    kept.judge(&["--cases", &project]).expect(1, &["1 verdict differs", "3 passed, 1 not applicable"]);
    // A case that needs what the device does not claim was never played.
    kept.place.case("BUS-003", "steps: [tap]\nexpect: { outcome: approved }\n");
    let differences = kept.differences(&["--cases", &project]);
    let words: Vec<_> = differences.iter().map(|(id, was, now, _)| format!("{id} {was} {now}")).collect();
    assert_eq!(words, ["BUS-002 fail pass", "BUS-003 not-applicable skipped"]);
}

#[test]
fn a_record_whose_events_are_missing_is_no_good_one() {
    let kept = Kept::new();
    let whole = fs::read_to_string(kept.file("events.jsonl")).unwrap();
    fs::write(kept.file("events.jsonl"), "").unwrap();
    let told = ["0 sub-cases judged again: 4 verdicts differ", "events.jsonl, line 1: the record has no events"];
    kept.judge(&[]).expect(1, &told);
    let project = kept.place.path("").display().to_string();
    kept.judge(&["--cases", &project]).expect(1, &["4 verdicts differ"]);
    // Only the end is missing. The two cases before it passed.
    let lines: Vec<&str> = whole.split_inclusive('\n').collect();
    let ended = |line: &&str| line.contains("case-finished") && line.contains("BUS-001");
    let number = lines.iter().position(ended).unwrap() + 1;
    fs::write(kept.file("events.jsonl"), lines[..number].concat()).unwrap();
    let missing = format!("events.jsonl, line {number}: the record ends here without the end of its run");
    kept.judge(&[]).expect(1, &["BUS-002  was absent, is skipped", "verdicts differ", &missing, "1 passed"]);
    fs::write(kept.file("record.json"), "{\"schema\":2,\"state\":\"open\"}").unwrap();
    kept.judge(&[]).expect(1, &["the end of the run is missing: the run is still going on, or it was killed"]);
}

#[test]
fn what_is_no_record_is_told() {
    let kept = Kept::new();
    fs::remove_file(kept.file("inputs.tar.gz")).unwrap();
    kept.judge(&[]).expect(2, &["inputs.tar.gz"]);
    fs::write(kept.file("inputs.tar.gz"), "not an archive").unwrap();
    kept.judge(&[]).expect(2, &["inputs.tar.gz"]);
    fs::remove_file(kept.file("events.jsonl")).unwrap();
    kept.judge(&[]).expect(2, &["events.jsonl"]);
}

#[test]
fn a_record_carries_no_private_key_and_no_whole_account_number() {
    let kept = Kept::new();
    let inputs = taprig_record::Inputs::read(kept.folder.path()).unwrap();
    let card = &inputs.files[Path::new("fixtures/cards/unionpay-credit-rsa1152.yaml")];
    assert!(card.contains("622990xxxxxx0021") && !card.contains("6229900180000021"), "{card}");
    assert!(inputs.files.keys().all(|path| !path.starts_with("fixtures/keys")));
    let private = fs::read_to_string(kept.place.path("fixtures/keys/test-card-1152-e3.yaml")).unwrap();
    let longest = private.split_ascii_whitespace().max_by_key(|word| word.len()).unwrap();
    assert!(longest.len() > 64, "a modulus or an exponent");
    assert!(inputs.files.values().all(|text| !text.contains(longest)));
}
