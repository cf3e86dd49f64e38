//! The process of a board. It never outlives the rig, and it never ends unnoticed.

use super::{BoardError, BoardSpec};
use crate::Machine;
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

/// Number of lines of QEMU's output in a notice. A crash reports its reason first, and then all registers.
const LINES: usize = 12;
/// If the control connection breaks, the end of the process is noticed within this time.
const NOTICE: Duration = Duration::from_secs(2);

/// How a board's process ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exit {
    /// Its process id.
    pub pid: u32,
    /// Its exit status.
    pub status: ExitStatus,
    /// Whether the rig killed it. Otherwise it crashed.
    pub wanted: bool,
    /// The first lines that it wrote to standard error, which say why it ended. The board's log file has all lines.
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

    /// Waits for the end of the process, on the thread that spawned it.
    fn watch(&self, pid: u32) {
        if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
            // The process is not reaped yet, so nobody else can get the same id while a kill is on its way.
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
    /// Starts the process. Its output goes to the board's log, and the sockets in `inherited` are open under their
    /// numbers.
    pub(super) fn spawn(mut command: Command, inherited: Vec<OwnedFd>, spec: &BoardSpec) -> Result<Self, BoardError> {
        let log = spec.log_file();
        let stderr = File::create(&log).map_err(|source| io_error("making", &log, source))?;
        command.stderr(stderr);
        // The process must not get Ctrl-C from a terminal itself, because the rig stops its boards in order.
        command.process_group(0);
        die_with_parent(&mut command, inherited);
        // For the kernel, the "parent" is the thread that forked, and QEMU is killed when that thread ends. So QEMU
        // gets its own thread, which lives exactly as long as QEMU does.
        let (started, starting) = mpsc::channel();
        let thread = thread::Builder::new().name("qemu".into());
        let log_of_thread = log.clone();
        thread
            .spawn(move || {
                let child = command.spawn();
                // The command holds QEMU's ends of its connections. Only QEMU may have them.
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

    /// Kills the process and waits for its end.
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

    /// If the process has ended, returns that as the reason why talking to it failed.
    pub(super) fn explain(&self, error: BoardError) -> BoardError {
        if !matches!(error, BoardError::Disconnected(_)) {
            return error;
        }
        match self.wait(NOTICE) {
            Some(Exit { pid, status, stderr, .. }) => BoardError::Ended { pid, status, stderr },
            None => error,
        }
    }

    /// Does the same as [`Process::explain`] for a process that has just been started. An old QEMU does not know all
    /// options and machines, so it ends before it can report its version.
    pub(super) fn explain_start(&self, error: BoardError, spec: &BoardSpec) -> BoardError {
        match self.explain(error) {
            BoardError::TooOld { version, machine, .. } => {
                BoardError::TooOld { qemu: spec.qemu.clone(), version, machine }
            }
            error @ BoardError::Ended { .. } => too_old(&spec.qemu, spec.machine).unwrap_or(error),
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
            // The thread notices the end and reaps the process.
            if let Err(error) = state.child.kill() {
                tracing::warn!(%error, pid = self.pid, "killing QEMU failed");
            }
        }
    }
}

/// Prepares the process: the system kills it when the rig dies, even by SIGKILL. It inherits sockets that no other
/// child of the rig inherits.
fn die_with_parent(command: &mut Command, inherited: Vec<OwnedFd>) {
    let rig = rustix::process::getpid();
    #[expect(unsafe_code, reason = "pre_exec: the closure makes system calls and touches nothing else")]
    // SAFETY: between fork and exec, the closure makes only calls that are safe after a fork: fcntl, prctl and getppid.
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

/// The version that `--version` reports, if it is too old for the machine.
fn too_old(qemu: &Path, machine: Machine) -> Option<BoardError> {
    let output = Command::new(qemu).arg("--version").stdin(Stdio::null()).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let version = text.split_once("version ")?.1.split(|c: char| !c.is_ascii_digit() && c != '.').next()?;
    let mut numbers = version.split('.').map(str::parse::<u64>);
    let seen = (numbers.next()?.ok()?, numbers.next()?.ok()?);
    let (qemu, version) = (qemu.to_owned(), version.to_owned());
    (seen < machine.oldest_qemu()).then_some(BoardError::TooOld { qemu, version, machine })
}

fn io_error(doing: &'static str, path: impl Into<PathBuf>, source: io::Error) -> BoardError {
    BoardError::Io { doing, path: path.into(), source }
}
