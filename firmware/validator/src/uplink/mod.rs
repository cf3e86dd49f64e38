//! The line to the acquirer's host: claims, settlement, deny list and keys of authorities.
//!
//! ```text
//! console, clock --> Work --> plan: what comes next --> Ask --> request --> line
//!                              ^                                             |
//!                              +-- conclude: journal, lists, keys <-- answer-+
//! ```
//!
//! One message is on its way at a time. It is sent again, byte for byte, until it is answered or its attempts are used up.
//! An answer that does not belong to it, or whose MAC is wrong, changes nothing. Nothing here waits: the device calls
//! `Service::serve` between taps, and sleeps until `Uplink::wake_us`. Only `Service::authorise` waits, as a rider does too.

mod answer;
mod authorise;
mod conclude;
mod line;
mod plan;
mod request;

use heapless::{Deque, Vec};
use iso8583::{Cursor, MacKey};

use crate::board::Board;
use crate::console::Line as ConsoleLine;
use crate::problem::Problem;

use crate::present;
use crate::store::Store;
use crate::store::deny::DenyDownload;
use crate::work::Work;
use answer::Wrong;
pub(crate) use authorise::Answer;
use authorise::Rider;
use line::Line;

/// After a failure, the device tries by itself again so much later, in us.
const RETRY_US: u64 = 30_000_000;

/// Longest request in bytes. The longest one is a batch upload of 8 payments, or a ride.
const MAX_REQUEST: usize = 512;

/// Works that may wait for the one that is done.
const MAX_WAITING: usize = 4;

/// Keys of authorities in one list.
const MAX_KEYS: usize = 32;

/// What a sign-on gave.
#[derive(Debug)]
struct Session {
    mac: MacKey,
    batch: u32,
}

/// A key that the acquirer has.
type KeyName = ([u8; 5], u8);

/// A message to the host, with what its answer is needed for.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Ask {
    SignOn,
    SignOff,
    /// The claim of the ride at a place.
    Ride {
        index: u32,
        fare: u32,
        repeat: bool,
    },
    /// A request to the issuer is taken back, in the batch in which it was sent.
    Reversal {
        index: u32,
        fare: u32,
        batch: u32,
        reason: Reason,
    },
    /// Totals of the batch. The rides before the place `until` are decided.
    Settlement {
        until: u32,
    },
    /// Payments of the batch, from the place `from` to before `next`. With these, `sent` are uploaded.
    Items {
        until: u32,
        from: u32,
        next: u32,
        sent: u32,
    },
    /// The end of a batch: `balanced`, or after an upload of so many payments.
    End {
        until: u32,
        count: u32,
        balanced: bool,
    },
    /// A page of the deny list.
    DenyPage {
        download: DenyDownload,
        cursor: Cursor,
        version: Option<u32>,
    },
    /// The list of keys.
    KeyList {
        names: Vec<KeyName, MAX_KEYS>,
    },
    /// The key at this place of the list.
    Key {
        names: Vec<KeyName, MAX_KEYS>,
        at: usize,
    },
    KeysEnd,
}

/// Why a request is taken back (field 39 of a reversal).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reason {
    /// No answer came in time.
    Timeout,
    /// The device does not know how the request ended: its power was cut.
    Fault,
    /// The MAC of the answer was wrong.
    Mac,
}

impl Reason {
    const fn code(self) -> &'static str {
        match self {
            Self::Timeout => "98",
            Self::Fault => "96",
            Self::Mac => "A0",
        }
    }
}

/// A message that waits for its answer.
#[derive(Debug)]
struct Pending {
    ask: Ask,
    bytes: Vec<u8, MAX_REQUEST>,
    mti: u16,
    trace: u32,
    batch: u32,
    has_mac: bool,
    attempts: u8,
    deadline_us: u64,
}

/// A work that has begun.
#[derive(Debug)]
struct Job {
    work: Work,
    sign_ons: u8,
    accepted: u32,
    refused: u32,
    reversed: u32,
    /// Rides before this place were tried.
    next_ride: u32,
    /// Claims in a row on which the host could not decide.
    undecided: u8,
    /// The code of the last claim that was passed over, as the host could not decide on it.
    passed_over: Option<[u8; 2]>,
    /// The ride whose claim led to the last sign-on.
    signed_on_for: Option<u32>,
}

impl Job {
    const fn new(work: Work) -> Self {
        Self {
            work,
            sign_ons: 0,
            accepted: 0,
            refused: 0,
            reversed: 0,
            next_ride: 0,
            undecided: 0,
            passed_over: None,
            signed_on_for: None,
        }
    }
}

/// Why a work was given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Failure {
    reason: &'static str,
    code: Option<[u8; 2]>,
}

impl Failure {
    const fn new(reason: &'static str) -> Self {
        Self { reason, code: None }
    }

