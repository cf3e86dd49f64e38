//! What the rig does with the chip. A task of its own serves the port, so that no order and no reply waits for a run that
//! is busy with the validator, and so that dropping a future of the run loses nothing.

use std::time::{Duration, Instant as At};

use ::pn532::command::{Baud, Command, Firmware, IC_PN532, MAX_PART, Meaning, PICC_14443_4, Status, Target};
use taprig_model::event::{Release, Traffic};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use super::hsu::{Hsu, Reply};
use super::{Settings, WHO};
use crate::card_side::{CardNote, What};
use crate::link::LinkError;

/// The longest time for the reply to a command that does not wait for a reader. The chip needs some ms; a busy machine
/// needs more.
const REPLY: Duration = Duration::from_secs(2);

/// How long the task waits for what may still be on its way when the run wants to catch up. It covers the latency timer
/// of a USB adapter.
const QUIET: Duration = Duration::from_millis(20);

/// So many damaged frames on the air in a row are more than any reader sends.
const RADIO_ERRORS: u32 = 100;

/// What the run wants.
#[derive(Debug)]
pub(super) enum Order {
    /// Wakes the chip and makes sure that it is one.
    Start(oneshot::Sender<Result<(), LinkError>>),
    /// Asks for the chip's firmware.
    Identify(oneshot::Sender<Result<Firmware, LinkError>>),
    /// Plays this card.
    Present(Target),
    /// Answers the command with this number. The sender is used when the answer has gone to the port.
    Answer(u16, Vec<u8>, oneshot::Sender<()>),
    /// Plays no card.
    Remove,
    /// Reports [`What::CaughtUp`].
    CatchUp,
    /// Stops everything and closes the port.
    Close,
}

/// What the task tells the run. After an error it tells nothing more.
pub(super) type Notes = mpsc::UnboundedSender<Result<CardNote, LinkError>>;

/// What the chip is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Nothing that concerns a card.
    Idle,
    /// It waits for a reader.
    Armed,
    /// It waits for a command of the reader.
    Listening,
    /// The run has to answer.
    Thinking,
    /// It sends the answer.
    Answering,
}

impl Phase {
    /// Code of the reply that the chip will send.
    fn awaits(self) -> Option<u8> {
        match self {
            Self::Idle | Self::Thinking => None,
            Self::Armed => Some(0x8D),
            Self::Listening => Some(0x87),
            Self::Answering => Some(0x8F),
        }
    }
}

/// The task that serves one chip.
#[derive(Debug)]
pub(super) struct Session {
    hsu: Hsu,
    settings: Settings,
    notes: Notes,
    phase: Phase,
    /// The card, and the time from which on the reader can find it.
    presented: Option<(Target, At)>,
    /// Whether the reader's field is on, as far as the chip has told.
    field: bool,
    /// Number of the last command.
    number: u16,
    /// The parts of a command that came so far.
    command: Vec<u8>,
    radio_errors: u32,
    /// When [`What::CaughtUp`] is due.
    catch_up: Option<Instant>,
}

/// Why the task ends.
enum End {
    /// The run has closed the side.
    Closed,
    Failed(LinkError),
}

impl From<LinkError> for End {
    fn from(error: LinkError) -> Self {
        Self::Failed(error)
    }
}

impl Session {
    pub(super) fn new(hsu: Hsu, settings: Settings, notes: Notes) -> Self {
        Self {
            hsu,
            settings,
            notes,
            phase: Phase::Idle,
            presented: None,
            field: false,
            number: 0,
            command: vec![],
            radio_errors: 0,
            catch_up: None,
        }
    }

    /// Serves orders and the port until the side is closed or fails.
    pub(super) async fn run(mut self, mut orders: mpsc::UnboundedReceiver<Order>) {
        loop {
            match self.turn(&mut orders).await {
                Ok(()) => {}
                Err(End::Closed) => {
                    // The next session takes back what this one could not.
                    let _ = self.stop().await;
                    break;
                }
                Err(End::Failed(error)) => {
                    let _ = self.notes.send(Err(error));
                    break;
                }
            }
        }
        self.hsu.close().await;
    }

    async fn turn(&mut self, orders: &mut mpsc::UnboundedReceiver<Order>) -> Result<(), End> {
        if let Some(reply) = self.hsu.early() {
            return Ok(self.reply(reply).await?);
        }
        let (unsure, catch_up) = (self.hsu.unsure(), self.catch_up);
        tokio::select! {
            biased;
            received = self.hsu.receive() => {
                let received = received?;
                // Code 0 is that of no reply.
                let code = self.phase.awaits().unwrap_or(0);
                if let Some(reply) = self.hsu.sift(received, code).await? {
                    self.reply(reply).await?;
                }
            }
            order = orders.recv() => match order {
                None | Some(Order::Close) => return Err(End::Closed),
                Some(order) => self.order(order).await?,
            },
            () = at(unsure), if unsure.is_some() => self.hsu.nack().await?,
            () = at(catch_up), if catch_up.is_some() => {
                self.catch_up = None;
                self.tell(At::now(), What::CaughtUp);
            }
        }
        Ok(())
    }

