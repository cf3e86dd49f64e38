//! Frame delays, in clocks of the carrier.

use super::chip::{Sent, clocks};
use super::world::World;
use super::{UID, answer, front};
use emulator::air_time::fwt_ns;
use emulator::with_crc;
use proptest::prelude::*;
use std::rc::Rc;
use wire::link::{Fault, Front, Report};

/// The frame delay after a frame that ends in a one, and after one that ends in a zero.
const SHORTEST: [u64; 2] = [1236, 1172];

/// A card that exchanges blocks, whose host answers after `thinking_us` with a delay or a fault.
fn activated(card: Front, thinking_us: u64, delay_us: u32, fault: Option<Fault>) -> World {
    let mut world = World::with(card, Rc::new(move |_| answer(&[0x90, 0x00], delay_us, fault)));
    world.thinking = clocks(thinking_us);
    let [a, b, c, d] = UID;
    world.exchange(Sent::Short(0x52), 2000).expect("ATQA");
    world.exchange(Sent::Bytes(&[0x93, 0x20]), 2000).expect("UID");
    world.exchange(Sent::Bytes(&with_crc(&[0x93, 0x70, a, b, c, d, a ^ b ^ c ^ d])), 2000).expect("SAK");
    world.exchange(Sent::Bytes(&with_crc(&[0xE0, 0x80])), 80_000).expect("ATS");
    world
}

/// Frame delay and bytes of the answer to an I-block, within `limit_us`.
fn ask(world: &mut World, limit_us: u64) -> Option<(u64, Vec<u8>)> {
    world.exchange(Sent::Bytes(&with_crc(&[0x02, 0x00, 0xA4, 0x04, 0x00])), clocks(limit_us))
}

#[test]
fn activation_keeps_the_shortest_frame_delay() {
    let world = activated(front(&UID, 7), 1000, 0, None);
    for (delay, bytes) in &world.heard {
        assert!(SHORTEST.contains(delay), "{delay} clocks before {bytes:02X?}");
    }
    assert_eq!(world.heard.len(), 4);
    world.is_sound();
}

#[test]
fn a_frame_that_is_late_by_the_firmware_stays_on_the_grid() {
    let mut world = World::with(front(&UID, 7), Rc::new(|_| answer(&[0x90, 0x00], 0, None)));
    world.latency = clocks(700);
    let [a, b, c, d] = UID;
    world.exchange(Sent::Short(0x52), 2000).expect("ATQA");
    world.exchange(Sent::Bytes(&with_crc(&[0x93, 0x70, a, b, c, d, a ^ b ^ c ^ d])), 2000).expect("SAK");
    world.pass(clocks(1000));
    let (delay, _) = world.exchange(Sent::Bytes(&with_crc(&[0xE0, 0x80])), 80_000).expect("ATS");
    assert!(delay > clocks(700) && SHORTEST.iter().any(|shortest| (delay - shortest) % 128 == 0), "{delay} clocks");
    world.is_sound();
}

#[test]
fn an_extension_goes_out_just_before_the_reader_gives_up() {
    for fwi in 4..=14 {
        let mut world = activated(front(&UID, fwi), 10_000_000, 0, None);
        let fwt_us = fwt_ns(fwi) / 1000;
        let (delay, bytes) = ask(&mut world, fwt_us).expect("S(WTX)");
        let wtxm = (300_000u64.div_ceil(fwt_us)).clamp(1, 59) as u8;
        assert_eq!(bytes, with_crc(&[0xF2, wtxm]).to_vec(), "FWI {fwi}");
        let due = clocks(fwt_us - 302);
        assert!((due - 100..due + 500).contains(&delay), "FWI {fwi}: {delay} clocks, not {due}");
        // The confirmation gives the card the time that it asked for, and it asks again.
        let granted_us = fwt_us * u64::from(wtxm);
        let (delay, bytes) =
            world.exchange(Sent::Bytes(&with_crc(&[0xF2, wtxm])), clocks(granted_us)).expect("another S(WTX)");
        assert_eq!(bytes[..2], [0xF2, wtxm], "FWI {fwi}");
        assert!(delay > clocks(granted_us - 1000), "FWI {fwi}: {delay} clocks");
        assert_eq!(world.chip.lost(), 0);
        world.is_sound();
    }
}

