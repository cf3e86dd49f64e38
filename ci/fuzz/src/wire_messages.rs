//! A line that carries anything: no byte stream stops a receiver, and what is read can be written again.

use wire::frame::{Collected, Collector};
use wire::link::{Note, Order};

/// One input.
pub fn run(input: &[u8]) {
    let mut collector = Collector::<{ wire::link::MAX_PACKED }>::new();
    for &byte in input {
        let Some(Collected::Frame(body)) = collector.push(byte) else { continue };
        let sealed = [body, &wire::crc::link(body)].concat();
        if let Ok(message) = wire::air::Message::decode(&sealed)
            && let Ok(packed) = message.encode()
        {
            assert!(packed.ends_with(&[0]));
        }
        if let Ok(order) = wire::link::decode::<Order>(&sealed) {
            assert!(wire::link::encode(&order).is_ok());
        }
        if let Ok(note) = wire::link::decode::<Note>(&sealed) {
            assert!(wire::link::encode(&note).is_ok());
        }
    }
}
