//! One round: known state, an act in which the power is cut, and everything again until the books are complete.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use taprig_acquirer::{Host, Setup};
use taprig_bench::validator_side::{AIR_DEAD, JournalPage, WORK, work_ends};
use taprig_bench::{Bench, BenchError};
use taprig_card::Card;
use taprig_case::plan::Keys;
use taprig_model::acquirer::Work;
use taprig_model::acquirer::rules::{DenyList, ListVersion, PageSize, Rules};
use taprig_model::event::{Body, Event, Fields, JournalRow, ReadyAgain, Role, Signal, Source};
use taprig_model::settings::{DenyEntry, Settings};
use taprig_model::situation::Situation;
use taprig_model::units::{DateTime, Money, Pan};
use taprig_record::Scope;

use super::Drawn;
use super::model::{Journey, Seen};
use super::phase::{Act, Observed, Phase, Progress};
use super::table::Cut;
use crate::run::tap::TapPlayer;

/// The longest time from power to readiness.
pub const READY: Duration = Duration::from_secs(2);

/// How long the validator is left alone in [`Act::Idle`].
const IDLE: Duration = Duration::from_millis(300);

/// What rides cost before and after the change of the fare.
const FARES: [u64; 2] = [100, 200];

/// A rider.
#[derive(Clone)]
pub struct Rider {
    /// Name of the card image.
    pub name: String,
    /// The card.
    pub card: Card,
    /// The number of its account.
    pub account: Pan,
}

/// What all rounds have in common.
pub struct Stage {
    /// The state in which each round begins.
    pub situation: Situation,
    /// Keys that settings name.
    pub keys: Arc<Keys>,
    /// The acquirer's keys.
    pub acquirer: Setup,
    /// Three riders with different cards. The third one is barred where a list is changed.
    pub riders: [Rider; 3],
}

/// How a round ended.
#[derive(Debug)]
pub enum Played {
    /// The power was cut and everything was judged.
    Cut(Cut),
    /// The act was played without a cut.
    Whole(Observed),
    /// The rig was too slow for the validator's reader, so the round says nothing about the validator.
    Disturbed,
}

/// A round that is being played.
struct Round<'a> {
    stage: &'a Stage,
    scope: &'a Scope,
    riders: [Rider; 3],
    act: Act,
    began: Instant,
    taps: u32,
    journeys: Vec<Journey>,
    fen: u64,
    /// The validator did something wrong.
    wrong: Option<String>,
}

/// Plays a round: the act of `drawn` with its cut, or without a cut where nothing was `observed` yet. `number` is a number that no
/// earlier round on this bench had.
///
/// # Errors
/// The rig can't go on. What the validator does wrong is no error.
pub async fn play(
    bench: &mut Bench,
    stage: &Stage,
    scope: &Scope,
    (seed, drawn): (u64, Drawn),
    observed: Option<&Observed>,
    number: u32,
) -> Result<Played, BenchError> {
    bench.tell_to(scope.clone());
    bench.fresh().await?;
    let mut nonce = [0; 8];
    nonce[..4].copy_from_slice(&std::process::id().to_be_bytes());
    nonce[4..].copy_from_slice(&number.to_be_bytes());
    bench.situate(&stage.situation, nonce).await?;
    let mut round = Round {
        stage,
        scope,
        riders: stage.riders.clone(),
        act: drawn.act,
        began: Instant::now(),
        taps: 0,
        journeys: vec![],
        fen: FARES[0],
        wrong: None,
    };
    bench.acquirer_begins(Host::new(stage.acquirer.clone(), round.rules(number)));
    let played = round.all(bench, seed, drawn, observed).await;
    let ended = bench.acquirer_ends();
    bench.hear_out();
    let played = played?;
    ended?;
    let disturbed = scope
        .has(|event| matches!(&event.body, Body::Signal { signal: Signal::Fault { what }, .. } if what == AIR_DEAD));
    if disturbed || bench.take_lost() > 0 { Ok(Played::Disturbed) } else { Ok(played) }
}

