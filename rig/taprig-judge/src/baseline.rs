//! Compares a transcript with the reviewed one of its device. A difference is evidence of change, not of conformance.

use similar::TextDiff;
use taprig_model::event::{Criterion, Event, SeenBy};

use crate::checks::Checks;
use crate::transcript::transcript;

/// The reviewed side of the comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Baseline<'a> {
    /// There is no comparison, because the device has no baseline or the run does not ask for it.
    Off,
    /// The reviewed transcript of this sub-case, if there is one.
    Of(Option<&'a str>),
}

/// What the check reports if no transcript was reviewed.
pub(crate) const NONE_REVIEWED: &str = "none was reviewed";

pub(crate) fn compare(baseline: Baseline<'_>, events: &[Event], checks: &mut Checks<'_>) {
    let Baseline::Of(reviewed) = baseline else { return };
    // insta stores text without white space at the end.
    let text = transcript(events);
    let seen = match reviewed.map(str::trim_end) {
        None => Err(NONE_REVIEWED.to_owned()),
        Some(reviewed) if reviewed == text.trim_end() => Ok(()),
        Some(reviewed) => Err(format!("not as reviewed\n{}", difference(reviewed, text.trim_end()))),
    };
    let ok = seen.is_ok();
    let seen = seen.err().unwrap_or_else(|| "as reviewed".into());
    checks.add(SeenBy::Baseline, Criterion::Baseline, "as reviewed", seen, ok);
}

/// The lines that differ, with three lines around them. `-` marks a reviewed line, and `+` a line that was seen.
fn difference(reviewed: &str, seen: &str) -> String {
    TextDiff::from_lines(&format!("{reviewed}\n"), &format!("{seen}\n")).unified_diff().context_radius(3).to_string()
}
