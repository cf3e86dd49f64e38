//! Colours and their meanings.

use anstyle::{AnsiColor, Style};
use taprig_model::result::Verdict;

/// Styles of a display. Without colours they are all plain.
#[derive(Debug, Clone, Copy, Default)]
pub struct Styles {
    /// For a pass, and for what is expected.
    pub good: Style,
    /// For a failure, and for what is seen instead.
    pub bad: Style,
    /// For a fault of the rig.
    pub fault: Style,
    /// For details.
    pub faint: Style,
    /// For a heading.
    pub strong: Style,
}

impl Styles {
    /// The styles, with or without colours.
    pub fn new(colour: bool) -> Self {
        if !colour {
            return Self::default();
        }
        let bold = |colour: AnsiColor| colour.on_default().bold();
        Self {
            good: bold(AnsiColor::Green),
            bad: bold(AnsiColor::Red),
            fault: bold(AnsiColor::Magenta),
            faint: Style::new().dimmed(),
            strong: Style::new().bold(),
        }
    }

    /// The style of a verdict.
    pub fn verdict(&self, verdict: Verdict) -> Style {
        match verdict {
            Verdict::Pass => self.good,
            Verdict::Fail => self.bad,
            Verdict::Changed | Verdict::Error => self.fault,
            Verdict::NotApplicable | Verdict::Skipped => self.faint,
        }
    }
}

/// Text in a style.
pub(super) fn paint(style: Style, text: impl std::fmt::Display) -> String {
    format!("{style}{text}{style:#}")
}
