//! The times that a reader keeps, where the air is modelled.
//!
//! On the modelled air the reader itself says how long it waits and pauses ([`wire::air::Pace`]), and the card side adds this up.
//! Times that were measured on an antenna are not judged here: nobody has measured yet how exact they are.

use taprig_model::expect::FrameName;

use super::Findings;
use super::ats::Ats;
use super::moment::{Answer, Arrives, Moment, Sent};

/// Shortest time from the end of the card's frame to the reader's next one, in us: 6780/fc (EMV Level 1).
const DISTANCE_US: u64 = 500;

/// Shortest time without the field that resets a card, and with the field before the reader's first frame, in us (EMV Level 1).
const RESET_US: u64 = 5_100;

/// Longest time without the field at a reset, in us (EMV Level 1).
const RESET_MAX_US: u64 = 10_000;

/// Frame waiting time of RATS, in us: 71680/fc (EMV Level 1).
const ACTIVATION_US: u64 = 5_286;

/// How much longer than the frame waiting time a reader may wait, in us: 49152/fc, and 16.4 ms for itself (EMV Level 1).
const LONGER_US: u64 = 3_625 + 16_400;

/// Longest frame waiting time, in us: FWI 14. S(WTX) can't extend it further.
const LONGEST_US: u64 = 4_949_033;

/// The clock of the air counts whole microseconds, and each frame is rounded.
const ROUNDING_US: u64 = 3;

/// What the reader waits for.
#[derive(Clone, Copy)]
struct Waiting<'a> {
    sent: Sent<'a>,
    /// The frame waiting time of its answer. `None`: the standard leaves it to the reader.
    fwt_us: Option<u64>,
}

/// Judges the times of a tap.
pub(super) fn judge(moments: &[Moment<'_>], found: &mut Findings) {
    let mut times = Times::default();
    for moment in moments {
        match moment {
            Moment::Reader(sent) => times.reader(*sent, found),
            Moment::Card(answer) => times.card(*answer),
            Moment::Field { on, at_us } => times.field(*on, *at_us, found),
        }
    }
}

#[derive(Default)]
struct Times<'a> {
    ats: Option<Ats>,
    waiting: Option<Waiting<'a>>,
    /// End of the card's last frame, if it was the last on the air, and how long the reader has to keep its distance.
    spoke: Option<(u64, u64)>,
    /// The multiplier that the card asked for, once the reader has granted it.
    asked: Option<u8>,
    off_us: Option<u64>,
    on_us: Option<u64>,
}

impl<'a> Times<'a> {
    fn reader(&mut self, sent: Sent<'a>, found: &mut Findings) {
        let Some(at_us) = sent.at_us else { return };
        let name = sent.name();
        if let Some((spoke_us, distance_us)) = self.spoke.take() {
            let distance = at_us.saturating_sub(spoke_us);
            found.look(distance + ROUNDING_US >= distance_us, || {
                format!("{name} {distance} us after the card's frame, at least {distance_us} us wanted")
            });
        }
        self.waited(at_us, name, found);
        if let Some(on_us) = self.on_us.take() {
            let after = at_us.saturating_sub(on_us);
            found.look(after + ROUNDING_US >= RESET_US, || {
                format!("{name} {after} us after the field came on, at least {RESET_US} us wanted")
            });
        }
        if sent.short {
            self.ats = None;
        }
        let fwt_us = match (name, &self.ats) {
            (FrameName::Rats, _) => Some(ACTIVATION_US),
            (FrameName::IBlock | FrameName::RAck | FrameName::RNak, Some(ats)) => Some(ats.fwt_us),
            (FrameName::SWtx, Some(ats)) => Some((ats.fwt_us * u64::from(self.asked.unwrap_or(1))).min(LONGEST_US)),
            _ => None,
        };
        self.waiting = Some(Waiting { sent, fwt_us });
    }

    /// The reader goes on at `at_us`, and has waited in vain for an answer if it still waits.
    fn waited(&mut self, at_us: u64, name: FrameName, found: &mut Findings) {
        let Some(Waiting { sent, fwt_us: Some(fwt_us) }) = self.waiting.take() else { return };
        let Some(end_us) = sent.end_us() else { return };
        let waited = at_us.saturating_sub(end_us);
        found.look(waited + ROUNDING_US >= fwt_us && waited <= fwt_us + LONGER_US, || {
            format!(
                "waits {waited} us for the answer to {} and then sends {name}, from {fwt_us} us to {} us wanted",
                sent.name(),
                fwt_us + LONGER_US
            )
        });
    }

    fn card(&mut self, answer: Answer<'_>) {
        if answer.arrives == Arrives::Late {
            return;
        }
        let asked = self.waiting.take().map(|waiting| waiting.sent.name());
        let Some(end_us) = answer.end_us else { return };
        let mut distance_us = DISTANCE_US;
        if asked == Some(FrameName::Rats) && answer.arrives == Arrives::Whole {
            self.ats = Ats::read(answer.body());
            distance_us = self.ats.map_or(DISTANCE_US, |ats| ats.sfgt_us.max(DISTANCE_US));
        }
        self.asked = match *answer.body() {
            [0xF2, multiplier @ 1..=59] => Some(multiplier),
            _ => None,
        };
        self.spoke = Some((end_us, distance_us));
    }

    fn field(&mut self, on: bool, at_us: Option<u64>, found: &mut Findings) {
        self.ats = None;
        self.spoke = None;
        let Some(at_us) = at_us else { return };
        if !on {
            // The end of a wait that led to a reset. The reader may have known better than to wait.
            self.waiting = None;
            self.off_us = Some(at_us);
            self.on_us = None;
            return;
        }
        // A field that was on before the card side could see it did not come on now.
        if let Some(off_us) = self.off_us.take() {
            self.on_us = Some(at_us);
            let off = at_us.saturating_sub(off_us);
            found.look(off + ROUNDING_US >= RESET_US && off <= RESET_MAX_US + ROUNDING_US, || {
                format!("field off for {off} us, from {RESET_US} us to {RESET_MAX_US} us wanted")
            });
        }
    }
}
