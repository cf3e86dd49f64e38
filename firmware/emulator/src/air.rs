//! What carries frames between the reader and the card.

use crate::card::{OnAir, Stage};
use crate::{CardBoard, loopback};
use wire::air::{Message, Pace};
use wire::frame::{Collected, Collector};
use wire::link::{self, Front, Refusal};
use wire::loopback::Tally;

/// A frame as a reader sent it.
pub type Heard = heapless::Vec<u8, { wire::air::MAX_MESSAGE }>;

/// What a reader did, or what happened on the way to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FromAir {
    /// It switched its field on or off.
    Field(bool),
    /// It has selected the card. Only a front end that answers anticollision by itself reports this.
    Selected,
    /// It sent seven bits, in the low end.
    Short(u8),
    /// It sent whole bytes.
    Bytes,
    /// The frame of [`Air::later`] went out.
    Extended,
}

/// The answer to a frame.
#[derive(Debug, Clone, Copy)]
pub struct Outgoing<'a> {
    /// What the reader hears.
    pub on_air: &'a OnAir,
    /// Where the card is from then on.
    pub stage: Stage,
    /// How long the reader waits, in us.
    pub waiting_us: u64,
}

/// The air between a card and a reader.
///
/// After [`FromAir::Short`] and [`FromAir::Bytes`] the reader waits. The relay ends each wait once: by [`Air::answer`],
/// at once or after [`Air::later`]. A wait also ends when the reader sends another frame or switches its field off, and
/// when the card is taken away. An answer that comes after that goes nowhere.
pub trait Air {
    /// Name of the card emulator that uses it, as [`Identity`](wire::link::Identity) carries it.
    const FIRMWARE: &'static str;

    /// The reader waits by its own clock, so that an answer comes before the note of the frame that it answers. On the
    /// modelled air nobody waits, and the note comes first: what the reader does next then never comes before it.
    const REAL_TIME: bool;

    /// How much time S(WTX) asks the reader for, in us.
    fn extension_us<B: CardBoard>() -> u64;

    /// What happened next. After [`FromAir::Bytes`] the bytes are in `frame`, CRC included.
    fn hear<B: CardBoard>(&mut self, board: &B, frame: &mut Heard) -> Option<FromAir>;

    /// Does what is due. Returns when something will be due next, on the board's clock in us; `u64::MAX`: nothing will.
    /// What it did shows in [`Air::hear`].
    fn serve<B: CardBoard>(&mut self, board: &B) -> u64;

    /// Whether this card can be played.
    ///
    /// # Errors
    /// [`Refusal::Company`], [`Refusal::Front`].
    fn fits(&self, front: &Front) -> Result<(), Refusal>;

    /// The card enters the field.
    fn present<B: CardBoard>(&mut self, board: &B, front: &Front);

    /// The card leaves the field.
    fn remove<B: CardBoard>(&mut self, board: &B);

    /// Answers the frame that waits. Returns false if nobody waits or if there is nothing to send, so that nothing goes
    /// out.
    fn answer<B: CardBoard>(&mut self, board: &B, answer: &Outgoing<'_>) -> bool;

    /// The answer to the frame that waits comes later. If it does not come in time, `extension` goes out instead, and
    /// [`Air::hear`] reports it. The reader waits for `waiting_us`.
    fn later<B: CardBoard>(&mut self, board: &B, extension: OnAir, waiting_us: u64);

    /// Takes back the frame of [`Air::later`], because the answer is there. Returns false if it has gone out already:
    /// then [`Air::hear`] reports that next.
    fn take_back<B: CardBoard>(&mut self, board: &B) -> bool;

    /// Time since the card was presented, in us, if this air measures it. `modelled` is what the card computed.
    fn air_us<B: CardBoard>(&self, _board: &B, modelled: u32) -> u32 {
        modelled
    }

    /// How long the reader took between the card's last frame and what was heard last, in us of the board's clock. `None`:
    /// the card did not speak before, or [`Air::air_us`] measures this time already.
    fn reader_us(&self) -> Option<u32> {
        None
    }

    /// The reader's times about what was heard last, as the reader says them. `None`: this air measures them, and
    /// [`Air::air_us`] has them.
    fn pace(&self) -> Option<Pace> {
        None
    }

    /// The self-test of an air that is wired to itself, with so many blocks. `None`: it can't be.
    fn loopback<B: CardBoard>(&mut self, _board: &B, _blocks: u16) -> Option<Tally> {
        None
    }
}

/// An exchange that waits for the host's answer.
#[derive(Debug)]
struct Waiting {
    extension: OnAir,
    /// When S(WTX) is due, on the board's clock.
    at_us: u64,
}

/// The modelled air over a UART ([`wire::air`]): every frame gets one message in return, even if that is
/// [`Message::Silence`].
#[derive(Debug)]
pub struct UartAir {
    collector: Collector<{ wire::air::MAX_PACKED }>,
    /// Number of the exchange whose reader waits.
    open: Option<u8>,
    waiting: Option<Waiting>,
    extended: bool,
    /// When the card's last frame had left the UART, if the reader has said nothing since. On the board's clock, in ns.
    spoke_ns: Option<u64>,
    reader_us: Option<u32>,
    pace: Pace,
}

impl Default for UartAir {
    fn default() -> Self {
        Self {
            collector: Collector::new(),
            open: None,
            waiting: None,
            extended: false,
            spoke_ns: None,
            reader_us: None,
            pace: Pace::default(),
        }
    }
}

impl UartAir {
    /// The reader waits for an answer.
    #[cfg(test)]
    pub(crate) fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// Every frame gets one answer, the one before too, should the reader not have waited for it.
    fn give_up<B: CardBoard>(&mut self, board: &B) {
        self.waiting = None;
        if let Some(exchange) = self.open.take() {
            send(board, &Message::Silence { exchange });
        }
    }

