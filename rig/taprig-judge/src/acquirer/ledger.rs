//! What the acquirer of a case received, from the events.

use std::collections::BTreeMap;

use taprig_model::acquirer::MessageKind;
use taprig_model::acquirer::log::{Body as Happened, Heard, Shown, State};
use taprig_model::event::{Body, Event, JournalRow};
use taprig_record::numbers::{Number, Place, of_request};

/// A message that the host could read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sent<'e> {
    /// Its number among all messages of the case, from 1. It is 0 if the acquirer heard only the beginning.
    pub(super) number: usize,
    event: &'e Event,
    pub(super) heard: &'e Heard,
}

impl<'e> Sent<'e> {
    /// A field of the request, as the record shows it.
    pub(super) fn field(self, number: u8) -> Option<&'e str> {
        field(&self.heard.request, number)
    }

    /// The event that brought the message.
    pub(super) fn event(self) -> &'e Event {
        self.event
    }

    /// Whether the message is one of these events.
    pub(super) fn is_among(self, events: &[Event]) -> bool {
        events.iter().any(|event| std::ptr::eq(event, self.event))
    }

    /// The data objects of field 55 in hexadecimal, by tag.
    pub(super) fn chip(self) -> BTreeMap<u32, &'e str> {
        let parts = self.field(55).unwrap_or_default().split(", ");
        parts
            .filter_map(|part| {
                let (tag, value) = part.split_once(' ').unwrap_or((part, ""));
                Some((u32::from_str_radix(tag, 16).ok()?, value))
            })
            .collect()
    }

    /// The data objects by which a claim and its tap are matched: cryptogram (9F26) and counter (9F36).
    pub(super) fn mark(self) -> Option<Mark> {
        let chip = self.chip();
        Some(Mark { cryptogram: (*chip.get(&0x9F26)?).to_owned(), counter: (*chip.get(&0x9F36)?).to_owned() })
    }

    /// Batch (60.2) and trace (field 11).
    pub(super) fn place(self) -> Option<(u32, u32)> {
        let batch = self.field(60)?.get(2..8)?.parse().ok()?;
        Some((batch, self.field(11)?.parse().ok()?))
    }

    /// The account numbers of the request.
    pub(super) fn numbers(self) -> Vec<(Place, Number)> {
        of_request(self.event)
    }

    /// The response code of the answer, also if the answer was lost.
    pub(super) fn code(self) -> Option<&'e str> {
        field(self.heard.answer.as_ref()?, 39)
    }
}

fn field(shown: &Shown, number: u8) -> Option<&str> {
    shown.fields.iter().find(|field| field.number == number).map(|field| field.value.as_str())
}

/// A claim that the host knows.
#[derive(Debug)]
pub(super) struct Claim<'e> {
    pub(super) merchant: String,
    pub(super) terminal: String,
    pub(super) batch: u32,
    pub(super) trace: u32,
    pub(super) fen: u64,
    pub(super) state: State,
    /// The messages that brought it, also those that the host refused before it looked at the claim. Empty if it came only in a
    /// batch upload.
    pub(super) sent: Vec<Sent<'e>>,
}

impl Claim<'_> {
    /// The data objects by which a claim and its tap are matched: cryptogram (9F26) and counter (9F36).
    pub(super) fn mark(&self) -> Option<Mark> {
        self.sent.first()?.mark()
    }

    /// Whether the acquirer has said that the claim counted before: codes 94 and 22.
    pub(super) fn counted_before(&self) -> bool {
        self.sent.iter().any(|sent| matches!(sent.code(), Some("94" | "22")))
    }

    /// The claim as a report names it.
    pub(super) fn name(&self) -> String {
        format!("batch {} trace {}", self.batch, self.trace)
    }
}

/// What tells a tap of a card from all others: two values that the card makes, in hexadecimal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) cryptogram: String,
    pub(super) counter: String,
}

/// The journal as it was listed at the end of the case. `None` if it was not read.
pub(super) fn listed(events: &[Event]) -> Option<&[JournalRow]> {
    events.iter().rev().find_map(|event| match &event.body {
        Body::Books { rows, .. } => Some(rows.as_slice()),
        _ => None,
    })
}

