//! The model at its serial port, byte by byte, with a reader on its air. The frames here are written by hand: neither the
//! model nor the driver makes them.

use std::fs::File;
use std::io::{Read, Write};
use std::path::PathBuf;
use std::time::Duration;

use pn532_model::{Options, Running};
use validator::reader::{Heard, Presence};

#[path = "support/reader.rs"]
mod reader;
use reader::Reader;

const ACK: [u8; 6] = [0x00, 0x00, 0xFF, 0x00, 0xFF, 0x00];
const NACK: [u8; 6] = [0x00, 0x00, 0xFF, 0xFF, 0x00, 0x00];
const ERROR: [u8; 8] = [0x00, 0x00, 0xFF, 0x01, 0xFF, 0x7F, 0x81, 0x00];

/// A module that somebody plugged in, and the host's end of its serial port.
struct Desk {
    port: File,
    air: PathBuf,
    _model: Running,
    _folder: tempfile::TempDir,
}

fn frame(tfi: u8, data: &[u8]) -> Vec<u8> {
    let sum = |bytes: &[u8]| bytes.iter().fold(0u8, |sum, byte| sum.wrapping_sub(*byte));
    let length = u8::try_from(data.len() + 1).expect("a normal frame");
    let body = [&[tfi], data].concat();
    [&[0x00, 0x00, 0xFF, length, sum(&[length])], body.as_slice(), &[sum(&body), 0x00]].concat()
}

impl Desk {
    fn new(options: Options) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let air = folder.path().join("air");
        let model = Running::start(&air, options).expect("starts");
        let port = File::options().read(true).write(true).open(model.serial()).expect("a port");
        let mut desk = Self { port, air, _model: model, _folder: folder };
        // Awake, with bytes that the chip may lose.
        desk.say(&[0x55, 0x55, 0, 0, 0, 0, 0, 0, 0, 0]);
        desk
    }

    fn with(faults: &[&str]) -> Self {
        let faults = faults.iter().map(|fault| fault.parse().expect("a fault")).collect();
        Self::new(Options { faults, patience: Duration::from_millis(20), ..Options::default() })
    }

    fn say(&mut self, bytes: &[u8]) {
        self.port.write_all(bytes).expect("sent");
    }

    fn hears(&mut self, wanted: &[u8]) {
        let mut heard = vec![0; wanted.len()];
        // A chip that says nothing at all lets the test's runner end it.
        self.port.read_exact(&mut heard).expect("the port is there");
        assert_eq!(heard, wanted, "{heard:02X?} instead of {wanted:02X?}");
    }

    fn command(&mut self, data: &[u8]) {
        self.say(&frame(0xD4, data));
        self.hears(&ACK);
    }

    fn replies(&mut self, data: &[u8]) {
        self.hears(&frame(0xD5, data));
    }

    fn ask(&mut self, command: &[u8], reply: &[u8]) {
        self.command(command);
        self.replies(reply);
    }

    fn listen(&mut self, mode: u8) {
        let mut command = vec![0x8C, mode, 0x04, 0x00, 0x11, 0x22, 0x33, 0x20];
        command.extend([0; 28]);
        command.extend([0x00, 0x01, 0x80]);
        self.command(&command);
    }

    fn reader(&self) -> Reader {
        Reader::connect(&self.air)
    }
}

/// Plays the reader in a thread of its own, because it waits for the host.
fn reads<T: Send>(desk: &mut Desk, reader: impl FnOnce(&mut Reader) -> T + Send, host: impl FnOnce(&mut Desk)) -> T {
    let mut end = desk.reader();
    std::thread::scope(|threads| {
        let reading = threads.spawn(move || reader(&mut end));
        host(desk);
        reading.join().expect("the reader is content")
    })
}

#[test]
fn a_chip_that_sleeps_loses_the_first_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let model = Running::start(&folder.path().join("air"), Options::default()).unwrap();
    let mut port = File::options().read(true).write(true).open(model.serial()).unwrap();
    port.write_all(&frame(0xD4, &[0x02])).unwrap();
    // The start of this command was lost, so only the next one is answered.
    port.write_all(&frame(0xD4, &[0x14, 0x01])).unwrap();
    let mut heard = [0; 15];
    port.read_exact(&mut heard).unwrap();
    assert_eq!(heard[..], [&ACK[..], &frame(0xD5, &[0x15])].concat());
}

