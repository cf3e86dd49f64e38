//! Values with units: money, time, bytes, card numbers, dates. Each is one word in YAML, and a quantity without its
//! unit is refused.

use crate::text::text;
use std::fmt;
use std::str::FromStr;

/// Why a word is not a value of its type: what is wrong, and how to write it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}: write {write}")]
pub struct Malformed {
    /// What is wrong.
    pub what: String,
    /// An example of the right form.
    pub write: &'static str,
}

pub(crate) fn malformed<T>(what: impl Into<String>, write: &'static str) -> Result<T, Malformed> {
    Err(Malformed { what: what.into(), write })
}

/// An amount in Chinese yuan, exact to the fen: `1.00 CNY`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Money {
    /// The amount in fen, a hundredth of a yuan.
    pub fen: u64,
}

text!(Money, "Money", r"^[0-9]+(\.[0-9]{2})? CNY$", "an amount with its currency, such as `1.00 CNY`");

impl Money {
    /// Largest amount: 9F02 and field 4 of ISO 8583 carry twelve digits.
    pub const MAX: Self = Self { fen: 999_999_999_999 };

    /// An amount of `fen` fen.
    #[must_use]
    pub const fn from_fen(fen: u64) -> Self {
        Self { fen }
    }
}

impl FromStr for Money {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        const WRITE: &str = "`1.00 CNY`";
        let text = text.trim();
        let split = text.find(|c: char| c != '.' && !c.is_ascii_digit()).unwrap_or(text.len());
        let (amount, unit) = (&text[..split], text[split..].trim());
        if amount.is_empty() {
            return malformed(format!("`{text}` is not an amount"), WRITE);
        }
        match unit {
            "CNY" => {}
            "" => return malformed(format!("`{text}` has no currency"), WRITE),
            _ => return malformed(format!("unknown currency `{unit}`"), WRITE),
        }
        let (yuan, fen) = amount.split_once('.').unwrap_or((amount, "00"));
        if fen.len() != 2 || fen.contains('.') {
            return malformed(format!("`{amount}` does not have two decimals"), WRITE);
        }
        match format!("{yuan}{fen}").parse() {
            Ok(fen) if fen <= Self::MAX.fen => Ok(Self { fen }),
            _ => malformed(format!("`{amount}` does not fit twelve digits of fen"), WRITE),
        }
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:02} CNY", self.fen / 100, self.fen % 100)
    }
}

/// A span of time with its unit: `500 us`, `120 ms`, `3 s`, `2 min`. Exact to the microsecond.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Duration {
    /// The span in microseconds.
    pub us: u64,
}

text!(Duration, "Duration", r"^[0-9]+(\.[0-9]+)? ?(us|ms|s|min)$", "a duration with its unit, such as `120 ms`");

impl Duration {
    /// The longest span is an hour. A case that needs more is a mistake.
    pub const MAX: Self = Self { us: 3_600_000_000 };

    /// A span of `ms` milliseconds.
    #[must_use]
    pub const fn from_ms(ms: u64) -> Self {
        Self { us: ms * 1000 }
    }
}

impl From<Duration> for std::time::Duration {
    fn from(duration: Duration) -> Self {
        Self::from_micros(duration.us)
    }
}

