//! `taprig campaign` on real records: they are made on the bench `sim`, sealed with a key of `ssh-keygen`, and spoilt.

use std::fs;
use std::path::Path;
use std::process::Command;

use jiff::ToSpan as _;
use taprig_case::source::Source;

use super::place::{Place, RIDE, Ran};

/// A day, counted from today, in UTC.
fn day(from_today: i64) -> String {
    let today = jiff::tz::Offset::UTC.to_datetime(jiff::Timestamp::now()).date();
    today.checked_add(from_today.days()).unwrap().to_string()
}

fn fleet() -> String {
    format!(
        r#"schema: 1
title: Two counties
counties:
  - name: Luonan
    opens: {}
    merchant: "801726041110001"
    lines: [{{ line: TL-1, buses: 1, first-terminal: 72670101, fare: 1.00 CNY }}]
  - name: Zhashui
    opens: {}
    merchant: "801726091110001"
    lines: [{{ line: TL-2, buses: 2, first-terminal: 72670201, fare: 2.00 CNY }}]
"#,
        day(-1),
        day(2)
    )
}

fn campaign(firmware: &str) -> String {
    let (begins, approved, deadline) = (day(-30), day(-20), day(1));
    format!(
        r#"schema: 1
title: {{ en: Two counties, zh: 两个县 }}
fleet: ../fleets/two.yaml
evidence: ../../records
signers: ../../allowed_signers
begins: {begins}
parties:
  - {{ party: laboratory, title: {{ en: The laboratory, zh: 检测实验室 }}, seals-as: lab@example }}
  - {{ party: bus-company, title: {{ en: The bus company, zh: 公交公司 }}, seals-as: workshop@example }}
  - {{ party: office, title: {{ en: The transport office, zh: 交通运输局 }} }}
firmware: [{{ {firmware}, approved: {approved}, by: office }}]
suites:
  long: {{ title: {{ en: long suite, zh: 长测试集 }}, select: [] }}
  short: {{ title: {{ en: short suite, zh: 短测试集 }}, select: [BUS-001] }}
gates:
  - gate: type-test
    title: {{ en: Type test, zh: 型式试验 }}
    owner: laboratory
    records: {{ suite: long, of: {{ type-sample: S-0 }}, sealed-by: laboratory }}
  - gate: short-test
    title: {{ en: Short test, zh: 短测 }}
    owner: bus-company
    needs: [type-test]
    records: {{ suite: short, of: every-bus, sealed-by: bus-company }}
  - gate: go-live
    title: {{ en: Go-live, zh: 开通 }}
    owner: office
    needs: [short-test]
last-gate: go-live
counties:
  - {{ county: Luonan, title: {{ en: Luonan, zh: 洛南县 }} }}
  - {{ county: Zhashui, title: {{ en: Zhashui, zh: 柞水县 }} }}
tasks:
  - task: permission
    title: {{ en: Sign the permission, zh: 签发许可 }}
    gate: go-live
    county: Zhashui
    owner: office
    deadline: {deadline}
buses:
  - {{ bus: TL-1-01, serial: S-1 }}
  - {{ bus: TL-2-01, serial: S-2 }}
  - {{ bus: TL-2-02, serial: S-3 }}
"#
    )
}

const FILE: &str = "fixtures/campaigns/two.yaml";
/// Approved firmware: that of the bench `sim`, whose boards have no image, and an image that nobody has.
const SIM: &str = "version: 0.1.0";
const NOBODY: &str = "version: 0.1.0, digest: \"0000000000000000000000000000000000000000000000000000000000000000\"";

/// A project with two cases, a campaign and the keys of its people.
fn place() -> Place {
    let place = Place::new();
    place.case("BUS-001", RIDE);
    place.case("BUS-002", RIDE);
    place.put("fixtures/fleets/two.yaml", &fleet());
    place.put(FILE, &campaign(NOBODY));
    let mut signers = String::new();
    for (key, name) in [("laboratory", "lab@example"), ("workshop", "workshop@example"), ("stranger", "")] {
        let made = Command::new("ssh-keygen")
            .args(["-q", "-t", "ed25519", "-N", "", "-C", key, "-f"])
            .arg(place.path(key))
            .output();
        assert!(made.unwrap().status.success());
        let public = fs::read_to_string(place.path(&format!("{key}.pub"))).unwrap();
        if !name.is_empty() {
            signers += &format!("{name} namespaces=\"record@taprig\" {public}");
        }
    }
    place.put("allowed_signers", &signers);
    place
}

