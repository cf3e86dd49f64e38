//! `taprig serve`: the test is the reader, as vpcd over loopback, or the bench's validator.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use super::place::{Place, Ran};
use super::running::Running;

const CARD: &str = "unionpay-credit-rsa1152";

/// A virtual reader in which no card is yet.
struct Vpcd(TcpListener);

impl Vpcd {
    /// The reader, and a bench `desk` whose card side is this reader. The validator of that bench does not exist.
    fn new(place: &Place) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let card = format!("virtual-reader: {{ address: \"{}\" }}", listener.local_addr().unwrap());
        bench(place, &card);
        Self(listener)
    }

    fn card(&self) -> Card {
        let (stream, _) = self.0.accept().unwrap();
        stream.set_nodelay(true).unwrap();
        // Longer than anything takes on a busy machine.
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        Card(stream)
    }
}

fn bench(place: &Place, card: &str) {
    let text = format!(
        "schema: 1\ntitle: A desk\ndevice: taprig-reference\nvalidator:\n  attached: {{ serial: {{ path: /dev/no-validator }} }}\ncard:\n  {card}\n"
    );
    place.put("fixtures/benches/desk.yaml", &text);
}

/// A card in the reader.
struct Card(TcpStream);

impl Card {
    fn say(&mut self, payload: &[u8]) {
        let length = u16::try_from(payload.len()).unwrap().to_be_bytes();
        self.0.write_all(&[&length, payload].concat()).unwrap();
    }

    fn ask(&mut self, payload: &[u8]) -> Vec<u8> {
        self.say(payload);
        let mut length = [0; 2];
        self.0.read_exact(&mut length).unwrap();
        let mut answer = vec![0; usize::from(u16::from_be_bytes(length))];
        self.0.read_exact(&mut answer).unwrap();
        answer
    }

    fn is_gone(&mut self) {
        assert_eq!(self.0.read(&mut [0]).unwrap(), 0);
    }
}

fn serve(place: &Place, on: &str) -> Running {
    Running::of(place.taprig(&["serve", CARD, "--on", on]))
}

const PPSE: &[u8] = b"\x00\xA4\x04\x00\x0E2PAY.SYS.DDF01\x00";
const AID: &[u8] = b"\x00\xA4\x04\x00\x08\xA0\x00\x00\x03\x33\x01\x01\x02\x00";
const RECORD: &[u8] = &[0x00, 0xB2, 0x01, 0x14, 0x00];

#[test]
fn a_reader_reads_the_card_again_and_again_until_ctrl_c() {
    let place = Place::new();
    let vpcd = Vpcd::new(&place);
    let mut running = serve(&place, "desk");
    let mut card = vpcd.card();
    assert_eq!(card.ask(&[4]), [0x3B, 0x80, 0x80, 0x01, 0x01]);
    for activation in 1..=2 {
        card.say(&[1]);
        let ppse = card.ask(PPSE);
        assert!(ppse.starts_with(&[0x6F]) && ppse.ends_with(&[0x90, 0x00]), "{ppse:02X?}");
        assert!(card.ask(AID).ends_with(&[0x90, 0x00]));
        running.until_line(&format!("{activation} activated"));
        // Each command is shown while the card is still there.
        running.until_line("  > select aid A000000333010102");
        if activation == 1 {
            card.say(&[0]);
            running.until_line("  field off");
        }
    }
    // A reset: nothing is selected any more, so no record may be read.
    card.say(&[2]);
    assert_eq!(card.ask(RECORD), [0x69, 0x85]);
    assert_eq!(card.ask(&[7]), [0x67, 0x00], "a command of one byte has an answer, too");
    running.interrupt();
    card.is_gone();
    let ran = running.end();
    ran.expect(
        0,
        &[
            "present unionpay-credit-rsa1152\n",
            "3 activated\n  > read record 1 of SFI 2\n  < 6985",
            "  > no command: 07",
        ],
    );
    ran.expect(0, &["the card is taken away after 3 activations and 6 exchanges; the host's share of an exchange: "]);
    assert!(!ran.out.contains("FSD"), "no reader has told an FSD: {}", ran.out);
}

