//! The air between two boards that are both processes on this host.

use std::os::unix::net::UnixStream;
use std::path::PathBuf;

use probe_rs_qemu::board::{AirEnd, BoardError, Wire};
use taprig_model::bench::BoardKind;
use taprig_model::event::Role;

use super::BenchError;
use super::error::with_causes;

/// How the validator's line to the acquirer is to be made.
#[derive(Debug, Clone)]
pub(super) enum Link {
    /// The acquirer listens at this socket.
    Socket(PathBuf),
    /// By two sockets that are connected already.
    Wired,
}

/// What two processes need to connect to each other. It is made anew for each pair of processes.
#[derive(Debug)]
pub struct Air {
    /// A socket on which the card emulator listens. It is used if one of the two boards is hosted.
    pub path: PathBuf,
    /// Two sockets that are connected already. They are used if both boards are emulated.
    pub wire: Option<Wire>,
    /// The validator's line to the acquirer, if the bench has one.
    pub uplink: Option<Uplink>,
}

/// The line of a validator on this host to the acquirer.
#[derive(Debug)]
pub enum Uplink {
    /// A socket at which the acquirer listens, for a hosted board.
    Socket(PathBuf),
    /// Two sockets that are connected already, for an emulated board: the reader's end is the board's.
    Wire(Wire),
}

impl Air {
    /// The air between two boards: if `wired`, two connected sockets, and otherwise a socket at `path`.
    ///
    /// # Errors
    /// [`BenchError::Start`] if the system provides no sockets.
    pub(super) fn new(path: PathBuf, wired: bool, uplink: Option<Link>) -> Result<Self, BenchError> {
        let failed = |error: BoardError| BenchError::Start {
            role: Role::Emulator,
            kind: BoardKind::Qemu,
            what: with_causes(&error),
            advice: error.advice(),
        };
        let wire = wired.then(Wire::new).transpose().map_err(failed)?;
        let uplink = match uplink {
            None => None,
            Some(Link::Socket(path)) => Some(Uplink::Socket(path)),
            Some(Link::Wired) => Some(Uplink::Wire(Wire::new().map_err(failed)?)),
        };
        Ok(Self { path, wire, uplink })
    }

    /// Discards everything on its way between two boards that stand still, and on the line to the acquirer. Returns `false` if this
    /// is not possible.
    pub(super) fn clear(&self) -> bool {
        let uplink = match &self.uplink {
            Some(Uplink::Wire(wire)) => wire.flush().is_ok(),
            Some(Uplink::Socket(_)) | None => true,
        };
        uplink && self.wire.as_ref().is_some_and(|wire| wire.flush().is_ok())
    }

    /// The acquirer's end of the line to an emulated board.
    pub(super) fn acquirer_end(&self) -> Result<Option<UnixStream>, BenchError> {
        let Some(Uplink::Wire(wire)) = &self.uplink else { return Ok(None) };
        match wire.card() {
            Ok(AirEnd::Wire(end)) => Ok(Some(end.into())),
            Ok(_) => Ok(None),
            Err(error) => Err(BenchError::Acquirer { what: with_causes(&error) }),
        }
    }
}
