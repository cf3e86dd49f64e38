//! `taprig_fuzz::validator_console` under libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| taprig_fuzz::validator_console::run(input));
