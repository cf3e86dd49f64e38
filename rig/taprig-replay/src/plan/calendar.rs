//! Days and buses of a plan: which fares hold when, and where lines are lost.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use taprig_model::settings::Fare;

use super::share::Group;
use super::{Bus, Refusal, Uplink, refusal};
use crate::file::{Fleet, Line, PlanFile, Promotion, price};
use crate::random::Random;

/// A tap and what follows from it take less time than this, in seconds. So the taps of a bus never overlap.
const BETWEEN_RIDES: u32 = 60;

/// Length of a merchant's number and of a terminal's number.
const MERCHANT: usize = 15;
const TERMINALS: std::ops::RangeInclusive<u32> = 10_000_000..=99_999_999;

/// Longest name of a line, of a bus and of a county, as validators take them.
const LONGEST: (usize, usize, usize) = (16, 16, 24);

/// A bus on a day.
#[derive(Debug, Clone, Copy)]
pub(super) struct Slot {
    pub(super) bus: usize,
    pub(super) day: Date,
    pub(super) fare: Fare,
    /// Line, and how many rides it wants.
    line: usize,
    demand: u64,
}

/// The slots of one line under one fare.
#[derive(Debug)]
pub(super) struct Slots {
    pub(super) size: Group,
    /// Their places.
    pub(super) slots: Vec<usize>,
}

/// What is wrong with the two files before anything is counted.
pub(super) fn check(fleet: &Fleet, file: &PlanFile) -> Vec<Refusal> {
    let mut wrong = Vec::new();
    let mut refuse = |what: String, help: &str| wrong.push(refusal(what, help));
    if file.from > file.to {
        let what = format!("the first day {} is after the last day {}", file.from.0, file.to.0);
        refuse(what, "exchange `from` and `to`");
    }
    let mut names = BTreeSet::new();
    let mut terminals = BTreeMap::new();
    for (county, line) in lines(fleet) {
        let (name, county) = (line.line.as_str(), &fleet.counties[county]);
        if !names.insert(name) {
            refuse(format!("the fleet has two lines `{name}`"), "give each line its own name");
        }
        let bus = line.bus(line.buses);
        // A bus gives its name to files, too.
        let plain = |text: &str| text.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'-');
        if name.len() > LONGEST.0 || bus.len() > LONGEST.1 || !plain(name) {
            refuse(
                format!("a validator can't have the line `{name}` with the bus `{bus}`"),
                "16 letters, digits and `-` are possible",
            );
        }
        if county.name.as_str().len() > LONGEST.2 || !plain(county.name.as_str()) {
            refuse(
                format!("a validator can't have the county `{}`", county.name),
                "24 letters, digits and `-` are possible",
            );
        }
        if county.merchant.as_str().len() != MERCHANT {
            refuse(
                format!("the merchant of {} has not 15 characters", county.name),
                "fill field 42 with zeros in front",
            );
        }
        if line.buses == 0 || line.buses > 999 {
            refuse(format!("line {name} has {} buses", line.buses), "a line has 1 to 999");
        }
        let last = line.first_terminal.saturating_add(u32::from(line.buses).saturating_sub(1));
        if !TERMINALS.contains(&line.first_terminal) || !TERMINALS.contains(&last) {
            refuse(format!("the terminals of line {name} do not have 8 digits"), "begin between 10000000 and 99999999");
        }
        for terminal in line.first_terminal..=last.min(line.first_terminal.saturating_add(999)) {
            if let Some(other) = terminals.insert(terminal, name) {
                refuse(
                    format!("terminal {terminal} is on line {other} and on line {name}"),
                    "move one `first-terminal`",
                );
                break;
            }
        }
        if line.fare.fen == 0 || line.fare.fen > u64::from(u32::MAX) {
            refuse(format!("a ride on line {name} costs {}", line.fare), "give it a fare that a validator can take");
        }
    }
    let span = u32::try_from(file.hours.to.0.duration_since(file.hours.from.0).as_secs()).unwrap_or(0);
    if file.most_a_day == 0 || span / file.most_a_day.max(1) < BETWEEN_RIDES {
        let most = span / BETWEEN_RIDES;
        refuse(
            format!("a bus can't have {} rides between {} and {}", file.most_a_day, file.hours.from.0, file.hours.to.0),
            &format!("`most-a-day` can be 1 to {most} at these hours"),
        );
    }
    let special = u32::from(file.beside.denied_riders) + u32::from(file.beside.refused_riders);
    if !(3..=60).contains(&file.riders) || special + 2 > u32::from(file.riders) {
        refuse(
            format!("{} riders of a bus, of whom {special} are barred sooner or later", file.riders),
            "a bus has 3 to 60 riders, and at least 2 of them are never barred",
        );
    }
    if !file.cards.iter().any(|issue| issue.share > 0 && !issue.phone) {
        refuse("no rider has a card that is not a phone".into(), "give one of `cards` a share");
    }
    for often in [file.beside.retaps, file.beside.counterfeits, file.beside.expired, file.beside.barred] {
        if often > 1000 {
            refuse(format!("{often} of a thousand rides"), "write at most 1000");
        }
    }
    for promotion in &file.promotions {
        let known = lines(fleet).any(|(county, line)| concerns(promotion, fleet, county, line));
        if !known {
            refuse("a promotion is for a county or a line that the fleet does not have".into(), "compare the names");
        }
        if promotion.from > promotion.to {
            refuse(format!("a promotion from {} to {}", promotion.from.0, promotion.to.0), "exchange the two days");
        }
        if promotion.discount.0 == 100 {
            refuse(
                "a promotion takes all of the fare off".into(),
                "a validator refuses rides of 0.00 CNY: write at most 99 %",
            );
        }
    }
    wrong
}

