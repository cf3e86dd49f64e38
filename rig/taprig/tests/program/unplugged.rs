//! A part of a bench is unplugged in the middle of a run: the case is an error, the message names the part, and the run goes
//! on when the part is back.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};

use serde_json::Value;
use wire::frame::{Collected, Collector};
use wire::link::{Note, Order, Report, Request};

use super::attached::{Terminal, answers, in_a_row, play_emulator, reports};
use super::place::{Place, RIDE, repository};
use super::running::Running;

/// What a device does with what it was sent.
enum Does {
    /// It answers.
    Says(Vec<u8>),
    /// It is unplugged.
    Vanishes,
    /// It answers, and then it is unplugged.
    SaysLast(Vec<u8>),
}

/// A port under a fixed path, as udev provides it, whose adapter can be unplugged.
struct Plug(PathBuf);

impl Plug {
    fn new(place: &Place, name: &str) -> Self {
        Self(place.path(name))
    }

    /// An adapter is plugged in.
    fn plug_in(&self) -> Terminal {
        let terminal = Terminal::new();
        std::os::unix::fs::symlink(terminal.path(), &self.0).unwrap();
        terminal
    }

    /// The adapter is pulled out.
    fn pull_out(&self, ends: (File, OwnedFd)) {
        fs::remove_file(&self.0).unwrap();
        drop(ends);
    }

    fn attached(&self) -> String {
        format!("attached: {{ serial: {{ path: {} }} }}", self.0.display())
    }

    /// Plays a device whose messages `next` reads. Each message on the returned channel plugs the device in again.
    fn play<M>(
        self,
        next: impl Fn(&mut dyn std::io::BufRead) -> Option<M> + Send + 'static,
        mut answer: impl FnMut(M) -> Does + Send + 'static,
    ) -> Sender<()> {
        let (send, again): (_, Receiver<()>) = channel();
        let mut terminal = self.plug_in();
        std::thread::spawn(move || {
            loop {
                let (device, port) = terminal.into_ends();
                let mut heard = BufReader::new(&device);
                loop {
                    let Some(message) = next(&mut heard) else { return };
                    let (says, stays) = match answer(message) {
                        Does::Says(bytes) => (bytes, true),
                        Does::SaysLast(bytes) => (bytes, false),
                        Does::Vanishes => (vec![], false),
                    };
                    (&device).write_all(&says).unwrap();
                    if !stays {
                        break;
                    }
                }
                self.pull_out((device, port));
                if again.recv().is_err() {
                    return;
                }
                terminal = self.plug_in();
            }
        });
        send
    }

    /// A validator.
    fn validator(self, answer: impl FnMut(String) -> Does + Send + 'static) -> Sender<()> {
        let line = |heard: &mut dyn std::io::BufRead| {
            let mut line = String::new();
            (heard.read_line(&mut line).ok()? > 0).then(|| line.trim_end().to_owned())
        };
        self.play(line, answer)
    }

    /// A card emulator.
    fn emulator(self, answer: impl FnMut(Order) -> Does + Send + 'static) -> Sender<()> {
        let order = |heard: &mut dyn std::io::BufRead| {
            let mut collector = Collector::<{ wire::link::MAX_PACKED }>::default();
            for byte in heard.bytes().map_while(Result::ok) {
                if let Some(Collected::Frame(body)) = collector.push(byte) {
                    return wire::link::decode(body).ok();
                }
            }
            None
        };
        self.play(order, answer)
    }
}

pub(crate) fn back_within(place: &Place, bench: &str, within: &str) {
    let file = format!("fixtures/benches/{bench}.yaml");
    let text = fs::read_to_string(place.path(&file)).unwrap();
    place.put(&file, &format!("{text}back-within: {within}\n"));
}

/// Three cases, the second of which is disturbed.
pub(crate) fn place() -> Place {
    let place = Place::new();
    for id in ["BUS-001", "BUS-002", "BUS-003"] {
        place.case(id, "steps: [{ console: { send: uptime, expect: ok } }]\n");
    }
    place.device("deadlines: { reply: 2 s, ready: 5 s }", "deadlines: { reply: 1 s, ready: 5 s }");
    place
}

/// Runs all cases. The part vanishes by itself in the second one, and when that has ended, `again` plugs it in again.
pub(crate) fn goes_on(place: &Place, again: &Sender<()>, part: &str) {
    goes_on_after(place, |_| {}, || again.send(()).unwrap(), part);
}

