//! Power-on and power-off of the boards of a bench, until both sides are ready.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use taprig_model::event::{Body, Role, Source};

use super::air::Air;
use super::board::{BenchBoard, Start};
use super::boards::Ports;
use super::identity::Flashing;
use super::{Bench, BenchError, Links, with_causes};
use crate::link::LinkError;
use crate::switch::Turn;
use crate::validator_side::LastSituation;
use taprig_record::units::micros;

/// How boards are started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Restart {
    /// Their power came on.
    PowerCycle,
    /// They are reset, and their power stays on.
    Reset,
}

impl Bench {
    /// Switches all boards off and on again. Returns when both sides are ready.
    ///
    /// # Errors
    /// [`BenchError`]. The boards are off in that case.
    pub async fn power_cycle(&mut self) -> Result<(), BenchError> {
        // This holds until the end, also if the future is dropped.
        self.cycle_failed = true;
        self.power_off().await?;
        let outcome = self.power_on(Restart::PowerCycle).await;
        self.cycle_failed = outcome.is_err();
        // The reason why the boards did not come on matters most. If the power can't be taken away either, closing the
        // bench reports that.
        if outcome.is_err() && self.power_off().await.is_err() {
            self.unswitched = false;
        }
        outcome
    }

    /// Gives the validator an empty memory, as a device from the factory has, and switches all boards off and on again. Returns
    /// whether the validator's board can do that. Only a hosted one can.
    ///
    /// # Errors
    /// [`BenchError`]. The boards are off in that case.
    pub async fn renew(&mut self) -> Result<bool, BenchError> {
        self.power_off().await?;
        self.last = LastSituation::default();
        let emptied = match self.boards.get_mut(Role::Validator) {
            Some(board) => board.empty_memory()?,
            None => false,
        };
        self.power_cycle().await?;
        Ok(emptied)
    }

    /// Brings the bench back after a case that ended with an error. If a part was unplugged, this waits until the part is
    /// there again. Otherwise a part may hang: all boards are reset if their power is switched (otherwise a power cycle is
    /// a reset already), and then power-cycled. Afterwards both sides are ready and have said who they are.
    ///
    /// # Errors
    /// [`BenchError::NotBack`] or [`BenchError::BackInVain`] after a part was unplugged. Otherwise the error of the power
    /// cycle. The boards are off in both cases.
    pub async fn bring_back(&mut self) -> Result<(), BenchError> {
        // Nobody knows what state the part was left in.
        self.last = LastSituation::default();
        let part = match self.unplugged.take() {
            Some(part) => part,
            None => match self.revive().await {
                Ok(()) => return Ok(()),
                Err(error) => {
                    let Some(part) = self.lost_part(&error) else { return Err(error) };
                    self.tell_kernel();
                    part
                }
            },
        };
        self.plugged_in_again(part).await
    }

    /// If a power cycle has just failed, a reset would not help, because the next case begins with a power cycle as well.
    pub(super) async fn revive(&mut self) -> Result<(), BenchError> {
        let switched = self.external.is_some() || self.boards.iter().any(|(_, board)| board.switch(false).is_some());
        if switched && !self.cycle_failed {
            let error = match self.reset().await {
                Ok(()) => {
                    self.note("a reset brought the bench back".into());
                    self.fresh = false;
                    return Ok(());
                }
                Err(error) => error,
            };
            self.note(format!("a reset did not bring the bench back: {}", with_causes(&error)));
        }
        self.forget_next();
        self.establish(Flashing::Needed).await?;
        self.note("a power cycle brought the bench back".into());
        self.fresh = true;
        Ok(())
    }

    /// Restarts the firmware of all boards without their power switches, and asks both sides who they are.
    async fn reset(&mut self) -> Result<(), BenchError> {
        self.hang_up().await;
        self.forget_next();
        self.power_on(Restart::Reset).await?;
        self.identify().await.map(drop)
    }

    pub(super) fn note(&self, text: String) {
        self.scope.emit(Source::Rig, Body::Note { text });
    }

