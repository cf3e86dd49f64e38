//! `taprig device new`: a device file is written from answers, and `taprig check` and `taprig device check` take it. It
//! needs Python 3.

use std::io::{Read as _, Write as _};
use std::process::{Child, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use super::place::{Place, Ran, repository};
use super::pty;

/// What a person knows of the worked example. It tells no detail of an outcome by this pattern, and has no status.
const LQ9: &str = r"schema: 1
title: The console of the worked example, from answers
device: LQ-9
firmware: LQFW
reply: 10 s
ready: 30 s
claims: [bus, oda-online, journal, tells-reason]
console:
  encoding: gbk
  line-end: cr
  echo: true
  prompt: LQ9>
  ok: =0
  error: =E
  amount: yuan
  time: DD.MM.YYYY-hh:mm:ss
  tells: [started, ready, show, sound, gate, result]
  repeats-ready: false
  events:
    started: ^@00
    ready: ^@01
    show: '^@10 显示\[(?<message>[0-9]+)\](?: 票价:￥(?<amount>[0-9.]+))?'
    sound: '^@11 蜂鸣 (?<sound>[0-9])'
    gate: '^@12 闸门 (?<gate>[01])'
    result: '^@20 交易 结果=(?<outcome>[0-9]+) 原因=(?<reason>E[0-9]+) 子码=[0-9](?: 扣款=￥(?<charged>[0-9.]+))?'
  commands:
    identity: VER
    clock: 'TIME {time}'
    key-add: 'KEY+ {rid} {index} {exponent} {modulus}'
    key-clear: KEY0
    journal: 'LOG {from:6}'
    journal-clear: LOGCLR
    factory: INIT
  lines:
    identity: ['^型号 (?<device>.+)$', '^固件 (?<firmware>[A-Z]+) (?<version>[0-9.]+)$']
    journal: ['^共 (?<count>[0-9]+) 条 ￥(?<total>[0-9.]+)$']
  rows: ['^#(?<number>[0-9]+) (?<time>\S+) (?<account>\S+) (?<sequence>\S+) ￥(?<charged>[0-9.]+)$', '^次数=(?<counter>[0-9]+) ']
  settings: ['CFG FARE {fare} {discount} {one-cent}', 'CFG LINE {line}', 'CFG CAP {capacity}']
  sent: { one-cent: { 'on': '1', 'off': '0' } }
words:
  messages: { '51': approved, '52': not authorised, '57': processing, '58': card read ok, '56': present card, '55': welcome }
  outcomes: { '00': approved, '01': declined }
  reasons: { E131: oda-approved, E113: expired }
  sounds: { '1': accepted, '2': attention, '3': refused }
  gates: { '0': shut, '1': open }
";

fn place() -> Place {
    let place = Place::new();
    for file in [
        "fixtures/devices/lumiqin/lq9.py",
        "fixtures/benches/lumiqin-lq9.yaml",
        "fixtures/cards/unionpay-credit-rsa1024.yaml",
        "cases/reasons.yaml",
    ] {
        place.put(file, &std::fs::read_to_string(repository().join(file)).unwrap());
    }
    place.put(
        "fixtures/devices/lumiqin-lq9.yaml",
        &std::fs::read_to_string(repository().join("fixtures/devices/lumiqin-lq9.yaml")).unwrap(),
    );
    place
}

fn taprig(place: &Place, args: &[&str]) -> Ran {
    Ran::of(&place.taprig(args).stdin(Stdio::null()).output().unwrap())
}

fn new(place: &Place, name: &str, answers: &str) -> Ran {
    place.put("answers.yaml", answers);
    taprig(place, &["device", "new", name, "--answers", "answers.yaml"])
}

fn file(place: &Place, name: &str) -> String {
    std::fs::read_to_string(place.path(&format!("fixtures/devices/{name}.yaml"))).unwrap()
}

/// Nothing of a device file is there, nor what was begun of one.
fn nothing_is_written(place: &Place, before: usize) {
    assert_eq!(std::fs::read_dir(place.path("fixtures/devices")).unwrap().count(), before);
}

#[test]
fn a_file_from_full_answers_describes_the_device() {
    let place = place();
    let before = std::fs::read_dir(place.path("fixtures/devices")).unwrap().count();
    let said = ["fixtures/devices/mine.yaml is written", "then try it: `taprig device check mine --bench BENCH`"];
    let ran = new(&place, "mine", LQ9);
    ran.expect(0, &said);
    assert!(!ran.out.contains("left to write") && !ran.out.contains("problem"), "{}", ran.out);
    nothing_is_written(&place, before + 1);
    taprig(&place, &["check", "fixtures/devices/mine.yaml"]).expect(0, &["no problems"]);
    taprig(&place, &["device", "check", "mine", "--bench", "lumiqin-lq9"]).expect(0, &["nothing is missing"]);
    let file = file(&place, "mine");
    // Each key has a comment above it or behind it, and a claim has the sentence of the project.
    for line in [
        "  attention-sound: false          # has a third sound, for \"look at the display\"",
        "  native-console: false           # speaks the console of firmware/validator, word for word",
        "    # What the rig sends at the end of a command: lf, cr or crlf.",
        "  merchant-max: 20.00 CNY",
        "    ignored: [county, route, bus, driver]",
    ] {
        assert!(file.lines().any(|known| known == line), "{line} is not in\n{file}");
    }
}

#[test]
fn what_nobody_knows_yet_is_reported_as_unfinished_with_its_line() {
    let place = place();
    new(&place, "blank", "schema: 1\n")
        .expect(0, &["11 values are left to write", "`taprig check fixtures/devices/blank.yaml`"]);
    let ran = taprig(&place, &["check", "fixtures/devices/blank.yaml"]);
    ran.expect(2, &["this value is not written yet", "11 problems; nothing was run"]);
    assert!(!ran.err.contains("can't match") && !ran.err.contains("no command sets"), "{}", ran.err);
    let line = 1 + file(&place, "blank").lines().position(|line| line.contains("is: gate")).unwrap();
    ran.expect(
        2,
        &[&format!("fixtures/devices/blank.yaml:{line}:"), "replace the text with the pattern of the line that says"],
    );
    // Nobody can run cases by it, either.
    let bench = std::fs::read_to_string(place.path("fixtures/benches/lumiqin-lq9.yaml")).unwrap();
    place.put("fixtures/benches/blank.yaml", &bench.replace("device: lumiqin-lq9", "device: blank"));
    place.case("BUS-001", super::place::RIDE);
    place.run(&["--bench", "blank"]).expect(2, &["this value is not written yet", "nothing was run"]);
}

#[test]
fn each_other_interface_needs_few_answers() {
    let place = place();
    for (kind, more) in
        [("native", ""), ("adapter", "command: [python3, adapter.py]\n"), ("operator", "asks: [shows, gate]\n")]
    {
        let answers =
            format!("schema: 1\ninterface: {kind}\ndevice: X-1\nfirmware: x\nfixed: {{ fare: 2.00 CNY }}\n{more}");
        let ran = new(&place, kind, &answers);
        ran.expect(0, &["is written"]);
        assert!(!ran.out.contains("left to write") && !ran.out.contains("problem"), "{kind}: {}", ran.out);
        taprig(&place, &["check", &format!("fixtures/devices/{kind}.yaml")]).expect(0, &["no problems"]);
        assert!(file(&place, kind).contains("\nfixed:\n  fare: 2.00 CNY\n"), "{kind}");
    }
    // The reference device is described by the answers of its own identity.
    let answers = "schema: 1\ninterface: native\ndevice: taprig-reference\nfirmware: taprig-validator\nwords:\n  messages: { '03': approved, '07': not authorised, '16': processing, '17': card read ok, '15': present card }\n";
    new(&place, "mine", answers).expect(0, &["is written"]);
    taprig(&place, &["device", "check", "mine", "--bench", "sim"]).expect(0, &["nothing is missing"]);
}

#[test]
fn a_file_is_never_overwritten() {
    let place = place();
    let before = file(&place, "lumiqin-lq9");
    new(&place, "lumiqin-lq9", LQ9).expect(2, &["exists already, and it is never overwritten", "choose another name"]);
    assert_eq!(file(&place, "lumiqin-lq9"), before);
    // Nor what a link leads to.
    std::os::unix::fs::symlink("/nowhere/file", place.path("fixtures/devices/linked.yaml")).unwrap();
    new(&place, "linked", LQ9).expect(2, &["exists already"]);
}

#[test]
fn answers_that_are_wrong_are_refused_with_their_line() {
    let place = place();
    let before = std::fs::read_dir(place.path("fixtures/devices")).unwrap().count();
    for (was, is, words) in [
        ("  echo: true", "  ecco: true", "unknown key `ecco`"),
        ("    clock: ", "    clok: ", "unknown command `clok`"),
        ("    show: '", "    shows: '", "unknown word `shows`"),
        ("    ready: ^@01", "    ready: '('", "this is not a pattern"),
        ("tells-reason]", "tells-reasons]", "unknown claim `tells-reasons`"),
    ] {
        assert!(LQ9.contains(was), "{was}");
        let answers = LQ9.replace(was, is);
        let line = 1 + answers.lines().position(|line| line.contains(is)).unwrap();
        new(&place, "mine", &answers).expect(2, &[&format!("answers.yaml:{line}:"), words]);
    }
    new(&place, "Not A Name", LQ9).expect(2, &["`Not A Name`"]);
    taprig(&place, &["device", "new", "mine", "--answers", "nowhere.yaml"])
        .expect(2, &["nowhere.yaml: the file can't be read"]);
    taprig(&place, &["device", "new", "--answers", "answers.yaml"]).expect(2, &["the device file has no name"]);
    nothing_is_written(&place, before);
}

#[test]
fn without_a_terminal_and_without_answers_there_is_advice() {
    let place = place();
    let words = ["there is no terminal to ask the questions on", "give the answers in a file with --answers"];
    taprig(&place, &["device", "new", "mine"]).expect(2, &words);
}

/// A conversation at a pseudo terminal.
struct AtTerminal {
    device: std::fs::File,
    child: Child,
    shown: String,
}

impl AtTerminal {
    fn start(place: &Place) -> Self {
        let (device, port, _) = pty::raw();
        let mut command = place.taprig(&["device", "new", "mine"]);
        command.stdin(Stdio::from(port.try_clone().unwrap())).stderr(Stdio::from(port.try_clone().unwrap()));
        let child = command.stdout(Stdio::piped()).spawn().unwrap();
        drop((command, port));
        Self { device, child, shown: String::new() }
    }

    /// Reads up to the next question. Returns false if the program has ended.
    fn question(&mut self) -> bool {
        let mut bytes = [0; 4096];
        while let Ok(n @ 1..) = self.device.read(&mut bytes) {
            self.shown += &String::from_utf8_lossy(&bytes[..n]);
            if self.shown.ends_with("] ") {
                return true;
            }
        }
        false
    }
}

#[test]
fn at_a_terminal_enter_takes_every_default() {
    let place = place();
    let mut talk = AtTerminal::start(&place);
    while talk.question() {
        talk.device.write_all(b"\n").unwrap();
    }
    let ran = Ran::of(&talk.child.wait_with_output().unwrap());
    assert_eq!(ran.code, 0, "{}{}", ran.out, talk.shown);
    assert!(ran.out.contains("fixtures/devices/mine.yaml is written"), "{}", ran.out);
    let shown = "Which interface does the device have?\n  1 rules: a text console of its own";
    assert!(talk.shown.contains(shown), "{}", talk.shown);
    assert!(talk.shown.contains("What is `mode` set to? [oda] "), "{}", talk.shown);
    // The same as answers that say nothing.
    new(&place, "blank", "schema: 1\ntitle: mine\n").expect(0, &[]);
    let (mine, blank) = (file(&place, "mine"), file(&place, "blank"));
    assert_eq!(mine, blank);
}

#[test]
fn ctrl_c_writes_nothing() {
    let place = place();
    let before = std::fs::read_dir(place.path("fixtures/devices")).unwrap().count();
    let mut talk = AtTerminal::start(&place);
    for _ in 0..5 {
        assert!(talk.question(), "{}", talk.shown);
        talk.device.write_all(b"\n").unwrap();
    }
    assert!(talk.question());
    kill_process(Pid::from_child(&talk.child), Signal::INT).unwrap();
    let ended = talk.child.wait().unwrap();
    assert_eq!(ended.code(), Some(3), "{ended}");
    nothing_is_written(&place, before);
}

/// A terminal that goes away, such as a window that is closed.
#[test]
fn the_end_of_the_input_writes_nothing() {
    let place = place();
    let before = std::fs::read_dir(place.path("fixtures/devices")).unwrap().count();
    let mut talk = AtTerminal::start(&place);
    assert!(talk.question());
    drop(talk.device);
    assert!(!talk.child.wait().unwrap().success());
    nothing_is_written(&place, before);
}
