//! A bench: one validator, one card emulator, their power, programs and serial ports.
//!
//! A bench does not know what is run on it. It brings its boards from power-on to ready, makes sure of their identity,
//! and hands out their links. It flashes a board whose firmware is not the required one.

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
pub use error::{with_advice, with_causes};
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
use crate::link::port::{ByteSink, Way};
use taprig_record::Scope;
use taprig_record::units::micros;

/// If a port has vanished, the process behind it ends within this time.
const LAST_BREATH: Duration = Duration::from_millis(500);

/// The two sides of a bench whose boards have power and are ready.
#[derive(Debug)]
pub struct Links {
    /// The device under test.
    pub validator: Box<dyn ValidatorSide>,
    /// The side that holds cards to the validator's reader.
    pub card: Box<dyn CardSide>,
}

/// A bench that is in use.
pub struct Bench {
    bench_name: String,
    device: Device,
    validator: Box<dyn Board>,
    emulator: Box<dyn Board>,
    /// The speeds of the console and of the emulator's link, in bits per second.
    console_baud: u32,
    emulator_baud: u32,
    modelled: bool,
    links: Option<Links>,
    /// The state that the validator was last brought into.
    told: Told,
    /// Whether both boards have power and have become ready.
    on: bool,
    /// Whether the boards come from power-on and have received no command yet.
    fresh: bool,
    /// Number of notes of the emulator that were lost before its power was taken away, and that nobody has asked for
    /// yet.
    lost: u32,
    /// Number of power-ons so far. Each has its own socket for the air.
    cycles: u32,
    /// The air between the current processes of the boards.
    air: Option<Air>,
    /// Whether power is cut in place if both boards allow it.
    in_place: bool,
    next: Option<Next>,
    /// Whether an event already said that the power can't be taken away.
    unswitched: bool,
    scope: Scope,
    // This comes after the boards, so that it is dropped after them.
    slot: Slot,
}

