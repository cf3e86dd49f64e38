//! Colours, by meaning.

use anstyle::{AnsiColor, Style};
use taprig_model::result::Verdict;

/// Styles of a display; all plain where there are no colours.
#[derive(Debug, Clone, Copy, Default)]
pub struct Styles {
    /// Of a pass, and of what is expected.
    pub good: Style,
    /// Of a failure, and of what is seen instead.
    pub bad: Style,
    /// Of a fault of the rig.
    pub fault: Style,
    /// Of what stands back.
    pub faint: Style,
    /// Of a heading.
    pub strong: Style,
}

impl Styles {
    /// With colours or without.
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

    /// Style of a verdict.
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
