//! Parts that a run reaches by a network: an HTTP power switch and a virtual reader. If one of them goes away in the middle of
//! a run, the case is an error, the message names the part, and the run goes on when the part is back.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};

use super::attached::{Terminal, answers, in_a_row, play_emulator, play_validator, reports};
use super::place::{Place, RIDE};
use super::unplugged::{back_within, goes_on, place};

/// How a plug behaves when it is asked to switch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Plug {
    /// It switches.
    Works,
    /// It goes off the network.
    GoesAway,
    /// It is on the network and answers nothing.
    Hangs,
    /// It accepts the request and stays off.
    StaysOff,
}

/// A bench `desk` whose validator gets its power from a plug with the firmware Tasmota. The test is the plug. `behaves` is asked
/// at each request to switch, with the number of requests to switch off so far. Each message on the returned channel lets a
/// plug that has gone away come back. Returns the address of the plug, too.
pub(crate) fn plug(
    place: &Place,
    mut behaves: impl FnMut(bool, u32) -> Plug + Send + 'static,
) -> (Sender<()>, SocketAddr) {
    let (console, link) = (Terminal::new(), Terminal::new());
    let attached = |terminal: &Terminal| format!("attached: {{ serial: {{ path: {} }} }}", terminal.path().display());
    place.bench("desk", &attached(&console), &attached(&link));
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let file = "fixtures/benches/desk.yaml";
    let text = std::fs::read_to_string(place.path(file)).unwrap();
    let switch = format!("tasmota: {{ address: '{address}', off-for: 10 ms, within: 3 s }}");
    place.put(file, &format!("{text}power: {{ switches: {{ validator: {{ {switch} }} }} }}\n"));
    let say = play_validator(console, answers);
    play_emulator(link, reports(in_a_row()));
    let (send, again): (_, Receiver<()>) = channel();
    std::thread::spawn(move || {
        let (mut is_on, mut offs) = (false, 0);
        let mut listener = Some(listener);
        loop {
            let open = listener.take().unwrap_or_else(|| TcpListener::bind(address).unwrap());
            let (stream, _) = open.accept().unwrap();
            let Some(asked) = request(&stream) else {
                // Somebody gave up meanwhile.
                listener = Some(open);
                continue;
            };
            let on = asked.contains("%20On");
            let plug = if on || asked.contains("%20Off") {
                offs += u32::from(!on);
                behaves(on, offs)
            } else {
                Plug::Works
            };
            match plug {
                Plug::GoesAway => {
                    drop((stream, open));
                    if again.recv().is_err() {
                        return;
                    }
                    continue;
                }
                Plug::Hangs => {
                    // The connection stays open, and new ones wait.
                    if again.recv().is_err() {
                        return;
                    }
                    listener = Some(open);
                    continue;
                }
                Plug::Works if asked.contains("%20") => {
                    if on && !is_on {
                        say("! started firmware=taprig-validator version=1 cause=power\n! ready\n");
                    }
                    is_on = on;
                }
                Plug::Works | Plug::StaysOff => {}
            }
            let body = format!("{{\"POWER\":\"{}\"}}", if is_on { "ON" } else { "OFF" });
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
            let _ = (&stream).write_all((head + &body).as_bytes());
            listener = Some(open);
        }
    });
    (send, address)
}

/// The first line of a request, which has no body.
fn request(stream: &TcpStream) -> Option<String> {
    let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
    let first = lines.next()?;
    lines.find(String::is_empty)?;
    Some(first)
}

/// It vanishes before the second of three cases: off at the start, before the first power-on, then before the second case.
fn plug_vanishes(how: Plug) {
    let place = place();
    let (again, address) = plug(&place, move |on, offs| if !on && offs == 2 { how } else { Plug::Works });
    goes_on(&place, &again, &format!("the power switch of the validator at {address}"));
}

#[test]
fn a_power_switch_that_goes_off_the_network_and_comes_back() {
    plug_vanishes(Plug::GoesAway);
}

#[test]
fn a_power_switch_that_answers_nothing_and_comes_back() {
    plug_vanishes(Plug::Hangs);
}

#[test]
fn a_power_switch_that_does_not_come_back_ends_its_bench() {
    let place = place();
    let (_again, address) = plug(&place, |on, offs| if !on && offs == 2 { Plug::GoesAway } else { Plug::Works });
    back_within(&place, "desk", "300 ms");
    let words = format!("the power switch of the validator at {address} did not come back within 0.3 s");
    place.run(&["--bench", "desk"]).expect(3, &[&words, "check that the power switch is on the network"]);
    assert_eq!(place.verdict("BUS-002").0, "error");
    assert_eq!(place.verdict("BUS-003"), ("skipped".into(), "no bench was left to run it on".into()));
    assert!(!place.path("state/boards/desk/wedged.json").exists(), "a switch that is not there does not hang");
    assert_eq!(place.record(), "complete");
}

/// A virtual reader, as vpcd over loopback, that reads a card with one command. It vanishes once: with `in_a_tap` after that
/// command, otherwise when the rig has looked whether it is there.
fn virtual_reader(place: &Place, in_a_tap: bool) -> Sender<()> {
    let console = Terminal::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    place.bench("desk", &format!("attached: {{ serial: {{ path: {} }} }}", console.path().display()), "sim: {}");
    let file = "fixtures/benches/desk.yaml";
    let text = std::fs::read_to_string(place.path(file)).unwrap();
    let reader = format!("card:\n  virtual-reader: {{ address: '{address}' }}\n");
    place.put(file, &text.replace("card:\n  emulator:\n    sim: {}\n", &reader));
    let _say = play_validator(console, answers);
    let (send, again): (_, Receiver<()>) = channel();
    std::thread::spawn(move || {
        let (mut listener, mut vanished) = (Some(listener), false);
        loop {
            let open = listener.take().unwrap_or_else(|| TcpListener::bind(address).unwrap());
            let (mut stream, _) = open.accept().unwrap();
            // Only a card answers. The rig that looks whether the reader is there takes the card away without an answer.
            let is_card = ask(&mut stream, &[SEND_ATR]).is_some();
            if is_card {
                say(&mut stream, &[POWER_ON]);
                ask(&mut stream, b"\x00\xA4\x04\x00\x0E2PAY.SYS.DDF01\x00").unwrap();
            }
            if !vanished && is_card == in_a_tap {
                vanished = true;
                drop((stream, open));
                if again.recv().is_err() {
                    return;
                }
            } else {
                listener = Some(open);
            }
        }
    });
    send
}

const SEND_ATR: u8 = 4;
const POWER_ON: u8 = 1;

fn say(stream: &mut TcpStream, payload: &[u8]) {
    let length = u16::try_from(payload.len()).unwrap().to_be_bytes();
    stream.write_all(&[&length, payload].concat()).unwrap();
}

/// The card's answer, or `None` if the card is gone.
fn ask(stream: &mut TcpStream, payload: &[u8]) -> Option<Vec<u8>> {
    say(stream, payload);
    let mut length = [0; 2];
    stream.read_exact(&mut length).ok()?;
    let mut answer = vec![0; usize::from(u16::from_be_bytes(length))];
    stream.read_exact(&mut answer).ok()?;
    Some(answer)
}

#[test]
fn a_virtual_reader_vanishes_in_the_middle_of_a_tap() {
    let place = place();
    place.case("BUS-002", RIDE);
    let again = virtual_reader(&place, true);
    goes_on(&place, &again, "the virtual reader");
}

#[test]
fn a_virtual_reader_vanishes_between_two_cases() {
    let place = place();
    let again = virtual_reader(&place, false);
    goes_on(&place, &again, "the virtual reader");
}
