//! The side of a device without any interface: a person at the bench sets it up, and says what it shows.
//!
//! After each tap the person answers fixed questions, each within a time limit. What nobody answered is reported as not
//! seen, and the judge then judges nothing that rests on it. If nobody is there at all, that holds for every question.

mod question;

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use taprig_model::device::{self, Device, Operator, Sight, Words};
use taprig_model::event::{Fields, Freshness, ReadyAgain, Signal};
use taprig_model::settings::Settings;
use taprig_model::situation::{AuthorityKey, Situation};
use tokio::time::Instant;

use super::{Applied, Established, Identity, LastSituation, Seen, ValidatorCapability, ValidatorSide};
use crate::BenchError;
use crate::board::Start;
use crate::link::LinkError;
pub use question::{Answer, Choices, Question};

/// Who is meant in messages.
const WHO: &str = "the operator";

/// Where the person at the bench is asked.
#[async_trait]
pub trait Desk: fmt::Debug + Send + Sync {
    /// Name of the person, for the record.
    fn operator(&self) -> &str;

    /// Shows a text and waits for a line. Returns `None` if nobody answers within the time limit. A line that was typed
    /// before the text was shown does not count.
    async fn ask(&self, text: &str, within: Duration) -> Option<String>;
}

/// A device in front of a person.
#[derive(Debug)]
pub struct OperatorValidator {
    operator: Operator,
    identity: device::Identity,
    words: Words,
    desk: Option<Arc<dyn Desk>>,
    capabilities: BTreeSet<ValidatorCapability>,
}

impl OperatorValidator {
    /// The device of this file. `desk` is `None` if nobody is there.
    #[must_use]
    pub fn new(operator: Operator, device: &Device, desk: Option<Arc<dyn Desk>>) -> Self {
        Self {
            operator,
            identity: device.identity.clone(),
            words: device.words.clone(),
            desk,
            capabilities: BTreeSet::new(),
        }
    }

    /// Asks the person to do something. Returns why it can't be done, if so. If nobody is there, nothing is asked.
    async fn order(&self, what: &str, text: &str) -> Result<Option<String>, LinkError> {
        let Some(desk) = &self.desk else { return Ok(None) };
        let within = self.operator.set_up_within.into();
        let question = Question::done(text);
        match question.put(&**desk, within).await {
            Answer::Chosen(chosen) if chosen == [0] => Ok(None),
            Answer::Chosen(_) => Ok(Some("it can't be done".into())),
            Answer::Amount(_) | Answer::None => Err(LinkError::Deadline {
                what: format!("the word that {what} is done"),
                from: WHO,
                within,
                silent: false,
            }),
        }
    }

    /// Asks one of the questions. Adds what the person saw to `seen`.
    async fn question(&self, sight: Sight, desk: &dyn Desk, seen: &mut Seen) {
        let question = Question::of(sight, &self.words);
        let answer = question.put(desk, self.operator.within.into()).await;
        let said: Fields = [
            ("question", sight.as_str().to_owned()),
            ("answer", question.words(&answer)),
            ("operator", desk.operator().to_owned()),
        ]
        .into_iter()
        .collect();
        let not_seen = |why: String| Signal::NotSeen { what: sight, why };
        if answer == Answer::None {
            let within = self.operator.within;
            return seen.signals.push((not_seen(format!("{} gave no answer within {within}", desk.operator())), said));
        }
        let Some(meanings) = question.meanings(&answer, &self.words) else {
            return seen.signals.push((not_seen(format!("{} could not tell", desk.operator())), said));
        };
        if sight == Sight::Ready {
            seen.ready = if meanings.is_empty() { ReadyAgain::Not } else { ReadyAgain::InTime };
        }
        // An answer such as `nothing` has no signal of its own, but the record keeps it.
        let nothing = meanings.is_empty().then(|| Signal::Other { name: "answer".into() });
        seen.signals.extend(meanings.into_iter().chain(nothing).map(|signal| (signal, said.clone())));
    }
}

/// What the person is told to set, one line each. Settings that `before` has already are left out.
fn to_set(situation: &Situation, before: Option<&Situation>) -> Vec<String> {
    let known = before.map(|before| before.settings.in_words()).unwrap_or_default();
    let wanted = situation.settings.in_words();
    wanted.into_iter().filter(|pair| !known.contains(pair)).map(|(key, value)| format!("  {key} {value}")).collect()
}

/// Whether a person has to set something, because the device does not hold these settings already.
#[must_use]
pub fn has_to_be_set(situation: &Situation, before: Option<&Situation>) -> bool {
    before.is_none_or(|before| before != situation)
}

