//! Input that is wrong: code 2, and nothing is run.

use super::place::{Place, RIDE, Ran};

/// `words` are said, and not a board was started nor a record made.
fn nothing_is_run(place: &Place, args: &[&str], words: &[&str]) {
    let ran = place.run(args);
    ran.expect(2, words);
    ran.expect(2, &["; nothing was run"]);
    assert_eq!(ran.out, "", "results are none");
    assert!(!place.path("state").exists(), "a bench was opened");
    assert!(!place.path("report").exists(), "a record was made");
}

fn with_a_case() -> Place {
    let place = Place::new();
    place.case("BUS-001", RIDE);
    place
}

fn with_firmware(file: &str) -> Place {
    let place = with_a_case();
    place.bench("other", &format!("qemu: {{ machine: mps2-an386, firmware: {file} }}"), "sim: {}");
    place
}

#[test]
fn firmware_for_another_chip() {
    let place = with_firmware("target/boards/stm32f405-validator.elf");
    let words = [
        "fixtures/benches/other.yaml: the validator: ",
        "occupies 0x08000000",
        "check whether it was built for another board",
    ];
    nothing_is_run(&place, &["--bench", "other"], &words);
}

#[test]
fn firmware_for_this_host() {
    let place = with_firmware("host");
    // This test itself: `taprig` with all that a debugger needs is longer than the rig reads.
    std::fs::copy(std::env::current_exe().unwrap(), place.path("host")).unwrap();
    nothing_is_run(
        &place,
        &["--bench", "other"],
        &["other.yaml: the validator: ", "check whether it was built for the host"],
    );
}

#[test]
fn firmware_that_is_no_image() {
    let place = with_firmware("cases/requirements.yaml");
    nothing_is_run(
        &place,
        &["--bench", "other"],
        &["requirements.yaml is a binary file", "name an ELF or Intel HEX file"],
    );
}

#[test]
fn firmware_that_is_not_there() {
    let place = with_firmware("nowhere.elf");
    let words = ["nowhere.elf failed (No such file", "check that the firmware has been built", "`ci/firmware` builds"];
    nothing_is_run(&place, &["--bench", "other"], &words);
}

#[test]
fn a_machine_that_nobody_knows() {
    let place = with_a_case();
    place.bench("other", "qemu: { machine: mps2-an3 }", "sim: {}");
    nothing_is_run(&place, &["--bench", "other"], &["other.yaml: the validator: ", "mps2-an3", "mps2-an386"]);
}

#[test]
fn a_program_that_is_not_there() {
    let place = with_a_case();
    place.bench("other", "sim: { program: boards/mine }", "sim: {}");
    let words =
        ["other.yaml: the validator: the program ", "/boards/mine does not exist", "relative to the project's folder"];
    nothing_is_run(&place, &["--bench", "other"], &words);
}

#[test]
fn a_program_is_found_from_the_project_on() {
    let place = with_a_case();
    place.script("boards/mine", &format!("#!/bin/sh\nexec {} \"$@\"\n", env!("CARGO_BIN_EXE_taprig")));
    place.bench("other", "sim: { program: boards/mine }", "sim: {}");
    let mut command = place.taprig(&["run", "--bench", "other"]);
    // From any other folder.
    let ran = command.current_dir(place.path("cases")).output().unwrap();
    Ran::of(&ran).expect(0, &["1 passed"]);
}

#[test]
fn a_bench_that_is_not_there() {
    let place = with_a_case();
    nothing_is_run(&place, &["--bench", "smi"], &["there is no bench `smi`", "sim"]);
    nothing_is_run(&place, &["--bench", "there/is/none.yaml"], &["none.yaml"]);
}

#[test]
fn an_antenna_on_a_board_that_has_none() {
    for board in ["sim: {}", "qemu: { machine: mps2-an386 }", "program: { command: [cat] }"] {
        let place = with_a_case();
        let head = "schema: 1\ntitle: x\ndevice: taprig-reference\nvalidator: { sim: {} }\n";
        place.put("fixtures/benches/other.yaml", &format!("{head}card: {{ nrf52840: {{ {board} }} }}\n"));
        nothing_is_run(
            &place,
            &["--bench", "other"],
            &["other.yaml: ", "is a real board: its kind is `probe` or `attached`"],
        );
    }
}

