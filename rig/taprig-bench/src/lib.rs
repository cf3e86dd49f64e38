//! A bench: one validator, one card emulator, their power, programs and serial ports.
//!
//! A bench knows nothing of what is run on it. It brings its boards from power-on to ready, proves who they are,
//! flashes them when their firmware is not the one asked for, and hands out their links.

mod air;
pub mod board;
pub mod card_side;
mod error;
pub mod flash;
mod identity;
pub mod link;
mod open;
mod port;
mod qemu;
mod real;
mod sim;
mod situation;
mod slot;
mod switch;
pub mod validator_side;

use std::path::PathBuf;
use std::time::{Duration, Instant};

pub use error::BenchError;
pub use error::{advised, told};
pub use open::{Config, Programs};

use air::Air;
use board::{Board, Prepared, Start};
use card_side::CardSide;
use card_side::emulator::Emulator;
use slot::Slot;
use switch::Switch;
use taprig_model::bench::BoardKind;
use taprig_model::device::Device;
use taprig_model::event::{Body, Role, Source};
use validator_side::native::NativeValidator;
use validator_side::{Told, ValidatorSide};

use crate::link::LinkError;
use crate::link::console::Console;
use crate::link::emulator::Relay;
use crate::link::port::{Tap, Way};
use taprig_record::Scope;
use taprig_record::units::micros;

/// A process whose port has vanished has ended within this time.
const LAST_BREATH: Duration = Duration::from_millis(500);

/// The two sides of a bench whose boards are on and ready.
#[derive(Debug)]
pub struct Links {
    /// The device under test.
    pub validator: Box<dyn ValidatorSide>,
    /// What holds cards to its reader.
    pub card: Box<dyn CardSide>,
}

/// A bench in use.
pub struct Bench {
    bench_name: String,
    device: Device,
    validator: Box<dyn Board>,
    emulator: Box<dyn Board>,
    /// Of the console and of the emulator's link, in bits a second.
    console_baud: u32,
    emulator_baud: u32,
    modelled: bool,
    links: Option<Links>,
    /// What the validator was last brought into.
    told: Told,
    /// Both boards have power and were ready.
    on: bool,
    /// The boards came from power-on and nothing was said to them yet.
    fresh: bool,
    /// Notes of the emulator that were lost before its power was taken away and that nobody has asked for yet.
    lost: u32,
    /// Power-ons so far: each has a socket of its own for the air.
    cycles: u32,
    /// The air between the processes that the boards have now.
    air: Option<Air>,
    /// Power is cut in place where both boards allow it.
    in_place: bool,
    next: Option<Next>,
    /// It was told that power can't be taken away.
    unswitched: bool,
    scope: Scope,
    // After the boards, so that it is dropped after them.
    slot: Slot,
}

/// The boards of the next power-on, being made on another thread.
#[derive(Debug)]
struct Next {
    air: Air,
    making: std::thread::JoinHandle<Result<Made, BenchError>>,
}

#[derive(Debug, Default)]
struct Made {
    emulator: Option<Prepared>,
    validator: Option<Prepared>,
}

impl Bench {
    /// The device under test.
    #[must_use]
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// Whether its times are modelled: one of its boards is emulated or hosted.
    #[must_use]
    pub fn is_modelled(&self) -> bool {
        self.modelled
    }

    /// Where the bench's events go.
    #[must_use]
    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    /// From here on the bench's events go to `scope`: to that of a sub-case, or back to its own.
    pub fn tell_to(&mut self, scope: Scope) {
        self.scope = scope;
        let tell = self.noise();
        if let Some(links) = &mut self.links {
            links.validator.noise_to(Box::new(tell));
        }
    }

    /// Takes in what the validator has said and nobody has waited for, so that its noise is told.
    pub fn hear_out(&mut self) {
        if let Some(links) = &mut self.links {
            links.validator.hear_out();
        }
    }

    /// Tells of lines that are neither reply nor event.
    fn noise(&self) -> impl Fn(&str) + Send + use<> {
        let scope = self.scope.clone();
        move |line| scope.emit(Source::Validator, Body::ConsoleNoise { text: line.to_owned() })
    }

    /// The links, when the boards are on.
    pub fn links(&mut self) -> Option<&mut Links> {
        self.links.as_mut()
    }

