//! Power cuts in place: what goes and what stays.
#![expect(clippy::unwrap_used, reason = "in tests a panic is the report")]

use crate::common::{Bench, Console, LONG, forgetful_image, image, parrot, text};
use probe_rs::{MemoryInterface as _, Session};
use probe_rs_qemu::{
    Machine,
    board::{AirEnd, BoardError, EmulatedBoard, Wire},
    probe::FaultHandle,
};
use rustix::process::{Pid, Signal, kill_process};
use std::{
    fs::{self, OpenOptions},
    io::Write as _,
    path::Path,
    sync::mpsc,
};

/// RAM that [`forgetful_image`] does not use, and non-volatile memory that it does not use.
const RAM: u64 = 0x2180_1000;
const NVM: u64 = 0x2100_1000;

fn cut(board: EmulatedBoard) -> EmulatedBoard {
    board.cut().unwrap().standby().unwrap().start().unwrap()
}

fn session(bench: &Bench, board: &EmulatedBoard) -> Session {
    bench.attach(board, &FaultHandle::default()).unwrap()
}

#[test]
fn ram_is_gone_and_the_rest_stays() {
    let Some(bench) = Bench::new(Machine::Mps2An386) else { return };
    let standby = bench.prepare_with(&forgetful_image(b'A'), AirEnd::None);
    let console = Console::open(standby.serial());
    let board = standby.start().unwrap();
    assert_eq!(console.line(), "A1");
    let pid = board.pid();
    let written: [u32; 64] = std::array::from_fn(|i| 0xC0FF_EE00 + i as u32);
    let seen = |board: &EmulatedBoard, address| {
        let mut seen = [0_u32; 64];
        session(&bench, board).core(0).unwrap().read_32(address, &mut seen).unwrap();
        seen
    };
    let mut before = session(&bench, &board);
    before.core(0).unwrap().write_32(RAM, &written).unwrap();
    before.core(0).unwrap().write_32(NVM, &written).unwrap();
    drop(before);
    assert_eq!(seen(&board, RAM), written);

    board.reset().unwrap();
    assert_eq!(console.line(), "A2");
    assert_eq!(seen(&board, RAM), written, "a reset is no power cut");

    let board = cut(board);
    assert_eq!(console.line(), "A3", "the count is in non-volatile memory");
    assert_eq!(board.pid(), pid, "the process is the same");
    let after = seen(&board, RAM);
    assert!(written.iter().zip(&after).all(|(was, is)| was != is), "{after:x?}");
    assert_eq!(seen(&board, NVM), written);

    let board = cut(board);
    assert_eq!(console.line(), "A4");
    assert_ne!(seen(&board, RAM), after, "anything, and not the same each time");
}

/// The file of its memory holds what a process left in RAM, too.
#[test]
fn a_new_process_finds_anything_in_its_ram() {
    let Some(bench) = Bench::new(Machine::Mps2An386) else { return };
    let ram = |at: usize| {
        let offset = 0x80_0000;
        fs::read(bench.spec.nvm_file()).unwrap()[offset + at..offset + at + 4096].to_vec()
    };
    let board = bench.prepare_with(&forgetful_image(b'A'), AirEnd::None).start().unwrap();
    let first = [ram(4096), ram(0x3_F000)];
    board.power_off().unwrap();
    let standby = bench.prepare();
    assert_eq!([ram(4096), ram(0x3_F000)], first, "not before the last board has ended");
    let _board = standby.start().unwrap();
    assert_ne!(ram(4096), first[0]);
    assert_ne!(ram(0x3_F000), first[1]);
}

#[test]
fn a_cut_comes_at_any_instruction() {
    let Some(bench) = Bench::new(Machine::Mps2An386) else { return };
    let mut standby = bench.prepare_with(&forgetful_image(b'A'), AirEnd::None);
    let count = || u32::from_le_bytes(fs::read(bench.spec.nvm_file()).unwrap()[..4].try_into().unwrap());
    let mut counts = vec![];
    for _ in 0..20 {
        // Most of these starts never get as far as to their line.
        standby = standby.start().unwrap().cut().unwrap().standby().unwrap();
        counts.push(count());
    }
    assert!(counts.is_sorted() && counts.windows(2).all(|pair| pair[1] - pair[0] <= 1), "{counts:?}");
}

#[test]
fn flash_is_as_it_was_saved() {
    let Some(bench) = Bench::new(Machine::Mps2An386) else { return };
    let standby = bench.prepare_with(&forgetful_image(b'A'), AirEnd::None);
    let console = Console::open(standby.serial());
    let board = standby.start().unwrap();
    assert_eq!(console.line(), "A1");
    // The letter, by a debugger that does not flash, or by a wild pointer.
    let letter = forgetful_image(b'A').len() as u64 - 4;
    session(&bench, &board).core(0).unwrap().write_word_32(letter, b'B'.into()).unwrap();
    board.reset().unwrap();
    assert_eq!(console.line(), "B2", "flash is memory");
    let board = cut(board);
    assert_eq!(console.line(), "A3");
    // What was flashed and saved stays.
    session(&bench, &board).core(0).unwrap().write_word_32(letter, b'C'.into()).unwrap();
    board.save_flash(forgetful_image(b'A').len() as u32).unwrap();
    let _board = cut(board);
    assert_eq!(console.line(), "C4");
}

