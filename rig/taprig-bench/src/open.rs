//! Opens a bench: from a bench file to two boards that are ready.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use taprig_model::bench::{self, Board as BoardFile, BoardKind, Power};
use taprig_model::device::Device;
use taprig_model::event::{Body, FirmwareImage, Role, Source, TimeBasis};

use super::board::Board;
use super::qemu::QemuBoard;
use super::real::{Program, RealBoard};
use super::sim::SimBoard;
use super::slot::Slot;
use super::{Bench, BenchError};
use crate::card_side::CardCapabilities;
use crate::card_side::emulator::Emulator;
use crate::flash::{Image, Target};
use crate::validator_side::Told;
use taprig_record::Recorder;

/// Speed of an emulator's link if the bench file gives none.
const EMULATOR_BAUD: u32 = 115_200;

/// Everything that is needed to open a bench.
#[derive(Debug, Clone)]
pub struct Config {
    /// Name of the bench file.
    pub name: String,
    /// The bench file.
    pub bench: bench::Bench,
    /// The device file that it names.
    pub device: Device,
    /// Images by role. They were read and checked before any bench is opened. Boards that the rig does not program have
    /// none.
    pub images: BTreeMap<Role, Image>,
    /// Programs that a bench starts.
    pub programs: Programs,
    /// Whether all boards are flashed when the bench is opened, whatever they contain.
    pub flash_anyway: bool,
}

/// Programs that a bench starts.
#[derive(Debug, Clone)]
pub struct Programs {
    /// The program `taprig`. Its subcommand `board` is the hosted firmware.
    pub taprig: PathBuf,
    /// `qemu-system-arm`.
    pub qemu: PathBuf,
    /// The flash algorithm of emulated boards, an ELF file.
    pub flash_algorithm: PathBuf,
}

impl Config {
    /// The image for a role.
    #[must_use]
    pub fn image(&self, role: Role) -> Option<&Image> {
        self.images.get(&role)
    }

    /// What the card side of this bench will be able to do. It is needed before a board is touched, to find the cases
    /// that need more.
    #[must_use]
    pub fn card_side(&self) -> CardCapabilities {
        // Every kind of board runs the same firmware and uses the same link.
        Emulator::can()
    }

    /// Where the times of this bench come from.
    #[must_use]
    pub fn time(&self) -> TimeBasis {
        if self.bench.is_modelled() { TimeBasis::Modelled } else { TimeBasis::Measured }
    }
}

impl Bench {
    /// Takes a slot, powers both boards on, flashes those that contain another image, and waits until both are ready.
    ///
    /// # Errors
    /// [`BenchError`] that names what failed.
    pub async fn open(config: &Config, recorder: &Recorder) -> Result<Self, BenchError> {
        let slot = Slot::take(&config.name)?;
        let scope = recorder.scope().bench(&format!("{}-{}", config.name, slot.number()));
        let validator = board(config, Role::Validator, &slot)?;
        let emulator = board(config, Role::Emulator, &slot)?;
        scope.emit(
            Source::Rig,
            Body::BenchOpened {
                boards: [(Role::Validator, validator.kind()), (Role::Emulator, emulator.kind())].into(),
                serial_number: config.bench.serial_number.clone(),
                time: config.time(),
            },
        );
        let mut bench = Self {
            bench_name: config.name.clone(),
            device: config.device.clone(),
            validator,
            emulator,
            console_baud: serial(&config.bench.validator)
                .and_then(|port| port.baud)
                .unwrap_or(config.device.console.baud),
            emulator_baud: serial(&config.bench.emulator).and_then(|port| port.baud).unwrap_or(EMULATOR_BAUD),
            modelled: config.bench.is_modelled(),
            links: None,
            told: Told::default(),
            on: false,
            fresh: false,
            lost: 0,
            unswitched: false,
            cycles: 0,
            air: None,
            in_place: matches!(config.bench.power, Power::None | Power::Cut),
            next: None,
            scope,
            slot,
        };
        for role in [Role::Validator, Role::Emulator] {
            if let Some(image) = bench.board(role).image() {
                let body = Body::Firmware(FirmwareImage {
                    role,
                    path: image.path().display().to_string(),
                    digest: image.digest_hex(),
                    bytes: image.bytes(),
                });
                bench.scope.emit(Source::Rig, body);
            }
        }
        bench.establish(config.flash_anyway).await?;
        bench.fresh = true;
        Ok(bench)
    }
}

fn serial(board: &BoardFile) -> Option<&bench::SerialPort> {
    match board {
        BoardFile::Probe(probe) => Some(&probe.serial),
        BoardFile::Attached(attached) => Some(&attached.serial),
        BoardFile::Sim(_) | BoardFile::Qemu(_) => None,
    }
}

fn board(config: &Config, role: Role, slot: &Slot) -> Result<Box<dyn Board>, BenchError> {
    let state = slot.state().join(role.to_string());
    let file = match role {
        Role::Validator => &config.bench.validator,
        Role::Emulator => &config.bench.emulator,
    };
    let power = match (&config.bench.power, role) {
        (Power::Command(command), Role::Validator) => Some(command.clone()),
        _ => None,
    };
    Ok(match file {
        BoardFile::Sim(sim) => {
            let program = sim.program.clone().unwrap_or_else(|| config.programs.taprig.clone());
            Box::new(SimBoard::new(role, program, state, sim.memory))
        }
        BoardFile::Qemu(qemu) => {
            let Some(image) = config.image(role) else {
                return Err(BenchError::NotProgrammable(BoardKind::Qemu));
            };
            Box::new(QemuBoard::new(role, &qemu.machine, image.clone(), &config.programs, state, runtime(slot, role))?)
        }
        BoardFile::Probe(probe) => {
            let program = config.image(role).map(|image| Program {
                target: Target::Real { chip: probe.chip.clone(), probe: probe.probe.clone() },
                image: image.clone(),
            });
            Box::new(RealBoard::new(role, probe.serial.clone(), power, program))
        }
        BoardFile::Attached(attached) => Box::new(RealBoard::new(role, attached.serial.clone(), power, None)),
    })
}

fn runtime(slot: &Slot, role: Role) -> PathBuf {
    let short: &Path = Path::new(match role {
        Role::Validator => "v",
        Role::Emulator => "e",
    });
    slot.runtime().join(short)
}
