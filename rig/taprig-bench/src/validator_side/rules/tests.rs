//! Tests of the adapter. A thread plays the device at the console.

use std::fs::File;
use std::io::{BufReader, Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::sync::mpsc::{Receiver, channel};

use taprig_model::device::Interface;
use taprig_model::device::rules::Encoding;
use taprig_model::event::{Reason, Word};
use taprig_model::expect::{Cvm, Outcome, Sound};
use taprig_model::situation::PublicKey;
use taprig_model::units::Hex;

use super::*;
use crate::link::pty::open;

fn read(yaml: &str) -> Device {
    serde_yaml::with::singleton_map_recursive::deserialize(serde_yaml::Deserializer::from_str(yaml)).unwrap()
}

/// The worked example of the repository.
fn example() -> Device {
    read(include_str!("../../../../../fixtures/devices/lumiqin-lq9.yaml"))
}

/// A small device: lines end with LF, replies end with the prompt, records have no sums.
fn small() -> Device {
    read(
        "
schema: 1
title: A small device
identity: { device: S, firmware: F }
claims: {}
deadlines: { reply: 300 ms, ready: 300 ms }
interface:
  rules:
    prompt: '[$] '
    replies: { error: '^no(: (?<why>.*))?$' }
    journal-numbers: continue
    words: { sent: { debit: { 'on': Y, 'off': N } } }
    events:
      - { is: sound, line: '^beep$', values: { sound: accepted } }
      - { is: gate, line: '^(?<word>open|shut)', values: { gate: '{word}' } }
    commands:
      identity: { send: id, lines: ['^I am (?<device>.), with (?<firmware>.)$'] }
      journal: { send: list, rows: ['^(?<number>[0-9]+) (?<charged>[0-9]+)$'] }
      journal-clear: { send: empty }
    settings:
      - { send: 'both {fare} {retap}' }
      - { send: 'debit {debit}' }
    initial: { fare: 1.00 CNY, retap: 9 s }
",
    )
}

/// The device's end of a console.
struct Desk {
    device: File,
    /// Kept, so that the device sees no hang-up.
    _port: OwnedFd,
    heard: Receiver<String>,
}

/// A side of `device`. A thread answers each command, which ends with `end`, as `answer` says.
fn side(
    device: &Device,
    told: &SettingsTold,
    end: u8,
    mut answer: impl FnMut(&str) -> String + Send + 'static,
) -> (RulesValidator, Desk) {
    let (own, port, path) = open::raw();
    let Interface::Rules(rules) = &device.interface else { panic!("no rules") };
    let raw: ByteSink = Arc::new(|_, _| ());
    let side = RulesValidator::open(&path.as_path().into(), 115_200, rules, device, told.clone(), raw).unwrap();
    let (send, heard) = channel();
    let (mut voice, encoding) = (own.try_clone().unwrap(), rules.encoding);
    std::thread::spawn(move || {
        let mut line = Vec::new();
        for byte in BufReader::new(voice.try_clone().unwrap()).bytes().map_while(Result::ok) {
            if byte != end {
                line.push(byte);
                continue;
            }
            let text = splitter::text(&std::mem::take(&mut line), encoding);
            let said = splitter::bytes(&answer(&text), encoding).unwrap();
            let _ = send.send(text);
            if voice.write_all(&said).is_err() {
                break;
            }
        }
    });
    (side, Desk { device: own, _port: port, heard })
}

impl Desk {
    fn say(&self, text: &str) {
        (&self.device).write_all(&splitter::bytes(text, Encoding::Gbk).unwrap()).unwrap();
    }

    fn heard(&self) -> Vec<String> {
        self.heard.try_iter().collect()
    }
}

fn run<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(10)
}

fn settings(yaml: &str) -> Settings {
    serde_yaml::from_str(yaml).unwrap()
}

