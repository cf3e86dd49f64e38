//! Every field of a claim is held against its tap: each rule with a claim that breaks it.

use std::collections::BTreeMap;

use taprig_acquirer::codec::{Message, tlv};
use taprig_model::event::{Body, Book};

use super::acquirer::{ALIKE, CARD, Scene, TAP, in_words, object, with_object};
use super::*;

#[test]
fn each_field_that_differs_is_named() {
    for (message, named) in [
        (TAP.claim(1).digits(2, ALIKE), "field 2 is"),
        (TAP.claim(1).digits(35, format!("{ALIKE}D35122200000000000")), "field 35 is"),
        (TAP.claim(1).digits(35, format!("{CARD}D35122210000000000")), "the rest of field 35"),
        (TAP.claim(1).digits(3, "200000"), "field 3 is 200000 and must be 000000"),
        (TAP.claim(1).digits(3, "003000"), "field 3 is 003000 and must be 000000"),
        (TAP.claim(1).digits(22, "052"), "field 22 is 052 and must be 072"),
        (TAP.claim(1).digits(22, "071"), "field 22 is 071 and must be 072"),
        (TAP.claim(1).digits(25, "01"), "field 25 is 01 and must be 00"),
        (TAP.claim(1).digits(60, "22000001000501"), "the entry capability in field 60 is 5 and must be 6"),
        (TAP.claim(1).digits(23, "002"), "field 23"),
        (TAP.claim(1).digits(14, "3511"), "field 14"),
        (TAP.claim(1).text(49, "840"), "field 49"),
        (TAP.claim(1).bytes(48, tlv::encode(&[(0xDF22, b"B8".to_vec())])), "DF22 in field 48"),
        (with_object(&TAP, 0x5A, ALIKE), "5A in field 55"),
        (with_object(&TAP, 0x9F27, "40"), "9F27"),
        (with_object(&TAP, 0x9F10, "07010103A0000002"), "9F10"),
        (with_object(&TAP, 0x9F37, "DEADBEEE"), "9F37"),
        (with_object(&TAP, 0x95, "0800000000"), "95 in"),
        (with_object(&TAP, 0x9A, "180522"), "9A"),
        (with_object(&TAP, 0x9C, "09"), "9C"),
        (with_object(&TAP, 0x9F02, "000000000200"), "9F02"),
        (with_object(&TAP, 0x5F2A, "0840"), "5F2A"),
        (with_object(&TAP, 0x82, "7D00"), "82"),
        (with_object(&TAP, 0x9F1A, "0840"), "9F1A"),
        (with_object(&TAP, 0x9F03, "000000000001"), "9F03"),
        (with_object(&TAP, 0x9F33, "E0E1"), "9F33"),
        (with_object(&TAP, 0x9F35, "2626"), "9F35"),
        (with_object(&TAP, 0x84, "A000000333010101"), "84 in"),
        (with_object(&TAP, 0x9F66, "21800081"), "9F66"),
    ] {
        let mut scene = Scene::with(&[&TAP]);
        scene.say(&message);
        scene.list();
        let (book, seen) = scene.only_wrong();
        assert_eq!(book, Book::Fields, "{named}");
        assert!(seen.contains(named), "{named}: {seen}");
    }
    let mut scene = Scene::with(&[&TAP]);
    scene.settings.insert("terminal".into(), "12345679".into());
    scene.say(&TAP.claim(1));
    scene.list();
    assert_eq!(scene.only_wrong(), (Book::Fields, "field 41 is 12345678 and must be 12345679 (terminal)".to_owned()));
}

#[test]
fn each_data_object_that_is_missing_in_field_55_is_named() {
    let required = [
        0x9F26u32, 0x9F27, 0x9F10, 0x9F37, 0x9F36, 0x95, 0x9A, 0x9C, 0x9F02, 0x5F2A, 0x82, 0x9F1A, 0x9F03, 0x9F33,
        0x9F35, 0x9F1E, 0x84, 0x9F66,
    ];
    // Without one of these two, nobody finds the tap of the claim.
    for tag in required.into_iter().filter(|tag| ![0x9F26, 0x9F36].contains(tag)) {
        let chip: Vec<_> = TAP.chip().into_iter().filter(|(own, _)| *own != tag).collect();
        let mut scene = Scene::with(&[&TAP]);
        scene.say(&TAP.claim(1).bytes(55, tlv::encode(&chip)));
        scene.list();
        assert_eq!(scene.only_wrong(), (Book::Fields, format!("field 55 has no {tag:02X}")));
    }
}

