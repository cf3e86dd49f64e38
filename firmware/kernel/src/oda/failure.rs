//! What can be wrong with a card's proof.

use crate::tlv::Tag;

/// The check that failed, in the order of the checks (EMV Book 2 chapters 5 and 6, Book C-7). Where two values are
/// given, the first is that of RSA and the second that of SM2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OdaFailure {
    /// The interchange profile says that the card can't do it.
    NotSupported,
    /// An object is missing without which nothing can be checked: this tag.
    Missing(Tag),
    /// The reader has no key of that provider and index.
    CaKey,
    /// The tag list 9F4A names something other than the interchange profile.
    TagList,
    /// Issuer certificate: not as long as the authority's modulus, or not 142 bytes.
    IssuerLength,
    /// Issuer certificate: trailer is not BC.
    IssuerTrailer,
    /// Issuer certificate: header is not 6A.
    IssuerHeader,
    /// Issuer certificate: format is not 02, or not 12.
    IssuerFormat,
    /// Issuer certificate: hash algorithm is not SHA-1.
    IssuerHashAlgorithm,
    /// Issuer certificate: hash differs.
    IssuerHash,
    /// Issuer certificate (SM2): not signed by the authority.
    IssuerSignature,
    /// Issuer certificate: its identifier is not the beginning of the account number.
    IssuerIdentifier,
    /// Issuer certificate: expired, or its date is none.
    IssuerExpired,
    /// Issuer certificate: on the revocation list.
    IssuerRevoked,
    /// Issuer certificate: key algorithm is not RSA, or not SM2.
    IssuerKeyAlgorithm,
    /// Issuer key: longer than the authority's or shorter than 1024 bits, a bad exponent, or the remainder is
    /// missing or of the wrong length. SM2: another curve, not 64 bytes, or no point of the curve.
    IssuerKey,
    /// Card certificate: not as long as the issuer's modulus, or not 148 bytes.
    CardLength,
    /// Card certificate: trailer is not BC.
    CardTrailer,
    /// Card certificate: header is not 6A.
    CardHeader,
    /// Card certificate: format is not 04, or not 14.
    CardFormat,
    /// Card certificate: hash algorithm is not SHA-1.
    CardHashAlgorithm,
    /// Card certificate: hash differs, so the certificate or the static data were altered.
    CardHash,
    /// Card certificate (SM2): not signed by the issuer, so the certificate or the static data were altered.
    CardSignature,
    /// Card certificate: of another account number.
    CardPan,
    /// Card certificate: expired, or its date is none.
    CardExpired,
    /// Card certificate: key algorithm is not RSA, or not SM2.
    CardKeyAlgorithm,
    /// Card key: longer than the issuer's or shorter than 1024 bits, a bad exponent, or the remainder is missing
    /// or of the wrong length. SM2: another curve, not 64 bytes, or no point of the curve.
    CardKey,
    /// Card authentication related data 9F69: not 8 to 16 bytes, or an fDDA version above 01.
    AuthenticationData,
    /// The application's version or the card's data require fDDA version 01, and the card signed version 00.
    Version,
    /// Dynamic signature: not as long as the card's modulus, or as its own dynamic data ask for.
    SignatureLength,
    /// Dynamic signature: trailer is not BC.
    SignatureTrailer,
    /// Dynamic signature: header is not 6A.
    SignatureHeader,
    /// Dynamic signature: format is not 05, or not 15.
    SignatureFormat,
    /// Dynamic signature: hash algorithm is not SHA-1.
    SignatureHashAlgorithm,
    /// Dynamic signature: length of the card's dynamic data is impossible.
    SignatureDynamicData,
    /// Dynamic signature: hash differs.
    SignatureHash,
    /// Dynamic signature (SM2): not the card's signature over this transaction.
    SignatureWrong,
}

impl OdaFailure {
    /// Short name for logs, lower case with hyphens.
    #[must_use]
    pub const fn slug(self) -> &'static str {
        match self {
            Self::NotSupported => "oda-not-supported",
            Self::Missing(_) => "oda-data-missing",
            Self::CaKey => "oda-ca-key-unknown",
            Self::TagList => "oda-tag-list",
            Self::IssuerLength => "oda-issuer-length",
            Self::IssuerTrailer => "oda-issuer-trailer",
            Self::IssuerHeader => "oda-issuer-header",
            Self::IssuerFormat => "oda-issuer-format",
            Self::IssuerHashAlgorithm => "oda-issuer-hash-algorithm",
            Self::IssuerHash => "oda-issuer-hash",
            Self::IssuerSignature => "oda-issuer-signature",
            Self::IssuerIdentifier => "oda-issuer-identifier",
            Self::IssuerExpired => "oda-issuer-expired",
            Self::IssuerRevoked => "oda-issuer-revoked",
            Self::IssuerKeyAlgorithm => "oda-issuer-key-algorithm",
            Self::IssuerKey => "oda-issuer-key",
            Self::CardLength => "oda-card-length",
            Self::CardTrailer => "oda-card-trailer",
            Self::CardHeader => "oda-card-header",
            Self::CardFormat => "oda-card-format",
            Self::CardHashAlgorithm => "oda-card-hash-algorithm",
            Self::CardHash => "oda-card-hash",
            Self::CardSignature => "oda-card-signature",
            Self::CardPan => "oda-card-pan",
            Self::CardExpired => "oda-card-expired",
            Self::CardKeyAlgorithm => "oda-card-key-algorithm",
            Self::CardKey => "oda-card-key",
            Self::AuthenticationData => "oda-authentication-data",
            Self::Version => "oda-version",
            Self::SignatureLength => "oda-signature-length",
            Self::SignatureTrailer => "oda-signature-trailer",
            Self::SignatureHeader => "oda-signature-header",
            Self::SignatureFormat => "oda-signature-format",
            Self::SignatureHashAlgorithm => "oda-signature-hash-algorithm",
            Self::SignatureDynamicData => "oda-signature-dynamic-data",
            Self::SignatureHash => "oda-signature-hash",
            Self::SignatureWrong => "oda-signature-wrong",
        }
    }
}
