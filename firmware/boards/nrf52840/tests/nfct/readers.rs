//! Readers and hosts that do anything at any time, and what the model does not let pass.

use super::chip::{Chip, Sent, clocks};
use super::world::World;
use super::{UID, answer, front};
use board_nrf52840::nfct::registers::*;
use emulator::with_crc;
use proptest::prelude::*;
use std::rc::Rc;
use wire::link::{Fault, Front, Release, Report, Request};

/// What a reader or a host does.
#[derive(Debug, Clone)]
enum Act {
    Short(u8),
    Raw(Vec<u8>),
    Crc(Vec<u8>),
    /// As it comes next in an ordinary tap.
    Activate,
    Field(bool),
    Present,
    Remove,
    Wait(u64),
}

fn acts() -> impl Strategy<Value = Act> {
    let bytes = |range| prop::collection::vec(any::<u8>(), range);
    let pcb = prop::sample::select(vec![0x02, 0x03, 0x12, 0x13, 0xA2, 0xA3, 0xB2, 0xB3, 0xC2, 0xF2, 0xE0, 0x50]);
    prop_oneof![
        2 => prop::sample::select(vec![0x26, 0x52, 0x00]).prop_map(Act::Short),
        1 => bytes(1..300).prop_map(Act::Raw),
        6 => (pcb, bytes(0..6)).prop_map(|(pcb, inf)| Act::Crc([vec![pcb], inf].concat())),
        2 => prop::sample::select(vec![vec![0xA2], vec![0xB2], vec![0xC2], vec![0x50, 0x00]]).prop_map(Act::Crc),
        4 => Just(Act::Activate),
        1 => any::<bool>().prop_map(Act::Field),
        1 => Just(Act::Present),
        1 => Just(Act::Remove),
        2 => (0..100_000u64).prop_map(Act::Wait),
    ]
}

fn faults() -> impl Strategy<Value = Option<Fault>> {
    prop_oneof![
        3 => Just(None),
        1 => (0..100_000u32).prop_map(|delay_us| Some(Fault::Late { delay_us })),
        1 => prop::sample::select(vec![
            Fault::Cut, Fault::Mute, Fault::Drop { times: 1 }, Fault::Corrupt { seed: 3, times: 1 }, Fault::Oversize,
            Fault::Wtx { times: 2, multiplier: 3, lost: 1 },
        ])
        .prop_map(Some),
    ]
}

/// WUPA to RATS, whether or not there is an answer.
fn activate(world: &mut World) -> Option<(u64, Vec<u8>)> {
    let [a, b, c, d] = UID;
    world.exchange(Sent::Short(0x52), 2000);
    world.exchange(Sent::Bytes(&[0x93, 0x20]), 2000);
    world.exchange(Sent::Bytes(&with_crc(&[0x93, 0x70, a, b, c, d, a ^ b ^ c ^ d])), 2000);
    world.exchange(Sent::Bytes(&with_crc(&[0xE0, 0x80])), 80_000)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn no_reader_and_no_host_makes_the_firmware_do_what_the_chip_would_not(
        acts in prop::collection::vec(acts(), 0..40), fault in faults(), fwi in 4..=10u8,
        latency in 0..3000u64, thinking_us in 0..200_000u64, own_us in 0..5700u32,
    ) {
        let card = Front { delay_us: own_us, ..front(&UID, fwi) };
        let mut world = World::with(card, Rc::new(move |_| answer(&[0x90, 0x00], 0, fault)));
        (world.latency, world.thinking) = (latency, clocks(thinking_us));
        for act in acts {
            match act {
                Act::Short(bits) => { world.exchange(Sent::Short(bits), 70_000); }
                Act::Raw(bytes) => { world.exchange(Sent::Bytes(&bytes), 70_000); }
                Act::Crc(body) => { world.exchange(Sent::Bytes(&with_crc(&body)), 500_000); }
                Act::Activate => { activate(&mut world); }
                Act::Field(on) => world.chip.set_field(on),
                Act::Present => world.ask(Request::Present),
                Act::Remove => world.ask(Request::Remove),
                Act::Wait(us) => world.pass(clocks(us)),
            }
        }
        prop_assert_eq!(world.chip.violations(), Vec::<String>::new());
        // Whatever was before: a card that is presented anew is a good one.
        world.ask(Request::Present);
        world.chip.set_field(true);
        world.pass(clocks(10_000));
        let ats = activate(&mut world).map(|(_, bytes)| bytes);
        prop_assert_eq!(ats.map(|ats| ats[1]), Some(0x78));
        prop_assert_eq!(world.chip.violations(), Vec::<String>::new());
    }

    #[test]
    fn a_field_that_goes_off_at_any_time_leaves_a_card_that_can_be_activated(
        after_us in 0..60_000u64, off_us in 100..20_000u64, thinking_us in 0..50_000u64, fwi in 4..=9u8,
    ) {
        let mut world = World::with(front(&UID, fwi), Rc::new(|_| answer(&[0x90, 0x00], 100, None)));
        world.thinking = clocks(thinking_us);
        activate(&mut world).expect("ATS");
        // The reader does not wait for the answer.
        world.exchange(Sent::Bytes(&with_crc(&[0x02, 0x00, 0xA4])), 1);
        world.pass(clocks(after_us));
        world.chip.set_field(false);
        world.pass(clocks(off_us));
        world.chip.set_field(true);
        world.pass(clocks(5100));
        let ats = activate(&mut world).map(|(_, bytes)| bytes);
        prop_assert_eq!(ats.map(|ats| ats[1]), Some(0x78));
        let fields: Vec<_> = world.reports().filter_map(|r| if let Report::Field(on) = r { Some(*on) } else { None }).collect();
        prop_assert_eq!(fields, [true, false, true]);
        prop_assert!(world.reports().any(|report| *report == Report::Released(Release::FieldOff)));
        prop_assert_eq!(world.chip.violations(), Vec::<String>::new());
    }
}