#[test]
fn the_side_knows_which_rules_a_line_has_matched() {
    run(async {
        let device = small();
        let (mut side, desk) = side(&device, &SettingsTold::default(), b'\n', |line| match line {
            "id" => "id\nI am S, with F\n$ ".into(),
            _ => "no: why\n$ ".into(),
        });
        assert_eq!(side.matched(), BTreeSet::new());
        side.identity().await.unwrap();
        let pattern = "^I am (?<device>.), with (?<firmware>.)$".to_owned();
        let answer = Rule::Answer { send: "id".into(), pattern };
        // It repeats the command, although the file does not say so.
        assert_eq!(side.matched(), [Rule::Prompt, Rule::Echo, answer.clone()].into());
        assert!(side.clear_journal().await.unwrap().is_some());
        desk.say("open now\nnoise\n");
        side.signal(soon()).await.unwrap();
        assert_eq!(side.matched(), [Rule::Prompt, Rule::Echo, Rule::Error, Rule::Event(1), answer].into());
    });
}

#[test]
fn a_reply_of_several_lines_between_echo_events_and_prompt() {
    run(async {
        let (mut side, desk) = side(&example(), &SettingsTold::default(), b'\r', |line| {
            format!("{line}\r\n型号 LQ-9\r\r\n@11 蜂鸣 3\rLQ9> 固件 LQFW 1.2\r主板 host\rnoise\r=0\rLQ9> ")
        });
        let noise = Arc::new(Mutex::new(Vec::new()));
        let keep = noise.clone();
        side.noise_to(Box::new(move |line| keep.lock().unwrap().push(line.to_owned())));
        desk.say("boot...\r\nLQ9> ");
        let identity = side.identity().await.unwrap();
        assert_eq!((identity.device.as_str(), identity.firmware.as_str()), ("LQ-9", "LQFW"));
        assert_eq!((identity.version.as_deref(), identity.board.as_deref()), (Some("1.2"), Some("host")));
        let (signal, said) = side.signal(soon()).await.unwrap().unwrap();
        assert_eq!(signal, Signal::Sound { sound: Word::Known(Sound::Refused) });
        assert_eq!(said.get("sound"), Some("3"));
        assert_eq!(*noise.lock().unwrap(), ["boot...", "noise"], "the echo is no noise");
        assert_eq!(desk.heard(), ["VER"]);
    });
}

#[test]
fn one_line_tells_an_outcome_by_two_fields_and_amounts_in_its_own_form() {
    run(async {
        let (mut side, desk) = side(&example(), &SettingsTold::default(), b'\r', |_| String::new());
        desk.say("@20 交易 结果=02 原因=E105 子码=1 扣款=￥12.50 持卡人=2\r@20 交易 结果=09 原因=E999 子码=0\r");
        desk.say("@10 显示[52] 票价:￥1.00\r@90 故障 F2\r");
        let mut next = async || side.signal(soon()).await.unwrap().unwrap();
        assert_eq!(
            next().await.0,
            Signal::Result {
                outcome: Some(Word::Known(Outcome::TryAnotherInterface)),
                reason: Some(Word::Known("clock-unset".into())),
                charged: Some(1250),
                held: None,
                cvm: Some(Word::Known(Cvm::Signature)),
            }
        );
        // Words without a meaning stay as they are, and what is not there is not told.
        assert_eq!(
            next().await.0,
            Signal::Result {
                outcome: Some(Word::Unknown("09/0".into())),
                reason: Some(Word::Unknown("E999".into())),
                charged: None,
                held: None,
                cvm: None,
            }
        );
        let (show, said) = next().await;
        assert_eq!(show, Signal::Show { message: Word::Known("not authorised".into()) });
        assert_eq!(said.get("amount"), Some("100"), "in fen");
        assert_eq!(next().await.0, Signal::Fault { what: crate::validator_side::AIR_DEAD.into() });
    });
}

#[test]
fn the_lines_of_a_reply_are_told_in_their_order() {
    run(async {
        let mut device = example();
        device.deadlines.reply = "300 ms".parse().unwrap();
        let (mut side, _desk) = side(&device, &SettingsTold::default(), b'\r', |line| {
            format!("{line}\r\nnoise\r型号 LQ-9\r=1\r固件 LQFW 1.2\r")
        });
        let error = side.identity().await.unwrap_err().to_string();
        let wanted = "a line that matches `ok` or `error`, which ends the reply to `VER` (it sent: noise / 型号 LQ-9 / =1 / \
            固件 LQFW 1.2), did not come";
        assert!(error.starts_with(wanted), "{error}");
    });
}

