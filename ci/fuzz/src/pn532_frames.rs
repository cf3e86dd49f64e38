//! A serial port at which a PN532 should be and anything can be, and a host that says anything to the model of the chip.

use pn532::frame::{Decoder, Event, encode};
use pn532_model::frame::Receiver;

/// One input.
pub fn run(input: &[u8]) {
    let mut whole = Vec::new();
    Decoder::default().push(input, &mut |event| whole.push(event));
    let mut decoder = Decoder::default();
    let mut events = Vec::new();
    for chunk in input.chunks(3) {
        decoder.push(chunk, &mut |event| events.push(event));
    }
    assert_eq!(events, whole, "the pieces in which bytes come change nothing");
    while decoder.is_within() {
        decoder.give_up(&mut |event: Event| events.push(event));
    }

    let mut receiver = Receiver::default();
    for &byte in input {
        receiver.push(byte);
    }
    // The model reads what the driver writes, whatever came before: at most one frame is lost to a false start.
    if let Ok(frame) = encode(&[0x02]) {
        let heard = std::iter::repeat_n(frame, 40).flatten().filter_map(|byte| receiver.push(byte)).count();
        assert!(heard > 0, "the model hears nothing more");
    }
}
