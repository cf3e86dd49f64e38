//! Fares beyond the flat one: by distance, transfers, discounts by product, promotions, caps, old debts.

use crate::text::text;
use crate::units::{Day, Hex, Malformed, Money, Percent, malformed};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// A fare policy. A device has all of it or the flat fare alone. What is absent is not part of the policy.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Fares {
    /// Fares are by distance, with tap-on and tap-off.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub distance: Option<Distance>,
    /// Rides that follow a ride soon are cheaper.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transfer: Option<Transfer>,
    /// Discounts by product.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub discounts: Vec<Discount>,
    /// Promotions with their dates.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub promotions: Vec<Promotion>,
    /// The most that a card pays.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub caps: Option<Caps>,
    /// A card whose claim was refused pays this old fare first, and rides when the acquirer has accepted that.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub debts: bool,
}

/// Fares by distance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Distance {
    /// The stops of the line, at most 64.
    pub stops: Vec<Stop>,
    /// What a trip costs, by its length, at most 16 steps. A trip costs the fare of the first step that is long enough.
    pub steps: Vec<FareStep>,
    /// The longest time from tap-on to tap-off. A trip without a tap-off in this time costs the highest fare.
    pub trip: Window,
}

/// A stop of a line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Stop {
    /// Its number, 1 to 9999.
    #[schemars(range(min = 1, max = 9999))]
    pub stop: u16,
    /// How far it is from the beginning of the line.
    pub at: Metres,
    /// Its name, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// A step of a fare by distance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct FareStep {
    /// The longest distance that has this fare.
    pub up_to: Metres,
    /// The fare.
    pub fare: Money,
}

/// Transfers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Transfer {
    /// The longest time from the first ride to a transfer.
    pub within: Window,
    /// What a transfer costs less than a ride. If it is absent, a transfer is free.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub off: Option<Money>,
    /// How many transfers follow a ride at most, 1 to 9. The default is 1.
    #[serde(default = "one")]
    #[schemars(range(min = 1, max = 9))]
    pub rides: u8,
}

const fn one() -> u8 {
    1
}

/// A discount by product. Discounts do not add up: the largest one counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Discount {
    /// For which cards.
    pub product: Product,
    /// What they pay less, 1 % to 99 %.
    pub discount: Percent,
}

/// The product of a card, by its AID.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Product {
    /// A debit card.
    Debit,
    /// A credit card.
    Credit,
    /// A quasi-credit card.
    QuasiCredit,
    /// An electronic cash application.
    ECash,
    /// Any card whose AID begins with these bytes, 5 to 16 of them.
    Aid(Hex),
}

/// A promotion. It has either a discount or a fare.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Promotion {
    /// Its first day.
    pub from: Day,
    /// Its last day, which belongs to it.
    pub to: Day,
    /// What every rider pays less, 1 % to 99 %.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub discount: Option<Percent>,
    /// The most that a ride costs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fare: Option<Money>,
}

/// The most that a card pays. Days and months are those of the calendar.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Caps {
    /// In a day.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub day: Option<Money>,
    /// In a month.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub month: Option<Money>,
}

impl Fares {
    /// The rules of the policy, as the console of the reference device has them, in the order to send them.
    #[must_use]
    pub fn rules(&self) -> Vec<String> {
        let mut rules = Vec::new();
        if let Some(Distance { stops, steps, trip }) = &self.distance {
            rules.extend(stops.iter().map(|stop| format!("stop {} {}", stop.stop, stop.at.0)));
            rules.extend(steps.iter().map(|step| format!("step {} {}", step.up_to.0, step.fare.fen)));
            rules.push(format!("trip {}", trip.0));
        }
        if let Some(Transfer { within, off, rides }) = &self.transfer {
            let off = off.map_or_else(|| "free".to_owned(), |off| off.fen.to_string());
            rules.push(format!("transfer {} {off} {rides}", within.0));
        }
        rules.extend(self.discounts.iter().map(|Discount { product, discount }| {
            let product = match product {
                Product::Debit => "debit".to_owned(),
                Product::Credit => "credit".to_owned(),
                Product::QuasiCredit => "quasi-credit".to_owned(),
                Product::ECash => "e-cash".to_owned(),
                Product::Aid(aid) => aid.to_string(),
            };
            format!("discount {product} {}", discount.0)
        }));
        for Promotion { from, to, discount, fare } in &self.promotions {
            let percent = discount.map(|discount| format!("{}%", discount.0));
            let gifts = percent.into_iter().chain(fare.map(|fare| fare.fen.to_string()));
            rules.extend(gifts.map(|gift| format!("promotion {from} {to} {gift}")));
        }
        let caps = self.caps.clone().unwrap_or_default();
        let cap = |word: &str, most: Money| format!("cap {word} {}", most.fen);
        rules.extend(caps.day.map(|most| cap("day", most)));
        rules.extend(caps.month.map(|most| cap("month", most)));
        rules.extend(self.debts.then(|| "debts".to_owned()));
        rules
    }

