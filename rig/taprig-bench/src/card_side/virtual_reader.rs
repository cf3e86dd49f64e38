//! A card in a virtual PC/SC reader: vsmartcard's vpcd, over TCP ([`crate::link::vpcd`]). It needs no hardware.
//!
//! The reader belongs to pcscd, so every PC/SC program of the machine can read the card. The side has commands and
//! answers, and the card comes and goes. It has no frames: a PC/SC reader does the protocol of ISO/IEC 14443 by itself,
//! and vpcd has none. All times are those of the host.
//!
//! | what the reader does | notes |
//! | --- | --- |
//! | it gives power to the card | [`What::Field`] on, [`What::Activated`] without an FSD, because vpcd tells none |
//! | it resets the card, or gives power to a card that has power | [`What::Released`] and [`What::Field`] off, then the same |
//! | it takes the power away | [`What::Released`], [`What::Field`] off |
//! | it sends a command | [`What::Command`] |
//!
//! A card is in the reader from [`CardSide::present`], which connects, to [`CardSide::remove`], which ends the
//! connection. If the reader ends it, this is an error: pcscd has ended.
//!
//! pcscd gives power to a card that has just come, reads its ATR, and takes the power away again. So the first activation
//! usually has no commands.

use std::collections::VecDeque;
use std::time::Duration;

use async_trait::async_trait;
use taprig_model::capability::CardCapability;
use taprig_model::card::Activation;
use taprig_model::event::{Fields, Release, Traffic};
use taprig_model::step::Beside;
use tokio::time::Instant;

use super::{Answer, CardCapabilities, CardIdentity, CardNote, CardSide, What};
use crate::link::LinkError;
use crate::link::port::ByteSink;
use crate::link::vpcd::{Connection, Message, packed};
use crate::start::Start;

mod atr;
#[cfg(test)]
mod tests;

const WHO: &str = "the virtual reader";

/// How long a card stays away at least. pcscd looks about every 500 ms for a card in the virtual reader, and tells of no
/// change if another card has come by then.
const AWAY: Duration = Duration::from_millis(600);

/// A card in a virtual reader.
pub struct VirtualReader {
    address: String,
    tap: ByteSink,
    capabilities: CardCapabilities,
    /// The card's answer to the question for its ATR, as it goes to the reader.
    atr: Vec<u8>,
    connection: Option<Connection>,
    presented: std::time::Instant,
    /// When the card before was taken away.
    removed: Option<Instant>,
    powered: bool,
    /// The command that waits for its answer.
    asked: Option<u16>,
    commands: u16,
    notes: VecDeque<CardNote>,
}

impl std::fmt::Debug for VirtualReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("VirtualReader")
            .field("address", &self.address)
            .field("connection", &self.connection)
            .finish_non_exhaustive()
    }
}

impl VirtualReader {
    /// The reader at this address, which is a host and a port. `tap` receives the raw bytes. Nothing is connected yet.
    #[must_use]
    pub fn new(address: &str, tap: ByteSink) -> Self {
        Self {
            address: address.into(),
            tap,
            capabilities: Self::can(),
            atr: Vec::new(),
            connection: None,
            presented: std::time::Instant::now(),
            removed: None,
            powered: false,
            asked: None,
            commands: 0,
            notes: VecDeque::new(),
        }
    }

    /// The capabilities of every virtual reader.
    #[must_use]
    pub fn can() -> CardCapabilities {
        CardCapabilities { can: vec![CardCapability::Removal], nonce: false, protocol: None }
    }

    fn tell(&mut self, what: What, seen: std::time::Instant) {
        let air_us = seen.saturating_duration_since(self.presented).as_micros();
        let air_us = u64::try_from(air_us).unwrap_or(u64::MAX);
        self.notes.push_back(CardNote { board_us: None, air_us, seen, what });
    }

    /// Takes one message of the reader. Returns false if the deadline passes first.
    async fn hear(&mut self, deadline: Instant) -> Result<bool, LinkError> {
        let Some(connection) = &mut self.connection else {
            tokio::time::sleep_until(deadline).await;
            return Ok(false);
        };
        let Some((message, seen)) = connection.receive(deadline).await? else { return Ok(false) };
        // Nothing waits from here on, so a message that was taken is a note that was kept.
        match message {
            Message::SendAtr => connection.queue(&self.atr),
            Message::PowerOn | Message::Reset => {
                self.power_off(seen);
                self.powered = true;
                self.tell(What::Field { on: true }, seen);
                self.tell(What::Activated { fsd: None }, seen);
            }
            Message::PowerOff => self.power_off(seen),
            Message::Command(command) => {
                self.commands = self.commands.wrapping_add(1);
                self.asked = Some(self.commands);
                self.tell(What::Command { number: self.commands, command }, seen);
            }
        }
        Ok(true)
    }

