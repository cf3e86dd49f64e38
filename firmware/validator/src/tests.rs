//! The whole device on a board in the process.

mod fares;

use std::boxed::Box;
use std::cell::RefCell;
use std::format;
use std::rc::Rc;
use std::string::String;
use std::vec::Vec;

use heapless::Vec as Bounded;
use kernel::{
    Aid, Cryptogram, Cvm, Date, MessageId, Oda, Outcome, OutcomeKind, Pan, Product, Reason, Ride, Ttq, UiRequest,
};
use proptest::prelude::*;
use wire::air::Message;

use crate::device::{Device, End};
use crate::journal::Record;
use crate::reader::testcard::TestCard;
use crate::run;
use crate::testboard::{BareAir, TestBoard};

const SIZE: usize = 262_144;
const SECOND: u64 = 1_000_000;
const CLOCK: u64 = 1_526_889_600;

/// A board whose air carries one card, not yet there.
fn board_with_card() -> (TestBoard, Rc<RefCell<TestCard>>) {
    let board = TestBoard::new(SIZE);
    let card = Rc::new(RefCell::new(TestCard::new(&[1, 2, 3, 4])));
    card.borrow_mut().present = false;
    let in_air = Rc::clone(&card);
    board.set_air(Box::new(move |_, message| {
        let mut card = in_air.borrow_mut();
        let (exchange, said) = match message {
            Message::FieldOn { .. } => {
                card.field(true);
                return Vec::new();
            }
            Message::FieldOff { .. } => {
                card.field(false);
                return Vec::new();
            }
            Message::Short { exchange, bits, .. } => (exchange, card.short(bits)),
            Message::Command { exchange, bytes, .. } => (exchange, card.command(bytes)),
            other => panic!("no message of a reader: {other:?}"),
        };
        let answer = match &said {
            Some(bytes) => Message::Answer { exchange, delay_us: 100, bytes },
            None => Message::Silence { exchange },
        };
        answer.encode().expect("fits").to_vec()
    }));
    (board, card)
}

fn hold(board: &TestBoard, card: &Rc<RefCell<TestCard>>, at_us: u64, present: bool) {
    let card = Rc::clone(card);
    board.at(at_us, move |board| {
        card.borrow_mut().present = present;
        card.borrow_mut().field(false);
        card.borrow_mut().field(true);
        board.air_says(&Message::Load { card: present });
    });
}

fn run_until(board: &TestBoard, stop_us: u64) -> Vec<String> {
    board.stop_at.set(stop_us);
    assert_eq!(run(board), End::Stopped);
    board.lines()
}

/// Lines typed at the start, and all lines that come back after `! ready`.
fn talk(board: &TestBoard, text: &str) -> Vec<String> {
    board.type_in(text);
    let lines = run_until(board, board.now.get() + SECOND / 2);
    let ready = lines.iter().position(|line| line == "! ready").expect("ready");
    lines[ready + 1..].to_vec()
}

fn count(lines: &[String], start: &str) -> usize {
    lines.iter().filter(|line| line.starts_with(start)).count()
}

#[test]
fn it_starts_and_is_ready_at_once() {
    let (board, _card) = board_with_card();
    let lines = run_until(&board, 1);
    assert_eq!(
        lines,
        [
            "! started firmware=taprig-validator version=0.1.0 cause=power",
            "! show id=15 text=\"present card\" amount=100",
            "! ready"
        ]
    );
}

#[test]
fn the_console_answers_each_line_once() {
    let (mut board, _card) = board_with_card();
    board.image = b"abc".to_vec();
    let lines = talk(
        &board,
        "identity\necho a  b\nstatus\nclock 2018-05-21T08:00:00\nset fare 150\nset line \"12 A\"\nprofile base\nstatus\n\
         set discount 10\nstatus\ndance\nset fare 1.50\nset tempo 1\n",
    );
    let capacity = crate::store::memory::Layout::new(SIZE).journal.capacity;
    let rest = |profile: &str, clock: &str| {
        let state = if clock == "unset" { "clock-unset" } else { "ready" };
        format!("ok state={state} profile={profile} journal=0 capacity={capacity} total=0 clock={clock}")
    };
    assert_eq!(
        lines,
        [
            "ok device=taprig-reference firmware=taprig-validator board=test version=0.1.0 \
             digest=ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
            "ok a  b",
            &rest("-", "unset"),
            "ok",
            "ok",
            "ok",
            "ok",
            &rest("base", "2018-05-21T08:00:00"),
            "ok",
            &rest("-", "2018-05-21T08:00:00"),
            "error unknown no such command",
            "error value fen, 0 to 999999999",
            "error unknown no such setting",
        ]
    );
}

