//! Whole transactions against scripted cards with a chain of test keys.

mod authentication;
mod card;
mod fuzz;
pub(crate) mod keys;
mod purse;
mod sm;
mod standard;
mod transactions;
