//! Tests each criterion, with a true and a false result, on handmade events.

mod acquirer;
mod always;
mod cut;
mod fields;
mod inferred;
mod reconciled;
mod record;
mod stopped;
mod unseen;

use taprig_model::capability::CardCapability;
use taprig_model::criteria::{Criteria, StepCriteria, StepWanted, WantedLines};
use taprig_model::device::{Claim, Device};
use taprig_model::event::{
    Bytes, CaseStarted, ConsoleReply, Exchange, Fields, JournalRow, ReadyAgain, Reason, RigFault, Signal, Source,
    Status, Traffic, Word,
};
use taprig_model::expect::{Cvm, Expect, Gate, Outcome, Sound};

use super::*;

fn device() -> Device {
    let file = include_str!("../../../../fixtures/devices/taprig-reference.yaml");
    let reader = serde_yaml::Deserializer::from_str(file);
    let mut device: Device = serde_yaml::with::singleton_map_recursive::deserialize(reader).unwrap();
    // Here it is the claim that a case needs and the device does not make.
    device.claims.insert("online".parse().unwrap(), Claim::Made(false));
    device
}

/// A device that reports only what a person sees.
fn silent() -> Device {
    let mut device = device();
    device.claims.clear();
    device
}

fn event(body: Body) -> Event {
    Event {
        at_us: 0,
        board_us: None,
        bench: None,
        case: Some("BUS-001".into()),
        source: Source::Rig,
        body,
        numbers: vec![],
    }
}

fn signal(signal: Signal) -> Event {
    event(Body::Signal { signal, said: Fields::default() })
}

fn message(text: &str) -> Event {
    signal(Signal::Show { message: Word::Known(text.into()) })
}

fn result(outcome: Option<Word<Outcome>>, reason: Option<Word<Reason>>, charged: Option<u64>) -> Event {
    signal(Signal::Result { outcome, reason, charged, held: None, cvm: Some(Word::Known(Cvm::None)) })
}

fn exchange(number: u32, command: &[u8], response: &[u8]) -> Event {
    let (command, response) = (Bytes(command.to_vec()), Some(Bytes(response.to_vec())));
    event(Body::Exchange(Exchange { number, command, response, ..Exchange::default() }))
}

fn presented(tap: u32) -> Event {
    event(Body::Presented { tap, card: "credit".into() })
}

fn removed(air_us: u64) -> Event {
    event(Body::Removed { traffic: Traffic::default(), air_us })
}

fn journal(added: usize) -> Event {
    event(Body::Journal { count: 9, total: 900, added: vec![JournalRow::default(); added], listed: None })
}

fn ready(tap: u32, seen: ReadyAgain) -> Event {
    event(Body::ReadyAgain { tap, seen, within_us: 1_000_000 })
}

/// A ride: selected, PDOL of TTQ and amount, one record, approved and charged.
fn ride(tap: u32) -> Vec<Event> {
    let mut ppse = vec![0x00, 0xA4, 0x04, 0x00, 0x0E];
    ppse.extend(b"2PAY.SYS.DDF01\0");
    vec![
        presented(tap),
        exchange(1, &ppse, &[0x90, 0x00]),
        exchange(
            2,
            &[0x00, 0xA4, 0x04, 0x00, 0x05, 0xA0, 0, 0, 3, 0x33, 0],
            // 6F [ A5 [ 9F38: 9F66 04, 9F02 06 ] ]
            &[0x6F, 0x0B, 0xA5, 0x09, 0x9F, 0x38, 0x06, 0x9F, 0x66, 0x04, 0x9F, 0x02, 0x06, 0x90, 0x00],
        ),
        exchange(
            3,
            &[0x80, 0xA8, 0, 0, 12, 0x83, 10, 0x21, 0x80, 0x00, 0x80, 0, 0, 0, 0, 1, 0, 0],
            &[0x77, 0x04, 0x82, 0x02, 0x7C, 0x00, 0x90, 0x00],
        ),
        exchange(4, &[0x00, 0xB2, 1, 0x0C, 0], &[0x70, 0x04, 0x5F, 0x34, 0x01, 0x01, 0x90, 0x00]),
        message("processing"),
        message("approved"),
        signal(Signal::Sound { sound: Word::Known(Sound::Accepted) }),
        signal(Signal::Gate { gate: Word::Known(Gate::Open) }),
        result(Some(Word::Known(Outcome::Approved)), Some(Word::Known("oda-approved".into())), Some(100)),
        removed(250_000),
        ready(tap, ReadyAgain::InTime),
        journal(1),
    ]
}

