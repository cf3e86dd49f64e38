//! Sets of numbers of which most follow each other.

use std::collections::BTreeMap;

/// A set of numbers as spans without a gap: the first number of each, and its last one.
#[derive(Debug, Default)]
pub(crate) struct Spans(BTreeMap<u32, u32>);

impl Spans {
    /// Whether a number is in the set.
    pub(crate) fn contains(&self, number: u32) -> bool {
        self.0.range(..=number).next_back().is_some_and(|(_, last)| *last >= number)
    }

    /// Adds a number. Spans that then touch each other become one.
    pub(crate) fn insert(&mut self, number: u32) {
        if self.contains(number) {
            return;
        }
        let before =
            self.0.range(..number).next_back().filter(|(_, last)| **last + 1 == number).map(|(first, _)| *first);
        let after = number.checked_add(1).and_then(|next| self.0.remove(&next));
        self.0.insert(before.unwrap_or(number), after.unwrap_or(number));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    #[test]
    fn numbers_without_a_gap_are_one_span() {
        let mut spans = Spans::default();
        [7, 3, 5, 4, 6, 4].into_iter().for_each(|number| spans.insert(number));
        assert_eq!(spans.0, BTreeMap::from([(3, 7)]));
        [u32::MAX, 0, u32::MAX - 1].into_iter().for_each(|number| spans.insert(number));
        assert_eq!(spans.0, BTreeMap::from([(0, 0), (3, 7), (u32::MAX - 1, u32::MAX)]));
    }

    proptest! {
        #[test]
        fn it_has_the_numbers_of_a_set(numbers in prop::collection::vec(0_u32..40, 0..40)) {
            let (mut spans, mut set) = (Spans::default(), BTreeSet::new());
            for number in numbers {
                spans.insert(number);
                set.insert(number);
                prop_assert!((0..42).all(|number| spans.contains(number) == set.contains(&number)));
            }
            let gaps = set.iter().filter(|number| !set.contains(&(**number + 1))).count();
            prop_assert_eq!(spans.0.len(), gaps);
        }
    }
}
