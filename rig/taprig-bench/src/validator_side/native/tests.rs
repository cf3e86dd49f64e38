//! Tests of the native adapter. A thread plays the device at the console.

use std::collections::HashSet;
use std::sync::mpsc::Receiver;
use std::sync::{Arc, Mutex};

use taprig_model::acquirer::WorkResult;
use taprig_model::device::Device;
use taprig_model::event::Word;
use taprig_model::expect::{Cvm, Gate, Outcome, Sound};
use taprig_model::situation::PublicKey;
use taprig_model::units::Hex;

use super::*;
use crate::link::console::Line;
use crate::link::port::{ByteSink, Way};
use crate::link::pty::Terminal;
use crate::validator_side::AIR_DEAD;

const NONCE: [u8; 8] = [1, 2, 3, 4, 5, 6, 7, 0xFF];
const NONCE_TEXT: &str = "01020304050607ff";

fn adapter() -> Adapter {
    let file = include_str!("../../../../../fixtures/devices/taprig-reference.yaml");
    let yaml = serde_yaml::Deserializer::from_str(file);
    let device: Device = serde_yaml::with::singleton_map_recursive::deserialize(yaml).unwrap();
    let native = device.interface.native().unwrap().clone();
    Adapter { native, words: device.words, reply_within: Duration::from_secs(2) }
}

fn settings(yaml: &str) -> Settings {
    serde_yaml::from_str(yaml).unwrap()
}

fn situation(yaml: &str) -> Situation {
    Situation { settings: settings(yaml), keys: vec![] }
}

/// The name of the settings.
fn tag(yaml: &str) -> String {
    Named::new(&situation(yaml), &adapter()).tag
}

/// A validator that remembers the name of its settings, and has this number of records in its journal.
fn validator(tag: &str, journal: u32) -> impl FnMut(&str) -> Option<String> + Send + 'static {
    let mut tag = tag.to_owned();
    move |line| {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        Some(match word {
            "status" => format!("ok state=ready profile={tag} journal={journal}\n"),
            "echo" => format!("! show id=14\nok {rest}\n"),
            "profile" => {
                rest.clone_into(&mut tag);
                "ok\n".into()
            }
            _ => "ok\n".into(),
        })
    }
}

/// A validator played by `reply`. `seen` receives the bytes of the console.
fn side(
    adapter: &Adapter,
    console: impl FnMut(&str) -> Option<String> + Send + 'static,
    seen: ByteSink,
) -> (NativeValidator, Receiver<String>) {
    let terminal = Terminal::new();
    let port = Console::open(&terminal.path().into(), adapter.native.baud, &adapter.native.lines, seen).unwrap();
    (NativeValidator::with(port, adapter.clone()), terminal.console(console))
}

fn unheard() -> ByteSink {
    Arc::new(|_, _| ())
}

fn run<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

/// Establishes situations one after the other on one validator. Returns the lines of the last one, and its result.
fn establishing(adapter: &Adapter, tag: &str, journal: u32, yaml: &[&str]) -> (Vec<String>, Established) {
    run(async {
        let (mut side, heard) = side(adapter, validator(tag, journal), unheard());
        let mut last = LastSituation::default();
        let mut established = None;
        for yaml in yaml {
            while heard.try_recv().is_ok() {}
            established = Some(side.establish(&situation(yaml), &mut last, NONCE).await.unwrap());
        }
        (heard.try_iter().collect(), established.unwrap())
    })
}

fn lines_of(tag: &str, journal: u32, yaml: &[&str]) -> Vec<String> {
    establishing(&adapter(), tag, journal, yaml).0
}

const FLAT: &str = "{ fare: 1.00 CNY, retap: 3 s, clock: 2018-05-21T08:00:00 }";

#[test]
fn a_device_of_unknown_state_is_told_everything_from_its_factory_state_on() {
    for borne in ["-", "someone-elses"] {
        let lines = lines_of(borne, 0, &[FLAT]);
        assert_eq!(lines[..2], ["status", "factory"]);
        let settings: HashSet<_> = lines[2..6].iter().map(String::as_str).collect();
        let all = ["set fare 100", "set discount 0", "set one-cent off", "set retap 3"];
        assert_eq!(settings, HashSet::from(all), "the whole fare, and the anti-passback time");
        assert_eq!(lines[6], format!("profile {}", tag(FLAT)));
        assert_eq!(lines[7..], ["clock 2018-05-21T08:00:00".to_owned(), format!("echo {NONCE_TEXT}")]);
    }
}

