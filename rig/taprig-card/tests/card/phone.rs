//! Phones: keys that change, and owners who unlock.

use crate::reader::{NEW, card, image, tap, verify};
use taprig_card::personalise;

#[test]
fn each_tap_of_a_token_is_signed_by_its_own_key_under_its_own_certificate() {
    let mut phone = card("phone-token", &[]);
    let taps: Vec<_> = (0..3).map(|_| tap(&mut phone, NEW).unwrap()).collect();
    let keys: Vec<_> = taps.iter().map(|tap| verify(tap).unwrap().card.modulus).collect();
    assert!(keys[0] != keys[1] && keys[0] == keys[2]);
    let [first, second, third] = [0, 1, 2].map(|at: usize| &taps[at].tags);
    assert!(first[&0x9F46] != second[&0x9F46] && first[&0x9F46] == third[&0x9F46]);
    assert_eq!((first[&0x9F47].as_slice(), second[&0x9F47].as_slice()), (&[3][..], &[1, 0, 1][..]));
    assert!(first[&0x5A] == second[&0x5A] && first[&0x9F36] != second[&0x9F36]);
}

#[test]
fn a_signature_of_one_key_does_not_fit_the_certificate_of_the_other() {
    let mut phone = card("phone-token", &[]);
    let [first, mut second] = [0, 1].map(|_| tap(&mut phone, NEW).unwrap());
    for tag in [0x9F46, 0x9F47, 0x9F48] {
        second.tags.insert(tag, first.tags[&tag].clone());
    }
    assert!(verify(&second).is_err());
}

#[test]
fn keys_of_different_lengths_are_refused() {
    let mut image = image("phone-token");
    let oda = image.applications[0].oda.as_mut().unwrap();
    oda.next_cards.push("test-card-1152-e3".parse().unwrap());
    let error = personalise(&image, &crate::reader::RING, &[]).unwrap_err().to_string();
    assert!(error.contains("oda.next-cards: each key must have the length of `card`"), "{error}");
}

#[test]
fn a_phone_may_want_to_be_unlocked_for_larger_amounts_only() {
    /// Cardholder verification required.
    const LARGE: [u8; 4] = [0x21, 0xC0, 0, 0x80];
    let mut phone = card("phone-larger-amounts", &[]);
    assert_eq!(tap(&mut phone, NEW).unwrap().tags[&0x9F6C], [0, 0]);
    assert_eq!(tap(&mut phone, LARGE).err(), Some(0x6986));
    assert_eq!(tap(&mut phone, LARGE).unwrap().tags[&0x9F6C], [0, 0x80]);
}
