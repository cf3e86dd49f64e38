//! The probe, which probe-rs opens and attaches, and from which it gets an Arm interface.

mod access_port;
mod factory;
mod faults;

pub use factory::{Entry, FACTORY, PRODUCT_ID, QemuLister, QemuProbeFactory, VENDOR_ID};
pub use faults::{FaultHandle, Faults};

use crate::{
    Endpoint, Machine,
    cortex_m::{CoreError, CortexM},
};
use access_port::Registers;
use probe_rs::{
    architecture::arm::{
        ArmCommunicationInterface, ArmDebugInterface, ArmError, DapProbe, sequences::ArmDebugSequence,
    },
    probe::{DebugProbe, DebugProbeError, ProbeError, WireProtocol},
};
use std::sync::Arc;

/// The name that lists show.
const NAME: &str = "QEMU Cortex-M";

/// What a QEMU probe reports through probe-rs. It is a [`DebugProbeError::ProbeSpecific`], so it can be found among the
/// sources of an error.
#[derive(Debug, thiserror::Error)]
pub enum QemuProbeError {
    /// The core behind the gdbstub could not be used.
    #[error("the emulated board failed")]
    Core(#[from] CoreError),
}

impl ProbeError for QemuProbeError {}

impl QemuProbeError {
    fn wrap(error: CoreError) -> DebugProbeError {
        Self::from(error).into()
    }
}

/// A debug probe that is connected to a core in QEMU.
#[derive(Debug)]
pub struct QemuProbe {
    machine: Machine,
    endpoint: Endpoint,
    core: Option<CortexM>,
    registers: Registers,
    faults: FaultHandle,
    speed_khz: u32,
}

impl QemuProbe {
    /// A probe for the machine whose gdbstub has this address. It connects on attach.
    pub fn new(machine: Machine, endpoint: Endpoint) -> Self {
        Self::with_faults(machine, endpoint, FaultHandle::default())
    }

    /// A probe that fails when the handle says so.
    pub fn with_faults(machine: Machine, endpoint: Endpoint, faults: FaultHandle) -> Self {
        Self { machine, endpoint, core: None, registers: Registers::default(), faults, speed_khz: 4000 }
    }

    fn detach_core(&mut self) -> Result<(), DebugProbeError> {
        match self.core.take() {
            Some(mut core) => core.detach().map_err(QemuProbeError::wrap),
            None => Ok(()),
        }
    }
}

impl Drop for QemuProbe {
    fn drop(&mut self) {
        if let Err(error) = self.detach_core() {
            tracing::warn!(%error, endpoint = %self.endpoint, "releasing an emulated board failed");
        }
    }
}

impl DapProbe for QemuProbe {}

impl DebugProbe for QemuProbe {
    fn get_name(&self) -> &str {
        NAME
    }

    fn speed_khz(&self) -> u32 {
        self.speed_khz
    }

    fn set_speed(&mut self, speed_khz: u32) -> Result<u32, DebugProbeError> {
        self.speed_khz = speed_khz;
        Ok(speed_khz)
    }

    fn attach(&mut self) -> Result<(), DebugProbeError> {
        if self.core.is_none() {
            let core = CortexM::connect(self.machine, &self.endpoint).map_err(QemuProbeError::wrap)?;
            self.core = Some(core);
        }
        Ok(())
    }

    fn detach(&mut self) -> Result<(), probe_rs::Error> {
        Ok(self.detach_core()?)
    }

    fn target_reset(&mut self) -> Result<(), DebugProbeError> {
        self.target_reset_assert()?;
        self.target_reset_deassert()
    }

    fn target_reset_assert(&mut self) -> Result<(), DebugProbeError> {
        self.attach()?;
        self.core.as_mut().map_or(Ok(()), CortexM::hold_reset).map_err(QemuProbeError::wrap)
    }

    fn target_reset_deassert(&mut self) -> Result<(), DebugProbeError> {
        self.core.as_mut().map_or(Ok(()), CortexM::release_reset).map_err(QemuProbeError::wrap)
    }

    fn select_protocol(&mut self, protocol: WireProtocol) -> Result<(), DebugProbeError> {
        match protocol {
            WireProtocol::Swd => Ok(()),
            other => Err(DebugProbeError::UnsupportedProtocol(other)),
        }
    }

    fn active_protocol(&self) -> Option<WireProtocol> {
        Some(WireProtocol::Swd)
    }

    fn has_arm_interface(&self) -> bool {
        true
    }

    fn try_get_arm_debug_interface<'probe>(
        self: Box<Self>,
        sequence: Arc<dyn ArmDebugSequence>,
    ) -> Result<Box<dyn ArmDebugInterface + 'probe>, (Box<dyn DebugProbe>, ArmError)> {
        Ok(ArmCommunicationInterface::create(self, sequence, false))
    }

    fn into_probe(self: Box<Self>) -> Box<dyn DebugProbe> {
        self
    }

    fn try_as_dap_probe(&mut self) -> Option<&mut dyn DapProbe> {
        Some(self)
    }
}
