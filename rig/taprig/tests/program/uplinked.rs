//! Cases with an acquirer that the validator reaches by TCP or by a serial port: the reference validator as a program whose line
//! ends in this test, and the test carries the bytes to the acquirer of the bench.

use std::fs::File;
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::thread::spawn;

use super::attached::Terminal;
use super::place::{Place, Ran, repository};

/// An approved ride, a claim that is sent again after silence, an answer that comes too late, answers with a wrong part, keys
/// that are asked for anew, and a list of several pages.
const CASES: [&str; 6] = ["UPL-002", "UPL-003", "UPL-007/within-the-fields", "UPL-011", "UPL-022/mac", "UPL-063/trace"];

/// Starts a hosted validator and carries the bytes of its console. A `program` of a bench file has its console at its standard
/// input and output, and a hosted validator makes a port of its own.
const CONSOLE: &str = r#"
import json, os, select, subprocess, sys
board = subprocess.Popen(sys.argv[1:], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
port = os.open(json.loads(board.stdout.readline())["serial"], os.O_RDWR | os.O_NOCTTY)
while True:
    for source in select.select([0, port], [], [])[0]:
        data = os.read(source, 4096)
        if not data:
            sys.exit()
        os.write(1 if source == port else port, data)
"#;

/// Plays the cases on a bench with this acquirer. The validator's line ends at the socket `line` of the place.
fn played(place: &Place, acquirer: &str) -> Ran {
    let line = place.path("line").display().to_string();
    place.put("console.py", CONSOLE);
    let command =
        r#"[python3, CONSOLE, "{taprig}", board, validator, --air, "{air}", --nvm, "{state}/nvm", --uplink, "LINE"]"#;
    let command = command.replace("LINE", &line).replace("CONSOLE", &place.path("console.py").display().to_string());
    let head = "schema: 1\ntitle: A validator with a line of its own\ndevice: taprig-reference";
    let bench = format!(
        "{head}\nvalidator: {{ program: {{ command: {command} }} }}\ncard: {{ emulator: {{ sim: {{}} }} }}\nacquirer: {acquirer}\n"
    );
    place.put("uplinked.yaml", &bench);
    let mut command = Command::new(env!("CARGO_BIN_EXE_taprig"));
    command.arg("--project").arg(repository()).arg("run").args(CASES);
    command.arg("--bench").arg(place.path("uplinked.yaml")).arg("--report").arg(place.path("report"));
    command.args(["--baseline", "off"]).env("TAPRIG_STATE", place.path("state"));
    Ran::of(&command.output().unwrap())
}

#[track_caller]
fn all_passed(place: &Place, ran: &Ran) {
    ran.expect(0, &[" passed in "]);
    let results: serde_json::Value =
        serde_json::from_slice(&std::fs::read(place.path("report/results.json")).unwrap()).unwrap();
    let cases = results["cases"].as_array().unwrap();
    let passed = cases.iter().filter(|case| case["verdict"] == "pass").count();
    // No case is left out because the bench could not play it.
    assert!(passed == cases.len() && passed >= CASES.len(), "{passed} of {} passed\n{}", cases.len(), ran.out);
}

/// Carries bytes until one of both ends closes, and then closes the other one.
fn carry(mut from: impl Read, mut to: impl Write, done: impl FnOnce()) {
    // An end that is gone is what the other end is told.
    let _ = io::copy(&mut from, &mut to);
    done();
}

fn by_tcp(line: &Path, address: String) {
    let listener = UnixListener::bind(line).unwrap();
    spawn(move || {
        for device in listener.incoming().map_while(Result::ok) {
            let Ok(host) = TcpStream::connect(&address) else { continue };
            let (from, to) = (device.try_clone().unwrap(), host.try_clone().unwrap());
            let close = {
                let (device, host) = (device.try_clone().unwrap(), host.try_clone().unwrap());
                move || drop((device.shutdown(Shutdown::Both), host.shutdown(Shutdown::Both)))
            };
            spawn(move || carry(from, to, close));
            let close = {
                let (device, host) = (device.try_clone().unwrap(), host.try_clone().unwrap());
                move || drop((device.shutdown(Shutdown::Both), host.shutdown(Shutdown::Both)))
            };
            spawn(move || carry(host, device, close));
        }
    });
}

/// The end of a serial line at the device. It stays when the device loses its power.
struct Wire(Arc<Mutex<Option<UnixStream>>>);

impl Write for Wire {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if let Some(device) = self.0.lock().unwrap().as_mut() {
            // Nobody is told of bytes that come to a device without power.
            let _ = device.write_all(bytes);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn by_serial_port(line: &Path, terminal: Terminal) {
    let listener = UnixListener::bind(line).unwrap();
    let (host, port): (File, _) = terminal.into_ends();
    let device = Arc::new(Mutex::new(None));
    let to_device = Wire(device.clone());
    let from_host = host.try_clone().unwrap();
    spawn(move || carry(from_host, to_device, || drop(port)));
    spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            *device.lock().unwrap() = Some(stream.try_clone().unwrap());
            carry(stream, host.try_clone().unwrap(), || {});
        }
    });
}

#[test]
fn cases_are_played_with_an_acquirer_at_a_tcp_port() {
    let place = Place::new();
    // A port that was free a moment ago.
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    by_tcp(&place.path("line"), address.clone());
    let ran = played(&place, &format!("{{ listen: \"{address}\" }}"));
    all_passed(&place, &ran);
}

#[test]
fn cases_are_played_with_an_acquirer_at_a_serial_port() {
    let place = Place::new();
    let terminal = Terminal::new();
    let acquirer = format!("{{ serial: {{ path: {}, baud: 115200 }} }}", terminal.path().display());
    by_serial_port(&place.path("line"), terminal);
    let ran = played(&place, &acquirer);
    all_passed(&place, &ran);
}
