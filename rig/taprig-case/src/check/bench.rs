//! Checks of a bench file: ports and probes that are not named, that two parts share, or that another bench names too, and
//! power switches that nothing would use.

use std::path::Path;

use taprig_model::bench::SerialPort;

use super::named;
use crate::diagnostic::Problems;
use crate::document::{Kind, Node, PathStep};
use crate::project::{Fixture, Project};
use crate::typed::typed;

/// The boards that a bench file may have: what messages call each, and where it is.
const BOARDS: [(&str, &[&str]); 3] = [
    ("the validator", &["validator"]),
    ("the card emulator", &["card", "emulator"]),
    ("the card emulator", &["card", "nrf52840"]),
];

/// The kinds of validator that have a line to the acquirer which the rig makes.
const LINKED: [&str; 2] = ["sim", "qemu"];

/// The kinds of board whose power the rig itself switches.
const RUN_HERE: [&str; 3] = ["sim", "qemu", "program"];

/// Reports everything that types can't express.
pub(super) fn check(project: &Project, node: &Node, problems: &mut Problems) {
    if let Some(device) = node.get("device").and_then(Node::text) {
        named(&project.names(Fixture::Device), Fixture::Device, device, node, &path!["device"], problems);
        adapter_without_port(project, device, node, problems);
    }
    for (_, board) in BOARDS {
        let way = [way(board), path!["program", "command"].to_vec()].concat();
        if let Some(Kind::List(words)) = node.find(&way).map(|node| &node.kind)
            && words.is_empty()
        {
            let problem = node.place(&way).problem("this names no program");
            problems.push(problem.help("write a list: the program and its arguments"));
        }
    }
    let way = path!["acquirer", "link"];
    if node.find(&way).is_some() && !LINKED.iter().any(|kind| node.find(&path!["validator", *kind]).is_some()) {
        let problem = node.place(&way).problem("the rig makes a line to the acquirer only for `sim` and `qemu` boards");
        problems.push(problem.help("use `listen` for a device with a network, or `serial` for one with a serial port"));
    }
    unused_switches(node, problems);
    let all = parts(node);
    for part in &all {
        if matches!(&part.is, Is::Port(port) if is_nothing(port)) {
            let problem = node.place(&part.way).problem("this does not name a serial port");
            problems.push(problem.help("give `path`, or `vid` and `pid` with `serial`, `interface` or `location`"));
        }
    }
    for (index, part) in all.iter().enumerate() {
        if let Some(other) = all[..index].iter().find(|other| part.clashes(other)) {
            let problem = format!("this is the {} of {} as well", part.is.word(), other.of);
            let help = match part.is {
                Is::Port(_) => "give each part a port of its own; `interface` tells the ports of one adapter apart",
                Is::Probe(_) => "name the probe of each board by its serial number: `probe: \"0483:374b:0670FF48\"`",
            };
            problems.push(node.place(&part.way).problem(problem).help(help));
        }
    }
}

/// The rig would never use a switch for a part whose power it has itself, or that has no power.
fn unused_switches(node: &Node, problems: &mut Problems) {
    for (role, boards, others) in [
        ("validator", [&["validator"][..]].as_slice(), [].as_slice()),
        ("emulator", &[&["card", "emulator"], &["card", "nrf52840"]], &["pn532-model", "virtual-reader"]),
    ] {
        let at = path!["power", "switches", role];
        if node.find(&at).is_none() {
            continue;
        }
        let boards = boards.iter().flat_map(|board| RUN_HERE.map(|kind| [board, &[kind][..]].concat()));
        let others = others.iter().map(|kind| vec!["card", *kind]);
        let Some(kind) = boards.chain(others).find(|part| node.find(&way(part)).is_some()) else { continue };
        let why = match kind.last() {
            Some(&"virtual-reader") => "a virtual reader has no power",
            _ => "the rig itself switches the power of this part, because it runs on this host",
        };
        let problem = node.place(&at).problem(format!("this switch would never be used: {why}"));
        problems.push(problem.help("remove the switch, or give it to the part that it switches"));
    }
}

/// A device that is a program has its console at its standard input and output, which only the rig has. An adapter needs
/// another way to it.
fn adapter_without_port(project: &Project, device: &str, bench: &Node, problems: &mut Problems) {
    let way = path!["validator", "program"];
    let device = project.tree(Fixture::Device, &project.file(Fixture::Device, device), &mut Problems::default());
    let Some(adapter) = device.as_ref().and_then(|device| device.find(&path!["interface", "adapter"])) else { return };
    if bench.find(&way).is_some() && adapter.get("parameters").is_none() {
        let problem = bench.place(&way).problem("nothing tells the adapter of this device how to reach this program");
        problems.push(problem.help(
            "let the adapter start the program (`external` with `parameters`); or, if the program listens on a port, name \
             the port under `interface.adapter.parameters` of the device file",
        ));
    }
}

