//! Checks of a bench that is on: the time of each link, the air, the clocks, and what outlives a power cycle.

use std::time::{Duration, Instant};

use jiff::civil::DateTime;
use taprig_model::bench::BoardKind;
use taprig_model::card::Activation;
use taprig_model::event::{Fields, Role, Signal};
use taprig_model::situation::Situation;
use tokio::time::Instant as Deadline;

use super::{CheckStep, Finding, part};
use crate::card_side::What;
use crate::link::LinkError;
use crate::validator_side::ValidatorCapability;
use crate::{Bench, BenchError};

/// Number of exchanges on a link whose time is measured, at most.
const EXCHANGES: usize = 20;

/// The longest time that is spent on measuring a link, if one exchange takes less.
const MEASURING: Duration = Duration::from_millis(100);

/// The time of an exchange above which a person should look at the link.
const SLOW: Duration = Duration::from_millis(100);

/// The longest time until a reader sees a card.
const SEES: Duration = Duration::from_secs(3);

/// The longest time of an order to the card side.
const ORDER: Duration = Duration::from_secs(1);

/// The largest difference between two clocks, in percent.
const APART: f64 = 1.0;

/// Blocks of 256 bytes of the loop test, and the shortest and longest time that they take at 1 Mbit/s, in us.
const BLOCKS: u32 = 100;
const LOOP_US: std::ops::RangeInclusive<u64> = 256_000..=262_000;

/// The claim that settings outlive a loss of power.
const NON_VOLATILE: &str = "non-volatile";

/// Nonces of a check, which no case uses at the same time.
const NONCE: [u8; 8] = *b"checkup!";

impl Bench {
    /// Whether a person judges what the validator does. Then most checks would only ask that person.
    #[must_use]
    pub fn is_watched(&mut self) -> bool {
        self.links.as_ref().is_some_and(|links| links.validator.is_watched())
    }

    /// Measures the time of an exchange on each link.
    ///
    /// # Errors
    /// [`BenchError::Silent`] if a side does not answer.
    pub async fn check_links(&mut self) -> Result<Vec<Finding>, BenchError> {
        let mut findings = Vec::new();
        let Some(links) = &mut self.links else { return Ok(findings) };
        if !links.validator.is_watched() {
            let mut times = Times::default();
            while times.go_on() {
                let asked = Instant::now();
                links.validator.identity().await.map_err(BenchError::silent(Role::Validator))?;
                times.0.push(asked.elapsed());
            }
            findings.push(times.finding(Role::Validator));
        }
        if !self.sides.card_answers() {
            let why = "a virtual reader asks, and is not asked";
            findings.push(Finding::not_applicable(CheckStep::Console, part(Role::Emulator), why));
            return Ok(findings);
        }
        let mut times = Times::default();
        while times.go_on() {
            let asked = Instant::now();
            links.card.identify().await.map_err(BenchError::silent(Role::Emulator))?;
            times.0.push(asked.elapsed());
        }
        findings.push(times.finding(Role::Emulator));
        Ok(findings)
    }

    /// Sends blocks through the validator's air, whose output has to be wired to its input.
    ///
    /// # Errors
    /// [`BenchError`] if the validator does not answer.
    pub async fn check_loop(&mut self) -> Result<Finding, BenchError> {
        let of = part(Role::Validator);
        let Some(links) = &mut self.links else { return Ok(Finding::not_applicable(CheckStep::Loop, of, "it is off")) };
        if !links.validator.capabilities().contains(&ValidatorCapability::NativeConsole) {
            let why = "its firmware has no loop test that the rig knows";
            return Ok(Finding::not_applicable(CheckStep::Loop, of, why));
        }
        let told = links.validator.converse(&format!("loopback {BLOCKS}")).await?;
        Ok(loop_finding(&Fields::parse(&told.reply.text)))
    }

