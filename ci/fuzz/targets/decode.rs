//! `taprig_fuzz::decode` under libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| taprig_fuzz::decode::run(input));
