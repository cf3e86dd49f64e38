//! taprig: the engine.
//!
//! A case is read and checked before a bench is touched ([`case`]), a bench knows nothing of what is run on it ([`mod@bench`]),
//! a run plays one on the other and tells events ([`run`], [`record`]), and every verdict, transcript and report is computed
//! from those ([`verdict`], [`transcript`], [`report`]).

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
