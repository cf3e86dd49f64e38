//! The validator's console: text lines, with replies to commands and events in between.
//!
//! A line that begins with `!` is an event. A line that begins with `-` carries data. `ok` and `error` end the reply to
//! one command. Anything else is noise, such as a bootloader's banner or a debug print. Noise is handed to a listener,
//! and the last lines of it are kept for messages.

use std::collections::VecDeque;
use std::time::Duration;

use taprig_model::device::Lines as Marks;
use taprig_model::event::Fields;
use tokio::time::Instant;

use super::LinkError;
use super::endpoint::Endpoint;
use super::lines::{Lines, first_words};
use super::port::{ByteSink, Decoder};

const WHO: &str = super::VALIDATOR_CONSOLE;

/// The longest line. The rest of a longer line is discarded.
const MAX_LINE: usize = 4096;

/// One line from the console.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Line {
    /// `- ...`: data of the current reply.
    Data(String),
    /// `ok ...`: the device has carried out a command.
    Ok(String),
    /// `error <code> <text>`: the device has refused a command.
    Error(String),
    /// `! <name> ...`.
    Event(Event),
    /// Anything else.
    Noise(String),
}

/// Something that the validator reports by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// The name of the event on this console.
    pub name: String,
    /// The values of the event.
    pub values: Fields,
    /// The line as the device sent it, without the prefix.
    pub line: String,
}

impl Line {
    /// Parses a line, with the prefixes that this device uses.
    #[must_use]
    pub fn parse(line: &str, marks: &Marks) -> Self {
        let line = line.trim_end();
        let after = |mark: &str| {
            line.strip_prefix(mark).filter(|rest| rest.is_empty() || rest.starts_with(' ')).map(str::trim_start)
        };
        if let Some(rest) = after(&marks.event) {
            let (name, values) = rest.split_once(' ').unwrap_or((rest, ""));
            Self::Event(Event { name: name.to_owned(), values: Fields::parse(values), line: rest.to_owned() })
        } else if let Some(rest) = after(&marks.ok) {
            Self::Ok(rest.to_owned())
        } else if let Some(rest) = after(&marks.error) {
            Self::Error(rest.to_owned())
        } else if let Some(rest) = after(&marks.data) {
            Self::Data(rest.to_owned())
        } else {
            Self::Noise(line.to_owned())
        }
    }
}

/// Splits a byte stream into lines.
#[derive(Debug)]
struct Splitter {
    marks: Marks,
    line: Vec<u8>,
}

impl Decoder for Splitter {
    type Message = Line;

    fn push(&mut self, bytes: &[u8], emit: &mut dyn FnMut(Line)) {
        for &byte in bytes {
            match byte {
                b'\n' => {
                    let line = std::mem::take(&mut self.line);
                    if !line.is_empty() {
                        emit(Line::parse(&String::from_utf8_lossy(&line), &self.marks));
                    }
                }
                b'\r' => {}
                _ if self.line.len() < MAX_LINE => self.line.push(byte),
                _ => {}
            }
        }
    }
}

/// The reply to a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// Its data lines.
    pub data: Vec<String>,
    /// The text after `ok`.
    pub ok: String,
}

impl Reply {
    /// The fields of the closing line.
    #[must_use]
    pub fn fields(&self) -> Fields {
        Fields::parse(&self.ok)
    }
}

/// The console of one validator.
#[derive(Debug)]
pub struct Console {
    lines: Lines<Line>,
    /// Events that came during a wait for a reply.
    events: VecDeque<Event>,
    /// How many commands were [asked](Console::ask) and have no reply yet.
    open: usize,
    /// Lines of replies that came during a wait for an event.
    replies: VecDeque<Line>,
}

impl Console {
    /// Opens the console.
    ///
    /// # Errors
    /// The same as for [`Port::open`](super::port::Port::open).
    pub fn open(endpoint: &Endpoint, baud: u32, marks: &Marks, tap: ByteSink) -> Result<Self, LinkError> {
        let lines = Lines::open(endpoint, baud, Splitter { marks: marks.clone(), line: Vec::new() }, tap)?;
        Ok(Self { lines, events: VecDeque::new(), open: 0, replies: VecDeque::new() })
    }

    /// Sets the listener. From now on `hear` receives each line that is neither an event nor part of an expected reply,
    /// in the order of all lines.
    pub fn noise_to(&mut self, hear: impl Fn(&str) + Send + 'static) {
        self.lines.noise_to(hear);
    }

    /// Reads what has come and nobody has waited for. Noise is handed on, and events are kept.
    pub fn hear_out(&mut self) {
        while let Some(line) = self.lines.next_at_once() {
            self.keep(line);
        }
    }

    /// Closes the console. Anything that it still holds is lost.
    pub async fn close(self) {
        self.lines.close().await;
    }

    /// Sends one command and waits for its reply.
    ///
    /// # Errors
    /// [`LinkError::Refused`] for an `error` reply, [`LinkError::Deadline`], [`LinkError::Gone`].
    pub async fn command(&mut self, line: &str, within: Duration) -> Result<Reply, LinkError> {
        self.send(line).await?;
        self.reply(line, within).await
    }

    /// Sends one command without waiting. [`Console::reply`] has to be called for each such command, in order, before anything
    /// else is waited for. If it is not called, the reply counts as noise.
    ///
    /// # Errors
    /// [`LinkError::Gone`].
    pub async fn send(&mut self, line: &str) -> Result<(), LinkError> {
        self.lines.send(format!("{line}\n").as_bytes()).await
    }

