//! The reconciliation at the end of a case: the journal of the device and the claims of the acquirer, to the fen. The rules are those
//! of `taprig reconcile`.

use taprig_books::{Books, Claim as Claimed, Options};
use taprig_model::acquirer::log::State;
use taprig_model::books::journal::Ride as Row;
use taprig_model::books::result::{Entry, Item, Reconciliation, Side};
use taprig_model::books::{Fen, SixDigits};
use taprig_model::device::{Device, claim};
use taprig_model::event::{Body, Event, JournalRow};
use taprig_model::units::Money;

use super::ledger::{self, Ledger};
use super::ride::Ride;
use crate::checks::DeviceAnswer;

/// A ride that was never sent has no batch and no trace yet. It gets this batch, and as trace its place in the list.
const NOT_SENT: u32 = 0;

/// The result for the whole case.
pub(super) fn judge(ledger: &Ledger<'_>, rides: &[Ride], events: &[Event], device: &Device) -> DeviceAnswer {
    if !device.claims(claim::JOURNAL) {
        return DeviceAnswer::NotJudged(format!("the device does not claim {}", claim::JOURNAL));
    }
    let Some(rows) = rows(events) else {
        return DeviceAnswer::NotJudged("the journal was not read at the end".into());
    };
    let mut books = Books::new();
    books.give(Side::Journal);
    books.give(Side::Acquirer);
    for claim in &ledger.claims {
        let (terminal, merchant) = (&claim.terminal, &claim.merchant);
        // By a rule of the case, the host may have told the device that the claim counted before, and the device believes it.
        let believed = |Listed { row, .. }: &Listed<'_>| {
            (row.batch, row.trace) == (Some(claim.batch), Some(claim.trace)) && row.claim.as_deref() == Some("accepted")
        };
        let counts = claim.counted_before() && rows.iter().any(believed);
        let state = if counts { State::Accepted } else { claim.state };
        let (batch, trace, fen) = (claim.batch, claim.trace, claim.fen);
        books.claim(&Claimed { merchant, terminal, batch, trace, fen, state }, None);
    }
    let (terminal, merchant) =
        ledger.claims.first().map_or(("00000000", "0"), |claim| (&claim.terminal, &claim.merchant));
    let mut held = 0;
    for (Listed { row, dropped }, number) in rows.iter().zip(0..) {
        // What became of a record that was dropped is not listed. Its claim is found by what the card made for it.
        let own = |claim: &&ledger::Claim<'_>| claim.mark().is_some_and(|mark| mark.is_of(row));
        let known = if row.trace.is_some() { None } else { ledger.claims.iter().find(own) };
        let key = known.map_or((NOT_SENT, number), |claim| (claim.batch, claim.trace));
        let ride = rides.iter().find(|ride| ride.charged == 0 && ride.is_in(row));
        let owed = ride.and_then(|ride| ride.held);
        let fen = if is_kept_back(row) {
            // Nothing is claimed, unless it was after the record was listed for the last time.
            let claimed = owed.filter(|_| *dropped && known.is_some());
            let Some(fen) = claimed else { continue };
            Some(fen)
        } else {
            row.charged
        };
        held += owed.unwrap_or_default();
        match entry(row, fen, key, terminal, merchant) {
            Ok(ride) => books.ride(&ride, None),
            Err(untold) => return DeviceAnswer::NotJudged(untold),
        }
    }
    let result = books.reconcile(&Options::default());
    let charged = held + rides.iter().map(|ride| ride.charged).sum::<u64>();
    let mut problems: Vec<String> = result.items.iter().filter(|item| item.class.differs()).map(difference).collect();
    if u128::from(charged) != result.gross.rides.fen {
        let (taps, journal) = (Money::from_fen(charged), money(result.gross.rides.fen));
        problems.push(format!("the taps charged {taps}, and the journal has {journal}"));
    }
    if problems.is_empty() {
        DeviceAnswer::Seen(summary(&result), true)
    } else {
        DeviceAnswer::Seen(problems.join("; "), false)
    }
}

/// A record.
struct Listed<'e> {
    row: &'e JournalRow,
    /// It is as it was listed after its tap. What became of it since is not known.
    dropped: bool,
}

