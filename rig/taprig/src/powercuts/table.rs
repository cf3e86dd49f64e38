//! What a person reads of power cuts.

use std::collections::BTreeMap;
use std::time::Duration;

use super::phase::{Act, Phase};

/// What came of one cut.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cut {
    /// Its seed.
    pub seed: u64,
    /// The act.
    pub act: Act,
    /// The phase that the validator had reached when the power went off.
    pub phase: Phase,
    /// The instant, counted from the beginning of the act.
    pub at: Duration,
    /// How long the validator took from power to ready.
    pub ready: Duration,
    /// What was violated.
    pub violated: Option<String>,
}

/// The cuts, counted by phase.
#[must_use]
pub fn table(cuts: &[Cut]) -> String {
    let mut rows = BTreeMap::<(Act, Phase), Vec<&Cut>>::new();
    for cut in cuts {
        rows.entry((cut.act, cut.phase)).or_default().push(cut);
    }
    let mut text = format!("{:<15} {:<24} {:>6} {:>18} {:>9}\n", "act", "phase", "cuts", "instants (ms)", "violated");
    let ms = |time: Duration| format!("{:.1}", time.as_secs_f64() * 1000.0);
    for ((act, phase), cuts) in &rows {
        let (first, last) = cuts
            .iter()
            .fold((Duration::MAX, Duration::ZERO), |(first, last), cut| (first.min(cut.at), last.max(cut.at)));
        let instants = format!("{} to {}", ms(first), ms(last));
        let violated = cuts.iter().filter(|cut| cut.violated.is_some()).count();
        let name = phase.to_string();
        text += &format!("{:<15} {name:<24} {:>6} {instants:>18} {violated:>9}\n", act.name(), cuts.len());
    }
    let slowest = cuts.iter().map(|cut| cut.ready).max().unwrap_or_default();
    let violated = cuts.iter().filter(|cut| cut.violated.is_some()).count();
    text + &format!("{} cuts, {violated} violated; ready again within {} ms at most\n", cuts.len(), ms(slowest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cuts_are_counted_by_the_phase_in_which_they_came() {
        let cut = |seed, phase, violated: Option<&str>| Cut {
            seed,
            act: Act::Tap,
            phase,
            at: Duration::from_millis(10 * seed),
            ready: Duration::from_millis(300 + seed),
            violated: violated.map(Into::into),
        };
        let cuts =
            [cut(1, Phase::Exchange, None), cut(2, Phase::Exchange, Some("lost")), cut(3, Phase::AfterGate, None)];
        insta::assert_snapshot!(table(&cuts), @r"
        act             phase                      cuts      instants (ms)  violated
        tap             exchange                      2       10.0 to 20.0         1
        tap             after the gate opened         1       30.0 to 30.0         0
        3 cuts, 1 violated; ready again within 303.0 ms at most
        ");
    }
}