#[test]
fn an_acquirer_that_the_validator_could_not_reach() {
    let validator = "validator: { attached: { serial: { path: /dev/one } } }";
    for (acquirer, words) in [
        ("link: {}", "the rig makes a line to the acquirer only for `sim` and `qemu` boards"),
        ("serial: { path: /dev/one }", "this is the serial port of the validator as well"),
        ("listen: localhost:5800", "`localhost:5800` is not an address at which the acquirer can listen"),
    ] {
        let place = with_a_case();
        let head =
            format!("schema: 1\ntitle: x\ndevice: taprig-reference\n{validator}\ncard: {{ virtual-reader: {{}} }}\n");
        place.put("fixtures/benches/other.yaml", &format!("{head}acquirer: {{ {acquirer} }}\n"));
        nothing_is_run(&place, &["--bench", "other"], &[words, "other.yaml:6:"]);
    }
}

/// Only the commands of the interface `native` can begin a work at the uplink.
#[test]
fn an_uplink_that_nobody_can_command() {
    let place = with_a_case();
    let bench = "schema: 1\ntitle: x\ndevice: other\nvalidator: { external: {} }\ncard: { virtual-reader: {} }\n";
    place.put("fixtures/benches/other.yaml", bench);
    let device = "schema: 1\ntitle: x\ninclude: taprig-reference\nclaims: { native-console: false }\nbaseline: none\n\
                  interface: { adapter: { command: [cat] } }\n";
    place.put("fixtures/devices/other.yaml", device);
    nothing_is_run(&place, &["--bench", "other"], &["only the interface `native` can keep this claim", "uplink: true"]);
}

#[test]
fn a_device_that_is_not_there() {
    let place = with_a_case();
    let bench = "schema: 1\ntitle: x\ndevice: acme-gate-7\nvalidator: { sim: {} }\ncard: { emulator: { sim: {} } }\n";
    place.put("fixtures/benches/other.yaml", bench);
    nothing_is_run(&place, &["--bench", "other"], &["there is no device `acme-gate-7`", "other.yaml:3:9"]);
}

#[test]
fn a_change_that_finds_nothing_in_the_card() {
    let place = with_a_case();
    let text = std::fs::read_to_string(place.path("cases/bus/BUS-001.yaml")).unwrap();
    let changed = text.replace("rsa1152 }", "rsa1152, changes: [{ remove: 9F5D }] }");
    assert_ne!(text, changed);
    place.put("cases/bus/BUS-001.yaml", &changed);
    nothing_is_run(&place, &["--bench", "sim"], &["BUS-001.yaml", "9F5D"]);
}

#[test]
fn a_case_that_is_not_there() {
    nothing_is_run(
        &with_a_case(),
        &["--bench", "sim", "BUS-010"],
        &["BUS-010: no case has this id or tag", "`BUS-001`"],
    );
}

#[test]
fn for_a_program_problems_are_json() {
    let place = with_a_case();
    let ran = place.run(&["--bench", "sim", "BUS-010", "--format", "json"]);
    assert_eq!((ran.code, ran.err.as_str()), (2, ""));
    let said: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(said["problems"].as_array().unwrap().len(), 1, "{said}");
    assert!(said["problems"][0]["help"].as_str().unwrap().contains("BUS-001"), "{said}");
}

#[test]
fn arguments_that_make_no_sense() {
    for args in [&["--jobs", "0"][..], &["--jobs", "many"], &["--format", "xml"], &["--keep-card-numbers"]] {
        let place = with_a_case();
        let ran = Ran::of(&place.taprig(&[&["run"], args].concat()).output().unwrap());
        assert_eq!(ran.code, 2, "{}", ran.err);
        assert!(ran.err.contains(args[0]), "{}", ran.err);
        assert!(!place.path("state").exists());
    }
}

