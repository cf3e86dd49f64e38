//! `taprig acquirer`: the test is the terminal, over loopback. ci/acquirer judges the answers by software of other people; here is what
//! a person at the program sees.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::place::{Place, Ran, repository};
use super::running::Running;

/// TPDU and header of a terminal's messages.
const ENVELOPE: &[u8] = b"\x60\x00\x03\x00\x09\x61\x32\x00\x32\x46\x05";

/// A sign-on: 0800 with fields 11, 41, 42, 60 and 63.
pub(crate) const SIGN_ON: &[u8] = b"\x08\x00\x00\x20\x00\x00\x00\xC0\x00\x12\x00\x00\x0112345678123456789012345\x00\x11\x00\x00\x00\x00\x00\x30\x00\x0301 ";

/// The worked example: a ride of 1.00 CNY in batch 1 with trace 1, and its MAC under the first key for MACs.
pub(crate) const RIDE: &[u8] = b"\x02\x00\x70\x20\x06\x80\x00\xC0\x80\x11\x16\x62\x22\x02\x12\x34\x56\x78\x94\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x01\x07\x20\x00\x01\x0012345678123456789012345156\x00\x14\x22\x00\x00\x01\x00\x06\x01FA77EEAB";

pub(crate) struct Host {
    running: Running,
    address: String,
}

impl Host {
    pub(crate) fn start(place: &Place, args: &[&str]) -> Self {
        let mut running = Running::of(place.taprig(&[&["acquirer", "--listen", "127.0.0.1:0"], args].concat()));
        let address = running.until_word(" listening at ");
        Self { running, address }
    }

    pub(crate) fn terminal(&self) -> Terminal {
        let stream = TcpStream::connect(&self.address).unwrap();
        // Longer than anything takes on a busy machine.
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        Terminal(stream)
    }

    pub(crate) fn end(self) -> Ran {
        self.running.interrupt();
        self.running.end()
    }
}

pub(crate) struct Terminal(TcpStream);

impl Terminal {
    fn say(&mut self, message: &[u8]) {
        let length = u16::try_from(ENVELOPE.len() + message.len()).unwrap().to_be_bytes();
        self.0.write_all(&[&length, ENVELOPE, message].concat()).unwrap();
    }

    fn answer(&mut self) -> Vec<u8> {
        let mut length = [0; 2];
        self.0.read_exact(&mut length).unwrap();
        let mut answer = vec![0; usize::from(u16::from_be_bytes(length))];
        self.0.read_exact(&mut answer).unwrap();
        answer
    }

    pub(crate) fn ask(&mut self, message: &[u8]) -> Vec<u8> {
        self.say(message);
        self.answer()
    }

    /// All bytes until the host closes the connection.
    fn rest(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.0.read_to_end(&mut bytes).unwrap();
        bytes
    }
}