    /// Ends the exchange that is open. Returns whether a frame of the card goes out.
    fn say<B: CardBoard>(&mut self, board: &B, on_air: &OnAir) -> bool {
        let Some(exchange) = self.open.take() else { return false };
        let message = match on_air {
            OnAir::Silence | OnAir::Later => Message::Silence { exchange },
            OnAir::Collision => Message::Collision { exchange },
            OnAir::Frame { delay_us, frame } => Message::Answer { exchange, delay_us: *delay_us, bytes: frame },
        };
        let spoke_ns = send(board, &message);
        let is_frame = matches!(on_air, OnAir::Frame { .. });
        self.spoke_ns = is_frame.then_some(spoke_ns);
        is_frame
    }

    fn begin<B: CardBoard>(&mut self, board: &B, exchange: u8) {
        self.give_up(board);
        self.open = Some(exchange);
    }
}

/// Returns when the last byte has left the UART, on the board's clock, in ns.
fn send<B: CardBoard>(board: &B, message: &Message<'_>) -> u64 {
    // A frame of the card is at most what a message carries.
    let packed = message.encode().unwrap_or_default();
    // The check sum has been computed by now, which takes a slow chip longer than a byte.
    let from_ns = board.now_us() * 1000;
    board.air_write(&packed);
    from_ns + on_uart_ns(board, packed.len())
}

/// How long so many bytes are on the UART, in ns.
fn on_uart_ns<B: CardBoard>(board: &B, bytes: usize) -> u64 {
    bytes as u64 * u64::from(board.air_byte_ns())
}

impl Air for UartAir {
    const FIRMWARE: &'static str = link::FIRMWARE_UART;
    const REAL_TIME: bool = false;

    fn extension_us<B: CardBoard>() -> u64 {
        B::PATIENCE_US
    }

    fn hear<B: CardBoard>(&mut self, board: &B, frame: &mut Heard) -> Option<FromAir> {
        if core::mem::take(&mut self.extended) {
            return Some(FromAir::Extended);
        }
        while let Some(byte) = board.air_read() {
            // Garbage has no exchange number to answer: the reader's guard time ends its wait.
            let Some(Collected::Frame(body)) = self.collector.push(byte) else { continue };
            let message = Message::decode(body);
            if message.is_ok() {
                let on_uart_ns = on_uart_ns(board, wire::frame::encoded_len(body.len()));
                self.reader_us = self.spoke_ns.take().map(|spoke_ns| {
                    let took_ns = (board.air_heard_us() * 1000).saturating_sub(spoke_ns + on_uart_ns);
                    u32::try_from(took_ns / 1000).unwrap_or(u32::MAX)
                });
            }
            match message {
                Ok(Message::FieldOn { pause_us }) => {
                    self.pace = Pace { pause_us, wait_us: 0 };
                    return Some(FromAir::Field(true));
                }
                Ok(Message::FieldOff { pause_us }) => {
                    self.pace = Pace { pause_us, wait_us: 0 };
                    self.give_up(board);
                    return Some(FromAir::Field(false));
                }
                Ok(Message::Short { exchange, pace, bits }) => {
                    self.pace = pace;
                    self.begin(board, exchange);
                    return Some(FromAir::Short(bits));
                }
                Ok(Message::Command { exchange, pace, bytes }) => {
                    self.pace = pace;
                    frame.clear();
                    // A message carries no more than fits.
                    let _ = frame.extend_from_slice(bytes);
                    self.begin(board, exchange);
                    return Some(FromAir::Bytes);
                }
                // No reader says anything else.
                Ok(_) | Err(_) => {}
            }
        }
        None
    }

    fn serve<B: CardBoard>(&mut self, board: &B) -> u64 {
        let Some(waiting) = &self.waiting else { return u64::MAX };
        if board.now_us() < waiting.at_us {
            return waiting.at_us;
        }
        if let Some(waiting) = self.waiting.take() {
            self.extended = self.say(board, &waiting.extension);
        }
        u64::MAX
    }

    fn fits(&self, _front: &Front) -> Result<(), Refusal> {
        Ok(())
    }

    fn present<B: CardBoard>(&mut self, board: &B, _front: &Front) {
        self.give_up(board);
        send(board, &Message::Load { card: true });
    }

    fn remove<B: CardBoard>(&mut self, board: &B) {
        self.give_up(board);
        send(board, &Message::Load { card: false });
    }

    fn answer<B: CardBoard>(&mut self, board: &B, answer: &Outgoing<'_>) -> bool {
        self.waiting = None;
        self.say(board, answer.on_air)
    }

    fn later<B: CardBoard>(&mut self, board: &B, extension: OnAir, _waiting_us: u64) {
        self.waiting = Some(Waiting { extension, at_us: board.now_us().saturating_add(B::PATIENCE_US) });
    }

    fn take_back<B: CardBoard>(&mut self, _board: &B) -> bool {
        self.waiting = None;
        !self.extended
    }

    fn reader_us(&self) -> Option<u32> {
        self.reader_us
    }

    fn pace(&self) -> Option<Pace> {
        Some(self.pace)
    }

    fn loopback<B: CardBoard>(&mut self, board: &B, blocks: u16) -> Option<Tally> {
        Some(loopback::looped(board, blocks))
    }
}
