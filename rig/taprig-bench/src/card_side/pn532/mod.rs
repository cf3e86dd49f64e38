//! A PN532 module on a serial port: a contactless chip that plays a card at a real antenna.
//!
//! The chip does the activation and the block protocol of ISO/IEC 14443-4 by itself. It chooses the first byte of the
//! UID and most of the ATS, and it sends S(WTX) while the host is slow. So this side can take a card away, and it has no
//! other capability: no frames, no faults, no exact delays. Its clock for times on the air is the host's.
//!
//! ```text
//!   run  <-- Pn532 -->  session (a task)  -->  hsu: commands, ACK, NACK  -->  port
//! ```
//!
//! No PN532 was ever connected to this code. It is tested against `pn532-model`.

mod hsu;
mod session;

use std::collections::VecDeque;
use std::time::Duration;

use ::pn532::command::{Baud, MAX_PART, Target};
use async_trait::async_trait;
use taprig_model::bench;
use taprig_model::capability::CardCapability;
use taprig_model::card::Activation;
use taprig_model::event::Fields;
use taprig_model::step::Beside;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use self::hsu::Hsu;
use self::session::{Order, Session};
use super::{Answer, CardCapabilities, CardIdentity, CardNote, CardSide};
use crate::link::LinkError;
use crate::link::endpoint::Endpoint;
use crate::link::port::ByteSink;
use crate::start::Start;

const WHO: &str = "the PN532";

/// The longest time for the chip's identity.
const IDENTITY: Duration = Duration::from_secs(5);

/// The mode byte of TgInitAsTarget: a card with the block protocol of ISO/IEC 14443-4 and nothing else.
pub const MODE: u8 = 0x04;

/// How the chip is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// Speed of the serial port. The chip starts with 115,200 bit/s, and the rig changes it.
    pub speed: Baud,
    /// Mode byte of TgInitAsTarget: [`MODE`], or 05 as libnfc sends it.
    pub mode: u8,
    /// Most bytes of a response in one command. A longer response goes to the chip in parts.
    pub part: usize,
    /// What the air of this chip is.
    pub air: Air,
}

/// The air between a chip and the validator's reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Air {
    /// Two antennas. The host's clock measures its times.
    Antenna,
    /// A model of the air. Its times are calculated, and a chip does not report them. So the side does not know when the
    /// moment has come at which a case wants the card to be taken away.
    Modelled,
}

impl Default for Settings {
    fn default() -> Self {
        Self { speed: Baud::B115200, mode: MODE, part: MAX_PART, air: Air::Antenna }
    }
}

/// The bench file asks for something that a PN532 can't do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WrongSettings {
    /// The chip does not have this speed.
    #[error("a PN532 has no speed of {0} bits per second")]
    Speed(u32),
    /// The mode is not one byte.
    #[error("the mode of a PN532 is one byte, but `target-mode` has {0}")]
    Mode(usize),
}

impl WrongSettings {
    /// What a person can try.
    #[must_use]
    pub const fn advice(&self) -> &'static str {
        match self {
            Self::Speed(_) => "set `baud` to 115200 or 921600, or remove it",
            Self::Mode(_) => "remove `target-mode`, or set it to \"04\" or \"05\"",
        }
    }
}

impl TryFrom<&bench::Pn532> for Settings {
    type Error = WrongSettings;

    fn try_from(module: &bench::Pn532) -> Result<Self, WrongSettings> {
        let speed = match module.serial.baud {
            None => Baud::default(),
            Some(baud) => Baud::of(baud).ok_or(WrongSettings::Speed(baud))?,
        };
        let mode = match module.target_mode.as_ref().map(|mode| mode.0.as_slice()) {
            None => MODE,
            Some(&[mode]) => mode,
            Some(bytes) => return Err(WrongSettings::Mode(bytes.len())),
        };
        Ok(Self { speed, mode, ..Self::default() })
    }
}

/// A PN532 on a serial port.
#[derive(Debug)]
pub struct Pn532 {
    settings: Settings,
    capabilities: CardCapabilities,
    orders: mpsc::UnboundedSender<Order>,
    notes: mpsc::UnboundedReceiver<Result<CardNote, LinkError>>,
    /// Notes that came during a wait for something else.
    pending: VecDeque<CardNote>,
    card: Option<Target>,
    session: JoinHandle<()>,
}

impl Pn532 {
    /// Opens the port. Call it within a tokio runtime.
    ///
    /// # Errors
    /// The same as for [`Port::open`](crate::link::port::Port::open).
    pub fn open(endpoint: &Endpoint, settings: Settings, tap: ByteSink) -> Result<Self, LinkError> {
        let hsu = Hsu::open(endpoint, Baud::default().bits_per_second(), tap)?;
        let (orders, received) = mpsc::unbounded_channel();
        let (tell, notes) = mpsc::unbounded_channel();
        let session = tokio::spawn(Session::new(hsu, settings, tell).run(received));
        Ok(Self {
            settings,
            capabilities: Self::can(settings.air),
            orders,
            notes,
            pending: VecDeque::new(),
            card: None,
            session,
        })
    }

    /// The capabilities of a PN532 at this air.
    #[must_use]
    pub fn can(air: Air) -> CardCapabilities {
        let can = match air {
            Air::Antenna => vec![CardCapability::Removal],
            Air::Modelled => vec![],
        };
        CardCapabilities { can, nonce: false, protocol: None }
    }

