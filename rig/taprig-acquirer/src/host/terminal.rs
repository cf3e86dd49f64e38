//! What the host keeps of a terminal: its key, its batch, its claims.

use crate::codec::totals::Sum;
use crate::mac::MacKey;
use std::collections::{BTreeMap, BTreeSet};
use taprig_model::acquirer::log::{Amounts, State, Summary};

/// A terminal.
#[derive(Debug, Clone, Default)]
pub(super) struct Terminal {
    /// The key for MACs since the last sign-on.
    pub(super) mac: Option<MacKey>,
    /// Number of sign-ons so far.
    pub(super) sign_ons: usize,
    /// The open batch.
    pub(super) batch: Batch,
    /// Claims by batch and trace.
    pub(super) claims: BTreeMap<(u32, u32), Claim>,
    /// What settled batches were answered: field 48.
    pub(super) settled: BTreeMap<u32, String>,
    /// The traces that the upload of the open batch has brought. `None` before a settlement that did not balance.
    pub(super) upload: Option<BTreeSet<u32>>,
}

/// Number of a batch, 1 to 999999.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Batch(pub(super) u32);

impl Default for Batch {
    fn default() -> Self {
        Self(1)
    }
}

impl Batch {
    const fn next(self) -> Self {
        Self(if self.0 >= 999_999 { 1 } else { self.0 + 1 })
    }
}

/// A claim: what a terminal wants for a ride.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// Merchant (field 42).
    pub merchant: String,
    /// Account number.
    pub account: String,
    /// Amount in fen.
    pub fen: u64,
    /// Its state.
    pub state: State,
    /// The last response code. It is empty for a claim that waits.
    pub code: String,
}

impl Terminal {
    /// What the accepted claims of the open batch come to.
    pub(super) fn accepted(&self) -> Sum {
        let mut sum = Sum::default();
        let batch = self.batch.0;
        for claim in self.claims.range((batch, 0)..=(batch, u32::MAX)).map(|(_, claim)| claim) {
            if claim.state == State::Accepted {
                sum.add(claim.fen);
            }
        }
        sum
    }

    /// Closes the open batch. `answered` is what its settlement was answered.
    pub(super) fn close_batch(&mut self, answered: String) {
        self.settled.insert(self.batch.0, answered);
        self.upload = None;
        self.batch = self.batch.next();
    }

    /// Adds its claims to a summary.
    pub(super) fn sum_up(&self, summary: &mut Summary) {
        for claim in self.claims.values() {
            let amounts: &mut Amounts = match claim.state {
                State::Accepted => &mut summary.accepted,
                State::Refused => &mut summary.refused,
                State::Waiting => &mut summary.waiting,
                State::Reversed => &mut summary.reversed,
            };
            amounts.count += 1;
            amounts.fen += claim.fen;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claim(state: State) -> Claim {
        Claim { merchant: String::new(), account: String::new(), fen: 100, state, code: String::new() }
    }

    #[test]
    fn only_accepted_claims_of_the_open_batch_settle() {
        let mut terminal = Terminal::default();
        for (trace, state) in
            [State::Accepted, State::Refused, State::Waiting, State::Reversed, State::Accepted].into_iter().enumerate()
        {
            terminal.claims.insert((1, u32::try_from(trace).unwrap()), claim(state));
        }
        terminal.claims.insert((2, 1), claim(State::Accepted));
        assert_eq!(terminal.accepted(), Sum { count: 2, fen: 200 });
        terminal.close_batch(String::new());
        assert_eq!(terminal.accepted(), Sum { count: 1, fen: 100 });
        let mut summary = Summary::default();
        terminal.sum_up(&mut summary);
        assert_eq!((summary.accepted.count, summary.refused.count), (3, 1));
        assert_eq!((summary.waiting.fen, summary.reversed.fen), (100, 100));
    }

    #[test]
    fn the_batch_after_the_last_is_the_first() {
        assert_eq!(Batch(999_999).next(), Batch(1));
    }
}
