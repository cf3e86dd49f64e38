//! Whether a bench is fit for a run: the checks of `taprig bench check`, in the order of the first day of real boards.
//! It stops after the first step in which something failed.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use taprig_bench::check::ports::{self, System, any_failed};
use taprig_bench::check::{CheckStep, Finding, chip, host};
use taprig_bench::{Bench, BenchError, Config};
use taprig_card::Card;
use taprig_model::event::{Body, Event, ReadyAgain, Signal, Word};
use taprig_model::expect::Outcome;
use taprig_model::situation::Situation;
use taprig_record::Recorder;

use super::station::Stop;
use super::tap::TapPlayer;

/// How often a debug probe attaches while the firmware sleeps, briefly and thoroughly.
const ATTACHES: (u32, u32) = (1, 50);

/// How long the clocks are compared.
const CLOCK: Duration = Duration::from_secs(10);

/// How often a card is held to the reader, briefly and thoroughly.
const CARDS: (u32, u32) = (1, 20);

/// How many frames are counted each way in a thorough check.
const FRAMES: u32 = 10_000;

/// What a check does.
#[derive(Debug, Clone, Copy, Default)]
pub struct Extent {
    /// Checks that take longer: the clocks, and more repetitions.
    pub thorough: bool,
    /// Whether a real board that runs another image is flashed.
    pub flash: bool,
    /// Whether the air of the validator is wired to itself. Then the check ends with the loop test.
    pub wired_to_itself: bool,
    /// How many frames are counted each way. `None`: none in a brief check, 10,000 in a thorough one.
    pub frames: Option<u32>,
}

/// What the tap of a check needs.
#[derive(Debug)]
pub struct CheckTap {
    /// Name of the card image.
    pub name: String,
    /// The card.
    pub card: Card,
    /// The settings of the validator.
    pub situation: Situation,
}

/// A check of one bench.
pub struct Checkup<'a> {
    config: Arc<Config>,
    recorder: Recorder,
    extent: Extent,
    tell: &'a mut dyn FnMut(&Finding),
    fit: bool,
}

impl<'a> Checkup<'a> {
    /// A check that tells each finding as it comes.
    pub fn new(config: Arc<Config>, recorder: Recorder, extent: Extent, tell: &'a mut dyn FnMut(&Finding)) -> Self {
        Self { config, recorder, extent, tell, fit: true }
    }

