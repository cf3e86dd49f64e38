//! The events of one tap.

use taprig_model::device::Sight;
use taprig_model::event::{Body, Event, ReadyAgain, Reason, Signal, Word};
use taprig_model::expect::{Cvm, Outcome};

/// The events of one tap: from one presentation of a card to the next one.
#[derive(Debug, Clone, Copy)]
pub struct TapEvents<'a> {
    /// Number of the tap.
    pub number: u32,
    /// Its events.
    pub events: &'a [Event],
}

/// The result that a validator reported for a tap.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TapResult<'a> {
    pub(crate) outcome: Option<&'a Word<Outcome>>,
    pub(crate) reason: Option<&'a Word<Reason>>,
    pub(crate) charged: Option<u64>,
    pub(crate) held: Option<u64>,
    pub(crate) cvm: Option<&'a Word<Cvm>>,
}

/// The taps of a sub-case. The last one contains all events up to the end of the case.
#[must_use]
pub fn taps(events: &[Event]) -> Vec<TapEvents<'_>> {
    taps_of(events).collect()
}

/// The taps in these events, in order.
pub(crate) fn taps_of(events: &[Event]) -> impl Iterator<Item = TapEvents<'_>> {
    let mut starts = events
        .iter()
        .enumerate()
        .filter_map(|(place, event)| match event.body {
            Body::Presented { tap, .. } => Some((place, tap)),
            _ => None,
        })
        .peekable();
    std::iter::from_fn(move || {
        let (start, number) = starts.next()?;
        let end = starts.peek().map_or(events.len(), |&(next, _)| next);
        Some(TapEvents { number, events: &events[start..end] })
    })
}

impl<'a> TapEvents<'a> {
    /// The signals of the validator, in order.
    pub(crate) fn signals(self) -> impl Iterator<Item = &'a Signal> {
        self.events.iter().filter_map(|event| match &event.body {
            Body::Signal { signal, .. } => Some(signal),
            _ => None,
        })
    }

    /// Why nobody saw something that only a person can see. `None` if somebody did, or if the validator reports it.
    pub(crate) fn not_seen(self, sight: Sight) -> Option<&'a str> {
        self.signals().find_map(|signal| match signal {
            Signal::NotSeen { what, why } if *what == sight => Some(why.as_str()),
            _ => None,
        })
    }

    /// The validator's result of the tap.
    pub(crate) fn result(self) -> Option<TapResult<'a>> {
        let results = self.signals().filter_map(|signal| match signal {
            Signal::Result { outcome, reason, charged, held, cvm } => Some(TapResult {
                outcome: outcome.as_ref(),
                reason: reason.as_ref(),
                charged: *charged,
                held: *held,
                cvm: cvm.as_ref(),
            }),
            _ => None,
        });
        results.last()
    }

    /// The amount charged, in fen.
    pub(crate) fn charged(self) -> u64 {
        self.result().and_then(|result| result.charged).unwrap_or(0)
    }
}

/// Why the case ended at the end of these events, before all its steps were played: the validator was not ready again
/// after a tap, or it stopped. The journal was not read after that.
pub(crate) fn stopped(events: &[Event]) -> Option<&'static str> {
    events.iter().find_map(|event| match event.body {
        Body::ReadyAgain { seen: ReadyAgain::Not, .. } => Some("the validator was not ready again, so the case ended"),
        Body::ReadyAgain { seen: ReadyAgain::Restarted, .. } => {
            Some("the validator started again by itself, so the case ended")
        }
        Body::DeviceEnded { .. } => Some("the validator stopped, and the case with it"),
        _ => None,
    })
}
