//! Opens a bench: from a bench file to boards that are ready.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use taprig_model::adapter::Greeting;
use taprig_model::bench::{self, Attached, BoardConfig, BoardKind, CardSideConfig, HostedPower};
use taprig_model::capability::BenchCapabilities;
use taprig_model::device::Device;
use taprig_model::event::{Body, FirmwareImage, Role, Source, TimeBasis};
use taprig_model::situation::Situation;

use super::acquirer::Acquirer;
use super::board::BenchBoard;
use super::boards::{Boards, Ports};
use super::identity::Flashing;
use super::place::Place;
use super::program::ProgramBoard;
use super::programs::Programs;
use super::qemu::QemuBoard;
use super::real::{Program, RealBoard};
use super::sides::{self, Sides};
use super::sim::SimBoard;
use super::slot::{SLOTS, Slot};
use super::switch::Switch;
use super::unplugged::Plugs;
use super::{Bench, BenchError, wedged};
use crate::card_side::CardCapabilities;
use crate::flash::{Image, Target};
use crate::link::LinkError;
use crate::validator_side::operator::Desk;
use crate::validator_side::{LastSituation, adapter};
use taprig_record::Recorder;

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
    /// How long to wait for a bench that another run uses.
    pub wait: Duration,
    /// Whether all boards are flashed when the bench is opened, whatever they contain.
    pub flash_anyway: bool,
    /// Whether a board is flashed that has the firmware of the other role. Then all boards are flashed.
    pub reassign: bool,
    /// Where the person at the bench is asked. `None` if nobody is there.
    pub desk: Option<Arc<dyn Desk>>,
    /// The state that a device without any interface is in for good, if its file names one.
    pub configured: Option<Situation>,
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
        sides::capabilities(&self.bench.card)
    }

    /// What this bench will be able to do, with its acquirer.
    #[must_use]
    pub fn capabilities(&self) -> BenchCapabilities {
        BenchCapabilities { card_side: self.card_side().can, acquirer: self.bench.acquirer.is_some() }
    }

    /// Starts the adapter program of the device, asks for its capabilities and ends it again. Nothing else is touched.
    /// `None` if the device has no adapter program.
    ///
    /// # Errors
    /// [`LinkError`] that says what is wrong with the program.
    pub fn greet_adapter(&self) -> Result<Option<Greeting>, LinkError> {
        let Some(program) = self.device.interface.adapter() else { return Ok(None) };
        let setup = Sides::new(self).adapter(program, None);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| LinkError::Adapter {
            program: program.command.join(" "),
            what: format!("can't be started: {error}"),
        })?;
        runtime.block_on(adapter::greet(&setup)).map(Some)
    }

    /// Where the times of this bench come from.
    #[must_use]
    pub fn time(&self) -> TimeBasis {
        if self.bench.is_modelled() { TimeBasis::Modelled } else { TimeBasis::Measured }
    }
}

/// What keeps a bench from other runs.
pub(super) struct Taken {
    slot: Slot,
    place: Option<Place>,
}

impl Bench {
    /// Takes a slot, powers all boards on, flashes those that contain another image, and waits until all are ready.
    ///
    /// # Errors
    /// [`BenchError`] that names what failed. [`BenchError::Wedged`], before anything is touched, if the bench has a mark.
    pub async fn open(config: &Config, recorder: &Recorder) -> Result<Self, BenchError> {
        wedged::refuse(&config.name)?;
        let taken = Self::take(config).await?;
        // Another run may have marked it while this one waited.
        wedged::refuse(&config.name)?;
        let mut bench = Self::with(config, recorder, taken)?;
        bench
            .establish(match config {
                Config { reassign: true, .. } => Flashing::Reassign,
                Config { flash_anyway: true, .. } => Flashing::All,
                _ => Flashing::Needed,
            })
            .await?;
        bench.fresh = true;
        Ok(bench)
    }

    /// Takes a slot of the bench, and its place if a coordinator hands it out. They are free or become free in time.
    pub(super) async fn take(config: &Config) -> Result<Taken, BenchError> {
        let slots = if config.bench.is_shared() { SLOTS } else { 1 };
        let slot = Slot::take(&config.name, slots, config.wait).await?;
        let place = match &config.bench.labgrid {
            Some(labgrid) => Some(Place::acquire(labgrid, slot.state(), &config.programs.folder, config.wait).await?),
            None => None,
        };
        Ok(Taken { slot, place })
    }