#[test]
fn a_capacity_beyond_the_memory_is_told_and_a_smaller_one_is_taken() {
    let board = TestBoard::new(4096);
    let lines = talk(&board, "set capacity 200\nstatus\nset capacity 8\nset capacity 3\nstatus\nset capacity 100000\n");
    assert_eq!(
        lines,
        [
            "ok capacity=8",
            "ok state=clock-unset profile=- journal=0 capacity=8 total=0 clock=unset",
            "ok",
            "ok",
            "ok state=clock-unset profile=- journal=0 capacity=3 total=0 clock=unset",
            "error value records, 1 to 99999"
        ]
    );
}

#[test]
fn a_board_whose_air_is_wired_to_itself_counts_what_comes_back() {
    let board = TestBoard::new(4096);
    board.bare_air.set(Some(BareAir::Open));
    let lines = talk(&board, "loopback 2\n");
    assert!(lines[0].starts_with("ok sent=512 back=0 wrong=0 us="), "an open line: {lines:?}");
    board.bare_air.set(Some(BareAir::WiredToItself));
    let lines = talk(&board, "loopback 2\n");
    assert!(lines[0].starts_with("ok sent=512 back=512 wrong=0 us="), "{lines:?}");
}

#[test]
fn settings_keys_and_lists_outlive_a_power_cut_and_not_factory() {
    let (board, _card) = board_with_card();
    let key = format!("key add A000000333 C1 03 {}\n", "c1".repeat(128));
    let lines = talk(
        &board,
        &format!("{key}deny add 6226001234567890\nrevoke add A000000333 C1 010203\nset capacity 5\nprofile base\n"),
    );
    assert_eq!(lines, ["ok"; 5]);
    let again = board.restarted();
    let lines = talk(&again, "status\n");
    assert_eq!(lines, ["ok state=clock-unset profile=base journal=0 capacity=5 total=0 clock=unset"]);
    let device = Device::start(&again);
    assert!(device.store.ca_key(&kernel::aid::UNIONPAY, 0xC1).is_some());
    let pan = Pan::from_digits("6226001234567890").expect("digits");
    assert!(device.store.denied(&pan, None));
    assert!(device.store.revoked(&kernel::aid::UNIONPAY, 0xC1, &[1, 2, 3]));
    let last = board.restarted();
    assert_eq!(talk(&last, "deny clear\nstatus\nfactory\n")[1].split(' ').nth(2), Some("profile=-"));
    let device = Device::start(&last);
    assert!(device.store.ca_key(&kernel::aid::UNIONPAY, 0xC1).is_none());
    assert!(!device.store.revoked(&kernel::aid::UNIONPAY, 0xC1, &[1, 2, 3]));
    assert_eq!(device.store.settings(), &crate::store::settings::Settings::default());
}

#[test]
fn a_long_burst_is_answered_without_waiting_for_the_next_look() {
    let (board, _card) = board_with_card();
    board.at(SECOND + 30_000, |board| board.type_in(&"status\n".repeat(900)));
    let lines = run_until(&board, SECOND + 60_000);
    assert_eq!(count(&lines, "ok state="), 900);
}

#[test]
fn reboot_answers_and_restarts() {
    let (board, _card) = board_with_card();
    board.type_in("reboot\nstatus\n");
    assert_eq!(run(&board), End::Reset);
    assert_eq!(board.resets.get(), 1);
    assert_eq!(board.lines().last().map(String::as_str), Some("ok"));
}

