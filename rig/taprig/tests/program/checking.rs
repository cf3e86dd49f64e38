//! `taprig bench check`: a bench that is fit, and benches with a planted fault.

use std::fs;

use serde_json::Value;
use wire::link::{Note, Order, Release, Report, Request, Traffic};

use super::attached::{Terminal, answers, in_a_row, play_emulator, play_orders, play_validator, reports};
use super::place::{Place, Ran};
use super::running::Running;

fn check(place: &Place, args: &[&str]) -> Ran {
    let args: Vec<&str> = ["bench", "check"].iter().chain(args).copied().collect();
    Ran::of(&place.taprig(&args).output().unwrap())
}

/// The result as JSON.
fn json(place: &Place, bench: &str, code: i32) -> Value {
    let ran = check(place, &[bench, "--format", "json"]);
    ran.expect(code, &[]);
    serde_json::from_str(&ran.out).unwrap()
}

/// The finding that says that the bench is not fit: its step, its part, what was seen and what to do. It is the last one.
fn failed(result: &Value) -> [String; 4] {
    let findings = result["findings"].as_array().unwrap();
    let failed: Vec<_> = findings.iter().filter(|finding| finding["state"] == "failed").collect();
    assert_eq!(failed.len(), 1, "{result}");
    assert_eq!(Some(failed[0]), findings.last(), "nothing follows a failure: {result}");
    assert_eq!(result["fit"], false);
    ["step", "part", "seen", "advice"].map(|key| failed[0][key].as_str().unwrap_or_default().to_owned())
}

/// A bench with both boards at the end of a terminal.
fn desk(place: &Place, console: &Terminal, link: &Terminal) {
    let attached = |terminal: &Terminal| format!("attached: {{ serial: {{ path: {} }} }}", terminal.path().display());
    place.bench("desk", &attached(console), &attached(link));
}

#[test]
fn an_emulated_bench_is_fit_and_is_flashed_once() {
    let Some(place) = Place::of_bench("qemu") else { return };
    let first = check(&place, &["qemu"]);
    first.expect(0, &["the bench qemu is fit: ", "flashed now", "exchanges with unionpay-credit-rsa1152: approved"]);
    let result = json(&place, "qemu", 0);
    assert_eq!((&result["bench"], &result["fit"], &result["wedged"]), (&"qemu".into(), &true.into(), &Value::Null));
    let findings = result["findings"].as_array().unwrap();
    let steps: Vec<_> = findings.iter().map(|finding| finding["step"].as_str().unwrap()).collect();
    let mut once = steps.clone();
    once.dedup();
    assert_eq!(once, ["host", "ports", "flash", "console", "air", "settings", "tap"], "the order of the first day");
    assert!(findings.iter().all(|finding| !finding["seen"].as_str().unwrap().contains("flashed now")), "{result}");
}

#[test]
fn a_bench_of_hosted_boards_is_fit() {
    let place = Place::new();
    let ran = check(&place, &["sim"]);
    ran.expect(
        0,
        &["ok       air         card side", "ok       tap         validator", "the bench sim is fit: 12 checks"],
    );
    // A project without the card of the tap has no tap.
    fs::remove_file(place.path("fixtures/cards/unionpay-credit-rsa1152.yaml")).unwrap();
    check(&place, &["sim"])
        .expect(0, &["-        tap         validator", "--card names another one", "is fit: 10 checks"]);
    check(&place, &["sim", "--card", "none"]).expect(2, &["there is no card `none`"]);
}

#[test]
fn a_wrong_file_is_refused_before_anything_is_touched() {
    let place = Place::new();
    let port = |of: &str| format!("attached: {{ serial: {{ path: /dev/{of} }} }}");
    place.bench("desk", &port("ttyS7"), &port("ttyS7"));
    check(&place, &["desk"]).expect(2, &["this is the serial port of the validator as well", "desk.yaml:8:"]);
    Ran::of(&place.taprig(&["check", "fixtures"]).output().unwrap())
        .expect(2, &["the serial port of the validator as well"]);
    place.bench("desk", &port("ttyS7"), &port("ttyS8"));
    place.bench("other", &port("ttyS9"), &port("ttyS7"));
    check(&place, &["desk"]).expect(2, &["the bench `other` names this serial port as well", "desk.yaml:5:"]);
    Ran::of(&place.taprig(&["check", "fixtures"]).output().unwrap())
        .expect(2, &["the bench `other` names this serial port"]);
    let probe =
        "probe: { chip: STM32F405RGTx, firmware: target/boards/stm32f405-validator.elf, serial: { path: /dev/ttyS1 } }";
    place.bench("other", probe, &probe.replace("ttyS1", "ttyS2"));
    check(&place, &["other"])
        .expect(2, &["this is the debug probe of the validator as well", "name the probe of each board"]);
    // The same for every card side that is a board.
    let antenna = |card: &str| {
        let device = "schema: 1\ntitle: A bench\ndevice: taprig-reference\n";
        place.put(
            "fixtures/benches/antenna.yaml",
            &format!("{device}validator:\n  {}\ncard:\n  nrf52840:\n    {card}\n", port("ttyS5")),
        );
        Ran::of(&place.taprig(&["check", "fixtures/benches/antenna.yaml"]).output().unwrap())
    };
    antenna(&port("ttyS5")).expect(2, &["this is the serial port of the validator as well"]);
    antenna(&port("ttyS7")).expect(2, &["names this serial port as well"]);
    check(&place, &["none"]).expect(2, &["there is no bench `none`"]);
    assert!(!place.path("state").exists(), "nothing was touched");
}