    fn power_off(&mut self, seen: std::time::Instant) {
        self.asked = None;
        if std::mem::take(&mut self.powered) {
            self.tell(What::Released(Release::FieldOff), seen);
            self.tell(What::Field { on: false }, seen);
        }
    }
}

#[async_trait(?Send)]
impl CardSide for VirtualReader {
    fn capabilities(&self) -> &CardCapabilities {
        &self.capabilities
    }

    /// Makes sure that vpcd is there: it connects and waits until the reader asks the card for something. Then it takes
    /// the card away without an answer, so the reader has seen none.
    async fn starts(&mut self, _how: Start, within: Duration) -> Result<(), LinkError> {
        let mut connection = Connection::open(&self.address, self.tap.clone()).await?;
        match connection.receive(Instant::now() + within).await? {
            Some(_) => Ok(()),
            None => {
                Err(LinkError::Deadline { what: "the first order to a card".into(), from: WHO, within, silent: false })
            }
        }
    }

    async fn identify(&mut self) -> Result<CardIdentity, LinkError> {
        let said = Fields::from_iter([("reader", "vpcd"), ("address", self.address.as_str())]);
        Ok(CardIdentity { said, digest: None })
    }

    async fn configure(&mut self, card: &Activation, beside: Option<Beside>, frames: bool) -> Result<(), LinkError> {
        let refused = |what: &str, why: String| LinkError::Refused { what: what.into(), from: WHO, why };
        if beside.is_some() {
            return Err(refused("a second card", "it holds one card".into()));
        }
        if frames {
            return Err(refused("frames", "it has none".into()));
        }
        let atr = atr::atr(&card.ats).map_err(|why| refused("the card", why.to_string()))?;
        self.atr = packed(&atr).unwrap_or_default();
        Ok(())
    }

    async fn present(&mut self) -> Result<(), LinkError> {
        self.remove().await?;
        self.notes.clear();
        if let Some(removed) = self.removed {
            tokio::time::sleep_until(removed + AWAY).await;
        }
        self.connection = Some(Connection::open(&self.address, self.tap.clone()).await?);
        self.presented = std::time::Instant::now();
        Ok(())
    }

    /// Answers at once. The time that the card itself takes is not waited for, because it would not be exact here.
    async fn answer(&mut self, command: u16, answer: Answer) -> Result<(), LinkError> {
        let refused = |what: String, why: &str| LinkError::Refused { what, from: WHO, why: why.into() };
        if let Some(fault) = answer.fault {
            return Err(refused(format!("the fault {}", fault.name()), "it has no air to disturb"));
        }
        let message = packed(&answer.response)
            .ok_or_else(|| refused("a response".into(), "its link can't carry more than 65,535 bytes"))?;
        match &mut self.connection {
            Some(connection) if self.asked == Some(command) => {
                self.asked = None;
                Ok(connection.send(&message).await?)
            }
            _ => {
                let late = format!("the reader no longer waits for the answer to command {command}");
                self.tell(What::Trouble(late), std::time::Instant::now());
                Ok(())
            }
        }
    }

    async fn remove(&mut self) -> Result<(), LinkError> {
        if self.connection.take().is_some() {
            (self.powered, self.asked) = (false, None);
            self.removed = Some(Instant::now());
            self.tell(What::Removed(Traffic::default()), std::time::Instant::now());
        }
        Ok(())
    }

    async fn catch_up(&mut self) -> Result<(), LinkError> {
        // The runtime looks at its sockets before it comes back here. A deadline that has passed still lets the messages
        // through that have come.
        tokio::task::yield_now().await;
        while self.connection.is_some() && self.hear(Instant::now()).await? {}
        self.tell(What::CaughtUp, std::time::Instant::now());
        Ok(())
    }

    async fn note(&mut self, deadline: Instant) -> Result<Option<CardNote>, LinkError> {
        loop {
            if let Some(note) = self.notes.pop_front() {
                return Ok(Some(note));
            }
            if !self.hear(deadline).await? {
                return Ok(None);
            }
        }
    }

    async fn idle(&mut self, deadline: Instant) -> Result<(), LinkError> {
        while self.hear(deadline).await? {}
        Ok(())
    }
}
