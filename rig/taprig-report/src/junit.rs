//! Writes `junit.xml` for CI servers: a suite is a family, and a test case is a sub-case.

use quick_junit::{NonSuccessKind, Property, Report, TestCase, TestCaseStatus, TestRerun, TestSuite};
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::time::Duration;
use taprig_judge::transcript::render;
use taprig_model::event::{BaselineUse, Event};
use taprig_model::lock::ENVIRONMENT;
use taprig_model::result::{Attempt, CaseResult, RunResult, Verdict};
use taprig_record::decode::View;

/// The content of the file. A fault of the rig becomes an `error`, and a failed device a `failure`. A pass after an
/// attempt that was not a pass is reported as flaky.
///
/// # Errors
/// A text contains something that XML can't express.
pub fn junit(result: &RunResult, events: &[Event]) -> io::Result<Vec<u8>> {
    let mut suites: BTreeMap<&str, TestSuite> = BTreeMap::new();
    for case in &result.cases {
        let family = case.id.split('-').next().unwrap_or_default();
        let suite = suites.entry(family).or_insert_with(|| TestSuite::new(family));
        suite.add_test_case(test_case(case, events, result.run.baseline));
    }
    if let Some(suite) = rig(result) {
        // This suite comes after the families, because their names are in capital letters.
        suites.insert("rig", suite);
    }
    let mut report = Report::new("taprig");
    report.set_time(Duration::from_micros(result.took_us));
    report.timestamp = result.run.started.parse().ok();
    for (_, mut suite) in suites {
        suite.timestamp = report.timestamp;
        suite.set_time(suite.test_cases.iter().filter_map(|test| test.time).sum());
        if let Some(used) = result.run.environment.get(ENVIRONMENT) {
            suite.add_property(Property::new(ENVIRONMENT, used));
        }
        // Whoever reads only this file sees what the report is about, and what the laboratory has left blank.
        for field in result.run.lab.iter().flat_map(|lab| lab.fields()) {
            let value = field.value.unwrap_or_else(|| "(blank)".to_owned());
            suite.add_property(Property::new(format!("lab.{}", field.key), value));
        }
        for image in &result.firmware {
            suite.add_property(Property::new(format!("firmware.{}", image.role), &image.digest));
        }
        for (name, bench) in &result.benches {
            let kinds: Vec<_> = bench.boards.iter().map(|(role, kind)| format!("{role} {kind}")).collect();
            suite.add_property(Property::new(format!("bench.{name}"), kinds.join(", ")));
            if let Some(number) = &bench.serial_number {
                suite.add_property(Property::new(format!("serial-number.{name}"), number));
            }
        }
        report.add_test_suite(suite);
    }
    let mut xml = Vec::new();
    report.serialize(&mut xml).map_err(io::Error::other)?;
    Ok(xml)
}

/// The faults of the rig itself, and the early end of a run. A server that reads only this file must not take a run
/// with missing cases for a good one.
fn rig(result: &RunResult) -> Option<TestSuite> {
    let mut suite = TestSuite::new("rig");
    let mut error = |name: &str, why: String| {
        let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
        status.set_message(why).set_type("rig");
        let mut test = TestCase::new(name, status);
        test.set_classname("rig").set_time(Duration::ZERO);
        suite.add_test_case(test);
    };
    for fault in &result.faults {
        error(&format!("{} on {}", fault.doing, fault.on), fault.to_string());
    }
    if !result.complete {
        let ran = format!("{} of {} cases have a verdict", result.summary.ran(), result.run.cases);
        error("the run reaches its end", format!("it was interrupted: {ran}"));
    }
    (!suite.test_cases.is_empty()).then_some(suite)
}

fn kind(verdict: Verdict) -> NonSuccessKind {
    if matches!(verdict, Verdict::Fail | Verdict::Changed) { NonSuccessKind::Failure } else { NonSuccessKind::Error }
}