impl Round<'_> {
    /// The acquirer has a deny list in two pages. The card that matters is on the second one, so a list without its end lets it in.
    fn rules(&self, version: u32) -> Rules {
        let [_, second, third] = &self.riders;
        // The second rider does not tap in this act.
        let is_barred = self.act == Act::Download;
        let cards = if is_barred { vec![second.account.clone(), third.account.clone()] } else { vec![] };
        let version = ListVersion(version % 99_999_999 + 1);
        let deny_list = DenyList { version, page: Some(PageSize(1)), cards };
        Rules { deny_list: Some(deny_list), ..Rules::default() }
    }

    async fn all(
        &mut self,
        bench: &mut Bench,
        seed: u64,
        drawn: Drawn,
        observed: Option<&Observed>,
    ) -> Result<Played, BenchError> {
        self.before(bench).await?;
        let (began, before) = (Instant::now(), self.scope.events().len());
        let Some(observed) = observed else {
            self.act(bench).await?;
            let took = began.elapsed();
            let events = self.scope.events().split_off(before);
            self.after(bench).await?;
            if let Some(wrong) = self.wrong.take() {
                return Ok(Played::Cut(self.cut(seed, drawn, Phase::Over, took, Duration::ZERO, Some(wrong))));
            }
            let began_us = self.scope.recorder().micros(began);
            return Ok(Played::Whole(Observed::of(drawn.act, &events, began_us, took)));
        };
        let at = drawn.at(observed.span(drawn.phase));
        let over = until(began + at, self.act(bench)).await;
        let at = began.elapsed();
        if let Some(over) = over {
            over?;
        }
        let is_over = self.is_over(before);
        self.take_signals(bench).await?;
        let events = self.scope.events().split_off(before);
        let phase =
            if is_over { Phase::Over } else { Progress::of(drawn.act, &events).phase(drawn.act, &observed.whole) };
        if let Err(error) = bench.power_cycle().await {
            let is_the_validators = matches!(
                error,
                BenchError::NotReady { role: Role::Validator, .. }
                    | BenchError::Silent { role: Role::Validator, .. }
                    | BenchError::Ended { role: Role::Validator, .. }
            );
            if !is_the_validators {
                return Err(error);
            }
            return Ok(Played::Cut(self.cut(seed, drawn, phase, at, READY, Some(error.to_string()))));
        }
        let ready = self.ready();
        let rows = self.again(bench).await?;
        let now = Seen::of(&self.scope.events()).holds(&rows);
        if self.act == Act::Download {
            // Whichever list is in force, this rider is on it.
            self.ride(bench, 2, 0).await?;
        }
        self.act(bench).await?;
        self.join_journeys();
        let rows = self.after(bench).await?;
        let ends = Seen::of(&self.scope.events()).ends(&rows, &self.journeys);
        let late = if ready > READY { Err(format!("ready {ready:?} after the power came on")) } else { Ok(()) };
        let wrong = self.wrong.take().map_or(Ok(()), Err);
        let violated = now.and(late).and(wrong).and(ends).err();
        Ok(Played::Cut(self.cut(seed, drawn, phase, at, ready, violated)))
    }

    fn cut(
        &self,
        seed: u64,
        drawn: Drawn,
        phase: Phase,
        at: Duration,
        ready: Duration,
        violated: Option<String>,
    ) -> Cut {
        Cut { seed, act: drawn.act, phase, at, ready, violated }
    }

    /// What has happened before the act.
    async fn before(&mut self, bench: &mut Bench) -> Result<(), BenchError> {
        match self.act {
            Act::Upload | Act::Settle => {
                self.ride(bench, 0, 1).await?;
                self.ride(bench, 1, 1).await?;
                if self.act == Act::Settle {
                    self.work(bench, Work::Upload).await?;
                }
            }
            // The third rider is on the old list, and on the last page of the new one.
            Act::Download => self.bar(bench).await?,
            Act::Idle | Act::Start | Act::Tap | Act::Bar | Act::Fare => {}
        }
        Ok(())
    }

    /// The act itself.
    async fn act(&mut self, bench: &mut Bench) -> Result<(), BenchError> {
        match self.act {
            Act::Idle => bench.idle(IDLE).await,
            Act::Start => bench.power_cycle().await,
            Act::Tap => self.ride(bench, 0, 1).await,
            Act::Upload => self.work(bench, Work::Upload).await,
            Act::Settle => self.work(bench, Work::Settle).await,
            Act::Download => self.work(bench, Work::DenyList).await,
            Act::Bar => self.bar(bench).await,
            Act::Fare => {
                let fare = Money::from_fen(FARES[1]).into();
                self.apply(bench, &Settings { fare: Some(fare), ..Settings::default() }).await
            }
        }
    }

    /// The validator takes the third rider on its deny list.
    async fn bar(&mut self, bench: &mut Bench) -> Result<(), BenchError> {
        let entry = DenyEntry { pan: self.riders[2].account.clone(), psn: None };
        self.apply(bench, &Settings { deny_list: Some(vec![entry]), ..Settings::default() }).await
    }

    /// What follows the act: rides, claims and the settlement. Returns the journal.
    async fn after(&mut self, bench: &mut Bench) -> Result<Vec<JournalRow>, BenchError> {
        match self.act {
            Act::Start => self.set_clock(bench).await?,
            Act::Fare => self.fen = FARES[1],
            _ => {}
        }
        match self.act {
            Act::Download | Act::Bar => {
                self.ride(bench, 2, 0).await?;
                self.ride(bench, 0, 1).await?;
            }
            // These riders were charged before.
            Act::Upload | Act::Settle => self.ride(bench, 2, 1).await?,
            Act::Idle | Act::Start | Act::Tap | Act::Fare => self.ride(bench, 1, 1).await?,
        }
        self.work(bench, Work::Upload).await?;
        self.work(bench, Work::Settle).await?;
        journal(bench).await
    }

    /// The power is back: sets the clock, which an emulated board loses, and reads the journal.
    async fn again(&mut self, bench: &mut Bench) -> Result<Vec<JournalRow>, BenchError> {
        self.set_clock(bench).await?;
        journal(bench).await
    }

    async fn set_clock(&mut self, bench: &mut Bench) -> Result<(), BenchError> {
        let Some(clock) = self.stage.situation.settings.clock.and_then(|clock| later(clock, self.began.elapsed()))
        else {
            return Ok(());
        };
        self.apply(bench, &Settings { clock: Some(clock), ..Settings::default() }).await
    }

    async fn apply(&mut self, bench: &mut Bench, settings: &Settings) -> Result<(), BenchError> {
        let keys = self.stage.keys.of(settings);
        let Some(links) = bench.links() else { return Ok(()) };
        for applied in links.validator.apply(settings, &keys).await? {
            if let Some(why) = applied.refused {
                self.wrong.get_or_insert(format!("the validator refused `{}`: {why}", applied.what));
            }
        }
        Ok(())
    }

    /// A rider taps, for so many rides.
    async fn ride(&mut self, bench: &mut Bench, rider: usize, rides: usize) -> Result<(), BenchError> {
        let modelled = bench.is_modelled();
        let Some(links) = bench.links() else { return Ok(()) };
        self.taps += 1;
        self.journeys.push(Journey { first: self.taps, last: self.taps, rides, fen: self.fen });
        let Rider { name, card, .. } = &mut self.riders[rider];
        let tap = TapPlayer::plain(self.taps, name, card, modelled);
        if matches!(tap.play(links, self.scope).await?, ReadyAgain::Not | ReadyAgain::Restarted) {
            self.wrong.get_or_insert(format!("the validator was not ready again after tap {}", self.taps));
        }
        Ok(())
    }

    /// The rider who was interrupted has tapped again: both taps are for one ride.
    fn join_journeys(&mut self) {
        if self.act == Act::Tap
            && let [journey, again] = &self.journeys[..]
        {
            self.journeys = vec![Journey { last: again.last, ..journey.clone() }];
        }
    }

    /// The validator does something with its acquirer, until it says how that has ended.
    async fn work(&mut self, bench: &mut Bench, work: Work) -> Result<(), BenchError> {
        let Some(links) = bench.links() else { return Ok(()) };
        let refused = links.validator.uplink(work).await?;
        if let Some(why) = refused {
            self.wrong.get_or_insert(format!("the validator refused the work {work}: {why}"));
            return Ok(());
        }
        let ended = work_ends(&mut *links.validator, work, |signal, said, board_us| {
            emit(self.scope, signal, said, board_us);
            ControlFlow::Continue(())
        });
        if ended.await? {
            return Ok(());
        }
        self.wrong.get_or_insert(format!("the work {work} did not end within {WORK:?}"));
        Ok(())
    }

    /// Emits what the validator has reported and nobody has read: a gate that has opened has opened.
    async fn take_signals(&self, bench: &mut Bench) -> Result<(), BenchError> {
        let Some(links) = bench.links() else { return Ok(()) };
        links.validator.hear_out();
        while let Some((signal, said)) = links.validator.signal(tokio::time::Instant::now()).await? {
            emit(self.scope, signal, said, links.validator.board_us());
        }
        Ok(())
    }

    /// Whether the act was over before its cut, by the events behind the first `before`.
    fn is_over(&self, before: usize) -> bool {
        let events = self.scope.events().split_off(before);
        let ends = |event: &Event| {
            matches!(
                (self.act, &event.body),
                (Act::Tap, Body::ReadyAgain { .. })
                    | (Act::Upload | Act::Settle | Act::Download, Body::Signal { signal: Signal::Uplink { .. }, .. })
                    | (Act::Start, Body::Ready { role: Role::Validator, .. })
            )
        };
        events.iter().any(ends)
    }

    /// How long the validator took from its last power-on to ready.
    fn ready(&self) -> Duration {
        let took = self.scope.events().into_iter().rev().find_map(|event| match event.body {
            Body::Ready { role: Role::Validator, took_us } => Some(took_us),
            _ => None,
        });
        Duration::from_micros(took.unwrap_or_default())
    }
}

