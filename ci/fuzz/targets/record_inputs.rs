//! `taprig_fuzz::record_inputs` under libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| taprig_fuzz::record_inputs::run(input));
