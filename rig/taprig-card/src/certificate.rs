//! The data that the keys sign by RSA: both certificates and the dynamic signature (EMV Book 2, tables 2, 11 and 15).

use crate::keyring::Algorithm;
use crate::rsa::{PrivateKey, SignError};
use sha1::{Digest, Sha1};
use std::collections::HashMap;
use std::sync::{LazyLock, Mutex, PoisonError};
use taprig_model::card::change::{Field, Object, Signed};

/// A change of one field, made before signing.
#[derive(Debug, Clone)]
pub(crate) struct FieldEdit {
    pub(crate) signed: Signed,
    pub(crate) field: Field,
    pub(crate) kind: FieldChange,
    /// The change in words.
    pub(crate) words: String,
}

#[derive(Debug, Clone)]
pub(crate) enum FieldChange {
    Set(Vec<u8>),
    Flip(usize),
}

/// Why signing failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SealError {
    /// A change does not fit the field.
    #[error("{words}: {problem}")]
    Edit { words: String, problem: String },
    /// The key can't sign these data.
    #[error(transparent)]
    Sign(SignError),
    /// The SM2 key can't sign these data.
    #[error("no SM2 signature came about")]
    Sm2,
}

/// Whether what a key of this algorithm signs can have such a field.
pub(crate) fn has(algorithm: Algorithm, field: Field) -> bool {
    use Field::{
        Curve, EncryptionAlgorithm, ExponentLength, Hash, HashAlgorithm, Header, Modulus, Padding, Point, Trailer,
    };
    match algorithm {
        Algorithm::Rsa => !matches!(field, EncryptionAlgorithm | Curve | Point),
        Algorithm::Sm2 => {
            !matches!(field, Header | HashAlgorithm | ExponentLength | Modulus | Padding | Hash | Trailer)
        }
    }
}

/// Applies the changes of one field.
pub(crate) fn edit(edits: &[FieldEdit], signed: Signed, field: Field, bytes: &mut Vec<u8>) -> Result<(), SealError> {
    edits.iter().filter(|edit| (edit.signed, edit.field) == (signed, field)).try_for_each(|edit| edit.apply(bytes))
}

/// A certified public key: the part in the certificate, and the part that goes beside it.
pub(crate) struct Subject<'a> {
    /// Modulus of the certified key.
    pub(crate) modulus: &'a [u8],
    /// The value of 9F32 or 9F47.
    pub(crate) exponent: &'a [u8],
    /// The value of 92 or 9F48, if a case sets it.
    pub(crate) remainder: Option<&'a [u8]>,
    /// The expiry, as MMYY.
    pub(crate) expiry: [u8; 2],
    pub(crate) serial: &'a [u8],
}

/// The part of the modulus that does not fit into the certificate: 92 or 9F48. `None` if all of it fits.
///
/// `overhead` is 36 for an issuer's certificate and 42 for a card's.
pub(crate) fn remainder(modulus: &[u8], signer: &PrivateKey, overhead: usize) -> Option<Vec<u8>> {
    let room = signer.modulus.len().saturating_sub(overhead);
    modulus.get(room..).filter(|rest| !rest.is_empty()).map(<[u8]>::to_vec)
}

/// Issuer public key certificate (90).
pub(crate) fn issuer(
    authority: &PrivateKey,
    iin: &[u8],
    subject: &Subject<'_>,
    edits: &[FieldEdit],
) -> Result<Vec<u8>, SealError> {
    let fields = certificate(0x02, (Field::Iin, iin), 36, authority, subject);
    seal(Signed::IssuerCertificate, fields, &beside(subject, authority, 36), authority, edits, memoised)
}

/// ICC public key certificate (9F46). `pan` has 10 bytes. `static_data` are the data to be signed from the records.
pub(crate) fn card(
    issuer: &PrivateKey,
    pan: &[u8],
    subject: &Subject<'_>,
    static_data: &[u8],
    edits: &[FieldEdit],
) -> Result<Vec<u8>, SealError> {
    let fields = certificate(0x04, (Field::Pan, pan), 42, issuer, subject);
    let mut tail = beside(subject, issuer, 42);
    tail.extend(static_data);
    seal(Signed::CardCertificate, fields, &tail, issuer, edits, memoised)
}

/// Signed dynamic application data (9F4B). `input` is what the reader hashes as well: 9F37, and more with version 01.
pub(crate) fn dynamic(
    key: &PrivateKey,
    number: &[u8],
    input: &[u8],
    edits: &[FieldEdit],
) -> Result<Vec<u8>, SealError> {
    let mut data = vec![low_byte(number.len())];
    data.extend(number);
    let padding = key.modulus.len().saturating_sub(25 + data.len());
    let fields = vec![
        (Field::Format, vec![0x05]),
        (Field::HashAlgorithm, vec![0x01]),
        (Field::Length, vec![low_byte(data.len())]),
        (Field::Number, data),
        (Field::Padding, vec![0xBB; padding]),
    ];
    seal(Signed::DynamicSignature, fields, input, key, edits, PrivateKey::sign)
}

