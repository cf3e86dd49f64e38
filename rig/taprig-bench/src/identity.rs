//! Checks the identity of the boards and makes sure that they run the right image.

use std::time::Instant;

use taprig_model::bench::BoardKind;
use taprig_model::event::{Body, Fields, FlashOutcome, Role, Source};

use super::board::BenchBoard;
use super::{Bench, BenchError, command};
use crate::card_side::CardIdentity;
use crate::flash::Image;
use crate::link::LinkError;
use taprig_record::units::{lower_hex, micros};

/// Which boards are flashed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flashing {
    /// Those that do not run their image.
    Needed,
    /// All that the rig programs.
    All,
    /// All that the rig programs, even if they have the firmware of the other role.
    Reassign,
    /// Emulated boards that do not run their image. A real board stays as it is.
    Emulated,
}

impl Flashing {
    /// Whether boards are flashed that run their image already.
    fn is_anyway(self) -> bool {
        matches!(self, Self::All | Self::Reassign)
    }
}

/// What both sides said about themselves.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// The boards that do not run their image, with the digest that they report.
    stale: Vec<(Role, String)>,
    /// The version of the validator's firmware, if it reports one.
    version: Option<String>,
}

impl Bench {
    /// Powers the bench on with the firmware that it is to run. It asks both sides for their identity and flashes
    /// those whose digest differs from that of their image, as far as `flashing` allows it. At the end both boards are
    /// ready.
    ///
    /// # Errors
    /// [`BenchError`] that names what failed. [`BenchError::Stale`] and [`BenchError::Unflashed`] if a board would
    /// have to be flashed and must not be.
    pub(super) async fn establish(&mut self, flashing: Flashing) -> Result<(), BenchError> {
        self.flashed.clear();
        let anyway = flashing.is_anyway();
        let spared = |board: &dyn BenchBoard| flashing == Flashing::Emulated && board.kind() != BoardKind::Qemu;
        let mut flashed = Vec::new();
        for (role, board) in self.boards.iter() {
            // A real board first says who it is, so that nothing is flashed if cables are exchanged.
            let asked_first = board.kind() == BoardKind::Probe && flashing != Flashing::Reassign;
            if board.is_blank() || anyway && board.image().is_some() && !asked_first {
                flashed.push(role);
            }
        }
        for &role in &flashed {
            self.flash(role)?;
        }
        while let Err(error) = self.power_cycle().await {
            // The flash contains nothing that runs and speaks. In that case only the probe tells which board it is.
            let role = self.speechless(&error).filter(|role| !flashed.contains(role));
            let Some(role) = role else { return Err(error) };
            if self.boards.get(role).is_some_and(spared) {
                return Err(BenchError::Unflashed { role, why: Box::new(error), bench: self.bench_name.clone() });
            }
            self.refuse_wrong_probe(role)?;
            // A board that was made ahead contains the firmware that does not run.
            self.forget_next();
            self.flash(role)?;
            flashed.push(role);
        }
        let seen = self.identify().await?;
        let mut stale = self.flash_by_program(flashing, seen).await?;
        if anyway {
            let all = self.boards.iter().filter(|(_, board)| board.image().is_some());
            let asked = all.filter(|(role, _)| !flashed.contains(role)).map(|(role, _)| (role, "the same".to_owned()));
            let asked: Vec<_> = asked.filter(|(role, _)| !stale.iter().any(|(stale, _)| stale == role)).collect();
            stale.extend(asked);
        }
        if stale.is_empty() {
            for role in self.boards.roles() {
                if !flashed.contains(&role) {
                    self.tell_unchanged(role);
                }
            }
            return Ok(());
        }
        if let Some((role, seen)) = stale.iter().find(|(role, _)| self.boards.get(*role).is_some_and(spared)) {
            let wanted = self.boards.image(*role).map(Image::digest_hex).unwrap_or_default();
            return Err(BenchError::Stale { role: *role, seen: seen.clone(), wanted, bench: self.bench_name.clone() });
        }
        for &(role, _) in stale.iter().filter(|(role, _)| !flashed.contains(role)) {
            self.refuse_wrong_probe(role)?;
        }
        self.power_off().await?;
        // Boards that were made ahead contain the old image.
        self.forget_next();
        for &(role, _) in stale.iter().filter(|(role, _)| !flashed.contains(role)) {
            self.flash(role)?;
        }
        self.power_cycle().await?;
        match self.identify().await?.stale.into_iter().next() {
            None => Ok(()),
            Some((role, seen)) => {
                let wanted = self.boards.image(role).map(Image::digest_hex).unwrap_or_default();
                Err(BenchError::Digest { role, seen, wanted })
            }
        }
    }

    /// The board that `error` is about, if the content of its flash may be the cause and the rig can flash it.
    fn speechless(&mut self, error: &BenchError) -> Option<Role> {
        let role = match error {
            BenchError::NotReady { role, .. } | BenchError::Ended { role, .. } | BenchError::Start { role, .. } => {
                *role
            }
            _ => return None,
        };
        let board = self.boards.get(role)?;
        (matches!(board.kind(), BoardKind::Probe | BoardKind::Qemu) && board.image().is_some()).then_some(role)
    }

