//! A card image, `fixtures/cards/<name>.yaml`: the content of a card before certificates and cryptograms are made from
//! it.
//!
//! [`change`] describes what a case alters, and [`key`] describes the key files that an image names.

mod activation;
pub mod change;
pub mod key;
mod purse;
mod standard;

use crate::name::{Name, Tag};
use crate::text::text;
use crate::units::{Duration, Hex, Malformed, Pan, malformed};
pub use activation::Activation;

use crate::version::Version;
pub use change::Change;
pub use key::KeyFile;
pub use purse::Purse;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
pub use standard::Standard;
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

/// A card image. The name of its file is its name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct CardImage {
    /// Version of this format.
    pub schema: Version,
    /// For a person: which card this is.
    pub title: String,
    /// For a person: what is special about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// For a person: who issued the card, and under which scheme.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issuer: Option<String>,
    /// The name of a base image. Whatever this image leaves out is taken from the base image, and the changes of the
    /// base image are applied first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub include: Option<Name>,
    /// The card as the reader sees it before any application.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub front: Option<Front>,
    /// The directory 2PAY.SYS.DDF01 (EMV Contactless Book B). If it is absent, the card has none and answers 6A82.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ppse: Option<Vec<DirectoryEntry>>,
    /// The applications, in the order in which the card searches them for a partial name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub applications: Vec<Application>,
    /// Changes that belong to the image. The changes of a case are applied after them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<Change>,
}

impl CardImage {
    /// This image, completed from `base`, which is the image that [`CardImage::include`] names.
    #[must_use]
    pub fn over(mut self, base: Self) -> Self {
        let mut changes = base.changes;
        changes.append(&mut self.changes);
        Self {
            include: base.include,
            description: self.description.or(base.description),
            issuer: self.issuer.or(base.issuer),
            front: self.front.or(base.front),
            ppse: self.ppse.or(base.ppse),
            applications: if self.applications.is_empty() { base.applications } else { self.applications },
            changes,
            ..self
        }
    }
}

/// The card as the reader sees it before any application (ISO/IEC 14443-3 and -4, type A).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Front {
    /// UID of 4, 7 or 10 bytes.
    pub uid: Hex,
    /// ATQA, 2 bytes in the order of transmission: low byte first.
    pub atqa: Hex,
    /// SAK of the last cascade level, 1 byte. The value 20 says that the card speaks ISO/IEC 14443-4.
    pub sak: Hex,
    /// Answer to select.
    #[serde(default)]
    pub ats: Ats,
    /// Frame delay that is added to every answer, on top of the shortest delay that the standard allows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delay: Option<Duration>,
    /// The largest number of INF bytes in a block when the card chains its responses. If it is absent, the card uses
    /// the most that FSD allows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chain: Option<u8>,
}

/// Answer to select (ISO/IEC 14443-4, clause 5.2).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Ats {
    /// FSCI: the longest frame that the card takes. The values 0 to 8 stand for 16 to 256 bytes.
    pub fsci: u8,
    /// TA(1), 1 byte: bit rates.
    pub rates: Hex,
    /// FWI: the frame waiting time is 4096/fc x 2^FWI. EMV allows up to 7.
    pub fwi: u8,
    /// SFGI: start-up frame guard time.
    pub sfgi: u8,
    /// TC(1), 1 byte: 02 for CID, 01 for NAD.
    pub options: Hex,
    /// Historical bytes.
    pub historical: Hex,
}

impl Default for Ats {
    fn default() -> Self {
        Self { fsci: 8, rates: Hex(vec![0x80]), fwi: 7, sfgi: 0, options: Hex(vec![0x00]), historical: Hex::default() }
    }
}

/// An entry of the directory (61).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct DirectoryEntry {
    /// ADF name (4F), 5 to 16 bytes.
    pub aid: Hex,
    /// Label (50).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// Priority (87): 1 is the highest; 0 or an absent value is the lowest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<u8>,
    /// Kernel identifier (9F2A). The value 07 stands for UnionPay.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kernel: Option<Hex>,
    /// Other data objects of the entry.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub data: BTreeMap<Tag, Datum>,
}

