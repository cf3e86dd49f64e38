//! What a case alters in a card.
//!
//! There are two moments for a change. `set` and `expire` alter the image before certificates and cryptograms are made,
//! so the card stays consistent. All other changes alter what the finished card sends.

use super::{Datum, Month};
use crate::name::Tag;
use crate::step::At;
use crate::text::text;
use crate::units::{Duration, Hex, Malformed, malformed};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// One change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Change {
    /// Give an object another value before anything is computed. `5A`, `5F24` and `5F34` alter the account, and with it
    /// 57 and the card's certificate. A field of a certificate is altered before signing, so its hash matches.
    Set(Assignment),
    /// Send another value instead of the right one.
    Replace(Assignment),
    /// Invert one bit of the value that is sent. A field of a certificate is altered before signing.
    Flip(Flip),
    /// Leave the object out.
    Drop(Target),
    /// Send only the first bytes of the value.
    Truncate(Truncation),
    /// Append bytes to the value, as part of it.
    Extend(Extension),
    /// Write the length field with these bytes, whether they are right or wrong.
    Length(LengthField),
    /// Send the object twice.
    Duplicate(Target),
    /// Append bytes to a template, such as another data object. The length of the template is adjusted.
    Insert(Extension),
    /// Answer a command with this status word and no data, without processing it.
    Answer(Refusal),
    /// Answer a command with these bytes, including the status word, without processing the command.
    Respond(Fixed),
    /// Answer a command later.
    Delay(Delay),
    /// Do not answer a command.
    Mute(Moment),
    /// Make this month the last one in which a certificate or the application is valid.
    Expire(Expiry),
}

/// A new value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Assignment {
    /// The object to alter.
    pub object: Object,
    /// The value.
    pub value: Datum,
}

/// An inverted bit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Flip {
    /// The object to alter.
    pub object: Object,
    /// Number of the bit. Bit 0 is the highest bit of the first byte.
    pub bit: u16,
}

/// An object without further parameters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Target {
    /// The object to alter.
    pub object: Object,
}

/// A shorter value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Truncation {
    /// The object to alter.
    pub object: Object,
    /// Number of bytes that stay.
    pub to: u16,
}

/// More bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Extension {
    /// The object to alter.
    pub object: Object,
    /// The bytes.
    pub with: Datum,
}

/// A length field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct LengthField {
    /// The object whose length field is altered.
    pub object: Object,
    /// The bytes of the length field.
    pub bytes: Hex,
}

/// A status word.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Refusal {
    /// The command of the tap.
    pub at: At,
    /// Status word, 2 bytes.
    pub sw: Hex,
}

/// A response.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Fixed {
    /// The command of the tap.
    pub at: At,
    /// The whole response, at most 258 bytes.
    pub bytes: Hex,
}

/// A delay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Delay {
    /// The command of the tap.
    pub at: At,
    /// The time that is added to the card's own time.
    pub by: Duration,
}

/// A command of the tap.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Moment {
    /// The command of the tap.
    pub at: At,
}

/// The end of validity.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Expiry {
    /// What expires.
    pub what: Expiring,
    /// Last month of validity.
    pub month: Month,
}

/// What can expire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Expiring {
    /// The issuer's certificate.
    IssuerCertificate,
    /// The card's certificate.
    CardCertificate,
    /// The application (in 5F24 and in 57).
    Application,
}

/// The object of a change. It is one of these:
///
/// - a data object or template, by its tag: everywhere it occurs, `9F4B`, or in one place only, `gpo/57`,
///   `record-2.1/5A`, `fci/9F38`, `ppse/61`;
/// - a field of the data that a key signs, `issuer-certificate.expiry`, `card-certificate.pan`,
///   `dynamic-signature.hash`;
/// - a part of the card's front, `front.ats`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Object {
    /// A data object or template.
    Tag {
        /// Where it occurs. If it is absent, the change holds everywhere.
        place: Option<Place>,
        /// Its tag.
        tag: Tag,
    },
    /// A field of the data that a key signs.
    Field(Signed, Field),
    /// A part of the card's front.
    Front(FrontPart),
}