    /// What is wrong with the policy beyond its types: where it is, and what to do.
    #[must_use]
    pub fn problems(&self) -> Vec<(Vec<String>, String)> {
        let way = |steps: &[&str]| steps.iter().map(|step| (*step).to_owned()).collect::<Vec<_>>();
        let mut problems = Vec::new();
        if let Some(Distance { stops, steps, .. }) = &self.distance {
            let span = stops.iter().map(|stop| stop.at.0).max().zip(stops.iter().map(|stop| stop.at.0).min());
            let longest = span.map_or(0, |(last, first)| last - first);
            if stops.len() < 2 || stops.len() > 64 {
                problems.push((way(&["distance", "stops"]), "a line has 2 to 64 stops".to_owned()));
            }
            for (index, stop) in stops.iter().enumerate() {
                let at = ["distance", "stops", &index.to_string(), "stop"].map(str::to_owned).to_vec();
                if !(1..=9999).contains(&stop.stop) {
                    problems.push((at, "a stop is a number, 1 to 9999".to_owned()));
                } else if stops[..index].iter().any(|other| other.stop == stop.stop) {
                    problems.push((at, format!("stop {} comes twice", stop.stop)));
                }
            }
            for (index, step) in steps.iter().enumerate() {
                let before = index.checked_sub(1).and_then(|before| steps.get(before));
                if before.is_some_and(|before| step.up_to <= before.up_to || step.fare < before.fare) {
                    let at = ["distance", "steps", &index.to_string()].map(str::to_owned).to_vec();
                    problems.push((at, "each step is longer than the one before, and no cheaper".to_owned()));
                }
            }
            if steps.is_empty() || steps.len() > 16 {
                problems.push((way(&["distance", "steps"]), "a fare by distance has 1 to 16 steps".to_owned()));
            } else if steps.last().is_some_and(|last| last.up_to.0 < longest) {
                let what = format!("the line is {longest} m long, and the last step is shorter");
                problems.push((way(&["distance", "steps"]), what));
            }
        }
        if self.transfer.as_ref().is_some_and(|transfer| !(1..=9).contains(&transfer.rides)) {
            problems.push((way(&["transfer", "rides"]), "1 to 9 transfers follow a ride".to_owned()));
        }
        let is_share = |percent: Percent| (1..=99).contains(&percent.0);
        for (index, discount) in self.discounts.iter().enumerate() {
            let at = |key: &str| ["discounts", &index.to_string(), key].map(str::to_owned).to_vec();
            if !is_share(discount.discount) {
                problems.push((at("discount"), "a discount is 1 % to 99 %: none makes a ride free".to_owned()));
            }
            if let Product::Aid(Hex(aid)) = &discount.product
                && !(5..=16).contains(&aid.len())
            {
                problems.push((at("product"), "an AID has 5 to 16 bytes".to_owned()));
            }
        }
        for (index, promotion) in self.promotions.iter().enumerate() {
            let at = ["promotions", &index.to_string()].map(str::to_owned).to_vec();
            if promotion.discount.is_some() == promotion.fare.is_some() {
                problems.push((at, "a promotion has either `discount` or `fare`".to_owned()));
            } else if promotion.discount.is_some_and(|discount| !is_share(discount)) {
                problems.push((at, "a discount is 1 % to 99 %: none makes a ride free".to_owned()));
            } else if promotion.from > promotion.to {
                problems.push((at, "this promotion ends before it begins".to_owned()));
            }
        }
        problems
    }
}

/// A time of a tariff, 1 s to a day, in whole seconds: `30 s`, `60 min`, `2 h`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window(pub u32);

text!(Window, "Window", r"^[0-9]+ ?(s|min|h)$", "a time such as `60 min`, 1 s to 24 h");

impl FromStr for Window {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let units = [("min", 60), ("s", 1), ("h", 3600)];
        let split = units.iter().find_map(|(unit, seconds)| Some((text.strip_suffix(unit)?.trim_end(), seconds)));
        let number = split.filter(|(number, _)| number.bytes().all(|c| c.is_ascii_digit()));
        let seconds = number.and_then(|(number, unit)| number.parse::<u32>().ok()?.checked_mul(*unit));
        match seconds {
            Some(seconds) if (1..=86_400).contains(&seconds) => Ok(Self(seconds)),
            _ => malformed(format!("`{text}` is not a time of 1 s to 24 h"), "`60 min`"),
        }
    }
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            hours if hours % 3600 == 0 => write!(f, "{} h", hours / 3600),
            minutes if minutes % 60 == 0 => write!(f, "{} min", minutes / 60),
            seconds => write!(f, "{seconds} s"),
        }
    }
}