    /// Name of the bench with its slot.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{}-{}", self.bench_name, self.slot.number())
    }

    /// Boards that come straight from power-on: power-cycled, unless nothing was done since the last time.
    ///
    /// # Errors
    /// As [`Bench::power_cycle`].
    pub async fn fresh(&mut self) -> Result<(), BenchError> {
        if !self.fresh {
            self.power_cycle().await?;
        }
        self.fresh = false;
        // What was lost before belongs to nobody.
        let _ = self.take_lost();
        Ok(())
    }

    /// How many notes of the card emulator were lost since the boards were [`fresh`](Bench::fresh), or since this was
    /// last asked. When it is not zero, what the card side saw is not whole.
    pub fn take_lost(&mut self) -> u32 {
        let since = self.links.as_mut().map_or(0, |links| links.card.take_lost());
        std::mem::take(&mut self.lost).saturating_add(since)
    }

    /// Takes power from both boards and gives it back; returns when both are ready.
    ///
    /// # Errors
    /// [`BenchError`]; the boards are then off.
    pub async fn power_cycle(&mut self) -> Result<(), BenchError> {
        self.power_off().await?;
        let outcome = self.power_on().await;
        // Why the boards did not come on is the first thing to know. Where power can't be taken away either, closing the
        // bench tells.
        if outcome.is_err() && self.power_off().await.is_err() {
            self.unswitched = false;
        }
        outcome
    }

    /// Takes power from both boards; returns when it has been off for long enough.
    ///
    /// # Errors
    /// [`BenchError::Power`]: a board may still have power.
    pub async fn power_off(&mut self) -> Result<(), BenchError> {
        self.hang_up().await;
        self.boards_off();
        for role in [Role::Validator, Role::Emulator] {
            if let Some(switch) = self.board(role).switch(false) {
                let switched = switch.run().await;
                self.unswitched = switched.is_err();
                switched?;
            }
        }
        self.tell_off();
        Ok(())
    }

    /// The same where nothing can be awaited, and nobody waits for the boards to be used again.
    fn power_off_at_once(&mut self) -> Result<(), BenchError> {
        self.hear_last_words();
        self.links = None;
        self.boards_off();
        for role in [Role::Validator, Role::Emulator] {
            if let Some(switch) = self.board(role).switch(false) {
                switch.run_at_once()?;
            }
        }
        self.tell_off();
        Ok(())
    }

    /// Takes power from what is a process of this host.
    fn boards_off(&mut self) {
        let cut = self.can_be_cut();
        // The validator first: its air is a client of the emulator's.
        for role in [Role::Validator, Role::Emulator] {
            let board = self.board(role);
            if cut { board.cut() } else { board.power_off() }
        }
    }

    fn hear_last_words(&mut self) {
        self.lost = self.take_lost();
        self.hear_out();
    }

    fn tell_off(&mut self) {
        if std::mem::take(&mut self.on) {
            for role in [Role::Validator, Role::Emulator] {
                self.tell_power(role, false);
            }
        }
    }

    /// Closes the ports, whose paths are the same after a cut in place. What the boards say from here on is lost.
    async fn hang_up(&mut self) {
        self.hear_last_words();
        if let Some(Links { validator, card }) = self.links.take() {
            validator.close().await;
            card.close().await;
        }
    }

    fn can_be_cut(&self) -> bool {
        self.in_place && self.validator.can_be_cut() && self.emulator.can_be_cut()
    }

    fn tell_power(&self, role: Role, on: bool) {
        let board = match role {
            Role::Validator => &self.validator,
            Role::Emulator => &self.emulator,
        };
        let by = Some(board.switched());
        self.scope.emit(Source::Power, Body::Power { role, on, by });
    }

    /// Lets time pass. What the boards say meanwhile waits for the next step.
    ///
    /// # Errors
    /// [`BenchError::Link`] at once when a port vanishes.
    pub async fn idle(&mut self, time: Duration) -> Result<(), BenchError> {
        let deadline = tokio::time::Instant::now() + time;
        match &mut self.links {
            Some(links) => {
                tokio::try_join!(links.validator.idle(deadline), links.card.idle(deadline))?;
            }
            None => tokio::time::sleep_until(deadline).await,
        }
        Ok(())
    }

    async fn power_on(&mut self) -> Result<(), BenchError> {
        // What was made ahead costs nothing here; what was not counts.
        let started = Instant::now();
        let (relay_port, console_port) = match self.boards_again() {
            Some(ports) => ports,
            None => self.new_boards()?,
        };
        let adapter = &self.device.console;
        let relay_tap = self.tap("emulator-link");
        let relay = Relay::open(&relay_port, self.emulator_baud, relay_tap)?;
        let mut console =
            Console::open(&console_port, self.console_baud, &adapter.lines, self.tap("validator-console"))?;
        console.noise_to(self.noise());
        let (mut card, mut validator) = (Emulator::new(relay), NativeValidator::new(console, adapter));
        self.emulator.go()?;
        switched(self.emulator.switch(true)).await?;
        self.tell_power(Role::Emulator, true);
        self.validator.go()?;
        switched(self.validator.switch(true)).await?;
        self.tell_power(Role::Validator, true);

        let within: Duration = adapter.ready_within.into();
        if let Err(error) = card.starts(start(&*self.emulator), within).await {
            return Err(self.not_ready(Role::Emulator, within, error));
        }
        self.scope.emit(Source::Emulator, Body::Ready { role: Role::Emulator, took_us: micros(started.elapsed()) });
        if let Err(error) = validator.starts(start(&*self.validator), within).await {
            return Err(self.not_ready(Role::Validator, within, error));
        }
        self.scope.emit(Source::Validator, Body::Ready { role: Role::Validator, took_us: micros(started.elapsed()) });
        self.links = Some(Links { validator: Box::new(validator), card: Box::new(card) });
        self.on = true;
        if !self.can_be_cut() {
            self.prepare_next();
        }
        Ok(())
    }

    /// Gives power to both boards where a cut has kept their processes, and returns the paths of their ports, the emulator's
    /// first. Nothing that was on its way to either reaches it.
    fn boards_again(&mut self) -> Option<(PathBuf, PathBuf)> {
        let ports = (self.emulator.power_on_again(), self.validator.power_on_again());
        // Both stand still now, and deaf, so that this is all that there was.
        let air_is_clear = self.air.as_ref().is_some_and(Air::clear);
        match ports {
            (Some(relay), Some(console)) if air_is_clear => Some((relay, console)),
            // One of them needs a new process, so both do: the air is between two processes.
            _ => None,
        }
    }

    fn new_boards(&mut self) -> Result<(PathBuf, PathBuf), BenchError> {
        let (air, made) = self.take_next()?;
        let relay_port = self.emulator.power_on(&air, made.emulator)?;
        let console_port = self.validator.power_on(&air, made.validator)?;
        self.air = Some(air);
        Ok((relay_port, console_port))
    }

    /// What is said of a board that did not become ready: that it is gone, when it is.
    fn not_ready(&mut self, role: Role, within: Duration, error: LinkError) -> BenchError {
        match (self.ended(role, &error), error) {
            (Some(why), _) => BenchError::Ended { role, why },
            (None, error @ LinkError::Deadline { .. }) => BenchError::NotReady { role, within, why: error.to_string() },
            (None, error) => error.into(),
        }
    }

    /// Why a board is gone, when it is gone of its own accord and that is why a link failed with `error`.
    pub fn ended(&mut self, role: Role, error: &LinkError) -> Option<String> {
        let within = if matches!(error, LinkError::Gone { .. }) { LAST_BREATH } else { Duration::ZERO };
        self.board(role).ended(within)
    }

    fn board(&mut self, role: Role) -> &mut Box<dyn Board> {
        match role {
            Role::Validator => &mut self.validator,
            Role::Emulator => &mut self.emulator,
        }
    }

    /// Starts to make the boards of the next power-on, while this one's are at work.
    fn prepare_next(&mut self) {
        // What can't be made now is tried at the power-on, which can tell why not.
        let Ok(air) = self.next_air() else { return };
        if let Ok(Some(make)) = self.preparation(&air) {
            self.next = Some(Next { air, making: std::thread::spawn(make) });
        }
    }

    /// What makes the boards of a power-on, side by side. The validator connects where the emulator listens, so where the
    /// emulator can't be made ahead, the validator can't either.
    fn preparation(
        &self,
        air: &Air,
    ) -> Result<Option<impl FnOnce() -> Result<Made, BenchError> + Send + use<>>, BenchError> {
        let Some(emulator) = self.emulator.preparation(air)? else { return Ok(None) };
        let validator = self.validator.preparation(air)?;
        Ok(Some(move || {
            std::thread::scope(|threads| {
                let validator = validator.map(|make| threads.spawn(make));
                let emulator = emulator();
                let validator = validator.map(|making| match making.join() {
                    Ok(made) => made,
                    Err(panic) => std::panic::resume_unwind(panic),
                });
                Ok(Made { emulator: Some(emulator?), validator: validator.transpose()? })
            })
        }))
    }

    fn take_next(&mut self) -> Result<(Air, Made), BenchError> {
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

    /// Boards that were made ahead and never switched on go with what made them.
    fn forget_next(&mut self) {
        if let Some(next) = self.next.take() {
            drop(next.making.join());
        }
    }

    fn next_air(&mut self) -> Result<Air, BenchError> {
        self.cycles += 1;
        let both_emulated = self.validator.kind() == BoardKind::Qemu && self.emulator.kind() == BoardKind::Qemu;
        Air::new(self.slot.runtime().join(format!("air-{}", self.cycles)), both_emulated)
    }

    fn tap(&self, port: &'static str) -> Tap {
        let serial = self.scope.serial(port);
        std::sync::Arc::new(move |way, bytes| serial.bytes(Instant::now(), way == Way::In, bytes))
    }
}

/// Switches power where that takes a program.
async fn switched(switch: Option<Switch>) -> Result<(), BenchError> {
    match switch {
        Some(switch) => switch.run().await,
        None => Ok(()),
    }
}

fn start(board: &dyn Board) -> Start {
    if board.restarts() { Start::PoweredOn } else { Start::StillOn }
}

impl Drop for Bench {
    fn drop(&mut self) {
        let off = self.power_off_at_once();
        self.forget_next();
        if let Err(error) = off
            && !self.unswitched
        {
            // It is no fault of the sub-case that was the last here.
            let scope = self.scope.recorder().scope().bench(&self.name());
            let fault = error.fault("switching the boards off", &format!("the bench {}", self.name()));
            scope.emit(Source::Rig, Body::RigFault(fault));
        }
        self.scope.emit(Source::Rig, Body::BenchClosed {});
    }
}
