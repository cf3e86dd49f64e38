//! What terminals send to the acquirer's host. The first byte is the length of the pieces in which the rest comes, as a stream on
//! one connection.

use std::sync::OnceLock;

use taprig_acquirer::codec::{Frame, Message};
use taprig_acquirer::{Host, Setup, text};
use taprig_model::acquirer::log::{Entry, State};
use taprig_model::acquirer::rules::Rules;
use taprig_model::units::DateTime;

const NOW: DateTime = DateTime { year: 2018, month: 5, day: 21, hour: 8, minute: 0, second: 0 };

fn setup() -> Setup {
    static SETUP: OnceLock<Setup> = OnceLock::new();
    let keys = serde_json::json!({
        "schema": 1,
        "master": "0123456789ABCDEFFEDCBA9876543210",
        "working": [{ "pin": "11111111111111112222222222222222", "mac": "3333333333333333" }],
    });
    SETUP.get_or_init(|| Setup::new(serde_json::from_value(keys).unwrap_or_else(|error| panic!("{error}")))).clone()
}

/// Plays one input.
pub fn run(input: &[u8]) {
    let Some((&piece, stream)) = input.split_first() else { return };
    if let Ok(message) = Message::decode(stream) {
        assert_eq!(message.encode().as_deref(), Ok(stream), "a message has one form");
    }
    let mut host = Host::new(setup(), Rules::default());
    host.connect(1);
    for bytes in stream.chunks(usize::from(piece).max(1)) {
        for done in host.hear(1, bytes, NOW) {
            let entry = Entry { at: String::new(), connection: Some(1), body: done.body };
            assert!(!text::lines(&entry).is_empty());
            for order in done.orders {
                if let taprig_acquirer::host::Order::Send { bytes, .. } = order {
                    let frame = Frame::decode(&bytes[2..]).unwrap_or_else(|error| panic!("{error}"));
                    assert!(Message::decode(&frame.message).is_ok(), "the host's own answer can be read");
                }
            }
        }
    }
    host.gone(1);
    let summary = host.summary();
    let all = [summary.accepted, summary.refused, summary.waiting, summary.reversed];
    let count: u64 = all.iter().map(|amounts| amounts.count).sum();
    assert_eq!(count, host.claims().count() as u64);
    assert!(host.claims().all(|(.., claim)| claim.state != State::Waiting), "no rule makes a claim wait");
}