#[test]
fn a_tap_has_one_result_and_the_device_is_ready_again() {
    let (board, card) = board_with_card();
    board.rtc.set(Some(CLOCK));
    hold(&board, &card, SECOND, true);
    hold(&board, &card, SECOND + 200_000, false);
    board.at(SECOND + 300_000, |board| board.type_in("counters\necho between\n"));
    let lines = run_until(&board, 2 * SECOND);
    assert_eq!(count(&lines, "! result outcome="), 1, "{lines:#?}");
    assert_eq!(count(&lines, "ok taps=1 gpos=0 authentications=0"), 1);
    assert_eq!(count(&lines, "! ready"), 2);
    assert_eq!(count(&lines, "! fault"), 0);
    // The card echoes SELECT PPSE with status 9000, which is no FCI.
    assert_eq!(card.borrow().commands, 1);
    assert_eq!(count(&lines, "! result outcome=end-application reason=ppse-malformed fare=100"), 1);
    assert_eq!(lines.last().map(String::as_str), Some("ok between"));
    let result = lines.iter().position(|line| line.starts_with("! result")).expect("one");
    assert!(lines[result + 1..].iter().any(|line| line == "! ready"));
}

#[test]
fn a_card_left_in_the_field_is_reported_and_not_served_again() {
    let (board, card) = board_with_card();
    board.rtc.set(Some(CLOCK));
    hold(&board, &card, SECOND, true);
    board.at(SECOND * 2, |board| board.type_in("status\n"));
    hold(&board, &card, SECOND * 4, false);
    hold(&board, &card, SECOND * 5, true);
    let lines = run_until(&board, SECOND * 2 + 10_000);
    assert_eq!(count(&lines, "! result"), 1);
    assert_eq!(count(&lines, "! fault what=card-left"), 1);
    assert_eq!(count(&lines, "! ready"), 2, "ready within a second: {lines:#?}");
    assert_eq!(count(&lines, "ok state=card-left"), 1);
}

#[test]
fn a_card_that_falls_silent_in_the_field_has_not_left_it() {
    let (board, card) = board_with_card();
    board.rtc.set(Some(CLOCK));
    hold(&board, &card, SECOND, true);
    let silent = Rc::clone(&card);
    board.at(SECOND + 10_000, move |_| silent.borrow_mut().present = false);
    let early = Rc::new(RefCell::new(0));
    let seen = Rc::clone(&early);
    board.at(SECOND + 200_000, move |board| {
        let told = String::from_utf8(board.console_out.borrow().clone()).expect("text");
        *seen.borrow_mut() = told.lines().filter(|line| *line == "! ready").count();
    });
    hold(&board, &card, SECOND + 300_000, false);
    let lines = run_until(&board, SECOND + 350_000);
    assert_eq!(*early.borrow(), 1, "ready before the card left: {lines:#?}");
    assert_eq!(count(&lines, "! ready"), 2, "{lines:#?}");
    assert_eq!(count(&lines, "! fault"), 0, "{lines:#?}");
}

#[test]
fn a_card_that_was_left_and_falls_silent_later_is_still_there() {
    let (board, card) = board_with_card();
    board.rtc.set(Some(CLOCK));
    hold(&board, &card, SECOND, true);
    for (at_us, present) in [(SECOND * 3, false), (SECOND * 5, true)] {
        let card = Rc::clone(&card);
        board.at(at_us, move |_| card.borrow_mut().present = present);
        board.at(at_us + SECOND, |board| board.type_in("status\n"));
    }
    hold(&board, &card, SECOND * 7, false);
    board.at(SECOND * 8, |board| board.type_in("status\n"));
    let lines = run_until(&board, SECOND * 9);
    assert_eq!(count(&lines, "! result"), 1, "the card is not served again: {lines:#?}");
    assert_eq!(count(&lines, "ok state=card-left"), 2, "{lines:#?}");
    assert_eq!(count(&lines, "ok state=ready"), 1, "{lines:#?}");
}

#[test]
fn after_the_left_card_is_gone_the_next_one_is_served() {
    let (board, card) = board_with_card();
    board.rtc.set(Some(CLOCK));
    hold(&board, &card, SECOND, true);
    hold(&board, &card, SECOND * 4, false);
    hold(&board, &card, SECOND * 5, true);
    hold(&board, &card, SECOND * 5 + 100_000, false);
    let lines = run_until(&board, SECOND * 6);
    assert_eq!(count(&lines, "! result"), 2);
    assert_eq!(count(&lines, "! ready"), 3);
}

#[test]
fn without_a_clock_no_card_is_taken() {
    let (board, card) = board_with_card();
    hold(&board, &card, SECOND, true);
    hold(&board, &card, SECOND + 200_000, false);
    let lines = run_until(&board, 2 * SECOND);
    assert_eq!(count(&lines, "! fault what=clock-unset"), 1);
    assert_eq!(count(&lines, "! result outcome=end-application reason=clock-unset fare=100"), 1);
    assert_eq!(card.borrow().commands, 0);
}

