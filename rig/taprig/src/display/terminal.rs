//! The terminal under the line of progress.

use indicatif::TermLike;
use std::io::{Result, Write, stderr};

/// Standard error, where the line is not filled up with blanks: a terminal shows `^C` behind what stands in the line, and
/// behind a full one it would begin another, which would then be erased in place of this one.
#[derive(Debug)]
pub(super) struct Unfilled;

/// Columns where the terminal does not tell.
const WIDTH: u16 = 80;

fn put(text: &str) -> Result<()> {
    stderr().write_all(text.as_bytes())
}

/// Moves by `n` in a direction; a terminal takes 0 for 1.
fn go(n: usize, direction: char) -> Result<()> {
    if n == 0 { Ok(()) } else { put(&format!("\u{1b}[{n}{direction}")) }
}

impl TermLike for Unfilled {
    fn width(&self) -> u16 {
        rustix::termios::tcgetwinsize(stderr()).ok().map(|size| size.ws_col).filter(|width| *width > 0).unwrap_or(WIDTH)
    }

    fn move_cursor_up(&self, n: usize) -> Result<()> {
        go(n, 'A')
    }

    fn move_cursor_down(&self, n: usize) -> Result<()> {
        go(n, 'B')
    }

    fn move_cursor_right(&self, n: usize) -> Result<()> {
        go(n, 'C')
    }

    fn move_cursor_left(&self, n: usize) -> Result<()> {
        go(n, 'D')
    }

    fn write_line(&self, line: &str) -> Result<()> {
        put(&format!("{line}\n"))
    }

    fn write_str(&self, text: &str) -> Result<()> {
        put(text.trim_end_matches(' '))
    }

    fn clear_line(&self) -> Result<()> {
        put("\r\u{1b}[2K")
    }

    fn flush(&self) -> Result<()> {
        stderr().flush()
    }
}
