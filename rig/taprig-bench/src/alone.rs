//! The card side of a bench without its validator, for any other reader.

use std::time::{Duration, Instant};

use taprig_model::bench::{BoardConfig, CardSideConfig};
use taprig_model::event::Role;
use taprig_record::Scope;

use super::boards::Ports;
use super::sides::Sides;
use super::{BenchError, Config, port, wedged};
use crate::card_side::CardSide;
use crate::link::port::Way;
use crate::start::Start;

/// The longest time until a card emulator that has power answers.
const ANSWERS: Duration = Duration::from_secs(2);

impl Config {
    /// Whether the card side can be used without the bench's validator. A card side that is a process on this host meets
    /// no other reader than that validator.
    #[must_use]
    pub fn card_stands_alone(&self) -> bool {
        match &self.bench.card {
            CardSideConfig::Emulator(board) => !board.runs_here(),
            CardSideConfig::Nrf52840(_) | CardSideConfig::VirtualReader(_) | CardSideConfig::Pn532(_) => true,
            CardSideConfig::Pn532Model(_) => false,
        }
    }
}

/// Opens the card side of a bench whose [card side stands alone](Config::card_stands_alone). The validator is not touched.
/// The firmware of a card emulator stays as it is, and its power is not switched. Call it within a tokio runtime.
///
/// # Errors
/// [`BenchError`] if its port can't be opened, or if a card emulator does not answer. [`BenchError::Wedged`] if the bench
/// has a mark.
pub async fn open_card_alone(config: &Config, scope: &Scope) -> Result<Box<dyn CardSide>, BenchError> {
    wedged::refuse(&config.name)?;
    let serial = config.bench.card.board().and_then(BoardConfig::serial);
    let mut ports = Ports::new();
    if let Some(serial) = serial {
        ports.insert(Role::Emulator, port::find(Role::Emulator, serial)?.into());
    }
    let raw = scope.serial("emulator-link");
    let raw = std::sync::Arc::new(move |way, bytes: &[u8]| raw.bytes(Instant::now(), way == Way::In, bytes));
    let mut side = Sides::new(config).open_card(&ports, raw)?;
    if serial.is_some() {
        side.starts(Start::StillOn, ANSWERS).await?;
    }
    Ok(side)
}