/// An application (ADF) of the card.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Application {
    /// DF name (84), 5 to 16 bytes. A000000333010101 is debit, A000000333010102 credit, A000000333010103 quasi-credit,
    /// and A000000333010106 electronic cash.
    pub aid: Hex,
    /// Label (50).
    pub label: String,
    /// Priority (87).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<u8>,
    /// PDOL (9F38): tags and lengths. If it is absent, the card has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pdol: Option<Hex>,
    /// Other data objects of the FCI's proprietary template (A5).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub fci: BTreeMap<Tag, Datum>,
    /// Data objects of the FCI's issuer discretionary data (BF0C), such as DF61.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub discretionary: BTreeMap<Tag, Datum>,
    /// Application interchange profile (82), 2 bytes.
    pub aip: Hex,
    /// The account. The card makes 57, 5A, 5F24, 5F25, 5F30 and 5F34 from it.
    pub account: Account,
    /// Other data objects that records and responses may name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub data: BTreeMap<Tag, Datum>,
    /// The records, in the order of the application file locator (94). The card makes the locator from them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub records: Vec<Record>,
    /// Offline data authentication. If it is absent, the card does not support it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oda: Option<Oda>,
    /// How the card decides, and which key it uses for its cryptograms.
    pub cryptogram: Cryptogram,
    /// The standard debit/credit flow. If it is absent, the application does not know it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub standard: Option<Standard>,
    /// Electronic cash. If it is absent, the application has none and deducts nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purse: Option<Purse>,
    /// What the card uses instead of `oda` and of the key of `cryptogram` if the reader asks for SM algorithms (DF69 = 01).
    /// A card that has this knows both families of algorithms, and its PDOL asks for DF69.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sm: Option<Sm>,
    /// Card transaction qualifiers (9F6C), 2 bytes. If they are absent, the card does not return them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ctq: Option<Hex>,
    /// The CTQ for a reader that requires cardholder verification (TTQ byte 2, 40). If they are absent, the card
    /// returns the ordinary CTQ.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ctq_when_cvm_required: Option<Hex>,
    /// Application transaction counter (9F36) of the first transaction.
    #[serde(default = "one")]
    pub atc: u16,
    /// What the card returns to GET PROCESSING OPTIONS.
    #[serde(default)]
    pub responses: Responses,
    /// How many GET PROCESSING OPTIONS the card refuses with 6986 before it serves the next one. This models a phone
    /// that its owner has not unlocked yet.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub locked: u8,
    /// Whether `locked` counts only those GET PROCESSING OPTIONS for which the reader requires cardholder verification (TTQ byte
    /// 2, 40). This models a phone that asks its owner only for larger amounts.
    #[serde(default, skip_serializing_if = "is_false")]
    pub locked_when_cvm_required: bool,
    /// The time that the application itself needs for a command.
    #[serde(default)]
    pub timing: Timing,
}

const fn one() -> u16 {
    1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
const fn is_zero(count: &u8) -> bool {
    *count == 0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
const fn is_false(switch: &bool) -> bool {
    !*switch
}

/// The account of an application.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Account {
    /// Primary account number (5A).
    pub pan: Pan,
    /// PAN sequence number (5F34), 0 to 99. If it is absent, the card has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sequence: Option<u8>,
    /// Last month of validity. The date in 5F24 is its last day.
    pub expires: Month,
    /// First month of validity. The date in 5F25 is its first day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effective: Option<Month>,
    /// Service code of three digits (in 5F30 and in 57).
    #[serde(default = "service_code")]
    pub service_code: u16,
}

const fn service_code() -> u16 {
    220
}

/// A record of the application.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Record {
    /// Short file identifier, 1 to 30.
    pub sfi: u8,
    /// Number of the record in its file, from 1.
    pub number: u8,
    /// Whether the record takes part in offline data authentication: the card's certificate then covers its bytes.
    #[serde(default)]
    pub signed: bool,
    /// For a card with `sm`: the record belongs to only one family of algorithms. The file locator (94) of the other family
    /// leaves it out. If it is absent, the record belongs to both.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub only: Option<Family>,
    /// Tags of the data objects, in their order. The card itself makes 8F, 90, 92, 9F32, 9F46, 9F47, 9F48, 9F4A, 9F69,
    /// 9F4B and the objects of the account. The record leaves out an object that the card does not have.
    pub holds: Vec<Tag>,
}

/// A family of algorithms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Family {
    /// RSA, SHA-1 and triple DES.
    International,
    /// SM2, SM3 and SM4.
    Sm,
}

/// What a card uses if the reader asks for SM algorithms.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Sm {
    /// Offline data authentication. Its keys are SM2 keys.
    pub oda: Oda,
    /// Issuer's master key for cryptograms: a file in `fixtures/keys`.
    pub cryptogram_key: Name,
}

