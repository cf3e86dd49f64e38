//! One tap: the card is held to the reader, its commands are answered, the validator says what it thinks of it.

use std::time::{Duration, Instant};

use taprig_card::Card;
use taprig_model::event::{Body, Bytes, Exchange, Fields, Release, Source, Traffic};
use taprig_model::expect::CommandName;
use taprig_model::step::Injection;
use wire::Response;
use wire::link::{Answer, Company, Note, Report, Request};

use super::fault::{self, Armed};
use taprig_bench::link::console::Event as ConsoleEvent;
use taprig_bench::{BenchError, Links};
use taprig_model::device::Events;
use taprig_record::Scope;
use taprig_record::units::micros;

/// Longest that a card is held when the case does not say.
pub const HOLD: Duration = Duration::from_secs(2);

/// So many times as long the rig waits for what a real device does in its time, where times are modelled: a machine that
/// has other work emulates slowly.
const SLOWER: u32 = 3;

/// The validator must be ready again so soon after the card has left: the bus may not stop.
pub const READY_AGAIN: Duration = Duration::from_secs(1);

/// From the result to the reader's letting go of the card.
const LET_GO: Duration = Duration::from_millis(500);

/// An order to the emulator is carried out within this.
const ORDER: Duration = Duration::from_secs(1);

/// What a tap is made of.
pub struct Tap<'a> {
    /// Number in the sub-case, from 1.
    pub number: u32,
    /// Name of the card image.
    pub name: &'a str,
    /// The card.
    pub card: &'a mut Card,
    /// Who else is in the field.
    pub company: Company,
    /// How long it is held; none: until the validator lets go.
    pub hold: Option<Duration>,
    /// Times are modelled: until the transaction is over, `hold` is a time on the modelled air, so that no slow machine
    /// takes the card away earlier than a quick one.
    pub modelled: bool,
    /// Faults on the air.
    pub injections: &'a [Injection],
    /// Frames on the air are told one by one.
    pub trace: bool,
}

/// How a tap ended, as far as the next step needs to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// The validator is ready for the next.
    Ready,
    /// It is not: the device's failure.
    NotReady,
    /// It started again by itself, and what it knew of the case is gone: the device's failure.
    Restarted,
}

impl Tap<'_> {
    /// Plays the tap and tells all that happens.
    ///
    /// # Errors
    /// [`BenchError`] when a link fails; what the device does wrong is no error.
    pub async fn play(self, links: &mut Links, events: &Events, scope: &Scope) -> Result<Ended, BenchError> {
        let mut front = self.card.front();
        front.company = self.company;
        self.card.reset();
        links.relay.carry_out(Request::Trace(self.trace), ORDER).await?;
        links.relay.carry_out(Request::Configure(front), ORDER).await?;
        scope.emit(Source::Rig, Body::Presented { tap: self.number, card: self.name.to_owned() });
        links.relay.send(Request::Present).await?;

        let mut scene = Scene {
            armed: Armed::new(self.injections),
            card: self.card,
            scope,
            events,
            commands: 0,
            active: false,
            released: false,
            caught_up: false,
            removed: None,
            air_us: 0,
            result: false,
            ready: false,
            restarted: false,
            hold_us: None,
        };
        let slower = if self.modelled { SLOWER } else { 1 };
        let longest = HOLD * slower;
        let mut held = self.hold.unwrap_or(longest);
        if self.modelled && self.hold.is_some() {
            scene.hold_us = Some(micros(held));
            let deadline = tokio::time::Instant::now() + longest.max(held);
            scene.until(links, deadline, |scene| scene.is_over() || scene.result || scene.is_held_enough()).await?;
            if scene.result {
                // A reader that begins again with a card that stays is answered.
                scene.hold_us = None;
            }
            held = held.saturating_sub(Duration::from_micros(scene.air_us.into()));
        }
        let held = tokio::time::Instant::now() + held;
        // One that starts again has forgotten the card: there will be no result.
        scene.until(links, held, |scene| scene.is_over() || (scene.result && self.hold.is_none())).await?;
        if scene.result && self.hold.is_none() {
            if !scene.active && !scene.released && scene.removed.is_none() {
                // A result without a command may come before the emulator's word that the card was activated at all,
                // as they take different ways. What the emulator said before its echo is here with it.
                links.relay.send(Request::Echo(*b"result !")).await?;
                let deadline = tokio::time::Instant::now() + ORDER;
                scene.until(links, deadline, |scene| scene.caught_up).await?;
            }
            let let_go = tokio::time::Instant::now() + LET_GO * slower;
            scene.until(links, let_go, |scene| !scene.active || scene.removed.is_some()).await?;
        }
        if scene.removed.is_none() {
            links.relay.send(Request::Remove).await?;
            let deadline = tokio::time::Instant::now() + ORDER;
            scene.until(links, deadline, |scene| scene.removed.is_some()).await?;
        }
        let Some(traffic) = scene.removed else {
            return Err(taprig_bench::link::LinkError::Deadline {
                what: "word that the card is out of the field".into(),
                from: "the card emulator",
                within: ORDER,
            }
            .into());
        };
        scope.emit(Source::Emulator, Body::Removed { traffic, air_us: scene.air_us.into() });
        scene.card.reset();
        let ready = scene.until_ready(links).await?;
        Ok(match (ready, scene.restarted) {
            (_, true) => Ended::Restarted,
            (true, false) => Ended::Ready,
            (false, false) => Ended::NotReady,
        })
    }
}

