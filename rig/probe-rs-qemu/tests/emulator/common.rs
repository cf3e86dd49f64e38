//! What the tests on the real emulator share.
#![expect(clippy::unwrap_used, reason = "in tests a panic is the report")]

use crate::qemu::qemu;
use probe_rs::{
    Permissions, Session,
    config::Registry,
    flashing::{DownloadOptions, FlashError},
    probe::Probe,
};
use probe_rs_qemu::{
    Machine, QemuProbe,
    board::{AirEnd, BoardSpec, EmulatedBoard, Standby},
    chip,
    probe::FaultHandle,
};
use std::{
    fs::OpenOptions,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    sync::mpsc,
    thread,
    time::Duration,
};
use tempfile::TempDir;

/// Nothing on an emulated board takes so long, even on a busy machine.
pub(crate) const LONG: Duration = Duration::from_secs(20);

/// Address of the loop of [`image`] that counts in the first word of RAM.
pub(crate) const LOOP: u64 = 0x70;
pub(crate) const COUNTER: u64 = 0x2000_0000;

/// The flash algorithm's ELF file.
pub(crate) fn algorithm() -> Vec<u8> {
    let path = std::env::var_os("TAPRIG_FLASH_ALGORITHM").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/boards/flash-algorithm.elf"),
        PathBuf::from,
    );
    std::fs::read(&path).unwrap_or_else(|e| {
        panic!("reading the flash algorithm {} failed ({e}): build it with ci/firmware", path.display())
    })
}

/// A program that sends `letter`, the count of its starts, and a new line through UART0, then counts in RAM for ever.
/// The count is in the first word of non-volatile memory.
pub(crate) fn image(letter: u8) -> Vec<u8> {
    // Assembled for address 0x40 by hand; UART0 is at 0x40004000 (CMSDK APB UART).
    const CODE: [u16; 34] = [
        0xf04f, 0x2040, // mov.w r0, #0x40004000
        0x2110, 0x6101, // movs r1, #16; str r1, [r0, #0x10]    BAUDDIV
        0x2101, 0x6081, // movs r1, #1; str r1, [r0, #8]        CTRL: transmit
        0xf04f, 0x5204, // mov.w r2, #0x21000000
        0x6811, 0x3101, 0x6011, // ldr r1, [r2]; adds r1, #1; str r1, [r2]
        0x4b0b, 0xf000, 0xf80d, // ldr r3, letter; bl putc
        0x2330, 0x185b, 0xf000, 0xf809, // movs r3, #'0'; adds r3, r1; bl putc
        0x230a, 0xf000, 0xf806, // movs r3, #'\n'; bl putc
        0xf04f, 0x5200, // mov.w r2, #0x20000000
        0x2100, // movs r1, #0
        0x3101, 0x6011, 0xe7fc, // loop: adds r1, #1; str r1, [r2]; b loop
        0x6844, 0x07e4, 0xd1fc, // putc: ldr r4, [r0, #4]; lsls r4, #31; bne putc
        0x6003, 0x4770, // str r3, [r0]; bx lr
        0xe7fe, // fault: b fault
        0x0000,
    ];
    const FAULT: u32 = 0x80;
    let mut words = vec![0x2001_0000, 0x41];
    words.resize(16, FAULT | 1);
    let mut image: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
    image.extend(CODE.iter().flat_map(|half| half.to_le_bytes()));
    image.extend(u32::from(letter).to_le_bytes());
    image
}

/// As [`image`], with its RAM where the host overwrites it at a power-on.
pub(crate) fn forgetful_image(letter: u8) -> Vec<u8> {
    let mut image = image(letter);
    image[..4].copy_from_slice(&Machine::Mps2An386.work_ram().unwrap().end.to_le_bytes());
    // mov.w r2, #0x21800000
    let halves = [0xf04f_u16, 0x5206].map(u16::to_le_bytes).concat();
    let was = [0xf04f_u16, 0x5200].map(u16::to_le_bytes).concat();
    let place = image.windows(4).position(|bytes| bytes == was).unwrap();
    image[place..place + 4].copy_from_slice(&halves);
    image
}