    /// Holds a card to the reader and takes it away as soon as the reader has activated it. If another card comes `next`,
    /// it then waits until the validator is ready, if the validator reports that.
    ///
    /// # Errors
    /// [`BenchError`] if the card side fails.
    pub async fn check_air(&mut self, card: &Activation, next: bool) -> Result<Finding, BenchError> {
        let of = part(Role::Emulator);
        let Some(links) = &mut self.links else { return Ok(Finding::not_applicable(CheckStep::Air, of, "it is off")) };
        // What the validator reported before is not about this card.
        while links.validator.signal(Deadline::now()).await?.is_some() {}
        let side = &mut links.card;
        side.configure(card, None, false).await?;
        let presented = Instant::now();
        side.present().await?;
        let mut activated = None;
        let until = Deadline::now() + SEES;
        while activated.is_none() {
            let Some(note) = side.note(until).await? else { break };
            if matches!(note.what, What::Activated { .. } | What::Command { .. }) {
                activated = Some(presented.elapsed());
            }
        }
        side.remove().await?;
        side.catch_up().await?;
        let until = Deadline::now() + ORDER;
        while let Some(note) = side.note(until).await? {
            if note.what == What::CaughtUp {
                break;
            }
        }
        // A card that came back before the reader noticed that it was away would count as one that never left. What else
        // the validator says about it is of no interest.
        let until = Deadline::now() + SEES;
        while next && links.validator.tells_ready() {
            match links.validator.signal(until).await? {
                None | Some((Signal::Ready {}, _)) => break,
                Some(_) => {}
            }
        }
        self.fresh = false;
        Ok(match activated {
            Some(time) => {
                Finding::ok(CheckStep::Air, of, format!("the reader activated a card after {} ms", time.as_millis()))
            }
            None => Finding::failed(
                CheckStep::Air,
                of,
                format!("the reader did not activate a card within {} s", SEES.as_secs()),
                self.air_advice(),
            ),
        })
    }

    fn air_advice(&self) -> &'static str {
        let by_wire = self.boards.get(Role::Emulator).is_some_and(|board| board.kind() == BoardKind::Probe);
        if by_wire {
            "connect the air of each board to the other: output to input, input to output, and ground to ground"
        } else {
            "check that the card side lies on the reader, and that the reader polls for type A"
        }
    }

    /// Compares the clocks of both sides with that of this machine, for this long. A validator tells full seconds only, so
    /// its clock is compared roughly. It has to be set.
    ///
    /// # Errors
    /// [`BenchError`] if a side fails.
    pub async fn check_clock(&mut self, time: Duration) -> Result<Vec<Finding>, BenchError> {
        let (card, validator) = (self.card_clock().await?, self.validator_clock().await?);
        self.idle(time).await?;
        let (card_later, validator_later) = (self.card_clock().await?, self.validator_clock().await?);
        Ok(vec![
            match (card, card_later) {
                (Some((board, host)), Some((board_later, host_later))) => {
                    clock_finding(board_later.saturating_sub(board), host_later.duration_since(host))
                }
                _ => Finding::not_applicable(CheckStep::Clock, part(Role::Emulator), "it has no clock of its own"),
            },
            match (validator, validator_later) {
                (Some((board, host)), Some((board_later, host_later))) => {
                    seconds_finding(board_later.duration_since(board).as_secs(), host_later.duration_since(host))
                }
                _ => {
                    Finding::not_applicable(CheckStep::Clock, part(Role::Validator), "it does not tell the time of day")
                }
            },
        ])
    }

    /// The date and time that the validator tells, and the time at which this machine read it.
    async fn validator_clock(&mut self) -> Result<Option<(DateTime, Instant)>, BenchError> {
        let Some(links) = &mut self.links else { return Ok(None) };
        if !links.validator.capabilities().contains(&ValidatorCapability::Status) {
            return Ok(None);
        }
        let clock = links.validator.status().await?.0.clock;
        Ok(clock.and_then(|clock| clock.parse().ok()).map(|clock| (clock, Instant::now())))
    }

    /// The time of the card side's clock in us, and the time at which this machine read it.
    async fn card_clock(&mut self) -> Result<Option<(u64, Instant)>, BenchError> {
        let Some(links) = &mut self.links else { return Ok(None) };
        links.card.catch_up().await?;
        let until = Deadline::now() + ORDER;
        while let Some(note) = links.card.note(until).await? {
            if note.what == What::CaughtUp {
                return Ok(note.board_us.map(|us| (us, note.seen)));
            }
        }
        let what = "the answer to a question for the time".into();
        Err(LinkError::Deadline { what, from: "the card side", within: ORDER, silent: false }.into())
    }

    /// Gives the validator settings, power-cycles the bench, and looks whether the settings are still there. Afterwards
    /// the validator has these settings.
    ///
    /// # Errors
    /// [`BenchError`] if a side fails.
    pub async fn check_settings(&mut self, situation: &Situation) -> Result<Finding, BenchError> {
        let of = part(Role::Validator);
        self.fresh().await?;
        self.situate(situation, NONCE).await?;
        let before = self.settings_name().await?;
        self.power_cycle().await?;
        let after = self.settings_name().await?;
        self.situate(situation, NONCE).await?;
        let claimed = self.device().claims(NON_VOLATILE);
        Ok(settings_finding(of, before.as_deref(), after.as_deref(), claimed))
    }

    /// The name of the settings that the validator holds, if it tells one.
    async fn settings_name(&mut self) -> Result<Option<String>, BenchError> {
        let Some(links) = &mut self.links else { return Ok(None) };
        let can = links.validator.capabilities();
        if !can.contains(&ValidatorCapability::Status) || !can.contains(&ValidatorCapability::SettingsName) {
            return Ok(None);
        }
        Ok(links.validator.status().await?.0.settings)
    }
}

