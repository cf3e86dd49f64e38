//! Whole records, judged again.

use super::*;

/// A record of two sub-cases: `BUS-001` was played and passed, and `SMX-001` does not apply.
fn record() -> (Vec<Criteria>, Vec<Event>) {
    let finished = |verdict| Body::CaseFinished { verdict, took_us: 7, attempt: 1, failure: None };
    let of = |id: &str, event: Event| Event { case: Some(id.into()), ..event };
    let mut bus = of_steps(vec![StepWanted::Tap(Expect::default())]);
    bus.expect = expect("{ outcome: approved, charged: 1.00 CNY }");
    let sm = Criteria {
        id: "SMX-001".into(),
        needs: taprig_model::criteria::Needs { claims: vec!["online".parse().unwrap()], ..Default::default() },
        ..bus.clone()
    };
    let started = || event(Body::CaseStarted(CaseStarted::default()));
    let stale = Body::Checked(Check {
        seen_by: SeenBy::Person,
        what: Criterion::Gate,
        tap: None,
        wanted: "shut".into(),
        seen: "open".into(),
        result: CheckResult::Fails,
        why: None,
        at: None,
    });
    let played = [vec![started(), step(1)], ride(1), vec![event(stale), event(finished(Verdict::Pass))]].concat();
    let other = [started(), event(finished(Verdict::NotApplicable))];
    let events = played.into_iter().chain(other.into_iter().map(|event| of("SMX-001", event))).collect();
    (vec![bus, sm], events)
}

fn again(criteria: &[Criteria], device: &Device, events: &[Event]) -> again::Again {
    again::record(
        events,
        again::By { criteria, device, bench: &BenchCapabilities::default(), baseline: &|_| Baseline::Off },
    )
}

#[test]
fn a_record_gives_its_verdicts_again() {
    let (criteria, events) = record();
    let judged = again(&criteria, &device(), &events);
    assert_eq!(judged.differences, []);
    let checks: Vec<_> = judged
        .events
        .iter()
        .filter_map(|event| match &event.body {
            Body::Checked(check) => Some(check.title()),
            _ => None,
        })
        .collect();
    assert_eq!(
        checks,
        ["ready again (tap 1)", "outcome", "charged", "always a refusal stays one", "always no fault of its own"],
        "those of the record are not looked at"
    );
}

#[test]
fn an_altered_event_changes_the_verdict_of_its_case_alone() {
    let (criteria, mut events) = record();
    for event in &mut events {
        if let Body::Signal { signal: Signal::Result { charged, .. }, .. } = &mut event.body {
            *charged = Some(99);
        }
    }
    let differences = again(&criteria, &device(), &events).differences;
    let [difference] = differences.as_slice() else { panic!("{differences:?}") };
    assert_eq!(
        (difference.id.as_str(), difference.was, difference.now),
        ("BUS-001", Some(Verdict::Pass), Some(Verdict::Fail))
    );
    assert_eq!(difference.why.as_deref(), Some("charged: expected 1.00 CNY, seen 0.99 CNY"));
}

#[test]
fn other_criteria_give_exactly_their_differences() {
    let (mut criteria, events) = record();
    criteria[0].expect.gate = Some(Gate::Shut);
    let mut claims = device();
    claims.claims.insert("online".parse().unwrap(), Claim::Made(true));
    let differences = again(&criteria, &claims, &events).differences;
    let told: Vec<_> =
        differences.iter().map(|d| (d.id.as_str(), d.now, d.why.as_deref().unwrap_or_default())).collect();
    assert_eq!(
        told,
        [
            ("BUS-001", Some(Verdict::Fail), "gate: expected shut, seen open"),
            ("SMX-001", Some(Verdict::Skipped), "it was not played: the record has no events of it"),
        ]
    );
    // One case no longer exists, and the record never contained another one.
    let other = Criteria { id: "BUS-099".into(), ..criteria.remove(0) };
    let differences = again(&[other, criteria.remove(0)], &device(), &events).differences;
    let told: Vec<_> = differences.iter().map(|d| (d.id.as_str(), d.was, d.now)).collect();
    assert_eq!(told, [("BUS-099", None, Some(Verdict::Skipped)), ("BUS-001", Some(Verdict::Pass), None)]);
}
