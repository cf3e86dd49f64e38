//! A program that speaks lines on its standard input and output.
//!
//! The program runs in a process group of its own. A guard, which is a shell that waits for its standard input to end,
//! leads the group. The guard's input ends when this process ends, however it ends, and the guard then ends the whole
//! group. So nothing that the program has started outlives the rig.

use std::collections::VecDeque;
use std::io::{BufRead as _, BufReader, Read as _};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{ChildStdin, ChildStdout};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until, timeout};

use super::LinkError;
use super::port::{ByteSink, Decoder, Way};

/// How long a program may take to end after its standard input was closed.
const GRACE: Duration = Duration::from_secs(1);

/// How long the rig waits for what a program wrote before it ended. It is needed only if something that the program has
/// started still holds its standard output.
const LAST_WORDS: Duration = Duration::from_millis(200);

/// Number of lines that wait for the rig. A program that writes more has to wait.
const WAITING: usize = 16;

/// The largest number of lines of standard error that are recorded.
const NOISE_LINES: u32 = 10_000;

/// The longest line of standard error. A longer line is recorded in pieces.
const NOISE_BYTES: u64 = 4096;

/// Number of lines of standard error that messages show.
const SHOWN: usize = 3;

/// Number of characters of a command that messages show.
const SHOWN_COMMAND: usize = 120;

/// Receives each line of a program's standard error.
pub type Listener = Box<dyn Fn(&str) + Send>;

/// A piece of a program's standard output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// A line without its line end.
    Line(Vec<u8>),
    /// A line that is longer than the limit. Nothing follows.
    Overlong,
}

/// Splits a byte stream into lines. It keeps at most one line of the longest length.
#[derive(Debug)]
pub struct Splitter {
    line: Vec<u8>,
    longest: usize,
    broken: bool,
}

impl Splitter {
    /// A splitter for lines of up to `longest` bytes.
    #[must_use]
    pub fn new(longest: usize) -> Self {
        Self { line: Vec::new(), longest, broken: false }
    }
}

impl Decoder for Splitter {
    type Message = Piece;

    fn push(&mut self, bytes: &[u8], emit: &mut dyn FnMut(Piece)) {
        let mut rest = bytes;
        while !self.broken && !rest.is_empty() {
            let end = rest.iter().position(|byte| *byte == b'\n');
            let part = &rest[..end.unwrap_or(rest.len())];
            if self.line.len() + part.len() > self.longest {
                self.broken = true;
                self.line = Vec::new();
                return emit(Piece::Overlong);
            }
            self.line.extend_from_slice(part);
            rest = &rest[end.map_or(rest.len(), |end| end + 1)..];
            if end.is_some() {
                emit(Piece::Line(std::mem::take(&mut self.line)));
            }
        }
    }
}

/// A running program. It is ended with everything that it has started when this is dropped.
#[derive(Debug)]
pub struct Program {
    name: String,
    longest: usize,
    child: tokio::process::Child,
    input: Option<ChildStdin>,
    lines: mpsc::Receiver<Piece>,
    ended: Option<(String, Instant)>,
    noise: Arc<Mutex<Noise>>,
    silent: Option<oneshot::Receiver<()>>,
    sink: Sink,
    group: Group,
}

