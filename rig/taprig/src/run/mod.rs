//! Running sub-cases: on as many benches as are asked for, each with a thread of its own.
//!
//! [`taprig_case::plan`] makes all that a run needs before a bench is touched. [`queue`] hands sub-cases to benches,
//! [`station`] is one of these at work, [`sub_case`] one attempt at one sub-case: from the known state, by its `steps`, each
//! [`tap`] with its faults, to the verdict. A run speaks to the two sides of a bench
//! ([`ValidatorSide`](taprig_bench::validator_side::ValidatorSide), [`CardSide`](taprig_bench::card_side::CardSide)) and to
//! nothing below them. It tells what happens and judges nothing: that is [`taprig_judge`]'s.

mod fault;
pub mod queue;
pub mod station;
mod steps;
pub mod sub_case;
pub mod tap;
