//! A bench: one validator, one card side, their boards, power, programs and serial ports.
//!
//! A bench does not know what is run on it. It brings its boards from power-on to ready, checks their identity,
//! and hands out their links. It flashes a board whose firmware is not the required one.

mod acquirer;
mod ahead;
mod air;
mod alone;
pub mod board;
mod boards;
pub mod card_side;
pub mod check;
mod command;
mod error;
pub mod flash;
mod identity;
mod kernel;
pub mod link;
mod open;
mod place;
mod port;
mod power;
mod program;
mod programs;
mod qemu;
mod real;
mod sides;
mod sim;
mod situation;
mod slot;
mod start;
mod swapped;
mod switch;
mod unplugged;
pub mod validator_side;
pub mod wedged;

use std::time::{Duration, Instant};

pub use alone::open_card_alone;
pub use error::BenchError;
pub use error::{with_advice, with_causes};
pub use open::Config;
pub use programs::Programs;
pub use slot::{Held, Holder, held, state_dir};

use acquirer::Acquirer;
use ahead::Next;
use air::Air;
use boards::{Boards, Ports};
use card_side::CardSide;
use place::Place;
use sides::Sides;
use slot::Slot;
use switch::Switch;
use taprig_acquirer::Host;
use taprig_model::bench::FlashCommand;
use taprig_model::device::Device;
use taprig_model::event::{Body, Role, Source};
use unplugged::Plugs;
use validator_side::{LastSituation, ValidatorSide};

use crate::link::LinkError;
use crate::link::port::{ByteSink, Way};
use taprig_record::Scope;

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
    sides: Sides,
    boards: Boards,
    modelled: bool,
    /// The power switch of an external device, if it has one.
    external: Option<Switch>,
    links: Option<Links>,
    /// Where the links of the boards were when the boards last got power.
    ports: Ports,
    /// The parts that can be unplugged.
    plugs: Plugs,
    /// The part that was unplugged, if the last case ended for this reason.
    unplugged: Option<String>,
    /// The state that the validator was last brought into.
    last: LastSituation,
    /// Whether all boards have power and have become ready.
    on: bool,
    /// Whether the boards come from power-on and have received no command yet.
    fresh: bool,
    /// Number of notes of the emulator that were lost before it was switched off, and that [`Bench::take_lost`] has not
    /// returned yet.
    lost: u32,
    /// Whether the last power cycle failed.
    cycle_failed: bool,
    /// The boards that were flashed when the bench was last established.
    flashed: Vec<Role>,
    /// The acquirer, if the bench has one.
    acquirer: Option<Acquirer>,
    /// Number of power-ons so far. Each has its own socket for the air.
    cycles: u32,
    /// The air between the current processes of the boards.
    air: Option<Air>,
    /// Whether power is cut in place if all boards allow it.
    in_place: bool,
    next: Option<Next>,
    /// Whether an event already said that the power can't be switched off.
    unswitched: bool,
    scope: Scope,
    /// The program that flashes the validator.
    flash: Option<FlashCommand>,
    /// The place of a labgrid coordinator that stands for this bench.
    place: Option<Place>,
    // This comes after the boards, so that it is dropped after them.
    slot: Slot,
}

impl Bench {
    /// The device under test.
    #[must_use]
    pub fn device(&self) -> &Device {
        &self.sides.device
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

    /// A case with an acquirer begins: this host answers the validator from now on, and what happens goes to the scope of the bench.
    /// A bench without an acquirer does nothing.
    pub fn acquirer_begins(&self, host: Host) {
        if let Some(acquirer) = &self.acquirer {
            acquirer.begin(host, &self.scope);
        }
    }

    /// The case with an acquirer has ended. Nobody answers the validator from now on. If no such case has begun, this does
    /// nothing.
    ///
    /// # Errors
    /// [`BenchError::Acquirer`] if the line to the validator broke during the case, so that messages may be missing.
    pub fn acquirer_ends(&self) -> Result<(), BenchError> {
        self.acquirer.as_ref().map_or(Ok(()), Acquirer::end)
    }

    /// Reads everything that the validator has sent and that no step has waited for, so that it is recorded as noise.
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

    /// Why a board has ended by itself, if that is the reason why a link failed with `error`.
    pub fn ended(&mut self, role: Role, error: &LinkError) -> Option<String> {
        let within = if matches!(error, LinkError::Gone { .. }) { LAST_BREATH } else { Duration::ZERO };
        self.boards.get_mut(role)?.ended(within)
    }

    /// Why the device under test is to blame for a link that failed with `error`. `None` if it is not known to be.
    ///
    /// If it is a process on this host, it may have ended by itself. If it has sent nothing at all although it was asked, it is
    /// restarted: if it works again then, its line is sound, and it is the device that has hung.
    pub async fn device_stopped(&mut self, error: &LinkError) -> Option<String> {
        if self.boards.get_mut(Role::Validator).is_some_and(|board| board.is_device_itself())
            && let Some(why) = self.ended(Role::Validator, error)
        {
            return Some(why);
        }
        if !matches!(error, LinkError::Deadline { silent: true, .. }) {
            return None;
        }
        self.revive().await.ok()?;
        Some(format!("{error}; after a restart it answers again"))
    }

    fn tap(&self, port: &'static str) -> ByteSink {
        let serial = if port == sides::VALIDATOR_CONSOLE { self.scope.console(port) } else { self.scope.serial(port) };
        std::sync::Arc::new(move |way, bytes| serial.bytes(Instant::now(), way == Way::In, bytes))
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        let off = self.power_off_at_once();
        let place = self.place.take();
        self.forget_next();
        // This is not the fault of the sub-case that was the last on this bench.
        let tell = |error: &BenchError, doing| {
            let scope = self.scope.recorder().scope().bench(&self.name());
            scope.emit(Source::Rig, Body::RigFault(error.fault(doing, &format!("the bench {}", self.name()))));
        };
        if let Err(error) = off
            && !self.unswitched
        {
            tell(&error, "switching the boards off");
        }
        if let Some(Err(error)) = place.map(Place::release) {
            tell(&error, "releasing the place");
        }
        self.scope.emit(Source::Rig, Body::BenchClosed {});
    }
}
