//! Months of rides of a whole fleet, played on the real chain: validator, card, journal, uplink, acquirer, clearing file,
//! reconciliation.
//!
//! [`mod@file`] has the two files of a replay. [`plan`] makes a plan of them, which decides who rides when under which fare, or says why
//! there is none. [`engine`] plays it, bus by bus, and [`output`] puts the books of all buses together. [`sample`] compares rides with
//! cases.

pub mod books;
pub mod engine;
mod error;
pub mod file;
pub mod output;
mod parts;
pub mod plan;
mod random;
pub mod sample;

pub use error::ReplayError;
