//! What the case does to the link at the response to one command.

use taprig_model::event::Fields;

/// The fault at a response, as far as its frames depend on it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct LinkFault {
    /// Whether the card asks for more time.
    pub(crate) extensions: bool,
    /// How many of the card's next frames arrive damaged. A masked frame has no check sum that could show it.
    pub(crate) damaged: u32,
}

/// Follows the faults of one tap. A fault is told before the response that it belongs to, and the response before its frames.
#[derive(Debug, Default)]
pub(crate) struct LinkFaults {
    /// The fault at the command that was answered last.
    pub(crate) now: LinkFault,
    next: LinkFault,
}

impl LinkFaults {
    /// A fault was put on the link. The response that it belongs to follows.
    pub(crate) fn injected(&mut self, fault: &str, values: &Fields) {
        let times = values.get("times").and_then(|times| times.parse().ok()).unwrap_or(1);
        self.next = LinkFault { extensions: fault == "wtx", damaged: if fault == "corrupt" { times } else { 0 } };
    }

    /// The host has answered a command.
    pub(crate) fn answered(&mut self) {
        self.now = std::mem::take(&mut self.next);
    }
}
