//! A small campaign and good evidence for all of it, to be spoilt by tests.

use std::collections::BTreeMap;
use std::fs;

use jiff::civil::{Date, date};
use taprig_campaign::evidence::{Evidence, Found, Inspected};
use taprig_campaign::status::{CountyStatus, GateStatus, Status, What};
use taprig_campaign::{Campaign, Facts, Suites, status};
use taprig_case::Problems;
use taprig_model::result::Verdict;
use tempfile::TempDir;

pub(crate) const FLEET: &str = r#"schema: 1
title: Two counties
counties:
  - name: Luonan
    opens: 2018-05-14
    merchant: "801726041110001"
    lines: [{ line: TL-1, buses: 3, first-terminal: 72670101, fare: 1.00 CNY }]
  - name: Zhashui
    opens: 2018-05-21
    merchant: "801726091110001"
    lines: [{ line: TL-2, buses: 2, first-terminal: 72670201, fare: 2.00 CNY }]
"#;

pub(crate) const CAMPAIGN: &str = r#"schema: 1
title: { en: A small campaign, zh: 小型验收 }
fleet: fleet.yaml
evidence: records
signers: allowed_signers
begins: 2018-04-02
hours-from-utc: 8
parties:
  - { party: laboratory, title: { en: The laboratory, zh: 检测实验室 }, seals-as: lab@example }
  - { party: bus-company, title: { en: The bus company, zh: 公交公司 }, seals-as: workshop@example }
  - { party: office, title: { en: The office, zh: 交通运输局 } }
firmware:
  - { version: 0.1.0, digest: "1111111111111111111111111111111111111111111111111111111111111111", approved: 2018-04-05, by: office }
suites:
  long: { title: { en: long suite, zh: 长测试集 }, select: [smoke] }
  short: { title: { en: short suite, zh: 短测试集 }, select: [acceptance] }
gates:
  - gate: type-test
    title: { en: Type test, zh: 型式试验 }
    owner: laboratory
    records: { suite: long, of: { type-sample: S-0 }, sealed-by: laboratory }
  - gate: sample
    title: { en: Sample, zh: 抽检 }
    owner: laboratory
    needs: [type-test]
    records: { suite: long, of: { sample: { bad: 2, assurance: 60 % } }, sealed-by: laboratory }
  - gate: short-test
    title: { en: Short test, zh: 短测 }
    owner: bus-company
    needs: [type-test]
    records: { suite: short, of: every-bus, sealed-by: bus-company }
  - gate: go-live
    title: { en: Go-live, zh: 开通 }
    owner: office
    needs: [sample, short-test]
last-gate: go-live
counties:
  - { county: Luonan, title: { en: Luonan, zh: 洛南县 } }
  - { county: Zhashui, title: { en: Zhashui, zh: 柞水县 } }
buses:
  - { bus: TL-1-01, serial: S-1 }
  - { bus: TL-1-02, serial: S-2 }
  - { bus: TL-1-03, serial: S-3 }
  - { bus: TL-2-01, serial: S-4 }
  - { bus: TL-2-02, serial: S-5 }
tasks:
  - task: drivers
    title: { en: Train the drivers, zh: 培训司机 }
    gate: go-live
    county: Zhashui
    owner: bus-company
    deadline: 2018-05-18
    evidence: { file: papers/drivers.txt, sha256: "2222222222222222222222222222222222222222222222222222222222222222" }
  - task: permission
    title: { en: Sign the permission, zh: 签发许可 }
    gate: go-live
    county: Zhashui
    owner: office
    deadline: 2018-05-19
    after: [drivers]
    evidence: { file: papers/permission.txt, sha256: "3333333333333333333333333333333333333333333333333333333333333333" }
punch-list:
  - item: dark
    title: { en: The display is dark, zh: 屏幕不亮 }
    gate: short-test
    bus: TL-2-02
    found: 2018-05-10
    owner: office
    deadline: 2018-05-16
    repaired: { case: ACC-001 }
"#;

/// The day on which the last county gets ready.
pub(crate) const TODAY: Date = date(2018, 5, 20);

pub(crate) struct Example {
    pub(crate) place: TempDir,
    pub(crate) text: String,
    pub(crate) fleet: String,
    pub(crate) evidence: Evidence,
    pub(crate) today: Date,
}

