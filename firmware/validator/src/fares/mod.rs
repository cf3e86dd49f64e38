//! What a ride costs.
//!
//! ```text
//! rule     lines of a policy, as the console writes them
//! policy   the policy: stops, steps, transfers, discounts, promotions, caps
//! card     what is remembered of a card, and what time means for it
//! quote    what a tap costs: policy, card and time -> amount, and the card after it
//! ```
//!
//! All of this is pure: `store` keeps policy and cards, and `tap` puts it together.

pub mod card;
pub mod policy;
pub mod quote;
mod rule;
#[cfg(test)]
mod tests;

pub use quote::Tariff;
pub(crate) use rule::stop;

use crate::store::settings::Settings;
use policy::Policy;

impl<'a> Tariff<'a> {
    /// The prices that settings and policy make.
    #[must_use]
    pub const fn new(settings: &Settings, policy: &'a Policy) -> Self {
        Self { fare: settings.fare, discount: settings.discount, one_cent: settings.one_cent, policy }
    }
}
