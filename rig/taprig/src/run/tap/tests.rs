//! Tests of taps on sides that play a script. They show that a tap rests on the two traits alone.

use std::collections::{BTreeSet, VecDeque};
use std::path::Path;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use taprig_bench::board::Start;
use taprig_bench::card_side::{Answer, CardCapabilities, CardIdentity, CardSide};
use taprig_bench::validator_side::{
    Applied, Conversation, Established, Identity, LastSituation, ValidatorCapability, ValidatorSide,
};
use taprig_case::{Problems, Project, Workshop};
use taprig_model::card::Activation;
use taprig_model::event::{ConsoleReply, Event, Exchange, Freshness, Release, Word};
use taprig_model::expect::{Gate, Outcome};
use taprig_model::settings::Settings;
use taprig_model::situation::{AuthorityKey, Situation};
use taprig_model::step::Fault;
use taprig_record::{Options, Recorder};
use tokio::time::Instant as Moment;

use super::*;

/// SELECT PPSE.
const PPSE: &[u8] = b"\x00\xA4\x04\x00\x0E2PAY.SYS.DDF01\x00";

/// A script of a reader and its card side: what the reader sends, and when the side reports what.
#[derive(Debug, Default)]
struct Script {
    /// What the card side reports once the card is there.
    at_card: Vec<What>,
    /// What the validator reports after its last answer, or at once if it sends no command.
    after_answers: Vec<Signal>,
    /// What the validator reports after the card has left.
    after_card: Vec<Signal>,
    /// What the card side reports when the card has come back.
    at_return: Vec<What>,
    /// Who is beside the card, as often as the card side is configured.
    beside: Vec<Option<Beside>>,
    /// Lines on the console whose replies have not been read.
    lines: Vec<String>,
    /// What the card side reports late: when it is asked to catch up.
    late: Vec<What>,
    notes: VecDeque<What>,
    signals: VecDeque<Signal>,
    answers: Vec<Answer>,
    frames: Option<bool>,
    /// Whether the validator does not answer questions.
    dead: bool,
}

impl Script {
    fn answered(&mut self) {
        self.signals.extend(self.after_answers.drain(..));
    }
}

/// Both sides play the same script.
#[derive(Debug, Clone)]
struct Side(Arc<Mutex<Script>>, BTreeSet<ValidatorCapability>, CardCapabilities);

async fn next<T>(queue: impl FnOnce() -> Option<T>, deadline: Moment) -> Option<T> {
    match queue() {
        Some(next) => Some(next),
        // Nothing comes while nobody does anything.
        None => {
            tokio::time::sleep_until(deadline).await;
            None
        }
    }
}

#[async_trait(?Send)]
impl ValidatorSide for Side {
    fn capabilities(&self) -> &BTreeSet<ValidatorCapability> {
        &self.1
    }

    async fn starts(&mut self, _: Start, _: Duration) -> Result<(), LinkError> {
        Ok(())
    }

    async fn identity(&mut self) -> Result<Identity, LinkError> {
        match self.0.lock().unwrap().dead {
            false => Ok(Identity::default()),
            true => Err(LinkError::Deadline {
                what: "who".into(),
                from: "a dead validator",
                within: Duration::ZERO,
                silent: false,
            }),
        }
    }

    async fn establish(&mut self, _: &Situation, _: &mut LastSituation, _: [u8; 8]) -> Result<Established, BenchError> {
        Ok(Established { by: Freshness::PowerOn, settings: None })
    }

    async fn apply(&mut self, _: &Settings, _: &[AuthorityKey]) -> Result<Vec<Applied>, LinkError> {
        Ok(vec![])
    }

    async fn say(&mut self, line: &str) -> Result<(), LinkError> {
        self.0.lock().unwrap().lines.push(line.to_owned());
        Ok(())
    }

    async fn answer_to(&mut self, line: &str) -> Result<Conversation, LinkError> {
        let script = &mut *self.0.lock().unwrap();
        assert_eq!(script.lines.remove(0), line);
        assert!(!script.answers.is_empty(), "the card has answered before the reply is asked for");
        let reply = ConsoleReply { data: vec![], ok: true, code: None, text: line.to_owned() };
        Ok(Conversation { reply, empties_journal: line == "journal clear" })
    }

