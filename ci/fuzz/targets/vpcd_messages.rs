//! `taprig_fuzz::vpcd_messages` under libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| taprig_fuzz::vpcd_messages::run(input));
