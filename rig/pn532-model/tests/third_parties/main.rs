//! The model of the chip, judged by software of third parties: libnfc relays a card's APDUs through it, and nfcpy plays a
//! card in raw mode. Neither knows this repository, and both are used with real modules. `ci/pn532` installs them and runs
//! these tests.

#![expect(clippy::unwrap_used, reason = "helpers of tests, too")]

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use pn532_model::{Options, Running};

#[path = "../support/reader.rs"]
#[expect(dead_code, reason = "the model's own tests use the rest")]
mod reader;
use reader::Reader;

const LIMIT: Duration = Duration::from_secs(60);

/// A program that ends with its test.
struct Program(Child);

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn program(variable: &str) -> PathBuf {
    std::env::var_os(variable).unwrap_or_else(|| panic!("set {variable}, or run ci/pn532")).into()
}

/// Commands of many lengths, some longer than a frame on the air and than a normal frame to the host.
fn commands() -> Vec<Vec<u8>> {
    let select = b"\x00\xA4\x04\x00\x0E2PAY.SYS.DDF01\x00".to_vec();
    let of = |length: usize| (0..length).map(|i| (i * 7 % 251) as u8).collect::<Vec<u8>>();
    [select].into_iter().chain([5, 61, 62, 100, 180, 250, 255].map(of)).collect()
}

/// The card of these tests: 255 bytes and a status word that depend on the command, so that a mixed-up answer is noticed.
fn respond(command: &[u8]) -> Vec<u8> {
    let length = [2, 254, 255, 256, 20][command.len() % 5];
    let body = command.iter().rev().cycle().take(length).copied();
    body.chain([0x90, 0x00]).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<_> = text.chars().filter(char::is_ascii_hexdigit).collect();
    let pairs = digits.chunks(2).map(|pair| pair.iter().collect::<String>());
    pairs.map(|pair| u8::from_str_radix(&pair, 16).unwrap()).collect()
}

/// Runs what may hang, within a limit.
fn within<T: Send + 'static>(what: &str, work: impl FnOnce() -> T + Send + 'static) -> T {
    let (send, receive) = mpsc::channel();
    std::thread::spawn(move || send.send(work()));
    receive.recv_timeout(LIMIT).unwrap_or_else(|error| panic!("{what}: {error}"))
}

/// A reader that sends all commands and expects the answers of this card.
fn read_all(air: &Path) {
    let air = air.to_owned();
    within("the reader", move || {
        let mut reader = Reader::connect(&air);
        reader.activate();
        for command in commands() {
            assert_eq!(reader.transmit(&command), Some(respond(&command)), "to {} bytes", command.len());
        }
        reader.deselect();
    });
}

/// nfc-relay-picc reads the card's identity and its answers from descriptor 3, and writes commands to descriptor 4.
#[test]
#[ignore = "needs libnfc: ci/pn532"]
fn libnfc_relays_a_card_through_the_model() {
    let relay = program("TAPRIG_NFC_RELAY_PICC");
    let folder = tempfile::tempdir().unwrap();
    let air = folder.path().join("air");
    let model = Running::start(&air, Options::default()).unwrap();
    let [to_relay, from_relay] = ["in", "out"].map(|name| folder.path().join(name));
    for pipe in [&to_relay, &from_relay] {
        assert!(Command::new("mkfifo").arg(pipe).status().unwrap().success());
    }
    // The shell opens the pipes, in the order in which this test opens their other ends.
    let script = "exec \"$1\" -t 3<\"$2\" 4>\"$3\"";
    let mut relaying = Command::new("sh");
    relaying.args(["-c", script, "sh"]).arg(&relay).arg(&to_relay).arg(&from_relay);
    relaying.env("LIBNFC_DEFAULT_DEVICE", format!("pn532_uart:{}", model.serial().display()));
    relaying.env("LIBNFC_LOG_LEVEL", std::env::var("LIBNFC_LOG_LEVEL").unwrap_or_else(|_| "1".into()));
    let _relaying = Program(relaying.stdin(Stdio::null()).stdout(Stdio::null()).spawn().unwrap());
    let mut answers = File::options().write(true).open(&to_relay).unwrap();
    let commands = BufReader::new(File::open(&from_relay).unwrap());
    std::thread::spawn(move || {
        let mut tell = |what: &str, bytes: &[u8]| {
            let spaced: Vec<_> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            writeln!(answers, "#{what} {:04x}: {}", bytes.len(), spaced.join(" ")).unwrap();
        };
        // The relay replaces the start of UID and ATS by what the chip has.
        tell("UID", &[0x08, 0x11, 0x22, 0x33]);
        tell("ATQA", &[0x00, 0x04]);
        tell("SAK", &[0x20]);
        tell("ATS", &[0x75, 0x33, 0x92, 0x03, 0x80]);
        for line in commands.lines().map_while(Result::ok) {
            let (head, bytes) = line.split_once(':').unwrap();
            let command = unhex(bytes);
            assert_eq!(head, format!("#C-APDU {:04x}", command.len()));
            tell("R-APDU", &respond(&command));
        }
    });
    read_all(&air);
}

#[test]
#[ignore = "needs nfcpy: ci/pn532"]
fn nfcpy_plays_a_card_in_raw_mode() {
    let python = program("TAPRIG_NFCPY");
    let folder = tempfile::tempdir().unwrap();
    let air = folder.path().join("air");
    let model = Running::start(&air, Options::default()).unwrap();
    let card = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/third_parties/card.py");
    let mut playing = Command::new(python).arg(card).arg(model.serial()).stdout(Stdio::piped()).spawn().unwrap();
    let told = BufReader::new(playing.stdout.take().unwrap());
    let mut playing = Program(playing);
    read_all(&air);
    let told: Vec<_> = within("nfcpy", move || told.lines().map_while(Result::ok).collect());
    assert!(playing.0.wait().unwrap().success());
    let wanted: Vec<_> = commands().iter().map(|command| hex(command)).collect();
    assert_eq!(told, wanted);
}
