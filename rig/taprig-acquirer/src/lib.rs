//! An acquirer's host for fare validators: ISO 8583 as buses in China send it.
//!
//! [`codec`] turns bytes into messages and back. [`mod@mac`] and [`keys`] hold the cryptography. [`host`] decides, and
//! [`rules`] makes it decide otherwise. [`show`] puts messages into words without account numbers.

pub mod codec;
pub mod host;
pub mod keys;
pub mod mac;
pub mod rules;
pub mod show;

pub use host::{Host, Setup};
