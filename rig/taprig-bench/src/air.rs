//! The air between two boards that are both processes on this host.

use std::path::PathBuf;

use probe_rs_qemu::board::{BoardError, Wire};
use taprig_model::bench::BoardKind;
use taprig_model::event::Role;

use super::BenchError;
use super::error::with_causes;

/// What two processes need to connect to each other. It is made anew for each pair of processes.
#[derive(Debug)]
pub struct Air {
    /// A socket on which the card emulator listens. It is used if one of the two boards is hosted.
    pub path: PathBuf,
    /// Two sockets that are connected already. They are used if both boards are emulated.
    pub wire: Option<Wire>,
}

impl Air {
    /// The air between two boards: if `wired`, two connected sockets, and otherwise a socket at `path`.
    ///
    /// # Errors
    /// [`BenchError::Start`] if the system provides no sockets.
    pub(super) fn new(path: PathBuf, wired: bool) -> Result<Self, BenchError> {
        let failed = |error: BoardError| BenchError::Start {
            role: Role::Emulator,
            kind: BoardKind::Qemu,
            what: with_causes(&error),
            advice: error.advice(),
        };
        let wire = wired.then(Wire::new).transpose().map_err(failed)?;
        Ok(Self { path, wire })
    }

    /// Discards everything on its way between two boards that stand still. Returns `false` if this is not possible.
    pub(super) fn clear(&self) -> bool {
        self.wire.as_ref().is_some_and(|wire| wire.flush().is_ok())
    }
}
