//! Holds every field of a claim against what card and reader exchanged in its tap.
//!
//! Most values are in the exchange: the reader's in GET PROCESSING OPTIONS by the PDOL, the card's in its responses. They must be
//! the same. These rules are for the rest:
//!
//! | value | rule |
//! | --- | --- |
//! | 95 | The card sees zeros, because the reader does not know its own result yet. [`results`] has a rule for each byte |
//! | 9F27 | If the card did not send it, it follows from 9F10: bits 6 and 5 of byte 2 of the card verification results |
//! | 9F1A | If the reader did not send it, it is 0156, China |
//! | 9F03 | If the reader did not send it, it is 0 |
//! | 9F33, 9F34, 9F35, 9F1E | They have their length. The card does not see them |
//! | field 3 | the first two digits are 9C, as EMV Book 3 defines 9C. The others are 0: a rider chooses no account |
//! | field 22 | `07`, a chip that was read without contact, and then `2`, no PIN. If the device says that it asked for a PIN, `1` is right, too |
//! | field 25 | `00`, because a tap has no special condition |
//! | field 60 | `6`, a contactless reader, after the network code. The field may end before it |
//! | 84, 9F66 | They must be there if they were exchanged. No other field holds them |
//! | field 14 | year and month of 5F24, or else of track 2. It may be absent if field 35 holds the date |
//! | field 23 | 5F34; absent if the card has none |
//! | field 48 | DF21, DF22 and DF23 are line, bus and driver of the settings at the tap. One that is set must be there. A field 48 without any of the three has another bank's format, and is not compared |
//! | fields 41, 42 | terminal and merchant of the settings when the claim was sent |

use taprig_model::units::Hex;
use taprig_record::decode::tlv::{self, Item};
use taprig_record::numbers::Place;

use super::ledger::Sent;
use super::results;
use super::ride::Ride;
use super::settings::InForce;

/// The data objects that somebody needs to verify the cryptogram and to judge the tap, and those of the terminal: what public
/// programs of bus validators send in every claim.
const REQUIRED: [u32; 16] = [
    0x9F26, 0x9F27, 0x9F10, 0x9F37, 0x9F36, 0x95, 0x9A, 0x9C, 0x9F02, 0x5F2A, 0x82, 0x9F1A, 0x9F03, 0x9F33, 0x9F35,
    0x9F1E,
];

/// Data objects that no other field of a claim holds: which application paid, and what the reader announced to it.
const REQUIRED_IF_EXCHANGED: [u32; 2] = [0x84, 0x9F66];

/// Data objects of the terminal that a card does not see, and their lengths in bytes.
const OWN: [(u32, usize); 4] = [(0x9F33, 3), (0x9F34, 3), (0x9F35, 1), (0x9F1E, 8)];

/// The data objects of field 48, and the settings that they name.
const PLACE: [(u32, &str); 3] = [(0xDF21, "line"), (0xDF22, "bus"), (0xDF23, "driver")];

/// Where the network code of field 60 ends: type, batch and network code have 2, 6 and 3 digits.
const NETWORK_END: usize = 11;

/// What differs between a claim and its tap, one sentence each, and how many values were compared.
#[derive(Debug, Default)]
pub(super) struct Comparison {
    pub(super) differences: Vec<String>,
    pub(super) compared: u32,
}

impl Comparison {
    fn same(&mut self, what: &str, claim: Option<&str>, tap: Option<&str>) {
        self.compared += 1;
        if claim != tap {
            let told = |value: Option<&str>| value.map_or_else(|| "absent".to_owned(), str::to_owned);
            self.differences.push(format!("{what} is {} and must be {}", told(claim), told(tap)));
        }
    }

    fn wrong(&mut self, holds: bool, why: impl FnOnce() -> String) {
        self.compared += 1;
        if !holds {
            self.differences.push(why());
        }
    }
}

