//! `taprig_fuzz::pn532_frames` under libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| taprig_fuzz::pn532_frames::run(input));