    /// Switches all boards off. Returns when the power has been off for long enough.
    ///
    /// # Errors
    /// [`BenchError::Power`]. A board may still have power in that case.
    pub async fn power_off(&mut self) -> Result<(), BenchError> {
        self.hang_up().await;
        self.boards_off();
        if let Some(switch) = self.external_switch(false) {
            let switched = switch.run().await;
            self.unswitched = switched.is_err();
            switched?;
        }
        let switches: Vec<_> = self.boards.iter().rev().filter_map(|(_, board)| board.switch(false)).collect();
        for switch in switches {
            let switched = switch.run().await;
            self.unswitched = switched.is_err();
            switched?;
        }
        self.tell_off();
        Ok(())
    }

    /// Switches all boards off in places that can't await. It does not wait until the power has been off for long
    /// enough, because the boards are not used again.
    pub(super) fn power_off_at_once(&mut self) -> Result<(), BenchError> {
        self.hear_last_words();
        self.links = None;
        self.boards_off();
        if let Some(switch) = self.external_switch(false) {
            switch.run_at_once()?;
        }
        for (_, board) in self.boards.iter().rev() {
            if let Some(switch) = board.switch(false) {
                switch.run_at_once()?;
            }
        }
        self.tell_off();
        Ok(())
    }

    /// Switches off the boards that are processes on this host.
    fn boards_off(&mut self) {
        let cut = self.can_be_cut();
        if let Some(acquirer) = &mut self.acquirer {
            acquirer.power_lost();
        }
        // The validator is the first to lose power, because it is the client of the emulator's socket for the air.
        for (_, board) in self.boards.iter_mut().rev() {
            if cut { board.cut() } else { board.power_off() }
        }
    }

    fn hear_last_words(&mut self) {
        self.lost = self.take_lost();
        self.hear_out();
    }

    fn tell_off(&mut self) {
        if std::mem::take(&mut self.on) {
            for (role, board) in self.boards.iter().rev() {
                self.tell_power(role, board, false);
            }
            self.tell_external(false);
        }
    }

    /// What switches the power of an external device.
    fn external_switch(&self, on: bool) -> Option<Turn> {
        self.external.as_ref().map(|switch| switch.turn(on))
    }

    fn tell_external(&self, on: bool) {
        if let Some(switch) = &self.external {
            let by = Some(switch.kind());
            self.scope.emit(Source::Power, Body::Power { role: Role::Validator, on, by });
        }
    }

    /// Closes the ports, whose paths stay the same after a cut in place. Whatever the boards send from now on is lost.
    pub(super) async fn hang_up(&mut self) {
        self.hear_last_words();
        if let Some(Links { validator, card }) = self.links.take() {
            validator.close().await;
            card.close().await;
        }
    }

    fn can_be_cut(&self) -> bool {
        self.in_place && self.boards.can_be_cut()
    }

    fn tell_power(&self, role: Role, board: &dyn BenchBoard, on: bool) {
        let by = Some(board.switched());
        self.scope.emit(Source::Power, Body::Power { role, on, by });
    }

    async fn power_on(&mut self, how: Restart) -> Result<(), BenchError> {
        // Boards that were made ahead cost no time here. The time for making the others counts.
        let started = Instant::now();
        let again = match how {
            Restart::PowerCycle => self.boards_again(),
            // A process that the rig has is made anew.
            Restart::Reset => None,
        };
        let ports = match again {
            Some(ports) => ports,
            None => self.new_boards()?,
        };
        self.ports.clone_from(&ports);
        let mut card = self.sides.open_card(&ports, self.tap("emulator-link"))?;
        let noise = Box::new(self.noise());
        let mut validator = self.sides.open_validator(&ports, self.tap(self.sides.validator_port()), noise)?;
        let starts = match how {
            Restart::PowerCycle => self.give_power().await?,
            Restart::Reset => self.reset_boards()?,
        };
        let within: Duration = self.sides.device.deadlines.ready.into();
        if let Err(error) = card.starts(starts[&Role::Emulator], within).await {
            let error = self.not_ready(Role::Emulator, within, error);
            card.close().await;
            validator.close().await;
            return Err(self.or_swapped(error, &ports).await);
        }
        self.scope.emit(Source::Emulator, Body::Ready { role: Role::Emulator, took_us: micros(started.elapsed()) });
        if let Err(error) = validator.starts(starts[&Role::Validator], within).await {
            let error = self.not_ready(Role::Validator, within, error);
            card.close().await;
            validator.close().await;
            return Err(self.or_swapped(error, &ports).await);
        }
        self.scope.emit(Source::Validator, Body::Ready { role: Role::Validator, took_us: micros(started.elapsed()) });
        self.links = Some(Links { validator, card });
        self.on = true;
        if !self.can_be_cut() {
            self.prepare_next();
        }
        Ok(())
    }

