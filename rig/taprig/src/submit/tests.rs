//! Each reason for a refusal, planted alone into a record that can be submitted.

use super::{About, Candidate, Signer, refusals};
use serde_json::json;
use std::path::PathBuf;
use taprig_conformance::{Evidence, Matrix, Statement};
use taprig_model::capability::BenchCapabilities;
use taprig_model::criteria::Criteria;
use taprig_model::device::Device;
use taprig_model::event::{BaselineUse, Fields, FirmwareImage, RigFault, Role};
use taprig_model::lab::Lab;
use taprig_model::requirement::Requirements;
use taprig_model::result::{Attempt, BenchResult, CaseResult, RunResult, Summary, Verdict};
use taprig_record::State;
use taprig_seal::Finding;

/// Everything that a candidate is made of.
struct Record {
    state: State,
    result: RunResult,
    criteria: Vec<Criteria>,
    requirements: Requirements,
    device: Device,
    left_out: Option<String>,
    lab: Option<Lab>,
    findings: Vec<Finding>,
    missing: Vec<&'static str>,
    ended: &'static str,
    authorised_by: &'static str,
}

fn case(id: &str, verdicts: &[Verdict]) -> CaseResult {
    let attempt = |(number, verdict): (u32, &Verdict)| Attempt { number, verdict: *verdict, took_us: 0, failure: None };
    CaseResult {
        id: id.into(),
        verdict: *verdicts.last().unwrap(),
        attempts: (1..).zip(verdicts).map(attempt).collect(),
        ..serde_json::from_value(
            json!({ "id": id, "title": "", "file": "", "verdict": "pass", "took_us": 0, "checks": [], "attempts": [] }),
        )
        .unwrap()
    }
}

fn lab() -> Lab {
    let example = include_str!("../../doc/lab-example.yaml");
    let mut file = tempfile::NamedTempFile::new().unwrap();
    std::io::Write::write_all(&mut file, example.as_bytes()).unwrap();
    taprig_case::lab::read(file.path()).unwrap()
}

impl Record {
    /// A record that can be submitted.
    fn good() -> Self {
        let claims = ["bus", "non-volatile", "online-request"].map(|name| (name.to_owned(), json!(true)));
        let device = json!({
            "schema": 1, "title": "A validator", "identity": { "device": "d", "firmware": "f" },
            "claims": serde_json::Map::from_iter(claims), "interface": { "adapter": { "command": ["adapter"] } },
        });
        let criteria = |id: &str| json!({ "id": id, "title": "t", "file": "a.yaml", "requires": ["RIDE"], "steps": [], "baseline": false });
        let requirement = json!({ "text": "It works.", "strength": "must", "source": "A book" });
        let identities = [(Role::Validator, Fields::parse("version=0.1.0"))].into();
        let bench = BenchResult { identities, serial_number: Some("0042".into()), ..BenchResult::default() };
        let mut record = Self {
            state: State::Complete,
            result: RunResult { complete: true, benches: [("sim".to_owned(), bench)].into(), ..RunResult::default() },
            criteria: ["BUS-001", "BUS-002"].map(|id| serde_json::from_value(criteria(id)).unwrap()).into(),
            requirements: serde_json::from_value(json!({ "schema": 1, "requirements": { "RIDE": requirement } }))
                .unwrap(),
            device: serde_json::from_value(device).unwrap(),
            left_out: None,
            lab: Some(lab()),
            findings: vec![],
            missing: vec![],
            ended: "2026-11-30T23:00:00Z",
            authorised_by: "Zhang San, head of the laboratory",
        };
        record.play(vec![case("BUS-001", &[Verdict::Pass]), case("BUS-002", &[Verdict::NotApplicable])]);
        record
    }

    fn play(&mut self, cases: Vec<CaseResult>) {
        self.result.summary = Summary::of(&cases);
        self.result.cases = cases;
    }

    fn refusals(&self) -> Vec<(About, String)> {
        let (criteria, device, result) = (&self.criteria, &self.device, &self.result);
        let evidence = Evidence { criteria, device, bench: &BenchCapabilities::default(), result };
        let candidate = Candidate {
            state: self.state,
            result,
            planned: criteria.iter().map(|criteria| criteria.id.as_str()).collect(),
            left_out: self.left_out.clone(),
            matrix: &Matrix::of(&self.requirements, evidence),
            statement: &Statement::of(device, criteria),
            lab: self.lab.as_ref(),
            seal: match self.findings.is_empty() {
                true => Ok(Signer { name: None, key: "ED25519".into(), authorised_by: self.authorised_by.into() }),
                false => Err(&self.findings),
            },
            missing: self.missing.clone(),
            ended: self.ended.parse().ok(),
        };
        refusals(&candidate).into_iter().map(|refusal| (refusal.about, refusal.what)).collect()
    }
}

