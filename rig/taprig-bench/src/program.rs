//! A board that is a program on this host: another maker's simulator, or firmware with a console of its own.

use std::io::Read as _;
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::fs::{Mode, OFlags};
use rustix::process::{Pid, Signal, kill_process_group};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{OptionalActions, tcgetattr, tcsetattr};
use taprig_model::bench::{Argument, ArgumentPlace, BoardKind};
use taprig_model::event::{PowerSwitch, Role};

use super::air::Air;
use super::board::{BenchBoard, Prepared};
use super::programs::Programs;
use super::{BenchError, with_causes};
use crate::command::has_ended;
use crate::link::endpoint::Endpoint;

/// How much of a program's standard error is kept. Only this much of it can get into a message, where card numbers are
/// masked. The rest is dropped and is never written anywhere.
const WORDS: usize = 400;

/// A program that is the device.
#[derive(Debug)]
pub(super) struct ProgramBoard {
    role: Role,
    command: Vec<Argument>,
    programs: Programs,
    /// The folder that outlives the power.
    state: PathBuf,
    running: Option<Running>,
}

#[derive(Debug)]
struct Running {
    child: Child,
    /// The end of its standard error.
    words: Arc<Mutex<Vec<u8>>>,
    reader: Option<JoinHandle<()>>,
    /// How the program has ended, once that is known. From then on its process id may belong to another process.
    status: Option<ExitStatus>,
}

impl ProgramBoard {
    /// The program of `command` with the role `role`.
    #[must_use]
    pub(super) fn new(role: Role, command: Vec<Argument>, programs: &Programs, state: PathBuf) -> Self {
        Self { role, command, programs: programs.clone(), state, running: None }
    }

    fn failed(&self, what: String, advice: Option<&'static str>) -> BenchError {
        BenchError::Start { role: self.role, kind: BoardKind::Program, what, advice }
    }

    fn spawn(&self, air: &Air) -> Result<(Running, Endpoint), BenchError> {
        std::fs::create_dir_all(&self.state)
            .map_err(|source| BenchError::State { path: self.state.clone(), source })?;
        let (own, device) = terminal().map_err(|error| self.failed(format!("no pseudo terminal: {error}"), None))?;
        let path = |place| {
            let path = match place {
                ArgumentPlace::Air => &air.path,
                ArgumentPlace::State => &self.state,
                ArgumentPlace::Taprig => &self.programs.taprig,
            };
            path.display().to_string()
        };
        let mut arguments = self.command.iter().map(|argument| argument.fill(path));
        let Some(program) = arguments.next() else {
            return Err(self.failed("the bench file names no program".into(), None));
        };
        let standard = |fd: &OwnedFd| fd.try_clone().map(Stdio::from);
        let input = standard(&device).map_err(|error| self.failed(with_causes(&error), None))?;
        let mut child = Command::new(&program)
            .args(arguments)
            .current_dir(&self.programs.folder)
            .stdin(input)
            .stdout(Stdio::from(device))
            .stderr(Stdio::piped())
            // The program must not get Ctrl-C itself, and its group lets the rig end everything that it has started.
            .process_group(0)
            .spawn()
            .map_err(|error| self.failed(format!("{program}: {error}"), Some("check `command` in the bench file")))?;
        let words = Arc::default();
        let reader = child.stderr.take().map(|stderr| listen(stderr, &words));
        Ok((Running { child, words, reader, status: None }, Endpoint::Terminal(Arc::new(own))))
    }
}

/// A pseudo terminal in raw mode: no byte is changed and none is echoed. Returns the rig's end and that of the device.
fn terminal() -> std::io::Result<(OwnedFd, OwnedFd)> {
    let own = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)?;
    grantpt(&own)?;
    unlockpt(&own)?;
    let name = ptsname(&own, Vec::new())?;
    let device = rustix::fs::open(name.as_c_str(), OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC, Mode::empty())?;
    let mut mode = tcgetattr(&device)?;
    mode.make_raw();
    tcsetattr(&device, OptionalActions::Now, &mode)?;
    Ok((own, device))
}

/// Reads standard error to its end and keeps the last bytes of it.
fn listen(mut stderr: ChildStderr, words: &Arc<Mutex<Vec<u8>>>) -> JoinHandle<()> {
    let words = words.clone();
    std::thread::spawn(move || {
        let mut bytes = [0; 1024];
        while let Ok(read @ 1..) = stderr.read(&mut bytes) {
            let mut words = words.lock().unwrap_or_else(PoisonError::into_inner);
            words.extend(&bytes[..read]);
            let surplus = words.len().saturating_sub(WORDS);
            words.drain(..surplus);
        }
    })
}

impl Running {
    /// Ends everything that the program has started. The program itself must not have been waited for, so that its
    /// process id is still its own.
    fn end_group(&self) {
        // It is no failure if the group is empty.
        let _ = kill_process_group(Pid::from_child(&self.child), Signal::KILL);
    }

    /// How the program has ended, if it ends within this time.
    fn ended(&mut self, within: Duration) -> Option<ExitStatus> {
        if self.status.is_none() && has_ended(&self.child, within) {
            self.end_group();
            self.status = self.child.wait().ok();
            // Its last words are complete when nobody has the other end of standard error any more.
            if let Some(reader) = self.reader.take() {
                let _ = reader.join();
            }
        }
        self.status
    }

