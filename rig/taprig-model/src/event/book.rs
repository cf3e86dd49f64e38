//! What taprig judges in every case with an acquirer.

use std::fmt;

/// Something that must hold between the taps of a case and what its acquirer received. taprig judges it without being asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Book {
    /// The host can read every message, and every MAC is right.
    Readable,
    /// A claim that comes again has the content of before, and no two claims are for one tap.
    Repeats,
    /// Each claim is for a tap of this case that was approved, and has its amount.
    Approvals,
    /// Every field of a claim is what card and reader exchanged in its tap.
    Fields,
    /// Each charged ride is a claim that the acquirer knows, or a record that the device lists as waiting.
    Accounted,
    /// The device's journal and the acquirer's claims have no difference by the rules of `taprig reconcile`, and the journal has
    /// what the taps charged.
    Reconciled,
}

impl Book {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Readable, Self::Repeats, Self::Approvals, Self::Fields, Self::Accounted, Self::Reconciled];

    /// The words of reports.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Readable => "every message readable",
            Self::Repeats => "nothing sent twice",
            Self::Approvals => "claims for approved taps only",
            Self::Fields => "claims as exchanged",
            Self::Accounted => "nothing missing",
            Self::Reconciled => "reconciled",
        }
    }
}

impl fmt::Display for Book {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.words())
    }
}
