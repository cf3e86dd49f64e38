//! Prices, by example and for all values.

extern crate std;

use std::collections::BTreeMap;
use std::vec::Vec;

use proptest::prelude::*;

use super::Tariff;
use super::card::{CardState, Debt, day, tests::at};
use super::policy::{Gift, Policy, Promotion, Rule, Transfer, tests::line};
use super::quote::{Kind, Quote, Tap};
use crate::clock::from_seconds;

fn policy(rules: impl IntoIterator<Item = Rule>) -> Policy {
    Policy::new(rules.into_iter()).expect("good rules")
}

fn tariff(policy: &Policy) -> Tariff<'_> {
    Tariff { fare: 200, discount: 0, one_cent: false, policy }
}

/// Taps of one card, one after the other.
struct Rider<'a> {
    tariff: Tariff<'a>,
    state: Option<CardState>,
    trace: u32,
}

impl<'a> Rider<'a> {
    fn new(tariff: Tariff<'a>) -> Self {
        Self { tariff, state: None, trace: 0 }
    }

    fn tap(&mut self, now_s: u64, stop: Option<u16>) -> Quote {
        self.trace += 1;
        let tap = Tap { now_s, stop, aid: None, trace: self.trace };
        let quote = self.tariff.quote(self.state.as_ref(), &tap);
        self.state = Some(quote.after);
        quote
    }

    fn pays(&mut self, now: &str) -> u32 {
        self.tap(at(now), None).charged()
    }
}

fn flat(fare: u32, discount: u8, one_cent: bool) -> u32 {
    Tariff { fare, discount, one_cent, policy: &Policy::default() }.first(0)
}

#[test]
fn discounts_round_up_to_the_fen() {
    assert_eq!(flat(100, 0, false), 100);
    assert_eq!(flat(100, 10, false), 90);
    assert_eq!(flat(150, 33, false), 101, "100.5 fen");
    assert_eq!(flat(1, 99, false), 1);
    assert_eq!(flat(100, 100, false), 0);
    assert_eq!(flat(999_999_999, 0, false), 999_999_999);
}

#[test]
fn the_promotion_costs_one_fen() {
    assert_eq!(flat(100, 0, true), 1);
    assert_eq!(flat(100, 50, true), 1);
    assert_eq!(flat(0, 0, true), 0, "free stays free");
}

#[test]
fn without_a_policy_nothing_is_remembered() {
    let none = Policy::default();
    let mut rider = Rider::new(tariff(&none));
    assert_eq!((rider.pays("2018-05-21T08:00:00"), rider.pays("2018-05-21T08:00:01")), (200, 200));
    assert!(!none.remembers() && none.is_flat());
}

#[test]
fn a_trip_holds_the_highest_fare_and_costs_its_distance() {
    let policy = policy(line());
    let mut rider = Rider::new(tariff(&policy));
    let on = rider.tap(at("2018-05-21T08:00:00"), Some(1));
    assert_eq!((on.kind, on.claim, on.charged()), (Kind::On { within_s: 7200 }, 300, 0));
    let off = rider.tap(at("2018-05-21T10:00:00"), Some(2));
    assert_eq!((off.kind, off.claim, off.charged()), (Kind::Off { on: 1 }, 100, 100));
    // One second later than the window, a tap is another tap-on.
    rider.tap(at("2018-05-21T12:00:00"), Some(1));
    assert_eq!(rider.tap(at("2018-05-21T14:00:01"), Some(2)).kind, Kind::On { within_s: 7200 });
    // The stop is not in the table any more, or nobody knows it: the trip costs what the card signed.
    assert_eq!(rider.tap(at("2018-05-21T14:10:00"), Some(99)).claim, 300);
}

#[test]
fn transfers_run_from_the_first_ride() {
    let policy = policy([Rule::Transfer(Transfer { within_s: 3600, off: 150, rides: 1 })]);
    for (second, third, expected) in [
        ("2018-05-21T09:00:00", "2018-05-21T09:00:00", [200, 50, 200]),
        ("2018-05-21T09:00:01", "2018-05-21T09:10:00", [200, 200, 50]),
        // Over midnight, and with a clock that was set back.
        ("2018-05-21T07:00:00", "2018-05-21T08:30:00", [200, 50, 200]),
        ("2018-05-20T08:00:00", "2018-05-20T08:30:00", [200, 200, 50]),
    ] {
        let mut rider = Rider::new(tariff(&policy));
        let paid = ["2018-05-21T08:00:00", second, third].map(|now| rider.pays(now));
        assert_eq!(paid, expected, "{second}, {third}");
    }
}

#[test]
fn caps_end_at_midnight_and_at_the_end_of_the_month() {
    let policy = policy([Rule::DayCap(300), Rule::MonthCap(700)]);
    let mut rider = Rider::new(tariff(&policy));
    let paid = [
        ("2018-05-29T08:00:00", 200),
        ("2018-05-29T09:00:00", 100),
        ("2018-05-29T23:59:59", 0),
        ("2018-05-30T00:00:00", 200),
        // The month's cap leaves 200.
        ("2018-05-31T08:00:00", 200),
        ("2018-05-31T23:59:59", 0),
        ("2018-06-01T00:00:00", 200),
    ];
    for (now, expected) in paid {
        assert_eq!(rider.pays(now), expected, "{now}");
    }
}

