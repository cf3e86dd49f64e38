extern crate std;
use super::*;
use crate::testing::{Bench, Desk, Got, front};
use crate::with_crc;
use proptest::prelude::*;
use std::vec;
use std::vec::Vec as StdVec;
use wire::Response;
use wire::air::{MAX_FRAME, Message};
use wire::link::{Answer, Fault, Release, Traffic};

const SELECT: [u8; 6] = [0x02, 0x00, 0xA4, 0x04, 0x00, 0x00];

fn answer(fault: Option<Fault>) -> Answer {
    Answer { response: Response::from_slice(&[0x90, 0x00]).expect("fits"), delay_us: 1000, fault }
}

fn bytes(got: &[Got]) -> &[u8] {
    let [Got::Answer { bytes, .. }] = got else { panic!("no answer but {got:?}") };
    bytes
}

#[test]
fn a_whole_tap_is_told_in_order_and_numbered() {
    let mut bench = Bench::with(front());
    bench.activate();
    assert_eq!(bench.send(&SELECT), [], "the host thinks");
    let notes = bench.notes();
    let [field, activated, command] = &notes[..] else { panic!("{notes:?}") };
    assert_eq!(field.report, Report::Field(true));
    assert_eq!(activated.report, Report::Activated { fsd: 256 });
    assert_eq!(
        command.report,
        Report::Command { number: 1, command: wire::Command::from_slice(&SELECT[1..]).expect("fits") }
    );
    assert_eq!(command.number, activated.number + 1);
    assert!(command.air_us > activated.air_us);

    bench.answer(1, answer(None));
    let exchange = bench.exchange();
    let bytes = with_crc(&[0x02, 0x90, 0x00]).to_vec();
    assert_eq!(bench.got(), [Got::Answer { exchange, delay_us: 92 + 100 + 1000, bytes }]);
    bench.notes();

    bench.send(&[0xC2]);
    assert_eq!(bench.reports(), [Report::Released(Release::Deselected)]);
    bench.order(Request::Remove);
    assert_eq!(bench.got(), [Got::Load(false)]);
    let traffic = Traffic { from_reader: 6, from_card: 6, retries: 0, wtx: 0, reader_us: Some(0) };
    assert_eq!(bench.reports(), [Report::Removed(traffic), Report::Done(3 + 1)]);
}

#[test]
fn air_time_of_a_tap_is_what_the_standard_makes_of_it() {
    let mut bench = Bench::with(front());
    bench.activate();
    bench.send(&SELECT);
    bench.answer(1, answer(None));
    bench.order(Request::Echo([0; 8]));
    let air_us = bench.notes().last().expect("a note").air_us;
    // Five exchanges with a pause of 500 us before each, by hand: 128/fc = 9.4395 us, nine etu a byte and two around; seven bits are nine etu.
    let etu = |bytes: f64| (bytes * 9.0 + 2.0) * 9.4395;
    let up = 9.0 * 9.4395 + etu(2.0) + etu(9.0) + etu(4.0) + etu(8.0);
    let down = etu(2.0) + etu(5.0) + etu(3.0) + etu(7.0) + etu(5.0);
    let delays = 3.0 * 92.0 + 192.0 + 1192.0 + 5.0 * 500.0;
    assert!((f64::from(air_us) - up - down - delays).abs() < 3.0, "{air_us} us");
}

/// The reader's own time of a tap with one command, which the reader thinks about for this long, and the host as well.
fn reader_us(air_byte_ns: u32, reader_us: u64, host_us: u64) -> Option<u32> {
    let mut bench = Bench::with(front());
    bench.desk.air_byte_ns.set(air_byte_ns);
    let pass = |bench: &Bench, us| bench.desk.now_us.set(bench.desk.now_us.get() + us);
    bench.activate();
    pass(&bench, reader_us);
    bench.send(&SELECT);
    pass(&bench, host_us);
    bench.answer(1, answer(None));
    pass(&bench, reader_us);
    bench.send(&[0xC2]);
    // From here on the reader looks whether the card is still there.
    pass(&bench, 500_000);
    bench.short(0x52);
    bench.notes();
    bench.order(Request::Remove);
    let removed = bench.reports();
    let [Report::Removed(traffic), _] = &removed[..] else { panic!("{removed:?}") };
    traffic.reader_us
}