#[test]
fn housekeeping() {
    let mut desk = Desk::new(Options::default());
    desk.ask(&[0x02], &[0x03, 0x32, 0x01, 0x06, 0x07]);
    desk.say(&NACK);
    desk.replies(&[0x03, 0x32, 0x01, 0x06, 0x07]);
    desk.ask(b"\x00\x00libnfc", b"\x01\x00libnfc");
    desk.ask(&[0x12, 0x20], &[0x13]);
    desk.ask(&[0x08, 0x63, 0x05, 0x04], &[0x09]);
    desk.ask(&[0x06, 0x63, 0x05, 0x63, 0x02], &[0x07, 0x04, 0x00]);
    desk.ask(&[0x32, 0x01, 0x00], &[0x33]);
    desk.ask(&[0x10, 0x07], &[0x11]);
    desk.ask(&[0x8A], &[0x8B, 0x00, 0x00]);
    desk.ask(&[0x86], &[0x87, 0x27]);
    desk.ask(&[0x8E, 0x90, 0x00], &[0x8F, 0x27]);
    desk.command(&[0x77]);
    desk.hears(&ERROR);
    desk.ask(&[0x52, 0x00], &[0x53, 0x00]);
}

#[test]
fn a_reader_talks_to_a_card_of_the_chip() {
    let mut desk = Desk::new(Options::default());
    let long = vec![0x5A; 200];
    let (wanted, long) = (long.clone(), long);
    let reader = |reader: &mut Reader| {
        reader.activate();
        assert_eq!(reader.transmit(&[0x00, 0xA4, 0x04, 0x00]), Some(vec![0x90, 0x00]));
        // Longer than FSC of 64 bytes, and than a block of the chip.
        assert_eq!(reader.transmit(&[0x11; 200]), Some(wanted));
        reader.deselect();
    };
    reads(&mut desk, reader, |desk| {
        desk.ask(&[0x12, 0x20], &[0x13]);
        desk.listen(0x04);
        desk.replies(&[0x8D, 0x08, 0xE0, 0x80]);
        desk.ask(&[0x8A], &[0x8B, 0x01, 0x00]);
        desk.ask(&[0x86], &[0x87, 0x00, 0x00, 0xA4, 0x04, 0x00]);
        desk.ask(&[0x8E, 0x90, 0x00], &[0x8F, 0x00]);
        desk.ask(&[0x86], &[&[0x87, 0x00][..], &[0x11; 200]].concat());
        desk.ask(&[&[0x94][..], &long[..150]].concat(), &[0x95, 0x00]);
        desk.ask(&[&[0x8E][..], &long[150..]].concat(), &[0x8F, 0x00]);
        desk.ask(&[0x86], &[0x87, 0x29]);
    });
}

#[test]
fn the_cards_identity_is_the_chips() {
    let mut desk = Desk::new(Options::default());
    desk.ask(&[0x12, 0x20], &[0x13]);
    desk.listen(0x04);
    let mut reader = desk.reader();
    // WUPA is sent by the poll. It halts the card, and that of the anticollision here wakes it.
    assert_eq!(reader.poll(), Presence::TypeA);
    reader.activate();
    desk.replies(&[0x8D, 0x08, 0xE0, 0x80]);
    reader.reset_field();
    desk.ask(&[0x86], &[0x87, 0x31]);
    desk.listen(0x04);
    assert_eq!(reader.poll(), Presence::TypeA);
}

#[test]
fn parts_and_a_slow_host() {
    let mut desk = Desk::new(Options { patience: Duration::from_millis(20), part: 3, ..Options::default() });
    let reader = |reader: &mut Reader| {
        reader.activate();
        assert_eq!(reader.transmit(&[1, 2, 3, 4, 5, 6, 7]), Some(vec![0x90, 0x00]));
        reader.extensions()
    };
    let extensions = reads(&mut desk, reader, |desk| {
        desk.ask(&[0x12, 0x20], &[0x13]);
        desk.listen(0x05);
        desk.replies(&[0x8D, 0x08, 0xE0, 0x80]);
        desk.ask(&[0x86], &[0x87, 0x40, 1, 2, 3]);
        desk.ask(&[0x86], &[0x87, 0x40, 4, 5, 6]);
        desk.ask(&[0x86], &[0x87, 0x00, 7]);
        std::thread::sleep(Duration::from_millis(100));
        desk.ask(&[0x8E, 0x90, 0x00], &[0x8F, 0x00]);
    });
    assert!(extensions >= 2, "{extensions} S(WTX)");
}

#[test]
fn the_host_takes_the_card_away() {
    let mut desk = Desk::new(Options::default());
    desk.ask(&[0x12, 0x20], &[0x13]);
    let mut reader = desk.reader();
    desk.listen(0x04);
    assert_eq!(reader.poll(), Presence::TypeA);
    desk.say(&ACK);
    desk.ask(&[0x02], &[0x03, 0x32, 0x01, 0x06, 0x07]);
    assert_eq!(reader.poll(), Presence::Nothing);
    // The field is on, so the chip does not sleep.
    desk.listen(0x04);
    reader.activate();
    desk.replies(&[0x8D, 0x08, 0xE0, 0x80]);
    desk.ask(&[0x52, 0x00], &[0x53, 0x00]);
    assert!(reader.is_removed());
}

