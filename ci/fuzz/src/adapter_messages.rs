//! An adapter program that writes anything: lines are cut, messages read and their order checked without a panic, and an
//! event that is read can be written again.

use taprig_bench::link::port::Decoder as _;
use taprig_bench::link::program::{Piece, Splitter};
use taprig_bench::validator_side::adapter::reader::{Heard, Reader};
use taprig_model::adapter::{Established, Greeting, Identity, Journal, Message, Status};

/// One input.
pub fn run(input: &[u8]) {
    let mut splitter = Splitter::new(4096);
    let mut reader = Reader::default();
    reader.asked(1);
    splitter.push(input, &mut |piece| {
        let Piece::Line(line) = piece else { return };
        match reader.read(&line) {
            Ok(Heard::Event(event)) => {
                let again = serde_json::to_vec(&event).map(|line| Message::parse(&line));
                assert!(again.is_ok_and(|again| again == Ok(Message::Event(event))));
            }
            Ok(Heard::Answer(reply)) => {
                let _ = reply.clone().answer::<Greeting>();
                let _ = reply.clone().answer::<Identity>();
                let _ = reply.clone().answer::<Established>();
                let _ = reply.clone().answer::<Status>();
                let _ = reply.answer::<Journal>();
                reader.asked(1);
            }
            Err(broken) => drop(broken.to_string()),
        }
    });
}
