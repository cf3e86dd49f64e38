//! A maker's own image: firmware whose console knows no digest, and firmware that the maker's own program flashes.

use super::attached::{ASK, Terminal, answers, play_validator};
use super::place::{Place, RIDE, Ran};

/// The reference console by rules, without a digest in its identity. Whatever the rules do not set keeps its factory value.
const DEVICE: &str = r#"schema: 1
title: A validator whose console knows no digest
identity: { device: taprig-reference, firmware: taprig-validator }
claims: { bus: true, oda-offline: true, fdda-v01: true }
baseline: none
fixed: { deny-list: [], revoked: [] }
interface:
  rules:
    baud: 115200
    line-end: lf
    replies: { ok: '^ok', error: '^error (?<why>.*)$' }
    forms: { amount: fen }
    events:
      - { is: started, line: '^! started' }
      - { is: ready, line: '^! ready' }
      - { is: show, line: '^! show id=(?<message>[0-9A-F]+)' }
      - { is: result, line: '^! result outcome=(?<outcome>[a-z-]+)(?:.* charged=(?<charged>[0-9]+))?' }
    commands:
      identity:
        send: identity
        lines: ['^ok device=(?<device>[a-z-]+) firmware=(?<firmware>[a-z-]+) .*version=(?<version>[0-9.]+)']
      clock: { send: 'clock {time}' }
      key-add: { send: 'key add {rid} {index} {exponent} {modulus}' }
      key-clear: { send: key clear }
      journal-clear: { send: journal clear }
      factory: { send: factory }
    words:
      sent:
        one-cent: { "on": "on", "off": "off" }
        debit: { "on": "on", "off": "off" }
        zero-allowed: { "on": "on", "off": "off" }
        status-check: { "on": "on", "off": "off" }
    settings:
      - { send: 'set fare {fare}' }
      - { send: 'set discount {discount}' }
      - { send: 'set one-cent {one-cent}' }
      - { send: 'set tx-limit {tx-limit}' }
      - { send: 'set floor-limit {floor-limit}' }
      - { send: 'set cvm-limit {cvm-limit}' }
      - { send: 'set merchant-max {merchant-max}' }
      - { send: 'set mode {mode}' }
      - { send: 'set debit {debit}' }
      - { send: 'set zero-allowed {zero-allowed}' }
      - { send: 'set status-check {status-check}' }
      - { send: 'set retap {retap}' }
      - { send: 'set ttq {ttq}' }
      - { send: 'set terminal {terminal}' }
      - { send: 'set merchant {merchant}' }
      - { send: 'set line {line}' }
      - { send: 'set capacity {capacity}' }
    initial:
      { fare: 1.00 CNY, tx-limit: none, floor-limit: none, cvm-limit: none, merchant-max: 20.00 CNY, mode: oda, debit: true,
        zero-allowed: false, status-check: false, retap: 0 s, ttq: auto, terminal: '00000000', merchant: '000000000000000' }
    ignored: [county, route, bus, driver]
"#;

const EMULATOR: &str = "card: { emulator: { sim: {} } }";

fn place(bench: &str) -> Place {
    let place = Place::new();
    place.put("fixtures/devices/maker.yaml", DEVICE);
    place.put(
        "fixtures/benches/maker.yaml",
        &format!("schema: 1\ntitle: A maker\ndevice: maker\n{bench}\n{EMULATOR}\n"),
    );
    place.case("BUS-001", RIDE);
    place
}

/// The segments of the validator's ELF file as Intel HEX. `changed` makes it another image: its last byte differs.
fn hex(place: &Place, changed: bool) -> String {
    let elf = std::fs::read(place.path("target/boards/mps2-an386-validator.elf")).unwrap();
    let half = |at: usize| usize::from(u16::from_le_bytes([elf[at], elf[at + 1]]));
    let word = |at: usize| u32::from_le_bytes(elf[at..at + 4].try_into().unwrap()) as usize;
    let record = |kind: u8, offset: usize, data: &[u8]| {
        let mut bytes = vec![u8::try_from(data.len()).unwrap(), (offset >> 8) as u8, offset as u8, kind];
        bytes.extend(data);
        bytes.push(bytes.iter().fold(0, |sum: u8, byte| sum.wrapping_add(*byte)).wrapping_neg());
        format!(":{}\n", bytes.iter().map(|byte| format!("{byte:02X}")).collect::<String>())
    };
    let mut flash = Vec::new();
    for entry in 0..half(44) {
        let at = word(28) + entry * half(42);
        let (kind, offset, address, bytes) = (word(at), word(at + 4), word(at + 12), word(at + 16));
        if kind == 1 && bytes > 0 {
            flash.resize(flash.len().max(address), 0xFF);
            flash.extend(&elf[offset..offset + bytes]);
        }
    }
    if changed {
        flash.extend([0x5A; 16]);
    }
    let mut text = String::new();
    for (number, line) in flash.chunks(16).enumerate() {
        let address = number * 16;
        if address.is_multiple_of(0x1_0000) {
            text += &record(4, 0, &[(address >> 24) as u8, (address >> 16) as u8]);
        }
        text += &record(0, address & 0xFFFF, line);
    }
    text + &record(1, 0, &[])
}

