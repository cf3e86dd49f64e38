//! taprig: the engine.
//!
//! `case` -> `bench` -> `run` -> `record` -> `report`, never back: a case is read and checked before a bench is
//! touched, a bench knows nothing of what is run on it, and every report is computed from what was recorded.

pub mod bench;
pub mod case;
pub mod decode;
pub mod display;
pub mod flash;
pub mod link;
pub mod record;
pub mod report;
pub mod run;
pub mod setup;
pub mod transcript;
pub mod units;
pub mod verdict;
