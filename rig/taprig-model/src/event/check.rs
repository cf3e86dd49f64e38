//! An expectation and its result.

use super::air::AirRule;
use super::always::AlwaysRule;
use super::book::Book;
use crate::acquirer::Work;
use crate::text::text;
use crate::units::{Malformed, malformed};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// An expectation and what was seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Check {
    /// Who sees it.
    pub seen_by: SeenBy,
    /// What it is about.
    pub what: Criterion,
    /// The number of the tap that the expectation is about, from 1. This is absent if it is about the whole case or
    /// about another step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tap: Option<u32>,
    /// What the case wants.
    pub wanted: String,
    /// What was seen.
    pub seen: String,
    /// The result of the comparison.
    pub result: CheckResult,
    /// Why the expectation was not judged: the claim that the device does not make, or the word that its device file
    /// does not map.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// Where the case states the expectation, as `file:line`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
}

impl Check {
    /// Whether the device did something other than what the case wants.
    #[must_use]
    pub fn fails(&self) -> bool {
        self.result == CheckResult::Fails
    }

    /// The criterion with its tap: `outcome (tap 2)`.
    #[must_use]
    pub fn title(&self) -> String {
        match self.tap {
            Some(tap) => format!("{} (tap {tap})", self.what),
            None => self.what.to_string(),
        }
    }
}

/// The result of an expectation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum CheckResult {
    /// The device did what the case wants.
    Holds,
    /// The device did something else.
    Fails,
    /// The device can't report what the expectation is about. The rest of the case still counts.
    NotJudged,
}

/// Who sees what an expectation is about. Reports keep the three kinds and the baseline apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SeenBy {
    /// A person at the validator sees or hears it. Such an expectation holds for every device.
    Person,
    /// The card sees it: the rig observes it at the card side. Such an expectation holds for every device.
    Card,
    /// The acquirer sees it: the rig is the acquirer. Such an expectation holds for every device.
    Acquirer,
    /// Only the device can report it. taprig judges it if the device file claims that the device reports it.
    Device,
    /// The rig compares the transcript with the device's baseline. This is evidence of change, not of conformance.
    Baseline,
}

impl SeenBy {
    /// The words that reports use.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Person => "seen by a person",
            Self::Card => "seen by the card",
            Self::Acquirer => "seen by the acquirer",
            Self::Device => "told by the device",
            Self::Baseline => "compared with the baseline",
        }
    }
}

/// What an expectation is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Criterion {
    /// How the transaction ends.
    Outcome,
    /// The messages on the display.
    Shows,
    /// The sound.
    Sound,
    /// Whether the gate opens.
    Gate,
    /// The amount charged.
    Charged,
    /// Whether the validator is ready for the next rider after a tap.
    ReadyAgain,
    /// The commands that the card got.
    Exchange,
    /// The frames that the reader sent.
    Frames,
    /// Frames that the reader must not send.
    NeverSent,
    /// A data object by its tag, in capital hexadecimal digits.
    Tag(String),
    /// The time from the card's activation to its release.
    Within,
    /// The balance of the card's electronic cash after the tap.
    Balance,
    /// Whether a tap took place at all.
    Tap,
    /// Whether the reader sent the command for an act in the middle of the tap, such as `gpo`.
    Act(String),
    /// The reason of an outcome.
    Reason,
    /// How the cardholder was verified.
    Cvm,
    /// By how many records the journal grows.
    Journal,
    /// The faults that the device reports of itself.
    Faults,
    /// How many records the journal lists.
    Records,
    /// How many records the whole journal has.
    Count,
    /// The sum of the journal.
    Total,
    /// A value of a record that the journal lists.
    Record {
        /// Position of the record in the list, from 1.
        place: u32,
        /// Name of the value.
        value: String,
    },
    /// A value of the device's status.
    Status(String),
    /// A value of the device's identity.
    Identity(String),
    /// A setting that the device has to accept.
    Setting(String),
    /// Whether the journal can be emptied.
    Cleared,
    /// The reply to a line on the console of the reference device.
    Reply(String),
    /// How a work at the uplink ends.
    Work(Work),
    /// Something that the acquirer received: `messages`, `accepted`, `claim 2 state`.
    Acquirer(String),
    /// What taprig judges in every case with an acquirer, without being asked.
    Books(Book),
    /// What taprig judges of the reader's frames in every case, without being asked.
    Air(AirRule),
    /// What taprig judges of a validator in every case, without being asked.
    Always(AlwaysRule),
    /// Whether the transcript equals the device's baseline.
    Baseline,
}