    async fn signal(&mut self, deadline: Moment) -> Result<Option<(Signal, Fields)>, LinkError> {
        let signal = next(|| self.0.lock().unwrap().signals.pop_front(), deadline).await;
        Ok(signal.map(|signal| (signal, Fields::default())))
    }

    async fn idle(&mut self, deadline: Moment) -> Result<(), LinkError> {
        tokio::time::sleep_until(deadline).await;
        Ok(())
    }
}

#[async_trait(?Send)]
impl CardSide for Side {
    fn capabilities(&self) -> &CardCapabilities {
        &self.2
    }

    async fn starts(&mut self, _: Start, _: Duration) -> Result<(), LinkError> {
        Ok(())
    }

    async fn identify(&mut self) -> Result<CardIdentity, LinkError> {
        Ok(CardIdentity::default())
    }

    async fn configure(&mut self, _: &Activation, beside: Option<Beside>, frames: bool) -> Result<(), LinkError> {
        let script = &mut *self.0.lock().unwrap();
        script.frames = Some(frames);
        script.beside.push(beside);
        Ok(())
    }

    async fn present(&mut self) -> Result<(), LinkError> {
        let script = &mut *self.0.lock().unwrap();
        let next = std::mem::take(&mut script.at_return);
        script.notes.extend(std::mem::replace(&mut script.at_card, next));
        if !script.notes.iter().any(|what| matches!(what, What::Command { .. })) {
            script.answered();
        }
        Ok(())
    }

    async fn answer(&mut self, _: u16, answer: Answer) -> Result<(), LinkError> {
        let script = &mut *self.0.lock().unwrap();
        script.answers.push(answer);
        script.answered();
        Ok(())
    }

    async fn remove(&mut self) -> Result<(), LinkError> {
        let script = &mut *self.0.lock().unwrap();
        script.notes.push_back(What::Removed(Traffic::default()));
        // The card does not come back.
        if script.at_card.is_empty() {
            script.signals.extend(script.after_card.drain(..));
        }
        Ok(())
    }

    async fn catch_up(&mut self) -> Result<(), LinkError> {
        let script = &mut *self.0.lock().unwrap();
        script.notes.extend(script.late.drain(..));
        script.notes.push_back(What::CaughtUp);
        Ok(())
    }

    async fn note(&mut self, deadline: Moment) -> Result<Option<CardNote>, LinkError> {
        let what = next(|| self.0.lock().unwrap().notes.pop_front(), deadline).await;
        Ok(what.map(|what| CardNote { board_us: Some(7), air_us: 900, seen: Instant::now(), what }))
    }

    async fn idle(&mut self, deadline: Moment) -> Result<(), LinkError> {
        tokio::time::sleep_until(deadline).await;
        Ok(())
    }
}

fn approved() -> Signal {
    let outcome = Some(Word::Known(Outcome::Approved));
    Signal::Result { outcome, reason: None, charged: Some(100), held: None, cvm: None }
}

/// A reader that selects the directory and releases the card.
fn ride() -> Script {
    Script {
        at_card: vec![
            What::Field { on: true },
            What::Activated { fsd: Some(256) },
            What::Command { number: 3, command: PPSE.to_vec() },
            What::Released(Release::Halted),
        ],
        after_answers: vec![approved()],
        after_card: vec![Signal::Ready {}],
        ..Script::default()
    }
}

/// Plays a tap with the script. Returns how the tap ended, the events, and the final state of the script.
fn play(script: Script, injections: &[Injection], frames: bool) -> (Result<ReadyAgain, BenchError>, Vec<Body>, Script) {
    play_for(None, script, injections, frames)
}

