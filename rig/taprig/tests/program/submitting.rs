//! Submissions of real records: what is in one, and what a reviewer would refuse.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use super::place::{Place, RIDE, Ran, repository};

const WRONG: &str = "steps: [tap]\nexpect: { outcome: declined, charged: 0.00 CNY }\n";

fn vendor_issues_later(place: &Place) {
    let text = fs::read_to_string(place.path("lab.yaml")).unwrap();
    place.put("lab.yaml", &text.replace("  issued: 2026-11-30\n", "  issued: 2099-12-30\n"));
}

/// A vendor's project with two cases, a complete laboratory file and a key.
struct Vendor(Place);

impl Vendor {
    fn new() -> Self {
        let place = Place::new();
        place.case("BUS-001", RIDE);
        place.case("BUS-002", RIDE);
        place.put("lab.yaml", &fs::read_to_string(repository().join("rig/taprig/doc/lab-example.yaml")).unwrap());
        // The tests of this vendor run today.
        vendor_issues_later(&place);
        let vendor = Self(place);
        let keygen = ["-q", "-t", "ed25519", "-N", "", "-C", "Zhang San", "-f"];
        let output = Command::new("ssh-keygen").args(keygen).arg(vendor.at("key")).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        vendor
    }

    fn at(&self, inside: &str) -> PathBuf {
        self.0.path(inside)
    }

    fn taprig(&self, args: &[&str]) -> Ran {
        Ran::of(&self.0.taprig(args).output().unwrap())
    }

    /// Runs the cases and seals the record.
    #[track_caller]
    fn sealed(&self, args: &[&str], code: i32) {
        // The laboratory file states this number.
        self.0.run(&[&["--bench", "sim", "--serial-number", "0042"], args].concat()).expect(code, &[]);
        self.taprig(&["seal", "report", "--key", "key"]).expect(0, &[]);
    }

    fn submit(&self, args: &[&str]) -> Ran {
        self.taprig(&[&["submit", "report", "--to", "handed-in"], args].concat())
    }

    /// The submission is refused for exactly these reasons, and nothing is written.
    #[track_caller]
    fn refused(&self, args: &[&str], reasons: &[(&str, &str)]) {
        let ran = self.submit(&[args, &["--format", "json"]].concat());
        assert_eq!(ran.code, 1, "{}{}", ran.out, ran.err);
        let told: Value = serde_json::from_str(&ran.out).unwrap();
        let told: Vec<(&str, &str)> = told["refused"]
            .as_array()
            .unwrap()
            .iter()
            .map(|reason| (reason["about"].as_str().unwrap(), reason["what"].as_str().unwrap()))
            .collect();
        assert_eq!(told.len(), reasons.len(), "{told:?}");
        for ((about, what), (wanted, words)) in told.iter().zip(reasons) {
            assert!(
                about == wanted && what.contains(words),
                "`{wanted}: {words}` is wanted, `{about}: {what}` is told"
            );
        }
        assert!(!self.at("handed-in").exists() && !self.at("handed-in.part").exists());
    }

    /// Changes the laboratory file.
    fn lab(&self, was: &str, is: &str) {
        let text = fs::read_to_string(self.at("lab.yaml")).unwrap();
        assert!(text.contains(was), "{was}");
        self.0.put("lab.yaml", &text.replace(was, is));
    }
}

