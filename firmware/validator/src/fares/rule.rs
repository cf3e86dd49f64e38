//! The lines of a policy as the console has them.

use core::fmt;

use heapless::{String, Vec};

use super::MAX_AMOUNT;
use super::policy::{Discount, Gift, MAX_METRES, MAX_WINDOW_S, Promotion, Rule, Transfer};
use crate::clock;
use crate::hex;
use crate::problem::Problem;

/// In place of an amount: the whole fare.
const FREE: &str = "free";

/// The products and the AIDs that they stand for.
const PRODUCTS: [(&str, u8); 4] = [("debit", 1), ("credit", 2), ("quasi-credit", 3), ("e-cash", 6)];

const USAGE: Problem = Problem::malformed(
    "fares takes clear, use, or a rule: stop N METRES, step METRES FEN, trip SECONDS, transfer SECONDS FEN|free RIDES, \
     discount PRODUCT|AID PERCENT, promotion FROM TO FEN|PERCENT%, cap day|month FEN, debts",
);

fn number(text: &str, from: u32, to: u32, wanted: Problem) -> Result<u32, Problem> {
    let digits = !text.is_empty() && text.bytes().all(|c| c.is_ascii_digit());
    let number = digits.then(|| text.parse().ok()).flatten();
    number.filter(|number| (from..=to).contains(number)).ok_or(wanted)
}

fn fen(text: &str) -> Result<u32, Problem> {
    number(text, 1, MAX_AMOUNT, Problem::value("an amount is 1 to 999999999 fen"))
}

fn metres(text: &str) -> Result<u32, Problem> {
    number(text, 0, MAX_METRES, Problem::value("a distance is 0 to 1000000 metres"))
}

fn window(text: &str) -> Result<u32, Problem> {
    number(text, 1, MAX_WINDOW_S, Problem::value("a time is 1 to 86400 seconds"))
}

fn percent(text: &str) -> Result<u8, Problem> {
    let wanted = Problem::value("a discount is 1 to 99 per cent: no discount makes a ride free");
    u8::try_from(number(text, 1, 99, wanted)?).map_err(|_| wanted)
}

fn day(text: &str) -> Result<u32, Problem> {
    let wanted = Problem::value("a day is written as 2018-05-21, years 2000 to 2099");
    let mut moment: String<19> = String::try_from(text).map_err(|_| wanted)?;
    moment.push_str("T00:00:00").map_err(|_| wanted)?;
    let seconds = clock::to_seconds(clock::parse(&moment).ok_or(wanted)?);
    u32::try_from(seconds / clock::DAY_S).map_err(|_| wanted)
}

/// The number of a stop.
///
/// # Errors
/// It is none.
pub(crate) fn stop(text: &str) -> Result<u16, Problem> {
    let wanted = Problem::value("a stop is a number, 1 to 9999");
    u16::try_from(number(text, 1, 9999, wanted)?).map_err(|_| wanted)
}

fn aid(text: &str) -> Result<Vec<u8, 16>, Problem> {
    if let Some((_, last)) = PRODUCTS.iter().find(|(name, _)| *name == text) {
        return Vec::from_slice(&[0xA0, 0x00, 0x00, 0x03, 0x33, 0x01, 0x01, *last]).map_err(|_| USAGE);
    }
    let wanted = Problem::value("a product is debit, credit, quasi-credit, e-cash, or an AID of 5 to 16 bytes");
    let mut bytes = [0; 16];
    let length = hex::decode(text, &mut bytes).filter(|length| *length >= 5).ok_or(wanted)?;
    Vec::from_slice(&bytes[..length]).map_err(|_| wanted)
}