/// The tap under way.
struct Scene<'a> {
    armed: Armed<'a>,
    card: &'a mut Card,
    scope: &'a Scope,
    events: &'a Events,
    commands: u32,
    active: bool,
    released: bool,
    /// The emulator has told all that was before the result.
    caught_up: bool,
    removed: Option<Traffic>,
    /// Modelled time on the air, at the last sign of the transaction.
    air_us: u32,
    result: bool,
    /// The validator said that it is ready, after its result.
    ready: bool,
    /// The validator said that it has started, though nobody asked it to.
    restarted: bool,
    /// Modelled time at which the card is taken away.
    hold_us: Option<u64>,
}

impl Scene<'_> {
    /// Nothing more is to come.
    fn is_over(&self) -> bool {
        self.removed.is_some() || self.restarted
    }

    fn is_held_enough(&self) -> bool {
        self.hold_us.is_some_and(|hold| u64::from(self.air_us) >= hold)
    }

    /// Serves both links until `done`, or until the deadline.
    async fn until(
        &mut self,
        links: &mut Links,
        deadline: tokio::time::Instant,
        done: impl Fn(&Self) -> bool,
    ) -> Result<(), BenchError> {
        while !done(self) {
            // The card's commands first: a reader waits for them.
            tokio::select! {
                biased;
                note = links.relay.note(deadline) => match note? {
                    Some((note, seen)) => self.note(note, seen, links).await?,
                    None => return Ok(()),
                },
                event = links.console.event(deadline) => match event? {
                    Some(event) => {
                        self.console(event);
                    }
                    None => return Ok(()),
                },
            }
        }
        Ok(())
    }

    async fn until_ready(&mut self, links: &mut Links) -> Result<bool, BenchError> {
        let deadline = tokio::time::Instant::now() + READY_AGAIN;
        // A card that is left lying does not stop the bus: the validator may be ready before the card has gone.
        if self.ready {
            return Ok(true);
        }
        loop {
            tokio::select! {
                biased;
                note = links.relay.note(deadline) => match note? {
                    Some((note, seen)) => self.note(note, seen, links).await?,
                    None => return Ok(false),
                },
                event = links.console.event(deadline) => match event? {
                    Some(event) => if self.console(event) { return Ok(true) },
                    None => return Ok(false),
                },
            }
        }
    }

    /// Tells an event of the console; true when it says that the validator is ready.
    fn console(&mut self, event: ConsoleEvent) -> bool {
        let name = canonical(event.name, self.events);
        self.result |= name == "result";
        let ready = name == "ready";
        self.ready |= ready && self.result;
        self.restarted |= name == "started";
        self.scope.emit(Source::Validator, Body::ConsoleEvent { name, values: event.values });
        ready
    }

    async fn note(&mut self, note: Note, seen: Instant, links: &mut Links) -> Result<(), BenchError> {
        let at = Some(note.at_us);
        let tell = |body| self.scope.emit_at(Instant::now(), at, Source::Emulator, body);
        match note.report {
            Report::Command { number, command } => {
                self.air_us = note.air_us;
                // A card that is gone answers nothing.
                if self.is_held_enough() {
                    return Ok(());
                }
                return self.command(number, &command, (note.at_us, note.air_us), seen, links).await;
            }
            Report::Field(on) => {
                self.active &= on;
                tell(Body::Field { on });
            }
            Report::Activated { fsd } => {
                self.active = true;
                self.air_us = note.air_us;
                tell(Body::Activated { fsd });
            }
            Report::Released(how) => {
                self.active = false;
                if !self.released {
                    self.released = true;
                    self.air_us = note.air_us;
                }
                tell(Body::Released { how: release(how) });
            }
            Report::Removed(traffic) => {
                self.active = false;
                self.removed = Some(Traffic {
                    from_reader: traffic.from_reader.into(),
                    from_card: traffic.from_card.into(),
                    retries: traffic.retries.into(),
                    wtx: traffic.wtx.into(),
                });
            }
            Report::Frame(frame) => {
                tell(Body::Frame {
                    from_card: frame.from_card,
                    short: frame.short,
                    bytes: Bytes(frame.bytes.to_vec()),
                });
            }
            Report::Refused { order, why } => {
                tell(Body::Note { text: format!("the emulator refused order {order}: {why:?}") });
            }
            Report::Started => {
                return Err(BenchError::Ended {
                    role: taprig_model::event::Role::Emulator,
                    why: "it started again in the middle of a tap".into(),
                });
            }
            Report::Damaged => tell(Body::Note { text: "the emulator saw damaged orders".into() }),
            Report::Echo(_) => self.caught_up = true,
            Report::Identity(_) | Report::Done(_) => {}
        }
        Ok(())
    }

    async fn command(
        &mut self,
        number: u16,
        command: &[u8],
        (at_us, air_us): (u64, u32),
        seen: Instant,
        links: &mut Links,
    ) -> Result<(), BenchError> {
        self.commands += 1;
        let name = CommandName::of(command);
        let thinking = Instant::now();
        let reply = self.card.respond(command);
        let thought = thinking.elapsed();
        let injected = self.armed.next(name);
        let fault = match (reply.mute, injected) {
            (true, _) => Some(wire::link::Fault::Mute),
            (false, injection) => injection.map(fault::on_the_wire).transpose()?,
        };
        let response = Response::from_slice(&reply.response).unwrap_or_default();
        let delay_us = u32::try_from(reply.delay.us).unwrap_or(u32::MAX);
        links.relay.send(Request::Answer { command: number, answer: Answer { response, delay_us, fault } }).await?;
        // The dynamic signature is made while answering GET PROCESSING OPTIONS: the card's own time, not the rig's.
        let own = if name == CommandName::Gpo { thought } else { Duration::ZERO };
        let host = seen.elapsed().saturating_sub(own);
        if let Some(injection) = injected {
            self.scope.emit(
                Source::Rig,
                Body::Injected {
                    at: injection.at.to_string(),
                    fault: fault::name(injection),
                    values: Fields(fault::values(injection)),
                },
            );
        }
        self.scope.emit_at(
            Instant::now(),
            Some(at_us),
            Source::Emulator,
            Body::Exchange(Exchange {
                number: self.commands,
                command: Bytes(command.to_vec()),
                response: (!reply.mute).then_some(Bytes(reply.response)),
                fault: injected.map(fault::words),
                air_us: air_us.into(),
                host_us: Some(micros(host)),
            }),
        );
        Ok(())
    }
}

/// Our name for an event that the device calls `name`; one that its file does not know keeps the device's name.
fn canonical(name: String, events: &Events) -> String {
    let known = [
        (&events.started, "started"),
        (&events.ready, "ready"),
        (&events.show, "show"),
        (&events.sound, "sound"),
        (&events.gate, "gate"),
        (&events.result, "result"),
        (&events.fault, "fault"),
    ];
    known.into_iter().find(|(theirs, _)| **theirs == name).map_or(name, |(_, ours)| ours.to_owned())
}

fn release(how: wire::link::Release) -> Release {
    match how {
        wire::link::Release::Deselected => Release::Deselected,
        wire::link::Release::Halted => Release::Halted,
        wire::link::Release::FieldOff => Release::FieldOff,
    }
}
