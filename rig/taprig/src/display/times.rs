//! The times of taps in words: on the air, and the device's own.

use taprig_model::bench::BoardKind;
use taprig_model::event::{Role, TimeBasis};
use taprig_model::result::{CaseResult, OwnTime, RunResult};

/// The times of the last tap of a sub-case. `emulated`: the device is emulated or runs on this host.
pub fn of_tap(case: &CaseResult, time: TimeBasis, emulated: bool) -> Option<String> {
    let (air_us, own) = (case.air_us.last()?, case.own_time.last().copied().unwrap_or_default());
    let mut parts = vec![match time {
        TimeBasis::Modelled => format!("{} on the modelled air", millis(*air_us)),
        TimeBasis::Measured => format!("{} on the air, measured", millis(*air_us)),
    }];
    parts.extend(own.reader_us.map(|us| format!("{} of the reader itself", millis(us))));
    parts.extend(own.result_us.map(|us| format!("{} from release to result", millis(us))));
    let note = if emulated && parts.len() > 1 {
        "; the device is emulated, so the times after the first depend on this computer"
    } else {
        ""
    };
    Some(format!("times: {}{note}", parts.join(", ")))
}

/// The device's own times in a run: the median and the longest, if a device took part that is not emulated.
pub fn of_run(result: &RunResult) -> Option<String> {
    let real = |name: &Option<String>| {
        let kind = name.as_ref().and_then(|name| result.benches.get(name)?.boards.get(&Role::Validator));
        matches!(kind, Some(BoardKind::Probe | BoardKind::Attached | BoardKind::External))
    };
    let taps: Vec<_> = result.cases.iter().filter(|case| real(&case.bench)).flat_map(|case| &case.own_time).collect();
    let figures = |name: &str, of: fn(&OwnTime) -> Option<u64>| {
        let mut times: Vec<_> = taps.iter().filter_map(|tap| of(tap)).collect();
        times.sort_unstable();
        let (median, longest) = (times.get(times.len() / 2)?, times.last()?);
        Some(format!("{name} {} and {}", millis(*median), millis(*longest)))
    };
    let parts: Vec<_> = [
        figures("between a card's frame and the reader's next frames", |tap| tap.reader_us),
        figures("from release to result", |tap| tap.result_us),
    ]
    .into_iter()
    .flatten()
    .collect();
    (!parts.is_empty()).then(|| format!("the device's own time at a tap, median and longest: {}", parts.join("; ")))
}

fn millis(us: u64) -> String {
    format!("{}.{} ms", us / 1000, us % 1000 / 100)
}

#[cfg(test)]
mod tests {
    use super::*;
    use taprig_model::event::{Body, Event, Signal, Traffic};
    use taprig_model::samples::{event, finished, started};
    use taprig_report::Tally;

    fn case(at: u64, id: &'static str, reader_us: Option<u64>, result_us: Option<u64>) -> Vec<Event> {
        let signal = Signal::Result { outcome: None, reason: None, charged: None, held: None, cvm: None };
        let result = |us| event(at + 1 + us, Some(id), Body::Signal { signal, said: Default::default() });
        let traffic = Traffic { reader_us, ..Traffic::default() };
        let how = taprig_model::event::Release::Deselected;
        [event(at, Some(id), started("Any", 1)), event(at + 1, Some(id), Body::Released { how })]
            .into_iter()
            .chain(result_us.map(result))
            .chain([
                event(at + 2, Some(id), Body::Removed { traffic, air_us: 61_390 }),
                event(at + 3, Some(id), finished(taprig_model::result::Verdict::Pass, 1, None)),
            ])
            .collect()
    }

    fn run(kind: BoardKind) -> RunResult {
        let boards = [(Role::Validator, kind)].into();
        let opened = Body::BenchOpened { boards, card_side: None, serial_number: None, time: TimeBasis::Modelled };
        let mut events = vec![event(0, None, opened)];
        for (at, id, reader, result) in [
            (10, "BUS-001", Some(5_000), Some(20_000)),
            (20, "BUS-002", Some(9_050), None),
            (30, "BUS-003", None, None),
            (40, "BUS-004", Some(4_000), Some(1_000)),
        ] {
            events.extend(case(at, id, reader, result));
        }
        Tally::of(&events).result()
    }

    #[test]
    fn a_run_tells_the_own_time_of_a_real_device_only() {
        let told = "the device's own time at a tap, median and longest: \
                    between a card's frame and the reader's next frames 5.0 ms and 9.0 ms; \
                    from release to result 20.0 ms and 20.0 ms";
        assert_eq!(of_run(&run(BoardKind::Attached)).as_deref(), Some(told));
        assert_eq!(of_run(&run(BoardKind::Probe)).as_deref(), Some(told));
        for kind in [BoardKind::Sim, BoardKind::Qemu, BoardKind::Program] {
            assert_eq!(of_run(&run(kind)), None);
        }
    }

    #[test]
    fn a_tap_tells_which_of_its_times_are_modelled() {
        let cases = run(BoardKind::Qemu).cases;
        let whole = "times: 61.3 ms on the modelled air, 5.0 ms of the reader itself, 20.0 ms from release to result";
        assert_eq!(of_tap(&cases[0], TimeBasis::Modelled, false).as_deref(), Some(whole));
        let emulated = of_tap(&cases[1], TimeBasis::Modelled, true).unwrap();
        assert!(emulated.ends_with(
            "9.0 ms of the reader itself; the device is emulated, so the times after the first depend on this computer"
        ));
        let measured = of_tap(&cases[2], TimeBasis::Measured, false);
        assert_eq!(measured.as_deref(), Some("times: 61.3 ms on the air, measured"));
    }
}
