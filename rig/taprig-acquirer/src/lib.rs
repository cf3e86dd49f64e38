//! An acquirer's host for fare validators: ISO 8583 as buses in China send it.
//!
//! [`codec`] turns bytes into messages and back. [`mod@mac`] and [`keys`] hold the cryptography.

pub mod codec;
pub mod keys;
pub mod mac;
