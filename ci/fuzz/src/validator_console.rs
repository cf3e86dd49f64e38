//! A console that is sent anything: lines are cut and commands read without a panic.
#![no_main]

use libfuzzer_sys::fuzz_target;
use validator::console::{Command, Input, LineBuffer};

fuzz_target!(|input: &[u8]| {
    let mut lines = LineBuffer::default();
    for &byte in input {
        if let Some(Input::Line(line)) = lines.push(byte) {
            let _ = Command::parse(line);
        }
    }
});
