//! Whole numbers that add up exactly: rides over days, and numbers of rides whose fares sum to a total.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Rides that cost the same on the same line: what all bus-days with one fare have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Group {
    /// What a ride costs, in fen.
    pub(crate) price: u64,
    /// How many rides it wants, relative to the others.
    pub(crate) weight: u64,
    /// How many rides it can take.
    pub(crate) room: u64,
}

/// Why no numbers of rides sum to the total.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Unreachable {
    /// The bus-days have room for only so many rides.
    Room(u64),
    /// The cheapest rides sum to so many fen, which is more than the total.
    Least(u64),
    /// The dearest rides sum to so many fen, which is less than the total.
    Most(u64),
    /// These are the nearest sums below and above the total, in fen.
    Between(Option<u64>, Option<u64>),
    /// The bus-days are so full that no exchange of rides was found. There may be one.
    Full,
}

/// So many rides of one price are given or taken at most in the search for the last fen. A short search comes first.
const REACH: [i64; 3] = [8, 64, 256];

/// Divides `total` by weights, exactly. No part gets more than its room. What no part has room for is left out.
pub(crate) fn apportion(total: u64, parts: &[(u64, u64)]) -> Vec<u64> {
    let mut given = vec![0; parts.len()];
    let mut left = total;
    loop {
        let open = || (0..parts.len()).filter(|at| parts[*at].0 > 0);
        let weights: u128 = open().filter(|at| given[*at] < parts[*at].1).map(|at| u128::from(parts[at].0)).sum();
        if left == 0 || weights == 0 {
            return given;
        }
        let shares: Vec<(usize, u128, u128)> = open()
            .filter(|at| given[*at] < parts[*at].1)
            .map(|at| (at, u128::from(left) * u128::from(parts[at].0)))
            .map(|(at, share)| (at, share / weights, share % weights))
            .collect();
        let before = left;
        for (at, whole, _) in &shares {
            let add = u64::try_from(*whole).unwrap_or(u64::MAX).min(parts[*at].1 - given[*at]);
            given[*at] += add;
            left -= add;
        }
        if before == left {
            // Fewer are left than there are parts: those with the largest remainders get one each.
            let mut by_remainder = shares;
            by_remainder.sort_by(|one, other| other.2.cmp(&one.2).then(one.0.cmp(&other.0)));
            for (at, _, _) in by_remainder.into_iter().take(usize::try_from(left).unwrap_or(usize::MAX)) {
                given[at] += 1;
                left -= 1;
            }
        }
    }
}

/// How many rides each group gets, so that there are `rides` in all and they sum to `total` fen. The numbers follow the weights as
/// far as the total allows.
pub(crate) fn counts(groups: &[Group], rides: u64, total: u64) -> Result<Vec<u64>, Unreachable> {
    let room: u64 = groups.iter().map(|group| group.room).sum();
    if room < rides {
        return Err(Unreachable::Room(room));
    }
    let mut by_price: Vec<&Group> = groups.iter().collect();
    by_price.sort_by_key(|group| group.price);
    let least = filled(by_price.iter().copied(), rides);
    let most = filled(by_price.iter().rev().copied(), rides);
    if total < least {
        return Err(Unreachable::Least(least));
    }
    if total > most {
        return Err(Unreachable::Most(most));
    }
    let mut counts = near(groups, rides, total);
    exact(groups, &mut counts, total)?;
    Ok(counts)
}

/// What so many rides sum to if the groups are filled in this order.
fn filled<'a>(groups: impl Iterator<Item = &'a Group>, mut rides: u64) -> u64 {
    let mut sum = 0;
    for group in groups {
        let count = group.room.min(rides);
        rides -= count;
        sum += count * group.price;
    }
    sum
}

/// Numbers by weight whose sum is near the total: the cheap groups get one part of the rides, and the dear ones the rest.
fn near(groups: &[Group], rides: u64, total: u64) -> Vec<u64> {
    let (count, sum) = (i128::from(rides), i128::from(total));
    let is_dear = |group: &Group| i128::from(group.price) * count > sum;
    let means = |dear: bool| {
        groups.iter().filter(|group| is_dear(group) == dear).fold((0, 0), |(weights, sums): (i128, i128), group| {
            let weight = i128::from(group.weight);
            (weights + weight, sums + weight * i128::from(group.price))
        })
    };
    let ((cheap, cheap_sum), (dear, dear_sum)) = (means(false), means(true));
    let dear_rides = if cheap == 0 || dear == 0 {
        if cheap == 0 { rides } else { 0 }
    } else {
        // count x mean of all = total, with the means of both as fractions.
        let part = (sum * cheap - count * cheap_sum) * dear / (dear_sum * cheap - cheap_sum * dear);
        u64::try_from(part).unwrap_or(0).min(rides)
    };
    let of = |dear: bool, rides: u64| {
        let parts: Vec<(u64, u64)> = groups
            .iter()
            .map(|group| if is_dear(group) == dear { (group.weight, group.room) } else { (0, 0) })
            .collect();
        apportion(rides, &parts)
    };
    let (cheap, dear) = (of(false, rides - dear_rides), of(true, dear_rides));
    let mut counts: Vec<u64> = cheap.iter().zip(&dear).map(|(one, other)| one + other).collect();
    // What one side had no room for goes wherever there is room.
    let left = rides - counts.iter().sum::<u64>();
    let rest: Vec<(u64, u64)> =
        groups.iter().zip(&counts).map(|(group, count)| (group.weight.max(1), group.room - count)).collect();
    apportion(left, &rest).iter().zip(&mut counts).for_each(|(more, count)| *count += more);
    counts
}

