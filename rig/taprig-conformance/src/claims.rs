//! Every function that the suite knows: its meaning and its status.

use serde::ser::SerializeStruct as _;
use serde::{Serialize, Serializer};
use std::collections::BTreeMap;

/// The device file of the reference device. It lists every claim of the suite, and the comment behind a claim says what the
/// claim means. `taprig device new` asks its questions with the same sentences.
const REFERENCE: &str = include_str!("../../../fixtures/devices/taprig-reference.yaml");

/// Whether a device has to have something. The letters are those of ISO/IEC 9646-7.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Every validator on a bus has it.
    Mandatory,
    /// The device has at least one of these.
    OneOf(&'static [&'static str]),
    /// A device that claims at least one of these has it, too. For any other device it is optional.
    IfClaimed(&'static [&'static str]),
    /// It is the maker's choice.
    Optional,
}

impl Status {
    /// `m`, `o.1`, `c` or `o`.
    #[must_use]
    pub const fn letter(self) -> &'static str {
        match self {
            Self::Mandatory => "m",
            Self::OneOf(_) => "o.1",
            Self::IfClaimed(_) => "c",
            Self::Optional => "o",
        }
    }

    /// The status in words.
    #[must_use]
    pub fn words(self) -> String {
        match self {
            Self::Mandatory => "mandatory".into(),
            Self::OneOf(all) => format!("at least one of {}", all.join(", ")),
            Self::IfClaimed([one]) => format!("mandatory if {one} is claimed"),
            Self::IfClaimed(all) => format!("mandatory if one of {} is claimed", all.join(", ")),
            Self::Optional => "optional".into(),
        }
    }
}

impl Serialize for Status {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut status = serializer.serialize_struct("Status", 2)?;
        status.serialize_field("letter", self.letter())?;
        status.serialize_field("words", &self.words())?;
        status.end()
    }
}

/// The ways in which a ride is authorised.
const MODES: &[&str] = &["oda-offline", "oda-online", "online-request"];
/// The modes in which the validator itself authenticates the card.
const OFFLINE: &[&str] = &["oda-offline", "oda-online"];

/// The functions that are not simply optional.
///
/// - `bus`: the requirements of the suite are those of validators on buses.
/// - [`MODES`]: without any of them no rider is let in.
/// - `non-volatile`: DB31/T 239 wants completed records to outlive a loss of power.
/// - A validator that authenticates cards offline has to know both versions of fast DDA (EMV Contactless Book C-7), the
///   exception file (Book C-7, processing restrictions) and the revocation list (EMV Book 2, 6.3).
/// - A validator that lets electronic cash deduct has to know a card that has paid at a tap whose end was lost.
const STATUSES: [(&str, Status); 10] = [
    ("bus", Status::Mandatory),
    ("non-volatile", Status::Mandatory),
    ("oda-offline", Status::OneOf(MODES)),
    ("oda-online", Status::OneOf(MODES)),
    ("online-request", Status::OneOf(MODES)),
    ("fdda-v00", Status::IfClaimed(OFFLINE)),
    ("fdda-v01", Status::IfClaimed(OFFLINE)),
    ("exception-file", Status::IfClaimed(OFFLINE)),
    ("revocation-list", Status::IfClaimed(OFFLINE)),
    ("already-paid", Status::IfClaimed(&["e-cash"])),
];

/// Functions that make sense only together with others.
const NEEDS: [(&str, &[&str]); 6] = [
    ("already-paid-after-power", &["already-paid"]),
    ("asks-balance", &["e-cash"]),
    ("deny-capacity", &["exception-file"]),
    ("e-cash", &["oda-offline"]),
    ("fdda-v01-required", &["fdda-v01"]),
    ("online", &["online-request"]),
];

/// The claims of the suite with their meanings.
#[must_use]
pub fn known() -> BTreeMap<&'static str, &'static str> {
    let claims = REFERENCE.split_once("\nclaims:\n").map_or("", |(_, rest)| rest);
    let lines = claims.lines().take_while(|line| line.starts_with("  "));
    let read = |line: &'static str| {
        let (claim, rest) = line.trim_start().split_once(':')?;
        let (_, meaning) = rest.split_once(" # ")?;
        Some((claim, meaning.trim()))
    };
    lines.filter_map(read).collect()
}

/// The status of a function. A claim that the suite does not know is one of a maker's own cases, so it is optional.
pub(crate) fn status(claim: &str) -> Status {
    STATUSES.iter().find(|(name, _)| *name == claim).map_or(Status::Optional, |(_, status)| *status)
}

/// The functions without which this one makes no sense.
pub(crate) fn needs(claim: &str) -> &'static [&'static str] {
    NEEDS.iter().find(|(name, _)| *name == claim).map_or(&[], |(_, needs)| *needs)
}

#[cfg(test)]
mod tests {
    use super::*;
    use taprig_model::device::{Device, claim};

    #[test]
    fn every_claim_of_the_suite_has_a_meaning_and_every_table_names_claims_of_the_suite() {
        let yaml: serde_yaml::Value = serde_yaml::from_str(REFERENCE).unwrap();
        let device: Device = serde_yaml::with::singleton_map_recursive::deserialize(&yaml).unwrap();
        let claims: Vec<&str> = device.claims.keys().map(taprig_model::name::Name::as_str).collect();
        assert_eq!(known().into_keys().collect::<Vec<_>>(), claims);
        assert!(known().values().all(|meaning| meaning.len() > 5));
        let named = STATUSES.iter().map(|(name, _)| *name).chain(NEEDS.iter().map(|(name, _)| *name));
        let others = NEEDS.iter().flat_map(|(_, needs)| needs.iter().copied());
        let groups = [MODES, OFFLINE, &claim::ALL].concat();
        for name in named.chain(others).chain(groups) {
            assert!(known().contains_key(name), "{name}");
        }
    }

    #[test]
    fn the_letters_are_those_of_the_standard() {
        let written = serde_json::to_value(status("exception-file")).unwrap();
        let words = "mandatory if one of oda-offline, oda-online is claimed";
        assert_eq!(written, serde_json::json!({ "letter": "c", "words": words }));
        assert_eq!(status("already-paid").words(), "mandatory if e-cash is claimed");
        assert_eq!(
            (status("x-own").letter(), status("bus").letter(), status("oda-online").letter()),
            ("o", "m", "o.1")
        );
    }
}
