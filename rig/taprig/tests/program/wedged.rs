//! A part of a bench hangs: the bench is reset, power-cycled, and at last marked for later runs.

use std::fs;

use serde_json::Value;

use super::attached::{ASK, Terminal, answers, in_a_row, play_emulator, play_validator, reports};
use super::place::{Place, Ran};
use super::running::Running;

/// The step that the devices below hang at.
const HANG: &str = "steps: [{ console: { send: hang, expect: ok } }]\n";

/// A validator as a program. The line `hang` makes it silent. It stays so when it is started again while the file `hang`
/// is there. It writes each start into `starts`.
const DEVICE: &str = r#"#!/bin/sh
echo start >> starts
[ -e hang ] || printf '! started firmware=taprig-validator version=1 cause=power\n! ready\n'
while read -r line; do
    case $line in hang) touch hang ;; esac
    [ -e hang ] && continue
    case $line in
        identity) echo "ok device=taprig-reference firmware=taprig-validator board=desk version=1 digest=00" ;;
        status) echo "ok state=ready profile=- journal=0 capacity=10 total=0 clock=unset" ;;
        journal*) echo "ok count=0 total=0" ;;
        "echo "*) echo "ok ${line#echo }" ;;
        hang) ;;
        *) echo ok ;;
    esac
done
"#;

/// A bench with that program, and three cases. The second one hangs.
fn place() -> Place {
    let place = Place::new();
    place.case("BUS-001", ASK);
    place.case("BUS-002", HANG);
    place.case("BUS-003", ASK);
    place.device("deadlines: { reply: 2 s, ready: 5 s }", "deadlines: { reply: 1 s, ready: 3 s }");
    place.bench("desk", "program: { command: [sh, device.sh] }", "sim: {}");
    place.put("device.sh", DEVICE);
    place
}

fn taprig(place: &Place, args: &[&str]) -> Ran {
    Ran::of(&place.taprig(args).output().unwrap())
}

fn starts(place: &Place) -> usize {
    fs::read_to_string(place.path("starts")).unwrap_or_default().lines().count()
}

/// The benches of `bench list --format json`, by name.
fn listed(place: &Place, name: &str) -> Value {
    let ran = taprig(place, &["bench", "list", "--format", "json"]);
    let benches: Value = serde_json::from_str(&ran.out).unwrap();
    benches["benches"].as_array().unwrap().iter().find(|bench| bench["name"] == name).unwrap().clone()
}

fn hang(place: &Place) {
    let ran = place.run(&["--bench", "desk"]);
    ran.expect(3, &["bringing the bench back on the bench desk: the bench desk is wedged since ", "1 of 3 cases"]);
}

#[test]
fn a_bench_that_hangs_is_marked_and_later_commands_refuse_it_untouched() {
    let place = place();
    hang(&place);
    assert_eq!(place.verdict("BUS-001").0, "pass");
    assert_eq!(place.verdict("BUS-002").0, "error");
    assert_eq!(place.verdict("BUS-003"), ("skipped".into(), "no bench was left to run it on".into()));
    let fault = &place.results()["faults"][0];
    let cause = fault["cause"].as_str().unwrap();
    assert!(cause.contains("the validator hangs, and neither a reset nor a power cycle helped"), "{cause}");
    assert!(fault["advice"].as_str().unwrap().contains("`taprig bench clear desk` lifts the mark"), "{fault}");

    let before = starts(&place);
    let words = ["the bench desk is wedged since ", "did not become ready within 3000 ms", "`taprig bench clear desk`"];
    place.run(&["--bench", "desk", "BUS-001"]).expect(3, &words);
    assert_eq!(place.verdict("BUS-001").0, "skipped");
    for command in [
        ["tap", "unionpay-credit-rsa1152", "--bench", "desk"].as_slice(),
        &["serve", "unionpay-credit-rsa1152", "--on", "desk"],
        &["flash", "--bench", "desk"],
    ] {
        taprig(&place, command).expect(3, &words);
    }
    assert_eq!(starts(&place), before, "nothing was touched");
    // Other benches work.
    place.run(&["--bench", "sim", "BUS-001"]).expect(0, &["1 passed"]);

    let listed = listed(&place, "desk");
    assert_eq!((&listed["state"], &listed["wedged"]["part"]), (&"wedged".into(), &"validator".into()), "{listed}");
    assert!(listed["wedged"]["since"].as_u64().unwrap() > 1_700_000_000, "{listed}");
    taprig(&place, &["bench", "list"]).expect(0, &["desk          wedged  A bench\n", "wedged since 20"]);

    let cleared = taprig(&place, &["bench", "clear", "desk"]);
    cleared.expect(0, &["the bench desk is free again. It was wedged since 20", "the validator hangs"]);
    taprig(&place, &["bench", "clear", "desk"]).expect(0, &["the bench desk was not wedged"]);
    assert_eq!(self::listed(&place, "desk")["wedged"], Value::Null);
    fs::remove_file(place.path("hang")).unwrap();
    place.run(&["--bench", "desk", "BUS-001"]).expect(0, &["1 passed"]);
}

