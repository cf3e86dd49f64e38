//! Waiting for the end of a work at the uplink.

use std::ops::ControlFlow;
use std::time::Duration;

use taprig_model::acquirer::Work;
use taprig_model::event::{Fields, Signal, Word};
use tokio::time::Instant;

use super::ValidatorSide;
use crate::link::LinkError;

/// The longest time that a work at the uplink may take.
pub const WORK: Duration = Duration::from_secs(60);

/// Waits until the validator says how a work has ended, but not longer than [`WORK`]. `hear` gets everything that the validator
/// reports meanwhile, the end included, each with its time in us on the device's clock; it may end the wait. Returns whether the work has
/// ended.
///
/// # Errors
/// [`LinkError::Gone`].
pub async fn work_ends(
    validator: &mut dyn ValidatorSide,
    work: Work,
    mut hear: impl FnMut(Signal, Fields, Option<u64>) -> ControlFlow<()>,
) -> Result<bool, LinkError> {
    let deadline = Instant::now() + WORK;
    while let Some((signal, said)) = validator.signal(deadline).await? {
        let ended = matches!(&signal, Signal::Uplink { work: Word::Known(told), .. } if *told == work);
        let wait = hear(signal, said, validator.board_us());
        if ended || wait.is_break() {
            return Ok(ended);
        }
    }
    Ok(false)
}
