//! Looks for each charged ride: a claim that the acquirer knows, or a record that the device lists as waiting.

use taprig_model::acquirer::log::State;
use taprig_model::device::{Device, claim};
use taprig_model::event::{Event, JournalRow};
use taprig_model::units::Money;

use super::ledger::{Claim, Ledger, listed};
use super::ride::Ride;
use crate::checks::DeviceAnswer;

/// The result for the whole case.
pub(super) fn judge(ledger: &Ledger<'_>, rides: &[Ride], events: &[Event], device: &Device) -> DeviceAnswer {
    let rows = listed(events).filter(|_| device.claims(claim::JOURNAL));
    let mut uploaded: Vec<&Claim<'_>> = ledger.claims.iter().filter(|claim| claim.sent.is_empty()).collect();
    let (mut problems, mut unknown) = (Vec::new(), None);
    let (mut claimed, mut waiting) = (Sum::default(), Sum::default());
    for ride in rides.iter().filter(|ride| ride.charged > 0) {
        let own = ledger.claims.iter().find(|claim| claim.mark().is_some_and(|mark| ride.has(&mark)));
        // A payment in a batch upload has neither cryptogram nor counter.
        let own = own.or_else(|| {
            let at = uploaded.iter().position(|claim| claim.fen == ride.charged)?;
            Some(uploaded.remove(at))
        });
        let row = rows.and_then(|rows| rows.iter().find(|row| ride.is_in(row)));
        match (own, row, rows) {
            (Some(own), row, _) => {
                claimed.add(own.fen);
                if own.fen != ride.charged {
                    let (claim, tap) = (Money::from_fen(own.fen), Money::from_fen(ride.charged));
                    problems.push(format!("tap {} charged {tap}, and its claim is over {claim}", ride.tap));
                }
                problems.extend(row.and_then(|row| disagrees(own, row)));
            }
            (None, Some(row), _) => match row.claim.as_deref() {
                Some("waiting" | "sent") => {
                    waiting.add(row.charged.unwrap_or(ride.charged));
                    if row.charged.is_some_and(|fen| fen != ride.charged) {
                        problems.push(format!("the record of tap {} has another amount", ride.tap));
                    }
                }
                Some(word) => problems.push(format!(
                    "the device lists the ride of tap {} as {word}, and the acquirer has no claim for it",
                    ride.tap
                )),
                None => unknown = Some("the device does not tell what became of a claim".to_owned()),
            },
            (None, None, Some(_)) => problems.push(format!(
                "the ride of tap {} ({}) is neither a claim nor a record",
                ride.tap,
                Money::from_fen(ride.charged)
            )),
            (None, None, None) if device.claims(claim::JOURNAL) => {
                unknown = Some("the journal was not read at the end".into());
            }
            (None, None, None) => {
                unknown =
                    Some(format!("the device does not claim {}, so its waiting rides are not known", claim::JOURNAL));
            }
        }
    }
    match (problems.is_empty(), unknown) {
        (false, _) => DeviceAnswer::Seen(problems.join("; "), false),
        (true, Some(why)) => DeviceAnswer::NotJudged(why),
        (true, None) => DeviceAnswer::Seen(format!("{} claimed, {} waiting", claimed.words(), waiting.words()), true),
    }
}

/// What the device and the acquirer say differently about a claim. While the device waits, it knows less than the acquirer.
fn disagrees(own: &Claim<'_>, row: &JournalRow) -> Option<String> {
    let told = row.claim.as_deref()?;
    let repeat = own.counted_before();
    let agrees = match (told, own.state) {
        ("waiting" | "sent", _) | ("accepted", State::Accepted) | ("refused", State::Refused) => true,
        ("accepted", _) => repeat,
        _ => own.state == State::Reversed,
    };
    (!agrees)
        .then(|| format!("the device lists {} as {told}, and the acquirer has it as {}", own.name(), own.state.word()))
}

#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Sum {
    count: u32,
    fen: u64,
}

impl Sum {
    pub(super) fn add(&mut self, fen: u64) {
        self.count += 1;
        self.fen += fen;
    }

    pub(super) fn words(self) -> String {
        format!("{} ({})", self.count, Money::from_fen(self.fen))
    }
}