    /// What the program wrote to standard error last, in a form that can follow a sentence.
    fn words(&self) -> String {
        let words = self.words.lock().unwrap_or_else(PoisonError::into_inner);
        let text = String::from_utf8_lossy(&words).trim().replace(['\n', '\r'], " / ");
        if text.is_empty() { text } else { format!(": {text}") }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.status.is_none() {
            self.end_group();
            let _ = self.child.wait();
        }
        if let Some(reader) = self.reader.take() {
            // Every process that has the other end is dead now, or has left the group and closed it.
            if reader.is_finished() {
                let _ = reader.join();
            }
        }
    }
}

impl BenchBoard for ProgramBoard {
    fn kind(&self) -> BoardKind {
        BoardKind::Program
    }

    fn power_on(&mut self, air: &Air, _prepared: Option<Prepared>) -> Result<Endpoint, BenchError> {
        self.power_off();
        let (running, endpoint) = self.spawn(air)?;
        self.running = Some(running);
        Ok(endpoint)
    }

    fn power_off(&mut self) {
        self.running = None;
    }

    fn switched(&self) -> PowerSwitch {
        PowerSwitch::Process
    }

    fn ended(&mut self, within: Duration) -> Option<String> {
        let running = self.running.as_mut()?;
        let status = running.ended(within)?;
        Some(format!("its program ended with {status}{}", running.words()))
    }

    fn is_device_itself(&self) -> bool {
        self.role == Role::Validator
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::link::port::{Decoder, Incoming, Port};

    struct Text;

    impl Decoder for Text {
        type Message = String;

        fn push(&mut self, bytes: &[u8], emit: &mut dyn FnMut(String)) {
            emit(String::from_utf8_lossy(bytes).into_owned());
        }
    }

    fn board(state: &std::path::Path, command: &[&str]) -> (ProgramBoard, Air) {
        let programs = Programs {
            taprig: "taprig".into(),
            hosted: "taprig".into(),
            qemu: "qemu".into(),
            flash_algorithm: "none".into(),
            folder: state.to_owned(),
        };
        let command = command.iter().map(|argument| argument.parse().unwrap()).collect();
        let air = Air::new(state.join("air"), false, None).unwrap();
        (ProgramBoard::new(Role::Validator, command, &programs, state.join("kept")), air)
    }

    /// What comes from the port until it contains this, or until the port is gone.
    async fn until(incoming: &mut crate::link::port::Messages<Text>, word: &str) -> (String, bool) {
        let mut seen = String::new();
        while !seen.contains(word) {
            match tokio::time::timeout(Duration::from_secs(20), incoming.recv()).await.unwrap() {
                Some(Incoming::Message(text)) => seen += &text,
                _ => return (seen, true),
            }
        }
        (seen, false)
    }

    fn run<T>(work: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
    }

    #[test]
    fn a_program_has_a_raw_terminal_and_ends_with_its_power() {
        run(async {
            let folder = tempfile::tempdir().unwrap();
            // What the shell starts would outlive it, and would show that it did.
            let script = "test -t 0 && test -t 1 && printf 'up\\n'; (sleep 2; touch {state}/alive) & read x; printf '<%s>\\n' \"$x\"; wait";
            let (mut board, air) = board(folder.path(), &["sh", "-c", script]);
            let raw: crate::link::port::ByteSink = Arc::new(|_, _| ());
            let endpoint = board.power_on(&air, None).unwrap();
            let (mut port, mut incoming) = Port::open(&endpoint, 115_200, Text, raw.clone()).unwrap();
            assert_eq!(until(&mut incoming, "\n").await, ("up\n".to_owned(), false), "no byte is changed");
            port.send(b"hello\n").await.unwrap();
            assert_eq!(until(&mut incoming, ">").await.0.trim(), "<hello>", "and none is echoed");
            assert_eq!(board.ended(Duration::ZERO), None);
            board.power_off();
            drop(endpoint);
            assert!(until(&mut incoming, "never").await.1, "the port is gone");
            let endpoint = board.power_on(&air, None).unwrap();
            let (_port, mut incoming) = Port::open(&endpoint, 115_200, Text, raw).unwrap();
            assert_eq!(until(&mut incoming, "up").await.0.trim(), "up", "it starts again");
            board.power_off();
            std::thread::sleep(Duration::from_millis(2500));
            assert!(!folder.path().join("kept/alive").exists());
        });
    }

    #[test]
    fn a_program_that_ends_is_told_with_its_last_words() {
        let folder = tempfile::tempdir().unwrap();
        let (mut program, air) = board(folder.path(), &["sh", "-c", "echo no radio >&2; exit 4"]);
        let _endpoint = program.power_on(&air, None).unwrap();
        let ended = program.ended(Duration::from_secs(20)).unwrap();
        assert!(ended.starts_with("its program ended with exit status: 4"), "{ended}");
        let (mut program, air) = board(folder.path(), &["./no-such-program"]);
        let error = program.power_on(&air, None).unwrap_err();
        assert!(error.to_string().contains("the validator (program) does not start: ./no-such-program:"), "{error}");
    }
}
