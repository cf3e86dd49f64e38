//! Turns the names on a command line into what a run needs: bench, device, images and programs.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use probe_rs_qemu::Machine;
use taprig_model::adapter::{Capability, Greeting};
use taprig_model::bench::{Bench as BenchFile, BoardConfig, CardSideConfig, Sim};
use taprig_model::device::{Device, Interface, claim};
use taprig_model::event::Role;
use taprig_model::situation::Situation;
use taprig_model::units::Hex;
use taprig_model::validator::Validator;

use crate::installed::{self, Installed};
use taprig_bench::card_side::pn532::{Settings, WrongSettings};
use taprig_bench::flash::{Chip, Image, ImageError};
use taprig_bench::{Config, Programs, with_advice, with_causes};
use taprig_case::plan;
use taprig_case::project::Fixture;
use taprig_case::{Diagnostic, Problems, Project, Workshop};

/// The bench of a run that names none. It needs no hardware.
pub const DEFAULT_BENCH: &str = "qemu";

/// Reads and checks everything that is needed to open a bench. It starts nothing.
///
/// `bench` is a name in `fixtures/benches`, or a path. `taprig` is this program, and `hosted` the hosted firmware: this
/// program as well, or the `sim-board` that `ci/firmware` builds.
///
/// # Errors
/// Everything that is wrong with the bench file, the device file, or an image.
pub fn config(project: &Project, bench: &str, taprig: PathBuf, hosted: PathBuf) -> Result<Config, Problems> {
    config_of(project, bench, Given::default(), taprig, hosted)
}

/// What takes the place of something that a bench file names.
#[derive(Debug, Clone, Copy, Default)]
pub struct Given<'a> {
    /// A device file.
    pub device: Option<&'a Path>,
    /// The validator's image, or its program if the validator is hosted.
    pub firmware: Option<&'a Path>,
}

/// The same as [`config`], but with what is given in place of what the bench file names.
///
/// # Errors
/// The same as for [`config`].
pub fn config_of(
    project: &Project,
    bench: &str,
    given: Given<'_>,
    taprig: PathBuf,
    hosted: PathBuf,
) -> Result<Config, Problems> {
    let path = project.meant(Fixture::Bench, bench)?;
    let mut file: BenchFile = project.load_file(Fixture::Bench, &path)?;
    if let Some(firmware) = given.firmware {
        replace_firmware(&mut file.validator, firmware, &path)?;
    }
    for (role, board) in file.boards_mut() {
        program(project, board, role, &path)?;
    }
    if let CardSideConfig::Pn532(module) = &file.card {
        let wrong = |error: WrongSettings| Diagnostic::of_file(&path, error.to_string()).help(error.advice());
        Settings::try_from(module).map_err(wrong)?;
    }
    let name = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or(bench).to_owned();
    let device: Device = match given.device {
        None => project.load(Fixture::Device, file.device.as_str())?,
        Some(path) => {
            let device = project.load_file(Fixture::Device, path)?;
            if let Some(Ok(name)) = path.file_stem().and_then(|stem| stem.to_str()).map(str::parse) {
                file.device = name;
            }
            device
        }
    };
    can_restart(&file, &device, &path)?;
    flashed_by_one(&file, &path)?;
    reachable(&file, &device, &path)?;
    let configured = configured(project, &device)?;
    let programs = Programs {
        taprig,
        hosted,
        qemu: std::env::var_os("TAPRIG_QEMU").map_or_else(|| "qemu-system-arm".into(), PathBuf::from),
        flash_algorithm: flash_algorithm(project, &file)?,
        folder: project.root().to_owned(),
    };
    let mut images = BTreeMap::new();
    for (role, board) in file.boards() {
        images.extend(image(project, board, role, &path)?.map(|image| (role, image)));
    }
    Ok(Config {
        flash_anyway: false,
        reassign: false,
        name,
        bench: file,
        device,
        images,
        programs,
        desk: None,
        wait: std::time::Duration::ZERO,
        configured,
    })
}

