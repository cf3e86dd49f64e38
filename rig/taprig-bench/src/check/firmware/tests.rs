//! Boards of kind `probe` at the end of pseudo terminals. Their debug probes do not exist: a check without `--flash` must
//! not need one once the boards run their images.

use std::io::{BufRead as _, BufReader, Write as _};
use std::ops::Range;
use std::time::Duration;

use taprig_model::bench::BoardKind;
use taprig_model::event::{PowerSwitch, Role};
use taprig_record::{Options, Recorder};
use wire::link::{Identity, Report, Request};

use super::super::{Finding, State};
use crate::air::Air;
use crate::board::{BenchBoard, Prepared};
use crate::flash::{FlashReport, Image, Progress, elf_file, program};
use crate::identity::Flashing;
use crate::link::endpoint::Endpoint;
use crate::link::pty::{Terminal, echoes};
use crate::{Bench, BenchError, Config, Programs};

/// The boards of a test.
struct Desk {
    folder: tempfile::TempDir,
    config: Config,
}

impl Desk {
    /// A bench whose validator is of kind `probe` and says that it runs the image with this digest, or nothing at all.
    fn new(name: &str, digest: impl FnOnce(&Image) -> Option<String>) -> Self {
        use serde_yaml::with::singleton_map_recursive::deserialize;
        let folder = tempfile::tempdir().unwrap();
        let elf = folder.path().join("image.elf");
        let content = program(0x0800_0000, 1000);
        std::fs::write(&elf, elf_file(object::elf::EM_ARM, &[(0x0800_0000, &content)])).unwrap();
        let image = Image::read(&elf, None).unwrap();
        let (console, link) = (Terminal::new(), Terminal::new());
        let switch = folder.path().join("switch");
        rustix::fs::mkfifoat(rustix::fs::CWD, &switch, rustix::fs::Mode::RWXU).unwrap();
        let text = format!(
            "schema: 1\ntitle: A desk\ndevice: taprig-reference\n\
             validator: {{ probe: {{ chip: STM32F405RGTx, probe: '0483:374b:NONE', firmware: x.elf, serial: {{ path: {} }} }} }}\n\
             card: {{ emulator: {{ attached: {{ serial: {{ path: {} }} }} }} }}\n\
             power: {{ switches: {{ validator: {{ command: {{ on: [sh, -c, 'echo on > {}'], off: ['true'], off-for: 1 ms }} }} }} }}\n",
            console.path().display(),
            link.path().display(),
            switch.display()
        );
        let device =
            include_str!("../../../../../fixtures/devices/taprig-reference.yaml").replace("ready: 5 s", "ready: 1 s");
        let digest = digest(&image);
        let mut voice = console.voice();
        let speaks = digest.is_some();
        std::thread::spawn(move || {
            // Opened anew each time, because a pipe ends when its writer does.
            while let Ok(pipe) = std::fs::File::open(&switch) {
                for _ in BufReader::new(pipe).lines().map_while(Result::ok).filter(|_| speaks) {
                    voice.write_all(b"! started firmware=taprig-validator version=1 cause=power\n! ready\n").unwrap();
                }
            }
        });
        let _heard = console.console(move |line| {
            let digest = digest.as_ref()?;
            Some(match line {
                "identity" => format!(
                    "ok device=taprig-reference firmware=taprig-validator board=desk version=1 digest={digest}\n"
                ),
                _ => "ok\n".into(),
            })
        });
        link.emulator(|order| match order.request {
            Request::Identify => Some(Report::Identity(Identity {
                protocol: wire::link::PROTOCOL,
                firmware: "taprig-emulator".try_into().unwrap(),
                version: "1".try_into().unwrap(),
                board: "desk".try_into().unwrap(),
                digest: [0; 32],
            })),
            _ => echoes(order),
        });
        let config = Config {
            name: format!("check-test-{name}-{}", std::process::id()),
            bench: deserialize(serde_yaml::Deserializer::from_str(&text)).unwrap(),
            device: deserialize(serde_yaml::Deserializer::from_str(&device)).unwrap(),
            images: [(Role::Validator, image)].into(),
            programs: Programs {
                taprig: "taprig".into(),
                hosted: "taprig".into(),
                qemu: "qemu".into(),
                flash_algorithm: "none".into(),
                folder: folder.path().to_owned(),
            },
            wait: Duration::ZERO,
            flash_anyway: false,
            reassign: false,
            desk: None,
            configured: None,
        };
        Self { folder, config }
    }

    fn check(&self, flash: bool) -> Result<Vec<Finding>, BenchError> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let recorder = Recorder::start(None, Options::default(), vec![]).unwrap();
        runtime.block_on(async {
            let mut bench = Bench::for_check(&self.config, &recorder).await.unwrap();
            bench.check_firmware(flash).await
        })
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(crate::slot::bench_folder(&self.config.name));
        assert!(self.folder.path().exists(), "it is kept as long as its boards");
    }
}

