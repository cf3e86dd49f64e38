//! `taprig_fuzz::acquirer_message` under libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| taprig_fuzz::acquirer_message::run(input));