    /// Gives power to all boards. Returns how each side has started.
    async fn give_power(&mut self) -> Result<BTreeMap<Role, Start>, BenchError> {
        for role in self.boards.roles() {
            let Some(board) = self.boards.get_mut(role) else { continue };
            board.go()?;
            if let Some(switch) = board.switch(true) {
                switch.run().await?;
            }
            if let Some(board) = self.boards.get(role) {
                self.tell_power(role, board, true);
            }
        }
        if let Some(switch) = self.external_switch(true) {
            switch.run().await?;
            self.tell_external(true);
        }
        Ok([Role::Emulator, Role::Validator].into_iter().map(|role| (role, self.start(role))).collect())
    }

    /// Restarts the firmware of all boards that the rig can restart without their power switch. Returns how each side
    /// has started.
    fn reset_boards(&mut self) -> Result<BTreeMap<Role, Start>, BenchError> {
        let mut starts: BTreeMap<_, _> = [Role::Emulator, Role::Validator].map(|role| (role, Start::StillOn)).into();
        for (role, board) in self.boards.iter_mut() {
            if board.reset()? {
                starts.insert(role, Start::PoweredOn);
            }
        }
        Ok(starts)
    }

    /// How the board of a role has just started. Whatever fills a role without a board was on before.
    fn start(&self, role: Role) -> Start {
        let restarts = match self.boards.get(role) {
            Some(board) => board.restarts(),
            None => role == Role::Validator && self.external.is_some(),
        };
        if restarts { Start::PoweredOn } else { Start::StillOn }
    }

    /// Gives power to all boards if a cut has kept their processes, and returns the paths of their ports. Nothing that
    /// was on its way to a board reaches it.
    fn boards_again(&mut self) -> Option<Ports> {
        // If one board needs a new process, all do, because the air connects processes.
        let ports: Vec<_> = self.boards.iter_mut().map(|(role, board)| Some((role, board.power_on_again()?))).collect();
        // All boards stand still now and read nothing, so nothing can follow.
        let air_is_clear = self.air.as_ref().is_some_and(Air::clear);
        let ports: Option<Ports> = ports.into_iter().collect();
        let ports = ports.filter(|_| air_is_clear)?;
        // If the acquirer can't use its end, new processes get a new line.
        self.attach_acquirer().ok().map(|()| ports)
    }

    fn new_boards(&mut self) -> Result<Ports, BenchError> {
        let (air, mut made) = self.take_next()?;
        let mut ports = Ports::new();
        for (role, board) in self.boards.iter_mut() {
            ports.insert(role, board.power_on(&air, made.remove(&role))?);
        }
        self.air = Some(air);
        self.attach_acquirer()?;
        Ok(ports)
    }

    /// Gives the acquirer its end of the line to an emulated board.
    fn attach_acquirer(&mut self) -> Result<(), BenchError> {
        let (Some(acquirer), Some(air)) = (&mut self.acquirer, &self.air) else { return Ok(()) };
        match air.acquirer_end()? {
            Some(end) => acquirer.attach(end),
            None => Ok(()),
        }
    }

    /// The error for a board that did not become ready. If the board has ended, the error says so.
    fn not_ready(&mut self, role: Role, within: Duration, error: LinkError) -> BenchError {
        match (self.ended(role, &error), error) {
            (Some(why), _) => BenchError::Ended { role, why },
            (None, error @ LinkError::Deadline { .. }) => BenchError::NotReady { role, within, why: error.to_string() },
            (None, source @ LinkError::Stuck { .. }) => BenchError::Silent { role, source },
            (None, error) => error.into(),
        }
    }
}
