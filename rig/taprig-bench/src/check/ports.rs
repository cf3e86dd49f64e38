//! Checks of ports, probes and programs before anything is opened: they are there, and this user may use them.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, access};
use taprig_model::bench::{Bench, BoardConfig, CardSideConfig, ProbeName, SerialPort, SwitchConfig};
use taprig_model::event::Role;

use super::{CheckStep, Finding, State, part};
use crate::flash::{self, ProbeFound};
use crate::port;

/// The longest latency timer of a serial adapter that costs nothing worth speaking of, in ms.
const LATENCY: u32 = 2;

/// Where the kernel says what is connected.
#[derive(Debug, Clone)]
pub struct System {
    /// `/sys`.
    pub sys: PathBuf,
    /// `/dev`.
    pub dev: PathBuf,
}

impl Default for System {
    fn default() -> Self {
        Self { sys: "/sys".into(), dev: "/dev".into() }
    }
}

/// Checks all ports, probes and programs that a bench file names.
#[must_use]
pub fn check(bench: &Bench, system: &System) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut paths: BTreeMap<PathBuf, String> = BTreeMap::new();
    for wanted in serial_ports(bench) {
        let of = wanted.part();
        let path = match port::find(wanted.role, wanted.port) {
            Ok(path) => path,
            Err(error) => {
                findings.push(Finding::error(CheckStep::Ports, of, &error));
                continue;
            }
        };
        findings.extend(serial(&of, &path, system));
        // Two descriptions may fit the same port.
        let real = path.canonicalize().unwrap_or(path);
        if let Some(other) = paths.insert(real.clone(), of.clone()).filter(|_| !wanted.shares) {
            let seen = format!("{} is the port of the {other} as well", real.display());
            let advice = "correct the bench file: each part needs a port of its own";
            findings.push(Finding::failed(CheckStep::Ports, of, seen, advice));
        }
    }
    for (role, board) in bench.boards() {
        if let BoardConfig::Probe(probe) = board {
            findings.push(debug_probe(part(role), probe.probe.as_ref(), system));
        }
    }
    for (role, switch) in &bench.power.switches {
        if let SwitchConfig::Command(command) = switch {
            let programs = [command.on.first(), command.off.first()];
            findings.extend(programs.into_iter().flatten().map(|name| program(&power_of(*role), name)));
        }
    }
    if findings.is_empty() {
        let why = "the bench file names no serial port, debug probe or program that switches power";
        findings.push(Finding::not_applicable(CheckStep::Ports, "this machine", why));
    }
    findings
}

fn power_of(role: Role) -> String {
    format!("power of the {}", part(role))
}

/// A serial port that a bench file names.
pub(crate) struct PortOf<'a> {
    pub role: Role,
    /// Whether it switches the power of the role, and is not the port of the role itself.
    pub switches_power: bool,
    pub port: &'a SerialPort,
    /// Whether another part may use it too.
    shares: bool,
}

impl PortOf<'_> {
    /// The part, in findings.
    fn part(&self) -> String {
        if self.switches_power { power_of(self.role) } else { part(self.role).to_owned() }
    }
}

/// All serial ports of a bench.
pub(crate) fn serial_ports(bench: &Bench) -> Vec<PortOf<'_>> {
    let of = |role, port| PortOf { role, switches_power: false, port, shares: false };
    let boards = bench.boards().into_iter().filter_map(|(role, board)| Some(of(role, board.serial()?)));
    let module = match &bench.card {
        CardSideConfig::Pn532(module) => Some(of(Role::Emulator, &module.serial)),
        _ => None,
    };
    let switches = bench.power.switches.iter().filter_map(|(&role, switch)| {
        let (port, shares) = match switch {
            // A relay board has several channels.
            SwitchConfig::Relay(relay) => (&relay.serial, true),
            SwitchConfig::Line(line) => (&line.serial, false),
            _ => return None,
        };
        Some(PortOf { role, switches_power: true, port, shares })
    });
    boards.chain(module).chain(switches).collect()
}

/// Whether this user may use a port, and how long its adapter keeps bytes back.
fn serial(of: &str, path: &Path, system: &System) -> Vec<Finding> {
    if let Err(error) = access(path, Access::READ_OK | Access::WRITE_OK) {
        let advice = match group(path) {
            Some(group) => format!("`sudo usermod -aG {group} $USER`, then log in again"),
            None => "give this user the right to read and write it".to_owned(),
        };
        return vec![Finding::failed(CheckStep::Ports, of, format!("{}: {error}", path.display()), advice)];
    }
    let mut findings = vec![Finding::ok(CheckStep::Ports, of, format!("{} may be read and written", path.display()))];
    findings.extend(latency(of, path, system));
    findings
}

