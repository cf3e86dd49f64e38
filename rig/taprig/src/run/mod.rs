//! Running sub-cases: on as many benches as are asked for, each with a thread of its own.
//!
//! [`plan`] makes all that a run needs before a bench is touched. [`queue`] hands sub-cases to benches, [`station`] is one
//! of these at work, [`sub_case`] one attempt at one sub-case: from the [`known_state`], by its `steps`, each [`tap`] with
//! its faults, to the verdict.

mod fault;
pub mod known_state;
pub mod plan;
pub mod queue;
pub mod station;
mod steps;
pub mod sub_case;
pub mod tap;
