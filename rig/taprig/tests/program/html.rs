//! The HTML report: beside each record, from stored records, and from records that are damaged. `ci/html` looks at it in a browser.

use std::fs;
use std::path::PathBuf;

use super::place::{Place, RIDE, Ran};

const WRONG: &str = "steps: [tap]\nexpect: { outcome: declined, charged: 0.00 CNY }\n";

/// A run of two cases, one of which fails, with its record in `report`.
fn ran() -> Place {
    let place = Place::new();
    place.case("BUS-001", RIDE);
    place.case("BUS-002", WRONG);
    place.run(&["--bench", "sim"]).expect(1, &["1 passed, 1 failed"]);
    place
}

/// `taprig report html ARGS` in the project's folder.
fn html(place: &Place, args: &[&str]) -> Ran {
    let args: Vec<&str> = ["report", "html"].iter().chain(args).copied().collect();
    Ran::of(&place.taprig(&args).output().unwrap())
}

fn page(place: &Place, file: &str) -> String {
    fs::read_to_string(place.path(file)).unwrap()
}

#[test]
fn a_run_leaves_a_page_and_a_stored_record_gives_the_same() {
    let place = ran();
    let first = page(&place, "report/report.html");
    for words in [
        "1 of 2 judged sub-cases failed",
        "A ride is charged.",
        "<a id=\"BUS-002\"",
        "--bench sim BUS-002</code>",
        "as the console of the device reports them; no person watched",
    ] {
        assert!(first.contains(words), "{words}");
    }
    html(&place, &["report", "again.html"]).expect(0, &["again.html\n"]);
    assert_eq!(page(&place, "again.html"), first);
    html(&place, &["report"]).expect(0, &["report/report.html\n"]);
}

#[test]
fn a_page_shows_the_last_nights_of_its_bench() {
    let place = ran();
    let history = |args: &[&str]| Ran::of(&place.taprig(&[&["history"], args].concat()).output().unwrap());
    fs::rename(place.path("report"), place.path("earlier")).unwrap();
    history(&["add", "earlier"]).expect(0, &[]);
    // The start of a run names its night, in whole seconds.
    std::thread::sleep(std::time::Duration::from_millis(1100));
    place.case("BUS-001", WRONG);
    place.run(&["--bench", "sim"]).expect(1, &["2 failed"]);
    html(&place, &["report", "x.html", "--history", "nowhere.jsonl"]).expect(2, &["nowhere.jsonl"]);
    assert!(!place.path("x.html").exists());
    let with = ["report", "x.html", "--history", "taprig-history.jsonl"];
    html(&place, &with).expect(0, &[]);
    assert!(
        page(&place, "x.html").contains(
            "1 night of taprig-reference on the bench sim, the oldest on the left. This run is not one of them"
        )
    );
    history(&["add", "report"]).expect(0, &[]);
    html(&place, &with).expect(0, &[]);
    let both = page(&place, "x.html");
    for words in [
        "2 nights of taprig-reference on the bench sim, the oldest on the left. The last one is this run.",
        "<svg class=\"bench-nights\"",
        "<a href=\"#BUS-001\">BUS-001</a></th><td>fails since ",
        "\"BUS-001\":\"PF\"",
        "\"BUS-002\":\"FF\"",
    ] {
        assert!(both.contains(words), "{words}");
    }
    // A report of the first run says nothing of the night that came later.
    html(&place, &["earlier", "y.html", "--history", "taprig-history.jsonl"]).expect(0, &[]);
    assert!(page(&place, "y.html").contains("1 night of taprig-reference on the bench sim"));
    let mut text = fs::read_to_string(place.path("taprig-history.jsonl")).unwrap();
    text.insert_str(0, "{\"schema\":\n");
    fs::write(place.path("taprig-history.jsonl"), text).unwrap();
    html(&place, &with).expect(2, &["taprig-history.jsonl, line 1: "]);
    assert!(page(&place, "x.html").contains("2 nights of"));
    assert!(!page(&place, "report/report.html").contains("id=\"nights\""), "a run knows no history");
}

