//! The card, as the kernel sees it: commands out, responses in.

/// An activated card. The ISO/IEC 14443-4 block protocol, its retries and its waiting times are below this trait.
pub trait Card {
    /// Sends a command APDU and waits for the response APDU, status word included, which replaces the contents
    /// of `response`.
    ///
    /// # Errors
    /// A [`LinkError`] when no whole response came; nothing in `response` is used then.
    fn transmit(&mut self, command: &[u8], response: &mut wire::Response) -> Result<(), LinkError>;
}

/// Why no response came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkError {
    /// Nothing within the frame waiting time, retries included.
    Timeout,
    /// The card broke the block protocol, or its response is longer than a short APDU.
    Protocol,
    /// Bit errors that the retries did not cure.
    Transmission,
    /// The card left the field.
    Removed,
}