impl FromStr for Duration {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        const WRITE: &str = "`500 us`, `120 ms`, `3 s` or `2 min`";
        let text = text.trim();
        let split = text.find(|c: char| c != '.' && !c.is_ascii_digit()).unwrap_or(text.len());
        let (amount, unit) = (&text[..split], text[split..].trim());
        let us: u64 = match unit {
            "us" => 1,
            "ms" => 1000,
            "s" => 1_000_000,
            "min" => 60_000_000,
            "" => return malformed(format!("`{text}` has no unit of time"), WRITE),
            _ => return malformed(format!("`{unit}` is not a unit of time"), WRITE),
        };
        let (whole, part) = amount.split_once('.').unwrap_or((amount, "0"));
        let digits = |text: &str| (!text.is_empty() && text.len() <= 10).then(|| text.parse::<u64>().ok()).flatten();
        let (Some(whole), Some(fraction)) = (digits(whole), digits(part)) else {
            return malformed(format!("`{amount}` is not a number"), WRITE);
        };
        let scale = 10u64.pow(part.len().try_into().unwrap_or(10));
        match (whole.checked_mul(us), fraction.checked_mul(us)) {
            (Some(whole), Some(fraction)) if fraction % scale == 0 && whole + fraction / scale <= Self::MAX.us => {
                Ok(Self { us: whole + fraction / scale })
            }
            (_, Some(fraction)) if fraction % scale != 0 => malformed(format!("`{text}` is finer than 1 us"), WRITE),
            _ => malformed(format!("`{text}` is longer than an hour"), WRITE),
        }
    }
}

impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.us {
            us if us % 1000 != 0 => write!(f, "{us} us"),
            us if us % 1_000_000 != 0 || us == 0 => write!(f, "{} ms", us / 1000),
            us => write!(f, "{} s", us / 1_000_000),
        }
    }
}

/// A whole percentage: `20 %`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Percent(pub u8);

text!(Percent, "Percent", r"^([0-9]|[1-9][0-9]|100) ?%$", "a share such as `20 %`");

impl FromStr for Percent {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        const WRITE: &str = "`20 %`";
        let Some(number) = text.trim().strip_suffix('%') else {
            return malformed(format!("`{text}` has no per cent sign"), WRITE);
        };
        match number.trim().parse() {
            Ok(share) if share <= 100 => Ok(Self(share)),
            _ => malformed(format!("`{text}` is not between 0 % and 100 %"), WRITE),
        }
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} %", self.0)
    }
}

/// Bytes in hexadecimal. Spaces between the digits are allowed: `A0 00 00 03 33`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Hex(pub Vec<u8>);

text!(Hex, "Hex", r"^([0-9A-Fa-f] *[0-9A-Fa-f] *)*$", "bytes in hexadecimal, such as `A000000333`");

impl FromStr for Hex {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        const WRITE: &str = "two hexadecimal digits a byte, such as `A000000333`";
        let mut digits = Vec::with_capacity(text.len());
        for c in text.chars().filter(|c| *c != ' ') {
            match c.to_digit(16).and_then(|digit| u8::try_from(digit).ok()) {
                Some(digit) => digits.push(digit),
                None => return malformed(format!("`{c}` is not a hexadecimal digit"), WRITE),
            }
        }
        if digits.len() % 2 != 0 {
            return malformed(format!("odd number of hexadecimal digits ({})", digits.len()), WRITE);
        }
        Ok(Self(digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()))
    }
}

impl fmt::Display for Hex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02X}"))
    }
}

impl AsRef<[u8]> for Hex {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

/// A primary account number: 12 to 19 digits with a correct check digit (ISO/IEC 7812-1). Spaces are allowed.
///
/// `Debug` masks the number. `Display` and serde write all of it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pan(String);

text!(Pan, "Pan", r"^[0-9 ]{12,29}$", "a card number of 12 to 19 digits");

impl Pan {
    /// All digits.
    #[must_use]
    pub fn digits(&self) -> &str {
        &self.0
    }

    /// An account number of 16 digits that no card image has: `62299077`, 7 digits of the number (the last ones, if it has more), and
    /// the check digit.
    #[must_use]
    pub fn made_up(number: u32) -> Self {
        let digits = format!("62299077{:07}", number % 10_000_000);
        // One of the ten has the right check digit.
        let with = |check: u32| format!("{digits}{check}").parse();
        (0..10).find_map(|check| with(check).ok()).unwrap_or(Self(digits))
    }

