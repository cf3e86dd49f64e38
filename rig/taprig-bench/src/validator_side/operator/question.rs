//! The questions, and what their answers mean.

use std::time::Duration;

use taprig_model::device::{Sight, Words};
use taprig_model::event::Signal;
use taprig_model::units::Money;
use tokio::time::Instant;

use super::super::words::word;
use super::Desk;

/// The messages that a device may show if its file has no map of messages: the words of cases.
const MESSAGES: [&str; 12] = [
    "approved",
    "not authorised",
    "processing error",
    "remove card",
    "welcome",
    "present card",
    "processing",
    "card read ok",
    "present one card only",
    "insert, swipe or try another card",
    "see phone",
    "present card again",
];

/// A question with numbered answers, or one for an amount.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    text: String,
    choices: Choices,
    sight: Option<Sight>,
}

/// What can be answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Choices {
    /// One of these.
    One(Vec<String>),
    /// Several of these, in the order in which they were seen. The last two stand alone.
    Several(Vec<String>),
    /// An amount in yuan, or `?`.
    Amount,
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// The places of the chosen answers, from 0.
    Chosen(Vec<usize>),
    /// The amount in fen, or `None` if it could not be seen.
    Amount(Option<u64>),
    /// Nobody answered in time.
    None,
}

/// The answer that nothing was shown or heard.
const NOTHING: &str = "nothing";
/// The answer that something else was shown.
const OTHER: &str = "something else";
/// The answer that the person did not see it.
const UNSEEN: &str = "I could not tell";

impl Question {
    /// A question whose first answer means that something is done.
    #[must_use]
    pub fn done(text: &str) -> Self {
        let choices = Choices::One(vec!["yes".into(), "no, it can't be done".into()]);
        Self { text: text.into(), choices, sight: None }
    }

    /// The question for what a person can see or hear. Answers are in the words of the device.
    #[must_use]
    pub fn of(sight: Sight, words: &Words) -> Self {
        let choices = |mapped: Vec<String>, plain: &[&str]| {
            if mapped.is_empty() { plain.iter().map(|word| (*word).to_owned()).collect() } else { mapped }
        };
        let with = |mut all: Vec<String>, more: &[&str]| {
            all.extend(more.iter().map(|word| (*word).to_owned()));
            all
        };
        let (text, choices) = match sight {
            Sight::Shows => {
                let all = choices(words.messages.keys().cloned().collect(), &MESSAGES);
                ("What did the display show?", Choices::Several(with(all, &[OTHER, NOTHING, UNSEEN])))
            }
            Sight::Sound => {
                let all = choices(words.sounds.keys().cloned().collect(), &["accepted", "refused", "attention"]);
                ("Which sound did it make?", Choices::One(with(all, &[OTHER, NOTHING, UNSEEN])))
            }
            Sight::Gate => {
                let all = choices(words.gates.keys().cloned().collect(), &["open", "shut"]);
                ("Is the gate open?", Choices::One(with(all, &[UNSEEN])))
            }
            Sight::Charged => {
                ("How much did it charge, in yuan? Answer 0 if nothing, ? if you could not tell.", Choices::Amount)
            }
            Sight::Ready | Sight::Outcome => (
                "Was it ready for the next card within a second of this card's leaving?",
                Choices::One(vec!["yes".into(), "no".into(), UNSEEN.into()]),
            ),
        };
        Self { text: text.into(), choices, sight: Some(sight) }
    }

    /// The text that is shown.
    #[must_use]
    pub fn shown(&self, left: Duration) -> String {
        let (list, how) = match &self.choices {
            Choices::One(all) => (numbered(all), "number"),
            Choices::Several(all) => (numbered(all), "number; several, in their order, with blanks between them"),
            Choices::Amount => (String::new(), "amount"),
        };
        format!("\n{}\n{list}[{how}, within {} s] ", self.text, left.as_secs())
    }

