//! Records of runs become nights of a history, and the history answers.

use std::fs;
use std::path::PathBuf;

use serde_json::Value;

use super::place::{Place, RIDE, Ran};

/// A case that fails on every device.
const WRONG: &str = "steps: [tap]\nexpect: { outcome: declined, charged: 0.00 CNY }\n";

struct Nights {
    place: Place,
    count: usize,
}

impl Nights {
    fn new() -> Self {
        let place = Place::new();
        place.case("BUS-001", RIDE);
        place.case("BUS-002", RIDE);
        Self { place, count: 0 }
    }

    /// Runs all cases into a record of its own, and returns its folder.
    fn night(&mut self) -> PathBuf {
        self.count += 1;
        let folder = format!("records/sim/{}", self.count);
        let ran = Ran::of(&self.place.taprig(&["run", "--bench", "sim", "--report", &folder]).output().unwrap());
        assert!(ran.code < 2, "{}{}", ran.out, ran.err);
        // A run is known by its start to the second and by its first nonce.
        self.place.path(&folder)
    }

    fn history(&self, args: &[&str]) -> Ran {
        Ran::of(&self.place.taprig(&[&["history"], args].concat()).output().unwrap())
    }

    fn file(&self) -> PathBuf {
        self.place.path("taprig-history.jsonl")
    }

    fn json(&self, args: &[&str]) -> Value {
        let ran = self.history(&[args, &["--format", "json"]].concat());
        serde_json::from_str(&ran.out).unwrap_or_else(|_| panic!("{}{}", ran.out, ran.err))
    }
}

#[test]
fn a_bad_night_is_told_with_its_first_night_and_what_changed_then() {
    let mut nights = Nights::new();
    nights.history(&[]).expect(2, &["there is no history here", "`taprig history add DIR` makes one"]);
    let first = nights.night().display().to_string();
    nights.history(&["add", &first]).expect(0, &["added the run of "]);
    nights.history(&["add", &first]).expect(0, &["is in the history already; nothing was written"]);
    nights.history(&[]).expect(0, &["2 passed in", "Nothing is broken or flaky, and the rig made no errors."]);
    nights.place.case("BUS-002", WRONG);
    let second = nights.night().display().to_string();
    nights.history(&["add", &second]).expect(0, &["added the run of "]);
    let words = [
        "taprig-reference on sim: the night of ",
        "1 passed, 1 failed in",
        "The device fails (1)\n  BUS-002  fails since ",
        "outcome: expected declined, seen approved",
        "changed then: the case or its fixtures, from ",
    ];
    nights.history(&[]).expect(0, &words);
    nights.history(&["case", "BUS-001"]).expect(0, &["BUS-001  passes in all nights", "[..]"]);
    nights.history(&["case", "BUS-002"]).expect(0, &["[.|F]"]);
    let json = nights.json(&[]);
    let night = &json["nights"][0];
    assert_eq!((&night["verdicts"]["fail"], &night["broken"][0]["id"]), (&1.into(), &"BUS-002".into()), "{json}");
    let what: Vec<&Value> =
        night["broken"][0]["turn"]["changes"].as_array().unwrap().iter().map(|of| &of["what"]).collect();
    assert_eq!(what, ["case"], "BUS-001 has not changed, and the digest of all cases is no news");
    nights.history(&["slow"]).expect(0, &["The slowest cases of the newest night", "No case has become slower."]);
    nights.history(&["flaky"]).expect(0, &["0 flaky"]);
    nights.history(&["benches"]).expect(0, &["sim-1  0 of 4 attempts ended in an error, in 0 of 2 nights"]);
    nights.history(&["case", "BUS-02"]).expect(2, &["the history has no case of this id", "did you mean `BUS-002`?"]);
    nights.history(&["--bench", "qemu"]).expect(2, &["no night of the bench `qemu`"]);
}