#[test]
fn a_trip_counts_for_the_day_of_its_beginning() {
    let policy = policy(line().into_iter().chain([Rule::DayCap(350)]));
    let mut rider = Rider::new(tariff(&policy));
    rider.tap(at("2018-05-21T23:30:00"), Some(1));
    assert_eq!(rider.tap(at("2018-05-22T00:30:00"), Some(5)).claim, 300);
    // The new day has its whole cap.
    rider.tap(at("2018-05-22T06:00:00"), Some(1));
    assert_eq!(rider.tap(at("2018-05-22T06:30:00"), Some(5)).claim, 300);
    let on = rider.tap(at("2018-05-22T07:00:00"), Some(1));
    assert_eq!(on.claim, 50, "what is left of the cap");
}

#[test]
fn a_promotion_begins_and_ends_at_midnight() {
    let [from, to] = ["2020-02-29T00:00:00", "2020-02-29T00:00:00"].map(|text| day(at(text)));
    let policy = policy([Rule::Promotion(Promotion { from, to, gift: Gift::Fare(1) })]);
    let prices = ["2020-02-28T23:59:59", "2020-02-29T00:00:00", "2020-02-29T23:59:59", "2020-03-01T00:00:00"];
    assert_eq!(prices.map(|now| tariff(&policy).first(at(now))), [200, 1, 1, 200]);
}

#[test]
fn a_card_that_owes_pays_the_old_fare_and_does_not_ride() {
    let policy = policy([Rule::Debts]);
    let mut rider = Rider::new(tariff(&policy));
    let debt = Debt { amount: 120, counted: 9, attempt: None };
    rider.state = Some(CardState { debt: Some(debt), ..CardState::default() });
    let quote = rider.tap(at("2018-05-21T08:00:00"), None);
    assert_eq!((quote.kind, quote.claim, quote.charged()), (Kind::Debt, 120, 0));
    assert_eq!(quote.after.debt, Some(Debt { attempt: Some(1), ..debt }));
    assert_eq!(quote.after.day_total, 0, "an old fare does not count for the cap of today");
}

/// A policy with everything, and what a rider does with it: seconds to the next tap, and the stop.
fn life() -> impl Strategy<Value = (u32, u32, u8, Vec<(u64, u16)>)> {
    let taps = prop::collection::vec((0_u64..20_000, 1_u16..=5), 1..40);
    (50_u32..1200, 300_u32..5000, 0_u8..100, taps)
}

proptest! {
    #[test]
    fn no_day_and_no_month_costs_more_than_its_cap((day_cap, month_cap, percent, taps) in life(), by_distance: bool) {
        let transfer = Rule::Transfer(Transfer { within_s: 3600, off: 50, rides: 2 });
        let caps = [Rule::DayCap(day_cap), Rule::MonthCap(month_cap), transfer];
        let line = line().into_iter().filter(|_| by_distance);
        let policy = policy(line.chain(caps));
        let mut rider = Rider::new(Tariff { discount: percent, ..tariff(&policy) });
        let mut now = at("2018-05-30T20:00:00");
        // What each trip costs in the end, by its beginning.
        let mut costs: BTreeMap<u32, (u64, u32)> = BTreeMap::new();
        for (gone, stop) in taps {
            now += gone;
            let quote = rider.tap(now, Some(stop));
            match quote.kind {
                Kind::Ride | Kind::On { .. } => {
                    costs.insert(rider.trace, (now, quote.claim));
                }
                Kind::Off { on } => {
                    let cost = costs.get_mut(&on).expect("a tap-on");
                    prop_assert!(quote.claim <= cost.1, "no trip costs more than the card signed");
                    prop_assert!(now - cost.0 <= 7200);
                    cost.1 = quote.claim;
                }
                Kind::Debt => prop_assert!(false, "nobody owes"),
            }
        }
        let (mut days, mut months) = (BTreeMap::new(), BTreeMap::new());
        for (since, cost) in costs.into_values() {
            let date = from_seconds(since).date;
            *days.entry(day(since)).or_insert(0) += cost;
            *months.entry((date.year, date.month)).or_insert(0) += cost;
        }
        prop_assert!(days.values().all(|paid| *paid <= day_cap), "{days:?}");
        prop_assert!(months.values().all(|paid| *paid <= month_cap), "{months:?}");
    }

    #[test]
    fn no_clock_and_no_memory_panics(
        last_s: u64, day_total: u32, month_total: u32, now_s: u64, since_s: u64, used: u8, stop: u16
    ) {
        let transfer = Rule::Transfer(Transfer { within_s: 3600, off: 50, rides: 2 });
        let policy = policy(line().into_iter().chain([Rule::DayCap(1), transfer]));
        let chain = Some(super::card::Chain { since_s, used });
        let trip = super::card::Trip { since_s, within_s: u32::MAX, stop, hold: used.into(), off: 1, left: 9, trace: 3 };
        for trip in [None, Some(trip)] {
            let state = CardState { last_s, day_total, month_total, chain, trip, debt: None };
            let tap = Tap { now_s, stop: Some(stop), aid: Some(&[0xA0]), trace: 5 };
            let quote = tariff(&policy).quote(Some(&state), &tap);
            prop_assert!(quote.claim <= 300);
        }
    }

    #[test]
    fn a_price_is_never_above_the_fare_and_rounds_up(fare in 0_u32..=999_999_999, percent in 0_u8..=100) {
        let none = Policy::default();
        let price = Tariff { discount: percent, ..tariff(&none) }.price(fare, None, 0);
        let exact = u64::from(fare) * u64::from(100 - percent);
        prop_assert!(price <= fare && u64::from(price) * 100 >= exact && u64::from(price) * 100 < exact + 100);
    }
}
