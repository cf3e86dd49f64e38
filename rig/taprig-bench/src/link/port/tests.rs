//! Tests of ports on real pseudo terminals.

use std::path::Path;
use std::sync::{Mutex, PoisonError};

use super::*;
use crate::link::pty::Terminal;

const DEADLINE: Duration = Duration::from_secs(60);

/// Passes bytes on as they are read.
struct Raw;

impl Decoder for Raw {
    type Message = Vec<u8>;

    fn push(&mut self, bytes: &[u8], emit: &mut dyn FnMut(Vec<u8>)) {
        emit(bytes.to_vec());
    }
}

type Kept = Arc<Mutex<Vec<(Way, Vec<u8>)>>>;

fn tap() -> (ByteSink, Kept) {
    let kept = Kept::default();
    let keep = kept.clone();
    let tap = move |way, bytes: &[u8]| keep.lock().unwrap_or_else(PoisonError::into_inner).push((way, bytes.to_vec()));
    (Arc::new(tap), kept)
}

fn bytes(kept: &Kept, wanted: Way) -> Vec<u8> {
    kept.lock().unwrap().iter().filter(|(way, _)| *way == wanted).flat_map(|(_, bytes)| bytes.clone()).collect()
}

fn run<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async { tokio::time::timeout(DEADLINE, work).await.unwrap() })
}

/// All byte values, in a pattern that shows a lost or doubled byte. They are more than a terminal holds at a time.
fn pattern() -> Vec<u8> {
    (0..20_000u32).map(|i| u8::try_from(i * 7 % 251).unwrap()).collect()
}

#[test]
fn bytes_from_the_board_come_whole_and_in_order_to_decoder_and_record() {
    run(async {
        let terminal = Terminal::new();
        let (tap, kept) = tap();
        let (_port, mut incoming) = Port::open(&terminal.path().into(), 115_200, Raw, tap).unwrap();
        let device = std::thread::spawn(move || {
            pattern().chunks(333).for_each(|chunk| terminal.say(chunk));
            terminal
        });
        let mut seen = Vec::new();
        while seen.len() < pattern().len() {
            let Some(Incoming::Message(bytes)) = incoming.recv().await else { panic!("after {} bytes", seen.len()) };
            seen.extend(bytes);
        }
        assert!(seen == pattern());
        assert!(bytes(&kept, Way::In) == pattern());
        drop(device.join().unwrap());
    });
}

/// The reader takes a short read as the sign that nothing is left. A terminal that gave less than it has would stand still
/// until its next byte, which never comes here.
#[test]
fn bytes_come_without_the_bytes_after_them() {
    run(async {
        let terminal = Terminal::new();
        let (_port, mut incoming) = Port::open(&terminal.path().into(), 115_200, Raw, tap().0).unwrap();
        let pattern = pattern();
        for round in 0..400 {
            // These lengths end at every place of the terminal's ring of 4096 bytes, sooner or later.
            let wanted = &pattern[..1 + round * 761 % 4000];
            terminal.say(wanted);
            let mut seen = Vec::new();
            while seen.len() < wanted.len() {
                let Some(Incoming::Message(bytes)) = incoming.recv().await else { panic!("in round {round}") };
                seen.extend(bytes);
            }
            assert!(seen == wanted, "round {round}");
        }
    });
}

#[test]
fn bytes_to_the_board_go_whole_and_in_order() {
    run(async {
        let terminal = Terminal::new();
        let (tap, kept) = tap();
        let (mut port, _incoming) = Port::open(&terminal.path().into(), 115_200, Raw, tap).unwrap();
        let device = std::thread::spawn(move || terminal.hear(pattern().len()));
        for chunk in pattern().chunks(777) {
            port.send(chunk).await.unwrap();
        }
        assert!(device.join().unwrap() == pattern());
        assert!(bytes(&kept, Way::Out) == pattern());
    });
}

