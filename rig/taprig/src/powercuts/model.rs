//! What must hold after a power cut, computed from what riders saw, what their cards signed, what the acquirer booked, and what
//! the validator says of its journal.

use std::collections::{BTreeMap, BTreeSet};

use taprig_model::acquirer::MessageKind;
use taprig_model::acquirer::log::{Body as Happened, Heard, State};
use taprig_model::event::{Body, Event, JournalRow, Signal, Word};
use taprig_model::expect::Gate;

/// A cryptogram in hexadecimal digits, by which a ride is known everywhere.
type Cryptogram = String;

/// A tap, as rider and card saw it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SeenTap {
    /// Number of the tap.
    pub number: u32,
    /// Whether the gate opened.
    pub gate: bool,
    /// The cryptogram that the card gave.
    pub signed: Option<Cryptogram>,
}

/// What the acquirer has of a ride.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Booked {
    /// Batch and trace of each claim, with its state and its amount in fen.
    claims: BTreeMap<(u32, u32), (State, u64)>,
    /// The traces of the messages that came.
    traces: BTreeSet<String>,
}

/// The taps of one rider for one ride, and how many rides they are to come to: 1, or 0 for a rider who is to be refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Journey {
    /// Number of its first tap.
    pub first: u32,
    /// Number of its last tap.
    pub last: u32,
    /// Rides.
    pub rides: usize,
    /// What a ride costs, in fen.
    pub fen: u64,
}

/// Everything that the events of a round show.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    taps: Vec<SeenTap>,
    booked: BTreeMap<Cryptogram, Booked>,
}

impl Seen {
    /// What these events show.
    #[must_use]
    pub fn of(events: &[Event]) -> Self {
        let mut seen = Self::default();
        for event in events {
            match &event.body {
                Body::Presented { tap, .. } => seen.taps.push(SeenTap { number: *tap, ..SeenTap::default() }),
                Body::Exchange(exchange) => {
                    let response = exchange.response.as_ref().map(|bytes| &bytes.0[..]);
                    if let (Some(tap), Some(signed)) = (seen.taps.last_mut(), response.and_then(cryptogram)) {
                        tap.signed = Some(signed);
                    }
                }
                Body::Signal { signal: Signal::Gate { gate: Word::Known(Gate::Open) }, .. } => {
                    if let Some(tap) = seen.taps.last_mut() {
                        tap.gate = true;
                    }
                }
                Body::Acquirer { happened } => {
                    if let Happened::Heard(heard) = &**happened {
                        seen.hear(heard);
                    }
                }
                _ => {}
            }
        }
        seen
    }

    fn hear(&mut self, heard: &Heard) {
        if heard.message != Some(MessageKind::Ride) {
            return;
        }
        let field = |number: u8| {
            let field = heard.request.fields.iter().find(|field| field.number == number);
            field.map_or("", |field| &field.value)
        };
        let signed = field(55).split_once("9F26 ").map_or("", |(_, rest)| rest.get(..16).unwrap_or(rest));
        let booked = self.booked.entry(signed.to_uppercase()).or_default();
        booked.traces.insert(field(11).to_owned());
        for claim in &heard.claims {
            booked.claims.insert((claim.batch, claim.trace), (claim.state, claim.fen));
        }
    }

    /// What must hold as soon as the power is back, before anything is tried again.
    ///
    /// # Errors
    /// What is violated.
    pub fn holds(&self, rows: &[JournalRow]) -> Result<(), String> {
        let mut recorded = BTreeSet::new();
        for row in rows {
            let number = row.number.unwrap_or(0);
            let Some(signed) = row.cryptogram.as_ref().map(|digits| digits.to_uppercase()) else {
                return Err(format!("record {number} of the journal can't be read"));
            };
            let booked = self.booked.get(&signed);
            let is = |state: State| booked.is_some_and(|ride| ride.claims.values().any(|(of, _)| *of == state));
            match row.claim.as_deref() {
                None | Some("waiting") if booked.is_some() => {
                    return Err(format!("the claim of record {number} was sent, but the journal says that it was not"));
                }
                Some("accepted") if !is(State::Accepted) => {
                    return Err(format!("record {number} counts as accepted, but the acquirer has accepted nothing"));
                }
                Some("refused") if !is(State::Refused) => {
                    return Err(format!("record {number} counts as refused, but the acquirer has refused nothing"));
                }
                _ => {}
            }
            if !recorded.insert(signed) {
                return Err(format!("record {number} of the journal is a ride that an earlier record has"));
            }
        }
        for tap in self.taps.iter().filter(|tap| tap.gate) {
            if tap.signed.as_ref().is_none_or(|signed| !recorded.contains(signed)) {
                return Err(format!("the gate opened at tap {}, but the journal does not have the ride", tap.number));
            }
        }
        Ok(())
    }

