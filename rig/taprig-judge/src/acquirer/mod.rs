//! Judges what the acquirer received: what a case states, and what must hold in every case with an acquirer.
//!
//! [`ledger`] folds the events of a case into messages and claims. [`stated`] judges the expectations of a case. [`books`] judges
//! what nobody has to state, with [`fields`], which holds a claim against what card and reader exchanged in its tap,
//! [`settings`], which knows the settings at that tap, [`results`], which holds the terminal verification results against the tap,
//! and [`accounts`], which looks for each charged ride.

mod accounts;
mod books;
mod fields;
mod ledger;
mod reconciled;
mod results;
mod ride;
mod settings;
mod stated;

pub(crate) use books::judge as books;
pub(crate) use stated::judge as stated;
pub(crate) use stated::work;