#[test]
fn two_cards_are_told_to_come_one_by_one() {
    let board = TestBoard::new(SIZE);
    board.rtc.set(Some(CLOCK));
    let removed = Rc::new(RefCell::new(false));
    let seen = Rc::clone(&removed);
    board.set_air(Box::new(move |_, message| match message {
        Message::Short { exchange, .. } if !*seen.borrow() => {
            Message::Collision { exchange }.encode().expect("fits").to_vec()
        }
        Message::Short { exchange, .. } | Message::Command { exchange, .. } => {
            Message::Silence { exchange }.encode().expect("fits").to_vec()
        }
        _ => Vec::new(),
    }));
    board.at(300_000, move |_| *removed.borrow_mut() = true);
    let lines = run_until(&board, SECOND);
    assert_eq!(count(&lines, "! show id=19 text=\"present one card only\""), 1);
    assert_eq!(count(&lines, "! result outcome=try-again reason=collision fare=100"), 1);
    assert_eq!(count(&lines, "! ready"), 2);
}

#[test]
fn without_a_card_side_the_console_lives() {
    let board = TestBoard::new(SIZE);
    board.at(2 * SECOND, |board| board.type_in("echo still here\n"));
    let lines = run_until(&board, 3 * SECOND);
    assert_eq!(lines.last().map(String::as_str), Some("ok still here"));
    assert!(board.frames.get() < 12, "{} frames in three seconds", board.frames.get());
}

#[test]
fn an_emulator_that_dies_in_a_tap_is_a_fault_and_not_the_end() {
    let (board, card) = board_with_card();
    board.rtc.set(Some(CLOCK));
    hold(&board, &card, SECOND, true);
    card.borrow_mut().application = Box::new(|_| Vec::new());
    // The card's side goes silent for good at its first command: the air says nothing any more.
    let dying = Rc::clone(&card);
    let dead = Rc::new(RefCell::new(false));
    board.set_air(Box::new(move |_, message| {
        let mut card = dying.borrow_mut();
        let (exchange, said) = match message {
            Message::FieldOn { .. } => {
                card.field(true);
                return Vec::new();
            }
            Message::Short { exchange, bits, .. } => (exchange, card.short(bits)),
            Message::Command { exchange, bytes, .. } => {
                *dead.borrow_mut() |= bytes[0] == 0xE0;
                (exchange, card.command(bytes))
            }
            _ => return Vec::new(),
        };
        if *dead.borrow() {
            return Vec::new();
        }
        let answer = match &said {
            Some(bytes) => Message::Answer { exchange, delay_us: 100, bytes },
            None => Message::Silence { exchange },
        };
        answer.encode().expect("fits").to_vec()
    }));
    let lines = run_until(&board, 4 * SECOND);
    assert_eq!(count(&lines, "! result outcome=try-again reason=activation-timeout"), 1, "{lines:#?}");
    assert_eq!(count(&lines, "! fault what=air-dead"), 1);
    assert_eq!(count(&lines, "! ready"), 2);
}

fn ride(pan: &str, amount: u32) -> Outcome {
    let ride = Ride {
        aid: Aid::new(&[0xA0, 0, 0, 3, 0x33, 1, 1, 2]).expect("an AID"),
        product: Product::Credit,
        pan: Pan::from_digits(pan),
        psn: Some(1),
        expiry: Date::from_yymmdd(&[0x30, 0x12, 0x31]),
        track2: Bounded::new(),
        atc: 0x17,
        cryptogram: [0xAC; 8],
        cryptogram_type: Cryptogram::Arqc,
        cid: 0x80,
        iad: Bounded::new(),
        aip: [0; 2],
        tvr: [0; 5],
        unpredictable_number: [0; 4],
        amount,
        time: crate::clock::from_seconds(CLOCK),
        country: 156,
        currency: 156,
        transaction_type: 0,
        ttq: Ttq::ODA_NEW_CREDIT,
        ctq: None,
        new_card: true,
        oda: Oda::Passed,
        balance: None,
    };
    Outcome {
        kind: OutcomeKind::Approved,
        reason: Reason::OdaApproved,
        ui: Bounded::new(),
        cvm: Cvm::None,
        field_off: false,
        ride: Some(ride),
    }
}