/// The other end accepts nothing, like an adapter that hangs.
#[test]
fn a_port_that_takes_nothing_is_told_in_time() {
    run(async {
        let terminal = Terminal::new();
        let (mut port, _incoming) = Port::open(&terminal.path().into(), 115_200, Raw, tap().0).unwrap();
        let error = port.send(&vec![b'x'; 30_000]).await.unwrap_err();
        assert!(matches!(&error, LinkError::Stuck { bytes: 30_000, .. }), "{error:?}");
        assert!(error.to_string().contains(terminal.path().to_str().unwrap()), "{error}");
    });
}

#[test]
fn a_slow_port_is_given_its_time() {
    assert_eq!(patience(115_200, 0).as_millis(), 2355);
    assert_eq!(patience(1200, 504).as_secs(), 40, "4600 bytes of ten bits at 1200 a second take 38 s");
}

#[test]
fn an_unplugged_port_is_told_after_its_last_bytes() {
    run(async {
        let terminal = Terminal::new();
        let path = terminal.path().to_owned();
        let (mut port, mut incoming) = Port::open(&path.as_path().into(), 115_200, Raw, tap().0).unwrap();
        terminal.say(b"last words");
        let Some(Incoming::Message(words)) = incoming.recv().await else { panic!() };
        assert_eq!(words, b"last words");
        terminal.unplug();
        assert!(matches!(incoming.recv().await, Some(Incoming::Gone(_))));
        assert!(incoming.recv().await.is_none(), "nothing follows");
        let error = port.send(b"x").await.unwrap_err();
        assert!(matches!(&error, LinkError::Gone { .. }), "{error:?}");
        let text = error.to_string();
        assert!(text.contains(path.to_str().unwrap()), "{text}");
        assert!(error.advice().unwrap().starts_with("check whether the board was unplugged"), "{error:?}");
    });
}

#[test]
fn a_port_is_for_one_at_a_time() {
    run(async {
        let terminal = Terminal::new();
        let (first, _incoming) = Port::open(&terminal.path().into(), 115_200, Raw, tap().0).unwrap();
        let error = Port::open(&terminal.path().into(), 115_200, Raw, tap().0).unwrap_err();
        assert!(matches!(&error, LinkError::Taken { .. }), "{error:?}");
        assert!(error.to_string().starts_with("another process uses the serial port"), "{error}");
        assert!(error.advice().unwrap().starts_with("end that process"), "{error:?}");
        drop(first);
        // The reader ends at its next turn, and releases its half.
        tokio::task::yield_now().await;
        Port::open(&terminal.path().into(), 115_200, Raw, tap().0).unwrap();
    });
}

#[test]
fn a_path_that_is_no_port() {
    run(async {
        for path in ["/dev/null", "/nonexistent"] {
            let error = Port::open(&Path::new(path).into(), 115_200, Raw, tap().0).unwrap_err();
            assert!(matches!(&error, LinkError::Open { .. }), "{error:?}");
            assert!(error.to_string().contains(path), "{error}");
        }
    });
}

#[test]
fn a_console_on_a_network_is_a_port() {
    run(async {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let device = std::thread::spawn(move || {
            use std::io::{Read as _, Write as _};
            let (mut stream, _) = listener.accept().unwrap();
            stream.write_all(b"hello\n").unwrap();
            let mut heard = [0; 3];
            stream.read_exact(&mut heard).unwrap();
            heard
        });
        let endpoint = Endpoint::Tcp(address.parse().unwrap());
        let (mut port, mut incoming) = Port::open(&endpoint, 9600, Raw, tap().0).unwrap();
        let mut seen = Vec::new();
        while seen.len() < 6 {
            let Some(Incoming::Message(bytes)) = incoming.recv().await else { panic!("after {seen:?}") };
            seen.extend(bytes);
        }
        assert_eq!(seen, b"hello\n");
        port.send(b"id\n").await.unwrap();
        assert_eq!(&device.join().unwrap(), b"id\n");
        let Some(Incoming::Gone(_)) = incoming.recv().await else { panic!("the device has closed it") };
        // Nobody listens there any more.
        let error = Port::open(&endpoint, 9600, Raw, tap().0).unwrap_err().to_string();
        assert!(error.starts_with(&format!("can't open the TCP port {address}: ")), "{error}");
    });
}