#[test]
fn a_device_that_bears_the_name_is_told_clock_and_nonce_alone() {
    let name = tag(FLAT);
    let clock_and_nonce = ["clock 2018-05-21T08:00:00".to_owned(), format!("echo {NONCE_TEXT}")];
    assert_eq!(lines_of(&name, 0, &[FLAT])[1..], clock_and_nonce);
    let lines = lines_of(&name, 3, &[FLAT]);
    assert_eq!(lines[1], "journal clear");
    assert_eq!(lines[2..], clock_and_nonce);
}

#[test]
fn a_device_is_told_what_differs_from_what_it_was_told_before() {
    let next = "{ fare: 2.00 CNY, retap: 3 s }";
    let lines = lines_of("-", 0, &[FLAT, next]);
    let name = format!("profile {}", tag(next));
    assert_eq!(lines[..6], ["status", "set fare 200", "set discount 0", "set one-cent off", "journal clear", &name]);
    assert_eq!(lines[6..], [format!("echo {NONCE_TEXT}")]);
    // The factory value of a setting can be restored only through the factory state.
    let lines = lines_of("-", 0, &[FLAT, "{ fare: 1.00 CNY }"]);
    assert_eq!(lines[1], "factory");
}

#[test]
fn settings_that_differ_have_names_that_differ() {
    let all = ["{}", "{ fare: 1.00 CNY }", "{ fare: 1.01 CNY }", "{ retap: 1 s }", "{ fare: 1.00 CNY, retap: 1 s }"];
    let names: HashSet<_> = all.iter().map(|yaml| tag(yaml)).collect();
    assert_eq!(names.len(), all.len());
    // The clock is set each time, so it is not part of the name.
    assert_eq!(tag(FLAT), tag("{ fare: 1.00 CNY, retap: 3 s }"));
}

/// How establishing fails on a validator that is played like this.
fn failure(console: impl FnMut(&str) -> Option<String> + Send + 'static) -> BenchError {
    run(async {
        let mut adapter = adapter();
        adapter.reply_within = Duration::from_millis(300);
        let (mut side, _heard) = side(&adapter, console, unheard());
        side.establish(&situation(FLAT), &mut LastSituation::default(), NONCE).await.unwrap_err()
    })
}

#[test]
fn a_validator_that_returns_another_nonce_is_not_believed() {
    let mut good = validator("-", 0);
    let late = move |line: &str| if line.starts_with("echo") { Some("ok 0011\n".into()) } else { good(line) };
    let error = failure(late);
    assert!(matches!(&error, BenchError::Nonce { role: Role::Validator, seen } if seen == "0011"), "{error:?}");
    assert!(error.to_string().contains("validator returned `0011` instead of this case's nonce"), "{error}");
}

#[test]
fn a_refused_setting_and_a_missing_reply_are_told_with_their_line() {
    let mut good = validator("-", 0);
    let refuses =
        move |line: &str| if line.starts_with("set fare") { Some("error 3 range\n".into()) } else { good(line) };
    let error = failure(refuses).to_string();
    assert!(error.contains("refused `set fare 100`: 3 range"), "{error}");
    // The device took its other settings. With the name of all of them it would be believed in the next case.
    let named = Arc::new(Mutex::new(false));
    let (heard, mut good) = (named.clone(), validator("-", 0));
    failure(move |line: &str| {
        *heard.lock().unwrap() |= line.starts_with("profile");
        if line.starts_with("set fare") { Some("error 3 range\n".into()) } else { good(line) }
    });
    assert!(!*named.lock().unwrap());
    let mut good = validator("-", 0);
    let mute = move |line: &str| if line.starts_with("set retap") { None } else { good(line) };
    let error = failure(mute).to_string();
    // Each of the replies that follow belongs to the line after it. The last line has none.
    assert!(error.contains("did not come from the validator's console within 300 ms"), "{error}");
}

