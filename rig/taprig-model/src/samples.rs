//! Handmade events for the tests of crates that read events. The module needs the feature `samples`.

use crate::bench::{BoardKind, CardSideKind};
use crate::event::{
    Body, CaseStarted, Check, CheckResult, Criterion, Event, Role, RunStarted, SeenBy, Source, TimeBasis,
};
use crate::result::Verdict;

/// An event of the bench `qemu`.
#[must_use]
pub fn event(at_us: u64, case: Option<&str>, body: Body) -> Event {
    let bench = Some("qemu".to_owned());
    Event { at_us, board_us: None, bench, case: case.map(str::to_owned), source: Source::Rig, body, numbers: vec![] }
}

/// The start of a sub-case.
#[must_use]
pub fn started(title: &str, attempt: u32) -> Body {
    Body::CaseStarted(CaseStarted {
        title: title.into(),
        file: "cases/oda/ODA-004.yaml".into(),
        attempt,
        validator: "shangluo-flat-1-yuan".into(),
        ..CaseStarted::default()
    })
}

/// The end of a sub-case.
#[must_use]
pub fn finished(verdict: Verdict, attempt: u32, failure: Option<&str>) -> Body {
    Body::CaseFinished { verdict, took_us: 12_000, attempt, failure: failure.map(str::to_owned) }
}

/// An expectation that was judged.
#[must_use]
pub fn check(seen_by: SeenBy, what: Criterion, wanted: &str, seen: &str) -> Body {
    Body::Checked(Check {
        seen_by,
        what,
        tap: None,
        wanted: wanted.into(),
        seen: seen.into(),
        result: if wanted == seen { CheckResult::Holds } else { CheckResult::Fails },
        why: None,
        at: Some("cases/oda/ODA-004.yaml:21".into()),
    })
}

/// Events of five cases: one passes, one fails, one ends in an error and passes at the second attempt, one does not
/// apply, and one is cut off.
#[must_use]
pub fn run() -> Vec<Event> {
    let failed = Some("ODA-004/rsa1024");
    let flaky = Some("ISO-002");
    vec![
        event(0, None, Body::RunStarted(RunStarted { version: "0.1.0".into(), cases: 5, ..RunStarted::default() })),
        event(
            10,
            None,
            Body::BenchOpened {
                boards: [(Role::Validator, BoardKind::Qemu), (Role::Emulator, BoardKind::Qemu)].into(),
                card_side: Some(CardSideKind::Emulator),
                serial_number: None,
                time: TimeBasis::Modelled,
            },
        ),
        event(20, Some("BUS-001"), started("A new card rides", 1)),
        event(21, Some("BUS-001"), check(SeenBy::Person, Criterion::Outcome, "approved", "approved")),
        event(30, Some("BUS-001"), finished(Verdict::Pass, 1, None)),
        event(40, failed, started("The validator refuses a card whose dynamic signature is altered", 1)),
        event(41, failed, check(SeenBy::Person, Criterion::Outcome, "declined", "approved")),
        event(42, failed, check(SeenBy::Device, Criterion::Journal, "unchanged", "+1")),
        event(50, failed, finished(Verdict::Fail, 1, Some("outcome: declined is expected, approved is seen"))),
        event(60, flaky, started("A lost block is asked for again", 1)),
        event(61, flaky, check(SeenBy::Card, Criterion::Exchange, "gpo", "")),
        event(70, flaky, finished(Verdict::Error, 1, Some("waiting for the emulator: port closed"))),
        event(80, flaky, started("A lost block is asked for again", 2)),
        event(90, flaky, finished(Verdict::Pass, 2, None)),
        event(91, Some("SM2-001"), started("A card with SM2 rides", 1)),
        event(92, Some("SM2-001"), finished(Verdict::NotApplicable, 1, Some("the device does not claim sm2"))),
        event(100, Some("ZZZ-001"), started("A case that is cut off", 1)),
    ]
}
