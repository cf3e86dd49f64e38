//! What an answer changes.

use heapless::Vec;
use iso8583::totals::{MOST_ITEMS, SettlementResult};
use iso8583::{AuthorityKey, AuthorityList, Cursor, DenyPage, MacKeyLength, Message, WorkingKeys};
use kernel::{CaKey, Pan};

use super::request::KEYS;
use super::{Ask, Failure, KeyName, MAX_KEYS, Service, Session, Then};
use crate::board::Board;

use crate::journal::claims::Claim;
use crate::present;
use crate::store::StoreError;
use crate::store::deny::DenyDownload;

/// The host has done what was asked for.
pub(super) const DONE: [u8; 2] = *b"00";

/// Claims in a row on which the host can't decide. After that it is of no use to go on.
const MAX_UNDECIDED: u8 = 3;

/// What a response code says about a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Decision {
    Accepted,
    Refused,
    /// Keys or batch are not those of the host.
    SignOn,
    /// The message or the terminal is at fault, or the host can't decide now.
    Undecided,
}

pub(super) fn decision(code: [u8; 2], repeat: bool) -> Decision {
    match &code {
        b"00" => Decision::Accepted,
        // The host has the claim from before. Claims of this device have traces that never come twice.
        b"94" => Decision::Accepted,
        // On a repeat: it was counted. Otherwise it says that something is wrong.
        b"22" if repeat => Decision::Accepted,
        b"A0" | b"77" => Decision::SignOn,
        b"03" | b"12" | b"22" | b"25" | b"30" | b"64" | b"91" | b"95" | b"96" | b"97" | b"98" => Decision::Undecided,
        _ => Decision::Refused,
    }
}

impl<B: Board> Service<'_, '_, B> {
    /// Takes the answer to a message that was sent in a batch. It belongs to the message, and its MAC is good.
    pub(super) fn conclude(&mut self, ask: Ask, batch: u32, answer: &Message<'_>) -> Result<Then, Failure> {
        let code = answer.code().unwrap_or(*b"??");
        match ask {
            Ask::Ride { index, .. } if self.is_authorising() => return self.conclude_request(index, batch, code),
            // 25: the host has no such claim, so there is nothing to take back.
            Ask::Reversal { index, .. } if matches!(&code, b"00" | b"25") => return self.conclude_reversal(index),
            Ask::Ride { index, repeat, .. } => return self.conclude_ride(index, repeat, batch, code),
            // Whatever the host says, this device uses the keys no longer.
            Ask::SignOff => {
                self.state.session = None;
                return if code == DONE { Ok(Then::Done) } else { Err(Failure::code("refused", code)) };
            }
            // The batch is closed on both sides, whatever the host says to that.
            Ask::End { until, balanced: true, .. } => return self.close(until),
            _ => {}
        }
        if matches!(&code, b"A0" | b"77") && ask != Ask::SignOn {
            self.state.session = None;
            return Ok(Then::Next);
        }
        if code != DONE {
            return Err(Failure::code("refused", code));
        }
        match ask {
            Ask::SignOn => self.conclude_sign_on(answer),
            Ask::Settlement { until } => self.conclude_settlement(until, batch, answer),
            Ask::Items { until, next, sent, .. } => Ok(Then::Ask(self.items(until, next, sent, batch))),
            Ask::End { until, .. } => self.close(until),
            Ask::DenyPage { download, cursor, version } => self.conclude_page(download, cursor, version, answer),
            Ask::KeyList { names } => conclude_list(names, answer),
            Ask::Key { names, at } => {
                self.conclude_key(names.get(at).copied(), answer)?;
                let at = at + 1;
                Ok(Then::Ask(if at < names.len() { Ask::Key { names, at } } else { Ask::KeysEnd }))
            }
            Ask::KeysEnd => Ok(Then::Done),
            Ask::Ride { .. } | Ask::Reversal { .. } | Ask::SignOff => Ok(Then::Next),
        }
    }

