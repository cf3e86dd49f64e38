//! What must hold in every case with an acquirer.

use taprig_model::acquirer::MessageKind;
use taprig_model::acquirer::log::{Mac, State};
use taprig_model::criteria::Criteria;
use taprig_model::event::{Body, Book, Criterion, Event, SeenBy, Signal};
use taprig_model::units::Money;

use super::accounts;
use super::fields;
use super::ledger::{Claim, Ledger, Sent, word};
use super::reconciled;
use super::ride::Ride;
use super::settings::InForce;
use crate::checks::{Checks, DeviceAnswer};
use crate::tap::{TapEvents, stopped, taps};

/// Fields that may differ when a claim comes again: time of sending, time, date, and the MAC, whose key may be another one.
const MAY_DIFFER: [u8; 4] = [7, 12, 13, 64];

/// Judges everything. If the case did not get to its end, nothing of this is judged.
pub(crate) fn judge<'a>(criteria: &'a Criteria, events: &[Event], checks: &mut Checks<'a>) {
    if !criteria.needs.acquirer || !events.iter().any(|event| matches!(event.body, Body::Acquirer { .. })) {
        return;
    }
    checks.about(None, &criteria.lines);
    checks.withhold(stopped(events));
    let ledger = Ledger::of(events);
    let taps = taps(events);
    let rides = Ride::all(&taps, checks.device());
    judge_book(Book::Readable, "all", readable(&ledger), format!("{} messages", ledger.messages.len()), checks);
    judge_book(Book::Repeats, "none", repeats(&ledger), format!("{} claims, each once", ledger.claims.len()), checks);
    let approvals = approvals(&ledger, &rides, &taps);
    judge_book(Book::Approvals, "all", approvals, format!("{} claims", ledger.claims.len()), checks);
    for claim in &ledger.claims {
        let (Some(sent), Some(mark)) = (claim.sent.first(), claim.mark()) else { continue };
        let Some(ride) = rides.iter().find(|ride| ride.has(&mark)) else { continue };
        checks.about(Some(ride.tap), &criteria.lines);
        let at = |event: &Event| InForce::at(event, events, criteria);
        let began = taps.iter().find(|tap| tap.number == ride.tap).and_then(|tap| tap.events.first());
        let settings =
            fields::Settings { at_tap: began.map_or_else(|| at(sent.event()), at), when_sent: at(sent.event()) };
        let compared = fields::compare(*sent, ride, is_request(*sent, ride, &taps), &settings);
        judge_book(Book::Fields, "as exchanged", compared.differences, format!("{} values", compared.compared), checks);
    }
    checks.about(None, &criteria.lines);
    let what = Criterion::Books(Book::Accounted);
    let wanted = "every charged ride claimed or waiting";
    answered(what, wanted, accounts::judge(&ledger, &rides, events, checks.device()), checks);
    let what = Criterion::Books(Book::Reconciled);
    let wanted = "no difference between journal and acquirer";
    answered(what, wanted, reconciled::judge(&ledger, &rides, events, checks.device()), checks);
    checks.withhold(None);
}

/// Whether the message came while the rider waited: during the tap that it is for, before the gate moved.
fn is_request(sent: Sent<'_>, ride: &Ride, taps: &[TapEvents<'_>]) -> bool {
    let waiting = |tap: &TapEvents<'_>| {
        let moved = |event: &Event| {
            matches!(&event.body, Body::Signal { signal: Signal::Gate { .. } | Signal::Result { .. }, .. })
        };
        let end = tap.events.iter().position(moved).unwrap_or(0);
        sent.is_among(&tap.events[..end])
    };
    taps.iter().any(|tap| tap.number == ride.tap && waiting(tap))
}

fn answered(what: Criterion, wanted: &str, answer: DeviceAnswer, checks: &mut Checks<'_>) {
    match answer {
        DeviceAnswer::Seen(seen, ok) => checks.add(SeenBy::Acquirer, what, wanted, seen, ok),
        DeviceAnswer::NotJudged(why) => checks.not_judged(SeenBy::Acquirer, what, wanted, "not told", why),
    }
}

/// Adds a check that holds if there are no problems.
fn judge_book(book: Book, wanted: &str, problems: Vec<String>, fine: String, checks: &mut Checks<'_>) {
    let ok = problems.is_empty();
    let seen = if ok { fine } else { problems.join("; ") };
    checks.add(SeenBy::Acquirer, Criterion::Books(book), wanted, seen, ok);
}