#[test]
fn an_answer_that_comes_while_the_extension_goes_out_follows_its_confirmation() {
    // S(WTX) takes about 320 us on the air.
    for thinking_us in (4300..5000).step_by(10) {
        let mut world = activated(front(&UID, 4), thinking_us, 0, None);
        let (_, bytes) = ask(&mut world, 4833).expect("an answer");
        let bytes = if bytes[0] == 0xF2 {
            world.exchange(Sent::Bytes(&bytes), clocks(300_000)).expect("the answer").1
        } else {
            bytes
        };
        assert_eq!(bytes, with_crc(&[0x02, 0x90, 0x00]).to_vec(), "{thinking_us} us");
        world.is_sound();
    }
}

#[test]
fn a_late_answer_beyond_the_frame_waiting_time_is_given_up_for_the_readers_next_frame() {
    // FWI 5: 9.7 ms.
    let mut world = activated(front(&UID, 5), 1000, 0, Some(Fault::Late { delay_us: 60_000 }));
    assert_eq!(ask(&mut world, 9666), None);
    let (_, bytes) = world.exchange(Sent::Bytes(&with_crc(&[0xB2])), clocks(9666)).expect("R(NAK) is heard");
    assert_eq!(bytes[..3], [0x02, 0x90, 0x00]);
    assert_eq!(world.exchange(Sent::Bytes(&with_crc(&[0xA3])), clocks(200_000)), None, "the late frame never comes");
    world.is_sound();
}

#[test]
fn a_late_answer_comes_at_its_time_if_the_reader_waits() {
    for delay_us in [60_000, 100_000, 1_000_000] {
        let mut world = activated(front(&UID, 5), 1000, 0, Some(Fault::Late { delay_us }));
        let (delay, bytes) = ask(&mut world, 1_100_000).expect("late");
        assert_eq!(bytes[..3], [0x02, 0x90, 0x00]);
        // By the board's clock: the firmware's latency is in it.
        let late = delay.checked_sub(clocks(delay_us.into())).expect("not before its time");
        assert!(late < clocks(60), "{late} clocks after {delay_us} us");
        world.is_sound();
    }
}

#[test]
fn an_ats_that_comes_too_late_does_not_make_the_card_deaf() {
    let mut world =
        World::with(Front { delay_us: 20_000, ..front(&UID, 7) }, Rc::new(|_| answer(&[0x90, 0x00], 0, None)));
    let [a, b, c, d] = UID;
    world.exchange(Sent::Short(0x52), 2000).expect("ATQA");
    world.exchange(Sent::Bytes(&with_crc(&[0x93, 0x70, a, b, c, d, a ^ b ^ c ^ d])), 2000).expect("SAK");
    let rats = with_crc(&[0xE0, 0x80]);
    assert_eq!(world.exchange(Sent::Bytes(&rats), clocks(5286)), None);
    assert_eq!(world.exchange(Sent::Bytes(&rats), clocks(50_000)), None, "the card knows no RATS in blocks");
    assert_eq!(world.chip.lost(), 0, "but it heard it");
    world.is_sound();
}

#[test]
fn an_answer_that_comes_when_the_frame_delay_timer_ends_goes_out_once() {
    // FWI 9: 154 ms, and the timer counts to 77.3 ms.
    for thinking_us in 77_000..77_400 {
        let mut world = activated(front(&UID, 9), thinking_us, 0, None);
        let (_, bytes) = ask(&mut world, 154_000).expect("an answer");
        assert_eq!(bytes, with_crc(&[0x02, 0x90, 0x00]).to_vec(), "{thinking_us} us");
        assert_eq!(world.exchange(Sent::Bytes(&with_crc(&[0xA3])), clocks(10_000)), None, "{thinking_us} us");
        world.is_sound();
    }
}

