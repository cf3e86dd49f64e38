//! Measures what emulated boards cost: `cargo run --release --example measure -- ALGORITHM.elf [IMAGE.bin]`. Medians.
//! An image of its own that only loops is used if none is named.

use probe_rs::{Permissions, config::Registry, flashing::DownloadOptions, probe::Probe};
use probe_rs_qemu::{
    Machine, QemuProbe,
    board::{AirEnd, BoardSpec, EmulatedBoard},
    chip,
};
use std::{
    error::Error,
    fs,
    time::{Duration, Instant},
};

const ROUNDS: usize = 11;
const MACHINE: Machine = Machine::Mps2An386;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let algorithm = fs::read(arguments.next().ok_or("name the flash algorithm's ELF file")?)?;
    let image = arguments.next().map_or_else(|| Ok(looping(100 * 1024)), fs::read)?;
    let folder = std::env::temp_dir().join(format!("taprig-measure-{}", std::process::id()));
    let result = measure(&algorithm, &image, &folder);
    fs::remove_dir_all(&folder)?;
    result
}

fn measure(algorithm: &[u8], image: &[u8], folder: &std::path::Path) -> Result<(), Box<dyn Error>> {
    let spec = BoardSpec::new(MACHINE, folder.join("state"), folder);
    let mut times = <[Vec<Duration>; 7]>::default();
    let mut memory = 0;
    for _ in 0..ROUNDS {
        let _ = fs::remove_file(spec.flash_file());
        let blank = timed(&mut times[0], || EmulatedBoard::prepare(&spec, AirEnd::None))?.start()?;
        let mut registry = Registry::new();
        registry.add_target_family(chip::family(MACHINE, algorithm)?)?;
        let mut session = timed(&mut times[1], || {
            let probe = Probe::new(QemuProbe::new(MACHINE, blank.gdb().clone()));
            probe.attach_with_registry(MACHINE.chip(), Permissions::default(), &registry)
        })?;
        timed(&mut times[2], || {
            let mut loader = session.target().flash_loader();
            loader.add_data(MACHINE.flash().start.into(), image)?;
            let mut options = DownloadOptions::default();
            options.verify = true;
            loader.commit(&mut session, options)
        })?;
        session.core(0)?.reset()?;
        drop(session);
        timed(&mut times[3], || blank.save_flash(image.len() as u32))?;
        blank.power_off()?;
        let standby = timed(&mut times[4], || EmulatedBoard::prepare(&spec, AirEnd::None))?;
        let board = timed(&mut times[5], || standby.start())?;
        memory = resident(board.pid())?;
        let board = timed(&mut times[6], || {
            board.power_off()?;
            EmulatedBoard::prepare(&spec, AirEnd::None)?.start()
        })?;
        drop(board);
    }
    let names = [
        "prepare, blank",
        "attach",
        "erase, program, verify",
        "save the flash",
        "prepare, with flash put back",
        "start",
        "power cycle (kill, prepare, start)",
    ];
    println!("image of {} bytes", image.len());
    for (name, times) in names.into_iter().zip(&mut times) {
        times.sort();
        println!("{name:36} {:8.1} ms", times[times.len() / 2].as_secs_f64() * 1e3);
    }
    println!("{:36} {memory:8} KiB", "private memory");
    Ok(())
}

fn timed<T>(times: &mut Vec<Duration>, action: impl FnOnce() -> T) -> T {
    let started = Instant::now();
    let result = action();
    times.push(started.elapsed());
    result
}

/// Memory that a process has to itself, in KiB.
fn resident(pid: u32) -> Result<u64, Box<dyn Error>> {
    let sizes = fs::read_to_string(format!("/proc/{pid}/smaps_rollup"))?;
    let private =
        sizes.lines().filter_map(|line| line.strip_prefix("Private_")?.split_whitespace().nth(1)?.parse::<u64>().ok());
    Ok(private.sum())
}

/// A vector table, `b .`, and a pattern.
fn looping(bytes: usize) -> Vec<u8> {
    let mut image = [0x2000_1000_u32, 9].map(u32::to_le_bytes).concat();
    image.extend([0xFE, 0xE7]);
    let from = image.len();
    image.extend((from..bytes).map(|i| (i * 7 + (i >> 8)) as u8));
    image
}
