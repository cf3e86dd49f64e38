//! What the rig can configure in a validator: fares, limits, lists and the clock. Profiles, cases and steps all use
//! [`Settings`].

mod fare;
pub mod fares;
mod uplink;

pub use fare::Fare;
pub use fares::Fares;
pub use uplink::{MasterKey, Upload};

use crate::name::Name;
use crate::text::text;
use crate::units::{DateTime, Duration, Hex, Malformed, Money, Pan, malformed};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// The largest number of bytes of each text setting, by its key. A case is written for every validator, so these limits
/// belong to the format: a validator under test has to accept texts of this length.
pub const LONGEST: [(&str, usize); 5] = [("county", 24), ("line", 16), ("route", 32), ("bus", 16), ("driver", 16)];

/// The settings of the line to an acquirer. Only a device that claims `uplink` needs them.
pub const OF_UPLINK: [&str; 5] = ["master-key", "upload", "answer-time", "attempts", "online-time"];

/// Settings of a validator. An absent setting stays as it is: in the factory state, or as the profile says.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Settings {
    /// County of the line, up to 24 bytes. This and all other texts are printable ASCII.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub county: Option<String>,
    /// Number of the line, up to 16 bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<String>,
    /// Route and direction, up to 32 bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub route: Option<String>,
    /// Number of the bus, up to 16 bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bus: Option<String>,
    /// Number of the driver, up to 16 bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub driver: Option<String>,
    /// What a ride costs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fare: Option<Fare>,
    /// A fare of zero starts a transaction (Book B, pre-processing).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub zero_allowed: Option<bool>,
    /// Contactless transaction limit: an amount at or above it is not allowed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tx_limit: Option<Limit>,
    /// Contactless floor limit: an amount above it needs an online cryptogram.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub floor_limit: Option<Limit>,
    /// CVM limit: an amount at or above it needs a cardholder verification.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cvm_limit: Option<Limit>,
    /// Largest fare the merchant takes; more is refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub merchant_max: Option<Money>,
    /// Debit cards may ride.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub debit: Option<bool>,
    /// Within this time the same card is not charged again. Whole seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retap: Option<Duration>,
    /// How rides are authorised.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<Mode>,
    /// An amount of one currency unit counts as a status check (Book B, pre-processing).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status_check: Option<bool>,
    /// Terminal transaction qualifiers (9F66) that replace the device's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ttq: Option<Ttq>,
    /// Terminal identification, 8 characters (9F1C).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub terminal: Option<String>,
    /// Merchant identifier, 15 characters (9F16).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub merchant: Option<String>,
    /// Master key, under which the acquirer sends working keys: 16 bytes in hexadecimal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub master_key: Option<MasterKey>,
    /// When the validator sends its claims.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub upload: Option<Upload>,
    /// How long the validator waits for an answer of the acquirer, 1 s to 60 s. Whole seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answer_time: Option<Duration>,
    /// How often the validator sends a message until it has an answer, 1 to 9.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 9))]
    pub attempts: Option<u32>,
    /// How long a rider waits for the issuer, 0 s to 60 s. Whole seconds. With 0 s the validator asks no issuer while the rider
    /// waits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub online_time: Option<Duration>,
    /// Number of records that the journal can take.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub capacity: Option<u32>,
    /// Fares beyond the flat one: by distance, transfers, discounts by product, promotions, caps, old debts. It replaces the whole
    /// policy of the validator. If it is absent, the flat fare alone holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fares: Option<Fares>,
    /// The stop at which the bus is. Fares by distance need it. If a case has such fares and no stop, the validator does not know
    /// where the bus is.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 9999))]
    pub stop: Option<u16>,
    /// Date and time at the beginning of the step or case.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clock: Option<DateTime>,
    /// Names of CA public keys in `fixtures/keys`. They replace all keys of the validator.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keys: Option<Vec<Name>>,
    /// Cards that may not ride. They replace the deny list of the validator.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deny_list: Option<Vec<DenyEntry>>,
    /// Revoked issuer certificates. They replace the revocation list of the validator.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revoked: Option<Vec<Revocation>>,
}

/// The keys of [`Settings::pairs`].
const PAIRS: [&str; 26] = [
    "county",
    "line",
    "route",
    "bus",
    "driver",
    "fare",
    "discount",
    "one-cent",
    "zero-allowed",
    "tx-limit",
    "floor-limit",
    "cvm-limit",
    "merchant-max",
    "debit",
    "retap",
    "mode",
    "status-check",
    "ttq",
    "terminal",
    "merchant",
    "master-key",
    "upload",
    "answer-time",
    "attempts",
    "online-time",
    "capacity",
];