/// The settings that a claim names.
#[derive(Debug)]
pub(super) struct Settings<'c> {
    /// Those at the tap.
    pub(super) at_tap: InForce<'c>,
    /// Those when the claim was sent.
    pub(super) when_sent: InForce<'c>,
}

/// Compares a claim with its tap. `request`: the rider waited for the answer.
pub(super) fn compare(sent: Sent<'_>, ride: &Ride, request: bool, settings: &Settings<'_>) -> Comparison {
    let mut all = Comparison::default();
    card(sent, ride, &mut all);
    manner(sent, ride, &mut all);
    amounts(sent, ride, &mut all);
    chip(sent, ride, request, &settings.at_tap, &mut all);
    terminal(sent, &settings.when_sent, &mut all);
    place(sent, &settings.at_tap, &mut all);
    all
}

/// Fields 2, 35, 23 and 14, and the account numbers of field 55.
fn card(sent: Sent<'_>, ride: &Ride, all: &mut Comparison) {
    let numbers = sent.numbers();
    let of = |place| numbers.iter().find(|(at, _)| *at == place).map(|(_, number)| number);
    let mut number = |what: &str, claim, tap| match (claim, tap) {
        (Some(claim), Some(tap)) if taprig_record::numbers::Number::is(claim, tap) => all.compared += 1,
        (None, None) => {}
        (claim, tap) => {
            all.compared += 1;
            let told = |number: Option<&taprig_record::numbers::Number>| {
                number.map_or_else(|| "absent".to_owned(), |number| number.digits.clone())
            };
            all.differences.push(format!("{what} is {} and must be the card's {}", told(claim), told(tap)));
        }
    };
    number("field 2", of(Place::Field(2)), ride.account());
    if sent.field(35).is_some() {
        number("field 35", of(Place::Field(35)), ride.numbers.get(&0x57));
    }
    for tag in [0x57, 0x5A] {
        if let Some(claim) = of(Place::Object(tag)) {
            number(&format!("{tag:02X} in field 55"), Some(claim), ride.numbers.get(&tag));
        }
    }
    let track = ride.object(0x57).map(after_number);
    match sent.field(35) {
        Some(claim) => all.same("the rest of field 35", Some(after_number(claim)), track),
        None => all.same("field 35", None, ride.object(0x57).map(|_| "the card's track 2")),
    }
    let sequence = ride.object(0x5F34).map(|sequence| format!("0{sequence}"));
    all.same("field 23", sent.field(23), sequence.as_deref());
    let expiry = ride.object(0x5F24).and_then(|date| date.get(..4)).or_else(|| track?.get(1..5));
    if sent.field(14).is_some() || sent.field(35).is_none() {
        all.same("field 14", sent.field(14), expiry);
    }
}

/// What fields 3, 22, 25 and 60 say of how the ride was paid.
fn manner(sent: Sent<'_>, ride: &Ride, all: &mut Comparison) {
    let kind = ride.object(0x9C).unwrap_or("00");
    all.same("field 3", sent.field(3), Some(&format!("{kind}0000")));
    // The third digit says whether there is a PIN.
    if !(ride.asked_for_pin && sent.field(22) == Some("071")) {
        all.same("field 22", sent.field(22), Some("072"));
    }
    all.same("field 25", sent.field(25), Some("00"));
    if let Some(capability) = sent.field(60).and_then(|digits| digits.get(NETWORK_END..NETWORK_END + 1)) {
        all.same("the entry capability in field 60", Some(capability), Some("6"));
    }
}

/// What follows the account number of track 2, without the filler.
fn after_number(track: &str) -> &str {
    track.trim_start_matches(|c: char| c.is_ascii_digit() || matches!(c, 'x' | 'C')).trim_end_matches('F')
}

/// Fields 4 and 49.
fn amounts(sent: Sent<'_>, ride: &Ride, all: &mut Comparison) {
    all.same("field 4", sent.field(4), ride.object(0x9F02));
    let currency = ride.object(0x5F2A).unwrap_or("0156");
    all.same("field 49", sent.field(49), currency.get(1..));
}

