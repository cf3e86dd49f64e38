//! Asking the issuer while the rider waits.
//!
//! The request is written into the journal before it is sent. If the power is cut after that, the journal knows that the issuer
//! may have booked a ride that nobody had. Such a request is taken back: whoever is not let in does not pay.

use super::conclude::{DONE, Decision, decision};
use super::{Ask, Failure, Job, Reason, Service, Then};
use crate::board::Board;
use crate::journal::Record;
use crate::journal::claims::Claim;
use crate::work::Work;

/// What the issuer says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    /// The ride is approved. The journal has it.
    Approved,
    /// It is not, by this response code.
    Declined([u8; 2]),
    /// Nobody has decided. The reason is a word of this device.
    None(&'static str),
}

/// A rider who waits.
#[derive(Debug)]
pub(super) struct Rider {
    record: Record,
    /// The place of the request in the journal, once it has one.
    index: Option<u32>,
    /// Until when the rider waits.
    pub(super) deadline_us: u64,
    answer: Option<Answer>,
}

impl<B: Board> Service<'_, '_, B> {
    /// Whether an issuer can be asked at all.
    pub(crate) fn has_issuer(&self) -> bool {
        self.store.settings().uplink.online_s > 0 && self.is_ready()
    }

    /// Asks the issuer for a ride and waits for the answer, as long as `online-time` says. A message of another work that is
    /// under way is answered first; the work itself goes on afterwards.
    pub(crate) fn authorise(&mut self, record: Record) -> Answer {
        let deadline_us = self.board.now_us() + u64::from(self.store.settings().uplink.online_s) * 1_000_000;
        self.state.hold = true;
        while self.state.pending.is_some() && self.wait(deadline_us) {}
        self.state.hold = false;
        if self.state.pending.is_some() {
            return Answer::None("online-unavailable");
        }
        let (parked, held) = (self.state.job.take(), self.state.held.take());
        let batch = self.batch();
        self.state.rider = Some(Rider { record, index: None, deadline_us, answer: None });
        self.state.job = Some(Job::new(Work::Authorise));
        self.follow(Ok(Then::Next));
        while self.state.job.is_some() && self.wait(deadline_us) {}
        self.state.pending = None;
        self.state.job = parked;
        let rider = self.state.rider.take();
        let answer = rider.as_ref().and_then(|rider| rider.answer).unwrap_or(Answer::None("online-no-answer"));
        if let Some(index) = rider.and_then(|rider| rider.index)
            && matches!(answer, Answer::None(_))
            && self.state.unanswered.is_none_or(|(other, _)| other != index)
        {
            self.state.unanswered = Some((index, Reason::Timeout));
        }
        if self.state.job.is_some() {
            // In another batch the work has to look anew at what is next.
            let same = batch.is_some() && self.batch() == batch;
            self.follow(Ok(held.filter(|_| same).map_or(Then::Next, Then::Ask)));
        }
        answer
    }

    fn batch(&self) -> Option<u32> {
        self.state.session.as_ref().map(|session| session.batch)
    }

    /// Sleeps until something has come, and takes it in. Returns `false` if the time is over.
    fn wait(&mut self, until_us: u64) -> bool {
        self.board.sleep(until_us.min(self.state.wake_us()));
        self.listen();
        self.board.now_us() < until_us && !self.board.stopped()
    }

    /// The next message for the rider: what has to be taken back first, then the request.
    pub(super) fn for_rider(&mut self) -> Result<Option<Ask>, Failure> {
        let is_own = |index| self.state.rider.as_ref().is_some_and(|rider| rider.index == Some(index));
        if let Some(reversal) = self.store.first_request().filter(|index| !is_own(*index)) {
            return self.take_back(reversal);
        }
        let Some(Rider { record, index, answer: None, .. }) = &mut self.state.rider else { return Ok(None) };
        let (fare, index) = match *index {
            Some(index) => (record.fare, index),
            None => {
                self.store.append_ride(record).map_err(|_| Failure::new("memory"))?;
                let place = self.store.journal().count - 1;
                *index = Some(place);
                (record.fare, place)
            }
        };
        Ok(Some(Ask::Ride { index, fare, repeat: false }))
    }

    /// The message that takes a request back; nothing if it was never sent.
    pub(super) fn take_back(&mut self, index: u32) -> Result<Option<Ask>, Failure> {
        let (Some(record), Claim::Sent { batch: batch @ 1.. }) = (self.store.record(index), self.store.claim(index))
        else {
            self.store.drop_request(index).map_err(|_| Failure::new("memory"))?;
            return self.plan();
        };
        let known = self.state.unanswered.filter(|(other, _)| *other == index);
        let reason = known.map_or(Reason::Fault, |(_, reason)| reason);
        Ok(Some(Ask::Reversal { index, fare: record.fare, batch, reason }))
    }

    /// The rider gets no answer, unless there is one.
    pub(super) fn no_answer(&mut self, reason: &'static str) {
        if let Some(rider) = &mut self.state.rider
            && rider.answer.is_none()
        {
            rider.answer = Some(Answer::None(reason));
        }
    }

    /// The issuer's answer. A claim that is neither accepted nor refused here is taken back.
    pub(super) fn conclude_request(&mut self, index: u32, batch: u32, code: [u8; 2]) -> Result<Then, Failure> {
        let (claim, answer) = match decision(code, false) {
            Decision::Accepted if code == DONE => (Some(Claim::Accepted { batch }), Answer::Approved),
            Decision::SignOn => {
                self.state.session = None;
                return Ok(Then::Next);
            }
            Decision::Refused => (Some(Claim::Refused { batch, code }), Answer::Declined(code)),
            // 94: the host says that it has the claim from before. That can't be, as this one was sent once.
            Decision::Accepted | Decision::Undecided => (None, Answer::None("online-unavailable")),
        };
        if let Some(claim) = claim {
            self.store.note_answer(index, claim).map_err(|_| Failure::new("memory"))?;
        }
        if let Some(rider) = &mut self.state.rider {
            rider.answer = Some(answer);
        }
        Ok(Then::Done)
    }

    /// A request was taken back.
    pub(super) fn conclude_reversal(&mut self, index: u32) -> Result<Then, Failure> {
        let batch = self.store.claim(index).batch().unwrap_or_default();
        self.store.note_answer(index, Claim::Reversed { batch }).map_err(|_| Failure::new("memory"))?;
        if let Some(job) = &mut self.state.job {
            job.reversed += 1;
        }
        Ok(Then::Next)
    }
}
