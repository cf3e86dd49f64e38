//! `taprig_fuzz::wire_messages` under libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| taprig_fuzz::wire_messages::run(input));
