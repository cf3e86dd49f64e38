//! `taprig device check`: a device file with a planted fault is found out, with the line and what to do. It needs Python 3.

use super::place::{Place, Ran, repository};

const FILE: &str = "fixtures/devices/lumiqin-lq9.yaml";

/// A project with the worked example, its bench, and what a check needs.
fn place() -> Place {
    let place = Place::new();
    for file in [
        "fixtures/devices/lumiqin-lq9.yaml",
        "fixtures/devices/lumiqin/lq9.py",
        "fixtures/benches/lumiqin-lq9.yaml",
        "fixtures/cards/unionpay-credit-rsa1024.yaml",
        "cases/reasons.yaml",
    ] {
        place.put(file, &std::fs::read_to_string(repository().join(file)).unwrap());
    }
    place
}

/// The project with parts of a file replaced.
fn with(file: &str, changes: &[(&str, &str)]) -> Place {
    let place = place();
    let mut text = std::fs::read_to_string(place.path(file)).unwrap();
    for (was, is) in changes {
        assert_eq!(text.matches(was).count(), 1, "`{was}` in {file}");
        text = text.replace(was, is);
    }
    place.put(file, &text);
    place
}

fn check(place: &Place) -> Ran {
    Ran::of(&place.taprig(&["device", "check", "lumiqin-lq9", "--bench", "lumiqin-lq9"]).output().unwrap())
}

/// The line of the device file that contains this text, from 1.
fn line(place: &Place, text: &str) -> usize {
    let file = std::fs::read_to_string(place.path(FILE)).unwrap();
    1 + file.lines().position(|line| line.contains(text)).unwrap_or_else(|| panic!("{text}"))
}

/// A fault of the device file is found at the line with this text.
#[track_caller]
fn is_found(changes: &[(&str, &str)], at: &str, words: &[&str]) {
    let place = with(FILE, changes);
    let ran = check(&place);
    ran.expect(1, words);
    let place = format!("{FILE}:{}: ", line(&place, at));
    assert!(ran.out.contains(&place), "{place} is not in\n{}", ran.out);
}

#[test]
fn a_right_file_lacks_nothing() {
    let ran = check(&place());
    let words = [
        "settings: the device accepted 23 of 23",
        "emptying the journal",
        "  LQ-BOOT 2.1 crc ok",
        "nothing is missing",
    ];
    ran.expect(0, &words);
    assert!(!ran.out.contains("notes") && !ran.out.contains("contradicts"), "{}", ran.out);
}

#[test]
fn a_wrong_pattern() {
    let words = ["the event `show` never came", "  @10 显示[", "2 findings"];
    is_found(&[("^@10 显示", "^@10 显现")], "^@10 显现", &words);
    let words = ["no pattern of the device file explains `次数=23 ", "`interface.rules.commands.journal`"];
    is_found(&[("'^次数=", "'^次=")], "      journal:", &words);
    is_found(&[("'^主板 (", "'^板 (")], "lines: ['^型号", &["no line of the reply to `identity` matched"]);
}

#[test]
fn an_event_that_should_tell_of_the_start_never_comes() {
    let changes = [("line: ^@01", "line: ^@0X"), ("ready: 30 s", "ready: 2 s")];
    is_found(&changes, "    events:", &["did not become ready", "@01", "compare the patterns of `started`, `ready`"]);
}

#[test]
fn another_identity() {
    let words = ["says that it is LQ-9 with LQFW, but the file says LQ-8 with LQFW"];
    is_found(&[("device: LQ-9", "device: LQ-8")], "device: LQ-8", &words);
}

#[test]
fn a_missing_mapping() {
    let words = ["the display showed `51`, which cases do not know", "add `\"51\": MEANING` to `words.messages`"];
    is_found(&[("\"51\": \"approved\", ", "")], "  messages: {", &words);
    is_found(&[("00/0: approved, ", "")], "  outcomes: {", &["said `00/0`, which is not under `words.outcomes`"]);
    is_found(&[("\"1\": accepted, ", "")], "  sounds: {", &["said `1`, which is not under `words.sounds`"]);
    // A reason may be left out on purpose, because a code may stand for several reasons.
    let ran = check(&with(FILE, &[("E131: oda-approved,", "")]));
    ran.expect(0, &["notes", "the device said the reason `E131`, which cases do not know", "nothing is missing"]);
}

#[test]
fn a_swapped_meaning() {
    let changes = [("00/0: approved, 01/0: declined", "00/0: declined, 01/0: approved")];
    let words = [
        "said `00/0`, which the file maps to `declined`, but the device also said the opposite: `1` (open) and `1` (accepted)",
        "said `01/0`, which the file maps to `approved`",
        "2 findings",
    ];
    is_found(&changes, "  outcomes: {", &words);
    let changes = [("gates: { \"0\": shut, \"1\": open }", "gates: { \"0\": open, \"1\": shut }")];
    is_found(&changes, "  gates: {", &["correct the meaning of `1` under `words.gates`"]);
    let changes =
        [("\"1\": accepted, \"2\": attention, \"3\": refused", "\"3\": accepted, \"2\": attention, \"1\": refused")];
    is_found(&changes, "  sounds: {", &["correct the meaning of `1` under `words.sounds`"]);
}

