//! Cases whose failure does not fail a run, for a time: `quarantine.yaml` in the folder of a project.
//!
//! A case in quarantine runs and is judged as any other. If it fails, every report says so, but the run does not fail
//! because of it. After the last day of its entry it fails the run again. An `error` is the rig's, and no entry covers it.

use crate::name::SubCaseId;
use crate::units::Day;
use crate::version::Version;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Quarantine {
    /// Version of this format.
    pub schema: Version,
    /// The cases.
    #[serde(default)]
    pub quarantine: Vec<Entry>,
}

/// A case in quarantine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Entry {
    /// Id of a case, which means all its sub-cases, or of one sub-case. An entry for a sub-case counts more than one for its
    /// case.
    pub case: SubCaseId,
    /// Why its failure must not fail a run.
    pub reason: String,
    /// Who sees to it that the entry can go.
    pub owner: String,
    /// The last day on which the entry holds, in UTC.
    pub until: Day,
}

impl Entry {
    /// Whether the entry is about this sub-case.
    #[must_use]
    pub fn is_about(&self, id: &str) -> bool {
        let case = self.case.to_string();
        id == case || self.case.sub.is_none() && id.strip_prefix(&case).is_some_and(|rest| rest.starts_with('/'))
    }

    /// Whether the entry holds for a run that started at this time (UTC, RFC 3339). If the time can't be read, it does not.
    #[must_use]
    pub fn holds(&self, started: &str) -> bool {
        started.get(..10).and_then(|day| day.parse::<Day>().ok()).is_some_and(|day| day <= self.until)
    }
}

/// The entry about a sub-case, if there is one. An entry for the sub-case itself comes before one for its case.
#[must_use]
pub fn about<'a>(entries: &'a [Entry], id: &str) -> Option<&'a Entry> {
    let about = || entries.iter().filter(|entry| entry.is_about(id));
    about().find(|entry| entry.case.sub.is_some()).or_else(|| about().next())
}

/// What the quarantine means for a sub-case of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct InQuarantine {
    /// Why its failure must not fail a run.
    pub reason: String,
    /// Who sees to it that the entry can go.
    pub owner: String,
    /// The last day on which the entry holds, in UTC.
    pub until: Day,
    /// Whether the entry held when the run started. Otherwise it has expired, and a failure counts.
    pub holds: bool,
}

impl InQuarantine {
    /// What the entries of a run mean for a sub-case. `started` is the start of the run.
    #[must_use]
    pub fn of(entries: &[Entry], id: &str, started: &str) -> Option<Self> {
        about(entries, id).map(|entry| Self {
            reason: entry.reason.clone(),
            owner: entry.owner.clone(),
            until: entry.until,
            holds: entry.holds(started),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(case: &str, until: &str) -> Entry {
        let (reason, owner) = ("flaky".into(), "Li".into());
        Entry { case: case.parse().unwrap(), reason, owner, until: until.parse().unwrap() }
    }

    #[test]
    fn an_entry_is_about_its_case_or_its_sub_case() {
        assert!(entry("ODA-004", "2026-12-31").is_about("ODA-004"));
        assert!(entry("ODA-004", "2026-12-31").is_about("ODA-004/first"));
        assert!(!entry("ODA-004", "2026-12-31").is_about("ODA-0041"));
        assert!(entry("ODA-004/first", "2026-12-31").is_about("ODA-004/first"));
        assert!(!entry("ODA-004/first", "2026-12-31").is_about("ODA-004/first-bit"));
        assert!(!entry("ODA-004/first", "2026-12-31").is_about("ODA-004"));
        let both = [entry("ODA-004", "2026-12-31"), entry("ODA-004/first", "2026-01-01")];
        assert_eq!(about(&both, "ODA-004/first"), Some(&both[1]));
        assert_eq!(about(&both, "ODA-004/last"), Some(&both[0]));
    }

    #[test]
    fn an_entry_holds_until_the_end_of_its_last_day() {
        let entry = entry("ODA-004", "2026-11-30");
        assert!(entry.holds("2026-11-30T23:59:59Z"));
        assert!(!entry.holds("2026-12-01T00:00:00Z"));
        assert!(!entry.holds(""), "a time that can't be read excuses nothing");
    }

    #[test]
    fn a_day_is_one_of_the_calendar() {
        assert_eq!("2028-02-29".parse::<Day>().unwrap().to_string(), "2028-02-29");
        for wrong in ["2026-02-29", "2026-13-01", "2026-1-1", "tomorrow", "2026-12-31T00:00:00", ""] {
            assert!(wrong.parse::<Day>().is_err(), "{wrong}");
        }
    }
}
