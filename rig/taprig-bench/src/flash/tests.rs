//! Tests flashing on the real emulator, and every way in which it fails.

use super::{
    Cause, FlashJob, FlashStage, Image, Operation, Progress, Target, contains, digest, flash,
    image::tests::{elf_file, program},
    job::flash_with,
    reset,
};
use object::elf::EM_ARM;
use probe_rs_qemu::{
    Endpoint, Faults, Machine,
    board::{AirEnd, BoardSpec, EmulatedBoard},
    probe::FaultHandle,
};
use std::{fs, path::PathBuf};

#[path = "../../../probe-rs-qemu/tests/emulator/qemu.rs"]
mod qemu;

fn algorithm() -> PathBuf {
    let path = std::env::var_os("TAPRIG_FLASH_ALGORITHM").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/boards/flash-algorithm.elf")),
        PathBuf::from,
    );
    assert!(path.exists(), "{} is missing: build it with ci/firmware", path.display());
    path
}

/// An emulated board, its folder, and the image of a program that loops for ever.
struct Bench {
    folder: tempfile::TempDir,
    board: EmulatedBoard,
}

impl Bench {
    /// `None` if tests that need QEMU are left out.
    #[track_caller]
    fn new() -> Option<Self> {
        let qemu = qemu::qemu()?;
        let folder = tempfile::tempdir().unwrap();
        let mut spec = BoardSpec::new(Machine::Mps2An386, folder.path().join("state"), folder.path());
        spec.qemu = qemu;
        let board = EmulatedBoard::prepare(&spec, AirEnd::None).unwrap().start().unwrap();
        Some(Self { folder, board })
    }

    fn target(&self) -> Target {
        Target::Emulated { machine: Machine::Mps2An386, gdb: self.board.gdb().clone(), algorithm: algorithm() }
    }

    fn image_at(&self, address: u32) -> Image {
        let mut content = program(address, 10_000);
        // This is `b .` at the reset vector.
        content[8..10].copy_from_slice(&[0xFE, 0xE7]);
        let path = self.folder.path().join("image.elf");
        fs::write(&path, elf_file(EM_ARM, &[(address, &content)])).unwrap();
        Image::read(path, None).unwrap()
    }

    fn job(&self) -> FlashJob {
        FlashJob { target: self.target(), image: self.image_at(0) }
    }
}

#[test]
fn an_image_is_flashed_verified_and_kept() {
    let Some(bench) = Bench::new() else { return };
    let job = bench.job();
    let mut told = Vec::new();
    let report = flash(&job, |progress| told.push(progress)).unwrap();
    assert_eq!((report.digest, report.bytes), (job.image.digest(), 10_000));
    assert_eq!((told.first(), told.last()), (Some(&Progress::Attached), Some(&Progress::Running)));
    for operation in [Operation::Erase, Operation::Program, Operation::Verify] {
        let done = told.iter().rev().find_map(|news| match news {
            Progress::Working { operation: of, done, total } if *of == operation => Some((*done, *total)),
            _ => None,
        });
        let (done, total) = done.unwrap_or_else(|| panic!("no word about {operation:?}"));
        assert_eq!(Some(done), total, "{operation:?}");
    }
    bench.board.save_flash(job.image.extent()).unwrap();
    assert_eq!(fs::read(bench.board.spec().flash_file()).unwrap(), job.image.pieces()[0].content);
    reset(&job.target).unwrap();
    assert_eq!(bench.board.exited(), None);
}

#[test]
fn the_firmware_in_flash_is_known_by_its_name() {
    let Some(bench) = Bench::new() else { return };
    let built = concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/boards/mps2-an386-");
    for (role, held) in [("validator", [true, false]), ("emulator", [false, true])] {
        let image = Image::read(PathBuf::from(format!("{built}{role}.elf")), None).unwrap();
        let parts: Vec<_> = image.pieces().iter().map(super::Piece::range).collect();
        flash(&FlashJob { target: bench.target(), image }, |_| {}).unwrap();
        let seen = contains(&bench.target(), &parts, &["taprig-validator", "taprig-emulator"]).unwrap();
        assert_eq!(seen, held, "{role}");
    }
}

/// A maker's HEX file behind a bootloader. Its pieces share sectors with what is not theirs.
#[test]
fn flash_that_the_image_does_not_name_is_kept() {
    let Some(bench) = Bench::new() else { return };
    let all = bench.job();
    flash(&all, |_| {}).unwrap();
    let path = bench.folder.path().join("part.hex");
    fs::write(&path, ":08010000AAAAAAAAAAAAAAAAA7\n:04200000BBBBBBBBF0\n:00000001FF\n").unwrap();
    let part = FlashJob { target: bench.target(), image: Image::read(path, None).unwrap() };
    assert_ne!(digest(&part.target, &part.image).unwrap(), part.image.digest());
    flash(&part, |_| {}).unwrap();
    assert_eq!(digest(&part.target, &part.image).unwrap(), part.image.digest());
    bench.board.save_flash(all.image.extent()).unwrap();
    let mut wanted = all.image.pieces()[0].content.clone();
    wanted[0x100..0x108].fill(0xAA);
    wanted[0x2000..0x2004].fill(0xBB);
    assert!(fs::read(bench.board.spec().flash_file()).unwrap() == wanted);
}

