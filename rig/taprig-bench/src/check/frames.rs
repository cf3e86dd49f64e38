//! The count of many frames between reader and card, and of those that were lost.

use std::time::{Duration, Instant};

use taprig_model::capability::CardCapability;
use taprig_model::card::Activation;
use taprig_model::event::{Role, Signal, Traffic};
use tokio::time::Instant as Deadline;

use super::{CheckStep, Finding, part};
use crate::card_side::{Answer, What};
use crate::validator_side::AIR_DEAD;
use crate::{Bench, BenchError, Links};

/// The longest time of the whole count. The card that is in the field at its end still counts.
const LONGEST: Duration = Duration::from_secs(180);

/// The longest time from one note about a card to the next, and until the validator is ready for the next card.
const NEXT: Duration = Duration::from_secs(3);

/// Bytes of the response to every command. With the status word and the frame's own bytes they fill one frame of 256 bytes.
const RESPONSE: usize = 251;

impl Bench {
    /// Holds cards to the reader until at least `wanted` frames have gone each way, and counts those that were lost. The cards
    /// answer every command with 253 bytes, in turn one byte in a frame and all in one frame. So most frames are short, and some
    /// are as long as frames get. The validator has to be ready for a card.
    ///
    /// # Errors
    /// [`BenchError`] if a side fails, and [`BenchError::Lost`] if notes of the card side are missing.
    pub async fn check_frames(&mut self, card: &Activation, wanted: u32) -> Result<Finding, BenchError> {
        let (of, modelled) = (part(Role::Emulator), self.modelled);
        let not_applicable = |why| Ok(Finding::not_applicable(CheckStep::Air, of, why));
        let Some(links) = &mut self.links else { return not_applicable("it is off") };
        if !links.card.capabilities().can.contains(&CardCapability::Frames) {
            return not_applicable("it can't count frames, because it does not see them");
        }
        if !links.validator.tells_ready() {
            return not_applicable("the validator does not tell when it is ready for the next of many cards");
        }
        let (began, mut count) = (Instant::now(), Count::default());
        let mut last = None;
        while count.fewest() < wanted && last != Some(count.fewest()) && began.elapsed() < LONGEST {
            last = Some(count.fewest());
            let chain = u8::from(count.cards.is_multiple_of(2));
            links.card.configure(&Activation { chain, ..card.clone() }, None, false).await?;
            count.card(links).await?;
        }
        self.fresh = false;
        match self.take_lost() {
            0 => Ok(count.finding(wanted, began.elapsed(), modelled)),
            notes => Err(BenchError::Lost { notes }),
        }
    }
}

/// What was counted.
#[derive(Debug, Default)]
struct Count {
    cards: u32,
    traffic: Traffic,
    /// How often the validator reported that the card side gave no sign at all.
    dead: u32,
}

impl Count {
    /// Holds one card to the reader, and takes it away when the reader lets it go.
    async fn card(&mut self, links: &mut Links) -> Result<(), BenchError> {
        while let Some((signal, _)) = links.validator.signal(Deadline::now()).await? {
            self.hear(&signal);
        }
        let side = &mut links.card;
        side.present().await?;
        while let Some(note) = side.note(Deadline::now() + NEXT).await? {
            match note.what {
                What::Command { number, .. } => {
                    let response = [vec![0; RESPONSE], vec![0x90, 0x00]].concat();
                    side.answer(number, Answer { response, delay: Default::default(), fault: None }).await?;
                }
                What::Released(_) => break,
                _ => {}
            }
        }
        side.remove().await?;
        side.catch_up().await?;
        while let Some(note) = side.note(Deadline::now() + NEXT).await? {
            match note.what {
                What::Removed(traffic) => self.traffic = self.traffic.and(&traffic),
                What::CaughtUp => break,
                _ => {}
            }
        }
        self.cards += 1;
        let until = Deadline::now() + NEXT;
        while let Some((signal, _)) = links.validator.signal(until).await? {
            self.hear(&signal);
            if matches!(signal, Signal::Ready {}) {
                break;
            }
        }
        Ok(())
    }

    fn hear(&mut self, signal: &Signal) {
        self.dead += u32::from(matches!(signal, Signal::Fault { what } if what == AIR_DEAD));
    }

    /// The number of frames that have gone both ways.
    fn fewest(&self) -> u32 {
        self.traffic.from_reader.min(self.traffic.from_card)
    }

    /// `modelled` tells whether a wire is the air. No frame gets lost on it, while some do between antennas.
    fn finding(&self, wanted: u32, took: Duration, modelled: bool) -> Finding {
        let (of, Self { cards, traffic, dead }) = (part(Role::Emulator), self);
        let seen = format!(
            "{} frames of the reader and {} of the card with {cards} cards in {:.1} s",
            traffic.from_reader,
            traffic.from_card,
            took.as_secs_f64()
        );
        let lost = traffic.retries + dead;
        if lost > 0 {
            let seen = format!(
                "{seen}: {lost} lost ({} asked for again, {dead} without any answer of the card side)",
                traffic.retries
            );
            return if modelled {
                let advice = "check the wires of the air, ground too: each shorter than 20 cm and nothing else on them";
                Finding::failed(CheckStep::Air, of, seen, advice)
            } else {
                Finding::warning(CheckStep::Air, of, seen, "change the place and the distance of the antenna")
            };
        }
        if self.fewest() >= wanted {
            return Finding::ok(CheckStep::Air, of, format!("{seen}: none lost"));
        }
        let seen = format!("{seen}, and not {wanted} each way");
        if took >= LONGEST {
            return Finding::warning(CheckStep::Air, of, seen, "count fewer frames with --frames");
        }
        let advice = "look at one tap with `taprig tap`: the reader did not see the last of these cards";
        Finding::failed(CheckStep::Air, of, seen, advice)
    }
}

#[cfg(test)]
mod tests {
    use super::super::State;
    use super::*;

    fn count(from_reader: u32, from_card: u32, retries: u32, dead: u32) -> Count {
        let traffic = Traffic { from_reader, from_card, retries, ..Traffic::default() };
        Count { cards: 40, traffic, dead }
    }

    #[test]
    fn frames_that_were_lost_are_told() {
        let took = Duration::from_secs(3);
        let finding = |count: &Count, modelled| count.finding(10_000, took, modelled);
        let fit = finding(&count(10_300, 10_010, 0, 0), true);
        assert_eq!(fit.state, State::Ok);
        assert_eq!(fit.seen, "10300 frames of the reader and 10010 of the card with 40 cards in 3.0 s: none lost");
        for lossy in [count(10_300, 10_010, 1, 0), count(10_300, 10_010, 0, 1)] {
            let lost = finding(&lossy, true);
            assert_eq!(lost.state, State::Failed);
            assert!(lost.seen.contains(": 1 lost (") && lost.advice.unwrap().contains("ground"), "{}", lost.seen);
            assert_eq!(finding(&lossy, false).state, State::Warning, "between antennas some are lost");
        }
        assert_eq!(finding(&count(300, 9_999, 0, 0), true).state, State::Failed, "a card that the reader did not see");
        assert_eq!(count(300, 300, 0, 0).finding(10_000, LONGEST, true).state, State::Warning, "a slow reader");
    }

    #[test]
    fn an_air_that_is_dead_is_heard_among_other_faults() {
        let mut heard = Count::default();
        for what in ["clock-unset", AIR_DEAD, AIR_DEAD] {
            heard.hear(&Signal::Fault { what: what.into() });
        }
        heard.hear(&Signal::Ready {});
        assert_eq!(heard.dead, 2);
    }
}
