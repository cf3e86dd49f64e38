//! The known state, on a console that a thread plays.

use std::collections::HashSet;
use std::sync::mpsc::Receiver;
use std::sync::{Arc, Mutex};

use taprig_model::device::Device;

use super::*;
use taprig_bench::link::emulator::Relay;
use taprig_bench::link::port::{Tap, Way};
use taprig_bench::link::pty::{Terminal, echoes};
use taprig_record::{Options, Recorder};

const NONCE: [u8; 8] = [1, 2, 3, 4, 5, 6, 7, 0xFF];
const NONCE_TEXT: &str = "01020304050607ff";

fn adapter() -> Adapter {
    let file = include_str!("../../../../../fixtures/devices/taprig-reference.yaml");
    let mut adapter = serde_yaml::from_str::<Device>(file).unwrap().console;
    adapter.reply_within = "2 s".parse().unwrap();
    adapter
}

fn settings(yaml: &str) -> Settings {
    serde_yaml::from_str(yaml).unwrap()
}

fn situation(yaml: &str) -> Situation {
    Situation::new(&settings(yaml), &[], &adapter())
}

/// A validator that remembers the name of its settings, and has so many records in its journal.
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

/// Ports to a validator and an emulator as played; `seen` hears the console's bytes.
fn links(
    console: impl FnMut(&str) -> Option<String> + Send + 'static,
    emulator: impl FnMut(&wire::link::Order) -> Option<wire::link::Report> + Send + 'static,
    seen: Tap,
) -> (Links, Receiver<String>) {
    let adapter = adapter();
    let (one, other) = (Terminal::new(), Terminal::new());
    let console_port = Console::open(one.path(), adapter.baud, &adapter.lines, seen).unwrap();
    let relay = Relay::open(other.path(), 115_200, Arc::new(|_, _| ())).unwrap();
    other.emulator(emulator);
    (Links { console: console_port, relay }, one.console(console))
}

fn run<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

/// Establishes situations one after the other on one validator; the lines of the last.
fn lines_of(tag: &str, journal: u32, yaml: &[&str]) -> Vec<String> {
    run(async {
        let (mut links, heard) = links(validator(tag, journal), echoes, Arc::new(|_, _| ()));
        let scope = Recorder::start(None, Options::default(), vec![]).unwrap().scope();
        let mut told = Told::default();
        for yaml in yaml {
            while heard.try_recv().is_ok() {}
            situation(yaml).establish(&mut links, &mut told, &adapter(), NONCE, &scope).await.unwrap();
        }
        heard.try_iter().collect()
    })
}

const FLAT: &str = "{ fare: 1.00 CNY, retap: 3 s, clock: 2018-05-21T08:00:00 }";

#[test]
fn a_device_of_unknown_state_is_told_everything_from_its_factory_state_on() {
    for borne in ["-", "someone-elses"] {
        let lines = lines_of(borne, 0, &[FLAT]);
        assert_eq!(lines[..2], ["status", "factory"]);
        let settings: HashSet<_> = lines[2..4].iter().map(String::as_str).collect();
        assert_eq!(settings, HashSet::from(["set fare 100", "set retap 3"]));
        assert_eq!(lines[4], format!("profile {}", situation(FLAT).tag));
        assert_eq!(lines[5..], ["clock 2018-05-21T08:00:00".to_owned(), format!("echo {NONCE_TEXT}")]);
    }
}

#[test]
fn a_device_that_bears_the_name_is_told_clock_and_nonce_alone() {
    let tag = situation(FLAT).tag;
    let clock_and_nonce = ["clock 2018-05-21T08:00:00".to_owned(), format!("echo {NONCE_TEXT}")];
    assert_eq!(lines_of(&tag, 0, &[FLAT])[1..], clock_and_nonce);
    let lines = lines_of(&tag, 3, &[FLAT]);
    assert_eq!(lines[1], "journal clear");
    assert_eq!(lines[2..], clock_and_nonce);
}

#[test]
fn a_device_is_told_what_differs_from_what_it_was_told_before() {
    let next = "{ fare: 2.00 CNY, retap: 3 s }";
    let lines = lines_of("-", 0, &[FLAT, next]);
    let wanted = ["status", "set fare 200", "journal clear", &format!("profile {}", situation(next).tag)];
    assert_eq!(lines[..4], wanted);
    assert_eq!(lines[4..], [format!("echo {NONCE_TEXT}")]);
    // Back to the factory's value of a setting leads through the factory state only.
    let lines = lines_of("-", 0, &[FLAT, "{ fare: 1.00 CNY }"]);
    assert_eq!(lines[1], "factory");
}

#[test]
fn settings_that_differ_have_names_that_differ() {
    let all = ["{}", "{ fare: 1.00 CNY }", "{ fare: 1.01 CNY }", "{ retap: 1 s }", "{ fare: 1.00 CNY, retap: 1 s }"];
    let names: HashSet<_> = all.iter().map(|yaml| situation(yaml).tag).collect();
    assert_eq!(names.len(), all.len());
    // The clock is set anew each time, so it is no part of the name.
    assert_eq!(situation(FLAT).tag, situation("{ fare: 1.00 CNY, retap: 3 s }").tag);
}

