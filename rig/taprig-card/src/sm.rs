//! The data that the keys sign by SM2: both certificates and the dynamic signature (JR/T 0025.17). Each object is the plain
//! message with its signature after it. We know the layouts from one public description.

use crate::certificate::{FieldEdit, SealError, edit, low_byte};
use crate::sm2::Sm2Key;
use taprig_model::card::change::{Field, Signed};

/// A certified public key.
pub(crate) struct Subject<'a> {
    /// The certified key: X and Y.
    pub(crate) point: &'a [u8; 64],
    /// The expiry, as MMYY.
    pub(crate) expiry: [u8; 2],
    pub(crate) serial: &'a [u8],
}

/// Issuer public key certificate (90).
pub(crate) fn issuer(
    authority: &Sm2Key,
    iin: &[u8],
    subject: &Subject<'_>,
    edits: &[FieldEdit],
) -> Result<Vec<u8>, SealError> {
    seal(Signed::IssuerCertificate, certificate(0x12, (Field::Iin, iin), subject), &[], authority, edits)
}

/// ICC public key certificate (9F46). `pan` has 10 bytes. `static_data` are the data to be signed from the records.
pub(crate) fn card(
    issuer: &Sm2Key,
    pan: &[u8],
    subject: &Subject<'_>,
    static_data: &[u8],
    edits: &[FieldEdit],
) -> Result<Vec<u8>, SealError> {
    seal(Signed::CardCertificate, certificate(0x14, (Field::Pan, pan), subject), static_data, issuer, edits)
}

/// Signed dynamic application data (9F4B). `input` is what the reader checks as well: 9F37, and more with version 01.
pub(crate) fn dynamic(key: &Sm2Key, number: &[u8], input: &[u8], edits: &[FieldEdit]) -> Result<Vec<u8>, SealError> {
    let mut data = vec![low_byte(number.len())];
    data.extend(number);
    let fields = vec![(Field::Format, vec![0x15]), (Field::Length, vec![low_byte(data.len())]), (Field::Number, data)];
    seal(Signed::DynamicSignature, fields, input, key, edits)
}

fn certificate(format: u8, holder: (Field, &[u8]), subject: &Subject<'_>) -> Vec<(Field, Vec<u8>)> {
    vec![
        (Field::Format, vec![format]),
        (holder.0, holder.1.to_vec()),
        (Field::Expiry, subject.expiry.to_vec()),
        (Field::Serial, subject.serial.to_vec()),
        (Field::KeyAlgorithm, vec![0x04]),
        (Field::EncryptionAlgorithm, vec![0x00]),
        (Field::Curve, vec![0x11]),
        (Field::KeyLength, vec![0x40]),
        (Field::Point, subject.point.to_vec()),
    ]
}

/// The message with its signature, which also covers `more`.
fn seal(
    signed: Signed,
    mut fields: Vec<(Field, Vec<u8>)>,
    more: &[u8],
    key: &Sm2Key,
    edits: &[FieldEdit],
) -> Result<Vec<u8>, SealError> {
    for (field, bytes) in &mut fields {
        edit(edits, signed, *field, bytes)?;
    }
    let mut sealed: Vec<u8> = fields.into_iter().flat_map(|(_, bytes)| bytes).collect();
    let signature = key.sign(&[sealed.as_slice(), more].concat()).ok_or(SealError::Sm2)?;
    sealed.extend(signature);
    Ok(sealed)
}