/// The same. `unplug` is called when the run has begun.
fn goes_on_after(place: &Place, unplug: impl FnOnce(&mut Running), again: impl FnOnce(), part: &str) {
    let mut run = Running::start(place, &["--bench", "desk"]);
    unplug(&mut run);
    run.until(|event| event["body"]["kind"] == "case-finished" && event["case"] == "BUS-002");
    again();
    run.end().expect(3, &["2 of 3 cases were judged"]);
    let (verdict, failure) = place.verdict("BUS-002");
    assert_eq!(verdict, "error", "{failure}");
    let words = format!("running BUS-002 on the bench desk-1: {part} was unplugged or lost its power: ");
    assert!(failure.contains(&words), "`{words}` is not in {failure}");
    assert_eq!((place.verdict("BUS-001").0, place.verdict("BUS-003").0), ("pass".into(), "pass".into()));
    let events = fs::read_to_string(place.path("report/events.jsonl")).unwrap();
    assert!(events.contains(&format!("{part} came back after ")), "{events}");
    let kernel = events.lines().find(|line| line.contains("the kernel's messages about USB devices")).unwrap();
    let kernel: Value = serde_json::from_str(kernel).unwrap();
    assert_eq!(kernel["case"], "BUS-002");
    assert!(!place.path("state/boards/desk/wedged.json").exists());
    assert_eq!(place.record(), "complete");
}

const VALIDATOR: &str = "the serial port of the validator";
const CARD_SIDE: &str = "the serial port of the card side";

/// Runs three cases. In the second one the validator vanishes when it receives a line that begins with `at`. Its power can't
/// be switched, so each case begins with the line `reboot`.
fn validator_vanishes(at: &'static str) {
    let place = place();
    let (console, link) = (Plug::new(&place, "console"), Terminal::new());
    place.bench("desk", &console.attached(), &format!("attached: {{ serial: {{ path: {} }} }}", link.path().display()));
    play_emulator(link, reports(in_a_row()));
    let (mut starts, mut vanished) = (0, false);
    let again = console.validator(move |line| {
        starts += u32::from(line == "reboot");
        if starts == 2 && !vanished && line.starts_with(at) {
            vanished = true;
            return Does::Vanishes;
        }
        Does::Says(answers(&line).into_bytes())
    });
    goes_on(&place, &again, VALIDATOR);
}

#[test]
fn the_validators_port_vanishes_between_two_cases() {
    validator_vanishes("reboot");
}

#[test]
fn the_validators_port_vanishes_while_settings_are_sent() {
    validator_vanishes("set ");
}

#[test]
fn the_validators_port_vanishes_between_command_and_answer() {
    validator_vanishes("uptime");
}

#[test]
fn the_validators_port_vanishes_before_the_tap() {
    let place = place();
    place.case("BUS-002", "steps: [{ wait: 120 s }, tap]\nexpect: { outcome: approved }\n");
    let (console, link) = (Plug::new(&place, "console"), Terminal::new());
    place.bench("desk", &console.attached(), &format!("attached: {{ serial: {{ path: {} }} }}", link.path().display()));
    play_emulator(link, reports(in_a_row()));
    let mut nonces = 0;
    let again = console.validator(move |line| {
        nonces += u32::from(line.starts_with("echo"));
        let says = answers(&line).into_bytes();
        if nonces == 2 && line.starts_with("echo") { Does::SaysLast(says) } else { Does::Says(says) }
    });
    goes_on(&place, &again, VALIDATOR);
}

/// The emulator's answer to any order.
fn obeys() -> impl FnMut(&Order) -> Vec<u8> + Send {
    let mut identify = reports(|_| 0);
    let mut number = 0;
    move |order| {
        let report = match &order.request {
            Request::Identify | Request::Echo(_) => identify(order.request.clone()).remove(0).report,
            _ => Report::Done(order.number),
        };
        number += 1;
        wire::link::encode(&Note { number, at_us: 0, air_us: 0, report }).unwrap().to_vec()
    }
}

/// The second case has a tap. The card side vanishes at the first order that is `at`.
fn card_side_vanishes(at: fn(&Request) -> bool) {
    let place = place();
    place.case("BUS-002", RIDE);
    let (console, link) = (Plug::new(&place, "console"), Plug::new(&place, "link"));
    place.bench("desk", &console.attached(), &link.attached());
    let _console = console.validator(|line| Does::Says(answers(&line).into_bytes()));
    let mut obey = obeys();
    let mut seen = false;
    let again = link.emulator(move |order| {
        if !seen && at(&order.request) {
            seen = true;
            return Does::Vanishes;
        }
        Does::Says(obey(&order))
    });
    goes_on(&place, &again, CARD_SIDE);
}

#[test]
fn the_card_sides_port_vanishes_while_it_is_told_the_card() {
    card_side_vanishes(|request| matches!(request, Request::Configure(_)));
}

