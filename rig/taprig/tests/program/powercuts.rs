//! `taprig powercuts`: random cuts on hosted and on emulated boards, and benches that it refuses.

use std::fs;

use super::place::{Place, Ran, repository};

/// A place whose bench `sim` has an acquirer, with the riders' cards.
fn place() -> Place {
    let place = Place::new();
    for file in
        ["cards/unionpay-credit-rsa1024.yaml", "cards/unionpay-quasi-credit.yaml", "validators/uplink-1-yuan.yaml"]
    {
        let text = fs::read_to_string(repository().join("fixtures").join(file)).unwrap();
        place.put(&format!("fixtures/{file}"), &text);
    }
    for bench in ["sim", "qemu"] {
        let file = format!("fixtures/benches/{bench}.yaml");
        let text = fs::read_to_string(place.path(&file)).unwrap();
        place.put(&file, &(text + "acquirer: { link: {} }\n"));
    }
    place
}

fn cut(place: &Place, args: &[&str]) -> Ran {
    Ran::of(&place.taprig(&[&["powercuts"], args].concat()).output().unwrap())
}

#[test]
fn random_cuts_of_a_hosted_validator_lose_nothing_and_are_counted_by_phase() {
    let ran = cut(&place(), &["34", "1", "--bench", "sim"]);
    assert_eq!(ran.code, 0, "{}\n{}", ran.out, ran.err);
    assert!(ran.out.contains("34 cuts, 0 violated; ready again within "), "{}", ran.out);
    for act in ["idle", "start", "tap", "upload", "settlement", "list download", "list entry", "settings"] {
        assert!(ran.out.lines().any(|line| line.starts_with(act)), "no cut in {act}:\n{}", ran.out);
    }
}

#[test]
fn random_cuts_of_an_emulated_validator_lose_nothing() {
    if super::qemu::qemu().is_none() {
        return;
    }
    let ran = cut(&place(), &["4", "1", "--bench", "qemu"]);
    assert_eq!(ran.code, 0, "{}\n{}", ran.out, ran.err);
    assert!(ran.out.contains("4 cuts, 0 violated"), "{}", ran.out);
}

#[test]
fn a_bench_without_an_acquirer_or_a_device_without_a_journal_is_refused() {
    let place = Place::new();
    let ran = cut(&place, &["1", "--bench", "sim"]);
    assert_eq!(ran.code, 2, "{}", ran.err);
    assert!(ran.err.contains("power cuts need an acquirer"), "{}", ran.err);
    let place = self::place();
    place.device("  journal: true", "  journal: false");
    let ran = cut(&place, &["1", "--bench", "sim"]);
    assert_eq!(ran.code, 2, "{}", ran.err);
    assert!(ran.err.contains("a device that claims `journal`"), "{}", ran.err);
    assert_eq!(cut(&place, &["0"]).code, 2, "no cuts");
}
