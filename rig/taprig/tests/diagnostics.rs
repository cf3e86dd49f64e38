//! What bad input gets: the whole program is run on a project that is right but for one file, and what it prints is
//! compared with what was reviewed.

#![expect(clippy::unwrap_used, reason = "helpers of tests, too")]

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use tempfile::TempDir;

/// A project with one right case, one right fixture of each kind.
fn project() -> TempDir {
    let dir = TempDir::new().unwrap();
    put(&dir, "cases/oda/ODA-001.yaml", GOOD_CASE);
    put(&dir, "cases/requirements.yaml", include_str!("bad/requirements.yaml"));
    put(&dir, "fixtures/validators/base.yaml", "schema: 1\ntitle: Base\nsettings: { fare: 1.00 CNY, retap: 3 s }\n");
    put(&dir, "fixtures/validators/flat.yaml", "schema: 1\ntitle: Flat\ninclude: base\nsettings: { fare: 2.00 CNY }\n");
    put(&dir, "fixtures/cards/credit.yaml", include_str!("../../../fixtures/cards/unionpay-credit-rsa1152.yaml"));
    for key in ["test-ca-1984-e3", "test-issuer-1152-e3", "test-card-1152-e3", "test-master-3des"] {
        let file = format!("fixtures/keys/{key}.yaml");
        put(&dir, &file, fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(&file)).unwrap());
    }
    put(&dir, "fixtures/devices/reference.yaml", include_str!("../../../fixtures/devices/taprig-reference.yaml"));
    put(
        &dir,
        "fixtures/benches/sim.yaml",
        "schema: 1\ntitle: Here\ndevice: reference\nvalidator: { sim: {} }\ncard: { emulator: { sim: {} } }\n",
    );
    dir
}

const GOOD_CASE: &str = include_str!("bad/good.yaml");

fn put(dir: &TempDir, path: &str, text: impl AsRef<[u8]>) {
    let path = dir.path().join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn taprig(dir: &TempDir, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_taprig")).args(args).current_dir(dir.path()).env("NO_COLOR", "1").output().unwrap()
}

/// What `taprig check` says of a project, and how it ends.
fn check(dir: &TempDir, args: &[&str]) -> String {
    let args: Vec<&str> = std::iter::once("check").chain(args.iter().copied()).collect();
    let output = taprig(dir, &args);
    let mut text = String::from_utf8(output.stdout).unwrap();
    text += &String::from_utf8(output.stderr).unwrap();
    let _ = write!(text, "exit code {}", output.status.code().unwrap());
    text.lines().map(|line| format!("{}\n", line.trim_end())).collect()
}

/// What is said of a case that replaces the good one.
fn check_case(text: &str) -> String {
    let dir = project();
    put(&dir, "cases/oda/ODA-001.yaml", text);
    check(&dir, &[])
}

#[test]
fn a_wrong_list_of_requirements_is_not_hidden_by_the_cases_that_name_them() {
    let dir = project();
    put(&dir, "cases/requirements.yaml", include_str!("bad/requirements.yaml").replacen("source:", "sauce:", 1));
    let said = check(&dir, &[]);
    assert!(said.contains("requirements.yaml:") && said.contains("sauce"), "{said}");
    assert!(!said.contains("unknown requirement"), "{said}");
}

#[test]
fn a_right_project_is_right() {
    insta::assert_snapshot!(check(&project(), &[]));
}

/// Each file of `tests/bad/cases` is wrong in its own way; its first line says how.
#[test]
fn each_bad_case_is_explained() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bad/cases");
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(files.len() > 20, "where are the bad cases?");
    for file in files {
        let said = check_case(&fs::read_to_string(&file).unwrap());
        assert!(said.ends_with("exit code 2\n"), "{} is not refused:\n{said}", file.display());
        insta::assert_snapshot!(format!("bad_{}", file.file_stem().unwrap().to_str().unwrap()), said);
    }
}

