//! Devices that are reached by a serial port alone: here a pseudo terminal, with the test as the device.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::mpsc::channel;
use std::time::Duration;

use wire::frame::{Collected, Collector};
use wire::link::{Identity, Note, Order, Report, Request};

use super::place::{LONG, Place, RIDE, Ran};
use super::pty;
use super::running::Running;

/// A pseudo terminal in raw mode.
pub(crate) struct Terminal {
    device: File,
    port: OwnedFd,
    path: PathBuf,
}

impl Terminal {
    pub(crate) fn new() -> Self {
        let (device, port, path) = pty::raw();
        Self { device, port, path }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The port as standard output of a process.
    pub(crate) fn port(&self) -> Stdio {
        self.port.try_clone().unwrap().into()
    }

    /// The device's end, and the port, which has to be kept while nobody else has it open.
    pub(crate) fn into_ends(self) -> (File, OwnedFd) {
        (self.device, self.port)
    }
}

/// A bench whose validator is at the end of a terminal, and whose emulator is hosted.
fn bench(place: &Place, terminal: &Path) {
    place.device("ready: 5 s", "ready: 1 s");
    place.bench("desk", &format!("attached: {{ serial: {{ path: {} }} }}", terminal.display()), "sim: {}");
}

/// A bench with both boards at the end of a terminal. Each answers on a thread that ends with the test's process.
fn played(
    place: &Place,
    validator: impl FnMut(&str) -> String + Send + 'static,
    emulator: impl FnMut(Request) -> Vec<Note> + Send + 'static,
) {
    let (console, link) = (Terminal::new(), Terminal::new());
    let attached = |terminal: &Terminal| format!("attached: {{ serial: {{ path: {} }} }}", terminal.path().display());
    place.bench("desk", &attached(&console), &attached(&link));
    let _say = play_validator(console, validator);
    play_emulator(link, emulator);
}

/// The validator at the end of a terminal. Returns what makes it say something of its own accord.
pub(crate) fn play_validator(
    terminal: Terminal,
    mut answer: impl FnMut(&str) -> String + Send + 'static,
) -> impl Fn(&str) + Send + 'static {
    let (device, port) = terminal.into_ends();
    let voice = device.try_clone().unwrap();
    std::thread::spawn(move || {
        let _port = port;
        for line in BufReader::new(&device).lines().map_while(Result::ok) {
            (&device).write_all(answer(&line).as_bytes()).unwrap();
        }
    });
    move |line| (&voice).write_all(line.as_bytes()).unwrap()
}

/// The card emulator at the end of a terminal.
pub(crate) fn play_emulator(terminal: Terminal, mut answer: impl FnMut(Request) -> Vec<Note> + Send + 'static) {
    play_orders(terminal, move |order| answer(order.request));
}

/// The same for an emulator that needs the numbers of its orders.
pub(crate) fn play_orders(terminal: Terminal, mut answer: impl FnMut(Order) -> Vec<Note> + Send + 'static) {
    std::thread::spawn(move || {
        let (device, _port) = terminal.into_ends();
        let mut collector = Collector::<{ wire::link::MAX_PACKED }>::default();
        for byte in BufReader::new(&device).bytes().map_while(Result::ok) {
            let Some(Collected::Frame(body)) = collector.push(byte) else { continue };
            for note in answer(wire::link::decode(body).unwrap()) {
                (&device).write_all(&wire::link::encode(&note).unwrap()).unwrap();
            }
        }
    });
}

/// What an emulator says to orders that are no tap's; its notes have the numbers that `number` gives.
pub(crate) fn reports(
    mut number: impl FnMut(&Request) -> u16 + Send + 'static,
) -> impl FnMut(Request) -> Vec<Note> + Send {
    move |request| {
        let number = number(&request);
        let report = match request {
            Request::Identify => Report::Identity(Identity {
                protocol: wire::link::PROTOCOL,
                firmware: "taprig-emulator".try_into().unwrap(),
                version: "1".try_into().unwrap(),
                board: "desk".try_into().unwrap(),
                digest: [0; 32],
            }),
            Request::Echo(nonce) => Report::Echo(nonce),
            other => panic!("{other:?}"),
        };
        vec![Note { number, at_us: 0, air_us: 0, report }]
    }
}

