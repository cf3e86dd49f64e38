//! Opens the two sides of a bench, each by the adapter that its file names.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use taprig_model::bench::{self, CardSideConfig};
use taprig_model::device::{AdapterProgram, Device, Interface};
use taprig_model::event::Role;

use super::boards::Ports;
use super::{BenchError, Config};
use crate::card_side::emulator::{Air, Emulator};
use crate::card_side::pn532::{self, Pn532, Settings};
use crate::card_side::virtual_reader::VirtualReader;
use crate::card_side::{CardCapabilities, CardSide};
use crate::link::console::Console;
use crate::link::emulator::Relay;
use crate::link::endpoint::Endpoint;
use crate::link::port::ByteSink;
use crate::validator_side::adapter::{self, AdapterValidator};
use crate::validator_side::native::NativeValidator;
use crate::validator_side::operator::{Desk, OperatorValidator};
use crate::validator_side::rules::{RulesValidator, SettingsTold};
use crate::validator_side::{Noise, ValidatorSide};

/// Speed of an emulator's link if the bench file gives none, in bits per second.
const EMULATOR_BAUD: u32 = 115_200;

/// Speed of a validator's console if neither the bench file nor the device file gives one, in bits per second.
const CONSOLE_BAUD: u32 = 115_200;

/// The name of a validator's text console in a record. Account numbers in its raw bytes are masked.
pub(super) const VALIDATOR_CONSOLE: &str = "validator-console";

/// What the two sides need to know about themselves, from the bench file and the device file.
#[derive(Debug, Clone)]
pub(super) struct Sides {
    pub(super) device: Device,
    card: CardSideConfig,
    console_baud: u32,
    emulator_baud: u32,
    /// What a device that rules describe was last told.
    told: SettingsTold,
    /// The project's folder.
    folder: PathBuf,
    /// Values of the bench file for an adapter program.
    parameters: BTreeMap<String, String>,
    /// Where the person at the bench is asked, if there is one.
    desk: Option<Arc<dyn Desk>>,
}

impl Sides {
    #[must_use]
    pub(super) fn new(config: &Config) -> Self {
        let Config { bench, device, .. } = config;
        let baud = |board: Option<&bench::BoardConfig>| board?.serial()?.baud;
        Self {
            device: device.clone(),
            card: bench.card.clone(),
            console_baud: baud(Some(&bench.validator)).or(device.interface.baud()).unwrap_or(CONSOLE_BAUD),
            emulator_baud: baud(bench.card.board()).unwrap_or(EMULATOR_BAUD),
            told: SettingsTold::default(),
            folder: config.programs.folder.clone(),
            parameters: bench.validator.external().map(|external| external.parameters.clone()).unwrap_or_default(),
            desk: config.desk.clone(),
        }
    }

    /// The project's folder, in which programs of the device are started.
    #[must_use]
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Whether the card side answers questions. A virtual reader only asks.
    #[must_use]
    pub(super) fn card_answers(&self) -> bool {
        !matches!(self.card, CardSideConfig::VirtualReader(_))
    }

