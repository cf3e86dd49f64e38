//! The contactless reader's application side: from SELECT PPSE to the outcome, for UnionPay QuickPass (EMV
//! Contactless Book B and Book C-7, UnionPay's ODA rule for buses).
//!
//! [`run()`] takes a [`Card`] that is already activated, an [`Environment`] (keys, lists, display), the
//! [`Settings`] of the reader and one [`Transaction`], and always ends in an [`Outcome`], whatever the card
//! answers. No heap, no clock, no input or output of its own.
//!
//! ```text
//! preprocessing -> selection -> gpo -> records -> oda -> decision (kernel 7) | bus (ODA for online)
//!                       tlv, dol, ttq, data underneath
//! ```
//!
//! The rig's emulated card shares no code with this crate.
#![no_std]

#[cfg(test)]
extern crate std;

pub mod aid;
pub mod bus;
pub mod card;
mod data;
pub mod date;
pub mod decision;
pub mod dol;
pub mod environment;
mod gpo;
pub mod oda;
pub mod outcome;
pub mod pan;
pub mod preprocessing;
mod purse;
mod records;
mod run;
pub mod selection;
pub mod settings;
mod sm2;
mod standard;
pub mod tag;
#[cfg(test)]
mod tests;
pub mod tlv;
pub mod ttq;

pub use aid::{Aid, Product, Rid};
pub use card::{Card, LinkError};
pub use date::{Date, DateTime};
pub use environment::{CaKey, CaPublicKey, CaRsaKey, Environment, KeyError};
pub use oda::{Oda, OdaFailure};
pub use outcome::{Cryptogram, Cvm, MessageId, Outcome, OutcomeKind, Reason, Ride, Status, UiRequest};
pub use pan::Pan;
pub use run::run;
pub use settings::{Mode, Settings, Transaction};
pub use ttq::{Ctq, Ttq};
