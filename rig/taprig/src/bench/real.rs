//! Real boards: programmed through a debug probe, or already programmed; reached over serial ports.

use std::path::PathBuf;

use taprig_model::bench::{PowerCommand, SerialPort};
use taprig_model::event::{PowerSwitch, Role};

use super::air::Air;
use super::board::{Board, Prepared};
use super::{BenchError, Kind, port};
use crate::flash::{self, FlashJob, FlashReport, Image, Progress, Target};

/// A board that outlives the run.
#[derive(Debug)]
pub(super) struct RealBoard {
    role: Role,
    port: SerialPort,
    power: Option<PowerCommand>,
    program: Option<Program>,
}

/// How a real board is programmed.
#[derive(Debug)]
pub(super) struct Program {
    /// Chip and probe.
    pub target: Target,
    /// What is to run.
    pub image: Image,
}

impl RealBoard {
    /// A board at `port`; without `program` it is taken as it is.
    #[must_use]
    pub(super) fn new(role: Role, port: SerialPort, power: Option<PowerCommand>, program: Option<Program>) -> Self {
        Self { role, port, power, program }
    }

    fn switch(&self, arguments: &[String]) -> Result<(), BenchError> {
        let command = arguments.join(" ");
        let failed = |why: String| BenchError::Power { command: command.clone(), why };
        let Some((program, rest)) = arguments.split_first() else { return Err(failed("it names no program".into())) };
        let output =
            std::process::Command::new(program).args(rest).output().map_err(|error| failed(error.to_string()))?;
        if output.status.success() {
            Ok(())
        } else {
            Err(failed(format!("{}: {}", output.status, String::from_utf8_lossy(&output.stderr).trim())))
        }
    }
}

impl Board for RealBoard {
    fn kind(&self) -> Kind {
        if self.program.is_some() { Kind::Probe } else { Kind::Attached }
    }

    fn power_on(&mut self, _air: &Air, _prepared: Option<Prepared>) -> Result<PathBuf, BenchError> {
        port::find(self.role, &self.port)
    }

    fn go(&mut self) -> Result<(), BenchError> {
        if let Some(power) = &self.power {
            return self.switch(&power.on);
        }
        match &self.program {
            // Without a power switch, a power cycle is a reset.
            Some(program) => {
                flash::reset(&program.target).map(drop).map_err(|source| BenchError::Flash { role: self.role, source })
            }
            None => Ok(()),
        }
    }

    fn restarts(&self) -> bool {
        self.power.is_some() || self.program.is_some()
    }

    fn power_off(&mut self) {
        if let Some(power) = &self.power {
            // When power can't be taken away, the next power-on tells.
            let _ = self.switch(&power.off);
            // Capacitors have to empty: the one wait that nothing can announce.
            std::thread::sleep(power.off_for.into());
        }
    }

    fn switched(&self) -> PowerSwitch {
        if self.power.is_some() { PowerSwitch::Command } else { PowerSwitch::Reset }
    }

    fn image(&self) -> Option<&Image> {
        self.program.as_ref().map(|program| &program.image)
    }

    fn flash(&mut self, progress: &mut dyn FnMut(Progress)) -> Result<FlashReport, BenchError> {
        let Some(program) = &self.program else { return Err(BenchError::NotProgrammable(self.kind())) };
        flash::flash(&FlashJob { target: program.target.clone(), image: program.image.clone() }, progress)
            .map_err(|source| BenchError::Flash { role: self.role, source })
    }
}
