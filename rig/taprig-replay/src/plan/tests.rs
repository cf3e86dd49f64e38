use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::*;
use crate::file::price;

pub(crate) fn read<T: serde::de::DeserializeOwned>(yaml: &str) -> T {
    let reader = serde_yaml::Deserializer::from_str(yaml);
    serde_yaml::with::singleton_map_recursive::deserialize(reader).unwrap()
}

fn fixture<T: serde::de::DeserializeOwned>(name: &str) -> T {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures");
    read(&std::fs::read_to_string(root.join(name)).unwrap())
}

fn shangluo() -> (Fleet, PlanFile) {
    (fixture("fleets/shangluo.yaml"), fixture("replays/shangluo-2018.yaml"))
}

/// 2000 rides of five buses in two weeks.
pub(crate) fn two_lines() -> Plan {
    Plan::new(&fixture("fleets/two-lines.yaml"), &fixture("replays/two-lines.yaml"), None).unwrap()
}

const FLEET: &str = "
schema: 1
title: A small fleet
counties:
  - name: Luonan
    opens: 2018-01-01
    merchant: '801726041110001'
    lines:
      - { line: LN-1, buses: 2, first-terminal: 72600101, fare: 1.00 CNY }
      - { line: LN-2, buses: 1, first-terminal: 72600201, fare: 2.00 CNY, demand: 50 }
  - name: Zhashui
    opens: 2018-01-03
    merchant: '801726051110001'
    lines: [{ line: ZS-1, buses: 3, first-terminal: 72600301, fare: 2.00 CNY }]
";

const PLAN: &str = "
schema: 1
title: A small plan
fleet: none
seed: 1
from: 2018-01-01
to: 2018-01-05
rides: 400
total: 460.64 CNY
profile: uplink-1-yuan
hours: { from: '06:30:00', to: '20:00:00' }
most-a-day: 100
riders: 8
cards:
  - { image: unionpay-credit-rsa1152, product: credit, share: 3 }
  - { image: phone, product: phone, share: 1, phone: true }
promotions:
  - { from: 2018-01-02, to: 2018-01-02, one-cent: true }
  - { from: 2018-01-04, to: 2018-01-05, county: Zhashui, discount: 20 % }
beside: { retaps: 100, counterfeits: 20, expired: 30, barred: 50, denied-riders: 1, refused-riders: 2, lost-lines: 2, waiting-buses: 1 }
";

pub(crate) fn small() -> Plan {
    Plan::new(&read(FLEET), &read(PLAN), None).unwrap()
}

fn refused(from: &str, to: &str) -> String {
    let (fleet, plan) = (FLEET.replace(from, to), PLAN.replace(from, to));
    assert!((fleet.as_str(), plan.as_str()) != (FLEET, PLAN), "`{from}` is nowhere");
    let wrong = Plan::new(&read(&fleet), &read(&plan), None).unwrap_err();
    wrong.into_iter().map(|refusal| refusal.what + "\n").collect()
}

#[test]
fn a_plan_has_its_rides_and_its_total() {
    let plan = small();
    assert_eq!(plan.buses.iter().map(Bus::rides).sum::<u64>(), 400);
    assert_eq!(plan.buses.iter().map(Bus::fen).sum::<u64>(), 46_064);
    let of_zhashui = plan.buses.iter().filter(|bus| bus.county.as_str() == "Zhashui").flat_map(|bus| &bus.days);
    assert!(
        of_zhashui.clone().count() > 0 && of_zhashui.clone().all(|day| day.day.to_string().as_str() >= "2018-01-03")
    );
    let lost = plan.buses.iter().flat_map(|bus| &bus.days).filter(|day| day.uplink != Uplink::Works).count();
    assert_eq!(lost, 3);
    assert_eq!(plan.buses[0].name, "LN-1-01");
    assert_eq!(plan.buses[1].terminal, "72600102");
}

#[test]
fn five_months_of_shangluo_are_318_100_rides_for_369_200_yuan() {
    let (fleet, file) = shangluo();
    assert_eq!(fleet.counties.iter().map(|county| county.lines.len()).sum::<usize>(), 14);
    let plan = Plan::new(&fleet, &file, None).unwrap();
    assert_eq!((plan.buses.len(), plan.rides, plan.total), (123, 318_100, 36_920_000));
    assert_eq!(plan.buses.iter().map(Bus::rides).sum::<u64>(), 318_100);
    assert_eq!(plan.buses.iter().map(Bus::fen).sum::<u64>(), 36_920_000);
    let zhashui: Vec<&Bus> = plan.buses.iter().filter(|bus| bus.county.as_str() == "Zhashui").collect();
    assert_eq!(zhashui.len(), 46);
    assert_eq!(zhashui.iter().map(|bus| bus.line.as_str()).collect::<BTreeSet<_>>().len(), 2);
    assert_eq!(zhashui.iter().flat_map(|bus| &bus.days).map(|day| day.day.to_string()).min().unwrap(), "2018-05-21");
    let days: BTreeSet<_> = plan.buses.iter().flat_map(|bus| &bus.days).map(|day| day.day).collect();
    assert_eq!(days.len(), 151);
    let prices: BTreeSet<u64> = plan.buses.iter().flat_map(|bus| &bus.days).map(|day| price(day.fare)).collect();
    assert!(prices.contains(&1) && prices.len() > 4, "{prices:?}");
    for rides in [2000, 10_000] {
        let part = Plan::new(&fleet, &file, Some(rides)).unwrap();
        assert_eq!(part.buses.iter().map(Bus::rides).sum::<u64>(), rides);
        assert_eq!(part.buses.iter().map(Bus::fen).sum::<u64>(), 36_920_000 * rides / 318_100);
    }
}