/// What is refused after `plant` has changed the good record.
fn refused(plant: impl FnOnce(&mut Record)) -> Vec<(About, String)> {
    let mut record = Record::good();
    plant(&mut record);
    record.refusals()
}

#[test]
fn a_good_record_is_not_refused() {
    assert_eq!(Record::good().refusals(), []);
}

#[track_caller]
fn only(plant: impl FnOnce(&mut Record), about: About, what: &str) {
    assert_eq!(refused(plant), [(about, what.to_owned())]);
}

#[test]
fn an_incomplete_suite_is_refused() {
    let early = "the run did not reach its end";
    only(|record| record.state = State::Partial, About::Suite, early);
    only(|record| record.state = State::Open, About::Suite, early);
    only(|record| record.result.complete = false, About::Suite, early);
    let part = "only these cases were run: smoke";
    only(|record| record.left_out = Some(part.into()), About::Suite, part);
    let open = "1 sub-case of the plan without a verdict: BUS-002";
    only(|record| record.play(vec![case("BUS-001", &[Verdict::Pass])]), About::Suite, open);
    let skipped = |record: &mut Record| {
        record.play(vec![case("BUS-001", &[Verdict::Pass]), case("BUS-002", &[Verdict::Skipped])]);
    };
    only(skipped, About::Suite, open);
    let other = |record: &mut Record| {
        let more = record.requirements.requirements["RIDE"].clone();
        record.requirements.requirements.insert("OTHER".into(), more);
    };
    only(other, About::Suite, "no case of these requirements is in the plan: OTHER");
}

#[test]
fn verdicts_that_nobody_hands_in_are_refused() {
    let second = |verdicts: &'static [Verdict]| {
        move |record: &mut Record| record.play(vec![case("BUS-001", &[Verdict::Pass]), case("BUS-002", verdicts)])
    };
    only(second(&[Verdict::Fail]), About::Verdicts, "1 sub-case failed: BUS-002");
    only(second(&[Verdict::Error]), About::Verdicts, "1 sub-case ended in an error of the rig: BUS-002");
    only(second(&[Verdict::Changed]), About::Verdicts, "1 sub-case changed since the baseline: BUS-002");
    let quarantined = |record: &mut Record| {
        let mut second = case("BUS-002", &[Verdict::Pass]);
        let entry = json!({ "reason": "a race", "owner": "Li", "until": "2026-12-31", "holds": true });
        second.quarantine = serde_json::from_value(entry).unwrap();
        record.play(vec![case("BUS-001", &[Verdict::Pass]), second]);
    };
    only(quarantined, About::Verdicts, "1 sub-case in quarantine: BUS-002");
    let flaky = "1 sub-case had attempts with different verdicts: BUS-002";
    only(second(&[Verdict::Error, Verdict::Pass]), About::Verdicts, flaky);
    let reported = |record: &mut Record| {
        record.result.run.baseline = BaselineUse::Report;
        second(&[Verdict::Changed])(record);
    };
    assert_eq!(refused(reported), []);
    let fault = |record: &mut Record| {
        let fault = json!({ "doing": "opening", "on": "sim", "cause": "port closed" });
        record.result.faults.push(serde_json::from_value::<RigFault>(fault).unwrap());
    };
    let [(about, what)] = refused(fault).try_into().unwrap();
    assert!(about == About::Verdicts && what.starts_with("the rig failed: ") && what.contains("port closed"), "{what}");
    let nothing = |record: &mut Record| {
        record.play(vec![case("BUS-001", &[Verdict::NotApplicable]), case("BUS-002", &[Verdict::NotApplicable])]);
    };
    only(nothing, About::Verdicts, "no case was judged");
}

