//! Reconciliation: what a validator's journal, an acquirer's log and a bank's clearing file say about the same rides.
//!
//! [`Books`] collects the three sides, from files or from memory, and [`Books::reconcile`] puts each item into one
//! [`Class`](taprig_model::books::result::Class). [`class`] is the rule by which it does so. [`read`] reads the
//! files row by row, and [`show`] writes the result. [`Running`] does the same for rows that come in parts, over months. The arithmetic has
//! no input and output, and no amount is ever a floating-point number.
//!
//! A bench needs no files:
//!
//! ```
//! use taprig_books::{Books, Claim, Options};
//! use taprig_model::acquirer::log::State;
//!
//! let mut books = Books::new();
//! let ride = serde_json::json!({
//!     "merchant": "123456789012345", "terminal": "12345678", "batch": 1, "trace": 7,
//!     "time": "2018-05-21T08:00:00", "line": "3", "product": "credit", "amount_fen": 100, "state": "accepted",
//! });
//! books.ride(&serde_json::from_value(ride).unwrap(), None);
//! // `Host::claims` of `taprig-acquirer` lists these.
//! let claim = Claim { merchant: "123456789012345", terminal: "12345678", batch: 1, trace: 7, fen: 100, state: State::Accepted };
//! books.claim(&claim, None);
//! let result = books.reconcile(&Options::default());
//! assert!(result.balanced);
//! ```

mod books;
pub mod class;
mod entries;
mod group;
mod names;
mod place;
pub mod read;
mod reconcile;
mod running;
pub mod show;
mod spans;
#[cfg(test)]
mod tests;
pub mod time;

pub use books::{Books, Claim, Cleared, FileId, Heard, Place};
pub use reconcile::Options;
pub use running::{Late, Running};
