//! QEMU's control connection. It speaks the QEMU Machine Protocol, with one JSON object in each line.

use super::BoardError;
use crate::Machine;
use serde_json::{Value, json};
use std::{
    io::{ErrorKind, Read, Write},
    os::unix::net::UnixStream,
    time::{Duration, Instant},
};

/// One conversation. Answers come in the order of the commands. Events may come at any time.
pub(super) struct Qmp {
    stream: UnixStream,
    received: Vec<u8>,
}

impl Qmp {
    pub(super) fn new(stream: UnixStream) -> Self {
        Self { stream, received: Vec::new() }
    }

    /// Reads the greeting, checks that the version is new enough for the machine, and brings the connection to the point where
    /// it accepts commands.
    pub(super) fn greet(&mut self, machine: Machine, timeout: Duration) -> Result<(), BoardError> {
        let greeting = self.next(Instant::now() + timeout, "its greeting", timeout)?;
        let version = &greeting["QMP"]["version"]["qemu"];
        let (Some(major), Some(minor)) = (version["major"].as_u64(), version["minor"].as_u64()) else {
            return Err(BoardError::Protocol(greeting.to_string()));
        };
        if (major, minor) < machine.oldest_qemu() {
            let version = format!("{major}.{minor}");
            return Err(BoardError::TooOld { qemu: "qemu-system-arm".into(), version, machine });
        }
        self.execute("qmp_capabilities", &json!({}), timeout).map(drop)
    }

    /// Resets the machine and waits until the reset is done.
    pub(super) fn reset(&mut self, timeout: Duration) -> Result<(), BoardError> {
        let deadline = Instant::now() + timeout;
        self.send("system_reset", &json!({}))?;
        // The answer only confirms the request. The event may come before or after it.
        let (mut answered, mut done) = (false, false);
        while !(answered && done) {
            let message = self.next(deadline, "a reset", timeout)?;
            answered |= answer("system_reset", &message)?.is_some();
            done |= message["event"] == "RESET";
        }
        Ok(())
    }

    /// Runs a command and returns its result.
    pub(super) fn execute(&mut self, command: &str, arguments: &Value, timeout: Duration) -> Result<Value, BoardError> {
        let deadline = Instant::now() + timeout;
        self.send(command, arguments)?;
        loop {
            if let Some(value) = answer(command, &self.next(deadline, command, timeout)?)? {
                return Ok(value);
            }
        }
    }

    fn send(&mut self, command: &str, arguments: &Value) -> Result<(), BoardError> {
        let mut line = json!({ "execute": command, "arguments": arguments }).to_string();
        tracing::trace!(line, "to QEMU");
        line.push('\n');
        self.stream.write_all(line.as_bytes()).map_err(BoardError::Disconnected)
    }

    /// The next message.
    fn next(&mut self, deadline: Instant, what: &str, after: Duration) -> Result<Value, BoardError> {
        loop {
            if let Some(end) = self.received.iter().position(|&byte| byte == b'\n') {
                let line: Vec<u8> = self.received.drain(..=end).collect();
                tracing::trace!(line = %String::from_utf8_lossy(&line), "from QEMU");
                return serde_json::from_slice(&line)
                    .map_err(|_| BoardError::Protocol(String::from_utf8_lossy(&line).into_owned()));
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(BoardError::Timeout { what: what.to_owned(), after });
            }
            self.stream.set_read_timeout(Some(left)).map_err(BoardError::Disconnected)?;
            let mut bytes = [0; 4096];
            match self.stream.read(&mut bytes) {
                Ok(0) => return Err(BoardError::Disconnected(ErrorKind::UnexpectedEof.into())),
                Ok(n) => self.received.extend_from_slice(&bytes[..n]),
                Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted) => {}
                Err(e) => return Err(BoardError::Disconnected(e)),
            }
        }
    }
}

/// Returns the answer if the message is one, and not an event.
fn answer(command: &str, message: &Value) -> Result<Option<Value>, BoardError> {
    if let Some(error) = message.get("error") {
        let reason = error["desc"].as_str().map_or_else(|| error.to_string(), str::to_owned);
        return Err(BoardError::Refused { command: command.to_owned(), reason });
    }
    Ok(message.get("return").cloned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{
        io::{BufRead, BufReader},
        thread,
    };

    const SHORT: Duration = Duration::from_millis(50);
    const LONG: Duration = Duration::from_secs(5);

    /// A QEMU that sends `lines`: one more line for each line that it receives.
    fn qemu(lines: &'static [&'static str]) -> Qmp {
        let (ours, theirs) = UnixStream::pair().unwrap();
        thread::spawn(move || {
            let mut heard = BufReader::new(theirs.try_clone().unwrap());
            for line in lines {
                (&theirs).write_all(line.as_bytes()).unwrap();
                let mut ignored = String::new();
                heard.read_line(&mut ignored).unwrap();
            }
        });
        Qmp::new(ours)
    }

    #[test]
    fn greets_and_reads_past_events() {
        let mut qmp = qemu(&[
            "{\"QMP\": {\"version\": {\"qemu\": {\"micro\": 0, \"minor\": 0, \"major\": 10}}}}\r\n",
            "{\"return\": {}}\r\n",
            "{\"event\": \"STOP\"}\r\n{\"return\": {\"running\": false}}\r\n",
        ]);
        qmp.greet(Machine::Mps2An386, LONG).unwrap();
        assert_eq!(qmp.execute("query-status", &json!({}), LONG).unwrap(), json!({ "running": false }));
    }

    #[test]
    fn an_old_version_is_refused() {
        let mut qmp = qemu(&["{\"QMP\": {\"version\": {\"qemu\": {\"micro\": 0, \"minor\": 1, \"major\": 7}}}}\n"]);
        assert!(
            matches!(qmp.greet(Machine::Mps2An386, LONG), Err(BoardError::TooOld { version, .. }) if version == "7.1")
        );
        // QEMU 9.0 knows this machine, but has no USART in it.
        let mut qmp = qemu(&["{\"QMP\": {\"version\": {\"qemu\": {\"micro\": 4, \"minor\": 0, \"major\": 9}}}}\n"]);
        let error = qmp.greet(Machine::BL475eIot01a, LONG).unwrap_err();
        assert_eq!(error.to_string(), "`qemu-system-arm` is version 9.0, but b-l475e-iot01a needs 9.1 or later");
        assert!(error.advice().unwrap().contains("ci/newer-qemu"), "{error:?}");
    }

    #[test]
    fn a_refusal_is_told_in_its_own_words() {
        let mut qmp = qemu(&["", "{\"error\": {\"class\": \"GenericError\", \"desc\": \"no such thing\"}}\n"]);
        let error = qmp.execute("cont", &json!({}), LONG).unwrap_err();
        assert_eq!(error.to_string(), "QEMU refused the command `cont`: no such thing");
    }

    #[test]
    fn a_reset_is_done_when_the_event_has_come() {
        qemu(&["", "{\"event\": \"RESET\"}\n{\"return\": {}}\n"]).reset(LONG).unwrap();
        let error = qemu(&["", "{\"return\": {}}\n"]).reset(SHORT).unwrap_err();
        assert!(matches!(error, BoardError::Timeout { .. }), "{error}");
    }

    #[test]
    fn a_silent_or_gone_qemu_is_noticed() {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let mut qmp = Qmp::new(ours);
        assert!(matches!(qmp.greet(Machine::Mps2An386, SHORT), Err(BoardError::Timeout { .. })));
        drop(theirs);
        assert!(matches!(qmp.greet(Machine::Mps2An386, LONG), Err(BoardError::Disconnected(_))));
    }
}
