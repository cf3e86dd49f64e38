//! Rides that are played again as cases: a ride of a replay has to have the transcript of a case with the same card and settings.

use taprig_judge::transcript;
use taprig_model::event::{Body, Event, Source};

/// The transcript of the last tap in these events, and of nothing else: what a replay and a case both have of a ride.
#[must_use]
pub fn transcript(events: &[Event]) -> String {
    let begin = events.iter().rposition(|event| matches!(event.body, Body::Presented { .. })).unwrap_or(events.len());
    let is_of_tap = |event: &&Event| {
        matches!(
            event.body,
            Body::Presented { .. }
                | Body::Activated { .. }
                | Body::Exchange(_)
                | Body::Released { .. }
                | Body::Removed { .. }
                | Body::Signal { .. }
        )
    };
    let step = Event {
        at_us: 0,
        board_us: None,
        bench: None,
        case: None,
        source: Source::Rig,
        body: Body::StepStarted { number: 1, step: "tap".into() },
        numbers: vec![],
    };
    let tap = events[begin..].iter().filter(is_of_tap).cloned().map(|mut event| {
        // Its number in the case.
        if let Body::Presented { tap, .. } = &mut event.body {
            *tap = 1;
        }
        event
    });
    transcript::transcript(&std::iter::once(step).chain(tap).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use taprig_model::event::{Bytes, Exchange};

    fn event(body: Body) -> Event {
        Event { at_us: 0, board_us: None, bench: None, case: None, source: Source::Emulator, body, numbers: vec![] }
    }

    #[test]
    fn only_the_last_tap_counts() {
        let presented = |tap| event(Body::Presented { tap, card: "phone".into() });
        let exchange = |status: u8| {
            let command = Bytes(vec![0x80, 0xA8, 0, 0, 2, 0x83, 0]);
            event(Body::Exchange(Exchange {
                command,
                response: Some(Bytes(vec![0x69, status])),
                ..Exchange::default()
            }))
        };
        let both = transcript(&[presented(1), exchange(0x86), presented(2), exchange(0x85)]);
        assert_eq!(both, transcript(&[presented(1), exchange(0x85)]));
        assert_ne!(both, transcript(&[presented(1), exchange(0x86)]));
        assert!(both.starts_with("1 tap\n"), "{both}");
    }
}
