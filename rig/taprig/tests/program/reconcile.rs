//! `taprig reconcile`: the samples of fixtures/books, files that are wrong, and the log of a real host.

use std::fs;

use taprig_model::books::result::{Class, Reconciliation};

use super::acquirer::{Host, RIDE, SIGN_ON};
use super::place::{Place, Ran, repository};

const SIDES: [&str; 6] = ["--journal", "journal.csv", "--acquirer", "acquirer.jsonl", "--clearing", "clearing.csv"];

/// A place with the samples.
fn place() -> Place {
    let place = Place::new();
    let from = repository().join("fixtures/books");
    for file in fs::read_dir(from).unwrap() {
        let file = file.unwrap();
        fs::copy(file.path(), place.path(file.file_name().to_str().unwrap())).unwrap();
    }
    place
}

fn run(place: &Place, args: &[&str]) -> Ran {
    Ran::of(&place.taprig(&[&["reconcile"], args].concat()).output().unwrap())
}

fn text(place: &Place, file: &str) -> String {
    fs::read_to_string(place.path(file)).unwrap()
}

/// Changes a file.
fn change(place: &Place, file: &str, was: &str, is: &str) {
    let before = text(place, file);
    assert!(before.contains(was), "{was}");
    place.put(file, &before.replacen(was, is, 1));
}

/// The samples without their differences.
fn balanced() -> Place {
    let place = place();
    let keep = |text: &str, but: &[&str]| -> String {
        text.lines().filter(|line| !but.iter().any(|key| line.contains(key))).map(|line| format!("{line}\n")).collect()
    };
    // The rides with the traces 4 and 5 of the first bus, and what only the bank has.
    let but = ["61000101,000021,000004", "61000101,000021,000005", "61000101,000021,000009"];
    place.put("journal.csv", &keep(&text(&place, "journal.csv"), &but));
    let mut payments = keep(&text(&place, "clearing.csv"), &but);
    let twice = payments.rfind("898610041110001,61000101,000021,000002").unwrap();
    payments.replace_range(twice..twice + payments[twice..].find('\n').unwrap() + 1, "");
    place.put("clearing.csv", &payments);
    let claims = [
        "\"terminal\":\"61000101\",\"merchant\":\"898610041110001\",\"batch\":21,\"trace\":4,",
        "\"terminal\":\"61000101\",\"merchant\":\"898610041110001\",\"batch\":21,\"trace\":5,",
    ];
    place.put("acquirer.jsonl", &keep(&text(&place, "acquirer.jsonl"), &claims));
    place
}

fn json(place: &Place, args: &[&str]) -> (i32, Reconciliation) {
    let ran = run(place, &[args, &["--format", "json"]].concat());
    (ran.code, serde_json::from_str(&ran.out).unwrap_or_else(|error| panic!("{error}\n{}{}", ran.out, ran.err)))
}

/// The blocks of the document with this language.
fn blocks(language: &str) -> Vec<String> {
    let text = fs::read_to_string(repository().join("rig/taprig/doc/reconcile.md")).unwrap();
    let blocks = text.split("```").skip(1).step_by(2);
    blocks.filter_map(|block| Some(block.strip_prefix(language)?.strip_prefix('\n')?.to_owned())).collect()
}

#[test]
fn the_examples_of_the_document_are_real() {
    let place = place();
    let ran = run(&place, &SIDES);
    assert_eq!(ran.code, 1, "{}", ran.err);
    let all = blocks("");
    let shown = |command: &str| {
        let block = all.iter().find(|block| block.starts_with(command));
        block.unwrap_or_else(|| panic!("{command} is not in the document")).strip_prefix(command).unwrap().to_owned()
    };
    let command = "$ taprig reconcile --journal journal.csv --acquirer acquirer.jsonl --clearing clearing.csv\n";
    assert_eq!(shown(command), ran.out);
    let csv = run(&place, &[&SIDES[..], &["--format", "csv"]].concat());
    assert!(csv.out.starts_with(all.iter().find(|block| block.starts_with("day,")).unwrap()), "{}", csv.out);
    let map = &blocks("yaml")[0];
    place.put("columns.yaml", map);
    let clearing = ["--journal", "journal.csv", "--clearing", "clearing-gb18030.csv", "--columns", "columns.yaml"];
    run(&place, &clearing).expect(1, &["clearing  8 payments"]);
}

#[test]
fn each_class_is_found_in_the_samples() {
    let (code, result) = json(&place(), &SIDES);
    assert_eq!(code, 1);
    let counts: Vec<_> =
        Class::ALL.iter().map(|class| result.items.iter().filter(|item| item.class == *class).count()).collect();
    assert_eq!(counts, [0, 1, 1, 1, 0, 1, 0, 0, 1]);
    for class in [Class::Matched, Class::Reversed, Class::Refused] {
        assert!(result.classes[class as usize].sums.journal.count > 0, "{class:?}");
    }
    assert!(!result.balanced && result.gross.holds());
}

