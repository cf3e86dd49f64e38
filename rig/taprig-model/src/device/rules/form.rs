//! How a device writes amounts, times, counters and masked numbers.

use crate::text::text;
use crate::units::{DateTime, Malformed, malformed};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// How a device writes values. Whatever is absent is written as cases write it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Forms {
    /// Amounts, both ways.
    pub amount: AmountForm,
    /// Dates and times, both ways.
    pub time: TimeForm,
    /// Application transaction counters that the device tells.
    pub counter: CounterForm,
    /// The characters that stand for a hidden digit of an account number, such as `#` or `X`. The default is `*`.
    /// Blanks and hyphens between digits are left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hidden: Option<String>,
}

impl Forms {
    /// An account number with a `*` for each character that hides a digit.
    #[must_use]
    pub fn account(&self, said: &str) -> String {
        let hidden = self.hidden.as_deref().unwrap_or("*");
        // A device writes a single hyphen if the card has no number.
        if said == "-" {
            return said.to_owned();
        }
        let digits = said.chars().filter(|c| hidden.contains(*c) || !matches!(c, ' ' | '-'));
        digits.map(|c| if hidden.contains(c) { '*' } else { c }).collect()
    }
}

/// How a device writes an amount.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum AmountForm {
    /// In fen: `100` is one yuan. Zeros in front are allowed.
    #[default]
    Fen,
    /// In jiao, with one decimal for the fen: `10` or `10.0` is one yuan.
    Jiao,
    /// In yuan with two decimals: `1.00` is one yuan. Fewer decimals, and commas between thousands, are read as well.
    Yuan,
}

impl AmountForm {
    const fn decimals(self) -> usize {
        match self {
            Self::Fen => 0,
            Self::Jiao => 1,
            Self::Yuan => 2,
        }
    }

    /// The amount as the device writes it.
    #[must_use]
    pub fn write(self, fen: u64) -> String {
        match self {
            Self::Fen => fen.to_string(),
            Self::Jiao => format!("{}.{}", fen / 10, fen % 10),
            Self::Yuan => format!("{}.{:02}", fen / 100, fen % 100),
        }
    }

    /// The amount in fen that the device writes like this. `None` if it is no amount of this form.
    #[must_use]
    pub fn read(self, said: &str) -> Option<u64> {
        let said: String = said.trim().chars().filter(|c| *c != ',').collect();
        let (whole, part) = said.split_once('.').unwrap_or((&said, ""));
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() || !digits(whole) || !digits(part) || part.len() > self.decimals() {
            return None;
        }
        format!("{whole}{part:0<width$}", width = self.decimals()).parse().ok()
    }
}

/// How a device writes an application transaction counter.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum CounterForm {
    /// As four hexadecimal digits.
    #[default]
    Hexadecimal,
    /// As a decimal number.
    Decimal,
}

impl CounterForm {
    /// The counter as cases write it. A text that is no such number stays as it is.
    #[must_use]
    pub fn read(self, said: &str) -> String {
        match (self, said.parse::<u16>()) {
            (Self::Decimal, Ok(counter)) => format!("{counter:04x}"),
            _ => said.to_owned(),
        }
    }
}

/// How a device writes a date with a time: `YYYY`, `YY`, `MM`, `DD`, `hh`, `mm` and `ss` stand for the parts, each with
/// its fixed number of digits, and everything else stands for itself. Such as `DD/MM/YYYY hh:mm:ss`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimeForm(String);

text!(TimeForm, "TimeForm", r"^.*MM.*$", "a form of dates and times such as `YYYY-MM-DDThh:mm:ss`");

/// The parts of a date with a time.
const PARTS: [&str; 7] = ["YYYY", "YY", "MM", "DD", "hh", "mm", "ss"];

impl Default for TimeForm {
    fn default() -> Self {
        Self("YYYY-MM-DDThh:mm:ss".into())
    }
}

impl fmt::Display for TimeForm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for TimeForm {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        const WRITE: &str = "each of `YYYY` or `YY`, `MM`, `DD`, `hh`, `mm` and `ss` once";
        let form = Self(text.to_owned());
        let parts: Vec<&str> = form.pieces().filter(|piece| PARTS.contains(piece)).collect();
        let has = |part: &str| parts.iter().filter(|piece| **piece == part).count();
        for part in ["MM", "DD", "hh", "mm", "ss"] {
            if has(part) != 1 {
                return malformed(format!("`{part}` is not there exactly once"), WRITE);
            }
        }
        if has("YYYY") + has("YY") != 1 {
            return malformed("the year is not there exactly once", WRITE);
        }
        Ok(form)
    }
}

impl TimeForm {
    /// The parts and the single characters between them.
    fn pieces(&self) -> impl Iterator<Item = &str> {
        let mut rest = self.0.as_str();
        std::iter::from_fn(move || {
            let length = PARTS
                .iter()
                .find(|part| rest.starts_with(**part))
                .map_or_else(|| rest.chars().next().map(char::len_utf8), |part| Some(part.len()))?;
            let (piece, after) = rest.split_at(length);
            rest = after;
            Some(piece)
        })
    }