    /// The name of the validator's port in a record.
    #[must_use]
    pub(super) fn validator_port(&self) -> &'static str {
        match self.device.interface {
            Interface::Adapter(_) => "validator-adapter",
            Interface::Native(_) | Interface::Rules(_) | Interface::Operator(_) => VALIDATOR_CONSOLE,
        }
    }

    /// Opens the card side. Call it within a tokio runtime.
    ///
    /// # Errors
    /// [`BenchError::Link`] if its port can't be opened.
    pub(super) fn open_card(&self, ports: &Ports, raw: ByteSink) -> Result<Box<dyn CardSide>, BenchError> {
        match &self.card {
            CardSideConfig::Emulator(_) | CardSideConfig::Nrf52840(_) => Ok(Box::new(self.open_emulator(ports, raw)?)),
            CardSideConfig::VirtualReader(reader) => Ok(Box::new(VirtualReader::new(reader.address.as_str(), raw))),
            CardSideConfig::Pn532(module) => Self::open_pn532(ports, Settings::try_from(module)?, raw),
            CardSideConfig::Pn532Model(_) => {
                Self::open_pn532(ports, Settings { air: pn532::Air::Modelled, ..Settings::default() }, raw)
            }
        }
    }

    /// Opens the port of the card side as that of a card emulator. Call it within a tokio runtime.
    ///
    /// # Errors
    /// [`BenchError::Link`] if the port can't be opened.
    pub(super) fn open_emulator(&self, ports: &Ports, raw: ByteSink) -> Result<Emulator, BenchError> {
        let air = if matches!(self.card, CardSideConfig::Nrf52840(_)) { Air::Antenna } else { Air::Uart };
        let relay = Relay::open(port(ports, Role::Emulator)?, self.emulator_baud, raw)?;
        Ok(Emulator::new(relay, air))
    }

    fn open_pn532(ports: &Ports, settings: Settings, raw: ByteSink) -> Result<Box<dyn CardSide>, BenchError> {
        Ok(Box::new(Pn532::open(port(ports, Role::Emulator)?, settings, raw)?))
    }

    /// Opens the validator side. Call it within a tokio runtime.
    ///
    /// # Errors
    /// [`BenchError::Link`] if its port can't be opened.
    pub(super) fn open_validator(
        &self,
        ports: &Ports,
        raw: ByteSink,
        noise: Noise,
    ) -> Result<Box<dyn ValidatorSide>, BenchError> {
        match &self.device.interface {
            Interface::Native(native) => {
                let mut console = Console::open(port(ports, Role::Validator)?, self.console_baud, &native.lines, raw)?;
                console.noise_to(noise);
                Ok(Box::new(NativeValidator::new(console, native, &self.device)))
            }
            Interface::Rules(rules) => {
                let endpoint = port(ports, Role::Validator)?;
                let mut side =
                    RulesValidator::open(endpoint, self.console_baud, rules, &self.device, self.told.clone(), raw)?;
                side.noise_to(noise);
                Ok(Box::new(side))
            }
            Interface::Adapter(program) => {
                let mut side = AdapterValidator::start(self.adapter(program, ports.get(&Role::Validator)), raw)?;
                side.noise_to(noise);
                Ok(Box::new(side))
            }
            Interface::Operator(operator) => {
                Ok(Box::new(OperatorValidator::new(operator.clone(), &self.device, self.desk.clone())))
            }
        }
    }

    /// What an adapter program needs. `port` is where the validator is attached, if it is.
    #[must_use]
    pub(super) fn adapter(&self, program: &AdapterProgram, port: Option<&Endpoint>) -> adapter::Setup {
        let port = port.and_then(Endpoint::name).map(|name| ("port".to_owned(), name));
        let own = program.parameters.clone().into_iter();
        adapter::Setup {
            program: program.clone(),
            parameters: own.chain(self.parameters.clone()).chain(port).collect(),
            folder: self.folder.clone(),
            words: self.device.words.clone(),
            deadlines: self.device.deadlines,
        }
    }
}

/// What a card side will be able to do. It is needed before anything is opened, to find the cases that need more.
#[must_use]
pub(super) fn capabilities(card: &CardSideConfig) -> CardCapabilities {
    match card {
        // Every kind of board with a UART runs the same firmware and uses the same link.
        CardSideConfig::Emulator(_) => Emulator::can(Air::Uart),
        CardSideConfig::Nrf52840(_) => Emulator::can(Air::Antenna),
        CardSideConfig::VirtualReader(_) => VirtualReader::can(),
        CardSideConfig::Pn532(_) => Pn532::can(pn532::Air::Antenna),
        CardSideConfig::Pn532Model(_) => Pn532::can(pn532::Air::Modelled),
    }
}

fn port(ports: &Ports, role: Role) -> Result<&Endpoint, BenchError> {
    ports.get(&role).ok_or(BenchError::NoBoard(role))
}