#[test]
fn a_broken_line_is_told_and_all_others_are_shown_and_kept() {
    let mut nights = Nights::new();
    let first = nights.night().display().to_string();
    nights.history(&["add", &first]).expect(0, &[]);
    let whole = fs::read_to_string(nights.file()).unwrap();
    let broken = format!("{whole}{}\n", &whole[..whole.len() / 2]);
    fs::write(nights.file(), &broken).unwrap();
    let told = ["taprig-history.jsonl, line 2: the line ends too early", "2 passed in", "taprig history rebuild"];
    nights.history(&[]).expect(2, &told);
    assert_eq!(nights.json(&[])["broken_lines"][0]["line"], 2);
    assert_eq!(fs::read_to_string(nights.file()).unwrap(), broken, "nothing is written over");
    let second = nights.night().display().to_string();
    nights.history(&["add", &second]).expect(2, &["added the run", "line 2", "the line stays as it is"]);
    assert!(fs::read_to_string(nights.file()).unwrap().starts_with(&broken));
    nights.history(&["rebuild", "records"]).expect(
        0,
        &["2 nights from records, and 0 nights", "taprig-history.jsonl.old", "taprig-history.jsonl, line 2: "],
    );
    nights.history(&[]).expect(0, &["2 nights since"]);
    // The history of records that are gone is not lost.
    fs::remove_dir_all(nights.place.path("records/sim/1")).unwrap();
    nights.history(&["rebuild", "records"]).expect(0, &["1 nights from records, and 1 nights whose records are gone"]);
    nights.history(&[]).expect(0, &["2 nights since"]);
}

#[test]
fn a_line_that_can_not_be_true_is_broken() {
    let mut nights = Nights::new();
    let first = nights.night().display().to_string();
    nights.history(&["add", &first]).expect(0, &[]);
    let whole = fs::read_to_string(nights.file()).unwrap();
    let night: Value = serde_json::from_str(&whole).unwrap();
    let changed = |change: &dyn Fn(&mut Value)| {
        let mut night = night.clone();
        night["run"] = "another".into();
        change(&mut night);
        format!("{whole}{night}\n")
    };
    for (change, why) in [
        (&(|night: &mut Value| night["started"] = "zzz".into()) as &dyn Fn(&mut Value), "`zzz` is no time"),
        (&|night| night["cases"][0]["bench"] = 7.into(), "BUS-001 ran on the bench 7 of the list, and the list has 1"),
        (&|night| night["cases"][1]["id"] = "BUS-001".into(), "BUS-001 is there twice"),
    ] {
        fs::write(nights.file(), changed(change)).unwrap();
        nights.history(&[]).expect(2, &["taprig-history.jsonl, line 2: ", why, "2 passed in"]);
        assert_eq!(nights.json(&[])["broken_lines"][0]["line"], 2);
    }
}

#[test]
fn what_is_no_record_is_refused_before_anything_is_written() {
    let mut nights = Nights::new();
    let first = nights.night().display().to_string();
    fs::create_dir(nights.place.path("empty")).unwrap();
    nights.history(&["add", &first, "empty"]).expect(2, &["there is no record in this folder"]);
    assert!(!nights.file().exists());
    let events = nights.place.path("records/sim/1/events.jsonl");
    let text = fs::read_to_string(&events).unwrap();
    fs::write(&events, text.replacen("\"schema\":2", "\"schema\":99", 1)).unwrap();
    nights.history(&["add", &first]).expect(2, &["schema 99 is later than 2; read it with a newer taprig"]);
    // Half a record is a night that did not reach its end.
    let half = text.lines().take(text.lines().count() / 2).collect::<Vec<_>>().join("\n");
    fs::write(&events, half).unwrap();
    nights.history(&["add", &first]).expect(2, &["events.jsonl, line ", "the line is cut off after "]);
    assert!(!nights.file().exists(), "the run closed this record, so somebody has cut it");
    nights.place.put("records/sim/1/record.json", "{\"schema\":2,\"state\":\"open\"}");
    fs::remove_file(nights.place.path("records/sim/1/inputs.tar.gz")).unwrap();
    let told = ["added the run", "have no digests of their own", "the night has the events before it"];
    nights.history(&["add", &first]).expect(0, &told);
    nights.history(&[]).expect(0, &["it did not reach its end"]);
}