const CARD: &str = "6226001234567890";
const OTHER: &str = "6226001234567809";

#[test]
fn an_approved_ride_is_recorded_shown_and_reported() {
    let board = TestBoard::new(SIZE);
    let mut device = Device::start(&board);
    board.lines();
    device.execute("set fare 100");
    device.execute("set line 12");
    device.execute("set discount 10");
    board.lines();
    device.conclude(&ride(CARD, 90));
    assert_eq!(
        board.lines(),
        [
            "! show id=03 text=approved amount=90",
            "! sound accepted",
            "! gate open",
            "! result outcome=approved reason=oda-approved fare=100 charged=90 aid=a000000333010102 \
             pan=622600******7890 cryptogram=arqc oda=ok cvm=none",
        ]
    );
    device.execute("journal");
    assert_eq!(
        board.lines(),
        [
            "- n=1 time=2018-05-21T08:00:00 pan=622600******7890 psn=01 fare=90 atc=0017 ac=acacacacacacacac cid=80 \
             kind=oda line=12",
            "ok count=1 total=90",
        ]
    );
    device.execute("journal 2");
    assert_eq!(board.lines(), ["ok count=1 total=90"]);
    device.execute("journal clear");
    device.execute("journal");
    assert_eq!(board.lines(), ["ok", "ok count=0 total=0"]);
}

#[test]
fn a_ride_that_was_paid_at_a_torn_tap_is_recorded_as_that_payment_also_after_a_loss_of_power() {
    let board = TestBoard::new(SIZE);
    let mut device = Device::start(&board);
    let torn =
        Ride { atc: 0x16, cryptogram: [0xAA; 8], oda: Oda::NotPerformed, ..ride(CARD, 100).ride.expect("a ride") };
    let record = Record::new(&torn, device.store.settings()).expect("a card");
    device.store.note_payment(&record, 5000).expect("kept");
    let board = board.restarted();
    let mut device = Device::start(&board);
    device.execute("set fare 200");
    board.lines();
    device.conclude(&Outcome { reason: Reason::AlreadyPaid, ..ride(CARD, 200) });
    let lines = board.lines();
    assert_eq!(count(&lines, "! show id=03 text=approved amount=100"), 1, "{lines:#?}");
    assert_eq!(count(&lines, "! gate open"), 1);
    assert_eq!(count(&lines, "! result outcome=approved reason=already-paid fare=200 charged=100 "), 1, "{lines:#?}");
    let kept = device.store.record(0).expect("recorded");
    assert_eq!((kept.atc, kept.cryptogram, kept.fare, kept.authenticated), (0x16, [0xAA; 8], 100, true));
    assert_eq!(device.store.payment(&Pan::from_digits(CARD).expect("digits"), Some(1)), None, "it is over");
}

#[test]
fn a_ride_that_is_not_safe_in_memory_opens_no_gate() {
    for cut in [0, 1, 100, crate::store::memory::JOURNAL_SLOT - 1] {
        let board = TestBoard::new(SIZE);
        let mut device = Device::start(&board);
        board.lines();
        board.power_cut_after(cut);
        device.conclude(&ride(CARD, 100));
        let lines = board.lines();
        assert_eq!(count(&lines, "! gate open"), 0);
        assert_eq!(count(&lines, "! result outcome=declined reason=journal-write"), 1);
        assert_eq!(count(&lines, "! fault what=journal-write"), 1);
    }
}

#[test]
fn the_same_card_is_not_charged_twice_until_another_comes() {
    let board = TestBoard::new(SIZE);
    let mut device = Device::start(&board);
    device.execute("set retap 60");
    board.lines();
    let mut tap = |pan: &str, after_s: u64| {
        board.now.set(board.now.get() + after_s * SECOND);
        device.conclude(&ride(pan, 100));
        let lines = board.lines();
        (count(&lines, "! gate open") == 1, count(&lines, "! show id=07 text=\"already paid\"") == 1)
    };
    assert_eq!(tap(CARD, 0), (true, false));
    assert_eq!(tap(CARD, 59), (false, true));
    assert_eq!(tap(CARD, 2), (true, false), "the time counts from the ride that was paid");
    assert_eq!(tap(OTHER, 1), (true, false));
    assert_eq!(tap(CARD, 1), (true, false), "another card was here");
    assert_eq!(tap(CARD, 1), (false, true));
    assert_eq!(device.store.journal().count, 4);
    let mut refused = ride(OTHER, 100);
    refused.kind = OutcomeKind::Declined;
    device.conclude(&refused);
    device.conclude(&ride(CARD, 100));
    assert_eq!(device.store.journal().count, 5, "another card was here, even if refused");
}

