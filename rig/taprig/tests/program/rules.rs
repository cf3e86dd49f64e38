//! A validator of another maker as a program, with a console that rules describe: the worked example of the repository.
//! It needs Python 3.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Stdio};

use super::attached::{ASK, answers, in_a_row, play_emulator, reports};
use super::place::{Place, Ran, repository};

/// A project with the worked example and its bench.
fn place() -> Place {
    let place = Place::new();
    let from = repository().join("fixtures");
    for file in ["devices/lumiqin-lq9.yaml", "devices/lumiqin/lq9.py", "benches/lumiqin-lq9.yaml"] {
        place.put(&format!("fixtures/{file}"), &std::fs::read_to_string(from.join(file)).unwrap());
    }
    place
}

/// A firmware that has sent events before its console is open, and that answers one command.
const FIRMWARE: &str = r#"#!/usr/bin/env python3
import os, tty
rig, console = os.openpty()
tty.setraw(console)
os.write(rig, b"! started\n! ready\n")
print('{"serial": "%s"}' % os.ttyname(console), flush=True)
while os.read(rig, 4096) != b"identity\n":
    pass
os.write(rig, b"ok version=1.0 board=sim\n")
os.read(0, 1)
"#;

/// A command that came at the same time as an event once stopped the example for good: it waited for an event that the
/// command had read already.
#[test]
fn the_example_answers_a_command_that_comes_together_with_an_event() {
    let place = Place::new();
    place.put("firmware", FIRMWARE);
    std::fs::set_permissions(place.path("firmware"), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let mut example = Command::new("python3")
        .arg(repository().join("fixtures/devices/lumiqin/lq9.py"))
        .args([place.path("firmware"), "air".into(), place.path("")])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    // It is there before the example looks for the first time.
    example.stdin.as_mut().unwrap().write_all(b"VER\r").unwrap();
    let (tell, heard) = std::sync::mpsc::channel();
    let output = example.stdout.take().unwrap();
    std::thread::spawn(move || {
        BufReader::new(output).split(b'\r').map_while(Result::ok).for_each(|line| drop(tell.send(line)));
    });
    let mut lines = std::iter::from_fn(|| heard.recv_timeout(std::time::Duration::from_secs(20)).ok());
    let is_answered = lines.any(|line| line == b"=0");
    example.kill().unwrap();
    example.wait().unwrap();
    assert!(is_answered, "the command has no reply");
}

/// Each is refused before anything runs, with its place in the file. No pattern takes exponential time, because the engine has no
/// back-references and no look-around.
#[test]
fn a_bad_pattern_is_refused_with_its_place() {
    let good = "error: ^=E(?<why>.+)$";
    for (pattern, problem) in [
        ("^=E(?<why>.+)\\r\\n$", "this pattern can't match"),
        ("a^=E(?<why>.+)$", "this pattern can't match"),
        ("'(?<why>.*)'", "this pattern matches the empty text"),
        ("'^=E(?<why>.+)\\1$'", "this is not a pattern, because backreferences are not supported"),
        ("'^(?=x)(?<why>.+)$'", "this is not a pattern, because look-around"),
        ("'^(?<why>(\\w{100}){100})$'", "this pattern is too large when it is compiled"),
    ] {
        let place = place();
        place.case("BUS-001", ASK);
        let file = "fixtures/devices/lumiqin-lq9.yaml";
        let text = std::fs::read_to_string(place.path(file)).unwrap();
        let line = text.lines().position(|line| line.trim() == good).unwrap() + 1;
        place.put(file, &text.replace(good, &format!("error: {pattern}")));
        let words = [problem, &format!("{file}:{line}:")];
        place.run(&["--bench", "lumiqin-lq9"]).expect(2, &words);
        Ran::of(&place.taprig(&["check", "fixtures/devices"]).output().unwrap()).expect(2, &words);
        assert!(!place.path("report").exists() && !place.path("state").exists(), "nothing was touched");
    }
}

/// A ride, its record, and a second ride after a power cycle.
const RIDES: &str = "steps:
  - tap
  - journal: { records: [{ number: 1, account: '622990\\*\\*\\*\\*\\*\\*0021', charged: 1.00 CNY, counter: '0017', kind: oda, time: '2018-05-21T08:00:*' }], count: 1, total: 1.00 CNY }
  - power-cycle
  - validator: { clock: 2018-05-21T09:00:00 }
  - tap
  - status: { state: ready, journal: 2, total: 2.00 CNY, clock: '2018-05-21T09:00:*' }
  - clear-journal
  # The same card may ride again at once.
  - validator: { fare: 2.00 CNY, retap: 0 s }
  - tap: { expect: { charged: 2.00 CNY, journal: +1 } }
  - journal: { records: [{ number: 1, charged: 2.00 CNY }], count: 1 }
expect: { outcome: approved, sound: accepted, gate: open, shows: approved, reason: oda-approved, cvm: none }
";

#[test]
fn a_console_unlike_ours_is_judged_to_the_end() {
    let place = place();
    place.case("BUS-001", RIDES);
    place.run(&["--bench", "lumiqin-lq9"]).expect(0, &["1 passed"]);
    assert_eq!(place.record(), "complete");
    let events = std::fs::read_to_string(place.path("report/events.jsonl")).unwrap();
    // Its boot noise is recorded, its prompts and the echoes of commands are not.
    assert!(events.contains(r#""kind":"console-noise","text":"LQ-BOOT 2.1 crc ok""#), "{events}");
    assert!(!events.contains("LQ9>") && !events.contains("CFG FARE"), "{events}");
    // No account number is written, in whatever style.
    for style in ["6229900180000021", "6229-9001-8000-0021"] {
        assert!(!events.contains(style), "{style}");
    }
}

/// The rig sends a number to the device, and the device repeats it.
#[test]
fn the_raw_bytes_of_a_console_have_no_account_number_unless_it_is_kept() {
    let place = place();
    let steps = "steps: [{ validator: { deny-list: ['6229900280000000644', '6229900180000039'] } }, tap, { status: { state: ready } }]\n";
    place.case("BUS-001", &format!("{steps}expect: {{ outcome: approved }}\n"));
    let raw = |args: &[&str]| {
        place.run(&[&["--bench", "lumiqin-lq9"], args].concat()).expect(0, &["1 passed"]);
        assert_eq!(place.record(), "complete");
        let bytes = std::fs::read(place.path("report/serial/lumiqin-lq9-1-validator-console.bin")).unwrap();
        // Its texts are GBK, and so they stay.
        assert!(bytes.windows(4).any(|bytes| bytes == [0xD7, 0xB4, 0xCC, 0xAC]), "status");
        bytes.iter().map(|byte| char::from(*byte)).collect::<String>()
    };
    let (masked, whole) = (raw(&[]), raw(&["--keep-card-numbers"]));
    for (number, hidden) in [("6229900280000000644", "622990xxxxxxxxx0644"), ("6229900180000039", "622990xxxxxx0039")] {
        assert!(!masked.contains(number), "{number} is in the record");
        let sent = masked.matches(&format!("BL+ {hidden} ")).count();
        assert!(sent >= 2, "sent and repeated: {sent} times");
        assert_eq!(whole.matches(&format!("BL+ {number} ")).count(), sent);
    }
}

#[test]
fn a_verdict_on_a_wrong_fare_is_a_fail() {
    let place = place();
    place.case("BUS-001", "steps: [tap]\nexpect: { outcome: declined, charged: 3.00 CNY }\n");
    place.run(&["--bench", "lumiqin-lq9"]).expect(1, &["expected declined, seen approved", "1 failed"]);
}

#[test]
fn without_a_result_the_outcome_follows_from_the_signs() {
    let place = place();
    let file = "fixtures/devices/lumiqin-lq9.yaml";
    let text = std::fs::read_to_string(place.path(file)).unwrap();
    let (before, rest) = text.split_once("      - is: result\n").unwrap();
    let (_, after) = rest.split_once("\n      - { is: fault").unwrap();
    let text = format!("{before}      - {{ is: fault{after}");
    let text = text.replace("tells-cvm: true", "tells-cvm: false").replace("tells-reason: true", "tells-reason: false");
    place.put(file, &text);
    place.case(
        "BUS-001",
        "steps: [tap]\nexpect: { outcome: approved, charged: 1.00 CNY, gate: open, reason: oda-approved }\n",
    );
    place.case("BUS-002", "steps: [tap]\nexpect: { outcome: declined }\n");
    let ran = place.run(&["--bench", "lumiqin-lq9"]);
    ran.expect(1, &["expected declined, seen approved", "1 passed, 1 failed"]);
    assert_eq!(place.verdict("BUS-001").0, "pass");
}

#[test]
fn a_case_that_a_fixed_setting_excludes_is_not_applicable() {
    let place = place();
    let file = "fixtures/devices/lumiqin-lq9.yaml";
    let text = std::fs::read_to_string(place.path(file)).unwrap();
    let text = text.replace("      - { send: \"CFG FARE {fare} {discount} {one-cent}\" }\n", "");
    place.put(file, &text.replace("interface:\n", "fixed: { fare: 1.00 CNY }\ninterface:\n"));
    place.case("BUS-001", "steps: [tap]\nexpect: { outcome: approved, charged: 1.00 CNY }\n");
    place.case("BUS-002", "steps: [tap, { validator: { fare: 2.00 CNY } }, tap]\nexpect: { outcome: approved }\n");
    place.run(&["--bench", "lumiqin-lq9"]).expect(0, &["1 passed"]);
    let (verdict, why) = place.verdict("BUS-002");
    assert_eq!(verdict, "not-applicable");
    assert_eq!(why, "the device is fixed to `fare: 1.00 CNY`, and the case needs `fare: 2.00 CNY`");
    let nothing = "no case was judged, because none applies to this device on this bench; the bench was not touched";
    place.run(&["BUS-002", "--bench", "lumiqin-lq9"]).expect(0, &[nothing]);
}

#[test]
fn a_result_that_no_rule_explains_is_shown() {
    let place = place();
    let file = "fixtures/devices/lumiqin-lq9.yaml";
    let text = std::fs::read_to_string(place.path(file)).unwrap();
    assert!(text.contains("'^@20 交易"));
    place.put(file, &text.replace("'^@20 交易", "'^@21 交易"));
    place.case("BUS-001", "steps: [tap]\nexpect: { outcome: approved }\n");
    let ran = place.run(&["--bench", "lumiqin-lq9"]);
    ran.expect(1, &["none; no rule explains `@20 交易 结果=00 "]);
}

#[test]
fn a_device_without_discounts_is_told_only_its_fare() {
    let place = place();
    let (file, program) = ("fixtures/devices/lumiqin-lq9.yaml", "fixtures/devices/lumiqin/lq9.py");
    let text = std::fs::read_to_string(place.path(file)).unwrap();
    let text = text.replace("CFG FARE {fare} {discount} {one-cent}", "CFG FARE {fare}");
    let text = text.replace("        one-cent: { \"on\": \"1\", \"off\": \"0\" }\n", "");
    place.put(file, &text.replace("interface:\n", "fixed: { discount: 0 %, one-cent: false }\ninterface:\n"));
    let text = std::fs::read_to_string(place.path(program)).unwrap();
    let text = text.replace(r#"case ["CFG", "FARE", flat, discount, one_cent]:"#, r#"case ["CFG", "FARE", flat]:"#);
    let sets = r#"{"fare": fen(flat), "discount": discount, "one-cent": switch(one_cent)}"#;
    assert!(text.contains(sets));
    place.put(program, &text.replace(sets, r#"{"fare": fen(flat)}"#));
    place.case("BUS-001", "steps: [{ validator: { fare: 2.00 CNY } }, tap]\nexpect: { charged: 2.00 CNY }\n");
    let discount = "{ validator: { fare: { flat: 2.00 CNY, discount: 20 % } } }";
    place.case("BUS-002", &format!("steps: [{discount}, tap]\nexpect: {{ charged: 1.60 CNY }}\n"));
    place.run(&["--bench", "lumiqin-lq9"]).expect(0, &["1 passed, 1 not applicable"]);
    let (_, why) = place.verdict("BUS-002");
    assert_eq!(why, "the device is fixed to `discount: 0 %`, and the case needs `discount: 20 %`");
}

#[test]
fn a_program_that_does_not_start_is_a_fault_of_the_rig() {
    let place = place();
    place.case("BUS-001", "steps: [tap]\nexpect: { outcome: approved }\n");
    place.put("fixtures/devices/lumiqin/lq9.py", "import sys\nsys.exit('card 6229 9001 8000 0021 in the way')\n");
    let ran = place.run(&["--bench", "lumiqin-lq9"]);
    ran.expect(3, &["its program ended with exit status: 1: card 622990xxxxxx0021 in the way"]);
}

/// The program ends where its firmware says `when`.
fn crashes(place: &Place, when: &str) {
    let file = "fixtures/devices/lumiqin/lq9.py";
    let text = std::fs::read_to_string(place.path(file)).unwrap();
    let crash =
        format!("        if name == \"{when}\":\n            sys.exit(\"card 6229 9001 8000 0021 in the way\")\n");
    let at = "        first = next(iter(said), \"\")\n";
    assert!(text.contains(at));
    place.put(file, &text.replace(at, &format!("{at}{crash}")));
}

#[test]
fn a_program_that_ends_in_a_tap_fails_the_case() {
    let place = place();
    crashes(&place, "result");
    place.case("BUS-001", "steps: [{ tap: { expect: { journal: unchanged } } }, tap, journal: { count: 0 }]\nexpect: { outcome: declined, charged: 0.00 CNY, journal: unchanged }\n");
    place.case("BUS-002", "steps: [status: { journal: 0 }]\n");
    let ran = place.run(&["--bench", "lumiqin-lq9"]);
    ran.expect(1, &["its program ended with exit status: 1: card 622990xxxxxx0021 in the way", "1 passed, 1 failed"]);
    let (verdict, why) = place.verdict("BUS-001");
    assert_eq!(verdict, "fail");
    assert!(why.starts_with("ready again (tap 1): expected a validator that keeps running"), "{why}");
    // What was not asked any more is neither confirmed nor blamed on the device.
    let unasked = ["journal", "count", "outcome", "charged", "journal"];
    assert_eq!(place.not_judged("BUS-001"), unasked.map(String::from), "{}", ran.out);
}

#[test]
fn a_program_that_ends_after_a_tap_fails_the_case_too() {
    let place = place();
    place.case("BUS-001", "steps: [tap, power-cycle, journal: { count: 1 }]\nexpect: { outcome: approved }\n");
    let file = "fixtures/devices/lumiqin/lq9.py";
    let text = std::fs::read_to_string(place.path(file)).unwrap();
    place.put(
        file,
        &text.replace("case [\"LOG\", first]:\n", "case [\"LOG\", first]:\n                sys.exit(\"no log\")\n"),
    );
    place.run(&["--bench", "lumiqin-lq9"]).expect(1, &["its program ended with exit status: 1: no log", "1 failed"]);
}

#[test]
fn a_journal_that_no_pattern_explains_is_no_failure_of_the_device() {
    let place = place();
    place.case("BUS-001", "steps: [tap]\nexpect: { outcome: approved, journal: +1 }\n");
    let file = "fixtures/devices/lumiqin-lq9.yaml";
    let text = std::fs::read_to_string(place.path(file)).unwrap();
    assert!(text.contains("'^#(?<number>"));
    place.put(file, &text.replace("'^#(?<number>", "'^No[.](?<number>"));
    let ran = place.run(&["--bench", "lumiqin-lq9"]);
    ran.expect(
        3,
        &["1 error", "no pattern of the device file explains `#000001 ", "`interface.rules.commands.journal`"],
    );
}

/// A console at a TCP port: here the test plays a validator that speaks like ours.
#[test]
fn a_validator_is_reached_over_a_network() {
    let place = Place::new();
    place.case("BUS-001", ASK);
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let link = super::attached::Terminal::new();
    let port = listener.local_addr().unwrap();
    place.bench(
        "desk",
        &format!("attached: {{ tcp: \"{port}\" }}"),
        &format!("attached: {{ serial: {{ path: {} }} }}", link.path().display()),
    );
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            for line in BufReader::new(&stream).lines().map_while(Result::ok) {
                (&stream).write_all(answers(&line).as_bytes()).unwrap();
            }
        }
    });
    play_emulator(link, reports(in_a_row()));
    place.run(&["--bench", "desk"]).expect(0, &["1 passed"]);
}

#[test]
fn a_console_that_falls_silent_fails_the_case_if_a_restart_helps() {
    let place = place();
    let file = "fixtures/devices/lumiqin-lq9.yaml";
    let text = std::fs::read_to_string(place.path(file)).unwrap();
    assert!(text.contains("deadlines"), "the file of the device names its deadlines");
    let program = "fixtures/devices/lumiqin/lq9.py";
    let text = std::fs::read_to_string(place.path(program)).unwrap();
    // It hangs when it is asked for its state after a ride, and a restart takes it back.
    let at = "case [\"LOG\", first]:\n";
    assert!(text.contains(at));
    place.put(program, &text.replace(at, &format!("{at}                __import__('time').sleep(1000)\n")));
    place.case("BUS-001", "steps: [tap, status: { state: ready }]\nexpect: { outcome: approved, journal: '+1' }\n");
    let ran = place.run(&["--bench", "lumiqin-lq9"]);
    ran.expect(1, &["it sent nothing", "after a restart it answers again", "1 failed"]);
    let (verdict, why) = place.verdict("BUS-001");
    assert_eq!(verdict, "fail");
    assert!(why.contains("expected a validator that keeps running"), "{why}");
}