/// How establishing fails on boards played like this.
fn failure(
    console: impl FnMut(&str) -> Option<String> + Send + 'static,
    emulator: impl FnMut(&wire::link::Order) -> Option<wire::link::Report> + Send + 'static,
) -> BenchError {
    run(async {
        let (mut links, _heard) = links(console, emulator, Arc::new(|_, _| ()));
        let scope = Recorder::start(None, Options::default(), vec![]).unwrap().scope();
        let mut adapter = adapter();
        adapter.reply_within = "300 ms".parse().unwrap();
        situation(FLAT).establish(&mut links, &mut Told::default(), &adapter, NONCE, &scope).await.unwrap_err()
    })
}

#[test]
fn a_validator_that_returns_another_nonce_is_not_believed() {
    let mut good = validator("-", 0);
    let late = move |line: &str| if line.starts_with("echo") { Some("ok 0011\n".into()) } else { good(line) };
    let error = failure(late, echoes);
    assert!(matches!(&error, BenchError::Nonce { role: Role::Validator, seen } if seen == "0011"), "{error:?}");
    assert!(error.to_string().contains("validator did not return this case's nonce but `0011`"), "{error}");
}

#[test]
fn an_emulator_that_returns_another_nonce_is_not_believed() {
    let other = |_: &wire::link::Order| Some(wire::link::Report::Echo([0; 8]));
    let error = failure(validator("-", 0), other);
    assert!(matches!(&error, BenchError::Nonce { role: Role::Emulator, .. }), "{error:?}");
}

#[test]
fn a_refused_setting_and_a_missing_reply_are_told_with_their_line() {
    let mut good = validator("-", 0);
    let refuses =
        move |line: &str| if line.starts_with("set fare") { Some("error 3 range\n".into()) } else { good(line) };
    let error = failure(refuses, echoes).to_string();
    assert!(error.contains("refused `set fare 100`: 3 range"), "{error}");
    let mut good = validator("-", 0);
    let mute = move |line: &str| if line.starts_with("set retap") { None } else { good(line) };
    let error = failure(mute, echoes).to_string();
    // The replies that follow belong to the lines that follow; the last one has none.
    assert!(error.contains("did not come from the validator's console within 300 ms"), "{error}");
}

#[test]
fn no_more_is_on_its_way_than_the_device_holds() {
    run(async {
        // Bytes sent whose reply has not come yet, by line; and the most there ever were.
        let state: Arc<Mutex<(Vec<usize>, usize, usize)>> = Arc::default();
        let keep = state.clone();
        let tap: Tap = Arc::new(move |way, bytes: &[u8]| {
            let (open, answered, most) = &mut *keep.lock().unwrap();
            match way {
                Way::Out => open.push(bytes.len()),
                Way::In => *answered += bytes.iter().filter(|byte| **byte == b'\n').count(),
            }
            *most = (*most).max(open[(*answered).min(open.len())..].iter().sum());
        });
        let (mut links, heard) = links(|line| Some(format!("ok {}\n", line.len())), echoes, tap);
        let mut lines: Vec<String> = (1..=60).map(|i| format!("set key-{i:02} {}", "x".repeat(i))).collect();
        // One that is longer than the window goes alone.
        lines.push(format!("key add {}", "F".repeat(600)));
        lines.push("echo 1".into());
        let replies = send_all(&mut links.console, &lines, Duration::from_secs(5)).await.unwrap();
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
        let tap: Tap = Arc::new(move |way, bytes: &[u8]| {
            if way == Way::Out {
                keep.lock().unwrap().push(bytes.to_vec());
            }
        });
        // A device that never answers: what was sent is what may be on its way.
        let (mut links, _heard) = links(|_| None, echoes, tap);
        let lines: Vec<String> = (0..100).map(|i| format!("set fare {i:02}")).collect();
        send_all(&mut links.console, &lines, Duration::from_millis(50)).await.unwrap_err();
        let sent: usize = open.lock().unwrap().iter().map(Vec::len).sum();
        assert!((WINDOW - 12..=WINDOW).contains(&sent), "{sent}");
    });
}

#[test]
fn a_refusal_in_a_conversation_is_a_reply_and_told_as_one() {
    run(async {
        let reply = |line: &str| Some(if line == "bad" { "error 7 no such thing\n" } else { "- a=1\nok b=2\n" }.into());
        let (mut links, _heard) = links(reply, echoes, Arc::new(|_, _| ()));
        let scope = Recorder::start(None, Options::default(), vec![]).unwrap().scope().case("BUS-001");
        let within = Duration::from_secs(5);
        let good = converse(&mut links.console, "good", within, &scope).await.unwrap().unwrap();
        assert_eq!((good.data, good.ok), (vec!["a=1".to_owned()], "b=2".to_owned()));
        let bad = converse(&mut links.console, "bad", within, &scope).await.unwrap().unwrap_err();
        assert_eq!(bad, "7 no such thing");
        let told: Vec<_> = scope.events().into_iter().map(|event| event.body).collect();
        assert!(matches!(&told[0], Body::ConsoleSent { line } if line == "good"), "{told:?}");
        assert!(matches!(&told[1], Body::ConsoleReply(reply) if reply.ok && reply.text == "b=2"), "{told:?}");
        assert!(
            matches!(&told[3], Body::ConsoleReply(reply) if !reply.ok && reply.code.as_deref() == Some("7")),
            "{told:?}"
        );
    });
}