#[test]
fn no_more_is_on_its_way_than_the_device_holds() {
    run(async {
        // This keeps the sent bytes whose reply has not come yet, by line, and their largest number.
        let state: Arc<Mutex<(Vec<usize>, usize, usize)>> = Arc::default();
        let keep = state.clone();
        let tap: ByteSink = Arc::new(move |way, bytes: &[u8]| {
            let (open, answered, most) = &mut *keep.lock().unwrap();
            match way {
                Way::Out => open.push(bytes.len()),
                Way::In => *answered += bytes.iter().filter(|byte| **byte == b'\n').count(),
            }
            *most = (*most).max(open[(*answered).min(open.len())..].iter().sum());
        });
        let (mut side, heard) = side(&adapter(), |line| Some(format!("ok {}\n", line.len())), tap);
        let mut lines: Vec<String> = (1..=60).map(|i| format!("set key-{i:02} {}", "x".repeat(i))).collect();
        // A line that is longer than the window is sent alone.
        lines.push(format!("key add {}", "F".repeat(600)));
        lines.push("echo 1".into());
        let replies = send_all(&mut side.console, &lines, Duration::from_secs(5)).await.unwrap();
        let lengths: Vec<_> = lines.iter().map(|line| line.len().to_string()).collect();
        assert_eq!(replies.iter().map(|reply| reply.ok.clone()).collect::<Vec<_>>(), lengths, "replies in order");
        assert_eq!(heard.try_iter().collect::<Vec<_>>(), lines);
        let most = state.lock().unwrap().2;
        assert_eq!(most, 609, "the long line alone");
    });
}

#[test]
fn the_window_is_filled_and_not_exceeded() {
    run(async {
        let open: Arc<Mutex<Vec<Vec<u8>>>> = Arc::default();
        let keep = open.clone();
        let tap: ByteSink = Arc::new(move |way, bytes: &[u8]| {
            if way == Way::Out {
                keep.lock().unwrap().push(bytes.to_vec());
            }
        });
        // This device never answers, so everything that was sent is still on its way.
        let (mut side, _heard) = side(&adapter(), |_| None, tap);
        let lines: Vec<String> = (0..100).map(|i| format!("set fare {i:02}")).collect();
        send_all(&mut side.console, &lines, Duration::from_millis(50)).await.unwrap_err();
        let sent: usize = open.lock().unwrap().iter().map(Vec::len).sum();
        assert!((WINDOW - 12..=WINDOW).contains(&sent), "{sent}");
    });
}

#[test]
fn a_device_that_keeps_no_name_is_told_everything_each_time() {
    let mut adapter = adapter();
    adapter.native.commands.profile = None;
    let (lines, established) = establishing(&adapter, "-", 0, &[FLAT, FLAT]);
    assert_eq!(lines[..2], ["status", "factory"]);
    assert!(lines.iter().all(|line| !line.starts_with("profile")), "{lines:?}");
    assert_eq!(lines.len(), 8, "fare and anti-passback time, clock and nonce: {lines:?}");
    assert_eq!(established.settings, None);
}

#[test]
fn a_device_that_echoes_nothing_proves_freshness_by_its_power_on() {
    let mut adapter = adapter();
    assert_eq!(establishing(&adapter, "-", 0, &[FLAT]).1.by, Freshness::Nonce);
    adapter.native.commands.echo = None;
    let (lines, established) = establishing(&adapter, "-", 0, &[FLAT]);
    assert_eq!(established.by, Freshness::PowerOn);
    assert_eq!(lines.last().map(String::as_str), Some("clock 2018-05-21T08:00:00"));
}

#[test]
fn a_device_that_can_not_empty_its_journal_gets_it_emptied_by_its_factory_state() {
    let mut adapter = adapter();
    adapter.native.commands.journal_clear = None;
    let name = tag(FLAT);
    assert_eq!(establishing(&adapter, &name, 0, &[FLAT]).0.len(), 3, "status, clock and nonce");
    assert_eq!(establishing(&adapter, &name, 2, &[FLAT]).0[1], "factory");
    // A device that does not report its state may have records.
    adapter.native.commands.status = None;
    assert_eq!(establishing(&adapter, &name, 0, &[FLAT]).0[0], "factory");
}

