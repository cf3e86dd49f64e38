//! Flashing and resetting. Every step has a deadline.

use super::{
    Cause, FlashError, FlashReport, FlashStage, Image, Operation, Piece, Progress, session::Connection, timing::Meter,
};
use probe_rs::{
    Core, MemoryInterface as _,
    flashing::{DownloadOptions, FlashProgress},
};
use probe_rs_qemu::{Endpoint, Machine, probe::FaultHandle};
use sha2::{Digest as _, Sha256};
use std::{
    cell::RefCell,
    fmt,
    ops::Range,
    path::PathBuf,
    sync::mpsc::{self, RecvTimeoutError, Sender},
    thread,
    time::{Duration, Instant},
};
use taprig_model::bench::ProbeName;

/// The longest time without progress. An attach that fails takes 5 s. The slowest sector of an STM32F4 takes 4 s to
/// erase.
const STALL: Duration = Duration::from_secs(30);

/// Number of bytes that are read at a time.
const READ: usize = 4096;

/// The board to flash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// A board in QEMU.
    Emulated {
        /// The machine.
        machine: Machine,
        /// The address of its gdbstub.
        gdb: Endpoint,
        /// The flash algorithm, an ELF file.
        algorithm: PathBuf,
    },
    /// A board on a debug probe.
    Real {
        /// The name that probe-rs gives the chip: `STM32F405RGTx`.
        chip: String,
        /// The probe. If it is absent, there has to be exactly one probe.
        probe: Option<ProbeName>,
    },
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Emulated { machine, gdb, .. } => write!(f, "the emulated {machine} at {gdb}"),
            Self::Real { chip, probe: Some(probe) } => write!(f, "the {chip} on probe {probe}"),
            Self::Real { chip, probe: None } => write!(f, "the {chip} on the only probe"),
        }
    }
}

/// A flashing job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlashJob {
    /// The board.
    pub target: Target,
    /// The image.
    pub image: Image,
}

/// Erases what the image needs, writes it, reads it back, resets the chip and lets it run. The function blocks, and it
/// calls `progress` on this thread.
///
/// # Errors
/// See [`Cause`]. After an error the content of the board's flash is undefined.
pub fn flash(job: &FlashJob, progress: impl FnMut(Progress)) -> Result<FlashReport, FlashError> {
    flash_with(job, &FaultHandle::default(), progress)
}

/// Does the same as [`flash`]. If the board is emulated, its probe fails on demand.
pub(super) fn flash_with(
    job: &FlashJob,
    faults: &FaultHandle,
    progress: impl FnMut(Progress),
) -> Result<FlashReport, FlashError> {
    let (work, faults) = (job.clone(), faults.clone());
    supervised(&job.target, progress, move |tell| {
        let on = Connection::new(&work.target)?;
        on.check(&work.image)?;
        let started = Instant::now();
        let mut session = on.attach(&faults)?;
        let attach = started.elapsed();
        tell(Progress::Attached);

        let meter = RefCell::new(Meter::default());
        let failed = |error| FlashError::probe(FlashStage::Flash(meter.borrow().current()), &on.name, error);
        let mut loader = session.target().flash_loader();
        for piece in work.image.pieces() {
            loader.add_data(piece.address.into(), &piece.content).map_err(failed)?;
        }
        let mut options = DownloadOptions::default();
        options.verify = true;
        // A sector is erased as a whole. What the image does not name there, such as a bootloader, is written back.
        options.keep_unwritten_bytes = true;
        options.progress = FlashProgress::new(|event| {
            if let Some(progress) = meter.borrow_mut().take(&event) {
                tell(progress);
            }
        });
        loader.commit(&mut session, options).map_err(failed)?;

        restart(&mut session, &on.name)?;
        tell(Progress::Running);
        let meter = meter.borrow();
        Ok(FlashReport {
            digest: work.image.digest(),
            bytes: work.image.bytes(),
            attach,
            erase: meter.took(Operation::Erase),
            program: meter.took(Operation::Program),
            verify: meter.took(Operation::Verify),
        })
    })
}

/// Reads what is in flash where the image belongs, and returns its SHA-256 in the way of [`Image::digest`]. The chip is not
/// halted and not reset.
///
/// # Errors
/// See [`Cause`].
pub fn digest(target: &Target, image: &Image) -> Result<[u8; 32], FlashError> {
    let parts: Vec<_> = image.pieces().iter().map(Piece::range).collect();
    looking(target, Some(image.clone()), move |core, on, tell| {
        let mut hash = Sha256::new();
        through(core, on, parts, tell, |part| hash.update(part))?;
        Ok(hash.finalize().into())
    })
}

/// Which of these texts are in these parts of flash. The chip is not halted and not reset.
///
/// # Errors
/// See [`Cause`].
pub fn contains(target: &Target, parts: &[Range<u64>], texts: &[&str]) -> Result<Vec<bool>, FlashError> {
    let texts: Vec<Vec<u8>> = texts.iter().map(|text| text.as_bytes().to_vec()).collect();
    let parts = parts.to_owned();
    looking(target, None, move |core, on, tell| {
        let mut held = vec![false; texts.len()];
        through(core, on, parts, tell, |part| {
            for (held, text) in held.iter_mut().zip(&texts) {
                *held |= !text.is_empty() && part.windows(text.len()).any(|there| there == text);
            }
        })?;
        Ok(held)
    })
}

