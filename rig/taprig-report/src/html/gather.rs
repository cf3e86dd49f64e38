//! Reads a record once, and keeps of it what the page needs.

use std::collections::{BTreeMap, HashMap};
use std::io::BufRead;

use taprig_model::event::{Body, Event};
use taprig_model::result::{RunResult, Verdict};
use taprig_record::{End, ReadError, Stream};

use super::chunks::{Chunks, Place};
use super::detail;
use crate::Tally;

/// Events of one case that are kept. Our longest case has a tenth of that.
const EVENTS: usize = 20_000;

/// Events of cases that have not ended, taken together.
const WAITING: usize = 200_000;

/// Bytes of packed details after which cases that passed get no details, and four times as many after which no case gets any. The page
/// stays a file that a browser opens.
const PACKED: usize = 24 * 1024 * 1024;

/// Unreadable lines that are told one by one.
const TOLD: usize = 20;

/// Cases whose events are kept for a reader without script.
const SHOWN: usize = 20;

/// What was read.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    /// The result of the run.
    pub result: RunResult,
    /// Where the details of each case are.
    pub places: BTreeMap<String, Place>,
    /// Cases whose details were left out, because the page would become too large.
    pub without_details: usize,
    /// The packed details, and their shared table.
    pub packed: (Vec<String>, String),
    /// Events of the first cases that did not pass.
    pub notable: BTreeMap<String, Vec<Event>>,
    /// Lines that could not be read: the first of them, and the number of all.
    pub unreadable: (Vec<ReadError>, usize),
    /// Where the events end.
    pub end: End,
}

#[derive(Default)]
struct Running {
    events: Vec<Event>,
    left_out: usize,
}

#[derive(Default)]
struct Gather {
    tally: Tally,
    running: HashMap<String, Running>,
    waiting: usize,
    chunks: Chunks,
    gathered: Gathered,
}

/// Reads all events.
///
/// # Errors
/// The file can't be read, a later version of taprig wrote it, or none of its lines is an event.
pub(super) fn gather<R: BufRead>(stream: &mut Stream<R>) -> Result<Gathered, ReadError> {
    let mut gather = Gather::default();
    let mut read = 0_usize;
    for item in stream.by_ref() {
        match item {
            Ok(event) => {
                read += 1;
                gather.gathered.end.see(&event.body);
                gather.add(event);
            }
            Err(error @ ReadError::Line { .. }) => {
                let (told, count) = &mut gather.gathered.unreadable;
                *count += 1;
                if told.len() < TOLD {
                    told.push(error);
                }
            }
            Err(error) => return Err(error),
        }
    }
    if read == 0 && !gather.gathered.unreadable.0.is_empty() {
        return Err(gather.gathered.unreadable.0.swap_remove(0));
    }
    gather.gathered.end = End { lines: stream.lines(), torn: stream.torn(), ..gather.gathered.end };
    Ok(gather.finish())
}

impl Gather {
    fn add(&mut self, event: Event) {
        self.tally.add(&event);
        let Some(id) = event.case.clone() else { return };
        let running = self.running.entry(id.clone()).or_default();
        if matches!(event.body, Body::CaseStarted(_)) {
            self.waiting -= running.events.len();
            *running = Running::default();
        }
        let ends = matches!(event.body, Body::CaseFinished { .. });
        if running.events.len() < EVENTS && self.waiting < WAITING {
            running.events.push(event);
            self.waiting += 1;
        } else {
            running.left_out += 1;
        }
        if ends && let Some(running) = self.running.remove(&id) {
            self.waiting -= running.events.len();
            self.keep(&id, running);
        }
    }

    fn keep(&mut self, id: &str, running: Running) {
        let Some(result) = self.tally.get(id) else { return };
        let notable = result.verdict.is_notable();
        let most = if notable { 4 * PACKED } else { PACKED };
        if self.chunks.size() > most {
            self.gathered.without_details += 1;
            self.gathered.places.remove(id);
        } else {
            let place = detail::add(result, &running.events, running.left_out, &mut self.chunks);
            self.gathered.places.insert(id.to_owned(), place);
        }
        // A later attempt replaces an earlier one.
        self.gathered.notable.remove(id);
        if matches!(result.verdict, Verdict::Fail | Verdict::Changed) && self.gathered.notable.len() < SHOWN {
            self.gathered.notable.insert(id.to_owned(), running.events);
        }
    }

    fn finish(mut self) -> Gathered {
        // What is left was cut off.
        let mut left: Vec<_> = self.running.drain().collect();
        left.sort_by(|(one, _), (other, _)| one.cmp(other));
        for (id, running) in left {
            self.keep(&id, running);
        }
        Gathered { result: self.tally.result(), packed: self.chunks.finish(), ..self.gathered }
    }
}
