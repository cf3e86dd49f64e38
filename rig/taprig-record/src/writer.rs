//! The thread that writes a record.

use super::consoles::{Consoles, Passed};
use super::read::Record;
use super::scope::lock;
use super::{EVENTS, FIRMWARE, MARK, Mark, SERIAL, Scope, State, folder, mask, pretty, replace, seal, serial_name};
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fs::{self, File, TryLockError};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};
use taprig_model::event::{Body, Event, FirmwareImage, SCHEMA, Source};

/// How many events may wait for the disk. If more are emitted, the callers wait as well.
const QUEUE: usize = 8192;

/// Bytes of each file that wait for one write. A busy bench makes some ten thousand in [`LINGER`].
const BUFFER: usize = 64 * 1024;

/// How long the thread sleeps after it has written. Waking it for each event would cost more than writing the event. A
/// process that is killed loses only the events of this time.
const LINGER: Duration = Duration::from_millis(10);

/// Receives each event after it is written, in order, on the writer's thread.
pub type Listener = Box<dyn FnMut(&Arc<Event>) + Send>;

/// Options of a record.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// Whether account numbers stay unmasked. Use this only for cards that are known to be test cards.
    pub whole: bool,
}

/// A record can't be written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// A file can't be created or written.
    #[error("{doing} {}: {cause}; check that the folder exists, may be written and has room", path.display())]
    Io {
        /// What taprig was doing.
        doing: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What went wrong.
        cause: io::Error,
    },
    /// Another run writes to this folder.
    #[error("recording to {}: another run is writing there; name another folder", .0.display())]
    InUse(PathBuf),
    /// The folder can't become that of a record.
    #[error("recording to {}: {why}", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// Why this is so, and what to do.
        why: String,
    },
    /// The writer's thread can't be started.
    #[error("starting the writer's thread: {0}")]
    Thread(io::Error),
    /// A listener panicked.
    #[error("writing the record: the writer's thread panicked; the record is complete up to that point")]
    Panicked,
}

/// A record that is being written. Cloning the handle is cheap. After [`Recorder::close`] further events are dropped.
#[derive(Clone)]
pub struct Recorder(Arc<Inner>);

struct Inner {
    sender: SyncSender<Message>,
    started: Instant,
    mask: Option<mask::Key>,
    thread: Mutex<Option<JoinHandle<Result<Closing, WriteError>>>>,
}

/// A record with all of its events, whose folder still waits for other files, such as reports. Until [`Closing::mark`] it is
/// marked as open, so nobody seals it, and no other run can take its folder. If the value is dropped instead, the record
/// is a partial one.
#[must_use = "the record is marked as partial if this is dropped"]
pub struct Closing {
    files: Option<Files>,
    state: State,
}

impl Closing {
    /// The state that the record will have.
    #[must_use]
    pub const fn state(&self) -> State {
        self.state
    }

    /// Marks the record with its state. Call it after the last file of the folder is written.
    ///
    /// # Errors
    /// The mark can't be written.
    pub fn mark(mut self) -> Result<(), WriteError> {
        self.files.take().map_or(Ok(()), |mut files| files.mark(self.state))
    }
}

impl Drop for Closing {
    fn drop(&mut self) {
        if let Some(mut files) = self.files.take() {
            // Nobody can be told. The record then stays marked as open.
            let _ = files.mark(State::Partial);
        }
    }
}

pub(super) enum Message {
    Event(Arc<Event>),
    Serial { passed: Passed, masked: bool },
    Flush { done: SyncSender<()> },
    Close { complete: bool },
}

impl Recorder {
    /// Starts a record in `folder` and replaces the record that is there. Without a folder, only the listeners receive
    /// events.
    ///
    /// # Errors
    /// The folder can't be written, it contains files that taprig did not write but would replace, or another run
    /// writes to it.
    pub fn start(folder: Option<&Path>, options: Options, listeners: Vec<Listener>) -> Result<Self, WriteError> {
        let files = folder.map(Files::create).transpose()?;
        Self::write(files, Instant::now(), options, listeners)
    }

