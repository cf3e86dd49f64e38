//! The device: start, idle, taps, removal.

use kernel::MessageId;
use sha2::{Digest, Sha256};

use crate::board::{Board, ResetCause};
use crate::command;
use crate::console::{Input, Line, LineBuffer};
use crate::journal::Purpose;
use crate::journal::last::LastRide;
use crate::present;
use crate::problem::Problem;
use crate::reader::{Medium, Presence, Reader, UartAir};
use crate::store::{Found, Store};
use crate::uplink::{Service, Uplink};

/// Time between two looks for a card while idle, in us. A front end that senses the load ends the wait.
const POLL_INTERVAL_US: u64 = 100_000;

/// The same where nothing answers the front end, in us: each look then costs the reader's guard time, which the
/// console would have to wait for.
const DEAD_INTERVAL_US: u64 = 1_000_000;

/// Time between two looks whether the card is gone, in us; a change of load ends the wait.
const REMOVAL_INTERVAL_US: u64 = 40_000;

/// So long after a tap the device is ready again, whether the card is gone or not, in us.
const REMOVAL_TIME_US: u64 = 700_000;

/// Console bytes served before the reader has its turn again.
const CONSOLE_TURN: u32 = 2048;

/// Why [`run`] returned; only hosted boards see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The console asked for a restart and [`Board::reset`] returned.
    Reset,
    /// [`Board::stopped`] said so.
    Stopped,
}

/// Runs the validator on a board. Returns on hosted boards only; a board in the field may call it in a loop.
pub fn run<B: Board>(board: &B) -> End {
    let mut device = Device::start(board);
    device.make_ready();
    device.idle()
}

/// What a look into the field came to.
enum Look {
    /// Nothing there, or a card that has had its turn.
    Idle,
    /// Nothing answers the front end.
    Dead,
    /// A card was served.
    Tap,
}

/// State of the device.
pub(crate) struct Device<'b, B: Board> {
    pub(crate) board: &'b B,
    pub(crate) store: Store<'b, B>,
    pub(crate) reader: Reader<UartAir<'b, B>>,
    pub(crate) input: LineBuffer,
    /// The last turn of the console ended before its bytes did.
    console_waits: bool,
    /// SHA-256 of the image, once somebody asked.
    pub(crate) digest: Option<[u8; 32]>,
    /// The card that rode last.
    pub(crate) last: Option<LastRide>,
    /// The stop at which the bus is. It is not kept without power: a bus moves on.
    pub(crate) stop: Option<u16>,
    /// The card of the last tap still lies in the field.
    pub(crate) card_left: bool,
    /// The line to the acquirer.
    line: Uplink,
    /// Cards that had their turn since the start.
    pub(crate) taps: u32,
    /// Of them, those whose offline data authentication was carried out, whatever came of it.
    pub(crate) authentications: u32,
    /// Hash of all that the unpredictable numbers were made of.
    pool: [u8; 32],
}

impl<'b, B: Board> Device<'b, B> {
    /// Reads the memory and tells that the device is there.
    pub(crate) fn start(board: &'b B) -> Self {
        let cause = match board.reset_cause() {
            ResetCause::Power => "power",
            ResetCause::Reset => "reset",
            ResetCause::Watchdog => "watchdog",
        };
        let started = Line::new("! started").field("firmware", "taprig-validator");
        started.field("version", env!("CARGO_PKG_VERSION")).field("cause", cause).send(board);
        let (store, found) = Store::open(board);
        if found == Found::SettingsLost {
            present::fault(board, "settings-lost");
        }
        if store.damaged > 0 {
            Line::new("! fault").field("what", "list-damaged").field("entries", store.damaged).send(board);
        }
        if store.journal.damaged > 0 {
            Line::new("! fault").field("what", "journal-damaged").field("records", store.journal.damaged).send(board);
        }
        // Who paid a debt did not ride.
        let last = store.last_ride().filter(|record| record.purpose != Purpose::Debt);
        let last = last.as_ref().and_then(LastRide::recorded);
        let reader = Reader::new(UartAir::new(board));
        let input = LineBuffer::default();
        Self {
            board,
            store,
            reader,
            input,
            console_waits: false,
            digest: None,
            last,
            stop: None,
            card_left: false,
            line: Uplink::default(),
            taps: 0,
            authentications: 0,
            pool: [0; 32],
        }
    }

    /// The line to the acquirer, with what it works on.
    pub(crate) fn uplink(&mut self) -> Service<'_, 'b, B> {
        Service { board: self.board, store: &mut self.store, state: &mut self.line }
    }

