//! The acquirer that a case begins with.

use super::keys::{DesKey, Known, Series};
use super::rules::{DenyList, MadeUpKeys, Rule, Rules};
use crate::name::Name;
use crate::units::Pan;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The acquirer of a case: a host at its first moment, with what it does by rules. Each sub-case gets a new one. It has
/// batch 1 open, knows no claim, and hands out the first entry of its working keys at the first sign-on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct GivenAcquirer {
    /// The deny list that terminals download. Absent: version 0 without cards.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deny_list: Option<DenyList>,
    /// How long the deny list is, compared with the `deny-capacity` that the device claims. The acquirer makes up the cards that are
    /// missing, and puts them before those of `deny-list`. A case that says this needs the claim.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fill_deny_list: Option<Fill>,
    /// What the host does differently from a proper one. For each message the first rule that matches decides.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<Rule>,
    /// The keys of certification authorities that terminals download: names of key files in `fixtures/keys`. They hold
    /// until 31 December 2030.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub authority_keys: Vec<Name>,
    /// So many further keys of authorities. The acquirer makes them up, so nobody has their private parts. Terminals get them before
    /// those of `authority-keys`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub made_up_keys: Option<MadeUpKeys>,
    /// The master key of every terminal that has none of its own. Absent: `0123456789ABCDEFFEDCBA9876543210`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub master: Option<DesKey>,
    /// Working keys: the first sign-on of a terminal gets the first entry, the second sign-on the second one, and so on. Absent: the
    /// published test keys.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub working: Option<Series>,
    /// The terminals that the host knows. Absent: it knows every terminal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub terminals: Option<Vec<Known>>,
}

/// So many account numbers that no card image has.
pub fn made_up_cards(count: usize) -> impl Iterator<Item = Pan> {
    (0..).map(Pan::made_up).take(count)
}

/// The length of a deny list, compared with what a device claims to take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Fill {
    /// As many cards as the device claims.
    Exactly,
    /// One card more.
    OneTooMany,
}

impl Fill {
    /// Makes a list this long, for a device that takes `capacity` cards. A list that is longer already stays as it is.
    pub fn fill(self, list: &mut DenyList, capacity: u32) {
        let wanted = match self {
            Self::Exactly => capacity as usize,
            Self::OneTooMany => capacity as usize + 1,
        };
        let missing = wanted.saturating_sub(list.cards.len());
        list.cards.splice(..0, made_up_cards(missing));
    }
}

impl GivenAcquirer {
    /// The rules of the host. Its deny list is not filled up yet.
    #[must_use]
    pub fn rules(&self) -> Rules {
        Rules { deny_list: self.deny_list.clone(), rules: self.rules.clone(), ..Rules::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::acquirer::rules::ListVersion;

    #[test]
    fn a_list_is_filled_before_its_own_cards() {
        let own: Vec<Pan> = ["6222021234567894", "6226001234567892"].map(|card| card.parse().unwrap()).into();
        let list = DenyList { version: ListVersion(3), page: None, cards: own.clone() };
        for (fill, wanted) in [(Fill::Exactly, 16), (Fill::OneTooMany, 17)] {
            let mut filled = list.clone();
            fill.fill(&mut filled, 16);
            assert_eq!(filled.cards.len(), wanted);
            assert_eq!(filled.cards[wanted - 2..], own);
            let different: std::collections::BTreeSet<_> = filled.cards.iter().collect();
            assert_eq!(different.len(), wanted, "no card twice");
        }
        let mut long = list.clone();
        Fill::Exactly.fill(&mut long, 1);
        assert_eq!(long, list);
    }
}
