//! A modem control line of a serial adapter.

use std::sync::{Arc, Mutex, PoisonError};

use serialport::{SerialPort as _, TTYPort};
use taprig_model::bench::{LineSwitch, ModemLine};
use taprig_model::event::{PowerSwitch, Role};

use super::{Actuator, Attempt, Tell, on_a_thread};
use crate::port;

/// The line does not depend on the speed, but a port has to be opened with one.
const BAUD: u32 = 9600;

/// A line. Its port stays open, because an operating system releases the lines of a port that is closed.
#[derive(Debug)]
pub(super) struct Line {
    role: Role,
    config: LineSwitch,
    port: Arc<Mutex<Option<TTYPort>>>,
}

impl Line {
    #[must_use]
    pub(super) fn new(role: Role, config: &LineSwitch) -> Self {
        Self { role, config: config.clone(), port: Arc::default() }
    }
}

impl Actuator for Line {
    fn kind(&self) -> PowerSwitch {
        PowerSwitch::Line
    }

    fn name(&self, on: bool) -> String {
        let line = match self.config.line {
            ModemLine::Dtr => "DTR",
            ModemLine::Rts => "RTS",
        };
        format!("the line {line} for the power of the {} ({})", self.role, if on { "on" } else { "off" })
    }

    fn advice(&self) -> &'static str {
        "check that the adapter is plugged in and has this line, and that no other program uses its port"
    }

    fn start(&self, on: bool, tell: Tell) -> Result<Attempt, String> {
        let path = port::find(self.role, &self.config.serial).map_err(|error| error.to_string())?;
        let (line, level) = (self.config.line, on == self.config.on_when_asserted);
        let port = self.port.clone();
        let act = move || {
            let words = |error: serialport::Error| format!("{}: {error}", path.display());
            let mut port = port.lock().unwrap_or_else(PoisonError::into_inner);
            if port.is_none() {
                *port = Some(serialport::new(path.to_string_lossy(), BAUD).open_native().map_err(words)?);
            }
            let Some(open) = port.as_mut() else { return Ok(()) };
            let set = match line {
                ModemLine::Dtr => open.write_data_terminal_ready(level),
                ModemLine::Rts => open.write_request_to_send(level),
            };
            if set.is_err() {
                // The adapter may come back under the same path, with a new port.
                *port = None;
            }
            set.map_err(words)
        };
        Ok(on_a_thread(act, tell))
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{both, turn};
    use crate::link::pty::Terminal;

    /// A pseudo terminal has no modem control lines, so this shows the error only. No adapter was tried.
    #[test]
    fn a_port_without_the_line_is_told() {
        let terminal = Terminal::new();
        let yaml = format!("line: {{ serial: {{ path: {} }}, line: rts, off-for: 1 ms }}", terminal.path().display());
        for failed in both(&turn(&yaml, false)) {
            let failed = failed.unwrap_err();
            assert!(
                failed.starts_with("`the line RTS for the power of the validator (off)` did not switch"),
                "{failed}"
            );
        }
    }

    #[test]
    fn a_port_that_is_not_there() {
        for failed in both(&turn("line: { serial: { path: /dev/no-such-line }, line: dtr, off-for: 1 ms }", true)) {
            assert!(failed.unwrap_err().contains("/dev/no-such-line"));
        }
    }
}