#[test]
fn the_readers_own_time_is_what_passes_from_a_frame_of_the_card_to_its_own_next_one() {
    assert_eq!(reader_us(0, 7_000, 0), Some(14_000));
    assert_eq!(reader_us(0, 7_000, 90_000), Some(14_000), "the card's time is not the reader's");
    assert_eq!(reader_us(0, 0, 90_000), Some(0));
}

#[test]
fn time_of_bytes_on_the_uart_is_not_the_readers() {
    // ATS (5 bytes) and SELECT (6), then answer (3) and S(DESELECT) (1): each with CRC. Around that a message has kind, number,
    // CRC, two bytes of packing. The card's message has a delay of four bytes, and the reader's has two times of four bytes each.
    let on_uart = (5 + 2 + 4 + 6) + (6 + 2 + 8 + 6) + (3 + 2 + 4 + 6) + (1 + 2 + 8 + 6);
    assert_eq!(reader_us(10_000, 7_000, 0), Some(14_000 - on_uart * 10));
    assert_eq!(reader_us(u32::MAX, 7_000, 0), Some(0), "never less than nothing");
}

#[test]
fn a_card_that_is_not_activated_tells_no_time_of_the_reader() {
    let mut bench = Bench::with(front());
    bench.reader(&Message::FieldOn { pause_us: 0 });
    bench.short(0x52);
    bench.desk.now_us.set(1_000);
    bench.raw(&[0x93, 0x20]);
    bench.notes();
    bench.order(Request::Remove);
    let removed = bench.reports();
    assert!(matches!(removed[..], [Report::Removed(Traffic { reader_us: None, .. }), _]), "{removed:?}");
}

#[test]
fn a_reader_that_switches_its_field_off_has_taken_its_time_as_well() {
    let mut bench = Bench::with(front());
    bench.activate();
    bench.desk.now_us.set(3_000);
    bench.reader(&Message::FieldOff { pause_us: 0 });
    bench.notes();
    bench.order(Request::Remove);
    let removed = bench.reports();
    assert!(matches!(removed[..], [Report::Removed(Traffic { reader_us: Some(3_000), .. }), _]), "{removed:?}");
}

#[test]
fn a_slow_host_makes_the_card_ask_for_time() {
    let mut bench = Bench::with(front());
    bench.activate();
    bench.send(&SELECT);
    assert_eq!(bench.relay.serve(&bench.desk), Desk::PATIENCE_US);
    assert_eq!(bench.got(), [], "not yet");
    bench.desk.now_us.set(Desk::PATIENCE_US);
    bench.relay.serve(&bench.desk);
    // 750 ms are twenty times FWT of FWI 7, begun.
    assert_eq!(bytes(&bench.got()), &with_crc(&[0xF2, 20])[..]);
    assert_eq!(bench.send(&[0xF2, 20]), [], "the host still thinks");
    bench.answer(1, answer(None));
    assert_eq!(bytes(&bench.got()), &with_crc(&[0x02, 0x90, 0x00])[..]);
    bench.order(Request::Remove);
    let removed = bench.reports();
    assert!(removed.iter().any(|report| matches!(report, Report::Removed(Traffic { wtx: 1, .. }))), "{removed:?}");
}

#[test]
fn a_cut_takes_the_card_away_after_the_command() {
    let mut bench = Bench::with(front());
    bench.activate();
    bench.send(&SELECT);
    bench.notes();
    bench.answer(1, answer(Some(Fault::Cut)));
    let exchange = bench.exchange();
    assert_eq!(bench.got(), [Got::Silence(exchange), Got::Load(false)]);
    assert!(matches!(bench.reports()[..], [Report::Removed(_), Report::Done(_)]));
    assert_eq!(bench.short(0x52), [Got::Silence(exchange + 1)]);
}

#[test]
fn a_mute_card_stays_and_says_nothing() {
    let mut bench = Bench::with(front());
    bench.activate();
    bench.send(&SELECT);
    bench.answer(1, answer(Some(Fault::Mute)));
    bench.got();
    bench.reader(&Message::FieldOff { pause_us: 0 });
    bench.reader(&Message::FieldOn { pause_us: 0 });
    assert!(matches!(bench.short(0x52)[..], [Got::Silence(_)]));
}

