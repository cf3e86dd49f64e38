//! `taprig_fuzz::rules_console` under libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| taprig_fuzz::rules_console::run(input));