/// The rig itself has the power of what runs on this host, and a virtual reader has none.
#[test]
fn a_power_switch_that_nothing_would_use_is_refused() {
    let attached = "attached: { serial: { path: /dev/ttyS7 } }";
    let emulator = |board: &str| format!("emulator: {{ {board} }}");
    let program = "program: { command: [cat] }";
    let qemu = "qemu: { machine: mps2-an386 }";
    let own =
        "this switch would never be used: the rig itself switches the power of this part, because it runs on this host";
    let reader = "this switch would never be used: a virtual reader has no power";
    for (validator, card, role, problem) in [
        ("sim: {}", emulator(attached), "validator", own),
        (qemu, emulator(attached), "validator", own),
        (program, emulator(attached), "validator", own),
        (attached, emulator("sim: {}"), "emulator", own),
        (attached, emulator(qemu), "emulator", own),
        (attached, emulator(program), "emulator", own),
        (attached, "nrf52840: { sim: {} }".into(), "emulator", own),
        (attached, "pn532-model: {}".into(), "emulator", own),
        (attached, "virtual-reader: {}".into(), "emulator", reader),
    ] {
        let place = Place::new();
        place.case("BUS-001", super::place::RIDE);
        let switch = "command: { on: [touch, touched], off: [touch, touched], off-for: 1 ms }";
        let text = format!(
            "schema: 1\ntitle: A bench\ndevice: taprig-reference\nvalidator: {{ {validator} }}\ncard: {{ {card} }}\n\
             power:\n  switches:\n    {role}: {{ {switch} }}\n"
        );
        place.put("fixtures/benches/desk.yaml", &text);
        let words = [problem, "fixtures/benches/desk.yaml:8:", "remove the switch"];
        place.run(&["--bench", "desk"]).expect(2, &words);
        check(&place, &["desk"]).expect(2, &words);
        Ran::of(&place.taprig(&["check", "fixtures"]).output().unwrap()).expect(2, &words);
        assert!(!place.path("touched").exists() && !place.path("state").exists(), "nothing was touched");
    }
    // Whatever is on a cable, or reached by a program or a person, may have one.
    for (validator, card, role) in [
        (attached, emulator("attached: { serial: { path: /dev/ttyS8 } }"), "validator"),
        (attached, emulator("attached: { serial: { path: /dev/ttyS8 } }"), "emulator"),
        (attached, "pn532: { serial: { path: /dev/ttyS8 } }".into(), "emulator"),
        ("external: {}", "virtual-reader: {}".into(), "validator"),
    ] {
        let place = Place::new();
        let text = format!(
            "schema: 1\ntitle: A bench\ndevice: taprig-reference\nvalidator: {{ {validator} }}\ncard: {{ {card} }}\n\
             power: {{ switches: {{ {role}: {{ command: {{ on: [a], off: [b], off-for: 1 ms }} }} }} }}\n"
        );
        place.put("fixtures/benches/desk.yaml", &text);
        Ran::of(&place.taprig(&["check", "fixtures/benches/desk.yaml"]).output().unwrap()).expect(0, &["no problems"]);
    }
}

#[test]
fn a_port_that_is_missing_stops_the_check() {
    let place = Place::new();
    place.bench("desk", "attached: { serial: { path: /dev/no-such-port } }", "sim: {}");
    let [step, part, seen, advice] = failed(&json(&place, "desk", 3));
    assert_eq!((step.as_str(), part.as_str()), ("ports", "validator"));
    assert!(seen.contains("the path /dev/no-such-port") && advice.contains("is plugged in"), "{seen} {advice}");
    let ran = check(&place, &["desk"]);
    ran.expect(3, &["FAILED   ports       validator", "-> check that the board", "the bench desk is not fit: "]);
}

