//! The chip's serial port: one command at a time, with its ACK, its reply, and what to do when a frame is damaged or lost.

use std::collections::VecDeque;
use std::time::{Duration, Instant as At};

use ::pn532::command::Command;
use ::pn532::frame::{self, Decoder as Frames, Event, Frame};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::WHO;
use crate::link::LinkError;
use crate::link::endpoint::Endpoint;
use crate::link::port::{ByteSink, Decoder, Incoming, Port};

/// The longest time until the chip acknowledges a command. The chip takes 15 ms at most. An adapter adds its own time,
/// and so does a busy machine.
const ACK_WITHIN: Duration = Duration::from_millis(250);

/// How often a command is sent that the chip does not acknowledge.
const ATTEMPTS: u32 = 8;

/// How often one reply is asked for again.
const NACKS: u32 = 3;

/// The longest time from foreign bytes, or from the start of a frame, until a whole frame has come. The longest frame
/// takes 24 ms at 115,200 bit/s; an adapter adds its own time.
const COMPLETE: Duration = Duration::from_millis(100);

/// How many foreign bytes are kept to describe a device that is no PN532.
const NOISE: usize = 80;

/// What the reader of the port found.
#[derive(Debug)]
pub(super) enum Received {
    /// A frame or a damaged frame, and the time at which its last byte was read.
    Event(Event, At),
    /// Bytes that are no frame.
    Noise(Vec<u8>),
    /// The start of a frame.
    Unfinished,
}

/// If nothing comes within a frame for this time, the rest of it is lost. What follows is another frame.
const PAUSE: Duration = Duration::from_millis(50);

#[derive(Debug, Default)]
struct Chunks {
    frames: Frames,
    /// When the last bytes came.
    last: Option<At>,
}

impl Decoder for Chunks {
    type Message = Received;

    fn push(&mut self, bytes: &[u8], emit: &mut dyn FnMut(Received)) {
        let at = At::now();
        let last = self.last.replace(at);
        let mut emit_event = |event| emit(Received::Event(event, at));
        if self.frames.is_within() && last.is_some_and(|last| at.duration_since(last) > PAUSE) {
            self.frames.give_up(&mut emit_event);
        }
        self.frames.push(bytes, &mut emit_event);
        let noise = self.frames.take_noise();
        if !noise.is_empty() {
            emit(Received::Noise(noise));
        }
        if self.frames.is_within() {
            emit(Received::Unfinished);
        }
    }
}

/// A reply after its code, and the time at which it was read.
pub(super) type Reply = (Vec<u8>, At);

/// The serial port of one chip.
#[derive(Debug)]
pub(super) struct Hsu {
    port: Port,
    incoming: mpsc::UnboundedReceiver<Incoming<Received>>,
    /// Replies that came before their ACK.
    early: VecDeque<Reply>,
    /// Whether the chip may sleep, so that it has to be woken before a command.
    pub(super) asleep: bool,
    /// When a reply counts as damaged, because something came that is no whole frame.
    unsure: Option<Instant>,
    nacks: u32,
    /// Code of the last reply.
    last: u8,
    noise: Vec<u8>,
    /// Whether the line returned what was sent.
    echoes: bool,
}

impl Hsu {
    pub(super) fn open(endpoint: &Endpoint, baud: u32, tap: ByteSink) -> Result<Self, LinkError> {
        let (port, incoming) = Port::open(endpoint, baud, Chunks::default(), tap)?;
        Ok(Self {
            port,
            incoming,
            early: VecDeque::new(),
            asleep: true,
            unsure: None,
            nacks: 0,
            last: 0,
            noise: vec![],
            echoes: false,
        })
    }

    pub(super) async fn close(self) {
        self.port.close().await;
    }

    pub(super) fn set_baud(&mut self, baud: u32) -> Result<(), LinkError> {
        self.port.set_baud(baud)
    }

