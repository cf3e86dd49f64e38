//! Days and times of rides: read by a pattern, and when a ride is due.

use jiff::civil::{Date, Time};
use jiff::{Timestamp, ToSpan as _};
use taprig_model::books::columns::{Part, Pattern};
use taprig_model::units::DateTime;

/// The day of a ride, and perhaps the time of day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment {
    /// Local day.
    pub day: Date,
    /// Local time of day.
    pub time: Option<Time>,
}

impl Moment {
    /// The moment of a journal's time. `None`: the year is beyond what days can be counted for, which no [`DateTime`] is.
    #[must_use]
    pub fn of(time: DateTime) -> Option<Self> {
        let number = |number: u8| i8::try_from(number).ok();
        let day = Date::new(i16::try_from(time.year).ok()?, number(time.month)?, number(time.day)?).ok()?;
        let time = Time::new(number(time.hour)?, number(time.minute)?, number(time.second)?, 0).ok()?;
        Some(Self { day, time: Some(time) })
    }

    /// The local moment of a time in UTC by RFC 3339. Local means China, UTC+8, as the acquirer's answers have it.
    ///
    /// # Errors
    /// The text is not such a time.
    pub fn of_utc(text: &str) -> Result<Self, String> {
        let time: Timestamp = text.parse().map_err(|_| format!("`{text}` is not a time in UTC"))?;
        let local = jiff::tz::Offset::constant(8).to_datetime(time);
        Ok(Self { day: local.date(), time: Some(local.time()) })
    }

    /// Reads a moment by a pattern.
    ///
    /// # Errors
    /// The text has another form, or the calendar has no such day.
    pub fn read(text: &str, pattern: &Pattern) -> Result<Self, String> {
        let form = || format!("`{text}` is not written as `{pattern}`");
        let (mut day, mut time) = ([0_i16; 3], [0_i16; 3]);
        let mut rest = text;
        for part in pattern.parts() {
            let (place, digits) = match part {
                Part::Year => (&mut day[0], 4),
                Part::Month => (&mut day[1], 2),
                Part::Day => (&mut day[2], 2),
                Part::Hour => (&mut time[0], 2),
                Part::Minute => (&mut time[1], 2),
                Part::Second => (&mut time[2], 2),
                Part::Literal(wanted) => {
                    rest = rest.strip_prefix(*wanted).ok_or_else(form)?;
                    continue;
                }
            };
            let (number, after) = rest.split_at_checked(digits).ok_or_else(form)?;
            if !number.bytes().all(|c| c.is_ascii_digit()) {
                return Err(form());
            }
            *place = number.parse().map_err(|_| form())?;
            rest = after;
        }
        if !rest.is_empty() {
            return Err(form());
        }
        let small = |number: i16| i8::try_from(number).unwrap_or(i8::MAX);
        let there_is_none = || format!("`{text}` is not in the calendar");
        let date = Date::new(day[0], small(day[1]), small(day[2])).map_err(|_| there_is_none())?;
        if !(2000..2100).contains(&day[0]) {
            return Err(format!("`{text}` is not in the years 2000 to 2099"));
        }
        let time = match pattern.has_time() {
            false => None,
            true => Some(Time::new(small(time[0]), small(time[1]), small(time[2]), 0).map_err(|_| there_is_none())?),
        };
        Ok(Self { day: date, time })
    }

    /// The day whose clearing file has to have this ride: the day of the ride, or the day after it if the ride took place at or after
    /// the cut-off, and so many days later.
    #[must_use]
    pub fn due(self, cut_off: Time, wait_days: u16) -> Date {
        let late = self.time.is_some_and(|time| time >= cut_off);
        let days = i64::from(wait_days) + i64::from(late);
        // Years end at 2099, so there are always more days.
        self.day.checked_add(days.days()).unwrap_or(Date::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::{date, time};

    fn pattern(text: &str) -> Pattern {
        text.parse().unwrap()
    }

    #[test]
    fn patterns_are_read_to_the_digit() {
        let read = |text, form| Moment::read(text, &pattern(form));
        let moment = Moment { day: date(2018, 5, 21), time: Some(time(8, 9, 10, 0)) };
        assert_eq!(read("2018-05-21 08:09:10", "YYYY-MM-DD hh:mm:ss"), Ok(moment));
        assert_eq!(read("20180521080910", "YYYYMMDDhhmmss"), Ok(moment));
        assert_eq!(read("2018年05月21日", "YYYY年MM月DD日"), Ok(Moment { time: None, ..moment }));
        assert_eq!(read("21.05.2018 08:09", "DD.MM.YYYY hh:mm").unwrap().time, Some(time(8, 9, 0, 0)));
        assert_eq!(read("2000-02-29", "YYYY-MM-DD").unwrap().day, date(2000, 2, 29));
        for (wrong, form, why) in [
            ("2018-5-21", "YYYY-MM-DD", "`2018-5-21` is not written as `YYYY-MM-DD`"),
            ("2018-05-21 ", "YYYY-MM-DD", "is not written as"),
            ("", "YYYY-MM-DD", "is not written as"),
            ("2018年05月2", "YYYY年MM月DD日", "is not written as"),
            ("+018-05-21", "YYYY-MM-DD", "is not written as"),
            ("2018-02-29", "YYYY-MM-DD", "`2018-02-29` is not in the calendar"),
            ("2018-13-01", "YYYY-MM-DD", "is not in the calendar"),
            ("2018-00-10", "YYYY-MM-DD", "is not in the calendar"),
            ("20180521246000", "YYYYMMDDhhmmss", "is not in the calendar"),
            ("1999-12-31", "YYYY-MM-DD", "is not in the years 2000 to 2099"),
        ] {
            let error = read(wrong, form).unwrap_err();
            assert!(error.contains(why), "{error}");
        }
    }

    #[test]
    fn the_log_has_utc_and_the_books_have_the_time_of_china() {
        let moment = Moment::of_utc("2018-05-21T16:30:00.123Z").unwrap();
        assert_eq!(moment.day, date(2018, 5, 22));
        assert!(Moment::of_utc("yesterday").is_err());
    }

    #[test]
    fn a_ride_at_the_cut_off_is_due_a_day_later() {
        let due = |hour, minute, second, wait| {
            let time = Some(time(hour, minute, second, 0));
            Moment { day: date(2018, 12, 31), time }.due(jiff::civil::time(23, 0, 0, 0), wait)
        };
        assert_eq!(due(22, 59, 59, 0), date(2018, 12, 31));
        assert_eq!(due(23, 0, 0, 0), date(2019, 1, 1));
        assert_eq!(due(0, 0, 0, 2), date(2019, 1, 2));
        assert_eq!(due(23, 30, 0, 2), date(2019, 1, 3));
        let without = Moment { day: date(2018, 12, 31), time: None };
        assert_eq!(without.due(time(0, 0, 0, 0), 0), date(2018, 12, 31));
    }

    #[test]
    fn a_journals_time_is_a_moment() {
        let of = |text: &str| Moment::of(text.parse().unwrap()).unwrap();
        assert_eq!(of("2096-02-29T23:59:59"), Moment { day: date(2096, 2, 29), time: Some(time(23, 59, 59, 0)) });
    }
}
