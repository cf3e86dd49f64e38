//! Calendar dates as cards and terminals write them.

/// A day. Ordered by time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Date {
    /// Four digits.
    pub year: u16,
    /// 1 to 12.
    pub month: u8,
    /// 1 to 31.
    pub day: u8,
}

/// A moment, local time of the terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct DateTime {
    /// The day.
    pub date: Date,
    /// 0 to 23.
    pub hour: u8,
    /// 0 to 59.
    pub minute: u8,
    /// 0 to 59.
    pub second: u8,
}

/// Two decimal digits in one byte.
pub(crate) fn from_bcd(byte: u8) -> Option<u8> {
    let (high, low) = (byte >> 4, byte & 0x0F);
    (high < 10 && low < 10).then_some(high * 10 + low)
}

/// The byte of a number below 100.
pub(crate) const fn to_bcd(number: u8) -> u8 {
    ((number / 10 % 10) << 4) | (number % 10)
}

/// The full year: 00 to 49 are 2000 to 2049, 50 to 99 are 1950 to 1999 (EMV Book 4).
fn century(year: u8) -> u16 {
    u16::from(year) + if year < 50 { 2000 } else { 1900 }
}

impl Date {
    /// From three bytes of BCD, year, month, day (tags 5F24, 9A). Nothing when they are no date; a day past the
    /// month's end but below 32 is taken, as only the order matters.
    #[must_use]
    pub fn from_yymmdd(bytes: &[u8]) -> Option<Self> {
        let &[year, month, day] = bytes else { return None };
        let date = Self { year: century(from_bcd(year)?), month: from_bcd(month)?, day: from_bcd(day)? };
        ((1..=12).contains(&date.month) && (1..=31).contains(&date.day)).then_some(date)
    }

    /// The last day that a month and year allow; day 31 stands for the end of any month.
    #[must_use]
    pub(crate) fn end_of_month(year: u8, month: u8) -> Option<Self> {
        let date = Self { year: century(from_bcd(year)?), month: from_bcd(month)?, day: 31 };
        (1..=12).contains(&date.month).then_some(date)
    }

    /// Three bytes of BCD: year, month, day.
    #[must_use]
    pub fn to_yymmdd(self) -> [u8; 3] {
        [to_bcd((self.year % 100) as u8), to_bcd(self.month), to_bcd(self.day)]
    }
}

impl DateTime {
    /// Three bytes of BCD: hour, minute, second (tag 9F21).
    #[must_use]
    pub fn to_hhmmss(self) -> [u8; 3] {
        [to_bcd(self.hour), to_bcd(self.minute), to_bcd(self.second)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn centuries_and_order() {
        let new = Date::from_yymmdd(&[0x49, 0x12, 0x31]).unwrap();
        let old = Date::from_yymmdd(&[0x50, 0x01, 0x01]).unwrap();
        assert_eq!((new.year, old.year), (2049, 1950));
        assert!(old < new);
        assert_eq!(new.to_yymmdd(), [0x49, 0x12, 0x31]);
    }

    #[test]
    fn what_is_no_date_is_refused() {
        for bytes in
            [&[0x18, 0x13, 0x01][..], &[0x18, 0x00, 0x01], &[0x18, 0x01, 0x32], &[0x1A, 0x01, 0x01], &[0x18, 1]]
        {
            assert_eq!(Date::from_yymmdd(bytes), None, "{bytes:x?}");
        }
        assert_eq!(Date::end_of_month(0x18, 0x13), None);
    }

    #[test]
    fn a_month_lasts_to_its_last_day() {
        let end = Date::end_of_month(0x18, 0x05).unwrap();
        assert!(Date { year: 2018, month: 5, day: 31 } <= end);
        assert!(Date { year: 2018, month: 6, day: 1 } > end);
    }
}
