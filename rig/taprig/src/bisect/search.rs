//! Which image to try next. This is a binary search that can leave out images without a verdict.

use serde::{Deserialize, Serialize};

/// What became of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// The case passed in every repetition.
    Good,
    /// The case failed in at least one repetition.
    Bad,
    /// The rig failed in every attempt, so nothing is known about the image.
    Skipped,
}

/// What to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Try this image.
    Try(usize),
    /// There is nothing left to try.
    Done(Found),
}

/// The end of a search.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// The case passes with the image `good` and fails with the later image `bad`. All images between the two were
    /// skipped. If there are any, the first bad image is one of them or `bad`.
    First {
        /// The last image that is known to be good.
        good: usize,
        /// The first image that is known to be bad.
        bad: usize,
    },
    /// The case fails with the oldest image that has a verdict, so the first bad image is older than all of them.
    OldestIsBad(usize),
    /// The case passes with the newest image that has a verdict, so there is nothing to look for.
    NewestIsGood(usize),
    /// Too few images have a verdict.
    NothingKnown,
}

/// What to do next, by what is known of the images, oldest first. The ends come first, because a search between two images
/// makes no sense if the older one is bad or the newer one is good.
#[must_use]
pub fn next(outcomes: &[Option<Outcome>]) -> Next {
    let mut bad = None;
    for (place, outcome) in outcomes.iter().enumerate().rev() {
        match outcome {
            None => return Next::Try(place),
            Some(Outcome::Skipped) => {}
            Some(Outcome::Good) => return Next::Done(Found::NewestIsGood(place)),
            Some(Outcome::Bad) => {
                bad = Some(place);
                break;
            }
        }
    }
    let Some(mut bad) = bad else { return Next::Done(Found::NothingKnown) };
    let mut good = None;
    for (place, outcome) in outcomes.iter().enumerate().take(bad) {
        match outcome {
            None => return Next::Try(place),
            Some(Outcome::Skipped) => {}
            Some(Outcome::Bad) => return Next::Done(Found::OldestIsBad(place)),
            Some(Outcome::Good) => {
                good = Some(place);
                break;
            }
        }
    }
    let Some(mut good) = good else { return Next::Done(Found::NothingKnown) };
    // What was tried between the two ends narrows them.
    let between = |wanted: Outcome| (good + 1..bad).filter(move |place| outcomes[*place] == Some(wanted));
    let (first_bad, last_good) = (between(Outcome::Bad).next(), between(Outcome::Good).next_back());
    (good, bad) = (last_good.unwrap_or(good), first_bad.unwrap_or(bad));
    let middle = good.midpoint(bad);
    let left = (good + 1..bad).filter(|place| outcomes[*place].is_none());
    left.min_by_key(|place| place.abs_diff(middle)).map_or(Next::Done(Found::First { good, bad }), Next::Try)
}

/// How many images have to be tried at most, if none is skipped: both ends, and a binary search between them.
#[must_use]
pub fn at_most(images: usize) -> u32 {
    2 + images.saturating_sub(2).checked_ilog2().map_or(0, |log| log + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Plays a search among images of which those from `first` on are bad, and those in `mute` have no verdict.
    fn play(count: usize, first: usize, mute: &[usize]) -> (Found, usize, Vec<Option<Outcome>>) {
        let mut outcomes = vec![None; count];
        for tries in 0.. {
            match next(&outcomes) {
                Next::Done(found) => return (found, tries, outcomes),
                Next::Try(place) => {
                    assert!(outcomes[place].is_none(), "nothing is tried twice");
                    outcomes[place] = Some(match place {
                        place if mute.contains(&place) => Outcome::Skipped,
                        place if place >= first => Outcome::Bad,
                        _ => Outcome::Good,
                    });
                }
            }
        }
        unreachable!("a search ends")
    }

    #[test]
    fn the_first_of_a_thousand_takes_few_steps() {
        let (found, tries, _) = play(1000, 637, &[]);
        assert_eq!(found, Found::First { good: 636, bad: 637 });
        assert!(tries <= at_most(1000) as usize && at_most(1000) == 12, "{tries}");
    }

    #[test]
    fn ends_that_are_not_as_they_should_be_are_told_before_anything_else_is_tried() {
        assert_eq!(play(9, 0, &[]).0, Found::OldestIsBad(0));
        assert_eq!(play(9, 0, &[]).1, 2);
        assert_eq!((play(9, 9, &[]).0, play(9, 9, &[]).1), (Found::NewestIsGood(8), 1));
        assert_eq!(play(3, 1, &[0, 1, 2]).0, Found::NothingKnown);
        assert_eq!(play(3, 1, &[0]).0, Found::OldestIsBad(1));
        assert_eq!(play(1, 0, &[]).0, Found::NothingKnown, "one image has no other to compare with");
    }

    #[test]
    fn images_without_a_verdict_widen_the_answer() {
        let (found, _, outcomes) = play(9, 5, &[4, 5]);
        assert_eq!(found, Found::First { good: 3, bad: 6 });
        assert_eq!(outcomes[4..6], [Some(Outcome::Skipped), Some(Outcome::Skipped)]);
    }

    proptest! {
        #[test]
        fn the_answer_is_right_and_as_narrow_as_it_can_be(
            count in 2usize..60, first in 0usize..61, mute in prop::collection::vec(0usize..60, 0..20),
        ) {
            let (found, tries, outcomes) = play(count, first.min(count), &mute);
            prop_assert!(tries <= at_most(count) as usize + mute.len());
            if let Found::First { good, bad } = found {
                prop_assert!(good < first && first <= bad, "{good} {first} {bad}");
                prop_assert!((good + 1..bad).all(|place| outcomes[place] == Some(Outcome::Skipped)));
            } else {
                let judged: Vec<usize> = (0..count).filter(|place| !mute.contains(place)).collect();
                let both = judged.iter().any(|place| *place < first) && judged.iter().any(|place| *place >= first);
                prop_assert!(!both, "{found:?}");
            }
        }
    }
}