    /// Checks the bench. `records` is the folder in which records are written. `silent` is what is wrong with an adapter
    /// program that does not greet. `tap` is why there is no tap, or what it needs. Returns whether the bench is fit, or `None` if the check was stopped.
    ///
    /// # Errors
    /// The operating system provides no event queue.
    pub fn run(
        mut self,
        records: &Path,
        silent: Option<Finding>,
        tap: Result<CheckTap, String>,
        stop: &Stop,
    ) -> std::io::Result<Option<bool>> {
        let (name, file) = (self.config.name.clone(), self.config.bench.clone());
        if !self.step(host::check(&name, records)) {
            return Ok(Some(false));
        }
        let ports = ports::check(&file, &System::default()).into_iter().chain(silent).collect();
        if !self.step(ports) {
            return Ok(Some(false));
        }
        let chips = chip::check(&file);
        if !self.step(chips) {
            return Ok(Some(false));
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let ended = runtime.block_on(async {
            tokio::select! {
                biased;
                () = stop.stopped() => None,
                () = self.with_power(tap) => Some(()),
            }
        });
        Ok(ended.map(|()| self.fit))
    }

    /// Tells the findings of a step. Returns whether the next step makes sense.
    fn step(&mut self, findings: Vec<Finding>) -> bool {
        findings.iter().for_each(|finding| (self.tell)(finding));
        self.fit &= !any_failed(&findings);
        self.fit
    }

    /// The same for a step that may end with an error.
    fn done<T: Into<Vec<Finding>>>(&mut self, step: CheckStep, done: Result<T, BenchError>) -> bool {
        let findings = match done {
            Ok(findings) => findings.into(),
            Err(error) => vec![Finding::error(step, of(&error), &error)],
        };
        self.step(findings)
    }

    async fn with_power(&mut self, tap: Result<CheckTap, String>) {
        let opened = Bench::for_check(&self.config, &self.recorder).await;
        let mut bench = match opened {
            Ok(bench) => bench,
            Err(error) => {
                self.done::<Vec<_>>(CheckStep::Flash, Err(error));
                return;
            }
        };
        self.on_the_bench(&mut bench, tap).await;
        // Power that can't be taken away is a fault too.
        let off = bench.power_off().await.map(|()| vec![]);
        self.done(CheckStep::Flash, off);
    }

    async fn on_the_bench(&mut self, bench: &mut Bench, tap: Result<CheckTap, String>) {
        let firmware = bench.check_firmware(self.extent.flash).await;
        if !self.done(CheckStep::Flash, firmware) {
            return;
        }
        let links = bench.check_links().await;
        if !self.done(CheckStep::Console, links) {
            return;
        }
        if self.extent.wired_to_itself {
            let looped = bench.check_loop().await.map(one);
            self.done(CheckStep::Loop, looped);
            return;
        }
        let tap = match tap {
            Ok(_) if bench.is_watched() => {
                Err("a person judges this device, so a case has to ask that person".to_owned())
            }
            tap => tap,
        };
        let mut tap = match tap {
            Ok(tap) => tap,
            Err(why) => {
                self.step(vec![Finding::not_applicable(CheckStep::Tap, "validator", why)]);
                return;
            }
        };
        if !self.air(bench, &tap).await {
            return;
        }
        if self.extent.thorough {
            let clock = bench.check_clock(CLOCK).await;
            if !self.done(CheckStep::Clock, clock) {
                return;
            }
        }
        let settings = bench.check_settings(&tap.situation).await.map(one);
        if !self.done(CheckStep::Settings, settings) {
            return;
        }
        let times = if self.extent.thorough { ATTACHES.1 } else { ATTACHES.0 };
        if !self.step(chip::check_asleep(&self.config.bench, times)) {
            return;
        }
        let tapped = self.tap(bench, &mut tap).await.map(one);
        self.done(CheckStep::Tap, tapped);
    }

    async fn air(&mut self, bench: &mut Bench, tap: &CheckTap) -> bool {
        let front = tap.card.front();
        let situated = async {
            bench.fresh().await?;
            bench.situate(&tap.situation, *b"checkair").await
        };
        if let Err(error) = situated.await {
            return self.done::<Vec<_>>(CheckStep::Air, Err(error));
        }
        let times = if self.extent.thorough { CARDS.1 } else { CARDS.0 };
        let frames = self.extent.frames.or(self.extent.thorough.then_some(FRAMES));
        let more = frames.is_some();
        let mut last = vec![];
        for time in 1..=times {
            match bench.check_air(&front, time < times || more).await {
                Ok(finding) if times > 1 => last = one(finding.among(&format!("card {time} of {times}"))),
                Ok(finding) => last = one(finding),
                Err(error) => return self.done::<Vec<_>>(CheckStep::Air, Err(error)),
            }
            if any_failed(&last) {
                break;
            }
        }
        if !self.step(last) {
            return false;
        }
        match frames {
            None => true,
            Some(frames) => {
                let counted = bench.check_frames(&front, frames).await.map(one);
                self.done(CheckStep::Air, counted)
            }
        }
    }

    /// Plays one tap. That the device declines the card is no fault of the bench.
    async fn tap(&mut self, bench: &mut Bench, tap: &mut CheckTap) -> Result<Finding, BenchError> {
        let scope = self.recorder.scope().case("tap");
        let own = bench.scope().clone();
        bench.tell_to(scope.clone());
        let modelled = bench.is_modelled();
        let Some(links) = bench.links() else {
            return Ok(Finding::not_applicable(CheckStep::Tap, "validator", "it is off"));
        };
        let player = TapPlayer::plain(1, &tap.name, &mut tap.card, modelled);
        let ready = player.play(links, &scope).await?;
        let notes = bench.take_lost();
        bench.tell_to(own);
        if notes > 0 {
            return Err(BenchError::Lost { notes });
        }
        Ok(tapped(&tap.name, &scope.events(), ready))
    }
}

/// What a tap shows about the bench.
fn tapped(card: &str, events: &[Event], ready: ReadyAgain) -> Finding {
    let exchanges = events.iter().filter(|event| matches!(event.body, Body::Exchange(_))).count();
    let outcome = events.iter().find_map(|event| match &event.body {
        Body::Signal { signal: Signal::Result { outcome: Some(outcome), .. }, .. } => Some(outcome),
        _ => None,
    });
    let words = match outcome {
        Some(Word::Known(outcome)) => outcome.as_str().to_owned(),
        Some(Word::Unknown(word)) => format!("`{word}`"),
        None => "no outcome reported".to_owned(),
    };
    let seen = format!("{exchanges} exchanges with {card}: {words}");
    let part = "validator";
    if exchanges == 0 {
        let advice = "`taprig tap` shows the whole tap; check that the validator is ready for a card";
        return Finding::failed(CheckStep::Tap, part, seen, advice);
    }
    if !matches!(ready, ReadyAgain::InTime) {
        let advice = "`taprig tap` shows the whole tap; cases judge whether the device is right";
        return Finding::warning(CheckStep::Tap, part, format!("{seen}; it was not ready again in time"), advice);
    }
    match outcome {
        Some(Word::Known(Outcome::Approved)) | None => Finding::ok(CheckStep::Tap, part, seen),
        Some(_) => Finding::warning(
            CheckStep::Tap,
            part,
            seen,
            "`taprig tap` shows the reason; the device needs the test keys of fixtures/keys and a set clock to approve",
        ),
    }
}

fn one(finding: Finding) -> Vec<Finding> {
    vec![finding]
}

/// The part that an error is about.
fn of(error: &BenchError) -> &'static str {
    match error {
        BenchError::State { .. } | BenchError::NoSlot { .. } => "this machine",
        BenchError::NotReady { role, .. }
        | BenchError::Silent { role, .. }
        | BenchError::Start { role, .. }
        | BenchError::Ended { role, .. }
        | BenchError::WrongBoard { role, .. }
        | BenchError::Swapped { role, .. }
        | BenchError::WrongProbe { role, .. }
        | BenchError::WrongChip { role, .. }
        | BenchError::Stale { role, .. }
        | BenchError::Unflashed { role, .. }
        | BenchError::Digest { role, .. }
        | BenchError::Nonce { role, .. }
        | BenchError::NoPort { role, .. }
        | BenchError::SeveralPorts { role, .. }
        | BenchError::Flash { role, .. } => taprig_bench::check::part(*role),
        BenchError::Power { .. } => "power switch",
        _ => "bench",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use taprig_bench::check::State;
    use taprig_model::event::{Exchange, Fields, Source};

    fn events(outcome: Option<Outcome>, exchanges: usize) -> Vec<Event> {
        let recorder = Recorder::start(None, taprig_record::Options::default(), vec![]).unwrap();
        let scope = recorder.scope().case("tap");
        for _ in 0..exchanges {
            scope.emit(Source::Emulator, Body::Exchange(Exchange::default()));
        }
        if let Some(outcome) = outcome {
            let outcome = Some(Word::Known(outcome));
            let signal = Signal::Result { outcome, reason: None, charged: None, held: None, cvm: None };
            scope.emit(Source::Validator, Body::Signal { signal, said: Fields::default() });
        }
        scope.events()
    }

    #[test]
    fn a_card_that_is_declined_is_no_fault_of_the_bench() {
        let state = |outcome, exchanges, ready| tapped("a card", &events(outcome, exchanges), ready).state;
        let in_time = ReadyAgain::InTime;
        assert_eq!(state(Some(Outcome::Approved), 9, in_time), State::Ok);
        assert_eq!(state(Some(Outcome::Declined), 9, in_time), State::Warning);
        assert_eq!(state(None, 9, in_time), State::Ok);
        assert_eq!(state(Some(Outcome::Approved), 9, ReadyAgain::Not), State::Warning);
        assert_eq!(state(Some(Outcome::TryAgain), 0, in_time), State::Failed);
    }
}
