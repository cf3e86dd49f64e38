//! Whether the buses of a fleet may go into service, county by county.
//!
//! A campaign file ([`mod@file`]) says which gates have to be open, and which records, tasks and repairs open them. [`Campaign::read`]
//! reads it together with the fleet. [`evidence::look`] looks at the records, and [`status()`] derives what is open, what is missing, whose
//! turn it is, and since when. Nobody can type in that a gate is open. [`sample`] computes how many buses a sample needs.

mod campaign;
mod check;
mod derive;
pub mod evidence;
pub mod file;
pub mod sample;
pub mod show;
pub mod status;
mod text;
mod words;

pub use campaign::Campaign;
pub use derive::{Facts, Suites, status};
pub use text::{Language, Text};