impl Program {
    /// Starts `command` in `folder`. Lines of its standard output may have up to `longest` bytes. `sink` receives what
    /// passes in both directions, with account numbers masked. Call it within a tokio runtime.
    ///
    /// # Errors
    /// [`LinkError::Adapter`] if the program can't be started.
    pub fn start(command: &[String], folder: &Path, longest: usize, sink: ByteSink) -> Result<Self, LinkError> {
        let name = shown(command);
        let failed = |what: String| LinkError::Adapter { program: name.clone(), what };
        let Some((program, arguments)) = command.split_first() else {
            return Err(failed("can't be started: no command is given".into()));
        };
        let group = Group::new().map_err(|error| failed(format!("can't be started: no guard (sh): {error}")))?;
        let mut command = Command::new(program);
        command
            .args(arguments)
            .current_dir(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(group.id.as_raw_nonzero().get());
        let mut child = tokio::process::Command::from(command)
            .spawn()
            .map_err(|error| failed(format!("can't be started: {error}")))?;
        let noise = Arc::<Mutex<Noise>>::default();
        let (tell, silent) = oneshot::channel();
        if let Some(stderr) = child.stderr.take() {
            let stderr = stderr.into_owned_fd().map_err(|error| failed(format!("can't be heard: {error}")))?;
            let noise = noise.clone();
            std::thread::spawn(move || {
                hear(std::fs::File::from(stderr), &noise);
                // Nobody waits for this if the program was ended by the rig.
                let _ = tell.send(());
            });
        }
        let (send, lines) = mpsc::channel(WAITING);
        if let Some(stdout) = child.stdout.take() {
            tokio::spawn(read(stdout, Splitter::new(longest), send));
        }
        let input = child.stdin.take();
        let silent = Some(silent);
        Ok(Self { name, longest, child, input, lines, ended: None, noise, silent, sink: Sink(sink), group })
    }

    /// The command, for messages.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The error that says what is wrong with this program.
    #[must_use]
    pub fn fault(&self, what: impl Into<String>) -> LinkError {
        LinkError::Adapter { program: self.name.clone(), what: what.into() }
    }

    /// Sets the listener of the program's standard error. Lines that came before have been kept for it.
    pub fn noise_to(&self, listener: Listener) {
        let mut noise = lock(&self.noise);
        noise.kept.drain(..).for_each(|line| listener(&line));
        noise.listener = Some(listener);
    }

    /// Writes a line.
    ///
    /// # Errors
    /// [`LinkError::Adapter`] if the program has ended, or does not read its standard input.
    pub async fn send(&mut self, line: &str, within: Duration) -> Result<(), LinkError> {
        self.sink.pass(Way::Out, line);
        let Some(input) = &mut self.input else { return Err(self.fault("was told to end")) };
        let line = format!("{line}\n");
        let written = timeout(within, async {
            input.write_all(line.as_bytes()).await?;
            input.flush().await
        });
        match written.await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(self.gone(&format!("does not accept a line: {error}")).await),
            Err(_) => Err(self.fault(format!("did not read a line within {} ms", within.as_millis()))),
        }
    }

    /// The next line, or `None` if the deadline passes first. Dropping the future loses nothing.
    ///
    /// # Errors
    /// [`LinkError::Adapter`] if the program has ended, or if its line is too long.
    pub async fn line(&mut self, deadline: Instant) -> Result<Option<Vec<u8>>, LinkError> {
        loop {
            let until = self.ended.as_ref().map_or(deadline, |(_, last)| *last);
            tokio::select! {
                biased;
                piece = self.lines.recv() => return match piece {
                    Some(Piece::Line(line)) => {
                        self.sink.pass(Way::In, &String::from_utf8_lossy(&line));
                        Ok(Some(line))
                    }
                    Some(Piece::Overlong) => {
                        Err(self.fault(format!("wrote a line of more than {} bytes", self.longest)))
                    }
                    None => Err(self.gone("closed its standard output").await),
                },
                status = self.child.wait(), if self.ended.is_none() => {
                    self.ended = Some((ended(status), Instant::now() + LAST_WORDS));
                }
                () = sleep_until(until) => return match self.ended {
                    Some(_) => Err(self.gone("ended").await),
                    None => Ok(None),
                },
            }
        }
    }

    /// A line that has already come, if there is one.
    pub fn line_at_once(&mut self) -> Option<Vec<u8>> {
        match self.lines.try_recv() {
            Ok(Piece::Line(line)) => {
                self.sink.pass(Way::In, &String::from_utf8_lossy(&line));
                Some(line)
            }
            // The next wait for a line reports the rest.
            _ => None,
        }
    }

    /// Closes the program's standard input, and waits until it has ended. Returns how it ended, or `None` if it did not
    /// end in time. Everything that it has started is ended, too.
    pub async fn close(mut self) -> Option<String> {
        self.input = None;
        let deadline = Instant::now() + GRACE;
        let drain = async { while self.lines.recv().await.is_some() {} };
        let end = async {
            let status = match &self.ended {
                Some((how, _)) => how.clone(),
                None => ended(self.child.wait().await),
            };
            Some(status)
        };
        // A program that still writes must not wait for the rig.
        let how = tokio::select! {
            how = async { tokio::join!(end, timeout(GRACE, drain)).0 } => how,
            () = sleep_until(deadline) => None,
        };
        if let Some(silent) = self.silent.take() {
            let _ = timeout(LAST_WORDS, silent).await;
        }
        how
    }

    /// The error for a program that has ended by itself, with its last words.
    async fn gone(&mut self, what: &str) -> LinkError {
        let how = match self.ended.take() {
            Some((how, _)) => Some(how),
            None => timeout(LAST_WORDS, self.child.wait()).await.ok().map(ended),
        };
        if let Some(silent) = self.silent.take() {
            let _ = timeout(LAST_WORDS, silent).await;
        }
        let how = how.unwrap_or_else(|| what.to_owned());
        self.ended = Some((how.clone(), Instant::now()));
        let said: Vec<String> = lock(&self.noise).last.iter().cloned().collect();
        self.fault(if said.is_empty() { how } else { format!("{how}; it wrote `{}`", said.join(" / ")) })
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.group.end();
    }
}

