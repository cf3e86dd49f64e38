//! Plays the steps of a sub-case, one after the other.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use taprig_acquirer::{Host, Setup};
use taprig_card::Card;
use taprig_model::acquirer::Work;
use taprig_model::capability::CardCapability;
use taprig_model::event::{Body, ReadyAgain, Role, Signal, Source};
use taprig_model::name::Name;
use taprig_model::settings::Settings;
use taprig_model::step::{Injection, Step, TapStep};

use super::tap::TapPlayer;
use taprig_bench::validator_side::{JournalPage, ValidatorCapability, work_ends};
use taprig_bench::{Bench, BenchError, Links};
use taprig_case::plan::Planned;
use taprig_record::Scope;
use taprig_record::units::micros;

/// Brings fresh boards to the known state and plays all steps. Everything that is seen goes to `scope`. Nothing is
/// judged here.
///
/// # Errors
/// The rig can't go on. A wrong reaction of the device is not an error here, but an event.
pub(super) async fn play(
    bench: &mut Bench,
    planned: &Planned,
    nonce: [u8; 8],
    scope: &Scope,
) -> Result<(), BenchError> {
    bench.fresh().await?;
    let mut stage =
        Stage { planned, scope, cards: planned.cards.clone(), armed: vec![], taps: 0, journal: 0, stuck: false };
    let situation = planned.situation_for(bench.device());
    bench.situate(&situation, nonce).await?;
    if let Some(acquirer) = &planned.acquirer {
        // Only now: what the validator has sent before belongs to an earlier case.
        let rules = acquirer.rules_for(bench.device());
        bench.acquirer_begins(Host::new(Setup::new(acquirer.keys.clone()), rules));
    }
    for (number, step) in (1..).zip(&planned.sub.case.steps) {
        let began = Instant::now();
        scope.emit(Source::Rig, Body::StepStarted { number, step: words(step) });
        match stage.step(bench, step).await {
            Err(BenchError::Link(error)) => match bench.device_stopped(&error).await {
                Some(why) => stage.ended(why),
                None => return Err(error.into()),
            },
            played => played?,
        }
        scope.emit(Source::Rig, Body::StepDone { number, took_us: micros(began.elapsed()) });
        if stage.stuck {
            break;
        }
    }
    if planned.acquirer.is_some() && !stage.stuck {
        stage.books(bench).await?;
    }
    Ok(())
}

/// A sub-case that is being played.
struct Stage<'a> {
    planned: &'a Planned,
    scope: &'a Scope,
    cards: BTreeMap<Option<Name>, (String, Card)>,
    armed: Vec<Injection>,
    taps: u32,
    /// Number of journal records that were read.
    journal: u32,
    /// The validator does not become ready, or has ended, so no further step makes sense.
    stuck: bool,
}

