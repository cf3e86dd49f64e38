//! The air between two boards that are processes of this host.

use std::path::PathBuf;

use probe_rs_qemu::board::{BoardError, Wire};
use taprig_model::bench::BoardKind;
use taprig_model::event::Role;

use super::BenchError;
use super::error::told;

/// What both processes are given to find each other. A new one for each pair of processes.
#[derive(Debug)]
pub struct Air {
    /// A socket at which the card emulator listens, where one of the two is hosted.
    pub path: PathBuf,
    /// Where both boards are emulated: sockets that are connected already.
    pub wire: Option<Wire>,
}

impl Air {
    /// The air at `path`, or a wire.
    ///
    /// # Errors
    /// [`BenchError::Start`] when the system gives no sockets.
    pub(super) fn new(path: PathBuf, wired: bool) -> Result<Self, BenchError> {
        let failed = |error: BoardError| BenchError::Start {
            role: Role::Emulator,
            kind: BoardKind::Qemu,
            what: told(&error),
            advice: error.advice(),
        };
        let wire = wired.then(Wire::new).transpose().map_err(failed)?;
        Ok(Self { path, wire })
    }

    /// Throws away what is on its way between two boards that stand still. `false`: it can't.
    pub(super) fn clear(&self) -> bool {
        self.wire.as_ref().is_some_and(|wire| wire.flush().is_ok())
    }
}