/// Offline data authentication: a certificate chain and a dynamic signature (EMV Book 2, clause 6; JR/T 0025.17). The
/// three keys are of the same algorithm, RSA or SM2, and this is the algorithm of the chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Oda {
    /// The highest version of fast DDA that the card supports.
    pub fdda: Fdda,
    /// Certification authority: a file in `fixtures/keys`.
    pub authority: Name,
    /// The issuer's key.
    pub issuer: Name,
    /// The card's key.
    pub card: Name,
    /// For a phone whose keys change from tap to tap: the keys of the following transactions, one after the other, and then `card`
    /// again. Each has a certificate of its own. All have the length of `card`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub next_cards: Vec<Name>,
    /// What the issuer's certificate contains besides its key.
    pub issuer_certificate: CertificateTerms,
    /// What the card's certificate contains besides its key.
    pub card_certificate: CertificateTerms,
    /// Length of the ICC dynamic number in the signature. EMV allows 2 to 8.
    #[serde(default = "eight")]
    pub dynamic_number: u8,
}

const fn eight() -> u8 {
    8
}

/// Version of fast DDA. It determines what the dynamic signature covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Fdda {
    /// There is no signature, only certificates.
    None,
    /// The signature covers the reader's unpredictable number (9F37).
    V00,
    /// The signature covers 9F37, 9F02, 5F2A and 9F69 if the reader supports this version (TTQ byte 4, 80). Otherwise
    /// the card uses version 00.
    V01,
}

/// What a certificate contains besides its key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct CertificateTerms {
    /// Last month of validity.
    pub expires: Month,
    /// Serial number, 3 bytes.
    pub serial: Hex,
    /// Issuer's certificate only: the issuer identifier, 4 bytes, padded with F. If it is absent, it is made from the
    /// first six digits of the PAN.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub iin: Option<Hex>,
}

/// How the card decides, and which key it uses for its cryptograms.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Cryptogram {
    /// Issuer's master key: a file in `fixtures/keys`.
    pub key: Name,
    /// What the card answers.
    #[serde(default)]
    pub policy: Policy,
    /// For the policy `by-ttq`: the card approves offline if the reader allows it.
    #[serde(default)]
    pub offline: bool,
    /// How the session key is made.
    #[serde(default)]
    pub session: Session,
    /// Derivation key index in 9F10.
    #[serde(default = "first_index")]
    pub key_index: Hex,
    /// Cryptogram version number in 9F10.
    #[serde(default = "first_index")]
    pub version: Hex,
    /// Issuer discretionary data in 9F10, without its length. If it is absent, 9F10 ends before it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub discretionary: Option<Hex>,
}

fn first_index() -> Hex {
    Hex(vec![0x01])
}

/// What the card answers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Policy {
    /// The card answers with an ARQC if the reader demands an online cryptogram or if the card does not approve
    /// offline. If the card does not approve offline and the reader is offline only, the card answers with an AAC. In
    /// all other cases it answers with a TC.
    #[default]
    ByTtq,
    /// The card always answers with a transaction certificate: approved offline.
    Tc,
    /// The card always answers with an authorisation request cryptogram: go online.
    Arqc,
    /// The card always answers with an application authentication cryptogram: declined.
    Aac,
}

/// How the session key is made from the card's key.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Session {
    /// From the ATC and its complement, with leading zeros (JR/T 0025.7).
    #[default]
    Pboc,
    /// From the ATC with F0 and 0F (EMV Book 2, annex A1.3).
    Emv,
}

/// Data objects of the response (77) to GET PROCESSING OPTIONS, in their order. The response leaves out an object that
/// the card does not have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Responses {
    /// The objects that accompany a transaction certificate.
    pub tc: Vec<Tag>,
    /// The objects that accompany an ARQC if the reader asks for offline data authentication (TTQ byte 1, 01) and the
    /// card supports it.
    pub arqc_with_oda: Vec<Tag>,
    /// The objects that accompany any other ARQC.
    pub arqc: Vec<Tag>,
    /// The objects that accompany an AAC.
    pub aac: Vec<Tag>,
}

impl Default for Responses {
    fn default() -> Self {
        let tags = |list: &str| list.split(' ').filter_map(|tag| tag.parse().ok()).collect();
        Self {
            tc: tags("82 94 9F36 57 5F34 9F10 9F26 9F6C 9F4B"),
            arqc_with_oda: tags("82 94 9F36 57 5F34 9F10 9F26 9F6C 9F4B"),
            arqc: tags("82 9F36 57 5F34 9F10 9F26 9F6C"),
            aac: tags("82 9F36 57 5F34 9F10 9F26 9F6C"),
        }
    }
}