#[test]
fn a_bench_that_comes_back_is_not_marked_and_the_run_goes_on() {
    let place = place();
    // It hangs at that line only, and works when it is started again.
    place.put("device.sh", &DEVICE.replace("    case $line in hang) touch hang ;; esac\n", ""));
    // Its line is sound, as the restart shows: the device is to blame.
    place.run(&["--bench", "desk"]).expect(1, &["2 passed, 1 failed", "after a restart it answers again"]);
    assert_eq!((place.verdict("BUS-002").0, place.verdict("BUS-003").0), ("fail".into(), "pass".into()));
    assert_eq!(place.results()["faults"], serde_json::json!([]));
    let events = fs::read_to_string(place.path("report/events.jsonl")).unwrap();
    assert!(events.contains("a power cycle brought the bench back"), "{events}");
    assert_eq!(listed(&place, "desk")["state"], "free");
}

#[test]
fn a_bench_that_never_answered_is_not_marked() {
    let place = place();
    fs::write(place.path("hang"), "").unwrap();
    place.run(&["--bench", "desk"]).expect(3, &["getting the boards ready on the bench desk"]);
    assert_eq!(listed(&place, "desk")["state"], "free");
}

#[test]
fn the_mark_outlives_a_rig_that_is_killed() {
    let place = place();
    let mut run = Running::start(&place, &["--bench", "desk"]);
    run.until(|event| event["body"]["doing"] == "bringing the bench back");
    run.kill();
    assert_eq!(listed(&place, "desk")["wedged"]["part"], "validator");
    let folder = fs::read_dir(place.path("state/boards/desk")).unwrap();
    let names: Vec<_> = folder.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    assert!(
        names.contains(&"wedged.json".to_owned()) && !names.iter().any(|name| name.ends_with(".part")),
        "{names:?}"
    );
}

#[test]
fn a_damaged_mark_refuses_the_bench_until_it_is_lifted() {
    let place = place();
    place.put("state/boards/desk/wedged.json", "{ \"part\": \"vali");
    let words = ["the bench desk is wedged its mark ", "wedged.json can't be read: ", "`taprig bench clear desk`"];
    place.run(&["--bench", "desk", "BUS-001"]).expect(3, &words);
    assert_eq!(starts(&place), 0, "nothing was touched");
    taprig(&place, &["bench", "list"]).expect(0, &["can't be read"]);
    taprig(&place, &["bench", "clear", "desk"]).expect(0, &["is free again"]);
    place.run(&["--bench", "desk", "BUS-001"]).expect(0, &["1 passed"]);
}

#[test]
fn boards_of_our_own_are_never_wedged() {
    let place = place();
    // Once the file `hang` is there, the board has a port on which it says nothing.
    let port = super::pty::raw();
    let silent = format!("{{ echo '{{\"serial\":\"{}\"}}'; exec cat > /dev/null; }}", port.2.display());
    let board = env!("CARGO_BIN_EXE_taprig");
    let script = format!("#!/bin/sh\n[ -e hang ] && {silent}\nexec {board} \"$@\"\n");
    place.script("board.sh", &script);
    place.bench("own", "sim: { program: board.sh }", "sim: {}");
    place.case("BUS-002", "steps: [{ wait: 120 s }, tap]\nexpect: { outcome: approved }\n");
    let mut run = Running::start(&place, &["--bench", "own", "BUS-002", "BUS-003"]);
    run.until_waiting();
    fs::write(place.path("hang"), "").unwrap();
    run.boards("board validator").iter().for_each(super::running::BoardProcess::kill);
    run.end().expect(3, &["0 of 2 cases", "the validator did not become ready within 3000 ms"]);
    assert_eq!(listed(&place, "own")["state"], "free");
}

