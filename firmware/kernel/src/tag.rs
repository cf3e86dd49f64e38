//! Tags of EMV Book 3 annex A, EMV Contactless and UnionPay that the reader knows by name.

use crate::tlv::Tag;

macro_rules! tags {
    ($($(#[$doc:meta])* $name:ident = $value:literal;)*) => {
        $($(#[$doc])* pub const $name: Tag = $value;)*
    };
}

tags! {
    /// ADF name.
    ADF_NAME = 0x4F;
    /// Track 2 equivalent data.
    TRACK_2 = 0x57;
    /// Account number.
    PAN = 0x5A;
    /// Directory entry.
    DIRECTORY_ENTRY = 0x61;
    /// File control information.
    FCI = 0x6F;
    /// Record.
    RECORD = 0x70;
    /// Response in format 2.
    RESPONSE = 0x77;
    /// Interchange profile.
    AIP = 0x82;
    /// Name of the file selected.
    DF_NAME = 0x84;
    /// Application priority indicator.
    PRIORITY = 0x87;
    /// What the card wants to be told with the first GENERATE AC.
    CDOL1 = 0x8C;
    /// Index of the authority's key.
    CA_KEY_INDEX = 0x8F;
    /// Issuer certificate.
    ISSUER_CERTIFICATE = 0x90;
    /// Rest of the issuer's modulus.
    ISSUER_REMAINDER = 0x92;
    /// Application file locator.
    AFL = 0x94;
    /// Terminal verification results.
    TVR = 0x95;
    /// Transaction date.
    DATE = 0x9A;
    /// Transaction type.
    TRANSACTION_TYPE = 0x9C;
    /// Proprietary part of the file control information.
    FCI_PROPRIETARY = 0xA5;
    /// Date of expiry.
    EXPIRY = 0x5F24;
    /// Transaction currency.
    CURRENCY = 0x5F2A;
    /// Sequence number of the account.
    PSN = 0x5F34;
    /// Amount authorised.
    AMOUNT = 0x9F02;
    /// Amount other.
    AMOUNT_OTHER = 0x9F03;
    /// Application version of the card.
    CARD_VERSION = 0x9F08;
    /// Issuer application data.
    IAD = 0x9F10;
    /// Merchant identifier.
    MERCHANT = 0x9F16;
    /// Terminal country.
    COUNTRY = 0x9F1A;
    /// Terminal identification.
    TERMINAL = 0x9F1C;
    /// Transaction time.
    TIME = 0x9F21;
    /// Application cryptogram.
    CRYPTOGRAM = 0x9F26;
    /// Cryptogram information data.
    CID = 0x9F27;
    /// Kernel identifier.
    KERNEL = 0x9F2A;
    /// Issuer's exponent.
    ISSUER_EXPONENT = 0x9F32;
    /// Terminal capabilities.
    CAPABILITIES = 0x9F33;
    /// Terminal type.
    TERMINAL_TYPE = 0x9F35;
    /// Application transaction counter.
    ATC = 0x9F36;
    /// Unpredictable number.
    UNPREDICTABLE_NUMBER = 0x9F37;
    /// Processing options data object list.
    PDOL = 0x9F38;
    /// Card certificate.
    CARD_CERTIFICATE = 0x9F46;
    /// Card's exponent.
    CARD_EXPONENT = 0x9F47;
    /// Rest of the card's modulus.
    CARD_REMAINDER = 0x9F48;
    /// Dynamic data authentication data object list.
    DDOL = 0x9F49;
    /// Static data authentication tag list.
    SDA_TAG_LIST = 0x9F4A;
    /// Signed dynamic application data.
    SDAD = 0x9F4B;
    /// Available offline spending amount.
    AVAILABLE = 0x9F5D;
    /// Terminal transaction qualifiers.
    TTQ = 0x9F66;
    /// Card authentication related data.
    AUTHENTICATION_DATA = 0x9F69;
    /// Card transaction qualifiers.
    CTQ = 0x9F6C;
    /// Issuer's authorisation code of electronic cash, in the last record.
    PURSE_AUTHORISATION = 0x9F74;
    /// Electronic cash balance.
    BALANCE = 0x9F79;
    /// Issuer discretionary data of the file control information.
    FCI_DISCRETIONARY = 0xBF0C;
    /// UnionPay: extended application indicator; byte 1 b7 is ODA for online authorisation.
    EXTENDED_INDICATOR = 0xDF61;
    /// SM algorithm indicator: 01 where the reader asks the card for SM2.
    SM_INDICATOR = 0xDF69;
}