    fn is_authorising(&self) -> bool {
        self.state.job.as_ref().is_some_and(|job| job.work == crate::work::Work::Authorise)
    }

    fn conclude_sign_on(&mut self, answer: &Message<'_>) -> Result<Then, Failure> {
        let settings = &self.store.settings().uplink;
        let length = if settings.long_mac_key { MacKeyLength::Sixteen } else { MacKeyLength::Eight };
        let (Some(master), Some(field)) = (settings.master_key, answer.field(62)) else {
            return Err(Failure::new("keys"));
        };
        let keys = WorkingKeys::open(&master, KEYS, field, length).map_err(|_| Failure::new("keys"))?;
        let batch = answer.additional().map_err(|_| Failure::new("batch"))?.batch;
        self.state.session = Some(Session { mac: keys.mac, batch });
        Ok(Then::Next)
    }

    fn conclude_ride(&mut self, index: u32, repeat: bool, batch: u32, code: [u8; 2]) -> Result<Then, Failure> {
        let decision = decision(code, repeat);
        let Some(job) = &mut self.state.job else { return Ok(Then::Done) };
        match decision {
            Decision::Accepted => {
                job.accepted += 1;
                // A debt that is paid is forgotten first: after a cut in between, the host says once more that it is paid.
                if let Some(record) = self.store.record(index) {
                    self.store.note_accepted(&record).map_err(failure)?;
                }
                self.store.note_answer(index, Claim::Accepted { batch }).map_err(failure)?;
            }
            Decision::Refused => {
                job.refused += 1;
                // The card is barred first: after a cut in between, the claim is refused once more.
                let card = self.store.record(index).and_then(|record| Some((record.pan()?, record)));
                if let Some((pan, record)) = card {
                    if self.store.deny_refused(&pan, record.psn).is_err() {
                        present::fault(self.board, "deny-full");
                    }
                    // Without room the card can't pay at a tap. It is barred all the same.
                    let _ = self.store.note_refused(&record);
                }
                self.store.note_answer(index, Claim::Refused { batch, code }).map_err(failure)?;
            }
            Decision::SignOn if job.signed_on_for != Some(index) => {
                job.signed_on_for = Some(index);
                self.state.session = None;
                return Ok(Then::Next);
            }
            // A claim for which a sign-on did not help must not keep those behind it from being sent.
            Decision::SignOn | Decision::Undecided => {
                job.undecided += 1;
                if job.undecided >= MAX_UNDECIDED {
                    return Err(Failure::code("refused", code));
                }
                job.passed_over = Some(code);
                job.next_ride = index + 1;
                return Ok(Then::Next);
            }
        }
        if let Some(job) = &mut self.state.job {
            // The host has checked a MAC and a batch of this session.
            job.sign_ons = 0;
            job.undecided = 0;
            job.next_ride = index + 1;
        }
        Ok(Then::Next)
    }

    fn conclude_settlement(&mut self, until: u32, batch: u32, answer: &Message<'_>) -> Result<Then, Failure> {
        let totals = answer.totals().map_err(|_| Failure::new("totals"))?;
        match totals.own.result {
            SettlementResult::Balanced => {
                // From now on the host takes no claim of this batch.
                self.store.settle(until).map_err(|_| Failure::new("memory"))?;
                let (count, _) = self.store.accepted_in(batch);
                Ok(Then::Ask(Ask::End { until, count, balanced: true }))
            }
            SettlementResult::NotBalanced => Ok(Then::Ask(self.items(until, 0, 0, batch))),
            SettlementResult::NotCompared => Err(Failure::new("totals")),
        }
    }

