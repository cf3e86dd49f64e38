//! The programs of this host that a bench needs.

use std::path::PathBuf;

/// Programs that a bench starts.
#[derive(Debug, Clone)]
pub struct Programs {
    /// `taprig` itself. Its subcommand `board` is the hosted firmware, and the model of a PN532.
    pub taprig: PathBuf,
    /// The hosted firmware: `taprig` as well, or `sim-board`, which starts faster.
    pub hosted: PathBuf,
    /// `qemu-system-arm`.
    pub qemu: PathBuf,
    /// The flash algorithm of emulated boards, an ELF file.
    pub flash_algorithm: PathBuf,
    /// The folder in which programs of a bench file are started: the project's.
    pub folder: PathBuf,
}