/// A command as messages show it. A long one, such as a program on the command line of its interpreter, is shortened.
fn shown(command: &[String]) -> String {
    let text = command.join(" ");
    let text = text.lines().next().unwrap_or_default();
    match text.char_indices().nth(SHOWN_COMMAND) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}

/// How a program ended, in a form that follows its name.
fn ended(status: std::io::Result<ExitStatus>) -> String {
    match status {
        Ok(status) => format!("ended with {status}"),
        Err(error) => format!("ended: {error}"),
    }
}

async fn read(mut from: ChildStdout, mut splitter: Splitter, send: mpsc::Sender<Piece>) {
    let mut buffer = vec![0; 16 * 1024];
    while let Ok(n) = from.read(&mut buffer).await {
        if n == 0 {
            return;
        }
        let mut pieces = Vec::new();
        splitter.push(&buffer[..n], &mut |piece| pieces.push(piece));
        for piece in pieces {
            let is_last = piece == Piece::Overlong;
            if send.send(piece).await.is_err() || is_last {
                return;
            }
        }
    }
}

/// The process group of a program, led by its guard.
#[derive(Debug)]
struct Group {
    id: Pid,
    guard: Child,
}

impl Group {
    fn new() -> std::io::Result<Self> {
        let guard = Command::new("/bin/sh")
            .args(["-c", "read _; kill -KILL 0"])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()?;
        Ok(Self { id: Pid::from_child(&guard), guard })
    }

    /// Ends the whole group. The guard has not been waited for before, so its id can't belong to another process.
    fn end(&mut self) {
        let _ = kill_process_group(self.id, Signal::KILL);
        let _ = self.guard.wait();
    }
}

/// Receives what passes, with account numbers masked.
struct Sink(ByteSink);

impl Sink {
    fn pass(&self, way: Way, line: &str) {
        let mut text = line.to_owned();
        taprig_record::mask::text(&mut text);
        text.push('\n');
        (self.0)(way, text.as_bytes());
    }
}

impl std::fmt::Debug for Sink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sink")
    }
}

/// What a program writes to its standard error.
#[derive(Default)]
struct Noise {
    listener: Option<Listener>,
    /// Lines that came before there was a listener.
    kept: Vec<String>,
    /// The last lines, for messages.
    last: VecDeque<String>,
    count: u32,
}

impl Noise {
    fn line(&mut self, line: String) {
        self.count = self.count.saturating_add(1);
        let mut shown = line.clone();
        taprig_record::mask::text(&mut shown);
        if self.last.len() == SHOWN {
            self.last.pop_front();
        }
        self.last.push_back(shown);
        let line = match self.count {
            1..=NOISE_LINES => line,
            n if n == NOISE_LINES + 1 => "(the rest of what it writes is left out)".to_owned(),
            _ => return,
        };
        match &self.listener {
            Some(listener) => listener(&line),
            None => self.kept.push(line),
        }
    }
}

impl std::fmt::Debug for Noise {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Noise")
    }
}

fn hear(from: std::fs::File, noise: &Mutex<Noise>) {
    let mut from = BufReader::new(from);
    let mut line = Vec::new();
    loop {
        line.clear();
        match (&mut from).take(NOISE_BYTES).read_until(b'\n', &mut line) {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
        let text = String::from_utf8_lossy(&line);
        let text = text.trim_end();
        if !text.is_empty() {
            lock(noise).line(text.to_owned());
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn pieces(chunks: &[&[u8]]) -> Vec<Piece> {
        let mut splitter = Splitter::new(8);
        let mut pieces = Vec::new();
        for chunk in chunks {
            splitter.push(chunk, &mut |piece| pieces.push(piece));
        }
        pieces
    }

    #[test]
    fn lines_are_told_apart_wherever_the_chunks_are_cut() {
        let line = |text: &str| Piece::Line(text.into());
        assert_eq!(
            pieces(&[b"ab\nc", b"d\n", b"\n12345678", b"\nx"]),
            [line("ab"), line("cd"), line(""), line("12345678")]
        );
    }

    #[test]
    fn nothing_follows_a_line_that_is_too_long() {
        assert_eq!(pieces(&[b"ab\n12345", b"6789", b"\nab\n"]), [Piece::Line(b"ab".into()), Piece::Overlong]);
        assert_eq!(pieces(&[b"123456789\n"]), [Piece::Overlong]);
    }

    proptest! {
        #[test]
        fn the_cuts_do_not_matter(bytes in prop::collection::vec(prop_oneof![Just(b'\n'), any::<u8>()], 0..60), cut in 0usize..60) {
            let cut = cut.min(bytes.len());
            prop_assert_eq!(pieces(&[&bytes]), pieces(&[&bytes[..cut], &bytes[cut..]]));
        }
    }
}
