//! A rules file of an acquirer: what the host does differently from a proper one, and its deny list.

use super::{MessageKind, ResponseCode, Terminal};
use crate::random::SplitMix64;
use crate::units::{Duration, Hex, Pan};
use crate::version::Version;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::num::NonZeroU32;

/// A rules file. For each message the first rule that matches it decides. Without a match the host behaves properly.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Rules {
    /// Version of this format.
    pub schema: Version,
    /// For a person: what these rules are for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// The deny list that terminals download. Absent: version 0 without cards.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deny_list: Option<DenyList>,
    /// The rules, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<Rule>,
}

/// A deny list.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct DenyList {
    /// Version of the list, at most 8 digits. Each card that a rule adds raises it by 1.
    pub version: ListVersion,
    /// Cards in a page, 1 to 51. Absent: 20.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page: Option<PageSize>,
    /// The cards.
    #[serde(default)]
    pub cards: Vec<Pan>,
}

/// A whole number between limits.
macro_rules! bounded {
    ($(#[$doc:meta])* $type:ident, $least:literal, $most:literal, $what:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
        #[serde(try_from = "u32")]
        #[schemars(extend("minimum" = $least, "maximum" = $most))]
        pub struct $type(pub u32);

        impl TryFrom<u32> for $type {
            type Error = String;

            fn try_from(number: u32) -> Result<Self, String> {
                if ($least..=$most).contains(&number) {
                    return Ok(Self(number));
                }
                let (least, most) = ($least, $most);
                Err(format!("{number} is not {}: write a number from {least} to {most}", $what))
            }
        }
    };
}

bounded!(
    /// Version of a deny list: 8 digits.
    ListVersion, 0, 99_999_999, "a version of a deny list"
);
bounded!(
    /// Cards in a page of the deny list.
    PageSize, 1, 51, "a number of cards in a page"
);
bounded!(
    /// Where a page of the deny list begins: so many cards of the list come before it.
    Cursor, 0, 999_999_999, "a cursor of a page"
);
bounded!(
    /// A number of keys that an acquirer makes up.
    MadeUpKeys, 1, 99, "a number of made-up keys"
);
bounded!(
    /// What the length of a frame says: two bytes.
    FrameLength, 0, 65_535, "the length of a frame"
);
bounded!(
    /// Bytes that a host makes up in place of an answer.
    GarbageLength, 1, 2000, "a number of bytes in place of an answer"
);
bounded!(
    /// A trace: 6 digits.
    Trace, 0, 999_999, "a trace"
);

/// A rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Rule {
    /// For a person. The log names the rule by it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Which messages the rule is for. Absent: all.
    #[serde(default)]
    pub when: When,
    /// What the host does.
    pub then: Then,
}

/// The conditions of a rule. All that are there have to hold.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct When {
    /// The message is of this kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<MessageKind>,
    /// The message comes from this terminal (field 41).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub terminal: Option<Terminal>,
    /// The message has this account number in field 2 or in track 2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub card: Option<Pan>,
    /// The message has this trace (field 11).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<Trace>,
    /// The message is the nth, counted from 1, of those for which all other conditions of this rule hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nth: Option<NonZeroU32>,
}

/// What a rule does: actions that fit each other. Without any, the host behaves properly, which makes an exception from the rules
/// below.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "Vec<Action>")]
#[schemars(with = "Vec<Action>")]
pub struct Then(pub Vec<Action>);