#[test]
fn answers_that_nobody_waits_for_are_refused() {
    let mut bench = Bench::with(front());
    bench.answer(1, answer(None));
    assert!(matches!(bench.reports()[..], [Report::Refused { why: Refusal::NotAwaited, .. }]));
    bench.activate();
    bench.send(&SELECT);
    bench.notes();
    bench.answer(2, answer(None));
    assert!(matches!(bench.reports()[..], [Report::Refused { why: Refusal::NotAwaited, .. }]));
    bench.reader(&Message::FieldOff { pause_us: 0 });
    let exchange = bench.exchange();
    assert_eq!(bench.got(), [Got::Silence(exchange)], "the exchange is closed");
    assert_eq!(bench.reports(), [Report::Released(Release::FieldOff), Report::Field(false)]);
    bench.answer(1, answer(None));
    assert!(matches!(bench.reports()[..], [Report::Refused { why: Refusal::NotAwaited, .. }]));
}

#[test]
fn a_reader_that_asks_again_while_the_host_thinks_gets_the_answer_on_its_last_frame() {
    let mut bench = Bench::with(front());
    bench.activate();
    bench.send(&SELECT);
    let first = bench.exchange();
    assert_eq!(bench.send(&[0xB2]), [Got::Silence(first)]);
    bench.answer(1, answer(None));
    let got = bench.got();
    assert!(matches!(got[..], [Got::Answer { exchange, .. }] if exchange == first + 1), "{got:?}");
}

#[test]
fn orders_are_checked() {
    let mut bench = Bench::new();
    assert_eq!(bench.reports(), [Report::Started]);
    bench.order(Request::Present);
    assert_eq!(bench.reports(), [Report::Refused { order: 1, why: Refusal::NoCard }]);
    bench.order(Request::Configure(Front { uid: Vec::from_slice(&[1, 2]).expect("fits"), ..front() }));
    assert_eq!(bench.reports(), [Report::Refused { order: 2, why: Refusal::Uid }]);
    bench.order(Request::Echo(*b"taprig!!"));
    assert_eq!(bench.reports(), [Report::Echo(*b"taprig!!"), Report::Done(3)]);
    bench.relay.link(&bench.desk, &[1, 2, 3]);
    assert_eq!(bench.reports(), [Report::Damaged]);
}

#[test]
fn identity_carries_the_digest_of_the_image() {
    let mut bench = Bench::new();
    bench.notes();
    bench.order(Request::Identify);
    let reports = bench.reports();
    let [Report::Identity(identity), Report::Done(1)] = &reports[..] else { panic!("{reports:?}") };
    assert_eq!(identity.firmware, link::FIRMWARE_UART);
    assert_eq!(identity.board, "desk");
    // FIPS 180-4's example: SHA-256 of "abc".
    assert_eq!(identity.digest[..4], [0xBA, 0x78, 0x16, 0xBF]);
}

#[test]
fn frames_are_told_while_traced() {
    let mut bench = Bench::with(front());
    bench.order(Request::Trace(true));
    bench.notes();
    bench.short(0x52);
    let frames: StdVec<_> = bench
        .reports()
        .into_iter()
        .filter_map(|report| match report {
            Report::Frame(frame) => Some((frame.from_card, frame.short, frame.bytes.to_vec())),
            _ => None,
        })
        .collect();
    assert_eq!(frames, [(false, true, vec![0x52]), (true, false, vec![0x04, 0x00])]);
}

#[test]
fn on_the_modelled_air_the_host_knows_of_a_frame_before_the_reader_goes_on() {
    for card in [true, false] {
        let mut bench = if card { Bench::with(front()) } else { Bench::new() };
        bench.order(Request::Trace(true));
        bench.reader(&Message::FieldOn { pause_us: 0 });
        bench.notes();
        bench.short(0x52);
        assert!(bench.desk.told_before.get() > 0, "the note of WUPA comes before its answer, with a card: {card}");
    }
}

/// What a reader or a host may do, sensible or not.
#[derive(Debug, Clone)]
enum Act {
    Short(u8),
    Raw(StdVec<u8>),
    Crc(StdVec<u8>),
    Field(bool),
    Answer(StdVec<u8>, Option<Fault>),
    Present,
    Remove,
    Wait,
}

