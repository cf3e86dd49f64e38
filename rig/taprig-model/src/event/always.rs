//! What taprig judges of a validator in every case.

use std::fmt;

/// What a validator must do at all times, whatever the case is about. taprig judges it without being asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AlwaysRule {
    /// Nothing that the device writes has an account number in full (PCI DSS, masking of the number when it is displayed).
    Masked,
    /// A tap that is not approved opens no gate and charges nothing.
    Refusals,
    /// The device reports no fault of its own that the case does not expect.
    Faults,
}

impl AlwaysRule {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Masked, Self::Refusals, Self::Faults];

    /// The words of reports.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Masked => "account numbers masked",
            Self::Refusals => "a refusal stays one",
            Self::Faults => "no fault of its own",
        }
    }
}

impl fmt::Display for AlwaysRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.words())
    }
}