/// One action of a rule.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// Approve the message (code 00), whatever the host thinks of it. A claim is accepted.
    Approve,
    /// Answer with this response code. A claim is refused.
    Refuse(ResponseCode),
    /// Decide nothing and answer nothing. A claim waits: if it is sent again, it is decided as if it were new.
    Silent,
    /// Decide nothing, answer nothing, and close the connection. A claim waits, as with `silent`.
    HangUp,
    /// Decide as usual, but lose the answer on the way. If the claim is sent again, it is a repeat.
    Lost,
    /// Send the answer this much later.
    Late(Duration),
    /// Send the answer in four pieces, the last of which comes this much later than the first.
    Slow(Duration),
    /// Make this part of the answer wrong.
    Wrong(Part),
    /// Send the answer twice.
    Twice,
    /// Send only so many bytes of the answer, counted from its length field, and close the connection.
    Cut(u16),
    /// Hear only so many bytes of the message, counted from its length field, and close the connection. The host decides nothing and
    /// learns of no claim, because the message never came.
    CutRequest(u16),
    /// Put the card of the message on the deny list after the message is decided. The version of the list rises by 1.
    DenyCard,
    /// Ask the terminal to do something, by the processing request in the header of the answer.
    Ask(Request),
    /// Replace the deny list by this one before the message is decided.
    DenyList(DenyList),
    /// Say in a page of the deny list that more pages follow, and that the next one begins at this cursor.
    NextPage(Cursor),
    /// Decide as usual, and send these bytes in place of the answer. They need not be a frame.
    Garbage(Garbage),
    /// Say in the length field of the answer that so many bytes follow. The answer itself is whole.
    Length(FrameLength),
}

/// Bytes in place of an answer.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(
    untagged,
    expecting = "this is neither bytes in hexadecimal nor `{ random: 100, seed: 7 }` with 1 to 2000 bytes"
)]
pub enum Garbage {
    /// These bytes, hexadecimal.
    Bytes(Hex),
    /// Bytes that look random. The same numbers always give the same bytes.
    Random(RandomBytes),
}

/// Bytes that look random.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct RandomBytes {
    /// How many bytes, 1 to 2000.
    pub random: GarbageLength,
    /// It chooses the bytes.
    pub seed: u32,
}

impl Garbage {
    /// The bytes.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Bytes(bytes) => bytes.as_ref().to_vec(),
            Self::Random(RandomBytes { random, seed }) => {
                let mut numbers = SplitMix64(u64::from(*seed));
                (0..random.0).map(|_| numbers.draw().to_le_bytes()[0]).collect()
            }
        }
    }
}

/// A part of an answer that a rule can make wrong. If the answer does not have the part, the action does nothing, and the log
/// says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Part {
    /// The MAC: its first character is another one.
    Mac,
    /// The MAC: its last character is another one.
    MacEnd,
    /// The MAC: the answer has none.
    NoMac,
    /// The MAC: it is made with the key of the sign-on before the last one.
    OldKey,
    /// The trace (field 11): it is one more. The MAC is right for the wrong trace.
    Trace,
    /// The amount (field 4): it is one fen more. The MAC is right for the wrong amount.
    Amount,
    /// The check sum of a key of an authority (DF03): its first byte is another one.
    CheckSum,
    /// The key of an authority: another one of the host's keys, which is right in itself, comes in its place.
    Key,
}

/// What an answer can ask a terminal to do, by the sixth digit of the header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Request {
    /// 3: sign on again.
    SignOn,
    /// 4: download the keys of certification authorities.
    AuthorityKeys,
    /// 7: download the deny list.
    DenyList,
}

impl Request {
    /// The digit.
    #[must_use]
    pub const fn digit(self) -> u8 {
        match self {
            Self::SignOn => 3,
            Self::AuthorityKeys => 4,
            Self::DenyList => 7,
        }
    }
}