/// The time that the application itself needs for a command, without the time on the air.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Timing {
    /// SELECT.
    pub select: Duration,
    /// GET PROCESSING OPTIONS.
    pub gpo: Duration,
    /// READ RECORD.
    pub read_record: Duration,
}

impl Default for Timing {
    /// All times lie below the frame waiting time of FWI 7, which is 38.7 ms.
    fn default() -> Self {
        Self { select: Duration::from_ms(3), gpo: Duration::from_ms(30), read_record: Duration::from_ms(2) }
    }
}

/// A value: bytes in hexadecimal, or characters after `text:`, such as `text: UNIONPAY`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Datum(pub Vec<u8>);

text!(Datum, "Datum", r"^(text:.*|([0-9A-Fa-f] *[0-9A-Fa-f] *)*)$", "bytes in hexadecimal, or `text: ABC`");

impl FromStr for Datum {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        match text.strip_prefix("text:") {
            Some(text) if text.is_ascii() => Ok(Self(text.trim_start().as_bytes().to_vec())),
            Some(_) => malformed("only ASCII characters can be text on a card", "other bytes in hexadecimal"),
            None => text.parse().map(|Hex(bytes)| Self(bytes)),
        }
    }
}

impl fmt::Display for Datum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02X}"))
    }
}

/// A month from 2000 to 2099: `2030-12`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Month {
    /// Year, 2000 to 2099.
    pub year: u16,
    /// Month, 1 to 12.
    pub month: u8,
}

text!(Month, "Month", r"^20[0-9]{2}-(0[1-9]|1[0-2])$", "a month such as `2030-12`");

impl Month {
    /// Number of days.
    #[must_use]
    pub const fn days(self) -> u8 {
        match self.month {
            // The years 2000 to 2099 contain no century that breaks the leap-year rule.
            2 if self.year.is_multiple_of(4) => 29,
            2 => 28,
            4 | 6 | 9 | 11 => 30,
            _ => 31,
        }
    }
}

impl FromStr for Month {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        if let Some((year, month)) = text.split_once('-')
            && year.len() == 4
            && month.len() == 2
            && let (Ok(year), Ok(month)) = (year.parse(), month.parse())
            && (2000..2100).contains(&year)
            && (1..=12).contains(&month)
        {
            return Ok(Self { year, month });
        }
        malformed(format!("`{text}` is not a month from 2000 to 2099"), "`2030-12`")
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.year, self.month)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_hex_or_text() {
        assert_eq!("9F 0 0".parse::<Datum>().unwrap().0, [0x9F, 0x00]);
        assert_eq!("text: UP".parse::<Datum>().unwrap().0, b"UP");
        assert!("9F0".parse::<Datum>().is_err());
        assert!("text: 银联".parse::<Datum>().is_err());
    }

    #[test]
    fn months_have_their_days() {
        let month = |text: &str| text.parse::<Month>().unwrap();
        assert_eq!(month("2024-02").days(), 29);
        assert_eq!(month("2025-02").days(), 28);
        assert_eq!(month("2030-12").to_string(), "2030-12");
        for wrong in ["2030", "2030-13", "2030-1", "1999-12", "2030-00"] {
            assert!(wrong.parse::<Month>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_image_takes_over_what_it_leaves_out() {
        let image = |title: &str, ats: u8| CardImage {
            schema: Version,
            title: title.into(),
            description: None,
            issuer: None,
            include: None,
            front: Some(Front {
                uid: Hex(vec![8, 1, 2, 3]),
                atqa: Hex(vec![4, 0]),
                sak: Hex(vec![0x20]),
                ats: Ats { fsci: ats, ..Ats::default() },
                delay: None,
                chain: None,
            }),
            ppse: None,
            applications: Vec::new(),
            changes: vec![Change::Mute(change::Moment { at: title.parse().unwrap() })],
        };
        let base = image("gpo", 5);
        let whole = CardImage { front: None, ..image("select ppse", 8) }.over(base.clone());
        assert_eq!((whole.title.as_str(), &whole.front), ("select ppse", &base.front));
        assert_eq!(whole.changes[0], base.changes[0]);
        assert_eq!(whole.changes.len(), 2);
    }
}
