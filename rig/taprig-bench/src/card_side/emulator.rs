//! A card emulator that runs the firmware of this repository: [`wire::link`] over a serial port.
//!
//! The air of the emulator is a UART to the validator's board, or an antenna. The bench file says which. The emulator's
//! firmware is another one in each case, and its name is checked when the emulator is asked for its identity.

use std::time::Duration;

use async_trait::async_trait;
use taprig_model::capability::CardCapability;
use taprig_model::card::Activation;
use taprig_model::event::{Fields, Freshness, Release, Traffic};
use taprig_model::step::{Beside, Fault};
use tokio::time::Instant;
use wire::link::{self, Note, PROTOCOL, Report, Request};

use super::{Answer, CardCapabilities, CardIdentity, CardNote, CardSide, What};
use crate::link::LinkError;
use crate::link::emulator::Relay;
use crate::start::Start;
use taprig_record::units::lower_hex;

/// The longest time for an identity. A board computes the digest of its flash when it is asked for the first time.
const IDENTITY: Duration = Duration::from_secs(2);

/// The longest time that an order takes.
const ORDER: Duration = Duration::from_secs(1);

/// What the emulator is asked to return when the rig wants it to catch up.
const CAUGHT_UP: [u8; 8] = *b"result !";

const WHO: &str = "the card emulator";

/// What carries the frames between the emulator and a reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Air {
    /// A UART to the validator's board.
    Uart,
    /// An antenna, behind a front end that answers anticollision by itself.
    Antenna,
}

impl Air {
    /// The name of the firmware with this air.
    const fn firmware(self) -> &'static str {
        match self {
            Self::Uart => link::FIRMWARE_UART,
            Self::Antenna => link::FIRMWARE_ANTENNA,
        }
    }
}

/// A card emulator on a serial port.
#[derive(Debug)]
pub struct Emulator {
    relay: Relay,
    air: Air,
    /// Whether the board reports frames, once it was told.
    traces: Option<bool>,
    capabilities: CardCapabilities,
}

impl Emulator {
    /// The emulator at the other end of this relay, which has this air.
    #[must_use]
    pub fn new(relay: Relay, air: Air) -> Self {
        Self { relay, air, traces: None, capabilities: Self::can(air) }
    }

    /// The capabilities of every card emulator with this air.
    #[must_use]
    pub fn can(air: Air) -> CardCapabilities {
        let can = CardCapability::ALL.into_iter().filter(|can| air == Air::Uart || *can != CardCapability::TwoCards);
        CardCapabilities { can: can.collect(), nonce: true, protocol: Some(PROTOCOL) }
    }
}

#[async_trait(?Send)]
impl CardSide for Emulator {
    fn capabilities(&self) -> &CardCapabilities {
        &self.capabilities
    }

    async fn close(self: Box<Self>) {
        self.relay.close().await;
    }

    fn take_lost(&mut self) -> u32 {
        self.relay.take_lost()
    }

    async fn starts(&mut self, how: Start, within: Duration) -> Result<(), LinkError> {
        self.traces = None;
        match how {
            Start::PoweredOn => self.relay.started(within).await,
            Start::StillOn => self.relay.identify(within).await.map(drop),
        }
    }

    async fn identify(&mut self) -> Result<CardIdentity, LinkError> {
        let identity = self.relay.identify(IDENTITY).await?;
        let wanted = self.air.firmware();
        if identity.firmware != wanted {
            return Err(LinkError::Unexpected {
                from: WHO,
                expected: format!("the firmware {wanted}"),
                seen: format!("the firmware {}", identity.firmware),
            });
        }
        let digest = lower_hex(&identity.digest);
        let said = Fields::from_iter([
            ("firmware", identity.firmware.as_str()),
            ("board", identity.board.as_str()),
            ("version", identity.version.as_str()),
            ("digest", &digest),
        ]);
        Ok(CardIdentity { said, digest: Some(digest) })
    }

    async fn configure(&mut self, card: &Activation, beside: Option<Beside>, frames: bool) -> Result<(), LinkError> {
        let front = front(card, beside)?;
        if self.traces != Some(frames) {
            self.relay.carry_out(Request::Trace(frames), ORDER).await?;
            self.traces = Some(frames);
        }
        self.relay.carry_out(Request::Configure(front), ORDER).await
    }

    async fn present(&mut self) -> Result<(), LinkError> {
        self.relay.send(Request::Present).await.map(drop)
    }

    async fn answer(&mut self, command: u16, answer: Answer) -> Result<(), LinkError> {
        let answer = on_the_wire(&answer)?;
        self.relay.send(Request::Answer { command, answer }).await.map(drop)
    }

    async fn remove(&mut self) -> Result<(), LinkError> {
        self.relay.send(Request::Remove).await.map(drop)
    }

