//! A card emulator with an antenna, as `nrf52840` in a bench file: here a pseudo terminal, with the test as the board.

use wire::link::{FIRMWARE_ANTENNA, FIRMWARE_UART, Note, Report, Request};

use super::attached::{ASK, Terminal, answers, in_a_row, play_emulator, play_validator, reports};
use super::place::Place;

/// A bench with a board that has this firmware where the bench file says `nrf52840`.
fn with_board(firmware: &'static str) -> Place {
    let place = Place::new();
    let (console, link) = (Terminal::new(), Terminal::new());
    let attached = |terminal: &Terminal| format!("attached: {{ serial: {{ path: {} }} }}", terminal.path().display());
    place.put(
        "fixtures/benches/desk.yaml",
        &format!(
            "schema: 1\ntitle: A bench\ndevice: taprig-reference\nvalidator: {{ {} }}\ncard: {{ nrf52840: {{ {} }} }}\n",
            attached(&console),
            attached(&link)
        ),
    );
    let _say = play_validator(console, answers);
    let mut report = reports(in_a_row());
    play_emulator(link, move |request: Request| -> Vec<Note> {
        let mut notes = report(request);
        for note in &mut notes {
            if let Report::Identity(identity) = &mut note.report {
                identity.firmware = firmware.try_into().unwrap();
            }
        }
        notes
    });
    place
}

#[test]
fn a_case_with_two_cards_does_not_apply_and_times_are_measured() {
    let place = with_board(FIRMWARE_ANTENNA);
    place.case("BUS-001", ASK);
    place.case("BUS-002", "steps: [{ tap: { beside: type-a } }]\nexpect: { outcome: try-again }\n");
    let ran = place.run(&["--bench", "desk"]);
    ran.expect(0, &["1 passed, 1 not applicable"]);
    let (verdict, why) = place.verdict("BUS-002");
    assert_eq!(verdict, "not-applicable", "{why}");
    assert!(why.contains("two-cards"), "{why}");
    assert_eq!(place.results()["benches"]["desk-1"]["time"], "measured");
}

#[test]
fn a_board_that_has_no_antenna_is_not_taken_for_one() {
    let place = with_board(FIRMWARE_UART);
    place.case("BUS-001", ASK);
    place
        .run(&["--bench", "desk"])
        .expect(3, &["the firmware taprig-emulator-antenna", "the firmware taprig-emulator"]);
}

#[test]
fn an_image_for_the_chip_is_read_before_a_probe_is_looked_for() {
    let place = Place::new();
    place.case("BUS-001", ASK);
    let bench = |firmware: &str| {
        let probe = format!(
            "probe: {{ chip: nRF52840_xxAA, probe: \"1366:1061:1\", firmware: target/boards/{firmware}, serial: {{ path: /dev/null }} }}"
        );
        let head = "schema: 1\ntitle: x\ndevice: taprig-reference\nvalidator: { sim: {} }\n";
        place.put("fixtures/benches/desk.yaml", &format!("{head}card: {{ nrf52840: {{ {probe} }} }}\n"));
    };
    bench("stm32f405-emulator.elf");
    place.run(&["--bench", "desk"]).expect(2, &["the emulator: ", "occupies 0x08000000", "; nothing was run"]);
    for firmware in ["nrf52840-emulator.elf", "nrf52840-uart-emulator.elf"] {
        bench(firmware);
        place.run(&["--bench", "desk"]).expect(3, &["can't open the serial port /dev/null"]);
    }
}
