//! Settlement and batch upload.

use super::claims::log_entry;
use super::request::Request;
use super::terminal::Claim;
use super::{Host, Reply};
use crate::codec::Message;
use crate::codec::totals::{self, Half, Sum, Totals};
use taprig_model::acquirer::log::State;
use taprig_model::units::Money;

impl Host {
    /// Compares the totals of the terminal with those of the host.
    pub(super) fn settle(&mut self, request: &Request) -> Reply {
        let totals = match Totals::parse(request.message.word(48).unwrap_or_default()) {
            Ok(totals) => totals,
            Err(error) => return Reply::new("30", error),
        };
        let batch = request.batch();
        let terminal = self.terminal(request);
        if let Some(answered) = terminal.settled.get(&batch) {
            let add = Message::default().digits(48, answered.clone());
            return Reply {
                add,
                ..Reply::new("00", format!("batch {batch} is settled already; the same answer again"))
            };
        }
        let own = terminal.accepted();
        let result = |half: &Half, debit| {
            let balanced = half.debit.reads_as(debit) && half.credit.reads_as(Sum::default());
            Half { result: if balanced { 1 } else { 2 }, ..*half }
        };
        let answer = Totals { home: result(&totals.home, own), foreign: result(&totals.foreign, Sum::default()) };
        let balanced = answer.home.result == 1 && answer.foreign.result == 1;
        let why = if balanced {
            terminal.close_batch(answer.digits());
            format!("balanced: {}; the next batch is {}", in_words(own), terminal.batch.0)
        } else {
            terminal.upload.get_or_insert_default();
            format!("not balanced: the host has {}, the terminal {}", in_words(own), in_words(totals.home.debit))
        };
        Reply { add: Message::default().digits(48, answer.digits()), ..Reply::new("00", why) }
    }

    /// Takes the payments of a batch that did not balance, or the end of the upload.
    pub(super) fn upload(&mut self, request: &Request) -> Reply {
        let digits = request.message.word(48).unwrap_or_default();
        let batch = request.batch();
        let settled = self.terminal(request).settled.contains_key(&batch);
        match request.code {
            201 if settled => Reply::new("00", format!("batch {batch} is closed; nothing changes")),
            201 => self.uploaded(request, digits),
            207 if settled => Reply::new("00", format!("the end of batch {batch}, which was balanced")),
            202 if settled => Reply::new("00", format!("batch {batch} is closed already")),
            _ => self.upload_ended(request, digits),
        }
    }

    fn uploaded(&mut self, request: &Request, digits: &str) -> Reply {
        let items = match totals::items(digits) {
            Ok(items) => items,
            Err(error) => return Reply::new("30", error),
        };
        let batch = request.batch();
        let mut notes = Vec::new();
        let terminal = self.terminal(request);
        if terminal.upload.is_none() {
            notes.push("no settlement that did not balance came before this upload".into());
        }
        let (mut new, mut claims) = (0, Vec::new());
        for item in &items {
            let trace = item.trace;
            let first = terminal.upload.get_or_insert_default().insert(trace);
            if !first {
                notes.push(format!("trace {trace} was uploaded before"));
            }
            match terminal.claims.get_mut(&(batch, trace)) {
                None => {
                    new += 1;
                    let claim = Claim {
                        merchant: request.merchant.clone(),
                        account: item.account.clone(),
                        fen: item.fen,
                        state: State::Accepted,
                        code: "00".into(),
                    };
                    claims.push(log_entry(request, (batch, trace), &claim, false));
                    terminal.claims.insert((batch, trace), claim);
                    notes.push(format!("trace {trace} is new to the host and accepted"));
                }
                Some(claim) => {
                    let waited = claim.state == State::Waiting;
                    if claim.fen != item.fen {
                        notes.push(format!("trace {trace} has {} fen here and {} in its claim", item.fen, claim.fen));
                    } else if claim.account != item.account {
                        notes.push(format!("trace {trace} has another account number than its claim"));
                    } else if waited {
                        claim.state = State::Accepted;
                        claim.code = "00".into();
                        notes.push(format!("trace {trace} was waiting and is accepted"));
                    } else if claim.state != State::Accepted {
                        notes.push(format!("trace {trace} is uploaded as paid, but its claim is {:?}", claim.state));
                    }
                    claims.push(log_entry(request, (batch, trace), claim, !waited || claim.state == State::Waiting));
                }
            }
        }
        Reply { claims, notes, ..Reply::new("00", format!("{} payments uploaded, {new} of them new", items.len())) }
    }

    fn upload_ended(&mut self, request: &Request, digits: &str) -> Reply {
        let Some(total) = digits.parse::<usize>().ok().filter(|_| digits.len() == 4) else {
            return Reply::new("30", "field 48 of the end of an upload has 4 digits");
        };
        let terminal = self.terminal(request);
        let there = terminal.upload.as_ref().map_or(0, std::collections::BTreeSet::len);
        if total != there {
            return Reply::new("95", format!("the terminal has uploaded {there} payments and claims {total}"));
        }
        let uploaded = terminal.upload.take().unwrap_or_default();
        let batch = terminal.batch.0;
        let missing = terminal
            .claims
            .range((batch, 0)..=(batch, u32::MAX))
            .filter(|((_, trace), claim)| claim.state == State::Accepted && !uploaded.contains(trace))
            .map(|((_, trace), claim)| format!("trace {trace} over {} fen was accepted and not uploaded", claim.fen))
            .collect();
        let own = Half { debit: terminal.accepted(), result: 1, ..Half::default() };
        let answered = Totals { home: own, foreign: Half { result: 1, ..Half::default() } }.digits();
        terminal.close_batch(answered);
        let why =
            format!("batch {batch} is closed with {}; the next batch is {}", in_words(own.debit), terminal.batch.0);
        Reply { notes: missing, ..Reply::new("00", why) }
    }
}

fn in_words(sum: Sum) -> String {
    format!("{} payments over {}", sum.count, Money::from_fen(sum.fen))
}
