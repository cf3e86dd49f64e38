//! Running sub-cases: on as many benches as are asked for, each with a thread of its own.

pub mod attempt;
pub mod crew;
mod fault;
pub mod plan;
pub mod situate;
pub mod tap;
