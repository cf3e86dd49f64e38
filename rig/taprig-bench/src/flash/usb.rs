//! Which debug probe is plugged in where. probe-rs does not tell and can't select by it, so the kernel is asked.

use std::fs;
use std::path::Path;

use probe_rs::probe::DebugProbeInfo;
use taprig_model::bench::ProbeName;

/// Where the kernel lists USB devices.
pub(super) const DEVICES: &str = "/sys/bus/usb/devices";

/// What tells a USB device from others for probe-rs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct UsbIds {
    vid: u16,
    pid: u16,
    serial: Option<String>,
}

impl UsbIds {
    /// The ids of the device with this folder. `None` if it is not a device.
    fn read(folder: &Path) -> Option<Self> {
        let text = |file: &str| fs::read_to_string(folder.join(file)).ok().map(|text| text.trim().to_owned());
        let id = |file: &str| u16::from_str_radix(&text(file)?, 16).ok();
        Some(Self {
            vid: id("idVendor")?,
            pid: id("idProduct")?,
            serial: text("serial").filter(|text| !text.is_empty()),
        })
    }

    /// Whether probe-rs shows this device as `info`.
    pub(super) fn is(&self, info: &DebugProbeInfo) -> bool {
        let serial = info.serial_number.as_deref().filter(|text| !text.is_empty());
        self.is_model_of(info) && self.serial.as_deref() == serial
    }

    /// Whether this device has the ids of `info`, whatever its serial number.
    pub(super) fn is_model_of(&self, info: &DebugProbeInfo) -> bool {
        self.vid == info.vendor_id && self.pid == info.product_id
    }
}

/// What is plugged in at the place that a name gives.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// The name gives no place.
    Any,
    /// Nothing is plugged in there.
    Empty,
    /// This device, and where other devices with the same ids and the same serial number are plugged in. probe-rs can't
    /// tell them apart.
    Device { ids: UsbIds, twins: Vec<String> },
}

/// Looks at the place that `name` gives. `devices` is [`DEVICES`].
#[must_use]
pub(super) fn place(name: Option<&ProbeName>, devices: &Path) -> Place {
    let Some(location) = name.and_then(ProbeName::location) else { return Place::Any };
    let Some(ids) = UsbIds::read(&devices.join(location)) else { return Place::Empty };
    let others = fs::read_dir(devices).into_iter().flatten().flatten();
    let others = others.filter(|other| other.file_name() != location);
    let twins = others.filter(|other| UsbIds::read(&other.path()).as_ref() == Some(&ids));
    let mut twins: Vec<_> = twins.map(|twin| twin.file_name().to_string_lossy().into_owned()).collect();
    twins.sort();
    Place::Device { ids, twins }
}

#[cfg(test)]
mod tests {
    use super::*;
    use probe_rs::probe::stlink::StLinkFactory;

    fn plug(devices: &Path, location: &str, product: &str, serial: &str) {
        let folder = devices.join(location);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("idVendor"), "0483\n").unwrap();
        fs::write(folder.join("idProduct"), format!("{product}\n")).unwrap();
        if !serial.is_empty() {
            fs::write(folder.join("serial"), format!("{serial}\n")).unwrap();
        }
    }

    fn at(devices: &Path, name: &str) -> Place {
        place(Some(&name.parse().unwrap()), devices)
    }

    #[test]
    fn a_probe_is_found_by_where_it_is_plugged_in() {
        let devices = tempfile::tempdir().unwrap();
        plug(devices.path(), "1-2.1", "374b", "A");
        plug(devices.path(), "1-2.2", "374b", "");
        // Interfaces and buses are in the same folder.
        fs::create_dir_all(devices.path().join("1-2.1:1.0")).unwrap();
        let info = |serial: Option<&str>| {
            DebugProbeInfo::new("a probe", 0x0483, 0x374b, serial.map(Into::into), &StLinkFactory, None, false)
        };
        for (name, serial) in [("1-2.1", Some("A")), ("1-2.2", None)] {
            let Place::Device { ids, twins } = at(devices.path(), name) else { panic!("{name}") };
            assert!(ids.is(&info(serial)) && !ids.is(&info(Some("B"))) && twins.is_empty(), "{name}");
        }
        assert_eq!(at(devices.path(), "1-2.3"), Place::Empty);
        assert_eq!(at(devices.path(), "0483:374b:A"), Place::Any);
        assert_eq!(place(None, devices.path()), Place::Any);
    }

    #[test]
    fn probes_that_are_alike_are_told() {
        let devices = tempfile::tempdir().unwrap();
        for location in ["1-1", "1-2", "3-1.4"] {
            plug(devices.path(), location, "374b", "000000");
        }
        plug(devices.path(), "1-3", "3748", "000000");
        let Place::Device { twins, .. } = at(devices.path(), "1-2") else { panic!() };
        assert_eq!(twins, ["1-1", "3-1.4"]);
    }
}
