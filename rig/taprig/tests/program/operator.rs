//! A device without any interface, with a person at a pseudo terminal.

use std::io::{Read as _, Write as _};
use std::process::Stdio;

use super::place::{Place, Ran};
use super::pty;

/// What a person sees of a ride.
const RIDE: &str =
    "steps: [tap]\nexpect: { outcome: approved, shows: approved, sound: accepted, gate: open, charged: 1.00 CNY }\n";

fn place(operator: &str) -> Place {
    let place = Place::new();
    let claims = "{ journal: false, native-console: false, status: false, tells-cvm: false, tells-reason: false, uplink: false }";
    place.put(
        "fixtures/devices/mute.yaml",
        &format!(
            "schema: 1\ntitle: A device without any interface\ninclude: taprig-reference\nclaims: {claims}\n\
             baseline: none\nwords: {{}}\ninterface: {{ operator: {operator} }}\n"
        ),
    );
    place.bench("mute", "external: {}", "sim: {}");
    let bench = std::fs::read_to_string(place.path("fixtures/benches/mute.yaml")).unwrap();
    place.put("fixtures/benches/mute.yaml", &bench.replace("device: taprig-reference", "device: mute"));
    place.case("BUS-001", RIDE);
    place
}

/// Runs all cases at a terminal. For each prompt that contains the first text, the second is typed. Returns the run and
/// what the terminal showed.
fn at_terminal(place: &Place, answers: &[(&str, &str)]) -> (Ran, String) {
    let (mut device, port, _) = pty::raw();
    let mut command = place.taprig(&["run", "--bench", "mute", "--report", "report", "--operator", "lin"]);
    command.stdin(Stdio::from(port.try_clone().unwrap())).stderr(Stdio::from(port.try_clone().unwrap()));
    let child = command.stdout(Stdio::piped()).spawn().unwrap();
    // The command holds the terminal, too, and would keep it open.
    drop((command, port));
    let (mut shown, mut new) = (String::new(), String::new());
    let mut bytes = [0; 4096];
    while let Ok(n) = device.read(&mut bytes) {
        if n == 0 {
            break;
        }
        new += &String::from_utf8_lossy(&bytes[..n]);
        // A prompt ends with its time limit.
        if new.ends_with(" s] ") {
            let (_, typed) = answers.iter().find(|(prompt, _)| new.contains(prompt)).unwrap_or_else(|| panic!("{new}"));
            device.write_all(typed.as_bytes()).unwrap();
            shown += &std::mem::take(&mut new);
        }
    }
    (Ran::of(&child.wait_with_output().unwrap()), shown + &new)
}

const ANSWERS: [(&str, &str); 8] = [
    ("Is the validator in front of you `taprig-reference`", "1\n"),
    ("Switch the validator off and on", "1\n"),
    ("Set up the validator", "1\n"),
    ("What did the display show?", "1\n"),
    ("Which sound", "1\n"),
    ("Is the gate open?", "1\n"),
    ("How much did it charge", "1.00\n"),
    ("Was it ready", "1\n"),
];

#[test]
fn a_person_judges_and_the_record_says_who() {
    let place = place("{}");
    let (ran, shown) = at_terminal(&place, &ANSWERS);
    assert!(ran.code == 0 && ran.out.contains("1 passed"), "{}{shown}", ran.out);
    let forecast = "taprig: 1 case will take about ";
    assert!(shown.contains(forecast) && shown.contains("the operator is asked for about 8 answers"), "{shown}");
    assert!(shown.contains("  fare 1.00 CNY") && shown.contains("  1 approved"), "{shown}");
    let results = place.results();
    assert_eq!(results["run"]["environment"]["operator"], "lin");
    let page = std::fs::read_to_string(place.path("report/report.html")).unwrap();
    assert!(page.contains("lin watched the device and answered"), "the page says who judged");
    let events = std::fs::read_to_string(place.path("report/events.jsonl")).unwrap();
    let said = r#""said":[["question","gate"],["answer","open"],["operator","lin"]]"#;
    assert!(events.contains(said), "{events}");
    assert_eq!(place.record(), "complete");
}

#[test]
fn what_the_person_sees_can_fail_a_case() {
    let place = place("{}");
    let mut answers = ANSWERS;
    answers[5].1 = "2\n";
    let (ran, shown) = at_terminal(&place, &answers);
    assert_eq!(ran.code, 1, "{}{shown}", ran.out);
    assert_eq!(place.verdict("BUS-001"), ("fail".into(), "gate: expected open, seen shut".into()));
}

#[test]
fn what_nobody_answers_in_time_is_not_judged() {
    let place = place("{ within: 1 s }");
    let mut answers = ANSWERS;
    for (_, typed) in answers.iter_mut().skip(3) {
        *typed = "";
    }
    let (ran, shown) = at_terminal(&place, &answers);
    assert!(shown.contains("(no answer in time)"), "{shown}");
    let (verdict, why) = place.verdict("BUS-001");
    assert_eq!(verdict, "not-applicable", "{why}{}", ran.out);
    assert!(why.contains("lin gave no answer within 1 s"), "{why}");
}

#[test]
fn without_a_terminal_nothing_that_a_person_sees_is_judged() {
    let place = place("{ configured: shangluo-flat-1-yuan }");
    place.case("BUS-002", &RIDE.replace("steps: [tap]", "steps: [tap, { validator: { fare: 2.00 CNY } }, tap]"));
    let ran = place.run(&["--bench", "mute"]);
    ran.expect(0, &["there is no terminal, so what a person has to see is not judged", "nobody is asked anything"]);
    let (verdict, why) = place.verdict("BUS-001");
    assert_eq!(verdict, "not-applicable", "{why}");
    assert!(why.contains("nobody could be asked, because the run has no terminal"), "{why}");
    let checks = place.results()["cases"][0]["checks"].as_array().unwrap().clone();
    // The emulated card sees the reader's frames, whoever is there.
    let of_device: Vec<_> =
        checks.iter().filter(|check| !check["what"].as_str().unwrap().starts_with("air ")).collect();
    assert!(of_device.len() >= 5 && of_device.iter().all(|check| check["result"] == "not-judged"), "{checks:?}");
    assert!(place.verdict("BUS-002").1.contains("nobody can change its settings"));
}

#[test]
fn without_a_terminal_nobody_gives_the_device_its_settings() {
    let place = place("{}");
    place.run(&["--bench", "mute"]).expect(0, &[]);
    let (verdict, why) = place.verdict("BUS-001");
    assert_eq!(verdict, "not-applicable", "{why}");
    assert!(why.contains("nobody can give it the settings of this case"), "{why}");
}

#[test]
fn a_device_without_an_interface_claims_nothing_that_it_would_have_to_tell() {
    let place = place("{}");
    let device = std::fs::read_to_string(place.path("fixtures/devices/mute.yaml")).unwrap();
    place.put("fixtures/devices/mute.yaml", &device.replace("status: false", "status: true"));
    place.run(&["--bench", "mute"]).expect(2, &["the device has no interface, so it can't claim `status`"]);
}

#[test]
fn a_person_serves_one_bench() {
    place("{}").run(&["--bench", "mute", "--jobs", "2"]).expect(2, &["`--jobs` must be 1"]);
}