/// A tap during which the validator sends nothing.
fn nothing(tap: u32) -> Vec<Event> {
    vec![presented(tap), removed(0)]
}

fn expect(yaml: &str) -> Expect {
    serde_yaml::from_str(yaml).unwrap()
}

fn criteria(expect: Expect) -> Criteria {
    Criteria {
        id: "BUS-001".into(),
        title: "A rider pays".into(),
        file: "cases/bus/BUS-001.yaml".into(),
        requires: vec![],
        needs: taprig_model::criteria::Needs::default(),
        settings: Default::default(),
        steps: vec![],
        expect,
        lines: WantedLines { line: Some(9), each: [(Criterion::Gate, 12)].into() },
        baseline: false,
    }
}

/// The only check that `yaml` makes for the last tap of a whole case.
fn check_on(device: &Device, yaml: &str, events: &[Event]) -> Check {
    let checks = stated(judge(&criteria(expect(yaml)), device, events, Baseline::Off)).checks;
    let [check] = checks.as_slice() else { panic!("{yaml}: {checks:?}") };
    let line = if check.what == Criterion::Gate { 12 } else { 9 };
    assert_eq!(check.at, Some(format!("cases/bus/BUS-001.yaml:{line}")));
    check.clone()
}

fn check(yaml: &str, events: &[Event]) -> Check {
    check_on(&device(), yaml, events)
}

/// Why the only check that `yaml` makes was not judged.
#[track_caller]
fn not_judged(device: &Device, yaml: &str, events: &[Event]) -> String {
    let check = check_on(device, yaml, events);
    assert_eq!(check.result, CheckResult::NotJudged, "{yaml}: {check:?}");
    check.why.unwrap()
}

#[track_caller]
fn holds(yaml: &str, events: &[Event]) {
    let check = check(yaml, events);
    assert_eq!(check.result, CheckResult::Holds, "{yaml}: {check:?}");
}

#[track_caller]
fn fails(yaml: &str, events: &[Event], wanted: &str, seen: &str) {
    let check = check(yaml, events);
    assert_eq!(check.result, CheckResult::Fails, "{yaml}: {check:?}");
    assert_eq!((check.wanted.as_str(), check.seen.as_str()), (wanted, seen), "{yaml}");
}

#[test]
fn outcome() {
    holds("outcome: approved", &ride(1));
    fails("outcome: declined", &ride(1), "declined", "approved");
    holds("outcome: none", &nothing(1));
    fails("outcome: approved", &nothing(1), "approved", "none");
    fails("outcome: none", &ride(1), "none", "approved");
    fails("outcome: none", &[presented(1), result(None, None, None)], "none", "unnamed");
}

#[test]
fn reason() {
    holds("reason: oda-approved", &ride(1));
    fails("reason: denied", &ride(1), "denied", "oda-approved");
    fails("reason: denied", &nothing(1), "denied", "none");
    let code = Reason::OneOf { code: "E7".into(), reasons: vec!["gpo-status".into(), "gpo-malformed".into()] };
    let several = [presented(1), result(None, Some(Word::Known(code)), None)];
    holds("reason: gpo-malformed", &several);
    holds("reason: gpo-status", &several);
    fails("reason: denied", &several, "denied", "E7, which stands for gpo-status or gpo-malformed");
}

#[test]
fn shows() {
    holds("shows: approved", &ride(1));
    holds("shows: [processing, approved]", &ride(1));
    fails("shows: [approved, processing]", &ride(1), "approved, processing", "processing, approved");
    fails("shows: not authorised", &ride(1), "not authorised", "processing, approved");
    fails("shows: approved", &nothing(1), "approved", "nothing");
}