impl Settings {
    /// Whether nothing is set.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// These settings without those that are present in `other`.
    #[must_use]
    pub fn without(&self, other: &Self) -> Self {
        macro_rules! drop {
            ($($field:ident)*) => {
                Self { $($field: self.$field.clone().filter(|_| other.$field.is_none())),* }
            };
        }
        drop! {
            county line route bus driver fare zero_allowed tx_limit floor_limit cvm_limit merchant_max
            debit retap mode status_check ttq terminal merchant master_key upload
            answer_time attempts online_time capacity fares stop clock keys deny_list revoked
        }
    }

    /// The keys that [`Settings::pairs`] can have, in its order.
    #[must_use]
    pub fn keys_of_pairs() -> Vec<&'static str> {
        PAIRS.to_vec()
    }

    /// These settings, overridden by those that are present in `over`.
    #[must_use]
    pub fn overlaid(&self, over: &Self) -> Self {
        macro_rules! pick {
            ($($field:ident)*) => {
                Self { $($field: over.$field.clone().or_else(|| self.$field.clone())),* }
            };
        }
        pick! {
            county line route bus driver fare zero_allowed tx_limit floor_limit cvm_limit merchant_max
            debit retap mode status_check ttq terminal merchant master_key upload
            answer_time attempts online_time capacity fares stop clock keys deny_list revoked
        }
    }

    /// The settings that are present, as cases write them: `("fare", "3.00 CNY")`.
    #[must_use]
    pub fn in_words(&self) -> Vec<(String, String)> {
        match serde_json::to_value(self) {
            Ok(serde_json::Value::Object(all)) => {
                all.into_iter().map(|(key, value)| (key, value.to_string().replace('"', ""))).collect()
            }
            // Settings are a map of plain values, so serialising them can't fail.
            _ => vec![],
        }
    }

    /// The same as [`Settings::in_words`], but lists of cards and certificates are only counted: `2 entries`. An empty list
    /// is `[]`.
    #[must_use]
    pub fn in_words_without_lists(&self) -> Vec<(String, String)> {
        let length = |key: &str| match key {
            "deny-list" => self.deny_list.as_ref().map(Vec::len),
            "revoked" => self.revoked.as_ref().map(Vec::len),
            _ => None,
        };
        let words = self.in_words().into_iter();
        words
            .map(|(key, value)| match length(&key) {
                Some(1) => (key, "1 entry".to_owned()),
                Some(count @ 2..) => (key, format!("{count} entries")),
                _ => (key, value),
            })
            .collect()
    }

    /// The plain settings that are present, in a fixed order: the key on the device's console and the value in the
    /// console's units (fen, seconds, per cent, `on` and `off`). The clock, the keys and the lists are not included,
    /// because they have commands of their own.
    #[must_use]
    pub fn pairs(&self) -> Vec<(&'static str, String)> {
        fn put<T>(value: Option<&T>, as_text: impl Fn(&T) -> String) -> Option<String> {
            value.map(as_text)
        }
        let switch = |on: &bool| String::from(if *on { "on" } else { "off" });
        let fen = |money: &Money| money.fen.to_string();
        let limit = |limit: &Limit| limit.0.map_or_else(|| "none".into(), |money| money.fen.to_string());
        [
            ("county", self.county.clone()),
            ("line", self.line.clone()),
            ("route", self.route.clone()),
            ("bus", self.bus.clone()),
            ("driver", self.driver.clone()),
            ("fare", self.fare.map(|fare| fen(&fare.flat))),
            ("discount", self.fare.map(|fare| fare.discount.0.to_string())),
            ("one-cent", self.fare.map(|fare| switch(&fare.one_cent))),
            ("zero-allowed", put(self.zero_allowed.as_ref(), switch)),
            ("tx-limit", put(self.tx_limit.as_ref(), limit)),
            ("floor-limit", put(self.floor_limit.as_ref(), limit)),
            ("cvm-limit", put(self.cvm_limit.as_ref(), limit)),
            ("merchant-max", put(self.merchant_max.as_ref(), fen)),
            ("debit", put(self.debit.as_ref(), switch)),
            ("retap", put(self.retap.as_ref(), |span| (span.us / 1_000_000).to_string())),
            ("mode", put(self.mode.as_ref(), ToString::to_string)),
            ("status-check", put(self.status_check.as_ref(), switch)),
            ("ttq", put(self.ttq.as_ref(), ToString::to_string)),
            ("terminal", self.terminal.clone()),
            ("merchant", self.merchant.clone()),
            ("master-key", put(self.master_key.as_ref(), ToString::to_string)),
            ("upload", put(self.upload.as_ref(), ToString::to_string)),
            ("answer-time", put(self.answer_time.as_ref(), |span| (span.us / 1_000_000).to_string())),
            ("attempts", put(self.attempts.as_ref(), ToString::to_string)),
            ("online-time", put(self.online_time.as_ref(), |span| (span.us / 1_000_000).to_string())),
            ("capacity", put(self.capacity.as_ref(), ToString::to_string)),
        ]
        .into_iter()
        .filter_map(|(key, value)| Some((key, value?)))
        .collect()
    }
}

