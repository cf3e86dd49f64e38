//! What closes a gate. Each test spoils one thing of a campaign in which everything is open.

use jiff::civil::date;
use taprig_campaign::evidence::Flaw;
use taprig_campaign::status::{Done, Service, State, What};
use taprig_model::result::Verdict;

use super::example::{BUSES, Example, county, found, gate, why};

const ZHASHUI: &str = "Zhashui";

/// Spoils the short test of one bus. Its gate and the last gate have to close, and nothing else.
fn closes(spoil: impl FnOnce(&mut Example), is_why: impl Fn(&What) -> bool) {
    let mut example = Example::new();
    spoil(&mut example);
    let status = example.status();
    let short = gate(&status, ZHASHUI, "short-test");
    assert_eq!(short.state, State::Closed);
    assert!(short.blockers.iter().any(|blocker| is_why(&blocker.what)), "{:?}", short.blockers);
    assert_eq!(gate(&status, ZHASHUI, "go-live").state, State::Waiting);
    assert_eq!(gate(&status, ZHASHUI, "sample").state, State::Open);
    assert_eq!(county(&status, ZHASHUI).service, Service::Preparing);
    assert!(county(&status, "Luonan").gates.iter().all(|gate| gate.state == State::Open), "another county stays open");
    assert_eq!(status.accepted().1, 5);
    assert!(status.accepted().0 < 5);
}

#[test]
fn everything_is_open() {
    let status = Example::new().status();
    assert_eq!(status.blockers().count(), 0, "{:?}", status.blockers().collect::<Vec<_>>());
    assert_eq!(status.accepted(), (5, 5));
    assert_eq!((county(&status, "Luonan").service, county(&status, ZHASHUI).service), (Service::Live, Service::Ready));
    assert_eq!(gate(&status, ZHASHUI, "go-live").opened, Some(date(2018, 5, 12)));
    assert_eq!(gate(&status, ZHASHUI, "short-test").good, 2);
}

#[test]
fn the_last_county_gets_ready_step_by_step() {
    use State::{Closed, Open, Waiting};
    let mut whole = Example::new();
    let records = std::mem::take(&mut whole.evidence.records);
    let documents = std::mem::take(&mut whole.evidence.documents);
    let status = whole.status();
    assert_eq!(status.common[0].state, Closed);
    let states = |example: &Example| -> Vec<State> {
        let status = example.status();
        county(&status, ZHASHUI).gates.iter().map(|gate| gate.state).collect()
    };
    // A defect of a bus is there from the beginning, and closes the short test.
    assert_eq!(states(&whole), [Waiting, Closed, Closed]);
    let of = |gate: &str| records.iter().filter(|found| found.gate == gate).cloned().collect::<Vec<_>>();
    whole.evidence.records.extend(of("type-test"));
    assert_eq!(states(&whole), [Closed, Closed, Closed]);
    whole.evidence.records.extend(of("sample"));
    assert_eq!(states(&whole), [Open, Closed, Closed]);
    let mut short = of("short-test");
    let last = short.pop().unwrap();
    whole.evidence.records.extend(short);
    assert_eq!(states(&whole), [Open, Closed, Closed]);
    whole.evidence.records.push(last);
    assert_eq!(states(&whole), [Open, Open, Closed], "only the tasks are left");
    whole.evidence.documents = documents;
    assert_eq!(states(&whole), [Open, Open, Open]);
}

#[test]
fn a_broken_seal() {
    let break_it = |flaw: Flaw| {
        move |example: &mut Example| {
            let found = example.evidence.records.iter_mut().find(|found| found.folder == "short-test/TL-2-01").unwrap();
            found.seen = Err(flaw);
        }
    };
    let why = vec!["events.jsonl: its digest is another one".to_owned()];
    closes(break_it(Flaw::Broken(why.clone())), |what| matches!(what, What::Broken { why: told, .. } if *told == why));
    closes(break_it(Flaw::Unsealed), |what| matches!(what, What::Unsealed { .. }));
    closes(break_it(Flaw::Unreadable("half a record".into())), |what| matches!(what, What::Unreadable { .. }));
}