#[test]
fn a_board_that_runs_its_image_needs_no_debug_probe() {
    let desk = Desk::new("right", |image| Some(image.digest_hex()));
    let findings = desk.check(false).unwrap();
    assert!(findings.iter().all(|finding| finding.state == State::Ok), "{findings:?}");
    let seen: Vec<_> = findings.iter().map(|finding| finding.seen.as_str()).collect();
    assert!(seen.iter().any(|seen| seen.starts_with("runs the image with the digest ")), "{seen:?}");
    assert!(seen.contains(&"was switched off and on; it does not report its state"), "{seen:?}");
}

#[test]
fn a_wrong_digest_is_told_and_nothing_is_flashed() {
    let desk = Desk::new("wrong", |image| Some(image.digest_hex().chars().rev().collect()));
    let error = desk.check(false).unwrap_err();
    assert!(matches!(error, BenchError::Stale { role: Role::Validator, .. }), "{error:?}");
    assert!(error.advice().unwrap().contains(&format!("`taprig flash --bench {}`", desk.config.name)), "{error:?}");
    // With `--flash` the probe is needed, and it is not there.
    let error = desk.check(true).unwrap_err();
    assert!(matches!(error, BenchError::Flash { role: Role::Validator, .. }), "{error:?}");
}

#[test]
fn a_board_that_says_nothing_may_be_empty() {
    let desk = Desk::new("empty", |_| None);
    let error = desk.check(false).unwrap_err();
    assert!(matches!(error, BenchError::Unflashed { role: Role::Validator, .. }), "{error:?}");
    assert!(error.to_string().contains("did not become ready within 1000 ms"), "{error}");
    assert!(error.advice().unwrap().contains("if its flash is empty, `taprig flash --bench "), "{error:?}");
}

/// A board behind a debug probe that is connected to another board. It can't be flashed: that would be the fault.
#[derive(Debug)]
struct Exchanged {
    port: std::path::PathBuf,
    /// Who writes here resets the board.
    switch: std::path::PathBuf,
    image: Image,
    holds: &'static str,
}

impl BenchBoard for Exchanged {
    fn kind(&self) -> BoardKind {
        BoardKind::Probe
    }

    fn power_on(&mut self, _: &Air, _: Option<Prepared>) -> Result<Endpoint, BenchError> {
        Ok(self.port.clone().into())
    }

    fn go(&mut self) -> Result<(), BenchError> {
        std::fs::write(&self.switch, "on\n").unwrap();
        Ok(())
    }

    fn power_off(&mut self) {}

    fn switched(&self) -> PowerSwitch {
        PowerSwitch::Reset
    }

    fn image(&self) -> Option<&Image> {
        Some(&self.image)
    }

    fn flash_contains(&mut self, parts: &[Range<u64>], texts: &[&str]) -> Result<Vec<bool>, BenchError> {
        assert_eq!(parts.iter().map(|part| (part.start, part.end)).collect::<Vec<_>>(), [(0x0800_0000, 0x0800_03E8)]);
        Ok(texts.iter().map(|text| *text == self.holds).collect())
    }

    fn flash(&mut self, _: &mut dyn FnMut(Progress)) -> Result<FlashReport, BenchError> {
        Err(BenchError::NotProgrammable(BoardKind::Probe))
    }
}

/// The bench, if the flash behind the probe of its validator holds this.
fn establish(name: &str, holds: &'static str, speaks: bool, flashing: Flashing) -> BenchError {
    let desk = Desk::new(name, |image| speaks.then(|| image.digest_hex().chars().rev().collect()));
    let serial = desk.config.bench.validator.serial().unwrap();
    let (port, image) = (serial.path.clone().unwrap(), desk.config.images[&Role::Validator].clone());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let recorder = Recorder::start(None, Options::default(), vec![]).unwrap();
    runtime.block_on(async {
        let mut bench = Bench::for_check(&desk.config, &recorder).await.unwrap();
        let board = bench.boards.get_mut(Role::Validator).unwrap();
        *board = Box::new(Exchanged { port, switch: desk.folder.path().join("switch"), image, holds });
        bench.establish(flashing).await.unwrap_err()
    })
}

#[test]
fn a_debug_probe_on_the_other_board_is_refused_before_anything_is_flashed() {
    // A board with an old image, one that is to be flashed anyway, and one that says nothing.
    for (name, speaks, flashing) in
        [("old", true, Flashing::Needed), ("all", true, Flashing::All), ("silent", false, Flashing::Needed)]
    {
        let error = establish(name, "taprig-emulator", speaks, flashing);
        assert!(matches!(error, BenchError::WrongProbe { role: Role::Validator, .. }), "{name}: {error:?}");
        assert!(error.to_string().contains("holds the firmware taprig-emulator: nothing was flashed"), "{error}");
        assert!(error.advice().unwrap().starts_with("exchange the two debug probes"), "{error:?}");
        // Its own firmware and an empty flash are flashed, and this board says so.
        for fine in ["taprig-validator", ""] {
            let error = establish(name, fine, speaks, flashing);
            assert!(matches!(error, BenchError::NotProgrammable(_)), "{name} with `{fine}`: {error:?}");
        }
    }
    let error = establish("reassign", "taprig-emulator", true, Flashing::Reassign);
    assert!(matches!(error, BenchError::NotProgrammable(_)), "{error:?}");
}
