//! A run under way: its events as they come, its boards, its end. Every wait has a deadline.

use std::io::{BufRead as _, BufReader, Read as _};
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process, kill_process_group, pidfd_open};
use serde_json::Value;

use super::place::{Place, Ran};

/// Longer than anything takes on a busy machine; a test that waits so long has failed.
const DEADLINE: Duration = Duration::from_secs(30);

pub(crate) struct Running {
    child: Child,
    lines: Receiver<String>,
    seen: String,
    waiting: Option<std::thread::JoinHandle<String>>,
}

impl Running {
    /// `taprig run ARGS --format json --report report`, in a process group of its own as a shell starts it.
    pub(crate) fn start(place: &Place, args: &[&str]) -> Self {
        let args: Vec<&str> = ["run", "--report", "report", "--format", "json"].iter().chain(args).copied().collect();
        Self::of(place.taprig(&args))
    }

    /// Any command, in the same way.
    pub(crate) fn of(mut command: Command) -> Self {
        let mut child = command.process_group(0).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (send, lines) = channel();
        let out = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || out.lines().map_while(Result::ok).for_each(|line| drop(send.send(line))));
        let mut err = child.stderr.take().unwrap();
        let waiting = std::thread::spawn(move || {
            let mut text = String::new();
            err.read_to_string(&mut text).unwrap();
            text
        });
        Self { child, lines, seen: String::new(), waiting: Some(waiting) }
    }

    /// Waits for an event.
    pub(crate) fn until(&mut self, wanted: impl Fn(&Value) -> bool) -> Value {
        let deadline = Instant::now() + DEADLINE;
        loop {
            let event: Value = serde_json::from_str(&self.line(deadline)).unwrap();
            if wanted(&event) {
                return event;
            }
        }
    }

    /// Waits for a line.
    pub(crate) fn until_line(&mut self, wanted: &str) {
        let deadline = Instant::now() + DEADLINE;
        while self.line(deadline) != wanted {}
    }

    /// Waits for a line that has this, and returns what follows it.
    pub(crate) fn until_word(&mut self, word: &str) -> String {
        let deadline = Instant::now() + DEADLINE;
        loop {
            if let Some((_, rest)) = self.line(deadline).split_once(word) {
                return rest.to_owned();
            }
        }
    }

    /// The next line.
    fn line(&mut self, deadline: Instant) -> String {
        let line = self.lines.recv_timeout(deadline.saturating_duration_since(Instant::now()));
        let line = line.unwrap_or_else(|error| panic!("{error}, after\n{}", self.seen));
        self.seen += &line;
        self.seen.push('\n');
        line
    }

    /// Waits until the long step of a case is under way.
    pub(crate) fn until_waiting(&mut self) {
        self.until(|event| event["body"]["kind"] == "step-started" && event["body"]["step"] == "wait 120 s");
    }

    fn id(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    /// The boards' processes whose command line holds this.
    pub(crate) fn boards(&self, word: &str) -> Vec<BoardProcess> {
        let parent = self.id().as_raw_nonzero().to_string();
        let all = std::fs::read_dir("/proc").unwrap().filter_map(|entry| entry.unwrap().file_name().into_string().ok());
        all.filter_map(|name| {
            let id = Pid::from_raw(name.parse().ok()?)?;
            // One that ends meanwhile is none.
            let stat = std::fs::read_to_string(format!("/proc/{name}/stat")).ok()?;
            let is_ours = stat.rsplit_once(") ")?.1.split(' ').nth(1)? == parent;
            let line = std::fs::read(format!("/proc/{name}/cmdline")).ok()?;
            let line = String::from_utf8_lossy(&line).replace('\0', " ");
            (is_ours && line.contains(word))
                .then(|| Some(BoardProcess { id, handle: pidfd_open(id, PidfdFlags::empty()).ok()? }))?
        })
        .collect()
    }

    /// The same, when there are so many.
    pub(crate) fn boards_when(&self, word: &str, count: usize) -> Vec<BoardProcess> {
        let deadline = Instant::now() + DEADLINE;
        loop {
            let boards = self.boards(word);
            if boards.len() == count {
                return boards;
            }
            assert!(Instant::now() < deadline, "{} of {count} boards", boards.len());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Ctrl-C: the terminal tells all of the process group.
    pub(crate) fn interrupt(&self) {
        kill_process_group(self.id(), Signal::INT).unwrap();
    }

    pub(crate) fn terminate(&self) {
        kill_process(self.id(), Signal::TERM).unwrap();
    }

    /// Nothing can be done about this one.
    pub(crate) fn kill(&self) {
        kill_process(self.id(), Signal::KILL).unwrap();
    }

    pub(crate) fn hang_up(&self) {
        kill_process(self.id(), Signal::HUP).unwrap();
    }

    /// Waits for the end.
    pub(crate) fn end(mut self) -> Ran {
        let deadline = Instant::now() + DEADLINE;
        while let Ok(line) = self.lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            self.seen += &line;
            self.seen.push('\n');
        }
        assert!(Instant::now() < deadline, "still running after\n{}", self.seen);
        let err = self.waiting.take().unwrap().join().unwrap();
        let code = self.child.wait().unwrap().code().unwrap();
        Ran { code, out: std::mem::take(&mut self.seen), err }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Only when a test fails; its boards go with it.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The process of a board.
pub(crate) struct BoardProcess {
    id: Pid,
    handle: OwnedFd,
}

impl BoardProcess {
    pub(crate) fn kill(&self) {
        kill_process(self.id, Signal::KILL).unwrap();
    }

    /// Waits until it is gone.
    pub(crate) fn ends(&self) {
        let mut polled = [PollFd::new(&self.handle, PollFlags::IN)];
        assert_eq!(poll(&mut polled, Some(&Timespec::try_from(DEADLINE).unwrap())).unwrap(), 1, "{:?} lives", self.id);
    }
}
