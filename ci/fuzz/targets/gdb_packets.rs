//! `taprig_fuzz::gdb_packets` under libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| taprig_fuzz::gdb_packets::run(input));