    /// Asks both boards for their identity.
    pub(super) async fn identify(&mut self) -> Result<Seen, BenchError> {
        let Some(links) = self.links.as_mut() else { return Ok(Seen::default()) };
        let validator = links.validator.identity().await.map_err(BenchError::silent(Role::Validator))?;
        let card = match links.card.identify().await {
            // Firmware of another version speaks another protocol. It is replaced if the rig has its image.
            Err(LinkError::Unexpected { seen, .. }) if self.boards.image(Role::Emulator).is_some() => {
                CardIdentity { said: Fields::default(), digest: Some(format!("unknown ({seen})")) }
            }
            card => card.map_err(BenchError::silent(Role::Emulator))?,
        };

        let wanted = &self.sides.device.identity;
        if validator.device != wanted.device || validator.firmware != wanted.firmware {
            return Err(BenchError::WrongBoard {
                role: Role::Validator,
                seen: format!("{} with {}", validator.device, validator.firmware),
                wanted: format!("{} with {}", wanted.device, wanted.firmware),
            });
        }
        let version = validator.version.clone();
        let identified = |role, identity| Body::Identified { role, identity };
        self.scope.emit(Source::Validator, identified(Role::Validator, validator.fields()));
        self.scope.emit(Source::Emulator, identified(Role::Emulator, card.said));
        let mut stale = Vec::new();
        for (role, told) in [(Role::Validator, validator.digest), (Role::Emulator, card.digest)] {
            let Some(board) = self.boards.get_mut(role) else { continue };
            let Some(wanted) = board.image().map(Image::digest_hex) else { continue };
            let seen = match told {
                Some(told) => told,
                // Firmware that knows no digest is compared through the probe.
                None => board.flash_digest()?.unwrap_or_default(),
            };
            if seen != wanted {
                stale.push((role, seen));
            }
        }
        Ok(Seen { stale, version })
    }

    /// Runs the program that flashes the validator if the validator reports another version than the bench file asks for,
    /// as far as `flashing` allows it. Returns the boards that do not run their image. Afterwards all are ready again.
    async fn flash_by_program(
        &mut self,
        flashing: Flashing,
        mut seen: Seen,
    ) -> Result<Vec<(Role, String)>, BenchError> {
        let Some(flash) = self.flash.clone() else { return Ok(seen.stale) };
        let (role, began) = (Role::Validator, Instant::now());
        let is_current = seen.version.as_ref() == Some(&flash.version);
        if flashing == Flashing::Emulated && !is_current {
            let (seen, bench) = (seen.version, self.bench_name.clone());
            return Err(BenchError::Outdated { seen, wanted: flash.version, bench });
        }
        let runs = flashing.is_anyway() || !is_current;
        if runs {
            let failed = |why| BenchError::FlashProgram { command: flash.command.join(" "), why };
            let (tell, ended) = tokio::sync::oneshot::channel();
            let _running =
                command::start(&flash.command, Some(self.sides.folder()), Box::new(|end| drop(tell.send(end))))
                    .map_err(failed)?;
            match tokio::time::timeout(flash.within.into(), ended).await {
                Ok(Ok(end)) => end.map_err(failed)?,
                Ok(Err(_)) => return Err(failed("the thread that waits for it has ended".into())),
                Err(_) => return Err(failed(format!("it did not end within {}", flash.within))),
            }
            self.power_cycle().await?;
            seen = self.identify().await?;
            if seen.version.as_ref() != Some(&flash.version) {
                return Err(BenchError::Version { seen: seen.version, wanted: flash.version });
            }
        }
        let outcome = if runs { FlashOutcome::Programmed } else { FlashOutcome::Unchanged };
        let took_us = if runs { micros(began.elapsed()) } else { 0 };
        let command = flash.command.join(" ");
        let body = Body::FlashedByProgram { role, command, outcome, version: flash.version, took_us };
        self.scope.emit(Source::Rig, body);
        Ok(seen.stale)
    }

    fn flash(&mut self, role: Role) -> Result<(), BenchError> {
        let started = Instant::now();
        let board = self.boards.get_mut(role).ok_or(BenchError::NoBoard(role))?;
        let report = board.flash(&mut |_| {})?;
        self.flashed.push(role);
        self.scope.emit(
            Source::Probe,
            Body::Flashed {
                role,
                outcome: FlashOutcome::Programmed,
                digest: lower_hex(&report.digest),
                bytes: report.bytes,
                took_us: micros(started.elapsed()),
            },
        );
        Ok(())
    }

    fn tell_unchanged(&mut self, role: Role) {
        let Some((digest, bytes)) = self.boards.image(role).map(|image| (image.digest_hex(), image.bytes())) else {
            return;
        };
        let outcome = FlashOutcome::Unchanged;
        self.scope.emit(Source::Probe, Body::Flashed { role, outcome, digest, bytes, took_us: 0 });
    }
}