    /// The time as the device writes it.
    #[must_use]
    pub fn write(&self, time: DateTime) -> String {
        self.pieces()
            .map(|piece| match piece {
                "YYYY" => format!("{:04}", time.year),
                "YY" => format!("{:02}", time.year % 100),
                "MM" => format!("{:02}", time.month),
                "DD" => format!("{:02}", time.day),
                "hh" => format!("{:02}", time.hour),
                "mm" => format!("{:02}", time.minute),
                "ss" => format!("{:02}", time.second),
                other => other.to_owned(),
            })
            .collect()
    }

    /// The time that the device writes like this. `None` if the text has another form or is no time.
    #[must_use]
    pub fn read(&self, said: &str) -> Option<DateTime> {
        let mut parts = [String::new(), "01".into(), "01".into(), "00".into(), "00".into(), "00".into()];
        let mut rest = said;
        for piece in self.pieces() {
            if !PARTS.contains(&piece) {
                rest = rest.strip_prefix(piece)?;
                continue;
            }
            let digits = rest.get(..piece.len()).filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))?;
            rest = &rest[piece.len()..];
            match piece {
                "YYYY" => digits.clone_into(&mut parts[0]),
                "YY" => parts[0] = format!("20{digits}"),
                "MM" => digits.clone_into(&mut parts[1]),
                "DD" => digits.clone_into(&mut parts[2]),
                "hh" => digits.clone_into(&mut parts[3]),
                "mm" => digits.clone_into(&mut parts[4]),
                _ => digits.clone_into(&mut parts[5]),
            }
        }
        let [year, month, day, hour, minute, second] = parts;
        let whole = format!("{year}-{month}-{day}T{hour}:{minute}:{second}");
        whole.parse().ok().filter(|_| rest.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn amounts_in_each_form() {
        for (form, said, fen) in [
            (AmountForm::Fen, "100", 100),
            (AmountForm::Fen, "000000000100", 100),
            (AmountForm::Jiao, "10.5", 105),
            (AmountForm::Jiao, "10", 100),
            (AmountForm::Yuan, "1.00", 100),
            (AmountForm::Yuan, "1", 100),
            (AmountForm::Yuan, "1.5", 150),
            (AmountForm::Yuan, "1,234.56", 123_456),
        ] {
            assert_eq!(form.read(said), Some(fen), "{said}");
            assert_eq!(form.read(&form.write(fen)), Some(fen), "{said}");
        }
        for (form, wrong) in [
            (AmountForm::Fen, "1.00"),
            (AmountForm::Yuan, "1.005"),
            (AmountForm::Yuan, ""),
            (AmountForm::Yuan, "-1"),
            (AmountForm::Yuan, "1.0.0"),
            (AmountForm::Fen, "99999999999999999999"),
        ] {
            assert_eq!(form.read(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn times_in_forms_of_their_own() {
        let time: DateTime = "2018-05-21T08:09:07".parse().unwrap();
        for (form, said) in [
            ("YYYY-MM-DDThh:mm:ss", "2018-05-21T08:09:07"),
            ("DD/MM/YY hh.mm.ss", "21/05/18 08.09.07"),
            ("YYYYMMDDhhmmss", "20180521080907"),
            ("YYYY年MM月DD日 hh时mm分ss秒", "2018年05月21日 08时09分07秒"),
        ] {
            let form: TimeForm = form.parse().unwrap();
            assert_eq!(form.write(time), said);
            assert_eq!(form.read(said), Some(time), "{said}");
        }
        let form = TimeForm::default();
        for wrong in ["unset", "", "2018-13-21T08:09:07", "2018-05-21T08:09:07Z", "2018-05-21", "２018-05-21T08:09:07"]
        {
            assert_eq!(form.read(wrong), None, "{wrong}");
        }
        for wrong in ["", "YYYY-MM-DD", "YYYY-MM-DD hh:mm:ss mm", "MM-DD hh:mm:ss", "YYYY YY-MM-DD hh:mm:ss"] {
            assert!(wrong.parse::<TimeForm>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn numbers_masked_in_another_style() {
        let forms = Forms { hidden: Some("#X".into()), ..Forms::default() };
        assert_eq!(forms.account("6229-90##-XXXX-0021"), "622990******0021");
        assert_eq!(Forms::default().account("622990 ****** 0021"), "622990******0021");
        let by_hyphens = Forms { hidden: Some("-".into()), ..Forms::default() };
        assert_eq!(by_hyphens.account("622990------0021"), "622990******0021");
        assert_eq!(forms.account("-"), "-");
    }

    #[test]
    fn counters() {
        assert_eq!(CounterForm::Decimal.read("23"), "0017");
        assert_eq!(CounterForm::Decimal.read("x"), "x");
        assert_eq!(CounterForm::Hexadecimal.read("0017"), "0017");
    }

    proptest! {
        #[test]
        fn an_amount_is_read_as_it_was_written(fen in 0u64..1_000_000_000_000) {
            for form in [AmountForm::Fen, AmountForm::Jiao, AmountForm::Yuan] {
                prop_assert_eq!(form.read(&form.write(fen)), Some(fen));
            }
        }

        #[test]
        fn no_text_panics(form in "[YMDhms年 /:]{0,24}", said in ".{0,24}") {
            let _ = AmountForm::Yuan.read(&said);
            if let Ok(form) = form.parse::<TimeForm>() {
                let _ = form.read(&said);
            }
        }
    }
}
