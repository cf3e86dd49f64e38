//! A tap, as far as a claim for it has to agree with it.

use std::collections::BTreeMap;

use taprig_model::device::Device;
use taprig_model::event::{Body, JournalRow, Signal, Word};
use taprig_model::expect::{Cvm, Gate, Outcome, Sound};
use taprig_record::decode::hex;
use taprig_record::numbers::{Number, of_exchange};

use super::ledger::{Mark, is_of};
use crate::card::tags;
use crate::tap::TapEvents;

/// A tap with what card and reader exchanged in it.
#[derive(Debug)]
pub(super) struct Ride {
    /// Number of the tap.
    pub(super) tap: u32,
    /// The last value of each data object that either side sent, by tag, in hexadecimal.
    pub(super) objects: BTreeMap<String, String>,
    /// The account numbers that the card sent, by tag.
    pub(super) numbers: BTreeMap<u32, Number>,
    /// Whether the device let the rider ride. `None` if its word for the outcome is not known.
    pub(super) approved: Option<bool>,
    /// The amount charged, in fen. If the device does not tell it, it is the amount that the reader sent to the card.
    pub(super) charged: u64,
    /// What the electronic cash of the card held after the tap, in fen.
    purse: Option<u64>,
    /// An amount that was not charged at this tap and may be claimed for it: the highest fare of a trip, or an old fare. `None` if
    /// the device tells none.
    pub(super) held: Option<u64>,
    /// Whether the device says that it asked the rider for a PIN, which the issuer verifies.
    pub(super) asked_for_pin: bool,
}

impl Ride {
    /// The taps of a case, in order.
    pub(super) fn all(taps: &[TapEvents<'_>], device: &Device) -> Vec<Self> {
        let mut rides: Vec<Self> = taps.iter().map(|tap| Self::of(*tap, device)).collect();
        for at in 0..rides.len() {
            let (before, rest) = rides.split_at_mut(at);
            if let Some(ride) = rest.first_mut()
                && let Some(paid) = before.iter_mut().rev().find(|paid| ride.was_paid_by(paid))
            {
                // The claim is for the tap at which the card paid.
                std::mem::swap(&mut paid.objects, &mut ride.objects);
            }
        }
        rides
    }

    /// Whether electronic cash paid for this ride at an earlier tap, whose end was lost: there the card held in the end what it
    /// had announced for after the payment (9F5D), and here it was not asked to pay again.
    fn was_paid_by(&self, earlier: &Self) -> bool {
        let same = match (self.account(), earlier.account()) {
            (Some(own), Some(other)) => own.is(other) && self.object(0x5F34) == earlier.object(0x5F34),
            _ => false,
        };
        let announced = earlier.object(0x9F5D).and_then(|amount| amount.parse::<u64>().ok());
        same && self.approved == Some(true)
            && earlier.approved == Some(false)
            && earlier.purse.is_some()
            && (earlier.purse, self.purse) == (announced, announced)
    }

    fn of(tap: TapEvents<'_>, device: &Device) -> Self {
        let objects: BTreeMap<_, _> = tags(tap).into_iter().map(|(tag, value)| (tag, hex(&value))).collect();
        let numbers = tap.events.iter().flat_map(of_exchange).collect();
        let approved = if device.tells_result() {
            match tap.result().and_then(|result| result.outcome) {
                Some(Word::Known(outcome)) => Some(*outcome == Outcome::Approved),
                Some(Word::Unknown(_)) => None,
                None => Some(false),
            }
        } else {
            let accepted = |signal: &Signal| {
                matches!(
                    signal,
                    Signal::Gate { gate: Word::Known(Gate::Open) }
                        | Signal::Sound { sound: Word::Known(Sound::Accepted) }
                )
            };
            Some(tap.signals().any(accepted))
        };
        let charged = if device.tells_result() {
            tap.charged()
        } else if approved == Some(true) {
            objects.get("9F02").and_then(|amount| amount.parse().ok()).unwrap_or(0)
        } else {
            0
        };
        let purse = tap.events.iter().rev().find_map(|event| match event.body {
            Body::Balance { fen } => Some(fen),
            _ => None,
        });
        let held = tap.result().and_then(|result| result.held);
        let cvm = tap.result().and_then(|result| result.cvm);
        let asked_for_pin = cvm == Some(&Word::Known(Cvm::OnlinePin));
        Self { tap: tap.number, objects, numbers, approved, charged, purse, held, asked_for_pin }
    }

    /// A data object in hexadecimal.
    pub(super) fn object(&self, tag: u32) -> Option<&str> {
        self.objects.get(&format!("{tag:02X}")).map(String::as_str)
    }

    /// Whether a record of the device is for this tap, as far as the device tells.
    pub(super) fn is_in(&self, row: &JournalRow) -> bool {
        is_of(row, self.object(0x9F26), self.object(0x9F36))
    }

    /// Whether the card made these values in this tap.
    pub(super) fn has(&self, mark: &Mark) -> bool {
        self.object(0x9F26) == Some(&mark.cryptogram) && self.object(0x9F36) == Some(&mark.counter)
    }

    /// The account number: track 2 first, as every card of this field has it.
    pub(super) fn account(&self) -> Option<&Number> {
        [0x57, 0x5A].iter().find_map(|tag| self.numbers.get(tag))
    }
}