impl Action {
    const fn word(&self) -> &'static str {
        match self {
            Self::Approve => "approve",
            Self::Refuse(_) => "refuse",
            Self::Silent => "silent",
            Self::HangUp => "hang-up",
            Self::Lost => "lost",
            Self::Late(_) => "late",
            Self::Slow(_) => "slow",
            Self::Wrong(_) => "wrong",
            Self::Twice => "twice",
            Self::Cut(_) => "cut",
            Self::CutRequest(_) => "cut-request",
            Self::DenyCard => "deny-card",
            Self::Ask(_) => "ask",
            Self::DenyList(_) => "deny-list",
            Self::NextPage(_) => "next-page",
            Self::Garbage(_) => "garbage",
            Self::Length(_) => "length",
        }
    }

    /// Whether two actions can't be done to one message.
    const fn excludes(&self, other: &Self) -> bool {
        match self {
            Self::Silent | Self::HangUp => !matches!(other, Self::DenyCard | Self::DenyList(_)),
            // The message never came.
            Self::CutRequest(_) => true,
            Self::Approve => matches!(other, Self::Refuse(_)),
            // Nobody sees what the answer would have been.
            Self::Lost => {
                matches!(other, Self::Late(_) | Self::Slow(_) | Self::Twice | Self::Cut(_)) || other.changes_answer()
            }
            Self::Garbage(_) => matches!(other, Self::Lost) || other.changes_answer(),
            Self::Cut(_) | Self::Slow(_) => matches!(other, Self::Twice),
            Self::Wrong(Part::NoMac) => matches!(other, Self::Wrong(Part::Mac | Part::MacEnd | Part::OldKey)),
            Self::Wrong(Part::Mac) => matches!(other, Self::Wrong(Part::MacEnd)),
            _ => false,
        }
    }

    /// Whether the action changes what the answer says.
    const fn changes_answer(&self) -> bool {
        matches!(self, Self::Wrong(_) | Self::Ask(_) | Self::NextPage(_) | Self::Length(_) | Self::Garbage(_))
    }
}

impl TryFrom<Vec<Action>> for Then {
    type Error = String;