#[test]
fn a_state_folder_that_can_not_be_written_stops_the_check() {
    let place = Place::new();
    let args = ["bench", "check", "sim", "--format", "json"];
    // Not even root may make a folder there.
    let output = place.taprig(&args).env("TAPRIG_STATE", "/proc/taprig").output().unwrap();
    let ran = Ran::of(&output);
    ran.expect(3, &[]);
    let result: Value = serde_json::from_str(&ran.out).unwrap();
    let findings = result["findings"].as_array().unwrap();
    assert!(findings.iter().all(|finding| finding["step"] == "host"), "{result}");
    let failed = findings.iter().find(|finding| finding["state"] == "failed").unwrap();
    assert!(failed["seen"].as_str().unwrap().starts_with("/proc/taprig/boards/sim can't be written: "), "{failed}");
    assert_eq!(failed["advice"], "set TAPRIG_STATE to a folder that you may write");
}

#[test]
fn a_board_that_is_silent_stops_the_check_and_leaves_no_mark() {
    let place = Place::new();
    place.device("ready: 5 s", "ready: 1 s");
    let (console, link) = (Terminal::new(), Terminal::new());
    desk(&place, &console, &link);
    let _say = play_validator(console, |_| String::new());
    play_emulator(link, reports(in_a_row()));
    let [step, part, seen, advice] = failed(&json(&place, "desk", 3));
    assert_eq!((step.as_str(), part.as_str()), ("flash", "validator"));
    assert!(seen.contains("did not become ready within 1000 ms") && advice.contains("has power"), "{seen} {advice}");
    assert!(!place.path("state/boards/desk/wedged.json").exists());
}

#[test]
fn another_device_at_the_port_is_told() {
    let place = Place::new();
    let (console, link) = (Terminal::new(), Terminal::new());
    desk(&place, &console, &link);
    let _say = play_validator(console, |line| answers(line).replace("taprig-reference", "another-device"));
    play_emulator(link, reports(in_a_row()));
    let [step, part, seen, advice] = failed(&json(&place, "desk", 3));
    assert_eq!((step.as_str(), part.as_str()), ("flash", "validator"));
    assert!(seen.contains("says that it is another-device") && advice.contains("swapped"), "{seen} {advice}");
}

#[test]
fn an_air_that_is_cut_is_told() {
    let place = Place::new();
    // This validator answers on its console, and no reader of it ever looks for a card.
    let console = Terminal::new();
    place.bench("desk", &format!("attached: {{ serial: {{ path: {} }} }}", console.path().display()), "sim: {}");
    let _say = play_validator(console, answers);
    let [step, part, seen, advice] = failed(&json(&place, "desk", 3));
    assert_eq!((step.as_str(), part.as_str()), ("air", "card side"));
    assert!(
        seen.contains("did not activate a card within 3 s") && advice.contains("polls for type A"),
        "{seen} {advice}"
    );
}

#[test]
fn the_frames_between_hosted_boards_are_counted() {
    let place = Place::new();
    let ran = check(&place, &["sim", "--frames", "600"]);
    ran.expect(0, &[" frames of the reader and ", " of the card with ", " s: none lost\n", "is fit: 13 checks"]);
    let number = |from: &str| -> u32 {
        let words: Vec<_> = ran.out.split_whitespace().collect();
        let at = words.windows(5).position(|words| words.join(" ").ends_with(from)).unwrap();
        words[at].parse().unwrap()
    };
    assert!(number("frames of the reader") >= 600, "{}", ran.out);
    check(&place, &["sim", "--frames", "0"]).expect(2, &["0 is not in 1..=1000000"]);
    check(&place, &["sim", "--frames", "10", "--loop"]).expect(2, &["cannot be used with"]);
}

/// Boards that the test plays. The reader asks for a block again, or gets no answer at all.
#[test]
fn a_frame_that_is_lost_stops_the_check() {
    for (retries, fault, words) in [
        (1, "", "900 frames of the reader and 810 of the card with 3 cards"),
        (1, "", ": 3 lost (3 asked for again, 0 without any answer of the card side)"),
        (0, "! fault what=air-dead times=1\n", ": 3 lost (0 asked for again, 3 without any answer of the card side)"),
    ] {
        let place = Place::new();
        let (console, link) = (Terminal::new(), Terminal::new());
        desk(&place, &console, &link);
        let say = play_validator(console, answers);
        play_orders(link, emulator(retries, move || say(&format!("{fault}! ready\n"))));
        let ran = check(&place, &["desk", "--frames", "700"]);
        ran.expect(3, &[words, "FAILED   air         card side", "-> check the wires of the air, ground too"]);
    }
}