pub(crate) fn found(gate: &str, bus: Option<&str>, serial: &str, day: &str, signer: &str, cases: &[&str]) -> Found {
    let folder = bus.map_or_else(|| gate.to_owned(), |bus| format!("{gate}/{bus}"));
    let seen = Inspected {
        serials: [serial.to_owned()].into(),
        firmware: ["1".repeat(64)].into(),
        cases: cases.iter().map(|id| ((*id).to_owned(), Verdict::Pass)).collect(),
        started: format!("{day}T08:00:00+08:00").parse().unwrap(),
        suite: vec![],
        complete: true,
        signer: signer.to_owned(),
        digest: "a".repeat(64),
    };
    Found { gate: gate.into(), bus: bus.map(str::to_owned), folder, seen: Ok(seen) }
}

const LONG: [&str; 3] = ["BUS-001/flat", "BUS-002", "ODA-001"];
const SHORT: [&str; 2] = ["ACC-001", "ACC-002"];
pub(crate) const BUSES: [(&str, &str); 5] =
    [("TL-1-01", "S-1"), ("TL-1-02", "S-2"), ("TL-1-03", "S-3"), ("TL-2-01", "S-4"), ("TL-2-02", "S-5")];

pub(crate) fn suites() -> Suites {
    let ids = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect();
    [("long".parse().unwrap(), ids(&LONG)), ("short".parse().unwrap(), ids(&SHORT))].into()
}

impl Example {
    /// Everything is open.
    pub(crate) fn new() -> Self {
        let mut records = vec![found("type-test", None, "S-0", "2018-04-10", "lab@example", &LONG)];
        for (bus, serial) in BUSES {
            records.push(found("sample", Some(bus), serial, "2018-05-11", "lab@example", &LONG));
            records.push(found("short-test", Some(bus), serial, "2018-05-12", "workshop@example", &SHORT));
        }
        let documents = BTreeMap::from([
            ("papers/drivers.txt".into(), Ok("2".repeat(64))),
            ("papers/permission.txt".into(), Ok("3".repeat(64))),
        ]);
        let evidence = Evidence { records, strays: vec![], documents };
        Self { place: TempDir::new().unwrap(), text: CAMPAIGN.into(), fleet: FLEET.into(), evidence, today: TODAY }
    }

    /// The file with another text in one place.
    pub(crate) fn with(mut self, was: &str, is: &str) -> Self {
        assert_eq!(self.text.matches(was).count(), 1, "{was}");
        self.text = self.text.replace(was, is);
        self
    }

    pub(crate) fn read(&self) -> Result<Campaign, Problems> {
        fs::write(self.place.path().join("fleet.yaml"), &self.fleet).unwrap();
        let path = self.place.path().join("campaign.yaml");
        fs::write(&path, &self.text).unwrap();
        Campaign::read(&path)
    }

    pub(crate) fn status(&self) -> Status {
        let campaign = self.read().unwrap();
        let suites = suites();
        status(Facts { campaign: &campaign, suites: &suites, evidence: &self.evidence, today: self.today })
    }

    /// The record of a bus.
    pub(crate) fn record(&mut self, gate: &str, bus: &str) -> &mut Inspected {
        let mut all = self.evidence.records.iter_mut();
        let found = all.find(|found| found.gate == gate && found.bus.as_deref() == Some(bus)).unwrap();
        found.seen.as_mut().unwrap()
    }

    pub(crate) fn without(mut self, gate: &str, bus: Option<&str>) -> Self {
        let before = self.evidence.records.len();
        self.evidence.records.retain(|found| found.gate != gate || found.bus.as_deref() != bus);
        assert!(self.evidence.records.len() < before);
        self
    }
}

pub(crate) fn county<'a>(status: &'a Status, name: &str) -> &'a CountyStatus {
    status.counties.iter().find(|county| county.county == name).unwrap()
}

pub(crate) fn gate<'a>(status: &'a Status, county_name: &str, gate: &str) -> &'a GateStatus {
    county(status, county_name).gates.iter().find(|of| of.gate.as_str() == gate).unwrap()
}

/// What keeps a gate closed.
pub(crate) fn why(status: &Status, county: &str, name: &str) -> Vec<What> {
    gate(status, county, name).blockers.iter().map(|blocker| blocker.what.clone()).collect()
}
