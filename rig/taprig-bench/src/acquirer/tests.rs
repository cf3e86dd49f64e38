//! A small terminal at the acquirer of a bench.

use std::time::Duration;

use taprig_acquirer::codec::frame::{Header, Tpdu};
use taprig_acquirer::codec::{Frame, Message};
use taprig_acquirer::{Host, Setup};
use taprig_model::acquirer::keys::Keys;
use taprig_model::acquirer::log::Body as Happened;
use taprig_model::acquirer::rules::Rules;
use taprig_model::bench::AcquirerLink;
use taprig_model::event::Body;
use taprig_record::{Options, Recorder};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::*;

/// Longer than any answer takes.
const PATIENCE: Duration = Duration::from_secs(10);

fn host(rules: &str) -> Host {
    let rules: Rules = serde_json::from_str(&format!(r#"{{ "schema": 1, "rules": {rules} }}"#)).unwrap();
    Host::new(Setup::new(Keys::published()), rules)
}

fn sign_on(trace: &str) -> Vec<u8> {
    let message = Message::new(0x0800)
        .digits(11, trace)
        .text(41, "12345678")
        .text(42, "123456789012345")
        .digits(60, "00000000003")
        .bytes(63, *b"001");
    let tpdu = Tpdu { id: 0x60, destination: [0, 3], source: [0, 0] };
    Frame { tpdu, header: Header::new("613200324605").unwrap(), message: message.encode().unwrap() }.encode()
}

/// The trace of the next answer.
async fn answered(stream: &mut (impl tokio::io::AsyncRead + Unpin)) -> String {
    let read = async {
        let length = stream.read_u16().await.unwrap();
        let mut content = vec![0; length.into()];
        stream.read_exact(&mut content).await.unwrap();
        let frame = Frame::decode(&content).unwrap();
        Message::decode(&frame.message).unwrap().word(11).unwrap().to_owned()
    };
    tokio::time::timeout(PATIENCE, read).await.unwrap()
}

struct Desk {
    acquirer: Acquirer,
    scope: Scope,
    folder: tempfile::TempDir,
}

impl Desk {
    fn open(config: &AcquirerConfig) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let acquirer = Acquirer::open(config, folder.path()).unwrap();
        let recorder = Recorder::start(None, Options::default(), vec![]).unwrap();
        Self { acquirer, scope: recorder.scope().case("UPL-001"), folder }
    }

    fn link(rules: &str) -> Self {
        let desk = Self::open(&AcquirerConfig::Link(AcquirerLink {}));
        desk.acquirer.begin(host(rules), &desk.scope);
        desk
    }

    async fn connect(&self) -> UnixStream {
        UnixStream::connect(self.folder.path().join("uplink")).await.unwrap()
    }

    fn happened(&self) -> Vec<Happened> {
        let events = self.scope.events().into_iter();
        let bodies = events.filter_map(|event| match event.body {
            Body::Acquirer { happened } => Some(*happened),
            _ => None,
        });
        bodies.collect()
    }

    /// Why frames were forgotten.
    fn forgotten(&self) -> Vec<String> {
        let all = self.happened().into_iter();
        all.filter_map(|happened| match happened {
            Happened::Forgotten { why } => Some(why),
            _ => None,
        })
        .collect()
    }
}

fn run(test: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(test);
}

#[test]
fn each_case_has_a_host_of_its_own_and_nobody_answers_between() {
    run(async {
        let mut desk = Desk::link("[]");
        let mut line = desk.connect().await;
        line.write_all(&sign_on("000001")).await.unwrap();
        assert_eq!(answered(&mut line).await, "000001");
        assert!(desk.acquirer.end().is_ok());
        let ended = desk.happened();
        assert!(matches!(ended.first(), Some(Happened::Started { .. })), "{ended:?}");
        assert!(matches!(ended.last(), Some(Happened::Ended { summary }) if summary.messages == 1), "{ended:?}");
        line.write_all(&sign_on("000002")).await.unwrap();
        let nobody = tokio::time::timeout(Duration::from_millis(100), answered(&mut line)).await;
        assert!(nobody.is_err(), "{nobody:?}");
        let next = Recorder::start(None, Options::default(), vec![]).unwrap().scope().case("UPL-002");
        desk.scope = next;
        desk.acquirer.begin(host("[]"), &desk.scope);
        line.write_all(&sign_on("000003")).await.unwrap();
        assert_eq!(answered(&mut line).await, "000003");
        let heard = desk.happened().into_iter().find_map(|happened| match happened {
            Happened::Heard(heard) => Some(heard),
            _ => None,
        });
        assert!(heard.unwrap().why.starts_with("sign-on 1 of this terminal: batch 1"));
    });
}

#[test]
fn a_wire_stays_open_when_the_host_hangs_up() {
    run(async {
        let rules =
            r#"[{ "when": { "nth": 1 }, "then": ["hang-up"] }, { "when": { "nth": 2 }, "then": [{ "cut": 5 }] }]"#;
        let desk = Desk::link(rules);
        let mut line = desk.connect().await;
        line.write_all(&sign_on("000001")).await.unwrap();
        line.write_all(&sign_on("000002")).await.unwrap();
        line.write_all(&sign_on("000003")).await.unwrap();
        let mut cut = [0; 5];
        tokio::time::timeout(PATIENCE, line.read_exact(&mut cut)).await.unwrap().unwrap();
        assert_eq!(answered(&mut line).await, "000003");
    });
}

#[test]
fn a_connection_is_closed_when_the_host_hangs_up() {
    run(async {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let desk = Desk::open(&AcquirerConfig::Listen(free.to_string().parse().unwrap()));
        desk.acquirer.begin(host(r#"[{ "when": { "nth": 2 }, "then": ["hang-up"] }]"#), &desk.scope);
        let mut line = TcpStream::connect(free).await.unwrap();
        line.write_all(&sign_on("000001")).await.unwrap();
        assert_eq!(answered(&mut line).await, "000001");
        line.write_all(&sign_on("000002")).await.unwrap();
        let end = tokio::time::timeout(PATIENCE, line.read(&mut [0; 8])).await.unwrap();
        assert_eq!(end.unwrap(), 0);
        let taken = Acquirer::open(&AcquirerConfig::Listen(free.to_string().parse().unwrap()), desk.folder.path());
        assert!(taken.unwrap_err().to_string().contains("in use"));
    });
}

/// What a rule cuts off is gone: nothing is left of it that the next message could be taken for the rest of.
#[test]
fn after_a_message_that_a_rule_cuts_the_next_one_is_heard() {
    run(async {
        let rules = r#"[{ "when": { "nth": 1 }, "then": [{ "cut-request": 20 }] }]"#;
        let desk = Desk::link(rules);
        let mut line = desk.connect().await;
        line.write_all(&[sign_on("000001"), sign_on("000002")].concat()).await.unwrap();
        assert_eq!(answered(&mut line).await, "000002");
        assert_eq!(desk.forgotten(), [""; 0]);
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let desk = Desk::open(&AcquirerConfig::Listen(free.to_string().parse().unwrap()));
        desk.acquirer.begin(host(rules), &desk.scope);
        let mut line = TcpStream::connect(free).await.unwrap();
        line.write_all(&sign_on("000001")).await.unwrap();
        let end = tokio::time::timeout(PATIENCE, line.read(&mut [0; 8])).await.unwrap();
        assert_eq!(end.unwrap(), 0, "a connection is closed");
        let mut line = TcpStream::connect(free).await.unwrap();
        line.write_all(&sign_on("000002")).await.unwrap();
        assert_eq!(answered(&mut line).await, "000002");
    });
}

#[test]
fn what_a_validator_has_begun_is_forgotten_when_it_loses_its_power() {
    run(async {
        let mut desk = Desk::link("[]");
        let mut line = desk.connect().await;
        // The beginning comes in the same write, so it has been read when the answer comes.
        line.write_all(&[&sign_on("000001")[..], &sign_on("000002")[..20]].concat()).await.unwrap();
        assert_eq!(answered(&mut line).await, "000001");
        desk.acquirer.power_lost();
        tokio::task::yield_now().await;
        line.write_all(&sign_on("000003")).await.unwrap();
        assert_eq!(answered(&mut line).await, "000003");
        let why = desk.forgotten();
        assert!(why.len() == 1 && why[0].starts_with("the validator has lost its power: 20 of "), "{why:?}");
    });
}

#[test]
fn what_a_validator_has_begun_is_forgotten_after_a_second_of_silence() {
    run(async {
        let desk = Desk::link("[]");
        let mut line = desk.connect().await;
        line.write_all(&[&sign_on("000001")[..], &sign_on("000002")[..3]].concat()).await.unwrap();
        assert_eq!(answered(&mut line).await, "000001");
        tokio::time::sleep(line::SILENCE + Duration::from_millis(100)).await;
        line.write_all(&sign_on("000003")).await.unwrap();
        assert_eq!(answered(&mut line).await, "000003");
        let why = desk.forgotten();
        assert!(why.len() == 1 && why[0].starts_with("nothing came for 1 s: 3 of "), "{why:?}");
    });
}

#[test]
fn a_late_answer_does_not_come_after_a_power_cut() {
    run(async {
        let mut desk = Desk::link(r#"[{ "when": { "nth": 1 }, "then": [{ "late": "100 ms" }] }]"#);
        let mut line = desk.connect().await;
        line.write_all(&[sign_on("000001"), sign_on("000002")].concat()).await.unwrap();
        assert_eq!(answered(&mut line).await, "000002");
        desk.acquirer.power_lost();
        tokio::time::sleep(Duration::from_millis(200)).await;
        line.write_all(&sign_on("000003")).await.unwrap();
        assert_eq!(answered(&mut line).await, "000003");
    });
}

#[test]
fn an_emulated_board_has_a_line_of_its_own_for_each_process() {
    run(async {
        let mut desk = Desk::link("[]");
        for trace in ["000001", "000002"] {
            let (own, board) = std::os::unix::net::UnixStream::pair().unwrap();
            own.set_nonblocking(true).unwrap();
            board.set_nonblocking(true).unwrap();
            desk.acquirer.attach(own).unwrap();
            let mut board = UnixStream::from_std(board).unwrap();
            board.write_all(&sign_on(trace)).await.unwrap();
            assert_eq!(answered(&mut board).await, trace);
        }
    });
}
