//! The settings that were in force when something happened.

use std::collections::BTreeMap;

use taprig_model::criteria::Criteria;
use taprig_model::event::{Body, Event};

/// For each setting that the case gives, the values that it may have had. Mostly there is one. While a step changes a setting,
/// there are two.
#[derive(Debug, Default)]
pub(super) struct InForce<'c>(BTreeMap<&'c str, Vec<&'c str>>);

impl<'c> InForce<'c> {
    /// The settings just before an event of these events. The criteria of an early record do not say in which step a setting
    /// changes. Then every value counts that the case ever sets.
    pub(super) fn at(event: &Event, events: &[Event], criteria: &'c Criteria) -> Self {
        if criteria.settings.is_empty() {
            let all = criteria.needs.settings.iter();
            return Self(
                all.map(|(key, values)| (key.as_str(), values.iter().map(String::as_str).collect())).collect(),
            );
        }
        let first = criteria.settings.iter();
        let mut own = Self(first.map(|(key, value)| (key.as_str(), vec![value.as_str()])).collect());
        let mut step = None;
        for event in events.iter().take_while(|other| !std::ptr::eq(*other, event)) {
            match &event.body {
                Body::StepStarted { number, .. } => {
                    own.settle();
                    step = usize::try_from(*number).ok().and_then(|number| criteria.steps.get(number.checked_sub(1)?));
                    for (key, value) in step.iter().flat_map(|step| &step.settings) {
                        own.0.entry(key).or_default().push(value);
                    }
                }
                Body::SettingsTaken { what, refused: Some(_) } => {
                    let key = what.split(' ').next().unwrap_or_default();
                    if step.is_some_and(|step| step.settings.contains_key(key))
                        && let Some(values) = own.0.get_mut(key)
                    {
                        // The old value stays. If there was none, nothing is known.
                        values.pop();
                    }
                }
                Body::StepDone { .. } => own.settle(),
                _ => {}
            }
        }
        own
    }

    /// A step is over: the last value of each setting is in force.
    fn settle(&mut self) {
        for values in self.0.values_mut() {
            values.drain(..values.len().saturating_sub(1));
        }
        self.0.retain(|_, values| !values.is_empty());
    }

    /// The values that a setting may have. `None` if nobody knows any.
    pub(super) fn values(&self, key: &str) -> Option<&[&'c str]> {
        self.0.get(key).map(Vec::as_slice).filter(|values| !values.is_empty())
    }

    /// The value of a setting, if it is certain.
    pub(super) fn only(&self, key: &str) -> Option<&'c str> {
        match self.values(key) {
            Some([value]) => Some(value),
            _ => None,
        }
    }
}
