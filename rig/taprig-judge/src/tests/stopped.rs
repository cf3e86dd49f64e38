//! A case that ends early, because the validator is not ready again or has ended.

use taprig_model::expect::{JournalExpect, StatusExpect};
use taprig_model::step::Console;

use super::*;

fn not_judged(judgement: &Judgement) -> Vec<(String, &str, &str)> {
    let checks = judgement.checks.iter().filter(|check| check.result == CheckResult::NotJudged);
    checks.map(|check| (check.title(), check.seen.as_str(), check.why.as_deref().unwrap_or_default())).collect()
}

const STUCK: &str = "the validator was not ready again, so the case ended";

/// A tap that would pass, after which the validator is not ready again. The rig does not read its journal then.
fn stuck(tap: u32) -> Vec<Event> {
    let mut events = ride(tap);
    events.truncate(events.len() - 2);
    events.push(ready(tap, ReadyAgain::Not));
    events
}

#[test]
fn a_journal_that_was_not_read_is_not_unchanged() {
    let mut case = of_steps(vec![StepWanted::Tap(expect("{ outcome: approved, journal: unchanged }"))]);
    case.expect = expect("{ outcome: approved, charged: 1.00 CNY, journal: unchanged }");
    let judgement = judged(&case, &[vec![step(1)], stuck(1)].concat());
    assert_eq!(titles(&judgement, CheckResult::Fails), ["ready again (tap 1)"]);
    // What was seen before is judged.
    assert_eq!(titles(&judgement, CheckResult::Holds), ["outcome (tap 1)", "outcome", "charged"]);
    assert_eq!(
        not_judged(&judgement),
        [("journal (tap 1)".into(), "not told", STUCK), ("journal".into(), "not told", STUCK)]
    );
}

#[test]
fn what_the_case_did_not_get_to_is_not_judged() {
    let mut case = of_steps(vec![
        StepWanted::Tap(expect("{}")),
        StepWanted::Tap(expect("{ outcome: none, charged: 0.00 CNY, exchange: [], reason: retap }")),
        StepWanted::Nothing,
        StepWanted::Settings,
        StepWanted::Status(StatusExpect { journal: Some(0), ..StatusExpect::default() }),
        StepWanted::Journal(JournalExpect { count: Some(0), ..JournalExpect::default() }),
        StepWanted::ClearJournal,
        StepWanted::Identity,
        StepWanted::Console(Console { send: "status".into(), expect: None, count: None }),
        StepWanted::Tap(expect("outcome: none")),
    ]);
    case.expect = expect("{ outcome: approved, charged: 1.00 CNY, journal: unchanged }");
    let judgement = judged(&case, &[vec![step(1)], stuck(1)].concat());
    let wanted = [
        "outcome (tap 2)",
        "charged (tap 2)",
        "exchange (tap 2)",
        "reason (tap 2)",
        "status journal",
        "count",
        "clear-journal",
        "identity device",
        "identity firmware",
        "reply to `status`",
        "outcome (tap 3)",
        "outcome",
        "charged",
        "journal",
    ];
    let titles: Vec<_> = not_judged(&judgement).into_iter().map(|(title, ..)| title).collect();
    assert_eq!(titles, wanted);
    assert!(not_judged(&judgement).iter().all(|(.., why)| *why == STUCK), "{judgement:?}");
    assert_eq!((judgement.verdict, judgement.checks.len()), (Verdict::Fail, wanted.len() + 1));
}

#[test]
fn a_validator_that_ends_fails_the_case() {
    let ended = || event(Body::DeviceEnded { why: "its program ended with exit status: 1".into() });
    let mut case = of_steps(vec![
        StepWanted::Tap(expect("journal: '+1'")),
        StepWanted::Status(StatusExpect { journal: Some(0), ..StatusExpect::default() }),
    ]);
    case.expect = expect("journal: '+1'");
    let wanted =
        "ready again (tap 1): expected a validator that keeps running, seen its program ended with exit status: 1";
    // In the tap, and when its journal was read.
    for tap in [vec![presented(1), ended()], [&ride(1)[..ride(1).len() - 1], &[ended()]].concat()] {
        let judgement = judged(&case, &[vec![step(1)], tap].concat());
        assert_eq!(judgement.failure.as_deref(), Some(wanted));
        assert_eq!(titles(&judgement, CheckResult::NotJudged), ["journal (tap 1)", "status journal", "journal"]);
    }
    // In a step that asks it.
    let judgement = judged(&case, &[vec![step(1)], ride(1), vec![step(2), ended()]].concat());
    assert_eq!(judgement.failure.as_deref(), Some(&*wanted.replace(" (tap 1)", "")));
    assert_eq!(titles(&judgement, CheckResult::NotJudged), ["status journal", "journal"]);
}