fn taprig(place: &Place, args: &[&str]) -> Ran {
    Ran::of(&place.taprig(args).output().unwrap())
}

/// Runs a suite and seals the record.
fn recorded(place: &Place, folder: &str, serial: &str, key: &str, suite: &[&str]) {
    let args = [&["run"], suite, &["--bench", "sim", "--serial-number", serial, "--report", folder]].concat();
    taprig(place, &args).expect(0, &[]);
    sealed(place, folder, key);
}

fn sealed(place: &Place, folder: &str, key: &str) {
    taprig(place, &["seal", folder, "--key", key]).expect(0, &[]);
}

/// How a gate of Zhashui stands, and what is said of it.
#[track_caller]
fn gate(place: &Place, gate: &str, is_open: bool, parts: &[&str]) {
    let ran = taprig(place, &["campaign", "status", "--gate", gate, "--county", "Zhashui"]);
    ran.expect(i32::from(!is_open), parts);
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

#[test]
fn a_county_opens_step_by_step_and_whatever_is_spoilt_closes_it() {
    let place = place();
    gate(&place, "type-test", false, &["there is no record of the long suite (The laboratory, since"]);
    recorded(&place, "records/type-test", "S-0", "laboratory", &["BUS"]);
    // The firmware is not approved yet.
    gate(&place, "type-test", false, &["in the record type-test is not approved"]);
    place.put(FILE, &campaign(SIM));
    gate(&place, "type-test", true, &["Type test: open since"]);

    gate(&place, "short-test", false, &["TL-2-01: there is no record of the short suite (The bus company"]);
    recorded(&place, "records/short-test/TL-2-01", "S-2", "workshop", &["BUS-001"]);
    gate(&place, "short-test", false, &["1 of 2", "TL-2-02: there is no record"]);
    recorded(&place, "records/short-test/TL-2-02", "S-3", "workshop", &["BUS-001"]);
    gate(&place, "short-test", true, &["open since"]);
    gate(&place, "go-live", false, &["this task is not done: Sign the permission"]);
    place.put("records/papers/permission.txt", "It may open.\n");
    let sum = Command::new("sha256sum").arg(place.path("records/papers/permission.txt")).output().unwrap();
    let sum = String::from_utf8(sum.stdout).unwrap().split(' ').next().unwrap().to_owned();
    let evidence =
        format!("    evidence: {{ file: papers/permission.txt, sha256: \"{sum}\" }}\n    owner: office\n    deadline");
    let whole = campaign(SIM).replace("    owner: office\n    deadline", &evidence);
    place.put(FILE, &whole);
    gate(&place, "go-live", true, &["Zhashui: Go-live: open since"]);

    // The other county takes cards since yesterday, and its bus has no record.
    let ran = taprig(&place, &["campaign", "status"]);
    ran.expect(0, &["2 of 3 buses are accepted.", "in service too early", "although this gate is closed", "ready"]);
    taprig(&place, &["campaign", "status", "--language", "zh"]).expect(0, &["共 3 辆车，已验收 2 辆。", "提前开通"]);
    spoilt(&place, &whole);
    views(&place);
}

/// An emulated board has an image. Its digest has to be approved, whatever version the image reports.
#[test]
fn the_digest_of_an_image_is_what_is_approved() {
    let Some(_) = Place::of_bench("qemu") else { return };
    let place = place();
    taprig(&place, &["run", "BUS", "--bench", "qemu", "--serial-number", "S-0", "--report", "records/type-test"])
        .expect(0, &[]);
    sealed(&place, "records/type-test", "laboratory");
    let results: serde_json::Value =
        serde_json::from_slice(&fs::read(place.path("records/type-test/results.json")).unwrap()).unwrap();
    let images = results["firmware"].as_array().unwrap();
    let digest = images.iter().find(|image| image["role"] == "validator").unwrap()["digest"].as_str().unwrap();
    place.put(FILE, &campaign(SIM));
    gate(
        &place,
        "type-test",
        false,
        &[&format!("the firmware {}... in the record type-test is not approved", &digest[..12])],
    );
    place.put(FILE, &campaign(&format!("version: 0.1.0, digest: \"{digest}\"")));
    gate(&place, "type-test", true, &[]);
    place.put(FILE, &campaign(NOBODY));
    gate(&place, "type-test", false, &["is not approved"]);
}

/// Each way to spoil the evidence closes the gate and says why. Afterwards the gate is open again.
fn spoilt(place: &Place, whole: &str) {
    let record = place.path("records/short-test/TL-2-01");
    let kept = place.path("kept");
    copy(&record, &kept);
    let restore = || {
        fs::remove_dir_all(&record).unwrap();
        copy(&kept, &record);
        gate(place, "go-live", true, &[]);
    };
    let append = |file: &str| {
        let path = record.join(file);
        let mut bytes = fs::read(&path).unwrap();
        bytes.push(b'\n');
        fs::write(path, bytes).unwrap();
    };

    // A broken seal: a byte more, and a file less.
    append("results.json");
    gate(place, "short-test", false, &["the seal of the record short-test/TL-2-01 does not hold: results.json"]);
    restore();
    fs::remove_file(record.join("junit.xml")).unwrap();
    gate(place, "short-test", false, &["does not hold", "junit.xml"]);
    restore();
    // No seal, and one of a stranger, and one of somebody else's key.
    let unsealed = |key: Option<&str>| {
        fs::remove_dir_all(&record).unwrap();
        let args =
            ["run", "BUS-001", "--bench", "sim", "--serial-number", "S-2", "--report", "records/short-test/TL-2-01"];
        taprig(place, &args).expect(0, &[]);
        if let Some(key) = key {
            sealed(place, "records/short-test/TL-2-01", key);
        }
    };
    unsealed(None);
    gate(place, "short-test", false, &["the record short-test/TL-2-01 is not sealed"]);
    sealed(place, "records/short-test/TL-2-01", "stranger");
    gate(place, "short-test", false, &["does not hold"]);
    unsealed(Some("laboratory"));
    gate(
        place,
        "short-test",
        false,
        &["lab@example sealed the record short-test/TL-2-01, and workshop@example has to"],
    );
    restore();
    // Half a record.
    for entry in fs::read_dir(&record).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() && path.file_name().unwrap() != "events.jsonl" {
            fs::remove_file(path).unwrap();
        }
    }
    gate(place, "short-test", false, &["the record short-test/TL-2-01 is not sealed"]);
    restore();
    // The record of another bus.
    fs::remove_dir_all(&record).unwrap();
    copy(&place.path("records/short-test/TL-2-02"), &record);
    gate(place, "short-test", false, &["is of the device S-3 and not of S-2"]);
    restore();
    // A record that is later than the status.
    let yesterday = day(-1);
    let args = ["campaign", "status", "--gate", "short-test", "--county", "Zhashui", "--today", &yesterday];
    taprig(place, &args).expect(1, &["which is later than this status"]);

    // A wrong digest of the firmware, and of a document.
    let with = |was: &str, is: &str| {
        assert!(whole.contains(was), "{was}");
        place.put(FILE, &whole.replace(was, is));
    };
    with(SIM, NOBODY);
    gate(place, "type-test", false, &["the firmware", "is not approved"]);
    place.put(FILE, whole);
    place.put("records/papers/permission.txt", "It may not open.\n");
    gate(place, "go-live", false, &["does not have the digest that the campaign names"]);
    place.put("records/papers/permission.txt", "It may open.\n");
    // A bus that is listed twice: its lines are told.
    let last = whole.lines().count();
    place.put(FILE, &format!("{whole}  - {{ bus: TL-2-01, serial: S-9 }}\n"));
    let lines = format!("TL-2-01: the campaign lists this bus more than once, in the lines {}, {}", last - 1, last + 1);
    gate(place, "short-test", false, &[&lines]);
    // A waiver that has expired. What it waived has not passed.
    let (approved, expired) = (day(-9), day(-1));
    let waiver = |last: &str| {
        format!(
            "{whole}waivers:\n  - waiver: w-1\n    reason: {{ en: For a while, zh: 暂时 }}\n    waives: {{ case: BUS-002 }}\n    \
             approver: office\n    approved: {approved}\n    expires: {last}\n"
        )
        .replace("select: [BUS-001]", "select: [BUS]")
    };
    place.put(FILE, &waiver(&day(0)));
    gate(place, "short-test", true, &[]);
    place.put(FILE, &waiver(&expired));
    gate(
        place,
        "short-test",
        false,
        &["the waiver w-1 for BUS-002 expired on", "The transport office", "1 of the 2 cases are missing"],
    );
    // An overdue task.
    let late = whole.replace(&format!("deadline: {}", day(1)), &format!("deadline: {}", day(-2)));
    place.put(FILE, &late.lines().filter(|line| !line.contains("evidence: {")).collect::<Vec<_>>().join("\n"));
    gate(place, "go-live", false, &["this task is overdue: Sign the permission"]);
    // A county ahead of its gate.
    place.put(FILE, &late.lines().filter(|line| !line.contains("evidence: {")).collect::<Vec<_>>().join("\n"));
    place.put("fixtures/fleets/two.yaml", &fleet().replace(&day(2), &day(0)));
    gate(place, "go-live", false, &["the county has been in service since", "although this gate is closed"]);
    place.put("fixtures/fleets/two.yaml", &fleet());
    place.put(FILE, whole);
    gate(place, "go-live", true, &[]);
}

