//! An acquirer's host for fare validators: ISO 8583 as buses in China send it.
//!
//! [`codec`] turns bytes into messages and back. [`mod@mac`] and [`keys`] hold the cryptography. [`host`] decides, and
//! [`rules`] makes it decide otherwise. [`show`] and [`text`] put messages and the log into words
//! without account numbers. [`mod@serve`] is the host behind a TCP port.

pub mod codec;
pub mod host;
pub mod keys;
pub mod late;
pub mod mac;
pub mod rules;
pub mod serve;
pub mod show;
pub mod text;

pub use host::{Host, Setup};

/// The keys file that a host uses if nobody gives it another one: published test keys, as YAML.
pub const DEFAULT_KEYS: &str = include_str!("../defaults/keys.yaml");