#[test]
fn a_broken_seal_beside_a_good_record_closes_the_gate_too() {
    closes(
        |example| {
            let mut broken = found("short-test", Some("TL-2-01"), "S-4", "2018-05-12", "workshop@example", &[]);
            broken.folder += "/again";
            broken.seen = Err(Flaw::Broken(vec!["SHA256SUMS: a line is missing".into()]));
            example.evidence.records.push(broken);
        },
        |what| matches!(what, What::Broken { folder, .. } if folder == "short-test/TL-2-01/again"),
    );
}

#[test]
fn a_wrong_digest_of_the_firmware() {
    closes(
        |example| example.record("short-test", "TL-2-01").firmware = ["9".repeat(64)].into(),
        |what| matches!(what, What::Firmware { digest, .. } if digest.starts_with("9999")),
    );
    closes(
        |example| example.record("short-test", "TL-2-01").firmware.clear(),
        |what| matches!(what, What::NoFirmware { .. }),
    );
    closes(
        // One approved image does not excuse another one.
        |example| {
            let _ = example.record("short-test", "TL-2-01").firmware.insert("9".repeat(64));
        },
        |what| matches!(what, What::Firmware { .. }),
    );
}

#[test]
fn firmware_that_only_its_version_names() {
    let state = |approval: &str, reported: &str| {
        let digest = format!("version: 0.1.0, digest: \"{}\"", "1".repeat(64));
        let mut example = Example::new().with(&digest, approval);
        example.record("short-test", "TL-2-01").firmware = [reported.to_owned()].into();
        gate(&example.status(), ZHASHUI, "short-test")
            .blockers
            .iter()
            .any(|of| of.bus.as_deref() == Some("TL-2-01") && matches!(of.what, What::Firmware { .. }))
    };
    assert!(!state("version: V2.07", "V2.07"));
    assert!(state("version: V2.07", "V2.08"));
    let with_digest = format!("version: V2.07, digest: \"{}\"", "1".repeat(64));
    assert!(state(&with_digest, "V2.07"), "the image was approved, and not whatever calls itself so");
}

#[test]
fn firmware_that_is_approved_later_is_not_approved_yet() {
    let status = Example::new().with("approved: 2018-04-05", "approved: 2018-05-21").status();
    assert!(matches!(why(&status, ZHASHUI, "short-test")[0], What::Earlier { .. }));
    assert!(matches!(status.common[0].blockers[0].what, What::Firmware { .. }));
}

#[test]
fn a_record_of_another_device() {
    closes(
        |example| example.record("short-test", "TL-2-01").serials = ["S-5".to_owned()].into(),
        |what| matches!(what, What::OtherDevice { wanted, .. } if wanted == "S-4"),
    );
    closes(
        |example| {
            let _ = example.record("short-test", "TL-2-01").serials.insert("S-5".into());
        },
        |what| matches!(what, What::OtherDevice { .. }),
    );
    closes(
        |example| example.record("short-test", "TL-2-01").serials.clear(),
        |what| matches!(what, What::NoSerial { .. }),
    );
}

#[test]
fn a_record_of_other_cases() {
    let required = |example: &mut Example| {
        let short = "  short: {";
        assert!(example.text.contains(short), "{}", example.text);
        example.text = example.text.replace(short, &format!("  short: {{ sha256: \"{}\",", "4".repeat(64)));
        for found in &mut example.evidence.records {
            if let Ok(seen) = &mut found.seen {
                seen.suite = vec!["4".repeat(64)];
            }
        }
    };
    let mut example = Example::new();
    required(&mut example);
    assert_eq!(example.status().blockers().count(), 0, "the records have the required cases");
    closes(
        |example| {
            required(example);
            example.record("short-test", "TL-2-01").suite = vec!["5".repeat(64)];
        },
        |what| matches!(what, What::OtherSuite { found: Some(found), wanted, .. } if *found == "5".repeat(64) && *wanted == "4".repeat(64)),
    );
    closes(
        |example| {
            required(example);
            example.record("short-test", "TL-2-01").suite = vec![];
        },
        |what| matches!(what, What::OtherSuite { found: None, .. }),
    );
}

#[test]
fn a_record_that_somebody_else_sealed() {
    closes(
        |example| example.record("short-test", "TL-2-01").signer = "lab@example".into(),
        |what| matches!(what, What::OtherSigner { wanted, .. } if wanted == "workshop@example"),
    );
}

