//! Finds the rule of a message. The types of the file are in `taprig_model::acquirer::rules`.

use taprig_model::acquirer::MessageKind;
use taprig_model::acquirer::rules::{Rule, Then, When};

/// What the conditions of rules look at.
#[derive(Debug, Clone, Copy, Default)]
pub struct Facts<'a> {
    /// Kind of the message.
    pub message: Option<MessageKind>,
    /// Terminal (field 41).
    pub terminal: Option<&'a str>,
    /// Account number.
    pub card: Option<&'a str>,
    /// Trace (field 11).
    pub trace: Option<u32>,
}

/// The rules of a host, and how often the conditions of each have held.
#[derive(Debug, Clone, Default)]
pub struct Matcher {
    rules: Vec<(Rule, u32)>,
}

/// A rule that matched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Matched {
    /// Its place in the file, from 1.
    pub number: usize,
    /// Its title.
    pub title: Option<String>,
    /// What to do.
    pub then: Then,
}

impl Matched {
    /// The rule as the log names it.
    #[must_use]
    pub fn name(&self) -> String {
        match &self.title {
            Some(title) => format!("rule {} ({title})", self.number),
            None => format!("rule {}", self.number),
        }
    }
}

impl Matcher {
    /// A matcher of these rules.
    #[must_use]
    pub fn new(rules: Vec<Rule>) -> Self {
        Self { rules: rules.into_iter().map(|rule| (rule, 0)).collect() }
    }

    /// The first rule that matches. The message counts for every rule whose other conditions hold, also after the first match.
    pub fn find(&mut self, facts: Facts<'_>) -> Option<Matched> {
        let mut found = None;
        for (at, (rule, count)) in self.rules.iter_mut().enumerate() {
            if !holds(&rule.when, facts) {
                continue;
            }
            *count = count.saturating_add(1);
            if found.is_none() && rule.when.nth.is_none_or(|nth| nth.get() == *count) {
                found = Some(Matched { number: at + 1, title: rule.title.clone(), then: rule.then.clone() });
            }
        }
        found
    }
}

/// Whether all conditions but the count hold.
fn holds(when: &When, facts: Facts<'_>) -> bool {
    when.message.is_none_or(|message| facts.message == Some(message))
        && when.terminal.as_ref().is_none_or(|terminal| facts.terminal == Some(terminal.as_str()))
        && when.card.as_ref().is_none_or(|card| facts.card == Some(card.digits()))
        && when.trace.is_none_or(|trace| facts.trace == Some(trace.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn matcher(rules: serde_json::Value) -> Matcher {
        Matcher::new(serde_json::from_value(rules).unwrap())
    }

    fn facts(message: MessageKind, trace: u32) -> Facts<'static> {
        Facts { message: Some(message), terminal: Some("12345678"), card: Some("6222021234567894"), trace: Some(trace) }
    }

    fn numbers(matcher: &mut Matcher, all: &[Facts<'_>]) -> Vec<usize> {
        all.iter().map(|facts| matcher.find(*facts).map_or(0, |matched| matched.number)).collect()
    }

    #[test]
    fn the_first_match_decides() {
        let mut matcher = matcher(json!([
            { "when": { "message": "ride", "trace": 2 }, "then": ["silent"] },
            { "when": { "message": "ride" }, "then": ["lost"] },
        ]));
        let all = [facts(MessageKind::Ride, 1), facts(MessageKind::Ride, 2), facts(MessageKind::Echo, 2)];
        assert_eq!(numbers(&mut matcher, &all), [2, 1, 0]);
    }

    #[test]
    fn the_nth_is_counted_whichever_rule_decides() {
        let mut matcher = matcher(json!([
            { "when": { "message": "ride", "nth": 1 }, "then": ["silent"] },
            { "when": { "message": "ride", "nth": 2 }, "then": ["lost"] },
        ]));
        assert_eq!(numbers(&mut matcher, &[facts(MessageKind::Ride, 1); 4]), [1, 2, 0, 0]);
    }

    #[test]
    fn every_condition_can_fail() {
        let ride = facts(MessageKind::Ride, 1);
        for when in [
            json!({ "terminal": "87654321" }),
            json!({ "card": "6222029999999996" }),
            json!({ "trace": 7 }),
            json!({ "message": "echo" }),
        ] {
            let mut matcher = matcher(json!([{ "when": when, "then": ["silent"] }]));
            assert_eq!(matcher.find(ride), None, "{when}");
        }
        let mut right = matcher(
            json!([{ "title": "One", "when": { "terminal": "12345678", "card": "6222021234567894", "trace": 1, "message": "ride" }, "then": ["silent"] }]),
        );
        assert_eq!(right.find(ride).unwrap().name(), "rule 1 (One)");
        assert_eq!(right.find(Facts::default()), None);
    }
}
