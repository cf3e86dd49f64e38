//! Devices that an adapter program reaches: what a person gets when the program is wrong, and when it breaks down.

use std::process::Command;

use super::place::{LONG, Place, RIDE, Ran, repository};
use super::running::Running;

/// A place with a device behind this program.
fn place(command: &str, claims: &str, validator: &str) -> Place {
    let place = Place::new();
    let device = format!(
        "schema: 1\ntitle: A device behind a program\ninclude: taprig-reference\nclaims: {{ native-console: false, uplink: false{claims} }}\n\
         baseline: none\ninterface: {{ adapter: {{ command: {command}, hello: 4 s }} }}\n"
    );
    place.put("fixtures/devices/foreign.yaml", &device);
    place.bench("foreign", validator, "sim: {}");
    let bench = std::fs::read_to_string(place.path("fixtures/benches/foreign.yaml")).unwrap();
    place.put("fixtures/benches/foreign.yaml", &bench.replace("device: taprig-reference", "device: foreign"));
    place
}

fn example() -> String {
    repository().join("fixtures/devices/qinling/adapter.py").display().to_string()
}

/// The example, with one part of it replaced.
fn altered(place: &Place, was: &str, is: &str) {
    let text = std::fs::read_to_string(example()).unwrap();
    assert!(text.contains(was), "{was}");
    place.put("adapter.py", &text.replace(was, is));
}