/// `taprig run --report REPORT` is refused before any board is started.
fn no_folder_for_a_record(place: &Place, report: &str, words: &[&str]) {
    let args = ["run", "--bench", "sim", "--report", report];
    let ran = Ran::of(&place.taprig(&args).output().unwrap());
    ran.expect(2, words);
    ran.expect(2, &["1 problem; nothing was run"]);
    assert!(!place.path("state").exists(), "a bench was opened");
}

#[test]
fn a_report_where_a_file_is() {
    let place = with_a_case();
    place.put("there", "a letter");
    no_folder_for_a_record(&place, "there", &["there: ", "it is a file, not a folder; name a folder"]);
    no_folder_for_a_record(&place, "there/below", &["there/below: ", "Not a directory"]);
    assert_eq!(std::fs::read_to_string(place.path("there")).unwrap(), "a letter");
}

#[test]
fn a_report_among_files_of_somebody_else() {
    let place = with_a_case();
    place.put("site/results.json", "[]");
    no_folder_for_a_record(&place, "site", &["taprig would replace its `results.json`; name another folder"]);
    assert_eq!(std::fs::read_to_string(place.path("site/results.json")).unwrap(), "[]");
    // Files that are in nobody's way are none of the rig's business.
    std::fs::rename(place.path("site/results.json"), place.path("site/other.json")).unwrap();
    for _ in 0..2 {
        let ran = place.taprig(&["run", "--bench", "sim", "--report", "site"]).output().unwrap();
        Ran::of(&ran).expect(0, &["1 passed"]);
        assert_eq!(std::fs::read_to_string(place.path("site/other.json")).unwrap(), "[]");
    }
}

/// `taprig tap ARGS`, to its end.
fn tap(place: &Place, args: &[&str]) -> Ran {
    Ran::of(&place.taprig(&[&["tap", "--bench", "sim"], args].concat()).output().unwrap())
}

#[test]
fn a_tap_with_names_that_nobody_knows() {
    let place = with_a_case();
    let none = "1 problem; nothing was run";
    tap(&place, &["foo"]).expect(2, &["there is no card `foo`", "known names: `unionpay-credit-rsa1152`", none]);
    tap(&place, &["rsa1152"]).expect(2, &["did you mean `unionpay-credit-rsa1152`?", none]);
    let card = "fixtures/cards/unionpay-credit-rsa115.yaml";
    tap(&place, &[card]).expect(2, &["no card at this path", "did you mean `unionpay-credit-rsa1152`?", none]);
    let args = ["unionpay-credit-rsa1152", "--validator", "shangluo"];
    tap(&place, &args).expect(2, &["there is no validator `shangluo`", "did you mean `shangluo-flat-1-yuan`?", none]);
    let args = ["unionpay-credit-rsa1152", "--bench", "simm"];
    let bench = Ran::of(&place.taprig(&[&["tap"], &args[..]].concat()).output().unwrap());
    bench.expect(2, &["there is no bench `simm`", "did you mean `sim`?", none]);
    // Of many names the likest are told.
    for number in 1..=20 {
        place.put(&format!("fixtures/cards/card-{number}.yaml"), "");
    }
    tap(&place, &["foo"]).expect(2, &["the most similar of 21 known names: `"]);
    assert!(!place.path("state").exists());
}

#[test]
fn a_tap_with_files_in_place_of_names() {
    let place = with_a_case();
    let (card, validator) = ("unionpay-credit-rsa1152", "fixtures/validators/shangluo-flat-1-yuan.yaml");
    std::fs::create_dir(place.path("elsewhere")).unwrap();
    std::fs::copy(place.path(&format!("fixtures/cards/{card}.yaml")), place.path("elsewhere/mine.yaml")).unwrap();
    for (file, name) in [
        ("fixtures/cards/unionpay-credit-rsa1152.yaml", card),
        ("unionpay-credit-rsa1152.yaml", card),
        ("elsewhere/mine.yaml", "mine"),
    ] {
        let words = [&format!("card {name}\n"), "validator shangluo-flat-1-yuan\n", "= approved"];
        tap(&place, &[file, "--validator", validator]).expect(0, &words);
    }
    let args = ["tap", "elsewhere/mine.yaml", "--bench", "fixtures/benches/sim.yaml"];
    Ran::of(&place.taprig(&args).output().unwrap()).expect(0, &["= approved"]);
}

