//! A gdbstub that says anything.
#![no_main]

use libfuzzer_sys::fuzz_target;
use probe_rs_qemu::rsp::Decoder;

fuzz_target!(|input: &[u8]| {
    let mut decoder = Decoder::default();
    for chunk in input.chunks(7) {
        decoder.feed(chunk);
        while let Ok(Some(_)) = decoder.next_packet() {}
    }
});