impl Criterion {
    /// Whether taprig judges it in every case, without being asked: whether the validator accepts its settings, whether it is ready
    /// for the next rider, the books of the acquirer, the rules of the air, and what must hold always.
    #[must_use]
    pub const fn is_unasked(&self) -> bool {
        self.is_rule() || matches!(self, Self::ReadyAgain | Self::Setting(_) | Self::Books(_))
    }

    /// Whether it is a rule that holds in every case alike: a rule of the air, or what must hold always.
    #[must_use]
    pub const fn is_rule(&self) -> bool {
        matches!(self, Self::Air(_) | Self::Always(_))
    }
}

impl fmt::Display for Criterion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Outcome => "outcome",
            Self::Shows => "shows",
            Self::Sound => "sound",
            Self::Gate => "gate",
            Self::Charged => "charged",
            Self::ReadyAgain => "ready again",
            Self::Exchange => "exchange",
            Self::Frames => "frames",
            Self::NeverSent => "never sent",
            Self::Tag(tag) => return write!(f, "tag {tag}"),
            Self::Within => "within",
            Self::Balance => "balance",
            Self::Tap => "tap",
            Self::Act(at) => return write!(f, "act at {at}"),
            Self::Reason => "reason",
            Self::Cvm => "cvm",
            Self::Journal => "journal",
            Self::Faults => "faults",
            Self::Records => "records",
            Self::Count => "count",
            Self::Total => "total",
            Self::Record { place, value } => return write!(f, "record {place} {value}"),
            Self::Status(value) => return write!(f, "status {value}"),
            Self::Identity(value) => return write!(f, "identity {value}"),
            Self::Setting(what) => return write!(f, "setting {what}"),
            Self::Cleared => "clear-journal",
            Self::Reply(line) => return write!(f, "reply to `{line}`"),
            Self::Work(work) => return write!(f, "work {work}"),
            Self::Acquirer(value) => return write!(f, "acquirer {value}"),
            Self::Books(book) => return write!(f, "books {book}"),
            Self::Air(rule) => return write!(f, "air {rule}"),
            Self::Always(rule) => return write!(f, "always {rule}"),
            Self::Baseline => "transcript",
        })
    }
}

impl FromStr for Criterion {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        const PLAIN: [Criterion; 21] = [
            Criterion::Outcome,
            Criterion::Shows,
            Criterion::Sound,
            Criterion::Gate,
            Criterion::Charged,
            Criterion::ReadyAgain,
            Criterion::Exchange,
            Criterion::Frames,
            Criterion::NeverSent,
            Criterion::Within,
            Criterion::Balance,
            Criterion::Tap,
            Criterion::Reason,
            Criterion::Cvm,
            Criterion::Journal,
            Criterion::Faults,
            Criterion::Records,
            Criterion::Count,
            Criterion::Total,
            Criterion::Cleared,
            Criterion::Baseline,
        ];
        if let Some(plain) = PLAIN.into_iter().find(|known| known.to_string() == text) {
            return Ok(plain);
        }
        if let Some(line) = text.strip_prefix("reply to `").and_then(|rest| rest.strip_suffix('`')) {
            return Ok(Self::Reply(line.into()));
        }
        if let Some(at) = text.strip_prefix("act at ") {
            return Ok(Self::Act(at.into()));
        }
        match text.split_once(' ') {
            Some(("tag", tag)) => Ok(Self::Tag(tag.into())),
            Some(("work", work)) if let Some(work) = Work::ALL.into_iter().find(|known| known.word() == work) => {
                Ok(Self::Work(work))
            }
            Some(("acquirer", value)) => Ok(Self::Acquirer(value.into())),
            Some(("books", book)) if let Some(book) = Book::ALL.into_iter().find(|known| known.words() == book) => {
                Ok(Self::Books(book))
            }
            Some(("air", rule)) if let Some(rule) = AirRule::ALL.into_iter().find(|known| known.words() == rule) => {
                Ok(Self::Air(rule))
            }
            Some(("always", rule))
                if let Some(rule) = AlwaysRule::ALL.into_iter().find(|known| known.words() == rule) =>
            {
                Ok(Self::Always(rule))
            }
            Some(("status", value)) => Ok(Self::Status(value.into())),
            Some(("identity", value)) => Ok(Self::Identity(value.into())),
            Some(("setting", what)) => Ok(Self::Setting(what.into())),
            Some(("record", rest))
                if let Some((place, value)) = rest.split_once(' ')
                    && let Ok(place) = place.parse() =>
            {
                Ok(Self::Record { place, value: value.into() })
            }
            _ => malformed(format!("`{text}` is not a criterion"), "one such as `outcome` or `tag 9F26`"),
        }
    }
}