    /// The first six and the last four digits, with `*` for each of the others.
    #[must_use]
    pub fn masked(&self) -> String {
        let n = self.0.len();
        format!("{}{}{}", &self.0[..6], "*".repeat(n - 10), &self.0[n - 4..])
    }
}

impl FromStr for Pan {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        const WRITE: &str = "12 to 19 digits";
        let digits: String = text.chars().filter(|c| *c != ' ').collect();
        if !digits.bytes().all(|b| b.is_ascii_digit()) || !(12..=19).contains(&digits.len()) {
            return malformed("this is not a card number", WRITE);
        }
        let sum: u32 = digits
            .bytes()
            .rev()
            .enumerate()
            .map(|(place, digit)| match (place % 2, u32::from(digit - b'0')) {
                (0, digit) => digit,
                (_, digit) => digit * 2 / 10 + digit * 2 % 10,
            })
            .sum();
        if !sum.is_multiple_of(10) {
            return malformed("the check digit of this card number is wrong", "a number that passes the Luhn check");
        }
        Ok(Self(digits))
    }
}

impl fmt::Display for Pan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Pan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pan({})", self.masked())
    }
}

/// A local date and time without time zone, to the second: `2018-05-21T08:00:00`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DateTime {
    /// Year, 2000 to 2099 (dates on cards have two digits).
    pub year: u16,
    /// Month, 1 to 12.
    pub month: u8,
    /// Day of the month, from 1.
    pub day: u8,
    /// Hour, 0 to 23.
    pub hour: u8,
    /// Minute, 0 to 59.
    pub minute: u8,
    /// Second, 0 to 59.
    pub second: u8,
}

text!(
    DateTime,
    "DateTime",
    r"^20[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}$",
    "a local time such as `2018-05-21T08:00:00`"
);

impl FromStr for DateTime {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        const WRITE: &str = "a local time such as `2018-05-21T08:00:00`";
        let bytes = text.as_bytes();
        let shape = b"0000-00-00T00:00:00";
        let fits = bytes.len() == shape.len()
            && bytes
                .iter()
                .zip(shape)
                .all(|(byte, form)| if *form == b'0' { byte.is_ascii_digit() } else { byte == form });
        if !fits {
            return malformed(format!("`{text}` is not a date and time"), WRITE);
        }
        let two = |at: usize| (bytes[at] - b'0') * 10 + (bytes[at + 1] - b'0');
        let time = Self {
            year: u16::from(two(0)) * 100 + u16::from(two(2)),
            month: two(5),
            day: two(8),
            hour: two(11),
            minute: two(14),
            second: two(17),
        };
        let leap = time.year.is_multiple_of(4) && (!time.year.is_multiple_of(100) || time.year.is_multiple_of(400));
        let days = match time.month {
            2 => 28 + u8::from(leap),
            4 | 6 | 9 | 11 => 30,
            _ => 31,
        };
        if !(2000..2100).contains(&time.year)
            || !(1..=12).contains(&time.month)
            || !(1..=days).contains(&time.day)
            || time.hour > 23
            || time.minute > 59
            || time.second > 59
        {
            return malformed(format!("`{text}` is not in the calendar of 2000 to 2099"), WRITE);
        }
        Ok(time)
    }
}

impl fmt::Display for DateTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { year, month, day, hour, minute, second } = self;
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}")
    }
}

/// A day of the calendar: `2018-05-21`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(DateTime);

text!(Day, "Day", r"^20[0-9]{2}-[0-9]{2}-[0-9]{2}$", "a day such as `2018-05-21`");

impl FromStr for Day {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        match format!("{text}T00:00:00").parse() {
            Ok(day) => Ok(Self(day)),
            Err(_) => malformed(format!("`{text}` is not a day"), "a day such as `2018-05-21`, from 2000 to 2099"),
        }
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let DateTime { year, month, day, .. } = self.0;
        write!(f, "{year:04}-{month:02}-{day:02}")
    }
}