#[test]
fn sound() {
    holds("sound: accepted", &ride(1));
    fails("sound: refused", &ride(1), "refused", "accepted");
    holds("sound: none", &nothing(1));
    fails("sound: none", &ride(1), "none", "accepted");
}

#[test]
fn gate() {
    holds("gate: open", &ride(1));
    fails("gate: shut", &ride(1), "shut", "open");
    // If the device does not mention the gate, it has not moved: it is shut.
    holds("gate: shut", &nothing(1));
    fails("gate: open", &nothing(1), "open", "shut");
}

#[test]
fn charged() {
    holds("charged: 1.00 CNY", &ride(1));
    fails("charged: 1.01 CNY", &ride(1), "1.01 CNY", "1.00 CNY");
    holds("charged: 0.00 CNY", &nothing(1));
    fails("charged: 1.00 CNY", &nothing(1), "1.00 CNY", "0.00 CNY");
}

#[test]
fn journal_change() {
    holds("journal: '+1'", &ride(1));
    fails("journal: unchanged", &ride(1), "unchanged", "+1");
    fails("journal: '+2'", &ride(1), "+2", "+1");
    holds("journal: unchanged", &nothing(1));
    fails("journal: '+1'", &nothing(1), "+1", "unchanged");
}

#[test]
fn exchange_of_commands() {
    holds("exchange: [select ppse, select aid, gpo, read record]", &ride(1));
    holds("exchange: [select ppse, select aid, gpo, read record+]", &ride(1));
    holds("exchange: []", &nothing(1));
    let seen = "[select ppse, select aid, gpo, read record]";
    fails("exchange: [select ppse, select aid, gpo]", &ride(1), "[select ppse, select aid, gpo]", seen);
    fails("exchange: [select ppse]", &nothing(1), "[select ppse]", "[]");
}

#[test]
fn the_balance_is_what_the_card_holds_after_the_tap() {
    let paid: Vec<Event> = ride(1).into_iter().chain([event(Body::Balance { fen: 4900 })]).collect();
    holds("balance: 49.00 CNY", &paid);
    fails("balance: 50.00 CNY", &paid, "50.00 CNY", "49.00 CNY");
    fails("balance: 0.00 CNY", &ride(1), "0.00 CNY", "no electronic cash");
}

#[test]
fn tags_of_both_sides() {
    // This value comes from the reader. It is taken from the data of GPO according to the card's PDOL.
    holds("tags: { 9F66: 2180 00.. }", &ride(1));
    holds("tags: { 9F02: 0000 0000 0100 }", &ride(1).into_iter().map(with_amount_bcd).collect::<Vec<_>>());
    fails("tags: { 9F66: 2180 0081 }", &ride(1), "21800081", "21800080");
    // These values come from the card.
    holds("tags: { 5F34: '01' }", &ride(1));
    holds("tags: { 5F34: present }", &ride(1));
    holds("tags: { 5A: absent }", &ride(1));
    fails("tags: { 5A: present }", &ride(1), "present", "absent");
    fails("tags: { 5F34: absent }", &ride(1), "absent", "01");
    fails("tags: { 82: 7C00 }", &nothing(1), "7C00", "absent");
}

#[test]
fn values_that_must_be_fresh() {
    let twice: Vec<Event> = ride(1).into_iter().chain(ride(2)).collect();
    holds("tags: { 9F66: fresh }", &ride(1));
    fails("tags: { 9F66: fresh }", &twice, "fresh", "21800080");
    fails("tags: { 9F66: fresh }", &nothing(1), "fresh", "absent");
    // A tap that ended before that point sent no value that could repeat.
    holds("tags: { 9F66: fresh }", &nothing(1).into_iter().chain(ride(2)).collect::<Vec<_>>());
}

#[test]
fn cardholder_verification() {
    holds("cvm: none", &ride(1));
    fails("cvm: online-pin", &ride(1), "online-pin", "none");
    fails("cvm: none", &nothing(1), "none", "not told");
}

