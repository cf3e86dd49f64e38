//! The wall clock: seconds since 1970 on the board, date and time on console and card.

use core::fmt;

use kernel::{Date, DateTime};

/// Seconds of a day.
pub const DAY_S: u64 = 86_400;

fn is_leap(year: u16) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

fn days_in_year(year: u16) -> u64 {
    if is_leap(year) { 366 } else { 365 }
}

fn days_in_month(year: u16, month: u8) -> u8 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// The date and time of a number of seconds since 1970-01-01T00:00:00. Times past the year 2099 read as its end.
#[must_use]
pub fn from_seconds(seconds: u64) -> DateTime {
    let (mut days, second) = (seconds / DAY_S, seconds % DAY_S);
    let mut date = Date { year: 1970, month: 1, day: 1 };
    while date.year < 2099 && days >= days_in_year(date.year) {
        days -= days_in_year(date.year);
        date.year += 1;
    }
    days = days.min(days_in_year(date.year) - 1);
    while days >= u64::from(days_in_month(date.year, date.month)) {
        days -= u64::from(days_in_month(date.year, date.month));
        date.month += 1;
    }
    // All below are under 60 and 32.
    date.day += days as u8;
    DateTime { date, hour: (second / 3600) as u8, minute: (second / 60 % 60) as u8, second: (second % 60) as u8 }
}

/// Seconds since 1970-01-01T00:00:00.
#[must_use]
pub fn to_seconds(time: DateTime) -> u64 {
    let years: u64 = (1970..time.date.year).map(days_in_year).sum();
    let months: u64 = (1..time.date.month).map(|month| u64::from(days_in_month(time.date.year, month))).sum();
    let days = years + months + u64::from(time.date.day) - 1;
    days * DAY_S + u64::from(time.hour) * 3600 + u64::from(time.minute) * 60 + u64::from(time.second)
}

/// Reads `2018-05-21T08:00:00`, years 2000 to 2099; nothing when it is no such moment.
#[must_use]
pub fn parse(text: &str) -> Option<DateTime> {
    let bytes: &[u8; 19] = text.as_bytes().try_into().ok()?;
    let number = |from: usize, to: usize| {
        let digits = &bytes[from..to];
        let good = digits.iter().all(u8::is_ascii_digit);
        good.then(|| digits.iter().fold(0u16, |number, digit| number * 10 + u16::from(digit - b'0')))
    };
    let small = |from: usize| number(from, from + 2).and_then(|number| u8::try_from(number).ok());
    let separators = [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':')];
    if separators.iter().any(|&(at, separator)| bytes[at] != separator) {
        return None;
    }
    let date = Date { year: number(0, 4)?, month: small(5)?, day: small(8)? };
    let time = DateTime { date, hour: small(11)?, minute: small(14)?, second: small(17)? };
    let good = (2000..=2099).contains(&date.year)
        && (1..=12).contains(&date.month)
        && (1..=days_in_month(date.year, date.month)).contains(&date.day)
        && time.hour < 24
        && time.minute < 60
        && time.second < 60;
    good.then_some(time)
}

/// Shows a moment as `2018-05-21T08:00:00`.
pub struct Iso(pub DateTime);

impl fmt::Display for Iso {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(DateTime { date: Date { year, month, day }, hour, minute, second }) = self;
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}")
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use proptest::prelude::*;
    use std::string::ToString;

    #[test]
    fn known_moments() {
        let time = parse("2018-05-21T08:00:00").expect("good");
        assert_eq!(to_seconds(time), 1_526_889_600);
        assert_eq!(from_seconds(951_782_399), parse("2000-02-28T23:59:59").expect("good"));
        assert_eq!(from_seconds(951_782_400), parse("2000-02-29T00:00:00").expect("good"));
        assert_eq!(from_seconds(u64::MAX).date, Date { year: 2099, month: 12, day: 31 });
    }

    #[test]
    fn what_is_no_moment_is_refused() {
        for bad in [
            "2018-02-29T00:00:00",
            "2018-05-21 08:00:00",
            "2018-13-01T00:00:00",
            "2018-05-21T24:00:00",
            "1999-12-31T23:59:59",
            "",
        ] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn every_second_comes_back(seconds in 946_684_800_u64..4_102_444_800) {
            let time = from_seconds(seconds);
            prop_assert_eq!(to_seconds(time), seconds);
            prop_assert_eq!(parse(&Iso(time).to_string()), Some(time));
        }

        #[test]
        fn no_text_panics(text in ".{0,24}") {
            let _ = parse(&text);
        }
    }
}
