//! `taprig_fuzz::seal_sums` under libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| taprig_fuzz::seal_sums::run(input));
