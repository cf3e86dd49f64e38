//! A reader for tests: the reference validator's reader over the socket that stands for the air. It was written without
//! knowledge of the chip.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use kernel::Card as _;
use validator::reader::medium::Frame;
use validator::reader::{Heard, Medium, Presence, Reader as Protocol};
use wire::air::{MAX_PACKED, Message, Pace};
use wire::frame::{Collected, Collector};

/// Nothing in a test takes longer, on a machine with much other work.
const LIMIT: Duration = Duration::from_secs(20);

/// The air as a medium of the validator's reader.
pub(crate) struct Air {
    socket: UnixStream,
    collector: Collector<MAX_PACKED>,
    exchange: u8,
    load: Option<bool>,
    /// S(WTX) that came.
    pub(crate) extensions: u32,
}

impl Air {
    fn send(&mut self, message: &Message<'_>) {
        self.socket.write_all(&message.encode().expect("fits")).expect("the card side is there");
    }

    fn heard(&mut self, limit_us: u32, answer: &mut Frame) -> Heard {
        answer.clear();
        let mut byte = [0];
        loop {
            self.socket.read_exact(&mut byte).expect("every frame gets an answer");
            let Some(Collected::Frame(body)) = self.collector.push(byte[0]) else { continue };
            match Message::decode(body).expect("a message") {
                Message::Load { card } => self.load = Some(card),
                Message::Silence { exchange } if exchange == self.exchange => return Heard::Silence,
                Message::Collision { exchange } if exchange == self.exchange => return Heard::Collision,
                Message::Answer { exchange, delay_us, bytes } if exchange == self.exchange => {
                    self.extensions += u32::from(bytes[0] == 0xF2);
                    answer.extend_from_slice(bytes).expect("fits");
                    return if delay_us > limit_us { Heard::Silence } else { Heard::Answer { delay_us } };
                }
                _ => {}
            }
        }
    }
}

impl Medium for Air {
    fn field(&mut self, on: bool) {
        self.send(if on { &Message::FieldOn { pause_us: 0 } } else { &Message::FieldOff { pause_us: 0 } });
    }

    fn short(&mut self, bits: u8, limit_us: u32, answer: &mut Frame) -> Heard {
        self.exchange = self.exchange.wrapping_add(1);
        let exchange = self.exchange;
        self.send(&Message::Short { exchange, pace: Pace::default(), bits });
        self.heard(limit_us, answer)
    }

    fn command(&mut self, bytes: &[u8], limit_us: u32, answer: &mut Frame) -> Heard {
        self.exchange = self.exchange.wrapping_add(1);
        let exchange = self.exchange;
        self.send(&Message::Command { exchange, pace: Pace::default(), bytes });
        self.heard(limit_us, answer)
    }

    fn pause(&mut self, _us: u32) {}

    fn listen(&mut self) -> bool {
        false
    }

    fn load(&self) -> Option<bool> {
        self.load
    }

    fn deaths(&mut self) -> u32 {
        0
    }
}

/// A reader that is connected to a card side.
pub(crate) struct Reader(Protocol<Air>);

impl Reader {
    pub(crate) fn connect(air: &Path) -> Self {
        let socket = UnixStream::connect(air).expect("a card side listens");
        socket.set_read_timeout(Some(LIMIT)).expect("a limit");
        let collector = Collector::new();
        Self(Protocol::new(Air { socket, collector, exchange: 0, load: None, extensions: 0 }))
    }

    /// Polls until the air has a card, and activates it.
    pub(crate) fn activate(&mut self) {
        while self.0.poll() != Presence::TypeA {
            // The card side tells when a card comes, so nobody polls in vain.
            self.await_load();
        }
        self.0.activate().expect("activated");
    }

    /// One poll.
    pub(crate) fn poll(&mut self) -> Presence {
        self.0.poll()
    }

    fn await_load(&mut self) {
        let air = self.0.medium();
        if air.load == Some(true) {
            return;
        }
        let mut byte = [0];
        while air.load != Some(true) {
            air.socket.read_exact(&mut byte).expect("a card comes");
            if let Some(Collected::Frame(body)) = air.collector.push(byte[0])
                && let Ok(Message::Load { card }) = Message::decode(body)
            {
                air.load = Some(card);
            }
        }
    }

    /// Sends a command APDU. `None` if the card was lost.
    pub(crate) fn transmit(&mut self, command: &[u8]) -> Option<Vec<u8>> {
        let mut response = wire::Response::new();
        self.0.transmit(command, &mut response).ok().map(|()| response.to_vec())
    }

    /// Lets the card go by S(DESELECT).
    pub(crate) fn deselect(&mut self) {
        self.0.release(false);
    }

    /// Switches the field off and on.
    pub(crate) fn reset_field(&mut self) {
        self.0.release(true);
    }

    /// Whether the card is gone.
    pub(crate) fn is_removed(&mut self) -> bool {
        self.0.is_removed()
    }

    /// How often the card asked for more time.
    pub(crate) fn extensions(&mut self) -> u32 {
        self.0.medium().extensions
    }

    /// A frame as it is, and what came back.
    pub(crate) fn raw(&mut self, bytes: &[u8]) -> (Heard, Vec<u8>) {
        let mut answer = Frame::new();
        let heard = self.0.medium().command(bytes, u32::MAX, &mut answer);
        (heard, answer.to_vec())
    }
}