/// The same with a card that is held for this time.
fn play_for(
    hold: Option<Duration>,
    script: Script,
    injections: &[Injection],
    frames: bool,
) -> (Result<ReadyAgain, BenchError>, Vec<Body>, Script) {
    let (end, told, script) = play_to_end(hold, script, injections, &[], frames);
    (end.map(|end| end.ready.expect("nobody cuts the power")), told, script)
}

/// The same with acts in the middle of the tap.
fn play_to_end(
    hold: Option<Duration>,
    script: Script,
    injections: &[Injection],
    during: &[During],
    frames: bool,
) -> (Result<TapEnd, BenchError>, Vec<Body>, Script) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut problems = Problems::default();
    let mut workshop = Workshop::new(&Project::at(&root));
    let mut card = workshop.card("unionpay-debit-new", &[], &mut problems).unwrap().unwrap();
    let side = Side(Arc::new(Mutex::new(script)), BTreeSet::new(), CardCapabilities::default());
    let mut links = Links { validator: Box::new(side.clone()), card: Box::new(side.clone()) };
    let recorder = Recorder::start(None, Options::default(), vec![]).unwrap();
    let scope = recorder.scope().case("BUS-001");
    let tap = TapPlayer {
        number: 1,
        name: "a card",
        card: &mut card,
        beside: None,
        hold,
        modelled: false,
        injections,
        during,
        frames,
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let seen = runtime.block_on(tap.play_to_end(&mut links, &scope));
    let told = scope.events().into_iter().map(|event: Event| event.body).collect();
    drop(links);
    let script = Arc::into_inner(side.0).unwrap().into_inner().unwrap();
    (seen, told, script)
}

#[test]
fn a_ride_is_told_from_the_card_to_ready() {
    let (seen, told, script) = play(ride(), &[], true);
    assert_eq!(seen.unwrap(), ReadyAgain::InTime);
    assert_eq!(script.frames, Some(true));
    assert_eq!(script.answers.len(), 1);
    assert_eq!(script.answers[0].fault, None);
    assert!(script.answers[0].response.ends_with(&[0x90, 0x00]), "{:02X?}", script.answers);
    assert!(matches!(&told[0], Body::Presented { tap: 1, card } if card == "a card"), "{told:?}");
    assert!(matches!(told[1..3], [Body::Field { on: true, .. }, Body::Activated { fsd: Some(256) }]), "{told:?}");
    let Body::Exchange(exchange) = &told[3] else { panic!("{told:?}") };
    assert_eq!((exchange.number, exchange.air_us, exchange.fault.as_deref()), (1, 900, None));
    assert_eq!(told[4], Body::Released { how: Release::Halted });
    assert_eq!(told[5], Body::Signal { signal: approved(), said: Fields::default() });
    assert_eq!(told[6], Body::Removed { traffic: Traffic::default(), air_us: 900 });
    assert_eq!(told[7], Body::Signal { signal: Signal::Ready {}, said: Fields::default() });
    assert_eq!(told[8..], [Body::ReadyAgain { tap: 1, seen: ReadyAgain::InTime, within_us: 1_000_000 }]);
}

/// The reader's last frames and the validator's word that it is ready take different ways. On a busy machine the word was
/// there first, and the frames counted for the next tap.
#[test]
fn frames_belong_to_their_tap_although_the_validator_is_ready_first() {
    let frame = What::Frame { from_card: false, short: false, late: false, bytes: vec![0xB3] };
    let late = || Script { late: vec![frame.clone()], ..ride() };
    let (seen, told, script) = play(late(), &[], true);
    assert_eq!(seen.unwrap(), ReadyAgain::InTime);
    assert!(told.iter().any(|body| matches!(body, Body::Frame { .. })) && script.notes.is_empty(), "{told:?}");
    // Without frames nobody waits for them.
    let (_, told, script) = play(late(), &[], false);
    assert!(told.iter().all(|body| !matches!(body, Body::Frame { .. })) && script.late.len() == 1, "{told:?}");
}

