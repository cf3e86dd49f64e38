//! One transaction from beginning to end.

use heapless::Vec;

use crate::{Card, Environment, Outcome, OutcomeKind, Reason, Settings, Transaction};

/// Runs one transaction with an activated card.
///
/// Does everything from pre-processing to the decision: it goes on to the card's next application by itself, and
/// never sends a command twice. The device shows and sounds `Outcome::ui`, records an approved ride, and has the
/// card removed.
pub fn run<C: Card, E: Environment>(
    _card: &mut C,
    _environment: &mut E,
    _settings: &Settings,
    _transaction: &Transaction,
) -> Outcome {
    Outcome {
        kind: OutcomeKind::EndApplication,
        reason: Reason::NoApplication,
        ui: Vec::new(),
        cvm: crate::Cvm::None,
        field_off: false,
        ride: None,
    }
}
