//! One line between a validator and the acquirer.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use taprig_acquirer::host::Order;
use taprig_acquirer::late::{Late, until};
use taprig_acquirer::serve::{BY_HOST, BY_TERMINAL};
use tokio::io::AsyncReadExt as _;
use tokio::sync::watch;
use tokio::time::Instant;

use super::state::{Known, Moment, Shared};
use crate::link::endpoint::{Reader, Writer};

/// After this much silence within a frame, the beginning of the frame is forgotten on a line without connections. The device does
/// the same.
pub(super) const SILENCE: Duration = Duration::from_secs(1);

/// Whether a line has connections that mean something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// It is one that the device opens and either side closes.
    Connection,
    /// It is a wire: nothing opens or closes.
    Line,
}

/// A line.
#[derive(Debug)]
pub(super) struct Line {
    kind: Kind,
    peer: String,
    shared: Arc<Shared>,
    cuts: watch::Receiver<u64>,
    known: Known,
    late: Late<Answer>,
}

/// An answer that is not due yet.
#[derive(Debug)]
struct Answer {
    bytes: Vec<u8>,
    close: bool,
    trace: Option<String>,
    given: Moment,
}

/// What came next on a line.
enum Next {
    Bytes(usize),
    Due,
    Silent,
    Cut,
}

impl Line {
    pub(super) fn new(kind: Kind, peer: String, shared: Arc<Shared>, cuts: watch::Receiver<u64>) -> Self {
        Self { kind, peer, shared, cuts, known: Known::default(), late: Late::default() }
    }

    /// Serves the line to its end.
    pub(super) async fn run(mut self, mut reader: Reader, mut writer: Writer) {
        let why = match self.serve(&mut reader, &mut writer).await {
            Ok(why) => why.to_owned(),
            Err(error) => format!("the connection failed: {error}"),
        };
        self.shared.gone(self.known, &why);
    }

    async fn serve(&mut self, reader: &mut Reader, writer: &mut Writer) -> io::Result<&'static str> {
        let mut buffer = [0; 4096];
        let mut reading = true;
        // Cuts from before this line was made do not matter.
        self.cuts.mark_unchanged();
        loop {
            let within = self.kind == Kind::Line && self.shared.is_within_frame(self.known);
            let quiet = within.then(|| Instant::now() + SILENCE);
            let next = tokio::select! {
                biased;
                cut = self.cuts.changed() => {
                    // The bench has ended.
                    if cut.is_err() {
                        return Ok(BY_HOST);
                    }
                    Next::Cut
                }
                () = self.late.due() => Next::Due,
                read = reader.read(&mut buffer), if reading => Next::Bytes(read?),
                () = until(quiet) => Next::Silent,
            };
            match next {
                Next::Cut => {
                    self.late.clear();
                    if self.kind == Kind::Line {
                        self.shared.forget(self.known, "the validator has lost its power");
                    }
                }
                Next::Silent => self.shared.forget(self.known, "nothing came for 1 s"),
                Next::Due => {
                    if let Some(answer) = self.late.take()
                        && self.shared.still_holds(answer.given)
                    {
                        writer.write_all(&answer.bytes).await?;
                        self.shared.sent_late(answer.trace);
                        if answer.close && self.closes() {
                            return Ok(BY_HOST);
                        }
                    }
                }
                // It may still read what is late.
                Next::Bytes(0) => reading = false,
                Next::Bytes(length) => {
                    let (orders, given) = self.shared.hear(&mut self.known, self.kind, &self.peer, &buffer[..length]);
                    for order in orders {
                        if self.carry_out(order, given, writer).await? {
                            return Ok(BY_HOST);
                        }
                    }
                }
            }
            if !reading && self.late.is_empty() {
                return Ok(BY_TERMINAL);
            }
        }
    }

    /// Carries out an order. Returns whether the line ends.
    async fn carry_out(&mut self, order: Order, given: Moment, writer: &mut Writer) -> io::Result<bool> {
        match order {
            Order::Close => Ok(self.closes()),
            Order::Send { bytes, after: Duration::ZERO, close, .. } => {
                writer.write_all(&bytes).await?;
                Ok(close && self.closes())
            }
            Order::Send { bytes, after, close, trace } => {
                self.late.add(after, Answer { bytes, close, trace, given });
                Ok(false)
            }
        }
    }

    /// Whether the line ends if the host closes it. A wire can't be closed: nothing more is sent for this message, and the next
    /// one is heard.
    fn closes(&self) -> bool {
        self.kind == Kind::Connection
    }
}