/// The ride's amount as it is written in decimal digits.
fn with_amount_bcd(mut event: Event) -> Event {
    if let Body::Exchange(exchange) = &mut event.body
        && exchange.number == 3
    {
        exchange.command.0[11..17].copy_from_slice(&[0, 0, 0, 0, 1, 0]);
    }
    event
}

#[test]
fn a_card_s_last_value_counts_and_damaged_ones_do_not() {
    let mut events = ride(1);
    events.insert(5, exchange(5, &[0x00, 0xB2, 2, 0x0C, 0], &[0x70, 0x04, 0x5F, 0x34, 0x01, 0x02, 0x90, 0x00]));
    holds("tags: { 5F34: '02' }", &events);
    // A silent card, an answer too short for a status, a template cut off, a GPO shorter than the PDOL wants.
    let mut events = ride(1);
    let Body::Exchange(silent) = &mut events[4].body else { panic!() };
    silent.response = None;
    holds("tags: { 5F34: absent }", &events);
    let damaged = [
        presented(1),
        exchange(1, &[], &[]),
        exchange(2, &[0x80, 0xA8], &[0x90]),
        exchange(3, &[0x80, 0xA8, 0, 0, 2, 0x83, 200, 1], &[0x70, 0x7F, 0x5F, 0x90, 0x00]),
    ];
    holds("tags: { 9F66: absent }", &damaged);
}

#[test]
fn within() {
    holds("within: 250 ms", &ride(1));
    holds("within: 251 ms", &ride(1));
    fails("within: 249 ms", &ride(1), "249 ms", "250 ms");
    fails("within: 249 ms", &[presented(1)], "249 ms", "no tap");
}

fn step(number: u32) -> Event {
    event(Body::StepStarted { number, step: "a step".into() })
}

/// A case with these steps that has no expectations of its own.
fn of_steps(steps: Vec<StepWanted>) -> Criteria {
    let steps = steps
        .into_iter()
        .map(|wanted| StepCriteria {
            wanted,
            lines: WantedLines::default(),
            acts: vec![],
            settings: Default::default(),
        })
        .collect();
    Criteria { steps, ..criteria(Expect::default()) }
}

fn judged(criteria: &Criteria, events: &[Event]) -> Judgement {
    stated(judge(criteria, &device(), events, Baseline::Off))
}

/// Without what holds in every case, which has tests of its own.
fn stated(mut judgement: Judgement) -> Judgement {
    judgement.checks.retain(|check| !matches!(check.what, Criterion::Always(_)));
    judgement
}

fn titles(judgement: &Judgement, result: CheckResult) -> Vec<String> {
    judgement.checks.iter().filter(|check| check.result == result).map(Check::title).collect()
}

#[test]
fn a_step_is_judged_by_its_own_events() {
    let criteria = of_steps(vec![
        StepWanted::Tap(expect("{ outcome: approved, charged: 1.00 CNY }")),
        StepWanted::Tap(expect("{ outcome: none, charged: 0.00 CNY, journal: unchanged }")),
    ]);
    let events: Vec<_> =
        [vec![step(1)], ride(1), vec![step(2)], nothing(2), vec![ready(2, ReadyAgain::InTime)]].concat();
    let judgement = judged(&criteria, &events);
    assert_eq!(judgement.verdict, Verdict::Pass, "{judgement:?}");
    let titles = titles(&judgement, CheckResult::Holds);
    assert_eq!(titles[..3], ["ready again (tap 1)", "outcome (tap 1)", "charged (tap 1)"]);
    assert_eq!(titles[3..], ["ready again (tap 2)", "outcome (tap 2)", "charged (tap 2)", "journal (tap 2)"]);
}

#[test]
fn each_of_several_taps_in_a_step_is_judged() {
    let criteria = of_steps(vec![StepWanted::Tap(expect("outcome: approved"))]);
    let events: Vec<_> = [vec![step(1)], ride(1), nothing(2), vec![ready(2, ReadyAgain::InTime)], ride(3)].concat();
    let judgement = judged(&criteria, &events);
    assert_eq!(titles(&judgement, CheckResult::Fails), ["outcome (tap 2)"]);
    assert_eq!(judgement.failure.as_deref(), Some("outcome (tap 2): expected approved, seen none"));
}