    async fn catch_up(&mut self) -> Result<(), LinkError> {
        self.relay.send(Request::Echo(CAUGHT_UP)).await.map(drop)
    }

    async fn echo(&mut self, nonce: [u8; 8], within: Duration) -> Result<Freshness, LinkError> {
        self.relay.echo(nonce, within).await?;
        Ok(Freshness::Nonce)
    }

    async fn note(&mut self, deadline: Instant) -> Result<Option<CardNote>, LinkError> {
        // Each turn takes one complete note, so a caller that gives up between two turns loses nothing.
        while let Some((note, seen)) = self.relay.note(deadline).await? {
            let (board_us, air_us) = (Some(note.at_us), note.air_us.into());
            if let Some(what) = what(note) {
                return Ok(Some(CardNote { board_us, air_us, seen, what }));
            }
        }
        Ok(None)
    }

    async fn idle(&mut self, deadline: Instant) -> Result<(), LinkError> {
        self.relay.idle(deadline).await
    }
}

fn too_long(what: &str, length: usize) -> LinkError {
    LinkError::Refused { what: what.into(), from: WHO, why: format!("its link can't carry {length} bytes") }
}

fn front(card: &Activation, beside: Option<Beside>) -> Result<link::Front, LinkError> {
    Ok(link::Front {
        uid: card.uid.as_slice().try_into().map_err(|_| too_long("a UID", card.uid.len()))?,
        atqa: card.atqa,
        sak: card.sak,
        ats: card.ats.as_slice().try_into().map_err(|_| too_long("an ATS", card.ats.len()))?,
        company: match beside {
            None => link::Company::Alone,
            Some(Beside::TypeA) => link::Company::TypeA,
            Some(Beside::TypeB) => link::Company::TypeB,
        },
        delay_us: clamped(card.delay),
        chain: card.chain,
    })
}

fn on_the_wire(answer: &Answer) -> Result<link::Answer, LinkError> {
    Ok(link::Answer {
        response: answer.response.as_slice().try_into().map_err(|_| too_long("a response", answer.response.len()))?,
        delay_us: clamped(answer.delay),
        fault: answer.fault.map(fault),
    })
}

/// Limits a time to what the link can carry. That is longer than any reader waits.
fn clamped(time: taprig_model::units::Duration) -> u32 {
    u32::try_from(time.us).unwrap_or(u32::MAX)
}

fn fault(fault: Fault) -> link::Fault {
    match fault {
        Fault::Drop { times } => link::Fault::Drop { times },
        Fault::Corrupt { seed, times } => link::Fault::Corrupt { seed, times },
        Fault::Late { by } => link::Fault::Late { delay_us: clamped(by) },
        // On the air both look the same. The rig does not let the card have a command that it has not heard.
        Fault::Cut | Fault::Unheard => link::Fault::Cut,
        Fault::Wtx { times, multiplier, lost } => link::Fault::Wtx { times, multiplier, lost },
        Fault::Chain { size } => link::Fault::Chain { size },
        Fault::Mute => link::Fault::Mute,
        Fault::BlockNumber => link::Fault::BlockNumber,
        Fault::Pcb(pcb) => link::Fault::Pcb(pcb),
        Fault::Oversize => link::Fault::Oversize,
    }
}

/// The meaning of a note for a run, or `None` for a note that only answers an order.
fn what(note: Note) -> Option<What> {
    Some(match note.report {
        Report::Started => What::Started,
        Report::Field(on) => What::Field { on },
        Report::Activated { fsd } => What::Activated { fsd: Some(fsd) },
        Report::Command { number, command } => What::Command { number, command: command.to_vec() },
        Report::Released(how) => What::Released(match how {
            link::Release::Deselected => Release::Deselected,
            link::Release::Halted => Release::Halted,
            link::Release::FieldOff => Release::FieldOff,
        }),
        Report::Removed(traffic) => What::Removed(Traffic {
            from_reader: traffic.from_reader.into(),
            from_card: traffic.from_card.into(),
            retries: traffic.retries.into(),
            wtx: traffic.wtx.into(),
            reader_us: traffic.reader_us.map(u64::from),
        }),
        Report::Frame(frame) => What::Frame {
            from_card: frame.from_card,
            short: frame.short,
            late: frame.late,
            bytes: frame.bytes.to_vec(),
        },
        Report::Refused { order, why } => What::Trouble(format!("the emulator refused order {order}: {why:?}")),
        Report::Damaged => What::Trouble("the emulator saw damaged orders".into()),
        // The method that sends the nonce of a case waits for it.
        Report::Echo(bytes) => {
            return (bytes == CAUGHT_UP).then_some(What::CaughtUp);
        }
        // No run asks for a self-test.
        Report::Identity(_) | Report::Done(_) | Report::Looped { .. } => return None,
    })
}

#[cfg(test)]
mod tests;