/// Whether the device sends no claim for a record: the tap-off of its trip may still come or has come, or the ride was free.
fn is_kept_back(row: &JournalRow) -> bool {
    matches!(row.claim.as_deref(), Some("held" | "void" | "none"))
}

/// The records of the case, each as it was listed last. A record that the journal has dropped since, because its batch was closed
/// or because the journal was emptied, is there as it was listed after its tap. `None` if the journal was not read at the end.
fn rows(events: &[Event]) -> Option<Vec<Listed<'_>>> {
    let last = ledger::listed(events)?;
    let same = |one: &JournalRow, other: &JournalRow| {
        (&one.counter, &one.cryptogram, &one.time) == (&other.counter, &other.cryptogram, &other.time)
    };
    let added = events.iter().filter_map(|event| match &event.body {
        Body::Journal { added, .. } => Some(added),
        _ => None,
    });
    let dropped = added.flatten().filter(|row| !last.iter().any(|listed| same(listed, row)));
    let dropped = dropped.map(|row| Listed { row, dropped: true });
    Some(dropped.chain(last.iter().map(|row| Listed { row, dropped: false })).collect())
}

/// A record of an amount in fen as a journal file has it, or what the device does not tell.
fn entry(
    row: &JournalRow,
    fen: Option<u64>,
    (batch, trace): (u32, u32),
    terminal: &str,
    merchant: &str,
) -> Result<Row, String> {
    let state = match row.claim.as_deref() {
        None | Some("waiting" | "sent" | "held") => State::Waiting,
        Some("accepted") => State::Accepted,
        Some("refused") => State::Refused,
        Some("reversed") => State::Reversed,
        Some(word) => return Err(format!("the word {word} for what became of a claim is not known")),
    };
    let untold = |what: &str| format!("the device does not tell the {what} of a record");
    let key = |value: Option<u32>, otherwise: u32| SixDigits::try_from(value.unwrap_or(otherwise));
    let sent = !matches!(row.claim.as_deref(), None | Some("waiting" | "held"));
    if sent && (row.batch.is_none() || row.trace.is_none()) {
        return Err(untold("batch and the trace"));
    }
    let time = row.time.as_deref().and_then(|time| time.parse().ok()).ok_or_else(|| untold("time"))?;
    let (Ok(merchant), Ok(terminal)) = (merchant.trim().parse(), terminal.parse()) else {
        return Err("terminal and merchant of the claims are no names of a terminal and a merchant".into());
    };
    let fen = fen.and_then(|fen| Fen::try_from(fen).ok()).ok_or_else(|| untold("amount"))?;
    let (Ok(batch), Ok(trace)) = (key(row.batch, batch), key(row.trace, trace)) else {
        return Err("a batch or a trace has more than six digits".into());
    };
    Ok(Row {
        merchant,
        terminal,
        batch,
        trace,
        time,
        line: None,
        bus: None,
        product: None,
        amount_fen: fen,
        state,
        code: None,
    })
}

fn difference(item: &Item) -> String {
    let side = |side: Side| {
        let entry = item.entries.iter().find(|entry| entry.side == side);
        entry.map_or_else(|| format!("{} has nothing", side.word()), in_words)
    };
    let (batch, trace, class) = (item.batch, item.trace, item.class.word());
    format!("batch {batch} trace {trace} is {class}: {}, {}", side(Side::Journal), side(Side::Acquirer))
}

fn in_words(entry: &Entry) -> String {
    let (amount, word) = (Money::from_fen(entry.fen), entry.state.map_or("", State::word));
    format!("{} has {amount} {word}", entry.side.word())
}

/// The classes that are not empty, with the amounts of the journal, or else of the acquirer.
fn summary(result: &Reconciliation) -> String {
    let classes = result.classes.iter().filter_map(|total| {
        let (journal, acquirer) = (total.sums.journal, total.sums.acquirer);
        let sum = if journal.count > 0 { journal } else { acquirer };
        (sum.count > 0).then(|| format!("{} {} ({})", sum.count, total.class.word(), money(sum.fen)))
    });
    let classes: Vec<_> = classes.collect();
    if classes.is_empty() { "no ride".into() } else { classes.join(", ") }
}

fn money(fen: u128) -> Money {
    Money::from_fen(u64::try_from(fen).unwrap_or(u64::MAX))
}