#[test]
fn all_problems_of_all_files_come_at_once() {
    let dir = project();
    put(&dir, "cases/oda/ODA-002.yaml", GOOD_CASE.replace("ODA-001", "ODA-002").replace("title", "titel"));
    put(&dir, "cases/oda/ODA-003.yaml", GOOD_CASE.replace("ODA-001", "ODA-003").replace("120 ms", "120"));
    put(&dir, "fixtures/validators/flat.yaml", "schema: 1\ntitle: Flat\nsettings: { fare: 2.00 EUR, retap: 500 ms }\n");
    insta::assert_snapshot!(check(&dir, &[]));
}

#[test]
fn the_same_id_in_two_files() {
    let dir = project();
    put(&dir, "cases/sel/ODA-001.yaml", GOOD_CASE);
    insta::assert_snapshot!(check(&dir, &[]));
    // Also when only the second one is asked for.
    assert!(check(&dir, &["cases/sel/ODA-001.yaml"]).contains("two files have the case id `ODA-001`"));
}

#[test]
fn includes_in_a_circle() {
    let dir = project();
    put(&dir, "fixtures/validators/base.yaml", "schema: 1\ntitle: Base\ninclude: flat\n");
    insta::assert_snapshot!(check(&dir, &[]));
}

#[test]
fn an_include_that_is_not_there() {
    let dir = project();
    put(&dir, "fixtures/validators/flat.yaml", "schema: 1\ntitle: Flat\ninclude: bass\n");
    insta::assert_snapshot!(check(&dir, &["fixtures/validators"]));
}

#[test]
fn a_problem_in_an_included_file_is_told_there() {
    let dir = project();
    put(&dir, "fixtures/validators/base.yaml", "schema: 1\ntitle: Base\nsettings: { retap: 3 }\n");
    insta::assert_snapshot!(check(&dir, &["fixtures/validators/flat.yaml"]));
}

#[test]
fn an_empty_folder() {
    let dir = project();
    fs::create_dir(dir.path().join("cases/new")).unwrap();
    insta::assert_snapshot!(check(&dir, &["cases/new"]));
}

#[test]
fn no_such_path() {
    insta::assert_snapshot!(check(&project(), &["cases/odd", "cases/oda/ODA-009.yaml"]));
}

#[test]
fn no_such_id_or_tag() {
    let dir = project();
    let output = taprig(&dir, &["list", "ODA-007", "smok"]);
    assert_eq!(output.status.code(), Some(2));
    insta::assert_snapshot!(String::from_utf8(output.stderr).unwrap());
}

#[test]
fn a_file_of_100_megabytes_is_not_read() {
    let dir = project();
    // Sparse: the size is there, the disk space is not.
    fs::File::create(dir.path().join("cases/oda/ODA-001.yaml")).unwrap().set_len(100_000_000).unwrap();
    insta::assert_snapshot!(check(&dir, &[]));
}

#[test]
fn bytes_that_are_no_text() {
    let dir = project();
    put(&dir, "cases/oda/ODA-001.yaml", b"schema: 1\nid: ODA-001\ntitle: caf\xE9\n");
    put(&dir, "cases/oda/ODA-002.yaml", b"schema: 1\nid: ODA\x07\n");
    insta::assert_snapshot!(check(&dir, &[]));
}

#[test]
fn a_very_deep_and_a_very_long_file() {
    let dir = project();
    put(&dir, "cases/oda/ODA-001.yaml", format!("schema: {}", "[".repeat(900_000)));
    put(&dir, "cases/oda/ODA-002.yaml", format!("schema: {}", "x".repeat(900_000)));
    let said = check(&dir, &[]);
    assert!(said.contains("nested more than 24 deep") && said.ends_with("exit code 2\n"), "{said}");
    assert!(said.len() < 900_000 * 3, "a long line is not printed again and again: {} bytes", said.len());
}

