//! The answers as text for a person.

use crate::benches::BenchErrors;
use crate::last::{LastNight, words};
use crate::pace::{Slow, Slowing};
use crate::plot::Point;
use crate::standing::{Standing, State};
use taprig_model::result::Verdict;

/// The largest number of cases that are listed under one heading.
const LISTED: usize = 20;

/// The answer after a bad night.
#[must_use]
pub fn last_night(night: &LastNight) -> String {
    let mut lines = vec![format!("{} on {}: the night of {}", night.device, night.bench, moment(&night.night.started))];
    let verdicts = &night.verdicts;
    let end = if night.complete { "" } else { "; it did not reach its end" };
    lines.push(format!("  {} in {}{end}", words(verdicts), duration(night.took_us)));
    if let Some(before) = &night.before {
        lines.push(format!("  the night before: {}", words(before)));
    }
    let serial = night.serial_number.iter().map(|number| format!("serial number {number}"));
    let firmware = night.firmware.iter().map(|firmware| format!("firmware {firmware}"));
    let facts: Vec<String> = serial.chain(firmware).chain([night.tool.clone()]).collect();
    lines.push(format!("  {}", facts.join(", ")));
    let nights = if night.nights == 1 { "1 night".into() } else { format!("{} nights", night.nights) };
    lines.push(format!("  history: {nights} since {}; record: {}", day(&night.since), night.night.record));
    if let Some(pace) = night.pace.filter(|pace| *pace >= 1.25) {
        lines.push(format!(
            "  the cases took {pace:.1} times as long as usual: the computer was busy, or a part has become slow"
        ));
    }
    if !night.missing.is_empty() {
        let some: Vec<&str> = night.missing.iter().take(3).map(String::as_str).collect();
        let more = if night.missing.len() > 3 { ", ..." } else { "" };
        let count = night.missing.len();
        lines.push(format!("  {count} of the cases of the night before did not run: {}{more}", some.join(", ")));
    }
    let mut section = |title: &str, standings: &[Standing]| {
        if standings.is_empty() {
            return;
        }
        lines.push(String::new());
        lines.push(format!("{title} ({})", standings.len()));
        for standing in standings.iter().take(LISTED) {
            lines.extend(self::standing(standing).lines().map(|line| format!("  {line}")));
        }
        if standings.len() > LISTED {
            lines.push(format!("  and {} more", standings.len() - LISTED));
        }
    };
    section("The device fails", &night.broken);
    section("Flaky", &night.flaky);
    section("In quarantine", &night.quarantined);
    section("Passes again", &night.mended);
    if !night.rig.is_empty() {
        lines.push(String::new());
        lines.push("The rig failed; this says nothing about the device".into());
        lines.extend(night.rig.iter().flat_map(|bench| self::bench(bench, true)).map(|line| format!("  {line}")));
    }
    if night.broken.is_empty() && night.flaky.is_empty() && night.rig.is_empty() && night.quarantined.is_empty() {
        lines.push(String::new());
        lines.push("Nothing is broken or flaky, and the rig made no errors.".into());
    }
    lines.join("\n") + "\n"
}

/// How a case stands.
#[must_use]
pub fn standing(standing: &Standing) -> String {
    let turn = &standing.turn;
    let in_a_row = if turn.nights == 1 { "1 night".into() } else { format!("{} nights in a row", turn.nights) };
    let since = match &turn.before {
        Some(before) => {
            format!("since {}, {in_a_row}; the last other verdict was on {}", turn.first.day(), before.day())
        }
        None => format!("in all nights of the history, {in_a_row} since {}", turn.first.day()),
    };
    let now = if standing.bad_now { "fails" } else { "passes" };
    let rate = &standing.rate;
    let rates = |how: &str| {
        let words = rate.words();
        vec![
            format!("{}  fails in {} of {} runs {how}: {words}", standing.id, rate.count, rate.of),
            format!("    it {now} {since}"),
        ]
    };
    let mut lines = match standing.state {
        State::Broken | State::Good => vec![format!("{}  {now} {since}", standing.id)],
        State::Flaky => rates("of the same firmware, device and case"),
        State::Unsteady => rates("of the last nights, back and forth from firmware to firmware"),
    };
    lines.extend(standing.why.as_ref().map(|why| format!("    {why}")));
    if turn.unknown > 0 {
        let nights = if turn.unknown == 1 { "1 night".into() } else { format!("{} nights", turn.unknown) };
        lines.push(format!("    {nights} in between had no verdict about the device"));
    }
    match (&turn.before, turn.changes.as_slice()) {
        (None, _) => {}
        (Some(_), []) if matches!(standing.state, State::Flaky | State::Unsteady) => {}
        (Some(_), []) => lines.push("    the history knows nothing that changed then".into()),
        (Some(_), changes) => {
            for change in changes {
                let what = change.what.words();
                let value = |text: &str| if text.is_empty() { "nothing".to_owned() } else { text.to_owned() };
                lines.push(format!("    changed then: {what}, from {} to {}", value(&change.was), value(&change.now)));
            }
        }
    }
    lines.join("\n") + "\n"
}

