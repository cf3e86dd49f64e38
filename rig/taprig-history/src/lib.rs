//! The history of benches: a line for each run, and the answers that many runs give together.
//!
//! [`night::of`] makes a line from a record, and [`file`](mod@file) keeps lines in a file. [`series`] puts the nights of one device
//! on one bench into order. The other modules answer questions about such a series:
//!
//! | module | question |
//! | --- | --- |
//! | [`standing`] | Is a case broken or flaky, and since when? |
//! | [`change`] | What differs between two nights? |
//! | [`pace`] | Which cases are slow, and which become slower? |
//! | [`benches`] | How often does the rig itself fail on each bench? |
//! | [`last`] | What does a person want to know after a bad night? |
//! | [`plot`] | How did a case do, as a small drawing? |
//!
//! A verdict `error` is the rig's. It never counts for or against a case, so a fault of the rig is neither a failure nor a
//! flake.

pub mod benches;
pub mod change;
mod digest;
pub mod file;
pub mod last;
pub mod night;
pub mod pace;
pub mod plot;
pub mod rate;
#[cfg(test)]
mod samples;
pub mod series;
pub mod show;
pub mod standing;
