//! One tap: the card is held to the reader, its commands are answered, and the validator reports its result. The module `acts` is what the
//! rig does in the middle of a tap.

mod acts;

use std::time::{Duration, Instant};

use taprig_card::Card;
use taprig_model::capability::CardCapability;
use taprig_model::event::{Body, Bytes, Fields, ReadyAgain, Role, Signal, Source, Traffic};
use taprig_model::expect::CommandName;
use taprig_model::step::{Beside, During, Injection};

use super::exchange::{self, Asked};
use super::waiting::Waiting;
use acts::Due;
use taprig_bench::card_side::{CardNote, What};
use taprig_bench::link::LinkError;
use taprig_bench::{BenchError, Links};
use taprig_record::Scope;
use taprig_record::units::micros;

/// The longest time that a card is held if the case gives none.
pub const HOLD: Duration = Duration::from_secs(2);

/// If times are modelled, the rig waits this many times longer than a real device needs, because a busy machine
/// emulates slowly.
const SLOWER: u32 = 3;

/// The longest time from the card's leaving until the validator must be ready again, because the bus may not stop.
pub const READY_AGAIN: Duration = Duration::from_secs(1);

/// The longest time from the result until the reader releases the card.
const LET_GO: Duration = Duration::from_millis(500);

/// Number of polls that stay unanswered before a reader takes a card for removed (EMV Contactless Book D, removal
/// procedure).
const REMOVAL_POLLS: u32 = 3;

/// The longest time that an order to the emulator takes.
const ORDER: Duration = Duration::from_secs(1);

/// The parameters of a tap.
pub struct TapPlayer<'a> {
    /// Number of the tap in the sub-case, from 1.
    pub number: u32,
    /// Name of the card image.
    pub name: &'a str,
    /// The card.
    pub card: &'a mut Card,
    /// Another card in the field.
    pub beside: Option<Beside>,
    /// How long the card is held. If it is `None`, the card is held until the validator releases it.
    pub hold: Option<Duration>,
    /// Whether times are modelled. Then `hold` is a time on the modelled air until the transaction is over, so that a
    /// slow machine takes the card away at the same moment as a fast one.
    pub modelled: bool,
    /// Faults on the air.
    pub injections: &'a [Injection],
    /// What the rig does in the middle of the tap.
    pub during: &'a [During],
    /// Whether each frame on the air is reported.
    pub frames: bool,
}

impl<'a> TapPlayer<'a> {
    /// One card that is held until the validator releases it, without faults and without a report of frames.
    pub fn plain(number: u32, name: &'a str, card: &'a mut Card, modelled: bool) -> Self {
        Self { number, name, card, beside: None, hold: None, modelled, injections: &[], during: &[], frames: false }
    }

    /// Plays a tap in which nobody cuts the power, and emits everything that happens. Returns whether the validator was ready
    /// again.
    ///
    /// # Errors
    /// [`BenchError`] if a link fails. A wrong reaction of the device is not an error.
    pub async fn play(self, links: &mut Links, scope: &Scope) -> Result<ReadyAgain, BenchError> {
        Ok(self.play_to_end(links, scope).await?.ready.unwrap_or(ReadyAgain::Not))
    }