#[test]
fn a_field_that_vanishes_while_the_chip_settles_is_noticed() {
    for on_us in (0..3000).step_by(50) {
        let mut world = World::new(Rc::new(|_| answer(&[0x90, 0x00], 0, None)));
        world.ask(Request::Configure(front(&UID, 7)));
        world.ask(Request::Present);
        world.chip.set_field(true);
        world.pass(clocks(on_us));
        world.chip.set_field(false);
        world.pass(clocks(5000));
        world.chip.set_field(true);
        world.pass(clocks(5100));
        assert!(activate(&mut world).is_some(), "after {on_us} us of field");
        let seen = world.reports().filter(|report| matches!(report, Report::Field(_))).count();
        assert_eq!(seen, if on_us < 100 { 1 } else { 3 }, "on, off and on again, after {on_us} us of field");
        world.is_sound();
    }
}

#[test]
fn a_halted_card_is_woken_by_wupa_alone_and_goes_back_to_sleep_after_a_mistake() {
    let mut world = World::with(front(&UID, 7), Rc::new(|_| answer(&[0x90, 0x00], 0, None)));
    let is_there = |world: &mut World, short| world.exchange(Sent::Short(short), 2000).is_some();
    for halt in [vec![0x50, 0x00], vec![0xC2]] {
        if halt[0] == 0xC2 {
            activate(&mut world).expect("ATS");
        } else {
            let [a, b, c, d] = UID;
            world.exchange(Sent::Short(0x52), 2000);
            world.exchange(Sent::Bytes(&with_crc(&[0x93, 0x70, a, b, c, d, a ^ b ^ c ^ d])), 2000).expect("SAK");
        }
        world.exchange(Sent::Bytes(&with_crc(&halt)), 10_000);
        assert!(!is_there(&mut world, 0x26), "REQA after {halt:02X?}");
        assert!(is_there(&mut world, 0x52), "WUPA after {halt:02X?}");
        world.exchange(Sent::Bytes(&[0x01]), 2000);
        assert!(!is_there(&mut world, 0x26), "asleep again after {halt:02X?}");
        assert!(activate(&mut world).is_some(), "after {halt:02X?}");
        world.exchange(Sent::Bytes(&with_crc(&[0xC2])), 10_000).expect("S(DESELECT)");
    }
    world.is_sound();
}

#[test]
fn a_card_that_exchanges_blocks_does_not_hear_reqa_or_hlta() {
    let mut world = World::with(front(&UID, 7), Rc::new(|_| answer(&[0x90, 0x00], 0, None)));
    activate(&mut world).expect("ATS");
    for noise in [Sent::Short(0x26), Sent::Short(0x52), Sent::Bytes(&with_crc(&[0x50, 0x00])), Sent::Bytes(&[1, 2, 3])]
    {
        assert_eq!(world.exchange(noise, 10_000), None);
    }
    let (_, bytes) = world.exchange(Sent::Bytes(&with_crc(&[0x02, 0x00, 0xA4])), 500_000).expect("still there");
    assert_eq!(bytes[..3], [0x02, 0x90, 0x00]);
    world.is_sound();
}

/// A peripheral that is on, in a field, and settled.
fn on() -> Chip {
    let chip = Chip::new();
    chip.set_field(true);
    (&chip).write(task::SENSE, 1);
    chip.advance(chip.now() + clocks(1200));
    (&chip).write(task::ACTIVATE, 1);
    chip.advance(chip.now() + clocks(100));
    assert_eq!(chip.violations(), [""; 0]);
    chip
}

/// What the model says to this.
fn refused(chip: Chip, play: impl Fn(&&Chip)) -> String {
    play(&&chip);
    chip.advance(chip.now() + clocks(10_000));
    let violations = chip.violations();
    assert_eq!(violations.len(), 1, "{violations:?}");
    violations[0].split_once(": ").expect("a time").1.to_owned()
}

fn load(chip: &&Chip, mode: u32) {
    chip.write(PACKETPTR, chip.transmit_buffer().address);
    chip.write(MAXLEN, 16);
    chip.write(TXD_AMOUNT, 3 << 3);
    chip.write(FRAMEDELAYMODE, mode);
}

