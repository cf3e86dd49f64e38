//! A modem control line of a serial adapter.

use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use serialport::{SerialPort as _, TTYPort};
use taprig_model::bench::{LineSwitch, ModemLine};
use taprig_model::event::{PowerSwitch, Role};

use super::{Actuator, Attempt, Tell, on_a_thread};
use crate::port;

/// The line does not depend on the speed, but a port has to be opened with one.
const BAUD: u32 = 9600;

/// The modem control lines of an open port.
trait Lines: Send {
    /// Asserts a line, or no longer.
    fn set(&mut self, line: ModemLine, asserted: bool) -> Result<(), String>;
}

impl Lines for TTYPort {
    fn set(&mut self, line: ModemLine, asserted: bool) -> Result<(), String> {
        let set = match line {
            ModemLine::Dtr => self.write_data_terminal_ready(asserted),
            ModemLine::Rts => self.write_request_to_send(asserted),
        };
        set.map_err(|error| error.to_string())
    }
}

/// Opens a port. No pseudo terminal has modem control lines, so tests open something else.
type Open = fn(&Path) -> Result<Box<dyn Lines>, String>;

fn open(path: &Path) -> Result<Box<dyn Lines>, String> {
    let port = serialport::new(path.to_string_lossy(), BAUD).open_native();
    Ok(Box::new(port.map_err(|error| error.to_string())?))
}

/// A line. Its port stays open, because an operating system releases the lines of a port that is closed.
pub(super) struct Line {
    role: Role,
    config: LineSwitch,
    open: Open,
    port: Arc<Mutex<Option<Box<dyn Lines>>>>,
}

impl fmt::Debug for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Line").field("role", &self.role).field("config", &self.config).finish_non_exhaustive()
    }
}

impl Line {
    #[must_use]
    pub(super) fn new(role: Role, config: &LineSwitch) -> Self {
        Self { role, config: config.clone(), open, port: Arc::default() }
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

    fn advice(&self, _away: bool) -> &'static str {
        "check that the adapter is plugged in and has this line, and that no other program uses its port"
    }

    fn start(&self, on: bool, tell: Tell) -> Result<Attempt, String> {
        let path = port::find(self.role, &self.config.serial).map_err(|error| error.to_string())?;
        let (line, asserted) = (self.config.line, on == self.config.on_when_asserted);
        let (open, port) = (self.open, self.port.clone());
        let act = move || -> Result<(), String> {
            let words = |error: String| format!("{}: {error}", path.display());
            let mut port = port.lock().unwrap_or_else(PoisonError::into_inner);
            let mut lines = match port.take() {
                Some(lines) => lines,
                None => open(&path).map_err(words)?,
            };
            // If it fails, the port is closed. The adapter may come back under the same path, with a new port.
            lines.set(line, asserted).map_err(words)?;
            *port = Some(lines);
            Ok(())
        };
        Ok(on_a_thread(act, tell))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;
    use std::time::Duration;

    use super::super::tests::{both, config, turn};
    use super::*;
    use crate::link::pty::Terminal;

    /// What happened to the lines of the ports that tests have opened.
    static DONE: Mutex<Vec<(std::path::PathBuf, Done)>> = Mutex::new(vec![]);

    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    enum Done {
        Opened,
        Set(ModemLine, bool),
        Closed,
    }

    /// Lines that keep what is done to them. Those of a port with `broken` in its name do not switch.
    struct Kept(std::path::PathBuf);

    impl Kept {
        fn open(path: &Path) -> Result<Box<dyn Lines>, String> {
            let kept = Self(path.to_owned());
            kept.keep(Done::Opened);
            Ok(Box::new(kept))
        }

        fn keep(&self, done: Done) {
            DONE.lock().unwrap().push((self.0.clone(), done));
        }
    }

    impl Lines for Kept {
        fn set(&mut self, line: ModemLine, asserted: bool) -> Result<(), String> {
            self.keep(Done::Set(line, asserted));
            if self.0.to_string_lossy().contains("broken") { Err("no such line".into()) } else { Ok(()) }
        }
    }

    impl Drop for Kept {
        fn drop(&mut self) {
            self.keep(Done::Closed);
        }
    }

    /// What is done when a line that `yaml` describes is switched on and off in this order. `name` is that of its port.
    fn done(name: &str, yaml: &str, order: &[bool]) -> (Vec<Result<(), String>>, Vec<Done>) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        std::fs::write(&path, "").unwrap();
        let yaml = format!("line: {{ serial: {{ path: {} }}, off-for: 1 ms, {yaml} }}", path.display());
        let taprig_model::bench::SwitchConfig::Line(config) = config(&yaml) else { panic!("{yaml}") };
        let line = Line { role: Role::Validator, config, open: Kept::open, port: Arc::default() };
        let mut outcomes = vec![];
        for on in order {
            let (tell, told) = channel();
            let _attempt = line.start(*on, Box::new(move |outcome| tell.send(outcome).unwrap())).unwrap();
            let outcome = told.recv_timeout(Duration::from_secs(20)).unwrap();
            outcomes.push(outcome.map_err(|failure| failure.why));
        }
        let kept = DONE.lock().unwrap().iter().filter(|(of, _)| *of == path).map(|(_, done)| *done).collect();
        (outcomes, kept)
    }

    #[test]
    fn a_line_gives_power_while_it_is_asserted_or_while_it_is_not() {
        use Done::{Opened, Set};
        use ModemLine::{Dtr, Rts};
        for (yaml, line, on) in [
            ("line: dtr", Dtr, true),
            ("line: rts", Rts, true),
            ("line: dtr, on-when-asserted: true", Dtr, true),
            ("line: dtr, on-when-asserted: false", Dtr, false),
            ("line: rts, on-when-asserted: false", Rts, false),
        ] {
            let (outcomes, kept) = done("port", yaml, &[false, true, false, true]);
            assert_eq!(outcomes, [Ok(()), Ok(()), Ok(()), Ok(())]);
            // One port, which stays open, and the other line of it is never touched.
            assert_eq!(kept, [Opened, Set(line, !on), Set(line, on), Set(line, !on), Set(line, on)], "{yaml}");
        }
    }

    #[test]
    fn a_port_whose_line_does_not_switch_is_opened_anew() {
        use Done::{Closed, Opened, Set};
        let (outcomes, kept) = done("broken", "line: dtr", &[true, false]);
        for outcome in outcomes {
            assert!(outcome.unwrap_err().ends_with("broken: no such line"));
        }
        let both = [true, false].map(|on| [Opened, Set(ModemLine::Dtr, on), Closed]);
        assert_eq!(kept, both.concat());
    }

    /// A pseudo terminal has no modem control lines. No adapter was tried.
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