/// The lengths are those of keys and numbers, and below 256.
pub(crate) fn low_byte(length: usize) -> u8 {
    length.to_le_bytes()[0]
}

fn certificate(
    format: u8,
    holder: (Field, &[u8]),
    overhead: usize,
    signer: &PrivateKey,
    subject: &Subject<'_>,
) -> Vec<(Field, Vec<u8>)> {
    let room = signer.modulus.len().saturating_sub(overhead);
    let mut modulus = subject.modulus[..subject.modulus.len().min(room)].to_vec();
    modulus.resize(room, 0xBB);
    vec![
        (Field::Format, vec![format]),
        (holder.0, holder.1.to_vec()),
        (Field::Expiry, subject.expiry.to_vec()),
        (Field::Serial, subject.serial.to_vec()),
        (Field::HashAlgorithm, vec![0x01]),
        (Field::KeyAlgorithm, vec![0x01]),
        (Field::KeyLength, vec![low_byte(subject.modulus.len())]),
        (Field::ExponentLength, vec![low_byte(subject.exponent.len())]),
        (Field::Modulus, modulus),
    ]
}

/// The data that are hashed in addition to the certificate: remainder and exponent as the card sends them.
fn beside(subject: &Subject<'_>, signer: &PrivateKey, overhead: usize) -> Vec<u8> {
    let mut tail = match subject.remainder {
        Some(remainder) => remainder.to_vec(),
        None => remainder(subject.modulus, signer, overhead).unwrap_or_default(),
    };
    tail.extend(subject.exponent);
    tail
}

/// Signs header, fields, hash and trailer. The hash covers the altered fields, so nothing but an altered field is
/// wrong.
fn seal(
    signed: Signed,
    mut fields: Vec<(Field, Vec<u8>)>,
    tail: &[u8],
    key: &PrivateKey,
    edits: &[FieldEdit],
    sign: impl Fn(&PrivateKey, &[u8]) -> Result<Vec<u8>, SignError>,
) -> Result<Vec<u8>, SealError> {
    let edit = |field: Field, bytes: &mut Vec<u8>| edit(edits, signed, field, bytes);
    let mut header = vec![0x6A];
    let mut trailer = vec![0xBC];
    edit(Field::Header, &mut header)?;
    edit(Field::Trailer, &mut trailer)?;
    for (field, bytes) in &mut fields {
        edit(*field, bytes)?;
    }
    let mut block = header;
    block.extend(fields.into_iter().flat_map(|(_, bytes)| bytes));
    let mut sha1 = Sha1::new();
    sha1.update(&block[1..]);
    sha1.update(tail);
    let mut hash = sha1.finalize().to_vec();
    edit(Field::Hash, &mut hash)?;
    block.extend(hash);
    block.extend(trailer);
    sign(key, &block).map_err(|error| match edits.iter().find(|edit| edit.signed == signed) {
        Some(edit) => SealError::Edit { words: edit.words.clone(), problem: error.to_string() },
        None => SealError::Sign(error),
    })
}

impl FieldEdit {
    fn apply(&self, bytes: &mut Vec<u8>) -> Result<(), SealError> {
        let problem = match &self.kind {
            FieldChange::Set(value) if value.len() == bytes.len() => {
                bytes.clone_from(value);
                return Ok(());
            }
            FieldChange::Set(value) => {
                format!("the value has {} bytes, the field has {}", value.len(), bytes.len())
            }
            FieldChange::Flip(bit) => match bytes.get_mut(bit / 8) {
                Some(byte) => {
                    *byte ^= 0x80 >> (bit % 8);
                    return Ok(());
                }
                None => {
                    let object = Object::Field(self.signed, self.field);
                    format!("{object} has bits 0 to {} only", (bytes.len() * 8).saturating_sub(1))
                }
            },
        };
        Err(SealError::Edit { words: self.words.clone(), problem })
    }
}

/// Signs, or returns an earlier signature. The cards of a thousand cases share a few certificates, and making one costs
/// as much as the rest of a case's start.
fn memoised(key: &PrivateKey, block: &[u8]) -> Result<Vec<u8>, SignError> {
    /// The cache takes about 2 MB.
    const MOST: usize = 4096;
    static MEMO: LazyLock<Mutex<HashMap<[u8; 20], Vec<u8>>>> = LazyLock::new(Mutex::default);
    let mut hash = Sha1::new();
    hash.update(&key.modulus);
    hash.update(block);
    let name: [u8; 20] = hash.finalize().into();
    let memo = || MEMO.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = memo().get(&name) {
        return Ok(known.clone());
    }
    let signature = key.sign(block)?;
    let mut memo = memo();
    if memo.len() >= MOST {
        memo.clear();
    }
    memo.insert(name, signature.clone());
    Ok(signature)
}