    fn write(
        files: Option<Files>,
        started: Instant,
        options: Options,
        listeners: Vec<Listener>,
    ) -> Result<Self, WriteError> {
        let (sender, receiver) = sync_channel(QUEUE);
        let writer = Writer { files, listeners, failure: None, consoles: Consoles::default() };
        let thread = thread::Builder::new().name("record".into()).spawn(move || writer.run(&receiver));
        let thread = thread.map_err(WriteError::Thread)?;
        Ok(Self(Arc::new(Inner {
            sender,
            started,
            mask: (!options.whole).then(mask::Key::default),
            thread: Mutex::new(Some(thread)),
        })))
    }

    /// Goes on with the record in `folder` where its events end. What is there stays, apart from a last line that a
    /// killed writer left incomplete. Times go on after the last event. `record` is what the folder holds.
    ///
    /// The tokens of masked account numbers have a new key. A number has one token in the events so far and another one
    /// in those that follow.
    ///
    /// # Errors
    /// The folder can't be written, or another run writes to it.
    pub fn resume(record: &Record, options: Options, listeners: Vec<Listener>) -> Result<Self, WriteError> {
        let files = Files::append(record)?;
        let last = record.events.last().map_or(0, |event| event.at_us);
        let started = Instant::now().checked_sub(Duration::from_micros(last));
        Self::write(Some(files), started.unwrap_or_else(Instant::now), options, listeners)
    }

    /// Writes an event of another record as it is: with its time, its bench and what was masked in it.
    pub fn replay(&self, event: Event) {
        self.send(Message::Event(Arc::new(event)));
    }

    /// The scope through which the parts of a run emit events.
    pub fn scope(&self) -> Scope {
        Scope::new(self.clone())
    }

    /// Time since the start of the record, in us.
    pub fn micros(&self, at: Instant) -> u64 {
        u64::try_from(at.saturating_duration_since(self.0.started).as_micros()).unwrap_or(u64::MAX)
    }

    /// The key of the tokens for masked account numbers, or `None` if numbers are not masked.
    pub(super) fn mask(&self) -> Option<&mask::Key> {
        self.0.mask.as_ref()
    }

    pub(super) fn send(&self, message: Message) {
        // Sending fails only after the record was closed.
        let _ = self.0.sender.send(message);
    }

    /// Waits until the operating system has everything that was emitted before. From then on the data survive this
    /// process. Digits that a text console wrote last may still wait for their rest: see [`mask::Stream`].
    pub fn flush(&self) {
        let (done, written) = sync_channel(1);
        self.send(Message::Flush { done });
        // If the channel ends without an answer, the record was closed, and so it was written.
        let _ = written.recv();
    }

    /// Writes the waiting events, marks the record and closes it. This waits for the disk. On an async runtime call it
    /// last, or where blocking is allowed. A second call does nothing. If other files of the record are still to be
    /// written, call [`Recorder::end`] instead.
    ///
    /// # Errors
    /// The first failure to write since the start of the record.
    pub fn close(&self, complete: bool) -> Result<(), WriteError> {
        self.end(complete)?.mark()
    }

    /// Writes the waiting events and waits for the disk, as [`Recorder::close`] does, but does not mark the record yet.
    ///
    /// # Errors
    /// The first failure to write since the start of the record.
    pub fn end(&self, complete: bool) -> Result<Closing, WriteError> {
        let nothing = Closing { files: None, state: if complete { State::Complete } else { State::Partial } };
        let Some(thread) = lock(&self.0.thread).take() else { return Ok(nothing) };
        self.send(Message::Close { complete });
        thread.join().unwrap_or(Err(WriteError::Panicked))
    }
}

impl Drop for Inner {
    /// A run that ends without closing its record leaves a partial one.
    fn drop(&mut self) {
        let Some(thread) = lock(&self.thread).take() else { return };
        let _ = self.sender.send(Message::Close { complete: false });
        // A listener may hold the last handle, and the writer can't wait for itself.
        if thread.thread().id() != thread::current().id() {
            // What it returns marks the record when it is dropped.
            drop(thread.join());
        }
    }
}

struct Writer {
    files: Option<Files>,
    listeners: Vec<Listener>,
    failure: Option<WriteError>,
    consoles: Consoles,
}

