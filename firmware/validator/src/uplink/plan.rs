//! What a work sends next.

use iso8583::Cursor;

use super::{Ask, Failure, Service};
use crate::board::Board;

use crate::journal::claims::Claim;
use crate::work::Work;

/// Sign-ons in one work. More of them mean that host and device do not agree on the keys or on the batch.
const MAX_SIGN_ONS: u8 = 3;

impl<B: Board> Service<'_, '_, B> {
    /// The next message of the work; nothing when the work is done.
    pub(super) fn plan(&mut self) -> Result<Option<Ask>, Failure> {
        let signed_on = self.state.session.is_some();
        let Some(job) = &mut self.state.job else { return Ok(None) };
        if !signed_on {
            if job.work == Work::SignOff {
                return Ok(None);
            }
            job.sign_ons += 1;
            return if job.sign_ons > MAX_SIGN_ONS { Err(Failure::new("sign-on")) } else { Ok(Some(Ask::SignOn)) };
        }
        let (next_ride, passed_over) = (job.next_ride, job.passed_over);
        match job.work {
            Work::Authorise => self.for_rider(),
            // Requests come first: whoever was not let in waits for the money.
            Work::Reverse | Work::Upload | Work::Settle if self.store.journal().requests > 0 => {
                let index = self.store.first_request().ok_or(Failure::new("waiting"))?;
                self.take_back(index)
            }
            Work::Reverse | Work::SignOn => Ok(None),
            Work::SignOff => Ok(Some(Ask::SignOff)),
            Work::Upload => match (self.ride_from(next_ride), passed_over) {
                // Claims are left, so the work is not done, and the device must not begin it again at once.
                (None, Some(code)) => Err(Failure::code("undecided", code)),
                (ride, _) => Ok(ride),
            },
            Work::Settle => match self.ride_from(next_ride) {
                Some(ride) => Ok(Some(ride)),
                // A claim without an answer may be in the host's totals or not.
                // One that is held was never sent.
                None if self.store.journal().open > self.store.journal().held => Err(Failure::new("waiting")),
                None => Ok(Some(Ask::Settlement { until: self.store.journal().count })),
            },
            Work::DenyList => {
                let download = self.store.begin_deny().map_err(|_| Failure::new("memory"))?;
                Ok(Some(Ask::DenyPage { download, cursor: Cursor::FIRST, version: None }))
            }
            Work::AuthorityKeys => Ok(Some(Ask::KeyList { names: heapless::Vec::new() })),
        }
    }

    /// The claim of the first ride from a place on that can be sent.
    fn ride_from(&self, from: u32) -> Option<Ask> {
        let index = self.store.first_claimable(from)?;
        let record = self.store.record(index)?;
        let repeat = matches!(self.store.claim(index), Claim::Sent { .. });
        Some(Ask::Ride { index, fare: record.fare, repeat })
    }
}