#[test]
fn an_image_is_known_by_what_the_probe_reads() {
    let bench = "validator: { qemu: { machine: mps2-an386, firmware: firmware.hex } }";
    if super::qemu::qemu().is_none() {
        return;
    }
    let place = place(bench);
    place.put("firmware.hex", &hex(&place, false));
    let flash =
        |said: &str| Ran::of(&place.taprig(&["flash", "--bench", "maker"]).output().unwrap()).expect(0, &[said]);
    flash("bytes erased, programmed and verified");
    flash("validator: holds the image already");
    place.run(&["--bench", "maker"]).expect(0, &["1 passed"]);
    place.put("firmware.hex", &hex(&place, true));
    flash("bytes erased, programmed and verified");
    flash("validator: holds the image already");
    place.run(&["--bench", "maker"]).expect(0, &["1 passed"]);
}

/// A validator at a serial port, whose version its maker's program writes to a file, and a hosted card emulator.
fn programmed(command: &str, version: &str) -> Place {
    let (place, console) = (Place::new(), Terminal::new());
    place.put("version", "1.9");
    let serial = format!("attached: {{ serial: {{ path: {} }} }}", console.path().display());
    let flash = format!("flash: {{ command: {command}, version: '{version}', within: 5 s }}");
    place.bench("desk", &serial, &format!("sim: {{}}\n{flash}"));
    let file = place.path("version");
    let _say = play_validator(console, move |line| {
        let version = std::fs::read_to_string(&file).unwrap();
        answers(line).replace("version=1 ", &format!("version={} ", version.trim()))
    });
    place
}

const WRITE: &str = "[sh, -c, 'echo 2.0 >version']";

fn flash(place: &Place, arguments: &[&str]) -> Ran {
    Ran::of(&place.taprig(&[&["flash", "--bench", "desk"], arguments].concat()).output().unwrap())
}

#[test]
fn the_makers_program_runs_if_the_version_differs_and_only_then() {
    let place = programmed(WRITE, "2.0");
    let check = || Ran::of(&place.taprig(&["bench", "check", "desk"]).output().unwrap());
    check().expect(3, &["version 1.9", "asks for version 2.0: nothing was flashed"]);
    flash(&place, &[]).expect(0, &["validator: flashed by `sh -c echo 2.0 >version` in", "version 2.0"]);
    flash(&place, &[]).expect(0, &["validator: holds the firmware already, version 2.0"]);
    flash(&place, &["--force"]).expect(0, &["validator: flashed by `sh"]);
    place.case("BUS-001", ASK);
    place.put("version", "1.9");
    place.run(&["--bench", "desk"]).expect(0, &["flashed validator of desk-1 by `sh", "1 passed"]);
    let events = std::fs::read_to_string(place.path("report/events.jsonl")).unwrap();
    assert!(events.contains(r#""kind":"flashed-by-program","role":"validator""#), "{events}");
}

#[test]
fn a_program_that_flashes_nothing_is_a_fault_of_the_rig() {
    flash(&programmed(WRITE, "2.1"), &[])
        .expect(3, &["the validator was flashed, but it reports version 2.0, and the bench file asks for version 2.1"]);
    flash(&programmed("[sh, -c, 'echo no such probe >&2; exit 5']", "2.0"), &[])
        .expect(3, &["did not flash the validator: exit status: 5: no such probe"]);
    flash(&programmed("[sleep, '60']", "2.0"), &[])
        .expect(3, &["did not flash the validator: it did not end within 5 s"]);
    flash(&programmed("[no-such-program]", "2.0"), &[])
        .expect(3, &["`no-such-program` did not flash the validator: No such"]);
    flash(&programmed("[]", "2.0"), &[]).expect(2, &["`flash` names no program"]);
}

#[test]
fn a_board_is_flashed_in_one_way() {
    let place = Place::new();
    place.bench("desk", "sim: {}", &format!("sim: {{}}\nflash: {{ command: {WRITE}, version: '2' }}"));
    flash(&place, &[]).expect(2, &["taprig itself brings the firmware to this validator"]);
    // No probe is opened for a file that is refused.
    let bench = |keys: &str| {
        let probe = format!("probe: {{ chip: STM32F405RGTx, serial: {{ path: /dev/null }}, {keys} }}");
        place.bench("desk", &probe, "sim: {}");
        place.put("app.bin", "firmware");
    };
    bench("firmware: app.bin");
    flash(&place, &[]).expect(2, &["app.bin is a binary file, and the bench file does not say for which address"]);
    bench("firmware: app.bin, address: 20000000");
    flash(&place, &[]).expect(2, &["occupies 0x20000000..0x20000008, but the flash of STM32F405RGTx is 0x08000000"]);
    bench("firmware: app.bin, address: '0100000000'");
    flash(&place, &[]).expect(2, &["is no address of 32 bits"]);
}