#[test]
fn a_fault_goes_with_the_answer_that_it_hits() {
    let faults: Vec<Injection> = [r#"{"at":"select ppse","fault":"drop","times":2}"#, r#"{"at":"gpo","fault":"cut"}"#]
        .map(|json| serde_json::from_str(json).unwrap())
        .into();
    let (_, told, script) = play(ride(), &faults, false);
    assert_eq!(script.frames, Some(false));
    assert_eq!(script.answers[0].fault, Some(Fault::Drop { times: 2 }));
    let injected: Vec<_> = told.iter().filter(|body| matches!(body, Body::Injected { .. })).collect();
    let values = Fields::from_iter([("times", "2")]);
    assert_eq!(injected, [&Body::Injected { at: "select ppse".into(), fault: "drop".into(), values }]);
    let faulty = |body: &Body| match body {
        Body::Exchange(exchange) => exchange.fault.clone(),
        _ => None,
    };
    assert_eq!(told.iter().find_map(faulty).as_deref(), Some("drop at select ppse (times 2)"));
}

#[test]
fn a_result_without_a_command_waits_for_what_the_card_side_has_to_say() {
    let script = Script {
        at_card: vec![],
        after_answers: vec![approved()],
        after_card: vec![Signal::Ready {}],
        ..Script::default()
    };
    let (seen, told, script) = play(script, &[], false);
    assert_eq!(seen.unwrap(), ReadyAgain::InTime);
    assert!(script.notes.is_empty(), "it has caught up");
    assert!(!told.iter().any(|body| matches!(body, Body::Exchange(_))), "{told:?}");
}

#[test]
fn a_validator_that_is_not_ready_again_is_told_as_such() {
    let (seen, told, _) = play(Script { after_card: vec![], ..ride() }, &[], false);
    assert_eq!(seen.unwrap(), ReadyAgain::Not);
    assert!(matches!(told.last(), Some(Body::ReadyAgain { seen: ReadyAgain::Not, .. })), "{told:?}");
}

#[test]
fn a_validator_that_starts_again_in_a_tap_is_told_as_such() {
    let (seen, told, _) = play(Script { after_answers: vec![Signal::Started {}], ..ride() }, &[], false);
    assert_eq!(seen.unwrap(), ReadyAgain::Restarted);
    assert!(matches!(told.last(), Some(Body::ReadyAgain { seen: ReadyAgain::Restarted, .. })), "{told:?}");
}

#[test]
fn a_validator_that_did_not_notice_a_card_that_left_at_once_was_ready_all_the_time() {
    let brief = Some(Duration::from_millis(5));
    let seen = |hold, script| play_for(hold, script, &[], false).0.unwrap();
    let of = |at_card: &[What]| Script { at_card: at_card.to_vec(), ..Script::default() };
    let power = [What::Field { on: true }, What::Activated { fsd: None }, What::Released(Release::FieldOff)];
    assert_eq!(seen(brief, of(&[])), ReadyAgain::InTime);
    assert_eq!(seen(brief, of(&power)), ReadyAgain::InTime, "a PC/SC reader gives power by itself");
    // A card that stays is noticed.
    assert_eq!(seen(None, of(&[])), ReadyAgain::Not);
    // A validator that has noticed the card has to be ready again.
    let command = What::Command { number: 1, command: PPSE.to_vec() };
    assert_eq!(seen(brief, of(&[What::Activated { fsd: Some(64) }])), ReadyAgain::Not);
    assert_eq!(seen(brief, of(&[command])), ReadyAgain::Not);
    let gate = Signal::Gate { gate: Word::Known(Gate::Shut) };
    assert_eq!(seen(brief, Script { after_card: vec![gate], ..of(&[]) }), ReadyAgain::Not);
    // A validator that does not answer is not ready.
    assert_eq!(seen(brief, Script { dead: true, ..of(&[]) }), ReadyAgain::Not);
}

#[test]
fn a_card_side_that_starts_again_is_the_rigs_fault() {
    let mut script = ride();
    script.at_card.insert(2, What::Started);
    let (seen, _, _) = play(script, &[], false);
    let error = seen.unwrap_err();
    assert!(matches!(error, BenchError::Ended { role: Role::Emulator, .. }), "{error:?}");
}

fn during(json: &str) -> During {
    serde_json::from_str(json).unwrap()
}

fn acted(at: &str, act: &str) -> Body {
    Body::Acted { at: at.into(), act: act.into() }
}

fn exchanges(told: &[Body]) -> Vec<&Exchange> {
    let exchanged = told.iter().filter_map(|body| match body {
        Body::Exchange(exchange) => Some(exchange),
        _ => None,
    });
    exchanged.collect()
}

#[test]
fn the_power_is_cut_while_the_reader_waits() {
    let cut = during(r#"{"at":"select ppse","act":"power-cycle"}"#);
    let (end, told, script) = play_to_end(None, ride(), &[], &[cut], false);
    assert_eq!(end.unwrap().ready, None);
    assert!(script.answers.is_empty(), "the answer does not come");
    let told = &told[told.len() - 2..];
    assert_eq!(told[0], acted("select ppse", "power-cycle"));
    let [Exchange { response: None, fault: Some(fault), .. }] = exchanges(told)[..] else { panic!("{told:?}") };
    assert_eq!(fault, "power-cycle");
}

#[test]
fn a_card_leaves_and_comes_back_with_company() {
    let away = during(r#"{"at":"select ppse","act":"away","for":"20 ms","beside":"type-a"}"#);
    let again = vec![What::Command { number: 4, command: PPSE.to_vec() }, What::Released(Release::Halted)];
    let began = Instant::now();
    let (end, told, script) = play_to_end(None, Script { at_return: again, ..ride() }, &[], &[away], false);
    assert!(began.elapsed() >= Duration::from_millis(20));
    assert_eq!(end.unwrap().ready, Some(ReadyAgain::InTime));
    assert_eq!(script.beside, [None, Some(Beside::TypeA)]);
    assert_eq!(script.answers.len(), 1, "only the second command is answered");
    let [first, second] = exchanges(&told)[..] else { panic!("{told:?}") };
    assert_eq!((first.number, first.response.is_some(), first.air_us), (1, false, 900));
    // The card side counts from zero again, and the tap goes on.
    assert_eq!((second.number, second.response.is_some(), second.air_us), (2, true, 900 + 20_000 + 900));
    assert!(told.contains(&acted("select ppse", "away for 20 ms, back beside another card of type A")), "{told:?}");
    let removed = told.iter().filter(|body| matches!(body, Body::Removed { .. }));
    assert_eq!(removed.count(), 1, "the tap ends once");
    let there = told.iter().filter_map(|body| if let Body::InField { there } = body { Some(*there) } else { None });
    assert_eq!(there.collect::<Vec<_>>(), [false, true]);
}

#[test]
fn a_line_is_sent_while_the_reader_waits_and_its_reply_is_read_after_the_tap() {
    let say = during(r#"{"at":"select ppse","act":"console","send":"journal clear"}"#);
    let (end, told, script) = play_to_end(None, ride(), &[], &[say], false);
    let end = end.unwrap();
    assert!(end.empties_journal && end.ready == Some(ReadyAgain::InTime));
    assert_eq!((script.answers.len(), script.lines.len()), (1, 0));
    let place = |wanted: &dyn Fn(&Body) -> bool| told.iter().position(wanted).unwrap();
    let sent = place(&|body| *body == acted("select ppse", "console journal clear"));
    let answered = place(&|body| matches!(body, Body::Exchange(_)));
    let replied = place(&|body| matches!(body, Body::ConsoleReply(_)));
    let ready = place(&|body| matches!(body, Body::ReadyAgain { .. }));
    assert!(sent < answered && answered < replied && replied < ready, "{told:?}");
}

#[test]
fn an_act_whose_command_does_not_come_is_not_done() {
    let act = during(r#"{"at":"select ppse 2","act":"power-cycle"}"#);
    let (end, told, _) = play_to_end(None, ride(), &[], &[act], false);
    assert_eq!(end.unwrap().ready, Some(ReadyAgain::InTime));
    assert!(!told.iter().any(|body| matches!(body, Body::Acted { .. })), "{told:?}");
}
