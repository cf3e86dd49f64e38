//! Outcomes of devices that report no result, and settings that a device can't be told.

use super::*;

/// The worked example of a console by rules, without its rule for results.
fn without_result() -> Device {
    let file = include_str!("../../../../fixtures/devices/lumiqin-lq9.yaml");
    let file: String = file
        .replace("- is: result", "- is: fault")
        .lines()
        .filter(|line| !line.contains("values: { outcome"))
        .map(|line| format!("{line}\n"))
        .collect();
    let device: Device =
        serde_yaml::with::singleton_map_recursive::deserialize(serde_yaml::Deserializer::from_str(&file)).unwrap();
    assert!(!device.tells_result());
    device
}

/// A tap with these signs.
fn tap(shows: &[&str], sound: Option<Sound>, gate: Option<Gate>) -> Vec<Event> {
    let mut events = vec![presented(1)];
    events.extend(shows.iter().map(|text| message(text)));
    events.extend(sound.map(|sound| signal(Signal::Sound { sound: Word::Known(sound) })));
    events.extend(gate.map(|gate| signal(Signal::Gate { gate: Word::Known(gate) })));
    events.extend([removed(1), message("present card"), ready(1, ReadyAgain::InTime)]);
    events
}

fn outcome(wanted: &str, events: &[Event]) -> (CheckResult, String) {
    let check = check_on(&without_result(), &format!("{{ outcome: {wanted} }}"), events);
    (check.result, check.seen)
}

#[test]
fn the_outcome_follows_from_the_signs() {
    let holds = |seen: &str| (CheckResult::Holds, seen.to_owned());
    let fails = |seen: &str| (CheckResult::Fails, seen.to_owned());
    let ride = tap(&["processing", "approved"], Some(Sound::Accepted), Some(Gate::Open));
    assert_eq!(outcome("approved", &ride), holds("approved"));
    assert_eq!(outcome("declined", &ride), fails("approved"));
    // Without a word of its gate, the sound tells.
    assert_eq!(outcome("approved", &tap(&[], Some(Sound::Accepted), None)), holds("approved"));
    let shut = tap(&["approved"], Some(Sound::Accepted), Some(Gate::Shut));
    assert_eq!(outcome("approved", &shut).0, CheckResult::Fails, "the gate counts");
    let again = tap(&["present card again"], Some(Sound::Attention), Some(Gate::Shut));
    assert_eq!(outcome("try-again", &again), holds("try-again"));
    assert_eq!(outcome("none", &tap(&[], None, None)), holds("none"));
    assert_eq!(outcome("approved", &tap(&[], None, None)), fails("none"));
}

#[test]
fn signs_that_fit_several_outcomes_are_not_judged() {
    let refused = tap(&["not authorised"], Some(Sound::Refused), Some(Gate::Shut));
    assert_eq!(outcome("declined", &refused), (CheckResult::NotJudged, "declined or online-request".into()));
    assert_eq!(outcome("approved", &refused).0, CheckResult::Fails);
    assert_eq!(outcome("end-application", &refused).0, CheckResult::Fails);
    let other = tap(&["insert, swipe or try another card"], Some(Sound::Refused), Some(Gate::Shut));
    assert_eq!(outcome("end-application", &other).0, CheckResult::NotJudged);
    assert_eq!(outcome("declined", &other).0, CheckResult::Fails);
    let unknown = vec![presented(1), signal(Signal::Show { message: Word::Unknown("77".into()) })];
    assert_eq!(
        not_judged(&without_result(), "{ outcome: approved }", &unknown),
        "the device file does not map the message `77`"
    );
}

#[test]
fn the_amount_is_the_one_on_the_display_or_in_the_journal() {
    let charged = |wanted: &str, events: &[Event]| {
        let check = check_on(&without_result(), &format!("{{ charged: {wanted} }}"), events);
        (check.result, check.seen)
    };
    let ride = tap(&[], Some(Sound::Accepted), Some(Gate::Open));
    assert_eq!(charged("1.00 CNY", &ride).0, CheckResult::NotJudged);
    let said = Fields::from_iter([("amount", "100")]);
    let mut shown = ride.clone();
    let show = Signal::Show { message: Word::Known("approved".into()) };
    shown.insert(1, event(Body::Signal { signal: show, said }));
    assert_eq!(charged("1.00 CNY", &shown), (CheckResult::Holds, "1.00 CNY".into()));
    assert_eq!(charged("2.00 CNY", &shown).0, CheckResult::Fails);
    let mut recorded = ride;
    let row = JournalRow { charged: Some(200), ..JournalRow::default() };
    recorded.push(event(Body::Journal { count: 1, total: 200, added: vec![row], listed: None }));
    assert_eq!(charged("2.00 CNY", &recorded).0, CheckResult::Holds);
    assert_eq!(charged("0.00 CNY", &tap(&["not authorised"], Some(Sound::Refused), None)).0, CheckResult::Holds);
}

#[test]
fn a_case_that_needs_another_value_of_a_fixed_setting_does_not_apply() {
    let mut device = device();
    device.fixed = serde_yaml::from_str("{ fare: 2.00 CNY, deny-list: [] }").unwrap();
    let mut case = criteria(Expect::default());
    assert_eq!(lacks(&case, &device, &BenchCapabilities::default()), Vec::<String>::new(), "it does not mention them");
    case.needs.settings.insert("fare".into(), ["2.00 CNY".to_owned()].into());
    case.needs.settings.insert("deny-list".into(), ["[]".to_owned()].into());
    assert_eq!(lacks(&case, &device, &BenchCapabilities::default()), Vec::<String>::new());
    device.fixed.discount = Some(taprig_model::units::Percent(0));
    case.needs.settings.insert("discount".into(), ["0 %".to_owned()].into());
    assert_eq!(lacks(&case, &device, &BenchCapabilities::default()), Vec::<String>::new());
    case.needs.settings.insert("discount".into(), ["20 %".to_owned()].into());
    let why = ["the device is fixed to `discount: 0 %`, and the case needs `discount: 20 %`"];
    assert_eq!(lacks(&case, &device, &BenchCapabilities::default()), why);
    device.fixed.discount = None;
    case.needs.settings.insert("fare".into(), ["1.00 CNY".to_owned(), "2.00 CNY".to_owned()].into());
    case.needs.settings.insert("deny-list".into(), ["2 entries".to_owned()].into());
    assert_eq!(
        lacks(&case, &device, &BenchCapabilities::default()),
        [
            "the device is fixed to `deny-list: []`, and the case needs `deny-list: 2 entries`",
            "the device is fixed to `fare: 2.00 CNY`, and the case needs `fare: 1.00 CNY`"
        ]
    );
}