impl Stage<'_> {
    async fn step(&mut self, bench: &mut Bench, step: &Step) -> Result<(), BenchError> {
        match step {
            Step::Tap(tap) => {
                for _ in 0..tap.count.unwrap_or(1) {
                    self.tap(bench, tap).await?;
                    if self.stuck {
                        break;
                    }
                }
            }
            Step::Wait(time) => bench.idle((*time).into()).await?,
            Step::PowerCycle => bench.power_cycle().await?,
            Step::Validator(settings) => self.apply(bench, settings).await?,
            Step::Status(_) => self.status(bench).await?,
            Step::Journal(journal) => self.list(bench, journal.from.unwrap_or(1)).await?,
            Step::ClearJournal => self.clear_journal(bench).await?,
            Step::Identity => self.identity(bench).await?,
            Step::Console(console) => {
                for _ in 0..console.count.unwrap_or(1) {
                    self.converse(bench, &console.send).await?;
                }
            }
            Step::Inject(injection) => self.armed.push(*injection),
            Step::Upload(_) | Step::Settle(_) | Step::SignOn(_) | Step::SignOff(_) | Step::Download(_) => {
                if let Some((work, _)) = step.work() {
                    self.work(bench, work).await?;
                }
            }
            // The judge looks at what has come.
            Step::Acquirer(_) => {}
        }
        Ok(())
    }

    /// The validator has stopped, and the case with it.
    fn ended(&mut self, why: String) {
        self.scope.emit(Source::Validator, Body::DeviceEnded { why });
        self.stuck = true;
    }

    async fn tap(&mut self, bench: &mut Bench, step: &TapStep) -> Result<(), BenchError> {
        let modelled = bench.is_modelled();
        let Some((name, card)) = self.cards.get_mut(&step.card) else { return Ok(()) };
        let Some(links) = bench.links() else { return Ok(()) };
        self.taps += 1;
        let mut injections = self.planned.sub.case.given.inject.clone();
        injections.append(&mut self.armed);
        let tap = TapPlayer {
            number: self.taps,
            name,
            card,
            beside: step.beside,
            hold: step.hold.map(Duration::from),
            modelled,
            injections: &injections,
            during: &step.during,
            // A record holds the frames of every tap, for captures. But a serial port of 115,200 baud takes longer for them than
            // the air does. Where times are measured, they would become longer, so only cases about frames have them.
            frames: self.planned.frames || modelled && links.card.capabilities().can.contains(&CardCapability::Frames),
        };
        let end = tap.play_to_end(links, self.scope).await?;
        if end.empties_journal {
            self.journal = 0;
        }
        match end.ready {
            Some(ReadyAgain::Not | ReadyAgain::Restarted) => {
                self.stuck = true;
                return Ok(());
            }
            Some(ReadyAgain::InTime | ReadyAgain::NotSeen) => {}
            None => bench.power_cycle().await?,
        }
        let Some(links) = bench.links() else { return Ok(()) };
        if links.validator.capabilities().contains(&ValidatorCapability::Journal) {
            let JournalPage { count, total, rows: added } = links.validator.journal(self.journal + 1).await?;
            self.journal += u32::try_from(added.len()).unwrap_or(0);
            self.scope.emit(Source::Validator, Body::Journal { count, total, added, listed: None });
        }
        Ok(())
    }

    async fn apply(&mut self, bench: &mut Bench, settings: &Settings) -> Result<(), BenchError> {
        // The device already has the settings that it can't be told. Otherwise the case would not apply.
        let settings = &bench.device().fixed.tellable(settings);
        let Some(links) = bench.links() else { return Ok(()) };
        for applied in links.validator.apply(settings, &self.planned.keys.of(settings)).await? {
            let body = Body::SettingsTaken { what: applied.what, refused: applied.refused };
            self.scope.emit(Source::Validator, body);
        }
        Ok(())
    }

    async fn status(&mut self, bench: &mut Bench) -> Result<(), BenchError> {
        let Some(links) = self.can(bench, ValidatorCapability::Status) else { return Ok(()) };
        let (status, said) = links.validator.status().await?;
        self.scope.emit(Source::Validator, Body::Status { status, said });
        Ok(())
    }

    /// A step asks for the journal. Records that a tap added were read after that tap.
    async fn list(&mut self, bench: &mut Bench, from: u32) -> Result<(), BenchError> {
        let Some(links) = self.can(bench, ValidatorCapability::Journal) else { return Ok(()) };
        let JournalPage { count, total, rows } = links.validator.journal(from).await?;
        self.scope.emit(Source::Validator, Body::Journal { count, total, added: vec![], listed: Some(rows) });
        Ok(())
    }

    async fn clear_journal(&mut self, bench: &mut Bench) -> Result<(), BenchError> {
        let Some(links) = self.can(bench, ValidatorCapability::ClearJournal) else { return Ok(()) };
        let refused = links.validator.clear_journal().await?;
        if refused.is_none() {
            // Records are counted from one again.
            self.journal = 0;
        }
        self.scope.emit(Source::Validator, Body::JournalCleared { refused });
        Ok(())
    }

    /// A step tells the validator to do something with its acquirer. Waits for the end of the work.
    async fn work(&mut self, bench: &mut Bench, work: Work) -> Result<(), BenchError> {
        let Some(links) = self.can(bench, ValidatorCapability::Uplink) else { return Ok(()) };
        let refused = links.validator.uplink(work).await?;
        let is_refused = refused.is_some();
        self.scope.emit(Source::Validator, Body::WorkAsked { work, refused });
        if is_refused {
            return Ok(());
        }
        let mut restarted = false;
        work_ends(&mut *links.validator, work, |signal, said, board_us| {
            restarted |= matches!(signal, Signal::Started {});
            self.scope.emit_at(Instant::now(), board_us, Source::Validator, Body::Signal { signal, said });
            if restarted { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })
        .await?;
        if restarted {
            self.ended("it started again by itself during a work at its uplink".to_owned());
        }
        Ok(())
    }

    /// Reads the whole journal at the end of a case with an acquirer.
    async fn books(&mut self, bench: &mut Bench) -> Result<(), BenchError> {
        let Some(links) = bench.links() else { return Ok(()) };
        if links.validator.capabilities().contains(&ValidatorCapability::Journal) {
            let JournalPage { count, total, rows } = links.validator.journal(1).await?;
            self.scope.emit(Source::Validator, Body::Books { count, total, rows });
        }
        Ok(())
    }

    async fn identity(&mut self, bench: &mut Bench) -> Result<(), BenchError> {
        let Some(links) = bench.links() else { return Ok(()) };
        let identity = links.validator.identity().await?.fields();
        self.scope.emit(Source::Validator, Body::Identified { role: Role::Validator, identity });
        Ok(())
    }

    async fn converse(&mut self, bench: &mut Bench, line: &str) -> Result<(), BenchError> {
        let Some(links) = self.can(bench, ValidatorCapability::NativeConsole) else { return Ok(()) };
        self.scope.emit(Source::Rig, Body::ConsoleSent { line: line.to_owned() });
        let conversation = links.validator.converse(line).await?;
        if conversation.empties_journal {
            self.journal = 0;
        }
        self.scope.emit(Source::Validator, Body::ConsoleReply(conversation.reply));
        Ok(())
    }

    /// The links, if the validator can do what a step asks for. If it can't, the step is skipped and a note says so.
    /// Then the expectations of the step are not judged.
    fn can<'b>(&self, bench: &'b mut Bench, capability: ValidatorCapability) -> Option<&'b mut Links> {
        let links = bench.links()?;
        if links.validator.capabilities().contains(&capability) {
            return Some(links);
        }
        let text = format!("the validator lacks the capability {capability}, so this step was skipped");
        self.scope.emit(Source::Rig, Body::Note { text });
        None
    }
}