/// An emulator with a card that a reader reads with one command. `removed` is called when the card is taken away.
fn emulator(retries: u16, removed: impl Fn() + Send + 'static) -> impl FnMut(Order) -> Vec<Note> + Send {
    let mut identify = reports(|_| 0);
    let mut number = 0;
    move |order| {
        let reports = match order.request {
            request @ (Request::Identify | Request::Echo(_)) => vec![identify(request).remove(0).report],
            Request::Present => vec![
                Report::Field(true),
                Report::Activated { fsd: 256 },
                Report::Command { number: 1, command: [0x00, 0xA4].as_slice().try_into().unwrap() },
            ],
            Request::Answer { .. } => vec![Report::Released(Release::Deselected)],
            Request::Remove => {
                removed();
                let traffic = Traffic { from_reader: 300, from_card: 270, retries, ..Traffic::default() };
                vec![Report::Removed(traffic)]
            }
            _ => vec![Report::Done(order.number)],
        };
        let notes = reports.into_iter().map(|report| {
            number += 1;
            Note { number, at_us: 0, air_us: 0, report }
        });
        notes.collect()
    }
}

#[test]
fn the_loop_test_ends_the_check() {
    for (told, code, words) in [
        ("ok sent=25600 back=25600 wrong=0 us=256500\n", 0, "25600 bytes sent, 25600 back, 0 wrong"),
        ("ok sent=25600 back=25519 wrong=0 us=256500\n", 3, "-> bytes were lost: "),
    ] {
        let place = Place::new();
        let (console, link) = (Terminal::new(), Terminal::new());
        desk(&place, &console, &link);
        let _say =
            play_validator(console, move |line| if line == "loopback 100" { told.to_owned() } else { answers(line) });
        play_emulator(link, reports(in_a_row()));
        let ran = check(&place, &["desk", "--loop"]);
        ran.expect(code, &[words]);
        assert!(!ran.out.contains("  air  "), "{}", ran.out);
    }
}

#[test]
fn a_bench_that_a_run_uses_is_not_disturbed() {
    let place = Place::new();
    place.case("BUS-001", super::place::RIDE);
    let terminal = Terminal::new();
    place.bench("desk", &format!("attached: {{ serial: {{ path: {} }} }}", terminal.path().display()), "sim: {}");
    place.device("ready: 5 s", "ready: 60 s");
    let run = Running::start(&place, &["--bench", "desk"]);
    run.boards_when("board emulator", 1);
    let [step, part, seen, advice] = failed(&json(&place, "desk", 3));
    assert_eq!((step.as_str(), part.as_str()), ("flash", "this machine"));
    assert!(seen.contains("another run uses the bench desk") && advice.contains("--wait 10 min"), "{seen} {advice}");
    run.kill();
}

#[test]
fn a_wedged_bench_is_checked_and_what_lifts_the_mark_is_told() {
    let place = Place::new();
    place.put(
        "state/boards/sim/wedged.json",
        r#"{ "part": "validator", "reason": "it was silent", "since": 1800000000 }"#,
    );
    let words = [
        "is marked as wedged since 2027-01-15 08:00:00 UTC: the validator hangs",
        "`taprig bench clear sim` lifts the mark",
    ];
    check(&place, &["sim"]).expect(0, &words);
    assert_eq!(json(&place, "sim", 0)["wedged"]["reason"], "it was silent");
    assert!(place.path("state/boards/sim/wedged.json").exists(), "a check lifts nothing");
    place.put("state/boards/sim/wedged.json", "\0");
    check(&place, &["sim"]).expect(0, &["can't be read", "`taprig bench clear sim` lifts the mark"]);
}

#[test]
fn column_maps_are_checked_with_the_other_fixtures() {
    let place = Place::new();
    let map = |columns: &str| format!("schema: 1\ntitle: A bank\ncolumns: {{ {columns} }}\n");
    place.put("fixtures/books/bank.yaml", &map("merchant: m, terminal: t, batch: b, trace: n, amount: a"));
    let check = |words: &[&str]| Ran::of(&place.taprig(&[&["check"], words].concat()).output().unwrap());
    check(&["fixtures"]).expect(0, &["no problems"]);
    place.put("fixtures/books/bank.yaml", &map("merchant: m, terminal: t, batch: b, trac: n, amount: a"));
    check(&["fixtures"]).expect(2, &["unknown key `trac`", "bank.yaml:3:"]);
    check(&[]).expect(2, &["unknown key `trac`", "bank.yaml:3:"]);
}
