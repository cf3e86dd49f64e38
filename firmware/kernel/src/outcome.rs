//! How a transaction ends (EMV Contactless Book A, outcomes and user interface requests).

use heapless::Vec;

use crate::{Aid, Ctq, Date, DateTime, LinkError, Oda, OdaFailure, Pan, Product, Ttq, tlv::Tag};

/// How a transaction ended, and everything that is known of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// What is to be done.
    pub kind: OutcomeKind,
    /// Why.
    pub reason: Reason,
    /// What to show at the end, in order. Empty when the device around decides (online request).
    pub ui: Vec<UiRequest, 2>,
    /// Cardholder verification to be carried out.
    pub cvm: Cvm,
    /// The field must be switched off before the card is asked again.
    pub field_off: bool,
    /// The card's and the reader's data, from the moment the card answered GET PROCESSING OPTIONS well.
    pub ride: Option<Ride>,
}

/// What is to be done (Book A).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutcomeKind {
    /// Given. With ODA for online the claim is still to be sent.
    Approved,
    /// The issuer is to be asked.
    OnlineRequest,
    /// Refused.
    Declined,
    /// The card must be inserted or swiped.
    TryAnotherInterface,
    /// The transaction is over.
    EndApplication,
    /// The next application of the card is to be tried. `run` does that itself; no outcome leaves it so.
    SelectNext,
    /// The card must be presented again.
    TryAgain,
}

impl OutcomeKind {
    /// Lower case with hyphens.
    #[must_use]
    pub const fn slug(self) -> &'static str {
        match self {
            Self::Approved => "approved",
            Self::OnlineRequest => "online-request",
            Self::Declined => "declined",
            Self::TryAnotherInterface => "try-another-interface",
            Self::EndApplication => "end-application",
            Self::SelectNext => "select-next",
            Self::TryAgain => "try-again",
        }
    }
}

/// Why a transaction ended as it did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// Offline approval of the card, signature good.
    OfflineApproved,
    /// Ride given by ODA for online; the claim is to be sent.
    OdaApproved,
    /// The card deducted the fare at a tap whose end was lost, and is authenticated now. It was not asked to pay again.
    AlreadyPaid,
    /// The card asks for online authorisation.
    OnlineRequested,
    /// The card failed ODA and its qualifiers ask for online authorisation then.
    OdaFailedOnline(OdaFailure),
    /// The card has expired and its qualifiers ask for online authorisation then.
    ExpiredOnline,
    /// Pre-processing: an amount of zero is not allowed.
    ZeroAmount,
    /// Pre-processing: amount at or above the contactless transaction limit.
    TransactionLimit,
    /// No answer, or a broken one, to SELECT PPSE.
    LinkPpse(LinkError),
    /// No answer, or a broken one, to the final SELECT.
    LinkSelect(LinkError),
    /// No answer, or a broken one, to GET PROCESSING OPTIONS.
    LinkGpo(LinkError),
    /// No answer, or a broken one, to a READ RECORD.
    LinkRecord(LinkError),
    /// No answer, or a broken one, to GET DATA for the balance.
    LinkBalance(LinkError),
    /// No answer, or a broken one, to the last READ RECORD: a card with a balance may have deducted.
    LinkLastRecord(LinkError),
    /// The card refused the PPSE with this status.
    PpseStatus(u16),
    /// The PPSE's answer is malformed.
    PpseMalformed,
    /// The card has no application that the reader knows, or none is left.
    NoApplication,
    /// The last application left: its PDOL is missing, malformed, or does not ask for 9F66.
    Pdol,
    /// The card wants its holder to look at the phone (GET PROCESSING OPTIONS, status 6986).
    SeePhone,
    /// GET PROCESSING OPTIONS was refused with this status.
    GpoStatus(u16),
    /// The answer to GET PROCESSING OPTIONS is malformed.
    GpoMalformed,
    /// READ RECORD was refused with this status.
    RecordStatus(u16),
    /// No answer, or a broken one, to INTERNAL AUTHENTICATE or GENERATE AC (standard flow).
    LinkStandard(LinkError),
    /// GENERATE AC was refused with this status (standard flow).
    CryptogramStatus(u16),
    /// A record is malformed.
    RecordMalformed,
    /// A mandatory object is missing: this tag.
    Missing(Tag),
    /// An object's length or contents are impossible: this tag.
    Invalid(Tag),
    /// An object came twice: this tag.
    Duplicate(Tag),
    /// The card sent more than the reader can hold.
    TooMuchData,
    /// The card declines (AAC).
    CardDeclined,
    /// The card has expired.
    Expired,
    /// The card has no readable date of expiry.
    ExpiryMissing,
    /// The card is on the deny list.
    Denied,
    /// A cardholder verification is needed that can't be had.
    CvmFailed,
    /// The card asks for online authorisation and the reader can't.
    OnlineImpossible,
    /// Offline data authentication failed.
    Oda(OdaFailure),
    /// The card did not give an ARQC where ODA for online needs one.
    NotArqc,
    /// The card was never used online (transaction counter 0).
    NeverOnline,
    /// The merchant takes no fare of zero.
    FareZero,
    /// The fare is above the merchant's maximum.
    FareAboveMaximum,
    /// The journal is nearly full.
    JournalFull,
    /// The device could not note that the card is about to pay.
    JournalWrite,
    /// The merchant takes no debit cards.
    DebitBarred,
    /// The card has just paid for a ride.
    Retap,
    /// This card has to pay another amount than the one that it signed.
    FareDiffers,
}