    fn try_from(actions: Vec<Action>) -> Result<Self, String> {
        let mut seen = BTreeSet::new();
        for (at, action) in actions.iter().enumerate() {
            let same = if matches!(action, Action::Wrong(_)) { format!("{action:?}") } else { action.word().into() };
            if !seen.insert(same) {
                return Err(format!("`{}` is there twice: write it once", action.word()));
            }
            if let Some(other) = actions[..at].iter().find(|other| action.excludes(other) || other.excludes(action)) {
                let (one, other) = (other.word(), action.word());
                return Err(format!("`{one}` and `{other}` exclude each other: write only one of them"));
            }
        }
        Ok(Self(actions))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(yaml: &str) -> Result<Rules, String> {
        let reader = serde_yaml::Deserializer::from_str(yaml);
        serde_yaml::with::singleton_map_recursive::deserialize(reader).map_err(|error| error.to_string())
    }

    fn then(yaml: &str) -> Result<Then, String> {
        read(&format!("schema: 1\nrules: [{{ then: {yaml} }}]")).map(|mut rules| rules.rules.remove(0).then)
    }

    #[test]
    fn a_file_with_every_condition_and_action() {
        let rules = read(
            "schema: 1
title: All of it
deny-list: { version: 3, page: 2, cards: [6222021234567894] }
rules:
  - title: The second ride of this card
    when: { message: ride, terminal: \"12345678\", card: 6222021234567894, trace: 7, nth: 2 }
    then: [{ refuse: \"51\" }, { late: 3 s }, { wrong: mac }, { wrong: trace }, { wrong: amount }, twice, deny-card, { ask: deny-list }]
  - then: [silent]
  - then: [hang-up, deny-card]
  - then: [approve, lost]
  - then: [{ cut: 20 }, { slow: 2 s }]
  - then: [{ deny-list: { version: 4, cards: [6222021234567894] } }, { next-page: 3 }, { length: 0 }, { wrong: check-sum }, { wrong: key }]
  - then: [{ garbage: 00 05 60 }, { deny-list: { version: 4 } }, { late: 1 s }]
  - then: [{ garbage: { random: 100, seed: 7 } }, refuse: \"05\"]
  - then: [{ cut-request: 20 }]
",
        )
        .unwrap();
        assert_eq!(rules.rules.len(), 9);
        assert_eq!(rules.rules[0].then.0.len(), 8);
        assert_eq!(rules.rules[0].when.nth, NonZeroU32::new(2));
        assert_eq!(rules.rules[3].then, Then(vec![Action::Approve, Action::Lost]));
        let again = serde_json::from_value::<Rules>(serde_json::to_value(&rules).unwrap()).unwrap();
        assert_eq!(again, rules);
    }

    #[test]
    fn actions_that_exclude_each_other_are_refused_in_any_order() {
        assert_eq!(then("[]"), Ok(Then(Vec::new())));
        for wrong in [
            "[approve, { refuse: \"51\" }]",
            "[silent, { late: 1 s }]",
            "[twice, silent]",
            "[hang-up, silent]",
            "[{ wrong: mac }, lost]",
            "[{ wrong: mac }, { wrong: no-mac }]",
            "[{ wrong: old-key }, { wrong: no-mac }]",
            "[{ slow: 2 s }, twice]",
            "[{ cut: 1 }, twice]",
            "[twice, { cut: 1 }]",
            "[{ late: 1 s }, { late: 2 s }]",
            "[{ wrong: mac }, { wrong: mac }]",
            "[{ garbage: 00 }, { wrong: mac }]",
            "[lost, { garbage: 00 }]",
            "[{ next-page: 3 }, lost]",
            "[silent, { garbage: 00 }]",
            "[{ length: 3 }, { garbage: 00 }]",
            "[{ cut-request: 20 }, { cut: 20 }]",
            "[{ late: 1 s }, { cut-request: 20 }]",
            "[deny-card, { cut-request: 20 }]",
            "[{ cut-request: 20 }, { cut-request: 30 }]",
        ] {
            assert!(then(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn bytes_that_look_random_depend_on_the_seed_alone() {
        let bytes = |seed| Garbage::Random(RandomBytes { random: GarbageLength(64), seed }).bytes();
        assert_eq!((bytes(7).len(), bytes(7)), (64, bytes(7)));
        assert_ne!(bytes(7), bytes(8));
        // The first outputs of SplitMix64 for the seed 0 are E220A8397B1DCDAF and 6E789E6AA1B965F4.
        assert_eq!(bytes(0)[..2], [0xAF, 0xF4]);
    }

    #[test]
    fn unknown_keys_and_words_are_refused() {
        for wrong in [
            "schema: 1\nrule: []",
            "schema: 1\nrules: [{ when: { mesage: ride }, then: [silent] }]",
            "schema: 1\nrules: [{ when: { message: rides }, then: [silent] }]",
            "schema: 1\nrules: [{ when: { nth: 0 }, then: [silent] }]",
            "schema: 1\nrules: [{ then: [quiet] }]",
            "schema: 1\nrules: [{ then: [{ refuse: \"5\" }] }]",
            "schema: 1\nrules: [{ then: [{ late: 3 }] }]",
            "schema: 1\nrules: [{ when: {} }]",
            "schema: 1\ndeny-list: { version: 1, page: 0 }",
            "schema: 1\ndeny-list: { version: 1, page: 52 }",
            "schema: 1\ndeny-list: { version: 100000000 }",
            "schema: 1\nrules: [{ when: { trace: 1000000 }, then: [silent] }]",
            "schema: 1\nrules: [{ then: [{ garbage: 0 }] }]",
            "schema: 1\nrules: [{ then: [{ garbage: { random: 0, seed: 1 } }] }]",
            "schema: 1\nrules: [{ then: [{ length: 65536 }] }]",
            "schema: 1\nrules: [{ then: [{ cut-request: -1 }] }]",
            "schema: 1\nrules: [{ then: [{ cut-request: 65536 }] }]",
            "schema: 1\nrules: [{ then: [{ next-page: 1000000000 }] }]",
            "schema: 1\nrules: [{ then: [{ deny-list: { cards: [] } }] }]",
        ] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
