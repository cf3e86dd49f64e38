//! One line between a validator and the acquirer.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use taprig_acquirer::host::Order;
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
    /// Answers that are not due yet.
    late: BTreeMap<(Instant, u64), Late>,
    /// Counts late answers, so that two of the same moment keep their order.
    number: u64,
}

/// An answer that is not due yet.
#[derive(Debug)]
struct Late {
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

const BY_HOST: &str = "the host closed the connection";
const BY_TERMINAL: &str = "the terminal closed the connection";

impl Line {
    pub(super) fn new(kind: Kind, peer: String, shared: Arc<Shared>, cuts: watch::Receiver<u64>) -> Self {
        Self { kind, peer, shared, cuts, known: Known::default(), late: BTreeMap::new(), number: 0 }
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
            let due = self.late.first_key_value().map(|((due, _), _)| *due);
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
                () = until(due) => Next::Due,
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
                    if let Some((_, answer)) = self.late.pop_first()
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
                self.number += 1;
                self.late.insert((Instant::now() + after, self.number), Late { bytes, close, trace, given });
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

/// Waits for a moment, or for ever without one.
async fn until(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due).await,
        None => std::future::pending().await,
    }
}