/// What `check` lets through the validator takes, and what it does not take `check` does not let through.
#[test]
fn texts_are_as_long_as_a_validator_takes_them() {
    for (key, longest) in taprig_model::settings::LONGEST {
        let place = Place::new();
        let case = |length: usize| {
            let set = format!("{{ {key}: \"{}\" }}", "x".repeat(length));
            place.case("BUS-001", &format!("steps: [validator: {set}, tap]\nexpect: {{ outcome: approved }}\n"));
        };
        case(longest);
        place.run(&["--bench", "sim"]).expect(0, &["1 passed"]);
        case(longest + 1);
        let words = format!("this has {} characters; the limit is {longest}", longest + 1);
        place.run(&["--bench", "sim"]).expect(2, &[&words, "nothing was run"]);
    }
}

/// `taprig device new` leaves values to write. Meanwhile other devices of the project can be tested.
#[test]
fn a_device_file_that_is_not_finished_stops_only_its_own_device() {
    let place = Place::new();
    place.case("BUS-001", RIDE);
    let reference = std::fs::read_to_string(place.path("fixtures/devices/taprig-reference.yaml")).unwrap();
    let unfinished = reference.replace("device: taprig-reference", "device: 'TODO: the name of the device'");
    assert_ne!(unfinished, reference);
    place.put("fixtures/devices/mine.yaml", &unfinished);
    let bench = std::fs::read_to_string(place.path("fixtures/benches/sim.yaml")).unwrap();
    place.put("fixtures/benches/mine.yaml", &bench.replace("device: taprig-reference", "device: mine"));

    let taprig = |args: &[&str]| Ran::of(&place.taprig(args).output().unwrap());
    place.run(&["BUS-001", "--bench", "sim"]).expect(0, &["1 passed"]);
    taprig(&["list"]).expect(0, &["BUS-001"]);
    let refused = ["fixtures/devices/mine.yaml", "this value is not written yet"];
    place.run(&["BUS-001", "--bench", "mine"]).expect(2, &refused);
    taprig(&["check"]).expect(2, &refused);
}

/// Every command that opens a bench refuses one whose port another bench names too: a lock of one bench does not hold the
/// other.
#[test]
fn a_port_that_another_bench_names_too() {
    let terminal = super::attached::Terminal::new();
    let attached = |port: &str| format!("attached: {{ serial: {{ path: {port} }} }}");
    let path = terminal.path().to_str().unwrap().to_owned();
    let place = with_a_case();
    place.bench("desk", &attached(&path), "sim: {}");
    place.bench("other", "sim: {}", &attached(&path));
    let words = ["desk.yaml:5:", "the bench `other` names this serial port as well", "fixtures/benches/other.yaml"];
    nothing_is_run(&place, &["--bench", "desk"], &words);
    let (card, device) = ("unionpay-credit-rsa1152", "taprig-reference");
    let commands: [&[&str]; 6] = [
        &["tap", card, "--bench", "desk"],
        &["serve", card, "--on", "desk"],
        &["flash", "--bench", "desk"],
        &["powercuts", "1", "1", "--bench", "desk"],
        &["device", "check", device, "--bench", "desk"],
        &["bench", "check", "desk"],
    ];
    for command in commands {
        let ran = Ran::of(&place.taprig(command).output().unwrap());
        ran.expect(2, &words);
        assert!(!place.path("state").exists(), "{command:?} opened a bench");
    }
    // Nobody spoke to the device.
    let (device, _port) = terminal.into_ends();
    rustix::io::ioctl_fionbio(&device, true).unwrap();
    let silent = std::io::Read::read(&mut &device, &mut [0; 1]).unwrap_err();
    assert_eq!(silent.kind(), std::io::ErrorKind::WouldBlock);
    // It is the other bench that is in the way, and nothing else.
    place.bench("other", "sim: {}", "sim: {}");
    place.device("ready: 5 s", "ready: 1 s");
    place.run(&["--bench", "desk"]).expect(3, &["did not become ready within 1000 ms"]);
}