#[test]
fn outcomes_without_a_ride_shut_the_gate() {
    let board = TestBoard::new(SIZE);
    let mut device = Device::start(&board);
    board.lines();
    let mut outcome = ride(CARD, 100);
    outcome.kind = OutcomeKind::OnlineRequest;
    outcome.reason = Reason::OnlineRequested;
    device.conclude(&outcome);
    let lines = board.lines();
    assert_eq!(lines[..3], ["! show id=07 text=\"not authorised\"", "! sound refused", "! gate shut"]);
    assert!(
        lines[3].starts_with("! result outcome=online-request reason=online-requested fare=100 aid="),
        "{}",
        lines[3]
    );
    outcome.kind = OutcomeKind::TryAgain;
    outcome.reason = Reason::SeePhone;
    outcome.ride = None;
    outcome.ui.push(UiRequest { message: MessageId::SeePhone, status: kernel::Status::NotReady }).expect("room");
    device.conclude(&outcome);
    assert_eq!(
        board.lines(),
        [
            "! show id=20 text=\"see phone\"",
            "! sound attention",
            "! gate shut",
            "! result outcome=try-again reason=see-phone fare=100"
        ]
    );
    let mut nameless = ride(CARD, 100);
    if let Some(ride) = &mut nameless.ride {
        ride.pan = None;
    }
    device.conclude(&nameless);
    assert_eq!(count(&board.lines(), "! result outcome=declined reason=pan-missing"), 1);
    assert_eq!(device.store.journal().count, 0);
}

#[test]
fn unpredictable_numbers_differ() {
    let board = TestBoard::new(4096);
    let mut device = Device::start(&board);
    let mut numbers: Vec<[u8; 4]> = (0..100).map(|_| device.unpredictable_number()).collect();
    numbers.sort_unstable();
    numbers.dedup();
    assert_eq!(numbers.len(), 100);
}

fn console_line() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        prop::collection::vec(any::<u8>().prop_filter("no line end", |byte| *byte != b'\n'), 0..700),
        "(identity|status|factory|journal|journal clear|deny clear|key clear|revoke clear|profile x|clock 2020-01-01T00:00:00)"
            .prop_map(String::into_bytes),
        "(set|key add|deny add|revoke add|profile|journal|clock|echo) [a-z0-9:\" -]{0,40}".prop_map(String::into_bytes),
        "set (fare|discount|line|mode|retap|capacity|ttq|terminal) [a-z0-9]{1,12}".prop_map(String::into_bytes),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever is typed, each line gets exactly one `ok` or `error`.
    #[test]
    fn every_line_gets_one_final_reply(typed in prop::collection::vec(console_line(), 0..12)) {
        let (board, _card) = board_with_card();
        for line in &typed {
            board.console_in.borrow_mut().extend(line.iter().chain(b"\n"));
        }
        let lines = run_until(&board, 2 * SECOND);
        prop_assert_eq!(count(&lines, "ok") + count(&lines, "error "), typed.len());
        prop_assert!(lines.iter().all(|line| ["ok", "error ", "! ", "- "].iter().any(|start| line.starts_with(start))));
    }

    /// Whatever the card says to commands, one result comes and the device is ready within a second.
    #[test]
    fn any_card_is_survived(answers in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..258), 1..8), chunk in 1..255_usize) {
        let (board, card) = board_with_card();
        board.rtc.set(Some(CLOCK));
        card.borrow_mut().chunk = chunk;
        let mut answers = answers.into_iter().cycle();
        card.borrow_mut().application = Box::new(move |_| answers.next().unwrap_or_default());
        hold(&board, &card, SECOND, true);
        let lines = run_until(&board, 2 * SECOND);
        prop_assert_eq!(count(&lines, "! result"), 1);
        prop_assert_eq!(count(&lines, "! ready"), 2);
    }
}
