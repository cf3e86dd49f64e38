//! `taprig_fuzz::kernel_card` under libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| taprig_fuzz::kernel_card::run(input));
