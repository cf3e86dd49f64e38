//! Holds every field of a claim against what card and reader exchanged in its tap.
//!
//! Most values are in the exchange: the reader's in GET PROCESSING OPTIONS by the PDOL, the card's in its responses. They must be
//! the same. These rules are for the rest:
//!
//! | value | rule |
//! | --- | --- |
//! | 95 | The card sees zeros, because the reader does not know its own result yet. A claim is for a card that passed, so the bits of byte 1 that say that authentication was not done or failed, or that the card is on a list, must be 0. In a request to the issuer, who decides himself, bits 8, 6 and 4 may be set: authentication was not done, data are missing, authentication failed |
//! | 9F27 | If the card did not send it, it follows from 9F10: bits 6 and 5 of byte 2 of the card verification results |
//! | 9F1A | If the reader did not send it, it is 0156, China |
//! | 9F03 | If the reader did not send it, it is 0 |
//! | 9F33, 9F34, 9F35, 9F1E | They have their length. The card does not see them |
//! | field 14 | year and month of 5F24, or else of track 2 |
//! | field 23 | 5F34; absent if the card has none |
//! | field 48 | DF21, DF22 and DF23 are line, bus and driver of the settings, if the field has these objects |
//! | fields 41, 42 | terminal and merchant of the settings |

use std::collections::{BTreeMap, BTreeSet};

use taprig_model::units::Hex;
use taprig_record::decode::tlv::{self, Item};
use taprig_record::numbers::Place;

use super::ledger::Sent;
use super::ride::Ride;

/// The values of settings of a case, by key.
pub(super) type Wanted = BTreeMap<String, BTreeSet<String>>;

/// The data objects that somebody needs to verify the cryptogram and to judge the tap.
const REQUIRED: [u32; 13] =
    [0x9F26, 0x9F27, 0x9F10, 0x9F37, 0x9F36, 0x95, 0x9A, 0x9C, 0x9F02, 0x5F2A, 0x82, 0x9F1A, 0x9F03];

/// Data objects of the terminal that a card does not see, and their lengths in bytes.
const OWN: [(u32, usize); 4] = [(0x9F33, 3), (0x9F34, 3), (0x9F35, 1), (0x9F1E, 8)];

/// Bits of byte 1 of 95: authentication not performed, SDA failed, data missing, on the exception file, DDA failed, CDA
/// failed.
const FAILED: u8 = 0xFC;

/// Those of them that must not be set in a request to the issuer either.
const NEVER: u8 = 0x54;

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

/// Compares a claim with its tap. `request`: the rider waited for the answer.
pub(super) fn compare(sent: Sent<'_>, ride: &Ride, request: bool, settings: &Wanted) -> Comparison {
    let mut all = Comparison::default();
    card(sent, ride, &mut all);
    amounts(sent, ride, &mut all);
    chip(sent, ride, if request { NEVER } else { FAILED }, &mut all);
    terminal(sent, settings, &mut all);
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
    if let Some(claim) = sent.field(14) {
        let own = ride.object(0x5F24).and_then(|date| date.get(..4));
        all.same("field 14", Some(claim), own.or_else(|| track?.get(1..5)));
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

/// Field 55. The bits `wrong` of byte 1 of 95 must not be set.
fn chip(sent: Sent<'_>, ride: &Ride, wrong: u8, all: &mut Comparison) {
    let objects = sent.chip();
    let missing: Vec<_> =
        REQUIRED.iter().filter(|tag| !objects.contains_key(tag)).map(|tag| format!("{tag:02X}")).collect();
    all.wrong(missing.is_empty(), || format!("field 55 has no {}", missing.join(", ")));
    for (&tag, &claim) in &objects {
        let name = format!("{tag:02X} in field 55");
        match (tag, ride.object(tag)) {
            // Account numbers are compared by their tokens.
            (0x57 | 0x5A | 0x9F6B, _) => {}
            (0x95, _) => {
                let failed = byte(claim).is_none_or(|first| first & wrong != 0);
                all.wrong(claim.len() == 10 && !failed, || {
                    format!("{name} is {claim}, which does not say that the card has passed")
                });
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

/// Fields 41, 42 and 48.
fn terminal(sent: Sent<'_>, settings: &Wanted, all: &mut Comparison) {
    let mut setting = |what: &str, key: &str, claim: Option<&str>| {
        let Some(wanted) = settings.get(key) else { return };
        all.wrong(claim.is_some_and(|claim| wanted.iter().any(|wanted| wanted.trim_end() == claim.trim_end())), || {
            let wanted: Vec<_> = wanted.iter().map(String::as_str).collect();
            format!("{what} is {} and must be {} ({key})", claim.unwrap_or("absent"), wanted.join(" or "))
        });
    };
    setting("field 41", "terminal", sent.field(41));
    setting("field 42", "merchant", sent.field(42));
    let Some(Hex(bytes)) = sent.field(48).and_then(|text| text.parse().ok()) else { return };
    for item in tlv::walk(&bytes) {
        let Item::Object { tag, value, .. } = item else { continue };
        let key = match tag {
            0xDF21 => "line",
            0xDF22 => "bus",
            0xDF23 => "driver",
            _ => continue,
        };
        setting(&format!("{tag:02X} in field 48"), key, Some(&String::from_utf8_lossy(value)));
    }
}