/// A case, night by night: a letter for each of the newest nights.
#[must_use]
pub fn strip(points: &[Point]) -> String {
    let letter = |point: &Point| match point.verdict {
        Some(Verdict::Pass) => '.',
        Some(Verdict::Fail) => 'F',
        Some(Verdict::Changed) => 'C',
        Some(Verdict::Error) => 'E',
        Some(Verdict::NotApplicable | Verdict::Skipped) => '-',
        None => ' ',
    };
    let mut row = String::new();
    for point in points {
        if point.changed {
            row.push('|');
        }
        row.push(letter(point));
    }
    let days = points.first().zip(points.last()).map(|(first, last)| (day(&first.started), day(&last.started)));
    let (first, last) = days.unwrap_or_default();
    format!(
        "{first} [{row}] {last}\n  . passed, F failed, C changed since the baseline, E error of the rig, - not run, | another firmware, case or device\n"
    )
}

/// The slowest cases, and those that have become slower.
#[must_use]
pub fn pace(slow: &[Slow], slowing: &[Slowing]) -> String {
    let ms = |us: u64| format!("{}.{} ms", us / 1000, us % 1000 / 100);
    let mut lines = vec!["The slowest cases of the newest night".to_owned()];
    lines.extend(
        slow.iter().map(|slow| format!("  {:>10}  {}  (median {})", ms(slow.took_us), slow.id, ms(slow.median_us))),
    );
    lines.push(String::new());
    if slowing.is_empty() {
        lines.push("No case has become slower.".into());
    } else {
        lines.push(format!("Slower than before ({})", slowing.len()));
    }
    lines.extend(
        slowing.iter().take(LISTED).map(|slow| {
            format!("  {}  {} -> {}, {:.1} times", slow.id, ms(slow.before_us), ms(slow.now_us), slow.times)
        }),
    );
    lines.join("\n") + "\n"
}

/// The rig's own errors, by bench.
#[must_use]
pub fn benches(benches: &[BenchErrors]) -> String {
    let lines: Vec<String> = benches.iter().flat_map(|bench| self::bench(bench, false)).collect();
    lines.join("\n") + "\n"
}

fn bench(bench: &BenchErrors, one_night: bool) -> Vec<String> {
    let errors = &bench.errors;
    let rate = if one_night || errors.count == 0 { String::new() } else { format!(": {}", errors.words()) };
    let nights =
        if one_night { String::new() } else { format!(", in {} of {} nights", bench.bad_nights, bench.nights) };
    let faults = match bench.faults {
        0 => String::new(),
        1 => "; 1 fault of the bench itself".to_owned(),
        faults => format!("; {faults} faults of the bench itself"),
    };
    let mut lines = vec![format!(
        "{}  {} of {} attempts ended in an error{nights}{rate}{faults}",
        bench.bench, errors.count, errors.of
    )];
    lines.extend(bench.causes.iter().take(3).map(|cause| {
        let times = if cause.count == 1 { "once".to_owned() } else { format!("{} times", cause.count) };
        let last = if one_night { String::new() } else { format!(", last on {}", day(&cause.newest)) };
        format!("    {} ({times}{last})", cause.what)
    }));
    lines
}

fn duration(us: u64) -> String {
    match us / 1_000_000 {
        seconds @ 0..60 => format!("{seconds} s"),
        seconds @ 60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        seconds => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}

fn day(started: &str) -> &str {
    started.get(..10).unwrap_or(started)
}

/// `2026-11-30 01:30 UTC`
fn moment(started: &str) -> String {
    match (started.get(..10), started.get(11..16)) {
        (Some(day), Some(time)) => format!("{day} {time} UTC"),
        _ => started.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::Nights;
    use crate::series::Series;
    use crate::{benches, last, plot};

    #[test]
    fn after_a_bad_night() {
        let nights = Nights::of("BUS-001", "PPPPPPPPPPPPPPPPPPPPPPPPPPPFFF")
            .case("BUS-002", "PPPPFPPPPPPPPFPPPPPPPPPPPFPPPF")
            .case("BUS-003", "PPPPPPPPPPPPPPPPPPPPPPPPPPPPPE")
            .case("BUS-005", "PPPPPPPPPPPPPPPPPPPPPPPPPPPPP-")
            .firmware(27, "00000000000000f2")
            .nights;
        let last = last::nights(&Series::all(&nights), 30);
        insta::assert_snapshot!(last_night(&last[0]));
    }

    #[test]
    fn after_a_good_night() {
        let nights = Nights::of("BUS-001", "PFP").firmware(1, "f2").firmware(2, "f3").nights;
        insta::assert_snapshot!(last_night(&last::nights(&Series::all(&nights), 30)[0]));
    }

    #[test]
    fn a_case_night_by_night() {
        let nights = Nights::of("BUS-001", "PCFE").case("BUS-002", "PPPP").firmware(2, "f2").nights;
        let points = plot::points(&Series::all(&nights)[0], "BUS-001", 30);
        assert!(strip(&points).starts_with("2026-11-01 [.C|FE] 2026-11-04\n"), "{}", strip(&points));
    }

    #[test]
    fn errors_of_benches() {
        let nights = Nights::of("BUS-001", "PPEPEP").nights;
        assert_eq!(
            benches(&benches::errors(&nights)),
            "sim-1  2 of 6 attempts ended in an error, in 2 of 6 nights: 33 % (95 % interval: 10 to 70 %)\n    \
             waiting for the emulator on sim-1: port 4711 closed (2 times, last on 2026-11-05)\n"
        );
    }
}