#[test]
fn commands_that_a_device_lacks_are_capabilities_that_it_lacks() {
    run(async {
        let (reference, _) = side(&adapter(), |_| None, unheard());
        assert_eq!(reference.capabilities().len(), 7);
        let mut adapter = adapter();
        let commands = &mut adapter.native.commands;
        (commands.echo, commands.profile, commands.status) = (None, None, None);
        (commands.journal, commands.journal_clear) = (None, None);
        commands.uplink = None;
        let (mut side, heard) = side(&adapter, |_| None, unheard());
        assert_eq!(side.capabilities(), &[ValidatorCapability::NativeConsole].into());
        assert!(side.status().await.unwrap_err().to_string().contains("refused `status`"));
        assert!(side.journal(1).await.unwrap_err().to_string().contains("refused `journal`"));
        assert!(side.clear_journal().await.unwrap_err().to_string().contains("refused `clear-journal`"));
        assert!(side.uplink(Work::Upload).await.unwrap_err().to_string().contains("refused `uplink`"));
        assert!(heard.try_recv().is_err(), "it is not asked");
    });
}

#[test]
fn a_work_at_the_uplink_begins_with_its_command_and_ends_with_an_event() {
    run(async {
        let reply = |line: &str| {
            Some(match line {
                "download deny" => "ok\n! uplink what=deny result=failed reason=no-answer\n".into(),
                "journal 1" => "- n=1 fare=100\n- n=2 fare=100 claim=refused batch=000003 trace=000007 code=51\nok count=2 total=200\n".into(),
                _ => "error uplink set master-key first\n".into(),
            })
        };
        let (mut side, _heard) = side(&adapter(), reply, unheard());
        assert_eq!(side.uplink(Work::DenyList).await.unwrap(), None);
        let deadline = Instant::now() + Duration::from_secs(5);
        let (signal, said) = side.signal(deadline).await.unwrap().unwrap();
        let (work, result) = (Word::Known(Work::DenyList), Word::Known(WorkResult::Failed));
        assert_eq!((signal, said.get("reason")), (Signal::Uplink { work, result }, Some("no-answer")));
        assert_eq!(side.uplink(Work::Settle).await.unwrap(), Some("uplink set master-key first".to_owned()));
        let rows = side.journal(1).await.unwrap().rows;
        assert_eq!(rows[0].claim.as_deref(), Some("waiting"), "a ride that was not sent");
        let sent = (rows[1].claim.as_deref(), rows[1].batch, rows[1].trace, rows[1].code.as_deref());
        assert_eq!(sent, (Some("refused"), Some(3), Some(7), Some("51")));
    });
}

#[test]
fn a_refused_setting_of_a_step_is_told_by_its_name_and_the_others_are_sent() {
    run(async {
        let reply = |line: &str| {
            Some(if line.starts_with("deny add 6226091234567893") { "error 8 list full\n" } else { "ok\n" }.to_owned())
        };
        let (mut side, heard) = side(&adapter(), reply, unheard());
        let settings = settings(
            "{ fare: 2.00 CNY, deny-list: [\"6226 0912 3456 7893:01\", \"6226091234567885\"], clock: 2018-05-21T08:00:00 }",
        );
        let applied = side.apply(&settings, &[]).await.unwrap();
        let seen: Vec<_> = applied.iter().map(|one| (one.what.as_str(), one.refused.as_deref())).collect();
        assert_eq!(
            seen,
            [
                ("fare 2.00 CNY", None),
                ("deny-list [6226091234567893:01,6226091234567885]", Some("8 list full")),
                ("clock 2018-05-21T08:00:00", None)
            ]
        );
        let lines: Vec<_> = heard.try_iter().collect();
        assert_eq!(lines.len(), 7, "{lines:?}");
        assert_eq!((lines[0].as_str(), lines[6].as_str()), ("set fare 200", "clock 2018-05-21T08:00:00"));
    });
}

#[test]
fn a_refusal_in_a_conversation_is_a_reply() {
    run(async {
        let reply = |line: &str| Some(if line == "bad" { "error 7 no such thing\n" } else { "- a=1\nok b=2\n" }.into());
        let (mut side, _heard) = side(&adapter(), reply, unheard());
        let good = side.converse("good").await.unwrap();
        assert_eq!((good.reply.data.len(), good.reply.text.as_str(), good.reply.ok), (1, "b=2", true));
        let bad = side.converse("bad").await.unwrap().reply;
        assert_eq!((bad.ok, bad.code.as_deref(), bad.text.as_str()), (false, Some("7"), "no such thing"));
    });
}

