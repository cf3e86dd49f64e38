//! The fixture cards, read by a small reader and checked by another implementation of offline data authentication.

#![expect(clippy::unwrap_used, reason = "helpers of tests are not in test functions")]

mod behaviour;
mod chain;
mod changes;
mod phone;
mod purse;
mod reader;
mod sm;
mod standard;