#[test]
fn a_page_says_what_changed_since_an_earlier_run() {
    let place = ran();
    fs::rename(place.path("report"), place.path("earlier")).unwrap();
    place.case("BUS-001", WRONG);
    place.case("BUS-002", RIDE);
    place.case("BUS-003", RIDE);
    place.run(&["--bench", "sim"]).expect(1, &["2 passed, 1 failed"]);
    assert!(!page(&place, "report/report.html").contains("What changed since"));
    html(&place, &["report", "--since", "earlier"]).expect(0, &[]);
    let changes = page(&place, "report/report.html");
    for words in [
        "2 of 2 sub-cases in both runs have another verdict.",
        "Fail now <small>1</small>",
        "<li><a href=\"#BUS-001\">BUS-001</a> <span class=\"dim\">was pass, is fail</span></li>",
        "No longer fail <small>1</small>",
        "New in this run <small>1</small>",
        "Cases and fixtures",
    ] {
        assert!(changes.contains(words), "{words}");
    }
    // A run that replaces a record is compared with that.
    place.run(&["--bench", "sim"]).expect(1, &[]);
    let same = page(&place, "report/report.html");
    assert!(same.contains("3 sub-cases in both runs have the same verdict."));
    // A run into a new folder is compared with the run that the user names.
    let new = |folder: &str, since: &str| {
        let run = place.taprig(&["run", "--bench", "sim", "--report", folder, "--since", since]).output();
        Ran::of(&run.unwrap())
    };
    new("new", "earlier").expect(1, &["2 passed, 1 failed"]);
    assert!(page(&place, "new/report.html").contains("2 of 2 sub-cases in both runs have another verdict."));
    new("newer", "nowhere").expect(2, &["nowhere", "events.jsonl"]);
    assert!(!place.path("newer").exists());
    html(&place, &["report", "x.html", "--since", "nowhere"]).expect(2, &["nowhere", "events.jsonl"]);
    assert!(!place.path("x.html").exists());
}

#[test]
fn nothing_of_somebody_else_is_written_over() {
    let place = ran();
    place.put("notes.html", "<!doctype html>\nmine");
    html(&place, &["report", "notes.html"]).expect(2, &["this file is no report of taprig", "name another file"]);
    assert_eq!(page(&place, "notes.html"), "<!doctype html>\nmine");
    html(&place, &["report", "missing/x.html"]).expect(3, &["writing missing/x.html", "check that the folder exists"]);
    fs::remove_file(place.path("report/record.json")).unwrap();
    fs::remove_file(place.path("report/events.jsonl")).unwrap();
    html(&place, &["report"]).expect(2, &["events.jsonl"]);
    assert!(page(&place, "report/report.html").contains("1 of 2 judged sub-cases failed"));
}

/// Changes the events of the record.
fn alter(place: &Place, change: impl Fn(&mut Vec<String>)) -> PathBuf {
    let path = place.path("report/events.jsonl");
    let text = fs::read_to_string(&path).unwrap();
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    change(&mut lines);
    fs::write(&path, lines.join("\n")).unwrap();
    path
}

#[test]
fn half_a_record_is_shown_as_far_as_it_goes_and_the_rest_is_told() {
    let place = ran();
    let before = page(&place, "report/report.html");
    // The last line has no end now, and a line in the middle is no event.
    alter(&place, |lines| lines[5] = "{\"at_us\":5".into());
    html(&place, &["report"]).expect(2, &["the report that is here is not written over", "events.jsonl, line 6: "]);
    assert_eq!(page(&place, "report/report.html"), before);
    let told = ["events.jsonl, line 6: ", "the line is cut off after ", "the report shows the rest"];
    html(&place, &["report", "half.html"]).expect(2, &told);
    let half = page(&place, "half.html");
    assert!(
        half.contains("events.jsonl, line 6: ") && half.contains("<a id=\"BUS-001\"") && half.contains("is cut off")
    );
}