/// Reports each port and probe of a bench that another bench of the project names as well. Two people who use the two
/// benches at the same time would disturb each other, and none of the locks could tell.
pub fn shared(project: &Project, path: &Path, problems: &mut Problems) {
    let tree = |path: &Path| project.tree(Fixture::Bench, path, &mut Problems::default());
    let Some(own) = tree(path) else { return };
    let mine = parts(&own);
    for name in project.names(Fixture::Bench) {
        let file = project.file(Fixture::Bench, &name);
        if file.canonicalize().ok() == path.canonicalize().ok() {
            continue;
        }
        let Some(other) = tree(&file) else { continue };
        let theirs = parts(&other);
        for part in &mine {
            // Without a name it is whichever probe is there.
            let is_named = !matches!(part.is, Is::Probe(None));
            if is_named && theirs.iter().any(|their| their.is == part.is) {
                let problem = format!("the bench `{name}` names this {} as well", part.is.word());
                let help = format!(
                    "correct one of the two, or join them; the other file is {}",
                    project.shown(&file).display()
                );
                problems.push(own.place(&part.way).problem(problem).help(help));
            }
        }
    }
}

/// What exists once.
#[derive(Debug, PartialEq, Eq)]
enum Is {
    /// A serial port, whatever its speed.
    Port(SerialPort),
    /// A debug probe. `None` is the only one that is connected.
    Probe(Option<String>),
}

impl Is {
    const fn word(&self) -> &'static str {
        match self {
            Self::Port(_) => "serial port",
            Self::Probe(_) => "debug probe",
        }
    }
}

/// A part of a bench file that names something that exists once.
struct Part {
    /// The part, for messages.
    of: &'static str,
    way: Vec<PathStep>,
    is: Is,
    /// Whether several parts may share it: a relay board has several channels.
    shares: bool,
}

impl Part {
    fn clashes(&self, other: &Self) -> bool {
        let is_nothing = matches!(&self.is, Is::Port(port) if is_nothing(port));
        self.is == other.is && !is_nothing && !(self.shares && other.shares)
    }
}

fn way(names: &[&str]) -> Vec<PathStep> {
    names.iter().map(|name| PathStep::from(*name)).collect()
}

/// Whether this describes no port.
fn is_nothing(port: &SerialPort) -> bool {
    port.path.is_none() && port.vid.is_none() && port.serial.is_none() && port.location.is_none()
}

/// All parts of a bench file that name something that exists once.
fn parts(node: &Node) -> Vec<Part> {
    let mut all = Vec::new();
    let mut port = |of, names: &[&str], shares| {
        let way = way(names);
        // What does not fit the type is reported elsewhere.
        if let Some(port) = node.find(&way).and_then(|node| typed::<SerialPort>(node, &mut Problems::default())) {
            all.push(Part { of, way, is: Is::Port(SerialPort { baud: None, ..port }), shares });
        }
    };
    for kind in ["probe", "attached"] {
        for (of, board) in BOARDS {
            port(of, &[board, &[kind, "serial"]].concat(), false);
        }
    }
    port("the acquirer", &["acquirer", "serial"], false);
    port("the PN532", &["card", "pn532", "serial"], false);
    for role in ["validator", "emulator"] {
        let of = if role == "validator" { "the validator's power switch" } else { "the card side's power switch" };
        port(of, &["power", "switches", role, "relay", "serial"], true);
        port(of, &["power", "switches", role, "line", "serial"], false);
    }
    for (of, board) in BOARDS {
        let at = way(&[board, &["probe"]].concat());
        let Some(probe) = node.find(&at) else { continue };
        let named = probe.get("probe").and_then(Node::text).map(str::to_lowercase);
        let way = if named.is_some() { way(&[board, &["probe", "probe"]].concat()) } else { at };
        all.push(Part { of, way, is: Is::Probe(named), shares: false });
    }
    all
}

impl Project {
    /// Refuses a bench file with a port or a probe that another bench of the project names as well.
    ///
    /// # Errors
    /// One problem for each such port.
    pub fn shares_nothing(&self, bench: &Path) -> Result<(), Problems> {
        let mut problems = Problems::default();
        shared(self, bench, &mut problems);
        problems.into_result(())
    }
}
