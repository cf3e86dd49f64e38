//! A message with what the host has found out about it before it decides.

use crate::codec::frame::ENVELOPE;
use crate::codec::{Frame, Message, Reserved};
use crate::mac::{MacKey, mac};
use taprig_model::acquirer::MessageKind;
use taprig_model::acquirer::log::Mac;
use taprig_model::acquirer::rules::Action;

/// A message.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) frame: Frame,
    pub(super) message: Message,
    /// Its kind, and its network code (60.3).
    pub(super) kind: Option<MessageKind>,
    pub(super) code: u16,
    /// Field 60, or what is wrong with it.
    pub(super) reserved: Result<Reserved, String>,
    pub(super) terminal: String,
    pub(super) merchant: String,
    pub(super) trace: Option<u32>,
    pub(super) card: Option<String>,
}

/// Why a message is refused before anybody looks at what it wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Objection {
    pub(super) code: &'static str,
    pub(super) why: String,
}

impl Objection {
    pub(super) fn new(code: &'static str, why: impl Into<String>) -> Self {
        Self { code, why: why.into() }
    }
}

impl Request {
    pub(super) fn new(frame: Frame, message: Message) -> Self {
        let reserved = match message.word(60) {
            Some(digits) => Reserved::parse(digits),
            None => Err("field 60 is missing".into()),
        };
        let code = reserved.as_ref().ok().and_then(|reserved| reserved.code).unwrap_or_default();
        let word = |number| message.word(number).unwrap_or_default().to_owned();
        let card = message.word(2).or_else(|| message.word(35)?.split('D').next()).map(str::to_owned);
        Self {
            kind: kind(message.mti, code),
            code,
            terminal: word(41),
            merchant: word(42),
            trace: message.word(11).and_then(|trace| trace.parse().ok()),
            card: card.filter(|card| !card.is_empty()),
            reserved,
            frame,
            message,
        }
    }

    /// Bytes of its frame with the length field.
    pub(super) fn length(&self) -> usize {
        2 + ENVELOPE + self.frame.message.len()
    }

    /// After how many bytes a rule cuts the line within the message. `None` if no rule does, or if the message ends before that.
    pub(super) fn cut(&self, actions: &[Action]) -> Option<usize> {
        let bytes = actions.iter().find_map(|action| match action {
            Action::CutRequest(bytes) => Some(usize::from(*bytes)),
            _ => None,
        })?;
        (bytes < self.length()).then_some(bytes)
    }

    /// Batch (60.2), 0 if it is missing.
    pub(super) fn batch(&self) -> u32 {
        self.reserved.as_ref().map_or(0, |reserved| reserved.batch)
    }

    /// Amount in fen (field 4), 0 if it is missing.
    pub(super) fn fen(&self) -> u64 {
        self.message.word(4).and_then(|amount| amount.parse().ok()).unwrap_or_default()
    }

    /// Whether this is a request at all. The third digit of the type of an answer is odd.
    pub(super) const fn wants_answer(&self) -> bool {
        self.message.mti >> 4 & 1 == 0
    }

    /// Whether the message claims money.
    pub(super) const fn is_claim(&self) -> bool {
        matches!(self.kind, Some(MessageKind::Ride | MessageKind::Advice))
    }

    /// Whether its MAC is right under this key.
    pub(super) fn mac(&self, key: Option<&MacKey>) -> Mac {
        let must = self.is_claim() || self.kind == Some(MessageKind::Reversal);
        let Some(there) = self.message.data(64) else {
            return if must { Mac::Missing } else { Mac::NotNeeded };
        };
        // A sign-on brings the key, so it can't have a MAC that means anything.
        let Some(key) = key.filter(|_| self.kind != Some(MessageKind::SignOn)) else { return Mac::NoKey };
        let bytes = &self.frame.message;
        if mac(key, &bytes[..bytes.len() - 8]) == there { Mac::Good } else { Mac::Wrong }
    }

    /// What is wrong with its form.
    pub(super) fn objection(&self) -> Option<Objection> {
        let Some(kind) = self.kind else {
            let what = format!("type {:04X} with network code (60.3) {:03}", self.message.mti, self.code);
            return Some(Objection::new("12", format!("this host knows no message of {what}")));
        };
        let missing: Vec<String> =
            required(kind, self.code).iter().filter(|&&number| !self.message.has(number)).map(u8::to_string).collect();
        if !missing.is_empty() {
            return Some(Objection::new("30", format!("these fields are missing: {}", missing.join(", "))));
        }
        if let Err(error) = &self.reserved {
            return Some(Objection::new("30", error.clone()));
        }
        let (types, what): (&[&str], _) = match kind {
            MessageKind::Ride => (&["22", "36"], "of a ride is 22 or 36"),
            MessageKind::Advice => (&["30", "36"], "of an advice is 30 or 36"),
            _ => return None,
        };
        let found = self.reserved.as_ref().map_or("", |reserved| &reserved.kind);
        (!types.contains(&found)).then(|| Objection::new("12", format!("60.1 {what}, and it is {found}")))
    }
}

/// The kind of a message. `code` is its network code (60.3).
const fn kind(mti: u16, code: u16) -> Option<MessageKind> {
    Some(match (mti, code) {
        (0x0800, 1 | 3 | 4) => MessageKind::SignOn,
        (0x0800, 570) => MessageKind::ListPage,
        (0x0800, 370 | 371) | (0x0820, 372) => MessageKind::KeyPage,
        (0x0820, 2) => MessageKind::SignOff,
        (0x0820, 301) => MessageKind::Echo,
        (0x0200, 0) => MessageKind::Ride,
        (0x0220, 0) => MessageKind::Advice,
        (0x0400, 0) => MessageKind::Reversal,
        (0x0500, 201) => MessageKind::Settlement,
        (0x0320, 201 | 202 | 207) => MessageKind::BatchUpload,
        _ => return None,
    })
}

/// The fields without which a message can't be answered in substance. MAC apart.
const fn required(kind: MessageKind, code: u16) -> &'static [u8] {
    match (kind, code) {
        (MessageKind::SignOn, _) => &[11, 41, 42, 60, 63],
        (MessageKind::SignOff | MessageKind::Echo, _) => &[11, 41, 42, 60],
        (MessageKind::Ride | MessageKind::Advice, _) => &[2, 3, 4, 11, 22, 25, 41, 42, 49, 60],
        (MessageKind::Reversal, _) => &[3, 4, 11, 39, 41, 42, 49, 60],
        (MessageKind::Settlement, _) => &[11, 41, 42, 48, 49, 60, 63],
        (MessageKind::BatchUpload, _) => &[11, 41, 42, 48, 60],
        (MessageKind::ListPage, _) => &[41, 42, 60, 63],
        (MessageKind::KeyPage, 371) => &[41, 42, 60],
        (MessageKind::KeyPage, _) => &[41, 42, 60, 62],
    }
}