fn test_case(case: &CaseResult, events: &[Event], baseline: BaselineUse) -> TestCase {
    let why = case.failure.clone().unwrap_or_default();
    let mut earlier =
        case.attempts.iter().rev().skip(1).rev().filter(|attempt| attempt.verdict != Verdict::Pass).map(rerun);
    let status = match case.verdict {
        // A device that changed since its baseline conforms. The run decides whether the change makes it fail.
        Verdict::Pass | Verdict::Changed if case.verdict == Verdict::Pass || baseline != BaselineUse::Require => {
            let mut status = TestCaseStatus::success();
            status.add_reruns(earlier.by_ref());
            status
        }
        Verdict::NotApplicable | Verdict::Skipped => {
            let mut status = TestCaseStatus::skipped();
            status.set_message(format!("{}: {why}", case.verdict));
            status
        }
        // A server that fails a build because of failures must not fail it because of this one.
        verdict if case.is_excused() => {
            let mut status = TestCaseStatus::skipped();
            status.set_message(format!("in quarantine: {verdict}: {why}")).set_type(verdict.name());
            status.set_description(checks(case));
            status
        }
        verdict => {
            let mut status = TestCaseStatus::non_success(kind(verdict));
            status.set_message(why).set_type(verdict.name()).set_description(checks(case));
            status.add_reruns(earlier.by_ref());
            status
        }
    };
    // Servers identify a test by these two names, so they contain nothing that is reworded.
    let mut test = TestCase::new(&case.id, status);
    test.set_classname(case.id.split('/').next().unwrap_or_default())
        .set_time(Duration::from_micros(case.took_us))
        .set_assertions(case.checks.len());
    test.extra.insert("file".into(), case.file.clone().into());
    test.add_property(Property::new("title", &case.title));
    for requirement in &case.requires {
        test.add_property(Property::new("requirement", requirement));
    }
    let (judged, all) = case.judged();
    if judged < all {
        test.add_property(Property::new("judged", format!("{judged} of {all} expectations")));
        let why = case.checks.iter().filter_map(|check| check.why.as_ref()).collect::<BTreeSet<_>>();
        for why in why {
            test.add_property(Property::new("not-judged", why));
        }
    }
    if let Some(quarantine) = &case.quarantine {
        let state = if quarantine.holds { "holds" } else { "expired" };
        test.add_property(Property::new("quarantine", state));
        test.add_property(Property::new("quarantine.reason", &quarantine.reason));
        test.add_property(Property::new("quarantine.owner", &quarantine.owner));
        test.add_property(Property::new("quarantine.until", quarantine.until.to_string()));
        test.add_property(Property::new("quarantine.verdict", case.verdict.name()));
    }
    if case.verdict == Verdict::Changed {
        test.add_property(Property::new("baseline", case.failure.as_deref().unwrap_or_default()));
    }
    if case.verdict.is_notable() {
        let of_case: Vec<_> = events.iter().filter(|event| event.case.as_ref() == Some(&case.id)).cloned().collect();
        // Nothing is replaced by placeholders here, because the cause may be something that differs between runs.
        test.set_system_out(render(&of_case, View::Whole));
    }
    test
}

fn rerun(attempt: &Attempt) -> TestRerun {
    let mut rerun = TestRerun::new(kind(attempt.verdict));
    rerun.set_time(Duration::from_micros(attempt.took_us)).set_message(attempt.failure.clone().unwrap_or_default());
    rerun
}