#[cfg(unix)]
#[test]
fn links_in_a_circle() {
    let dir = project();
    std::os::unix::fs::symlink(dir.path().join("cases"), dir.path().join("cases/oda/again")).unwrap();
    std::os::unix::fs::symlink("ODA-002.yaml", dir.path().join("cases/oda/ODA-002.yaml")).unwrap();
    let said = check(&dir, &[]).replace(&dir.path().canonicalize().unwrap().display().to_string(), "<project>");
    insta::assert_snapshot!(said);
}

#[test]
fn a_bench_without_port_and_with_an_unknown_device() {
    let dir = project();
    put(&dir, "fixtures/benches/lab.yaml", include_str!("bad/bench.yaml"));
    insta::assert_snapshot!(check(&dir, &[]));
}

#[test]
fn a_change_that_does_not_fit_the_card() {
    insta::assert_snapshot!(check_case(&GOOD_CASE.replace("\"9F4B\"", "\"9F7C\"")));
}

#[test]
fn a_card_that_can_not_be_made() {
    let dir = project();
    put(&dir, "fixtures/cards/odd.yaml", "schema: 1\ntitle: A card without front\n");
    insta::assert_snapshot!(check(&dir, &["fixtures/cards"]));
}

/// A card's problem is one problem, told at the card, whoever uses it.
#[test]
fn a_card_with_a_key_that_is_not_there() {
    let dir = project();
    let card = fs::read_to_string(dir.path().join("fixtures/cards/credit.yaml")).unwrap();
    put(&dir, "fixtures/cards/credit.yaml", card.replace("test-ca-1984-e3", "test-ca-1985-e3"));
    insta::assert_snapshot!(check(&dir, &["cases"]));
}

#[test]
fn a_transcript_of_no_case() {
    let dir = project();
    put(&dir, "cases/oda/snapshots/ODA-001.snap", "---\nsource: taprig\n---\n");
    put(&dir, "cases/oda/snapshots/ODA-002__old.snap.new", "---\nsource: taprig\n---\n");
    insta::assert_snapshot!(check(&dir, &[]));
}

#[test]
fn a_case_that_requires_nothing() {
    let without = GOOD_CASE.replace("requires: [ODA-VERIFY-SDAD]\n", "");
    let said = check_case(&without);
    insta::assert_snapshot!(said);
    // An empty list is none.
    assert_eq!(check_case(&GOOD_CASE.replace("[ODA-VERIFY-SDAD]", "[]")), said);
    // Also when only this file is asked for; its requirements are then not the project's.
    let dir = project();
    put(&dir, "cases/oda/ODA-001.yaml", without);
    let alone = check(&dir, &["cases/oda/ODA-001.yaml"]);
    assert!(alone.contains("names no requirement") && alone.contains("1 problem"), "{alone}");
}

/// Only of the whole project can it be said.
#[test]
fn a_requirement_that_no_case_requires() {
    let dir = project();
    let more = "  ODA-EXPIRED: { text: An expired certificate is refused., strength: must, source: EMV Book 2 }\n";
    put(&dir, "cases/requirements.yaml", format!("{}{more}", include_str!("bad/requirements.yaml")));
    insta::assert_snapshot!(check(&dir, &[]));
    assert!(check(&dir, &["cases"]).ends_with("exit code 0\n"));
}

/// A file outside of the project's folders is what its keys say.
#[test]
fn a_bench_that_is_elsewhere() {
    let dir = project();
    put(&dir, "lab/bench.yaml", include_str!("bad/bench.yaml"));
    insta::assert_snapshot!(check(&dir, &["lab/bench.yaml"]));
}

/// A pattern that is only a note would be read as a pattern that no line matches.
#[test]
fn a_device_file_that_is_not_finished() {
    let dir = project();
    let text = include_str!("../../../fixtures/devices/lumiqin-lq9.yaml");
    let text =
        text.replace("line: ^@01", "line: 'TODO: the pattern of the line that says that it is ready, such as ^READY$'");
    let text = text.replace("send: STAT", "send: 'TODO: the command that asks for the state'");
    put(&dir, "fixtures/devices/lab.yaml", text.replace("device: LQ-9", "device: 'TODO: maker and model'"));
    insta::assert_snapshot!(check(&dir, &["fixtures/devices/lab.yaml"]));
}