    async fn order(&mut self, order: Order) -> Result<(), LinkError> {
        match self.orders.send(order) {
            Ok(()) => Ok(()),
            Err(_) => Err(self.failure().await),
        }
    }

    /// Gives an order and waits for its result.
    async fn result<T>(
        &mut self,
        order: impl FnOnce(oneshot::Sender<T>) -> Order,
        within: Duration,
        what: &str,
    ) -> Result<T, LinkError> {
        let (done, result) = oneshot::channel();
        self.order(order(done)).await?;
        match tokio::time::timeout(within, result).await {
            Ok(Ok(result)) => Ok(result),
            Ok(Err(_)) => Err(self.failure().await),
            Err(_) => Err(LinkError::Deadline { what: what.into(), from: WHO, within, silent: false }),
        }
    }

    /// Why the session has ended.
    async fn failure(&mut self) -> LinkError {
        loop {
            match self.notes.recv().await {
                Some(Ok(note)) => self.pending.push_back(note),
                Some(Err(error)) => return error,
                None => {
                    return LinkError::Unexpected {
                        from: WHO,
                        expected: "more of it".into(),
                        seen: "nothing, because the rig has closed its port after an error".into(),
                    };
                }
            }
        }
    }
}

#[async_trait(?Send)]
impl CardSide for Pn532 {
    fn capabilities(&self) -> &CardCapabilities {
        &self.capabilities
    }

    /// The chip reports no start. It is there when it answers.
    async fn starts(&mut self, _how: Start, within: Duration) -> Result<(), LinkError> {
        self.result(Order::Start, within, "the acknowledgement of its first command").await?
    }

    async fn identify(&mut self) -> Result<CardIdentity, LinkError> {
        let firmware = self.result(Order::Identify, IDENTITY, "its identity").await??;
        let version = format!("{}.{}", firmware.version, firmware.revision);
        let said = Fields::from_iter([("firmware", "PN532"), ("board", "PN532"), ("version", version.as_str())]);
        Ok(CardIdentity { said, digest: None })
    }

    /// Keeps what of the card the chip can play: the last three bytes of the UID, ATQA, SAK and historical bytes. A case
    /// that needs the rest, or a second card, needs a capability that this side does not have.
    async fn configure(&mut self, card: &Activation, beside: Option<Beside>, _frames: bool) -> Result<(), LinkError> {
        let refused = |why: &str| LinkError::Refused { what: "configure".into(), from: WHO, why: why.into() };
        if beside.is_some() {
            return Err(refused("it can't play a second card"));
        }
        let Some(&nfcid1t) = card.uid.last_chunk::<3>() else {
            return Err(refused("the UID has fewer than three bytes"));
        };
        if card.ats.is_empty() || card.sak & 0x20 == 0 {
            return Err(refused("it can't play a card without ATS"));
        }
        let historical = historical(&card.ats).to_vec();
        let mode = self.settings.mode;
        self.card = Some(Target { mode, sens_res: card.atqa, nfcid1t, sel_res: card.sak, historical });
        Ok(())
    }

    async fn present(&mut self) -> Result<(), LinkError> {
        let no_card = || LinkError::Refused { what: "present".into(), from: WHO, why: "no card was configured".into() };
        let card = self.card.clone().ok_or_else(no_card)?;
        self.order(Order::Present(card)).await
    }

    async fn answer(&mut self, command: u16, answer: Answer) -> Result<(), LinkError> {
        if let Some(fault) = answer.fault {
            let why = format!("it can't put the fault `{}` on the air", fault.name());
            return Err(LinkError::Refused { what: "answer".into(), from: WHO, why });
        }
        let (written, done) = oneshot::channel();
        self.order(Order::Answer(command, answer.response, written)).await?;
        match done.await {
            Ok(()) => Ok(()),
            Err(_) => Err(self.failure().await),
        }
    }

    async fn remove(&mut self) -> Result<(), LinkError> {
        self.order(Order::Remove).await
    }

    async fn catch_up(&mut self) -> Result<(), LinkError> {
        self.order(Order::CatchUp).await
    }

    async fn note(&mut self, deadline: Instant) -> Result<Option<CardNote>, LinkError> {
        if let Some(note) = self.pending.pop_front() {
            return Ok(Some(note));
        }
        match tokio::time::timeout_at(deadline, self.notes.recv()).await {
            Err(_) => Ok(None),
            Ok(Some(note)) => note.map(Some),
            Ok(None) => Err(self.failure().await),
        }
    }

    async fn close(self: Box<Self>) {
        // If the session has ended already, its port is closed.
        let _ = self.orders.send(Order::Close);
        let _ = self.session.await;
    }

    async fn idle(&mut self, deadline: Instant) -> Result<(), LinkError> {
        loop {
            match tokio::time::timeout_at(deadline, self.notes.recv()).await {
                Err(_) => return Ok(()),
                Ok(Some(note)) => self.pending.push_back(note?),
                Ok(None) => return Err(self.failure().await),
            }
        }
    }
}

/// The historical bytes of an ATS: those behind TL, T0 and the interface bytes that T0 announces.
fn historical(ats: &[u8]) -> &[u8] {
    let announced = ats.get(1).map_or(0, |format| (format & 0x70).count_ones());
    // At most three interface bytes.
    ats.get(2 + announced as usize..).unwrap_or_default()
}

#[cfg(test)]
mod tests;
