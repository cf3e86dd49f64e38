//! A part that is not what the bench file says, or that lies, in the middle of a run: exit code 3, and a record that is
//! complete and that people can open.

use std::io::Write as _;
use std::time::Duration;

use super::attached::{ASK, Terminal, answers, play_validator};
use super::network::{Plug, plug};
use super::place::{Place, RIDE, Ran, repository};

const CASES: [&str; 3] = ["BUS-001", "BUS-002", "BUS-003"];

/// The record is complete, each planned sub-case has this verdict, and `report.html` can be made from the record and names
/// each of them.
fn recorded(place: &Place, verdicts: [&str; 3]) {
    assert_eq!(place.record(), "complete");
    let all = place.results()["cases"].as_array().unwrap().len();
    assert_eq!(all, CASES.len(), "each planned sub-case once");
    assert_eq!(CASES.map(|id| place.verdict(id).0), verdicts.map(str::to_owned));
    let page = place.path("report/report.html");
    std::fs::remove_file(&page).unwrap();
    Ran::of(&place.taprig(&["report", "html", "report"]).output().unwrap()).expect(0, &[]);
    let page = std::fs::read_to_string(page).unwrap();
    for id in CASES {
        assert!(page.contains(id), "{id} is not on the page");
    }
}

/// What a GPS receiver says each second.
const NMEA: &str = "$GPGGA,092750.000,5321.6802,N,00630.3372,W,1,8,1.03,61.7,M,55.2,M,,*76\r\n\
                    $GPGSA,A,3,10,07,05,02,29,04,08,13,,,,,1.72,1.03,1.38*0A\r\n";

#[test]
fn a_gps_receiver_at_the_port_of_the_pn532() {
    let place = Place::new();
    CASES.iter().for_each(|id| place.case(id, RIDE));
    let (console, gps) = (Terminal::new(), Terminal::new());
    place.bench("desk", &format!("attached: {{ serial: {{ path: {} }} }}", console.path().display()), "sim: {}");
    let file = "fixtures/benches/desk.yaml";
    let text = std::fs::read_to_string(place.path(file)).unwrap();
    let pn532 = format!("card:\n  pn532: {{ serial: {{ path: {} }} }}\n", gps.path().display());
    place.put(file, &text.replace("card:\n  emulator:\n    sim: {}\n", &pn532));
    let _say = play_validator(console, answers);
    std::thread::spawn(move || {
        let (mut device, _port) = gps.into_ends();
        // It talks more often than each second, so that none of it is missed.
        while device.write_all(NMEA.as_bytes()).is_ok() {
            std::thread::sleep(Duration::from_millis(50));
        }
    });
    let words = ["getting the boards ready on the bench desk", "PN532", "`$GPGGA", "0 of 3 cases were judged"];
    place.run(&["--bench", "desk"]).expect(3, &words);
    recorded(&place, ["skipped"; 3]);
}

/// The program of the second case writes a line of 100 MB in the middle of the tap.
#[test]
fn an_adapter_that_writes_a_line_of_100_mb() {
    let place = Place::new();
    CASES.iter().for_each(|id| place.case(id, RIDE));
    let device = "schema: 1\ntitle: A device behind a program\ninclude: taprig-reference\n\
                  claims: { native-console: false, uplink: false }\nbaseline: none\n\
                  interface: { adapter: { command: [python3, adapter.py] } }\n";
    place.put("fixtures/devices/foreign.yaml", device);
    place.bench("foreign", "sim: {}", "sim: {}");
    let file = "fixtures/benches/foreign.yaml";
    let text = std::fs::read_to_string(place.path(file)).unwrap();
    place.put(file, &text.replace("device: taprig-reference", "device: foreign"));
    let text = std::fs::read_to_string(repository().join("fixtures/devices/qinling/adapter.py")).unwrap();
    let gate = "elif name == \"gate\":\n";
    assert!(text.contains(gate));
    let floods = "            with open('gates', 'a') as gates:\n                gates.write('.')\n            \
                  if os.path.getsize('gates') == 2:\n                \
                  for _ in range(100):\n                    sys.stdout.write('6' * 1024 * 1024)\n                \
                  print(flush=True)\n";
    place.put("adapter.py", &text.replace(gate, &format!("{gate}{floods}")));
    let ran = place.run(&["--bench", "foreign"]);
    ran.expect(3, &["wrote a line of more than 1048576 bytes", "2 of 3 cases were judged"]);
    let (_, failure) = place.verdict("BUS-002");
    assert!(failure.contains("the adapter `python3 adapter.py` wrote a line of more than 1048576 bytes"), "{failure}");
    recorded(&place, ["pass", "error", "pass"]);
    // The line itself is not kept.
    let raw = std::fs::metadata(place.path("report/serial/foreign-1-validator-adapter.bin")).unwrap().len();
    assert!(raw < 8 * 1024 * 1024, "{raw} bytes were kept");
}

/// From the second case on the power switch accepts everything and does nothing.
#[test]
fn a_power_switch_that_says_on_and_is_off() {
    let place = Place::new();
    CASES.iter().for_each(|id| place.case(id, ASK));
    let (_again, _) = plug(&place, |on, offs| if on && offs >= 2 { Plug::StaysOff } else { Plug::Works });
    let words = [
        "it accepted the request, but then its state is `{\"POWER\":\"OFF\"}` and not `\"POWER\":\"ON\"`",
        "1 of 3 cases were judged",
        "the bench desk is wedged since ",
        "a power switch hangs",
        "check the relay of the switch",
    ];
    place.run(&["--bench", "desk"]).expect(3, &words);
    recorded(&place, ["pass", "error", "skipped"]);
}

/// The same before anything has run.
#[test]
fn a_power_switch_that_lies_from_the_start() {
    let place = Place::new();
    CASES.iter().for_each(|id| place.case(id, ASK));
    let (_again, _) = plug(&place, |on, _| if on { Plug::StaysOff } else { Plug::Works });
    place.run(&["--bench", "desk"]).expect(3, &["it accepted the request", "0 of 3 cases were judged"]);
    recorded(&place, ["skipped"; 3]);
}