#[test]
fn a_ride_through_the_example_is_judged_like_any_other() {
    let place = place(&format!("[python3, {}]", example()), "", "sim: {}");
    place.case("BUS-001", RIDE);
    place.run(&["--bench", "foreign"]).expect(0, &["1 passed"]);
    assert_eq!(place.record(), "complete");
    let lines = std::fs::read_to_string(place.path("report/serial/foreign-1-validator-adapter.bin")).unwrap();
    assert!(lines.contains(r#""request":"establish""#), "{lines}");
}

#[test]
fn the_example_takes_keys_of_both_algorithms() {
    let place = Place::new();
    let mut command = Command::new(env!("CARGO_BIN_EXE_taprig"));
    command.arg("--project").arg(repository()).args(["run", "ODA-040", "--bench", "qinling-adapter"]);
    command.env("TAPRIG_STATE", place.path("state")).env("XDG_RUNTIME_DIR", place.path(""));
    Ran::of(&command.output().unwrap()).expect(0, &["1 passed"]);
}

#[test]
fn a_program_that_does_not_greet_is_wrong_input() {
    for (command, words) in [
        ("[/nowhere/adapter]", &["can't be started: No such file"][..]),
        ("[sh, -c, 'echo 6226091234567890; cat']", &["wrote `622609xxxxxx7890`: it is no JSON", "adapter check"]),
        ("[sh, -c, 'head -c 104857600 /dev/zero; cat']", &["wrote a line of more than 1048576 bytes"]),
        ("[sleep, '100']", &["did not answer `hello` within 4000 ms"]),
        ("[sh, -c, 'echo no port >&2; sleep 100 & exit 7']", &["ended with exit status: 7; it wrote `no port`"]),
    ] {
        let place = place(command, "", "sim: {}");
        place.case("BUS-001", RIDE);
        let ran = place.run(&["--bench", "foreign"]);
        ran.expect(2, words);
        ran.expect(2, &["fixtures/devices/foreign.yaml: the adapter `", "nothing was run"]);
        assert!(!place.path("report").exists() && !place.path("state").exists());
    }
}

/// Writes down the parameters of each `hello`, and ends at the next request.
const LISTENS: &str = r#"
import json, sys
for line in sys.stdin:
    request = json.loads(line)
    if request["request"] != "hello":
        sys.exit("that is all")
    with open("hellos", "a") as hellos:
        hellos.write(json.dumps(request["parameters"]) + "\n")
    ok = {"protocol": 1, "name": "listens", "capabilities": ["restart"]}
    print(json.dumps({"reply": request["id"], "ok": ok}), flush=True)
"#;

#[test]
fn an_adapter_is_told_where_an_attached_device_is() {
    let place =
        place("[python3, listens.py]", ", status: false, journal: false", "attached: { tcp: '192.0.2.7:4000' }");
    place.put("listens.py", LISTENS);
    place.case("BUS-001", RIDE);
    place.run(&["--bench", "foreign"]).expect(3, &["that is all"]);
    assert_eq!(std::fs::read_to_string(place.path("hellos")).unwrap(), "{}\n{\"port\": \"192.0.2.7:4000\"}\n");
}

#[test]
fn a_claim_needs_the_capability_of_the_program() {
    let place = place("[python3, adapter.py]", "", "sim: {}");
    place.case("BUS-001", RIDE);
    altered(&place, r#""status", "journal", "clear-journal"]"#, r#""journal"]"#);
    let words = [
        "the claim `status` needs the capability `status`",
        "the claim `journal` needs the capability `clear-journal`",
    ];
    place.run(&["--bench", "foreign"]).expect(2, &words);
}

#[test]
fn a_device_without_a_power_switch_needs_a_proof_that_answers_are_new() {
    let place = place("[python3, adapter.py]", "", "external: {}");
    place.case("BUS-001", RIDE);
    altered(&place, r#""nonce", "settings-name", "restart", "#, "");
    place.run(&["--bench", "foreign"]).expect(2, &["nothing proves that its answers are not old"]);
}

#[test]
fn a_program_that_breaks_down_in_mid_case_is_the_rigs_error() {
    for (was, is, why) in [
        // It dies when the device shows that it reads the card.
        (
            r#"elif name == "show":"#,
            "elif name == \"gate\":\n            os._exit(9)\n        elif name == \"show\":",
            "ended with exit status: 9",
        ),
        // It loses an event.
        (r#"elif name == "gate":"#, "elif name == \"gate\":\n            self.rig.events += 1", "has to follow"),
        // It writes what belongs to standard error.
        (
            r#"elif name == "gate":"#,
            "elif name == \"gate\":\n            print(\"open!\", flush=True)",
            "wrote `open!`",
        ),
    ] {
        let place = place("[python3, adapter.py]", "", "sim: {}");
        place.case("BUS-001", RIDE);
        altered(&place, was, is);
        place.run(&["--bench", "foreign"]).expect(3, &["0 of 1 cases were judged"]);
        let (verdict, failure) = place.verdict("BUS-001");
        assert_eq!(verdict, "error", "{failure}");
        assert!(failure.contains("the adapter `python3 adapter.py` ") && failure.contains(why), "{failure}");
        assert_eq!(place.record(), "complete");
    }
}

#[test]
fn a_program_that_hangs_marks_its_bench_and_later_runs_do_not_start_it() {
    let place = place("[python3, adapter.py]", "", "sim: {}");
    for id in ["BUS-001", "BUS-002", "BUS-003"] {
        place.case(id, RIDE);
    }
    // From the end of the first tap on it does not greet any more.
    let text = std::fs::read_to_string(example()).unwrap();
    let gate = "elif name == \"gate\":";
    let hello = "def on_hello(self, request):";
    assert!(text.contains(gate) && text.contains(hello));
    let text = text.replace(gate, &format!("{gate}\n            open('hang', 'w')"));
    let hangs = "if os.path.exists('hang'): open('asked', 'w'); __import__('time').sleep(100)";
    place.put("adapter.py", &text.replace(hello, &format!("{hello}\n        {hangs}")));
    let ran = place.run(&["--bench", "foreign"]);
    ran.expect(3, &["the bench foreign is wedged since ", "did not answer `hello` within 4000 ms", "1 of 3 cases"]);
    assert_eq!(place.verdict("BUS-001").0, "pass");
    std::fs::remove_file(place.path("asked")).unwrap();
    place.run(&["--bench", "foreign"]).expect(3, &["`taprig bench clear foreign` lifts the mark"]);
    for command in [["tap", "unionpay-credit-rsa1152", "--bench"].as_slice(), &["flash", "--bench"]] {
        let args: Vec<_> = command.iter().chain(&["foreign"]).copied().collect();
        Ran::of(&place.taprig(&args).output().unwrap()).expect(3, &["the bench foreign is wedged since "]);
    }
    assert!(!place.path("asked").exists(), "the program was started");
    // A check finds that it still hangs.
    let ran = Ran::of(&place.taprig(&["bench", "check", "foreign"]).output().unwrap());
    ran.expect(3, &["FAILED   ports       validator", "did not answer `hello` within 4000 ms", "the mark stays"]);
}

#[test]
fn what_a_program_writes_to_standard_error_is_recorded_masked() {
    let place = place("[python3, adapter.py]", "", "sim: {}");
    place.case("BUS-001", RIDE);
    altered(
        &place,
        "    def on_identity(",
        "    def on_identity(self, request):\n        print(\"card 6226091234567890\", file=sys.stderr, flush=True)\n        return self.identity(request)\n\n    def identity(",
    );
    place.run(&["--bench", "foreign"]).expect(0, &["1 passed"]);
    let events = std::fs::read_to_string(place.path("report/events.jsonl")).unwrap();
    assert!(events.contains(r#"{"kind":"console-noise","text":"card 622609xxxxxx7890"}"#), "{events}");
}

/// The device is one that the rig has no board for. It is not tapped, because it does not exist.
#[test]
fn an_external_device_gets_the_parameters_of_the_bench_file() {
    let place = place("[python3, adapter.py]", "", "external: { parameters: { port: /dev/nowhere } }");
    place.case("BUS-001", RIDE);
    place.put("adapter.py", &std::fs::read_to_string(example()).unwrap());
    place.run(&["--bench", "foreign"]).expect(3, &["has lost its device: can't open /dev/nowhere"]);
    assert_eq!(place.verdict("BUS-001").0, "skipped");
}

/// Whatever kills the rig, its guard ends the program.
#[test]
fn a_rig_that_is_killed_leaves_no_program_behind() {
    // This one does not end when its standard input ends.
    let place = place("[python3, adapter.py]", "", "sim: {}");
    place.case("BUS-001", LONG);
    altered(
        &place,
        "        if not chunk:\n            sys.exit(0)",
        "        if not chunk:\n            time.sleep(1000)",
    );
    let mut run = Running::start(&place, &["--bench", "foreign"]);
    run.until_waiting();
    let [adapter] = run.boards("adapter.py").try_into().ok().unwrap();
    run.kill();
    adapter.ends();
}

fn check(program: &[&str]) -> Ran {
    let place = Place::new();
    place.put("adapter.py", &std::fs::read_to_string(example()).unwrap());
    Ran::of(&place.taprig(&[&["adapter", "check", "--"], program].concat()).output().unwrap())
}

#[test]
fn the_check_of_a_program_says_what_it_can_and_what_is_wrong() {
    let words = [
        "qinling-ql20-adapter 1.0",
        "refuses a request that it does not know",
        "`port` is missing",
        "it follows the protocol",
    ];
    check(&["python3", "adapter.py"]).expect(0, &words);
    check(&["sh", "-c", "echo hello; cat"]).expect(1, &["wrote `hello`: it is no JSON", "it breaks the protocol"]);
    check(&["/nowhere/adapter"]).expect(2, &["can't be started: No such file"]);
    check(&[]).expect(2, &["<PROGRAM>"]);
}

#[test]
fn the_check_of_a_program_with_its_device_file() {
    let check = |claims: &str, args: &[&str]| {
        let place = place("[python3, listens.py]", claims, "sim: {}");
        place.put("listens.py", LISTENS);
        Ran::of(&place.taprig(&[&["adapter", "check", "--device", "foreign"], args].concat()).output().unwrap())
    };
    let claims = ["does not fit the device file", "the claim `journal` needs the capability `clear-journal`"];
    check("", &[]).expect(1, &claims);
    let right = check(", journal: false, status: false", &[]);
    right.expect(1, &["python3 listens.py: listens"]);
    assert!(!right.out.contains("does not fit"), "{}", right.out);
    check("", &["-p", "x=1", "--", "/nowhere/adapter"]).expect(2, &["/nowhere/adapter", "No such file"]);
}

/// The example has every setting, and the file says that one of them can't be told.
#[test]
fn the_check_sends_no_setting_that_is_fixed() {
    let place = place("[python3, fixed.py]", ", journal: false, status: false", "sim: {}");
    place.put("fixed.py", FIXED);
    let args = ["adapter", "check", "--device", "foreign"];
    let all = Ran::of(&place.taprig(&args).output().unwrap());
    all.expect(0, &["`establish`: refused: it can't be told its limit", "it follows the protocol"]);
    let file = "fixtures/devices/foreign.yaml";
    let text = std::fs::read_to_string(place.path(file)).unwrap();
    place.put(file, &text.replace("interface:", "fixed: { tx-limit: none }\ninterface:"));
    let rest = Ran::of(&place.taprig(&args).output().unwrap());
    rest.expect(0, &["brings the device into the state in which a case begins", "it follows the protocol"]);
}

/// A program that keeps the protocol, for a device that can't be told its limit.
const FIXED: &str = r#"
import json, sys
for line in sys.stdin:
    request = json.loads(line)
    what, reply = request["request"], {"reply": request["id"]}
    if what == "hello" and request["protocol"] == 1:
        reply["ok"] = {"protocol": 1, "name": "fixed", "capabilities": ["restart"]}
    elif what == "identity":
        reply["ok"] = {"device": "D", "firmware": "F"}
    elif what == "establish" and "tx-limit" in request["settings"]:
        reply["error"] = {"code": "refused", "message": "it can't be told its limit"}
    elif what in ["starts", "establish", "apply"]:
        reply["ok"] = {"refused": {}} if what == "apply" else {}
    else:
        reply["error"] = {"code": "unsupported", "message": "no"}
    print(json.dumps(reply), flush=True)
"#;