/// Moves rides from one price to another until the sum is the total.
fn exact(groups: &[Group], counts: &mut [u64], total: u64) -> Result<(), Unreachable> {
    let mut prices: BTreeMap<u64, Stock> = BTreeMap::new();
    let mut sum = 0_i128;
    for (group, count) in groups.iter().zip(counts.iter()) {
        let stock = prices.entry(group.price).or_default();
        stock.there += count;
        stock.room += group.room - count;
        sum += i128::from(group.price) * i128::from(*count);
    }
    let before = prices.clone();
    let mut off = i128::from(total) - sum;
    let mut moves: Vec<PriceMove> = Vec::new();
    for from in prices.keys() {
        moves.extend(prices.keys().filter(|to| *to != from).map(|to| (*from, *to)));
    }
    let by = |(from, to): PriceMove| i128::from(to) - i128::from(from);
    // The largest steps first. A step can make another one possible that was not before, so they are tried until none is left that
    // brings the sum nearer. The sum comes nearer each time and never goes past the total, so this ends.
    moves.sort_by_key(|step| (-by(*step).abs(), *step));
    let mut nearer = true;
    while nearer {
        nearer = false;
        for step in moves.iter().copied().filter(|step| by(*step).signum() == off.signum()).collect::<Vec<_>>() {
            let wanted = u64::try_from(off / by(step)).unwrap_or(0);
            let times = wanted.min(prices[&step.0].there).min(prices[&step.1].room);
            if times > 0 {
                take(&mut prices, step, times);
                off -= by(step) * i128::from(times);
                nearer = true;
            }
        }
    }
    // What is still off is now less than one step, so the search for the rest is short.
    if off != 0 {
        is_reachable(&prices, &moves, off, total)?;
        let changes = settle(&prices, off).ok_or(Unreachable::Full)?;
        for (price, change) in changes {
            if let Some(stock) = prices.get_mut(&price) {
                stock.there = stock.there.saturating_add_signed(change);
            }
        }
    }
    for (price, stock) in prices {
        carry_out(groups, counts, price, before[&price].there, stock.there);
    }
    Ok(())
}

/// How many rides of each price are given (above 0) or taken (below 0), so that their number stays and their sum changes by `off`.
fn settle(prices: &BTreeMap<u64, Stock>, off: i128) -> Option<Vec<(u64, i64)>> {
    let off = i64::try_from(off).ok()?;
    let mut bases: Vec<u64> = prices.keys().copied().collect();
    bases.sort_by_key(|price| std::cmp::Reverse(prices[price].there.min(prices[price].room)));
    REACH.iter().find_map(|reach| bases.iter().find_map(|base| settle_with(prices, off, *reach, *base)))
}

/// One price makes up for the number of rides. The others are gone through in turn: which sums can be reached with the rides and the
/// room that each of them has?
fn settle_with(prices: &BTreeMap<u64, Stock>, off: i64, reach: i64, base: u64) -> Option<Vec<(u64, i64)>> {
    let signed = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    let by = |price: u64| signed(price) - signed(base);
    let bound = (reach * (signed(*prices.keys().next_back()?) - signed(*prices.keys().next()?))).max(off.abs());
    let place = |sum: i64| usize::try_from(sum + bound).ok();
    // For each sum: the number of rides that the base must make up for, as small as possible, and the last price's part of it.
    let mut sums: Vec<Option<(i64, i64)>> = vec![None; place(bound)? + 1];
    sums[place(0)?] = Some((0, 0));
    let mut layers = Vec::new();
    for (price, stock) in prices.iter().filter(|(price, _)| **price != base) {
        let mut then: Vec<Option<(i64, i64)>> = vec![None; sums.len()];
        let there = sums.iter().zip(-bound..).filter_map(|(found, sum)| Some((sum, found.as_ref()?.0)));
        for (sum, number) in there {
            for change in -signed(stock.there).min(reach)..=signed(stock.room).min(reach) {
                let Some(slot) = place(sum + by(*price) * change).and_then(|at| then.get_mut(at)) else { continue };
                if slot.is_none_or(|(best, _)| (number + change).abs() < best.abs()) {
                    *slot = Some((number + change, change));
                }
            }
        }
        layers.push((*price, then.clone()));
        sums = then;
    }
    let (number, _) = sums[place(off)?]?;
    let stock = prices[&base];
    if number > signed(stock.there) || -number > signed(stock.room) {
        return None;
    }
    let mut changes = vec![(base, -number)];
    let mut sum = off;
    for (price, layer) in layers.iter().rev() {
        let (_, change) = layer[place(sum)?]?;
        changes.push((*price, change));
        sum -= by(*price) * change;
    }
    Some(changes)
}

