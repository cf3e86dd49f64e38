//! Makes the page of the example campaign two days before its last county opens, from evidence that is made up: `FILE.html [zh]`.
//!
//! It shows what the page looks like with 123 buses, without a run of all their suites. `ci/campaign pages` makes such pages of real
//! records.

#![expect(clippy::unwrap_used, reason = "an example that stops at the first mistake")]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use jiff::ToSpan as _;
use jiff::civil::{Date, date};
use taprig_campaign::evidence::{Evidence, Flaw, Found, Inspected};
use taprig_campaign::file::Of;
use taprig_campaign::{Campaign, Facts, Language, Suites, show, status};
use taprig_model::result::Verdict;

const TODAY: Date = date(2018, 5, 19);

fn main() {
    let mut arguments = std::env::args().skip(1);
    let to = arguments.next().unwrap();
    let language = if arguments.next().as_deref() == Some("zh") { Language::Zh } else { Language::En };
    let campaign = campaign();
    let suites: Suites = campaign.file.suites.keys().map(|name| (name.clone(), cases(name.as_str()))).collect();
    let documents = campaign.documents().map(|of| (of.file.clone(), Ok(of.sha256.to_string()))).collect();
    let mut evidence = Evidence { documents, ..Evidence::default() };
    // The status without records says which records are needed.
    let first = status(Facts { campaign: &campaign, suites: &suites, evidence: &evidence, today: TODAY });
    evidence.records.push(found(&campaign, "type-test", None, "QL20-17-0000", date(2017, 12, 11)));
    for county in &first.counties {
        for bus in &county.buses {
            for record in &bus.records {
                let gate = record.gate.as_str();
                let before = match gate {
                    "factory" => 12_i64,
                    "short-test" => 6,
                    _ => 3,
                };
                let is_last = county.county == "Zhashui";
                let is_missing = gate == "pilot" || gate == "short-test" && bus.bus.as_str() > "ZS-2-13";
                if is_last && is_missing {
                    continue;
                }
                let day = county.opens.checked_sub(before.days()).unwrap();
                evidence.records.push(found(&campaign, gate, Some(&bus.bus), bus.serial.as_deref().unwrap(), day));
            }
        }
    }
    for of in evidence.records.iter_mut().filter(|of| of.gate == "short-test") {
        match (of.bus.as_deref(), &mut of.seen) {
            (Some("ZS-1-09"), seen) => *seen = Err(Flaw::Broken(vec!["junit.xml: its content was altered".into()])),
            (Some("ZS-2-04"), Ok(seen)) => {
                seen.cases.insert("ACC-002".into(), Verdict::Fail);
            }
            _ => {}
        }
    }
    let status = status(Facts { campaign: &campaign, suites: &suites, evidence: &evidence, today: TODAY });
    let page = show::page(&campaign, &status, "fixtures/campaigns/shangluo-2018.yaml", language).unwrap();
    fs::write(to, page).unwrap();
}

/// The example campaign, in which some documents were handed in.
fn campaign() -> Campaign {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures").canonicalize().unwrap();
    let mut text = fs::read_to_string(fixtures.join("campaigns/shangluo-2018.yaml")).unwrap();
    let fleet = fixtures.join("fleets/shangluo.yaml");
    text = text.replace("../fleets/shangluo.yaml", fleet.to_str().unwrap());
    for task in ["firmware-approval", "zhashui-delivery", "zhashui-drivers"] {
        let head = format!("  - task: {task}\n");
        assert!(text.contains(&head), "{task}");
        let evidence = format!("    evidence: {{ file: documents/{task}.pdf, sha256: \"{}\" }}\n", "a".repeat(64));
        text = text.replace(&head, &format!("{head}{evidence}"));
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("campaign.yaml");
    fs::write(&path, text).unwrap();
    Campaign::read(&path).unwrap()
}

fn cases(suite: &str) -> std::collections::BTreeSet<String> {
    let ids: &[&str] = match suite {
        "complete" => &["ACC-001", "ACC-002", "BUS-001", "ODA-001"],
        "long" => &["BUS-001", "ODA-001"],
        _ => &["ACC-001", "ACC-002"],
    };
    ids.iter().map(|id| (*id).to_owned()).collect()
}

fn found(campaign: &Campaign, gate: &str, bus: Option<&str>, serial: &str, day: Date) -> Found {
    let records = campaign.gate(gate).unwrap().records.as_ref().unwrap();
    assert!(bus.is_some() || matches!(records.of, Of::TypeSample(_)));
    let signer = campaign.party(records.sealed_by.as_ref().unwrap()).unwrap().seals_as.clone().unwrap();
    let verdicts: BTreeMap<String, Verdict> =
        cases(records.suite.as_str()).into_iter().map(|id| (id, Verdict::Pass)).collect();
    let firmware = campaign.file.firmware[0].digest.as_ref().unwrap().to_string();
    let seen = Inspected {
        serials: [serial.to_owned()].into(),
        firmware: [firmware].into(),
        cases: verdicts,
        started: format!("{day}T10:00:00+08:00").parse().unwrap(),
        suite: vec![],
        complete: true,
        signer,
        digest: "b".repeat(64),
    };
    let folder = bus.map_or_else(|| gate.to_owned(), |bus| format!("{gate}/{bus}"));
    Found { gate: gate.into(), bus: bus.map(str::to_owned), folder, seen: Ok(seen) }
}
