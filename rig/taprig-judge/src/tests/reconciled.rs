//! Requests for which a rider waits, and the reconciliation at the end of a case.

use taprig_model::event::Book;

use super::acquirer::{SampleTap, Scene, TAP};
use super::*;

/// A tap in which the device asked the issuer, and perhaps took the request back.
fn asked(outcome: Outcome, rules: serde_json::Value, reversed: bool) -> Scene {
    let tap = SampleTap { outcome, charged: if outcome == Outcome::Approved { 100 } else { 0 }, ..TAP };
    let mut scene = Scene::new(rules);
    scene.sign_on();
    let mut before = tap.events(1);
    // From its result on.
    let after = before.split_off(4);
    scene.events.extend(before);
    scene.say(&TAP.claim(1));
    scene.events.extend(after);
    if reversed {
        scene.say(&TAP.reversal(1));
    }
    if outcome == Outcome::Approved {
        scene.ridden.push((tap.counter.into(), tap.cryptogram.into(), tap.charged));
    }
    scene.list();
    scene
}

#[test]
fn a_request_for_a_ride_that_was_not_given_is_refused_or_taken_back() {
    let refused = serde_json::json!([{ "when": { "message": "ride" }, "then": [{ "refuse": "51" }] }]);
    let none = serde_json::json!([]);
    assert_eq!(asked(Outcome::Approved, none.clone(), false).wrong(), []);
    assert_eq!(asked(Outcome::Declined, refused, false).wrong(), []);
    assert_eq!(asked(Outcome::Declined, none.clone(), true).wrong(), []);
    let kept = "batch 1 trace 1 was asked for in tap 1, which was not approved, and it is accepted";
    let wrong = asked(Outcome::Declined, none.clone(), false).wrong();
    assert_eq!(wrong[0], (Book::Approvals, kept.into()));
    assert_eq!(wrong[1].0, Book::Reconciled);
    // Whoever rides pays.
    let free = "batch 1 trace 1 was asked for in tap 1, which was approved, and it is reversed";
    assert_eq!(asked(Outcome::Approved, none, true).wrong()[0], (Book::Approvals, free.into()));
}

#[test]
fn the_journal_and_the_acquirer_agree_to_the_fen() {
    let reconciled = |change: &dyn Fn(&mut Vec<JournalRow>)| {
        let mut scene = Scene::with(&[&TAP]);
        scene.say(&TAP.claim(1));
        scene.list();
        let Some(Body::Books { rows, .. }) = scene.events.last_mut().map(|event| &mut event.body) else {
            unreachable!()
        };
        change(rows);
        let checks = scene.judged(&Expect::default()).checks;
        let check = checks.into_iter().find(|check| check.what == Criterion::Books(Book::Reconciled)).unwrap();
        (check.result, check.why.unwrap_or(check.seen))
    };
    let holds = |seen: &str| (CheckResult::Holds, seen.to_owned());
    let fails = |seen: &str| (CheckResult::Fails, seen.to_owned());
    assert_eq!(reconciled(&|_| {}), holds("1 matched (1.00 CNY)"));
    assert_eq!(reconciled(&|rows| rows[0].claim = Some("sent".into())), holds("1 waiting (1.00 CNY)"));
    assert_eq!(
        reconciled(&|rows| rows[0].charged = Some(101)),
        fails(
            "batch 1 trace 1 is amount-differs: journal has 1.01 CNY accepted, acquirer has 1.00 CNY accepted; the taps charged 1.00 CNY, and the journal has 1.01 CNY"
        )
    );
    assert_eq!(
        reconciled(&|rows| rows[0].claim = Some("refused".into())),
        fails("batch 1 trace 1 is long: journal has 1.00 CNY refused, acquirer has 1.00 CNY accepted")
    );
    assert_eq!(
        reconciled(&|rows| rows[0].trace = Some(2)).1.matches("batch 1 trace").count(),
        2,
        "a ride and a claim that do not belong together"
    );
    assert_eq!(reconciled(&|rows| rows.push(rows[0].clone())).0, CheckResult::Fails);
    assert_eq!(reconciled(&|rows| rows[0].trace = None).0, CheckResult::NotJudged);
    assert_eq!(reconciled(&|rows| rows[0].time = None).0, CheckResult::NotJudged);
}

/// The device lists a tap that charged nothing and held 1.00 CNY like this. With `claimed` its claim was sent.
fn held(claimed: bool, word: &str, charged: u64) -> Vec<(Book, String)> {
    let tap = SampleTap { charged: 0, held: Some(100), ..TAP };
    let mut scene = Scene::with(&[&tap]);
    if claimed {
        scene.say(&TAP.claim(1));
    }
    scene.ridden.push((tap.counter.into(), tap.cryptogram.into(), charged));
    scene.list();
    let Some(Body::Books { rows, .. }) = scene.events.last_mut().map(|event| &mut event.body) else { unreachable!() };
    rows[0].claim = Some(word.into());
    scene.wrong()
}

#[test]
fn a_trip_is_reconciled_by_its_tap_off_or_else_by_what_its_tap_on_held() {
    for word in ["held", "void"] {
        assert_eq!(held(false, word, 0), [], "{word}");
        // Nobody may claim it then.
        let books: Vec<_> = held(true, word, 0).into_iter().map(|(book, _)| book).collect();
        assert_eq!(books, [Book::Reconciled], "{word}");
    }
    assert_eq!(held(true, "accepted", 100), []);
    assert_eq!(held(false, "waiting", 100), []);
    let books: Vec<_> = held(true, "accepted", 99).into_iter().map(|(book, _)| book).collect();
    assert_eq!(books, [Book::Reconciled]);
}
