//! A console that is sent anything: lines are cut and commands read without a panic.

use validator::console::{Command, Input, LineBuffer};

/// One input.
pub fn run(input: &[u8]) {
    let mut lines = LineBuffer::default();
    for &byte in input {
        if let Some(Input::Line(line)) = lines.push(byte) {
            let _ = Command::parse(line);
        }
    }
}
