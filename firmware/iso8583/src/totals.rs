//! Field 48 of a settlement and of a batch upload.

use crate::digits::Digits;
use crate::error::{Error, What};

/// What a settlement says about the totals.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SettlementResult {
    /// 0: a request, or nothing was compared.
    #[default]
    NotCompared,
    /// 1: the totals are those of the host.
    Balanced,
    /// 2: they are not.
    NotBalanced,
}

/// The totals of one kind of cards.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PartTotals {
    /// The sum of debits in fen, at most 999,999,999,999.
    pub debit_fen: u64,
    /// How many debits there are. Only the last three digits are sent, so 1000 reads as 0.
    pub debits: u32,
    /// The sum of credits in fen, at most 999,999,999,999.
    pub credit_fen: u64,
    /// How many credits there are. Only the last three digits are sent.
    pub credits: u32,
    /// The result; [`SettlementResult::NotCompared`] in a request.
    pub result: SettlementResult,
}

/// The totals of a batch: field 48 of 0500 and 0510, 62 digits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Domestic cards.
    pub own: PartTotals,
    /// Foreign cards.
    pub foreign: PartTotals,
}

/// The digits of each of the two parts.
const PART: usize = 31;

impl Totals {
    pub(crate) fn read(digits: Digits<'_>) -> Result<Self, Error> {
        if digits.len() != 2 * PART {
            return Err(Error::new(48, digits.len(), What::Length));
        }
        Ok(Self { own: PartTotals::read(digits, 0)?, foreign: PartTotals::read(digits, PART)? })
    }
}

impl PartTotals {
    fn read(digits: Digits<'_>, from: usize) -> Result<Self, Error> {
        let wrong = |at, what| Error::new(48, from + at, what);
        let number = |at, len| digits.part(from + at, len).value().ok_or(wrong(at, What::Digit));
        let count = |at| number(at, 3).and_then(|count| u32::try_from(count).map_err(|_| wrong(at, What::Length)));
        Ok(Self {
            debit_fen: number(0, 12)?,
            debits: count(12)?,
            credit_fen: number(15, 12)?,
            credits: count(27)?,
            result: match number(30, 1)? {
                0 => SettlementResult::NotCompared,
                1 => SettlementResult::Balanced,
                2 => SettlementResult::NotBalanced,
                _ => return Err(wrong(30, What::Value)),
            },
        })
    }

    /// The digits on the wire, as numbers with their widths.
    pub(crate) fn numbers(self) -> [(u64, usize); 5] {
        let result = match self.result {
            SettlementResult::NotCompared => 0,
            SettlementResult::Balanced => 1,
            SettlementResult::NotBalanced => 2,
        };
        let (debits, credits) = (u64::from(self.debits % 1000), u64::from(self.credits % 1000));
        [(self.debit_fen, 12), (debits, 3), (self.credit_fen, 12), (credits, 3), (result, 1)]
    }
}

/// One payment in a batch upload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Item<C> {
    /// The kind of payment, 0 to 99; 0 is usual.
    pub kind: u8,
    /// The trace of the claim.
    pub trace: u32,
    /// The account number: `&str` of at most 20 digits to write, [`Digits`] without zeros on the left when read.
    pub card: C,
    /// The amount in fen, at most 999,999,999,999.
    pub amount: u64,
}

/// The most payments in one message.
pub const MOST_ITEMS: usize = 8;
/// The digits of one payment.
const ITEM: usize = 40;

/// The payments in field 48 of a batch upload, 0320 with 201.
#[derive(Clone, Copy, Debug)]
pub struct Items<'a> {
    digits: Digits<'a>,
    count: usize,
}

impl<'a> Items<'a> {
    /// Reads field 48 of an upload. The host does this; a terminal can check its own messages by it.
    ///
    /// # Errors
    /// The count is 0, more than 8, or does not agree with the number of digits.
    pub fn read(digits: Digits<'a>) -> Result<Self, Error> {
        let wrong = |at, what| Error::new(48, at, what);
        if digits.len() < 2 {
            return Err(wrong(digits.len(), What::Short));
        }
        let count = digits.part(0, 2).value().and_then(|count| usize::try_from(count).ok()).unwrap_or(0);
        if !(1..=MOST_ITEMS).contains(&count) {
            return Err(wrong(0, What::Length));
        }
        match digits.len().cmp(&(2 + count * ITEM)) {
            core::cmp::Ordering::Less => Err(wrong(digits.len(), What::Short)),
            core::cmp::Ordering::Greater => Err(wrong(2 + count * ITEM, What::Trailing)),
            core::cmp::Ordering::Equal => Ok(Self { digits, count }),
        }
    }

    /// The payments, in order.
    pub fn iter(&self) -> impl Iterator<Item = Item<Digits<'a>>> + use<'a> {
        let digits = self.digits;
        (0..self.count).filter_map(move |index| {
            let part = digits.part(2 + index * ITEM, ITEM);
            Some(Item {
                kind: u8::try_from(part.part(0, 2).value()?).ok()?,
                trace: u32::try_from(part.part(2, 6).value()?).ok()?,
                card: part.part(8, 20).without_zeros(),
                amount: part.part(28, 12).value()?,
            })
        })
    }
}