    /// What must hold when everything was tried again and all rides are claimed.
    ///
    /// # Errors
    /// What is violated.
    pub fn ends(&self, rows: &[JournalRow], journeys: &[Journey]) -> Result<(), String> {
        self.holds(rows)?;
        for journey in journeys {
            let taps = || self.taps.iter().filter(|tap| (journey.first..=journey.last).contains(&tap.number));
            let name = format!("tap {}", journey.first);
            if journey.rides == 0 && taps().any(|tap| tap.gate) {
                return Err(format!("{name}: the gate opened for a rider who was to be refused"));
            }
            let rides: Vec<_> = taps().filter_map(|tap| self.booked.get(tap.signed.as_ref()?)).collect();
            if rides.len() != journey.rides {
                return Err(format!(
                    "{name}: the rider's rides are {} at the acquirer, and not {}",
                    rides.len(),
                    journey.rides
                ));
            }
            for ride in rides {
                let claims: Vec<_> = ride.claims.values().collect();
                if claims != [&(State::Accepted, journey.fen)] || ride.traces.len() != 1 {
                    return Err(format!("{name}: the ride is not claimed once for {} fen: {ride:?}", journey.fen));
                }
            }
        }
        let wanted: usize = journeys.iter().map(|journey| journey.rides).sum();
        if self.booked.len() != wanted || rows.len() != wanted {
            let (booked, rows) = (self.booked.len(), rows.len());
            return Err(format!("there were {wanted} rides: the acquirer has {booked}, and the journal has {rows}"));
        }
        let sums = [
            self.booked.values().flat_map(|ride| ride.claims.values()).map(|(_, fen)| fen).sum::<u64>(),
            rows.iter().filter_map(|row| row.charged).sum(),
        ];
        if sums[0] != sums[1] {
            return Err(format!("the acquirer pays {} fen, and the journal sums to {} fen", sums[0], sums[1]));
        }
        match rows.iter().find(|row| row.claim.as_deref() != Some("accepted")) {
            Some(row) => Err(format!("record {} is not accepted in the end", row.number.unwrap_or(0))),
            None => Ok(()),
        }
    }
}

/// The cryptogram (9F26, 8 bytes) in a response.
fn cryptogram(response: &[u8]) -> Option<Cryptogram> {
    let found = response.windows(11).find(|bytes| bytes.starts_with(&[0x9F, 0x26, 0x08]))?;
    Some(found[3..].iter().map(|byte| format!("{byte:02X}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIGNED: &str = "0102030405060708";

    fn seen(gate: bool, claims: &[(u32, u32, State, u64)]) -> Seen {
        let mut booked = BTreeMap::new();
        if !claims.is_empty() {
            let ride = Booked {
                claims: claims.iter().map(|(batch, trace, state, fen)| ((*batch, *trace), (*state, *fen))).collect(),
                traces: claims.iter().map(|(_, trace, _, _)| trace.to_string()).collect(),
            };
            booked.insert(SIGNED.to_owned(), ride);
        }
        Seen { taps: vec![SeenTap { number: 1, gate, signed: Some(SIGNED.into()) }], booked }
    }

    fn row(claim: Option<&str>) -> JournalRow {
        JournalRow {
            number: Some(1),
            cryptogram: Some(SIGNED.into()),
            charged: Some(100),
            claim: claim.map(Into::into),
            ..JournalRow::default()
        }
    }

    #[test]
    fn a_ride_is_lost_if_its_gate_opened_and_the_journal_does_not_have_it() {
        assert!(seen(true, &[]).holds(&[]).unwrap_err().contains("the gate opened"));
        assert_eq!(seen(false, &[]).holds(&[]), Ok(()));
        assert_eq!(seen(true, &[]).holds(&[row(None)]), Ok(()));
        assert!(seen(true, &[]).holds(&[row(None), row(None)]).unwrap_err().contains("an earlier record"));
    }

    #[test]
    fn the_journal_may_not_be_ahead_of_the_acquirer_nor_forget_that_it_has_sent() {
        let accepted = [(1, 1, State::Accepted, 100)];
        assert!(seen(true, &[]).holds(&[row(Some("accepted"))]).unwrap_err().contains("accepted nothing"));
        assert!(seen(true, &accepted).holds(&[row(None)]).unwrap_err().contains("says that it was not"));
        assert_eq!(seen(true, &accepted).holds(&[row(Some("sent"))]), Ok(()));
        assert!(seen(true, &accepted).holds(&[row(Some("refused"))]).unwrap_err().contains("refused nothing"));
    }

    #[test]
    fn in_the_end_each_ride_is_paid_once_and_to_the_fen() {
        let journey = |rides| [Journey { first: 1, last: 1, rides, fen: 100 }];
        let ends = |claims: &[_], rides| seen(true, claims).ends(&[row(Some("accepted"))], &journey(rides));
        assert_eq!(ends(&[(1, 1, State::Accepted, 100)], 1), Ok(()));
        assert!(ends(&[(1, 1, State::Accepted, 99)], 1).unwrap_err().contains("not claimed once"));
        let twice = [(1, 1, State::Accepted, 100), (2, 1, State::Accepted, 100)];
        assert!(ends(&twice, 1).unwrap_err().contains("not claimed once"));
        assert!(ends(&[(1, 1, State::Accepted, 100)], 0).unwrap_err().contains("was to be refused"));
        assert!(seen(true, &[]).ends(&[row(None)], &journey(1)).unwrap_err().contains("0 at the acquirer"));
    }
}