/// The times of exchanges on a link.
#[derive(Debug, Default)]
struct Times(Vec<Duration>);

impl Times {
    fn go_on(&self) -> bool {
        self.0.len() < EXCHANGES && (self.0.len() < 3 || self.0.iter().sum::<Duration>() < MEASURING)
    }

    fn finding(mut self, role: Role) -> Finding {
        self.0.sort_unstable();
        let ms = |time: Duration| time.as_secs_f64() * 1000.0;
        let median = self.0.get(self.0.len() / 2).copied().unwrap_or_default();
        let longest = self.0.last().copied().unwrap_or_default();
        let seen =
            format!("answers in {:.1} ms (median of {}, longest {:.1} ms)", ms(median), self.0.len(), ms(longest));
        if median <= SLOW {
            return Finding::ok(CheckStep::Console, part(role), seen);
        }
        let advice = "look at the latency timer and the speed of the adapter, and at the load of this machine";
        Finding::warning(CheckStep::Console, part(role), seen, advice)
    }
}

fn loop_finding(told: &Fields) -> Finding {
    let of = part(Role::Validator);
    let number = |name: &str| told.get(name).and_then(|value| value.parse::<u64>().ok());
    let (Some(sent), Some(back), Some(wrong), Some(us)) =
        (number("sent"), number("back"), number("wrong"), number("us"))
    else {
        let advice = "flash the firmware of this version of taprig";
        return Finding::failed(CheckStep::Loop, of, "its answer to `loopback` lacks a number", advice);
    };
    let seen = format!("{sent} bytes sent, {back} back, {wrong} wrong, in {us} us");
    let advice = match () {
        () if back < sent => "bytes were lost: wire the output of the air to its own input, and nothing else to either",
        () if wrong > 0 => "the bit rate is wrong: check the crystal and the clock settings of the board",
        () if !LOOP_US.contains(&us) => "the air is not at 1 Mbit/s: check the crystal and the clock settings",
        () => return Finding::ok(CheckStep::Loop, of, seen),
    };
    Finding::failed(CheckStep::Loop, of, seen, advice)
}

fn clock_finding(board_us: u64, host: Duration) -> Finding {
    let of = part(Role::Emulator);
    let board = Duration::from_micros(board_us);
    let percent = (board.as_secs_f64() / host.as_secs_f64().max(f64::MIN_POSITIVE) - 1.0) * 100.0;
    let seen = format!("its clock differs from this machine's by {percent:+.2} % over {:.1} s", host.as_secs_f64());
    if percent.abs() <= APART {
        return Finding::ok(CheckStep::Clock, of, seen);
    }
    let advice = "check the crystal and the clock settings of the board; the firmware must be the one for this board";
    Finding::failed(CheckStep::Clock, of, seen, advice)
}