#[test]
fn a_plan_that_misses_its_total_says_by_how_much() {
    let total = |total| refused("total: 460.64 CNY", &format!("total: {total} CNY"));
    assert_eq!(
        total("900.00"),
        "400 rides can't sum to 900.00 CNY: at the highest fares they sum to 800.00 CNY, which is 100.00 CNY less\n"
    );
    assert_eq!(
        total("3.99"),
        "400 rides can't sum to 3.99 CNY: at the lowest fares they sum to 103.00 CNY, which is 99.01 CNY more\n"
    );
    // Without one-cent rides and discounts, all fares are whole yuan.
    let plan: PlanFile = PlanFile { promotions: vec![], ..read(PLAN) };
    let wrong = Plan::new(&read(FLEET), &plan, None).unwrap_err();
    assert_eq!(
        wrong[0].what,
        "400 rides can't sum to 460.64 CNY: the fares of the plan do not add up to it. The nearest sums are 460.00 CNY, \
         which is 64 fen less, or 461.00 CNY, which is 36 fen more"
    );
    assert_eq!(
        refused("most-a-day: 100", "most-a-day: 10"),
        "the fleet has room for 240 rides in these days, which is 160 fewer than 400\n"
    );
}

#[test]
fn wrong_files_are_refused_with_everything_that_is_wrong() {
    for (from, to, what) in [
        ("from: 2018-01-01\n", "from: 2018-02-01\n", "is after the last day"),
        ("line: LN-2", "line: LN-1", "two lines `LN-1`"),
        ("72600201", "72600102", "terminal 72600102 is on line LN-1 and on line LN-2"),
        ("72600201", "7260020", "do not have 8 digits"),
        ("'801726041110001'", "'80172604'", "has not 15 characters"),
        ("buses: 2,", "buses: 0,", "line LN-1 has 0 buses"),
        ("most-a-day: 100", "most-a-day: 1000", "can't have 1000 rides between"),
        ("riders: 8", "riders: 4", "4 riders of a bus, of whom 3 are barred"),
        ("share: 3", "share: 0", "no rider has a card that is not a phone"),
        ("retaps: 100", "retaps: 1001", "1001 of a thousand"),
        ("county: Zhashui, discount", "county: Zhashu, discount", "does not have"),
        ("discount: 20 %", "discount: 100 %", "all of the fare"),
        ("lost-lines: 2", "lost-lines: 200", "lost lines find no day"),
        ("waiting-buses: 1", "waiting-buses: 9", "9 buses can't lose their line"),
        ("rides: 400", "rides: 0", "no rides"),
        ("LN-2", "a line with a very long name", "can't have the line"),
    ] {
        let wrong = refused(from, to);
        assert!(wrong.contains(what), "{to}: {wrong}");
    }
    let two = refused("riders: 8", "riders: 2");
    assert!(two.contains("2 riders"), "{two}");
}

#[test]
fn the_days_of_a_bus_hold_what_the_plan_promises() {
    let plan = small();
    let mut seen: BTreeMap<Kind, usize> = BTreeMap::new();
    for bus in &plan.buses {
        let accounts = plan.accounts(bus.number);
        assert_eq!(accounts.len(), 10);
        let (mut last, mut before, mut barred) = (None, None, BTreeSet::new());
        let mut refused: Vec<usize> = Vec::new();
        let mut rides = 0;
        for (day, planned) in plan.days(bus.number).zip(&bus.days) {
            assert_eq!((day.day, day.uplink, day.first_ride), (planned.day, planned.uplink, rides + 1));
            for tap in &day.taps {
                *seen.entry(tap.kind).or_default() += 1;
                assert!(before < Some(tap.at), "{before:?} {tap:?}");
                before = Some(tap.at);
                let nature = accounts[tap.card].nature;
                match tap.kind {
                    Kind::Ride => {
                        rides += 1;
                        assert_ne!(last, Some(tap.card));
                        assert!(!barred.contains(&tap.card) && matches!(nature, Nature::Good | Nature::Refused));
                        if nature == Nature::Refused {
                            assert!(!refused.contains(&tap.card) && rides != day.first_ride);
                            refused.push(tap.card);
                        }
                        last = Some(tap.card);
                    }
                    Kind::Retap => assert_eq!(last, Some(tap.card)),
                    Kind::SeePhone => assert!(accounts[tap.card].phone),
                    Kind::Counterfeit => assert_eq!(nature, Nature::Counterfeit),
                    Kind::Expired => assert_eq!(nature, Nature::Expired),
                    Kind::Barred => assert!(nature == Nature::Denied || barred.contains(&tap.card)),
                }
            }
            if day.uplink == Uplink::Works {
                barred.extend(refused.iter().copied());
            }
        }
        assert_eq!(rides, bus.rides());
        assert!(plan.days(bus.number).eq(plan.days(bus.number)), "the same seed gives the same days");
    }
    assert_eq!(seen.len(), Kind::ALL.len(), "{seen:?}");
}

#[test]
fn each_account_has_its_own_number() {
    let (fleet, file) = shangluo();
    let plan = Plan::new(&fleet, &file, None).unwrap();
    let mut numbers = BTreeSet::new();
    for (image, length) in [("6229900180000021", 16), ("6229900280000000313", 19)] {
        let image = image.parse().unwrap();
        for bus in &plan.buses {
            for account in plan.accounts(bus.number) {
                let pan = account.pan(&image);
                assert_eq!((pan.digits().len(), &pan.digits()[..8]), (length, &image.digits()[..8]));
                assert!(numbers.insert(pan));
                assert_eq!(account.changes(&image).len(), if account.nature == Nature::Expired { 2 } else { 1 });
            }
        }
    }
    assert_eq!(numbers.len(), 2 * 123 * (usize::from(file.riders) + 2));
}