#[test]
fn lines_that_empty_the_journal_are_told_to_when_they_are_accepted() {
    run(async {
        let (mut good, _heard) = side(&adapter(), |_| Some("ok\n".into()), unheard());
        for (line, empties) in [("journal clear", true), ("factory", true), ("journal", false), ("status", false)] {
            assert_eq!(good.converse(line).await.unwrap().empties_journal, empties, "{line}");
        }
        let (mut bad, _heard) = side(&adapter(), |_| Some("error 9 not now\n".into()), unheard());
        assert!(!bad.converse("journal clear").await.unwrap().empties_journal);
        assert_eq!(bad.clear_journal().await.unwrap().as_deref(), Some("9 not now"));
    });
}

#[test]
fn status_identity_and_journal_are_read_by_the_names_of_this_console() {
    run(async {
        let reply = |line: &str| {
            Some(match line {
                "status" => {
                    "ok state=journal-full profile=- journal=5 capacity=5 total=450 clock=2018-05-21T08:00:00\n".into()
                }
                "identity" => "ok device=d firmware=f version=1 board=b digest=00ff\n".into(),
                "journal 4" => "- n=4 time=2018-05-21T08:00:00 pan=622600******7890 psn=01 fare=90 atc=0017 \
                                ac=acacacacacacacac cid=80 kind=oda line=12\n- n=5 psn=-\nok count=5 total=450\n"
                    .into(),
                other => format!("error 1 {other}\n"),
            })
        };
        let (mut side, _heard) = side(&adapter(), reply, unheard());
        let (status, said) = side.status().await.unwrap();
        let wanted = Status {
            state: Some("journal-full".into()),
            journal: Some(5),
            capacity: Some(5),
            total: Some(450),
            clock: Some("2018-05-21T08:00:00".into()),
            settings: None,
        };
        assert_eq!((status, said.get("profile")), (wanted, Some("-")));
        let identity = side.identity().await.unwrap();
        assert_eq!(identity.fields().to_string(), "device=d firmware=f board=b version=1 digest=00ff");
        let page = side.journal(4).await.unwrap();
        assert_eq!((page.count, page.total, page.rows.len()), (5, 450, 2));
        let row = &page.rows[0];
        assert_eq!((row.number, row.charged), (Some(4), Some(90)));
        let texts = [
            (&row.time, "2018-05-21T08:00:00"),
            (&row.account, "622600******7890"),
            (&row.sequence, "01"),
            (&row.counter, "0017"),
            (&row.cryptogram, "acacacacacacacac"),
            (&row.cryptogram_type, "80"),
            (&row.kind, "oda"),
            (&row.line, "12"),
        ];
        for (seen, wanted) in texts {
            assert_eq!(seen.as_deref(), Some(wanted));
        }
        assert_eq!((page.rows[1].sequence.as_deref(), page.rows[1].charged), (Some("-"), None));
        assert_eq!(page.rows[1].said.to_string(), "n=5 psn=-");
    });
}

/// The meaning of lines from the console.
fn signals(adapter: &Adapter, said: &[&str]) -> Vec<Signal> {
    let marks = &adapter.native.lines;
    let event = |line: &&str| match Line::parse(line, marks) {
        Line::Event(event) => words::signal(&event, adapter),
        other => panic!("{other:?}"),
    };
    said.iter().map(event).collect()
}

#[test]
fn every_event_of_the_reference_device_is_a_signal() {
    let said = [
        "! started",
        "! ready",
        "! show id=15 text=\"present card\"",
        "! sound attention",
        "! gate open",
        "! result outcome=approved reason=oda-approved fare=100 charged=90 pan=622600******7890 cvm=online-pin",
        "! fault what=air-dead",
        "! fault restart",
        "! memory left=7",
    ];
    let wanted = [
        Signal::Started {},
        Signal::Ready {},
        Signal::Show { message: Word::Known("present card".into()) },
        Signal::Sound { sound: Word::Known(Sound::Attention) },
        Signal::Gate { gate: Word::Known(Gate::Open) },
        Signal::Result {
            outcome: Some(Word::Known(Outcome::Approved)),
            reason: Some(Word::Known("oda-approved".into())),
            charged: Some(90),
            held: None,
            cvm: Some(Word::Known(Cvm::OnlinePin)),
        },
        Signal::Fault { what: AIR_DEAD.into() },
        Signal::Fault { what: "restart=\"\"".into() },
        Signal::Other { name: "memory".into() },
    ];
    assert_eq!(signals(&adapter(), &said), wanted);
    let nothing = Signal::Result { outcome: None, reason: None, charged: None, held: None, cvm: None };
    assert_eq!(signals(&adapter(), &["! result"]), [nothing]);
}