    const fn code(reason: &'static str, code: [u8; 2]) -> Self {
        Self { reason, code: Some(code) }
    }
}

/// What follows an answer.
#[derive(Debug, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "a board has no heap, and one message at a time is alive")]
enum Then {
    /// The work's next message, as the plan finds it.
    Next,
    /// This message.
    Ask(Ask),
    /// The work is done.
    Done,
}

/// State of the line.
#[derive(Debug, Default)]
pub(crate) struct Uplink {
    line: Line,
    session: Option<Session>,
    job: Option<Job>,
    pending: Option<Pending>,
    waiting: Deque<Work, MAX_WAITING>,
    /// Messages so far that have no trace of the journal.
    messages: u32,
    /// The device begins nothing by itself before this time.
    quiet_until_us: u64,
    /// The next message of the work is held back: a rider comes first.
    hold: bool,
    /// The message that was held back.
    held: Option<Ask>,
    /// The rider who waits for the issuer.
    rider: Option<Rider>,
    /// The last request, and why it has to be taken back.
    unanswered: Option<(u32, Reason)>,
}

impl Uplink {
    /// When `Service::serve` has to be called although nothing arrives.
    pub(crate) fn wake_us(&self) -> u64 {
        let answer = self.pending.as_ref().map_or(u64::MAX, |pending| pending.deadline_us);
        answer.min(self.line.wake_us())
    }
}

/// The line with what it works on. It reaches neither the reader nor the card that rode last.
pub(crate) struct Service<'s, 'b, B> {
    pub(crate) board: &'b B,
    pub(crate) store: &'s mut Store<'b, B>,
    pub(crate) state: &'s mut Uplink,
}

impl<B: Board> Service<'_, '_, B> {
    /// Whether there is a line, and memory for what it needs.
    fn has_line(&self) -> bool {
        self.board.has_uplink() && self.store.has_uplink()
    }

    /// Whether messages can be sent.
    fn is_ready(&self) -> bool {
        self.has_line() && self.store.settings().uplink.master_key.is_some()
    }

    /// Begins a work, or has it wait for the one that is done.
    ///
    /// # Errors
    /// The device has no line or no key, or too many works wait.
    pub(crate) fn begin(&mut self, work: Work) -> Result<(), Problem> {
        if !self.has_line() {
            return Err(Problem { code: "uplink", text: "this board has no line to an acquirer" });
        }
        if self.store.settings().uplink.master_key.is_none() {
            return Err(Problem { code: "uplink", text: "set master-key first" });
        }
        let busy = Problem { code: "uplink", text: "too much waits already; try again later" };
        self.state.waiting.push_back(work).map_err(|_| busy)
    }

    /// Serves the line: takes in what has come, sends what is due.
    pub(crate) fn serve(&mut self) {
        if !self.board.has_uplink() {
            return;
        }
        self.listen();
        if self.state.job.is_none() {
            self.start();
        }
    }

    /// Takes in what has come, and sends the message under way again when its answer is late.
    fn listen(&mut self) {
        while let Some(frame) = self.state.line.read(self.board) {
            self.hear(&frame);
        }
        let now = self.board.now_us();
        if self.state.pending.as_ref().is_some_and(|pending| now >= pending.deadline_us) {
            self.repeat();
        }
    }

    /// Starts the next work, if there is one.
    fn start(&mut self) {
        let Some(work) = self.state.waiting.pop_front().or_else(|| self.own_work()) else { return };
        self.state.job = Some(Job::new(work));
        if work == Work::SignOn {
            self.state.session = None;
        }
        self.follow(Ok(Then::Next));
    }

    /// What the device does without being asked.
    fn own_work(&self) -> Option<Work> {
        let (settings, journal) = (self.store.settings(), self.store.journal());
        if !self.is_ready() || self.board.now_us() < self.state.quiet_until_us {
            return None;
        }
        // As long as a request is not taken back, its rider may have paid for no ride.
        if journal.requests > 0 {
            return Some(Work::Reverse);
        }
        if !settings.uplink.auto {
            return None;
        }
        // Settled rides make room, so the batch is closed before the journal is full.
        let nearly_full = u64::from(journal.count) * 4 >= u64::from(self.store.capacity()) * 3;
        // A trip that is open keeps the rides after it from being settled.
        let can_settle = journal.first_open > self.store.settled() || journal.open > journal.held;
        match (self.store.first_claimable(0).is_some(), nearly_full && can_settle && !self.store.is_all_settled()) {
            (_, true) => Some(Work::Settle),
            (true, false) => Some(Work::Upload),
            (false, false) => None,
        }
    }