/// Compares a clock that tells full seconds.
fn seconds_finding(board: i64, host: Duration) -> Finding {
    let of = part(Role::Validator);
    let seen = format!("its clock went on by {board} s in {:.1} s", host.as_secs_f64());
    // Both readings are cut to full seconds.
    #[expect(clippy::cast_precision_loss, reason = "a check takes seconds and not years")]
    let apart = (board as f64 - host.as_secs_f64()).abs();
    if apart <= 1.0 + host.as_secs_f64() * APART / 100.0 {
        return Finding::ok(CheckStep::Clock, of, seen);
    }
    Finding::failed(CheckStep::Clock, of, seen, "check the crystal and the clock settings of the board")
}

fn settings_finding(of: &str, before: Option<&str>, after: Option<&str>, claimed: bool) -> Finding {
    match (before, after) {
        (None, _) => Finding::not_applicable(CheckStep::Settings, of, "it tells no name of its settings"),
        (Some(before), Some(after)) if before == after => {
            Finding::ok(CheckStep::Settings, of, "its settings outlived the power cycle")
        }
        _ if claimed => Finding::failed(
            CheckStep::Settings,
            of,
            "its settings did not outlive the power cycle, although its device file claims `non-volatile`",
            "put a battery on VBAT, or name a device file without this claim, such as taprig-reference-4k-volatile",
        ),
        _ => Finding::ok(
            CheckStep::Settings,
            of,
            "its settings did not outlive the power cycle, and it does not claim that",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::super::State;
    use super::*;

    #[test]
    fn the_loop_test_tells_lost_bytes_wrong_ones_and_a_wrong_rate() {
        let state = |text: &str| loop_finding(&Fields::parse(text)).state;
        assert_eq!(state("sent=25600 back=25600 wrong=0 us=257000"), State::Ok);
        for wrong in [
            "sent=25600 back=25599 wrong=0 us=257000",
            "sent=25600 back=25600 wrong=3 us=257000",
            "sent=25600 back=25600 wrong=0 us=2222000",
            "sent=25600 back=25600",
        ] {
            assert_eq!(state(wrong), State::Failed, "{wrong}");
        }
    }

    #[test]
    fn a_clock_may_be_one_percent_off() {
        let host = Duration::from_secs(10);
        assert_eq!(clock_finding(10_090_000, host).state, State::Ok);
        assert_eq!(clock_finding(9_910_000, host).state, State::Ok);
        let fast = clock_finding(10_200_000, host);
        assert_eq!(fast.state, State::Failed);
        assert!(fast.seen.contains("by +2.00 % over 10.0 s"), "{fast:?}");
        // A chip on its internal clock of 16 MHz in place of 168 MHz.
        assert_eq!(clock_finding(952_000, host).state, State::Failed);
    }

    #[test]
    fn a_clock_of_full_seconds_is_compared_roughly() {
        let state = |board| seconds_finding(board, Duration::from_millis(10_050)).state;
        assert_eq!([9, 10, 11].map(state), [State::Ok; 3]);
        assert_eq!([0, 8, 12, 105, -3].map(state), [State::Failed; 5]);
    }

    #[test]
    fn settings_that_are_gone_are_a_fault_only_where_the_device_claims_to_keep_them() {
        let state = |before, after, claimed| settings_finding("validator", before, after, claimed).state;
        assert_eq!(state(Some("a1"), Some("a1"), true), State::Ok);
        assert_eq!(state(Some("a1"), Some("-"), true), State::Failed);
        assert_eq!(state(Some("a1"), None, true), State::Failed);
        assert_eq!(state(Some("a1"), None, false), State::Ok);
        assert_eq!(state(None, None, true), State::NotApplicable);
    }

    #[test]
    fn a_slow_link_is_told() {
        let finding = Times(vec![Duration::from_millis(150); 3]).finding(Role::Validator);
        assert_eq!(
            (finding.state, finding.seen.as_str()),
            (State::Warning, "answers in 150.0 ms (median of 3, longest 150.0 ms)")
        );
        assert_eq!(Times(vec![Duration::from_millis(2); 20]).finding(Role::Emulator).state, State::Ok);
    }
}