    /// Sends one command whose reply [`Console::reply`] returns later. A reply that comes during a wait for an event is kept.
    ///
    /// # Errors
    /// [`LinkError::Gone`].
    pub async fn ask(&mut self, line: &str) -> Result<(), LinkError> {
        self.send(line).await?;
        self.open += 1;
        Ok(())
    }

    /// The reply to the oldest command that has none yet. `command` is only for the message.
    ///
    /// # Errors
    /// The same as for [`Console::command`].
    pub async fn reply(&mut self, command: &str, within: Duration) -> Result<Reply, LinkError> {
        let reply = self.next_reply(command, within).await;
        // Nobody waits any more for a reply that is late.
        self.open = self.open.saturating_sub(1);
        reply
    }

    async fn next_reply(&mut self, command: &str, within: Duration) -> Result<Reply, LinkError> {
        let deadline = Instant::now() + within;
        let mut data = Vec::new();
        let mut silent = true;
        loop {
            let shown = || first_words(command);
            let line = match self.replies.pop_front() {
                Some(line) => Some(line),
                None => self.lines.next(deadline).await?,
            };
            let was_silent = std::mem::replace(&mut silent, false);
            match line {
                Some(Line::Data(line)) => data.push(line),
                Some(Line::Ok(ok)) => return Ok(Reply { data, ok }),
                Some(Line::Error(why)) => return Err(LinkError::Refused { what: shown(), from: WHO, why }),
                Some(Line::Event(event)) => self.events.push_back(event),
                Some(Line::Noise(line)) => self.lines.keep_noise(line),
                None => {
                    let what = format!("the reply to `{}`", shown());
                    return Err(LinkError::Deadline { what, from: WHO, within, silent: was_silent });
                }
            }
        }
    }

    /// The next event, or `None` if the deadline passes first.
    ///
    /// # Errors
    /// [`LinkError::Gone`].
    pub async fn event(&mut self, deadline: Instant) -> Result<Option<Event>, LinkError> {
        loop {
            if let Some(event) = self.events.pop_front() {
                return Ok(Some(event));
            }
            match self.lines.next(deadline).await? {
                Some(line) => self.keep(line),
                None => return Ok(None),
            }
        }
    }

    /// Waits for an event with this name and drops those before it.
    ///
    /// # Errors
    /// [`LinkError::Deadline`] with the text that the console sent meanwhile, [`LinkError::Gone`].
    pub async fn wait_for(&mut self, name: &str, within: Duration) -> Result<Event, LinkError> {
        let deadline = Instant::now() + within;
        let mut heard = Vec::new();
        while let Some(event) = self.event(deadline).await? {
            if event.name == name {
                return Ok(event);
            }
            heard.push(event.line);
        }
        let heard = self.lines.said_instead(heard);
        Err(LinkError::Deadline { what: format!("the event `{name}` ({heard})"), from: WHO, within, silent: false })
    }

    /// Keeps what comes until the deadline, for later calls.
    ///
    /// # Errors
    /// [`LinkError::Gone`] as soon as the port is gone.
    pub async fn idle(&mut self, deadline: Instant) -> Result<(), LinkError> {
        while let Some(line) = self.lines.next(deadline).await? {
            self.keep(line);
        }
        Ok(())
    }

    fn keep(&mut self, line: Line) {
        match line {
            Line::Event(event) => self.events.push_back(event),
            line @ (Line::Data(_) | Line::Ok(_) | Line::Error(_)) if self.open > 0 => self.replies.push_back(line),
            // A reply that nobody waits for belongs to a command whose caller gave up.
            Line::Noise(line) | Line::Data(line) | Line::Ok(line) | Line::Error(line) => self.lines.keep_noise(line),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn marks() -> Marks {
        Marks { data: "-".into(), ok: "ok".into(), error: "error".into(), event: "!".into() }
    }

    fn lines(chunks: &[&[u8]]) -> Vec<Line> {
        let mut decoder = Splitter { marks: marks(), line: Vec::new() };
        let mut out = Vec::new();
        for chunk in chunks {
            decoder.push(chunk, &mut |line| out.push(line));
        }
        out
    }

    #[test]
    fn lines_are_told_apart_wherever_the_chunks_are_cut() {
        let seen =
            lines(&[b"! sh", b"ow id=15 text=\"present card\"\r\nok jour", b"nal=3\n- n=1\nerror 2 no\nboot v1\n\n"]);
        let Line::Event(event) = &seen[0] else { panic!("{seen:?}") };
        assert_eq!(event.name, "show");
        assert_eq!(event.values.get("text"), Some("present card"));
        assert_eq!(seen[1], Line::Ok("journal=3".into()));
        assert_eq!(seen[2], Line::Data("n=1".into()));
        assert_eq!(seen[3], Line::Error("2 no".into()));
        assert_eq!(seen[4], Line::Noise("boot v1".into()));
        assert_eq!(seen.len(), 5);
    }

    #[test]
    fn a_word_that_only_begins_like_a_reply_is_noise() {
        assert_eq!(Line::parse("okay", &marks()), Line::Noise("okay".into()));
        assert_eq!(Line::parse("errors", &marks()), Line::Noise("errors".into()));
        assert_eq!(Line::parse("ok", &marks()), Line::Ok(String::new()));
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            for line in lines(&[&bytes]) {
                if let Line::Event(event) = line {
                    let _ = event.values.get("id");
                }
            }
        }
    }
}
