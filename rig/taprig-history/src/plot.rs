//! Small drawings of a case's history, as SVG that stands in an HTML page.
//!
//! The drawings contain no script and no style, so they need no exception in a content security policy. A page may style
//! the classes `nights`, `night` and those of the verdicts (`pass`, `fail`, ...); without a style the colours are the
//! attributes, which are readable on a light and on a dark page.

use crate::last::{counts, words};
use crate::series::Series;
use std::fmt::Write as _;
use taprig_model::history::Night;
use taprig_model::result::Verdict;

/// The width of a night and its height, in CSS pixels.
const WIDTH: usize = 7;
const HEIGHT: usize = 16;

/// The height of the night with the most sub-cases in [`nights`].
const TALL: usize = 48;

/// What did not pass is never lower than this, so that one failure among thousands can be seen.
const LEAST: usize = 4;

/// A case in one night.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Point {
    /// The start of the night, in UTC by RFC 3339.
    pub started: String,
    /// The verdict, or `None` if the night has not played the case.
    pub verdict: Option<Verdict>,
    /// The duration in us.
    pub took_us: u64,
    /// Whether the firmware, the case or the device differs from the night before.
    pub changed: bool,
}

/// The last `count` nights of a series with what a case did in each, oldest first.
#[must_use]
pub fn points(series: &Series<'_>, id: &str, count: usize) -> Vec<Point> {
    let since = series.since(count);
    let mut before = (0..since).rev().find_map(|night| series.seen(night, id));
    let point = |(night, of): (usize, &&Night)| {
        let seen = series.seen(night, id);
        let changed = seen.zip(before).is_some_and(|(seen, before)| seen.key != before.key);
        before = seen.or(before);
        Point {
            started: of.started.clone(),
            verdict: seen.map(|seen| seen.case.verdict),
            took_us: seen.map_or(0, |seen| seen.case.took_us),
            changed,
        }
    };
    series.nights.iter().enumerate().skip(since).map(point).collect()
}

