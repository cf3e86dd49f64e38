//! Writes firmware to a board through probe-rs. The same code serves a probe on USB and one that is connected to an
//! emulator.

mod chip;
mod error;
mod image;
mod job;
mod serial;
mod session;
mod timing;
mod usb;

pub use chip::{Chip, Processor};
pub use error::{Cause, FlashError, FlashStage};
pub use image::{Image, ImageError, Piece};
pub use job::{FlashJob, Target, contains, digest, flash, read, reset};
pub use serial::{chip_serial, has_serial};
pub use session::{ProbeFound, find_probe};
pub use timing::{FlashReport, Operation, Progress};

#[cfg(test)]
pub(crate) use image::tests::{elf_file, program};
#[cfg(test)]
mod tests;
