//! A board that is a process of this host: the firmware's crates, compiled for it.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use taprig_model::event::Role;

use super::board::{Board, Prepared};
use super::{BenchError, Kind};

/// From the start of the process to the line that names its port.
const START: Duration = Duration::from_secs(5);

/// A hosted board.
#[derive(Debug)]
pub(super) struct SimBoard {
    role: Role,
    program: PathBuf,
    /// Where the validator's non-volatile memory is.
    state: PathBuf,
    running: Option<Child>,
}

impl SimBoard {
    /// A board of `role` that runs `program board <role> ...`.
    #[must_use]
    pub(super) fn new(role: Role, program: PathBuf, state: PathBuf) -> Self {
        Self { role, program, state, running: None }
    }

    fn spawn(&self, air: &Path) -> Result<(Child, PathBuf), BenchError> {
        let failed = |what: String| BenchError::Start { role: self.role, kind: Kind::Sim, what };
        std::fs::create_dir_all(&self.state)
            .map_err(|source| BenchError::State { path: self.state.clone(), source })?;
        let mut command = Command::new(&self.program);
        command.arg("board").arg(self.role.to_string()).arg("--air").arg(air);
        if self.role == Role::Validator {
            command.arg("--nvm").arg(self.state.join("nvm.bin"));
        }
        // The board ends when its standard input closes, so it never outlives this process.
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| failed(format!("{}: {error}", self.program.display())))?;
        let stdout = child.stdout.take();
        let (send, receive) = mpsc::channel();
        std::thread::spawn(move || {
            let mut line = String::new();
            let read = stdout.map(|out| BufReader::new(out).read_line(&mut line));
            let _ = send.send(read.is_some_and(|read| read.is_ok()).then_some(line));
        });
        let line = receive.recv_timeout(START).ok().flatten().unwrap_or_default();
        match serde_json::from_str::<serde_json::Value>(&line).ok().as_ref().and_then(|v| v["serial"].as_str()) {
            Some(serial) => Ok((child, serial.into())),
            None => {
                let _ = child.kill();
                let _ = child.wait();
                Err(failed(format!("it did not name its serial port, but said `{}`", line.trim())))
            }
        }
    }
}

impl Board for SimBoard {
    fn kind(&self) -> Kind {
        Kind::Sim
    }

    fn power_on(&mut self, air: &Path, _prepared: Option<Prepared>) -> Result<PathBuf, BenchError> {
        self.power_off();
        let (child, serial) = self.spawn(air)?;
        self.running = Some(child);
        Ok(serial)
    }

    fn power_off(&mut self) {
        if let Some(mut child) = self.running.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    fn ended(&mut self) -> Option<String> {
        let status = self.running.as_mut()?.try_wait().ok()??;
        Some(format!("its process ended with {status}"))
    }
}

impl Drop for SimBoard {
    fn drop(&mut self) {
        self.power_off();
    }
}