/// A validator that takes every command for a good one.
pub(crate) fn answers(line: &str) -> String {
    let word = line.split(' ').next().unwrap_or_default();
    match word {
        "identity" => "ok device=taprig-reference firmware=taprig-validator board=desk version=1 digest=00\n".into(),
        "status" => "ok state=ready profile=- journal=0 capacity=10 total=0 clock=unset\n".into(),
        "echo" => format!("ok {}\n", &line[5..]),
        "journal" => "ok count=0 total=0\n".into(),
        // Its power can't be switched, so it is told to start again.
        "reboot" => "ok\n! started firmware=taprig-validator version=1 cause=reset\n! ready\n".into(),
        _ => "ok\n".into(),
    }
}

#[test]
fn a_port_that_another_process_holds() {
    let terminal = Terminal::new();
    let place = Place::new();
    place.case("BUS-001", RIDE);
    bench(&place, terminal.path());
    // This process is the other one.
    let _held = serialport::new(terminal.path().to_str().unwrap(), 115_200).open_native().unwrap();
    let words = [
        "getting the boards ready on the bench desk",
        "another process uses the serial port",
        "; end that process, or",
    ];
    place.run(&["--bench", "desk"]).expect(3, &words);
    place.run(&["--bench", "desk"]).expect(3, &[terminal.path().to_str().unwrap()]);
    assert_eq!(place.verdict("BUS-001").0, "skipped");
    assert_eq!(place.record(), "complete");
}

#[test]
fn a_port_that_is_not_there() {
    let place = Place::new();
    place.case("BUS-001", RIDE);
    bench(&place, Path::new("/dev/serial/by-id/usb-none"));
    place
        .run(&["--bench", "desk"])
        .expect(3, &["of the validator: the path /dev/serial/by-id/usb-none (ports of this machine: "]);
    assert_eq!(place.verdict("BUS-001").0, "skipped");
}

#[test]
fn a_port_that_can_not_be_opened() {
    let place = Place::new();
    place.case("BUS-001", RIDE);
    bench(&place, Path::new("/dev/null"));
    place
        .run(&["--bench", "desk"])
        .expect(3, &["can't open the serial port /dev/null", "; check that the board is connected"]);
}

#[test]
fn a_device_that_does_not_start_again() {
    let terminal = Terminal::new();
    let place = Place::new();
    place.case("BUS-001", RIDE);
    bench(&place, terminal.path());
    place.run(&["--bench", "desk"]).expect(3, &["did not become ready within 1000 ms", "`started` (it sent nothing)"]);
}

#[test]
fn a_port_that_vanishes_before_the_boards_are_ready() {
    let terminal = Terminal::new();
    let place = Place::new();
    place.case("BUS-001", RIDE);
    place.device("ready: 5 s", "ready: 60 s");
    place.bench("desk", &format!("attached: {{ serial: {{ path: {} }} }}", terminal.path().display()), "sim: {}");
    let run = Running::start(&place, &["--bench", "desk"]);
    let (device, _port) = terminal.into_ends();
    let mut heard = BufReader::new(device);
    let mut line = String::new();
    heard.read_line(&mut line).unwrap();
    assert_eq!(line, "reboot\n");
    drop(heard);
    run.end().expect(3, &["vanished", "check whether the board was unplugged or lost power"]);
    assert_eq!(place.record(), "complete");
}