/// A program that says `P` on a line, then sends every byte that comes on UART0 or UART1 back through UART0.
pub(crate) fn parrot() -> Vec<u8> {
    // Assembled for address 0x40 by rustc's global_asm.
    const CODE: [u16; 46] = [
        0xf04f, 0x2040, // mov.w r0, #0x40004000
        0x2505, 0x032d, 0xf04f, 0x4680, 0x4335, // r5 = 0x40005000
        0x2110, 0x6101, 0x6129, // BAUDDIV of both
        0x2103, 0x6081, 0x60a9, // CTRL of both: transmit, receive
        // A system tick of 98 Hz: without a timer QEMU does not notice that a port has begun to take bytes.
        0xf04f, 0x26e0, 0x21fa, 0x0289, 0x6171, 0x2105, 0x6131, // r6 = 0xE000E000; RVR, CSR
        0x4b0c, 0xf000, 0xf810, 0x230a, 0xf000, 0xf80d, // ldr r3, letter; bl putc; movs r3, #'\n'; bl putc
        0x6844, 0x07a4, 0xd502, 0x6803, 0xf000, 0xf807, // loop: when UART0 has a byte: ldr r3, [r0]; bl putc
        0x686c, 0x07a4, 0xd5f6, 0x682b, 0xf000, 0xf801, 0xe7f2, // when UART1 has one; b loop
        0x6844, 0x07e4, 0xd1fc, 0x6003,
        0x4770, // putc: ldr r4, [r0, #4]; lsls r4, #31; bne putc; str r3, [r0]; bx lr
        0xe7fe, 0xbf00, // fault: b fault
    ];
    const FAULT: u32 = 0x98;
    let mut words = vec![Machine::Mps2An386.work_ram().unwrap().end, 0x41];
    words.resize(16, FAULT | 1);
    let mut image: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
    image.extend(CODE.iter().flat_map(|half| half.to_le_bytes()));
    image.extend(u32::from(b'P').to_le_bytes());
    image
}

/// An image of `bytes` bytes.
pub(crate) fn large_image(letter: u8, bytes: usize) -> Vec<u8> {
    let mut image = image(letter);
    let from = image.len();
    image.extend((from..bytes).map(|i| (i * 7 + (i >> 8)) as u8));
    image
}

/// Folders and specification of one board.
pub(crate) struct Bench {
    pub(crate) spec: BoardSpec,
    pub(crate) folder: TempDir,
}

impl Bench {
    /// `None` where tests that need QEMU are left out.
    #[track_caller]
    pub(crate) fn new(machine: Machine) -> Option<Self> {
        let qemu = qemu()?;
        let folder = TempDir::new().unwrap();
        let mut spec = BoardSpec::new(machine, folder.path().join("state"), folder.path());
        spec.qemu = qemu;
        Some(Self { spec, folder })
    }

    pub(crate) fn prepare(&self) -> Standby {
        EmulatedBoard::prepare(&self.spec, AirEnd::None).unwrap()
    }

    pub(crate) fn attach(&self, board: &EmulatedBoard, faults: &FaultHandle) -> Result<Session, probe_rs::Error> {
        let machine = self.spec.machine;
        let mut registry = Registry::new();
        registry.add_target_family(chip::family(machine, &algorithm()).unwrap()).unwrap();
        let probe = Probe::new(QemuProbe::with_faults(machine, board.gdb().clone(), faults.clone()));
        probe.attach_with_registry(machine.chip(), Permissions::default(), &registry)
    }

    /// As [`Bench::prepare`], of a board that was flashed with the image at some time.
    pub(crate) fn prepare_with(&self, image: &[u8], air: AirEnd) -> Standby {
        std::fs::create_dir_all(&self.spec.state_dir).unwrap();
        std::fs::write(self.spec.flash_file(), image).unwrap();
        EmulatedBoard::prepare(&self.spec, air).unwrap()
    }

    /// A started board with the image in its flash, saved.
    pub(crate) fn flashed(&self, image: &[u8]) -> (EmulatedBoard, Console) {
        let standby = self.prepare();
        let console = Console::open(standby.serial());
        let board = standby.start().unwrap();
        let mut session = self.attach(&board, &FaultHandle::default()).unwrap();
        commit(&mut session, self.spec.machine, image).unwrap();
        board.save_flash(image.len() as u32).unwrap();
        session.core(0).unwrap().reset().unwrap();
        (board, console)
    }
}

/// Flashes and verifies.
pub(crate) fn commit(session: &mut Session, machine: Machine, image: &[u8]) -> Result<(), FlashError> {
    let mut loader = session.target().flash_loader();
    loader.add_data(machine.flash().start.into(), image)?;
    let mut options = DownloadOptions::default();
    options.verify = true;
    loader.commit(session, options)
}

/// Whole text of an error, with its sources.
pub(crate) fn text(error: &dyn std::error::Error) -> String {
    std::iter::successors(Some(error), |e| e.source()).map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// Lines that a board sends.
pub(crate) struct Console(mpsc::Receiver<String>);

impl Console {
    pub(crate) fn open(path: &Path) -> Self {
        let file = OpenOptions::new().read(true).write(true).open(path).unwrap();
        let (lines, received) = mpsc::channel();
        thread::spawn(move || {
            for line in BufReader::new(file).lines() {
                let Ok(line) = line else { break };
                if lines.send(line).is_err() {
                    break;
                }
            }
        });
        Self(received)
    }

    pub(crate) fn line(&self) -> String {
        self.0.recv_timeout(LONG).expect("a line from the board")
    }
}