/// A distance in metres: `3000 m`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Metres(pub u32);

text!(Metres, "Metres", r"^[0-9]+ ?m$", "a distance such as `3000 m`, at most 1000000 m");

impl FromStr for Metres {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let number = text.strip_suffix('m').map(str::trim_end);
        let number = number.filter(|number| number.bytes().all(|c| c.is_ascii_digit()));
        match number.and_then(|number| number.parse().ok()) {
            Some(metres) if metres <= 1_000_000 => Ok(Self(metres)),
            _ => malformed(format!("`{text}` is not a distance of 0 to 1000000 metres"), "`3000 m`"),
        }
    }
}

impl fmt::Display for Metres {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} m", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: &str = "
        distance:
          stops: [{ stop: 1, at: 0 m, name: Station }, { stop: 2, at: 3000 m }]
          steps: [{ up-to: 1000 m, fare: 1.00 CNY }, { up-to: 3000 m, fare: 2.00 CNY }]
          trip: 120 min
        transfer: { within: 60 min, off: 0.50 CNY, rides: 2 }
        discounts: [{ product: credit, discount: 20 % }, { product: { aid: A000000333 }, discount: 5 % }]
        promotions:
          - { from: 2018-05-01, to: 2018-05-31, discount: 50 % }
          - { from: 2018-05-21, to: 2018-05-21, fare: 0.01 CNY }
        caps: { day: 4.00 CNY, month: 50.00 CNY }
        debts: true";

    fn read(text: &str) -> Fares {
        let yaml = serde_yaml::Deserializer::from_str(text);
        serde_yaml::with::singleton_map_recursive::deserialize(yaml).unwrap()
    }

    #[test]
    fn a_policy_is_a_list_of_rules() {
        let all = read(ALL);
        let rules = [
            "stop 1 0",
            "stop 2 3000",
            "step 1000 100",
            "step 3000 200",
            "trip 7200",
            "transfer 3600 50 2",
            "discount credit 20",
            "discount A000000333 5",
            "promotion 2018-05-01 2018-05-31 50%",
            "promotion 2018-05-21 2018-05-21 1",
            "cap day 400",
            "cap month 5000",
            "debts",
        ];
        assert_eq!(all.rules(), rules);
        assert_eq!(all.problems(), []);
        assert_eq!(read("{ transfer: { within: 1 s } }").rules(), ["transfer 1 free 1"]);
        assert_eq!(serde_json::from_value::<Fares>(serde_json::to_value(&all).unwrap()).unwrap(), all);
    }

    #[test]
    fn what_is_no_policy_is_told_with_its_place() {
        for (change, place) in [
            (("stop: 2,", "stop: 1,"), "distance stops 1 stop"),
            (("stop: 2,", "stop: 0,"), "distance stops 1 stop"),
            (("up-to: 3000 m", "up-to: 2999 m"), "distance steps"),
            (("fare: 2.00 CNY", "fare: 0.99 CNY"), "distance steps 1"),
            (("rides: 2", "rides: 0"), "transfer rides"),
            (("discount: 20 %", "discount: 100 %"), "discounts 0 discount"),
            (("aid: A000000333", "aid: A0000003"), "discounts 1 product"),
            (("to: 2018-05-31", "to: 2018-04-30"), "promotions 0"),
            (("fare: 0.01 CNY", "discount: 100 %"), "promotions 1"),
            (("fare: 0.01 CNY", "fare: 0.01 CNY, discount: 1 %"), "promotions 1"),
        ] {
            let wrong = ALL.replace(change.0, change.1);
            assert_ne!(wrong, ALL);
            let problems = read(&wrong).problems();
            let places: Vec<String> = problems.iter().map(|(way, _)| way.join(" ")).collect();
            assert_eq!(places, [place], "{change:?}: {problems:?}");
        }
    }

    #[test]
    fn units_are_needed() {
        assert!("3000".parse::<Metres>().is_err() && "-1 m".parse::<Metres>().is_err());
        assert!("1000001 m".parse::<Metres>().is_err() && "m".parse::<Metres>().is_err());
        for (text, seconds) in [("1 s", 1), ("60 min", 3600), ("90 min", 5400), ("24 h", 86_400), ("2h", 7200)] {
            let window: Window = text.parse().unwrap();
            assert_eq!((window.0, window.to_string().parse()), (seconds, Ok(window)), "{text}");
        }
        for wrong in ["0 s", "25 h", "86401 s", "1.5 h", "60", "min", "-1 s", "4294967295 h"] {
            assert!(wrong.parse::<Window>().is_err(), "{wrong}");
        }
        assert!("2019-02-29".parse::<Day>().is_err() && "2020-02-29".parse::<Day>().is_ok());
    }
}