    /// The next payments of the batch from a place on, or the end of the upload.
    fn items(&self, until: u32, from: u32, sent: u32, batch: u32) -> Ask {
        let items = self.store.in_batch(batch, from).take(MOST_ITEMS);
        let last = items
            .fold(None, |last: Option<(u32, u32)>, (index, _)| Some((index, last.map_or(1, |(_, count)| count + 1))));
        match last {
            Some((last, count)) => Ask::Items { until, from, next: last + 1, sent: sent + count },
            None => Ask::End { until, count: sent, balanced: false },
        }
    }

    fn close(&mut self, until: u32) -> Result<Then, Failure> {
        self.store.settle(until).map_err(|_| Failure::new("memory"))?;
        // The next batch has another number, which a sign-on tells.
        self.state.session = None;
        Ok(Then::Done)
    }
}

impl<B: Board> Service<'_, '_, B> {
    /// A page of the deny list. The list in force stays until the last page has come.
    fn conclude_page(
        &mut self,
        mut download: DenyDownload,
        cursor: Cursor,
        version: Option<u32>,
        answer: &Message<'_>,
    ) -> Result<Then, Failure> {
        let page = answer.field(63).and_then(|field| DenyPage::parse(field).ok()).ok_or(Failure::new("page"))?;
        let is_first = cursor == Cursor::FIRST;
        // Only the first page can say that there are no cards.
        if page.is_empty() && !is_first {
            return Err(Failure::new("page-gap"));
        }
        if version.is_some_and(|version| version != page.version()) {
            return Err(Failure::new("list-changed"));
        }
        if page.version() < self.store.deny_version() {
            return Err(Failure::new("list-older"));
        }
        for card in page.cards() {
            let pan = Pan::from_digits(card).ok_or(Failure::new("page"))?;
            self.store.load_deny(&mut download, &pan).map_err(failure)?;
        }
        match page.next() {
            // The next page begins where this one ends. Every page has a card, so the download comes to its end.
            Some(next) if next.cards_before() != cursor.cards_before() + page.len() as u64 => {
                Err(Failure::new("page-gap"))
            }
            // More cards follow than the list in force could take, also if the host names some of them twice.
            Some(next) if next.cards_before() >= self.store.deny_capacity().into() => Err(Failure::new("full")),
            Some(next) => Ok(Then::Ask(Ask::DenyPage { download, cursor: next, version: Some(page.version()) })),
            None => {
                self.store.finish_deny(download, page.version()).map_err(failure)?;
                Ok(Then::Done)
            }
        }
    }

    /// A key of an authority. One that the device has already is not written again.
    fn conclude_key(&mut self, name: Option<KeyName>, answer: &Message<'_>) -> Result<(), Failure> {
        let wrong = Failure::new("key");
        let key = answer.field(62).and_then(|field| AuthorityKey::parse(field).ok()).flatten().ok_or(wrong)?;
        if name != Some((key.rid, key.index)) || !key.is_sound() {
            return Err(wrong);
        }
        let key = CaKey::new(key.rid, key.index, key.modulus, key.exponent, None).map_err(|_| wrong)?;
        self.store.add_key(&key).map_err(failure)
    }
}

/// A part of the list of keys.
fn conclude_list(mut names: Vec<KeyName, MAX_KEYS>, answer: &Message<'_>) -> Result<Then, Failure> {
    let wrong = Failure::new("key-list");
    let list = answer.field(62).and_then(|field| AuthorityList::parse(field).ok()).ok_or(wrong)?;
    let before = names.len();
    for entry in list.entries() {
        names.push((entry.rid, entry.index)).map_err(|_| Failure::new("too-many-keys"))?;
    }
    Ok(if list.more() && names.len() > before {
        Then::Ask(Ask::KeyList { names })
    } else if list.more() {
        return Err(wrong);
    } else if names.is_empty() {
        Then::Done
    } else {
        Then::Ask(Ask::Key { names, at: 0 })
    })
}

fn failure(error: StoreError) -> Failure {
    Failure::new(match error {
        StoreError::Full => "full",
        StoreError::Memory => "memory",
    })
}