    /// Plays the tap and emits everything that happens, up to whether the validator was ready again, or up to the moment at
    /// which its power is to be cut.
    ///
    /// # Errors
    /// As for [`TapPlayer::play`].
    pub(super) async fn play_to_end(self, links: &mut Links, scope: &Scope) -> Result<TapEnd, BenchError> {
        self.card.reset();
        // A device that does not say that it is ready again shows it by its next polls.
        let (tells_result, tells_ready) = (links.validator.tells_result(), links.validator.tells_ready());
        let sees_polls = !tells_ready && links.card.capabilities().can.contains(&CardCapability::Frames);
        let reports_frames = self.frames || sees_polls;
        links.card.configure(&self.card.front(), self.beside, reports_frames).await?;
        scope.emit(Source::Rig, Body::Presented { tap: self.number, card: self.name.to_owned() });
        links.card.present().await?;

        let mut scene = Scene {
            armed: Waiting::new(self.injections, |injection| injection.at),
            acts: Waiting::new(self.during, |during| during.at),
            due: None,
            said: vec![],
            power_cut: false,
            beside: self.beside,
            reports_frames,
            traffic_before: Traffic::default(),
            last_air_us: 0,
            counted_us: 0,
            air_before: 0,
            returns_at: None,
            card: self.card,
            scope,
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
            frames: self.frames,
            polls: 0,
            noticed: false,
            tells_result,
        };
        let slower = if self.modelled { SLOWER } else { 1 };
        let longest = HOLD * slower;
        let mut held = self.hold.unwrap_or(longest);
        if self.modelled && self.hold.is_some() {
            scene.hold_us = Some(micros(held));
            let deadline = tokio::time::Instant::now() + longest.max(held);
            scene.until(links, deadline, |scene| scene.is_over() || scene.result || scene.is_held_enough()).await?;
            if scene.result {
                // If a reader begins again with a card that stays, the card answers.
                scene.hold_us = None;
            }
            held = held.saturating_sub(Duration::from_micros(scene.air_us));
        }
        let held = tokio::time::Instant::now() + held;
        // A validator that restarts has forgotten the card, so there will be no result.
        // A person can't be asked before the card is away, so the card goes when the reader has released it.
        let watched = links.validator.is_watched();
        scene
            .until(links, held, |scene| {
                scene.is_over() || ((scene.result || watched && scene.released) && self.hold.is_none())
            })
            .await?;
        if scene.power_cut {
            scene.tell_balance();
            scene.card.reset();
            return Ok(TapEnd { ready: None, empties_journal: false });
        }
        if scene.result && self.hold.is_none() {
            if !scene.active && !scene.released && scene.removed.is_none() {
                // A result without a command may come before the note that the card was activated, because the two take
                // different ways.
                links.card.catch_up().await?;
                let deadline = tokio::time::Instant::now() + ORDER;
                scene.until(links, deadline, |scene| scene.caught_up).await?;
            }
            let let_go = tokio::time::Instant::now() + LET_GO * slower;
            scene.until(links, let_go, |scene| !scene.active || scene.removed.is_some()).await?;
        }
        if scene.removed.is_none() {
            links.card.remove().await?;
            let deadline = tokio::time::Instant::now() + ORDER;
            scene.until(links, deadline, |scene| scene.removed.is_some()).await?;
        }
        let Some(traffic) = scene.removed else { return Err(not_removed()) };
        let traffic = scene.traffic_before.and(&traffic);
        scope.emit(Source::Emulator, Body::Removed { traffic, air_us: scene.air_us });
        scene.tell_balance();
        scene.card.reset();
        scene.noticed |= traffic.from_card > 0;
        let seen = if watched {
            let told = links.validator.seen().await?;
            for (signal, said) in told.signals {
                scene.signal(signal, said, None);
            }
            told.ready
        } else {
            let ready = match (tells_ready, sees_polls) {
                (true, _) if scene.until_ready(links).await? => true,
                // A reader does not have to notice a card that leaves at once, and a validator that has noticed nothing
                // has nothing to say. It has been ready all the time if it still answers.
                (true, _) => self.hold.is_some() && !scene.noticed && scene.is_untouched(links).await?,
                (false, true) => scene.until_polled(links).await?,
                (false, false) => scene.is_answering(links).await?,
            };
            match (ready, scene.restarted) {
                (_, true) => ReadyAgain::Restarted,
                (true, false) => ReadyAgain::InTime,
                (false, false) => ReadyAgain::Not,
            }
        };
        if self.frames {
            // The reader's last frames may come after the validator's word that it is ready, because the two take different
            // ways. They belong to this tap.
            scene.caught_up = false;
            links.card.catch_up().await?;
            let deadline = tokio::time::Instant::now() + ORDER;
            scene.until(links, deadline, |scene| scene.caught_up).await?;
        }
        let empties_journal = match seen {
            // A validator that is not ready has no answers either.
            ReadyAgain::Not | ReadyAgain::Restarted => false,
            ReadyAgain::InTime | ReadyAgain::NotSeen => scene.take_replies(links).await?,
        };
        scope.emit(Source::Rig, Body::ReadyAgain { tap: self.number, seen, within_us: micros(READY_AGAIN) });
        Ok(TapEnd { ready: Some(seen), empties_journal })
    }
}

/// How a tap ended.
pub(super) struct TapEnd {
    /// Whether the validator was ready again. `None`: its power is to be cut now.
    pub(super) ready: Option<ReadyAgain>,
    /// Whether a line on the console has emptied the journal.
    pub(super) empties_journal: bool,
}

fn not_removed() -> BenchError {
    let what = "the note that the card is out of the field".into();
    LinkError::Deadline { what, from: "the card emulator", within: ORDER, silent: false }.into()
}

