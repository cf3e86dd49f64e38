//! The boards of a bench, by role.

use std::collections::BTreeMap;

use taprig_model::bench::BoardKind;
use taprig_model::event::Role;

use super::board::BenchBoard;
use crate::flash::Image;
use crate::link::endpoint::Endpoint;

/// The links of boards that have power.
pub(super) type Ports = BTreeMap<Role, Endpoint>;

/// The boards, in the order in which they get power. A bench has no board for a role that something else fills, such as
/// a virtual reader in place of a card emulator.
#[derive(Debug)]
pub(super) struct Boards(Vec<(Role, Box<dyn BenchBoard>)>);

impl Boards {
    /// These boards. The card emulator has to come before the validator, because the validator is the client of the
    /// emulator's socket for the air.
    #[must_use]
    pub(super) fn new(boards: Vec<(Role, Box<dyn BenchBoard>)>) -> Self {
        Self(boards)
    }

    /// The roles, in the order in which their boards get power.
    #[must_use]
    pub(super) fn roles(&self) -> Vec<Role> {
        self.0.iter().map(|(role, _)| *role).collect()
    }

    /// The kind of each board.
    #[must_use]
    pub(super) fn kinds(&self) -> BTreeMap<Role, BoardKind> {
        self.iter().map(|(role, board)| (role, board.kind())).collect()
    }

    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = (Role, &dyn BenchBoard)> {
        self.0.iter().map(|(role, board)| (*role, &**board))
    }

    pub(super) fn iter_mut(&mut self) -> impl DoubleEndedIterator<Item = (Role, &mut Box<dyn BenchBoard>)> {
        self.0.iter_mut().map(|(role, board)| (*role, board))
    }

    #[must_use]
    pub(super) fn get(&self, role: Role) -> Option<&dyn BenchBoard> {
        self.iter().find(|(of, _)| *of == role).map(|(_, board)| board)
    }

    #[must_use]
    pub(super) fn get_mut(&mut self, role: Role) -> Option<&mut Box<dyn BenchBoard>> {
        self.iter_mut().find(|(of, _)| *of == role).map(|(_, board)| board)
    }

    /// The image that the board of a role is to run, if the rig programs it.
    #[must_use]
    pub(super) fn image(&self, role: Role) -> Option<&Image> {
        self.get(role)?.image()
    }

    /// Whether the power of all boards can be cut in place.
    #[must_use]
    pub(super) fn can_be_cut(&self) -> bool {
        self.iter().all(|(_, board)| board.can_be_cut())
    }

    /// Whether the air between two boards is a wire of connected sockets: both boards are emulated.
    #[must_use]
    pub(super) fn are_wired(&self) -> bool {
        self.0.len() == 2 && self.iter().all(|(_, board)| board.kind() == BoardKind::Qemu)
    }
}