#[test]
fn a_terminated_serve_ends_like_an_interrupted_one() {
    let place = Place::new();
    let vpcd = Vpcd::new(&place);
    let running = serve(&place, "desk");
    let mut card = vpcd.card();
    card.ask(&[4]);
    running.terminate();
    card.is_gone();
    running.end().expect(0, &["taken away after 0 activations and 0 exchanges"]);
}

#[test]
fn nobody_listens() {
    let place = Place::new();
    let vpcd = Vpcd::new(&place);
    let address = vpcd.0.local_addr().unwrap();
    drop(vpcd);
    let words = [
        &format!("taprig: can't put the card into the virtual reader: nobody listens at {address} (Connection refused"),
        "; start pcscd with the driver vpcd: `ci/virtual-reader` installs and starts both",
    ];
    serve(&place, "desk").end().expect(3, &words);
}

fn breaks(script: impl FnOnce(Card), words: &[&str]) {
    let place = Place::new();
    let vpcd = Vpcd::new(&place);
    let running = serve(&place, "desk");
    script(vpcd.card());
    running.end().expect(3, words);
}

#[test]
fn a_reader_that_is_restarted() {
    let advice = "; check whether pcscd has ended or was restarted; start it if necessary, then run the command again";
    breaks(drop::<Card>, &["the virtual reader at 127.0.0.1:", " closed the connection between two messages", advice]);
    let in_the_middle = |mut card: Card| {
        card.say(&[1]);
        card.0.write_all(&[0, 20, 0, 0xA4]).unwrap();
    };
    breaks(in_the_middle, &["closed the connection in the middle of a message", advice]);
}

#[test]
fn rubbish_lengths() {
    let empty = |mut card: Card| {
        card.say(&[1]);
        card.say(&[]);
        card.is_gone();
    };
    breaks(
        empty,
        &["is not the virtual reader vpcd: it sent an empty message; check the address: vpcd listens on port 35963"],
    );
    let long = |mut card: Card| {
        card.0.write_all(b"SSH-2.0").unwrap();
        // The rest of what it sent is thrown away, so the system may say so instead of an end.
        let _ = card.0.read(&mut [0]);
    };
    breaks(long, &["it sent a message of 21331 bytes before it gave power to the card"]);
}

#[test]
fn what_is_wrong_is_told_before_a_card_is_shown() {
    let place = Place::new();
    let vpcd = Vpcd::new(&place);
    let run = |args: &[&str]| Ran::of(&place.taprig(&[&["serve"], args].concat()).output().unwrap());
    run(&["nosuch", "--on", "desk"]).expect(2, &["there is no card `nosuch`", "nothing was run"]);
    run(&[CARD, "--on", "no-such-reader"]).expect(2, &["there is no bench `no-such-reader`", "nothing was run"]);
    for address in ["127.0.0.1", "localhost:0", ":35963"] {
        bench(&place, &format!("virtual-reader: {{ address: \"{address}\" }}"));
        run(&[CARD, "--on", "desk"]).expect(2, &[&format!("`{address}` is not a host and a port"), "nothing was run"]);
    }
    vpcd.0.set_nonblocking(true).unwrap();
    assert_eq!(vpcd.0.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock, "a card was shown");
}

/// On such a bench the validator is the only reader.
#[test]
fn the_validator_of_a_bench_of_this_host_reads_the_card() {
    let place = Place::new();
    let mut running = serve(&place, "sim");
    running.until_line("1 activated, FSD 256");
    running.until_line("  > gpo");
    running.until_line("  deselected");
    let boards = running.boards(" board ");
    assert_eq!(boards.len(), 2);
    running.interrupt();
    for board in &boards {
        board.ends();
    }
    running.end().expect(0, &["present unionpay-credit-rsa1152\n\n1 activated", "after 1 activation and 7 exchanges"]);
}