    /// Shows that cards are welcome.
    pub(crate) fn make_ready(&mut self) {
        present::show(
            self.board,
            MessageId::PresentCard,
            Some(self.store.tariff().first(self.board.rtc().unwrap_or(0))),
        );
        Line::new("! ready").send(self.board);
    }

    /// Serves console and reader until the end.
    fn idle(&mut self) -> End {
        let mut next_poll = self.board.now_us();
        loop {
            if self.board.stopped() {
                return End::Stopped;
            }
            if let Some(end) = self.serve_console() {
                return end;
            }
            // Trips whose tap-off did not come in time are claimed from now on. What fails here is done at the next turn.
            if let Some(now_s) = self.board.rtc() {
                let _ = self.store.release_trips(Some(now_s));
            }
            self.uplink().serve();
            if self.reader.medium().listen() || self.board.now_us() >= next_poll {
                next_poll = match self.look() {
                    Look::Idle => self.board.now_us() + POLL_INTERVAL_US,
                    Look::Dead => self.board.now_us() + DEAD_INTERVAL_US,
                    // The next passenger may be there already.
                    Look::Tap => self.board.now_us(),
                };
                // Waiting for the card may have taken the notice of console bytes, see `Board::sleep`.
                continue;
            }
            if self.console_waits {
                continue;
            }
            self.board.sleep(next_poll.min(self.line.wake_us()));
        }
    }

    /// One look into the field, and what follows from it.
    fn look(&mut self) -> Look {
        if self.card_left {
            self.card_left = !self.is_gone();
            return if self.reader.medium().deaths() > 0 { Look::Dead } else { Look::Idle };
        }
        let presence = self.reader.poll();
        // Idle without a card side is no fault: nothing may be plugged in. In a tap it is.
        if self.reader.medium().deaths() > 0 {
            return Look::Dead;
        }
        if presence == Presence::Nothing {
            return Look::Idle;
        }
        self.tap(presence);
        self.await_removal();
        let deaths = self.reader.medium().deaths();
        if deaths > 0 {
            Line::new("! fault").field("what", "air-dead").field("times", deaths).send(self.board);
        }
        self.make_ready();
        Look::Tap
    }

    /// Whether the card is gone. One that answers nothing more and still loads the field is there: silence alone tells
    /// of removal only where the front end senses no load.
    fn is_gone(&mut self) -> bool {
        self.reader.is_removed() && self.reader.medium().load() != Some(true)
    }

    /// Waits until the card is gone, but not for ever.
    fn await_removal(&mut self) {
        let deadline = self.board.now_us() + REMOVAL_TIME_US;
        loop {
            if self.is_gone() {
                return;
            }
            let until = deadline.min(self.board.now_us() + REMOVAL_INTERVAL_US);
            while self.board.now_us() < until && !self.reader.medium().listen() && !self.board.stopped() {
                self.board.sleep(until);
            }
            if self.board.now_us() >= deadline || self.board.stopped() {
                self.card_left = true;
                present::fault(self.board, "card-left");
                return;
            }
        }
    }

    /// Carries out the commands that have arrived.
    fn serve_console(&mut self) -> Option<End> {
        let mut turn = CONSOLE_TURN;
        self.console_waits = true;
        while turn > 0 {
            let Some(byte) = self.board.console_read() else {
                self.console_waits = false;
                return None;
            };
            turn -= 1;
            let mut input = core::mem::take(&mut self.input);
            let end = match input.push(byte) {
                None => None,
                Some(Input::Line(line)) => self.execute(line),
                Some(Input::Overlong) => {
                    command::refuse(self.board, Problem { code: "overlong", text: "a line has at most 600 bytes" });
                    None
                }
                Some(Input::NotText) => {
                    command::refuse(self.board, Problem::malformed("a line is UTF-8 without control characters"));
                    None
                }
            };
            self.input = input;
            if end.is_some() {
                return end;
            }
        }
        None
    }

    /// Four bytes that no card can foresee: the board's entropy, stretched over all that came before.
    pub(crate) fn unpredictable_number(&mut self) -> [u8; 4] {
        let hash = Sha256::new().chain_update(self.pool).chain_update(self.board.entropy().to_be_bytes());
        self.pool = hash.chain_update(self.board.now_us().to_be_bytes()).finalize().into();
        // The pool itself stays secret: what is sent is a hash of it.
        let [a, b, c, d, ..]: [u8; 32] = Sha256::digest(self.pool).into();
        [a, b, c, d]
    }

    /// SHA-256 of the image in flash, zeros where there is none.
    pub(crate) fn image_digest(&mut self) -> [u8; 32] {
        let board = self.board;
        *self.digest.get_or_insert_with(|| match board.image() {
            [] => [0; 32],
            image => Sha256::digest(image).into(),
        })
    }
}
