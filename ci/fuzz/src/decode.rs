//! An exchange of any bytes, shown to a person.

use taprig_model::event::{Bytes, Exchange};
use taprig_record::decode::{Dialogue, View};

/// One input.
pub fn run(input: &[u8]) {
    let mut dialogue = Dialogue::new(View::Whole);
    for pair in input.chunks(64) {
        let (command, response) = pair.split_at(pair.len() / 3);
        let exchange = Exchange {
            command: Bytes(command.to_vec()),
            response: Some(Bytes(response.to_vec())),
            ..Exchange::default()
        };
        let _ = dialogue.lines(&exchange);
    }
}
