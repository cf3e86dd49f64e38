//! What the device can be told to do on the line to the acquirer.

/// A work on the line to the acquirer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Work {
    /// Claim all rides that are not decided.
    Upload,
    /// The same, then close the batch.
    Settle,
    /// Ask the issuer for the ride of a card whose rider waits.
    Authorise,
    /// Take back the requests that nobody has answered.
    Reverse,
    /// Get working keys.
    SignOn,
    /// End the use of the working keys.
    SignOff,
    /// Download the deny list.
    DenyList,
    /// Download the keys of authorities.
    AuthorityKeys,
}

impl Work {
    /// As the console writes it.
    #[must_use]
    pub const fn slug(self) -> &'static str {
        match self {
            Self::Upload => "upload",
            Self::Settle => "settle",
            Self::Authorise => "authorise",
            Self::Reverse => "reverse",
            Self::SignOn => "sign-on",
            Self::SignOff => "sign-off",
            Self::DenyList => "deny",
            Self::AuthorityKeys => "keys",
        }
    }
}