/// Page, briefing and slip of the same campaign.
fn views(place: &Place) {
    taprig(place, &["campaign", "status", "--html", "status.html"]).expect(0, &[]);
    taprig(place, &["campaign", "status", "--html", "status.html", "--language", "zh"]).expect(0, &[]);
    let page = fs::read_to_string(place.path("status.html")).unwrap();
    assert!(page.contains("<html lang=\"zh-CN\">") && page.contains("柞水县"), "{page}");
    // A file that is not a page of ours is not replaced.
    taprig(place, &["campaign", "status", "--html", FILE]).expect(2, &["this is not a page of a campaign"]);
    assert!(fs::read_to_string(place.path(FILE)).unwrap().starts_with("schema: 1"));
    let json = taprig(place, &["campaign", "status", "--format", "json"]);
    let status: serde_json::Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!(status["counties"][1]["service"], "ready");
    taprig(place, &["campaign", "brief"]).expect(0, &["- Zhashui: Go-live, on", "## Overdue"]);

    // The slip names the command that verifies the record, and that command does.
    let slip = taprig(place, &["campaign", "slip", "TL-2-01"]);
    slip.expect(0, &["This bus is accepted.", "Serial number of the validator: S-2", "Cases that passed: 1 of 1"]);
    let command = slip.out.lines().map(str::trim).find(|line| line.starts_with("taprig verify ")).unwrap();
    let words: Vec<&str> = command.split(' ').skip(1).collect();
    taprig(place, &words).expect(0, &[]);
    let without: Vec<&str> = slip
        .out
        .lines()
        .map(str::trim)
        .filter(|line| line.starts_with("ssh-keygen") || line.starts_with("sha256sum"))
        .collect();
    let ran = Command::new("bash")
        .args(["-e", "-c", &without.join("\n")])
        .current_dir(place.path("records/short-test/TL-2-01"))
        .output()
        .unwrap();
    assert!(ran.status.success(), "{without:?}\n{}", String::from_utf8_lossy(&ran.stderr));
    let sums = String::from_utf8(ran.stdout).unwrap();
    let digest = sums.lines().last().unwrap().split(' ').next().unwrap().to_owned();
    assert!(slip.out.contains(&digest), "{}\n{sums}", slip.out);
    taprig(place, &["campaign", "slip", "TL-1-01"])
        .expect(1, &["This bus is not accepted.", "there is no record of the short suite"]);
    taprig(place, &["campaign", "slip", "TL-2-09"]).expect(2, &["the fleet has no bus of this name"]);
}

