//! A board that is a process on this host. It runs the crates of the firmware, compiled for the host, or a model of a chip.

use std::fs::File;
use std::io::Read;
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use taprig_model::bench::BoardKind;
use taprig_model::event::{PowerSwitch, Role};

use super::BenchError;
use super::air::{Air, Uplink};
use super::board::{BenchBoard, Prepared};
use crate::link::endpoint::Endpoint;

/// The longest time from the start of the process to the line that names its port.
const START: Duration = Duration::from_secs(5);

/// The file of the validator's non-volatile memory.
const MEMORY: &str = "nvm.bin";

/// How much of a board's standard error goes into a message.
const WORDS: usize = 400;

/// A hosted board.
#[derive(Debug)]
pub(super) struct SimBoard {
    role: Role,
    /// What `program board` runs as.
    what: String,
    program: PathBuf,
    /// The file with the validator's non-volatile memory.
    state: PathBuf,
    /// Bytes of that memory, if they differ from what the program has.
    memory: Option<u32>,
    running: Option<Child>,
}

impl SimBoard {
    /// A board with the role `role`. It runs `program board <role> ...`.
    #[must_use]
    pub(super) fn new(role: Role, program: PathBuf, state: PathBuf, memory: Option<u32>) -> Self {
        Self { role, what: role.to_string(), program, state, memory, running: None }
    }

    /// The model of a PN532 in the place of a card emulator. It runs `program board pn532-model ...`.
    #[must_use]
    pub(super) fn pn532_model(program: PathBuf, state: PathBuf) -> Self {
        Self { role: Role::Emulator, what: "pn532-model".into(), program, state, memory: None, running: None }
    }

    fn log(&self) -> PathBuf {
        self.state.join("board.log")
    }

    /// What the board itself said when it ended, in a form that can follow a sentence.
    fn words(&self) -> String {
        let text = std::fs::read(self.log()).unwrap_or_default();
        let text = String::from_utf8_lossy(&text[..text.len().min(WORDS)]).trim().replace('\n', " / ");
        if text.is_empty() { text } else { format!(": {text}") }
    }

    fn spawn(&self, air: &Air) -> Result<(Child, PathBuf), BenchError> {
        let failed = |what: String, advice| BenchError::Start { role: self.role, kind: BoardKind::Sim, what, advice };
        std::fs::create_dir_all(&self.state)
            .map_err(|source| BenchError::State { path: self.state.clone(), source })?;
        let log = self.log();
        let mut command = Command::new(&self.program);
        command.arg("board").arg(&self.what).arg("--air").arg(&air.path);
        if self.role == Role::Validator {
            command.arg("--nvm").arg(self.state.join(MEMORY));
            if let Some(bytes) = self.memory {
                command.arg("--memory").arg(bytes.to_string());
            }
            if let Some(Uplink::Socket(path)) = &air.uplink {
                command.arg("--uplink").arg(path);
            }
        }
        // The board ends when its standard input closes, so it never outlives this process.
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(File::create(&log).map_err(|source| BenchError::State { path: log.clone(), source })?)
            // The board must not get Ctrl-C itself, because the rig stops its boards in order.
            .process_group(0)
            .spawn()
            .map_err(|error| failed(format!("{}: {error}", self.program.display()), None))?;
        let line = child.stdout.take().map(|stdout| first_line(stdout, START)).unwrap_or_default();
        match serde_json::from_str::<serde_json::Value>(&line).ok().as_ref().and_then(|v| v["serial"].as_str()) {
            Some(serial) => Ok((child, serial.into())),
            None => {
                let _ = child.kill();
                let _ = child.wait();
                let said = format!("it did not name its serial port, but said `{}`{}", line.trim(), self.words());
                Err(failed(said, Some("check that it is the board program of this version of taprig")))
            }
        }
    }
}

/// Reads up to the end of a line, within the time limit.
fn first_line(mut from: impl Read + AsFd, within: Duration) -> String {
    let deadline = Instant::now() + within;
    let mut line = Vec::new();
    let mut bytes = [0; 256];
    while !line.ends_with(b"\n") {
        let left = deadline.saturating_duration_since(Instant::now());
        match poll(&mut [PollFd::new(&from, PollFlags::IN)], Timespec::try_from(left).ok().as_ref()) {
            Err(rustix::io::Errno::INTR) => continue,
            Ok(1..) => {}
            _ => break,
        }
        match from.read(&mut bytes) {
            Ok(n) if n > 0 => line.extend(&bytes[..n]),
            _ => break,
        }
    }
    String::from_utf8_lossy(&line).into_owned()
}

impl BenchBoard for SimBoard {
    fn kind(&self) -> BoardKind {
        BoardKind::Sim
    }

    fn power_on(&mut self, air: &Air, _prepared: Option<Prepared>) -> Result<Endpoint, BenchError> {
        self.power_off();
        let (child, serial) = self.spawn(air)?;
        self.running = Some(child);
        Ok(serial.into())
    }

    fn power_off(&mut self) {
        if let Some(mut child) = self.running.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    fn switched(&self) -> PowerSwitch {
        PowerSwitch::Process
    }

    fn empty_memory(&mut self) -> Result<bool, BenchError> {
        let path = self.state.join(MEMORY);
        match std::fs::remove_file(&path) {
            Err(source) if source.kind() != std::io::ErrorKind::NotFound => Err(BenchError::State { path, source }),
            _ => Ok(true),
        }
    }

    fn ended(&mut self, within: Duration) -> Option<String> {
        let child = self.running.as_mut()?;
        let id = i32::try_from(child.id()).ok().and_then(Pid::from_raw)?;
        if let Ok(process) = pidfd_open(id, PidfdFlags::empty()) {
            // The descriptor is readable when the process has ended. Any other result of the call is reported by the
            // call that follows.
            let _ = poll(&mut [PollFd::new(&process, PollFlags::IN)], Timespec::try_from(within).ok().as_ref());
        }
        let status = child.try_wait().ok()??;
        Some(format!("its process ended with {status}{}", self.words()))
    }
}

impl Drop for SimBoard {
    fn drop(&mut self) {
        self.power_off();
    }
}