/// One file is wrong, not each case that uses its words.
#[test]
fn a_device_that_is_gone() {
    let dir = project();
    fs::remove_file(dir.path().join("fixtures/devices/reference.yaml")).unwrap();
    put(&dir, "fixtures/devices/reference-two.yaml", "schema: 1\ntitle: Another\ninclude: reference\n");
    insta::assert_snapshot!(check(&dir, &[]));
}

#[test]
fn a_case_in_the_folder_of_another_family() {
    let dir = project();
    put(&dir, "cases/bus/ODA-002.yaml", GOOD_CASE.replace("ODA-001", "ODA-002"));
    insta::assert_snapshot!(check(&dir, &[]));
}

#[test]
fn problems_as_json() {
    let dir = project();
    put(&dir, "cases/oda/ODA-001.yaml", GOOD_CASE.replace("120 ms", "120"));
    let output = taprig(&dir, &["check", "--format", "json"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(output.stderr.is_empty());
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let problem = &json["problems"][0];
    assert_eq!(problem["file"], "cases/oda/ODA-001.yaml");
    assert_eq!((problem["line"].as_u64(), problem["column"].as_u64()), (Some(13), Some(17)));
    assert_eq!(problem["message"], "`120` has no unit of time");
}

#[test]
fn a_folder_without_project() {
    let dir = TempDir::new().unwrap();
    let output = taprig(&dir, &["list"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8(output.stderr).unwrap().contains("this folder is not in a project"));
}

#[test]
fn list_and_selection() {
    let dir = project();
    put(&dir, "cases/sel/SEL-001.yaml", GOOD_CASE.replace("ODA-001", "SEL-001").replace("smoke", "slow"));
    let ids = |args: &[&str]| -> String {
        let args: Vec<&str> = std::iter::once("list").chain(args.iter().copied()).collect();
        let output = taprig(&dir, &args);
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8(output.stdout).unwrap();
        text.lines().filter_map(|line| line.split_once("  ").map(|(id, _)| id)).collect::<Vec<_>>().join(" ")
    };
    let all = "ODA-001/first ODA-001/last SEL-001/first SEL-001/last";
    assert_eq!(ids(&[]), all);
    assert_eq!(ids(&["SEL", "ODA"]), all);
    assert_eq!(ids(&["cases"]), all);
    assert_eq!(ids(&["smoke"]), "ODA-001/first ODA-001/last");
    assert_eq!(ids(&["SEL-001/last"]), "SEL-001/last");
    assert_eq!(ids(&["cases/sel/SEL-001.yaml", "ODA-001/last"]), "ODA-001/last SEL-001/first SEL-001/last");
}

#[test]
fn the_index_is_written_and_checked() {
    let dir = project();
    assert_eq!(taprig(&dir, &["index", "--check"]).status.code(), Some(2));
    assert_eq!(taprig(&dir, &["index"]).status.code(), Some(0));
    assert_eq!(taprig(&dir, &["index", "--check"]).status.code(), Some(0));
    insta::assert_snapshot!(fs::read_to_string(dir.path().join("cases/INDEX.md")).unwrap());
}

/// The folder of this repository itself.
#[test]
fn the_cases_and_fixtures_of_this_project_are_right() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    for args in [&["check"][..], &["index", "--check"]] {
        let output = Command::new(env!("CARGO_BIN_EXE_taprig"))
            .args(args)
            .current_dir(&root)
            .env("NO_COLOR", "1")
            .output()
            .unwrap();
        assert!(output.status.success(), "taprig {args:?}:\n{}", String::from_utf8_lossy(&output.stderr));
    }
}

const LQ9: &str = include_str!("../../../fixtures/devices/lumiqin-lq9.yaml");

/// What is said of a device file by rules in which `was` is replaced, and the place of `place` in it.
fn check_rules(was: &str, is: &str, place: &str) -> (String, String) {
    assert!(LQ9.contains(was), "{was}");
    let text = LQ9.replacen(was, is, 1);
    let line = 1 + text.lines().position(|line| line.contains(place)).unwrap_or_else(|| panic!("{place}"));
    let dir = project();
    put(&dir, "fixtures/devices/lq9.yaml", text);
    (check(&dir, &[]), format!("fixtures/devices/lq9.yaml:{line}:"))
}

#[test]
fn a_right_device_by_rules_is_right() {
    let (said, _) = check_rules("schema: 1", "schema: 1", "schema");
    assert!(said.ends_with("no problems\nexit code 0\n"), "{said}");
}

/// Each is refused at its line, before anything is touched.
#[test]
fn each_bad_rule_is_explained() {
    for (was, is, place, expected) in [
        // Patterns.
        ("line: ^@00", "line: '^@00('", "^@00(", "this is not a pattern, because unclosed group"),
        ("line: ^@00", "line: '@^00'", "'@^00'", "this pattern can't match"),
        ("line: ^@00", "line: '.*'", "'.*'", "this pattern matches the empty text"),
        ("line: ^@00", r"line: '(\w{100}){100}'", "{100}", "this pattern is too large"),
        ("line: ^@00", r"line: '(a+)+\1'", "(a+)+", "backreferences are not supported"),
        ("prompt: LQ9>", "prompt: \"LQ9\\n\"", "prompt:", "this pattern can't match"),
        // Templates and their values.
        ("TIME {time}", "TIME", "send: \"TIME", "this template lacks its value `{time}`"),
        ("TIME {time}", "TIME {time", "{time", "has no other brace"),
        ("TIME {time}", "TIME {time} {zone}", "{zone}", "there is no value `zone` to put in"),
        ("{code}/{detail}", "{code}/{sub}", "{sub}", "no pattern here has the group `sub`"),
        ("CFG TTQ {ttq}", "CFG TTQ {tqt}", "{tqt}", "there is no setting `tqt` to put in"),
        ("CFG LINE {line}", "CFG LINE {line} {ttq}", "{line} {ttq}", "a command above sets `ttq` already"),
        ("      debit: true", "", "CFG MODE", "a case may leave out `debit`, and then this template lacks its value"),
        // Groups.
        ("(?<message>", "(?<code>", "^@10", "nothing uses the group `code`"),
        ("(?<message>", "(?<serial>", "^@10", "the group `serial` has a name that is kept for another meaning"),
        ("(?<sound>[0-9])", "[0-9]", "^@11", "nothing tells the value `sound`"),
        ("values: { outcome:", "values: { outcomes:", "values: { outcomes", "there is no value `outcomes`"),
        ("(?<firmware>[A-Z]+)", "[A-Z]+", "^型号", "nothing tells the value `firmware`"),
        // Claims.
        (
            "native-console: false",
            "native-console: true",
            "native-console: true",
            "this claim needs the interface `native`",
        ),
        (
            "      status:\n        send: STAT\n",
            "      reboot:\n        send: STAT\n",
            "  status: true",
            "this claim needs the command `status`",
        ),
        (
            "(?<reason>E[0-9]+)",
            "E[0-9]+",
            "tells-reason: true",
            "this claim needs an event `result` with the value `reason`",
        ),
        ("(?<cvm>[0-9])", "[0-9]", "tells-cvm: true", "this claim needs an event `result` with the value `cvm`"),
        ("\"2\": attention, ", "", "attention-sound: true", "this claim needs a word for `attention`"),
        (
            "      journal-clear: { send: LOGCLR }\n",
            "",
            "  journal: true",
            "this claim needs the command `journal-clear`",
        ),
        ("sm2: false", "sm2: true", "  sm2: true", "this claim needs the command `key-add-sm2`"),
        (
            "      - { send: \"CFG CAP {capacity}\" }\n",
            "",
            "journal-capacity: true",
            "this claim needs a command that sets `capacity`",
        ),
        // Settings.
        ("ignored: [county,", "ignored: [fare,", "ignored: [fare", "`fare` is no label, so it can't be ignored"),
        ("ignored: [county,", "ignored: [", "    settings:", "no command sets `county`"),
        (
            "interface:\n",
            "fixed: { fare: 2.00 CNY }\ninterface:\n",
            "    settings:",
            "a command sets `fare`, but `fixed` says",
        ),
        (
            "interface:\n",
            "fixed: { deny-list: [6229 9001 8000 0013] }\ninterface:\n",
            "deny-list: [6229",
            "a list that can't be told has to be empty",
        ),
        (
            "interface:\n",
            "fixed: { discount: 0 % }\ninterface:\n",
            "    settings:",
            "a command sets `discount`, but `fixed` says",
        ),
        ("interface:\n", "fixed: { discount: nil }\ninterface:\n", "discount: nil", "per cent"),
        (
            "interface:\n",
            "fixed: { fare: 1.00 CNY, one-cent: false }\ninterface:\n",
            "fixed: { fare",
            "the fare is fixed as a whole, so `one-cent` is fixed twice",
        ),
        ("      fare: 1.00 CNY\n", "", "CFG FARE", "add `fare` under `initial`: `discount` is a part of it"),
        ("ignored: [county,", "ignored: [", "    settings:", "put its name under `ignored`"),
        // Replies and starts.
        ("    prompt: LQ9>", "#", "^@01", ""),
        ("      ok: ^=0$\n", "", "    prompt: LQ9>", ""),
        (
            "    forms:\n      amount: yuan\n",
            "    forms:\n      amount: dollar\n",
            "amount: dollar",
            "unknown word `dollar`",
        ),
        ("time: DD.MM.YYYY-hh:mm:ss", "time: DD.MM-hh:mm:ss", "DD.MM-hh", "the year is not there exactly once"),
    ] {
        let (said, at) = check_rules(was, is, place);
        if expected.is_empty() {
            assert!(said.ends_with("exit code 0\n"), "one of the two signs is enough: {said}");
            continue;
        }
        let flat: String = said.replace("\n  │ ", " ").replace("\n    ", " ");
        assert!(flat.contains(expected), "`{expected}` is not in\n{said}");
        assert!(said.contains(&at), "`{at}` is not in\n{said}");
        assert!(said.contains("nothing was run") && said.ends_with("exit code 2\n"), "{said}");
    }
}

#[test]
fn a_native_device_that_claims_sm2_takes_such_keys() {
    const REFERENCE: &str = include_str!("../../../fixtures/devices/taprig-reference.yaml");
    let command = REFERENCE.lines().find(|line| line.contains("key-add-sm2")).unwrap();
    let dir = project();
    put(&dir, "fixtures/devices/reference.yaml", REFERENCE.replace(&format!("{command}\n"), ""));
    let said = check(&dir, &[]);
    assert!(said.contains("this claim needs the command `key-add-sm2`") && said.ends_with("exit code 2\n"), "{said}");
}

#[test]
fn the_keys_of_both_families_of_a_card_have_files() {
    const CARD: &str = include_str!("../../../fixtures/cards/unionpay-credit-rsa-sm2.yaml");
    for key in ["test-ca-sm2", "test-issuer-sm2", "test-card-sm2", "test-master-sm4"] {
        let dir = project();
        put(&dir, "fixtures/cards/both.yaml", CARD);
        let said = check(&dir, &[]);
        let line = 1 + CARD.lines().position(|line| line.contains(key)).unwrap();
        assert!(said.contains(&format!("there is no key `{key}`")), "{said}");
        assert!(said.contains(&format!("fixtures/cards/both.yaml:{line}:")), "{said}");
    }
}

#[test]
fn a_code_of_a_device_stands_for_reasons_that_there_are() {
    let said = |is: &str| {
        let dir = project();
        put(&dir, "cases/reasons.yaml", include_str!("../../../cases/reasons.yaml"));
        put(&dir, "fixtures/devices/lq9.yaml", LQ9.replace("E119: gpo-status", is));
        check(&dir, &[])
    };
    let right = said("E119: [gpo-status, gpo-malformed]");
    assert!(right.ends_with("no problems\nexit code 0\n"), "{right}");
    for (wrong, expected) in [
        ("E119: gpo-statu", "unknown reason `gpo-statu`"),
        ("E119: [gpo-status, gpo-malformd]", "did you mean `gpo-malformed`?"),
        ("E119: []", "the code `E119` stands for no reason"),
        ("E119: [gpo-status, [pdol]]", "expected a"),
    ] {
        let said = said(wrong);
        assert!(said.contains(expected) && said.contains("fixtures/devices/lq9.yaml:"), "`{expected}`: {said}");
        assert!(said.ends_with("exit code 2\n"), "{said}");
    }
}

#[test]
fn a_case_names_reasons_that_there_are() {
    let said = |was: &str, is: &str| {
        let dir = project();
        put(&dir, "cases/reasons.yaml", include_str!("../../../cases/reasons.yaml"));
        let text = GOOD_CASE.replacen(was, is, 1);
        let line = 1 + text.lines().position(|line| line.contains("reason: ")).unwrap();
        put(&dir, "cases/oda/ODA-001.yaml", text);
        (check(&dir, &[]), format!("cases/oda/ODA-001.yaml:{line}:"))
    };
    // The reason of the case's last tap, and that of one tap.
    for (was, is) in [
        ("  outcome: declined\n", "  outcome: declined\n  reason: REASON\n"),
        ("  - tap: { for: 120 ms }\n", "  - tap: { for: 120 ms, expect: { reason: REASON } }\n"),
    ] {
        let (right, _) = said(was, &is.replace("REASON", "gpo-malformed"));
        assert!(right.ends_with("no problems\nexit code 0\n"), "{right}");
        let (wrong, at) = said(was, &is.replace("REASON", "gpo-malformd"));
        for expected in ["unknown reason `gpo-malformd`", "did you mean `gpo-malformed`?", &at] {
            assert!(wrong.contains(expected), "`{expected}` is not in\n{wrong}");
        }
        assert!(wrong.ends_with("exit code 2\n"), "{wrong}");
    }
}

#[test]
fn a_claim_that_nothing_rests_on_is_refused() {
    for (claim, help) in [("oda-onlin", "did you mean `oda-online`?"), ("wtx-limits", "did you mean `wtx-limit`?")] {
        for made in [true, false] {
            let (said, at) = check_rules("  bus: true\n", &format!("  bus: true\n  {claim}: {made}\n"), claim);
            assert!(said.contains(&format!("no case needs the claim `{claim}`")) && said.contains(help), "{said}");
            assert!(said.contains(&at) && said.ends_with("exit code 2\n"), "{said}");
        }
    }
    // A project's own case may need a claim of its own.
    let dir = project();
    put(&dir, "fixtures/devices/lq9.yaml", LQ9.replacen("  bus: true\n", "  bus: true\n  senior-fare: true\n", 1));
    assert!(check(&dir, &[]).contains("no case needs the claim `senior-fare`"));
    put(&dir, "cases/oda/ODA-001.yaml", GOOD_CASE.replace("applies: [", "applies: [senior-fare, "));
    let said = check(&dir, &["fixtures/devices"]);
    assert!(said.ends_with("exit code 0\n"), "{said}");
}

#[test]
fn a_claim_is_a_number_where_it_tells_how_much() {
    for (is, said_of_it) in [
        ("bus: true\n  deny-capacity: true", "this claim is a number"),
        ("bus: true\n  deny-capacity: 0", "a number"),
        ("bus: 5", "this claim is no number"),
    ] {
        let line = is.lines().last().unwrap().trim();
        let (said, at) = check_rules("bus: true", is, line);
        assert!(said.contains(said_of_it) && said.contains(&at) && said.ends_with("exit code 2\n"), "{is}: {said}");
    }
    for is in ["bus: true\n  deny-capacity: 512", "bus: true\n  deny-capacity: false"] {
        assert!(check_rules("bus: true", is, "bus: true").0.ends_with("exit code 0\n"), "{is}");
    }
}

#[test]
fn a_bench_with_a_program_or_a_network_is_checked() {
    let bench = |validator: &str| {
        let dir = project();
        put(&dir, "fixtures/devices/lq9.yaml", LQ9);
        let text = format!(
            "schema: 1\ntitle: T\ndevice: lq9\nvalidator: {validator}\ncard: {{ emulator: {{ sim: {{}} }} }}\n"
        );
        put(&dir, "fixtures/benches/desk.yaml", text);
        check(&dir, &[])
    };
    for right in
        ["{ program: { command: [x, \"{air}\", \"--state={state}\"] } }", "{ attached: { tcp: \"192.0.2.7:4001\" } }"]
    {
        let said = bench(right);
        assert!(said.ends_with("exit code 0\n"), "{said}");
    }
    for (wrong, expected) in [
        ("{ program: { command: [] } }", "this names no program"),
        ("{ program: { command: [x, \"{port}\"] } }", "`{port}` has no meaning"),
        ("{ program: { commands: [x] } }", "unknown key `commands`"),
        (
            "{ probe: { chip: STM32F405RGTx, probe: 0483-374b, firmware: x.elf, serial: { path: /dev/ttyS1 } } }",
            "`0483-374b` is no name of a debug probe",
        ),
        ("{ attached: { tcp: \"192.0.2.7\" } }", "`192.0.2.7` is not a host and a port"),
        ("{ attached: { tcp: \"192.0.2.7:99999\" } }", "`192.0.2.7:99999` is not a host and a port"),
    ] {
        let said = bench(wrong);
        assert!(
            said.contains(expected) && said.contains("fixtures/benches/desk.yaml:4:"),
            "`{expected}` is not in\n{said}"
        );
        assert!(said.ends_with("exit code 2\n"), "{said}");
    }
}

#[test]
fn an_adapter_needs_a_way_to_a_program() {
    let said = |adapter: &str| {
        let dir = project();
        let device = LQ9.split("interface:\n").next().unwrap();
        put(&dir, "fixtures/devices/lq9.yaml", format!("{device}interface:\n  adapter: {adapter}\n"));
        let text = "schema: 1\ntitle: T\ndevice: lq9\nvalidator: { program: { command: [x] } }\ncard: { emulator: { sim: {} } }\n";
        put(&dir, "fixtures/benches/desk.yaml", text);
        check(&dir, &[])
    };
    let wrong = said("{ command: [y] }");
    let flat = wrong.replace("\n  │ ", " ");
    assert!(flat.contains("nothing tells the adapter of this device how to reach this program"), "{wrong}");
    assert!(wrong.contains("fixtures/benches/desk.yaml:4:") && wrong.ends_with("exit code 2\n"), "{wrong}");
    let right = said("{ command: [y], parameters: { address: \"127.0.0.1:4000\" } }");
    assert!(right.ends_with("exit code 0\n"), "{right}");
}

/// A device that nobody can restart is refused before its console is opened.
#[test]
fn a_device_that_nothing_restarts_is_refused() {
    let dir = project();
    put(&dir, "fixtures/devices/lq9.yaml", LQ9.replace("      reboot: { send: RST }\n", ""));
    let text = "schema: 1\ntitle: T\ndevice: lq9\nvalidator: { attached: { tcp: \"192.0.2.7:4001\" } }\ncard: { emulator: { sim: {} } }\n";
    put(&dir, "fixtures/benches/desk.yaml", text);
    let output = taprig(&dir, &["run", "--bench", "desk"]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("nothing restarts the device lq9 before a case"), "{said}");
    assert_eq!(output.status.code(), Some(2));
}
