//! Emulated boards: power, memory that lasts, the air, and processes that end.

use crate::common::{Bench, Console, LONG, image, large_image, text};
use crate::qemu::qemu;
use probe_rs_qemu::{
    Machine,
    board::{AirEnd, BoardError, EmulatedBoard},
};
use rustix::{
    event::{PollFd, PollFlags, poll},
    process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open},
};
use std::{
    fs,
    io::{BufRead, BufReader, Read},
    os::fd::OwnedFd,
    os::unix::net::{UnixListener, UnixStream},
    path::Path,
    process::{Command, Stdio},
    sync::mpsc,
};

#[test]
fn flash_and_memory_outlive_the_power() {
    let Some(bench) = Bench::new(Machine::Mps2An386) else { return };
    let (board, console) = bench.flashed(&large_image(b'A', 9_999));
    assert_eq!(console.line(), "A1");
    let first = board.pid();
    let exit = board.power_off().unwrap();
    assert!(exit.wanted);
    assert_eq!(exit.pid, first);
    assert_eq!(fs::read(bench.spec.flash_file()).unwrap(), large_image(b'A', 9_999));

    let standby = bench.prepare();
    assert!(!standby.is_blank());
    let console = Console::open(standby.serial());
    let board = standby.start().unwrap();
    assert_eq!(console.line(), "A2");
    // A reset copies nothing over the flash.
    board.reset().unwrap();
    assert_eq!(console.line(), "A3");
}

#[test]
fn a_standby_waits_while_the_last_board_works() {
    let Some(bench) = Bench::new(Machine::Mps2An386) else { return };
    let (board, console) = bench.flashed(&image(b'A'));
    assert_eq!(console.line(), "A1");
    let standby = bench.prepare();
    let next_console = Console::open(standby.serial());
    board.reset().unwrap();
    assert_eq!(console.line(), "A2");
    board.power_off().unwrap();
    let _board = standby.start().unwrap();
    assert_eq!(next_console.line(), "A3");
}

#[test]
fn the_next_reader_waits_for_the_air() {
    let (Some(card), Some(reader)) = (Bench::new(Machine::Mps2An386), Bench::new(Machine::Mps2An386)) else { return };
    let path = card.folder.path().join("air.sock");
    let listener = UnixListener::bind(&path).unwrap();
    let air = || AirEnd::Connect(path.clone());
    // A reader's board may be made before the card's.
    let first = EmulatedBoard::prepare(&reader.spec, air()).unwrap();
    let card = EmulatedBoard::prepare(&card.spec, AirEnd::Listen(listener)).unwrap();
    let second = EmulatedBoard::prepare(&reader.spec, air()).unwrap();
    drop(first);
    second.start().unwrap().power_off().unwrap();
    // Nobody but the card's board holds its end.
    card.start().unwrap().power_off().unwrap();
    assert!(UnixStream::connect(&path).is_err());
}

#[test]
fn a_reader_without_a_card_side_is_told_why() {
    let Some(bench) = Bench::new(Machine::Mps2An386) else { return };
    let air = AirEnd::Connect(bench.folder.path().join("nobody.sock"));
    let error = EmulatedBoard::prepare(&bench.spec, air).unwrap_err();
    assert!(matches!(error, BoardError::Ended { .. }), "{}", text(&error));
    assert!(text(&error).contains("nobody.sock"), "{}", text(&error));
}

#[test]
fn air_is_bytes_on_a_socket() {
    let Some(bench) = Bench::new(Machine::Mps2An386) else { return };
    let path = bench.folder.path().join("air.sock");
    let listener = UnixListener::bind(&path).unwrap();
    let standby = EmulatedBoard::prepare(&bench.spec, AirEnd::Connect(path)).unwrap();
    let (mut air, _) = listener.accept().unwrap();
    air.set_read_timeout(Some(LONG)).unwrap();
    drop(standby);
    assert_eq!(air.read(&mut [0; 8]).unwrap(), 0, "the air ends with the board");
}