#[test]
fn the_model_refuses_what_the_chip_refuses() {
    let start = |mode| {
        move |chip: &&Chip| {
            load(chip, mode);
            chip.write(task::STARTTX, 1);
        }
    };
    assert_eq!(refused(Chip::new(), start(mode::FREE_RUN)), "a transmission without a field");
    let dark = on();
    dark.set_field(false);
    assert_eq!(refused(dark, start(mode::FREE_RUN)), "a transmission without a field");
    for mode in [mode::WINDOW, mode::EXACT_VAL, mode::WINDOW_GRID] {
        assert_eq!(refused(on(), start(mode)), "a transmission at a time after a frame, and there was no frame");
    }
    let twice = refused(on(), |chip| {
        start(mode::FREE_RUN)(chip);
        chip.write(task::STARTTX, 1);
    });
    assert_eq!(twice, "a transmission before the end of the one before");
    let flash = refused(on(), |chip| {
        load(chip, mode::FREE_RUN);
        chip.write(PACKETPTR, 0x0000_4000);
        chip.write(task::ENABLERXDATA, 1);
        chip.write(PACKETPTR, chip.transmit_buffer().address);
    });
    assert_eq!(flash, "EasyDMA does not reach 00004000");
    let early = refused(Chip::new(), |chip| {
        chip.set_field(true);
        chip.write(task::SENSE, 1);
        chip.advance(chip.now() + clocks(600));
        chip.write(task::ACTIVATE, 1);
    });
    assert_eq!(early, "ACTIVATE less than 1 ms after FIELDDETECTED: anomaly 190");
    assert_eq!(refused(on(), |chip| chip.write(NFCID1_LAST, 1)), "another card while the peripheral is on");
    assert_eq!(refused(on(), |chip| chip.write(FRAMEDELAYMAX, 0x10_0000)), "FRAMEDELAYMAX has 20 bits");
    let long = refused(on(), |chip| {
        load(chip, mode::FREE_RUN);
        chip.write(TXD_AMOUNT, 17 << 3);
        chip.write(task::STARTTX, 1);
    });
    assert_eq!(long, "088 bits of a buffer of 16 bytes are sent");
    let late_settings = refused(on(), |chip| {
        chip.write(FRAMEDELAYMODE, mode::WINDOW_GRID);
        chip.write(FRAMEDELAYMAX, LONGEST_DELAY);
        chip.begin(Sent::Short(0x52));
        chip.advance(chip.now() + Sent::Short(0x52).duration());
        chip.end(Sent::Short(0x52));
    });
    assert!(late_settings.starts_with("anticollision with FFFFF"), "{late_settings}");
}

/// The peripheral in the model, after a frame that ends in a one, `count` clocks after its frame delay timer began.
fn after_a_frame(count: u64) -> Chip {
    let chip = on();
    (&chip).write(AUTOCOLRESCONFIG, AUTOCOLRES_OFF);
    (&chip).write(FRAMEDELAYMAX, 20_000);
    (&chip).write(PACKETPTR, (&&chip).receive_buffer().address);
    (&chip).write(MAXLEN, 257);
    (&chip).write(task::ENABLERXDATA, 1);
    let frame = Sent::Bytes(&[0xB2, 0x67, 0xC7]);
    chip.begin(frame);
    chip.advance(chip.now() + frame.duration());
    chip.end(frame);
    chip.advance(chip.now() + 20 + count);
    chip
}

#[test]
fn the_model_starts_a_frame_when_the_specification_says() {
    // FRAMEDELAYMIN is 1152, FRAMEDELAYMAX 20000. Mode, count at STARTTX, count at the start of the frame.
    for (mode, count, wanted) in [
        (mode::WINDOW, 500, Some(1152)),
        (mode::WINDOW, 1500, Some(1510)),
        (mode::WINDOW, 20_100, None),
        (mode::WINDOW_GRID, 500, Some(1152)),
        (mode::WINDOW_GRID, 1500, Some(1536)),
        (mode::WINDOW_GRID, 20_100, None),
        (mode::EXACT_VAL, 500, Some(20_000)),
        (mode::EXACT_VAL, 20_100, None),
        (mode::FREE_RUN, 500, Some(530)),
        (mode::FREE_RUN, 20_100, Some(20_130)),
    ] {
        let chip = after_a_frame(count);
        let zero = chip.now() - count;
        load(&&chip, mode);
        (&chip).write(task::STARTTX, 1);
        chip.advance(zero + 60_000);
        assert_eq!(chip.violations(), [""; 0]);
        let start = chip.answer().map(|answer| answer.start - zero);
        assert_eq!(start, wanted, "mode {mode} at {count}");
        assert_eq!((&chip).read(event::ERROR), u32::from(count > 20_000), "mode {mode} at {count}");
    }
}

#[test]
fn a_transmission_that_is_missing_ends_the_frame_delay_with_an_error() {
    let chip = after_a_frame(0);
    chip.advance(chip.now() + 30_000);
    assert_eq!((&chip).read(event::ERROR), 1);
    assert_eq!((&chip).read(ERRORSTATUS), FRAMEDELAYTIMEOUT);
}
