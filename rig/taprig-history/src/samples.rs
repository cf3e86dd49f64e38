//! Nights for tests.

use std::path::PathBuf;
use taprig_model::capability::BenchCapabilities;
use taprig_model::event::Role;
use taprig_model::history::{Night, NightBench, NightCase, SCHEMA};
use taprig_model::result::Verdict;
use taprig_record::Inputs;

/// Nights one after the other, at 01:30 UTC from 1 November 2026 on.
#[derive(Debug, Clone)]
pub(crate) struct Nights {
    pub(crate) nights: Vec<Night>,
}

pub(crate) fn verdict(letter: char) -> Verdict {
    match letter {
        'P' => Verdict::Pass,
        'C' => Verdict::Changed,
        'F' => Verdict::Fail,
        'E' => Verdict::Error,
        'N' => Verdict::NotApplicable,
        'S' => Verdict::Skipped,
        other => panic!("{other} is no verdict"),
    }
}

/// A row, with a reason where the verdict has one.
pub(crate) fn row(id: &str, letter: char) -> NightCase {
    let why = match letter {
        'F' => Some("outcome: expected declined, seen approved"),
        'E' => Some("waiting for the emulator on sim-1: port 4711 closed"),
        _ => None,
    };
    NightCase {
        id: id.into(),
        verdict: verdict(letter),
        digest: Some("00000000000000c1".into()),
        took_us: 10_000,
        bench: (!"NS".contains(letter)).then_some(0),
        earlier: vec![],
        why: why.map(str::to_owned),
        quarantined: false,
    }
}

impl Nights {
    /// Nights of one case, a letter a night. A `-` is a night that does not play the case.
    pub(crate) fn of(id: &str, letters: &str) -> Self {
        Self { nights: (0..letters.len()).map(night).collect() }.case(id, letters)
    }

    /// Adds a case.
    pub(crate) fn case(mut self, id: &str, letters: &str) -> Self {
        assert_eq!(letters.len(), self.nights.len());
        for (night, letter) in self.nights.iter_mut().zip(letters.chars()).filter(|(_, letter)| *letter != '-') {
            night.cases.push(row(id, letter));
            night.cases.sort_by(|a, b| a.id.cmp(&b.id));
        }
        self
    }

    /// From this night on, the validator has this firmware.
    pub(crate) fn firmware(mut self, from: usize, digest: &str) -> Self {
        for night in &mut self.nights[from..] {
            night.benches[0].firmware.insert(Role::Validator, digest.into());
        }
        self
    }
}

fn night(number: usize) -> Night {
    let days = i64::try_from(number).unwrap();
    let start: jiff::Timestamp = "2026-11-01T01:30:00Z".parse().unwrap();
    let started = start + jiff::SignedDuration::from_hours(24 * days);
    Night {
        schema: SCHEMA,
        run: format!("run-{number:04}"),
        content: format!("content-{number:04}"),
        record: format!("/records/sim/{number:04}"),
        started: started.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        took_us: 12_000_000,
        complete: true,
        tool: "taprig 0.1.0".into(),
        bench: "sim".into(),
        device: "taprig-reference".into(),
        device_digest: Some("00000000000000d1".into()),
        cases_digest: Some("00000000000000a1".into()),
        environment: [("host".to_owned(), "lab".to_owned())].into(),
        benches: vec![NightBench {
            name: "sim-1".into(),
            parts: "validator sim, emulator sim".into(),
            serial_number: Some("A7".into()),
            firmware: [
                (Role::Validator, "00000000000000f1".to_owned()),
                (Role::Emulator, "00000000000000e1".to_owned()),
            ]
            .into(),
        }],
        ..Night::default()
    }
}

/// The inputs of a record with one case.
pub(crate) fn inputs() -> Inputs {
    let device = serde_json::json!({
        "schema": 1, "title": "A validator", "identity": { "device": "d", "firmware": "f" }, "claims": {},
        "interface": { "adapter": { "command": ["adapter"] } },
    });
    let criteria = serde_json::json!({
        "id": "BUS-001", "title": "A ride", "file": "cases/bus/BUS-001.yaml",
        "steps": [{ "wanted": { "tap": { "outcome": "approved" } } }], "expect": {}, "baseline": false,
    });
    let files = [
        ("cases/bus/BUS-001.yaml", "given: { validator: flat, card: credit }\n"),
        ("cases/bus/BUS-002.yaml", "given: { validator: flat, card: debit }\n"),
        ("fixtures/benches/sim.yaml", "validator: { sim: {} }\n"),
        ("fixtures/cards/credit.yaml", "title: Credit\n"),
        ("fixtures/cards/debit.yaml", "title: Debit\n"),
        ("fixtures/validators/base.yaml", "settings: {}\n"),
        ("fixtures/validators/flat.yaml", "include: base\n"),
    ];
    Inputs {
        criteria: vec![serde_json::from_value(criteria).unwrap()],
        device: serde_json::from_value(device).unwrap(),
        bench: BenchCapabilities::default(),
        baselines: None,
        files: files.map(|(path, text)| (PathBuf::from(path), text.to_owned())).into(),
    }
}