fn has(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

fn rules(place: &Place, then: &str) {
    place.put("rules.yaml", &format!("schema: 1\nrules: [{{ when: {{ message: ride, nth: 1 }}, then: {then} }}]\n"));
}

#[test]
fn a_terminal_signs_on_and_rides_and_the_log_tells_all_of_it() {
    let place = Place::new();
    let host = Host::start(&place, &["--log", "log.jsonl"]);
    let mut terminal = host.terminal();
    let keys = terminal.ask(SIGN_ON);
    // Field 62 of the worked example.
    let field = b"\x00\x40\x9B\x3A\x7B\x88\x3A\x10\x0F\x73\xB4\xAB\xA2\xBB\x79\x1C\x50\xE7\xD2\xB9\x1C\xC5\x5A\xDC\x39\xF4\x61\x64\x96\x0E\0\0\0\0\0\0\0\0\xAD\xC6\x7D\x84";
    assert!(has(&keys, field), "{keys:02X?}");
    assert!(has(&terminal.ask(RIDE), b"0012345678123456789012345156"), "approved");
    assert!(has(&terminal.ask(RIDE), b"9412345678123456789012345156"), "a repeat");
    drop(terminal);
    let ran = host.end();
    ran.expect(
        0,
        &[
            "#1 connected from 127.0.0.1:",
            "#1 > 0800 sign-on, no MAC",
            "#1 < 0810 code 00: sign-on 1 of this terminal: batch 1, key for MACs of 8 bytes",
            "#1 > 0200 ride, MAC good\n     2 account number: 622202xxxxxx7894",
            "#1 < 0210 code 00: accepted",
            "claim: accepted 1.00 CNY (batch 1, trace 1)",
            "#1 < 0210 code 94: a repeat of a claim that was accepted",
            "taprig: 3 messages, 0 unreadable; 1 claims (1.00 CNY): 1 accepted (1.00 CNY)",
        ],
    );
    let text = std::fs::read_to_string(place.path("log.jsonl")).unwrap();
    let entries: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let kinds: Vec<_> = entries.iter().map(|entry| entry["body"]["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds[..5], ["started", "connected", "heard", "heard", "heard"]);
    assert_eq!(entries.last().unwrap()["body"]["summary"]["accepted"], serde_json::json!({ "count": 1, "fen": 100 }));
    for text in [&text, &ran.out] {
        assert!(!text.contains("6222021234567894"), "{text}");
    }
    for line in text.lines() {
        serde_json::from_str::<taprig_model::acquirer::log::Entry>(line).unwrap();
    }
}

#[test]
fn a_log_goes_on_where_it_ended() {
    let place = Place::new();
    for _ in 0..2 {
        Host::start(&place, &["--log", "log.jsonl"]).end().expect(0, &["0 messages"]);
    }
    let text = std::fs::read_to_string(place.path("log.jsonl")).unwrap();
    assert_eq!(text.matches(r#""kind":"started""#).count(), 2);
    assert_eq!(text.matches(r#""kind":"ended""#).count(), 2);
}

#[test]
fn rubbish_ends_its_connection_and_no_other() {
    let place = Place::new();
    let host = Host::start(&place, &[]);
    let mut other = host.terminal();
    other.ask(SIGN_ON);
    let mut rubbish = host.terminal();
    rubbish.0.write_all(b"\x00\x16GET / HTTP/1.1\r\nHost: ").unwrap();
    assert_eq!(rubbish.rest(), b"");
    let mut half = host.terminal();
    half.0.write_all(b"\x00\x50\x60").unwrap();
    half.0.shutdown(Shutdown::Write).unwrap();
    assert_eq!(half.rest(), b"");
    assert!(has(&other.ask(RIDE), b"0012345678123456789012345156"));
    host.end().expect(
        0,
        &[
            "#2 > 22 bytes that are no message: byte 0: the TPDU begins with 47, where 60 belongs; the host closes the connection",
            "#2 the host closed the connection",
            "#3 the connection ended within a message: 3 of 82 bytes had come",
            "2 messages, 1 unreadable",
        ],
    );
}

#[test]
fn a_late_answer_comes_late_and_holds_nothing_up() {
    let place = Place::new();
    rules(&place, "[{ late: 1 s }]");
    let host = Host::start(&place, &["--rules", "rules.yaml"]);
    let mut terminal = host.terminal();
    terminal.ask(SIGN_ON);
    let start = Instant::now();
    terminal.say(RIDE);
    // The repeat is answered first.
    assert!(has(&terminal.ask(RIDE), b"9412345678"));
    assert!(has(&terminal.answer(), b"0012345678"));
    assert!(start.elapsed() >= Duration::from_secs(1), "{:?}", start.elapsed());
    host.end().expect(0, &["< 0210 code 00 [late 1 s]: accepted", "#1 < the late answer to trace 000001 is sent"]);
}

#[test]
fn who_sends_nothing_more_still_gets_what_is_late() {
    let place = Place::new();
    rules(&place, "[{ late: 200 ms }]");
    let host = Host::start(&place, &["--rules", "rules.yaml"]);
    let mut terminal = host.terminal();
    terminal.ask(SIGN_ON);
    terminal.say(RIDE);
    terminal.0.shutdown(Shutdown::Write).unwrap();
    assert!(has(&terminal.answer(), b"0012345678"));
    assert_eq!(terminal.rest(), b"");
    host.end().expect(0, &["#1 the terminal closed the connection"]);
}

#[test]
fn an_answer_is_cut_after_a_byte() {
    let place = Place::new();
    rules(&place, "[{ cut: 20 }]");
    let host = Host::start(&place, &["--rules", "rules.yaml"]);
    let mut terminal = host.terminal();
    terminal.ask(SIGN_ON);
    terminal.say(RIDE);
    assert_eq!(terminal.rest().len(), 20);
    let mut again = host.terminal();
    assert!(has(&again.ask(RIDE), b"9412345678"));
    host.end().expect(0, &["cut after 20 of ", "#1 the host closed the connection"]);
}

#[test]
fn what_is_wrong_is_told_with_its_line_before_anything_is_touched() {
    let place = Place::new();
    let run = |args: &[&str]| Ran::of(&place.taprig(&[&["acquirer"], args].concat()).output().unwrap());
    let listen = ["--listen", "127.0.0.1:0", "--log", "log.jsonl"];
    place.put(
        "rules.yaml",
        "schema: 1\nrules:\n  - when: { mesage: ride }\n    then: [{ refuse: 51 }]\n  - then: [quiet]\n",
    );
    place.put("keys.yaml", "schema: 1\nmaster: \"0123\"\nworking: []\n");
    run(&[&listen[..], &["--rules", "rules.yaml", "--keys", "keys.yaml"]].concat()).expect(
        2,
        &[
            "rules.yaml:3:13",
            "unknown key `mesage`",
            "did you mean `message`?",
            "rules.yaml:5:12",
            "unknown word `quiet`",
            "keys.yaml:2:9",
            "this has 2 bytes",
            "the list of working keys is empty",
            "4 problems; nothing was run",
        ],
    );
    run(&[&listen[..], &["--rules", "none.yaml"]].concat()).expect(2, &["none.yaml: the file can't be read"]);
    assert!(!place.path("log.jsonl").exists(), "bad input has made a log");
    run(&["--listen", "127.0.0.1:0", "--log", "no/such/folder/log"]).expect(2, &["the log can't be opened"]);
    for address in ["5800", "127.0.0.1:65536", ":5800"] {
        run(&["--listen", address]).expect(2, &["write host and port, such as `127.0.0.1:5800`"]);
    }
}

#[test]
fn a_port_in_use_is_a_fault_of_the_rig() {
    let place = Place::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let ran = Ran::of(&place.taprig(&["acquirer", "--listen", &address]).output().unwrap());
    ran.expect(3, &[&format!("can't listen at {address}: "), "end it, or choose another port"]);
}

/// A full disk.
#[test]
fn a_log_that_can_not_be_written_ends_the_service() {
    let place = Place::new();
    let ran = Ran::of(&place.taprig(&["acquirer", "--listen", "127.0.0.1:0", "--log", "/dev/full"]).output().unwrap());
    ran.expect(3, &["writing the log: No space left on device"]);
}

#[test]
fn a_terminated_host_ends_like_an_interrupted_one() {
    let place = Place::new();
    let host = Host::start(&place, &[]);
    host.running.terminate();
    host.running.end().expect(0, &["taprig: 0 messages"]);
}

/// Every example of the document that is a file can be used as it stands.
#[test]
fn the_examples_of_the_document_are_right() {
    let text = std::fs::read_to_string(repository().join("rig/taprig/doc/acquirer.md")).unwrap();
    let blocks: Vec<&str> = text.split("```yaml\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    assert!(blocks.len() >= 2, "{} examples", blocks.len());
    for block in blocks {
        let place = Place::new();
        place.put("example.yaml", block);
        let option = if block.contains("\nworking:") { "--keys" } else { "--rules" };
        Host::start(&place, &[option, "example.yaml"]).end().expect(0, &["0 messages"]);
    }
}
