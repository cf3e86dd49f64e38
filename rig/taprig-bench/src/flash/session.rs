//! From a target to a session of probe-rs.

use super::usb::{self, Place};
use super::{Cause, FlashError, FlashStage, Image, Target};
use probe_rs::{
    Permissions, Session,
    config::{Registry, Target as Chip},
    probe::{DebugProbeInfo, DebugProbeSelector, Probe, ftdi::FtdiProbeFactory, list::Lister},
};
use probe_rs_qemu::{QemuProbe, chip, probe::FaultHandle};
use std::{fs, path::Path};
use taprig_model::bench::ProbeName;

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
        image
            .check_fits(&super::Chip::of(&self.chip))
            .map_err(|error| FlashError::new(FlashStage::Check, &self.name, Cause::Image(error.into())))
    }

    /// Opens the probe and attaches to the chip.
    pub(super) fn attach(&self, faults: &FaultHandle) -> Result<Session, FlashError> {
        let chip = self.chip.name.as_str();
        // The permission to erase everything is not given. A locked chip stays as it is, and the error says so.
        let attach = |probe: Probe| probe.attach_with_registry(chip, Permissions::default(), &self.registry);
        let failed = |error| FlashError::probe(FlashStage::Attach, &self.name, error);
        match self.target {
            Target::Emulated { machine, gdb, .. } => {
                attach(Probe::new(QemuProbe::with_faults(*machine, gdb.clone(), faults.clone()))).map_err(failed)
            }
            Target::Real { probe, .. } => {
                let probe = probe.as_ref();
                or_under_reset(
                    || attach(self.open(probe)?).map_err(failed),
                    || {
                        let under_reset = self.open(probe)?.attach_under_reset_with_registry(
                            chip,
                            Permissions::default(),
                            &self.registry,
                        );
                        under_reset.map_err(failed)
                    },
                )
            }
        }
    }

    /// Opens the named probe, or the only one if none is named.
    fn open(&self, selector: Option<&ProbeName>) -> Result<Probe, FlashError> {
        find(selector, &self.name)?.open().map_err(|error| FlashError::probe(FlashStage::Open, &self.name, error))
    }
}

/// A debug probe that is connected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProbeFound {
    /// What it is called, with its numbers.
    pub name: String,
    /// USB vendor id.
    pub vid: u16,
    /// USB product id.
    pub pid: u16,
    /// USB serial number.
    pub serial: Option<String>,
    /// USB port chain that it is plugged into, if its name gives it.
    pub location: Option<String>,
}

/// Looks for the named probe, or for the only one if none is named. Nothing is opened.
///
/// # Errors
/// [`Cause::NoProbe`], [`Cause::WhichProbe`], [`Cause::Twins`].
pub fn find_probe(selector: Option<&ProbeName>) -> Result<ProbeFound, FlashError> {
    let named = selector.map_or_else(|| "the only probe".to_owned(), |name| format!("probe {name}"));
    let probe = find(selector, &named)?;
    let (vid, pid, serial) = (probe.vendor_id, probe.product_id, probe.serial_number.clone());
    let location = selector.and_then(ProbeName::location).map(str::to_owned);
    Ok(ProbeFound { name: describe(&probe), vid, pid, serial, location })
}

/// The named probe, or the only one if none is named. `on` is the board, for messages.
fn find(selector: Option<&ProbeName>, on: &str) -> Result<DebugProbeInfo, FlashError> {
    let mut all = Lister::new().list_all();
    if selector.is_none() {
        all.retain(|info| !is_serial_adapter(info));
    }
    choose(&all, selector, on, Path::new(usb::DEVICES))
}

/// The same among the probes `all`. `devices` is [`usb::DEVICES`].
fn choose(
    all: &[DebugProbeInfo],
    selector: Option<&ProbeName>,
    on: &str,
    devices: &Path,
) -> Result<DebugProbeInfo, FlashError> {
    let failed = |cause| FlashError::new(FlashStage::Open, on, cause);
    let place = usb::place(selector, devices);
    let wanted = selector
        .and_then(ProbeName::ids)
        .map(|text| {
            text.parse::<DebugProbeSelector>()
                .map_err(|error| FlashError::with(FlashStage::Open, on, Cause::BadSelector, error))
        })
        .transpose()?;
    let connected = || match all {
        [] => "none".to_owned(),
        some => some.iter().map(describe).collect::<Vec<_>>().join(", "),
    };
    // Some probes have serial numbers that probe-rs and the kernel write differently. The ids are enough if no other probe
    // has them.
    let is_there = |info: &DebugProbeInfo| match &place {
        Place::Any => true,
        Place::Empty => false,
        Place::Device { ids, .. } if all.iter().filter(|info| ids.is_model_of(info)).count() == 1 => {
            ids.is_model_of(info)
        }
        Place::Device { ids, .. } => ids.is(info),
    };
    let named = |info: &&DebugProbeInfo| wanted.as_ref().is_none_or(|wanted| wanted.matches_probe(info));
    let mut fitting = all.iter().filter(|info| is_there(info)).filter(named);
    let probe = fitting.next().ok_or_else(|| failed(Cause::NoProbe { connected: connected() }))?;
    match (&place, fitting.next()) {
        // probe-rs would open whichever of them it finds first.
        (Place::Device { twins, .. }, _) if !twins.is_empty() => Err(failed(Cause::Twins { at: twins.join(", ") })),
        (_, Some(_)) => Err(failed(Cause::WhichProbe { connected: connected() })),
        (_, None) => Ok(probe.clone()),
    }
}

