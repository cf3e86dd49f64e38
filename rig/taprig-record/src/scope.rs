//! What the parts of a run emit through.

use super::writer::{Message, Recorder};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;
use taprig_model::event::{Body, Event, Source};

/// A handle that fills in where and when. Cheap to clone; its clones collect into the same case.
#[derive(Clone)]
pub struct Scope {
    recorder: Recorder,
    bench: Option<Arc<str>>,
    case: Option<Case>,
}

#[derive(Clone)]
struct Case {
    id: Arc<str>,
    events: Arc<Mutex<Vec<Event>>>,
}

/// A poisoned lock only tells that another task panicked between two whole events.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Scope {
    pub(super) fn new(recorder: Recorder) -> Self {
        Self { recorder, bench: None, case: None }
    }

    /// The same for events of a bench.
    #[must_use]
    pub fn bench(&self, name: &str) -> Self {
        Self { bench: Some(name.into()), ..self.clone() }
    }

    /// The same for events of a sub-case, which are collected for [`Scope::events`] too.
    #[must_use]
    pub fn case(&self, id: &str) -> Self {
        Self { case: Some(Case { id: id.into(), events: Arc::default() }), ..self.clone() }
    }

    /// Tells of an event now.
    pub fn emit(&self, source: Source, body: Body) {
        self.emit_at(Instant::now(), None, source, body);
    }

    /// Tells of an event that was noticed at `at` and happened at `board_us` on the board's clock.
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
            super::mask::event(&mut event, key);
        }
        if let Some(case) = &self.case {
            lock(&case.events).push(event.clone());
        }
        self.recorder.send(Message::Event(Box::new(event)));
    }

    /// The events of this sub-case so far, as they are recorded. Raw serial is not among them. Empty outside a case.
    pub fn events(&self) -> Vec<Event> {
        self.case.as_ref().map(|case| lock(&case.events).clone()).unwrap_or_default()
    }

    /// The recorder behind it.
    pub fn recorder(&self) -> &Recorder {
        &self.recorder
    }

    /// For the raw bytes of a serial port of this bench. One tap a port: it counts the bytes.
    pub fn serial(&self, port: &str) -> SerialTap {
        SerialTap {
            recorder: self.recorder.clone(),
            bench: self.bench.clone().unwrap_or_else(|| "rig".into()),
            port: port.into(),
        }
    }
}

/// Keeps the raw bytes of a serial port.
#[derive(Clone)]
pub struct SerialTap {
    recorder: Recorder,
    bench: Arc<str>,
    port: Arc<str>,
}

impl SerialTap {
    /// These bytes came from the board (`received`) or went to it, at `at`.
    pub fn bytes(&self, at: Instant, received: bool, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        self.recorder.send(Message::Serial {
            at_us: self.recorder.micros(at),
            bench: self.bench.clone(),
            port: self.port.clone(),
            received,
            bytes: bytes.to_vec(),
        });
    }
}