#[test]
fn an_emulator_that_is_none_is_told_from_a_missing_one() {
    let Some(mut bench) = Bench::new(Machine::Mps2An386) else { return };
    bench.spec.qemu = "no-such-emulator".into();
    assert!(matches!(EmulatedBoard::prepare(&bench.spec, AirEnd::None), Err(BoardError::Missing { .. })));
    bench.spec.qemu = "false".into();
    assert!(matches!(EmulatedBoard::prepare(&bench.spec, AirEnd::None), Err(BoardError::Ended { .. })));
}

#[test]
fn a_flash_file_of_another_board_is_refused() {
    let Some(bench) = Bench::new(Machine::NetduinoPlus2) else { return };
    fs::create_dir_all(&bench.spec.state_dir).unwrap();
    fs::write(bench.spec.flash_file(), vec![0; 0x10_0001]).unwrap();
    assert!(matches!(EmulatedBoard::prepare(&bench.spec, AirEnd::None), Err(BoardError::FlashTooSmall { .. })));
}

#[test]
fn a_lockup_is_noticed_with_its_words() {
    let Some(bench) = Bench::new(Machine::Mps2An386) else { return };
    let mut program = image(b'A');
    // The first instruction is undefined, and the fault handler is nowhere.
    program[0x40..0x42].copy_from_slice(&[0x00, 0xDE]);
    program[12..16].copy_from_slice(&0xF000_0001_u32.to_le_bytes());
    fs::create_dir_all(&bench.spec.state_dir).unwrap();
    fs::write(bench.spec.flash_file(), &program).unwrap();
    let standby = bench.prepare();
    let (sender, exits) = mpsc::channel();
    standby.on_exit(move |exit| sender.send(exit.clone()).unwrap());
    let board = standby.start();
    let exit = exits.recv_timeout(LONG).unwrap();
    assert!(!exit.wanted);
    assert!(exit.stderr.to_lowercase().contains("lockup"), "{exit:?}");
    // The board may have died before or after it answered.
    if let Ok(board) = board {
        assert_eq!(board.exited(), Some(exit));
        assert!(matches!(board.reset(), Err(BoardError::Ended { .. })));
    }
}

#[test]
fn a_killed_process_is_noticed() {
    let Some(bench) = Bench::new(Machine::Mps2An386) else { return };
    let board = bench.prepare().start().unwrap();
    let (sender, exits) = mpsc::channel();
    board.on_exit(move |exit| sender.send(exit.clone()).unwrap());
    kill_process(Pid::from_raw(board.pid() as i32).unwrap(), Signal::KILL).unwrap();
    let exit = exits.recv_timeout(LONG).unwrap();
    assert!(!exit.wanted);
    // Too late is not never.
    let (sender, again) = mpsc::channel();
    board.on_exit(move |exit| sender.send(exit.clone()).unwrap());
    assert_eq!(again.recv_timeout(LONG).unwrap(), exit);
}

/// Not a test of its own: the rig that the next test kills.
#[test]
#[ignore = "run by `no_process_outlives_a_killed_rig`"]
fn rig_to_be_killed() {
    let folder = std::env::var("TAPRIG_TEST_FOLDER").unwrap();
    let Some(mut bench) = Bench::new(Machine::Mps2An386) else { return };
    bench.spec.state_dir = Path::new(&folder).join("state");
    bench.spec.runtime_dir = folder.into();
    let board = bench.prepare().start().unwrap();
    println!("\nboard {}", board.pid());
    // Until it is killed; its standard input never ends before.
    let _ = std::io::stdin().read(&mut [0; 1]);
}

#[test]
fn no_process_outlives_a_killed_rig() {
    if qemu().is_none() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut rig = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "board::rig_to_be_killed", "--ignored", "--nocapture"])
        .env("TAPRIG_TEST_FOLDER", folder.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(rig.stdout.take().unwrap()).lines().map_while(Result::ok);
    let pid = lines.filter_map(|line| line.strip_prefix("board ")?.parse().ok()).next().expect("a board");
    let board: OwnedFd = pidfd_open(Pid::from_raw(pid).unwrap(), PidfdFlags::empty()).unwrap();
    rig.kill().unwrap();
    rig.wait().unwrap();
    let mut ends = [PollFd::new(&board, PollFlags::IN)];
    let timeout = LONG.try_into().unwrap();
    assert_eq!(poll(&mut ends, Some(&timeout)).unwrap(), 1, "QEMU {pid} lives on");
}