/// A response of the card.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    /// The response to SELECT PPSE.
    Ppse,
    /// The response to SELECT AID.
    Fci,
    /// The response to GET PROCESSING OPTIONS.
    Gpo,
    /// The response to READ RECORD.
    Record {
        /// Short file identifier.
        sfi: u8,
        /// Number of the record.
        number: u8,
    },
    /// The response to INTERNAL AUTHENTICATE (standard flow).
    InternalAuthenticate,
    /// The response to GENERATE AC (standard flow).
    GenerateAc,
}

/// The data that the keys sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Signed {
    /// Issuer public key certificate (90), EMV Book 2, table 6; for SM2, JR/T 0025.17.
    IssuerCertificate,
    /// ICC public key certificate (9F46), table 14; for SM2, JR/T 0025.17.
    CardCertificate,
    /// Signed dynamic application data (9F4B), table 17; for SM2, JR/T 0025.17.
    DynamicSignature,
}

/// Fields of the signed data, as they are before signing. Some exist only by RSA and some only by SM2.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Field {
    /// Recovered data header, 6A; RSA only.
    Header,
    /// Certificate format or signed data format: 02, 04, 05; by SM2 12, 14, 15.
    Format,
    /// Issuer identifier, 4 bytes; issuer's certificate only.
    Iin,
    /// Application PAN, 10 bytes; card's certificate only.
    Pan,
    /// Expiry MMYY, 2 bytes; certificates only.
    Expiry,
    /// Serial number, 3 bytes; certificates only.
    Serial,
    /// Hash algorithm indicator, 01 for SHA-1; RSA only.
    HashAlgorithm,
    /// Public key algorithm indicator, 01 for RSA and 04 for SM2; certificates only.
    KeyAlgorithm,
    /// Length of the public key modulus, or 40 for an SM2 key; certificates only.
    KeyLength,
    /// Length of the public key exponent; RSA certificates only.
    ExponentLength,
    /// Modulus or its left part, padding included; RSA certificates only.
    Modulus,
    /// Algorithm of the key for enciphering, 00; SM2 certificates only.
    EncryptionAlgorithm,
    /// Curve of the key, 11; SM2 certificates only.
    Curve,
    /// Public point, X and Y; SM2 certificates only.
    Point,
    /// Length of the ICC dynamic data; dynamic signature only.
    Length,
    /// ICC dynamic data: length and ICC dynamic number; dynamic signature only.
    Number,
    /// Pad pattern BB; dynamic signature by RSA only.
    Padding,
    /// Hash result, 20 bytes; RSA only.
    Hash,
    /// Recovered data trailer, BC; RSA only.
    Trailer,
}

/// Parts of the card's front.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FrontPart {
    /// UID.
    Uid,
    /// ATQA.
    Atqa,
    /// SAK.
    Sak,
    /// ATS, from TL to the last historical byte.
    Ats,
}

impl Signed {
    /// All parts, by their names in cases.
    pub const ALL: [(Self, &str); 3] = [
        (Self::IssuerCertificate, "issuer-certificate"),
        (Self::CardCertificate, "card-certificate"),
        (Self::DynamicSignature, "dynamic-signature"),
    ];

    /// The fields, those of RSA in their order first.
    #[must_use]
    pub const fn fields(self) -> &'static [Field] {
        use Field::{
            Curve, EncryptionAlgorithm, Expiry, ExponentLength, Format, Hash, HashAlgorithm, Header, Iin, KeyAlgorithm,
            KeyLength, Length, Modulus, Number, Padding, Pan, Point, Serial, Trailer,
        };
        match self {
            Self::IssuerCertificate => &[
                Header,
                Format,
                Iin,
                Expiry,
                Serial,
                HashAlgorithm,
                KeyAlgorithm,
                KeyLength,
                ExponentLength,
                Modulus,
                Hash,
                Trailer,
                EncryptionAlgorithm,
                Curve,
                Point,
            ],
            Self::CardCertificate => &[
                Header,
                Format,
                Pan,
                Expiry,
                Serial,
                HashAlgorithm,
                KeyAlgorithm,
                KeyLength,
                ExponentLength,
                Modulus,
                Hash,
                Trailer,
                EncryptionAlgorithm,
                Curve,
                Point,
            ],
            Self::DynamicSignature => &[Header, Format, HashAlgorithm, Length, Number, Padding, Hash, Trailer],
        }
    }
}