    /// Asks until there is an answer that can be understood, or until the time is over.
    pub async fn put(&self, desk: &dyn Desk, within: Duration) -> Answer {
        let deadline = Instant::now() + within;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let Some(line) = desk.ask(&self.shown(left), left).await else { return Answer::None };
            if let Some(answer) = self.read(&line) {
                return answer;
            }
            if Instant::now() >= deadline {
                return Answer::None;
            }
        }
    }

    /// The answer on a line. `None` if it is none.
    #[must_use]
    pub fn read(&self, line: &str) -> Option<Answer> {
        let numbers = |all: &[String]| {
            let read = |number: &str| number.parse::<usize>().ok()?.checked_sub(1).filter(|place| *place < all.len());
            line.split([' ', ',']).filter(|part| !part.is_empty()).map(read).collect::<Option<Vec<usize>>>()
        };
        match &self.choices {
            Choices::One(all) => numbers(all).filter(|chosen| chosen.len() == 1).map(Answer::Chosen),
            Choices::Several(all) => {
                let alone = |place: &usize| *place + 2 >= all.len();
                numbers(all)
                    .filter(|chosen| !chosen.is_empty() && (chosen.len() == 1 || !chosen.iter().any(alone)))
                    .map(Answer::Chosen)
            }
            Choices::Amount => match line.trim() {
                "?" => Some(Answer::Amount(None)),
                amount => format!("{amount} CNY").parse::<Money>().ok().map(|money| Answer::Amount(Some(money.fen))),
            },
        }
    }

    /// The answer in words, for the record.
    #[must_use]
    pub fn words(&self, answer: &Answer) -> String {
        match (answer, &self.choices) {
            (Answer::Chosen(chosen), Choices::One(all) | Choices::Several(all)) => {
                chosen.iter().filter_map(|place| all.get(*place)).cloned().collect::<Vec<_>>().join(" / ")
            }
            (Answer::Amount(Some(fen)), _) => Money::from_fen(*fen).to_string(),
            (Answer::Amount(None), _) => UNSEEN.into(),
            _ => "none".into(),
        }
    }

    /// What an answer means, as signals of the device. An empty list means that the device did nothing. `None` if the
    /// person could not tell.
    #[must_use]
    pub fn meanings(&self, answer: &Answer, words: &Words) -> Option<Vec<Signal>> {
        let chosen = match (answer, &self.choices) {
            (Answer::Chosen(chosen), Choices::One(all) | Choices::Several(all)) => {
                chosen.iter().filter_map(|place| all.get(*place)).map(String::as_str).collect::<Vec<_>>()
            }
            (Answer::Amount(fen), _) => {
                let charged = Some((*fen)?);
                return Some(vec![Signal::Result { outcome: None, reason: None, charged, held: None, cvm: None }]);
            }
            _ => return None,
        };
        if chosen.contains(&UNSEEN) {
            return None;
        }
        let signal = |said: &&str| match self.sight? {
            Sight::Shows => Some(Signal::Show { message: message(words, said) }),
            Sight::Sound => Some(Signal::Sound { sound: word(&words.sounds, said) }),
            Sight::Gate => Some(Signal::Gate { gate: word(&words.gates, said) }),
            Sight::Ready => (*said == "yes").then_some(Signal::Ready {}),
            Sight::Outcome | Sight::Charged => None,
        };
        Some(chosen.iter().filter(|said| **said != NOTHING).filter_map(signal).collect())
    }
}

/// The meaning of a message. Without a map, what is no message of cases is not known.
fn message(words: &Words, said: &str) -> taprig_model::event::Word<String> {
    if said == OTHER {
        return taprig_model::event::Word::Unknown(said.into());
    }
    word(&words.messages, said)
}

fn numbered(all: &[String]) -> String {
    (1..).zip(all).map(|(number, choice)| format!("  {number} {choice}\n")).collect()
}