#[test]
fn another_firmware_and_another_device_are_refused() {
    let said = |text: &'static str| {
        move |record: &mut Record| {
            let bench = record.result.benches.get_mut("sim").unwrap();
            bench.identities.insert(Role::Validator, Fields::parse(text));
        }
    };
    let version = "firmware version 0.1.0 is stated, and the device on sim said 0.2.0";
    only(said("version=0.2.0"), About::Item, version);
    let (stated, other) = ("not known", "1".repeat(64));
    let digest = format!("firmware digest {stated} is stated, and the device on sim said {other}");
    only(
        said("version=0.1.0 digest=1111111111111111111111111111111111111111111111111111111111111111"),
        About::Item,
        &digest,
    );
    let silent = "nothing in the record says whether the device ran the firmware that is stated";
    only(said("device=x"), About::Item, silent);
    // Both digests are zeros, which says nothing about the firmware.
    let unknown = |record: &mut Record| {
        record.lab.as_mut().unwrap().item.firmware.version = None;
        said("digest=0000000000000000000000000000000000000000000000000000000000000000")(record);
    };
    let blank = "these fields are blank: item.firmware.version (7.8.2.1 g)";
    assert_eq!(refused(unknown), [(About::Item, silent.to_owned()), (About::Laboratory, blank.to_owned())]);
    let image = |record: &mut Record| {
        let (role, path) = (Role::Validator, "a.elf".into());
        record.result.firmware.push(FirmwareImage { role, path, digest: "1".repeat(64), bytes: 1 });
    };
    only(image, About::Item, &format!("firmware sha256 {stated} is stated, and the device ran {other}"));
    let serial = |record: &mut Record| record.result.benches.get_mut("sim").unwrap().serial_number = Some("7".into());
    only(serial, About::Item, "the serial number 0042 is stated, and the device on sim has 7");
    let nameless = |record: &mut Record| record.result.benches.get_mut("sim").unwrap().serial_number = None;
    only(nameless, About::Item, "the serial number 0042 is stated, and the record has none of the device on sim");
}

#[test]
fn blank_fields_open_points_missing_files_and_a_broken_seal_are_refused() {
    only(|record| record.lab = None, About::Laboratory, "there is no laboratory file");
    let blank = |record: &mut Record| {
        let lab = record.lab.as_mut().unwrap();
        (lab.item.condition, lab.dates.issued, lab.dates.sampled) = (None, None, None);
    };
    let what = "these fields are blank: item.condition (7.8.2.1 g), dates.issued (7.8.2.1 j)";
    only(blank, About::Laboratory, what);
    let unclaimed = |record: &mut Record| record.device.claims.retain(|claim, _| claim.as_str() != "bus");
    only(unclaimed, About::Statement, "`bus` is mandatory and is not claimed");
    only(|record| record.missing = vec!["report.html"], About::Files, "the record has no report.html");
    let broken = |record: &mut Record| {
        record.findings = vec![Finding { file: PathBuf::from("events.jsonl"), what: "it was altered".into() }];
    };
    only(broken, About::Seal, "events.jsonl: it was altered");
}

#[test]
fn a_record_of_another_suite_than_the_required_one_is_refused() {
    let (required, other) = ("4".repeat(64), "5".repeat(64));
    let with = |digest: Option<&str>| {
        let (required, digest) = (required.clone(), digest.map(|digest| format!("sha256 {digest}")));
        move |record: &mut Record| {
            record.lab.as_mut().unwrap().suite = Some(required.parse().unwrap());
            let environment = &mut record.result.run.environment;
            environment.extend(digest.map(|digest| ("cases-and-fixtures".to_owned(), digest)));
        }
    };
    assert_eq!(refused(with(Some(&required))), []);
    let what = |is: &str| format!("the laboratory file requires the suite {required}, and the record {is}");
    only(with(Some(&other)), About::Suite, &what(&format!("has {other}")));
    only(with(None), About::Suite, &what("says none"));
}

#[test]
fn a_report_that_was_issued_before_its_tests_ended_is_refused() {
    let what = "dates.issued is 2026-11-30, and the tests ended on 2026-12-01";
    only(|record| record.ended = "2026-12-01T12:00:00Z", About::Laboratory, what);
    // At this time it is still the day of issue in a part of the world.
    assert_eq!(refused(|record| record.ended = "2026-12-01T11:59:59Z"), []);
}

#[test]
fn a_report_that_another_person_authorises_than_the_seal_is_refused() {
    for other in ["Li Wei, head of the laboratory", "Zhang Sanfeng", ""] {
        let what = format!("the laboratory file is authorised by Zhang San, and the seal by {other}");
        only(|record| record.authorised_by = other, About::Seal, &what);
    }
    assert_eq!(refused(|record| record.authorised_by = "Zhang San"), []);
}

#[test]
fn all_reasons_are_given_at_once() {
    let all = refused(|record| {
        record.state = State::Partial;
        record.lab = None;
        record.missing = vec!["report.html", "capture.pcapng"];
        record.play(vec![case("BUS-001", &[Verdict::Fail])]);
    });
    let abouts: Vec<About> = all.iter().map(|(about, _)| *about).collect();
    use About::{Files, Laboratory, Suite, Verdicts};
    assert_eq!(abouts, [Suite, Suite, Verdicts, Laboratory, Files, Files]);
}