    fn tell(&self, at: At, what: What) {
        let since = self.presented.as_ref().map(|(_, presented)| at.saturating_duration_since(*presented));
        let air_us = since.map_or(0, taprig_record::units::micros);
        // If nobody listens any more, the side is being closed.
        let _ = self.notes.send(Ok(CardNote { board_us: None, air_us, seen: at, what }));
    }

    // Orders.

    async fn order(&mut self, order: Order) -> Result<(), LinkError> {
        match order {
            Order::Start(done) => drop(done.send(self.start().await)),
            Order::Identify(done) => drop(done.send(self.firmware().await)),
            Order::Present(target) => {
                self.stop().await?;
                self.hsu.ask(&Command::SetParameters(PICC_14443_4), REPLY).await?;
                self.presented = Some((target, At::now()));
                self.field = false;
                self.arm().await?;
            }
            Order::Answer(number, response, written) => {
                if self.phase == Phase::Thinking && number == self.number {
                    self.respond(&response, written).await?;
                } else {
                    self.tell(
                        At::now(),
                        What::Trouble(format!("the PN532 does not wait for an answer to command {number}")),
                    );
                    let _ = written.send(());
                }
            }
            Order::Remove => {
                if self.presented.is_some() {
                    self.stop().await?;
                    // The chip does not count frames.
                    self.tell(At::now(), What::Removed(Traffic::default()));
                    self.presented = None;
                }
            }
            Order::CatchUp => self.catch_up = Some(Instant::now() + QUIET),
            // `turn` has handled it.
            Order::Close => {}
        }
        Ok(())
    }

    /// Makes the chip play no card.
    async fn stop(&mut self) -> Result<(), LinkError> {
        if self.phase.awaits().is_some() {
            self.hsu.abort().await?;
        }
        self.phase = Phase::Idle;
        self.command.clear();
        if self.presented.is_some() {
            let reply = self.hsu.ask(&Command::InRelease, REPLY).await?;
            let status = Status(reply.first().copied().unwrap_or_default());
            // A chip that plays no card says that this command does not fit.
            if !matches!(status.meaning(), Meaning::Fine | Meaning::WrongState) {
                let text = format!("the PN532 answered InRelease with status {:02X}: {}", status.0, status.words());
                self.tell(At::now(), What::Trouble(text));
            }
        }
        Ok(())
    }

    async fn start(&mut self) -> Result<(), LinkError> {
        let wanted = self.settings.speed;
        // The chip keeps the speed of an earlier session until it loses its power.
        let mut found = None;
        let mut speeds = vec![Baud::B115200];
        speeds.extend((wanted != Baud::B115200).then_some(wanted));
        for speed in speeds {
            self.hsu.set_baud(speed.bits_per_second())?;
            self.hsu.asleep = true;
            self.hsu.abort().await?;
            match self.hsu.ask(&Command::SamConfiguration, REPLY).await {
                Ok(_) => {
                    found = Some(Ok(speed));
                    break;
                }
                Err(error @ LinkError::Deadline { .. }) => found = Some(Err(error)),
                Err(LinkError::Unexpected { .. }) if self.hsu.foreign().is_some() => {}
                Err(error) => return Err(error),
            }
        }
        let speed = match (found, self.hsu.foreign()) {
            (Some(Ok(speed)), _) => speed,
            (_, Some(foreign)) => return Err(foreign),
            (Some(Err(error)), None) => return Err(error),
            (None, None) => return Err(self.hsu.other("it sent nothing that a PN532 sends".into())),
        };
        self.firmware().await?;
        if speed != wanted {
            self.hsu.ask(&Command::SetSerialBaudRate(wanted), REPLY).await?;
            // The chip changes its speed after this ACK.
            self.hsu.acknowledge().await?;
            self.hsu.set_baud(wanted.bits_per_second())?;
            self.firmware().await?;
        }
        Ok(())
    }

    async fn firmware(&mut self) -> Result<Firmware, LinkError> {
        let reply = self.hsu.ask(&Command::GetFirmwareVersion, REPLY).await?;
        match Firmware::parse(&reply) {
            Some(firmware) if firmware.ic == IC_PN532 => Ok(firmware),
            _ => {
                let bytes: Vec<_> = reply.iter().map(|byte| format!("{byte:02X}")).collect();
                Err(self
                    .hsu
                    .other(format!("it gives its firmware as {}, where a PN532 says 32 first", bytes.join(" "))))
            }
        }
    }

    /// Waits for a reader.
    async fn arm(&mut self) -> Result<(), LinkError> {
        self.phase = Phase::Idle;
        self.command.clear();
        if let Some((target, _)) = &self.presented {
            self.hsu.begin(&Command::TgInitAsTarget(target.clone())).await?;
            self.phase = Phase::Armed;
            // It sleeps until there is a field.
            self.hsu.asleep = true;
        }
        Ok(())
    }