#[test]
fn words_that_are_not_ours_stay_the_devices_own() {
    let unknown = |word: &str| Word::<String>::Unknown(word.into());
    let said = ["! show id=7F", "! sound ding", "! gate", "! result outcome=paid cvm=thumb"];
    let wanted = [
        Signal::Show { message: unknown("7F") },
        Signal::Sound { sound: Word::Unknown("ding".into()) },
        Signal::Gate { gate: Word::Unknown(String::new()) },
        Signal::Result {
            outcome: Some(Word::Unknown("paid".into())),
            reason: None,
            charged: None,
            held: None,
            cvm: Some(Word::Unknown("thumb".into())),
        },
    ];
    assert_eq!(signals(&adapter(), &said), wanted);
}

#[test]
fn each_map_of_the_device_file_gives_its_words_their_meaning() {
    let mut adapter = adapter();
    adapter.words.messages = [("OK".into(), "approved".into())].into();
    adapter.words.outcomes = [("paid".into(), Outcome::Approved), ("free".into(), Outcome::Approved)].into();
    adapter.words.reasons = [("E17".into(), taprig_model::expect::StringOrList(vec!["pan-missing".into()]))].into();
    adapter.words.sounds = [("ding".into(), Sound::Accepted)].into();
    adapter.words.gates = [("1".into(), Gate::Open)].into();
    adapter.words.cvms = [("0".into(), Cvm::None)].into();
    adapter.native.events.result = "end".into();
    let said = ["! show id=OK", "! sound ding", "! gate 1", "! end outcome=free reason=E17 cvm=0"];
    let wanted = [
        Signal::Show { message: Word::Known("approved".into()) },
        Signal::Sound { sound: Word::Known(Sound::Accepted) },
        Signal::Gate { gate: Word::Known(Gate::Open) },
        Signal::Result {
            outcome: Some(Word::Known(Outcome::Approved)),
            reason: Some(Word::Known("pan-missing".into())),
            charged: None,
            held: None,
            cvm: Some(Word::Known(Cvm::None)),
        },
    ];
    assert_eq!(signals(&adapter, &said), wanted);
    // Once there is a map, taprig's own words have no meaning any more.
    let said = ["! sound accepted", "! gate open", "! end outcome=approved reason=pan-missing cvm=none"];
    let wanted = [
        Signal::Sound { sound: Word::Unknown("accepted".into()) },
        Signal::Gate { gate: Word::Unknown("open".into()) },
        Signal::Result {
            outcome: Some(Word::Unknown("approved".into())),
            reason: Some(Word::Unknown("pan-missing".into())),
            charged: None,
            held: None,
            cvm: Some(Word::Unknown("none".into())),
        },
    ];
    assert_eq!(signals(&adapter, &said), wanted);
    assert_eq!(signals(&adapter, &["! result"]), [Signal::Other { name: "result".into() }]);
}

#[test]
fn a_signal_comes_with_what_was_said_and_one_that_came_meanwhile_waits() {
    run(async {
        let reply = |line: &str| Some(format!("! sound accepted\nok {line}\n! gate shut\n"));
        let (mut side, _heard) = side(&adapter(), reply, unheard());
        side.converse("anything").await.unwrap();
        let deadline = Instant::now() + Duration::from_secs(2);
        let (signal, said) = side.signal(deadline).await.unwrap().unwrap();
        assert_eq!(
            (signal, said.to_string()),
            (Signal::Sound { sound: Word::Known(Sound::Accepted) }, "accepted=\"\"".into())
        );
        side.idle(Instant::now() + Duration::from_millis(100)).await.unwrap();
        let next = side.signal(Instant::now()).await.unwrap().map(|(signal, _)| signal);
        assert_eq!(next, Some(Signal::Gate { gate: Word::Known(Gate::Shut) }));
        assert_eq!(side.signal(Instant::now()).await.unwrap(), None);
    });
}

#[test]
fn a_device_that_had_power_all_the_time_is_told_to_start_again() {
    run(async {
        let reply = |line: &str| (line == "reboot").then(|| "! ready\nok\n! started\n! ready\n".to_owned());
        let (mut side, heard) = side(&adapter(), reply, unheard());
        let within = Duration::from_secs(2);
        side.starts(Start::StillOn, within).await.unwrap();
        assert_eq!(heard.try_iter().collect::<Vec<_>>(), ["reboot"]);
        assert_eq!(side.signal(Instant::now()).await.unwrap(), None, "what was before the start is dropped");
        let error = side.starts(Start::PoweredOn, Duration::from_millis(100)).await.unwrap_err();
        assert!(matches!(error, LinkError::Deadline { .. }), "{error:?}");
    });
}

