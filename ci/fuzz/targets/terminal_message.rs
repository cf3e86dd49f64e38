//! `taprig_fuzz::terminal_message` under libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| taprig_fuzz::terminal_message::run(input));
