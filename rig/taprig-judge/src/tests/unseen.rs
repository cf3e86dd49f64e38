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

/// A tap of which a person says this, on a device without any interface. Nobody is asked for the outcome itself.
fn watched(said: &[Signal]) -> Vec<Event> {
    let outcome = Signal::NotSeen { what: Sight::Outcome, why: "nobody is asked".into() };
    let said = said.iter().cloned().chain([outcome]).map(signal);
    [presented(1)].into_iter().chain(said).collect()
}

fn outcome_of(said: &[Signal], wanted: &str) -> (CheckResult, Option<String>) {
    let mut device = device();
    let yaml = serde_yaml::Deserializer::from_str("operator: {}");
    device.interface = serde_yaml::with::singleton_map_recursive::deserialize(yaml).unwrap();
    let events = watched(said);
    let check = check_on(&device, &format!("outcome: {wanted}"), &events);
    (check.result, check.why)
}

#[test]
fn the_outcome_follows_from_what_a_person_saw() {
    let show = |text: &str| Signal::Show { message: Word::Known(text.into()) };
    let sound = |sound| Signal::Sound { sound: Word::Known(sound) };
    let gate = |gate| Signal::Gate { gate: Word::Known(gate) };
    let unseen = |what| Signal::NotSeen { what, why: "too dark".into() };
    let holds = |said: &[Signal], wanted: &str| assert_eq!(outcome_of(said, wanted).0, CheckResult::Holds, "{said:?}");
    let fails = |said: &[Signal], wanted: &str| assert_eq!(outcome_of(said, wanted).0, CheckResult::Fails, "{said:?}");
    let rides = [show("approved"), sound(Sound::Accepted), gate(Gate::Open)];
    holds(&rides, "approved");
    fails(&rides, "declined");
    let again = [show("present card again"), sound(Sound::Attention), gate(Gate::Shut)];
    holds(&again, "try-again");
    fails(&again, "approved");
    // Nothing but a gate that stayed shut: nothing happened.
    holds(&[gate(Gate::Shut)], "none");
    fails(&[gate(Gate::Shut)], "approved");
    for said in [
        vec![unseen(Sight::Shows), sound(Sound::Accepted), gate(Gate::Open)],
        vec![show("approved"), unseen(Sight::Sound), unseen(Sight::Gate)],
        vec![unseen(Sight::Sound), gate(Gate::Shut)],
    ] {
        assert_eq!(outcome_of(&said, "approved"), (CheckResult::NotJudged, Some("too dark".into())), "{said:?}");
    }
    holds(&[show("approved"), sound(Sound::Accepted), unseen(Sight::Gate)], "approved");
}