impl Reason {
    /// Lower case with hyphens, one word for one reason; the failed check for a failed authentication.
    #[must_use]
    pub const fn slug(self) -> &'static str {
        match self {
            Self::OfflineApproved => "offline-approved",
            Self::OdaApproved => "oda-approved",
            Self::AlreadyPaid => "already-paid",
            Self::OnlineRequested => "online-requested",
            Self::OdaFailedOnline(_) => "oda-failed-online",
            Self::ExpiredOnline => "expired-online",
            Self::ZeroAmount => "zero-amount",
            Self::TransactionLimit => "transaction-limit",
            Self::LinkPpse(_) => "link-ppse",
            Self::LinkSelect(_) => "link-select",
            Self::LinkGpo(_) => "link-gpo",
            Self::LinkRecord(_) => "link-record",
            Self::LinkBalance(_) => "link-balance",
            Self::LinkLastRecord(_) => "link-last-record",
            Self::PpseStatus(_) => "ppse-status",
            Self::PpseMalformed => "ppse-malformed",
            Self::NoApplication => "no-application",
            Self::Pdol => "pdol",
            Self::SeePhone => "see-phone",
            Self::GpoStatus(_) => "gpo-status",
            Self::GpoMalformed => "gpo-malformed",
            Self::RecordStatus(_) => "record-status",
            Self::LinkStandard(_) => "link-standard",
            Self::CryptogramStatus(_) => "cryptogram-status",
            Self::RecordMalformed => "record-malformed",
            Self::Missing(_) => "data-missing",
            Self::Invalid(_) => "data-invalid",
            Self::Duplicate(_) => "data-duplicate",
            Self::TooMuchData => "too-much-data",
            Self::CardDeclined => "card-declined",
            Self::Expired => "expired",
            Self::ExpiryMissing => "expiry-missing",
            Self::Denied => "denied",
            Self::CvmFailed => "cvm-failed",
            Self::OnlineImpossible => "online-impossible",
            Self::Oda(failure) => failure.slug(),
            Self::NotArqc => "not-arqc",
            Self::NeverOnline => "never-online",
            Self::FareZero => "fare-zero",
            Self::FareAboveMaximum => "fare-above-maximum",
            Self::JournalFull => "journal-full",
            Self::JournalWrite => "journal-write",
            Self::DebitBarred => "debit-barred",
            Self::Retap => "retap",
            Self::FareDiffers => "fare-differs",
        }
    }
}

/// Type of the application cryptogram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cryptogram {
    /// Declined by the card.
    Aac,
    /// Approved offline by the card.
    Tc,
    /// Online authorisation asked for.
    Arqc,
}

impl Cryptogram {
    /// Lower case.
    #[must_use]
    pub const fn slug(self) -> &'static str {
        match self {
            Self::Aac => "aac",
            Self::Tc => "tc",
            Self::Arqc => "arqc",
        }
    }
}