/// All lines with the place of their county.
fn lines(fleet: &Fleet) -> impl Iterator<Item = (usize, &Line)> {
    fleet.counties.iter().enumerate().flat_map(|(at, county)| county.lines.iter().map(move |line| (at, line)))
}

fn concerns(promotion: &Promotion, fleet: &Fleet, county: usize, line: &Line) -> bool {
    promotion.county.as_ref().is_none_or(|name| *name == fleet.counties[county].name)
        && promotion.line.as_ref().is_none_or(|name| *name == line.line)
}

/// The buses, and each bus on each of its days.
pub(super) fn buses(fleet: &Fleet, file: &PlanFile) -> (Vec<Bus>, Vec<Slot>) {
    let (mut buses, mut slots) = (Vec::new(), Vec::new());
    for (number, (at, line)) in lines(fleet).enumerate() {
        let county = &fleet.counties[at];
        let fares: Vec<(Date, Fare, u64)> = days(county.opens.0.max(file.from.0), file.to.0)
            .map(|day| {
                let holds = |promotion: &&Promotion| {
                    (promotion.from.0..=promotion.to.0).contains(&day) && concerns(promotion, fleet, at, line)
                };
                match file.promotions.iter().find(holds) {
                    Some(promotion) => (day, promotion.fare(line.fare), u64::from(promotion.demand)),
                    None => (day, line.fare.into(), 100),
                }
            })
            .collect();
        for bus in 1..=line.buses {
            slots.extend(fares.iter().map(|(day, fare, demand)| Slot {
                bus: buses.len(),
                day: *day,
                fare: *fare,
                line: number,
                demand: demand * u64::from(line.demand),
            }));
            buses.push(Bus {
                number: buses.len(),
                county: county.name.clone(),
                line: line.line.clone(),
                name: line.bus(bus),
                terminal: (line.first_terminal + u32::from(bus) - 1).to_string(),
                merchant: county.merchant.clone(),
                days: Vec::new(),
            });
        }
    }
    (buses, slots)
}

fn days(from: Date, to: Date) -> impl Iterator<Item = Date> {
    std::iter::successors((from <= to).then_some(from), move |day| day.tomorrow().ok().filter(|day| *day <= to))
}

/// Puts slots together whose rides cost the same on the same line.
pub(super) fn groups(slots: &[Slot], most_a_day: u32) -> Vec<Slots> {
    let mut groups: BTreeMap<(usize, u64, u64, u8, bool), Slots> = BTreeMap::new();
    for (at, slot) in slots.iter().enumerate() {
        let Fare { flat, discount, one_cent } = slot.fare;
        let price = price(slot.fare);
        let group = groups
            .entry((slot.line, price, flat.fen, discount.0, one_cent))
            .or_insert_with(|| Slots { size: Group { price, weight: 0, room: 0 }, slots: Vec::new() });
        group.size.weight += slot.demand;
        group.size.room += u64::from(most_a_day);
        group.slots.push(at);
    }
    groups.into_values().collect()
}

/// How many rides a bus has on a day, relative to other days: a half to one and a half of the usual number.
pub(super) fn liveliness(seed: u64, slot: &Slot) -> u64 {
    let day = u64::from(slot.day.day_of_year().unsigned_abs()) + 400 * u64::from(slot.day.year().unsigned_abs());
    let mut random = Random::of(seed, (slot.bus as u64) << 32 | day);
    slot.demand.max(1) * (500 + random.below(1001))
}

/// Chooses the days on which lines are lost: never the first day of a bus, and never two days in a row, so that the claims of
/// one evening are known to be sent in the next.
pub(super) fn lose_lines(file: &PlanFile, buses: &mut [Bus]) -> Result<(), Refusal> {
    let mut random = Random::of(file.seed, u64::MAX);
    let mut kinds = [Uplink::ClaimLost, Uplink::AnswerLost].into_iter().cycle();
    let mut order: Vec<usize> = (0..buses.len()).collect();
    random.shuffle(&mut order);
    let mut lose = |buses: &mut [Bus], (bus, day): (usize, usize)| {
        buses[bus].days[day].uplink = kinds.next().unwrap_or(Uplink::ClaimLost);
    };
    let last: Vec<usize> = order.into_iter().filter(|bus| buses[*bus].days.len() > 1).collect();
    let wanted = usize::from(file.beside.waiting_buses);
    if last.len() < wanted {
        return Err(refusal(
            format!(
                "{wanted} buses can't lose their line on their last day: only {} have two days with rides",
                last.len()
            ),
            "lower `waiting-buses`",
        ));
    }
    for bus in last.into_iter().take(wanted) {
        let day = buses[bus].days.len() - 1;
        lose(buses, (bus, day));
    }
    let mut places: Vec<(usize, usize)> = buses
        .iter()
        .enumerate()
        .flat_map(|(at, bus)| (1..bus.days.len().saturating_sub(1)).map(move |day| (at, day)))
        .collect();
    random.shuffle(&mut places);
    let mut left = file.beside.lost_lines;
    for (bus, day) in places {
        let works = |day: usize| buses[bus].days[day].uplink == Uplink::Works;
        if left > 0 && works(day - 1) && works(day + 1) {
            lose(buses, (bus, day));
            left -= 1;
        }
    }
    if left > 0 {
        return Err(refusal(
            format!("{left} of {} lost lines find no day of a bus", file.beside.lost_lines),
            "lower `lost-lines`: a line is lost between two days on which it works",
        ));
    }
    Ok(())
}