#[test]
fn a_wrong_campaign_is_refused_with_file_and_line() {
    let place = place();
    let refused = |was: &str, is: &str, parts: &[&str]| {
        let text = campaign(NOBODY);
        assert!(text.contains(was), "{was}");
        place.put(FILE, &text.replace(was, is));
        taprig(&place, &["campaign", "status"]).expect(2, parts);
    };
    refused(
        "needs: [type-test]",
        "needs: [go-live]",
        &["two.yaml:23:", "these gates wait for each other: short-test -> go-live -> short-test"],
    );
    refused("bus: TL-2-02", "bus: TL-2-03", &["two.yaml:", "the fleet has no bus `TL-2-03`", "did you mean"]);
    refused("select: [BUS-001]", "select: [BUS-999]", &["two.yaml:", "no case has the id, family or tag `BUS-999`"]);
    refused("schema: 1", "schema: 2", &["two.yaml:1:"]);
    refused("../fleets/two.yaml", "../fleets/three.yaml", &["three.yaml: the file can't be read"]);
    place.put(FILE, &campaign(NOBODY));
    taprig(&place, &["campaign", "status", "--gate", "go-life", "--county", "Zhashui"])
        .expect(2, &["did you mean `go-live`?"]);
    taprig(&place, &["campaign", "status", "--gate", "go-live"]).expect(2, &["add `--county NAME`"]);
    taprig(&place, &["campaign", "status", "--evidence", "nowhere"]).expect(2, &["there is no such folder of records"]);
    fs::create_dir(place.path("records")).unwrap();
    fs::remove_file(place.path("allowed_signers")).unwrap();
    taprig(&place, &["campaign", "status"]).expect(2, &["the keys that may seal records can't be read"]);
    // A folder that means nothing is named.
    place.put("allowed_signers", "");
    place.put("records/short-test/TL-7-01/record.json", "{}");
    taprig(&place, &["campaign", "status"])
        .expect(0, &["belong to no gate or bus of the campaign: short-test/TL-7-01"]);
    fs::remove_file(place.path(FILE)).unwrap();
    taprig(&place, &["campaign", "status"]).expect(2, &["the project has no campaign"]);
}

