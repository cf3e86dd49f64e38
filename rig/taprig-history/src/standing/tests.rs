//! Synthetic nights: a flake, a regression and a fault of the rig are told apart.

use super::*;
use crate::change::What;
use crate::samples::{Nights, row};
use taprig_model::history::{Night, NightCase};

fn stand(nights: &[Night]) -> Standing {
    let series = &Series::all(nights)[0];
    let seen = series.case("BUS-001").unwrap();
    of(series, "BUS-001", &seen, 30).unwrap()
}

fn state(letters: &str) -> State {
    stand(&Nights::of("BUS-001", letters).nights).state
}

#[test]
fn a_regression_has_its_first_bad_night_and_what_changed_then() {
    let nights = Nights::of("BUS-001", "PPPPPPPPPPPPPPPPPPPPPPPPPPPFFF").firmware(27, "00000000000000f2").nights;
    let standing = stand(&nights);
    assert_eq!(standing.state, State::Broken);
    assert_eq!(standing.turn.first.day(), "2026-11-28");
    assert_eq!(standing.turn.before.as_ref().unwrap().day(), "2026-11-27");
    assert_eq!((standing.turn.nights, standing.turn.unknown), (3, 0));
    let changes: Vec<_> = standing.turn.changes.iter().map(|change| (&change.what, change.now.as_str())).collect();
    assert_eq!(changes, [(&What::Firmware, "00000000000000f2")]);
    assert_eq!((standing.rate.count, standing.rate.of), (3, 3), "it only fails");
}

#[test]
fn a_flake_has_both_verdicts_under_one_key_and_a_rate() {
    let standing = stand(&Nights::of("BUS-001", "PPPPFPPPPPPPPFPPPPPPPPPPPFPPPP").nights);
    assert_eq!((standing.state, standing.bad_now), (State::Flaky, false));
    assert_eq!((standing.rate.count, standing.rate.of), (3, 30));
    assert!(standing.rate.low > 0.03 && standing.rate.high < 0.26, "{:?}", standing.rate);
    assert_eq!(state("PPPPFPPPPPPPPFPPPPPPPPPPPPPPPF"), State::Flaky, "whether it fails at last or not");
}

#[test]
fn a_fault_of_the_rig_is_neither() {
    assert_eq!(state("PPPPEPPPPEPPPPEEP"), State::Good);
    let nights = Nights::of("BUS-001", "EEEE").nights;
    let series = &Series::all(&nights)[0];
    assert!(of(series, "BUS-001", &series.case("BUS-001").unwrap(), 30).is_none(), "nothing is known of the device");
    assert!(notable(series, 30).is_empty());
}

#[test]
fn nights_without_a_verdict_before_the_first_bad_one_are_told() {
    let nights = Nights::of("BUS-001", "PPPPPPPPEEF-F").firmware(8, "00000000000000f2").nights;
    let standing = stand(&nights);
    assert_eq!((standing.state, standing.turn.unknown, standing.turn.nights), (State::Broken, 2, 2));
    assert_eq!(standing.turn.before.unwrap().day(), "2026-11-08");
}

#[test]
fn failures_without_a_known_cause_are_a_flake_at_first_and_a_breakage_soon() {
    assert_eq!(state("PPPPPPPPPPPPPPPPPPPPPPPPPF"), State::Flaky);
    assert_eq!(state("PPPPPPPPPPPPPPPPPPPPPPPPPFF"), State::Broken);
    assert_eq!(state("PPFF"), State::Flaky, "two nights before do not say enough");
    // Somebody has mended it, and nothing tells how.
    assert_eq!(state("FFFFFFFFPPP"), State::Good);
}

#[test]
fn a_change_outside_the_key_explains_one_turn() {
    let mut nights = Nights::of("BUS-001", "PPPPPF").nights;
    assert_eq!(stand(&nights).state, State::Flaky);
    nights[5].tool = "taprig 0.2.0".into();
    let standing = stand(&nights);
    assert_eq!((standing.state, &standing.turn.changes[0].what), (State::Broken, &What::Tool));
}

#[test]
fn with_another_firmware_each_night_a_flake_is_unsteady() {
    let mut nights = Nights::of("BUS-001", "PPPPFPPPFPPPPF");
    for night in 0..14 {
        nights = nights.firmware(night, &format!("{night:016x}"));
    }
    let standing = stand(&nights.nights);
    assert_eq!((standing.state, standing.rate.count, standing.rate.of), (State::Unsteady, 3, 14));
    let mut nights = Nights::of("BUS-001", "PPPPPPPPPPPPFF");
    for night in 0..14 {
        nights = nights.firmware(night, &format!("{night:016x}"));
    }
    assert_eq!(stand(&nights.nights).state, State::Broken, "a regression is none");
}

#[test]
fn a_case_that_was_flaky_and_breaks_is_broken() {
    let letters = "PPPPFPPPPPPPPFPPPPPPPPPFFFF";
    assert_eq!(stand(&Nights::of("BUS-001", letters).firmware(23, "new").nights).state, State::Broken);
    assert_eq!(state(letters), State::Broken);
}

#[test]
fn attempts_within_a_night_count() {
    let mut nights = Nights::of("BUS-001", "PPP").nights;
    nights[1].cases = vec![NightCase { earlier: vec![Verdict::Fail], ..row("BUS-001", 'P') }];
    assert_eq!(stand(&nights).state, State::Flaky);
}

#[test]
fn another_case_device_or_serial_number_is_another_key() {
    let alterations: [fn(&mut Night); 3] = [
        |night| night.cases[0].digest = Some("new".into()),
        |night| night.device_digest = Some("new".into()),
        |night| night.benches[0].serial_number = Some("A8".into()),
    ];
    for alter in alterations {
        let mut nights = Nights::of("BUS-001", "PPPPPF").nights;
        alter(&mut nights[5]);
        assert_eq!(stand(&nights).state, State::Broken);
    }
}

#[test]
fn a_case_that_passes_again_is_told_once() {
    let nights = Nights::of("BUS-001", "PPPFFFP").firmware(3, "f2").firmware(6, "f3").nights;
    let standing = stand(&nights);
    assert!(standing.mended && standing.state == State::Good && standing.is_notable());
    let nights = Nights::of("BUS-001", "PPPFFFPP").firmware(3, "f2").firmware(6, "f3").nights;
    assert!(!stand(&nights).is_notable());
}

#[test]
fn only_cases_of_the_newest_night_are_notable() {
    let nights =
        Nights::of("BUS-001", "PPPF-").case("BUS-002", "PPPPF").case("BUS-003", "PPPPP").firmware(3, "f2").nights;
    let notable = notable(&Series::all(&nights)[0], 30);
    assert_eq!(notable.iter().map(|standing| standing.id.as_str()).collect::<Vec<_>>(), ["BUS-002"]);
}

#[test]
fn flakes_before_the_window_are_forgotten() {
    let letters = format!("PPPPPPPPF{}", "P".repeat(32));
    assert_eq!(state(&letters), State::Good);
    assert_eq!(state(&letters[..20]), State::Flaky);
}