fn contents(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut all: Vec<_> = entries
        .flat_map(|path| if path.is_dir() { contents(&path) } else { vec![(path.clone(), fs::read(path).unwrap())] })
        .collect();
    all.sort();
    all
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

#[test]
fn a_submission_holds_what_a_reviewer_needs_and_verifies_without_the_project() {
    let vendor = Vendor::new();
    vendor.sealed(&["--lab", "lab.yaml"], 0);
    let before = contents(&vendor.at("report"));
    vendor.submit(&[]).expect(0, &["wrote the submission handed-in; begin with README.md"]);
    assert_eq!(contents(&vendor.at("report")), before, "the record is not changed");
    let read = |file: &str| fs::read_to_string(vendor.at("handed-in").join(file)).unwrap();
    for (file, words) in [
        ("README.md", "# Submission QL-2026-0117"),
        ("cover.html", "<footer>Report QL-2026-0117</footer>"),
        ("cover.html", "Zhang San"),
        ("lab.json", "\"number\": \"QL-2026-0117\""),
        ("ics.html", "End of this part of Report QL-2026-0117"),
        ("matrix.html", "A ride is charged."),
        ("matrix.csv", "RIDE,must,met,A ride is charged.,Our own,,BUS-001,pass,"),
        ("record/report.html", "</html>"),
        ("record/junit.xml", "<property name=\"requirement\" value=\"RIDE\"/>"),
        ("record/junit.xml", "<property name=\"lab.report.number\" value=\"QL-2026-0117\"/>"),
        ("record/SHA256SUMS.sig", "BEGIN SSH SIGNATURE"),
    ] {
        assert!(read(file).contains(words), "{file}: {words}");
    }
    // Each requirement and each claim is a link to its row in the report, whose numbers lead to the cases.
    let report = read("record/report.html");
    for file in ["matrix.html", "ics.html"] {
        let page = read(file);
        let links: Vec<&str> =
            page.split("href=\"record/report.html#").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
        assert!(!links.is_empty(), "{file}: {links:?}");
        for link in links {
            assert!(report.contains(&format!("id=\"{link}\"")), "{file}: {link}");
        }
    }
    let cover = read("cover.html");
    for file in cover.split("<a href=\"").skip(1).map(|rest| rest.split('"').next().unwrap()) {
        assert!(vendor.at("handed-in").join(file).exists(), "{file}");
    }
    assert!(fs::metadata(vendor.at("handed-in/record/capture.pcapng")).unwrap().len() > 1000);
    for folder in ["handed-in", "handed-in/record"] {
        let check =
            Command::new("sha256sum").args(["--quiet", "-c", "SHA256SUMS"]).current_dir(vendor.at(folder)).output();
        assert!(check.unwrap().status.success(), "{folder}");
    }
    // The reviewer has the folder alone, and computes everything again.
    let elsewhere = TempDir::new().unwrap();
    let record = vendor.at("handed-in/record").display().to_string();
    let again = |args: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_taprig"));
        Ran::of(&command.args(args).current_dir(elsewhere.path()).output().unwrap())
    };
    again(&["verify", &record, "--any-signer"]).expect(0, &["the seal holds"]);
    for (file, args) in [("ics.json", &["ics", "--record"][..]), ("matrix.json", &["report", "matrix"])] {
        let mut handed = json(&read(file));
        assert_eq!(handed.as_object_mut().unwrap().remove("report"), Some("QL-2026-0117".into()));
        assert_eq!(handed, json(&again(&[args, &[&record, "--format", "json"]].concat()).out), "{file}");
    }
    // Nothing is written into the record itself.
    for inside in ["report/handed-in", "report/new/handed-in"] {
        vendor.taprig(&["submit", "report", "--to", inside]).expect(2, &["this record is sealed"]);
    }
    assert_eq!(contents(&vendor.at("report")), before);
    vendor.taprig(&["submit", "report", "--to", "second/"]).expect(0, &["wrote the submission second"]);
    fs::create_dir(vendor.at("third.part")).unwrap();
    vendor.taprig(&["submit", "report", "--to", "third"]).expect(2, &["third.part exists already"]);
    assert!(vendor.at("third.part").is_dir() && !vendor.at("third").exists());
    // A second submission to the same folder is refused, and so is one into a folder of somebody else.
    vendor.submit(&[]).expect(2, &["handed-in exists already"]);
    vendor.taprig(&["submit", "report", "--to", "cases"]).expect(2, &["cases exists already"]);
}

#[test]
fn a_laboratory_file_that_was_completed_later_fills_in_and_changes_nothing() {
    let vendor = Vendor::new();
    vendor.lab("  issued: 2099-12-30\n", "  issued: \"\"\n");
    vendor.sealed(&["--lab", "lab.yaml"], 0);
    vendor.refused(&[], &[("laboratory", "these fields are blank: dates.issued (7.8.2.1 j)")]);
    vendor.submit(&[]).expect(1, &["for a day write one such as `2026-11-30`"]);
    vendor.lab("  issued: \"\"\n", "  issued: 2099-12-31\n");
    vendor.lab("  condition: new, housing undamaged", "  condition: new");
    let words = ["`item.condition` is new here, and the record states new, housing undamaged"];
    vendor.submit(&["--lab", "lab.yaml"]).expect(2, &words);
    vendor.lab("  condition: new", "  condition: new, housing undamaged");
    vendor.submit(&["--lab", "lab.yaml"]).expect(0, &[]);
    let cover = fs::read_to_string(vendor.at("handed-in/cover.html")).unwrap();
    assert!(cover.contains("<td>2099-12-31</td>"), "{cover}");
}

#[test]
fn a_report_of_another_person_or_of_an_earlier_day_is_refused() {
    let vendor = Vendor::new();
    vendor.lab("  issued: 2099-12-30\n", "  issued: 2020-11-30\n");
    vendor.lab("  name: Zhang San", "  name: Li Wei");
    vendor.sealed(&["--lab", "lab.yaml"], 0);
    let reasons = [
        ("laboratory", "dates.issued is 2020-11-30, and the tests ended on 20"),
        ("seal", "the laboratory file is authorised by Li Wei, and the seal by Zhang San"),
    ];
    vendor.refused(&[], &reasons);
}

#[test]
fn a_record_without_a_laboratory_file_takes_one_at_the_submission() {
    let vendor = Vendor::new();
    vendor.sealed(&[], 0);
    vendor.refused(&[], &[("laboratory", "there is no laboratory file")]);
    vendor.submit(&["--lab", "lab.yaml"]).expect(0, &[]);
}