#[test]
fn a_claim_that_shows_itself_wrong() {
    let changes = [("原因=(?<reason>E[0-9]+)", "原因=E[0-9]+(?<reason>!)?")];
    is_found(
        &changes,
        "  tells-reason: true",
        &["the device claims `tells-reason`, but told nothing of the kind at two taps"],
    );
    let changes = [("\"57\": \"processing\"", "\"57\": \"welcome\"")];
    is_found(&changes, "  processing-message: true", &["showed no message that means `processing`"]);
}

#[test]
fn a_setting_that_the_device_refuses() {
    let words = [
        "the device refuses the setting `capacity",
        "put the setting under `fixed`",
        "because the device refuses settings",
    ];
    is_found(&[("CFG CAP {", "CFG KAP {")], "CFG KAP", &words);
}

#[test]
fn how_a_reply_begins_and_ends() {
    is_found(&[("    echo: true ", "    echo: false ")], "    echo: false", &["the device repeats commands"]);
    let changes = [("ok: ^=0$", "ok: ^=1$"), ("reply: 10 s", "reply: 1 s")];
    is_found(&changes, "    replies:", &["the reply to `VER`", "compare `replies`"]);
}

#[test]
fn a_device_that_does_not_tell_that_it_is_ready_again() {
    let words = ["was not ready again within 1 s", "write `repeats-ready: false`", "1 finding"];
    is_found(&[("repeats-ready: false", "repeats-ready: true")], "    repeats-ready: true", &words);
}

/// The consequences of one fault are not reported as faults of their own.
#[test]
fn a_good_card_that_the_device_refuses() {
    let place = place();
    let text = std::fs::read_to_string(place.path(FILE)).unwrap();
    // The device gets no CA keys, so it can authenticate no card.
    let text = text.replace(
        "      key-add: { send: \"KEY+ {rid} {index} {exponent} {modulus}\" }\n      key-clear: { send: KEY0 }\n",
        "",
    );
    place.put(FILE, &text.replace("interface:\n", "fixed: { keys: [test-ca-1984-e3] }\ninterface:\n"));
    let words = [
        "the device did not accept the card unionpay-credit-rsa1152, which it must accept: declined, reason `E133`",
        "check the CA keys",
        "the record of a ride, because the device refused the card",
    ];
    let ran = check(&place);
    ran.expect(1, &words);
    assert!(!ran.out.contains("no line of the reply") && ran.out.contains("1 finding"), "{}", ran.out);
}

/// What only the state needs in which a case begins.
#[test]
fn a_command_that_the_device_refuses() {
    let words = ["the device refuses `INIX`: 17 命令错误", "not tried\n  what comes after this step", "1 finding"];
    is_found(&[("{ send: INIT }", "{ send: INIX }")], "send: INIX", &words);
    let words = ["the device was asked to repeat a text, and the pattern found"];
    is_found(&[("'^PONG (?<text>.+)$'", "'^PONG (?<text>.)'")], "'^PONG", &words);
}

#[test]
fn a_status_or_a_clock_that_is_read_wrongly() {
    let words = ["the status tells no state", "no line of the reply to `status` matched this pattern"];
    is_found(&[("'^状态 (", "'^状 (")], "'^状 (", &words);
    let words = ["the status tells the state `0`, which is no word of cases", "map it under `words.told.state`"];
    is_found(&[("\"0\": ready, \"1\"", "\"9\": ready, \"1\"")], "      told:", &words);
    let words = ["the device refuses the setting `clock`"];
    is_found(&[("time: DD.MM.YYYY-", "time: MM.DD.YYYY-")], "clock: { send:", &words);
}

/// It may have no power, so nothing is said about the file.
#[test]
fn a_device_that_sends_nothing_is_a_fault_of_the_rig() {
    let place = with(FILE, &[("ready: 30 s", "ready: 1 s")]);
    place.put("fixtures/devices/lumiqin/lq9.py", "import sys\nsys.stdin.read()\n");
    check(&place).expect(3, &["the validator did not become ready", "it sent nothing", "check that it has power"]);
}

/// The outcome follows from the gate and the sound.
#[test]
fn a_device_without_results() {
    let place = place();
    let text = std::fs::read_to_string(place.path(FILE)).unwrap();
    let (before, rest) = text.split_once("      - is: result\n").unwrap();
    let (_, after) = rest.split_once("\n      - { is: fault").unwrap();
    let text = format!("{before}      - {{ is: fault{after}");
    let text = text.replace("tells-cvm: true", "tells-cvm: false").replace("tells-reason: true", "tells-reason: false");
    place.put(FILE, &text);
    check(&place).expect(0, &["nothing is missing"]);
    let gates = ("{ \"0\": shut, \"1\": open }", "{ \"0\": open, \"1\": shut }");
    place.put(FILE, &text.replace(gates.0, gates.1));
    check(&place)
        .expect(1, &["said `1`, which the file maps to `shut`, but the device also said the opposite: `1` (accepted)"]);
}

