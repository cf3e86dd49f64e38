//! Checks that need power: the bench is switched on as a run does it, and both sides run the right firmware.

use taprig_model::bench::BoardKind;
use taprig_model::event::Role;
use taprig_record::Recorder;

use super::{CheckStep, Finding, part};
use crate::identity::Flashing;
use crate::{Bench, BenchError, Config};

impl Bench {
    /// Takes a slot of the bench and makes its boards, which have no power yet. A wedged bench is not refused: the check
    /// has to find out whether it works again.
    ///
    /// # Errors
    /// [`BenchError::NoSlot`] if a run uses the bench, [`BenchError::State`].
    pub async fn for_check(config: &Config, recorder: &Recorder) -> Result<Self, BenchError> {
        let taken = Self::take(config).await?;
        Self::with(config, recorder, taken)
    }

    /// Switches the power off and on, and asks both sides for their identity and their image. An emulated board that runs
    /// another image is flashed, as in a run. A real board is flashed only with `flash`.
    ///
    /// # Errors
    /// [`BenchError`] that names the part. [`BenchError::Stale`] if a real board would have to be flashed.
    pub async fn check_firmware(&mut self, flash: bool) -> Result<Vec<Finding>, BenchError> {
        let started = std::time::Instant::now();
        self.establish(if flash { Flashing::Needed } else { Flashing::Emulated }).await?;
        self.fresh = true;
        let mut findings = Vec::new();
        for (role, board) in self.boards.iter() {
            let image = match board.image() {
                Some(image) => format!("runs the image with the digest {}", &image.digest_hex()[..16]),
                None => match board.kind() {
                    BoardKind::Sim => "runs the firmware of this taprig".to_owned(),
                    _ => "is ready; taprig does not program it".to_owned(),
                },
            };
            let flashed = if self.flashed.contains(&role) { ", flashed now" } else { "" };
            findings.push(Finding::ok(CheckStep::Flash, part(role), format!("{image}{flashed}")));
            if let Some(switch) = board.switch(true) {
                findings.push(Finding::ok(CheckStep::Flash, format!("power of the {}", part(role)), switch.seen()));
            }
        }
        if let Some(switch) = &self.external {
            let of = format!("power of the {}", part(Role::Validator));
            findings.push(Finding::ok(CheckStep::Flash, of, switch.turn(true).seen()));
        }
        let device = &self.sides.device.identity;
        findings.push(Finding::ok(
            CheckStep::Flash,
            part(Role::Validator),
            format!("is {} with {}; ready after {} ms", device.device, device.firmware, started.elapsed().as_millis()),
        ));
        Ok(findings)
    }
}

#[cfg(test)]
mod tests;
