//! The process of a board: never outlives the rig, and never ends unnoticed.

use super::{BoardError, BoardSpec, qmp::OLDEST};
use rustix::io::{FdFlags, fcntl_setfd};
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, set_parent_process_death_signal, waitid};
use std::{
    fs::{self, File},
    io,
    os::{fd::OwnedFd, unix::process::CommandExt as _},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, mpsc},
    thread,
    time::Duration,
};

/// Lines of QEMU's words that a notice carries. A crash has its reason first, then all registers.
const LINES: usize = 12;
/// After the control connection broke, the end of the process is noticed within this time.
const NOTICE: Duration = Duration::from_secs(2);

/// How a board's process ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exit {
    /// Its id.
    pub pid: u32,
    /// Its status.
    pub status: ExitStatus,
    /// Whether the rig killed it; if not, it crashed.
    pub wanted: bool,
    /// The first lines that it wrote to standard error: why it ended. The log file of the board has them all.
    pub stderr: String,
}

type Notify = Box<dyn FnOnce(&Exit) + Send>;

/// A running or ended process.
pub(super) struct Process {
    pid: u32,
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    ended: Condvar,
    log: PathBuf,
}

struct State {
    child: Child,
    wanted: bool,
    exit: Option<Exit>,
    notify: Vec<Notify>,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn words(&self) -> String {
        let text = fs::read(&self.log).unwrap_or_default();
        String::from_utf8_lossy(&text).lines().take(LINES).collect::<Vec<_>>().join("\n")
    }

    /// Waits for the end, on the thread that spawned the process.
    fn watch(&self, pid: u32) {
        if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
            // Not reaped yet, so that no one else can get the same id while a kill is on its way.
            while let Err(rustix::io::Errno::INTR) =
                waitid(WaitId::Pid(pid), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT)
            {}
        }
        let stderr = self.words();
        let mut state = self.lock();
        let status = state.child.wait().unwrap_or_default();
        let exit = Exit { pid, status, wanted: state.wanted, stderr };
        state.exit = Some(exit.clone());
        let notify = std::mem::take(&mut state.notify);
        drop(state);
        self.ended.notify_all();
        for notify in notify {
            notify(&exit);
        }
    }
}

impl Process {
    /// Starts it, with its words going to the log of the board and the sockets in `inherited` open under their numbers.
    pub(super) fn spawn(mut command: Command, inherited: Vec<OwnedFd>, spec: &BoardSpec) -> Result<Self, BoardError> {
        let log = spec.log_file();
        let stderr = File::create(&log).map_err(|source| io_error("making", &log, source))?;
        command.stderr(stderr);
        // Ctrl-C in a terminal is the rig's to hear: it stops its boards in order.
        command.process_group(0);
        die_with_parent(&mut command, inherited);
        // The system's "parent" is the thread that forked, and QEMU is killed when that thread ends. So a thread of
        // its own starts it and lives exactly as long as it does.
        let (started, starting) = mpsc::channel();
        let thread = thread::Builder::new().name("qemu".into());
        let log_of_thread = log.clone();
        thread
            .spawn(move || {
                let child = command.spawn();
                // The command holds QEMU's ends of its connections, which must be QEMU's alone.
                drop(command);
                let child = match child {
                    Ok(child) => child,
                    Err(error) => return drop(started.send(Err(error))),
                };
                let pid = child.id();
                let state = State { child, wanted: false, exit: None, notify: Vec::new() };
                let state = Mutex::new(state);
                let shared = Arc::new(Shared { state, ended: Condvar::new(), log: log_of_thread });
                drop(started.send(Ok(Self { pid, shared: Arc::clone(&shared) })));
                shared.watch(pid);
            })
            .map_err(|source| io_error("starting a thread for", &spec.qemu, source))?;
        match starting.recv() {
            Ok(Ok(process)) => Ok(process),
            Ok(Err(error)) if error.kind() == io::ErrorKind::NotFound => {
                Err(BoardError::Missing { qemu: spec.qemu.clone() })
            }
            Ok(Err(source)) => Err(io_error("running", &spec.qemu, source)),
            Err(_) => Err(io_error("running", &spec.qemu, io::ErrorKind::BrokenPipe.into())),
        }
    }

