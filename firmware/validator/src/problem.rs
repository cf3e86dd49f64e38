//! What the console answers if it does not take a line.

/// Why a line is no command: code and text of the `error` reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Problem {
    /// One word for programs.
    pub code: &'static str,
    /// For people.
    pub text: &'static str,
}

impl Problem {
    /// There is no such command or key.
    #[must_use]
    pub const fn unknown(text: &'static str) -> Self {
        Self { code: "unknown", text }
    }

    /// Known, but not written as it must be.
    #[must_use]
    pub const fn malformed(text: &'static str) -> Self {
        Self { code: "malformed", text }
    }

    /// A value that is not taken.
    #[must_use]
    pub const fn value(text: &'static str) -> Self {
        Self { code: "value", text }
    }
}