/// A bench with a power switch, whose validator is at the end of a terminal and hangs once.
#[test]
fn a_bench_with_a_power_switch_is_reset_first() {
    let place = Place::new();
    place.case("BUS-001", HANG);
    place.case("BUS-002", ASK);
    place.device("deadlines: { reply: 2 s, ready: 5 s }", "deadlines: { reply: 1 s, ready: 5 s }");
    let (console, link) = (Terminal::new(), Terminal::new());
    let attached = |terminal: &Terminal| format!("attached: {{ serial: {{ path: {} }} }}", terminal.path().display());
    place.bench("desk", &attached(&console), &attached(&link));
    let pipe = place.path("power");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let on = place.script("on", "#!/bin/sh\necho on > power\necho on >> switched\n");
    let off = place.script("off", "#!/bin/sh\necho off >> switched\n");
    let file = "fixtures/benches/desk.yaml";
    let text = fs::read_to_string(place.path(file)).unwrap();
    let command = format!("{{ on: [{}], off: [{}], off-for: 10 ms, within: 5 s }}", on.display(), off.display());
    place.put(file, &format!("{text}power: {{ switches: {{ validator: {{ command: {command} }} }} }}\n"));
    let mut hangs = false;
    let say = play_validator(console, move |line| {
        hangs = line == "hang" || hangs && line != "reboot";
        if hangs { String::new() } else { answers(line) }
    });
    play_emulator(link, reports(in_a_row()));
    std::thread::spawn(move || {
        while let Ok(text) = fs::read_to_string(&pipe) {
            text.lines().for_each(|_| say("! started firmware=taprig-validator version=1 cause=power\n! ready\n"));
        }
    });
    place.run(&["--bench", "desk"]).expect(1, &["1 passed, 1 failed"]);
    assert_eq!((place.verdict("BUS-001").0, place.verdict("BUS-002").0), ("fail".into(), "pass".into()));
    let events = fs::read_to_string(place.path("report/events.jsonl")).unwrap();
    assert!(events.contains("a reset brought the bench back"), "{events}");
    // Power-on for the first case, off and on for the second one, off at the end; none for the reset.
    let switched = fs::read_to_string(place.path("switched")).unwrap();
    assert_eq!(switched.split_whitespace().collect::<Vec<_>>(), ["off", "on", "off", "on", "off"]);
}

/// Every case would fail at its power cycle, so a reset does not count as help.
#[test]
fn a_power_switch_that_fails_in_a_run_marks_the_bench() {
    let place = Place::new();
    for id in ["BUS-001", "BUS-002", "BUS-003"] {
        place.case(id, ASK);
    }
    super::power::bench(&place, super::power::ON, super::power::OFF_ONCE);
    place.run(&["--bench", "desk"]).expect(3, &["a power switch hangs", "no such hub", "1 of 3 cases"]);
    assert_eq!(place.verdict("BUS-002").0, "error");
    assert_eq!(listed(&place, "desk")["wedged"]["part"], "power-switch");
}

/// A server that reads only the exit code or only `junit.xml` tells a night that the rig broke from one that the device
/// failed.
#[test]
fn a_night_that_the_rig_broke_is_not_one_that_the_device_failed() {
    let wrong = ASK.replace("state=ready", "state=asleep");
    let junit = |place: &Place| {
        let text = fs::read_to_string(place.path("report/junit.xml")).unwrap();
        let head = text.lines().find(|line| line.starts_with("<testsuites")).unwrap().to_owned();
        let count = |name: &str| {
            let value = head.split(&format!(" {name}=\"")).nth(1).unwrap();
            value.split('"').next().unwrap().parse::<u32>().unwrap()
        };
        (count("failures"), count("errors"), text.contains("<testsuite name=\"rig\""))
    };
    let device = place();
    device.case("BUS-002", &wrong);
    device.run(&["--bench", "desk"]).expect(1, &["2 passed, 1 failed"]);
    assert_eq!(junit(&device), (1, 0, false));

    let rig = place();
    hang(&rig);
    assert_eq!(junit(&rig), (0, 2, true));
    // The next night nothing is run, and that is no good night either.
    rig.run(&["--bench", "desk"]).expect(3, &["0 of 3 cases"]);
    assert_eq!(junit(&rig), (0, 1, true));

    let both = place();
    both.case("BUS-001", &wrong);
    both.run(&["--bench", "desk"]).expect(1, &["1 failed"]);
    assert_eq!(junit(&both), (1, 2, true));
}
