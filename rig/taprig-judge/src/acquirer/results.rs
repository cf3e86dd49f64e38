//! The terminal verification results of a claim, data object 95: five bytes, of which the card sees zeros only, because the reader
//! does not know its own result yet (EMV Book 3, C5).
//!
//! | byte | rule |
//! | --- | --- |
//! | 1 | A claim is for a card that has passed: all bits are 0. In a request to the issuer, who decides himself, bits 8, 6 and 4 may be 1: authentication was not done, data are missing, authentication failed |
//! | 2 | Bit 7 is 1 exactly if 5F24, the date until which the card is valid, is before 9A, the date of the tap. If either is not known, the bit is free. Bit 8 needs the card's 9F08, bit 6 a 5F25 after the tap, bit 5 the card's 9F07. The others are 0 |
//! | 3 | Bit 3, a PIN for the issuer, may be 1 only if the device says that it asked for one. The others are 0: a rider who was not verified does not ride |
//! | 4 | Bit 8 is 1 exactly if the amount is above the setting `floor-limit`. If the case does not give this setting, the bit is free. The others are 0, because a reader of this kind does not count the card's rides and chooses none at random |
//! | 5 | 0: there is no script, no TDOL and no answer of the issuer that the card would see |

use taprig_model::settings::Limit;
use taprig_model::units::Hex;

use super::ride::Ride;
use super::settings::InForce;

/// Bits of byte 1 that may be set in a request: authentication not done, data missing, authentication failed.
const UNDECIDED: u8 = 0xA8;

/// The applications of card and reader have different versions.
const OTHER_VERSION: u8 = 0x80;
/// The card has expired.
const EXPIRED: u8 = 0x40;
/// The card is not valid yet.
const NOT_YET: u8 = 0x20;
/// The card does not allow this use.
const NOT_ALLOWED: u8 = 0x10;

/// The rider entered a PIN for the issuer.
const PIN: u8 = 0x04;

/// The amount is above the floor limit.
const ABOVE_FLOOR: u8 = 0x80;

/// The bits of a byte that must be set, and those that may be set.
#[derive(Debug, Default, Clone, Copy)]
struct Rule {
    must: u8,
    may: u8,
}

impl Rule {
    /// The rule for one bit: set or not, or free if nobody knows.
    fn of(bit: u8, set: Option<bool>) -> Self {
        match set {
            Some(true) => Self { must: bit, may: bit },
            Some(false) => Self::default(),
            None => Self { must: 0, may: bit },
        }
    }

    fn with(self, other: Self) -> Self {
        Self { must: self.must | other.must, may: self.may | other.may }
    }

    /// A bit that is free if `condition` holds, and must be 0 otherwise.
    fn free_if(self, bit: u8, condition: bool) -> Self {
        self.with(Self { must: 0, may: if condition { bit } else { 0 } })
    }
}

/// What is wrong with the results of a claim, in hexadecimal. `request`: the rider waited for the answer of the issuer. `settings`
/// are those at the tap.
pub(super) fn problem(claim: &str, ride: &Ride, request: bool, settings: &InForce<'_>) -> Option<String> {
    let bytes = claim.parse::<Hex>().ok().and_then(|bytes| <[u8; 5]>::try_from(bytes.as_ref()).ok());
    let Some(bytes) = bytes else {
        return Some("and it has 5 bytes".into());
    };
    for (number, (byte, rule)) in (1..).zip(bytes.into_iter().zip(rules(ride, request, settings))) {
        let (missing, wrong) = (rule.must & !byte, byte & !rule.may);
        if missing != 0 {
            return Some(format!("and by the tap byte {number} must have the bits {missing:02X}"));
        }
        if wrong != 0 && number == 1 && !request {
            return Some("which does not say that the card has passed".into());
        }
        if wrong != 0 {
            return Some(format!("and by the tap byte {number} must not have the bits {wrong:02X}"));
        }
    }
    None
}

fn rules(ride: &Ride, request: bool, settings: &InForce<'_>) -> [Rule; 5] {
    let today = ride.object(0x9A);
    let valid_until = ride.object(0x5F24);
    let expired = valid_until.zip(today).and_then(|(until, today)| Some(day(until)? < day(today)?));
    let from = ride.object(0x5F25).zip(today).and_then(|(from, today)| Some(day(from)? > day(today)?));
    let limit = settings.only("floor-limit").and_then(|limit| limit.parse::<Limit>().ok());
    let amount = ride.object(0x9F02).and_then(|amount| amount.parse::<u64>().ok());
    let above = limit.zip(amount).map(|(limit, amount)| limit.0.is_some_and(|limit| amount > limit.fen));
    [
        Rule::default().free_if(UNDECIDED, request),
        Rule::of(EXPIRED, expired)
            .free_if(OTHER_VERSION, ride.object(0x9F08).is_some())
            .free_if(NOT_YET, from == Some(true))
            .free_if(NOT_ALLOWED, ride.object(0x9F07).is_some()),
        Rule::default().free_if(PIN, ride.asked_for_pin),
        Rule::of(ABOVE_FLOOR, above),
        Rule::default(),
    ]
}

/// A date as it can be compared: six digits of year, month and day. Years from 50 on are those of the last century (EMV Book 4).
fn day(yymmdd: &str) -> Option<u32> {
    let number: u32 = yymmdd.get(..6)?.parse().ok()?;
    Some(if number < 500_000 { number + 1_000_000 } else { number })
}