#[test]
fn a_case_is_judged_by_the_last_tap_s_signs_and_the_sum_of_its_money() {
    let case = |yaml: &str, events: &[Event]| judged(&criteria(expect(yaml)), events);
    let events: Vec<_> = ride(1).into_iter().chain(ride(2)).chain(nothing(3)).collect();
    let judgement = case("{ outcome: none, gate: shut, exchange: [], charged: 2.00 CNY, journal: '+2' }", &events);
    assert_eq!(titles(&judgement, CheckResult::Holds), ["outcome", "gate", "exchange", "charged", "journal"]);
    assert_eq!(case("charged: 1.00 CNY", &events).verdict, Verdict::Fail);
    assert_eq!(case("outcome: approved", &events).verdict, Verdict::Fail);
}

#[test]
fn a_case_without_a_tap_that_expects_one_fails() {
    let judgement = judged(&criteria(expect("outcome: approved")), &[]);
    assert_eq!(judgement.failure.as_deref(), Some("tap: expected a tap, seen none"));
    assert!(judged(&criteria(Expect::default()), &[]).checks.is_empty());
}

#[test]
fn a_validator_has_to_be_ready_again() {
    let criteria = of_steps(vec![StepWanted::Tap(expect("outcome: approved"))]);
    for (seen, words) in [(ReadyAgain::Not, "not ready"), (ReadyAgain::Restarted, "it started again by itself")] {
        let judgement = judged(&criteria, &[step(1), presented(1), ready(1, seen)]);
        let [check, outcome] = judgement.checks.as_slice() else { panic!("{judgement:?}") };
        assert_eq!((outcome.fails(), outcome.seen.as_str()), (true, "none"));
        assert_eq!((check.seen_by, check.title().as_str()), (SeenBy::Person, "ready again (tap 1)"));
        assert_eq!(
            (check.fails(), check.seen.as_str(), check.wanted.as_str()),
            (true, words, "within 1 s of the card's leaving")
        );
    }
}