fn emit(scope: &Scope, signal: Signal, said: Fields, board_us: Option<u64>) {
    scope.emit_at(Instant::now(), board_us, Source::Validator, Body::Signal { signal, said });
}

async fn journal(bench: &mut Bench) -> Result<Vec<JournalRow>, BenchError> {
    let Some(links) = bench.links() else { return Ok(vec![]) };
    let JournalPage { rows, .. } = links.validator.journal(1).await?;
    Ok(rows)
}

/// The result of `work`, or nothing if it was not done at the instant.
async fn until<T>(instant: Instant, work: impl Future<Output = T>) -> Option<T> {
    // The timer of the runtime knows milliseconds, and the rest is slept without it, when nobody serves the boards any more.
    let coarse = instant.checked_sub(Duration::from_millis(1)).unwrap_or(instant);
    let done = tokio::select! {
        biased;
        done = work => Some(done),
        () = tokio::time::sleep_until(coarse.into()) => None,
    };
    if done.is_none() {
        std::thread::sleep(instant.saturating_duration_since(Instant::now()));
    }
    done
}

/// A date and time so much later.
fn later(clock: DateTime, by: Duration) -> Option<DateTime> {
    let before: jiff::civil::DateTime = clock.to_string().parse().ok()?;
    let after = before.checked_add(jiff::SignedDuration::from_secs(by.as_secs().try_into().ok()?)).ok()?;
    after.strftime("%Y-%m-%dT%H:%M:%S").to_string().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_goes_on_over_midnight() {
        let clock = "2018-12-31T23:59:50".parse().unwrap();
        assert_eq!(later(clock, Duration::from_secs(15)).unwrap().to_string(), "2019-01-01T00:00:05");
    }
}