/// The latency timer of a USB adapter. Adapters without one have no such file.
fn latency(of: &str, path: &Path, system: &System) -> Option<Finding> {
    let real = path.canonicalize().ok()?;
    let name = real.file_name()?;
    let file = system.sys.join("bus/usb-serial/devices").join(name).join("latency_timer");
    let ms: u32 = fs::read_to_string(&file).ok()?.trim().parse().ok()?;
    let seen = format!("the latency timer of {} is {ms} ms", path.display());
    if ms <= LATENCY {
        return Some(Finding::ok(CheckStep::Ports, of, seen));
    }
    let advice = format!("`echo 1 | sudo tee {}`; `ci/udev --install` makes it permanent", file.display());
    Some(Finding::warning(CheckStep::Ports, of, seen, advice))
}

/// The group that owns a file.
fn group(path: &Path) -> Option<String> {
    let id = fs::metadata(path).ok()?.gid().to_string();
    let groups = fs::read_to_string("/etc/group").ok()?;
    let mut lines = groups.lines().map(|line| line.split(':').collect::<Vec<_>>());
    lines.find(|fields| fields.get(2) == Some(&id.as_str()))?.first().map(|name| (*name).to_owned())
}

/// Whether a debug probe is there, and whether this user may use it.
fn debug_probe(of: &str, selector: Option<&ProbeName>, system: &System) -> Finding {
    let probe = match flash::find_probe(selector) {
        Ok(probe) => probe,
        Err(error) => {
            let advice = error.cause.advice().unwrap_or("check its cable");
            return Finding::failed(CheckStep::Ports, of, format!("its debug probe: {error}"), advice);
        }
    };
    let Some(node) = usb_node(&probe, system) else {
        return Finding::ok(CheckStep::Ports, of, format!("the debug probe {} is there", probe.name));
    };
    match access(&node, Access::READ_OK | Access::WRITE_OK) {
        Ok(()) => Finding::ok(CheckStep::Ports, of, format!("the debug probe {} may be used", probe.name)),
        Err(error) => Finding::failed(
            CheckStep::Ports,
            of,
            format!("the debug probe {}: {}: {error}", probe.name, node.display()),
            "`ci/udev --install` installs udev rules for it; plug it in again afterwards",
        ),
    }
}

/// The device file of a USB device, by its place if its name gives one.
fn usb_node(probe: &ProbeFound, system: &System) -> Option<PathBuf> {
    let devices = fs::read_dir(system.sys.join("bus/usb/devices")).ok()?;
    let device = devices.flatten().map(|entry| entry.path()).find(|device| {
        let is = |file: &str, wanted: &str| {
            fs::read_to_string(device.join(file)).is_ok_and(|text| text.trim().eq_ignore_ascii_case(wanted))
        };
        probe.location.as_ref().is_none_or(|location| device.ends_with(location))
            && is("idVendor", &format!("{:04x}", probe.vid))
            && is("idProduct", &format!("{:04x}", probe.pid))
            && probe.serial.as_ref().is_none_or(|serial| is("serial", serial))
    })?;
    let number = |file: &str| fs::read_to_string(device.join(file)).ok()?.trim().parse::<u16>().ok();
    Some(system.dev.join(format!("bus/usb/{:03}/{:03}", number("busnum")?, number("devnum")?)))
}

/// Whether a program can be started.
fn program(of: &str, name: &str) -> Finding {
    let is_there = |path: PathBuf| path.is_file() && access(&path, Access::EXEC_OK).is_ok();
    let found = if name.contains('/') {
        is_there(name.into())
    } else {
        std::env::var_os("PATH").is_some_and(|path| std::env::split_paths(&path).any(|dir| is_there(dir.join(name))))
    };
    match found {
        true => Finding::ok(CheckStep::Ports, of, format!("the program {name} can be started")),
        false => Finding::failed(
            CheckStep::Ports,
            of,
            format!("there is no program {name} that can be started"),
            "install it, or correct `power` in the bench file",
        ),
    }
}