#[test]
fn the_three_sources_are_told_apart() {
    let yaml = "{ outcome: approved, reason: oda-approved, shows: approved, sound: accepted, gate: open, cvm: none, \
        charged: 1.00 CNY, journal: '+1', exchange: [], tags: { 82: present }, within: 1 s }";
    let judgement = judged(&criteria(expect(yaml)), &ride(1));
    let by = |seen_by| {
        let checks = judgement.checks.iter().filter(move |check| check.seen_by == seen_by);
        checks.map(|check| check.what.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(by(SeenBy::Person), ["outcome", "shows", "sound", "gate", "charged"]);
    assert_eq!(by(SeenBy::Card), ["exchange", "tag 82", "within"]);
    assert_eq!(by(SeenBy::Device), ["reason", "cvm", "journal"]);
}

#[test]
fn what_only_the_device_can_tell_needs_its_claim() {
    for (yaml, claim) in [("reason: denied", "tells-reason"), ("cvm: none", "tells-cvm"), ("journal: '+1'", "journal")]
    {
        let why = not_judged(&silent(), yaml, &ride(1));
        assert_eq!(why, format!("the device does not claim {claim}"));
    }
    let attention = vec![presented(1), signal(Signal::Sound { sound: Word::Known(Sound::Attention) })];
    holds("sound: attention", &attention);
    assert_eq!(not_judged(&silent(), "sound: attention", &attention), "the device does not claim attention-sound");
    // The rest of the case still counts.
    let both = criteria(expect("{ outcome: approved, reason: denied }"));
    assert_eq!(judge(&both, &silent(), &ride(1), Baseline::Off).verdict, Verdict::Pass);
    assert_eq!(judge(&both, &device(), &ride(1), Baseline::Off).verdict, Verdict::Fail);
}

#[test]
fn a_case_of_which_nothing_can_be_judged_does_not_apply() {
    let case = criteria(expect("{ reason: denied, journal: unchanged }"));
    let judgement = judge(&case, &silent(), &ride(1), Baseline::Off);
    assert_eq!(judgement.verdict, Verdict::NotApplicable);
    let why = "nothing that the case expects can be judged: the device does not claim journal; \
        the device does not claim tells-reason";
    assert_eq!(judgement.failure.as_deref(), Some(why));
    // Every device has to be ready again, so this alone does not make a case apply or pass.
    let mut case = of_steps(vec![StepWanted::Tap(Expect::default())]);
    case.expect = expect("reason: denied");
    let events: Vec<_> = std::iter::once(step(1)).chain(ride(1)).collect();
    assert_eq!(judge(&case, &silent(), &events, Baseline::Off).verdict, Verdict::NotApplicable);
    let events = [step(1), presented(1), ready(1, ReadyAgain::Not)];
    assert_eq!(judge(&case, &silent(), &events, Baseline::Off).verdict, Verdict::Fail);
}

#[test]
fn words_that_the_device_file_does_not_map_are_not_judged() {
    let unknown = |outcome: Option<&str>, reason: &str| {
        let outcome = outcome.map_or(Word::Known(Outcome::Declined), |word| Word::Unknown(word.into()));
        vec![presented(1), result(Some(outcome), Some(Word::Unknown(reason.into())), None)]
    };
    let why = not_judged(&device(), "outcome: declined", &unknown(Some("E3"), "17"));
    assert_eq!(why, "the device file does not map the outcome `E3`");
    assert_eq!(
        not_judged(&device(), "reason: denied", &unknown(None, "17")),
        "the device file does not map the reason `17`"
    );
    let shown = |id: &str| vec![presented(1), signal(Signal::Show { message: Word::Unknown(id.into()) })];
    assert_eq!(not_judged(&device(), "shows: approved", &shown("77")), "the device file does not map the message `77`");
    let both = vec![presented(1), signal(Signal::Show { message: Word::Unknown("77".into()) }), message("approved")];
    holds("shows: approved", &both);
    let sound = vec![presented(1), signal(Signal::Sound { sound: Word::Unknown("beep".into()) })];
    assert_eq!(not_judged(&device(), "sound: accepted", &sound), "the device file does not map the sound `beep`");
    let gate = vec![presented(1), signal(Signal::Gate { gate: Word::Unknown("half".into()) })];
    assert_eq!(not_judged(&device(), "gate: open", &gate), "the device file does not map the gate `half`");
}

#[test]
fn status_and_journal_are_held_value_by_value() {
    let yaml = "{ state: ready, journal: 2, total: 2.00 CNY, clock: '2018-05-21T08:00:0*' }";
    let status = StepWanted::Status(serde_yaml::from_str(yaml).unwrap());
    let yaml = "{ records: [{ number: 1, account: '622990\\*0021', charged: 1.00 CNY, counter: 00AB }], count: 1, total: 1.00 CNY }";
    let journal = StepWanted::Journal(serde_yaml::from_str(yaml).unwrap());
    let criteria = of_steps(vec![status, journal]);
    let row = JournalRow {
        number: Some(1),
        account: Some("622990*0021".into()),
        charged: Some(100),
        counter: Some("00ab".into()),
        ..JournalRow::default()
    };
    let told = |state: &str, row: JournalRow| {
        let status = Status {
            state: Some(state.into()),
            journal: Some(2),
            total: Some(200),
            clock: Some("2018-05-21T08:00:07".into()),
            ..Status::default()
        };
        let listed = Some(vec![row]);
        let journal = Body::Journal { count: 1, total: 100, added: vec![], listed };
        vec![step(1), event(Body::Status { status, said: Fields::default() }), step(2), event(journal)]
    };
    let good = judged(&criteria, &told("ready", row.clone()));
    assert_eq!(good.verdict, Verdict::Pass, "{good:?}");
    assert_eq!(good.checks.len(), 11);
    let bad = judged(&criteria, &told("journal-full", JournalRow { charged: Some(99), ..row.clone() }));
    assert_eq!(titles(&bad, CheckResult::Fails), ["status state", "record 1 charged"]);
    // A device that tells the other values does not have to tell this one.
    let silent = judged(&criteria, &told("ready", JournalRow { account: None, ..row }));
    assert_eq!(
        (silent.verdict, titles(&silent, CheckResult::NotJudged)),
        (Verdict::Pass, vec!["record 1 account".into()])
    );
    // A journal that was never listed is not an empty journal.
    let none = judged(&criteria, &[step(1), step(2)]);
    assert_eq!(none.verdict, Verdict::Fail);
    assert!(none.checks.iter().all(Check::fails), "{none:?}");
}

#[test]
fn replies_of_the_reference_console_are_their_last_lines() {
    let console = |expect: &str| {
        let yaml = format!("{{ send: journal, expect: {expect} }}");
        of_steps(vec![StepWanted::Console(serde_yaml::from_str(&yaml).unwrap())])
    };
    let reply = |ok: bool| ConsoleReply {
        data: vec![Fields::parse("n=1 fare=100")],
        ok,
        code: (!ok).then(|| "malformed".into()),
        text: if ok { "count=1".into() } else { "no number".into() },
    };
    let events =
        |ok| vec![step(1), event(Body::ConsoleSent { line: "journal".into() }), event(Body::ConsoleReply(reply(ok)))];
    assert_eq!(judged(&console("['- n=1 *', ok count=1]"), &events(true)).verdict, Verdict::Pass);
    assert_eq!(judged(&console("ok count=*"), &events(true)).verdict, Verdict::Pass);
    assert_eq!(judged(&console("ok count=2"), &events(true)).verdict, Verdict::Fail);
    assert_eq!(judged(&console("error malformed *"), &events(false)).verdict, Verdict::Pass);
    let failed = judged(&console("ok*"), &events(false));
    assert_eq!(
        failed.failure.as_deref(),
        Some("reply to `journal`: expected ok*, seen - n=1 fare=100 / error malformed no number")
    );
}

#[test]
fn settings_identity_and_an_emptied_journal_are_answers_too() {
    let criteria = of_steps(vec![StepWanted::Settings, StepWanted::Identity, StepWanted::ClearJournal]);
    let told = |refused: Option<&str>, device: &str| {
        let refused = refused.map(str::to_owned);
        let identity = Fields::parse(&format!("device={device} firmware=taprig-validator"));
        vec![
            step(1),
            event(Body::SettingsTaken { what: "fare 3.00 CNY".into(), refused: refused.clone() }),
            step(2),
            event(Body::Identified { role: taprig_model::event::Role::Validator, identity }),
            step(3),
            event(Body::JournalCleared { refused }),
        ]
    };
    assert_eq!(judged(&criteria, &told(None, "taprig-reference")).verdict, Verdict::Pass);
    let bad = judged(&criteria, &told(Some("value"), "another"));
    assert_eq!(titles(&bad, CheckResult::Fails), ["setting fare 3.00 CNY", "identity device", "clear-journal"]);
}

#[test]
fn a_changed_transcript_is_a_result_of_its_own() {
    let mut case = criteria(expect("outcome: approved"));
    case.baseline = true;
    let of = |device: &Device, text: Option<&str>, yaml: &str| {
        case_with(&case, yaml, |case| judge(case, device, &ride(1), Baseline::Of(text)))
    };
    let text = transcript::transcript(&ride(1));
    assert_eq!(of(&device(), Some(&text), "outcome: approved").verdict, Verdict::Pass);
    let changed = of(&device(), Some("another"), "outcome: approved");
    assert_eq!(changed.verdict, Verdict::Changed);
    assert!(changed.failure.unwrap().starts_with("transcript: not as reviewed\n@@"));
    let none = of(&device(), None, "outcome: approved");
    assert_eq!((none.verdict, none.failure.as_deref()), (Verdict::Changed, Some("transcript: none was reviewed")));
    // Conformance comes first, and a baseline alone judges nothing.
    assert_eq!(of(&device(), Some("another"), "outcome: declined").verdict, Verdict::Fail);
    assert_eq!(of(&silent(), Some(&text), "reason: denied").verdict, Verdict::NotApplicable);
    assert_eq!(judge(&case, &device(), &ride(1), Baseline::Off).verdict, Verdict::Pass);
}

fn case_with<T>(case: &Criteria, yaml: &str, judge: impl FnOnce(&Criteria) -> T) -> T {
    judge(&Criteria { expect: expect(yaml), ..case.clone() })
}

#[test]
fn the_rig_s_own_fault_says_nothing_about_the_device_and_only_the_last_attempt_counts() {
    let fault = RigFault { doing: "waiting".into(), on: "the emulator".into(), cause: "gone".into(), advice: None };
    let case = criteria(expect("outcome: approved"));
    let started = || event(Body::CaseStarted(CaseStarted::default()));
    let broken = vec![started(), presented(1), event(Body::RigFault(fault))];
    assert_eq!(judged(&case, &broken).verdict, Verdict::Error);
    let again: Vec<_> = broken.into_iter().chain([started()]).chain(ride(1)).collect();
    assert_eq!(judged(&case, &again).verdict, Verdict::Pass);
    let skipped = Body::CaseFinished {
        verdict: Verdict::Skipped,
        took_us: 0,
        attempt: 1,
        failure: Some("the run was interrupted".into()),
    };
    let skipped = judged(&case, &[started(), event(skipped)]);
    assert_eq!((skipped.verdict, skipped.failure.as_deref()), (Verdict::Skipped, Some("the run was interrupted")));
}

#[test]
fn what_a_case_lacks_is_named() {
    let mut case = criteria(Expect::default());
    case.needs.claims = vec!["bus".parse().unwrap(), "online".parse().unwrap()];
    case.needs.card_side = vec![CardCapability::Faults, CardCapability::Frames];
    case.needs.acquirer = true;
    let mut bench = BenchCapabilities { card_side: vec![CardCapability::Frames], acquirer: false };
    let (claim, card) = ("the device does not claim online", "the card side of the bench can't do faults");
    assert_eq!(lacks(&case, &device(), &bench), [claim, card, "the bench has no acquirer"]);
    bench.acquirer = true;
    assert_eq!(lacks(&case, &device(), &bench), [claim, card]);
}

/// A tap with an act at the GPO, and another one that sends a line.
#[test]
fn a_tap_has_to_come_to_its_acts() {
    let act = |json| serde_json::from_str(json).unwrap();
    let mut criteria = of_steps(vec![StepWanted::Tap(Expect::default())]);
    criteria.steps[0].acts = vec![
        act(r#"{"at":"gpo","act":"away","for":"200 ms"}"#),
        act(r#"{"at":"read record","act":"console","send":"status","expect":"ok state=*"}"#),
    ];
    let acted = |at: &str, act: &str| event(Body::Acted { at: at.into(), act: act.into() });
    let reply =
        |text: &str| event(Body::ConsoleReply(ConsoleReply { data: vec![], ok: true, code: None, text: text.into() }));
    let with = |more: &[Event]| [&[step(1)], &ride(1)[..], more].concat();
    let (away, console) = (acted("gpo", "away for 200 ms"), acted("read record", "console status"));
    let all = judged(&criteria, &with(&[away.clone(), console.clone(), reply("state=busy")]));
    assert_eq!(all.verdict, Verdict::Pass, "{all:?}");
    let wrong = judged(&criteria, &with(&[away.clone(), console.clone(), reply("fare=1")]));
    assert_eq!(titles(&wrong, CheckResult::Fails), ["reply to `status` (tap 1)"]);
    let silent = judged(&criteria, &with(&[away, console.clone()]));
    assert_eq!(titles(&silent, CheckResult::Fails), ["reply to `status` (tap 1)"]);
    let other = judged(&criteria, &with(&[acted("gpo", "away for 100 ms"), console, reply("state=busy")]));
    assert_eq!(titles(&other, CheckResult::Fails), ["act at gpo (tap 1)"]);
    let none = judged(&criteria, &with(&[]));
    assert_eq!(titles(&none, CheckResult::Fails), ["act at gpo (tap 1)", "act at read record (tap 1)"]);
}
