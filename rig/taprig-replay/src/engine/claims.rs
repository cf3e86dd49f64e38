//! The claims of a bus as the acquirer tells them, and what the bank pays.

use std::collections::BTreeMap;

use jiff::civil::Date;
use taprig_model::acquirer::log::{self, State};

/// A claim as the acquirer has told it, on a day of the replay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct DatedClaim {
    pub(super) day: Date,
    pub(super) claim: log::Claim,
}

/// What an acquirer has told since somebody asked last.
#[derive(Debug, Default)]
pub(super) struct Heard {
    pub(super) claims: Vec<DatedClaim>,
    /// Messages about a claim that it did not take, each with the day and the reason.
    pub(super) not_taken: Vec<String>,
}

/// The claims about which the acquirer may still say something, in the order of the clearing file: by batch and trace.
#[derive(Debug, Default)]
pub(super) struct Claims {
    /// Its last word on each claim, with the day since which it says so.
    open: BTreeMap<(u32, u32), DatedClaim>,
    /// The last claim that was taken out.
    taken: Option<(u32, u32)>,
    /// The latest batch of which it has told something.
    batch: u32,
    late: u64,
}

impl Claims {
    /// The acquirer tells something about a claim.
    pub(super) fn hear(&mut self, told: &DatedClaim) {
        let place = (told.claim.batch, told.claim.trace);
        if self.taken.is_some_and(|taken| place <= taken) {
            self.late += 1;
            return;
        }
        self.batch = self.batch.max(told.claim.batch);
        match self.open.get_mut(&place) {
            Some(known) => {
                if known.claim.state != told.claim.state {
                    known.day = told.day;
                }
                known.claim.state = told.claim.state;
            }
            None => drop(self.open.insert(place, told.clone())),
        }
    }

    /// Takes the first claims out if they are decided and the acquirer is at a later batch, and returns those that the bank pays. A claim
    /// that is not decided holds those back that follow it, because they are in order.
    pub(super) fn paid(&mut self) -> Vec<DatedClaim> {
        let mut paid = Vec::new();
        while let Some(first) = self.open.first_entry() {
            let claim = &first.get().claim;
            if claim.batch >= self.batch || claim.state == State::Waiting {
                break;
            }
            self.taken = Some(*first.key());
            paid.push(first.remove());
        }
        paid.retain(is_paid);
        paid
    }

    /// What the bank pays of the claims that are left, when nothing more comes.
    pub(super) fn rest(&mut self) -> Vec<DatedClaim> {
        std::mem::take(&mut self.open).into_values().filter(is_paid).collect()
    }

    /// Number of the claims that were not taken out.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.open.len()
    }

    /// How often the acquirer has told something about a claim after it was taken out, or about one before it.
    pub(super) fn late(&self) -> u64 {
        self.late
    }
}

fn is_paid(told: &DatedClaim) -> bool {
    told.claim.state == State::Accepted
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    fn dated(day: i8, batch: u32, trace: u32, state: State) -> DatedClaim {
        let (terminal, merchant) = ("12345678".to_owned(), "123456789012345".to_owned());
        let claim = log::Claim { terminal, merchant, batch, trace, fen: 100, state, repeat: false };
        DatedClaim { day: date(2018, 1, day), claim }
    }

    fn traces(paid: &[DatedClaim]) -> Vec<(u32, i8)> {
        paid.iter().map(|told| (told.claim.trace, told.day.day())).collect()
    }

    #[test]
    fn the_bank_pays_once_what_was_accepted_in_the_end() {
        let mut claims = Claims::default();
        for heard in [
            dated(1, 1, 1, State::Accepted),
            dated(1, 1, 2, State::Waiting),
            dated(1, 1, 3, State::Refused),
            dated(2, 1, 1, State::Accepted),
            dated(2, 1, 2, State::Accepted),
        ] {
            claims.hear(&heard);
        }
        assert_eq!(claims.paid(), [], "the batch is open");
        assert_eq!(traces(&claims.rest()), [(1, 1), (2, 2)]);
    }

    #[test]
    fn a_batch_that_is_over_is_paid_in_order_and_forgotten() {
        let mut claims = Claims::default();
        for heard in [
            dated(1, 1, 2, State::Accepted),
            dated(1, 1, 1, State::Accepted),
            dated(1, 1, 3, State::Refused),
            dated(2, 2, 4, State::Waiting),
            dated(2, 2, 5, State::Accepted),
        ] {
            claims.hear(&heard);
        }
        assert_eq!(traces(&claims.paid()), [(1, 1), (2, 1)]);
        claims.hear(&dated(3, 3, 6, State::Accepted));
        assert_eq!(claims.paid(), [], "a claim that waits holds back what follows");
        assert_eq!((claims.open.len(), claims.late()), (3, 0));
        claims.hear(&dated(3, 2, 4, State::Accepted));
        assert_eq!(traces(&claims.paid()), [(4, 3), (5, 2)]);
        for late in [dated(4, 1, 1, State::Reversed), dated(4, 2, 5, State::Accepted), dated(4, 1, 9, State::Accepted)]
        {
            claims.hear(&late);
        }
        assert_eq!(claims.late(), 3);
        assert_eq!(traces(&claims.rest()), [(6, 3)]);
    }
}
