//! An emulated board: QEMU runs the real image on a Cortex-M.

use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::sync::mpsc;
use std::time::Duration;

use probe_rs_qemu::Machine;
use probe_rs_qemu::board::{AirEnd, BoardError, BoardSpec, Dark, EmulatedBoard, Ends, Standby};
use taprig_model::bench::BoardKind;
use taprig_model::event::{PowerSwitch, Role};

use super::air::{Air, Uplink};
use super::board::{BenchBoard, Preparation, Prepared};
use super::error::with_causes;
use super::{BenchError, Programs};
use crate::flash::{self, FlashJob, FlashReport, Image, Progress, Target};
use crate::link::endpoint::Endpoint;
use taprig_record::units::lower_hex;

/// An emulated board.
#[derive(Debug)]
pub(super) struct QemuBoard {
    role: Role,
    machine: Machine,
    image: Image,
    programs: Programs,
    state: PathBuf,
    runtime: PathBuf,
    /// The process exists and waits until its port is opened.
    standing: Option<Box<Standby>>,
    running: Option<EmulatedBoard>,
    /// The board has no power, but its process is kept.
    dark: Option<Dark>,
    switched: PowerSwitch,
}

impl QemuBoard {
    /// A board that keeps its flash and memory in `state`.
    ///
    /// # Errors
    /// [`BenchError::Start`] if there is no such machine.
    pub(super) fn new(
        role: Role,
        machine: &str,
        image: Image,
        programs: &Programs,
        state: PathBuf,
        runtime: PathBuf,
    ) -> Result<Self, BenchError> {
        let machine = machine.parse().map_err(|error| BenchError::Start {
            role,
            kind: BoardKind::Qemu,
            what: format!("{error}"),
            advice: None,
        })?;
        Ok(Self {
            role,
            machine,
            image,
            programs: programs.clone(),
            state,
            runtime,
            standing: None,
            running: None,
            dark: None,
            switched: PowerSwitch::Process,
        })
    }

    fn spec(&self) -> BoardSpec {
        let mut spec = BoardSpec::new(self.machine, &self.state, &self.runtime);
        spec.qemu = self.programs.qemu.clone();
        spec
    }

    fn target(&self, board: &EmulatedBoard) -> Target {
        Target::Emulated {
            machine: self.machine,
            gdb: board.gdb().clone(),
            algorithm: self.programs.flash_algorithm.clone(),
        }
    }

    fn ends(&self, air: &Air) -> Result<Ends, BenchError> {
        let uplink = match (&air.uplink, self.role) {
            (Some(Uplink::Wire(wire)), Role::Validator) => wire.reader().map_err(failed(self.role))?,
            _ => AirEnd::None,
        };
        Ok(Ends { air: self.air(air)?, uplink })
    }

    fn air(&self, air: &Air) -> Result<AirEnd, BenchError> {
        match (&air.wire, self.role) {
            (Some(wire), Role::Emulator) => wire.card().map_err(failed(self.role)),
            (Some(wire), Role::Validator) => wire.reader().map_err(failed(self.role)),
            (None, Role::Emulator) => {
                let failed = |source| BenchError::State { path: air.path.clone(), source };
                UnixListener::bind(&air.path).map(AirEnd::Listen).map_err(failed)
            }
            (None, Role::Validator) => Ok(AirEnd::Connect(air.path.clone())),
        }
    }
}

fn failed(role: Role) -> impl Fn(BoardError) -> BenchError {
    move |error| BenchError::Start { role, kind: BoardKind::Qemu, what: with_causes(&error), advice: error.advice() }
}

impl BenchBoard for QemuBoard {
    fn kind(&self) -> BoardKind {
        BoardKind::Qemu
    }

    fn preparation(&self, air: &Air) -> Result<Option<Preparation>, BenchError> {
        let (spec, ends, role) = (self.spec(), self.ends(air)?, self.role);
        Ok(Some(Box::new(move || {
            Ok(Prepared::Qemu(Box::new(EmulatedBoard::prepare_with(&spec, ends).map_err(failed(role))?)))
        })))
    }

    fn power_on(&mut self, air: &Air, prepared: Option<Prepared>) -> Result<Endpoint, BenchError> {
        self.power_off();
        let standby = match prepared {
            Some(Prepared::Qemu(standby)) => standby,
            None => Box::new(EmulatedBoard::prepare_with(&self.spec(), self.ends(air)?).map_err(failed(self.role))?),
        };
        let serial = standby.serial().to_owned();
        self.standing = Some(standby);
        self.switched = PowerSwitch::Process;
        Ok(serial.into())
    }

    fn power_on_again(&mut self) -> Option<Endpoint> {
        // A process that can't go on is replaced, like one that has ended.
        let standby = Box::new(self.dark.take()?.standby().ok()?);
        let serial = standby.serial().to_owned();
        self.standing = Some(standby);
        self.switched = PowerSwitch::Cut;
        Some(serial.into())
    }

    fn go(&mut self) -> Result<(), BenchError> {
        if let Some(standby) = self.standing.take() {
            self.running = Some(standby.start().map_err(failed(self.role))?);
        }
        Ok(())
    }

    fn power_off(&mut self) {
        self.standing = None;
        self.dark = None;
        // Dropping the board cuts its power.
        self.running = None;
        self.switched = PowerSwitch::Process;
    }

    fn switched(&self) -> PowerSwitch {
        self.switched
    }

    fn can_be_cut(&self) -> bool {
        self.running.as_ref().is_some_and(EmulatedBoard::can_be_cut)
    }

    fn cut(&mut self) {
        let dark = self.running.take().and_then(|board| board.cut().ok());
        self.power_off();
        if dark.is_some() {
            self.switched = PowerSwitch::Cut;
        }
        self.dark = dark;
    }

    fn ended(&mut self, within: Duration) -> Option<String> {
        let (tell, told) = mpsc::channel();
        self.running.as_ref()?.on_exit(move |exit| drop(tell.send(exit.clone())));
        let exit = told.recv_timeout(within).ok()?;
        let words = exit.stderr.trim();
        let words = if words.is_empty() { String::new() } else { format!(": {words}") };
        Some(format!("its QEMU process ended with {}{words}", exit.status))
    }

    fn image(&self) -> Option<&Image> {
        Some(&self.image)
    }

    fn flash_digest(&mut self) -> Result<Option<String>, BenchError> {
        let Some(board) = &self.running else { return Ok(None) };
        let target = self.target(board);
        let read =
            flash::digest(&target, &self.image).map_err(|source| BenchError::Flash { role: self.role, source })?;
        Ok(Some(lower_hex(&read)))
    }

    fn is_blank(&self) -> bool {
        !self.spec().flash_file().exists()
    }

    fn flash(&mut self, progress: &mut dyn FnMut(Progress)) -> Result<FlashReport, BenchError> {
        self.power_off();
        let role = self.role;
        let board = EmulatedBoard::prepare_blank(&self.spec()).and_then(Standby::start).map_err(failed(role))?;
        let job = FlashJob { target: self.target(&board), image: self.image.clone() };
        let report = flash::flash(&job, progress).map_err(|source| BenchError::Flash { role, source })?;
        board.save_flash(self.image.extent()).map_err(failed(role))?;
        Ok(report)
    }
}