/// Gives the validator another image.
fn replace_firmware(validator: &mut BoardConfig, firmware: &Path, bench: &Path) -> Result<(), Problems> {
    match validator {
        BoardConfig::Sim(sim) => sim.program = Some(firmware.to_owned()),
        BoardConfig::Qemu(qemu) => qemu.firmware = Some(firmware.to_owned()),
        BoardConfig::Probe(probe) => probe.firmware = firmware.to_owned(),
        BoardConfig::Attached(_) | BoardConfig::Program(_) | BoardConfig::External(_) => {
            let problem =
                "taprig does not bring the firmware to the validator of this bench, so it can't give it another image";
            let help = "use a bench whose validator is `sim`, `qemu` or `probe`";
            return Err(Diagnostic::of_file(bench, problem).help(help).into());
        }
    }
    Ok(())
}

/// A program flashes only a validator that the rig does not flash itself.
fn flashed_by_one(bench: &BenchFile, path: &Path) -> Result<(), Problems> {
    let Some(flash) = &bench.flash else { return Ok(()) };
    let (problem, help) = match &bench.validator {
        _ if flash.command.is_empty() => ("`flash` names no program", "add the program to `command`"),
        BoardConfig::Attached(_) | BoardConfig::External(_) => return Ok(()),
        BoardConfig::Sim(_) | BoardConfig::Qemu(_) | BoardConfig::Probe(_) => {
            ("taprig itself brings the firmware to this validator, but `flash` names a program", "remove `flash`")
        }
        BoardConfig::Program(_) => ("a validator that is a program is not flashed", "remove `flash`"),
    };
    Err(Diagnostic::of_file(path, problem).help(help).into())
}

/// Refuses a bench on which nothing leads to the device.
fn reachable(bench: &BenchFile, device: &Device, path: &Path) -> Result<(), Problems> {
    let wrong = |problem: &str, help: &str| Err(Diagnostic::of_file(path, problem).help(help).into());
    if bench.card.board().is_some_and(|board| board.external().is_some()) {
        return wrong("the card emulator can't be `external`", "only a validator can be external");
    }
    if let CardSideConfig::Nrf52840(board) = &bench.card
        && !matches!(board, BoardConfig::Probe(_) | BoardConfig::Attached(_))
    {
        return wrong(
            "an nRF52840 with an antenna is a real board: its kind is `probe` or `attached`",
            "write `nrf52840: { probe: ... }`, or use `emulator` for a board without an antenna",
        );
    }
    match &device.interface {
        Interface::Native(_) if bench.validator.external().is_some() => wrong(
            "the validator is `external`, but its device file says that the rig talks to its console",
            "use `attached` with the serial port of the console",
        ),
        Interface::Operator(_) if bench.validator.external().is_none() => wrong(
            "the device file says that the validator has no interface, so it can only be `external`",
            "write `validator: { external: {} }`",
        ),
        Interface::Operator(_) => {
            let untold = [claim::STATUS, claim::JOURNAL, claim::NATIVE_CONSOLE, claim::TELLS_REASON, claim::TELLS_CVM];
            match untold.into_iter().find(|claim| device.claims(claim)) {
                Some(claim) => wrong(
                    &format!("the device has no interface, so it can't claim `{claim}`"),
                    "withdraw the claim in the device file",
                ),
                None => Ok(()),
            }
        }
        _ => Ok(()),
    }
}

/// The state that a device without any interface is in for good, if its file names one.
fn configured(project: &Project, device: &Device) -> Result<Option<Situation>, Problems> {
    let Some(name) = device.interface.operator().and_then(|operator| operator.configured.as_ref()) else {
        return Ok(None);
    };
    let profile: Validator = project.load(Fixture::Validator, name.as_str())?;
    let (mut workshop, mut problems) = (Workshop::new(project), Problems::default());
    let situation = plan::keys(&mut workshop, &mut problems).situation(&profile.settings);
    problems.into_result(Some(situation))
}

