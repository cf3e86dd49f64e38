//! The steps of a sub-case, played one after the other.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use taprig_card::Card;
use taprig_model::device::Commands;
use taprig_model::event::{Body, Check, CheckKind, Fields, Source};
use taprig_model::name::Name;
use taprig_model::step::{Beside, Console as ConsoleStep, Injection, Step, Tap as TapStep};
use wire::link::Company;

use super::fault;
use super::known_state::{Told, changes, converse};
use super::plan::Planned;
use super::tap::{Ended, READY_AGAIN, Tap};
use taprig_bench::{Bench, BenchError};
use taprig_judge::verdict::{self, ReadyAgain};
use taprig_record::Scope;
use taprig_record::units::micros;

/// Brings fresh boards to the known state and plays all steps. What is seen goes to `scope`.
///
/// # Errors
/// The rig can't go on; what the device does wrong is told as a check.
pub(super) async fn play(
    bench: &mut Bench,
    told: &mut Told,
    planned: &Planned,
    nonce: [u8; 8],
    scope: &Scope,
) -> Result<(), BenchError> {
    bench.fresh().await?;
    let adapter = bench.device().console.clone();
    let mut stage = Stage {
        planned,
        scope,
        cards: planned.cards.clone(),
        armed: vec![],
        index: 0,
        taps: 0,
        journal: 0,
        stuck: false,
    };
    if let Some(links) = bench.links() {
        planned.situation.establish(links, told, &adapter, nonce, scope).await?;
    }
    for (place, step) in (1..).zip(&planned.sub.case.steps) {
        let began = Instant::now();
        stage.index = usize::try_from(place - 1).unwrap_or_default();
        scope.emit(Source::Rig, Body::StepStarted { number: place, step: words(step) });
        stage.step(bench, step).await?;
        scope.emit(Source::Rig, Body::StepDone { number: place, took_us: micros(began.elapsed()) });
        if stage.stuck {
            break;
        }
    }
    Ok(())
}

/// A sub-case in play.
struct Stage<'a> {
    planned: &'a Planned,
    scope: &'a Scope,
    cards: BTreeMap<Option<Name>, (String, Card)>,
    armed: Vec<Injection>,
    /// Of the step, from 0.
    index: usize,
    taps: u32,
    /// Records of the journal that were read.
    journal: u32,
    /// The validator does not become ready: no step makes sense any more.
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
            Step::Validator(settings) => {
                let adapter = bench.device().console.clone();
                let keys = self.planned.keys.of(settings);
                let mut lines: Vec<String> =
                    changes(settings, &keys, &adapter).into_iter().flat_map(|(_, lines)| lines).collect();
                if let Some(clock) = settings.clock {
                    let time = clock.to_string();
                    lines.push(Commands::fill(&adapter.commands.clock, &[("time", &time)]));
                }
                for line in lines {
                    self.say(bench, &line, None).await?;
                }
            }
            Step::Console(console) => {
                for _ in 0..console.count.unwrap_or(1) {
                    self.say(bench, &console.send, Some(console)).await?;
                }
            }
            Step::Inject(injection) => self.armed.push(injection.clone()),
        }
        Ok(())
    }

    async fn tap(&mut self, bench: &mut Bench, step: &TapStep) -> Result<(), BenchError> {
        let adapter = bench.device().console.clone();
        let modelled = bench.is_modelled();
        let Some((name, card)) = self.cards.get_mut(&step.card) else { return Ok(()) };
        let Some(links) = bench.links() else { return Ok(()) };
        self.taps += 1;
        let mut injections = self.planned.sub.case.given.inject.clone();
        injections.append(&mut self.armed);
        let tap = Tap {
            number: self.taps,
            name,
            card,
            company: match step.beside {
                None => Company::Alone,
                Some(Beside::TypeA) => Company::TypeA,
                Some(Beside::TypeB) => Company::TypeB,
            },
            hold: step.hold.map(Duration::from),
            modelled,
            injections: &injections,
            trace: self.planned.sub.id.case.family() == "ISO",
        };
        let ended = tap.play(links, &adapter.events, self.scope).await?;
        let seen = match ended {
            Ended::Ready => ReadyAgain::InTime,
            Ended::NotReady => ReadyAgain::Not,
            Ended::Restarted => ReadyAgain::Restarted,
        };
        self.check(verdict::ready_again(self.taps, seen, READY_AGAIN.as_millis(), self.at("ready again")));
        if ended != Ended::Ready {
            self.stuck = true;
            return Ok(());
        }
        self.read_journal(bench).await?;
        if let Some(expect) = &step.expect {
            let events = self.scope.events();
            for check in verdict::judge_tap(expect, &verdict::taps(&events), &adapter, &|what| self.at(what)) {
                self.check(check);
            }
        }
        Ok(())
    }

    async fn read_journal(&mut self, bench: &mut Bench) -> Result<(), BenchError> {
        let adapter = &bench.device().console;
        let within: Duration = adapter.reply_within.into();
        let from = (self.journal + 1).to_string();
        let line = Commands::fill(&adapter.commands.journal, &[("from", &from)]);
        let Some(links) = bench.links() else { return Ok(()) };
        let reply = links.console.command(&line, within).await?;
        let fields = reply.fields();
        let number = |key: &str| fields.get(key).and_then(|value| value.parse::<u64>().ok()).unwrap_or(0);
        let added: Vec<Fields> = reply.data.iter().map(|line| Fields::parse(line)).collect();
        let count = u32::try_from(number("count")).unwrap_or(u32::MAX);
        self.journal += u32::try_from(added.len()).unwrap_or(0);
        self.scope.emit(Source::Validator, Body::Journal { count, total: number("total"), added });
        Ok(())
    }

    /// Sends a line; with a step, holds the reply against what it expects. Without one, the line must be accepted.
    async fn say(&mut self, bench: &mut Bench, line: &str, step: Option<&ConsoleStep>) -> Result<(), BenchError> {
        let within: Duration = bench.device().console.reply_within.into();
        let marks = bench.device().console.lines.clone();
        let commands = &bench.device().console.commands;
        let forgets = line == commands.journal_clear || line == commands.factory;
        let Some(links) = bench.links() else { return Ok(()) };
        let answer = converse(&mut links.console, line, within, self.scope).await?;
        if forgets && answer.is_ok() {
            // Records are counted from one again.
            self.journal = 0;
        }
        let mark = |mark: &str, rest: &str| format!("{mark} {rest}").trim_end().to_owned();
        let seen: Vec<String> = match &answer {
            Ok(reply) => {
                reply.data.iter().map(|line| mark(&marks.data, line)).chain([mark(&marks.ok, &reply.ok)]).collect()
            }
            Err(why) => vec![mark(&marks.error, why)],
        };
        let wanted = match step.and_then(|step| step.expect.as_ref()) {
            Some(lines) => lines.0.clone(),
            None => vec![format!("{}*", marks.ok)],
        };
        // What is expected is the end of the reply: its last lines.
        let tail = &seen[seen.len().saturating_sub(wanted.len())..];
        let ok = tail.len() == wanted.len() && wanted.iter().zip(tail).all(|(wanted, seen)| fits(wanted, seen));
        self.check(Check {
            of: CheckKind::Trace,
            what: format!("reply to `{line}`"),
            wanted: wanted.join(" / "),
            seen: seen.join(" / "),
            ok,
            at: self.at("expect"),
        });
        Ok(())
    }

    /// Where this step wants something.
    fn at(&self, what: &str) -> Option<String> {
        let sub = &self.planned.sub;
        Some(sub.at(sub.lines.step(self.index).and_then(|wanted| wanted.line(what))))
    }

    fn check(&self, check: Check) {
        self.scope.emit(Source::Rig, Body::Checked(check));
    }
}