#[test]
fn no_byte_passes_a_cut() {
    let (Some(card), Some(reader)) = (Bench::new(Machine::Mps2An386), Bench::new(Machine::Mps2An386)) else { return };
    let wire = Wire::new().unwrap();
    let card = card.prepare_with(&parrot(), wire.card().unwrap()).start().unwrap();
    let reader = reader.prepare_with(&parrot(), wire.reader().unwrap()).start().unwrap();
    let ports = [&card, &reader].map(|board| board.serial().to_owned());
    let say = |port: &Path, words: &str| {
        OpenOptions::new().write(true).open(port).unwrap().write_all(words.as_bytes()).unwrap();
    };
    let cross = |end: AirEnd, words: &str| {
        let AirEnd::Wire(socket) = end else { panic!("{end:?}") };
        rustix::io::write(socket, words.as_bytes()).unwrap();
    };
    let (card, reader) = (card.cut().unwrap(), reader.cut().unwrap());
    // Each machine has said its first line, or not, and nobody has read it. This is on its way to both:
    for port in &ports {
        say(port, "stale from the console\n");
    }
    cross(wire.card().unwrap(), "stale from the card\n");
    cross(wire.reader().unwrap(), "stale from the reader\n");
    let (card, reader) = (card.standby().unwrap(), reader.standby().unwrap());
    wire.flush().unwrap();
    let consoles = [&card, &reader].map(|board| Console::open(board.serial()));
    let _boards = [card.start().unwrap(), reader.start().unwrap()];
    for console in &consoles {
        assert_eq!(console.line(), "P");
    }
    // What comes now passes, on all four ways.
    for (port, console) in ports.iter().zip(&consoles) {
        say(port, "fresh\n");
        assert_eq!(console.line(), "fresh");
    }
    cross(wire.card().unwrap(), "to the reader\n");
    assert_eq!(consoles[1].line(), "to the reader");
    cross(wire.reader().unwrap(), "to the card\n");
    assert_eq!(consoles[0].line(), "to the card");
}

#[test]
fn ram_that_would_keep_its_content_is_not_cut() {
    let Some(bench) = Bench::new(Machine::Mps2An386) else { return };
    let board = bench.prepare_with(&image(b'A'), AirEnd::None).start().unwrap();
    assert!(!board.can_be_cut());
    let error = board.cut().unwrap_err();
    assert!(matches!(error, BoardError::RamStays { .. }), "{}", text(&error));
    let board = bench.prepare_with(&forgetful_image(b'A'), AirEnd::None).start().unwrap();
    assert!(board.can_be_cut());
}

#[test]
fn a_process_that_is_dead_or_dies_without_power_is_noticed() {
    let Some(bench) = Bench::new(Machine::Mps2An386) else { return };
    let kill = |pid: u32| kill_process(Pid::from_raw(pid as i32).unwrap(), Signal::KILL).unwrap();
    let board = bench.prepare_with(&forgetful_image(b'A'), AirEnd::None).start().unwrap();
    kill(board.pid());
    let error = board.cut().unwrap_err();
    assert!(matches!(error, BoardError::Ended { .. }), "{}", text(&error));

    let board = bench.prepare().start().unwrap();
    let pid = board.pid();
    let (sender, exits) = mpsc::channel();
    board.on_exit(move |exit| sender.send(exit.clone()).unwrap());
    let dark = board.cut().unwrap();
    kill(pid);
    assert!(!exits.recv_timeout(LONG).unwrap().wanted);
    let error = dark.standby().unwrap_err();
    assert!(matches!(error, BoardError::Ended { .. }), "{}", text(&error));
    // The next process takes over where it ended.
    let standby = bench.prepare();
    let console = Console::open(standby.serial());
    let _board = standby.start().unwrap();
    assert!(console.line().starts_with('A'));
}

/// Whoever has the port open sees that the process behind it is gone, in spite of our copy of its end.
#[test]
fn a_port_hangs_up_when_its_process_ends() {
    let Some(bench) = Bench::new(Machine::Mps2An386) else { return };
    let board = bench.prepare_with(&parrot(), AirEnd::None).start().unwrap();
    let port = OpenOptions::new().read(true).open(board.serial()).unwrap();
    let (sender, ends) = mpsc::channel();
    std::thread::spawn(move || {
        let mut port = port;
        let end = std::io::copy(&mut port, &mut std::io::sink());
        sender.send(end.is_err()).unwrap();
    });
    kill_process(Pid::from_raw(board.pid() as i32).unwrap(), Signal::KILL).unwrap();
    // An end of file or an error, as the kernel likes it.
    ends.recv_timeout(LONG).expect("the port hangs up");
}
