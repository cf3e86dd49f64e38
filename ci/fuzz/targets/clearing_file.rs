//! `taprig_fuzz::clearing_file` under libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| taprig_fuzz::clearing_file::run(input));