/// Whether fares have such a sum at all. This takes less time than the search, which would go through everything before it says no.
fn is_reachable(prices: &BTreeMap<u64, Stock>, moves: &[PriceMove], off: i128, total: u64) -> Result<(), Unreachable> {
    let usable: Vec<PriceMove> =
        moves.iter().copied().filter(|step| prices[&step.0].there > 0 && prices[&step.1].room > 0).collect();
    let near = |off: Option<i128>| off.and_then(|off| u64::try_from(i128::from(total) - off).ok());
    nearest(off, &usable).map_err(|(below, above)| Unreachable::Between(near(below), near(above)))
}

/// A ride that costs the first price is exchanged for one that costs the second.
type PriceMove = (u64, u64);

/// The nearest places below and above a place.
type Near = (Option<i128>, Option<i128>);

/// The rides of one price.
#[derive(Debug, Clone, Copy, Default)]
struct Stock {
    there: u64,
    room: u64,
}

fn take(prices: &mut BTreeMap<u64, Stock>, (from, to): PriceMove, times: u64) {
    if let Some(stock) = prices.get_mut(&from) {
        stock.there -= times;
        stock.room += times;
    }
    if let Some(stock) = prices.get_mut(&to) {
        stock.there += times;
        stock.room -= times;
    }
}

/// Whether steps lead from `off` to 0, as long as there are rides for them. If not, the nearest places below and above 0 that can
/// be reached: those leave a sum that is too large or too small.
fn nearest(off: i128, moves: &[PriceMove]) -> Result<(), Near> {
    let by = |(from, to): PriceMove| i128::from(to) - i128::from(from);
    let longest = moves.iter().map(|step| by(*step).abs()).max().unwrap_or(0);
    let bound = 2 * longest.max(off.abs());
    let mut came = BTreeSet::from([off]);
    let mut next = VecDeque::from([off]);
    while let Some(at) = next.pop_front() {
        if at == 0 {
            return Ok(());
        }
        for step in moves {
            let then = at - by(*step);
            if then.abs() <= bound && came.insert(then) {
                next.push_back(then);
            }
        }
    }
    Err((came.range(1..).next().copied(), came.range(..0).next_back().copied()))
}

