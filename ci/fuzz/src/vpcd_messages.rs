//! A virtual reader that sends anything: its bytes are messages or an error, however they are cut.

use taprig_bench::link::vpcd::{Decoder, Message};

/// One input. Its first byte says how the rest is cut.
pub fn run(input: &[u8]) {
    let Some((&cut, stream)) = input.split_first() else { return };
    let whole = messages(stream, stream.len().max(1));
    let parts = messages(stream, usize::from(cut).max(1));
    assert_eq!(whole, parts);
}

/// The messages of a stream, whether it ended in an error, and the number of bytes that are left.
fn messages(stream: &[u8], cut: usize) -> (Vec<Message>, bool, usize) {
    let (mut decoder, mut all, mut fed) = (Decoder::default(), Vec::new(), 0);
    for part in stream.chunks(cut) {
        decoder.feed(part);
        fed += part.len();
        loop {
            match decoder.next_message() {
                Ok(Some(message)) => all.push(message),
                Ok(None) => break,
                Err(error) => {
                    assert_eq!(decoder.next_message(), Err(error), "nothing can follow");
                    // How many bytes came after the error depends on the cut.
                    let left = decoder.unfinished().map_or(0, |(there, _)| there);
                    return (all, true, fed - left);
                }
            }
        }
    }
    let left = decoder.unfinished().map_or(0, |(there, _)| there);
    (all, false, fed - left)
}