    /// The bench with its boards, which have no power yet.
    pub(super) fn with(config: &Config, recorder: &Recorder, Taken { slot, place }: Taken) -> Result<Self, BenchError> {
        let scope = recorder.scope().bench(&format!("{}-{}", config.name, slot.number()));
        let boards = config.bench.boards().into_iter();
        let boards = boards.map(|(role, file)| Ok((role, board(config, role, file, &slot)?)));
        let boards = boards.collect::<Result<Vec<_>, BenchError>>()?;
        let boards = Boards::new(chip(config, &slot).into_iter().chain(boards).collect());
        scope.emit(
            Source::Rig,
            Body::BenchOpened {
                boards: boards.kinds(),
                card_side: Some(config.bench.card.kind()),
                serial_number: config.bench.serial_number.clone(),
                time: config.time(),
            },
        );
        let acquirer = config.bench.acquirer.as_ref();
        let acquirer = acquirer.map(|acquirer| Acquirer::open(acquirer, slot.runtime())).transpose()?;
        let bench = Self {
            bench_name: config.name.clone(),
            sides: Sides::new(config),
            external: config.bench.validator.external().and_then(|_| switch(config, Role::Validator)),
            boards,
            modelled: config.bench.is_modelled(),
            links: None,
            ports: Ports::new(),
            plugs: Plugs::of(&config.bench),
            unplugged: None,
            last: LastSituation::default(),
            on: false,
            fresh: false,
            lost: 0,
            cycle_failed: false,
            flashed: vec![],
            unswitched: false,
            acquirer,
            cycles: 0,
            air: None,
            in_place: config.bench.power.hosted == HostedPower::Cut,
            next: None,
            scope,
            flash: config.bench.flash.clone(),
            place,
            slot,
        };
        for (role, board) in bench.boards.iter() {
            if let Some(image) = board.image() {
                let body = Body::Firmware(FirmwareImage {
                    role,
                    path: image.path().display().to_string(),
                    digest: image.digest_hex(),
                    bytes: image.bytes(),
                });
                bench.scope.emit(Source::Rig, body);
            }
        }
        Ok(bench)
    }
}

fn board(config: &Config, role: Role, file: &BoardConfig, slot: &Slot) -> Result<Box<dyn BenchBoard>, BenchError> {
    let state = slot.state().join(role.to_string());
    let power = switch(config, role);
    Ok(match file {
        BoardConfig::Sim(sim) => {
            let program = sim.program.clone().unwrap_or_else(|| config.programs.hosted.clone());
            Box::new(SimBoard::new(role, program, state, sim.memory))
        }
        BoardConfig::Qemu(qemu) => {
            let Some(image) = config.image(role) else {
                return Err(BenchError::NotProgrammable(BoardKind::Qemu));
            };
            Box::new(QemuBoard::new(role, &qemu.machine, image.clone(), &config.programs, state, runtime(slot, role))?)
        }
        BoardConfig::Probe(probe) => {
            let program = config.image(role).map(|image| Program {
                target: Target::Real { chip: probe.chip.clone(), probe: probe.probe.clone() },
                image: image.clone(),
                chip_serial: probe.chip_serial.clone(),
            });
            Box::new(RealBoard::new(role, Attached::Serial(probe.serial.clone()), power, program))
        }
        BoardConfig::Attached(attached) => Box::new(RealBoard::new(role, attached.clone(), power, None)),
        BoardConfig::Program(program) => {
            Box::new(ProgramBoard::new(role, program.command.clone(), &config.programs, state))
        }
        // A bench file with an external device has no board in its place.
        BoardConfig::External(_) => return Err(BenchError::NoBoard(role)),
    })
}

/// What is in the place of a card emulator's board if the card side is a chip with firmware of its own.
fn chip(config: &Config, slot: &Slot) -> Option<(Role, Box<dyn BenchBoard>)> {
    let role = Role::Emulator;
    let board: Box<dyn BenchBoard> = match &config.bench.card {
        CardSideConfig::Pn532(module) => {
            let power = switch(config, role);
            Box::new(RealBoard::new(role, Attached::Serial(module.serial.clone()), power, None))
        }
        CardSideConfig::Pn532Model(_) => {
            let state = slot.state().join(role.to_string());
            Box::new(SimBoard::pn532_model(config.programs.taprig.clone(), state))
        }
        CardSideConfig::Emulator(_) | CardSideConfig::Nrf52840(_) | CardSideConfig::VirtualReader(_) => return None,
    };
    Some((role, board))
}

fn runtime(slot: &Slot, role: Role) -> PathBuf {
    let short: &Path = Path::new(match role {
        Role::Validator => "v",
        Role::Emulator => "e",
    });
    slot.runtime().join(short)
}

/// The power switch of a role, if the bench file has one.
fn switch(config: &Config, role: Role) -> Option<Switch> {
    config.bench.power.switches.get(&role).map(|switch| Switch::new(role, switch))
}