/// The tap in progress.
struct Scene<'a> {
    /// Faults that wait for their commands.
    armed: Waiting<'a, Injection>,
    /// Acts that wait for their commands.
    acts: Waiting<'a, During>,
    /// The act whose command has come. The reader waits.
    due: Option<Due<'a>>,
    /// Lines that were sent to the console and whose replies nobody has read yet.
    said: Vec<String>,
    /// Whether the validator's power is to be cut now.
    power_cut: bool,
    card: &'a mut Card,
    scope: &'a Scope,
    commands: u32,
    active: bool,
    released: bool,
    /// Whether the card side has reported everything from before the result.
    caught_up: bool,
    removed: Option<Traffic>,
    /// What was on the air before the card left the field for a time.
    traffic_before: Traffic,
    /// Who is beside the card.
    beside: Option<Beside>,
    /// Whether the card side reports frames.
    reports_frames: bool,
    /// Time on the air of the last note.
    last_air_us: u64,
    /// What the card side counted at its last note.
    counted_us: u64,
    /// Time on the air from which the card side counts.
    air_before: u64,
    /// Time on the air at which the card is put back, until a note says that it is there.
    returns_at: Option<u64>,
    /// Time on the air at the last sign of the transaction.
    air_us: u64,
    result: bool,
    /// Whether the validator reported after its result that it is ready.
    ready: bool,
    /// Whether the validator reported a start although nobody asked for it.
    restarted: bool,
    /// The modelled time at which the card is taken away.
    hold_us: Option<u64>,
    /// Whether frames on the air go into the record.
    frames: bool,
    /// Number of polls for type A since the card left the field.
    polls: u32,
    /// Whether the validator has shown that it noticed the card: its reader activated it or sent it a command, the card
    /// answered a frame, or the validator reported something.
    noticed: bool,
    /// Whether the device reports a result.
    tells_result: bool,
}