/// Asks the adapter program of the device for its capabilities, before anything else is touched. A program that does not
/// greet, or that lacks what the device file claims, is wrong input.
///
/// # Errors
/// What is wrong with the program.
pub fn greet_adapter(project: &Project, config: &Config) -> Result<Option<Greeting>, Problems> {
    let file = project.file(Fixture::Device, config.bench.device.as_str());
    let wrong = |problem: String| Diagnostic::of_file(&file, problem);
    let greeting = config.greet_adapter().map_err(|error| {
        let help = "`taprig adapter check -- PROGRAM` tries it and says more";
        wrong(with_causes(&error)).help(help)
    })?;
    if let Some(greeting) = &greeting {
        fits(project, config, greeting)?;
    }
    Ok(greeting)
}

/// Refuses a device file that claims what the adapter program lacks by its greeting.
///
/// # Errors
/// One problem for each claim, and one if nothing would prove that the adapter's answers are not old.
pub fn fits(project: &Project, config: &Config, greeting: &Greeting) -> Result<(), Problems> {
    let file = project.file(Fixture::Device, config.bench.device.as_str());
    let wrong = |problem: String| Diagnostic::of_file(&file, problem);
    let mut problems = Problems::default();
    for problem in claims_beyond(&config.device, greeting) {
        problems.push(wrong(problem).help("withdraw the claim, or add the capability to the adapter"));
    }
    let switched = config.bench.validator.runs_here()
        || matches!(config.bench.validator, BoardConfig::Probe(_))
        || config.bench.power.switches.contains_key(&Role::Validator);
    let fresh = [Capability::Nonce, Capability::Restart].iter().any(|can| greeting.capabilities.contains(can));
    if !switched && !fresh {
        let problem = "the bench can't switch the validator's power, and its adapter has neither the capability \
                       `nonce` nor `restart`: nothing proves that its answers are not old";
        problems
            .push(wrong(problem.into()).help("add a power switch to the bench file, or a capability to the adapter"));
    }
    problems.into_result(())
}

/// The claims of `device` that its adapter program can't keep, each with what is missing.
#[must_use]
pub fn claims_beyond(device: &Device, greeting: &Greeting) -> Vec<String> {
    let needs = [
        (claim::STATUS, Capability::Status),
        (claim::JOURNAL, Capability::Journal),
        (claim::JOURNAL, Capability::ClearJournal),
    ];
    let missing = needs
        .into_iter()
        .filter(|(claim, needs)| device.claims(claim) && !greeting.capabilities.contains(needs))
        .map(|(claim, needs)| format!("the claim `{claim}` needs the capability `{needs}`, which its adapter lacks"));
    let native = device.claims(claim::NATIVE_CONSOLE).then(|| {
        format!(
            "the claim `{}` is about the console of the reference device, which an adapter hides",
            claim::NATIVE_CONSOLE
        )
    });
    missing.chain(native).collect()
}

/// The smallest non-volatile memory that the reference validator can use, in bytes.
const SMALLEST_MEMORY: u32 = 4096;

/// A device whose power nobody switches has to restart on request, because a case begins with a restart.
fn can_restart(bench: &BenchFile, device: &Device, path: &Path) -> Result<(), Problems> {
    let Interface::Rules(rules) = &device.interface else { return Ok(()) };
    let attached = matches!(bench.validator, BoardConfig::Attached(_));
    if rules.commands.reboot.is_some() || !attached || bench.power.switches.contains_key(&Role::Validator) {
        return Ok(());
    }
    let problem = format!("nothing restarts the device {} before a case", bench.device);
    let help =
        "add a switch for its power under `power.switches.validator`, or the command `reboot` to the device file";
    Err(Diagnostic::of_file(path, problem).help(help).into())
}

/// Something that boards need, such as `sim-board`: the project's own in `target/boards`, or the one that comes with
/// taprig.
#[must_use]
pub fn built(project: &Project, name: impl AsRef<Path>) -> PathBuf {
    let own = project.root().join(installed::BOARDS).join(&name);
    match Installed::find() {
        Some(installed) if !own.is_file() => installed.board(name),
        _ => own,
    }
}

/// What to do if something that boards need is missing.
fn build_it() -> &'static str {
    Installed::find().map_or("install taprig as its README says", |installed| installed.advice())
}