/// Cardholder verification.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Cvm {
    /// None.
    #[default]
    None,
    /// Online PIN.
    OnlinePin,
    /// Signature.
    Signature,
    /// Done on the holder's device.
    Device,
}

impl Cvm {
    /// Lower case with hyphens.
    #[must_use]
    pub const fn slug(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::OnlinePin => "online-pin",
            Self::Signature => "signature",
            Self::Device => "device",
        }
    }
}

/// Message identifiers of EMV Contactless Book A; the number is the identifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum MessageId {
    /// Approved.
    Approved = 0x03,
    /// Not authorised.
    NotAuthorised = 0x07,
    /// Processing error.
    ProcessingError = 0x0F,
    /// Remove card.
    RemoveCard = 0x10,
    /// Welcome.
    Welcome = 0x14,
    /// Present card.
    PresentCard = 0x15,
    /// Processing.
    Processing = 0x16,
    /// Card read well, remove card.
    CardReadOk = 0x17,
    /// Present one card only.
    PresentOneCard = 0x19,
    /// Authorising, please wait.
    Authorising = 0x1B,
    /// Insert, swipe or try another card.
    OtherCard = 0x1C,
    /// See phone for instructions.
    SeePhone = 0x20,
    /// Present card again.
    PresentAgain = 0x21,
}

impl MessageId {
    /// The identifier.
    #[must_use]
    pub const fn id(self) -> u8 {
        self as u8
    }
}

/// Status that goes with a message; the number is the identifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Status {
    /// Card read successfully.
    CardRead = 0x00,
    /// Processing error.
    ProcessingError = 0x01,
    /// Ready to read.
    ReadyToRead = 0x02,
    /// Not ready.
    NotReady = 0x03,
}

/// Something to be shown or sounded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UiRequest {
    /// What to show.
    pub message: MessageId,
    /// State to signal with it.
    pub status: Status,
}

/// The data of a transaction, as they really happened: what a record, an upload (data element 55) or an event
/// needs. Amounts are in the minor unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ride {
    /// Application selected.
    pub aid: Aid,
    /// Account kind, by the AID.
    pub product: Product,
    /// Account number: tag 5A, else track 2.
    pub pan: Option<Pan>,
    /// Sequence number of the account, tag 5F34, as a decimal number.
    pub psn: Option<u8>,
    /// Date of expiry, tag 5F24.
    pub expiry: Option<Date>,
    /// Track 2 equivalent data, tag 57.
    pub track2: Vec<u8, 19>,
    /// Application transaction counter, tag 9F36.
    pub atc: u16,
    /// Application cryptogram, tag 9F26.
    pub cryptogram: [u8; 8],
    /// Type of the cryptogram.
    pub cryptogram_type: Cryptogram,
    /// Cryptogram information data, tag 9F27; from 9F10 when the card sends none.
    pub cid: u8,
    /// Issuer application data, tag 9F10.
    pub iad: Vec<u8, 32>,
    /// Application interchange profile, tag 82.
    pub aip: [u8; 2],
    /// Terminal verification results, tag 95, of what the reader found. The card saw zeros in its PDOL.
    pub tvr: [u8; 5],
    /// Unpredictable number, tag 9F37.
    pub unpredictable_number: [u8; 4],
    /// Amount authorised, tag 9F02.
    pub amount: u32,
    /// Date and time, tags 9A and 9F21.
    pub time: DateTime,
    /// Country of the terminal, tag 9F1A.
    pub country: u16,
    /// Currency, tag 5F2A.
    pub currency: u16,
    /// Transaction type, tag 9C.
    pub transaction_type: u8,
    /// Terminal transaction qualifiers as sent.
    pub ttq: Ttq,
    /// Card transaction qualifiers, tag 9F6C.
    pub ctq: Option<Ctq>,
    /// DF61 of the FCI says that the card knows ODA for online authorisation.
    pub new_card: bool,
    /// Result of offline data authentication.
    pub oda: Oda,
    /// Available offline balance, tag 9F5D or 9F79.
    pub balance: Option<u64>,
}