impl Field {
    /// All, by their names in cases.
    pub const ALL: [(Self, &str); 19] = [
        (Self::Header, "header"),
        (Self::Format, "format"),
        (Self::Iin, "iin"),
        (Self::Pan, "pan"),
        (Self::Expiry, "expiry"),
        (Self::Serial, "serial"),
        (Self::HashAlgorithm, "hash-algorithm"),
        (Self::KeyAlgorithm, "key-algorithm"),
        (Self::KeyLength, "key-length"),
        (Self::ExponentLength, "exponent-length"),
        (Self::Modulus, "modulus"),
        (Self::EncryptionAlgorithm, "encryption-algorithm"),
        (Self::Curve, "curve"),
        (Self::Point, "point"),
        (Self::Length, "length"),
        (Self::Number, "number"),
        (Self::Padding, "padding"),
        (Self::Hash, "hash"),
        (Self::Trailer, "trailer"),
    ];
}

impl FrontPart {
    /// All parts, by their names in cases.
    pub const ALL: [(Self, &str); 4] =
        [(Self::Uid, "uid"), (Self::Atqa, "atqa"), (Self::Sak, "sak"), (Self::Ats, "ats")];
}

fn by_name<T: Copy>(all: &[(T, &str)], name: &str) -> Option<T> {
    all.iter().find(|(_, known)| *known == name).map(|(value, _)| *value)
}

fn name_of<T: Copy + PartialEq>(all: &[(T, &'static str)], value: T) -> &'static str {
    all.iter().find(|(known, _)| *known == value).map_or("?", |(_, name)| name)
}

text!(
    Object,
    "Object",
    r"^((ppse|fci|gpo|internal-authenticate|generate-ac|record-[0-9]+\.[0-9]+)/)?([0-9A-Fa-f]{2}){1,3}$|^(issuer-certificate|card-certificate|dynamic-signature|front)\.[a-z-]+$",
    "a tag, `9F4B` or `gpo/57`, or a part, `issuer-certificate.expiry`"
);

impl FromStr for Object {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        const WRITE: &str = "a tag, `9F4B` or `gpo/57`, or a part, `issuer-certificate.expiry`";
        if let Some((place, tag)) = text.split_once('/') {
            return Ok(Self::Tag { place: Some(place.parse()?), tag: tag.parse()? });
        }
        let Some((whole, part)) = text.split_once('.') else {
            return match text.parse() {
                Ok(tag) => Ok(Self::Tag { place: None, tag }),
                Err(_) => malformed(format!("`{text}` is not an object of a card"), WRITE),
            };
        };
        if whole == "front" {
            return match by_name(&FrontPart::ALL, part) {
                Some(part) => Ok(Self::Front(part)),
                None => malformed(format!("a card's front has no `{part}`"), "`uid`, `atqa`, `sak` or `ats`"),
            };
        }
        let Some(signed) = by_name(&Signed::ALL, whole) else {
            return malformed(format!("`{whole}` is not a part of a card"), WRITE);
        };
        match by_name(&Field::ALL, part) {
            Some(field) if signed.fields().contains(&field) => Ok(Self::Field(signed, field)),
            _ => {
                let known: Vec<_> = signed.fields().iter().map(|field| name_of(&Field::ALL, *field)).collect();
                malformed(format!("`{whole}` has no field `{part}`; it has {}", known.join(", ")), WRITE)
            }
        }
    }
}

impl fmt::Display for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tag { place: None, tag } => tag.fmt(f),
            Self::Tag { place: Some(place), tag } => write!(f, "{place}/{tag}"),
            Self::Field(signed, field) => {
                write!(f, "{}.{}", name_of(&Signed::ALL, *signed), name_of(&Field::ALL, *field))
            }
            Self::Front(part) => write!(f, "front.{}", name_of(&FrontPart::ALL, *part)),
        }
    }
}