#[test]
fn books_without_a_difference_balance() {
    let place = balanced();
    run(&place, &SIDES).expect(0, &["no difference; 1 item is waiting", "cleared through 2018-05-21"]);
    // A day later the ride of the late evening is due.
    let ran = run(&place, &[&SIDES[..], &["--cleared-through", "2018-05-22"]].concat());
    ran.expect(1, &["1 difference (1 short)", "short: 2018-05-21, merchant 898610041110001, terminal 61000102"]);
    run(&place, &[&SIDES[..], &["--cleared-through", "2018-05-22", "--wait-days", "1"]].concat()).expect(0, &[]);
    run(&place, &[&SIDES[..], &["--cut-off", "23:50"]].concat()).expect(1, &["1 short"]);
    run(&place, &[&SIDES[..], &["--gross", "12.41"]].concat())
        .expect(0, &["the validators state the same gross, 12.41 CNY"]);
    let ran = run(&place, &[&SIDES[..], &["--gross", "12.40"]].concat());
    ran.expect(1, &["THE VALIDATORS STATE ANOTHER GROSS, 12.40 CNY: that is -0.01 CNY more"]);
    run(&place, &SIDES[..4]).expect(0, &["no difference"]);
    run(&place, &[&SIDES[..2], &SIDES[4..]].concat()).expect(0, &["no difference"]);
}

#[test]
fn a_bank_of_another_form_gives_the_same_result() {
    let place = place();
    let (_, first) = json(&place, &SIDES);
    let other = ["--clearing", "clearing-gb18030.csv", "--columns", "columns-gb18030.yaml"];
    let (_, second) = json(&place, &[&SIDES[..4], &other].concat());
    assert_eq!((first.groups, first.classes), (second.groups, second.classes));
}

#[test]
fn marks_line_ends_and_quotes_make_no_difference() {
    let place = balanced();
    let quoted = text(&place, "clearing.csv").replace(",200,", ",\"200\",").replace('\n', "\r\n");
    place.put("clearing.csv", &format!("\u{feff}{quoted}"));
    let journal = text(&place, "journal.csv").replace('\n', "\r\n");
    place.put("journal.csv", &format!("\u{feff}{journal}"));
    run(&place, &SIDES).expect(0, &["no difference"]);
}

/// Exit code 2 wins over 1, and a row that is told does not keep the rest from being compared.
#[test]
fn a_broken_row_is_told_and_the_rest_is_compared() {
    let broken = [
        (
            ",160,2018-05-21T17:20:51",
            ",1.005,2018-05-21T17:20:51",
            "clearing.csv row 9: the amount `1.005` is not a whole number of fen",
        ),
        (
            ",160,2018-05-21T17:20:51",
            ",-,2018-05-21T17:20:51",
            "clearing.csv row 9: the amount `-` is not a whole number of fen",
        ),
        (
            "2018-05-21T17:20:51",
            "2018-02-29T17:20:51",
            "clearing.csv row 9: time: `2018-02-29T17:20:51` is not in the calendar",
        ),
        (",7,credit", "", "clearing.csv row 9: the row has 7 columns, and the first row has 9"),
        (",7,credit", ",7,\"credit", "clearing.csv row 9: a quote is opened and not closed in the row"),
    ];
    for (was, is, why) in broken {
        let place = place();
        change(&place, "clearing.csv", was, is);
        let ran = run(&place, &SIDES);
        ran.expect(
            2,
            &[
                why,
                "the row is left out",
                "5 differences (1 long, 2 short, 1 amount-differs, 1 duplicate)",
                "1 row could not be read and is left out",
                "clearing  7 payments",
            ],
        );
        let (code, result) = json(&place, &SIDES);
        assert_eq!((code, result.broken.len(), result.broken[0].place.row), (2, 1, 9));
    }
    // Without any difference, too.
    let place = balanced();
    let more = text(&place, "clearing.csv") + "total,,,,961,,,,\n";
    place.put("clearing.csv", &more);
    run(&place, &SIDES).expect(2, &["`terminal` is empty", "no difference"]);
    // A ride whose state is no state has an amount.
    let place = balanced();
    change(&place, "journal.csv", "200,accepted", "200,acepted");
    let ran = run(&place, &SIDES);
    ran.expect(
        2,
        &["journal.csv row 2: `acepted` is not a state", "IS NOT", "2.00 CNY are in none of the states", "1 long"],
    );
}

#[test]
fn a_log_that_ends_within_a_row_counts_up_to_there() {
    let place = balanced();
    let whole = text(&place, "acquirer.jsonl");
    place.put("acquirer.jsonl", &whole[..whole.len() - 20]);
    run(&place, &SIDES).expect(0, &["the file ends within this row, as if the host had been killed", "no difference"]);
}