impl Writer {
    fn run(mut self, receiver: &Receiver<Message>) -> Result<Closing, WriteError> {
        let mut complete = None;
        while complete.is_none() {
            // This blocks for the first event and then takes all that wait, so that each batch needs one flush.
            let Ok(first) = receiver.recv() else { break };
            let mut next = Some(first);
            while let Some(message) = next {
                complete = self.take(message);
                if complete.is_some() {
                    break;
                }
                next = receiver.try_recv().ok();
            }
            self.attempt(Files::flush);
            if complete.is_none() {
                thread::sleep(LINGER);
            }
        }
        self.attempt(Files::sync);
        let state = if complete == Some(true) { State::Complete } else { State::Partial };
        self.failure.take().map_or(Ok(Closing { files: self.files.take(), state }), Err)
    }

    /// Handles a message. Returns `Some(complete)` if the record is to be closed.
    fn take(&mut self, message: Message) -> Option<bool> {
        match message {
            Message::Close { complete } => {
                let rest = self.consoles.end(None);
                self.serial(rest);
                return Some(complete);
            }
            Message::Flush { done } => {
                self.attempt(Files::flush);
                // The caller may have stopped waiting.
                let _ = done.send(());
            }
            Message::Event(event) => {
                // What a board says after it had no power does not go on with what it said before.
                if let (Body::Power { .. } | Body::BenchClosed {}, Some(bench)) = (&event.body, &event.bench) {
                    let rest = self.consoles.end(Some(bench));
                    self.serial(rest);
                }
                self.event(&event);
            }
            Message::Serial { passed, masked } => {
                let passed = if masked { self.consoles.push(passed) } else { vec![passed] };
                self.serial(passed);
            }
        }
        None
    }

    fn event(&mut self, event: &Arc<Event>) {
        self.attempt(|files| files.event(event));
        self.listeners.iter_mut().for_each(|listener| listener(event));
    }

    fn serial(&mut self, passed: Vec<Passed>) {
        for Passed { at_us, bench, port, received, bytes } in passed {
            // Raw bytes have no listener, so there is nothing to do without files.
            let Some(offset) = self.attempt(|files| files.raw(&bench, &port, &bytes)) else { continue };
            let len = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
            self.event(&Arc::new(Event {
                at_us,
                board_us: None,
                bench: Some((*bench).to_owned()),
                case: None,
                source: Source::Rig,
                numbers: vec![],
                body: Body::Serial { port: (*port).to_owned(), received, offset, len },
            }));
        }
    }

    /// After a failure nothing more is written, but the listeners still receive events.
    fn attempt<T>(&mut self, write: impl FnOnce(&mut Files) -> Result<T, WriteError>) -> Option<T> {
        if self.failure.is_some() {
            return None;
        }
        match write(self.files.as_mut()?) {
            Ok(value) => Some(value),
            Err(failure) => {
                self.failure = Some(failure);
                None
            }
        }
    }
}

struct Files {
    folder: PathBuf,
    events: BufWriter<File>,
    serial: HashMap<String, (BufWriter<File>, u64)>,
    firmware: Vec<FirmwareImage>,
}

impl Files {
    fn create(folder: &Path) -> Result<Self, WriteError> {
        let serial = folder.join(SERIAL);
        unsealed(folder)?;
        create_folder(folder)?;
        let holds_a_record = folder::check(folder)?;
        let path = folder.join(EVENTS);
        let events = Self::lock(folder)?;
        events.set_len(0).map_err(|cause| WriteError::Io { doing: "emptying", path, cause })?;
        create_folder(&serial)?;
        if holds_a_record {
            folder::clear(folder)?;
        }
        let mut files = Self {
            folder: folder.to_owned(),
            events: BufWriter::with_capacity(BUFFER, events),
            serial: HashMap::new(),
            firmware: vec![],
        };
        files.mark(State::Open)?;
        files.write_firmware()?;
        Ok(files)
    }

    /// The files of a record, to write behind what they hold.
    fn append(record: &Record) -> Result<Self, WriteError> {
        let path = record.folder.join(EVENTS);
        let failed = |cause| WriteError::Io { doing: "opening", path: path.clone(), cause };
        unsealed(&record.folder)?;
        let events = Self::lock(&record.folder)?;
        let length = events.metadata().map_err(failed)?.len();
        events.set_len(length.saturating_sub(record.torn as u64)).map_err(failed)?;
        let mut firmware: Vec<FirmwareImage> = vec![];
        for event in &record.events {
            if let Body::Firmware(image) = &event.body
                && !firmware.contains(image)
            {
                firmware.push(image.clone());
            }
        }
        let (folder, serial) = (record.folder.clone(), HashMap::new());
        let mut files = Self { folder, events: BufWriter::with_capacity(BUFFER, events), serial, firmware };
        files.mark(State::Open)?;
        Ok(files)
    }

