//! Tests of the link to a virtual reader. A thread plays the reader over loopback.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream as Peer};
use std::sync::{Arc, Mutex};

use proptest::prelude::*;

use super::*;

/// A reader that does `script` with the first card that is put into it.
fn reader(script: impl FnOnce(Peer) + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || script(listener.accept().unwrap().0));
    address
}

fn run<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(10)
}

/// The error of a card in a reader that does `script`, and everything that came before it.
fn fails(script: impl FnOnce(Peer) + Send + 'static) -> (Vec<Message>, VpcdError) {
    let address = reader(script);
    run(async {
        let mut connection = Connection::open(&address.to_string(), Arc::new(|_, _| ())).await.unwrap();
        let mut messages = Vec::new();
        loop {
            match connection.receive(soon()).await {
                Ok(message) => messages.push(message.unwrap().0),
                Err(error) => return (messages, error),
            }
        }
    })
}

#[test]
fn nobody_listens() {
    // The port is free again when the listener is dropped.
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let error = run(Connection::open(&address, Arc::new(|_, _| ()))).unwrap_err();
    assert!(matches!(&error, VpcdError::NobodyListens { .. }), "{error:?}");
    assert!(error.to_string().contains(&format!("nobody listens at {address} (Connection refused")), "{error}");
    assert!(error.advice().contains("ci/virtual-reader"));
}

#[test]
fn a_reader_that_ends_between_two_messages() {
    let (messages, error) = fails(|mut peer| peer.write_all(&[0, 1, 4, 0, 1, 1]).unwrap());
    assert_eq!(messages, [Message::SendAtr, Message::PowerOn]);
    assert!(
        error.to_string().contains("closed the connection between two messages (unexpected end of file)"),
        "{error}"
    );
    assert!(error.advice().contains("pcscd has ended or was restarted"));
}

#[test]
fn a_reader_that_ends_in_the_middle_of_a_message() {
    for part in [&[0][..], &[0, 5], &[0, 5, 0, 0xA4, 4, 0]] {
        let (messages, error) = fails(move |mut peer| {
            peer.write_all(&[0, 1, 1]).unwrap();
            peer.write_all(part).unwrap();
        });
        assert_eq!(messages, [Message::PowerOn]);
        assert!(error.to_string().contains("closed the connection in the middle of a message"), "{error}");
    }
}

#[test]
fn a_message_that_stops() {
    let (_, error) = fails(|mut peer| {
        peer.write_all(&[0, 1, 1, 0, 20, 1, 2, 3]).unwrap();
        // The card gives up.
        peer.read_exact(&mut [0]).unwrap_err();
    });
    assert!(error.to_string().contains("sent 5 of 22 bytes of a message and then nothing for 2000 ms"), "{error}");
}

#[test]
fn a_program_of_another_kind() {
    let (_, error) = fails(|mut peer| {
        peer.write_all(b"SSH-2.0-x\r\n").unwrap();
        let _ = peer.read_exact(&mut [0]);
    });
    let told = "is not the virtual reader vpcd: it sent a message of 21331 bytes before it gave power to the card";
    assert!(error.to_string().contains(told), "{error}");
    let (_, error) = fails(|mut peer| peer.write_all(&[0, 1, 1, 0, 0]).unwrap());
    assert!(error.to_string().ends_with("it sent an empty message"), "{error}");
    let (_, error) = fails(|mut peer| peer.write_all(&[0, 1, 0xEE]).unwrap());
    assert!(error.to_string().ends_with("it sent the order EE, which does not exist"), "{error}");
}

#[test]
fn a_reader_that_takes_no_card() {
    let (_, error) = fails(|mut peer| drop(peer.read_exact(&mut [0])));
    assert!(error.to_string().contains("did not take the card within 5000 ms"), "{error}");
    assert!(error.advice().contains("another program holds a card"));
}

#[test]
fn a_reader_that_reads_nothing() {
    let (send, wait) = std::sync::mpsc::channel::<()>();
    let address = reader(move |peer| {
        wait.recv().unwrap_err();
        drop(peer);
    });
    let error = run(async {
        let mut connection = Connection::open(&address.to_string(), Arc::new(|_, _| ())).await.unwrap();
        let message = packed(&[0; 0xFFFF]).unwrap();
        loop {
            if let Err(error) = connection.send(&message).await {
                return error;
            }
        }
    });
    drop(send);
    assert!(error.to_string().contains("bytes within 2000 ms"), "{error}");
}