    /// Takes back the command that the chip works on.
    pub(super) async fn abort(&mut self) -> Result<(), LinkError> {
        if self.asleep {
            self.port.send(&[&frame::WAKE_UP[..], &frame::ACK].concat()).await
        } else {
            self.acknowledge().await
        }
    }

    /// Sends an ACK.
    pub(super) async fn acknowledge(&mut self) -> Result<(), LinkError> {
        self.port.send(&frame::ACK).await
    }

    /// Sends a command until the chip acknowledges it.
    pub(super) async fn begin(&mut self, command: &Command) -> Result<(), LinkError> {
        self.send(command).await?;
        self.acknowledged(command).await
    }

    /// Sends a command. [`Hsu::acknowledged`] follows.
    pub(super) async fn send(&mut self, command: &Command) -> Result<(), LinkError> {
        (self.nacks, self.unsure) = (0, None);
        self.early.clear();
        self.put(command).await
    }

    async fn put(&mut self, command: &Command) -> Result<(), LinkError> {
        let packed = frame::encode(&command.to_bytes()).map_err(|error| LinkError::Refused {
            what: command.name().into(),
            from: WHO,
            why: error.to_string(),
        })?;
        let bytes = if self.asleep { [&frame::WAKE_UP[..], &packed].concat() } else { packed };
        self.port.send(&bytes).await
    }

    /// Waits until the chip has acknowledged the command, and sends it again if it does not.
    pub(super) async fn acknowledged(&mut self, command: &Command) -> Result<(), LinkError> {
        for attempt in 1..=ATTEMPTS {
            let deadline = Instant::now() + ACK_WITHIN;
            while let Some(received) = self.receive_until(deadline).await? {
                match received {
                    Received::Event(Event::Frame(Frame::Ack), _) => return Ok(()),
                    // The ACK was lost. The reply shows that the command was not.
                    Received::Event(Event::Damaged, _) => return self.nack().await,
                    other => {
                        if let Some(reply) = self.sift(other, command.reply()).await? {
                            self.early.push_back(reply);
                            return Ok(());
                        }
                    }
                }
            }
            if attempt < ATTEMPTS {
                // It may sleep after a command whose ACK was lost.
                self.asleep = true;
                self.put(command).await?;
            }
        }
        let what = format!("the acknowledgement of {}", command.name());
        Err(LinkError::Deadline { what, from: WHO, within: ACK_WITHIN * ATTEMPTS, silent: false })
    }

    /// Sends a command and waits for its reply.
    pub(super) async fn ask(&mut self, command: &Command, within: Duration) -> Result<Vec<u8>, LinkError> {
        self.begin(command).await?;
        let deadline = Instant::now() + within;
        let code = command.reply();
        loop {
            if let Some((reply, _)) = self.early.pop_front() {
                self.asleep = false;
                return Ok(reply);
            }
            let until = self.unsure.map_or(deadline, |unsure| unsure.min(deadline));
            match self.receive_until(until).await? {
                Some(received) => {
                    let reply = self.sift(received, code).await?;
                    self.early.extend(reply);
                }
                None if until < deadline => self.nack().await?,
                None => {
                    return Err(LinkError::Deadline {
                        what: format!("the reply to {}", command.name()),
                        from: WHO,
                        within,
                        silent: false,
                    });
                }
            }
        }
    }

    /// The next thing from the port. It is cancel-safe.
    pub(super) async fn receive(&mut self) -> Result<Received, LinkError> {
        let gone = |source| LinkError::Gone { port: self.port.name().to_owned(), source };
        match self.incoming.recv().await {
            Some(Incoming::Message(received)) => Ok(received),
            Some(Incoming::Gone(source)) => Err(gone(source)),
            None => {
                Err(gone(std::io::Error::new(std::io::ErrorKind::UnexpectedEof, "the thread that reads it has ended")))
            }
        }
    }

    async fn receive_until(&mut self, deadline: Instant) -> Result<Option<Received>, LinkError> {
        tokio::time::timeout_at(deadline, self.receive()).await.ok().transpose()
    }

