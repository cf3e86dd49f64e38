//! `taprig_fuzz::emulator_air` under libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| taprig_fuzz::emulator_air::run(input));