#[test]
fn the_processing_code_begins_with_the_kind_of_the_tap() {
    let seen = |code: &str| {
        let mut scene = Scene::with(&[]);
        let mut events = TAP.events(1);
        // The reader announces another kind of transaction, 9C, after the date.
        for event in &mut events {
            if let Body::Exchange(exchange) = &mut event.body
                && let Some(at) = exchange.command.0.windows(4).position(|four| four == [0x18, 0x05, 0x21, 0x00])
            {
                exchange.command.0[at + 3] = 9;
            }
        }
        scene.events.extend(events);
        scene.ridden.push((TAP.counter.into(), TAP.cryptogram.into(), TAP.charged));
        scene.say(&with_object(&TAP, 0x9C, "09").digits(3, code));
        scene.list();
        scene.wrong().len()
    };
    assert_eq!([seen("090000"), seen("000000")], [0, 1]);
}

/// The message without a field.
fn without(mut message: Message, number: u8) -> Message {
    message.fields.remove(&number);
    message
}

#[test]
fn the_expiry_must_be_in_field_14_or_in_track_2() {
    let mut scene = Scene::with(&[&TAP]);
    scene.say(&without(TAP.claim(1), 14));
    scene.list();
    assert_eq!(scene.wrong(), []);
    let mut scene = Scene::with(&[&TAP]);
    scene.say(&without(without(TAP.claim(1), 14), 35));
    scene.list();
    let (book, seen) = scene.only_wrong();
    assert_eq!(book, Book::Fields);
    assert!(seen.contains("field 14 is absent and must be 3512"), "{seen}");
}

#[test]
fn line_bus_and_driver_that_are_set_must_be_in_field_48() {
    let place = |objects: &[(u32, &str)]| {
        let objects: Vec<_> = objects.iter().map(|(tag, text)| (*tag, text.as_bytes().to_vec())).collect();
        TAP.claim(1).bytes(48, tlv::encode(&objects))
    };
    let whole = [(0xDF21, "1"), (0xDF22, "B7"), (0xDF23, "0815")];
    let seen = |message: &Message, driver: &str| {
        let mut scene = Scene::with(&[&TAP]);
        scene.settings.insert("driver".into(), driver.into());
        scene.say(message);
        scene.list();
        scene.wrong()
    };
    assert_eq!(seen(&place(&whole), "0815"), []);
    assert_eq!(seen(&place(&whole[..2]), ""), [], "no driver is set");
    for (message, named) in [
        (without(place(&whole), 48), "DF21 in field 48 is absent and must be 1 (line)"),
        (place(&whole[1..]), "DF21 in field 48 is absent and must be 1 (line)"),
        (place(&[whole[0], whole[2]]), "DF22 in field 48 is absent and must be B7 (bus)"),
        (place(&whole[..2]), "DF23 in field 48 is absent and must be 0815 (driver)"),
        (place(&[whole[0], whole[1], (0xDF23, "0816")]), "DF23 in field 48 is 0816 and must be 0815 (driver)"),
    ] {
        let wrong = seen(&message, "0815");
        assert!(matches!(wrong.as_slice(), [(Book::Fields, seen)] if seen.contains(named)), "{named}: {wrong:?}");
    }
    // The format of another bank.
    assert_eq!(seen(&TAP.claim(1).bytes(48, *b"PA570900000001"), "0815"), []);
}

/// A tap, then a step that changes the driver from 1 to 2, then the claim that names `driver`. `refused`: the device refuses it.
fn changed(driver: &str, refused: bool, dated: bool) -> Vec<(Book, String)> {
    let mut scene = Scene::with(&[&TAP]);
    scene.dated = dated;
    scene.settings.extend(in_words(&[("driver", "1")]));
    scene.changes = vec![in_words(&[("driver", "2")]), BTreeMap::new()];
    scene.events.push(event(Body::StepDone { number: 1, took_us: 1 }));
    scene.events.push(step(2));
    let refused = refused.then(|| "no".to_owned());
    scene.events.push(event(Body::SettingsTaken { what: "driver 2".into(), refused }));
    scene.events.push(event(Body::StepDone { number: 2, took_us: 1 }));
    scene.events.push(step(3));
    let place = [(0xDF21, "1"), (0xDF22, "B7"), (0xDF23, driver)].map(|(tag, text)| (tag, text.as_bytes().to_vec()));
    scene.say(&TAP.claim(1).bytes(48, tlv::encode(&place)));
    scene.list();
    scene.wrong()
}

