//! From a target to a session of probe-rs.

use super::{Cause, FlashError, FlashStage, Image, Target};
use probe_rs::{
    Permissions, Session,
    config::{Registry, Target as Chip},
    probe::{DebugProbeInfo, DebugProbeSelector, Probe, list::Lister},
};
use probe_rs_qemu::{QemuProbe, chip, probe::FaultHandle};
use std::fs;

/// A chip that probe-rs knows, and how to reach it.
pub(super) struct Connection<'a> {
    target: &'a Target,
    registry: Registry,
    chip: Chip,
    /// The board, for messages.
    pub(super) name: String,
}

impl<'a> Connection<'a> {
    /// Looks the chip up, without touching any hardware.
    pub(super) fn new(target: &'a Target) -> Result<Self, FlashError> {
        let name = target.to_string();
        let (registry, chip) = match target {
            Target::Emulated { machine, algorithm, .. } => {
                let elf = fs::read(algorithm).map_err(|source| {
                    FlashError::with(FlashStage::Check, &name, Cause::AlgorithmUnreadable(algorithm.clone()), source)
                })?;
                let family = chip::family(*machine, &elf).map_err(|source| {
                    FlashError::with(FlashStage::Check, &name, Cause::AlgorithmBroken(algorithm.clone()), source)
                })?;
                let mut registry = Registry::new();
                registry
                    .add_target_family(family)
                    .map_err(|error| FlashError::probe(FlashStage::Check, &name, error))?;
                (registry, machine.chip())
            }
            Target::Real { chip, .. } => (Registry::from_builtin_families(), chip.as_str()),
        };
        let chip =
            registry.get_target_by_name(chip).map_err(|error| FlashError::probe(FlashStage::Check, &name, error))?;
        Ok(Self { target, registry, chip, name })
    }

    /// Refuses an image for another chip.
    pub(super) fn check(&self, image: &Image) -> Result<(), FlashError> {
        let regions = self.chip.memory_map.iter().filter_map(|region| region.as_nvm_region());
        let flash: Vec<_> = regions.filter(|region| !region.is_alias).map(|region| region.range.clone()).collect();
        image
            .check_fits(&self.chip.name, &flash)
            .map_err(|error| FlashError::new(FlashStage::Check, &self.name, Cause::Image(error.into())))
    }

    /// Opens the probe and attaches to the chip.
    pub(super) fn attach(&self, faults: &FaultHandle) -> Result<Session, FlashError> {
        let probe = match self.target {
            Target::Emulated { machine, gdb, .. } => {
                Probe::new(QemuProbe::with_faults(*machine, gdb.clone(), faults.clone()))
            }
            Target::Real { probe, .. } => self.open(probe.as_deref())?,
        };
        // The permission to erase everything is not given. A locked chip stays as it is, and the error says so.
        probe
            .attach_with_registry(self.chip.name.as_str(), Permissions::default(), &self.registry)
            .map_err(|error| FlashError::probe(FlashStage::Attach, &self.name, error))
    }

    /// Opens the named probe, or the only one if none is named.
    fn open(&self, selector: Option<&str>) -> Result<Probe, FlashError> {
        let failed = |cause| FlashError::new(FlashStage::Open, &self.name, cause);
        let lister = Lister::new();
        let wanted = selector
            .map(|text| {
                text.parse::<DebugProbeSelector>()
                    .map_err(|error| FlashError::with(FlashStage::Open, &self.name, Cause::BadSelector, error))
            })
            .transpose()?;
        let all = lister.list_all();
        let connected = || match all.as_slice() {
            [] => "none".to_owned(),
            some => some.iter().map(describe).collect::<Vec<_>>().join(", "),
        };
        let mut fitting = all.iter().filter(|info| wanted.as_ref().is_none_or(|wanted| wanted.matches_probe(info)));
        let probe = match (fitting.next(), fitting.next()) {
            (None, _) => return Err(failed(Cause::NoProbe { connected: connected() })),
            (Some(_), Some(_)) => return Err(failed(Cause::WhichProbe { connected: connected() })),
            (Some(probe), None) => probe,
        };
        probe.open().map_err(|error| FlashError::probe(FlashStage::Open, &self.name, error))
    }
}

fn describe(info: &DebugProbeInfo) -> String {
    let serial = info.serial_number.as_ref().map_or_else(String::new, |serial| format!(":{serial}"));
    format!("{} {:04x}:{:04x}{serial}", info.identifier, info.vendor_id, info.product_id)
}
