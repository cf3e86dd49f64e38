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
    /// The key for MACs of the sign-on before that. A terminal must not use it any more.
    pub(super) old_mac: Option<MacKey>,
    /// Number of sign-ons so far.
    pub(super) sign_ons: usize,
    /// The open batch.
    pub(super) batch: Batch,
    /// Claims by batch and trace.
    pub(super) claims: BTreeMap<(u32, u32), Claim>,
    /// What settled batches were answered: field 48.
    pub(super) settled: BTreeMap<u32, String>,
    /// What the claims of closed batches came to that were forgotten.
    forgotten: Summary,
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
    /// Takes this key for MACs into use. `None`: the terminal has signed off.
    pub(super) fn change_key(&mut self, key: Option<MacKey>) {
        self.old_mac = std::mem::replace(&mut self.mac, key).or(self.old_mac);
    }

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

    /// Forgets the claims of closed batches. A claim that still waits for a decision stays.
    pub(super) fn forget_closed(&mut self) {
        let (claims, settled) = (&mut self.claims, &self.settled);
        let is_closed = |batch: u32| batch != self.batch.0 && settled.contains_key(&batch);
        claims.retain(|(batch, _), claim| {
            let keeps = claim.state == State::Waiting || !is_closed(*batch);
            if !keeps {
                add(&mut self.forgotten, claim);
            }
            keeps
        });
    }

    /// Adds its claims to a summary.
    pub(super) fn sum_up(&self, summary: &mut Summary) {
        self.claims.values().for_each(|claim| add(summary, claim));
        for state in [State::Accepted, State::Refused, State::Waiting, State::Reversed] {
            let mut forgotten = self.forgotten;
            *summary.of_mut(state) += *forgotten.of_mut(state);
        }
    }
}

fn add(summary: &mut Summary, claim: &Claim) {
    *summary.of_mut(claim.state) += Amounts { count: 1, fen: claim.fen };
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
    fn what_is_forgotten_still_counts() {
        let mut terminal = Terminal::default();
        let all = [State::Accepted, State::Refused, State::Waiting, State::Reversed];
        for (trace, state) in (1..).zip(all) {
            terminal.claims.insert((1, trace), claim(state));
        }
        let sums = |terminal: &Terminal| {
            let mut summary = Summary::default();
            terminal.sum_up(&mut summary);
            summary
        };
        let summary = sums(&terminal);
        terminal.forget_closed();
        assert_eq!(terminal.claims.len(), all.len(), "the batch is open");
        terminal.close_batch(String::new());
        terminal.claims.insert((2, 5), claim(State::Accepted));
        terminal.forget_closed();
        assert_eq!(
            terminal.claims.keys().collect::<Vec<_>>(),
            [&(1, 3), &(2, 5)],
            "one waits, and one is of the open batch"
        );
        let after = sums(&terminal);
        assert_eq!(
            (after.accepted.count, after.accepted.fen),
            (summary.accepted.count + 1, summary.accepted.fen + 100)
        );
        let others = |summary: Summary| [summary.refused, summary.waiting, summary.reversed];
        assert_eq!(others(after), others(summary));
    }

    #[test]
    fn the_batch_after_the_last_is_the_first() {
        assert_eq!(Batch(999_999).next(), Batch(1));
    }
}
