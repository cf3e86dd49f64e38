//! What only a person could have seen, and nobody did, is not judged.

use taprig_model::device::Sight;

use super::*;

/// A ride of which nobody saw this.
fn without(sight: Sight) -> Vec<Event> {
    let mut events = ride(1);
    events.push(signal(Signal::NotSeen { what: sight, why: "nobody looked".into() }));
    events
}

#[test]
fn an_expectation_about_it_is_neither_true_nor_false() {
    for (sight, yaml) in [
        (Sight::Outcome, "outcome: approved"),
        (Sight::Shows, "shows: approved"),
        (Sight::Sound, "sound: accepted"),
        (Sight::Gate, "gate: open"),
        (Sight::Charged, "charged: 1.00 CNY"),
    ] {
        holds(yaml, &ride(1));
        assert_eq!(not_judged(&device(), yaml, &without(sight)), "nobody looked");
        // What was seen counts as before.
        holds(yaml, &without(Sight::Ready));
    }
}

#[test]
fn a_sum_is_not_known_if_one_part_of_it_was_not_seen() {
    let events = [without(Sight::Charged), ride(2)].concat();
    assert_eq!(not_judged(&device(), "charged: 2.00 CNY", &events), "nobody looked");
}

#[test]
fn whether_it_was_ready_again_is_not_judged_and_the_tap_counts() {
    let mut events = [vec![step(1)], without(Sight::Ready)].concat();
    for event in &mut events {
        if let Body::ReadyAgain { seen, .. } = &mut event.body {
            *seen = ReadyAgain::NotSeen;
        }
    }
    let judgement = judged(&of_steps(vec![StepWanted::Tap(expect("gate: open"))]), &events);
    assert_eq!(titles(&judgement, CheckResult::NotJudged), ["ready again (tap 1)"]);
    assert_eq!(titles(&judgement, CheckResult::Holds), ["gate (tap 1)"]);
}
