//! Shows emulated boards in the probe lists of probe-rs.

use super::{FaultHandle, NAME, QemuProbe};
use crate::{Endpoint, Machine};
use probe_rs::probe::{
    DebugProbe, DebugProbeError, DebugProbeInfo, DebugProbeSelector, Probe, ProbeCreationError, ProbeFactory,
    list::{ProbeListItem, ProbeLister},
};
use std::{
    fmt,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// Vendor id of pid.codes, which is for open hardware.
pub const VENDOR_ID: u16 = 0x1209;
/// Product id that pid.codes reserves for tests.
pub const PRODUCT_ID: u16 = 0x0001;

/// The factory. probe-rs knows it after `probe_rs::plugin::register_plugin`, and [`QemuLister`] asks it as well. There
/// is one in each process, because probe-rs keeps references to factories for ever.
pub static FACTORY: QemuProbeFactory = QemuProbeFactory { entries: Mutex::new(Vec::new()) };

/// An emulated board in the list.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Serial number, the third part of a selector `1209:0001:serial`. A new entry replaces one with the same number.
    pub serial: String,
    /// The machine.
    pub machine: Machine,
    /// The address of its gdbstub.
    pub endpoint: Endpoint,
    /// The faults of the board.
    pub faults: FaultHandle,
}

/// Makes probes for the boards that were added.
#[derive(Debug, Default)]
pub struct QemuProbeFactory {
    entries: Mutex<Vec<Entry>>,
}

impl QemuProbeFactory {
    /// Adds a board, or replaces the one with the same serial number.
    pub fn add(&self, entry: Entry) {
        let mut entries = self.entries();
        entries.retain(|known| known.serial != entry.serial);
        entries.push(entry);
    }

    /// Removes a board from the list.
    pub fn remove(&self, serial: &str) {
        self.entries().retain(|entry| entry.serial != serial);
    }

    fn entries(&self) -> MutexGuard<'_, Vec<Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Display for QemuProbeFactory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("QEMU")
    }
}

impl ProbeFactory for QemuProbeFactory {
    fn open(&self, selector: &DebugProbeSelector) -> Result<Box<dyn DebugProbe>, DebugProbeError> {
        let ours = (selector.vendor_id, selector.product_id) == (VENDOR_ID, PRODUCT_ID);
        let wanted = |entry: &&Entry| ours && selector.serial_number.as_ref().is_none_or(|s| *s == entry.serial);
        let entries = self.entries();
        let entry = entries.iter().find(wanted).ok_or(ProbeCreationError::NotFound)?;
        Ok(Box::new(QemuProbe::with_faults(entry.machine, entry.endpoint.clone(), entry.faults.clone())))
    }

    fn list_probes(&self) -> Vec<ProbeListItem> {
        let info = |entry: &Entry| {
            let serial = Some(entry.serial.clone());
            DebugProbeInfo::new(NAME, VENDOR_ID, PRODUCT_ID, serial, &FACTORY, None, false)
        };
        self.entries().iter().map(info).map(ProbeListItem::accessible).collect()
    }
}

/// Lists only emulated boards, so that no USB device is touched. It is for `Lister::with_lister`.
#[derive(Debug, Clone, Copy, Default)]
pub struct QemuLister;

impl ProbeLister for QemuLister {
    fn open(&self, selector: &DebugProbeSelector) -> Result<Probe, DebugProbeError> {
        FACTORY.open(selector).map(Probe::from_specific_probe)
    }

    fn list_with_access(&self, selector: Option<&DebugProbeSelector>) -> Vec<ProbeListItem> {
        FACTORY.list_probes_filtered(selector)
    }
}