#[test]
fn a_ready_from_before_the_start_is_no_start() {
    run(async {
        // The console was open while the device was still on.
        let tell = |text: &'static str| move |line: &str| (line == "reboot").then(|| format!("ok\n{text}"));
        let (mut side, _heard) = side(&adapter(), tell("! ready\n"), unheard());
        side.converse("reboot").await.unwrap();
        let error = side.starts(Start::PoweredOn, Duration::from_millis(100)).await.unwrap_err();
        assert!(error.to_string().contains("`started`"), "{error}");
    });
    run(async {
        let tell = |line: &str| (line == "reboot").then(|| "ok\n! ready\n! started\n! ready\n".to_owned());
        let (mut side, _heard) = side(&adapter(), tell, unheard());
        side.converse("reboot").await.unwrap();
        side.starts(Start::PoweredOn, Duration::from_secs(2)).await.unwrap();
        assert_eq!(side.signal(Instant::now()).await.unwrap(), None);
    });
}

#[test]
fn a_reply_that_comes_during_a_wait_for_a_signal_is_kept_for_its_line() {
    run(async {
        let tell = |line: &str| {
            let later = "! show id=03 text=approved\nok state=ready\n! ready\n";
            Some(if line == "status" { later } else { "ok other\n" }.to_owned())
        };
        let (mut side, _heard) = side(&adapter(), tell, unheard());
        side.say("status").await.unwrap();
        for _ in 0..2 {
            assert!(side.signal(Instant::now() + Duration::from_secs(2)).await.unwrap().is_some());
        }
        assert_eq!(side.answer_to("status").await.unwrap().reply.text, "state=ready");
        assert_eq!(side.converse("next").await.unwrap().reply.text, "other");
    });
}

/// The restart of a board whose power can't be switched: nobody reads the reply.
#[test]
fn a_reply_that_nobody_asks_for_is_no_reply_to_the_next_line() {
    run(async {
        let tell = |line: &str| {
            Some(if line == "reboot" { "ok\n! started\n! ready\n" } else { "ok state=ready\n" }.to_owned())
        };
        let (mut side, _heard) = side(&adapter(), tell, unheard());
        side.starts(Start::StillOn, Duration::from_secs(2)).await.unwrap();
        assert_eq!(side.converse("status").await.unwrap().reply.text, "state=ready");
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
    let lines = |adapter: &Adapter| {
        let all = changes(&settings("{ keys: [a, b] }"), &keys, adapter);
        all.into_iter().find(|change| change.what == "keys").unwrap().lines
    };
    let mut adapter = adapter();
    let both = ["key clear", "key add A000000333 E3 03 C0FFEE", "key add A000000333 F0 sm2 32C4BC37"];
    assert_eq!(lines(&adapter), both);
    adapter.native.commands.key_add_sm2 = None;
    assert_eq!(lines(&adapter), both[..2], "without a command for it, no SM2 key");
}

#[test]
fn a_fare_policy_is_told_whole_and_the_stop_each_time() {
    let yaml = "{ mode: oda, fares: { debts: true, caps: { day: 4.00 CNY } }, stop: 3 }";
    let lines = lines_of("-", 0, &[yaml]);
    // A policy needs the mode, so that the mode comes first.
    assert_eq!(lines[2..7], ["set mode oda", "fares clear", "fares cap day 400", "fares debts", "fares use"]);
    // A device that has the policy forgot the stop with its power, or has that of the case before.
    let name = tag(yaml);
    assert_eq!(lines_of(&name, 0, &[yaml])[1], "stop 3");
    assert_eq!(lines_of(&name, 0, &["{ mode: oda, fares: { debts: true, caps: { day: 4.00 CNY } } }"])[1], "stop none");
    let held = |said: &str| match signals(&adapter(), &[said]).pop() {
        Some(Signal::Result { held, .. }) => held,
        other => panic!("{other:?}"),
    };
    assert_eq!(held("! result outcome=approved charged=0 trip=on held=300"), Some(300));
    assert_eq!(held("! result outcome=declined reason=debt debt=200"), Some(200));
}
