//! Power switches. Each has a deadline, and the run can be stopped while it waits for one.

mod http;
mod line;
mod program;
mod relay;

use std::fmt;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use taprig_model::bench::SwitchConfig;
use taprig_model::event::{PowerSwitch, Role};

use super::BenchError;

/// The longest time that switching may take if the bench file gives none.
const WITHIN: Duration = Duration::from_secs(10);

/// An attempt that is under way. If it is dropped before its end, it is given up.
type Attempt = Box<dyn Send>;

/// Receives how an attempt ended.
type Tell = Box<dyn FnOnce(Result<(), Failure>) + Send>;

/// Why a switch did not switch.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Failure {
    why: String,
    /// Whether nothing answered where the switch should be. It may come back.
    away: bool,
}

impl From<String> for Failure {
    fn from(why: String) -> Self {
        Self { why, away: false }
    }
}

/// A kind of power switch.
trait Actuator: fmt::Debug + Send + Sync {
    /// The kind in events and results.
    fn kind(&self) -> PowerSwitch;

    /// What switches, for messages.
    fn name(&self, on: bool) -> String;

    /// What a person can try if it fails. `away` tells whether nothing answered where the switch should be.
    fn advice(&self, away: bool) -> &'static str;

    /// Host and port of a switch on a network. Nothing else tells whether such a switch is there.
    fn address(&self) -> Option<String> {
        None
    }

    /// Whether it can be asked for its state.
    fn tells(&self) -> bool {
        false
    }

    /// Begins to switch, and calls `tell` from another thread when it is done. If the kind can ask for the state, it is
    /// done only when the switch reports the wanted state.
    ///
    /// # Errors
    /// Why it can't begin. `tell` is not called in that case.
    fn start(&self, on: bool, tell: Tell) -> Result<Attempt, String>;
}

/// The power switch of one board.
#[derive(Debug, Clone)]
pub(super) struct Switch {
    role: Role,
    actuator: Arc<dyn Actuator>,
    within: Duration,
    off_for: Duration,
}

impl Switch {
    /// The switch that the bench file describes for the board of a role.
    #[must_use]
    pub(super) fn new(role: Role, config: &SwitchConfig) -> Self {
        let actuator: Arc<dyn Actuator> = match config {
            SwitchConfig::Command(command) => Arc::new(command.clone()),
            SwitchConfig::Relay(relay) => Arc::new(relay::Relay::new(role, relay)),
            SwitchConfig::Http(http) => Arc::new(http::Http::new(http)),
            SwitchConfig::Shelly(shelly) => Arc::new(http::shelly(shelly)),
            SwitchConfig::Tasmota(tasmota) => Arc::new(http::tasmota(tasmota)),
            SwitchConfig::Line(line) => Arc::new(line::Line::new(role, line)),
        };
        Self {
            role,
            actuator,
            within: config.within().map_or(WITHIN, Duration::from),
            off_for: config.off_for().into(),
        }
    }

    /// The kind in events and results.
    #[must_use]
    pub(super) fn kind(&self) -> PowerSwitch {
        self.actuator.kind()
    }

    /// Switching power on or off. Nothing happens until it is run.
    #[must_use]
    pub(super) fn turn(&self, on: bool) -> Turn {
        Turn { switch: self.clone(), on }
    }
}

/// One switching.
#[derive(Debug, Clone)]
pub struct Turn {
    switch: Switch,
    on: bool,
}

impl Turn {
    /// Switches, and waits until power has been off for long enough. If the future is dropped, the attempt is given up.
    ///
    /// # Errors
    /// [`BenchError::Power`] if it can't be switched, fails, or does not end in time.
    pub(super) async fn run(&self) -> Result<(), BenchError> {
        let (tell, ended) = tokio::sync::oneshot::channel();
        let _attempt = self.start(move |outcome| drop(tell.send(outcome)))?;
        let ended = tokio::time::timeout(self.switch.within, ended).await;
        self.judge(ended.ok().and_then(Result::ok))?;
        if !self.on {
            // Capacitors have to discharge. This is the only wait whose end nothing can announce.
            tokio::time::sleep(self.switch.off_for).await;
        }
        Ok(())
    }

    /// What is known after switching off and on, in words.
    #[must_use]
    pub(super) fn seen(&self) -> &'static str {
        if self.switch.actuator.tells() {
            "was switched off and on, and reported both"
        } else {
            "was switched off and on; it does not report its state"
        }
    }

    /// Switches in a place that can't await: at the end of a bench.
    ///
    /// # Errors
    /// The same as for [`Turn::run`].
    pub(super) fn run_at_once(&self) -> Result<(), BenchError> {
        let (tell, ended) = mpsc::channel();
        let _attempt = self.start(move |outcome| drop(tell.send(outcome)))?;
        self.judge(ended.recv_timeout(self.switch.within).ok())
    }

    fn start(&self, tell: impl FnOnce(Result<(), Failure>) + Send + 'static) -> Result<Attempt, BenchError> {
        self.switch.actuator.start(self.on, Box::new(tell)).map_err(|why| self.failed(why.into()))
    }

    fn judge(&self, outcome: Option<Result<(), Failure>>) -> Result<(), BenchError> {
        let outcome = outcome.unwrap_or_else(|| {
            let why = format!("it did not end within {} ms", self.switch.within.as_millis());
            // A switch on a network that lost its power neither accepts nor refuses a connection.
            Err(Failure { why, away: self.switch.actuator.address().is_some() })
        });
        outcome.map_err(|failure| self.failed(failure))
    }

    fn failed(&self, Failure { why, away }: Failure) -> BenchError {
        let Switch { role, actuator, .. } = &self.switch;
        let away = actuator.address().filter(|_| away).map(|address| (*role, address));
        let advice = actuator.advice(away.is_some());
        BenchError::Power { switch: actuator.name(self.on), why, away, advice }
    }
}

/// An attempt that runs on a thread of its own until it ends by a deadline of its own. Nobody waits for it once it is
/// given up.
fn on_a_thread<E: Into<Failure>>(act: impl FnOnce() -> Result<(), E> + Send + 'static, tell: Tell) -> Attempt {
    std::thread::spawn(move || tell(act().map_err(Into::into)));
    Box::new(())
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// The switch in a bench file.
    pub(super) fn config(yaml: &str) -> SwitchConfig {
        use serde_yaml::with::singleton_map_recursive::deserialize;
        deserialize(serde_yaml::Deserializer::from_str(yaml)).unwrap()
    }

    /// Switching as the bench file in `yaml` says.
    pub(super) fn turn(yaml: &str, on: bool) -> Turn {
        Switch::new(Role::Validator, &config(yaml)).turn(on)
    }

    /// The outcomes of both ways to switch.
    pub(super) fn both(turn: &Turn) -> [Result<(), String>; 2] {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let words = |error: BenchError| error.to_string();
        [runtime.block_on(turn.run()).map_err(words), turn.run_at_once().map_err(words)]
    }
}
