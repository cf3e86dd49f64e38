//! A claim whose first message was cut on the line: the acquirer has heard only its beginning.

use taprig_model::event::Book;

use super::acquirer::{ALIKE, SampleTap, Scene, TAP};
use super::*;

/// A terminal that has signed on, whose first claim is cut.
fn scene() -> Scene {
    let mut scene =
        Scene::new(serde_json::json!([{ "when": { "message": "ride", "nth": 1 }, "then": [{ "cut-request": 20 }] }]));
    scene.sign_on();
    scene.taps(&[&TAP]);
    scene
}

/// Whether the acquirer received these messages, and this number of claims, each once.
fn stated_messages(scene: &Scene, messages: &str, claims: usize) -> Vec<bool> {
    let wanted = format!("{{ messages: {messages}, claims: [{}] }}", vec!["{ sent: 1 }"; claims].join(", "));
    let expect = Expect { acquirer: Some(serde_yaml::from_str(&wanted).unwrap()), ..Expect::default() };
    let checks = scene.judged(&expect).checks.into_iter();
    let stated = checks.filter(|check| matches!(check.what, Criterion::Acquirer(_)));
    stated.map(|check| check.result == CheckResult::Holds).collect()
}

#[test]
fn a_claim_that_was_cut_and_comes_again_came_once() {
    let mut scene = scene();
    scene.say(&TAP.claim(1));
    scene.connect_again();
    scene.say(&TAP.claim(1));
    scene.list();
    assert_eq!(scene.wrong(), []);
    assert_eq!(stated_messages(&scene, "[sign-on, ride]", 1), [true, true, true]);
}

#[test]
fn a_claim_that_was_cut_comes_again_as_it_was() {
    let other = SampleTap { cryptogram: "1112131415161718", counter: "0018", ..TAP };
    for (first, seen) in [
        (TAP.claim(7), "the trace was 7 in the message of the same tap that was cut"),
        (
            TAP.claim(1).digits(53, "2600000000000000"),
            "field 53 was another one in the message of the same tap that was cut",
        ),
        (
            TAP.claim(1).digits(2, ALIKE),
            "the account number was another one in the message of the same tap that was cut",
        ),
    ] {
        let mut scene = scene();
        scene.say(&first);
        scene.connect_again();
        scene.say(&TAP.claim(1));
        scene.list();
        assert_eq!(scene.only_wrong(), (Book::Repeats, format!("batch 1 trace 1: {seen}")));
    }
    // A message of another tap, or in another batch, says nothing about this one.
    for first in [other.claim(7), TAP.claim(7).digits(60, "22000002000601")] {
        let mut scene = scene();
        scene.say(&first);
        scene.connect_again();
        scene.say(&TAP.claim(1));
        scene.list();
        assert_eq!(scene.wrong(), []);
    }
}

#[test]
fn a_claim_that_was_cut_and_never_comes_again_is_missing() {
    let mut scene = scene();
    scene.say(&TAP.claim(1));
    scene.ridden.clear();
    scene.list();
    assert!(scene.wrong().iter().any(|(book, _)| *book == Book::Accounted), "{:?}", scene.wrong());
}