#[test]
fn a_claim_names_the_driver_of_its_tap_and_not_that_of_its_sending() {
    assert_eq!(changed("1", false, true), []);
    let other = "DF23 in field 48 is 2 and must be 1 (driver)";
    assert_eq!(changed("2", false, true), [(Book::Fields, other.to_owned())]);
    // The criteria of early records do not say when a setting changes.
    assert_eq!(changed("2", false, false), []);
    assert_eq!(changed("3", false, false).len(), 1);
}

#[test]
fn a_setting_counts_from_its_step_on_unless_it_was_refused() {
    let seen = |driver: &str, refused: bool| {
        let mut scene = Scene::new(serde_json::json!([]));
        scene.sign_on();
        scene.settings.extend(in_words(&[("driver", "1")]));
        scene.changes = vec![in_words(&[("driver", "2")]), BTreeMap::new()];
        scene.events.push(step(2));
        let refused = refused.then(|| "no".to_owned());
        scene.events.push(event(Body::SettingsTaken { what: "driver 2".into(), refused }));
        scene.events.push(step(3));
        scene.taps(&[&TAP]);
        let place =
            [(0xDF21, "1"), (0xDF22, "B7"), (0xDF23, driver)].map(|(tag, text)| (tag, text.as_bytes().to_vec()));
        scene.say(&TAP.claim(1).bytes(48, tlv::encode(&place)));
        scene.list();
        scene.wrong().len()
    };
    assert_eq!([seen("2", false), seen("1", false), seen("1", true), seen("2", true)], [0, 1, 0, 1]);
}

#[test]
fn a_terminal_that_is_set_is_that_of_the_sending() {
    let seen = |terminal: &str| {
        let mut scene = Scene::with(&[&TAP]);
        scene.changes = vec![in_words(&[("terminal", terminal)])];
        scene.events.push(step(2));
        scene.events.push(event(Body::SettingsTaken { what: format!("terminal {terminal}"), refused: None }));
        scene.events.push(event(Body::StepDone { number: 2, took_us: 1 }));
        scene.say(&TAP.claim(1));
        scene.list();
        scene.wrong()
    };
    assert_eq!(seen("12345678"), []);
    assert_eq!(seen("12345679"), [(Book::Fields, "field 41 is 12345678 and must be 12345679 (terminal)".to_owned())]);
}

/// What is wrong with a claim whose 95 has this value. `more`: data objects that the card sends beside its expiry.
fn of_results(value: &str, more: &[(u32, &str)], limit: Option<&str>) -> Vec<(Book, String)> {
    let mut scene = Scene::with(&[]);
    let mut events = TAP.events(1);
    let record: Vec<_> = more.iter().map(|(tag, value)| object(*tag, value)).collect();
    let record = [tlv::encode(&[(0x70, tlv::encode(&record))]), vec![0x90, 0]].concat();
    events.insert(4, exchange(9, &[0, 0xB2, 2, 0x14, 0], &record));
    scene.events.extend(events);
    scene.ridden.push((TAP.counter.into(), TAP.cryptogram.into(), TAP.charged));
    scene.settings.extend(limit.map(|limit| ("floor-limit".to_owned(), limit.to_owned())));
    let expiry = more.iter().find(|(tag, _)| *tag == 0x5F24).map_or("3512", |(_, date)| &date[..4]);
    scene.say(&with_object(&TAP, 0x95, value).digits(14, expiry));
    scene.list();
    scene.wrong()
}