/// Resets the chip and lets it run.
///
/// # Errors
/// See [`Cause`].
pub fn reset(target: &Target) -> Result<(), FlashError> {
    let work = target.clone();
    supervised(
        target,
        |_| {},
        move |_| {
            let on = Connection::new(&work)?;
            let mut session = on.attach(&FaultHandle::default())?;
            restart(&mut session, &on.name)
        },
    )
}

/// Attaches to the chip, reads the words at these addresses, and lets the chip go on.
///
/// # Errors
/// See [`Cause`].
pub fn read(target: &Target, addresses: &[u64]) -> Result<Vec<u32>, FlashError> {
    let addresses = addresses.to_owned();
    looking(target, None, move |core, on, _| {
        let failed = |error| FlashError::probe(FlashStage::Attach, on, error);
        addresses.iter().map(|address| core.read_word_32(*address).map_err(failed)).collect()
    })
}

/// Attaches to the chip, which has to be one for `image`, looks into its memory, and lets it go on.
fn looking<T: Send + 'static>(
    target: &Target,
    image: Option<Image>,
    look: impl FnOnce(&mut Core<'_>, &str, &dyn Fn(Progress)) -> Result<T, FlashError> + Send + 'static,
) -> Result<T, FlashError> {
    let work = target.clone();
    supervised(
        target,
        |_| {},
        move |tell| {
            let on = Connection::new(&work)?;
            image.map_or(Ok(()), |image| on.check(&image))?;
            let mut session = on.attach(&FaultHandle::default())?;
            tell(Progress::Attached);
            let failed = |error| FlashError::probe(FlashStage::Attach, &on.name, error);
            look(&mut session.core(0).map_err(failed)?, &on.name, tell)
        },
    )
}

/// Reads these parts of the memory one after the other, and shows each to `see` as a whole.
fn through(
    core: &mut Core<'_>,
    on: &str,
    parts: Vec<Range<u64>>,
    tell: &dyn Fn(Progress),
    mut see: impl FnMut(&[u8]),
) -> Result<(), FlashError> {
    let total = parts.iter().map(|part| part.end.saturating_sub(part.start)).sum();
    let mut done = 0;
    for part in parts {
        let mut there = vec![0; usize::try_from(part.end.saturating_sub(part.start)).unwrap_or(0)];
        let mut address = part.start;
        for chunk in there.chunks_mut(READ) {
            core.read(address, chunk).map_err(|error| FlashError::probe(FlashStage::Read, on, error))?;
            address += chunk.len() as u64;
            done += chunk.len() as u64;
            tell(Progress::Working { operation: Operation::Fill, done, total: Some(total) });
        }
        see(&there);
    }
    Ok(())
}

fn restart(session: &mut probe_rs::Session, on: &str) -> Result<(), FlashError> {
    let failed = |error| FlashError::probe(FlashStage::Reset, on, error);
    session.core(0).map_err(failed)?.reset().map_err(failed)
}

enum Message<T> {
    Progress(Progress),
    Done(Result<T, FlashError>),
}

/// Does the work on its own thread and gives it up if it makes no progress, because a call into a wedged USB device may
/// never return. Such a thread is left behind, but the process can continue and report it.
fn supervised<T: Send + 'static>(
    target: &Target,
    mut progress: impl FnMut(Progress),
    work: impl FnOnce(&dyn Fn(Progress)) -> Result<T, FlashError> + Send + 'static,
) -> Result<T, FlashError> {
    let on = target.to_string();
    let (sender, messages) = mpsc::channel();
    let spawned = thread::Builder::new().name("flash".into()).spawn(move || run(&sender, work));
    spawned.map_err(|error| {
        FlashError::with(FlashStage::Open, &on, Cause::Other("starting a thread failed".into()), error)
    })?;
    let mut stage = FlashStage::Attach;
    loop {
        match messages.recv_timeout(STALL) {
            Ok(Message::Done(result)) => return result,
            Ok(Message::Progress(news)) => {
                stage = match news {
                    Progress::Attached => FlashStage::Flash(None),
                    Progress::Working { operation, .. } => FlashStage::Flash(Some(operation)),
                    Progress::Running => FlashStage::Reset,
                };
                progress(news);
            }
            Err(RecvTimeoutError::Timeout) => return Err(FlashError::new(stage, &on, Cause::Stalled(STALL))),
            Err(RecvTimeoutError::Disconnected) => {
                let panicked = Cause::Other("an internal error (see the output above)".into());
                return Err(FlashError::new(stage, &on, panicked));
            }
        }
    }
}

fn run<T>(sender: &Sender<Message<T>>, work: impl FnOnce(&dyn Fn(Progress)) -> Result<T, FlashError>) {
    // Nobody receives this any more if the work was given up.
    let result = work(&|progress| drop(sender.send(Message::Progress(progress))));
    drop(sender.send(Message::Done(result)));
}
