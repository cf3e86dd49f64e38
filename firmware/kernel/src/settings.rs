//! What is set in the reader, and what one transaction brings.

use crate::{DateTime, Ttq};

/// How the reader takes money.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Offline approval by the card (TC); the reader never goes online.
    Offline,
    /// Offline data authentication for online authorisation: the ride is given at once, the ARQC is sent later
    /// (UnionPay's rule for buses).
    BusOda,
    /// The ARQC is sent while the card holder waits.
    Online,
}

/// Configuration of the reader. Amounts are in fen, the minor unit of [`currency`](Self::currency).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// How the reader takes money.
    pub mode: Mode,
    /// Reader contactless transaction limit: an amount at or above it is not allowed.
    pub transaction_limit: Option<u32>,
    /// Reader contactless floor limit: an amount above it needs an online cryptogram.
    pub floor_limit: Option<u32>,
    /// Reader CVM required limit: an amount at or above it needs a cardholder verification.
    pub cvm_limit: Option<u32>,
    /// A transaction over nothing is allowed.
    pub zero_amount_allowed: bool,
    /// An amount of one unit of currency (100 fen) is a status check, which needs an online cryptogram.
    pub status_check: bool,
    /// Terminal transaction qualifiers to use in place of the mode's.
    pub ttq: Option<Ttq>,
    /// Highest fare that the merchant takes; a higher one is refused, the same one not.
    pub merchant_maximum: u32,
    /// Debit cards are taken.
    pub debit_allowed: bool,
    /// Country of the terminal, ISO 3166-1 numeric, tag 9F1A.
    pub country: u16,
    /// Currency of the transaction, ISO 4217 numeric, tag 5F2A.
    pub currency: u16,
    /// Terminal type, tag 9F35: 26 is unattended, offline only, of a merchant; 25 also online.
    pub terminal_type: u8,
    /// Terminal capabilities, tag 9F33.
    pub terminal_capabilities: [u8; 3],
    /// Terminal identification, tag 9F1C, 8 characters.
    pub terminal: [u8; 8],
    /// Merchant identifier, tag 9F16, 15 characters.
    pub merchant: [u8; 15],
}

impl Settings {
    /// One unit of currency, in its minor unit: the amount of a status check.
    pub const UNIT_OF_CURRENCY: u32 = 100;
}

impl Default for Settings {
    /// A Chinese bus: ODA for online, no limits, 20.00 yuan at most, debit cards taken.
    fn default() -> Self {
        Self {
            mode: Mode::BusOda,
            transaction_limit: None,
            floor_limit: None,
            cvm_limit: None,
            zero_amount_allowed: false,
            status_check: false,
            ttq: None,
            merchant_maximum: 2000,
            debit_allowed: true,
            country: 156,
            currency: 156,
            terminal_type: 0x26,
            terminal_capabilities: [0x00, 0x08, 0xC8],
            terminal: [b'0'; 8],
            merchant: [b'0'; 15],
        }
    }
}

/// One transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Transaction {
    /// Amount authorised, tag 9F02, in fen.
    pub amount: u32,
    /// Now. Expiry is judged by it, so the device must know the date before it takes a card.
    pub time: DateTime,
    /// Unpredictable number, tag 9F37; a fresh one for every transaction.
    pub unpredictable_number: [u8; 4],
}
