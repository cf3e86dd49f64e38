//! Whole transactions against scripted cards with a chain of test keys.

mod authentication;
mod card;
mod fuzz;
mod keys;
mod transactions;
