//! Real boards. The rig programs them through a debug probe, or they are already programmed. It talks to them over
//! serial ports or a network.

use std::ops::Range;

use taprig_model::bench::{Attached, BoardKind};
use taprig_model::event::{PowerSwitch, Role};
use taprig_model::units::Hex;

use super::air::Air;
use super::board::{BenchBoard, Prepared};
use super::switch::{Switch, Turn};
use super::{BenchError, port};
use crate::flash::{self, FlashJob, FlashReport, Image, Progress, Target};
use crate::link::endpoint::Endpoint;
use taprig_record::units::lower_hex;

/// A board that continues to exist after the run.
#[derive(Debug)]
pub(super) struct RealBoard {
    role: Role,
    reached: Attached,
    power: Option<Switch>,
    program: Option<Program>,
}

/// How a real board is programmed.
#[derive(Debug)]
pub(super) struct Program {
    /// The chip and the probe.
    pub target: Target,
    /// The image that the board is to run.
    pub image: Image,
    /// The serial number of the chip, if the bench file gives it.
    pub chip_serial: Option<Hex>,
}

impl RealBoard {
    /// A board that is reached like this. Without `program`, its firmware stays as it is.
    #[must_use]
    pub(super) fn new(role: Role, reached: Attached, power: Option<Switch>, program: Option<Program>) -> Self {
        Self { role, reached, power, program }
    }
}

impl BenchBoard for RealBoard {
    fn kind(&self) -> BoardKind {
        if self.program.is_some() { BoardKind::Probe } else { BoardKind::Attached }
    }

    fn power_on(&mut self, _air: &Air, _prepared: Option<Prepared>) -> Result<Endpoint, BenchError> {
        match &self.reached {
            Attached::Serial(port) => port::find(self.role, port).map(Endpoint::Serial),
            Attached::Tcp(address) => Ok(Endpoint::Tcp(address.clone())),
        }
    }

    fn go(&mut self) -> Result<(), BenchError> {
        match &self.power {
            Some(_) => Ok(()),
            // Without a power switch, a reset takes the place of a power cycle.
            None => self.reset().map(drop),
        }
    }

    fn reset(&mut self) -> Result<bool, BenchError> {
        let Some(program) = &self.program else { return Ok(false) };
        flash::reset(&program.target).map_err(|source| BenchError::Flash { role: self.role, source })?;
        Ok(true)
    }

    fn switch(&self, on: bool) -> Option<Turn> {
        self.power.as_ref().map(|power| power.turn(on))
    }

    fn restarts(&self) -> bool {
        self.power.is_some() || self.program.is_some()
    }

    /// The power switch controls its power.
    fn power_off(&mut self) {}

    fn switched(&self) -> PowerSwitch {
        self.power.as_ref().map_or(PowerSwitch::Reset, Switch::kind)
    }

    fn image(&self) -> Option<&Image> {
        self.program.as_ref().map(|program| &program.image)
    }

    fn flash_digest(&mut self) -> Result<Option<String>, BenchError> {
        let Some(Program { target, image, .. }) = &self.program else { return Ok(None) };
        let read = flash::digest(target, image).map_err(|source| BenchError::Flash { role: self.role, source })?;
        Ok(Some(lower_hex(&read)))
    }

    fn check_chip(&mut self) -> Result<(), BenchError> {
        let Some(Program { target, chip_serial: Some(wanted), .. }) = &self.program else { return Ok(()) };
        let failed = |source| BenchError::Flash { role: self.role, source };
        match flash::chip_serial(target).map_err(failed)? {
            Some(seen) if seen != *wanted => {
                let (role, wanted) = (self.role, wanted.to_string());
                Err(BenchError::WrongChip { role, seen: seen.to_string(), wanted })
            }
            _ => Ok(()),
        }
    }

    fn flash_contains(&mut self, parts: &[Range<u64>], texts: &[&str]) -> Result<Vec<bool>, BenchError> {
        let Some(Program { target, .. }) = &self.program else { return Ok(vec![]) };
        let failed = |source| BenchError::Flash { role: self.role, source };
        flash::contains(target, parts, texts).map_err(failed)
    }

    fn flash(&mut self, progress: &mut dyn FnMut(Progress)) -> Result<FlashReport, BenchError> {
        let Some(program) = &self.program else { return Err(BenchError::NotProgrammable(self.kind())) };
        flash::flash(&FlashJob { target: program.target.clone(), image: program.image.clone() }, progress)
            .map_err(|source| BenchError::Flash { role: self.role, source })
    }
}