#[test]
fn an_incomplete_record() {
    closes(
        |example| {
            let _ = example.record("short-test", "TL-2-01").cases.remove("ACC-002");
        },
        |what| matches!(what, What::Incomplete { missing: 1, of: 2, first, .. } if first == "ACC-002"),
    );
    for verdict in [Verdict::NotApplicable, Verdict::Skipped] {
        closes(
            |example| {
                let _ = example.record("short-test", "TL-2-01").cases.insert("ACC-002".into(), verdict);
            },
            |what| matches!(what, What::Incomplete { missing: 1, .. }),
        );
    }
    closes(
        |example| example.record("short-test", "TL-2-01").complete = false,
        |what| matches!(what, What::Unfinished { .. }),
    );
}

#[test]
fn a_record_that_does_not_pass() {
    for verdict in [Verdict::Fail, Verdict::Changed, Verdict::Error] {
        closes(
            |example| {
                let _ = example.record("short-test", "TL-2-01").cases.insert("ACC-002".into(), verdict);
            },
            |what| matches!(what, What::NotPassed { count: 1, first, .. } if first == "ACC-002"),
        );
    }
}

#[test]
fn the_latest_record_counts() {
    let again = |day: &str, verdict| {
        let mut example = Example::new();
        let mut again = found("short-test", Some("TL-2-01"), "S-4", day, "workshop@example", &["ACC-001", "ACC-002"]);
        again.folder += "/again";
        again.seen.as_mut().unwrap().cases.insert("ACC-001".into(), verdict);
        example.evidence.records.push(again);
        let status = example.status();
        gate(&status, ZHASHUI, "short-test").state
    };
    assert_eq!(again("2018-05-13", Verdict::Fail), State::Closed);
    assert_eq!(again("2018-05-11", Verdict::Fail), State::Open, "an earlier failure was repaired");
    assert_eq!(again("2018-05-13", Verdict::Pass), State::Open);
}

#[test]
fn a_record_of_a_later_day() {
    closes(
        // 20 May has begun in China, and in UTC it is still 19 May.
        |example| example.record("short-test", "TL-2-01").started = "2018-05-20T16:30:00Z".parse().unwrap(),
        |what| matches!(what, What::Later { day, .. } if *day == date(2018, 5, 21)),
    );
}

#[test]
fn a_bus_that_is_listed_twice() {
    let twice = |example: &mut Example| {
        example.text = example.text.replace(
            "  - { bus: TL-2-02, serial: S-5 }\n",
            "  - { bus: TL-2-02, serial: S-5 }\n  - { bus: TL-2-01, serial: S-6 }\n",
        );
    };
    closes_both(
        twice,
        |what| matches!(what, What::ListedTwice { lines } if lines.len() == 2 && lines[0] + 2 == lines[1]),
    );
}

#[test]
fn two_buses_with_one_device() {
    let same = |example: &mut Example| {
        example.text = example.text.replace("serial: S-5", "serial: S-4");
    };
    closes_both(same, |what| matches!(what, What::SharedSerial { serial, .. } if serial == "S-4"));
    let none = |example: &mut Example| example.text = example.text.replace("  - { bus: TL-2-01, serial: S-4 }\n", "");
    closes_both(none, |what| *what == What::NotListed);
}

/// Like [`closes`], for what closes the sample as well.
fn closes_both(spoil: impl FnOnce(&mut Example), is_why: impl Fn(&What) -> bool) {
    let mut example = Example::new();
    spoil(&mut example);
    let status = example.status();
    let told = why(&status, ZHASHUI, "short-test");
    assert!(told.iter().any(is_why), "{told:?}");
    assert_eq!(gate(&status, ZHASHUI, "short-test").state, State::Closed);
    assert_ne!(gate(&status, ZHASHUI, "go-live").state, State::Open);
    assert!(county(&status, "Luonan").gates.iter().all(|gate| gate.state == State::Open));
}

const WAIVER: &str = "waivers:\n  - waiver: w-1\n    reason: { en: For a while, zh: 暂时 }\n    waives: { case: ACC-002 }\n    \
                      gate: short-test\n    bus: TL-2-01\n    approver: office\n    approved: 2018-05-13\n    expires: 2018-05-20\n";