#[test]
fn between_two_sessions_the_reader_waits_for_the_host() {
    let mut desk = Desk::new(Options::default());
    let reader = |reader: &mut Reader| {
        reader.activate();
        reader.deselect();
        assert!(!reader.is_removed(), "the host plays the card again");
    };
    reads(&mut desk, reader, |desk| {
        desk.ask(&[0x12, 0x20], &[0x13]);
        desk.listen(0x04);
        desk.replies(&[0x8D, 0x08, 0xE0, 0x80]);
        desk.ask(&[0x86], &[0x87, 0x29]);
        desk.listen(0x04);
    });
}

#[test]
fn raw_frames() {
    let mut desk = Desk::new(Options::default());
    let reader = |reader: &mut Reader| {
        reader.activate();
        let with_crc = |bytes: &[u8]| [bytes, &wire::crc::crc_a(bytes)].concat();
        let (heard, answer) = reader.raw(&with_crc(&[0x02, 0x00, 0xA4]));
        assert!(matches!(heard, Heard::Answer { .. }));
        assert_eq!(answer, with_crc(&[0x02, 0x6A, 0x82]));
        let (_, answer) = reader.raw(&with_crc(&[0xB2]));
        assert_eq!(answer, [0x02, 0x6A, 0x82], "without CRC");
        // The host gives no answer.
        let (heard, _) = reader.raw(&[0x02, 0x00, 0x00, 0x00]);
        assert_eq!(heard, Heard::Silence);
    };
    reads(&mut desk, reader, |desk| {
        desk.ask(&[0x12, 0x00], &[0x13]);
        desk.listen(0x01);
        desk.replies(&[0x8D, 0x00, 0xE0, 0x80]);
        desk.ask(&[0x90, 0x05, 0x78, 0x80, 0x70, 0x02], &[0x91, 0x00]);
        desk.ask(&[0x88], &[0x89, 0x00, 0x02, 0x00, 0xA4]);
        desk.ask(&[0x90, 0x02, 0x6A, 0x82], &[0x91, 0x00]);
        desk.ask(&[0x88], &[0x89, 0x00, 0xB2]);
        desk.ask(&[0x08, 0x63, 0x02, 0x00], &[0x09]);
        desk.ask(&[0x90, 0x02, 0x6A, 0x82], &[0x91, 0x00]);
        desk.ask(&[0x88], &[0x89, 0x02]);
    });
}

#[test]
fn faults_happen_where_they_are_planned() {
    let version = [0x03, 0x32, 0x01, 0x06, 0x07];
    let mut desk = Desk::with(&["damaged@02.1", "torn@02.2", "lost-ack@02.3", "lost-command@02.4", "status-25@86.1"]);
    let good = frame(0xD5, &version);
    desk.command(&[0x02]);
    let mut bad = good.clone();
    bad[10] ^= 0x04;
    desk.hears(&bad);
    desk.say(&NACK);
    desk.hears(&good);
    desk.command(&[0x02]);
    desk.hears(&[&good[..10], &good[11..]].concat());
    desk.say(&frame(0xD4, &[0x02]));
    desk.hears(&good);
    desk.say(&frame(0xD4, &[0x02]));
    desk.ask(&[0x14, 0x01], &[0x15]);
    desk.ask(&[0x86], &[0x87, 0x25]);

    let mut desk = Desk::with(&["garbage@02.1", "error-frame@02.2", "unplug@02.3"]);
    desk.say(&frame(0xD4, &[0x02]));
    desk.hears(b"$GPRMC,,V,,,,,,,,,,N*53\r\n\x00\x00\xFF\x05");
    desk.hears(&ACK);
    desk.replies(&version);
    desk.command(&[0x02]);
    desk.hears(&ERROR);
    desk.say(&frame(0xD4, &[0x02]));
    let mut rest = Vec::new();
    // A terminal whose other end is gone gives an error or nothing.
    assert!(desk.port.read_to_end(&mut rest).is_err() || rest.is_empty());
}

#[test]
fn a_field_that_is_lost_at_a_command() {
    for status in [0x29, 0x2B, 0x0A, 0x31] {
        let mut desk = Desk::with(&[&format!("field-loss-{status:02x}@8e.1")]);
        let reader = |reader: &mut Reader| {
            reader.activate();
            assert_eq!(reader.transmit(&[0x00, 0xA4]), None);
        };
        reads(&mut desk, reader, |desk| {
            desk.ask(&[0x12, 0x20], &[0x13]);
            desk.listen(0x04);
            desk.replies(&[0x8D, 0x08, 0xE0, 0x80]);
            desk.ask(&[0x86], &[0x87, 0x00, 0x00, 0xA4]);
            desk.ask(&[0x8E, 0x90, 0x00], &[0x8F, status]);
        });
    }
}
