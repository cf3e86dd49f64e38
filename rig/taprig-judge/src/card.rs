//! Judges what the card sees: commands, data objects and time. The rig observes these itself, so they are judged for
//! every device.

use std::collections::BTreeMap;

use taprig_model::event::{Body, Criterion, Exchange, SeenBy};
use taprig_model::expect::{CommandName, Expect, TagPattern, exchange_matches};
use taprig_model::units::{Duration, Hex, Money};

use taprig_record::decode::tlv::{self, Item};

use crate::air;
use crate::checks::Checks;
use crate::randomness;
use crate::tap::TapEvents;

pub(crate) fn judge(expect: &Expect, tap: TapEvents<'_>, earlier: &[TapEvents<'_>], checks: &mut Checks<'_>) {
    if let Some(wanted) = &expect.exchange {
        let seen: Vec<CommandName> = exchanges(tap).map(|exchange| CommandName::of(&exchange.command)).collect();
        let words = |list: &mut dyn Iterator<Item = String>| format!("[{}]", list.collect::<Vec<_>>().join(", "));
        let wanted_words = words(&mut wanted.iter().map(ToString::to_string));
        let seen_words = words(&mut seen.iter().map(ToString::to_string));
        checks.add(SeenBy::Card, Criterion::Exchange, wanted_words, seen_words, exchange_matches(wanted, &seen));
    }
    air::stated(expect, tap, checks);
    if !expect.tags.is_empty() {
        let seen = tags(tap);
        let earlier: Vec<_> = earlier.iter().map(|tap| tags(*tap)).collect();
        for (tag, pattern) in &expect.tags {
            let name = tag.to_string();
            let value = seen.get(&name).map(Vec::as_slice);
            let earlier: Vec<_> = earlier.iter().filter_map(|tags| tags.get(&name).cloned()).collect();
            let (ok, shown) = if *pattern == TagPattern::Random {
                let values: Vec<&[u8]> = earlier.iter().map(Vec::as_slice).chain(value).collect();
                let found = randomness::look(&values);
                (found.is_ok(), found.unwrap_or_else(|wrong| wrong))
            } else {
                let shown = value.map_or_else(|| "absent".to_owned(), |value| Hex(value.to_vec()).to_string());
                (pattern.matches(value, &earlier), shown)
            };
            checks.add(SeenBy::Card, Criterion::Tag(name), pattern.to_string(), shown, ok);
        }
    }
    if let Some(within) = expect.within {
        let took = tap.events.iter().rev().find_map(|event| match event.body {
            Body::Removed { air_us, .. } => Some(air_us),
            _ => None,
        });
        let seen = took.map_or_else(|| "no tap".to_owned(), |us| Duration { us }.to_string());
        checks.add(
            SeenBy::Card,
            Criterion::Within,
            within.to_string(),
            seen,
            took.is_some_and(|took| took <= within.us),
        );
    }
    if let Some(wanted) = expect.balance {
        let held = tap.events.iter().rev().find_map(|event| match event.body {
            Body::Balance { fen } => Some(Money::from_fen(fen)),
            _ => None,
        });
        let seen = held.map_or_else(|| "no electronic cash".to_owned(), |held| held.to_string());
        checks.add(SeenBy::Card, Criterion::Balance, wanted.to_string(), seen, held == Some(wanted));
    }
}

fn exchanges(tap: TapEvents<'_>) -> impl Iterator<Item = &Exchange> {
    tap.events.iter().filter_map(|event| match &event.body {
        Body::Exchange(exchange) => Some(exchange),
        _ => None,
    })
}

/// The last value of each data object that either side sent in a tap, by its tag in capital hexadecimal digits. The
/// values from the reader come from GET PROCESSING OPTIONS, according to the PDOL that the card announced.
#[must_use]
pub fn tags(tap: TapEvents<'_>) -> BTreeMap<String, Vec<u8>> {
    let mut seen: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    for exchange in exchanges(tap) {
        if CommandName::of(&exchange.command) == CommandName::Gpo {
            let pdol = seen.get("9F38").cloned().unwrap_or_default();
            let mut data = gpo_data(&exchange.command);
            for (tag, len) in tlv::list(&pdol).0 {
                let Some((value, rest)) = data.split_at_checked(len) else { break };
                seen.insert(format!("{tag:02X}"), value.to_vec());
                data = rest;
            }
        }
        let body =
            exchange.response.as_ref().and_then(|response| response.len().checked_sub(2).map(|len| &response[..len]));
        for item in tlv::walk(body.unwrap_or_default()) {
            if let Item::Object { tag, value, template: false, .. } = item {
                seen.insert(format!("{tag:02X}"), value.to_vec());
            }
        }
    }
    seen
}

/// The values in the command template 83 of GET PROCESSING OPTIONS.
fn gpo_data(command: &[u8]) -> &[u8] {
    match command {
        [0x80, 0xA8, _, _, _, 0x83, len, rest @ ..] if *len < 0x80 => &rest[..usize::from(*len).min(rest.len())],
        [0x80, 0xA8, _, _, _, 0x83, 0x81, len, rest @ ..] => &rest[..usize::from(*len).min(rest.len())],
        _ => &[],
    }
}