#[test]
fn a_reply_that_ends_before_its_values_is_explained() {
    run(async {
        let (mut side, _desk) = side(&example(), &SettingsTold::default(), b'\r', |line| {
            format!("{line}\r\n=0\r型号 LQ-9\r固件 LQFW 1.2\r")
        });
        let error = side.identity().await.unwrap_err();
        let wanted = "no pattern of the device file explains `=0` in the reply to `VER`: see `interface.rules.commands.identity`";
        assert_eq!(error.to_string(), wanted);
        assert!(error.advice().is_some_and(|advice| advice.contains("has to be the last line of the reply")));
    });
}

#[test]
fn a_code_that_stands_for_several_reasons() {
    run(async {
        let mut device = example();
        device.words.reasons = serde_yaml::from_str("E7: [gpo-status, gpo-malformed]").unwrap();
        let (mut side, desk) = side(&device, &SettingsTold::default(), b'\r', |_| String::new());
        desk.say("@20 交易 结果=02 原因=E7 子码=0\r");
        let (Signal::Result { reason, .. }, _) = side.signal(soon()).await.unwrap().unwrap() else { panic!() };
        let code = Reason::OneOf { code: "E7".into(), reasons: vec!["gpo-status".into(), "gpo-malformed".into()] };
        // The record keeps the code.
        let kept = r#"{"known":{"code":"E7","reasons":["gpo-status","gpo-malformed"]}}"#;
        assert_eq!(serde_json::to_string(&reason.clone().unwrap()).unwrap(), kept);
        assert_eq!(reason, Some(Word::Known(code)));
    });
}

#[test]
fn the_prompt_ends_a_reply_if_no_line_does() {
    run(async {
        let (mut side, _desk) = side(&small(), &SettingsTold::default(), b'\n', |line| match line {
            "id" => "I am S, with F\nbeep\n$ ".into(),
            _ => "no: not today\n$ ".into(),
        });
        assert_eq!(side.identity().await.unwrap().firmware, "F");
        assert_eq!(
            side.signal(soon()).await.unwrap().unwrap().0,
            Signal::Sound { sound: Word::Known(Sound::Accepted) }
        );
        assert_eq!(side.clear_journal().await.unwrap().as_deref(), Some("not today"));
    });
}

#[test]
fn a_device_that_does_not_answer_is_told_with_what_it_sent() {
    run(async {
        let (mut side, _desk) = side(&small(), &SettingsTold::default(), b'\n', |_| "what?\n".into());
        let error = side.identity().await.unwrap_err().to_string();
        assert_eq!(
            error,
            "the prompt, which ends the reply to `id` (it sent: what?), did not come from the validator's console within 300 ms"
        );
        let error = side.starts(Start::PoweredOn, Duration::from_millis(50)).await.unwrap_err().to_string();
        assert!(error.starts_with("the prompt (it sent nothing)"), "{error}");
        let error = side.starts(Start::StillOn, Duration::from_millis(50)).await.unwrap_err().to_string();
        assert!(error.contains("no command `reboot`"), "{error}");
    });
}

#[test]
fn a_start_needs_its_event_and_a_restart_comes_after_the_command() {
    run(async {
        let (mut side, desk) = side(&example(), &SettingsTold::default(), b'\r', |line| match line {
            "RST" => "RST\r@00 启动\r@01 就绪\r".into(),
            _ => String::new(),
        });
        desk.say("@00 启动\r@01 就绪\rLQ9> ");
        side.starts(Start::PoweredOn, Duration::from_secs(10)).await.unwrap();
        side.starts(Start::StillOn, Duration::from_secs(10)).await.unwrap();
        assert_eq!(desk.heard(), ["RST"]);
        assert!(!side.tells_ready() && side.tells_result());
    });
}

