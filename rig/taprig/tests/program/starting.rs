//! Benches whose boards do not come up.

use super::place::{Place, RIDE, Ran};

/// The run ends with code 3, says why and what to try; nothing was judged, and the record says so.
fn nothing_is_judged(place: &Place, args: &[&str], qemu: Option<&std::path::Path>, words: &[&str]) {
    place.case("BUS-001", RIDE);
    place.case("BUS-002", RIDE);
    let args: Vec<&str> = ["run", "--report", "report"].iter().chain(args).copied().collect();
    let mut command = place.taprig(&args);
    if let Some(qemu) = qemu {
        command.env("TAPRIG_QEMU", qemu);
    }
    let ran = Ran::of(&command.output().unwrap());
    ran.expect(3, words);
    ran.expect(3, &["0 of 2 cases were judged; the record and the reports of what was done are in report"]);
    assert_eq!(place.verdict("BUS-001"), ("skipped".into(), "its bench could not be opened".into()));
    let faults = place.results()["faults"].clone();
    assert_eq!(faults.as_array().unwrap().len(), 1, "{faults}");
    assert!(faults[0]["advice"].is_string(), "{faults}");
    assert_eq!(place.record(), "complete");
    let junit = std::fs::read_to_string(place.path("report/junit.xml")).unwrap();
    assert!(
        junit.contains(r#"tests="3" skipped="2" failures="0" errors="1""#),
        "no server takes this for green: {junit}"
    );
    // First why, then the sum; not a line a case.
    let lines: Vec<&str> = ran.out.lines().filter(|line| !line.starts_with("flashed ")).collect();
    assert!(lines[0].starts_with("rig fault: getting the boards ready on the bench "), "{}", ran.out);
    assert_eq!(lines.len(), 2, "{}", ran.out);
    assert!(lines[1].starts_with("0 passed, 2 skipped in "), "{}", ran.out);
}

#[test]
fn qemu_is_missing() {
    let place = Place::new();
    let words =
        ["getting the boards ready on the bench qemu: ", "`/nonexistent` failed: the program does not exist; install"];
    nothing_is_judged(&place, &[], Some("/nonexistent".as_ref()), &words);
}

/// An old one knows not all options, and ends before it tells its version over its control connection.
#[test]
fn qemu_is_too_old_for_the_options() {
    let place = Place::new();
    let text = "#!/bin/sh\nif [ \"$1\" = --version ]; then echo 'QEMU emulator version 4.2.1 (Debian 1:4.2)'; exit; fi\n\
        echo \"Property '.memory-backend' not found\" >&2; exit 1\n";
    let qemu = place.script("old-qemu", text);
    nothing_is_judged(
        &place,
        &[],
        Some(&qemu),
        &["old-qemu` is version 4.2.1, but mps2-an386 needs 7.2 or later; install QEMU 7.2"],
    );
}

/// One that is not that old tells it there.
#[test]
fn qemu_is_too_old_as_it_says() {
    let place = Place::new();
    // Not `sh`, which takes one digit for the number of a file.
    let text = r#"#!/bin/bash
for word in "$@"; do case $word in socket,id=control,fd=*) fd=${word##*=};; esac; done
echo '{"QMP": {"version": {"qemu": {"micro": 0, "minor": 1, "major": 7}}}}' >&$fd
read -r -u $fd line
"#;
    let qemu = place.script("old-qemu", text);
    let words = ["old-qemu` is version 7.1, but mps2-an386 needs 7.2 or later; install QEMU 7.2"];
    nothing_is_judged(&place, &[], Some(&qemu), &words);
}

/// QEMU 7.2 is enough for most machines, and does not know this one.
#[test]
fn qemu_is_too_old_for_the_machine() {
    let place = Place::new();
    place.bench("l475", "qemu: { machine: b-l475e-iot01a }", "sim: {}");
    let text = "#!/bin/sh\nif [ \"$1\" = --version ]; then echo 'QEMU emulator version 7.2.22 (Debian 1:7.2)'; exit; fi\n\
        echo 'unsupported machine type' >&2; exit 1\n";
    let qemu = place.script("old-qemu", text);
    let words = [
        "old-qemu` is version 7.2.22, but b-l475e-iot01a needs 9.1 or later; install QEMU 9.1",
        "`ci/newer-qemu` prints",
    ];
    nothing_is_judged(&place, &["--bench", "l475"], Some(&qemu), &words);
}

#[test]
fn qemu_refuses_to_start() {
    let place = Place::new();
    let qemu = place.script("broken-qemu", "#!/bin/sh\necho 'could not set up /dev/kvm' >&2\nexit 1\n");
    nothing_is_judged(
        &place,
        &[],
        Some(&qemu),
        &["(qemu) does not start: ", "said `could not set up /dev/kvm`; look at qemu.log"],
    );
}

/// What is wrong with all benches of a run is told once.
#[test]
fn qemu_refuses_to_start_on_two_benches() {
    let place = Place::new();
    let qemu = place.script("broken-qemu", "#!/bin/sh\necho 'could not set up /dev/kvm' >&2\nexit 1\n");
    nothing_is_judged(&place, &["--jobs", "2"], Some(&qemu), &["said `could not set up /dev/kvm`; look at qemu.log"]);
}

/// The validator's program gives a port on which nothing ever comes.
#[test]
fn a_board_never_becomes_ready() {
    let place = Place::new();
    place.device("ready: 5 s", "ready: 300 ms");
    let silent = super::attached::Terminal::new();
    let program = place.script(
        "silent-board",
        &format!("#!/bin/sh\necho '{{\"serial\":\"{}\"}}'\nread line\n", silent.path().display()),
    );
    place.bench("silent", &format!("sim: {{ program: {} }}", program.display()), "sim: {}");
    let words = [
        "getting the boards ready on the bench silent: the validator did not become ready within 300 ms of power-on",
        "`started` (it sent nothing)",
        "; check that it has power, that its firmware is the one for this board and runs, and that this is its port",
    ];
    nothing_is_judged(&place, &["--bench", "silent"], None, &words);
}

#[test]
fn a_board_ends_at_once_and_its_own_words_are_told() {
    let place = Place::new();
    let program = place.script("broken-board", "#!/bin/sh\necho 'no memory for the card' >&2\nexit 7\n");
    place.bench("broken", "sim: {}", &format!("sim: {{ program: {} }}", program.display()));
    let words = [
        "the emulator (sim) does not start: it did not name its serial port",
        "no memory for the card",
        "; check that it is the board program",
    ];
    nothing_is_judged(&place, &["--bench", "broken"], None, &words);
}

#[test]
fn it_is_another_board() {
    let place = Place::new();
    place.device("device: taprig-reference", "device: acme-gate-7");
    let words = [
        "the validator says that it is taprig-reference with taprig-validator",
        "but its device file says acme-gate-7 with taprig-validator: nothing was flashed",
        "; check whether the cables are swapped, whether it is another board",
    ];
    nothing_is_judged(&place, &["--bench", "sim"], None, &words);
}

#[test]
fn the_state_folder_can_not_be_used() {
    let place = Place::new();
    place.put("state", "a file where a folder should be");
    let words = ["can't use", "slot-1", "; set TAPRIG_STATE to a folder that you may write"];
    nothing_is_judged(&place, &["--bench", "sim"], None, &words);
}

/// Vectors and an endless loop: a core that runs and says nothing.
const SILENT: [u8; 10] = [0x00, 0x10, 0x00, 0x20, 0x09, 0x00, 0x00, 0x00, 0xFE, 0xE7];

/// `None` where tests that need QEMU are left out.
#[track_caller]
fn boards_that_hold(content: &[u8], args: &[&str]) -> Option<Ran> {
    let place = Place::of_bench("qemu")?;
    place.device("ready: 5 s", "ready: 1500 ms");
    place.case("BUS-001", RIDE);
    for role in ["emulator", "validator"] {
        let state = place.path(&format!("state/boards/qemu/slot-1/{role}"));
        std::fs::create_dir_all(&state).unwrap();
        std::fs::write(state.join("flash.bin"), content).unwrap();
    }
    Some(Ran::of(&place.taprig(args).output().unwrap()))
}

/// As two boards that are taken out of their boxes.
#[test]
fn boards_with_silent_firmware_are_flashed_and_the_run_goes_on() {
    let Some(ran) = boards_that_hold(&SILENT, &["run", "--bench", "qemu"]) else { return };
    ran.expect(0, &["flashed emulator of qemu-1", "flashed validator of qemu-1", "1 passed"]);
}

/// QEMU ends at the lockup of such a core.
#[test]
fn boards_with_rubbish_in_flash_are_flashed_and_the_run_goes_on() {
    let Some(ran) = boards_that_hold(&[0xFF; 4096], &["run", "--bench", "qemu"]) else { return };
    ran.expect(0, &["flashed emulator of qemu-1", "flashed validator of qemu-1", "1 passed"]);
}

#[test]
fn flash_by_force_does_not_ask_what_is_there() {
    let Some(ran) = boards_that_hold(&[0xA5; 5000], &["flash", "--force"]) else { return };
    ran.expect(0, &["emulator: ", "validator: "]);
    assert_eq!(ran.out.matches("erased, programmed and verified").count(), 2, "{}", ran.out);
}