    /// Opens the events of a record, for this run alone.
    fn lock(folder: &Path) -> Result<File, WriteError> {
        let path = folder.join(EVENTS);
        let events = File::options().create(true).append(true).open(&path);
        let events = events.map_err(|cause| WriteError::Io { doing: "opening", path, cause })?;
        match events.try_lock() {
            Ok(()) => Ok(events),
            Err(TryLockError::WouldBlock) => Err(WriteError::InUse(folder.to_owned())),
            // On a file system without locks, the user has to keep two runs from writing to one folder.
            Err(TryLockError::Error(_)) => Ok(events),
        }
    }

    fn event(&mut self, event: &Event) -> Result<(), WriteError> {
        serde_json::to_writer(&mut self.events, event)
            .map_err(io::Error::from)
            .and_then(|()| self.events.write_all(b"\n"))
            .map_err(|cause| WriteError::Io { doing: "writing", path: self.folder.join(EVENTS), cause })?;
        if let Body::Firmware(image) = &event.body
            && !self.firmware.contains(image)
        {
            self.firmware.push(image.clone());
            self.write_firmware()?;
        }
        Ok(())
    }

    /// Offset of the first byte.
    fn raw(&mut self, bench: &str, port: &str, bytes: &[u8]) -> Result<u64, WriteError> {
        let name = serial_name(bench, port);
        let path = self.folder.join(SERIAL).join(&name);
        let failed = |doing| {
            let path = path.clone();
            move |cause| WriteError::Io { doing, path, cause }
        };
        let (file, len) = match self.serial.entry(name) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => {
                // A record that is resumed has bytes of this port already.
                let file = File::options().create(true).append(true).open(&path).map_err(failed("creating"))?;
                let length = file.metadata().map_err(failed("opening"))?.len();
                entry.insert((BufWriter::with_capacity(BUFFER, file), length))
            }
        };
        file.write_all(bytes).map_err(failed("writing"))?;
        let offset = *len;
        *len += bytes.len() as u64;
        Ok(offset)
    }

    fn flush(&mut self) -> Result<(), WriteError> {
        // Raw bytes are written first, so that no event on the disk refers to bytes that are missing.
        for (name, (file, _)) in &mut self.serial {
            let path = || self.folder.join(SERIAL).join(name);
            file.flush().map_err(|cause| WriteError::Io { doing: "writing", path: path(), cause })?;
        }
        let path = || self.folder.join(EVENTS);
        self.events.flush().map_err(|cause| WriteError::Io { doing: "writing", path: path(), cause })
    }

    fn sync(&mut self) -> Result<(), WriteError> {
        self.flush()?;
        let path = || self.folder.join(EVENTS);
        self.events.get_ref().sync_all().map_err(|cause| WriteError::Io { doing: "writing", path: path(), cause })
    }

    fn mark(&mut self, state: State) -> Result<(), WriteError> {
        self.write_json(MARK, &Mark { schema: SCHEMA, state })
    }

    fn write_firmware(&mut self) -> Result<(), WriteError> {
        self.write_json(FIRMWARE, &self.firmware)
    }

    fn write_json(&self, name: &str, content: &impl serde::Serialize) -> Result<(), WriteError> {
        let path = self.folder.join(name);
        replace(&path, &pretty(content)).map_err(|cause| WriteError::Io { doing: "writing", path, cause })
    }
}

fn unsealed(folder: &Path) -> Result<(), WriteError> {
    let refused = |why: seal::Sealed| WriteError::Folder { path: why.folder.clone(), why: why.to_string() };
    seal::refuse(folder).map_err(refused)
}

fn create_folder(path: &Path) -> Result<(), WriteError> {
    // The operating system only says that something exists.
    if path.exists() && !path.is_dir() {
        let why = "it is a file, not a folder; name a folder, or a path that does not exist yet".into();
        return Err(WriteError::Folder { path: path.to_owned(), why });
    }
    fs::create_dir_all(path).map_err(|cause| WriteError::Io { doing: "creating", path: path.to_owned(), cause })
}