/// Whether any finding says that the bench is not fit.
#[must_use]
pub fn any_failed(findings: &[Finding]) -> bool {
    findings.iter().any(|finding| finding.state == State::Failed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::link::pty::Terminal;

    fn bench(text: &str) -> Bench {
        let text = format!("schema: 1\ntitle: A bench\ndevice: any\n{text}");
        serde_yaml::with::singleton_map_recursive::deserialize(serde_yaml::Deserializer::from_str(&text)).unwrap()
    }

    fn states(findings: &[Finding]) -> Vec<State> {
        findings.iter().map(|finding| finding.state).collect()
    }

    /// A `/sys` whose adapter for this port has this latency timer.
    fn system(port: &Path, latency: &str) -> (tempfile::TempDir, System) {
        let folder = tempfile::tempdir().unwrap();
        let device = folder.path().join("sys/bus/usb-serial/devices").join(port.file_name().unwrap());
        fs::create_dir_all(&device).unwrap();
        fs::write(device.join("latency_timer"), latency).unwrap();
        let system = System { sys: folder.path().join("sys"), dev: folder.path().join("dev") };
        (folder, system)
    }

    #[test]
    fn the_latency_timer_of_an_adapter_is_told_and_how_to_change_it() {
        let terminal = Terminal::new();
        let text = format!("validator: {{ attached: {{ serial: {{ path: {} }} }} }}\n", terminal.path().display());
        let bench = bench(&(text + "card: { emulator: { sim: {} } }\n"));
        let (_folder, slow) = system(terminal.path(), "16\n");
        let findings = check(&bench, &slow);
        assert_eq!(states(&findings), [State::Ok, State::Warning], "{findings:?}");
        assert!(findings[1].seen.ends_with("is 16 ms"), "{findings:?}");
        assert!(findings[1].advice.as_ref().unwrap().starts_with("`echo 1 | sudo tee "), "{findings:?}");
        let (_folder, fast) = system(terminal.path(), "1\n");
        assert_eq!(states(&check(&bench, &fast)), [State::Ok, State::Ok]);
    }

    #[test]
    fn two_descriptions_of_one_port_are_refused() {
        let terminal = Terminal::new();
        let folder = tempfile::tempdir().unwrap();
        let link = folder.path().join("port");
        std::os::unix::fs::symlink(terminal.path(), &link).unwrap();
        let port = |path: &Path| format!("attached: {{ serial: {{ path: {} }} }}", path.display());
        let bench = bench(&format!(
            "validator: {{ {} }}\ncard: {{ emulator: {{ {} }} }}\n",
            port(terminal.path()),
            port(&link)
        ));
        let findings = check(&bench, &System::default());
        assert!(any_failed(&findings), "{findings:?}");
        assert!(
            findings.iter().any(|finding| finding.seen.contains("is the port of the card side as well")),
            "{findings:?}"
        );
    }

    #[test]
    fn what_is_missing_is_told_part_by_part() {
        let bench = bench(
            "validator: { attached: { serial: { path: /dev/no-such-port } } }\n\
             card: { emulator: { probe: { chip: STM32F405RGTx, probe: '0483:374b:NONE', firmware: x.elf, serial: { path: /dev/null } } } }\n\
             power: { switches: { validator: { command: { on: [no-such-program], off: [sh, -c, 'true'], off-for: 1 s } } } }\n",
        );
        let findings = check(&bench, &System::default());
        let failed: Vec<_> = findings.iter().filter(|finding| finding.state == State::Failed).collect();
        let parts: Vec<_> = failed.iter().map(|finding| finding.part.as_str()).collect();
        assert_eq!(parts, ["validator", "card side", "power of the validator"], "{findings:?}");
        assert!(failed.iter().all(|finding| finding.advice.is_some()), "{failed:?}");
        assert!(failed[1].seen.contains("no such probe is connected"), "{failed:?}");
    }

    #[test]
    fn the_device_file_of_a_probe() {
        let folder = tempfile::tempdir().unwrap();
        let device = folder.path().join("sys/bus/usb/devices/1-2");
        fs::create_dir_all(&device).unwrap();
        for (file, text) in [
            ("idVendor", "0483\n"),
            ("idProduct", "374b\n"),
            ("serial", "0670FF48\n"),
            ("busnum", "1\n"),
            ("devnum", "7\n"),
        ] {
            fs::write(device.join(file), text).unwrap();
        }
        let system = System { sys: folder.path().join("sys"), dev: "/dev".into() };
        let probe = |serial: &str| ProbeFound {
            name: "a probe".into(),
            vid: 0x0483,
            pid: 0x374b,
            serial: Some(serial.into()),
            location: None,
        };
        assert_eq!(usb_node(&probe("0670FF48"), &system), Some("/dev/bus/usb/001/007".into()));
        assert_eq!(usb_node(&probe("OTHER"), &system), None);
    }

    #[test]
    fn the_group_of_a_file_is_named() {
        // Root owns this file, so its group is the one with the number 0.
        assert_eq!(group(Path::new("/etc/passwd")).as_deref(), Some("root"));
    }
}
