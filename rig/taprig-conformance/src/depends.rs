//! Which requirements depend on a claim or on a setting.

use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use taprig_model::criteria::Criteria;

/// The requirements that depend on something.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Dependents {
    /// Requirements all of whose sub-cases need it: without it, nothing is known about them.
    pub wholly: Vec<String>,
    /// Requirements some of whose sub-cases need it.
    pub partly: Vec<String>,
}

impl Dependents {
    /// Whether nothing depends on it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.wholly.is_empty() && self.partly.is_empty()
    }
}

/// The requirements by what their sub-cases need.
pub(crate) struct Depends<'a> {
    criteria: &'a [Criteria],
    /// How many sub-cases each requirement has.
    all: BTreeMap<&'a str, usize>,
}

impl<'a> Depends<'a> {
    pub(crate) fn new(criteria: &'a [Criteria]) -> Self {
        Self { criteria, all: count(criteria.iter()) }
    }

    /// The requirements that need a claim.
    pub(crate) fn on_claim(&self, claim: &str) -> Dependents {
        self.of(|case| case.needs.claims.iter().any(|needed| needed.as_str() == claim))
    }

    /// The requirements whose sub-cases set other values than most sub-cases do. A device that has the setting built in can't
    /// play all of them, whatever the value is.
    pub(crate) fn on_setting(&self, key: &str) -> Dependents {
        let values = |case: &'a Criteria| case.needs.settings.get(key);
        let mut counts: BTreeMap<Option<&BTreeSet<String>>, usize> = BTreeMap::new();
        for case in self.criteria {
            *counts.entry(values(case)).or_default() += 1;
        }
        let usual = counts.into_iter().max_by_key(|(_, count)| *count).and_then(|(values, _)| values);
        self.of(|case| values(case).is_some() && values(case) != usual)
    }

    fn of(&self, needs: impl Fn(&'a Criteria) -> bool) -> Dependents {
        let needing = count(self.criteria.iter().filter(|case| needs(case)));
        let (wholly, partly): (Vec<_>, Vec<_>) =
            needing.into_iter().partition(|(requirement, count)| self.all.get(requirement) == Some(count));
        let ids = |list: Vec<(&str, usize)>| list.into_iter().map(|(id, _)| id.to_owned()).collect();
        Dependents { wholly: ids(wholly), partly: ids(partly) }
    }
}

fn count<'a>(criteria: impl Iterator<Item = &'a Criteria>) -> BTreeMap<&'a str, usize> {
    let mut counts = BTreeMap::new();
    for requirement in criteria.flat_map(|case| &case.requires) {
        *counts.entry(requirement.as_str()).or_default() += 1;
    }
    counts
}