#[test]
fn a_port_that_vanishes_in_mid_case() {
    let terminal = Terminal::new();
    let place = Place::new();
    place.case("BUS-001", LONG);
    place.case("BUS-002", RIDE);
    bench(&place, terminal.path());
    super::unplugged::back_within(&place, "desk", "300 ms");
    let mut run = Running::start(&place, &["--bench", "desk"]);
    let (device, _port) = terminal.into_ends();
    let (send, lines) = channel();
    let reading = device.try_clone().unwrap();
    // Ends, and lets go of the device, at the line that is sent last.
    std::thread::spawn(move || {
        for line in BufReader::new(reading).lines().map_while(Result::ok) {
            let last = line.starts_with("echo ");
            let _ = send.send(line);
            if last {
                break;
            }
        }
    });
    while let Ok(line) = lines.recv_timeout(Duration::from_secs(30)) {
        (&device).write_all(answers(&line).as_bytes()).unwrap();
    }
    run.until_waiting();
    drop(device);
    run.end().expect(3, &["0 of 2 cases were judged"]);
    let (verdict, failure) = place.verdict("BUS-001");
    assert_eq!(verdict, "error");
    for word in ["running BUS-001 on the bench desk-1: ", "vanished", "; check whether the board was unplugged"] {
        assert!(failure.contains(word), "`{word}` is not in {failure}");
    }
    // The bench can't be brought back, and that is told too.
    assert_eq!(place.verdict("BUS-002"), ("skipped".into(), "no bench was left to run it on".into()));
    let results = place.results();
    assert!(results["faults"][0]["cause"].as_str().unwrap().contains("did not come back within 0.3 s"), "{results}");
    assert_eq!(place.record(), "complete");
}

/// An attached bench needs no `--report` to tell what went wrong.
#[test]
fn without_a_folder_it_is_said_that_nothing_is_kept() {
    let place = Place::new();
    place.case("BUS-001", RIDE);
    bench(&place, Path::new("/dev/null"));
    let ran = Ran::of(&place.taprig(&["run", "--bench", "desk"]).output().unwrap());
    ran.expect(3, &["0 of 1 cases were judged; no record was kept, because `--report DIR` was not given"]);
}

/// A case whose steps need no tap.
pub(crate) const ASK: &str = "steps: [{ console: { send: status, expect: ok state=ready* } }]\n";

#[test]
fn a_case_in_which_notes_of_the_emulator_are_lost_is_an_error() {
    let after_a_power_cycle = ASK.replace("steps: [", "steps: [power-cycle, ");
    for case in [ASK, &after_a_power_cycle] {
        loses_notes(case);
    }
}