#[test]
fn a_record_that_is_not_sealed_or_was_altered_is_refused() {
    let vendor = Vendor::new();
    vendor.0.run(&["--bench", "sim", "--serial-number", "0042", "--lab", "lab.yaml"]).expect(0, &[]);
    vendor.refused(&[], &[("seal", "SHA256SUMS.sig: it is missing, so the record is not sealed")]);
    vendor.taprig(&["seal", "report", "--key", "key"]).expect(0, &[]);
    vendor.0.put(
        "signers",
        &format!("wang@lab {}", "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ8mbNMT4JgJrCTFHIW5sDAfN1sNV1fGi3Ch5WCaSsmU\n"),
    );
    let ran = vendor.submit(&["--signers", "signers"]);
    ran.expect(1, &["SHA256SUMS.sig", "its signer is not allowed", "nothing was written"]);
    let junit = vendor.at("report/junit.xml");
    let text = fs::read_to_string(&junit).unwrap();
    fs::write(&junit, text.replace("A rider pays", "A rider paid")).unwrap();
    vendor.refused(&[], &[("seal", "junit.xml: ")]);
    fs::remove_file(&junit).unwrap();
    let ran = vendor.submit(&[]);
    ran.expect(1, &["files       the record has no junit.xml", "seal        junit.xml"]);
}

#[test]
fn a_part_of_the_suite_is_refused() {
    let lab = ["--lab", "lab.yaml"];
    let vendor = Vendor::new();
    vendor.sealed(&[&["BUS-001"], &lab[..]].concat(), 0);
    vendor.refused(&[], &[("suite", "only these cases were run: BUS-001")]);
    let vendor = Vendor::new();
    vendor.0.run(&["--bench", "sim", "--partition", "1/2", "--lab", "lab.yaml"]).expect(0, &[]);
    let told = vendor.submit(&[]);
    told.expect(1, &["suite       only the part 1/2 of the suite was run"]);
    // A requirement whose cases somebody has removed.
    let vendor = Vendor::new();
    let requirements = fs::read_to_string(vendor.at("cases/requirements.yaml")).unwrap();
    vendor.0.put(
        "cases/requirements.yaml",
        &format!("{requirements}  OTHER: {{ text: It works., strength: must, source: A book }}\n"),
    );
    vendor.sealed(&lab, 0);
    vendor.refused(&[], &[("suite", "no case of these requirements is in the plan: OTHER")]);
}

#[test]
fn a_failed_case_and_another_firmware_are_refused() {
    let vendor = Vendor::new();
    vendor.0.case("BUS-002", WRONG);
    vendor.lab("version: 0.1.0", "version: 0.1.1");
    vendor.lab("0000000000", "0000000001");
    vendor.sealed(&["--lab", "lab.yaml"], 1);
    let reasons = [
        ("verdicts", "1 sub-case failed: BUS-002"),
        ("item", "firmware version 0.1.1 is stated, and the device on sim"),
    ];
    vendor.refused(&[], &reasons);
}

#[test]
fn a_record_that_does_not_say_which_device_was_tested_is_refused() {
    let vendor = Vendor::new();
    vendor.0.run(&["--bench", "sim", "--lab", "lab.yaml"]).expect(0, &[]);
    vendor.taprig(&["seal", "report", "--key", "key"]).expect(0, &[]);
    vendor.refused(&[], &[("item", "the serial number 0042 is stated, and the record has none of the device on sim")]);
}

#[test]
fn a_case_in_quarantine_is_refused_although_it_passes_or_fails_no_run() {
    let vendor = Vendor::new();
    vendor.0.case("BUS-002", WRONG);
    let entry = "{ case: BUS-002, reason: a race, owner: Li, until: 2099-12-31 }";
    vendor.0.put("quarantine.yaml", &format!("schema: 1\nquarantine:\n  - {entry}\n"));
    vendor.sealed(&["--lab", "lab.yaml"], 0);
    let reasons = [("verdicts", "1 sub-case failed: BUS-002"), ("verdicts", "1 sub-case in quarantine: BUS-002")];
    vendor.refused(&[], &reasons);
}

#[test]
fn a_run_that_was_interrupted_is_refused() {
    let vendor = Vendor::new();
    vendor.0.run(&["--bench", "sim", "--lab", "lab.yaml"]).expect(0, &[]);
    let mark = vendor.at("report/record.json");
    let text = fs::read_to_string(&mark).unwrap();
    assert!(text.contains("complete"), "{text}");
    fs::write(&mark, text.replace("complete", "partial")).unwrap();
    vendor.submit(&[]).expect(1, &["suite       the run did not reach its end"]);
}

#[test]
fn a_device_that_leaves_out_something_mandatory_is_refused() {
    let vendor = Vendor::new();
    vendor.0.device("  non-volatile: true ", "  non-volatile: false ");
    vendor.sealed(&["--lab", "lab.yaml"], 0);
    vendor.refused(&[], &[("statement", "`non-volatile` is mandatory and is not claimed")]);
}
