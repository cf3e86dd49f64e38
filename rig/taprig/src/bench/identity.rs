//! Who the boards are, and that they run the image they are to run.

use std::time::Duration;

use taprig_model::event::{Body, Fields, FlashOutcome, Role, Source};

use super::{Bench, BenchError, Kind};
use crate::flash::Image;
use crate::units::{lower_hex, micros};

/// A board computes the digest of its flash when it is first asked.
const IDENTITY: Duration = Duration::from_secs(2);

impl Bench {
    /// Powers the bench on with the firmware that it is to run: boards are asked who they are, and those whose digest
    /// is another are flashed; with `anyway`, all are. Ends with both boards ready.
    ///
    /// # Errors
    /// [`BenchError`], by what fails.
    pub(super) async fn establish(&mut self, anyway: bool) -> Result<(), BenchError> {
        let mut flashed = Vec::new();
        for role in ROLES {
            let board = self.board(role);
            if board.is_blank() || anyway && board.image().is_some() {
                self.flash(role)?;
                flashed.push(role);
            }
        }
        while let Err(error) = self.power_cycle().await {
            // Its flash holds nothing that runs and speaks: the probe alone tells which board it is.
            let Some(role) = self.speechless(&error).filter(|role| !flashed.contains(role)) else { return Err(error) };
            // A board that was made ahead holds what does not run.
            self.forget_next();
            self.flash(role)?;
            flashed.push(role);
        }
        let stale = self.identify().await?;
        if stale.is_empty() {
            for role in ROLES {
                if !flashed.contains(&role) {
                    self.tell_unchanged(role);
                }
            }
            return Ok(());
        }
        self.hang_up().await;
        self.power_off();
        // Boards that were made ahead hold the old image.
        self.forget_next();
        for &(role, _) in stale.iter().filter(|(role, _)| !flashed.contains(role)) {
            self.flash(role)?;
        }
        self.power_cycle().await?;
        match self.identify().await?.into_iter().next() {
            None => Ok(()),
            Some((role, seen)) => {
                let wanted = self.board(role).image().map(Image::digest_hex).unwrap_or_default();
                Err(BenchError::Digest { role, seen, wanted })
            }
        }
    }

    /// The board that `error` is about, when what it has in flash may be why, and the rig can flash it.
    fn speechless(&mut self, error: &BenchError) -> Option<Role> {
        let role = match error {
            BenchError::NotReady { role, .. } | BenchError::Ended { role, .. } | BenchError::Start { role, .. } => {
                *role
            }
            _ => return None,
        };
        let board = self.board(role);
        (matches!(board.kind(), Kind::Probe | Kind::Qemu) && board.image().is_some()).then_some(role)
    }

    /// Asks both boards who they are. Returns those that run another image than they are to, with its digest.
    async fn identify(&mut self) -> Result<Vec<(Role, String)>, BenchError> {
        let Some(links) = self.links.as_mut() else { return Ok(Vec::new()) };
        let reply = links.console.command(&self.device.console.commands.identity, IDENTITY).await?;
        let identity = links.relay.identify(IDENTITY).await?;

        let said = reply.fields();
        let wanted = &self.device.identity;
        let (device, firmware) = (said.get("device").unwrap_or("?"), said.get("firmware").unwrap_or("?"));
        if device != wanted.device || firmware != wanted.firmware {
            return Err(BenchError::WrongBoard {
                role: Role::Validator,
                seen: format!("{device} with {firmware}"),
                wanted: format!("{} with {}", wanted.device, wanted.firmware),
            });
        }
        let validator_digest = said.get("digest").unwrap_or_default().to_owned();
        self.scope.emit(Source::Validator, Body::Identified { role: Role::Validator, identity: said });
        let emulator_digest = lower_hex(&identity.digest);
        let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        self.scope.emit(
            Source::Emulator,
            Body::Identified {
                role: Role::Emulator,
                identity: Fields(vec![
                    pair("firmware", &identity.firmware),
                    pair("board", &identity.board),
                    pair("version", &identity.version),
                    pair("digest", &emulator_digest),
                ]),
            },
        );
        Ok([(Role::Validator, validator_digest), (Role::Emulator, emulator_digest)]
            .into_iter()
            .filter(|(role, seen)| self.board(*role).image().is_some_and(|image| image.digest_hex() != *seen))
            .collect())
    }

    fn flash(&mut self, role: Role) -> Result<(), BenchError> {
        let started = std::time::Instant::now();
        let report = self.board(role).flash(&mut |_| {})?;
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
        let Some((digest, bytes)) = self.board(role).image().map(|image| (image.digest_hex(), image.bytes())) else {
            return;
        };
        let outcome = FlashOutcome::Unchanged;
        self.scope.emit(Source::Probe, Body::Flashed { role, outcome, digest, bytes, took_us: 0 });
    }
}

const ROLES: [Role; 2] = [Role::Emulator, Role::Validator];
