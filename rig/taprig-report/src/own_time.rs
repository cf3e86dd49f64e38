//! The device's own time at a tap, from the events of the tap.

use taprig_model::event::{Body, Signal};
use taprig_model::result::OwnTime;

/// What is known of the tap in progress.
#[derive(Debug, Clone, Default)]
pub(crate) struct OwnTimes {
    /// When the reader released the card, in us since the start of the run.
    released_at_us: Option<u64>,
    result_us: Option<u64>,
    removed: bool,
}

impl OwnTimes {
    /// Adds an event of a sub-case. `taps` has the times of its taps that have ended.
    pub(crate) fn add(&mut self, at_us: u64, body: &Body, taps: &mut Vec<OwnTime>) {
        match body {
            Body::Presented { .. } => *self = Self::default(),
            Body::Released { .. } => self.released_at_us = Some(at_us),
            Body::Signal { signal: Signal::Result { .. }, .. } if self.result_us.is_none() => {
                self.result_us = self.released_at_us.map(|released| at_us.saturating_sub(released));
                // Some devices report the result only when the card is gone.
                if let (true, Some(tap)) = (self.removed, taps.last_mut()) {
                    tap.result_us = self.result_us;
                }
            }
            Body::Removed { traffic, .. } => {
                self.removed = true;
                taps.push(OwnTime { reader_us: traffic.reader_us, result_us: self.result_us });
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use taprig_model::event::{Release, Traffic};

    fn presented() -> Body {
        Body::Presented { tap: 1, card: "any".into() }
    }

    fn released() -> Body {
        Body::Released { how: Release::Deselected }
    }

    fn result() -> Body {
        let signal = Signal::Result { outcome: None, reason: None, charged: None, held: None, cvm: None };
        Body::Signal { signal, said: Default::default() }
    }

    fn removed(reader_us: Option<u64>) -> Body {
        Body::Removed { traffic: Traffic { reader_us, ..Traffic::default() }, air_us: 9 }
    }

    fn times(events: &[(u64, Body)]) -> Vec<(Option<u64>, Option<u64>)> {
        let (mut own, mut taps) = (OwnTimes::default(), vec![]);
        events.iter().for_each(|(at_us, body)| own.add(*at_us, body, &mut taps));
        taps.iter().map(|tap| (tap.reader_us, tap.result_us)).collect()
    }

    #[test]
    fn the_result_comes_before_the_card_is_gone_or_after_that() {
        let before = [(10, presented()), (20, released()), (50, result()), (60, removed(Some(7)))];
        assert_eq!(times(&before), [(Some(7), Some(30))]);
        let after = [(10, presented()), (20, released()), (60, removed(None)), (90, result())];
        assert_eq!(times(&after), [(None, Some(70))]);
    }

    #[test]
    fn a_result_without_a_release_before_it_has_no_time() {
        let never = [(10, presented()), (50, result()), (60, removed(Some(7)))];
        assert_eq!(times(&never), [(Some(7), None)]);
        let later = [(10, presented()), (50, result()), (55, released()), (60, removed(Some(7)))];
        assert_eq!(times(&later), [(Some(7), None)]);
    }

    #[test]
    fn a_tap_takes_nothing_from_the_tap_before() {
        let two = [
            (10, presented()),
            (20, released()),
            (60, removed(Some(7))),
            (100, presented()),
            (150, result()),
            (160, removed(Some(8))),
        ];
        assert_eq!(times(&two), [(Some(7), None), (Some(8), None)]);
    }
}
