//! Two boards whose serial cables are exchanged: the hosted boards of this repository, attached at their ports.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Stdio};

use serde_json::Value;

use super::attached::ASK;
use super::place::Place;

/// Both boards as processes, each with a port of its own.
struct Boards {
    running: Vec<Child>,
    validator: String,
    emulator: String,
}

impl Boards {
    fn new(place: &Place) -> Self {
        let (air, memory) = (place.path("air"), place.path("nvm.bin"));
        let mut running = vec![];
        let mut start = |args: &[&str]| {
            let mut command = place.taprig(&[&["board"], args].concat());
            let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
            let mut line = String::new();
            BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
            running.push(child);
            let said: Value = serde_json::from_str(&line).unwrap();
            said["serial"].as_str().unwrap().to_owned()
        };
        let emulator = start(&["emulator", "--air", air.to_str().unwrap()]);
        let validator = start(&["validator", "--air", air.to_str().unwrap(), "--nvm", memory.to_str().unwrap()]);
        // A pseudo terminal keeps what it said at its start, and a serial port that nobody has open does not.
        let said = BufReader::new(std::fs::File::open(&validator).unwrap()).lines();
        assert!(said.map_while(Result::ok).any(|line| line.starts_with("! ready")));
        Self { running, validator, emulator }
    }
}

impl Drop for Boards {
    fn drop(&mut self) {
        for child in &mut self.running {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// A bench with boards at these ports.
fn bench(place: &Place, validator: &str, emulator: &str) {
    place.device("deadlines: { reply: 2 s, ready: 5 s }", "deadlines: { reply: 1 s, ready: 1 s }");
    let attached = |port: &str| format!("attached: {{ serial: {{ path: {port} }} }}");
    place.bench("desk", &attached(validator), &attached(emulator));
    place.case("BUS-001", ASK);
}

#[test]
fn boards_at_their_own_ports_work() {
    let place = Place::new();
    let boards = Boards::new(&place);
    bench(&place, &boards.validator, &boards.emulator);
    place.run(&["--bench", "desk"]).expect(0, &["1 passed"]);
}

#[test]
fn exchanged_serial_cables_are_refused_and_told() {
    let place = Place::new();
    let boards = Boards::new(&place);
    bench(&place, &boards.emulator, &boards.validator);
    let words = [
        "a validator (taprig-reference with taprig-validator) answers at the serial port of the emulator",
        "and a card emulator answers at the other port: nothing was flashed",
        "exchange the two serial cables",
    ];
    place.run(&["--bench", "desk"]).expect(3, &words);
    assert_eq!(place.verdict("BUS-001").0, "skipped");
    let events = std::fs::read_to_string(place.path("report/events.jsonl")).unwrap();
    assert!(!events.contains("\"flashed\""), "{events}");
}

#[test]
fn an_emulator_at_the_validators_port_is_recognised() {
    let place = Place::new();
    let beside = Place::new();
    let [one, two] = [Boards::new(&place), Boards::new(&beside)];
    bench(&place, &two.emulator, &one.emulator);
    let words =
        ["a card emulator answers at the serial port of the validator: nothing was flashed", "check which board is"];
    place.run(&["--bench", "desk"]).expect(3, &words);
}

#[test]
fn a_validator_at_the_card_sides_port_is_recognised() {
    let place = Place::new();
    let beside = Place::new();
    let [one, two] = [Boards::new(&place), Boards::new(&beside)];
    bench(&place, &one.validator, &two.validator);
    let words = ["answers at the serial port of the emulator: nothing was flashed", "check which board is"];
    place.run(&["--bench", "desk"]).expect(3, &words);
}
