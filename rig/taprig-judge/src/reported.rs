//! Judges what only the device can report. Such an expectation is judged only if the device claims to report it.

use taprig_model::device::{Device, claim};
use taprig_model::event::{Body, ConsoleReply, Criterion, Event, Fields, JournalRow, SeenBy, Status, Word};
use taprig_model::expect::{Expect, JournalChange, JournalExpect, RecordExpect, StatusExpect};
use taprig_model::step::Console;
use taprig_model::units::Money;

use crate::checks::{Checks, DeviceAnswer, unmapped};
use crate::pattern::{fits, fits_account};
use crate::tap::{TapEvents, stopped};

/// Judges the reason and the cardholder verification of a tap.
pub(crate) fn result(expect: &Expect, tap: TapEvents<'_>, checks: &mut Checks<'_>) {
    let result = tap.result();
    if let Some(wanted) = &expect.reason {
        checks.by_device(claim::TELLS_REASON, Criterion::Reason, wanted, || {
            match result.and_then(|result| result.reason) {
                Some(Word::Known(reason)) => DeviceAnswer::Seen(reason.to_string(), reason.may_be(wanted)),
                Some(Word::Unknown(word)) => DeviceAnswer::NotJudged(unmapped("reason", word)),
                None => DeviceAnswer::Seen("none".into(), false),
            }
        });
    }
    if let Some(wanted) = expect.cvm {
        checks.by_device(claim::TELLS_CVM, Criterion::Cvm, wanted.as_str(), || {
            match result.and_then(|result| result.cvm) {
                Some(Word::Known(cvm)) => DeviceAnswer::Seen(cvm.as_str().into(), *cvm == wanted),
                Some(Word::Unknown(word)) => DeviceAnswer::NotJudged(unmapped("cardholder verification", word)),
                None => DeviceAnswer::Seen("not told".into(), false),
            }
        });
    }
}

/// Judges by how many records the journal grew in these events. If a tap ended the case, its journal was not read, so
/// this is not known.
pub(crate) fn journal_change(wanted: JournalChange, events: &[Event], checks: &mut Checks<'_>) {
    let added: usize = events
        .iter()
        .map(|event| match &event.body {
            Body::Journal { added, .. } => added.len(),
            _ => 0,
        })
        .sum();
    let seen = JournalChange(u32::try_from(added).unwrap_or(u32::MAX));
    checks.by_device(claim::JOURNAL, Criterion::Journal, wanted.to_string(), || match stopped(events) {
        Some(why) => DeviceAnswer::NotJudged(why.to_owned()),
        None => DeviceAnswer::Seen(seen.to_string(), seen == wanted),
    });
}

/// Judges the answer to a step `status`.
pub(crate) fn status(wanted: &StatusExpect, seen: Option<&Status>, checks: &mut Checks<'_>) {
    let none = Status::default();
    let (answered, seen) = (seen.is_some(), seen.unwrap_or(&none));
    let money = |fen: u64| Money::from_fen(fen).to_string();
    let number = |number: u32| number.to_string();
    for (name, wanted, seen) in [
        ("state", wanted.state.clone(), seen.state.clone()),
        ("journal", wanted.journal.map(number), seen.journal.map(number)),
        ("capacity", wanted.capacity.map(number), seen.capacity.map(number)),
        ("total", wanted.total.map(|money| money.to_string()), seen.total.map(money)),
        ("clock", wanted.clock.clone(), seen.clock.clone()),
    ] {
        let untold = answered.then(|| format!("the device does not tell the {name} of its status"));
        value(claim::STATUS, Criterion::Status(name.into()), wanted, seen, untold, checks);
    }
}

/// The reported content of a journal.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Listed<'a> {
    pub(crate) count: u32,
    pub(crate) total: u64,
    pub(crate) rows: &'a [JournalRow],
}

/// Judges the answer to a step `journal`.
pub(crate) fn journal(wanted: &JournalExpect, seen: Option<Listed<'_>>, checks: &mut Checks<'_>) {
    let rows = seen.map_or(&[][..], |seen| seen.rows);
    if let Some(records) = &wanted.records {
        let count = Some(records.len().to_string());
        pattern(claim::JOURNAL, Criterion::Records, count, seen.map(|seen| seen.rows.len().to_string()), checks);
        for (place, record) in (1..).zip(records) {
            let row = usize::try_from(place - 1).ok().and_then(|place: usize| rows.get(place));
            self::record(place, record, row, checks);
        }
    }
    let number = |number: u32| number.to_string();
    let count = wanted.count.map(number);
    pattern(claim::JOURNAL, Criterion::Count, count, seen.map(|seen| number(seen.count)), checks);
    let total = wanted.total.map(|total| total.to_string());
    let sum = seen.map(|seen| Money::from_fen(seen.total).to_string());
    pattern(claim::JOURNAL, Criterion::Total, total, sum, checks);
}

