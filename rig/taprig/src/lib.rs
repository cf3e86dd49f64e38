//! taprig: the run, and its display for a person.
//!
//! Cases come from `taprig-case`, and benches from `taprig-bench`. A run plays a case on a bench and emits events
//! (`taprig-record`). Every verdict, transcript and report is computed from the events (`taprig-judge`,
//! `taprig-report`).

pub mod bisect;
pub mod campaign;
pub mod device;
pub mod display;
pub mod installed;
pub mod powercuts;
pub mod replay;
pub mod run;
pub mod setup;
pub mod submit;
