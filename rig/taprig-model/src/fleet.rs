//! A fleet file, `fixtures/fleets/<name>.yaml`: counties with their lines and buses.

use serde::{Deserialize, Serialize};

use crate::books::{Label, Merchant};
use crate::day::Day;
use crate::units::Money;
use crate::version::Version;

/// A fleet: counties with their lines, buses and opening dates.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Fleet {
    /// Version of this format.
    pub schema: Version,
    /// For a person: whose buses these are.
    pub title: String,
    /// The counties, in any order.
    pub counties: Vec<County>,
}

/// A county.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct County {
    /// Its name, which is a setting of its validators.
    pub name: Label,
    /// The first day on which its buses take cards.
    pub opens: Day,
    /// Its merchant (field 42), 15 characters.
    pub merchant: Merchant,
    /// Its lines.
    pub lines: Vec<Line>,
}

/// A line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Line {
    /// Its name, as validators and books have it. No other line of the fleet has it.
    pub line: Label,
    /// Number of its buses. A bus is called `<line>-<number>`, with two or three digits.
    pub buses: u16,
    /// Terminal number of its first bus: 8 digits. The other buses have the numbers that follow.
    pub first_terminal: u32,
    /// Its flat fare without promotions.
    pub fare: Money,
    /// How many rides a bus of this line has in a day, relative to the other lines. Absent: 100.
    #[serde(default = "usual")]
    pub demand: u32,
}

impl Line {
    /// The name of its bus with this number, counted from 1: `<line>-<number>`.
    #[must_use]
    pub fn bus(&self, number: u16) -> String {
        let width = if self.buses > 99 { 3 } else { 2 };
        format!("{}-{number:0width$}", self.line)
    }

    /// The names of all its buses, in order.
    pub fn all_buses(&self) -> impl Iterator<Item = String> {
        (1..=self.buses).map(|number| self.bus(number))
    }
}

const fn usual() -> u32 {
    100
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buses_are_called_by_line_and_number() {
        let text = r#"{"line":"ZS-1","buses":26,"first-terminal":72660101,"fare":"2.00 CNY"}"#;
        let mut line: Line = serde_json::from_str(text).unwrap();
        let names: Vec<String> = line.all_buses().collect();
        assert_eq!((names.len(), names[0].as_str(), names[25].as_str()), (26, "ZS-1-01", "ZS-1-26"));
        line.buses = 100;
        assert_eq!(line.bus(7), "ZS-1-007");
    }
}
