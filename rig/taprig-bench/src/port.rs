//! Finds a serial port by properties that stay the same when cables are plugged in another order.

use std::path::PathBuf;

use serialport::{SerialPortInfo, SerialPortType};
use taprig_model::bench::SerialPort;
use taprig_model::event::Role;
use taprig_model::units::Hex;

use super::BenchError;

/// The only port that matches everything that the bench file says.
///
/// # Errors
/// [`BenchError::NoPort`] if none matches, [`BenchError::SeveralPorts`] if several do.
pub(super) fn find(role: Role, wanted: &SerialPort) -> Result<PathBuf, BenchError> {
    let ports = serialport::available_ports().unwrap_or_default();
    if let Some(path) = &wanted.path {
        return if path.exists() { Ok(path.clone()) } else { Err(none(role, wanted, &ports)) };
    }
    choose(role, wanted, &ports)
}

fn choose(role: Role, wanted: &SerialPort, ports: &[SerialPortInfo]) -> Result<PathBuf, BenchError> {
    let fitting: Vec<_> = ports.iter().filter(|port| fits(wanted, port)).cloned().collect();
    match fitting.as_slice() {
        [port] => Ok(PathBuf::from(&port.port_name)),
        [] => Err(none(role, wanted, ports)),
        several => Err(BenchError::SeveralPorts { role, wanted: words(wanted), fitting: list(several) }),
    }
}

fn none(role: Role, wanted: &SerialPort, ports: &[SerialPortInfo]) -> BenchError {
    BenchError::NoPort { role, wanted: words(wanted), there: list(ports) }
}

fn fits(wanted: &SerialPort, port: &SerialPortInfo) -> bool {
    let SerialPortType::UsbPort(usb) = &port.port_type else { return false };
    let id = |hex: &Option<Hex>, seen: u16| hex.as_ref().is_none_or(|hex| hex.0 == seen.to_be_bytes());
    id(&wanted.vid, usb.vid)
        && id(&wanted.pid, usb.pid)
        && wanted.serial.as_ref().is_none_or(|serial| usb.serial_number.as_ref() == Some(serial))
        && wanted.interface.is_none_or(|interface| usb.interface == Some(interface))
        && wanted
            .location
            .as_ref()
            .is_none_or(|location| usb.location.as_ref().is_some_and(|seen| seen.to_string() == *location))
}

/// The bench file's description of a port, in words.
fn words(wanted: &SerialPort) -> String {
    let hex = |hex: &Hex| hex.to_string().replace(' ', "").to_lowercase();
    let parts = [
        wanted.path.as_ref().map(|path| format!("the path {}", path.display())),
        wanted.vid.as_ref().map(|vid| format!("USB vendor {}", hex(vid))),
        wanted.pid.as_ref().map(|pid| format!("product {}", hex(pid))),
        wanted.serial.as_ref().map(|serial| format!("serial number {serial}")),
        wanted.interface.map(|interface| format!("interface {interface}")),
        wanted.location.as_ref().map(|location| format!("USB location {location}")),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// The ports, with all properties that a bench file can use.
fn list(ports: &[SerialPortInfo]) -> String {
    let names: Vec<_> = ports
        .iter()
        .map(|port| match &port.port_type {
            SerialPortType::UsbPort(usb) => {
                let serial = usb.serial_number.as_ref().map(|serial| format!(" serial {serial}")).unwrap_or_default();
                let interface = usb.interface.map(|number| format!(" interface {number}")).unwrap_or_default();
                let place = usb.location.as_ref().map(|place| format!(" location {place}")).unwrap_or_default();
                format!("{} is {:04x}:{:04x}{serial}{interface}{place}", port.port_name, usb.vid, usb.pid)
            }
            _ => port.port_name.clone(),
        })
        .collect();
    if names.is_empty() { "none".into() } else { names.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::with_advice;
    use serialport::UsbPortInfo;

    fn adapter(name: &str, serial: &str, interface: u8) -> SerialPortInfo {
        let usb = UsbPortInfo {
            vid: 0x0403,
            pid: 0x6011,
            serial_number: Some(serial.into()),
            manufacturer: None,
            product: None,
            interface: Some(interface),
            location: None,
        };
        SerialPortInfo { port_name: name.into(), port_type: SerialPortType::UsbPort(usb) }
    }

    fn wanted(yaml: &str) -> SerialPort {
        serde_yaml::from_str(yaml).unwrap()
    }

    fn ports() -> Vec<SerialPortInfo> {
        let own = SerialPortInfo { port_name: "/dev/ttyS0".into(), port_type: SerialPortType::Unknown };
        vec![own, adapter("/dev/ttyUSB0", "FT4XB1QL", 0), adapter("/dev/ttyUSB1", "FT4XB1QL", 1)]
    }

    #[test]
    fn the_port_that_fits_all() {
        let wanted = wanted("{ vid: '0403', serial: FT4XB1QL, interface: 1 }");
        assert_eq!(choose(Role::Validator, &wanted, &ports()).unwrap(), PathBuf::from("/dev/ttyUSB1"));
    }

    #[test]
    fn a_port_that_is_not_there_is_told_in_words() {
        let wanted = wanted("{ vid: '0403', pid: '6011', serial: FT9, interface: 0 }");
        let error = choose(Role::Validator, &wanted, &ports()).unwrap_err();
        assert_eq!(
            with_advice(error.to_string(), error.advice().as_deref()),
            "no serial port matches the bench file's description of the validator: USB vendor 0403, product 6011, serial \
             number FT9, interface 0 (ports of this machine: /dev/ttyS0, /dev/ttyUSB0 is 0403:6011 serial FT4XB1QL interface 0, \
             /dev/ttyUSB1 is 0403:6011 serial FT4XB1QL interface 1); check that the \
             board or its adapter is plugged in, and that the bench file describes it correctly"
        );
        let wanted = SerialPort { path: Some("/dev/serial/none".into()), ..SerialPort::default() };
        let error = find(Role::Emulator, &wanted).unwrap_err().to_string();
        assert!(error.contains("of the emulator: the path /dev/serial/none (ports of this machine: "), "{error}");
    }

    #[test]
    fn ports_that_are_alike_are_told_apart_by_more() {
        let error = choose(Role::Validator, &wanted("{ vid: '0403' }"), &ports()).unwrap_err();
        let error = with_advice(error.to_string(), error.advice().as_deref());
        assert!(error.starts_with("several serial ports match") && error.contains("/dev/ttyUSB1"), "{error}");
        assert!(error.contains("; add `serial`"), "{error}");
    }
}
