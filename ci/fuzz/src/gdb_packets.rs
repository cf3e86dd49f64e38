//! A gdbstub that says anything.

use probe_rs_qemu::rsp::Decoder;

/// One input.
pub fn run(input: &[u8]) {
    let mut decoder = Decoder::default();
    for chunk in input.chunks(7) {
        decoder.feed(chunk);
        while let Ok(Some(_)) = decoder.next_packet() {}
    }
}