/// A device without any interface is tried with a person. Without a terminal nobody can be asked.
#[test]
fn a_device_without_an_interface_needs_a_terminal() {
    let place = place();
    let text = std::fs::read_to_string(repository().join("fixtures/devices/operator-example.yaml")).unwrap();
    place.put("fixtures/devices/mute.yaml", &text);
    place.bench("mute", "external: {}", "sim: {}");
    let mut command = place.taprig(&["device", "check", "mute", "--bench", "mute"]);
    let ran = Ran::of(&command.stdin(std::process::Stdio::null()).output().unwrap());
    ran.expect(2, &["this device needs a person at a terminal, and there is no terminal"]);
}

/// A program that dies in the middle is no contradiction.
#[test]
fn a_device_that_dies_is_a_fault_of_the_rig() {
    let place = with(FILE, &[("send: \"LOG {from:6}\"", "send: \"DIE {from:6}\"")]);
    let program = "fixtures/devices/lumiqin/lq9.py";
    let text = std::fs::read_to_string(place.path(program)).unwrap();
    let was = "    def command(self, words):\n";
    assert_eq!(text.matches(was).count(), 1);
    place.put(
        program,
        &text.replace(was, &format!("{was}        if words and words[0] == \"DIE\": sys.exit(\"no paper\")\n")),
    );
    check(&place).expect(3, &["the validator is gone: its program ended with exit status: 1: no paper"]);
}

#[test]
fn an_amount_in_another_unit() {
    let words = ["its result tells no amount", "correct `forms.amount`", "the journal's sum is 0 fen"];
    is_found(&[("amount: yuan", "amount: jiao")], "line: '^@20 交易", &words);
}

#[test]
fn a_device_that_does_not_start_is_a_fault_of_the_rig() {
    let place = place();
    place.put("fixtures/devices/lumiqin/lq9.py", "import sys\nsys.exit('no card reader')\n");
    check(&place).expect(3, &["its program ended with exit status: 1: no card reader"]);
}

#[test]
fn account_numbers_are_masked() {
    let program = "fixtures/devices/lumiqin/lq9.py";
    let ran = check(&with(program, &[("0m crc ok", "0m crc 6226091234567890")]));
    ran.expect(0, &["  LQ-BOOT 2.1 crc 622609xxxxxx7890"]);
    assert!(!ran.out.contains("6226091234567890"));
}

#[test]
fn findings_as_json() {
    let place = with(FILE, &[("00/0: approved, ", "")]);
    let args = ["device", "check", FILE, "--bench", "lumiqin-lq9", "--format", "json"];
    let ran = Ran::of(&place.taprig(&args).output().unwrap());
    assert_eq!(ran.code, 1, "{}{}", ran.out, ran.err);
    let report: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    let finding = &report["findings"][0];
    assert_eq!((&finding["weight"], &finding["file"]), (&"wrong".into(), &FILE.into()));
    assert_eq!(finding["line"], line(&place, "  outcomes: {"));
    assert!(finding["message"].as_str().unwrap().contains("`00/0`"), "{finding}");
}

#[test]
fn a_file_that_is_wrong_or_not_there() {
    let place = place();
    let of =
        |file: &str| Ran::of(&place.taprig(&["device", "check", file, "--bench", "lumiqin-lq9"]).output().unwrap());
    of("lumiqin-lq8").expect(2, &["there is no device `lumiqin-lq8`", "did you mean `lumiqin-lq9`?"]);
    place.put("lab/one.yaml", "schema: 1\ntitle: One\n");
    of("lab/one.yaml").expect(2, &["key `identity` is missing"]);
}

/// The reference device, and a device behind an adapter program.
#[test]
fn other_interfaces() {
    let place = place();
    let of = |file: &str, bench: &str| {
        Ran::of(&place.taprig(&["device", "check", file, "--bench", bench]).output().unwrap())
    };
    of("taprig-reference", "sim").expect(0, &["nothing is missing"]);
    for file in ["devices/qinling-ql20.yaml", "devices/qinling/adapter.py", "benches/qinling-adapter.yaml"] {
        let text = std::fs::read_to_string(repository().join("fixtures").join(file)).unwrap();
        place.put(&format!("fixtures/{file}"), &text);
    }
    of("qinling-ql20", "qinling-adapter").expect(0, &["nothing is missing"]);
    let file = "fixtures/devices/taprig-reference.yaml";
    let text = std::fs::read_to_string(place.path(file)).unwrap();
    place.put("fixtures/devices/swapped.yaml", &text.replace("\"03\": approved", "\"03\": not-known"));
    of("swapped", "sim").expect(1, &["swapped.yaml:", "the display showed `03`, which cases do not know"]);
}
