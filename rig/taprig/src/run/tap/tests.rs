//! Tests of taps on sides that play a script. They show that a tap rests on the two traits alone.

use std::collections::{BTreeSet, VecDeque};
use std::path::Path;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use taprig_bench::board::Start;
use taprig_bench::card_side::{Answer, CardCapabilities, CardIdentity, CardSide};
use taprig_bench::validator_side::{Applied, Established, Identity, LastSituation, ValidatorCapability, ValidatorSide};
use taprig_case::{Problems, Project, Workshop};
use taprig_model::card::Activation;
use taprig_model::event::{Event, Freshness, Release, Word};
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

    async fn configure(&mut self, _: &Activation, _: Option<Beside>, frames: bool) -> Result<(), LinkError> {
        self.0.lock().unwrap().frames = Some(frames);
        Ok(())
    }

    async fn present(&mut self) -> Result<(), LinkError> {
        let script = &mut *self.0.lock().unwrap();
        script.notes.extend(script.at_card.drain(..));
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
        script.signals.extend(script.after_card.drain(..));
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
        frames,
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let seen = runtime.block_on(tap.play(&mut links, &scope));
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
