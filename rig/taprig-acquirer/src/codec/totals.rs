//! Field 48 of a settlement and of a batch upload. All of it is digits.

/// A number of payments, and their sum in fen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sum {
    /// Number of payments. Three digits on the wire, so 1,000 are sent as 000.
    pub count: u64,
    /// Their sum in fen.
    pub fen: u64,
}

impl Sum {
    /// Adds one payment.
    pub fn add(&mut self, fen: u64) {
        self.count += 1;
        self.fen += fen;
    }

    fn digits(self) -> String {
        format!("{:012}{:03}", self.fen % 1_000_000_000_000, self.count % 1000)
    }

    /// Whether both are the same on the wire.
    #[must_use]
    pub fn reads_as(self, other: Self) -> bool {
        self.digits() == other.digits()
    }
}

/// The totals of one group of cards.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Half {
    /// What cards paid.
    pub debit: Sum,
    /// What cards got back.
    pub credit: Sum,
    /// 0 in a request. In an answer: 1 balanced, 2 not balanced.
    pub result: u8,
}

/// Field 48 of a settlement: 62 digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Totals {
    /// Cards of the country.
    pub home: Half,
    /// Foreign cards.
    pub foreign: Half,
}

impl Totals {
    /// Reads the digits of field 48.
    ///
    /// # Errors
    /// There are not 62 of them.
    pub fn parse(digits: &str) -> Result<Self, String> {
        if digits.len() != 62 || !digits.bytes().all(|c| c.is_ascii_digit()) {
            return Err(format!("field 48 has {} digits, and the totals of a settlement take 62", digits.len()));
        }
        let number = |from: usize, len: usize| digits[from..from + len].parse().unwrap_or(0);
        let sum = |from| Sum { fen: number(from, 12), count: number(from + 12, 3) };
        let half = |from: usize| Half {
            debit: sum(from),
            credit: sum(from + 15),
            result: digits.as_bytes()[from + 30] - b'0',
        };
        Ok(Self { home: half(0), foreign: half(31) })
    }

    /// The digits of field 48.
    #[must_use]
    pub fn digits(&self) -> String {
        let half = |half: &Half| format!("{}{}{}", half.debit.digits(), half.credit.digits(), half.result % 10);
        half(&self.home) + &half(&self.foreign)
    }
}

/// A payment in a batch upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// Its kind, 2 digits.
    pub kind: String,
    /// Its trace.
    pub trace: u32,
    /// The account number, without the zeros that fill 20 digits on the left.
    pub account: String,
    /// The amount in fen.
    pub fen: u64,
}

/// Most payments in one message of a batch upload.
pub const MOST_ITEMS: usize = 8;

const ITEM: usize = 2 + 6 + 20 + 12;

/// Reads the payments of a batch upload.
///
/// # Errors
/// Their number and the number of digits do not match, or there are more than eight.
pub fn items(digits: &str) -> Result<Vec<Item>, String> {
    let count: usize = digits.get(..2).and_then(|count| count.parse().ok()).ok_or("field 48 has no count")?;
    if count > MOST_ITEMS {
        return Err(format!("field 48 claims {count} payments, and at most {MOST_ITEMS} are allowed"));
    }
    if digits.len() != 2 + count * ITEM || !digits.is_ascii() {
        let wanted = 2 + count * ITEM;
        return Err(format!("field 48 has {} digits, and {count} payments take {wanted}", digits.len()));
    }
    let item = |at: usize| {
        let part = &digits[2 + at * ITEM..][..ITEM];
        Item {
            kind: part[..2].into(),
            trace: part[2..8].parse().unwrap_or(0),
            account: part[8..28].trim_start_matches('0').into(),
            fen: part[28..].parse().unwrap_or(0),
        }
    };
    Ok((0..count).map(item).collect())
}

/// The digits of field 48 for these payments.
#[must_use]
pub fn of_items(items: &[Item]) -> String {
    let item = |item: &Item| format!("{}{:06}{:0>20}{:012}", item.kind, item.trace, item.account, item.fen);
    format!("{:02}{}", items.len(), items.iter().map(item).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_settlement_has_62_digits() {
        let totals = Totals {
            home: Half { debit: Sum { count: 12, fen: 1200 }, result: 1, ..Half::default() },
            foreign: Half::default(),
        };
        let digits = totals.digits();
        assert_eq!(digits, "00000000120001200000000000000010000000000000000000000000000000");
        assert_eq!(Totals::parse(&digits).unwrap(), totals);
        assert!(Totals::parse(&digits[1..]).is_err());
    }

    #[test]
    fn a_count_of_1000_reads_as_none() {
        let many = Sum { count: 1000, fen: 200_000 };
        assert!(many.reads_as(Sum { count: 0, fen: 200_000 }));
        assert!(!many.reads_as(Sum { count: 1, fen: 200_000 }));
    }

    #[test]
    fn payments_have_40_digits_each() {
        let item = Item { kind: "22".into(), trace: 7, account: "6222021234567894".into(), fen: 200 };
        let digits = of_items(&[item.clone(), item.clone()]);
        assert_eq!(digits.len(), 82);
        assert_eq!(items(&digits).unwrap(), [item.clone(), item]);
        assert_eq!(items("0122").unwrap_err(), "field 48 has 4 digits, and 1 payments take 42");
        assert_eq!(items("09").unwrap_err(), "field 48 claims 9 payments, and at most 8 are allowed");
        assert_eq!(items("0").unwrap_err(), "field 48 has no count");
        assert_eq!(items("00").unwrap(), []);
    }

    proptest! {
        #[test]
        fn no_text_panics(text: String, digits in "[0-9]{0,400}") {
            for text in [text, digits] {
                let _ = (Totals::parse(&text), items(&text));
            }
        }
    }
}