/// A step as the case writes it.
fn words(step: &Step) -> String {
    match step {
        Step::Tap(tap) => {
            let card = tap.card.as_ref().map(|card| format!(" {card}")).unwrap_or_default();
            let beside = match tap.beside {
                None => "",
                Some(Beside::TypeA) => " beside another card of type A",
                Some(Beside::TypeB) => " beside a card of type B",
            };
            let hold = tap.hold.map(|hold| format!(" for {hold}")).unwrap_or_default();
            let count = tap.count.map(|count| format!(" {count} times")).unwrap_or_default();
            format!("tap{card}{beside}{hold}{count}")
        }
        Step::Wait(time) => format!("wait {time}"),
        Step::PowerCycle => "power-cycle".into(),
        Step::Validator(_) => "validator".into(),
        Step::Console(console) => format!("console {}", console.send),
        Step::Inject(injection) => format!("inject {}", fault::words(injection)),
    }
}

/// Whether a line fits a pattern in which `*` stands for any run of characters, and `\\*` for a star. Takes no longer than
/// to look for each part once.
fn fits(pattern: &str, line: &str) -> bool {
    let mut parts = vec![String::new()];
    let mut chars = pattern.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\\' if chars.peek() == Some(&'*') => {
                chars.next();
                if let Some(part) = parts.last_mut() {
                    part.push('*');
                }
            }
            '*' => parts.push(String::new()),
            c => {
                if let Some(part) = parts.last_mut() {
                    part.push(c);
                }
            }
        }
    }
    let Some((head, parts)) = parts.split_first() else { return false };
    let Some((tail, middle)) = parts.split_last() else { return line == head };
    let Some(mut rest) = line.strip_prefix(head.as_str()) else { return false };
    for part in middle {
        // The first place leaves the most for what follows.
        let Some(place) = rest.find(part.as_str()) else { return false };
        rest = &rest[place + part.len()..];
    }
    rest.ends_with(tail.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_run() {
        assert!(fits("ok*", "ok"));
        assert!(fits("ok * digest=*", "ok device=x digest=00"));
        assert!(fits("*", ""));
        assert!(!fits("ok", "ok 1"));
        assert!(!fits("ok *x", "ok 1"));
        assert!(fits("a*b*c", "a-b-b-c"));
        assert!(!fits("a*bc*c", "a-b-c"));
        assert!(!fits("ab*ba", "aba"), "a character serves once");
        assert!(fits(r"pan=622990\*\*\*0021*", "pan=622990***0021 psn=01"));
        assert!(!fits(r"pan=622990\*\*\*0021", "pan=6229901230021"));
    }
}