#[async_trait(?Send)]
impl ValidatorSide for OperatorValidator {
    fn capabilities(&self) -> &BTreeSet<ValidatorCapability> {
        &self.capabilities
    }

    async fn starts(&mut self, how: Start, _within: Duration) -> Result<(), LinkError> {
        let text = match how {
            Start::PoweredOn => "The validator has got its power. Is it ready for a card?",
            Start::StillOn => "Switch the validator off and on again. Is it ready for a card?",
        };
        match self.order("the start of the validator", text).await? {
            None => Ok(()),
            Some(why) => Err(LinkError::Refused { what: "starts".into(), from: WHO, why }),
        }
    }

    /// The device can't be asked, so this is what its file says. A person compares it with the type plate.
    async fn identity(&mut self) -> Result<Identity, LinkError> {
        let device::Identity { device, firmware } = &self.identity;
        let text = format!("Is the validator in front of you `{device}` with the firmware `{firmware}`?");
        match self.order("the comparison of the type plate", &text).await? {
            None => Ok(Identity { device: device.clone(), firmware: firmware.clone(), ..Identity::default() }),
            Some(_) => {
                Ok(Identity { device: "another device".into(), firmware: "unknown".into(), ..Identity::default() })
            }
        }
    }

    async fn establish(
        &mut self,
        situation: &Situation,
        last: &mut LastSituation,
        _nonce: [u8; 8],
    ) -> Result<Established, BenchError> {
        let before = last.situation();
        if has_to_be_set(situation, before) {
            let mut lines = to_set(situation, before);
            let removed = before.is_some_and(|before| {
                let wanted = situation.settings.in_words();
                before.settings.in_words().iter().any(|(key, _)| !wanted.iter().any(|(other, _)| other == key))
            });
            if removed || before.is_none() {
                lines.push("  every other setting as the factory has set it".into());
            }
            let text = format!("Set up the validator and empty its journal:\n{}\nIs it done?", lines.join("\n"));
            if let Some(why) = self.order("the set-up of the validator", &text).await? {
                return Err(LinkError::Refused { what: "the settings of the case".into(), from: WHO, why }.into());
            }
        }
        last.remember(situation);
        Ok(Established { by: Freshness::Asked, settings: None })
    }

    async fn apply(&mut self, settings: &Settings, _keys: &[AuthorityKey]) -> Result<Vec<Applied>, LinkError> {
        let mut applied = Vec::new();
        for (key, value) in settings.in_words() {
            let what = format!("{key} {value}");
            let refused = self.order("a setting", &format!("Set {what}. Does the validator accept it?")).await?;
            applied.push(Applied { what, refused });
        }
        Ok(applied)
    }

    async fn signal(&mut self, deadline: Instant) -> Result<Option<(Signal, Fields)>, LinkError> {
        // Nothing comes by itself, so this is when the wait is over.
        tokio::time::sleep_until(deadline).await;
        Ok(None)
    }

    fn is_watched(&self) -> bool {
        true
    }

    async fn seen(&mut self) -> Result<Seen, LinkError> {
        let mut seen = Seen { signals: vec![], ready: ReadyAgain::NotSeen };
        let mut not_seen = |what, why: String| seen.signals.push((Signal::NotSeen { what, why }, Fields::default()));
        not_seen(Sight::Outcome, "the operator is asked for the display, the sound and the gate instead".into());
        for sight in Sight::QUESTIONS {
            if !self.operator.asks.contains(&sight) {
                not_seen(sight, "the device file does not let the operator be asked for it".into());
            } else if self.desk.is_none() {
                not_seen(sight, "nobody could be asked, because the run has no terminal".into());
            }
        }
        if let Some(desk) = &self.desk {
            for sight in Sight::QUESTIONS.into_iter().filter(|sight| self.operator.asks.contains(sight)) {
                self.question(sight, &**desk, &mut seen).await;
            }
        }
        // With no amount, this only says that the tap is over.
        let charged = seen.signals.iter().find_map(|(signal, _)| match signal {
            Signal::Result { charged, .. } => *charged,
            _ => None,
        });
        if charged.is_none() {
            let over = Signal::Result { outcome: None, reason: None, charged: None, held: None, cvm: None };
            seen.signals.push((over, Fields::default()));
        }
        Ok(seen)
    }

    async fn idle(&mut self, deadline: Instant) -> Result<(), LinkError> {
        tokio::time::sleep_until(deadline).await;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