#[test]
fn what_is_not_the_file_is_refused_before_anything_is_compared() {
    let place = place();
    place.put("empty.csv", "");
    place.put("other.csv", "date,sum\n2018-05-21,1\n");
    place.put("header.csv", "merchant,terminal,batch,trace,amount_fen\n");
    let columns = "schema: 1\nseparator: colon\ncolumns: { merchnt: a }\n";
    place.put("columns.yaml", columns);
    let with = |side: &str, file: &str| {
        let mut args = SIDES;
        args[SIDES.iter().position(|arg| *arg == side).unwrap() + 1] = file;
        run(&place, &args)
    };
    for side in ["--journal", "--acquirer", "--clearing"] {
        with(side, "empty.csv").expect(2, &["empty.csv: the file is empty", "1 problem; nothing was run"]);
        with(side, "none.csv").expect(2, &["none.csv: the file can't be read: No such file or directory"]);
        with(side, ".").expect(2, &["the file can't be read: is a directory"]);
    }
    with("--journal", "other.csv")
        .expect(2, &["row 1: there is no column `date` in a journal", "the first row names the columns: merchant"]);
    with("--acquirer", "other.csv").expect(2, &["no row of the file is an entry of an acquirer's log"]);
    with("--clearing", "other.csv")
        .expect(2, &["the column `merchant` is missing", "the file has the columns `date`, `sum`"]);
    with("--clearing", "clearing-gb18030.csv").expect(2, &["is not UTF-8", "set `encoding: gb18030`"]);
    with("--clearing", "header.csv").expect(2, &["the clearing files have no day", "--cleared-through YYYY-MM-DD"]);
    let all = ["--journal", "empty.csv", "--clearing", "other.csv"];
    run(&place, &all).expect(2, &["empty.csv", "other.csv", "2 problems; nothing was run"]);
    run(&place, &[&SIDES[..], &["--columns", "columns.yaml"]].concat())
        .expect(2, &["columns.yaml:2:12", "colon", "columns.yaml:3:12", "merchnt", "did you mean `merchant`?"]);
}

#[test]
fn arguments_that_make_no_sense_are_refused() {
    let place = place();
    let before = text(&place, "clearing.csv");
    run(&place, &SIDES[..2]).expect(2, &["there is nothing to compare the journal with", "add `--acquirer FILE`"]);
    run(&place, &SIDES[2..]).expect(2, &["--journal <FILE>"]);
    let with = |args: &[&str]| run(&place, &[&SIDES[..], args].concat());
    with(&["--output", "clearing.csv"]).expect(2, &["the result would replace clearing.csv, which is being compared"]);
    with(&["--output", "./no/folder/result.csv"]).expect(2, &["there is no such folder"]);
    with(&["--output", "."]).expect(2, &["this is a folder"]);
    with(&["--cut-off", "25:00"]).expect(2, &["write a time of day such as `23:00`"]);
    with(&["--cleared-through", "2018-02-30"]).expect(2, &["is not in the calendar"]);
    with(&["--gross", "369200"]).expect(2, &["write yuan with two decimals"]);
    assert_eq!(text(&place, "clearing.csv"), before);
}

#[test]
fn a_result_goes_to_a_file_and_a_full_disk_is_a_fault_of_the_rig() {
    let place = place();
    place.put("result.json", "an older result that is longer than nothing");
    let ran = run(&place, &[&SIDES[..], &["--format", "json", "--output", "result.json"]].concat());
    ran.expect(1, &["taprig: 4 differences (1 long, 1 short, 1 amount-differs, 1 duplicate); 1 item is waiting"]);
    assert_eq!(ran.out, "");
    let result: Reconciliation = serde_json::from_str(&text(&place, "result.json")).unwrap();
    assert_eq!(result.sides.len(), 3);
    let full = run(&place, &[&SIDES[..], &["--output", "/dev/full"]].concat());
    full.expect(3, &["writing the result to /dev/full: No space left on device"]);
}

/// The device's journal against the log of the host that it has ridden with.
#[test]
fn the_log_of_a_real_host_is_a_side() {
    let place = Place::new();
    let host = Host::start(&place, &["--log", "log.jsonl"]);
    let mut terminal = host.terminal();
    terminal.ask(SIGN_ON);
    terminal.ask(RIDE);
    terminal.ask(RIDE);
    drop(terminal);
    host.end().expect(0, &[]);
    let journal = |fen: u32, state: &str| {
        let header = "merchant,terminal,batch,trace,time,amount_fen,state\n";
        place.put(
            "journal.csv",
            &format!("{header}123456789012345,12345678,000001,000001,2018-05-21T08:00:00,{fen},{state}\n"),
        );
        run(&place, &["--journal", "journal.csv", "--acquirer", "log.jsonl"])
    };
    journal(100, "accepted").expect(0, &["acquirer  1 claim, 1.00 CNY (log.jsonl)", "no difference"]);
    journal(200, "accepted").expect(1, &["1 difference (1 amount-differs)"]);
    journal(100, "refused").expect(1, &["1 difference (1 long)"]);
}
