//! The terminal on which the progress line is drawn.

use indicatif::TermLike;
use std::io::{Result, Write, stderr};

/// Standard error, on which the line is not filled with blanks. A terminal shows `^C` after the content of the line.
/// After a full line, `^C` would begin a new line, and that new line would be erased instead of this one.
#[derive(Debug)]
pub(super) struct Unfilled;

/// Number of columns if the terminal does not report it.
const WIDTH: u16 = 80;

fn put(text: &str) -> Result<()> {
    stderr().write_all(text.as_bytes())
}

/// Moves by `n` in a direction. A terminal takes 0 as 1.
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
