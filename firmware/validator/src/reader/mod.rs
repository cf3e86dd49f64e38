//! The reader: finds a card, activates it, carries APDUs, sees it leave.

pub mod activation;
pub mod block;
pub mod medium;
#[cfg(test)]
pub(crate) mod testcard;
#[cfg(test)]
mod tests;

use kernel::{Card, LinkError};
use wire::Response;

pub use activation::{ActivationError, Presence};
pub use medium::{Heard, Medium, UartAir};

/// Field off for so long resets a card, in us (EMV: 5.1 to 10 ms).
const RESET_TIME_US: u32 = 6000;

/// How often a card that fails in activation is reset and tried anew.
const ATTEMPTS: u8 = 3;

/// Unanswered WUPA that tell that a card is gone (EMV).
const REMOVAL_POLLS: u8 = 3;

/// A reader over its front end.
pub struct Reader<M> {
    medium: M,
    link: Option<block::Link>,
    /// The field is on.
    powered: bool,
    /// Something of type B may be in the field, so that its leaving must be seen too.
    type_b: bool,
    /// GET PROCESSING OPTIONS that were sent to cards.
    gpos: u32,
}

/// INS of GET PROCESSING OPTIONS.
const GPO: u8 = 0xA8;

impl<M: Medium> Reader<M> {
    /// The field is off until [`poll`](Self::poll).
    pub fn new(medium: M) -> Self {
        Self { medium, link: None, powered: false, type_b: false, gpos: 0 }
    }

    /// How many GET PROCESSING OPTIONS it has sent to cards.
    #[must_use]
    pub const fn gpos(&self) -> u32 {
        self.gpos
    }

    /// The front end.
    pub fn medium(&mut self) -> &mut M {
        &mut self.medium
    }

    /// Looks for cards, once.
    pub fn poll(&mut self) -> Presence {
        // Said at every poll, as an emulator that has started anew knows of no field.
        self.medium.field(true);
        if !core::mem::replace(&mut self.powered, true) {
            self.medium.pause(activation::GUARD_TIME_US);
        }
        let presence = activation::poll(&mut self.medium);
        self.type_b = matches!(presence, Presence::TypeB | Presence::Several);
        presence
    }

    /// Activates the card that [`poll`](Self::poll) found; resets and tries anew a card that fails.
    ///
    /// # Errors
    /// Several cards, a card without block protocol, or the last failure.
    pub fn activate(&mut self) -> Result<(), ActivationError> {
        let mut attempt = 1;
        loop {
            self.link = None;
            match activation::activate(&mut self.medium) {
                Ok(link) => {
                    self.link = Some(link);
                    return Ok(());
                }
                Err(ActivationError::Link(_)) if attempt < ATTEMPTS => {
                    attempt += 1;
                    self.reset_field();
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Lets the card go: S(DESELECT), or a field reset when it does not confirm or `field_off` asks for it.
    pub fn release(&mut self, field_off: bool) {
        let deselected = !field_off && self.link.as_ref().is_some_and(|link| link.deselect(&mut self.medium));
        self.link = None;
        if !deselected {
            self.reset_field();
        }
    }

    /// One round of the removal procedure: true when three WUPA stay without answer, and a WUPB too where
    /// [`poll`](Self::poll) found more than one card of type A.
    pub fn is_removed(&mut self) -> bool {
        for _ in 0..REMOVAL_POLLS {
            match activation::wake_a(&mut self.medium) {
                Heard::Answer { .. } | Heard::Collision => {
                    activation::halt(&mut self.medium);
                    self.medium.pause(activation::GUARD_TIME_US);
                    return false;
                }
                Heard::Dead => return true,
                Heard::Silence => {}
            }
        }
        !(self.type_b && matches!(activation::wake_b(&mut self.medium), Heard::Answer { .. } | Heard::Collision))
    }

    fn reset_field(&mut self) {
        self.medium.field(false);
        self.medium.pause(RESET_TIME_US);
        self.medium.field(true);
        self.medium.pause(activation::GUARD_TIME_US);
    }
}

impl<M: Medium> Card for Reader<M> {
    fn transmit(&mut self, command: &[u8], response: &mut Response) -> Result<(), LinkError> {
        self.gpos = self.gpos.wrapping_add(u32::from(command.get(1) == Some(&GPO)));
        let result = match &mut self.link {
            Some(link) => link.transmit(&mut self.medium, command, response),
            None => Err(LinkError::Removed),
        };
        if result.is_err() {
            // The block numbers are out of step: only a reset helps this card.
            self.link = None;
        }
        result
    }
}
