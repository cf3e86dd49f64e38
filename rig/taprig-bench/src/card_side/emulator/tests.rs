//! Tests of the emulator's adapter. A thread plays the other end of the link.

use std::sync::{Arc, Mutex};

use taprig_model::units::Duration as Span;
use wire::link::{Order, Refusal};

use super::*;
use crate::link::pty::Terminal;

/// Runs `work` on an emulator that answers each order as `report` says. Also returns the orders that the emulator got.
fn play<T>(
    mut report: impl FnMut(&Order) -> Option<Report> + Send + 'static,
    work: impl AsyncFnOnce(&mut Emulator) -> T,
) -> (T, Vec<Request>) {
    let orders: Arc<Mutex<Vec<Request>>> = Arc::default();
    let keep = orders.clone();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let done = runtime.block_on(async {
        let terminal = Terminal::new();
        let mut side =
            Emulator::new(Relay::open(&terminal.path().into(), 115_200, Arc::new(|_, _| ())).unwrap(), Air::Uart);
        terminal.emulator(move |order| {
            keep.lock().unwrap().push(order.request.clone());
            report(order)
        });
        work(&mut side).await
    });
    let orders = orders.lock().unwrap().clone();
    (done, orders)
}

fn done(order: &Order) -> Option<Report> {
    Some(Report::Done(order.number))
}

fn card() -> Activation {
    Activation { uid: vec![4, 1, 2, 3], atqa: [4, 0], sak: 0x20, ats: vec![2, 0x70], delay: Span { us: 7 }, chain: 16 }
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(2)
}

#[test]
fn a_card_is_configured_with_all_that_it_is() {
    let (configured, orders) = play(done, async |side| side.configure(&card(), Some(Beside::TypeB), true).await);
    configured.unwrap();
    let front = link::Front {
        uid: [4, 1, 2, 3].as_slice().try_into().unwrap(),
        atqa: [4, 0],
        sak: 0x20,
        ats: [2, 0x70].as_slice().try_into().unwrap(),
        company: link::Company::TypeB,
        delay_us: 7,
        chain: 16,
    };
    assert_eq!(orders, [Request::Trace(true), Request::Configure(front)]);
    for (beside, company) in [(None, link::Company::Alone), (Some(Beside::TypeA), link::Company::TypeA)] {
        assert_eq!(front_of(beside).company, company);
    }
}

fn front_of(beside: Option<Beside>) -> link::Front {
    front(&card(), beside).unwrap()
}

#[test]
fn what_the_link_does_not_carry_is_refused_before_it_is_sent() {
    let long = Activation { ats: vec![0; 33], ..card() };
    let answer = Answer { response: vec![0; wire::MAX_RESPONSE + 1], delay: Span::default(), fault: None };
    let (errors, orders) = play(done, async |side| {
        let one = side.configure(&long, None, false).await.unwrap_err();
        let other = side.answer(1, answer).await.unwrap_err();
        [one.to_string(), other.to_string()]
    });
    assert!(errors[0].contains("refused `an ATS`: its link can't carry 33 bytes"), "{errors:?}");
    assert!(errors[1].contains("refused `a response`"), "{errors:?}");
    assert_eq!(orders, []);
}

#[test]
fn an_emulator_that_refuses_a_card_is_told_of() {
    let refuses = |order: &Order| Some(Report::Refused { order: order.number, why: Refusal::Uid });
    let (configured, _) = play(refuses, async |side| side.configure(&card(), None, false).await);
    assert!(configured.unwrap_err().to_string().contains("Uid"));
}

#[test]
fn an_answer_goes_with_its_delay_and_its_fault() {
    let answer = |fault| Answer { response: vec![0x90, 0], delay: Span { us: u64::MAX }, fault };
    let (_, orders) = play(
        |_| Some(Report::Damaged),
        async |side| {
            side.answer(7, answer(Some(Fault::Late { by: Span { us: 20_000 } }))).await.unwrap();
            // When the device sends something, it has accepted the order.
            side.note(soon()).await.unwrap().unwrap();
        },
    );
    let wanted = link::Answer {
        response: [0x90, 0].as_slice().try_into().unwrap(),
        delay_us: u32::MAX,
        fault: Some(link::Fault::Late { delay_us: 20_000 }),
    };
    assert_eq!(orders, [Request::Answer { command: 7, answer: wanted }]);
}

#[test]
fn every_fault_of_a_case_is_one_on_the_link() {
    let pairs = [
        (Fault::Drop { times: 2 }, link::Fault::Drop { times: 2 }),
        (Fault::Corrupt { seed: 9, times: 3 }, link::Fault::Corrupt { seed: 9, times: 3 }),
        (Fault::Late { by: Span { us: 1 } }, link::Fault::Late { delay_us: 1 }),
        (Fault::Cut, link::Fault::Cut),
        (Fault::Unheard, link::Fault::Cut),
        (Fault::Wtx { times: 1, multiplier: 5, lost: 2 }, link::Fault::Wtx { times: 1, multiplier: 5, lost: 2 }),
        (Fault::Chain { size: 16 }, link::Fault::Chain { size: 16 }),
        (Fault::Mute, link::Fault::Mute),
        (Fault::BlockNumber, link::Fault::BlockNumber),
        (Fault::Pcb(0xA2), link::Fault::Pcb(0xA2)),
        (Fault::Oversize, link::Fault::Oversize),
    ];
    for (ours, theirs) in pairs {
        assert_eq!(fault(ours), theirs);
    }
}

/// The meaning of a note of the emulator.
fn meaning(report: Report) -> Option<What> {
    what(Note { number: 1, at_us: 2, air_us: 3, report })
}