#[test]
fn the_example_is_read_in_both_languages_and_nothing_of_it_is_open() {
    let example = super::place::repository();
    let run = |args: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_taprig"));
        Ran::of(&command.arg("--project").arg(&example).arg("campaign").args(args).output().unwrap())
    };
    let file = example.join("fixtures/campaigns/shangluo-2018.yaml");
    assert!(Source::read(&file).is_ok());
    let file = file.to_str().unwrap();
    let status = run(&["status", file, "--today", "2018-05-20"]);
    status.expect(
        0,
        &["0 of 123 buses are accepted.", "0 of 6 counties are in service.", "Factory test, Zhashui: 36 of 46 buses"],
    );
    run(&["status", file, "--today", "2017-11-06", "--language", "zh"])
        .expect(0, &["共 123 辆车，已验收 0 辆。", "柞水县", "准备中"]);
    run(&["slip", "ZS-2-20", file]).expect(1, &["Serial number of the validator: QL20-17-0123"]);
}

#[test]
fn a_sample_is_computed_and_said_in_words() {
    let run = |args: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_taprig"));
        Ran::of(&command.args(["campaign", "sample"]).args(args).output().unwrap())
    };
    run(&["--lot", "123", "--bad", "2"])
        .expect(0, &["A test of 96 of 123 buses finds 2 bad buses of 123 in 95 of 100 campaigns."]);
    run(&["--lot", "123", "--bad", "5", "--size", "20", "--accept", "1"])
        .expect(0, &["it accepts such a lot in 81 of 100"]);
    run(&["--lot", "46", "--bad", "1", "--assurance", "100 %"]).expect(0, &["46 of 46 buses finds one bad bus"]);
    run(&["--lot", "3", "--bad", "5"]).expect(2, &["a lot of 3 buses can't have 5 bad ones"]);
    run(&["--lot", "3", "--bad", "1", "--size", "4"]).expect(2, &["a lot of 3 buses has no sample of 4"]);
}

#[test]
fn a_repair_that_an_unknown_case_would_prove_is_refused() {
    let place = place();
    let defect = format!(
        "punch-list:\n  - item: dark\n    title: {{ en: The display is dark, zh: 屏幕不亮 }}\n    gate: short-test\n    bus: TL-2-02\n    \
         found: {}\n    owner: office\n    deadline: {}\n    repaired: {{ case: BUS-009 }}\n",
        day(-2),
        day(2)
    );
    place.put(FILE, &format!("{}{defect}", campaign(SIM)));
    let told =
        ["there is no case `BUS-009`, so no record could prove the repair", "repaired: { case: BUS-009 }", "BUS-00"];
    taprig(&place, &["campaign", "status"]).expect(2, &told);
    place.put(FILE, &format!("{}{}", campaign(SIM), defect.replace("BUS-009", "BUS-002")));
    taprig(&place, &["campaign", "status"]).expect(0, &[]);
}

#[test]
fn a_record_of_other_cases_closes_the_gate_with_both_digests() {
    let place = place();
    recorded(&place, "records/type-test", "S-0", "laboratory", &[]);
    let statement = fs::read_to_string(place.path("records/type-test/statement.json")).unwrap();
    let statement: serde_json::Value = serde_json::from_str(&statement).unwrap();
    let own = statement["predicate"]["run"]["environment"]["cases-and-fixtures"].as_str().unwrap();
    let (own, other) = (own.strip_prefix("sha256 ").unwrap(), "4".repeat(64));
    let requires = |digest: &str| {
        let file = campaign(SIM).replace("select: [] }", &format!("select: [], sha256: \"{digest}\" }}"));
        // The file of the campaign is none of the fixtures that the record was made with.
        place.put("campaign.yaml", &file.replace("../fleets", "fixtures/fleets").replace("../../", ""));
        taprig(&place, &["campaign", "status", "campaign.yaml", "--gate", "type-test"])
    };
    requires(own).expect(0, &[]);
    let told = format!("the record type-test was made with the cases and fixtures {own}, and the suite is {other}");
    requires(&other).expect(1, &[&told]);
}
