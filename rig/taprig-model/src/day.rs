//! Days and times of day in files.

use jiff::civil::{Date, Time};
use serde::{Deserialize, Serialize};

/// A word of a file that `jiff` reads.
macro_rules! word {
    ($(#[$doc:meta])* $type:ident, $inner:ty, $what:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $type(pub $inner);

        impl TryFrom<String> for $type {
            type Error = String;

            fn try_from(text: String) -> Result<Self, String> {
                let read = text.parse::<$inner>().ok().filter(|read| read.to_string() == text);
                read.map(Self).ok_or_else(|| format!(concat!("`{}` is not ", $what), text))
            }
        }

        impl From<$type> for String {
            fn from(word: $type) -> Self {
                word.0.to_string()
            }
        }
    };
}

word!(
    /// A day: `2018-05-21`.
    Day, Date, "a day: write `2018-05-21`"
);
word!(
    /// A time of day: `06:30:00`.
    Clock, Time, "a time of day: write `06:30:00`"
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_times_have_one_form() {
        let day = |text: &str| Day::try_from(text.to_owned());
        assert_eq!(String::from(day("2018-05-21").unwrap()), "2018-05-21");
        for wrong in ["2018-5-21", "2018-02-29", "20180521", "2018-05-21T00:00", ""] {
            assert!(day(wrong).is_err(), "{wrong}");
        }
        let clock = |text: &str| Clock::try_from(text.to_owned());
        assert_eq!(String::from(clock("06:30:00").unwrap()), "06:30:00");
        for wrong in ["6:30", "06:30", "24:00:00", ""] {
            assert!(clock(wrong).is_err(), "{wrong}");
        }
    }
}