text!(Criterion, "Criterion", r"^.+$", "what an expectation is about, such as `outcome` or `tag 9F26`");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_criterion_is_read_as_it_is_written() {
        for text in [
            "outcome",
            "ready again",
            "tag 9F26",
            "act at read record 2",
            "record 2 fare",
            "status state",
            "identity device",
            "setting keys",
            "clear-journal",
            "reply to `echo a b`",
            "transcript",
            "work deny-list",
            "acquirer claim 2 state",
            "books nothing sent twice",
            "air times kept",
            "always account numbers masked",
        ] {
            assert_eq!(text.parse::<Criterion>().unwrap().to_string(), text);
        }
        for text in ["", "tagged", "record x fare", "reply", "work hard", "books balanced", "air fresh", "always"] {
            assert!(text.parse::<Criterion>().is_err(), "{text}");
        }
    }

    /// The criterion after this one. A new one has to be put into this chain, or it does not compile.
    fn next(criterion: &Criterion) -> Option<Criterion> {
        Some(match criterion {
            Criterion::Outcome => Criterion::Shows,
            Criterion::Shows => Criterion::Sound,
            Criterion::Sound => Criterion::Gate,
            Criterion::Gate => Criterion::Charged,
            Criterion::Charged => Criterion::ReadyAgain,
            Criterion::ReadyAgain => Criterion::Exchange,
            Criterion::Exchange => Criterion::Frames,
            Criterion::Frames => Criterion::NeverSent,
            Criterion::NeverSent => Criterion::Tag("9F26".into()),
            Criterion::Tag(_) => Criterion::Within,
            Criterion::Within => Criterion::Balance,
            Criterion::Balance => Criterion::Tap,
            Criterion::Tap => Criterion::Act("gpo".into()),
            Criterion::Act(_) => Criterion::Reason,
            Criterion::Reason => Criterion::Cvm,
            Criterion::Cvm => Criterion::Journal,
            Criterion::Journal => Criterion::Faults,
            Criterion::Faults => Criterion::Records,
            Criterion::Records => Criterion::Count,
            Criterion::Count => Criterion::Total,
            Criterion::Total => Criterion::Record { place: 3, value: "line".into() },
            Criterion::Record { .. } => Criterion::Status("state".into()),
            Criterion::Status(_) => Criterion::Identity("device".into()),
            Criterion::Identity(_) => Criterion::Setting("fare 2.00 CNY".into()),
            Criterion::Setting(_) => Criterion::Cleared,
            Criterion::Cleared => Criterion::Reply("status".into()),
            Criterion::Reply(_) => Criterion::Work(Work::Settle),
            Criterion::Work(_) => Criterion::Acquirer("claim 1 state".into()),
            Criterion::Acquirer(_) => Criterion::Books(Book::Accounted),
            Criterion::Books(_) => Criterion::Air(AirRule::Blocks),
            Criterion::Air(_) => Criterion::Always(AlwaysRule::Refusals),
            Criterion::Always(_) => Criterion::Baseline,
            Criterion::Baseline => return None,
        })
    }

    /// One that is written and can't be read makes a record that nobody can judge again.
    #[test]
    fn no_criterion_is_forgotten() {
        let mut seen = 0;
        let mut criterion = Some(Criterion::Outcome);
        while let Some(this) = criterion {
            assert_eq!(this.to_string().parse::<Criterion>().unwrap(), this);
            (criterion, seen) = (next(&this), seen + 1);
        }
        assert_eq!(seen, 33);
    }
}
