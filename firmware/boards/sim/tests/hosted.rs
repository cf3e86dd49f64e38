//! Hosted boards as the rig sees them: processes with a serial port, a socket and a standard input.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};
use wire::air::{Message, Pace};
use wire::frame::{Collected, Collector};
use wire::link::{Answer, Company, Front, Note, Order, Report, Request};

const LIMIT: Duration = Duration::from_secs(10);

struct BoardProcess {
    child: Child,
    stdin: Option<ChildStdin>,
    serial: File,
}

impl BoardProcess {
    fn start(args: &[&Path]) -> Self {
        let (kind, paths) = args.split_first().expect("a kind");
        let mut child = Command::new(env!("CARGO_BIN_EXE_sim-board"))
            .arg(kind)
            .args(paths)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("starts");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("piped")).read_line(&mut line).expect("a line");
        let path = line.trim().strip_prefix("{\"serial\":\"").and_then(|rest| rest.strip_suffix("\"}"));
        let path = path.unwrap_or_else(|| panic!("not the port: {line:?}"));
        let serial = OpenOptions::new().read(true).write(true).open(path).expect("the port");
        Self { stdin: child.stdin.take(), child, serial }
    }

    /// Runs `find` on bytes from the port until it finds something.
    fn expect<T: Send + 'static>(&self, what: &str, mut find: impl FnMut(u8) -> Option<T> + Send + 'static) -> T {
        let mut port = self.serial.try_clone().expect("a handle");
        let (sender, receiver) = mpsc::channel();
        std::thread::spawn(move || {
            while let Some(byte) = next(&mut port) {
                if let Some(found) = find(byte) {
                    let _ = sender.send(found);
                    return;
                }
            }
        });
        receiver.recv_timeout(LIMIT).unwrap_or_else(|_| panic!("no {what} within {LIMIT:?}"))
    }

    fn line(&self, start: &'static str) -> String {
        let mut line = Vec::new();
        self.expect(start, move |byte| {
            if byte != b'\n' {
                line.push(byte);
                return None;
            }
            let line = String::from_utf8_lossy(&std::mem::take(&mut line)).into_owned();
            line.starts_with(start).then_some(line)
        })
    }

    fn report(&self, what: &'static str, wanted: fn(&Report) -> bool) -> Note {
        let mut collector = Collector::<{ wire::link::MAX_PACKED }>::new();
        self.expect(what, move |byte| match collector.push(byte) {
            Some(Collected::Frame(body)) => wire::link::decode(body).ok().filter(|note: &Note| wanted(&note.report)),
            _ => None,
        })
    }

    /// Closes standard input; how long the process then took to end.
    fn end(mut self) -> Duration {
        let started = Instant::now();
        drop(self.stdin.take());
        assert!(self.child.wait().expect("ends").success());
        started.elapsed()
    }
}

