//! Links: the validator's console and the card emulator's relay on serial ports, terminals or a network, programs that
//! speak lines, and the virtual reader over TCP.
//!
//! Every port has one reader from open to close, so that no byte is lost between two callers. Every wait has a
//! deadline, and no wait polls.

pub mod console;
pub mod emulator;
pub mod endpoint;
pub(crate) mod lines;
pub mod port;
pub mod program;
#[cfg(test)]
pub(crate) mod pty;
mod serial;
mod terminal;
pub mod vpcd;

use std::time::Duration;

/// What errors call the console of a validator: the `from` of [`LinkError::Deadline`] and [`LinkError::Refused`].
pub const VALIDATOR_CONSOLE: &str = "the validator's console";

/// Number of unexplained lines that a message shows.
const SHOWN_LINES: usize = 3;

/// A link failed. This is the fault of the rig or of the board, and never a verdict on the device.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// The port can't be opened.
    #[error("can't open the {port}: {source}")]
    Open {
        /// The port, with the word for what it is.
        port: String,
        /// The cause.
        source: std::io::Error,
    },
    /// Another process holds the port.
    #[error("another process uses the {port}")]
    Taken {
        /// The port, with the word for what it is.
        port: String,
    },
    /// The port vanished during use.
    #[error("the {port} vanished: {source}")]
    Gone {
        /// The port, with the word for what it is.
        port: String,
        /// The cause.
        source: std::io::Error,
    },
    /// The port accepts no bytes.
    #[error("the {port} did not accept {bytes} bytes within {} ms", within.as_millis())]
    Stuck {
        /// The port, with the word for what it is.
        port: String,
        /// Number of bytes to send.
        bytes: usize,
        /// The time limit.
        within: Duration,
    },
    /// An answer did not come in time.
    #[error("{what} did not come from {from} within {} ms", within.as_millis())]
    Deadline {
        /// What the rig waited for.
        what: String,
        /// Who had to send it.
        from: &'static str,
        /// The time limit.
        within: Duration,
        /// The validator was asked something and sent nothing at all meanwhile.
        silent: bool,
    },
    /// The board refused a request.
    #[error("{from} refused `{what}`: {why}")]
    Refused {
        /// The request.
        what: String,
        /// The board.
        from: &'static str,
        /// The board's own words.
        why: String,
    },
    /// Another device is connected to the port.
    #[error("the device at the {port} is not {expected}: {seen}")]
    Foreign {
        /// The port.
        port: String,
        /// What was expected.
        expected: &'static str,
        /// What the device did, as a sentence.
        seen: String,
    },
    /// The answer is not part of the board's protocol.
    #[error("{from} answered {seen}, but {expected} was expected")]
    Unexpected {
        /// The board.
        from: &'static str,
        /// What was expected.
        expected: String,
        /// The answer.
        seen: String,
    },
    /// The reply of a foreign console has lines that its device file does not explain.
    #[error("no pattern of the device file explains {} in the reply to `{command}`: see `{place}`", quoted(lines))]
    Unexplained {
        /// The lines.
        lines: Vec<String>,
        /// What was sent.
        command: String,
        /// The place of the patterns in the device file.
        place: &'static str,
    },
    /// The link to a virtual reader failed.
    #[error(transparent)]
    VirtualReader(#[from] vpcd::VpcdError),
    /// An adapter program broke down or broke its protocol.
    #[error("the adapter `{program}` {what}")]
    Adapter {
        /// The command of the program.
        program: String,
        /// What it did, in words that follow its name.
        what: String,
    },
    /// An adapter program has lost its device.
    #[error("the adapter `{program}` has lost its device: {why}")]
    DeviceGone {
        /// The command of the program.
        program: String,
        /// The program's own words.
        why: String,
    },
}

impl LinkError {
    /// What a person can try.
    #[must_use]
    pub fn advice(&self) -> Option<&'static str> {
        Some(match self {
            Self::Open { .. } => "check that the board is connected, and that you may read and write the port",
            Self::Taken { .. } => "end that process, or use another bench for this run",
            Self::Gone { .. } => "check whether the board was unplugged or lost power",
            Self::Stuck { .. } => "its adapter may hang: unplug it, plug it in again and run again",
            Self::Unexpected { .. } => "check that its firmware matches this version of taprig",
            Self::VirtualReader(error) => error.advice(),
            Self::Foreign { .. } => {
                "check that the bench file names the right port, that the module's switches select its serial port (HSU), \
                 and that its TX is connected to RX of the adapter and its RX to TX"
            }
            Self::Unexplained { .. } => {
                "correct the patterns under `rows` and `lines`; the line that matches `ok` has to be the last line of the reply; a \
                 line that tells nothing needs a pattern under `lines`, without groups"
            }
            Self::Adapter { .. } => "check the program with `taprig adapter check`",
            Self::DeviceGone { .. } => "check whether the device was unplugged or lost power",
            Self::Deadline { .. } | Self::Refused { .. } => return None,
        })
    }
}

/// Lines for a message. It shows the first few.
fn quoted(lines: &[String]) -> String {
    let shown: Vec<_> = lines.iter().take(SHOWN_LINES).map(|line| format!("`{}`", lines::first_words(line))).collect();
    let more = lines.len().saturating_sub(SHOWN_LINES);
    let rest = if more > 0 { format!(" and {more} more lines") } else { String::new() };
    match shown.split_last() {
        Some((last, before)) if rest.is_empty() && !before.is_empty() => format!("{} and {last}", before.join(", ")),
        _ => format!("{}{rest}", shown.join(", ")),
    }
}
