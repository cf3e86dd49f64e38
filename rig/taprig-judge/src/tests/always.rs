//! What must hold in every case.

use taprig_model::event::AlwaysRule;

use super::*;

/// The results of the rules that could be applied.
fn rules(events: &[Event]) -> Vec<(AlwaysRule, CheckResult, String)> {
    let checks = judge(&criteria(expect("gate: open")), &device(), events, Baseline::Off).checks;
    let always = checks.into_iter().filter_map(|check| match check.what {
        Criterion::Always(rule) => Some((rule, check.result, check.seen)),
        _ => None,
    });
    always.collect()
}

#[track_caller]
fn breaks(rule: AlwaysRule, events: &[Event], seen: &str) {
    let broken: Vec<_> = rules(events).into_iter().filter(|(_, result, _)| *result == CheckResult::Fails).collect();
    assert_eq!(broken, [(rule, CheckResult::Fails, seen.to_owned())]);
}

/// From the validator, as its events are.
fn from_validator(body: Body) -> Event {
    Event { source: Source::Validator, ..event(body) }
}

#[test]
fn a_ride_breaks_no_rule() {
    let mut events = ride(1);
    events.push(from_validator(Body::ConsoleNoise { text: "card 622990******0021".into() }));
    assert_eq!(rules(&events).len(), 3);
    assert!(rules(&events).iter().all(|(_, result, _)| *result == CheckResult::Holds));
    assert_eq!(rules(&nothing(1)), [], "nothing to judge them by");
}

#[test]
fn a_number_that_the_recorder_had_to_hide_was_written_in_full() {
    let mut noise = from_validator(Body::ConsoleNoise { text: "card 622990xxxxxx0021".into() });
    noise.numbers = vec!["token".into()];
    let events = [ride(1), vec![noise.clone()]].concat();
    breaks(AlwaysRule::Masked, &events, "line `card 622990xxxxxx0021` has a number in full");
    // What the rig writes is its own matter.
    noise.source = Source::Rig;
    assert!(rules(&[ride(1), vec![noise]].concat()).iter().all(|(_, result, _)| *result == CheckResult::Holds));
}

#[test]
fn a_refusal_opens_no_gate_and_charges_nothing() {
    let refused = |more: Vec<Event>, charged| {
        let end = result(Some(Word::Known(Outcome::Declined)), None, charged);
        [vec![presented(1)], more, vec![end, removed(1), ready(1, ReadyAgain::InTime)]].concat()
    };
    let gate = || vec![signal(Signal::Gate { gate: Word::Known(Gate::Open) })];
    breaks(AlwaysRule::Refusals, &refused(gate(), None), "tap 1: declined, and the gate opened");
    breaks(AlwaysRule::Refusals, &refused(vec![], Some(100)), "tap 1: declined, and 1.00 CNY charged");
    assert!(rules(&refused(vec![], Some(0))).iter().all(|(_, result, _)| *result == CheckResult::Holds));
}

#[test]
fn a_fault_has_to_be_expected() {
    let fault = || signal(Signal::Fault { what: "clock-unset".into() });
    let events = [ride(1), vec![fault(), fault()]].concat();
    breaks(AlwaysRule::Faults, &events, "clock-unset; clock-unset");
    holds("faults: [clock-unset]", &events);
    fails("faults: []", &events, "none", "clock-unset");
    fails("faults: [clock-unset, air-dead]", &events, "clock-unset, air-dead", "clock-unset");
    assert_eq!(not_judged(&silent(), "faults: [clock-unset]", &events), "the device does not claim native-console");
}

#[test]
fn a_card_that_this_host_takes_away_late_is_no_fault_of_the_device() {
    let left = |at_us| Event { at_us, ..signal(Signal::Fault { what: "card-left".into() }) };
    let events = ride(1);
    let away = events.iter().position(|event| matches!(event.body, Body::Removed { .. })).unwrap();
    let of = |fault: Event, removed_first: bool| {
        let mut events = events.clone();
        events.insert(away + usize::from(removed_first), fault);
        events
    };
    assert!(rules(&of(left(700_000), false)).iter().all(|(_, result, _)| *result == CheckResult::Holds));
    breaks(AlwaysRule::Faults, &of(left(700_000), true), "card-left");
    breaks(AlwaysRule::Faults, &of(left(499_999), false), "card-left");
    // A case that holds the card to the reader expects the fault.
    holds("faults: [card-left]", &of(left(700_000), false));
}
