//! Claims and reversals.

use super::oddities;
use super::request::Request;
use super::terminal::Claim;
use super::{Host, Reply};
use taprig_model::acquirer::log::{self, Mac, State};

impl Host {
    /// Decides a claim. `forced` is the code that a rule prescribes.
    pub(super) fn claim(&mut self, request: &Request, forced: Option<&str>) -> Reply {
        let notes = oddities::of_claim(request);
        let place = (request.batch(), request.trace.unwrap_or_default());
        let account = request.card.clone().unwrap_or_default();
        let fen = request.fen();
        let denied = self.deny.has(&account);
        let terminal = self.terminal(request);
        if let Some(claim) = terminal.claims.get(&place) {
            let repeated = |code: &str, why: &str| Reply {
                claims: vec![log_entry(request, place, claim, true)],
                notes: notes.clone(),
                ..Reply::new(code, why)
            };
            if (claim.account.as_str(), claim.fen) != (&account, fen) {
                return repeated(
                    "94",
                    "another claim has the same batch and trace: the account number or the amount differs. This claim is lost",
                );
            }
            match claim.state {
                State::Accepted => return repeated(forced.unwrap_or("94"), "a repeat of a claim that was accepted"),
                State::Reversed => return repeated(forced.unwrap_or("94"), "a repeat of a claim that was taken back"),
                State::Refused if forced.is_none() => {
                    return repeated(&claim.code, "a repeat of a claim that was refused");
                }
                State::Refused | State::Waiting => {}
            }
        }
        let (code, why) = match forced {
            Some(code) => (code, "the host itself would decide by its lists"),
            None if denied => ("05", "the card is on the deny list"),
            None if oddities::expired(request) => ("54", "the card had expired on the day of the ride"),
            None => ("00", "accepted"),
        };
        let state = if code == "00" { State::Accepted } else { State::Refused };
        let claim = Claim { merchant: request.merchant.clone(), account, fen, state, code: code.into() };
        let told = log_entry(request, place, &claim, false);
        terminal.claims.insert(place, claim);
        Reply { claims: vec![told], notes, ..Reply::new(code, why) }
    }

    /// Keeps a claim without a decision. Only a claim that the host would look at is kept.
    pub(super) fn wait(&mut self, request: &Request, mac: Mac) -> Option<log::Claim> {
        let trace = request.trace.filter(|_| request.is_claim())?;
        if self.objection(request, mac).is_some() {
            return None;
        }
        let place = (request.batch(), trace);
        let new = Claim {
            merchant: request.merchant.clone(),
            account: request.card.clone().unwrap_or_default(),
            fen: request.fen(),
            state: State::Waiting,
            code: String::new(),
        };
        let claims = &mut self.terminal(request).claims;
        let repeat = claims.contains_key(&place);
        Some(log_entry(request, place, claims.entry(place).or_insert(new), repeat))
    }

    /// Takes a claim back.
    pub(super) fn reverse(&mut self, request: &Request) -> Reply {
        let mut notes = Vec::new();
        if let Some(reason) = request.message.word(39).filter(|reason| !["98", "96", "A0"].contains(reason)) {
            notes.push(format!("the reason (field 39) is {reason}; known are 98 timeout, 96 fault, A0 wrong MAC"));
        }
        let place = (request.batch(), request.trace.unwrap_or_default());
        let fen = request.fen();
        let Some(claim) = self.terminal(request).claims.get_mut(&place) else {
            return Reply { notes, ..Reply::new("25", "there is no claim with this batch and trace") };
        };
        let (code, why, repeat) = match claim.state {
            _ if claim.fen != fen => ("64", "the amount is not that of the claim", true),
            State::Accepted | State::Waiting => {
                claim.state = State::Reversed;
                claim.code = "00".into();
                ("00", "the claim is taken back", false)
            }
            State::Reversed => ("00", "the claim was taken back before", true),
            State::Refused => ("00", "the claim was refused, so there is nothing to take back", true),
        };
        let told = log_entry(request, place, claim, repeat);
        Reply { claims: vec![told], notes, ..Reply::new(code, why) }
    }
}

pub(super) fn log_entry(request: &Request, (batch, trace): (u32, u32), claim: &Claim, repeat: bool) -> log::Claim {
    log::Claim {
        terminal: request.terminal.clone(),
        merchant: claim.merchant.clone(),
        batch,
        trace,
        fen: claim.fen,
        state: claim.state,
        repeat,
    }
}
