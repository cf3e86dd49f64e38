//! What taprig judges of a reader's frames in every case.

use std::fmt;

/// What a reader must do on the air, whatever the case is about. taprig judges it without being asked, if the card side reports the
/// frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AirRule {
    /// Each frame has a form that the standard knows and a right check sum, and is not longer than the card takes
    /// (ISO/IEC 14443-3, 6; ISO/IEC 14443-4, 5 and 7.1).
    Frames,
    /// Block numbers, repetitions, waiting time extensions and the end after an error follow the rules of the block protocol
    /// (ISO/IEC 14443-4, 7.5).
    Blocks,
    /// The reader waits for as long as it must, keeps its distance from the card's frame, and leaves the field off and on for long
    /// enough (ISO/IEC 14443-4, 7.2; EMV Level 1, timings).
    Times,
}

impl AirRule {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Frames, Self::Blocks, Self::Times];

    /// The words of reports.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Frames => "frames well formed",
            Self::Blocks => "block protocol kept",
            Self::Times => "times kept",
        }
    }
}

impl fmt::Display for AirRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.words())
    }
}
