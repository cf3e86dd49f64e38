//! Names and formats of the data objects that cards and terminals of this field use.
//!
//! Sources: EMV Book 3 annex A, EMV Contactless Book C-7 annex A, and the public tag lists of JR/T 0025 parts 5 and 12.

/// A data object of the dictionary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// Tag, such as `0x9F26`.
    pub tag: u32,
    /// Name of the object.
    pub name: &'static str,
    /// Format of the value.
    pub format: Format,
}

/// Format of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// A template, which contains other objects.
    Template,
    /// Any bytes.
    Bytes,
    /// Text of the common character set.
    Text,
    /// Application identifier, or another DF name.
    Name,
    /// Primary account number in BCD, padded with F.
    Pan,
    /// Track 2 equivalent: PAN, D, YYMM, service code, discretionary data.
    Track2,
    /// YYMMDD.
    Date,
    /// Twelve digits in the smallest unit of the currency.
    Amount,
    /// A number in BCD.
    Number,
    /// A number in binary.
    Counter,
    /// Tags and lengths.
    List,
    /// Application file locator.
    Locator,
    /// Bits with a meaning of their own.
    Bits(Field),
    /// Issuer application data of UnionPay.
    IssuerData,
    /// Card authentication related data (9F69).
    CardAuthentication,
    /// Public key certificate.
    Certificate,
    /// Signature.
    Signature,
    /// The part of a public key that does not fit into its certificate.
    Remainder,
    /// Application cryptogram.
    Cryptogram,
    /// A random number.
    Random,
    /// Date or time of the transaction.
    Moment,
}

/// A field of bits, see [`crate::decode::bits`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    /// Application interchange profile.
    Aip,
    /// Terminal transaction qualifiers.
    Ttq,
    /// Card transaction qualifiers.
    Ctq,
    /// Terminal verification results.
    Tvr,
    /// Card verification results.
    Cvr,
    /// Capabilities of a bus card (DF61).
    Transit,
}

const fn entry(tag: u32, name: &'static str, format: Format) -> Entry {
    Entry { tag, name, format }
}