/// The expectations that do not hold, one in each line.
fn checks(case: &CaseResult) -> String {
    let failed = case.checks.iter().filter(|check| check.fails());
    let lines = failed.map(|check| format!("{}: expected {}, seen {}", check.title(), check.wanted, check.seen));
    lines.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Tally;
    use taprig_model::event::Body;
    use taprig_model::samples::run;

    #[test]
    fn a_run_as_xml() {
        let events = run();
        let xml = junit(&Tally::of(&events).result(), &events).unwrap();
        insta::assert_snapshot!(String::from_utf8(xml).unwrap(), @r#"
        <?xml version="1.0" encoding="UTF-8"?>
        <testsuites name="taprig" tests="6" skipped="1" failures="1" errors="2" time="0.000">
            <testsuite name="BUS" tests="1" skipped="0" errors="0" failures="0" time="0.012">
                <properties>
                    <property name="bench.qemu" value="validator qemu, emulator qemu"/>
                </properties>
                <testcase name="BUS-001" classname="BUS-001" assertions="1" time="0.012" file="cases/oda/ODA-004.yaml">
                    <properties>
                        <property name="title" value="A new card rides"/>
                    </properties>
                </testcase>
            </testsuite>
            <testsuite name="ISO" tests="1" skipped="0" errors="0" failures="0" time="0.012">
                <properties>
                    <property name="bench.qemu" value="validator qemu, emulator qemu"/>
                </properties>
                <testcase name="ISO-002" classname="ISO-002" assertions="0" time="0.012" file="cases/oda/ODA-004.yaml">
                    <properties>
                        <property name="title" value="A lost block is asked for again"/>
                    </properties>
                    <flakyError time="0.012" message="waiting for the emulator: port closed">
                    </flakyError>
                </testcase>
            </testsuite>
            <testsuite name="ODA" tests="1" skipped="0" errors="0" failures="1" time="0.012">
                <properties>
                    <property name="bench.qemu" value="validator qemu, emulator qemu"/>
                </properties>
                <testcase name="ODA-004/rsa1024" classname="ODA-004" assertions="2" time="0.012" file="cases/oda/ODA-004.yaml">
                    <properties>
                        <property name="title" value="The validator refuses a card whose dynamic signature is altered"/>
                    </properties>
                    <failure message="outcome: declined is expected, approved is seen" type="fail">outcome: expected declined, seen approved
        journal: expected unchanged, seen +1</failure>
                    <system-out>validator shangluo-flat-1-yuan</system-out>
                </testcase>
            </testsuite>
            <testsuite name="SM2" tests="1" skipped="1" errors="0" failures="0" time="0.012">
                <properties>
                    <property name="bench.qemu" value="validator qemu, emulator qemu"/>
                </properties>
                <testcase name="SM2-001" classname="SM2-001" assertions="0" time="0.012" file="cases/oda/ODA-004.yaml">
                    <properties>
                        <property name="title" value="A card with SM2 rides"/>
                    </properties>
                    <skipped message="not applicable: the device does not claim sm2"/>
                </testcase>
            </testsuite>
            <testsuite name="ZZZ" tests="1" skipped="0" errors="1" failures="0" time="0.000">
                <properties>
                    <property name="bench.qemu" value="validator qemu, emulator qemu"/>
                </properties>
                <testcase name="ZZZ-001" classname="ZZZ-001" assertions="0" time="0.000" file="cases/oda/ODA-004.yaml">
                    <properties>
                        <property name="title" value="A case that is cut off"/>
                    </properties>
                    <error message="the run ended before the case did" type="error"></error>
                    <system-out>validator shangluo-flat-1-yuan</system-out>
                </testcase>
            </testsuite>
            <testsuite name="rig" tests="1" skipped="0" errors="1" failures="0" time="0.000">
                <properties>
                    <property name="bench.qemu" value="validator qemu, emulator qemu"/>
                </properties>
                <testcase name="the run reaches its end" classname="rig" time="0.000">
                    <error message="it was interrupted: 4 of 5 cases have a verdict" type="rig"/>
                </testcase>
            </testsuite>
        </testsuites>
        "#);
    }

    #[test]
    fn the_fields_of_a_laboratory_are_properties_and_blank_ones_are_there() {
        let mut events = run();
        let Body::RunStarted(started) = &mut events[0].body else { panic!("no start") };
        started.lab = Some(Box::default());
        started.lab.as_mut().unwrap().place = Some("Hall <3>".into());
        let result = Tally::of(&events).result();
        let xml = String::from_utf8(junit(&result, &events).unwrap()).unwrap();
        assert!(xml.contains(r#"<property name="lab.place" value="Hall &lt;3&gt;"/>"#), "{xml}");
        assert!(xml.contains(r#"<property name="lab.item.condition" value="(blank)"/>"#), "{xml}");
        let json = serde_json::to_value(&result).unwrap();
        assert_eq!(json["run"]["lab"]["item"]["condition"], serde_json::Value::Null);
        assert!(json["run"]["lab"]["item"].as_object().unwrap().contains_key("condition"));
    }

    #[test]
    fn a_failure_in_quarantine_is_no_failure_and_has_properties() {
        let with = |until: &str| {
            let mut events = run();
            let Body::RunStarted(started) = &mut events[0].body else { panic!("no start") };
            started.started = "2026-11-30T01:30:00Z".into();
            started.quarantine = vec![taprig_model::quarantine::Entry {
                case: "ODA-004".parse().unwrap(),
                reason: "a race <in> the firmware".into(),
                owner: "Li".into(),
                until: until.parse().unwrap(),
            }];
            String::from_utf8(junit(&Tally::of(&events).result(), &events).unwrap()).unwrap()
        };
        let xml = with("2026-12-31");
        assert!(xml.contains(r#"failures="0" errors="2""#), "{xml}");
        assert!(
            xml.contains(r#"message="in quarantine: fail: outcome: declined is expected, approved is seen""#),
            "{xml}"
        );
        for property in [
            r#"name="quarantine" value="holds""#,
            r#"name="quarantine.reason" value="a race &lt;in&gt; the firmware""#,
            r#"name="quarantine.owner" value="Li""#,
            r#"name="quarantine.until" value="2026-12-31""#,
            r#"name="quarantine.verdict" value="fail""#,
        ] {
            assert!(xml.contains(property), "{property} is not in {xml}");
        }
        let xml = with("2026-11-29");
        assert!(xml.contains(r#"failures="1" errors="2""#) && xml.contains(r#"value="expired""#), "{xml}");
    }

    #[test]
    fn both_files_are_written() {
        let folder = tempfile::tempdir().unwrap();
        let events = run();
        let result = Tally::of(&events).result();
        crate::write(folder.path(), &result, &events).unwrap();
        let json = std::fs::read(folder.path().join("results.json")).unwrap();
        assert_eq!(serde_json::from_slice::<RunResult>(&json).unwrap(), result);
        assert!(folder.path().join("junit.xml").exists());
        let missing = crate::write(&folder.path().join("missing"), &result, &events).unwrap_err();
        assert!(missing.to_string().contains("results.json"));
    }
}