#[test]
fn numbers_of_records_go_on_and_sums_are_computed() {
    run(async {
        let mut empty = false;
        let answer = move |line: &str| {
            empty |= line == "empty";
            match (line, empty) {
                ("list", false) => "41 100\n42 150\n$ ".to_owned(),
                ("list", true) => "43 7\n$ ".to_owned(),
                _ => "$ ".to_owned(),
            }
        };
        let (mut side, _desk) = side(&small(), &SettingsTold::default(), b'\n', answer);
        let numbers = |page: &JournalPage| page.rows.iter().map(|row| row.number.unwrap()).collect::<Vec<_>>();
        let page = side.journal(1).await.unwrap();
        assert_eq!((numbers(&page), page.count, page.total), (vec![1, 2], 2, 250));
        let page = side.journal(2).await.unwrap();
        assert_eq!((numbers(&page), page.count, page.total), (vec![2], 2, 250));
        assert_eq!(side.clear_journal().await.unwrap(), None);
        let page = side.journal(1).await.unwrap();
        assert_eq!((numbers(&page), page.count, page.total), (vec![1], 1, 7));
    });
}

#[test]
fn a_line_of_the_journal_without_a_pattern_is_an_error() {
    run(async {
        for (reply, unexplained) in [
            ("No. 41: 100\nNo. 42: 150\n$ ", "`No. 41: 100` and `No. 42: 150`"),
            ("41 100\nbeep\nand more\n$ ", "`and more`"),
        ] {
            let (mut side, _desk) = side(&small(), &SettingsTold::default(), b'\n', move |_| reply.into());
            let error = side.journal(1).await.unwrap_err();
            let wanted = format!(
                "no pattern of the device file explains {unexplained} in the reply to `list`: see \
                `interface.rules.commands.journal`"
            );
            assert_eq!(error.to_string(), wanted);
            assert!(error.advice().is_some_and(|advice| advice.contains("`rows`") && advice.contains("`lines`")));
        }
    });
}

#[test]
fn a_line_that_tells_nothing_has_a_pattern_and_sums_are_still_computed() {
    run(async {
        let mut device = small();
        let Interface::Rules(rules) = &mut device.interface else { panic!("no rules") };
        let journal = rules.commands.journal.as_mut().unwrap();
        journal.lines = vec!["^end of list$".parse().unwrap()];
        let (mut side, _desk) =
            side(&device, &SettingsTold::default(), b'\n', |_| "1 100\n2 150\nend of list\n$ ".into());
        let page = side.journal(2).await.unwrap();
        assert_eq!((page.rows.len(), page.count, page.total), (1, 2, 250));
    });
}

#[test]
fn a_record_of_two_lines_in_the_forms_of_the_device() {
    run(async {
        let (mut side, desk) = side(&example(), &SettingsTold::default(), b'\r', |line| {
            format!(
                "{line}\r\n#000012 21.05.2018-08:00:03 6229-90##-####-0021 01 ￥2.00\r  次数=23 密文=0011223344556677/80 类=A \
                 线=<Line 3>\r共 1 条 ￥2.00\r=0\r"
            )
        });
        let page = side.journal(1).await.unwrap();
        let row = &page.rows[0];
        assert_eq!((row.number, row.charged, row.counter.as_deref()), (Some(1), Some(200), Some("0017")));
        assert_eq!(row.time.as_deref(), Some("2018-05-21T08:00:03"));
        assert_eq!(row.account.as_deref(), Some("622990******0021"));
        assert_eq!((row.kind.as_deref(), row.line.as_deref()), (Some("oda"), Some("Line 3")));
        side.journal(2).await.unwrap();
        assert_eq!(desk.heard(), ["LOG 000001", "LOG 000013"], "its own numbers");
    });
}