/// How rides are authorised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// UnionPay ODA for buses: the validator authenticates the card, and authorisation follows later.
    Oda,
    /// The card's own TC authorises the ride.
    Offline,
    /// Each ride goes to the issuer.
    Online,
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Oda => "oda",
            Self::Offline => "offline",
            Self::Online => "online",
        })
    }
}

/// A limit of pre-processing, or `none`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit(pub Option<Money>);

text!(Limit, "Limit", r"^(none|[0-9]+(\.[0-9]{2})? CNY)$", "an amount such as `1.00 CNY`, or `none`");

impl FromStr for Limit {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        match text {
            "none" => Ok(Self(None)),
            amount => Ok(Self(Some(amount.parse()?))),
        }
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(money) => money.fmt(f),
            None => f.write_str("none"),
        }
    }
}

/// Terminal transaction qualifiers, 9F66: four bytes, or `auto` if the device computes them from its mode and the card.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ttq(pub Option<[u8; 4]>);

text!(Ttq, "Ttq", r"^(auto|[0-9A-Fa-f ]{8,11})$", "four bytes such as `21800080`, or `auto`");

impl FromStr for Ttq {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        if text == "auto" {
            return Ok(Self(None));
        }
        match <[u8; 4]>::try_from(text.parse::<Hex>()?.0) {
            Ok(bytes) => Ok(Self(Some(bytes))),
            Err(bytes) => malformed(format!("{} bytes, but 9F66 has four", bytes.len()), "`21800080` or `auto`"),
        }
    }
}

impl fmt::Display for Ttq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(bytes) => Hex(bytes.to_vec()).fmt(f),
            None => f.write_str("auto"),
        }
    }
}

/// One card of the deny list: its number, optionally followed by its sequence number (5F34): `6226 0912 3456 7890:01`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DenyEntry {
    /// The card number.
    pub pan: Pan,
    /// PAN sequence number, 0 to 99. If it is absent, the entry holds for every sequence number.
    pub psn: Option<u8>,
}

text!(DenyEntry, "DenyEntry", r"^[0-9 ]{12,29}(:[0-9]{2})?$", "a card number, perhaps `:` and its sequence number");

impl FromStr for DenyEntry {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let (pan, psn) = match text.split_once(':') {
            Some((pan, psn)) => (pan, Some(psn)),
            None => (text, None),
        };
        let psn = match psn.map(|psn| (psn.len(), psn.parse())) {
            None => None,
            Some((2, Ok(psn))) => Some(psn),
            Some(_) => return malformed("the sequence number is not two digits", "such as `6226 0912 3456 7890:01`"),
        };
        Ok(Self { pan: pan.parse()?, psn })
    }
}

impl fmt::Display for DenyEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.pan.fmt(f)?;
        self.psn.map_or(Ok(()), |psn| write!(f, ":{psn:02}"))
    }
}

/// A revoked issuer certificate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Revocation {
    /// Registered application provider, 5 bytes.
    pub rid: Hex,
    /// CA public key index, 1 byte (8F).
    pub index: Hex,
    /// Serial number of the certificate, 3 bytes.
    pub serial: Hex,
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: &str = "{ county: a, line: a, route: a, bus: a, driver: a, fare: 1.00 CNY, zero-allowed: true, tx-limit: none,
        floor-limit: none, cvm-limit: none, merchant-max: 1.00 CNY, debit: true, retap: 1 s, mode: oda, status-check: true,
        ttq: auto, terminal: a, merchant: a,
        master-key: 0123456789ABCDEFFEDCBA9876543210, upload: auto, answer-time: 1 s, attempts: 1, online-time: 2 s, capacity: 1, fares: { debts: true }, stop: 1, clock: '2018-05-21T08:00:00', keys: [], deny-list: [], revoked: [] }";

    #[test]
    fn each_plain_setting_has_its_key() {
        let all: Settings = serde_yaml::from_str(ALL).unwrap();
        let keys: Vec<&str> = all.pairs().into_iter().map(|(key, _)| key).collect();
        assert_eq!(keys, Settings::keys_of_pairs());
        assert!(all.without(&all).is_empty() && Settings::default().is_empty() && !all.is_empty());
        assert_eq!(all.without(&Settings::default()), all);
    }

    #[test]
    fn lists_are_only_counted() {
        let some: Settings = serde_yaml::from_str("{ deny-list: [6229 9001 8000 0013], revoked: [] }").unwrap();
        let words =
            [("deny-list", "1 entry"), ("revoked", "[]")].map(|(key, value)| (key.to_owned(), value.to_owned()));
        assert_eq!(some.in_words_without_lists(), words);
    }
}
