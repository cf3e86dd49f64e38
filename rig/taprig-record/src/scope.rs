//! The handle through which the parts of a run emit events.

use super::consoles::Passed;
use super::mask::{self, Frames};
use super::writer::{Message, Recorder};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;
use taprig_model::event::{Body, Event, Source};

/// A handle that fills in the source, the bench and the sub-case of an event. Cloning it is cheap. Clones of a handle
/// collect the events of the same sub-case.
#[derive(Clone)]
pub struct Scope {
    recorder: Recorder,
    bench: Option<Arc<str>>,
    case: Option<Case>,
    /// What the next frames can be a part of. Each bench has its own.
    frames: Arc<Mutex<Frames>>,
}

#[derive(Clone)]
struct Case {
    id: Arc<str>,
    events: Arc<Mutex<Vec<Arc<Event>>>>,
}

/// A poisoned lock only means that another task panicked between two complete events.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Scope {
    pub(super) fn new(recorder: Recorder) -> Self {
        Self { recorder, bench: None, case: None, frames: Arc::default() }
    }

    /// The same handle for events of a bench.
    #[must_use]
    pub fn bench(&self, name: &str) -> Self {
        Self { bench: Some(name.into()), frames: Arc::default(), ..self.clone() }
    }

    /// The same handle for events of a sub-case. [`Scope::events`] collects them.
    #[must_use]
    pub fn case(&self, id: &str) -> Self {
        Self { case: Some(Case { id: id.into(), events: Arc::default() }), frames: Arc::default(), ..self.clone() }
    }

    /// Emits an event that happens now.
    pub fn emit(&self, source: Source, body: Body) {
        self.emit_at(Instant::now(), None, source, body);
    }

    /// Emits an event that the rig noticed at `at`, and that happened at `board_us` on the board's clock.
    pub fn emit_at(&self, at: Instant, board_us: Option<u64>, source: Source, body: Body) {
        let mut event = Event {
            at_us: self.recorder.micros(at),
            board_us,
            bench: self.bench.as_deref().map(str::to_owned),
            case: self.case.as_ref().map(|case| (*case.id).to_owned()),
            source,
            body,
            numbers: vec![],
        };
        if let Some(key) = self.recorder.mask() {
            mask::event(&mut event, key, &mut lock(&self.frames));
        }
        let event = Arc::new(event);
        if let Some(case) = &self.case {
            lock(&case.events).push(event.clone());
        }
        self.recorder.send(Message::Event(event));
    }

    /// The events of this sub-case so far, as the record has them. Raw serial bytes are not included. Outside a
    /// sub-case the list is empty.
    pub fn events(&self) -> Vec<Event> {
        let copies = |case: &Case| lock(&case.events).iter().map(|event| (**event).clone()).collect();
        self.case.as_ref().map(copies).unwrap_or_default()
    }

    /// Whether an event of this sub-case so far is what `wanted` looks for.
    pub fn has(&self, mut wanted: impl FnMut(&Event) -> bool) -> bool {
        self.case.as_ref().is_some_and(|case| lock(&case.events).iter().any(|event| wanted(event)))
    }

    /// The recorder of this scope.
    pub fn recorder(&self) -> &Recorder {
        &self.recorder
    }

    /// A tap for the raw bytes of a serial port of this bench. They are recorded as they are.
    pub fn serial(&self, port: &str) -> SerialTap {
        self.tap(port, false)
    }

    /// A tap for the raw bytes of a text console of this bench. Account numbers in them are masked, byte for byte, unless the
    /// record is kept whole: see [`mask::Stream`].
    pub fn console(&self, port: &str) -> SerialTap {
        self.tap(port, self.recorder.mask().is_some())
    }

    fn tap(&self, port: &str, masked: bool) -> SerialTap {
        SerialTap {
            recorder: self.recorder.clone(),
            bench: self.bench.clone().unwrap_or_else(|| "rig".into()),
            port: port.into(),
            masked,
        }
    }
}

/// Records the raw bytes of a serial port.
#[derive(Clone)]
pub struct SerialTap {
    recorder: Recorder,
    bench: Arc<str>,
    port: Arc<str>,
    masked: bool,
}

impl SerialTap {
    /// Records bytes that came from the board (`received`) or went to it at the time `at`.
    pub fn bytes(&self, at: Instant, received: bool, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        let (at_us, bench, port) = (self.recorder.micros(at), self.bench.clone(), self.port.clone());
        let passed = Passed { at_us, bench, port, received, bytes: bytes.to_vec() };
        self.recorder.send(Message::Serial { passed, masked: self.masked });
    }
}