/// Field 55.
fn chip(sent: Sent<'_>, ride: &Ride, request: bool, settings: &InForce<'_>, all: &mut Comparison) {
    let objects = sent.chip();
    let exchanged = REQUIRED_IF_EXCHANGED.iter().filter(|tag| ride.object(**tag).is_some());
    let required = REQUIRED.iter().chain(exchanged);
    let missing: Vec<_> = required.filter(|tag| !objects.contains_key(tag)).map(|tag| format!("{tag:02X}")).collect();
    all.wrong(missing.is_empty(), || format!("field 55 has no {}", missing.join(", ")));
    for (&tag, &claim) in &objects {
        let name = format!("{tag:02X} in field 55");
        match (tag, ride.object(tag)) {
            // Account numbers are compared by their tokens.
            (0x57 | 0x5A | 0x9F6B, _) => {}
            (0x95, _) => {
                let problem = results::problem(claim, ride, request, settings);
                all.wrong(problem.is_none(), || format!("{name} is {claim}, {}", problem.unwrap_or_default()));
            }
            (_, Some(tap)) => all.same(&name, Some(claim), Some(tap)),
            (0x9F27, None) => all.same(&name, Some(claim), cryptogram_type(ride).as_deref()),
            (0x9F1A | 0x5F2A, None) => all.same(&name, Some(claim), Some("0156")),
            (0x9F03, None) => all.same(&name, Some(claim), Some("000000000000")),
            (_, None) => match OWN.iter().find(|(own, _)| *own == tag) {
                Some((_, bytes)) => {
                    all.wrong(claim.len() == 2 * bytes, || format!("{name} is {claim}, and it has {bytes} bytes"));
                }
                None => all.wrong(false, || format!("{name} is {claim}, and neither card nor reader sent it")),
            },
        }
    }
}

fn byte(hex: &str) -> Option<u8> {
    u8::from_str_radix(hex.get(..2)?, 16).ok()
}

/// What kind of cryptogram the card made, by its verification results in 9F10: length, key index, version, then the results.
fn cryptogram_type(ride: &Ride) -> Option<String> {
    let second = byte(ride.object(0x9F10)?.get(8..)?)?;
    Some(format!("{:02X}", (second >> 4 & 0b11) << 6))
}

/// Fields 41 and 42.
fn terminal(sent: Sent<'_>, settings: &InForce<'_>, all: &mut Comparison) {
    setting("field 41", "terminal", sent.field(41), settings, all);
    setting("field 42", "merchant", sent.field(42), settings, all);
}

/// Field 48.
fn place(sent: Sent<'_>, settings: &InForce<'_>, all: &mut Comparison) {
    let bytes = sent.field(48).and_then(|text| text.parse::<Hex>().ok()).unwrap_or(Hex(Vec::new())).0;
    let named: Vec<(u32, String)> = tlv::walk(&bytes)
        .into_iter()
        .filter_map(|item| match item {
            Item::Object { tag, value, .. } => Some((tag, String::from_utf8_lossy(value).into_owned())),
            _ => None,
        })
        .filter(|(tag, _)| PLACE.iter().any(|(own, _)| own == tag))
        .collect();
    if sent.field(48).is_some() && named.is_empty() {
        return;
    }
    for (tag, key) in PLACE {
        let value = named.iter().find(|(own, _)| *own == tag).map(|(_, value)| value.as_str());
        setting(&format!("{tag:02X} in field 48"), key, value, settings, all);
    }
}

/// Compares a value with the setting that it names. A setting that is empty needs no value.
fn setting(what: &str, key: &str, claim: Option<&str>, settings: &InForce<'_>, all: &mut Comparison) {
    let Some(wanted) = settings.values(key) else { return };
    let told = claim.unwrap_or_default().trim_end();
    all.wrong(wanted.iter().any(|wanted| wanted.trim_end() == told), || {
        format!("{what} is {} and must be {} ({key})", claim.unwrap_or("absent"), wanted.join(" or "))
    });
}