/// The boards of the next power-on. Another thread makes them.
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

    /// Whether the bench's times are modelled. They are on every air that is a UART.
    #[must_use]
    pub fn is_modelled(&self) -> bool {
        self.modelled
    }

    /// The scope of the bench's events.
    #[must_use]
    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    /// Sets the scope of the bench's events: that of a sub-case, or the bench's own.
    pub fn tell_to(&mut self, scope: Scope) {
        self.scope = scope;
        let tell = self.noise();
        if let Some(links) = &mut self.links {
            links.validator.noise_to(Box::new(tell));
        }
    }

    /// Reads what the validator has sent and nobody has waited for, so that its noise is recorded.
    pub fn hear_out(&mut self) {
        if let Some(links) = &mut self.links {
            links.validator.hear_out();
        }
    }

    /// Records lines that are neither reply nor event.
    fn noise(&self) -> impl Fn(&str) + Send + use<> {
        let scope = self.scope.clone();
        move |line| scope.emit(Source::Validator, Body::ConsoleNoise { text: line.to_owned() })
    }

    /// The two sides, if the boards have power.
    pub fn links(&mut self) -> Option<&mut Links> {
        self.links.as_mut()
    }

    /// Name of the bench, with the number of its slot.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{}-{}", self.bench_name, self.slot.number())
    }

    /// Brings the boards to the state after a power-on. It power-cycles them unless nothing was done since the last
    /// power-on.
    ///
    /// # Errors
    /// The same as for [`Bench::power_cycle`].
    pub async fn fresh(&mut self) -> Result<(), BenchError> {
        if !self.fresh {
            self.power_cycle().await?;
        }
        self.fresh = false;
        // Notes that were lost before do not count for this case.
        let _ = self.take_lost();
        Ok(())
    }

    /// How many notes of the card emulator were lost since the boards were [`fresh`](Bench::fresh), or since the last
    /// call. If the number is not zero, the observations of the card side are incomplete.
    pub fn take_lost(&mut self) -> u32 {
        let since = self.links.as_mut().map_or(0, |links| links.card.take_lost());
        std::mem::take(&mut self.lost).saturating_add(since)
    }

    /// Takes the power from both boards and gives it back. Returns when both are ready.
    ///
    /// # Errors
    /// [`BenchError`]. The boards are off in that case.
    pub async fn power_cycle(&mut self) -> Result<(), BenchError> {
        self.power_off().await?;
        let outcome = self.power_on().await;
        // The reason why the boards did not come on matters most. If the power can't be taken away either, closing the
        // bench reports that.
        if outcome.is_err() && self.power_off().await.is_err() {
            self.unswitched = false;
        }
        outcome
    }

    /// Takes the power from both boards. Returns when it has been off for long enough.
    ///
    /// # Errors
    /// [`BenchError::Power`]. A board may still have power in that case.
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

    /// Does the same in places that can't await, when nobody waits to use the boards again.
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

    /// Takes the power from boards that are processes on this host.
    fn boards_off(&mut self) {
        let cut = self.can_be_cut();
        // The validator comes first, because it is the client of the emulator's socket for the air.
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

    /// Closes the ports, whose paths stay the same after a cut in place. Whatever the boards send from now on is lost.
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

    /// Lets time pass. Whatever the boards send in this time is kept for the next step.
    ///
    /// # Errors
    /// [`BenchError::Link`] as soon as a port vanishes.
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
        // Boards that were made ahead cost no time here. The time for making the others counts.
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

    /// Gives power to both boards if a cut has kept their processes, and returns the paths of their ports, the
    /// emulator's first. Nothing that was on its way to either board reaches it.
    fn boards_again(&mut self) -> Option<(PathBuf, PathBuf)> {
        let ports = (self.emulator.power_on_again(), self.validator.power_on_again());
        // Both boards stand still now and read nothing, so nothing can follow.
        let air_is_clear = self.air.as_ref().is_some_and(Air::clear);
        match ports {
            (Some(relay), Some(console)) if air_is_clear => Some((relay, console)),
            // If one board needs a new process, both do, because the air connects two processes.
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

    /// The error for a board that did not become ready. If the board has ended, the error says so.
    fn not_ready(&mut self, role: Role, within: Duration, error: LinkError) -> BenchError {
        match (self.ended(role, &error), error) {
            (Some(why), _) => BenchError::Ended { role, why },
            (None, error @ LinkError::Deadline { .. }) => BenchError::NotReady { role, within, why: error.to_string() },
            (None, error) => error.into(),
        }
    }

    /// Why a board has ended by itself, if that is the reason why a link failed with `error`.
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

    /// Starts to make the boards of the next power-on, while the present ones work.
    fn prepare_next(&mut self) {
        // If something can't be made now, the power-on tries again and can report the cause.
        let Ok(air) = self.next_air() else { return };
        if let Ok(Some(make)) = self.preparation(&air) {
            self.next = Some(Next { air, making: std::thread::spawn(make) });
        }
    }

    /// The work that makes the boards of a power-on, in parallel. The validator connects to the socket on which the
    /// emulator listens. Therefore, if the emulator can't be made ahead, the validator can't either.
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

    /// Boards that were made ahead and never switched on are dropped together with the thread that made them.
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

    fn tap(&self, port: &'static str) -> ByteSink {
        let serial = self.scope.serial(port);
        std::sync::Arc::new(move |way, bytes| serial.bytes(Instant::now(), way == Way::In, bytes))
    }
}

/// Switches the power if a program is needed for that.
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
            // This is not the fault of the sub-case that was the last on this bench.
            let scope = self.scope.recorder().scope().bench(&self.name());
            let fault = error.fault("switching the boards off", &format!("the bench {}", self.name()));
            scope.emit(Source::Rig, Body::RigFault(fault));
        }
        self.scope.emit(Source::Rig, Body::BenchClosed {});
    }
}
