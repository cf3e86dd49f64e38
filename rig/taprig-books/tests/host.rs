//! A case on a bench ends so: the rides that a device lists and the claims of `taprig_acquirer::Host`, to the fen.

use taprig_acquirer::{Host, Setup};
use taprig_books::{Books, Claim, Options};
use taprig_model::acquirer::rules::Rules;
use taprig_model::books::result::{Class, Reconciliation};

/// TPDU and header of a terminal's messages.
const ENVELOPE: &[u8] = b"\x60\x00\x03\x00\x09\x61\x32\x00\x32\x46\x05";

/// A sign-on: 0800 with fields 11, 41, 42, 60 and 63.
const SIGN_ON: &[u8] = b"\x08\x00\x00\x20\x00\x00\x00\xC0\x00\x12\x00\x00\x0112345678123456789012345\x00\x11\x00\x00\x00\x00\x00\x30\x00\x0301 ";

/// The worked example of the acquirer's page: a ride of 1.00 CNY in batch 1 with trace 1.
const RIDE: &[u8] = b"\x02\x00\x70\x20\x06\x80\x00\xC0\x80\x11\x16\x62\x22\x02\x12\x34\x56\x78\x94\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x01\x07\x20\x00\x01\x0012345678123456789012345156\x00\x14\x22\x00\x00\x01\x00\x06\x01FA77EEAB";

/// What the books say of a case with one ride whose journal has this amount, and whose host has these rules.
fn case(journal_fen: u64, rules: serde_json::Value) -> Reconciliation {
    let keys = serde_json::json!({
        "schema": 1, "master": "0123456789ABCDEFFEDCBA9876543210",
        "working": [{ "pin": "11111111111111112222222222222222", "mac": "3333333333333333" }],
    });
    let read = |value| serde_json::from_value(value).unwrap_or_else(|error| panic!("{error}"));
    let rules: Rules = serde_json::from_value(rules).unwrap_or_else(|error| panic!("{error}"));
    let mut host = Host::new(Setup::new(read(keys)), rules);
    host.connect(1);
    let now = "2018-05-21T08:00:00".parse().unwrap_or_else(|error| panic!("{error}"));
    // The last message is a repeat, as after an answer that was lost.
    for message in [SIGN_ON, RIDE, RIDE] {
        let length = u16::try_from(ENVELOPE.len() + message.len()).unwrap_or(0).to_be_bytes();
        host.hear(1, &[&length, ENVELOPE, message].concat(), now);
    }
    let mut books = Books::new();
    let ride = serde_json::json!({
        "merchant": "123456789012345", "terminal": "12345678", "batch": 1, "trace": 1, "time": "2018-05-21T08:00:00",
        "amount_fen": journal_fen, "state": "accepted",
    });
    books.ride(&serde_json::from_value(ride).unwrap_or_else(|error| panic!("{error}")), None);
    for (terminal, batch, trace, claim) in host.claims() {
        let claim = Claim { merchant: &claim.merchant, terminal, batch, trace, fen: claim.fen, state: claim.state };
        books.claim(&claim, None);
    }
    books.reconcile(&Options::default())
}

#[test]
fn a_case_ends_to_the_fen() {
    let rules = serde_json::json!({ "schema": 1 });
    let result = case(100, rules.clone());
    assert!(result.balanced, "{result:?}");
    assert_eq!(result.classes[Class::Matched as usize].sums.acquirer.fen, 100);
    let result = case(101, rules);
    assert_eq!(result.items[0].class, Class::AmountDiffers);
}

#[test]
fn a_device_that_believes_a_refusal_to_be_an_approval_is_short() {
    let result = case(
        100,
        serde_json::json!({ "schema": 1, "rules": [{ "when": { "message": "ride" }, "then": [{ "refuse": "51" }] }] }),
    );
    assert_eq!(result.items[0].class, Class::Short);
    assert!(!result.balanced);
}