#[test]
fn a_command_for_several_settings_repeats_those_that_stay_even_after_a_power_cycle() {
    run(async {
        let told = SettingsTold::default();
        let situation = Situation { settings: settings("{ fare: 2.00 CNY, debit: true }"), keys: vec![] };
        let (mut first, desk) = side(&small(), &told, b'\n', |_| "$ ".into());
        let established = first.establish(&situation, &mut LastSituation::default(), [1; 8]).await.unwrap();
        assert_eq!(established, Established { by: Freshness::PowerOn, settings: None });
        assert_eq!(desk.heard(), ["both 200 9", "debit Y", "empty"]);
        let (mut second, desk) = side(&small(), &told, b'\n', |line| match line {
            "debit N" => "no\n$ ".into(),
            _ => "$ ".into(),
        });
        let applied = second.apply(&settings("{ retap: 3 s, debit: false }"), &[]).await.unwrap();
        assert_eq!(desk.heard(), ["both 200 3", "debit N"]);
        let refused: Vec<_> =
            applied.iter().map(|applied| (applied.what.as_str(), applied.refused.as_deref())).collect();
        assert_eq!(refused, [("debit false", Some("no")), ("retap 3 s", None)]);
    });
}

#[test]
fn lists_clock_and_nonce_in_the_words_of_the_device() {
    run(async {
        let (mut side, desk) =
            side(&example(), &SettingsTold::default(), b'\r', |line| match line.strip_prefix("PING ") {
                Some(nonce) => format!("{line}\r\nPONG {nonce}\r=0\rLQ9> "),
                None => format!("{line}\r\n=0\rLQ9> "),
            });
        let yaml = "{ deny-list: [6229 9001 8000 0013, '6229 9001 8000 0013:07'], clock: 2018-05-21T08:00:00 }";
        let situation = Situation { settings: settings(yaml), keys: vec![] };
        let established = side.establish(&situation, &mut LastSituation::default(), [0xAB; 8]).await.unwrap();
        assert_eq!(established.by, Freshness::Nonce);
        let heard = desk.heard();
        assert_eq!(heard[0], "INIT");
        let expected = ["CFG FARE 1.00 0 0", "CFG LIM - - - 20.00", "CFG MODE 0 J 0 0 00000", "CFG TTQ AUTO"];
        assert_eq!(heard[1..5], expected);
        let lists =
            ["KEY0", "BL0", "BL+ 6229900180000013 --", "BL+ 6229900180000013 07", "CRL0", "TIME 21.05.2018-08:00:00"];
        assert_eq!(heard[6..12], lists);
        assert_eq!(heard[12..], ["LOGCLR", "PING abababababababab"]);
    });
}

#[test]
fn keys_of_both_algorithms_in_the_words_of_the_device() {
    let hex = |text: &str| text.parse::<Hex>().unwrap();
    let key = |index: &str, key| AuthorityKey { rid: hex("A000000333"), index: hex(index), key };
    let keys = [
        key("E3", PublicKey::Rsa { exponent: hex("03"), modulus: hex("C0FFEE") }),
        key("F0", PublicKey::Sm2 { point: hex("32C4BC37") }),
    ];
    let lines = |rules: &Rules| -> Vec<String> {
        let sendings = settings::list(rules, List::Keys, &Settings::default(), &keys);
        sendings.into_iter().map(|sending| sending.line).collect()
    };
    let Interface::Rules(mut rules) = example().interface else { panic!() };
    assert_eq!(lines(&rules), ["KEY0", "KEY+ A000000333 E3 03 C0FFEE"], "without a command for it, no SM2 key");
    let send = "SM2+ {rid} {index} {point}".parse().unwrap();
    rules.commands.key_add_sm2 = Some(Command { send, ..rules.commands.key_clear.clone().unwrap() });
    assert_eq!(lines(&rules), ["KEY0", "KEY+ A000000333 E3 03 C0FFEE", "SM2+ A000000333 F0 32C4BC37"]);
}

#[test]
fn another_nonce_is_not_believed() {
    run(async {
        let (mut side, _desk) =
            side(&example(), &SettingsTold::default(), b'\r', |line| format!("{line}\r\nPONG old\r=0\r"));
        let error = side.establish(&Situation::default(), &mut LastSituation::default(), [1; 8]).await.unwrap_err();
        assert!(matches!(&error, BenchError::Nonce { role: Role::Validator, seen } if seen == "old"), "{error:?}");
    });
}
