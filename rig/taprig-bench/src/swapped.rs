//! Boards whose cables are exchanged: they are refused before anything is flashed.
//!
//! A serial cable is known by who answers. If a side does not answer at its port, the port is asked in the language of the
//! other side. A debug probe is known by what is in the flash behind it: the name of the firmware, and the serial number of
//! the chip if the bench file gives it.

use std::time::Duration;

use taprig_model::bench::BoardKind;
use taprig_model::device::Interface;
use taprig_model::event::Role;

use super::boards::Ports;
use super::{Bench, BenchError};
use crate::card_side::CardSide;
use crate::flash::{Image, Piece};
use crate::link::LinkError;
use crate::link::endpoint::Endpoint;

/// The name of the card emulator's firmware. The names of all variants begin with it.
const EMULATOR: &str = wire::link::FIRMWARE_UART;

/// How often a port is asked, and the time for each answer. What was sent in the wrong language may spoil the first question.
/// An emulator computes the digest of its flash before it answers.
const WITHIN: [Duration; 2] = [Duration::from_millis(500), Duration::from_secs(2)];

const fn other(role: Role) -> Role {
    match role {
        Role::Validator => Role::Emulator,
        Role::Emulator => Role::Validator,
    }
}

impl Bench {
    /// The error for a side that does not answer: `error`, or [`BenchError::Swapped`] if the other side answers at its port.
    /// Both sides have power and are closed.
    pub(super) async fn or_swapped(&mut self, error: BenchError, ports: &Ports) -> BenchError {
        let (BenchError::NotReady { role, .. } | BenchError::Silent { role, .. }) = &error else { return error };
        let role = *role;
        let Some(answers) = self.who_answers(role, ports).await else { return error };
        // Both may be exchanged.
        let too = self.who_answers(other(role), ports).await;
        BenchError::Swapped { role, answers, too }
    }

    /// Who answers at the port of `role` in the language of the other role. `None` if nobody does, or if the port belongs to
    /// a process of this machine.
    async fn who_answers(&mut self, role: Role, ports: &Ports) -> Option<String> {
        if !matches!(self.boards.get(role)?.kind(), BoardKind::Probe | BoardKind::Attached) {
            return None;
        }
        let endpoint = ports.get(&role)?.clone();
        match role {
            Role::Validator => self.emulator_at(endpoint).await,
            Role::Emulator => self.validator_at(endpoint).await,
        }
    }

    async fn emulator_at(&self, endpoint: Endpoint) -> Option<String> {
        let ports = Ports::from([(Role::Emulator, endpoint)]);
        let mut side = self.sides.open_emulator(&ports, self.tap("emulator-link")).ok()?;
        let mut found = None;
        for within in WITHIN {
            // Only an emulator knows the frames, whatever its version.
            let answer = tokio::time::timeout(within, side.identify()).await;
            if matches!(answer, Ok(Ok(_) | Err(LinkError::Unexpected { .. }))) {
                found = Some("a card emulator".to_owned());
                break;
            }
        }
        Box::new(side).close().await;
        found
    }

    async fn validator_at(&self, endpoint: Endpoint) -> Option<String> {
        if !matches!(self.sides.device.interface, Interface::Native(_) | Interface::Rules(_)) {
            return None;
        }
        let ports = Ports::from([(Role::Validator, endpoint)]);
        let port = self.sides.validator_port();
        let mut side = self.sides.open_validator(&ports, self.tap(port), Box::new(|_| {})).ok()?;
        let mut found = None;
        for within in WITHIN {
            if let Ok(Ok(identity)) = tokio::time::timeout(within, side.identity()).await
                && identity.device == self.sides.device.identity.device
            {
                found = Some(format!("a validator ({} with {})", identity.device, identity.firmware));
                break;
            }
        }
        side.close().await;
        found
    }

    /// Refuses to flash the board of `role` through a debug probe that is connected to another board.
    ///
    /// # Errors
    /// [`BenchError::WrongChip`], [`BenchError::WrongProbe`], [`BenchError::Flash`] if the board can't be read.
    pub(super) fn refuse_wrong_probe(&mut self, role: Role) -> Result<(), BenchError> {
        let validator = self.sides.device.identity.firmware.clone();
        // Where either firmware would be.
        let images = [role, other(role)].into_iter().filter_map(|role| self.boards.image(role));
        let mut parts: Vec<_> = images.flat_map(Image::pieces).map(Piece::range).collect();
        // Mostly one contains the other.
        let all = parts.clone();
        parts.retain(|part| !all.iter().any(|one| one != part && one.start <= part.start && part.end <= one.end));
        parts.dedup();
        let Some(board) = self.boards.get_mut(role).filter(|board| board.kind() == BoardKind::Probe) else {
            return Ok(());
        };
        board.check_chip()?;
        let (own, foreign) = match role {
            Role::Validator => (validator.as_str(), EMULATOR),
            Role::Emulator => (EMULATOR, validator.as_str()),
        };
        let held = board.flash_contains(&parts, &[own, foreign])?;
        if is_foreign(&held) { Err(BenchError::WrongProbe { role, holds: foreign.to_owned() }) } else { Ok(()) }
    }
}

/// Whether flash holds the name of the other role's firmware and not the own one.
fn is_foreign(held: &[bool]) -> bool {
    matches!(held, [false, true])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_other_firmware_alone_is_foreign() {
        assert!(is_foreign(&[false, true]));
        // An empty flash, the right firmware, a firmware that names the other one, and a board that can't be read.
        for fine in [&[false, false][..], &[true, false], &[true, true], &[]] {
            assert!(!is_foreign(fine), "{fine:?}");
        }
    }
}