    /// A reply that came before the ACK of its command.
    pub(super) fn early(&mut self) -> Option<Reply> {
        self.early.pop_front()
    }

    /// When [`Hsu::nack`] is due.
    pub(super) fn unsure(&self) -> Option<Instant> {
        self.unsure
    }

    /// Asks for the last reply again.
    pub(super) async fn nack(&mut self) -> Result<(), LinkError> {
        self.unsure = None;
        self.nacks += 1;
        if self.nacks > NACKS {
            return Err(LinkError::Unexpected {
                from: WHO,
                expected: "a whole frame".into(),
                seen: format!("damaged bytes {} times in a row", self.nacks),
            });
        }
        self.port.send(&frame::NACK).await
    }

    /// Sorts what came while a reply with this code is awaited. 0 stands for none.
    pub(super) async fn sift(&mut self, received: Received, code: u8) -> Result<Option<Reply>, LinkError> {
        match received {
            Received::Event(Event::Frame(Frame::Data { tfi: frame::FROM_CHIP, data }), at) => {
                let Some((seen, reply)) = data.split_first() else { return Ok(None) };
                // Another code is that of a command that was taken back.
                if *seen != code {
                    return Ok(None);
                }
                (self.unsure, self.nacks, self.last) = (None, 0, code);
                return Ok(Some((reply.to_vec(), at)));
            }
            Received::Event(Event::Frame(Frame::Data { .. }), _) => self.echoes = true,
            Received::Event(Event::Frame(Frame::Error), _) => {
                return Err(LinkError::Refused {
                    what: format!("the command {:02X}", code.wrapping_sub(1)),
                    from: WHO,
                    why: "its error frame says that it does not know this command or its parameters".into(),
                });
            }
            Received::Event(Event::Frame(Frame::Ack | Frame::Nack), _) => {}
            Received::Event(Event::Damaged, _) | Received::Unfinished if code == 0 => {}
            Received::Event(Event::Damaged, _) => self.nack().await?,
            Received::Noise(bytes) => {
                let room = NOISE.saturating_sub(self.noise.len());
                self.noise.extend(bytes.into_iter().take(room));
                // A NACK gets the last reply. If that had the code that is awaited now, it would be taken twice.
                if code != 0 && code != self.last {
                    self.unsure = Some(Instant::now() + COMPLETE);
                }
            }
            Received::Unfinished => self.unsure = Some(Instant::now() + COMPLETE),
        }
        Ok(None)
    }

    /// The error that says what is at the port instead of a PN532, if bytes have come that no PN532 sends.
    pub(super) fn foreign(&self) -> Option<LinkError> {
        let seen = if self.echoes {
            "it returned what the rig had sent, as a line does whose TX and RX are connected".to_owned()
        } else if self.noise.is_empty() {
            return None;
        } else {
            format!("it sent {}", words(&self.noise))
        };
        Some(self.other(seen))
    }

    /// The error that the device is not a PN532.
    pub(super) fn other(&self, seen: String) -> LinkError {
        LinkError::Foreign { port: self.port.name().to_owned(), expected: "a PN532", seen }
    }
}

/// Foreign bytes in words: text as text.
fn words(bytes: &[u8]) -> String {
    let is_text = |byte: &&u8| byte.is_ascii_graphic() || byte.is_ascii_whitespace();
    if bytes.iter().filter(is_text).count() * 10 >= bytes.len() * 9 {
        let text = String::from_utf8_lossy(bytes);
        let lines: Vec<_> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        let nmea = lines.iter().any(|line| line.starts_with("$G"));
        let hint = if nmea { ", as a GPS receiver does" } else { "" };
        format!("lines of text{hint}: `{}`", lines.join(" / "))
    } else {
        let some: Vec<_> = bytes.iter().take(8).map(|byte| format!("{byte:02X}")).collect();
        format!("bytes that are no frame of it: {}", some.join(" "))
    }
}