/// Attaches by `plainly`. If the chip does not answer, because its firmware sleeps without a clock for the debug port or has
/// taken the pins, it is held in reset meanwhile. The first error counts if that fails too: without the reset wire it can't
/// work.
fn or_under_reset<T>(
    plainly: impl FnOnce() -> Result<T, FlashError>,
    under_reset: impl FnOnce() -> Result<T, FlashError>,
) -> Result<T, FlashError> {
    plainly().or_else(|error| match error.cause {
        Cause::NoTarget | Cause::Other(_) => under_reset().map_err(|_| error),
        _ => Err(error),
    })
}

/// An FTDI adapter can be a debug probe, but it is most often a serial adapter, and looks the same. It is used as a probe
/// only where the bench file names it.
fn is_serial_adapter(info: &DebugProbeInfo) -> bool {
    info.is_probe_type::<FtdiProbeFactory>()
}

fn describe(info: &DebugProbeInfo) -> String {
    let serial = info.serial_number.as_ref().map_or_else(String::new, |serial| format!(":{serial}"));
    format!("{} {:04x}:{:04x}{serial}", info.identifier, info.vendor_id, info.product_id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    fn failed<T>(cause: Cause) -> Result<T, FlashError> {
        Err(FlashError::new(FlashStage::Attach, "a chip", cause))
    }

    #[test]
    fn a_chip_that_does_not_answer_is_tried_once_more_under_reset() {
        assert_eq!(or_under_reset(|| failed(Cause::NoTarget), || Ok(1)).unwrap(), 1);
        assert_eq!(or_under_reset(|| Ok(2), || panic!("not needed")).unwrap(), 2);
        let error = or_under_reset(|| failed::<()>(Cause::NoTarget), || failed(Cause::ProbeLost)).unwrap_err();
        assert!(matches!(error.cause, Cause::NoTarget), "the first error tells more: {error}");
    }

    #[test]
    fn a_locked_chip_and_a_missing_probe_are_not_tried_again() {
        for cause in [Cause::Locked, Cause::ProbeBusy, Cause::NoProbe { connected: "none".into() }] {
            let tried = Cell::new(false);
            let again = || {
                tried.set(true);
                Ok(())
            };
            assert!(or_under_reset(|| failed(cause), again).is_err());
            assert!(!tried.get());
        }
    }

    #[test]
    fn a_probe_is_chosen_by_where_it_is_plugged_in() {
        let devices = tempfile::tempdir().unwrap();
        let plug = |location: &str, serial: &str| {
            let folder = devices.path().join(location);
            fs::create_dir_all(&folder).unwrap();
            for (file, text) in [("idVendor", "0483"), ("idProduct", "374b"), ("serial", serial)] {
                fs::write(folder.join(file), text).unwrap();
            }
            let factory = &probe_rs::probe::stlink::StLinkFactory;
            DebugProbeInfo::new("a probe", 0x0483, 0x374b, Some(serial.into()), factory, None, false)
        };
        let mut all = vec![plug("1-1", "A"), plug("1-2.3", "B")];
        let choose = |all: &[DebugProbeInfo], name: &str| {
            choose(all, Some(&name.parse().unwrap()), "a chip", devices.path()).map(|info| info.serial_number.unwrap())
        };
        assert_eq!(choose(&all, "1-2.3").unwrap(), "B");
        assert_eq!(choose(&all, "0483:374b@1-1").unwrap(), "A");
        assert_eq!(choose(&all, "0483:374b:B").unwrap(), "B");
        // Another probe than the one with this number is plugged in there.
        for wrong in ["0483:374b:A@1-2.3", "1366:0105@1-1", "1-9"] {
            assert!(matches!(choose(&all, wrong).unwrap_err().cause, Cause::NoProbe { .. }), "{wrong}");
        }
        all.push(plug("3-1", "B"));
        let error = choose(&all, "1-2.3").unwrap_err();
        assert!(error.to_string().contains("the same ids and serial number is plugged in at 3-1"), "{error}");
        assert!(matches!(choose(&all, "0483:374b:B").unwrap_err().cause, Cause::WhichProbe { .. }));
    }

    #[test]
    fn an_adapter_by_ftdi_is_no_probe_unless_it_is_named() {
        let of = |factory| DebugProbeInfo::new("a device", 0x0403, 0x6011, None, factory, None, false);
        assert!(is_serial_adapter(&of(&FtdiProbeFactory)));
        assert!(!is_serial_adapter(&of(&probe_rs::probe::stlink::StLinkFactory)));
    }
}