impl Scene<'_> {
    /// Whether nothing more is expected.
    fn is_over(&self) -> bool {
        self.removed.is_some() || self.restarted || self.power_cut
    }

    fn is_held_enough(&self) -> bool {
        self.hold_us.is_some_and(|hold| self.air_us >= hold)
    }

    /// Serves both links until `done`, or until the deadline. Acts that become due are done, and their time is not counted.
    async fn until(
        &mut self,
        links: &mut Links,
        mut deadline: tokio::time::Instant,
        done: impl Fn(&Self) -> bool,
    ) -> Result<(), BenchError> {
        loop {
            self.serve(links, deadline, |scene| scene.due.is_some() || done(scene)).await?;
            let Some(due) = self.due.take() else { return Ok(()) };
            let began = tokio::time::Instant::now();
            self.act(due, links).await?;
            deadline += began.elapsed();
        }
    }

    /// Serves both links until `done`, or until the deadline.
    async fn serve(
        &mut self,
        links: &mut Links,
        deadline: tokio::time::Instant,
        done: impl Fn(&Self) -> bool,
    ) -> Result<(), BenchError> {
        while !done(self) {
            // The card's commands come first, because a reader waits for them.
            tokio::select! {
                biased;
                note = links.card.note(deadline) => match note? {
                    Some(note) => self.note(note, links).await?,
                    None => return Ok(()),
                },
                told = links.validator.signal(deadline) => match told? {
                    Some((signal, said)) => {
                        self.signal(signal, said, links.validator.board_us());
                    }
                    None => return Ok(()),
                },
            }
        }
        Ok(())
    }

    async fn until_ready(&mut self, links: &mut Links) -> Result<bool, BenchError> {
        let deadline = tokio::time::Instant::now() + READY_AGAIN;
        // A card that is left on the reader does not stop the bus: the validator may be ready before the card has gone.
        if self.ready {
            return Ok(true);
        }
        loop {
            tokio::select! {
                biased;
                note = links.card.note(deadline) => match note? {
                    Some(note) => self.note(note, links).await?,
                    None => return Ok(false),
                },
                told = links.validator.signal(deadline) => match told? {
                    Some((signal, said)) => if self.signal(signal, said, links.validator.board_us()) { return Ok(true) },
                    None => return Ok(false),
                },
            }
        }
    }

    /// Waits until the reader polls for the next card. A reader first makes sure that the card has gone, by polls that
    /// look the same. If it polls so seldom that their number is not reached in time, one poll is enough.
    async fn until_polled(&mut self, links: &mut Links) -> Result<bool, BenchError> {
        let deadline = tokio::time::Instant::now() + READY_AGAIN;
        self.until(links, deadline, |scene| scene.polls > REMOVAL_POLLS || scene.restarted).await?;
        Ok(self.polls > 0 && self.is_answering(links).await?)
    }

    /// Whether the console answers. Everything that the device reported before has been emitted then.
    async fn is_answering(&mut self, links: &mut Links) -> Result<bool, BenchError> {
        match links.validator.catch_up().await {
            Ok(()) => {}
            Err(LinkError::Deadline { .. }) => return Ok(false),
            Err(error) => return Err(error.into()),
        }
        self.take_signals(links).await?;
        Ok(true)
    }

    /// Emits what the electronic cash of the card holds.
    fn tell_balance(&self) {
        if let Some(balance) = self.card.balance() {
            self.scope.emit(Source::Emulator, Body::Balance { fen: balance.fen });
        }
    }

    /// Emits the replies to the lines that were sent to the console in the middle of the tap. Returns whether one of them has
    /// emptied the journal.
    async fn take_replies(&mut self, links: &mut Links) -> Result<bool, BenchError> {
        let mut empties_journal = false;
        for line in std::mem::take(&mut self.said) {
            let conversation = links.validator.answer_to(&line).await?;
            empties_journal |= conversation.empties_journal;
            self.scope.emit(Source::Validator, Body::ConsoleReply(conversation.reply));
        }
        Ok(empties_journal)
    }

    /// Emits everything that the validator has reported.
    async fn take_signals(&mut self, links: &mut Links) -> Result<(), BenchError> {
        while let Some((signal, said)) = links.validator.signal(tokio::time::Instant::now()).await? {
            let board_us = links.validator.board_us();
            self.signal(signal, said, board_us);
        }
        Ok(())
    }

    /// Whether the validator answers a question, and still has not reported anything.
    async fn is_untouched(&mut self, links: &mut Links) -> Result<bool, BenchError> {
        match links.validator.identity().await {
            Ok(_) => {}
            Err(LinkError::Deadline { .. }) => return Ok(false),
            Err(error) => return Err(error.into()),
        }
        self.take_signals(links).await?;
        Ok(!self.noticed)
    }

    /// Emits what the validator reports. Returns true when it is ready.
    fn signal(&mut self, signal: Signal, said: Fields, board_us: Option<u64>) -> bool {
        let ready = matches!(signal, Signal::Ready {});
        self.noticed = true;
        // A device without results ends a tap with its sound and its gate.
        self.result |= match signal {
            Signal::Result { .. } => true,
            Signal::Sound { .. } | Signal::Gate { .. } => !self.tells_result,
            _ => false,
        };
        self.ready |= ready && self.result;
        self.restarted |= matches!(signal, Signal::Started {});
        self.scope.emit_at(Instant::now(), board_us, Source::Validator, Body::Signal { signal, said });
        ready
    }

    async fn note(&mut self, mut note: CardNote, links: &mut Links) -> Result<(), BenchError> {
        self.heed(&mut note);
        let tell = |body| self.scope.emit_at(Instant::now(), note.board_us, Source::Emulator, body);
        match note.what {
            What::Command { number, ref command } => {
                self.noticed = true;
                self.air_us = note.air_us;
                // A card that has left the field answers nothing.
                if self.is_held_enough() {
                    return Ok(());
                }
                if let Some(during) = self.acts.next(CommandName::of(command)) {
                    self.due = Some(Due { during, note });
                    return Ok(());
                }
                return self.command(number, command, &note, links).await;
            }
            What::Field { on } => {
                self.active &= on;
                tell(Body::Field { on, air_us: Some(note.air_us) });
            }
            What::Activated { fsd } => {
                // Without an FSD the card only got power. A PC/SC reader does that by itself.
                self.noticed |= fsd.is_some();
                self.active = true;
                self.air_us = note.air_us;
                tell(Body::Activated { fsd });
            }
            What::Released(how) => {
                self.active = false;
                if !self.released {
                    self.released = true;
                    self.air_us = note.air_us;
                }
                tell(Body::Released { how });
            }
            What::Removed(traffic) => {
                self.active = false;
                self.removed = Some(traffic);
            }
            What::Frame { from_card, short, late, bytes } => {
                self.polls += u32::from(self.removed.is_some() && short && !from_card);
                if self.frames {
                    let (bytes, air_us) = (Bytes(bytes), Some(note.air_us));
                    tell(Body::Frame { from_card, short, bytes, masked: false, late, air_us });
                }
            }
            What::Trouble(text) => tell(Body::Note { text }),
            What::Started => {
                return Err(BenchError::Ended {
                    role: Role::Emulator,
                    why: "it started again in the middle of a tap".into(),
                });
            }
            What::CaughtUp => self.caught_up = true,
        }
        Ok(())
    }

    async fn command(
        &mut self,
        number: u16,
        command: &[u8],
        note: &CardNote,
        links: &mut Links,
    ) -> Result<(), BenchError> {
        self.commands += 1;
        let injected = self.armed.next(CommandName::of(command));
        let asked = Asked { note, number, command, exchange: self.commands };
        exchange::answer(self.card, &mut *links.card, self.scope, &asked, injected).await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