impl Drop for BoardProcess {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// One byte, none taken ahead: the next call goes on where this one ended.
fn next(port: &mut impl Read) -> Option<u8> {
    let mut byte = [0];
    port.read_exact(&mut byte).ok().map(|()| byte[0])
}

fn folder(name: &str) -> PathBuf {
    let path = PathBuf::from(format!("/tmp/taprig-{name}-{}", std::process::id()));
    std::fs::create_dir_all(&path).expect("a folder");
    path
}

fn air_answer(peer: &mut UnixStream, message: &Message<'_>) -> Vec<u8> {
    peer.set_read_timeout(Some(LIMIT)).expect("a limit");
    peer.write_all(&message.encode().expect("fits")).expect("sent");
    let mut collector = Collector::<{ wire::air::MAX_PACKED }>::new();
    while let Some(byte) = next(peer) {
        if let Some(Collected::Frame(body)) = collector.push(byte) {
            return body.to_vec();
        }
    }
    panic!("no answer within {LIMIT:?}, or the air was cut");
}

#[test]
fn the_emulator_serves_host_and_reader_and_a_reader_that_comes_again() {
    let folder = folder("emulator");
    let air = folder.join("air");
    let mut board = BoardProcess::start(&[Path::new("emulator"), &air]);
    board.report("start", |report| *report == Report::Started);
    let echo = Order { number: 7, request: Request::Echo(*b"\0\r\n\x03\x11\x13\x7f\xff") };
    board.serial.write_all(&wire::link::encode(&echo).expect("fits")).expect("sent");
    board.report("echo", |report| *report == Report::Echo(*b"\0\r\n\x03\x11\x13\x7f\xff"));
    for exchange in [1, 2] {
        let mut peer = UnixStream::connect(&air).expect("listens");
        let answer = air_answer(&mut peer, &Message::Short { exchange, pace: Pace::default(), bits: 0x52 });
        assert_eq!(Message::decode(&answer), Ok(Message::Silence { exchange }));
    }
    // A second reader while the first is still there takes its place.
    let _first = UnixStream::connect(&air).expect("listens");
    let mut second = UnixStream::connect(&air).expect("listens");
    let answer = air_answer(&mut second, &Message::Short { exchange: 3, pace: Pace::default(), bits: 0x52 });
    assert_eq!(Message::decode(&answer), Ok(Message::Silence { exchange: 3 }));
    assert!(board.end() < Duration::from_secs(1));
    std::fs::remove_dir_all(folder).expect("removed");
}

#[test]
fn the_validator_finds_an_emulator_that_comes_later_and_one_that_comes_again() {
    let folder = folder("validator");
    let air = folder.join("air");
    let board = BoardProcess::start(&[Path::new("validator"), &air, &folder.join("nvm")]);
    board.line("! started");
    for _ in 0..2 {
        let _ = std::fs::remove_file(&air);
        let listener = UnixListener::bind(&air).expect("bound");
        let (sender, receiver) = mpsc::channel();
        std::thread::spawn(move || sender.send(listener.accept().map(|_| ())));
        receiver.recv_timeout(LIMIT).expect("in time").expect("connected");
    }
    assert!(board.end() < Duration::from_secs(1));
    std::fs::remove_dir_all(folder).expect("removed");
}

#[test]
fn a_card_held_to_the_validator_is_asked_for_its_directory_and_its_answer_arrives() {
    let folder = folder("pair");
    let air = folder.join("air");
    // As the rig starts the `program` of a bench file.
    let [board, air_is, nvm_is] = ["board", "--air", "--nvm"].map(Path::new);
    let mut card = BoardProcess::start(&[board, Path::new("emulator"), air_is, &air]);
    let mut validator =
        BoardProcess::start(&[board, Path::new("validator"), air_is, &air, nvm_is, &folder.join("nvm")]);
    validator.line("! ready");
    validator.serial.write_all(b"clock 2018-05-21T08:00:00\n").expect("sent");
    validator.line("ok");
    let front = Front {
        uid: [0x08, 0x12, 0x34, 0x56].into_iter().collect(),
        atqa: [0x04, 0x00],
        sak: 0x20,
        ats: [0x05, 0x78, 0x80, 0x70, 0x02].into_iter().collect(),
        company: Company::Alone,
        delay_us: 0,
        chain: 0,
    };
    let mut order = |number, request| {
        let order = Order { number, request };
        card.serial.write_all(&wire::link::encode(&order).expect("fits")).expect("sent");
    };
    order(1, Request::Configure(front));
    order(2, Request::Present);
    let note = card.report("command", |report| matches!(report, Report::Command { .. }));
    let Report::Command { number, command } = note.report else { unreachable!() };
    // SELECT 2PAY.SYS.DDF01.
    assert_eq!(&command[..19], b"\x00\xA4\x04\x00\x0E2PAY.SYS.DDF01");
    let answer = Answer { response: [0x6A, 0x82].into_iter().collect(), delay_us: 0, fault: None };
    let order = Order { number: 3, request: Request::Answer { command: number, answer } };
    card.serial.write_all(&wire::link::encode(&order).expect("fits")).expect("sent");
    validator.line("! result");
    let order = Order { number: 4, request: Request::Remove };
    card.serial.write_all(&wire::link::encode(&order).expect("fits")).expect("sent");
    validator.line("! ready");
    assert!(card.end().max(validator.end()) < Duration::from_secs(1));
    std::fs::remove_dir_all(folder).expect("removed");
}

#[test]
fn a_missing_folder_is_told() {
    let output = Command::new(env!("CARGO_BIN_EXE_sim-board"))
        .args(["emulator", "/nowhere/air"])
        .stdin(Stdio::null())
        .output()
        .expect("runs");
    assert!(!output.status.success());
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(text.contains("/nowhere/air") && text.contains("No such file"), "{text}");
}