#[test]
fn the_card_sides_port_vanishes_in_the_middle_of_a_tap() {
    card_side_vanishes(|request| matches!(request, Request::Present));
}

/// A PN532 module: its model as a process, under the path of a port.
struct Module(Child);

impl Module {
    fn new(place: &Place, plug: &Plug) -> Self {
        let air = place.path("air");
        let mut command = place.taprig(&["board", "pn532-model", "--air", air.to_str().unwrap()]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let said: Value = serde_json::from_str(&line).unwrap();
        std::os::unix::fs::symlink(said["serial"].as_str().unwrap(), &plug.0).unwrap();
        Self(child)
    }
}

impl Drop for Module {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_pn532_module_vanishes() {
    let place = place();
    place.case("BUS-002", "steps: [{ wait: 120 s }, tap]\nexpect: { outcome: approved }\n");
    let (console, plug) = (Plug::new(&place, "console"), Plug::new(&place, "module"));
    let module = Module::new(&place, &plug);
    place.bench("desk", &console.attached(), "sim: {}");
    let file = "fixtures/benches/desk.yaml";
    let text = fs::read_to_string(place.path(file)).unwrap();
    let pn532 = format!("card:\n  pn532: {{ serial: {{ path: {} }} }}\n", plug.0.display());
    place.put(file, &text.replace("card:\n  emulator:\n    sim: {}\n", &pn532));
    let _console = console.validator(|line| Does::Says(answers(&line).into_bytes()));
    let unplug = |run: &mut Running| {
        run.until_waiting();
        fs::remove_file(&plug.0).unwrap();
        drop(module);
    };
    let mut again = None;
    goes_on_after(&place, unplug, || again = Some(Module::new(&place, &plug)), CARD_SIDE);
}

/// A relay board gives power to the validator, which has no other plug.
#[test]
fn the_relay_board_vanishes() {
    let place = place();
    let (relay, console, link) = (Plug::new(&place, "relay"), Terminal::new(), Terminal::new());
    let attached = |terminal: &Terminal| format!("attached: {{ serial: {{ path: {} }} }}", terminal.path().display());
    place.bench("desk", &attached(&console), &attached(&link));
    let file = "fixtures/benches/desk.yaml";
    let text = fs::read_to_string(place.path(file)).unwrap();
    let switch = format!("relay: {{ serial: {{ path: {} }}, off-for: 10 ms }}", relay.0.display());
    place.put(file, &format!("{text}power: {{ switches: {{ validator: {{ {switch} }} }} }}\n"));
    let say = super::attached::play_validator(console, answers);
    play_emulator(link, reports(in_a_row()));
    let mut offs = 0;
    let again = relay.play(
        |heard| {
            let mut command = [0; 4];
            heard.read_exact(&mut command).ok().map(|()| command)
        },
        move |command| {
            if command[2] == 1 {
                say("! started firmware=taprig-validator version=1 cause=power\n! ready\n");
            } else {
                offs += 1;
            }
            // Off at the start, before the first power-on, then before the second case.
            if command[2] == 0 && offs == 2 { Does::Vanishes } else { Does::Says(vec![]) }
        },
    );
    goes_on(&place, &again, "the serial port that switches the power of the validator");
}

#[test]
fn a_console_on_a_network_that_closes_and_comes_back() {
    let place = place();
    let link = Terminal::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let attached = format!("attached: {{ serial: {{ path: {} }} }}", link.path().display());
    place.bench("desk", &format!("attached: {{ tcp: '{address}' }}"), &attached);
    play_emulator(link, reports(in_a_row()));
    let (again, plugged) = channel();
    std::thread::spawn(move || {
        let mut listener = Some(listener);
        let mut nonces = 0;
        loop {
            let open = listener.take().unwrap_or_else(|| TcpListener::bind(address).unwrap());
            let (stream, _) = open.accept().unwrap();
            let mut vanishes = false;
            for line in BufReader::new(&stream).lines().map_while(Result::ok) {
                nonces += u32::from(line.starts_with("echo"));
                if nonces == 2 {
                    nonces += 1;
                    vanishes = true;
                    break;
                }
                (&stream).write_all(answers(&line).as_bytes()).unwrap();
            }
            if vanishes {
                drop((stream, open));
                if plugged.recv().is_err() {
                    return;
                }
            } else {
                listener = Some(open);
            }
        }
    });
    goes_on(&place, &again, &format!("the TCP port {address} of the validator"));
}

#[test]
fn an_adapter_program_that_loses_its_device() {
    let place = place();
    for id in ["BUS-001", "BUS-002", "BUS-003"] {
        place.case(id, "steps: [{ status: { state: ready } }]\n");
    }
    let console = Plug::new(&place, "console");
    let link = Terminal::new();
    let adapter = repository().join("fixtures/devices/qinling/adapter.py");
    place.put(
        "fixtures/devices/foreign.yaml",
        &format!(
            "schema: 1\ntitle: A device behind a program\ninclude: taprig-reference\nclaims: {{ native-console: false, uplink: false }}\n\
             baseline: none\ninterface: {{ adapter: {{ command: [python3, {}], hello: 4 s }} }}\n",
            adapter.display()
        ),
    );
    let external = format!("external: {{ parameters: {{ port: {} }} }}", console.0.display());
    place.bench("desk", &external, &format!("attached: {{ serial: {{ path: {} }} }}", link.path().display()));
    let file = "fixtures/benches/desk.yaml";
    let text = fs::read_to_string(place.path(file)).unwrap();
    place.put(file, &text.replace("device: taprig-reference", "device: foreign"));
    play_emulator(link, reports(in_a_row()));
    let mut nonces = 0;
    let again = console.validator(move |line| {
        nonces += u32::from(line.starts_with("echo"));
        if nonces == 2 && line.starts_with("echo") {
            return Does::Vanishes;
        }
        Does::Says(answers(&line).into_bytes())
    });
    goes_on(&place, &again, "the device behind the adapter program");
}

#[test]
fn a_part_that_does_not_come_back_ends_its_bench() {
    let place = place();
    let (console, link) = (Plug::new(&place, "console"), Terminal::new());
    place.bench("desk", &console.attached(), &format!("attached: {{ serial: {{ path: {} }} }}", link.path().display()));
    back_within(&place, "desk", "300 ms");
    play_emulator(link, reports(in_a_row()));
    let mut nonces = 0;
    let _again = console.validator(move |line| {
        nonces += u32::from(line.starts_with("echo"));
        if nonces == 2 { Does::Vanishes } else { Does::Says(answers(&line).into_bytes()) }
    });
    let words =
        ["bringing the bench back on the bench desk: the serial port of the validator did not come back within 0.3 s"];
    place.run(&["--bench", "desk"]).expect(3, &words);
    assert_eq!(place.verdict("BUS-002").0, "error");
    assert_eq!(place.verdict("BUS-003"), ("skipped".into(), "no bench was left to run it on".into()));
    assert!(!place.path("state/boards/desk/wedged.json").exists(), "an unplugged part does not hang");
}

#[test]
fn a_part_that_comes_back_and_does_not_answer_leaves_no_mark() {
    let place = place();
    let (console, link) = (Plug::new(&place, "console"), Terminal::new());
    place.bench("desk", &console.attached(), &format!("attached: {{ serial: {{ path: {} }} }}", link.path().display()));
    place.device("reply: 1 s, ready: 5 s", "reply: 1 s, ready: 500 ms");
    play_emulator(link, reports(in_a_row()));
    let mut nonces = 0;
    let again = console.validator(move |line| {
        nonces += u32::from(line.starts_with("echo"));
        match nonces {
            2 if line.starts_with("echo") => Does::Vanishes,
            // What was plugged in is silent.
            2.. => Does::Says(vec![]),
            _ => Does::Says(answers(&line).into_bytes()),
        }
    });
    again.send(()).unwrap();
    let words =
        ["the serial port of the validator came back, but the bench does not work: the validator did not become ready"];
    place.run(&["--bench", "desk"]).expect(3, &words);
    assert!(!place.path("state/boards/desk/wedged.json").exists());
}

/// A run that waits for a part can be stopped.
#[test]
fn ctrl_c_ends_the_wait_for_a_part() {
    let place = place();
    let (console, link) = (Plug::new(&place, "console"), Terminal::new());
    place.bench("desk", &console.attached(), &format!("attached: {{ serial: {{ path: {} }} }}", link.path().display()));
    back_within(&place, "desk", "10 min");
    play_emulator(link, reports(in_a_row()));
    let mut nonces = 0;
    let _again = console.validator(move |line| {
        nonces += u32::from(line.starts_with("echo"));
        if nonces == 2 { Does::Vanishes } else { Does::Says(answers(&line).into_bytes()) }
    });
    let mut run = Running::start(&place, &["--bench", "desk"]);
    run.until(|event| event["body"]["kind"] == "case-finished" && event["case"] == "BUS-002");
    run.interrupt();
    run.end().expect(3, &[]);
    assert_eq!(place.verdict("BUS-003").0, "skipped");
    assert_eq!(place.record(), "partial");
}
