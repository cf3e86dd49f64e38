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

/// Highest amount, in fen.
pub const MAX_AMOUNT: u32 = 999_999_999;