fn readable(ledger: &Ledger<'_>) -> Vec<String> {
    let mut problems: Vec<String> =
        ledger.unreadable.iter().map(|why| format!("a frame that is no message: {why}")).collect();
    for sent in &ledger.messages {
        let heard = sent.heard;
        let name = format!("message {} ({})", sent.number, word(heard.message));
        let claims = matches!(heard.message, Some(MessageKind::Ride | MessageKind::Advice | MessageKind::Reversal));
        match heard.mac {
            Mac::Wrong => problems.push(format!("{name} has a wrong MAC")),
            Mac::Missing => problems.push(format!("{name} has no MAC")),
            Mac::NoKey if claims => problems.push(format!("{name} came before a sign-on")),
            Mac::Good | Mac::NotNeeded | Mac::NoKey => {}
        }
        // A rule of the case may make the host say this of a good message.
        if heard.rule.is_none() && matches!(sent.code(), Some("12" | "30")) {
            problems.push(format!("{name}: {}", heard.why));
        }
    }
    problems
}

fn repeats(ledger: &Ledger<'_>) -> Vec<String> {
    let mut problems = Vec::new();
    for (at, claim) in ledger.claims.iter().enumerate() {
        problems.extend(changed(claim));
        let Some(mark) = claim.mark() else { continue };
        if let Some(other) = ledger.claims[..at].iter().find(|other| other.mark().as_ref() == Some(&mark)) {
            problems.push(format!("{} and {} are for one tap", other.name(), claim.name()));
        }
    }
    problems.extend(ledger.cut.iter().filter_map(|cut| changed_after_cut(*cut, ledger)));
    problems
}

/// How the messages that brought a claim differ.
fn changed(claim: &Claim<'_>) -> Option<String> {
    let (first, again) = claim.sent.split_first()?;
    again.iter().find_map(|sent| {
        let what = difference(*first, *sent)?;
        Some(format!("{}: {what} differs between messages {} and {}", claim.name(), first.number, sent.number))
    })
}

/// How a claim differs from its message that the line cut. The validator can't know that the acquirer has heard only a part of it, so it
/// has to send the same again. In another batch it may have got a new trace.
fn changed_after_cut(cut: Sent<'_>, ledger: &Ledger<'_>) -> Option<String> {
    let (mark, (batch, trace)) = (cut.mark()?, cut.place()?);
    let claim = ledger.claims.iter().find(|claim| claim.mark().as_ref() == Some(&mark) && claim.batch == batch)?;
    let what = match difference(cut, *claim.sent.first()?)? {
        // The trace names the claim.
        _ if claim.trace != trace => format!("the trace was {trace}"),
        what => format!("{what} was another one"),
    };
    Some(format!("{}: {what} in the message of the same tap that was cut", claim.name()))
}

/// What differs between two messages that have to be the same.
fn difference(one: Sent<'_>, other: Sent<'_>) -> Option<String> {
    let differs = |number: &u8| !MAY_DIFFER.contains(number) && one.field(*number) != other.field(*number);
    if let Some(number) = (2..=64).find(differs) {
        return Some(format!("field {number}"));
    }
    // Numbers that look alike when they are masked.
    let (own, others) = (one.numbers(), other.numbers());
    let alike = own.len() == others.len() && own.iter().zip(&others).all(|((_, one), (_, two))| one.is(two));
    (!alike).then(|| "the account number".into())
}

/// A claim for a ride that was not given is wrong. A request to the issuer comes before that is known: if no ride is given, it must
/// have been refused or taken back.
fn approvals(ledger: &Ledger<'_>, rides: &[Ride], taps: &[TapEvents<'_>]) -> Vec<String> {
    let mut problems = Vec::new();
    // A payment that came only in a batch upload has nothing by which it is matched to a tap.
    for claim in ledger.claims.iter().filter(|claim| !claim.sent.is_empty()) {
        let ride = claim.mark().and_then(|mark| rides.iter().find(|ride| ride.has(&mark)));
        let Some(ride) = ride else {
            problems.push(format!("{} is for no tap of this case", claim.name()));
            continue;
        };
        let request = is_request(claim.sent[0], ride, taps);
        if request && ride.approved == Some(true) && claim.state != State::Accepted {
            let (name, state) = (claim.name(), claim.state.word());
            problems.push(format!("{name} was asked for in tap {}, which was approved, and it is {state}", ride.tap));
        }
        if ride.held == Some(claim.fen) && ride.charged == 0 {
            // A trip whose tap-off did not come, or an old fare: the rider did not pay it at this tap.
            continue;
        }
        if ride.approved == Some(false) {
            if !request {
                problems.push(format!("{} is for tap {}, which was not approved", claim.name(), ride.tap));
            } else if !matches!(claim.state, State::Refused | State::Reversed) {
                let state = claim.state.word();
                let tap = ride.tap;
                problems.push(format!(
                    "{} was asked for in tap {tap}, which was not approved, and it is {state}",
                    claim.name()
                ));
            }
        } else if claim.fen != ride.charged {
            let (claimed, charged) = (Money::from_fen(claim.fen), Money::from_fen(ride.charged));
            problems.push(format!("{} is over {claimed}, and tap {} charged {charged}", claim.name(), ride.tap));
        }
    }
    problems
}