/// The entries in the order of their tags, for a binary search.
static DICTIONARY: &[Entry] = {
    use Format::*;
    &[
        entry(0x42, "issuer identification number", Bytes),
        entry(0x4F, "application id", Name),
        entry(0x50, "label", Text),
        entry(0x57, "track 2", Track2),
        entry(0x5A, "PAN", Pan),
        entry(0x61, "directory entry", Template),
        entry(0x6F, "FCI", Template),
        entry(0x70, "record", Template),
        entry(0x77, "response", Template),
        entry(0x80, "response without tags", Bytes),
        entry(0x82, "AIP", Bits(Field::Aip)),
        entry(0x83, "command data", Bytes),
        entry(0x84, "DF name", Name),
        entry(0x87, "priority", Bytes),
        entry(0x88, "SFI", Bytes),
        entry(0x8A, "response code", Text),
        entry(0x8C, "CDOL1", List),
        entry(0x8D, "CDOL2", List),
        entry(0x8E, "CVM list", Bytes),
        entry(0x8F, "CA key index", Bytes),
        entry(0x90, "issuer certificate", Certificate),
        entry(0x92, "issuer key remainder", Remainder),
        entry(0x93, "signed static data", Signature),
        entry(0x94, "AFL", Locator),
        entry(0x95, "TVR", Bits(Field::Tvr)),
        entry(0x9A, "transaction date", Moment),
        entry(0x9C, "transaction type", Bytes),
        entry(0xA5, "FCI proprietary", Template),
        entry(0x5F20, "cardholder", Text),
        entry(0x5F24, "expiry", Date),
        entry(0x5F25, "effective", Date),
        entry(0x5F28, "issuer country", Number),
        entry(0x5F2A, "currency", Number),
        entry(0x5F2D, "language", Text),
        entry(0x5F30, "service code", Number),
        entry(0x5F34, "PAN sequence number", Bytes),
        entry(0x9F01, "acquirer", Bytes),
        entry(0x9F02, "amount", Amount),
        entry(0x9F03, "other amount", Amount),
        entry(0x9F06, "application id (terminal)", Name),
        entry(0x9F07, "usage control", Bytes),
        entry(0x9F08, "application version", Bytes),
        entry(0x9F0D, "issuer action default", Bytes),
        entry(0x9F0E, "issuer action denial", Bytes),
        entry(0x9F0F, "issuer action online", Bytes),
        entry(0x9F10, "issuer application data", IssuerData),
        entry(0x9F11, "issuer code table", Bytes),
        entry(0x9F12, "preferred name", Text),
        entry(0x9F13, "last online ATC", Counter),
        entry(0x9F14, "consecutive offline limit", Bytes),
        entry(0x9F1A, "terminal country", Number),
        entry(0x9F1E, "device serial", Text),
        entry(0x9F1F, "track 1 discretionary", Text),
        entry(0x9F21, "transaction time", Moment),
        entry(0x9F26, "cryptogram", Cryptogram),
        entry(0x9F27, "cryptogram information", Bytes),
        entry(0x9F2A, "kernel", Bytes),
        entry(0x9F32, "issuer exponent", Bytes),
        entry(0x9F33, "terminal capabilities", Bytes),
        entry(0x9F35, "terminal type", Bytes),
        entry(0x9F36, "ATC", Counter),
        entry(0x9F37, "unpredictable number", Random),
        entry(0x9F38, "PDOL", List),
        entry(0x9F46, "ICC certificate", Certificate),
        entry(0x9F47, "ICC exponent", Bytes),
        entry(0x9F48, "ICC key remainder", Remainder),
        entry(0x9F4A, "static data tags", Bytes),
        entry(0x9F4B, "SDAD", Signature),
        entry(0x9F4D, "log entry", Bytes),
        entry(0x9F4E, "merchant", Text),
        entry(0x9F51, "application currency", Number),
        entry(0x9F5A, "application programme id", Bytes),
        entry(0x9F5D, "available offline", Amount),
        entry(0x9F63, "product", Bytes),
        entry(0x9F66, "TTQ", Bits(Field::Ttq)),
        entry(0x9F69, "card authentication data", CardAuthentication),
        entry(0x9F6B, "track 2 (card)", Track2),
        entry(0x9F6C, "CTQ", Bits(Field::Ctq)),
        entry(0x9F6D, "e-cash reset threshold", Amount),
        entry(0x9F74, "e-cash authorisation code", Text),
        entry(0x9F77, "e-cash limit", Amount),
        entry(0x9F78, "e-cash single limit", Amount),
        entry(0x9F79, "e-cash balance", Amount),
        entry(0x9F7A, "e-cash indicator", Bytes),
        entry(0xBF0C, "FCI discretionary", Template),
        entry(0xDF11, "issuer log", Bytes),
        entry(0xDF60, "CAPP indicator", Bytes),
        entry(0xDF61, "transit capability", Bits(Field::Transit)),
        entry(0xDF62, "segment fare", Bytes),
        entry(0xDF63, "offline pre-authorisation", Bytes),
        entry(0xDF69, "SM algorithm indicator", Bytes),
    ]
};

/// The dictionary's entry for a tag.
pub fn lookup(tag: u32) -> Option<&'static Entry> {
    DICTIONARY.binary_search_by_key(&tag, |entry| entry.tag).ok().map(|place| &DICTIONARY[place])
}

/// Name of a tag, or `unknown` if the dictionary does not contain it.
pub fn name(tag: u32) -> &'static str {
    lookup(tag).map_or("unknown", |entry| entry.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_ascend() {
        assert!(DICTIONARY.is_sorted_by(|a, b| a.tag < b.tag));
    }

    #[test]
    fn templates_are_tags_of_templates() {
        for entry in DICTIONARY {
            let first = entry.tag.to_be_bytes().into_iter().find(|&byte| byte != 0).unwrap();
            assert_eq!(first & 0x20 != 0, entry.format == Format::Template, "{:X}", entry.tag);
        }
    }
}