/// Whether a record is that of a tap with this cryptogram and this counter, as far as the device tells.
pub(super) fn is_of(row: &JournalRow, cryptogram: Option<&str>, counter: Option<&str>) -> bool {
    let same = |told: &Option<String>, own: Option<&str>| {
        told.as_ref().is_none_or(|told| own.is_some_and(|own| own.eq_ignore_ascii_case(told)))
    };
    row.counter.is_some() && same(&row.counter, counter) && same(&row.cryptogram, cryptogram)
}

impl Mark {
    /// Whether a record of the device is for this tap, as far as the device tells.
    pub(super) fn is_of(&self, row: &JournalRow) -> bool {
        is_of(row, Some(&self.cryptogram), Some(&self.counter))
    }
}

/// Everything that the acquirer of a case received.
#[derive(Debug, Default)]
pub(super) struct Ledger<'e> {
    /// The messages in order.
    pub(super) messages: Vec<Sent<'e>>,
    /// Claims of which the acquirer heard only the beginning, because a rule cut the line. They count as messages for nobody.
    pub(super) cut: Vec<Sent<'e>>,
    /// Why frames could not be read.
    pub(super) unreadable: Vec<&'e str>,
    /// What came, in order: the kind of each message. `None` for what the host does not know or could not read.
    pub(super) kinds: Vec<Option<MessageKind>>,
    /// The claims, in the order in which they first came.
    pub(super) claims: Vec<Claim<'e>>,
    /// Number of the open batch. It is 1 as long as no terminal has said anything.
    pub(super) batch: u32,
}

impl<'e> Ledger<'e> {
    /// What came in these events.
    pub(super) fn of(events: &'e [Event]) -> Self {
        let mut ledger = Self { batch: 1, ..Self::default() };
        // Messages with a claim that the host did not look at, by batch and trace.
        let mut turned_away: BTreeMap<(u32, u32), Vec<Sent<'e>>> = BTreeMap::new();
        for event in events {
            let Body::Acquirer { happened } = &event.body else { continue };
            match &**happened {
                Happened::Heard(heard) if heard.cut.is_some() => {
                    ledger.cut.extend(brings_claim(heard).then_some(Sent { number: 0, event, heard }));
                }
                Happened::Heard(heard) => {
                    let sent = Sent { number: ledger.messages.len() + 1, event, heard };
                    ledger.messages.push(sent);
                    ledger.kinds.push(heard.message);
                    ledger.batch = heard.batch.unwrap_or(ledger.batch);
                    ledger.take(sent, &mut turned_away);
                }
                Happened::Unreadable { why, .. } => {
                    ledger.unreadable.push(why);
                    ledger.kinds.push(None);
                }
                _ => {}
            }
        }
        ledger
    }

    fn take(&mut self, sent: Sent<'e>, turned_away: &mut BTreeMap<(u32, u32), Vec<Sent<'e>>>) {
        let brings = brings_claim(sent.heard);
        for told in &sent.heard.claims {
            let place = (told.batch, told.trace);
            let known = self.claims.iter().position(|claim| (claim.batch, claim.trace) == place);
            let at = known.unwrap_or_else(|| {
                let sent = turned_away.remove(&place).unwrap_or_default();
                let (batch, trace) = place;
                let (merchant, terminal) = (told.merchant.clone(), told.terminal.clone());
                self.claims.push(Claim { merchant, terminal, batch, trace, fen: told.fen, state: told.state, sent });
                self.claims.len() - 1
            });
            let claim = &mut self.claims[at];
            claim.state = told.state;
            if brings {
                claim.sent.push(sent);
            }
        }
        if brings
            && sent.heard.claims.is_empty()
            && let Some(place) = sent.place()
        {
            match self.claims.iter_mut().find(|claim| (claim.batch, claim.trace) == place) {
                Some(claim) => claim.sent.push(sent),
                None => turned_away.entry(place).or_default().push(sent),
            }
        }
    }

    /// The kinds of what came from the `from`th message on, and how many there are in all.
    pub(super) fn kinds_from(&self, from: usize) -> &[Option<MessageKind>] {
        self.kinds.get(from..).unwrap_or_default()
    }
}

/// Whether a message claims money.
fn brings_claim(heard: &Heard) -> bool {
    matches!(heard.message, Some(MessageKind::Ride | MessageKind::Advice))
}

/// The word for a kind of message.
pub(super) fn word(kind: Option<MessageKind>) -> &'static str {
    kind.map_or("unknown", MessageKind::word)
}