    async fn listen(&mut self) -> Result<(), LinkError> {
        self.hsu.begin(&Command::TgGetData).await?;
        self.phase = Phase::Listening;
        Ok(())
    }

    async fn respond(&mut self, response: &[u8], written: oneshot::Sender<()>) -> Result<(), LinkError> {
        let part = self.settings.part.clamp(1, MAX_PART);
        let last = response.len().saturating_sub(1) / part * part;
        for part in response[..last].chunks(part) {
            let reply = self.hsu.ask(&Command::TgSetMetaData(part.to_vec()), REPLY).await?;
            if status(&reply)?.meaning() != Meaning::Fine {
                let _ = written.send(());
                return self.answered(&(reply, At::now())).await;
            }
        }
        let command = Command::TgSetData(response[last..].to_vec());
        self.hsu.send(&command).await?;
        // The rig has done its part. If it has stopped waiting, it needs no word.
        let _ = written.send(());
        self.hsu.acknowledged(&command).await?;
        self.phase = Phase::Answering;
        Ok(())
    }

    // Replies.

    async fn reply(&mut self, reply: Reply) -> Result<(), LinkError> {
        match self.phase {
            Phase::Idle | Phase::Thinking => Ok(()),
            Phase::Armed => self.activated(&reply).await,
            Phase::Listening => self.heard(&reply).await,
            Phase::Answering => self.answered(&reply).await,
        }
    }

    /// A reader has found the card: mode and the reader's first command.
    async fn activated(&mut self, (reply, at): &Reply) -> Result<(), LinkError> {
        self.hsu.asleep = false;
        match *reply.as_slice() {
            // Bit 3: the chip speaks the block protocol. E0 is RATS.
            [mode, 0xE0, parameter, ..] if mode & 0x08 != 0 => {
                if !std::mem::replace(&mut self.field, true) {
                    self.tell(*at, What::Field { on: true });
                }
                self.tell(*at, What::Activated { fsd: Some(fsd(parameter >> 4)) });
                self.listen().await
            }
            _ => {
                let bytes: Vec<_> = reply.iter().map(|byte| format!("{byte:02X}")).collect();
                let text = format!("a reader addressed the PN532 as another kind of card: {}", bytes.join(" "));
                self.tell(*at, What::Trouble(text));
                self.arm().await
            }
        }
    }

    async fn heard(&mut self, (reply, at): &Reply) -> Result<(), LinkError> {
        let status = status(reply)?;
        if status.meaning() != Meaning::Fine {
            return self.not_fine("TgGetData", status, *at).await;
        }
        self.radio_errors = 0;
        self.command.extend(&reply[1..]);
        if status.more() {
            return self.listen().await;
        }
        self.phase = Phase::Thinking;
        // From 1, also after 65535.
        self.number = self.number.checked_add(1).unwrap_or(1);
        let command = std::mem::take(&mut self.command);
        self.tell(*at, What::Command { number: self.number, command });
        Ok(())
    }

    async fn answered(&mut self, (reply, at): &Reply) -> Result<(), LinkError> {
        match status(reply)? {
            fine if fine.meaning() == Meaning::Fine => self.listen().await,
            other => self.not_fine("TgSetData", other, *at).await,
        }
    }

    async fn not_fine(&mut self, command: &str, status: Status, at: At) -> Result<(), LinkError> {
        match status.meaning() {
            Meaning::Released => {
                self.tell(at, What::Released(Release::Deselected));
                self.arm().await
            }
            Meaning::FieldLost => {
                self.tell(at, What::Released(Release::FieldOff));
                self.field = false;
                self.tell(at, What::Field { on: false });
                self.arm().await
            }
            Meaning::Radio if self.radio_errors < RADIO_ERRORS => {
                self.radio_errors += 1;
                // A card stays silent then, and the reader asks again.
                let text = format!("the PN532 reports {} on the air (status {:02X})", status.words(), status.0);
                self.tell(at, What::Trouble(text));
                self.listen().await
            }
            _ => Err(LinkError::Refused {
                what: command.into(),
                from: WHO,
                why: format!("status {:02X}: {}", status.0, status.words()),
            }),
        }
    }
}

fn status(reply: &[u8]) -> Result<Status, LinkError> {
    reply.first().copied().map(Status).ok_or_else(|| LinkError::Unexpected {
        from: WHO,
        expected: "a status".into(),
        seen: "a reply without one".into(),
    })
}

/// FSD of FSDI, in bytes (ISO/IEC 14443-4). Larger and reserved values count as 256.
fn fsd(fsdi: u8) -> u16 {
    const SIZES: [u16; 9] = [16, 24, 32, 40, 48, 64, 96, 128, 256];
    SIZES.get(usize::from(fsdi)).copied().unwrap_or(256)
}

/// Waits until then; for ever if there is no such moment.
async fn at(moment: Option<Instant>) {
    match moment {
        Some(moment) => tokio::time::sleep_until(moment).await,
        None => std::future::pending().await,
    }
}