#[test]
fn a_report_is_not_replaced_by_one_of_a_record_that_was_cut_at_the_end_of_a_line() {
    let place = ran();
    let before = page(&place, "report/report.html");
    let whole = fs::read_to_string(place.path("report/events.jsonl")).unwrap();
    let lines: Vec<&str> = whole.split_inclusive('\n').collect();
    let number = lines.iter().position(|line| line.contains("\"case-finished\"")).unwrap() + 1;
    fs::write(place.path("report/events.jsonl"), lines[..number].concat()).unwrap();
    let why = format!("events.jsonl, line {number}: the record ends here without the end of its run");
    html(&place, &["report"]).expect(2, &["the report that is here is not written over", &why]);
    assert_eq!(page(&place, "report/report.html"), before);
    html(&place, &["report", "half.html"]).expect(2, &[&why, "the report shows the rest"]);
    let capture = fs::read(place.path("report/capture.pcapng")).unwrap();
    Ran::of(&place.taprig(&["report", "capture", "report"]).output().unwrap()).expect(2, &[&why]);
    assert_eq!(fs::read(place.path("report/capture.pcapng")).unwrap(), capture);
    Ran::of(&place.taprig(&["history", "add", "report"]).output().unwrap()).expect(2, &[&why]);
    assert!(!place.path("taprig-history.jsonl").exists());
    // A run that was killed has no end either. Its report shows what there is.
    place.put("report/record.json", "{\"schema\":2,\"state\":\"open\"}");
    html(&place, &["report", "killed.html"]).expect(0, &[]);
}

#[test]
fn a_record_of_a_later_version_gives_no_page() {
    let place = ran();
    fs::remove_file(place.path("report/report.html")).unwrap();
    place.put("report/record.json", "{\"schema\":99,\"state\":\"complete\"}");
    html(&place, &["report"]).expect(2, &["schema 99 is later than", "read it with a newer taprig"]);
    assert!(!place.path("report/report.html").exists());
}

#[test]
fn a_record_without_its_inputs_gives_a_page_that_says_so() {
    let place = ran();
    fs::remove_file(place.path("report/inputs.tar.gz")).unwrap();
    html(&place, &["report", "x.html"]).expect(2, &["inputs.tar.gz"]);
    let page = page(&place, "x.html");
    assert!(page.contains("The inputs of the run can&#39;t be read") && !page.contains("Conformance statement"));
}

#[test]
fn a_hundred_megabytes_of_events_take_little_memory_and_give_a_page_that_opens() {
    let place = ran();
    let line = r#"{"at_us":9,"bench":"sim","case":"BUS-002","source":"validator","body":{"kind":"console-noise","text":"PADDING"}}"#;
    let line = line.replace("PADDING", &"noise ".repeat(150));
    alter(&place, |lines| {
        let end = lines.iter().rposition(|line| line.contains("\"case\":\"BUS-002\"")).unwrap();
        let many = 100_000_000 / line.len();
        let rest = lines.split_off(end);
        lines.extend(std::iter::repeat_n(line.clone(), many));
        lines.extend(rest);
        lines.push(String::new());
    });
    let mut command = std::process::Command::new("bash");
    // A fifth of the record is enough.
    let script = format!("ulimit -v 400000; exec '{}' report html report big.html", env!("CARGO_BIN_EXE_taprig"));
    command.args(["-c", &script]).current_dir(place.path(""));
    Ran::of(&command.output().unwrap()).expect(0, &["big.html\n"]);
    let page = page(&place, "big.html");
    assert!(page.len() < 3_000_000, "{}", page.len());
    // The other commands read such a record, too. They hold its events, so they need more memory.
    for (words, code) in [
        ("judge report", 1),
        ("report matrix report", 0),
        ("report capture report big.pcapng", 0),
        ("coverage report", 0),
        ("ics --record report", 0),
        ("history add report", 0),
    ] {
        let script = format!("ulimit -v 1500000; exec '{}' {words}", env!("CARGO_BIN_EXE_taprig"));
        let mut command = std::process::Command::new("bash");
        let ran = Ran::of(&command.args(["-c", &script]).current_dir(place.path("")).output().unwrap());
        assert_eq!(ran.code, code, "{words}: {}{}", ran.out, ran.err);
    }
}