/// The step as the case writes it.
fn words(step: &Step) -> String {
    match step {
        Step::Tap(tap) => {
            let card = tap.card.as_ref().map(|card| format!(" {card}")).unwrap_or_default();
            let beside = tap.beside.map(|beside| format!(" beside {beside}")).unwrap_or_default();
            let hold = tap.hold.map(|hold| format!(" for {hold}")).unwrap_or_default();
            let count = tap.count.map(|count| format!(" {count} times")).unwrap_or_default();
            let acts: String = tap.during.iter().map(|during| format!(", {during}")).collect();
            format!("tap{card}{beside}{hold}{count}{acts}")
        }
        Step::Wait(time) => format!("wait {time}"),
        Step::PowerCycle => "power-cycle".into(),
        Step::Validator(_) => "validator".into(),
        Step::Status(_) => "status".into(),
        Step::Journal(_) => "journal".into(),
        Step::ClearJournal => "clear-journal".into(),
        Step::Identity => "identity".into(),
        Step::Console(console) => format!("console {}", console.send),
        Step::Inject(injection) => format!("inject {injection}"),
        Step::Upload(_) => "upload".into(),
        Step::Settle(_) => "settle".into(),
        Step::SignOn(_) => "sign-on".into(),
        Step::SignOff(_) => "sign-off".into(),
        Step::Download(step) => format!("download {}", step.list.work()),
        Step::Acquirer(_) => "acquirer".into(),
    }
}
