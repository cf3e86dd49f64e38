//! Electronic cash: what the card holds, when it approves by itself, and when it deducts (JR/T 0025.12).

use taprig_model::card;
use taprig_model::units::Money;

/// Objects of the purse that a case can set, and that GET DATA returns.
const BALANCE: u32 = 0x9F79;
const BALANCE_LIMIT: u32 = 0x9F77;
const SINGLE_LIMIT: u32 = 0x9F78;
const RESET_THRESHOLD: u32 = 0x9F6D;

/// Amount available offline.
pub(crate) const AVAILABLE: u32 = 0x9F5D;

/// The purse of an application. Amounts are in fen.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Purse {
    balance: u64,
    balance_limit: u64,
    single_limit: u64,
    reset_threshold: u64,
    /// What an approved payment still has to deduct.
    due: Option<u64>,
}

/// Twelve digits of BCD.
pub(crate) fn bcd(fen: u64) -> [u8; 6] {
    let mut bytes = [0; 6];
    let mut rest = fen;
    for byte in bytes.iter_mut().rev() {
        let two = (rest % 100).to_le_bytes()[0];
        *byte = ((two / 10) << 4) | (two % 10);
        rest /= 100;
    }
    bytes
}

/// An amount from BCD. `None` if the bytes are no digits.
pub(crate) fn amount(bytes: &[u8]) -> Option<u64> {
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 0x0F])
        .try_fold(0_u64, |sum, digit| (digit < 10).then(|| sum.saturating_mul(10).saturating_add(digit.into())))
}

impl Purse {
    pub(crate) fn new(image: &card::Purse) -> Self {
        Self {
            balance: image.balance.fen,
            balance_limit: image.balance_limit.fen,
            single_limit: image.single_limit.fen,
            reset_threshold: image.reset_threshold.fen,
            due: None,
        }
    }

    fn part(&mut self, tag: u32) -> Option<&mut u64> {
        match tag {
            BALANCE => Some(&mut self.balance),
            BALANCE_LIMIT => Some(&mut self.balance_limit),
            SINGLE_LIMIT => Some(&mut self.single_limit),
            RESET_THRESHOLD => Some(&mut self.reset_threshold),
            _ => None,
        }
    }

    /// Whether the purse has an object that a case can set.
    pub(crate) fn has(tag: u32) -> bool {
        matches!(tag, BALANCE | BALANCE_LIMIT | SINGLE_LIMIT | RESET_THRESHOLD)
    }

    /// Gives an object of the purse another value.
    ///
    /// # Errors
    /// What the value must be.
    pub(crate) fn set(&mut self, tag: u32, value: &[u8]) -> Result<(), &'static str> {
        let fen = amount(value).filter(|_| value.len() == 6).ok_or("an amount has 6 bytes of digits")?;
        self.part(tag).map(|part| *part = fen).ok_or("the purse has no such object")
    }

    /// What is wrong with the purse.
    pub(crate) fn problem(&self) -> Option<String> {
        let money = Money::from_fen;
        (self.balance > self.balance_limit)
            .then(|| format!("the balance {} is above its limit {}", money(self.balance), money(self.balance_limit)))
    }

    pub(crate) const fn balance(&self) -> Money {
        Money::from_fen(self.balance)
    }

    /// Whether the card approves a payment by itself. A reader that can go online may not use up what the reset threshold keeps.
    pub(crate) fn approves(&self, amount: u64, online_possible: bool) -> bool {
        let kept = if online_possible { self.reset_threshold } else { 0 };
        amount <= self.single_limit && amount.saturating_add(kept) <= self.balance
    }

    /// Begins a transaction. `approved` is the amount that the last READ RECORD deducts. Returns what is available after it.
    pub(crate) fn begin(&mut self, approved: Option<u64>) -> u64 {
        self.due = approved;
        self.balance.saturating_sub(approved.unwrap_or(0))
    }

    /// The last record was read.
    pub(crate) fn deduct(&mut self) {
        self.balance = self.balance.saturating_sub(self.due.take().unwrap_or(0));
    }

    /// The value that GET DATA returns.
    pub(crate) fn object(mut self, tag: u32) -> Option<[u8; 6]> {
        let fen = if tag == AVAILABLE { self.balance } else { *self.part(tag)? };
        Some(bcd(fen))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn purse(balance: u64, single_limit: u64, reset_threshold: u64) -> Purse {
        let money = Money::from_fen;
        Purse::new(&card::Purse {
            balance: money(balance),
            balance_limit: money(100_000),
            single_limit: money(single_limit),
            reset_threshold: money(reset_threshold),
        })
    }

    #[test]
    fn balance_and_single_limit_can_be_spent_to_the_last_fen() {
        let (rich, poor) = (purse(500, 300, 100), purse(200, 300, 100));
        for (amount, online_possible, approves) in [(300, false, true), (301, false, false), (300, true, true)] {
            assert_eq!(rich.approves(amount, online_possible), approves, "{amount}");
        }
        for (amount, online_possible, approves) in
            [(200, false, true), (201, false, false), (100, true, true), (101, true, false), (u64::MAX, true, false)]
        {
            assert_eq!(poor.approves(amount, online_possible), approves, "{amount}");
        }
    }

    #[test]
    fn an_amount_is_deducted_once() {
        let mut purse = purse(500, 300, 0);
        assert_eq!(purse.begin(Some(120)), 380);
        assert_eq!(purse.balance().fen, 500);
        purse.deduct();
        purse.deduct();
        assert_eq!(purse.balance().fen, 380);
        assert_eq!(purse.begin(None), 380);
        purse.deduct();
        assert_eq!(purse.balance().fen, 380);
    }

    #[test]
    fn objects_are_twelve_digits() {
        let mut purse = purse(123_456, 20_000, 0);
        assert_eq!(purse.object(0x9F79), Some([0, 0, 0, 0x12, 0x34, 0x56]));
        assert_eq!(purse.object(0x9F5D), purse.object(0x9F79));
        assert_eq!(purse.object(0x9F50), None);
        assert!(purse.problem().is_some_and(|why| why.contains("1234.56 CNY is above its limit 1000.00 CNY")));
        assert_eq!(purse.set(0x9F79, &[0, 0, 0, 0, 1, 0]), Ok(()));
        assert_eq!((purse.balance().fen, purse.problem()), (100, None));
        for wrong in [&[0, 0, 0, 1, 0][..], &[0, 0, 0, 0, 0x1A, 0]] {
            assert!(purse.set(0x9F79, wrong).is_err());
        }
        assert_eq!(amount(&[0x99; 6]), Some(999_999_999_999));
        assert_eq!(amount(&[0x9A]), None);
    }
}
