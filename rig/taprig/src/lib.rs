//! taprig: the run and what a person sees of it.
//!
//! Cases come from `taprig-case`, benches from `taprig-bench`. A run plays one on the other and tells events
//! (`taprig-record`). Every verdict, transcript and report is computed from those (`taprig-judge`, `taprig-report`).

pub mod display;
pub mod run;
pub mod setup;