#[test]
fn a_waiver_holds_to_its_last_day_and_for_its_bus_only() {
    let with = |bus: &str, today| {
        let mut example = Example::new();
        example.text += WAIVER;
        example.today = today;
        example.record("short-test", bus).cases.insert("ACC-002".into(), Verdict::Fail);
        example
    };
    let state = |example: &Example| gate(&example.status(), ZHASHUI, "short-test").state;
    assert_eq!(state(&with("TL-2-01", date(2018, 5, 20))), State::Open);
    let expired = with("TL-2-01", date(2018, 5, 21)).status();
    let told = &gate(&expired, ZHASHUI, "short-test").blockers;
    let waiver = told.iter().find(|blocker| matches!(blocker.what, What::WaiverExpired { .. })).unwrap();
    assert_eq!((waiver.turn.as_str(), waiver.since), ("office", date(2018, 5, 21)));
    assert!(told.iter().any(|blocker| matches!(blocker.what, What::NotPassed { .. })));
    assert_eq!(state(&with("TL-2-02", date(2018, 5, 20))), State::Closed, "it is for another bus");
    // On 12 May it was not approved yet.
    let early = with("TL-2-01", date(2018, 5, 12)).status();
    assert!(why(&early, ZHASHUI, "short-test").iter().any(|what| matches!(what, What::WaiverLater { .. })));
}

#[test]
fn a_fault_of_the_rig_can_not_be_waived() {
    let mut example = Example::new();
    example.text += WAIVER;
    example.record("short-test", "TL-2-01").cases.insert("ACC-002".into(), Verdict::Error);
    assert!(matches!(why(&example.status(), ZHASHUI, "short-test")[..], [What::NotPassed { .. }]));
}

#[test]
fn an_overdue_task() {
    let mut example = Example::new();
    example.evidence.documents.insert("papers/drivers.txt".into(), Err("no such file".into()));
    let status = example.status();
    let blockers = &gate(&status, ZHASHUI, "go-live").blockers;
    assert_eq!(gate(&status, ZHASHUI, "go-live").state, State::Closed);
    assert!(matches!(&blockers[0].what, What::NoDocument { file, .. } if file == "papers/drivers.txt"));
    let overdue = &blockers[1];
    assert!(matches!(overdue.what, What::Task { overdue: true, .. }), "{overdue:?}");
    assert_eq!(
        (overdue.turn.as_str(), overdue.since),
        ("bus-company", date(2018, 5, 19)),
        "the day after its last day"
    );
    assert_eq!(status.tasks[0].done, Done::Overdue);
    assert_eq!(status.tasks[1].done, Done::Done, "the permission itself is there");
}

#[test]
fn a_task_without_evidence_waits_for_the_task_before_it() {
    let mut example = Example::new().with(
        "    evidence: { file: papers/drivers.txt, sha256: \"2222222222222222222222222222222222222222222222222222222222222222\" }\n",
        "",
    );
    example.evidence.documents.insert("papers/permission.txt".into(), Err("no such file".into()));
    example = example.with(
        "    evidence: { file: papers/permission.txt, sha256: \"3333333333333333333333333333333333333333333333333333333333333333\" }\n",
        "",
    );
    example.today = date(2018, 5, 14);
    let status = example.status();
    let blockers = &gate(&status, ZHASHUI, "go-live").blockers;
    assert!(matches!(&blockers[0].what, What::Task { overdue: false, .. }));
    assert!(matches!(&blockers[1].what, What::TaskAfter { after, .. } if after.as_str() == "drivers"));
    assert_eq!(blockers[1].turn.as_str(), "bus-company", "the office can do nothing yet");
    assert_eq!(blockers[0].since, date(2018, 5, 12), "since the gates before it opened");
    assert_eq!(status.next_deadline().unwrap().0, date(2018, 5, 18));
}

#[test]
fn a_wrong_digest_of_a_document() {
    let mut example = Example::new();
    example.evidence.documents.insert("papers/drivers.txt".into(), Ok("4".repeat(64)));
    example.today = date(2018, 5, 17);
    let status = example.status();
    assert!(matches!(&why(&status, ZHASHUI, "go-live")[..], [What::OtherDocument { .. }]));
}