#[test]
fn faults_have_their_names() {
    let Some(bench) = Bench::new() else { return };
    let job = bench.job();
    let failing = |faults| {
        let handle = FaultHandle::default();
        handle.set(faults);
        flash_with(&job, &handle, |_| {}).unwrap_err()
    };
    let locked = failing(Faults { locked: true, ..Faults::default() });
    assert!(
        matches!((&locked.cause, locked.stage), (Cause::Locked, FlashStage::Attach)),
        "{locked}: {}",
        locked.details()
    );
    let unplugged = failing(Faults { unplug_after: Some(300), ..Faults::default() });
    assert!(matches!((&unplugged.cause, unplugged.stage), (Cause::ProbeLost, FlashStage::Flash(_))), "{unplugged}");
    flash(&job, |_| {}).unwrap();
    // This comes last: the core runs what was programmed, and the emulator may end because of a bad cell.
    let bad = failing(Faults { bad_cells: Some(0x1000..0x1004), ..Faults::default() });
    assert!(matches!((&bad.cause, bad.stage), (Cause::Verify, FlashStage::Flash(Some(Operation::Verify)))), "{bad}");
    assert!(bad.to_string().starts_with("verifying the emulated mps2-an386 at unix:"), "{bad}");
}

#[test]
fn a_target_without_power_has_its_name() {
    let Some(bench) = Bench::new() else { return };
    let handle = FaultHandle::default();
    handle.set(Faults { no_target: true, ..Faults::default() });
    let error = flash_with(&bench.job(), &handle, |_| {}).unwrap_err();
    assert!(
        matches!((&error.cause, error.stage), (Cause::NoTarget, FlashStage::Attach)),
        "{error}: {}",
        error.details()
    );
}

#[test]
fn an_image_for_another_chip_is_refused_before_anything_is_touched() {
    let Some(bench) = Bench::new() else { return };
    let gdb = Endpoint::Unix("/nobody".into());
    let target = Target::Emulated { machine: Machine::Mps2An386, gdb, algorithm: algorithm() };
    let job = FlashJob { target, image: bench.image_at(0x0800_0000) };
    let error = flash(&job, |_| {}).unwrap_err();
    assert!(matches!((&error.cause, error.stage), (Cause::Image(_), FlashStage::Check)), "{error}");
    assert_eq!(error.cause.advice(), Some("check whether it was built for another board"), "{error}");
    // Here the image fits, but the board is missing.
    let job = FlashJob { image: bench.image_at(0), ..job };
    let error = flash(&job, |_| {}).unwrap_err();
    assert!(matches!(error.cause, Cause::EmulatorLost), "{error}: {}", error.details());
}

#[test]
fn an_emulator_that_ends_has_its_name() {
    let Some(bench) = Bench::new() else { return };
    let job = bench.job();
    let mut board = Some(bench.board);
    let error = flash(&job, |news| {
        if let Progress::Working { operation: Operation::Program, .. } = news
            && let Some(board) = board.take()
        {
            board.power_off().unwrap();
        }
    });
    // The kill races with the end of the work. If it comes in time, the error names it.
    if let Err(error) = error {
        assert!(matches!(error.cause, Cause::EmulatorLost), "{error}: {}", error.details());
    }
    let error = flash(&job, |_| {}).unwrap_err();
    assert!(matches!((&error.cause, error.stage), (Cause::EmulatorLost, FlashStage::Attach)), "{error}");
}

#[test]
fn real_targets_are_looked_up_before_they_are_touched() {
    let Some(bench) = Bench::new() else { return };
    let real = |chip: &str, probe: Option<&str>, image: Image| {
        let target = Target::Real { chip: chip.into(), probe: probe.map(|name| name.parse().unwrap()) };
        flash(&FlashJob { target, image }, |_| {}).unwrap_err()
    };
    let error = real("NoSuchChip", None, bench.image_at(0x0800_0000));
    assert!(matches!((&error.cause, error.stage), (Cause::UnknownChip, FlashStage::Check)), "{error}");
    let error = real("STM32F405RGTx", None, bench.image_at(0));
    assert!(matches!((&error.cause, error.stage), (Cause::Image(_), FlashStage::Check)), "{error}");
    // No vendor has this id.
    let error = real("STM32F405RGTx", Some("ffff:fffe:none"), bench.image_at(0x0800_0000));
    assert!(matches!((&error.cause, error.stage), (Cause::NoProbe { .. }, FlashStage::Open)), "{error}");
}

#[test]
fn a_missing_or_wrong_algorithm_has_its_name() {
    let Some(bench) = Bench::new() else { return };
    let mut job = bench.job();
    let with = |path: PathBuf, job: &mut FlashJob| {
        if let Target::Emulated { algorithm, .. } = &mut job.target {
            *algorithm = path;
        }
        flash(job, |_| {}).unwrap_err()
    };
    let error = with("/no/such/algorithm.elf".into(), &mut job);
    assert!(matches!(error.cause, Cause::AlgorithmUnreadable(_)), "{error}");
    let error = with(bench.folder.path().join("image.elf"), &mut job);
    assert!(matches!(error.cause, Cause::AlgorithmBroken(_)), "{error}");
}