fn loses_notes(case: &str) {
    let place = Place::new();
    place.case("BUS-001", case);
    let mut next = 0;
    let number = move |request: &Request| {
        // Three notes come to grief before the answer to the case's nonce.
        next += if matches!(request, Request::Echo(_)) { 4 } else { 1 };
        next
    };
    played(&place, answers, reports(number));
    place.run(&["--bench", "desk"]).expect(3, &["3 notes of the card emulator were lost", "check its serial cable"]);
    let (verdict, failure) = place.verdict("BUS-001");
    assert_eq!(verdict, "error", "{failure}");
    assert!(failure.contains("the observations of the card side are incomplete"), "{failure}");
    let events = std::fs::read_to_string(place.path("report/events.jsonl")).unwrap();
    assert!(events.contains(r#""text":"3 notes of the card emulator were lost""#), "{events}");
}

/// Numbers of notes none of which is lost.
pub(crate) fn in_a_row() -> impl FnMut(&Request) -> u16 + Send + 'static {
    let mut next = 0;
    move |_| {
        next += 1;
        next
    }
}

#[test]
fn a_case_in_which_every_note_came_is_judged() {
    let place = Place::new();
    place.case("BUS-001", ASK);
    played(&place, answers, reports(in_a_row()));
    place.run(&["--bench", "desk"]).expect(0, &["1 passed"]);
}

/// Between two cases the ports are closed and opened again.
#[test]
fn cases_run_one_after_the_other_on_boards_without_a_power_switch() {
    let place = Place::new();
    for id in ["BUS-001", "BUS-002", "BUS-003"] {
        place.case(id, ASK);
    }
    played(&place, answers, reports(in_a_row()));
    place.run(&["--bench", "desk"]).expect(0, &["3 passed"]);
}

#[test]
fn a_bench_file_may_say_how_fast_the_console_is() {
    let place = Place::new();
    place.case("BUS-001", ASK);
    let (console, link) = (Terminal::new(), Terminal::new());
    let attached = |terminal: &Terminal, more: &str| {
        format!("attached: {{ serial: {{ path: {}{more} }} }}", terminal.path().display())
    };
    place.bench("slow", &attached(&console, ", baud: 57600"), &attached(&link, ""));
    let (send, speeds) = channel();
    let port = console.port.try_clone().unwrap();
    let _say = play_validator(console, move |line| {
        send.send(rustix::termios::tcgetattr(&port).unwrap().output_speed()).unwrap();
        answers(line)
    });
    play_emulator(link, reports(in_a_row()));
    place.run(&["--bench", "slow"]).expect(0, &["1 passed"]);
    let speeds: Vec<u32> = speeds.try_iter().collect();
    assert!(!speeds.is_empty() && speeds.iter().all(|speed| *speed == 57_600), "{speeds:?}");
}

#[test]
fn the_debug_output_of_a_device_is_told_and_shown_when_its_case_fails() {
    let place = Place::new();
    place.case("BUS-001", "steps: [{ console: { send: status, expect: ok state=asleep } }]\n");
    let mut asked = 0;
    let chatty = move |line: &str| {
        asked += u8::from(line == "status");
        // Among the lines of the known state, and then in the step and behind it.
        let before = if line == "status" { format!("dbg asked {asked}\n") } else { String::new() };
        let after = if asked == 2 { "dbg going to sleep\n" } else { "" };
        format!("{before}{}{after}", answers(line))
    };
    played(&place, chatty, reports(in_a_row()));
    let shown = "  other output of the validator\n    dbg asked 1\n    dbg asked 2\n    dbg going to sleep\n";
    place.run(&["--bench", "desk"]).expect(1, &[shown]);
    let events = std::fs::read_to_string(place.path("report/events.jsonl")).unwrap();
    let told = r#""case":"BUS-001","source":"validator","body":{"kind":"console-noise","text":"dbg asked 2"}"#;
    assert!(events.contains(told), "{events}");
}

/// The two halves of the number come to the rig one by one.
#[test]
fn a_number_that_a_device_writes_in_two_parts_is_masked_in_the_raw_bytes() {
    let place = Place::new();
    // The next question comes when the device has said all of that.
    place.case("BUS-001", &ASK.replace("]", ", { wait: 1 s }, { console: { send: status, expect: ok* } }]"));
    let (console, link) = (Terminal::new(), Terminal::new());
    let attached = |terminal: &Terminal| format!("attached: {{ serial: {{ path: {} }} }}", terminal.path().display());
    place.bench("desk", &attached(&console), &attached(&link));
    let (ask, asked) = channel();
    let mut questions = 0;
    let say = play_validator(console, move |line| {
        questions += u8::from(line == "status");
        // The first one belongs to the known state.
        if line == "status" && questions == 2 {
            ask.send(()).unwrap();
        }
        answers(line)
    });
    std::thread::spawn(move || {
        asked.recv().unwrap();
        for part in ["card 6226 0912 ", "3456 78", "90\ncard 622609", "1234567890\n"] {
            std::thread::sleep(Duration::from_millis(20));
            say(part);
        }
    });
    play_emulator(link, reports(in_a_row()));
    // A device must not write it.
    place.run(&["--bench", "desk"]).expect(1, &["line `card 622609xxxxxx7890` has a number in full"]);
    assert_eq!(place.record(), "complete");
    let raw = std::fs::read_to_string(place.path("report/serial/desk-1-validator-console.bin")).unwrap();
    assert!(raw.contains("card 6226 09xx xxxx 7890\ncard 622609xxxxxx7890\n"), "{raw}");
    for number in ["6226 0912 3456", "6226091234"] {
        let events = std::fs::read_to_string(place.path("report/events.jsonl")).unwrap();
        assert!(!raw.contains(number) && !events.contains(number), "{number}: {raw}");
    }
}