impl Rule {
    /// Reads what follows the word `fares` on the console.
    ///
    /// # Errors
    /// [`Problem`], for the `error` reply.
    pub fn parse(text: &str) -> Result<Self, Problem> {
        let mut words = text.split(' ').filter(|word| !word.is_empty());
        let words = [words.next(), words.next(), words.next(), words.next(), words.next()];
        match words {
            [Some("stop"), Some(number), Some(at), None, None] => {
                Ok(Self::Stop { stop: stop(number)?, at_m: metres(at)? })
            }
            [Some("step"), Some(up_to), Some(amount), None, None] => {
                Ok(Self::Step { up_to_m: metres(up_to)?, fen: fen(amount)? })
            }
            [Some("trip"), Some(within), None, None, None] => Ok(Self::Trip { within_s: window(within)? }),
            [Some("transfer"), Some(within), Some(off), Some(rides), None] => {
                let off = if off == FREE { MAX_AMOUNT } else { fen(off)? };
                let wanted = Problem::value("1 to 9 transfers");
                let rides = u8::try_from(number(rides, 1, 9, wanted)?).map_err(|_| wanted)?;
                Ok(Self::Transfer(Transfer { within_s: window(within)?, off, rides }))
            }
            [Some("discount"), Some(product), Some(off), None, None] => {
                Ok(Self::Discount(Discount { aid: aid(product)?, percent: percent(off)? }))
            }
            [Some("promotion"), Some(from), Some(to), Some(gift), None] => {
                let (from, to) = (day(from)?, day(to)?);
                if from > to {
                    return Err(Problem::value("a promotion ends before it begins"));
                }
                let gift = match gift.strip_suffix('%') {
                    Some(off) => Gift::Percent(percent(off)?),
                    None => Gift::Fare(fen(gift)?),
                };
                Ok(Self::Promotion(Promotion { from, to, gift }))
            }
            [Some("cap"), Some("day"), Some(most), None, None] => Ok(Self::DayCap(fen(most)?)),
            [Some("cap"), Some("month"), Some(most), None, None] => Ok(Self::MonthCap(fen(most)?)),
            [Some("debts"), None, None, None, None] => Ok(Self::Debts),
            _ => Err(USAGE),
        }
    }
}

/// A day as the console writes it.
struct Day(u32);

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kernel::Date { year, month, day } = clock::from_seconds(u64::from(self.0) * clock::DAY_S).date;
        write!(f, "{year:04}-{month:02}-{day:02}")
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stop { stop, at_m } => write!(f, "stop {stop} {at_m}"),
            Self::Step { up_to_m, fen } => write!(f, "step {up_to_m} {fen}"),
            Self::Trip { within_s } => write!(f, "trip {within_s}"),
            Self::Transfer(Transfer { within_s, off: MAX_AMOUNT, rides }) => {
                write!(f, "transfer {within_s} {FREE} {rides}")
            }
            Self::Transfer(Transfer { within_s, off, rides }) => write!(f, "transfer {within_s} {off} {rides}"),
            Self::Discount(Discount { aid, percent }) => write!(f, "discount {} {percent}", hex::Hex(aid)),
            Self::Promotion(Promotion { from, to, gift }) => {
                write!(f, "promotion {} {} ", Day(*from), Day(*to))?;
                match gift {
                    Gift::Percent(percent) => write!(f, "{percent}%"),
                    Gift::Fare(fen) => write!(f, "{fen}"),
                }
            }
            Self::DayCap(fen) => write!(f, "cap day {fen}"),
            Self::MonthCap(fen) => write!(f, "cap month {fen}"),
            Self::Debts => f.write_str("debts"),
        }
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use proptest::prelude::*;
    use std::string::ToString;

    #[test]
    fn a_rule_comes_back_as_it_was_written() {
        for line in [
            "stop 7 12500",
            "step 3000 100",
            "trip 7200",
            "transfer 3600 100 1",
            "transfer 5400 free 2",
            "discount a000000333010102 20",
            "promotion 2018-05-01 2018-05-31 50%",
            "promotion 2020-02-29 2020-02-29 1",
            "cap day 400",
            "cap month 5000",
            "debts",
        ] {
            assert_eq!(Rule::parse(line).map(|rule| rule.to_string()).as_deref(), Ok(line));
        }
        assert_eq!(Rule::parse("discount credit 20"), Rule::parse("discount A000000333010102 20"));
    }

    #[test]
    fn what_is_no_rule_says_why() {
        for (line, code) in [
            ("", "malformed"),
            ("stop 7", "malformed"),
            ("stop 0 5", "value"),
            ("stop 7 1000001", "value"),
            ("step 3000 0", "value"),
            ("step 3000 1.00", "value"),
            ("trip 86401", "value"),
            ("trip 0", "value"),
            ("transfer 3600 100", "malformed"),
            ("transfer 3600 100 0", "value"),
            ("discount gold 20", "value"),
            ("discount A0000003 20", "value"),
            ("discount credit 100", "value"),
            ("promotion 2018-05-31 2018-05-01 1", "value"),
            ("promotion 2018-02-29 2018-05-01 1", "value"),
            ("promotion 2018-05-01 2018-05-02 100%", "value"),
            ("cap week 5", "malformed"),
            ("cap day +5", "value"),
            ("debts on", "malformed"),
        ] {
            assert_eq!(Rule::parse(line).map_err(|problem| problem.code), Err(code), "{line}");
        }
    }

    proptest! {
        #[test]
        fn no_rule_panics(line in "(stop|step|trip|transfer|discount|promotion|cap|debts)?[ a-z0-9:%-]{0,40}.{0,10}") {
            let _ = Rule::parse(&line);
        }
    }
}