/// The flash algorithm of emulated boards. A bench without such boards does not need the file.
fn flash_algorithm(project: &Project, bench: &BenchFile) -> Result<PathBuf, Problems> {
    let path = built(project, "flash-algorithm.elf");
    let needs = bench.boards().iter().any(|(_, board)| matches!(board, BoardConfig::Qemu(_)));
    if needs && !path.is_file() {
        let problem = "the flash algorithm of emulated boards is missing";
        return Err(Diagnostic::of_file(&path, problem).help(build_it()).into());
    }
    Ok(path)
}

/// The image that a bench file names. A path in `target/boards` means an image that comes with taprig, unless the project
/// has a file there.
fn named(project: &Project, path: &Path) -> PathBuf {
    match path.strip_prefix(installed::BOARDS) {
        Ok(name) => built(project, name),
        Err(_) => project.root().join(path),
    }
}

/// The program of a hosted board, as a path that does not depend on the current folder. Its memory must be one that the
/// firmware can use.
fn program(project: &Project, board: &mut BoardConfig, role: Role, bench: &Path) -> Result<(), Problems> {
    if let BoardConfig::Sim(Sim { memory: Some(bytes), .. }) = board
        && *bytes < SMALLEST_MEMORY
    {
        let problem = format!("the {role}: a memory of {bytes} bytes is too small");
        let help = "give `memory` 4096 bytes or more, or remove it";
        return Err(Diagnostic::of_file(bench, problem).help(help).into());
    }
    let BoardConfig::Sim(Sim { program: Some(program), .. }) = board else { return Ok(()) };
    *program = project.root().join(&*program);
    if program.is_file() {
        return Ok(());
    }
    let problem = format!("the {role}: the program {} does not exist", program.display());
    let help = "`program` is relative to the project's folder; remove it to use the program that was built with taprig";
    Err(Diagnostic::of_file(bench, problem).help(help).into())
}

fn image(project: &Project, board: &BoardConfig, role: Role, bench: &Path) -> Result<Option<Image>, Problems> {
    let wrong = |problem: String| Diagnostic::of_file(bench, format!("the {role}: {problem}"));
    let unfit = |error: ImageError| wrong(with_advice(error.to_string(), Some(error.advice())));
    let machine: Option<Machine> = match board {
        // This comes before the search for the image, because the image's name depends on it.
        BoardConfig::Qemu(qemu) => Some(qemu.machine.parse().map_err(|error| wrong(with_causes(&error)))?),
        _ => None,
    };
    let given = match board {
        BoardConfig::Qemu(qemu) => match &qemu.firmware {
            Some(path) => path.clone(),
            None => Path::new(installed::BOARDS).join(format!("{}-{role}.elf", qemu.machine)),
        },
        BoardConfig::Probe(probe) => probe.firmware.clone(),
        BoardConfig::Sim(_) | BoardConfig::Attached(_) | BoardConfig::Program(_) | BoardConfig::External(_) => {
            return Ok(None);
        }
    };
    let address = match board {
        BoardConfig::Probe(probe) => probe.address.as_ref().map(address).transpose().map_err(wrong)?,
        _ => None,
    };
    let path = named(project, &given);
    let image = Image::read(&path, address)
        .map_err(|error| wrong(with_advice(with_causes(&error), Some(error.advice()))).help(build_it()))?;
    let chip = match (board, machine) {
        (_, Some(machine)) => {
            // It starts at its vector table. What a real chip starts may stand elsewhere.
            image.check_vector_table().map_err(unfit)?;
            Chip::emulated(machine)
        }
        (BoardConfig::Probe(probe), _) => Chip::real(&probe.chip).map_err(|error| wrong(error.to_string()))?,
        _ => return Ok(None),
    };
    image.check_fits(&chip).map_err(unfit)?;
    // Reports are read on other machines, so they name the image as the bench file does.
    Ok(Some(image.called(project.shown(&given))))
}

/// The address of a binary image.
fn address(hex: &Hex) -> Result<u32, String> {
    let bytes = hex.0.iter().skip_while(|byte| **byte == 0).copied().collect::<Vec<_>>();
    if hex.0.is_empty() || bytes.len() > 4 {
        return Err(format!("`address: {hex}` is no address of 32 bits"));
    }
    Ok(bytes.iter().fold(0, |address, byte| address << 8 | u32::from(*byte)))
}
