//! What a tap came to, from its events.

use taprig_bench::validator_side::AIR_DEAD;
use taprig_model::event::{Body, Event, Exchange, Signal, Word};
use taprig_model::expect::{CommandName, Outcome};
use taprig_model::settings::Fare;

use crate::file::price;
use crate::plan::Kind;

/// What a tap came to.
#[derive(Debug, Default)]
pub(super) struct Watched {
    outcome: Option<Outcome>,
    reason: String,
    /// The amount that was charged, in fen.
    pub(super) charged: Option<u64>,
    /// GET PROCESSING OPTIONS that the card has seen.
    pub(super) gpos: u64,
    /// Of them, those that the card answered with its data, so that it could be authenticated.
    pub(super) answered: u64,
    /// The reader got no answer from the card side, which says nothing about the device.
    pub(super) air_dead: bool,
}

impl Watched {
    pub(super) fn of(events: &[Event]) -> Self {
        let mut seen = Self::default();
        for event in events {
            match &event.body {
                Body::Signal { signal: Signal::Result { outcome, reason, charged, .. }, .. } => {
                    seen.outcome = outcome.as_ref().and_then(Word::known).copied();
                    seen.reason = reason
                        .as_ref()
                        .and_then(Word::known)
                        .and_then(|reason| reason.all().first().cloned())
                        .unwrap_or_default();
                    seen.charged = *charged;
                }
                Body::Signal { signal: Signal::Fault { what }, .. } if what == AIR_DEAD => seen.air_dead = true,
                Body::Exchange(Exchange { command, response, .. })
                    if CommandName::of(&command.0) == CommandName::Gpo =>
                {
                    seen.gpos += 1;
                    let good = |response: &[u8]| response.ends_with(&[0x90, 0x00]);
                    seen.answered += u64::from(response.as_ref().is_some_and(|response| good(&response.0)));
                }
                _ => {}
            }
        }
        seen
    }

    /// How the tap differs from its plan, if it does.
    pub(super) fn differs(&self, kind: Kind, fare: Fare) -> Option<String> {
        let (outcome, reason, charged) = wanted(kind, fare);
        let same = self.outcome == Some(outcome)
            && (self.reason == reason || kind == Kind::Counterfeit && self.reason.starts_with(reason))
            && self.charged == charged;
        let fen = |fen: Option<u64>| fen.map_or("nothing charged".to_owned(), |fen| format!("{fen} fen charged"));
        (!same).then(|| {
            let seen = self.outcome.map_or("no outcome".to_owned(), |outcome| outcome.as_str().to_owned());
            format!(
                "{seen} ({}), {}, in place of {} ({reason}), {}",
                if self.reason.is_empty() { "no reason" } else { &self.reason },
                fen(self.charged),
                outcome.as_str(),
                fen(charged)
            )
        })
    }
}

/// What has to come of a tap: outcome, reason, amount in fen.
fn wanted(kind: Kind, fare: Fare) -> (Outcome, &'static str, Option<u64>) {
    match kind {
        Kind::Ride => (Outcome::Approved, "oda-approved", Some(price(fare))),
        Kind::SeePhone => (Outcome::TryAgain, "see-phone", None),
        Kind::Retap => (Outcome::Declined, "retap", None),
        // Which of the authentication's steps fails is the kernel's to say.
        Kind::Counterfeit => (Outcome::Declined, "oda-", None),
        Kind::Expired => (Outcome::Declined, "expired", None),
        Kind::Barred => (Outcome::Declined, "denied", None),
    }
}