fn record(place: u32, wanted: &RecordExpect, seen: Option<&JournalRow>, checks: &mut Checks<'_>) {
    let none = JournalRow::default();
    let (listed, seen) = (seen.is_some(), seen.unwrap_or(&none));
    let upper = |text: &String| text.to_uppercase();
    let hex = |text: String| text.replace(' ', "");
    let number = |number: u32| number.to_string();
    for (name, wanted, seen) in [
        ("number", wanted.number.map(|n| n.to_string()), seen.number.map(|n| n.to_string())),
        ("time", wanted.time.clone(), seen.time.clone()),
        ("account", wanted.account.clone(), seen.account.clone()),
        ("sequence", wanted.sequence.clone(), seen.sequence.clone()),
        (
            "charged",
            wanted.charged.map(|money| money.to_string()),
            seen.charged.map(|fen| Money::from_fen(fen).to_string()),
        ),
        ("counter", wanted.counter.as_ref().map(ToString::to_string).map(hex), seen.counter.as_ref().map(upper)),
        (
            "cryptogram-type",
            wanted.cryptogram_type.as_ref().map(ToString::to_string).map(hex),
            seen.cryptogram_type.as_ref().map(upper),
        ),
        ("kind", wanted.kind.clone(), seen.kind.clone()),
        ("line", wanted.line.clone(), seen.line.clone()),
        ("claim", wanted.claim.clone(), seen.claim.clone()),
        ("batch", wanted.batch.map(number), seen.batch.map(number)),
        ("trace", wanted.trace.map(number), seen.trace.map(number)),
        ("code", wanted.code.clone(), seen.code.clone()),
    ] {
        let untold = listed.then(|| format!("the device does not tell the {name} of a record"));
        value(claim::JOURNAL, Criterion::Record { place, value: name.into() }, wanted, seen, untold, checks);
    }
}

/// Judges a text that has to match a pattern. Without a pattern it adds no check.
fn pattern(claim: &str, what: Criterion, wanted: Option<String>, seen: Option<String>, checks: &mut Checks<'_>) {
    value(claim, what, wanted, seen, None, checks);
}

/// The same for one value of several. `untold` says why the value is not judged if the device told the others and not this one:
/// not every device tells everything.
fn value(
    claim: &str,
    what: Criterion,
    wanted: Option<String>,
    seen: Option<String>,
    untold: Option<String>,
    checks: &mut Checks<'_>,
) {
    let Some(wanted) = wanted else { return };
    let fits = match &what {
        Criterion::Record { value, .. } if value == "account" => fits_account,
        _ => fits,
    };
    checks.by_device(claim, what, wanted.clone(), || match (seen, untold) {
        (Some(seen), _) => {
            let ok = fits(&wanted, &seen);
            DeviceAnswer::Seen(seen, ok)
        }
        (None, Some(why)) => DeviceAnswer::NotJudged(why),
        (None, None) => DeviceAnswer::Seen("not told".into(), false),
    });
}

/// Judges the answer to a step `identity`.
pub(crate) fn identity(device: &Device, seen: Option<&Fields>, checks: &mut Checks<'_>) {
    for (name, wanted) in [("device", &device.identity.device), ("firmware", &device.identity.firmware)] {
        let told = seen.and_then(|fields| fields.get(name)).unwrap_or("not told");
        checks.add(SeenBy::Device, Criterion::Identity(name.into()), wanted, told, told == wanted);
    }
}

/// Judges whether the device accepted each setting of a step `validator`.
pub(crate) fn setting(what: &str, refused: Option<&String>, checks: &mut Checks<'_>) {
    let seen = refused.map_or_else(|| "taken".to_owned(), |why| format!("refused: {why}"));
    checks.add(SeenBy::Device, Criterion::Setting(what.into()), "taken", seen, refused.is_none());
}

/// Judges whether the device emptied its journal.
pub(crate) fn cleared(refused: Option<Option<&String>>, checks: &mut Checks<'_>) {
    checks.by_device(claim::JOURNAL, Criterion::Cleared, "emptied", || match refused {
        Some(None) => DeviceAnswer::Seen("emptied".into(), true),
        Some(Some(why)) => DeviceAnswer::Seen(format!("refused: {why}"), false),
        None => DeviceAnswer::Seen("not asked".into(), false),
    });
}

/// Judges a reply on the console of the reference device. The expected lines are the last lines of the reply.
pub(crate) fn reply(line: &str, wanted: &Console, reply: &ConsoleReply, checks: &mut Checks<'_>) {
    // Only a device with this console has the claim that such a step rests on.
    let Some(native) = checks.device().interface.native() else { return };
    let marks = &native.lines;
    let mark = |mark: &str, rest: &str| format!("{mark} {rest}").trim_end().to_owned();
    let mut seen: Vec<String> = reply.data.iter().map(|data| mark(&marks.data, &data.to_string())).collect();
    seen.push(match (&reply.code, reply.ok) {
        (_, true) => mark(&marks.ok, &reply.text),
        (Some(code), false) => mark(&marks.error, &format!("{code} {}", reply.text)),
        (None, false) => mark(&marks.error, &reply.text),
    });
    let wanted = match &wanted.expect {
        Some(lines) => lines.0.clone(),
        None => vec![format!("{}*", marks.ok)],
    };
    let tail = &seen[seen.len().saturating_sub(wanted.len())..];
    let ok = tail.len() == wanted.len() && wanted.iter().zip(tail).all(|(wanted, seen)| fits(wanted, seen));
    let (wanted, seen) = (wanted.join(" / "), seen.join(" / "));
    checks.by_device(claim::NATIVE_CONSOLE, Criterion::Reply(line.into()), wanted, || DeviceAnswer::Seen(seen, ok));
}
