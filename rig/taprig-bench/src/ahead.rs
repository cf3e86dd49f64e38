//! Makes the boards of the next power-on while the present ones work.

use std::collections::BTreeMap;

use taprig_model::bench::BoardKind;
use taprig_model::event::Role;

use super::acquirer::Acquirer;
use super::air::{Air, Link};
use super::board::{BenchBoard, Prepared};
use super::{Bench, BenchError};

/// What was made ahead, by role.
pub(super) type Made = BTreeMap<Role, Prepared>;

/// The boards of the next power-on. Another thread makes them.
#[derive(Debug)]
pub(super) struct Next {
    air: Air,
    making: std::thread::JoinHandle<Result<Made, BenchError>>,
}

impl Bench {
    /// Starts to make the boards of the next power-on, while the present ones work.
    pub(super) fn prepare_next(&mut self) {
        // If something can't be made now, the power-on tries again and can report the cause.
        let Ok(air) = self.next_air() else { return };
        if let Ok(Some(make)) = self.preparation(&air) {
            self.next = Some(Next { air, making: std::thread::spawn(make) });
        }
    }

    /// The work that makes the boards of a power-on, in parallel. A board connects to the socket on which the one before
    /// it listens. Therefore, if a board can't be made ahead, those after it can't either.
    fn preparation(
        &self,
        air: &Air,
    ) -> Result<Option<impl FnOnce() -> Result<Made, BenchError> + Send + use<>>, BenchError> {
        let mut makes = Vec::new();
        for (role, board) in self.boards.iter() {
            let Some(make) = board.preparation(air)? else { break };
            makes.push((role, make));
        }
        if makes.is_empty() {
            return Ok(None);
        }
        Ok(Some(move || {
            std::thread::scope(|threads| {
                let making: Vec<_> = makes.into_iter().map(|(role, make)| (role, threads.spawn(make))).collect();
                let made = making.into_iter().map(|(role, making)| match making.join() {
                    Ok(made) => Ok((role, made?)),
                    Err(panic) => std::panic::resume_unwind(panic),
                });
                made.collect()
            })
        }))
    }

    pub(super) fn take_next(&mut self) -> Result<(Air, Made), BenchError> {
        match self.next.take() {
            None => {
                let air = self.next_air()?;
                let made = self.preparation(&air)?.map_or_else(|| Ok(Made::default()), |make| make())?;
                Ok((air, made))
            }
            Some(next) => match next.making.join() {
                Ok(made) => Ok((next.air, made?)),
                Err(panic) => std::panic::resume_unwind(panic),
            },
        }
    }

    /// Boards that were made ahead and never switched on are dropped together with the thread that made them.
    pub(super) fn forget_next(&mut self) {
        if let Some(next) = self.next.take() {
            drop(next.making.join());
        }
    }

    fn next_air(&mut self) -> Result<Air, BenchError> {
        self.cycles += 1;
        let validator = self.boards.get(Role::Validator).map(BenchBoard::kind);
        let uplink = match (self.acquirer.as_ref().and_then(Acquirer::socket), validator) {
            (Some(_), Some(BoardKind::Qemu)) => Some(Link::Wired),
            (Some(socket), Some(BoardKind::Sim)) => Some(Link::Socket(socket.to_owned())),
            _ => None,
        };
        Air::new(self.slot.runtime().join(format!("air-{}", self.cycles)), self.boards.are_wired(), uplink)
    }
}
