//! What a case wants to happen at certain commands of a tap. Each of these things waits for its command.

use taprig_model::expect::CommandName;
use taprig_model::step::At;

/// Faults or acts of a tap.
pub(super) struct Waiting<'a, T> {
    things: Vec<(At, &'a T)>,
    seen: Vec<(CommandName, u8)>,
}

impl<'a, T> Waiting<'a, T> {
    /// Takes these things. `at` says for which command each one waits.
    pub(super) fn new(things: &'a [T], at: impl Fn(&T) -> At) -> Self {
        Self { things: things.iter().map(|thing| (at(thing), thing)).collect(), seen: Vec::new() }
    }

    /// What waited for the command that has just come, if there is anything. Call it once for each command.
    pub(super) fn next(&mut self, command: CommandName) -> Option<&'a T> {
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
        let place = self.things.iter().position(|(at, _)| at.command == command && at.nth == nth)?;
        Some(self.things.remove(place).1)
    }
}