#[test]
fn every_note_is_told_or_answers_an_order() {
    assert_eq!(meaning(Report::Started), Some(What::Started));
    assert_eq!(meaning(Report::Field(false)), Some(What::Field { on: false }));
    assert_eq!(meaning(Report::Activated { fsd: 256 }), Some(What::Activated { fsd: Some(256) }));
    let command = [0, 0xA4].as_slice().try_into().unwrap();
    let wanted = What::Command { number: 3, command: vec![0, 0xA4] };
    assert_eq!(meaning(Report::Command { number: 3, command }), Some(wanted));
    for (theirs, ours) in [
        (link::Release::Deselected, Release::Deselected),
        (link::Release::Halted, Release::Halted),
        (link::Release::FieldOff, Release::FieldOff),
    ] {
        assert_eq!(meaning(Report::Released(theirs)), Some(What::Released(ours)));
    }
    let traffic = link::Traffic { from_reader: 1, from_card: 2, retries: 3, wtx: 4, reader_us: Some(5) };
    let wanted = Traffic { from_reader: 1, from_card: 2, retries: 3, wtx: 4, reader_us: Some(5) };
    assert_eq!(meaning(Report::Removed(traffic)), Some(What::Removed(wanted)));
    let frame =
        link::AirFrame { from_card: true, short: true, late: false, bytes: [0x26].as_slice().try_into().unwrap() };
    let wanted = What::Frame { from_card: true, short: true, late: false, bytes: vec![0x26] };
    assert_eq!(meaning(Report::Frame(frame)), Some(wanted));
    let refused = meaning(Report::Refused { order: 5, why: Refusal::NotAwaited });
    assert_eq!(refused, Some(What::Trouble("the emulator refused order 5: NotAwaited".into())));
    assert_eq!(meaning(Report::Damaged), Some(What::Trouble("the emulator saw damaged orders".into())));
    assert_eq!(meaning(Report::Done(1)), None);
    assert_eq!(meaning(Report::Echo([0; 8])), None, "of an earlier case");
}

#[test]
fn a_note_carries_both_clocks_and_one_that_only_answers_is_passed_over() {
    let answers = |order: &Order| match &order.request {
        Request::Present => Some(Report::Field(true)),
        Request::Echo(bytes) => Some(Report::Echo(*bytes)),
        _ => Some(Report::Done(order.number)),
    };
    let (notes, orders) = play(answers, async |side| {
        side.remove().await.unwrap();
        side.present().await.unwrap();
        side.catch_up().await.unwrap();
        let first = side.note(soon()).await.unwrap().unwrap();
        let second = side.note(soon()).await.unwrap().unwrap();
        let none = side.note(Instant::now() + Duration::from_millis(50)).await.unwrap();
        (first, second, none)
    });
    assert_eq!((notes.0.what, notes.0.board_us, notes.0.air_us), (What::Field { on: true }, Some(0), 0));
    assert_eq!((notes.1.what, notes.2), (What::CaughtUp, None));
    assert_eq!(orders, [Request::Remove, Request::Present, Request::Echo(CAUGHT_UP)]);
}

#[test]
fn the_nonce_of_a_case_comes_back_or_nothing_is_believed() {
    let echoes = |order: &Order| match &order.request {
        Request::Echo(bytes) => Some(Report::Echo(*bytes)),
        _ => None,
    };
    let (fresh, _) = play(echoes, async |side| side.echo([5; 8], Duration::from_secs(2)).await);
    assert_eq!(fresh.unwrap(), Freshness::Nonce);
    let other = |_: &Order| Some(Report::Echo([0; 8]));
    let (stale, _) = play(other, async |side| side.echo([5; 8], Duration::from_millis(200)).await);
    assert!(matches!(stale, Err(LinkError::Deadline { .. })), "{stale:?}");
}

#[test]
fn an_emulator_with_an_antenna_can_all_but_two_cards() {
    let uart = Emulator::can(Air::Uart).can;
    assert_eq!(uart, CardCapability::ALL);
    let missing: Vec<_> = uart.into_iter().filter(|can| !Emulator::can(Air::Antenna).can.contains(can)).collect();
    assert_eq!(missing, [CardCapability::TwoCards]);
}

#[test]
fn an_emulator_of_another_protocol_or_with_another_air_is_refused() {
    let identity = |protocol, firmware: &str| {
        Report::Identity(link::Identity {
            protocol,
            firmware: firmware.try_into().unwrap(),
            version: "1".try_into().unwrap(),
            board: "desk".try_into().unwrap(),
            digest: [0xAB; 32],
        })
    };
    let (known, _) = play(move |_| Some(identity(PROTOCOL, link::FIRMWARE_UART)), async |side| side.identify().await);
    let known = known.unwrap();
    assert_eq!(known.digest, Some("ab".repeat(32)));
    assert!(known.said.to_string().starts_with("firmware=taprig-emulator board=desk version=1 digest=abab"));
    let (other, _) =
        play(move |_| Some(identity(PROTOCOL + 1, link::FIRMWARE_UART)), async |side| side.identify().await);
    assert!(matches!(other, Err(LinkError::Unexpected { .. })), "{other:?}");
    assert_eq!(Emulator::can(Air::Uart).protocol, Some(PROTOCOL));
    let (antenna, _) =
        play(move |_| Some(identity(PROTOCOL, link::FIRMWARE_ANTENNA)), async |side| side.identify().await);
    let error = antenna.unwrap_err().to_string();
    assert!(error.contains("taprig-emulator-antenna") && error.contains("the firmware taprig-emulator"), "{error}");
}
