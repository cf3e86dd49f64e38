//! What the lines of a bench share: the host of the present case, and where its events go.

use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use taprig_acquirer::Host;
use taprig_acquirer::host::Order;
use taprig_acquirer::serve::beijing;
use taprig_model::acquirer::log::Body as Happened;
use taprig_model::event::{Body, Source};
use taprig_record::Scope;

use super::line::Kind;

/// A line as the host knows it. Each host numbers its lines anew.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Known {
    /// Which host. 0 is none.
    era: u64,
    line: u64,
}

/// What the lines share.
#[derive(Debug, Default)]
pub(super) struct Shared(Mutex<State>);

#[derive(Default)]
struct State {
    case: Option<(Host, Scope)>,
    /// Counts hosts.
    era: u64,
    /// Counts the lines of the present host.
    lines: u64,
    /// Counts power cuts.
    cuts: u64,
    failed: Option<String>,
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("State").field("era", &self.era).field("lines", &self.lines).finish_non_exhaustive()
    }
}

/// When an order was given. An order is not carried out after its host has ended or the validator has lost its power.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Moment {
    era: u64,
    cuts: u64,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn begin(&self, host: Host, scope: &Scope, place: &str) {
        let mut state = self.lock();
        state.era += 1;
        state.lines = 0;
        state.failed = None;
        state.case = Some((host.without_hiding(), scope.clone()));
        let version = env!("CARGO_PKG_VERSION").to_owned();
        state.tell(Happened::Started { schema: 1, taprig: version, listening: place.to_owned() });
    }

    /// Returns why the line broke, if it did.
    pub(super) fn end(&self) -> Option<String> {
        let mut state = self.lock();
        let summary = state.case.as_ref().map(|(host, _)| host.summary())?;
        state.tell(Happened::Ended { summary });
        state.case = None;
        state.failed.take()
    }

    pub(super) fn power_lost(&self) {
        self.lock().cuts += 1;
    }

    pub(super) fn failed(&self, error: &io::Error) {
        self.lock().failed.get_or_insert_with(|| error.to_string());
    }

    /// Bytes have come on a line. Returns what to send, and when that was decided.
    pub(super) fn hear(&self, known: &mut Known, kind: Kind, peer: &str, bytes: &[u8]) -> (Vec<Order>, Moment) {
        let mut state = self.lock();
        let moment = state.moment();
        if !state.enter(known, kind, peer) {
            return (vec![], moment);
        }
        let Some((host, _)) = &mut state.case else { return (vec![], moment) };
        let all = host.hear(known.line, bytes, beijing(Timestamp::now()));
        let mut orders = Vec::new();
        for done in all {
            state.tell(done.body);
            orders.extend(done.orders);
        }
        (orders, moment)
    }

    /// Whether the beginning of a frame has come on a line, and not its rest.
    pub(super) fn is_within_frame(&self, known: Known) -> bool {
        let state = self.lock();
        state.case.as_ref().is_some_and(|(host, _)| known.era == state.era && host.is_within_frame(known.line))
    }

    /// Forgets the beginning of a frame on a line without connections.
    pub(super) fn forget(&self, known: Known, why: &str) {
        let mut state = self.lock();
        if known.era != state.era {
            return;
        }
        let forgotten = state.case.as_mut().and_then(|(host, _)| host.forget(known.line));
        if let Some(what) = forgotten {
            state.tell(Happened::Forgotten { why: format!("{why}: {what}") });
        }
    }

    /// Whether an order that was given then still holds.
    pub(super) fn still_holds(&self, moment: Moment) -> bool {
        let state = self.lock();
        state.case.is_some() && state.moment() == moment
    }

    pub(super) fn sent_late(&self, trace: Option<String>) {
        self.lock().tell(Happened::SentLate { trace });
    }

    /// A line has ended.
    pub(super) fn gone(&self, known: Known, why: &str) {
        let mut state = self.lock();
        if known.era != state.era {
            return;
        }
        let rest = state.case.as_mut().and_then(|(host, _)| host.gone(known.line));
        state.tell(Happened::Closed { why: rest.unwrap_or_else(|| why.to_owned()) });
    }
}

impl State {
    fn moment(&self) -> Moment {
        Moment { era: self.era, cuts: self.cuts }
    }

    /// Makes a line known to the present host. Returns whether there is one.
    fn enter(&mut self, known: &mut Known, kind: Kind, peer: &str) -> bool {
        let Some((host, _)) = &mut self.case else { return false };
        if known.era != self.era {
            self.lines += 1;
            *known = Known { era: self.era, line: self.lines };
            match kind {
                Kind::Connection => host.connect(known.line),
                Kind::Line => host.connect_wire(known.line),
            }
            self.tell(Happened::Connected { peer: peer.to_owned() });
        }
        true
    }

    /// Events are in the order in which the host decided, because the lock is held from the decision to here.
    fn tell(&self, happened: Happened) {
        if let Some((_, scope)) = &self.case {
            scope.emit(Source::Acquirer, Body::Acquirer { happened: Box::new(happened) });
        }
    }
}