/// Gives rides to the groups of one price, or takes them, in proportion to their room or to their rides.
fn carry_out(groups: &[Group], counts: &mut [u64], price: u64, before: u64, after: u64) {
    let of = |value: &dyn Fn(usize) -> u64| -> Vec<(u64, u64)> {
        let value = |at: usize| if groups[at].price == price { value(at) } else { 0 };
        (0..groups.len()).map(|at| (value(at), value(at))).collect()
    };
    let taken = apportion(before.saturating_sub(after), &of(&|at| counts[at]));
    let given = apportion(after.saturating_sub(before), &of(&|at| groups[at].room - counts[at]));
    taken.iter().zip(counts.iter_mut()).for_each(|(less, count)| *count -= less);
    given.iter().zip(counts.iter_mut()).for_each(|(more, count)| *count += more);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn group(price: u64, weight: u64, room: u64) -> Group {
        Group { price, weight, room }
    }

    #[test]
    fn a_sum_is_divided_exactly_and_within_the_room() {
        assert_eq!(apportion(10, &[(1, 100), (1, 100), (1, 100)]), [4, 3, 3]);
        assert_eq!(apportion(10, &[(5, 2), (1, 100)]), [2, 8]);
        assert_eq!(apportion(10, &[(0, 100), (1, 4)]), [0, 4], "there is no room for the rest");
        assert_eq!(apportion(0, &[(1, 1)]), [0]);
    }

    #[test]
    fn a_total_that_weights_do_not_give_is_reached_by_other_numbers() {
        let groups = [group(1, 1, 1000), group(80, 2, 1000), group(100, 3, 1000), group(200, 4, 1000)];
        let counts = counts(&groups, 1000, 116_063).unwrap();
        assert_eq!(counts.iter().sum::<u64>(), 1000);
        assert_eq!(counts.iter().zip(groups).map(|(count, group)| count * group.price).sum::<u64>(), 116_063);
        assert!(counts.iter().all(|count| *count > 50), "{counts:?}: all groups have rides");
    }

    #[test]
    fn what_is_off_is_said_to_the_fen() {
        let groups = [group(100, 1, 60), group(200, 1, 60)];
        assert_eq!(counts(&groups, 121, 15_000), Err(Unreachable::Room(120)));
        assert_eq!(counts(&groups, 100, 13_999), Err(Unreachable::Least(14_000)));
        assert_eq!(counts(&groups, 100, 16_001), Err(Unreachable::Most(16_000)));
        assert_eq!(counts(&groups, 100, 15_030), Err(Unreachable::Between(Some(15_000), Some(15_100))));
        assert_eq!(counts(&groups, 100, 15_100), Ok(vec![49, 51]));
    }

    /// Here the largest steps make others possible that were not possible before. The search then had to find a way over thousands of
    /// fen, and did not end.
    #[test]
    fn a_total_far_from_the_weights_is_reached_in_little_time() {
        let groups = [
            group(200, 2, 51),
            group(160, 7, 73),
            group(120, 3, 94),
            group(160, 1, 62),
            group(80, 4, 49),
            group(160, 4, 274),
            group(160, 5, 137),
            group(1, 8, 53),
            group(100, 7, 169),
            group(200, 4, 270),
            group(160, 8, 228),
        ];
        let counts = counts(&groups, 684, 96_678).unwrap();
        assert_eq!(counts.iter().sum::<u64>(), 684);
        assert_eq!(counts.iter().zip(groups).map(|(count, group)| count * group.price).sum::<u64>(), 96_678);
    }

    #[test]
    fn fares_that_are_nearly_full_are_exchanged_in_large_numbers() {
        let groups = [group(1, 6, 95), group(120, 8, 355), group(100, 1, 259)];
        let chosen = [11, 137, 104];
        let (rides, total) = (252, 11 + 137 * 120 + 104 * 100);
        let counts = counts(&groups, rides, total).unwrap();
        assert_eq!(counts.iter().sum::<u64>(), chosen.iter().sum::<u64>());
        assert_eq!(counts.iter().zip(groups).map(|(count, group)| count * group.price).sum::<u64>(), total);
    }

    #[test]
    fn a_full_fleet_is_told_from_fares_that_have_no_such_sum() {
        // 3 steps from 20 to 23 and one from 28 to 20 are 1 fen, but each fare has room for two rides.
        let groups = [group(20, 1, 2), group(23, 1, 2), group(28, 1, 2)];
        assert_eq!(counts(&groups, 3, 71), Ok(vec![1, 1, 1]));
        assert_eq!(counts(&groups, 3, 72), Err(Unreachable::Full));
    }

    #[test]
    fn a_total_that_many_fares_do_not_have_is_refused_at_once() {
        // 2,000 rides at 7 fen above a multiple of 100 sum to a multiple of 100.
        let groups: Vec<Group> = (1..=20).map(|number| group(100 * number + 7, 1, 300)).collect();
        assert_eq!(counts(&groups, 2_000, 2_000_030), Err(Unreachable::Between(Some(2_000_000), Some(2_000_100))));
    }

    proptest! {
        /// Whatever the groups are: numbers that were chosen at will have a sum that is found again, perhaps by other numbers.
        #[test]
        fn every_sum_that_exists_is_found(
            chosen in prop::collection::vec((prop::sample::select(vec![1_u64, 50, 80, 100, 120, 160, 200]), 1_u64..9, 20_u64..300, 0_u64..1000), 3..12)
        ) {
            let groups: Vec<Group> = chosen.iter().map(|(price, weight, room, _)| group(*price, *weight, *room)).collect();
            let numbers: Vec<u64> = chosen.iter().map(|(_, _, room, part)| 10 + (room - 20) * part / 1000).collect();
            let rides = numbers.iter().sum();
            let total = numbers.iter().zip(&groups).map(|(count, group)| count * group.price).sum();
            let found = counts(&groups, rides, total).unwrap();
            prop_assert_eq!(found.iter().sum::<u64>(), rides);
            prop_assert_eq!(found.iter().zip(&groups).map(|(count, group)| count * group.price).sum::<u64>(), total);
            prop_assert!(found.iter().zip(&groups).all(|(count, group)| *count <= group.room));
        }
    }
}