impl FromStr for Place {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        match text {
            "ppse" => Ok(Self::Ppse),
            "fci" => Ok(Self::Fci),
            "gpo" => Ok(Self::Gpo),
            "internal-authenticate" => Ok(Self::InternalAuthenticate),
            "generate-ac" => Ok(Self::GenerateAc),
            _ => {
                let numbers = text.strip_prefix("record-").and_then(|numbers| numbers.split_once('.'));
                match numbers.map(|(sfi, number)| (sfi.parse(), number.parse())) {
                    Some((Ok(sfi), Ok(number))) => Ok(Self::Record { sfi, number }),
                    _ => malformed(
                        format!("`{text}` is not a response of a card"),
                        "`ppse`, `fci`, `gpo` or `record-2.1` (file 2, record 1)",
                    ),
                }
            }
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ppse => f.write_str("ppse"),
            Self::Fci => f.write_str("fci"),
            Self::Gpo => f.write_str("gpo"),
            Self::InternalAuthenticate => f.write_str("internal-authenticate"),
            Self::GenerateAc => f.write_str("generate-ac"),
            Self::Record { sfi, number } => write!(f, "record-{sfi}.{number}"),
        }
    }
}

impl fmt::Display for Expiring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::IssuerCertificate => "issuer's certificate",
            Self::CardCertificate => "card's certificate",
            Self::Application => "application",
        })
    }
}

impl fmt::Display for Change {
    /// The change in words, for transcripts and reports.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Set(change) => write!(f, "set {} to {}", change.object, change.value),
            Self::Replace(change) => write!(f, "replace {} by {}", change.object, change.value),
            Self::Flip(change) => write!(f, "flip bit {} of {}", change.bit, change.object),
            Self::Drop(change) => write!(f, "drop {}", change.object),
            Self::Truncate(change) => write!(f, "truncate {} to {} bytes", change.object, change.to),
            Self::Extend(change) => write!(f, "extend {} with {}", change.object, change.with),
            Self::Length(change) => write!(f, "write the length of {} as {}", change.object, change.bytes),
            Self::Duplicate(change) => write!(f, "duplicate {}", change.object),
            Self::Insert(change) => write!(f, "insert {} into {}", change.with, change.object),
            Self::Answer(change) => write!(f, "answer {} with {}", change.at, change.sw),
            Self::Respond(change) => write!(f, "respond to {} with {}", change.at, change.bytes),
            Self::Delay(change) => write!(f, "delay {} by {}", change.at, change.by),
            Self::Mute(change) => write!(f, "mute at {}", change.at),
            Self::Expire(change) => write!(f, "let the {} expire with {}", change.what, change.month),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_are_read_and_written() {
        for text in [
            "9F4B",
            "gpo/57",
            "generate-ac/9F26",
            "record-2.1/5A",
            "fci/9F38",
            "ppse/61",
            "front.ats",
            "dynamic-signature.number",
        ] {
            assert_eq!(text.parse::<Object>().unwrap().to_string(), text);
        }
        for (signed, name) in Signed::ALL {
            for field in signed.fields() {
                let text = format!("{name}.{}", name_of(&Field::ALL, *field));
                assert_eq!(text.parse::<Object>().unwrap(), Object::Field(signed, *field));
            }
        }
    }

    #[test]
    fn a_wrong_object_is_refused_with_what_there_is() {
        let refused = |text: &str| text.parse::<Object>().unwrap_err().to_string();
        assert!(refused("issuer-certificate.pan").contains("it has header, format, iin"));
        assert!(refused("issuer.expiry").contains("`issuer` is not a part"));
        assert!(refused("9F4").contains("not an object"));
        assert!(refused("record-2/57").contains("record-2.1"));
        assert!(refused("front.colour").contains("`uid`"));
    }

    #[test]
    fn a_change_reads_as_one_word_and_what_it_is_about() {
        let change: Change = serde_json::from_str(r#"{"flip":{"object":"9F4B","bit":137}}"#).unwrap();
        assert_eq!(change.to_string(), "flip bit 137 of 9F4B");
        assert!(serde_json::from_str::<Change>(r#"{"flip":{"object":"9F4B","bit":1,"by":2}}"#).is_err());
        let change: Change = serde_json::from_str(r#"{"delay":{"at":"read record 2","by":"40 ms"}}"#).unwrap();
        assert_eq!(change.to_string(), "delay read record 2 by 40 ms");
    }
}