fn acts() -> impl Strategy<Value = Act> {
    let fault = prop_oneof![
        Just(None),
        (0..3u8).prop_map(|times| Some(Fault::Drop { times })),
        (any::<u32>(), 0..3u8).prop_map(|(seed, times)| Some(Fault::Corrupt { seed, times })),
        any::<u32>().prop_map(|delay_us| Some(Fault::Late { delay_us })),
        (0..3u8, any::<u8>(), 0..3u8).prop_map(|(times, multiplier, lost)| Some(Fault::Wtx {
            times,
            multiplier,
            lost
        })),
        any::<u8>().prop_map(|size| Some(Fault::Chain { size })),
        any::<u8>().prop_map(|pcb| Some(Fault::Pcb(pcb))),
        prop::sample::select(vec![Fault::Cut, Fault::Mute, Fault::BlockNumber, Fault::Oversize]).prop_map(Some),
    ];
    let pcb = prop::sample::select(vec![0x02, 0x03, 0x12, 0x13, 0xA2, 0xA3, 0xB2, 0xB3, 0xC2, 0xF2, 0xE0, 0x50]);
    let block = (pcb, prop::collection::vec(any::<u8>(), 0..6)).prop_map(|(pcb, inf)| {
        let mut block = vec![pcb];
        block.extend(inf);
        Act::Crc(block)
    });
    prop_oneof![
        1 => prop::sample::select(vec![0x26, 0x52, 0x00]).prop_map(Act::Short),
        1 => prop::collection::vec(any::<u8>(), 0..=MAX_FRAME).prop_map(Act::Raw),
        8 => block,
        1 => prop::sample::select(vec![vec![0xA2], vec![0xA3], vec![0xB2], vec![0xB3]]).prop_map(Act::Crc),
        1 => any::<bool>().prop_map(Act::Field),
        6 => (prop::collection::vec(any::<u8>(), 0..258), fault).prop_map(|(bytes, fault)| Act::Answer(bytes, fault)),
        1 => Just(Act::Present),
        1 => Just(Act::Remove),
        2 => Just(Act::Wait),
    ]
}

proptest! {
    #[test]
    fn every_frame_gets_exactly_one_answer(activate: bool, acts in prop::collection::vec(acts(), 0..60)) {
        let mut bench = Bench::with(front());
        if activate {
            bench.activate();
        }
        let mut open: StdVec<u8> = StdVec::new();
        let mut command = 0;
        for act in acts {
            let mut got = match act {
                Act::Short(bits) => { let got = bench.short(bits); open.push(bench.exchange()); got }
                Act::Raw(bytes) => { let got = bench.raw(&bytes); open.push(bench.exchange()); got }
                Act::Crc(body) => { let got = bench.send(&body); open.push(bench.exchange()); got }
                Act::Field(true) => { bench.reader(&Message::FieldOn { pause_us: 0 }); bench.got() }
                Act::Field(false) => { bench.reader(&Message::FieldOff { pause_us: 0 }); bench.got() }
                Act::Answer(bytes, fault) => {
                    let response = Response::from_slice(&bytes).expect("fits");
                    bench.answer(command, Answer { response, delay_us: 0, fault });
                    bench.got()
                }
                Act::Present => { bench.order(Request::Present); bench.got() }
                Act::Remove => { bench.order(Request::Remove); bench.got() }
                Act::Wait => {
                    bench.desk.now_us.set(bench.desk.now_us.get() + Desk::PATIENCE_US);
                    bench.relay.serve(&bench.desk);
                    bench.got()
                }
            };
            got.retain(|got| !matches!(got, Got::Load(_)));
            for got in got {
                let (Got::Answer { exchange, .. } | Got::Silence(exchange) | Got::Collision(exchange)) = got else {
                    unreachable!()
                };
                prop_assert_eq!(open.first(), Some(&exchange), "answered once, and in order");
                open.remove(0);
            }
            prop_assert!(open.len() <= 1, "only the last frame may wait: {:?}", open);
            prop_assert_eq!(open.is_empty(), !bench.relay.over().is_open());
            for report in bench.reports() {
                if let Report::Command { number, .. } = report {
                    command = number;
                }
            }
        }
        bench.reader(&Message::FieldOff { pause_us: 0 });
        prop_assert_eq!(bench.got().len(), open.len());
    }
}
