//! Brings a bench from power-on to the state in which a case begins.

use std::time::Duration;

use taprig_model::event::{Body, Freshness, Role, Source};
use taprig_model::situation::Situation;

use super::{Bench, BenchError, Links};
use crate::link::LinkError;
use crate::validator_side::{Established, LastSituation};

impl Bench {
    /// Brings the validator into the state in which a case begins, and makes sure that no answer of either board
    /// belongs to an earlier case. If a board can return `nonce`, the nonce proves this. Otherwise the power-on proves
    /// it, so the bench has to be [`fresh`](Bench::fresh). If the boards are off, this does nothing.
    ///
    /// # Errors
    /// [`BenchError`]. The validator is then in an unknown state.
    pub async fn situate(&mut self, situation: &Situation, nonce: [u8; 8]) -> Result<(), BenchError> {
        let within = self.sides.device.deadlines.reply.into();
        let situation = &self.tellable(situation);
        let Some(links) = &mut self.links else { return Ok(()) };
        let (established, card) = links.situate(situation, &mut self.last, nonce, within).await?;
        if let Some(name) = established.settings {
            self.scope.emit(Source::Rig, Body::Note { text: format!("settings {name}") });
        }
        self.tell_fresh(Role::Validator, established.by);
        self.tell_fresh(Role::Emulator, card);
        Ok(())
    }

    /// The situation without the settings that the device can't be told. A case that needs another value of one of them
    /// does not apply.
    fn tellable(&self, situation: &Situation) -> Situation {
        let settings = self.device().fixed.tellable(&situation.settings);
        let keys = if settings.keys.is_some() { situation.keys.clone() } else { vec![] };
        Situation { settings, keys }
    }

    fn tell_fresh(&self, role: Role, by: Freshness) {
        self.scope.emit(Source::Rig, Body::Fresh { role, by });
    }
}

impl Links {
    async fn situate(
        &mut self,
        situation: &Situation,
        last: &mut LastSituation,
        nonce: [u8; 8],
        within: Duration,
    ) -> Result<(Established, Freshness), BenchError> {
        let established = self.validator.establish(situation, last, nonce).await?;
        let card = self.card.echo(nonce, within).await.map_err(|error| match error {
            LinkError::Deadline { .. } => BenchError::Nonce { role: Role::Emulator, seen: "nothing".into() },
            error => error.into(),
        })?;
        Ok((established, card))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::card_side::emulator::{Air, Emulator};
    use crate::link::console::Console;
    use crate::link::emulator::Relay;
    use crate::link::pty::{Terminal, echoes};
    use crate::validator_side::native::NativeValidator;
    use std::sync::Arc;
    use taprig_model::device::Device;

    const NONCE: [u8; 8] = [9; 8];

    /// The result of this step with the given emulator, and with a validator that accepts and returns everything.
    fn situated(
        emulator: impl FnMut(&wire::link::Order) -> Option<wire::link::Report> + Send + 'static,
    ) -> Result<(Established, Freshness), BenchError> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let file = include_str!("../../../fixtures/devices/taprig-reference.yaml");
            let yaml = serde_yaml::Deserializer::from_str(file);
            let device: Device = serde_yaml::with::singleton_map_recursive::deserialize(yaml).unwrap();
            let native = device.interface.native().unwrap();
            let (one, other) = (Terminal::new(), Terminal::new());
            let console = Console::open(&one.path().into(), native.baud, &native.lines, Arc::new(|_, _| ())).unwrap();
            let relay = Relay::open(&other.path().into(), 115_200, Arc::new(|_, _| ())).unwrap();
            let _heard = one.console(|line| Some(format!("ok {}\n", line.strip_prefix("echo ").unwrap_or_default())));
            other.emulator(emulator);
            let mut links = Links {
                validator: Box::new(NativeValidator::new(console, native, &device)),
                card: Box::new(Emulator::new(relay, Air::Uart)),
            };
            let within = Duration::from_millis(300);
            links.situate(&Situation::default(), &mut LastSituation::default(), NONCE, within).await
        })
    }

    #[test]
    fn both_boards_return_the_nonce() {
        let (validator, card) = situated(echoes).unwrap();
        assert_eq!((validator.by, card), (Freshness::Nonce, Freshness::Nonce));
    }

    #[test]
    fn an_emulator_that_returns_another_nonce_is_not_believed() {
        let error = situated(|_| Some(wire::link::Report::Echo([0; 8]))).unwrap_err();
        assert!(matches!(&error, BenchError::Nonce { role: Role::Emulator, .. }), "{error:?}");
    }
}
