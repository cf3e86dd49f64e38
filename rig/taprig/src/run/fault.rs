//! Link faults of a case. Each one waits for its command.

use taprig_model::expect::CommandName;
use taprig_model::step::Injection;

/// The injections of a tap. Each one waits for its command.
pub(super) struct Armed<'a> {
    injections: Vec<&'a Injection>,
    seen: Vec<(CommandName, u8)>,
}

impl<'a> Armed<'a> {
    /// Takes these injections.
    #[must_use]
    pub(super) fn new(injections: &'a [Injection]) -> Self {
        Self { injections: injections.iter().collect(), seen: Vec::new() }
    }

    /// The injection for the command that has just come, if there is one.
    pub(super) fn next(&mut self, command: CommandName) -> Option<&'a Injection> {
        let nth = match self.seen.iter_mut().find(|(name, _)| *name == command) {
            Some((_, count)) => {
                *count = count.saturating_add(1);
                *count
            }
            None => {
                self.seen.push((command, 1));
                1
            }
        };
        let place = self.injections.iter().position(|i| i.at.command == command && i.at.nth == nth)?;
        Some(self.injections.remove(place))
    }
}