#[test]
fn raw_bytes_are_recorded_both_ways() {
    let (all, keep) = (Arc::<Mutex<Vec<(Way, Vec<u8>)>>>::default(), Arc::clone);
    let kept = keep(&all);
    let address = reader(|mut peer| {
        peer.write_all(&[0, 1, 4]).unwrap();
        peer.read_exact(&mut [0; 3]).unwrap();
    });
    run(async {
        let tap: ByteSink = Arc::new(move |way, bytes| kept.lock().unwrap().push((way, bytes.to_vec())));
        let mut connection = Connection::open(&address.to_string(), tap).await.unwrap();
        connection.receive(soon()).await.unwrap().unwrap();
        connection.send(&packed(&[9]).unwrap()).await.unwrap();
    });
    assert_eq!(*all.lock().unwrap(), [(Way::In, vec![0, 1, 4]), (Way::Out, vec![0, 1, 9])]);
}

/// vpcd sends length and payload apart, and its system holds the payload back until the length is acknowledged. An
/// acknowledgement that waits takes 40 ms, so 50 commands would take 2 s.
#[test]
fn a_length_that_comes_alone_is_acknowledged_at_once() {
    const COMMANDS: usize = 50;
    let address = reader(|mut peer| {
        peer.write_all(&[0, 1, 1]).unwrap();
        for _ in 0..COMMANDS {
            peer.write_all(&[0, 4]).unwrap();
            peer.write_all(&[0, 0xB2, 1, 4]).unwrap();
            peer.read_exact(&mut [0; 4]).unwrap();
        }
    });
    let took = run(async {
        let mut connection = Connection::open(&address.to_string(), Arc::new(|_, _| ())).await.unwrap();
        let answer = packed(&[0x90, 0]).unwrap();
        connection.receive(soon()).await.unwrap();
        let started = std::time::Instant::now();
        for _ in 0..COMMANDS {
            connection.receive(soon()).await.unwrap();
            connection.send(&answer).await.unwrap();
        }
        started.elapsed()
    });
    assert!(took < Duration::from_secs(1), "{took:?}");
}

#[test]
fn a_command_of_one_byte_is_a_command_for_a_card_with_power() {
    let mut decoder = Decoder::default();
    decoder.feed(&[0, 1, 1, 0, 1, 7, 0, 1, 0, 0, 1, 7]);
    assert_eq!(decoder.next_message(), Ok(Some(Message::PowerOn)));
    assert_eq!(decoder.next_message(), Ok(Some(Message::Command(vec![7]))));
    assert_eq!(decoder.next_message(), Ok(Some(Message::PowerOff)));
    assert_eq!(decoder.next_message(), Err(NotVpcd::Order(7)));
    assert_eq!(decoder.next_message(), Err(NotVpcd::Order(7)), "nothing can follow");
}

#[test]
fn a_message_that_no_length_can_tell() {
    assert_eq!(packed(&[0x90, 0]).unwrap(), [0, 2, 0x90, 0]);
    assert_eq!(packed(&[0; 0x1_0000]), None);
}

/// What vpcd may send to a card with power.
fn message() -> impl Strategy<Value = Message> {
    prop_oneof![
        Just(Message::PowerOn),
        Just(Message::Reset),
        Just(Message::SendAtr),
        prop::collection::vec(any::<u8>(), 2..600).prop_map(Message::Command),
    ]
}

fn bytes(message: &Message) -> Vec<u8> {
    packed(match message {
        Message::PowerOff => &[0],
        Message::PowerOn => &[1],
        Message::Reset => &[2],
        Message::SendAtr => &[4],
        Message::Command(command) => command,
    })
    .unwrap()
}

proptest! {
    #[test]
    fn messages_come_out_however_the_bytes_are_cut(
        rest in prop::collection::vec(message(), 0..8), cuts in prop::collection::vec(1usize..40, 1..8)
    ) {
        let messages: Vec<_> = std::iter::once(Message::PowerOn).chain(rest).chain([Message::PowerOff]).collect();
        let stream: Vec<u8> = messages.iter().flat_map(bytes).collect();
        let (mut decoder, mut seen) = (Decoder::default(), Vec::new());
        let (mut left, mut sizes) = (&stream[..], cuts.iter().cycle());
        while !left.is_empty() {
            let (part, after) = left.split_at((*sizes.next().unwrap()).min(left.len()));
            decoder.feed(part);
            left = after;
            while let Some(message) = decoder.next_message().unwrap() {
                seen.push(message);
            }
            prop_assert_eq!(decoder.unfinished().is_none(), seen.iter().map(|m| bytes(m).len()).sum::<usize>() == stream.len() - left.len());
        }
        prop_assert_eq!(seen, messages);
    }

    #[test]
    fn any_bytes_are_messages_or_an_error(stream: Vec<u8>) {
        let mut decoder = Decoder::default();
        decoder.feed(&stream);
        let mut taken = 0;
        while let Ok(Some(message)) = decoder.next_message() {
            taken += bytes(&message).len();
        }
        let left = decoder.unfinished().map_or(0, |(there, _)| there);
        prop_assert_eq!(taken + left, stream.len());
    }
}