/// A row of cells, one for each night, each with its verdict as its title. A line between two cells says that firmware, case
/// or device differ. Failures are taller, so that the row can be read without colours.
#[must_use]
pub fn verdicts(points: &[Point]) -> String {
    let width = points.len() * WIDTH;
    let bad = points.iter().filter(|point| point.verdict.is_some_and(Verdict::is_notable)).count();
    let label = format!("the last {} nights: {bad} without a pass", points.len());
    let mut svg = open("nights", (width.max(WIDTH), HEIGHT), &label);
    for (place, point) in points.iter().enumerate() {
        let (word, fill, height) = match point.verdict {
            Some(Verdict::Pass) => ("pass", "#2e9e5b", 8),
            Some(Verdict::Changed) => ("changed", "#b377d9", HEIGHT),
            Some(Verdict::Fail) => ("fail", "#d64545", HEIGHT),
            Some(Verdict::Error) => ("error", "#d98e04", 12),
            Some(Verdict::NotApplicable) => ("not-applicable", "#9aa0a6", 3),
            Some(Verdict::Skipped) => ("skipped", "#9aa0a6", 3),
            None => ("absent", "#9aa0a6", 1),
        };
        let said = point.verdict.map_or("not played", Verdict::name);
        let changed = if point.changed { "; firmware, case or device differ from the night before" } else { "" };
        let x = place * WIDTH;
        let (cell, y) = (WIDTH - 1, HEIGHT - height);
        let _ = write!(
            svg,
            r#"<rect class="night {word}" x="{x}" y="{y}" width="{cell}" height="{height}" fill="{fill}"><title>{}: {said}{changed}</title></rect>"#,
            escaped(&point.started),
        );
        if point.changed {
            let _ = write!(svg, r#"<path class="changed-key" d="M{x} 0v{HEIGHT}" stroke="currentColor"/>"#);
        }
    }
    svg + "</svg>"
}

/// A line of the durations of the nights that passed. It is empty if fewer than two did.
#[must_use]
pub fn durations(points: &[Point]) -> String {
    let passed: Vec<(usize, u64)> = points
        .iter()
        .enumerate()
        .filter(|(_, point)| point.verdict == Some(Verdict::Pass))
        .map(|(place, point)| (place, point.took_us))
        .collect();
    let (Some(least), Some(most)) = (passed.iter().map(|(_, us)| us).min(), passed.iter().map(|(_, us)| us).max())
    else {
        return String::new();
    };
    if passed.len() < 2 {
        return String::new();
    }
    let ms = |us: &u64| format!("{}.{} ms", us / 1000, us % 1000 / 100);
    let label = format!("durations from {} to {}", ms(least), ms(most));
    let mut svg = open("durations", (points.len() * WIDTH, HEIGHT), &label);
    // From zero, so that a small difference looks small.
    let room = HEIGHT as u64 - 2;
    let line: Vec<String> = passed
        .iter()
        .map(|(place, us)| format!("{},{}", place * WIDTH + WIDTH / 2, room + 1 - room * us / (*most).max(1)))
        .collect();
    let _ = write!(svg, r#"<polyline points="{}" fill="none" stroke="currentColor"/>"#, line.join(" "));
    let _ = write!(svg, "<title>{label}</title></svg>");
    svg
}

/// A bar for each of these nights, oldest first: at the bottom what passed, above it what did not. The title of a bar has the counts.
#[must_use]
pub fn nights(nights: &[&Night]) -> String {
    let most = nights.iter().map(|night| night.cases.len()).max().unwrap_or_default().max(1);
    let mut bad = 0;
    let mut bars = String::new();
    for (place, night) in nights.iter().enumerate() {
        let counts = counts(night);
        let failed = counts.fail + counts.quarantined;
        bad += usize::from(failed + counts.error > 0);
        let height = |count: u32| TALL * count as usize / most;
        let seen = |count: u32| if count == 0 { 0 } else { height(count).max(LEAST) };
        let above = [
            (seen(counts.not_applicable + counts.skipped), "not-applicable", "#9aa0a6"),
            (seen(counts.changed), "changed", "#b377d9"),
            (seen(counts.error), "error", "#d98e04"),
            (seen(failed), "fail", "#d64545"),
        ];
        let room = TALL.saturating_sub(above.iter().map(|(height, ..)| height).sum());
        let parts = std::iter::once((height(counts.pass).min(room), "pass", "#2e9e5b")).chain(above);
        let (x, cell, mut y) = (place * WIDTH, WIDTH - 1, TALL);
        let _ = write!(bars, "<g><title>{}: {}</title>", escaped(&night.started), escaped(&words(&counts)));
        for (height, word, fill) in parts.filter(|(height, ..)| *height > 0) {
            y = y.saturating_sub(height);
            let _ = write!(
                bars,
                r#"<rect class="night {word}" x="{x}" y="{y}" width="{cell}" height="{height}" fill="{fill}"/>"#
            );
        }
        bars += "</g>";
    }
    let label = format!("the last {} nights: {bad} with a failure or an error of the rig", nights.len());
    open("bench-nights", ((nights.len() * WIDTH).max(WIDTH), TALL), &label) + &bars + "</svg>"
}

fn open(class: &str, (width, height): (usize, usize), label: &str) -> String {
    format!(
        r#"<svg class="{class}" xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" role="img" aria-label="{}">"#,
        escaped(label)
    )
}

/// Text that can stand in an element or an attribute.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            c if c.is_control() => safe.push(' '),
            c => safe.push(c),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::Nights;

    #[test]
    fn a_row_of_nights() {
        let nights = Nights::of("BUS-001", "PFE-").case("BUS-002", "PPPP").firmware(1, "f2").nights;
        let points = points(&Series::all(&nights)[0], "BUS-001", 3);
        insta::assert_snapshot!(verdicts(&points).replace("><", ">\n<"), @r##"
        <svg class="nights" xmlns="http://www.w3.org/2000/svg" width="21" height="16" viewBox="0 0 21 16" role="img" aria-label="the last 3 nights: 2 without a pass">
        <rect class="night fail" x="0" y="0" width="6" height="16" fill="#d64545">
        <title>2026-11-02T01:30:00Z: fail; firmware, case or device differ from the night before</title>
        </rect>
        <path class="changed-key" d="M0 0v16" stroke="currentColor"/>
        <rect class="night error" x="7" y="4" width="6" height="12" fill="#d98e04">
        <title>2026-11-03T01:30:00Z: error</title>
        </rect>
        <rect class="night absent" x="14" y="15" width="6" height="1" fill="#9aa0a6">
        <title>2026-11-04T01:30:00Z: not played</title>
        </rect>
        </svg>
        "##);
    }

    #[test]
    fn a_line_of_durations() {
        let mut nights = Nights::of("BUS-001", "PPFP").nights;
        nights[3].cases[0].took_us = 20_450;
        let svg = durations(&points(&Series::all(&nights)[0], "BUS-001", 30));
        assert!(svg.contains(r#"points="3,9 10,9 24,1""#), "{svg}");
        assert!(svg.contains("durations from 10.0 ms to 20.4 ms"), "{svg}");
        let one = Nights::of("BUS-001", "PFF").nights;
        assert_eq!(durations(&points(&Series::all(&one)[0], "BUS-001", 30)), "");
    }

    #[test]
    fn hostile_text_is_text() {
        let point = Point {
            started: "</title><script>alert(1)</script>\"'&\u{7}".into(),
            verdict: Some(Verdict::Pass),
            took_us: 1,
            changed: false,
        };
        let svg = verdicts(&[point]);
        assert!(
            !svg.contains("<script")
                && svg.contains("&lt;/title&gt;&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#39;&amp; :"),
            "{svg}"
        );
    }

    #[test]
    fn nothing_has_a_drawing_as_well() {
        assert!(verdicts(&[]).ends_with("</svg>"));
        let nights = Nights::of("BUS-001", "P").nights;
        assert_eq!(points(&Series::all(&nights)[0], "NO-CASE", 9)[0].verdict, None);
    }

    #[test]
    fn one_failure_among_thousands_is_drawn() {
        let mut all = Nights::of("BUS-001", "PPF");
        for night in &mut all.nights {
            night.cases.extend((0..2_000).map(|number| crate::samples::row(&format!("BUS-9{number:04}"), 'P')));
        }
        let svg = nights(&all.nights.iter().collect::<Vec<_>>());
        assert!(svg.contains("the last 3 nights: 1 with a failure or an error of the rig"), "{svg}");
        assert!(
            svg.contains(r##"<rect class="night fail" x="14" y="0" width="6" height="4" fill="#d64545"/>"##),
            "{svg}"
        );
        assert!(svg.contains("2026-11-03T01:30:00Z: 2000 passed, 1 failed</title>"), "{svg}");
        assert_eq!(svg.matches("class=\"night pass\"").count(), 3);
        assert!(nights(&[]).ends_with("</svg>"));
    }
}