#[test]
fn a_late_answer_does_not_begin_while_the_reader_speaks() {
    // R(NAK) takes 274 us, half a ms after the end of the reader's patience.
    for delay_us in (10_180..10_430).step_by(10) {
        let mut world = activated(front(&UID, 5), 1000, 0, Some(Fault::Late { delay_us }));
        assert_eq!(ask(&mut world, 9666), None);
        let (_, bytes) = world.exchange(Sent::Bytes(&with_crc(&[0xB2])), clocks(9666)).expect("R(NAK) is heard");
        assert_eq!(bytes, with_crc(&[0x02, 0x90, 0x00]).to_vec(), "{delay_us} us");
        world.is_sound();
    }
}

#[test]
fn a_firmware_that_looks_after_the_time_of_a_frame_sends_it_on_the_grid() {
    for latency_us in (400..700).step_by(5) {
        let card = Front { delay_us: 450, ..front(&UID, 7) };
        let mut world = World::with(card, Rc::new(|_| answer(&[0x90, 0x00], 0, None)));
        world.latency = clocks(latency_us);
        let [a, b, c, d] = UID;
        world.exchange(Sent::Short(0x52), 2000).expect("ATQA");
        world.exchange(Sent::Bytes(&with_crc(&[0x93, 0x70, a, b, c, d, a ^ b ^ c ^ d])), 2000).expect("SAK");
        world.pass(clocks(1000));
        let (delay, _) = world.exchange(Sent::Bytes(&with_crc(&[0xE0, 0x80])), 80_000).expect("ATS");
        // 542 us; less 30 us for the firmware to start the frame.
        let exact = [7350, 7350 - 64].contains(&delay);
        let on_grid = SHORTEST.iter().any(|shortest| (delay - shortest) % 128 == 0);
        assert_eq!((exact, on_grid), (latency_us < 510, latency_us >= 510), "{delay} clocks at {latency_us} us");
        world.is_sound();
    }
}

#[test]
fn a_board_that_misses_the_time_of_a_frame_sends_it_at_once() {
    // From 5 us an access, starting a frame takes longer than the firmware reckons with.
    for access in (0..200).step_by(7) {
        let mut world = activated(front(&UID, 7), 1000, 3000, None);
        world.chip.slow_down(access);
        let (delay, bytes) = ask(&mut world, 38_000).expect("not too late for the reader");
        assert_eq!(bytes, with_crc(&[0x02, 0x90, 0x00]).to_vec());
        assert!(delay >= clocks(3000), "{delay} clocks at {access} an access");
        let (_, bytes) = world.exchange(Sent::Bytes(&with_crc(&[0xC2])), clocks(5000)).expect("S(DESELECT)");
        assert_eq!(bytes[0], 0xC2);
        world.is_sound();
    }
}

proptest! {
    #[test]
    fn a_delay_within_the_frame_waiting_time_is_exact_to_the_clock(
        own_us in 0..3000u32, delay_us in 2500..30_000u32, latency_us in 0..200u64, thinking_us in 100..2000u64, fwi in 7..=9u8,
    ) {
        let mut world = activated(Front { delay_us: own_us, ..front(&UID, fwi) }, thinking_us, delay_us, None);
        world.latency = clocks(latency_us);
        let (delay, _) = ask(&mut world, 38_000).expect("in time");
        // The I-block ends in a one or in a zero; the firmware reckons with a one.
        let wanted = (u64::from(92 + own_us + delay_us) * 1356 + 50) / 100;
        prop_assert!(delay == wanted || delay == wanted - 64, "{} clocks, not {}", delay, wanted);
        // ATS, too, is as late as the card is slow.
        let (ats, _) = world.heard[3];
        let wanted = (u64::from(92 + own_us) * 1356 + 50) / 100;
        prop_assert!(own_us < 300 || ats == wanted || ats == wanted - 64, "{} clocks, not {}", ats, wanted);
        let refused = world.reports().any(|report| matches!(report, Report::Refused { .. }));
        prop_assert!(!refused);
        world.is_sound();
    }
}