#[test]
fn a_county_ahead_of_its_gate() {
    let mut example = Example::new().without("short-test", Some("TL-2-01"));
    example.today = date(2018, 5, 21);
    let status = example.status();
    assert_eq!(county(&status, ZHASHUI).service, Service::Ahead);
    let told = why(&status, ZHASHUI, "go-live");
    assert!(told.iter().any(|what| *what == What::Ahead { opened: date(2018, 5, 21) }), "{told:?}");
    assert_eq!(gate(&status, ZHASHUI, "go-live").state, State::Closed);
    assert_eq!(county(&status, "Luonan").service, Service::Live);
    let missing = gate(&status, ZHASHUI, "short-test").blockers[0].clone();
    assert!(matches!(missing.what, What::NoRecord { .. }));
    assert_eq!((missing.turn.as_str(), missing.since), ("bus-company", date(2018, 4, 10)), "since the type test");
}

#[test]
fn a_gate_waits_for_the_gates_before_it_and_says_whose_turn_it_is() {
    let mut example = Example::new().without("type-test", None);
    example.evidence.records.retain(|found| found.gate != "sample");
    let status = example.status();
    assert!(matches!(status.common[0].blockers[0].what, What::NoRecord { .. }));
    assert_eq!(status.common[0].blockers[0].since, date(2018, 4, 2), "since the campaign began");
    let sample = gate(&status, ZHASHUI, "sample");
    assert_eq!((sample.state, sample.good), (State::Waiting, 0));
    assert!(matches!(&sample.blockers[..], [one] if matches!(one.what, What::Earlier { .. })), "{:?}", sample.blockers);
    assert_eq!(sample.blockers[0].turn.as_str(), "laboratory");
}

#[test]
fn a_defect_is_repaired_when_its_case_passes_in_a_later_record() {
    let mut example = Example::new();
    example.record("short-test", "TL-2-02").started = "2018-05-09T08:00:00+08:00".parse().unwrap();
    let status = example.status();
    assert_eq!(status.punch_list[0].done, Done::Overdue);
    let blockers = &gate(&status, ZHASHUI, "short-test").blockers;
    assert!(matches!(&blockers[..], [one] if matches!(one.what, What::Item { overdue: true, .. })), "{blockers:?}");
    assert_eq!((blockers[0].turn.as_str(), blockers[0].bus.as_deref()), ("office", Some("TL-2-02")));
}

#[test]
fn a_bad_bus_of_the_sample_makes_every_bus_one_of_it() {
    let sampled = |example: &Example| {
        let status = example.status();
        let gate = gate(&status, "Luonan", "sample").clone();
        (gate.wanted, gate.sample.unwrap(), gate.state)
    };
    // One of three buses is enough to find one of two bad ones in 67 of 100 campaigns.
    let mut example = Example::new();
    let (wanted, sample, state) = sampled(&example);
    assert_eq!((wanted, sample.size, sample.lot, sample.finds, state), (1, 1, 3, 67, State::Open));
    let status = example.status();
    let drawn =
        county(&status, "Luonan").buses.iter().find(|bus| bus.records.iter().any(|of| of.gate.as_str() == "sample"));
    let drawn = drawn.unwrap().bus.clone();
    let serial = BUSES.iter().find(|(bus, _)| *bus == drawn).unwrap().1;
    // It failed first, was repaired, and passes now.
    let mut failed = found("sample", Some(&drawn), serial, "2018-05-10", "lab@example", &["BUS-002", "ODA-001"]);
    failed.folder += "/first";
    failed.seen.as_mut().unwrap().cases.insert("BUS-001/flat".into(), Verdict::Fail);
    example.evidence.records.push(failed);
    let (wanted, sample, state) = sampled(&example);
    assert_eq!((wanted, sample.found, state), (3, Some(drawn.clone()), State::Open), "all of them have good records");
    example.evidence.records.retain(|of| of.gate != "sample" || of.bus.as_deref() == Some(drawn.as_str()));
    let (wanted, _, state) = sampled(&example);
    assert_eq!((wanted, state), (3, State::Closed));
}

#[test]
fn a_suite_that_accepts_it_counts_what_is_not_applicable() {
    let mut example = Example::new().with("select: [smoke] }", "select: [smoke], accepts-not-applicable: true }");
    example.evidence.records[0].seen.as_mut().unwrap().cases.insert("BUS-002".into(), Verdict::NotApplicable);
    assert_eq!(example.status().common[0].state, State::Open);
    let seen = example.evidence.records[0].seen.as_mut().unwrap();
    seen.cases.values_mut().for_each(|verdict| *verdict = Verdict::NotApplicable);
    assert_eq!(example.status().common[0].state, State::Closed, "nothing passed, so nothing is proved");
}
