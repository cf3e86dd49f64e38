//! Runs sub-cases on the requested number of benches. Each bench has its own thread.
//!
//! [`taprig_case::plan`] makes everything that a run needs before a bench is touched. [`queue`] hands sub-cases to
//! benches. A [`station`] is one bench at work. A [`sub_case`] is one attempt at one sub-case: it starts from the known
//! state, plays the `steps`, each [`tap`] with its faults, and ends with the verdict. [`serve`] needs no validator: it holds
//! one card to any reader. [`checkup`] runs no case: it finds out whether a bench is fit for a run. A run talks to the two sides of a
//! bench ([`ValidatorSide`](taprig_bench::validator_side::ValidatorSide),
//! [`CardSide`](taprig_bench::card_side::CardSide)) and to nothing below them. It reports what happens and judges
//! nothing, because [`taprig_judge`] does that.

pub mod checkup;
pub mod earlier;
mod exchange;
pub mod forecast;
pub mod queue;
pub mod serve;
pub mod station;
mod steps;
pub mod sub_case;
pub mod tap;
mod waiting;