    /// Goes on with the work, or ends it.
    fn follow(&mut self, then: Result<Then, Failure>) {
        let ask = match then {
            Ok(Then::Ask(ask)) => Ok(Some(ask)),
            Ok(Then::Next) => self.plan(),
            Ok(Then::Done) => Ok(None),
            Err(failure) => Err(failure),
        };
        if self.state.hold
            && let Ok(Some(ask)) = ask
        {
            self.state.held = Some(ask);
            return;
        }
        match ask.and_then(|ask| ask.map(|ask| self.send(ask)).transpose()) {
            Ok(Some(())) => {}
            Ok(None) => self.end(None),
            Err(failure) => self.end(Some(failure)),
        }
    }

    /// Ends the work and says how it went.
    fn end(&mut self, failure: Option<Failure>) {
        self.state.pending = None;
        let Some(job) = self.state.job.take() else { return };
        if job.work == Work::Authorise {
            // The result of the tap tells of it.
            return self.no_answer(match failure {
                Some(Failure { reason: "no-answer", .. }) => "online-no-answer",
                _ => "online-unavailable",
            });
        }
        let now = self.board.now_us();
        // Another work that is done, such as a download that the host has asked for, does not end the pause.
        match (failure, job.work) {
            (Some(_), _) => self.state.quiet_until_us = now + RETRY_US,
            (None, Work::Upload | Work::Settle | Work::Reverse) => self.state.quiet_until_us = now,
            (None, Work::Authorise | Work::SignOn | Work::SignOff | Work::DenyList | Work::AuthorityKeys) => {}
        }
        let line = ConsoleLine::new("! uplink").field("what", job.work.slug());
        let line = line.field("result", if failure.is_some() { "failed" } else { "done" });
        let line = match failure {
            Some(Failure { reason, code: Some(code) }) => {
                line.field("reason", reason).field("code", core::str::from_utf8(&code).unwrap_or("??"))
            }
            Some(Failure { reason, code: None }) => line.field("reason", reason),
            None => line,
        };
        let line = match job.work {
            Work::Upload | Work::Settle => line
                .field("accepted", job.accepted)
                .field("refused", job.refused)
                .field("waiting", self.store.journal().open),
            Work::Reverse => line.field("reversed", job.reversed).field("waiting", self.store.journal().requests),
            Work::DenyList => line.field("version", self.store.deny_version()),
            Work::Authorise | Work::SignOn | Work::SignOff | Work::AuthorityKeys => line,
        };
        line.send(self.board);
    }

    /// Takes a frame of the host.
    fn hear(&mut self, frame: &[u8]) {
        let Some(pending) = self.state.pending.take() else {
            return present::fault(self.board, "uplink-unasked");
        };
        let session = self.state.session.as_ref();
        match answer::read(frame, &pending, session, self.store.settings()) {
            // What is not the answer leaves everything as it was. The answer may still come.
            Err(wrong) => {
                let what = match wrong {
                    Wrong::Unreadable => "uplink-frame",
                    Wrong::Foreign => "uplink-answer",
                    Wrong::Mac => "uplink-mac",
                };
                present::fault(self.board, what);
                if wrong == Wrong::Mac
                    && let Ask::Ride { index, .. } = pending.ask
                    && self.state.rider.is_some()
                {
                    self.state.unanswered = Some((index, Reason::Mac));
                }
                self.state.pending = Some(pending);
            }
            Ok(message) => {
                let request = message.header().request();
                let then = self.conclude(pending.ask, pending.batch, &message);
                // While the work is still known, so that its last answer does not begin it again.
                self.heed(request);
                self.follow(then);
            }
        }
    }

    /// Notes what the host asks for in the header of an answer.
    fn heed(&mut self, request: u8) {
        let work = match request {
            3 => Work::SignOn,
            4 => Work::AuthorityKeys,
            7 => Work::DenyList,
            _ => return,
        };
        let is_done = self.state.job.as_ref().is_some_and(|job| job.work == work);
        if !is_done && !self.state.waiting.iter().any(|other| *other == work) {
            // If there is no room, the host asks again with its next answer.
            let _ = self.state.waiting.push_back(work);
        }
    }

    /// The time for an answer is over.
    fn repeat(&mut self) {
        let Some(pending) = &mut self.state.pending else { return };
        let settings = &self.store.settings().uplink;
        // If a part of the answer has come, the rest of it was cut. The next answer begins a frame.
        self.state.line.forget();
        // A rider waits for one attempt.
        if self.state.rider.is_some() || pending.attempts >= settings.attempts {
            return self.follow(Err(Failure::new("no-answer")));
        }
        pending.attempts += 1;
        pending.deadline_us = self.board.now_us() + u64::from(settings.answer_s) * 1_000_000;
        if let Ask::Ride { repeat, .. } = &mut pending.ask {
            *repeat = true;
        }
        self.board.uplink_write(&pending.bytes);
    }
}
