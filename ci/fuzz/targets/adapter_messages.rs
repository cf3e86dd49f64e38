//! `taprig_fuzz::adapter_messages` under libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| taprig_fuzz::adapter_messages::run(input));