    pub(super) fn pid(&self) -> u32 {
        self.pid
    }

    pub(super) fn exited(&self) -> Option<Exit> {
        self.shared.lock().exit.clone()
    }

    pub(super) fn on_exit(&self, notify: Notify) {
        let mut state = self.shared.lock();
        match state.exit.clone() {
            None => state.notify.push(notify),
            Some(exit) => {
                drop(state);
                notify(&exit);
            }
        }
    }

    /// Kills it and waits for its end.
    pub(super) fn kill(&self, timeout: Duration) -> Result<Exit, BoardError> {
        {
            let mut state = self.shared.lock();
            if state.exit.is_none() {
                state.wanted = true;
                state.child.kill().map_err(|source| io_error("killing process", self.pid.to_string(), source))?;
            }
        }
        self.wait(timeout)
            .ok_or_else(|| BoardError::Timeout { what: format!("the end of process {}", self.pid), after: timeout })
    }

    /// If the process has ended, that is the reason why talking to it failed.
    pub(super) fn explain(&self, error: BoardError) -> BoardError {
        if !matches!(error, BoardError::Disconnected(_)) {
            return error;
        }
        match self.wait(NOTICE) {
            Some(Exit { pid, status, stderr, .. }) => BoardError::Ended { pid, status, stderr },
            None => error,
        }
    }

    /// As [`Process::explain`], for one that has just been started: an old QEMU does not get as far as to tell its
    /// version, as it knows not all options.
    pub(super) fn explain_start(&self, error: BoardError, qemu: &Path) -> BoardError {
        match self.explain(error) {
            BoardError::TooOld { version, .. } => BoardError::TooOld { qemu: qemu.to_owned(), version },
            error @ BoardError::Ended { .. } => too_old(qemu).unwrap_or(error),
            error => error,
        }
    }

    fn wait(&self, timeout: Duration) -> Option<Exit> {
        let state = self.shared.lock();
        let (state, _) = self
            .shared
            .ended
            .wait_timeout_while(state, timeout, |state| state.exit.is_none())
            .unwrap_or_else(PoisonError::into_inner);
        state.exit.clone()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        if state.exit.is_none() {
            state.wanted = true;
            // The thread sees the end and reaps it.
            if let Err(error) = state.child.kill() {
                tracing::warn!(%error, pid = self.pid, "killing QEMU failed");
            }
        }
    }
}

/// The system kills the process when the rig dies, even by SIGKILL; and it inherits what no other child of
/// the rig does.
fn die_with_parent(command: &mut Command, inherited: Vec<OwnedFd>) {
    let rig = rustix::process::getpid();
    #[expect(unsafe_code, reason = "pre_exec: the closure makes system calls and touches nothing else")]
    // SAFETY: between fork and exec only calls that are safe after a fork are made: fcntl, prctl and getppid.
    unsafe {
        command.pre_exec(move || {
            for socket in &inherited {
                fcntl_setfd(socket, FdFlags::empty())?;
            }
            set_parent_process_death_signal(Some(Signal::KILL))?;
            // The rig may have died before the first call.
            if rustix::process::getppid() == Some(rig) { Ok(()) } else { Err(io::ErrorKind::NotConnected.into()) }
        });
    }
}

/// What `--version` tells, when it is too old.
fn too_old(qemu: &Path) -> Option<BoardError> {
    let output = Command::new(qemu).arg("--version").stdin(Stdio::null()).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let version = text.split_once("version ")?.1.split(|c: char| !c.is_ascii_digit() && c != '.').next()?;
    let mut numbers = version.split('.').map(str::parse::<u64>);
    let seen = (numbers.next()?.ok()?, numbers.next()?.ok()?);
    (seen < OLDEST).then(|| BoardError::TooOld { qemu: qemu.to_owned(), version: version.to_owned() })
}

fn io_error(doing: &'static str, path: impl Into<PathBuf>, source: io::Error) -> BoardError {
    BoardError::Io { doing, path: path.into(), source }
}
