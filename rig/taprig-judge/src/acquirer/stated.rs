//! Judges what a case states about its acquirer.

use taprig_model::acquirer::expect::{AcquirerExpect, ClaimExpect};
use taprig_model::acquirer::{Work, WorkResult};
use taprig_model::device::claim;
use taprig_model::event::{Body, Criterion, Event, Fields, SeenBy, Signal, Word};
use taprig_model::repeat::repeats_match;
use taprig_model::units::Money;
use taprig_record::decode::value::masked;
use taprig_record::numbers::Place;

use super::ledger::{Claim, Ledger, word};
use crate::checks::{Checks, DeviceAnswer, unmapped};
use crate::pattern::fits_account;

/// Judges expectations by everything that the acquirer received in `events`. Messages count from the `from`th on.
/// Returns how many messages came in all.
pub(crate) fn judge(wanted: &AcquirerExpect, events: &[Event], from: usize, checks: &mut Checks<'_>) -> usize {
    let ledger = Ledger::of(events);
    let mut add = |what: String, wanted: String, seen: String, ok: bool| {
        checks.add(SeenBy::Acquirer, Criterion::Acquirer(what), wanted, seen, ok);
    };
    if let Some(items) = &wanted.messages {
        let seen = ledger.kinds_from(from);
        let pairs: Vec<_> = items.iter().map(|item| (Some(item.kind), item.repeat)).collect();
        let ok = repeats_match(&pairs, seen);
        let wanted: Vec<_> = items.iter().map(ToString::to_string).collect();
        let seen: Vec<_> = seen.iter().map(|kind| word(*kind)).collect();
        add("messages".into(), format!("[{}]", wanted.join(", ")), listed(&seen), ok);
    }
    if let Some(claims) = &wanted.claims {
        let (count, seen) = (claims.len(), ledger.claims.len());
        add("claims".into(), count.to_string(), seen.to_string(), count == seen);
        for (at, wanted) in claims.iter().enumerate() {
            for (value, wanted, seen) in values(wanted, ledger.claims.get(at)) {
                let Some(wanted) = wanted else { continue };
                let seen = seen.unwrap_or_else(|| "none".into());
                let ok = if value == "account" { fits_account(&wanted, &seen) } else { wanted == seen };
                add(format!("claim {} {value}", at + 1), wanted, seen, ok);
            }
        }
    }
    for (of, sum) in wanted.sums() {
        let all = ledger.claims.iter().filter(|claim| claim.state == of);
        let (count, fen) = all.fold((0, 0), |(count, fen), claim| (count + 1, fen + claim.fen));
        if let Some(wanted) = sum.count {
            add(format!("{} count", of.word()), wanted.to_string(), count.to_string(), wanted == count);
        }
        if let Some(wanted) = sum.total {
            let seen = Money::from_fen(fen);
            add(format!("{} total", of.word()), wanted.to_string(), seen.to_string(), wanted == seen);
        }
    }
    if let Some(batch) = wanted.batch {
        add("batch".into(), batch.to_string(), ledger.batch.to_string(), batch == ledger.batch);
    }
    ledger.kinds.len()
}

/// Messages in a row of the same kind that are listed one by one.
const MOST_ALIKE: usize = 5;

/// The list of `words` for a person. A device can send hundreds of equal messages, which nobody wants to count.
fn listed(words: &[&str]) -> String {
    let runs = words.chunk_by(|one, next| one == next).map(|run| match run {
        [word, ..] if run.len() > MOST_ALIKE => format!("{word} ({} times)", run.len()),
        _ => run.join(", "),
    });
    format!("[{}]", runs.collect::<Vec<_>>().join(", "))
}

type Value = (&'static str, Option<String>, Option<String>);

/// Each value that a claim may have to have: its name, what is wanted, what was seen.
fn values(wanted: &ClaimExpect, seen: Option<&Claim<'_>>) -> [Value; 9] {
    let number = |number: u32| number.to_string();
    let first = seen.and_then(|claim| claim.sent.first().copied());
    let account = first.and_then(|sent| {
        let numbers = sent.numbers();
        numbers
            .into_iter()
            .find(|(place, _)| *place == Place::Field(2))
            .map(|(_, number)| masked(&number.digits.replace('x', "*")))
    });
    let sequence =
        first.map(|sent| sent.field(23).map_or_else(|| "-".into(), |field| field[field.len().min(1)..].into()));
    let sent = seen.map(|claim| u32::try_from(claim.sent.len()).unwrap_or(u32::MAX));
    [
        (
            "charged",
            wanted.charged.map(|money| money.to_string()),
            seen.map(|seen| Money::from_fen(seen.fen).to_string()),
        ),
        ("state", wanted.state.map(|of| of.word().into()), seen.map(|claim| claim.state.word().into())),
        (
            "code",
            wanted.code.as_ref().map(ToString::to_string),
            seen.and_then(|claim| claim.sent.iter().rev().find_map(|sent| sent.code())).map(str::to_owned),
        ),
        ("account", wanted.account.clone(), account),
        ("sequence", wanted.sequence.clone(), sequence),
        (
            "counter",
            wanted.counter.as_ref().map(|hex| hex.to_string().replace(' ', "")),
            first.and_then(|sent| sent.chip().get(&0x9F36).map(|value| (*value).to_owned())),
        ),
        ("batch", wanted.batch.map(number), seen.map(|claim| number(claim.batch))),
        ("trace", wanted.trace.map(number), seen.map(|claim| number(claim.trace))),
        ("sent", wanted.sent.map(number), sent.map(number)),
    ]
}

/// Judges how a work at the uplink ended in the events of its step.
pub(crate) fn work(work: Work, expect: Option<WorkResult>, events: &[Event], checks: &mut Checks<'_>) {
    let wanted = expect.map_or("an end", WorkResult::word);
    checks.by_device(claim::UPLINK, Criterion::Work(work), wanted, || {
        let mut asked = false;
        for event in events {
            match &event.body {
                Body::WorkAsked { work: told, refused } if *told == work => match refused {
                    Some(why) => return DeviceAnswer::Seen(format!("refused: {why}"), false),
                    None => asked = true,
                },
                Body::Signal { signal: Signal::Uplink { work: Word::Known(told), result }, said }
                    if asked && *told == work =>
                {
                    return match result {
                        Word::Known(result) => {
                            let ok = expect.is_none_or(|wanted| wanted == *result);
                            DeviceAnswer::Seen(ended(*result, said), ok)
                        }
                        Word::Unknown(word) => DeviceAnswer::NotJudged(unmapped("result of a work", word)),
                    };
                }
                _ => {}
            }
        }
        DeviceAnswer::Seen(if asked { "no end".into() } else { "not asked".into() }, false)
    });
}

/// The end of a work with what else the device said about it.
fn ended(result: WorkResult, said: &Fields) -> String {
    let rest: Vec<_> = said
        .iter()
        .filter(|(name, _)| !matches!(*name, "what" | "result"))
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    if rest.is_empty() { result.word().into() } else { format!("{} ({})", result.word(), rest.join(" ")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_equal_messages_are_counted() {
        assert_eq!(listed(&[]), "[]");
        let few = ["sign-on", "ride", "ride", "ride", "ride", "ride", "settlement"];
        assert_eq!(listed(&few), "[sign-on, ride, ride, ride, ride, ride, settlement]");
        let many: Vec<_> =
            std::iter::once("sign-on").chain(std::iter::repeat_n("ride", 1214)).chain(["reversal"]).collect();
        assert_eq!(listed(&many), "[sign-on, ride (1214 times), reversal]");
    }
}