#[test]
fn each_byte_of_the_verification_results_follows_from_the_tap() {
    let fine =
        |value: &str, more: &[(u32, &str)], limit| assert_eq!(of_results(value, more, limit), [], "{value} {more:?}");
    fine("0000000000", &[], None);
    // The card has expired, or is not valid yet; its version or its rules differ.
    fine("0040000000", &[(0x5F24, "180520")], None);
    fine("0000000000", &[(0x5F24, "180521")], None);
    fine("0020000000", &[(0x5F25, "180522")], None);
    fine("0080000000", &[(0x9F08, "0030")], None);
    fine("0010000000", &[(0x9F07, "FF00")], None);
    // The amount of one yuan is above the limit.
    fine("0000008000", &[], Some("0.99 CNY"));
    fine("0000000000", &[], Some("1.00 CNY"));
    fine("0000000000", &[], Some("none"));
    fine("0000008000", &[], None);
    let must = |number: u32, bits: &str| format!("and by the tap byte {number} must have the bits {bits}");
    let never = |number: u32, bits: &str| format!("and by the tap byte {number} must not have the bits {bits}");
    let passed = || "which does not say that the card has passed".to_owned();
    for (value, more, limit, why) in [
        ("0100000000", &[][..], None, passed()),
        ("0200000000", &[], None, passed()),
        ("8000000000", &[], None, passed()),
        ("0040000000", &[], None, never(2, "40")),
        ("0000000000", &[(0x5F24, "180520")], None, must(2, "40")),
        ("0000000000", &[(0x5F24, "991231")], None, must(2, "40")),
        ("0020000000", &[(0x5F25, "180521")], None, never(2, "20")),
        ("0080000000", &[], None, never(2, "80")),
        ("0010000000", &[], None, never(2, "10")),
        ("0008000000", &[], None, never(2, "08")),
        ("0000800000", &[], None, never(3, "80")),
        ("0000040000", &[], None, never(3, "04")),
        ("0000000000", &[], Some("0.99 CNY"), must(4, "80")),
        ("0000008000", &[], Some("1.00 CNY"), never(4, "80")),
        ("0000008000", &[], Some("none"), never(4, "80")),
        ("0000002000", &[], None, never(4, "20")),
        ("0000000001", &[], None, never(5, "01")),
        ("0000000080", &[], None, never(5, "80")),
    ] {
        let wrong = of_results(value, more, limit);
        let named = format!("95 in field 55 is {value}, {why}");
        assert!(matches!(wrong.as_slice(), [(Book::Fields, seen)] if seen.contains(&named)), "{named}: {wrong:?}");
    }
}

#[test]
fn a_request_to_the_issuer_may_say_that_the_card_was_not_authenticated() {
    let seen = |value: &str| {
        let mut scene = Scene::with(&[]);
        let mut events = TAP.events(1);
        let result = events.iter().position(|event| matches!(event.body, Body::Signal { .. })).unwrap();
        let rest = events.split_off(result);
        scene.events.extend(events);
        scene.ridden.push((TAP.counter.into(), TAP.cryptogram.into(), TAP.charged));
        scene.say(&with_object(&TAP, 0x95, value));
        scene.events.extend(rest);
        scene.list();
        scene.wrong().len()
    };
    for (value, wrong) in
        [("A800000000", 0), ("0000000000", 0), ("1000000000", 1), ("0400000000", 1), ("0000800000", 1)]
    {
        assert_eq!(seen(value), wrong, "{value}");
    }
}

/// A device that asked for a PIN says so, and the claim may say so, too.
#[test]
fn a_pin_is_in_the_claim_only_if_the_device_asked_for_one() {
    let seen = |asked: bool, claim: &Message| {
        let mut scene = Scene::with(&[]);
        let mut events = TAP.events(1);
        for event in &mut events {
            if let Body::Signal { signal: Signal::Result { cvm, .. }, .. } = &mut event.body {
                *cvm = asked.then_some(Word::Known(Cvm::OnlinePin));
            }
        }
        scene.events.extend(events);
        scene.ridden.push((TAP.counter.into(), TAP.cryptogram.into(), TAP.charged));
        scene.say(claim);
        scene.list();
        scene.wrong().len()
    };
    for claim in [with_object(&TAP, 0x95, "0000040000"), TAP.claim(1).digits(22, "071")] {
        assert_eq!([seen(true, &claim), seen(false, &claim)], [0, 1]);
    }
    assert_eq!([seen(true, &TAP.claim(1)), seen(true, &TAP.claim(1).digits(22, "073"))], [0, 1]);
}
