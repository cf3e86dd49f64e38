//! Data types that other programs read: cases, devices, benches, cards, events, results.
//!
//! The crate contains only types, with serde and JSON Schema, and depends on no other crate of this repository. The
//! loader (`taprig-case`) reads files with line and column, resolves includes and unfolds the matrix. Enums are written
//! as YAML maps with one key (`sim: {}`), so read them through `serde_yaml::with::singleton_map_recursive`.

pub mod acquirer;
pub mod adapter;
pub mod address;
pub mod bench;
mod board;
pub mod books;
pub mod capability;
pub mod card;
pub mod case;
pub mod criteria;
pub mod day;
pub mod device;
pub mod event;
pub mod expect;
pub mod fleet;
pub mod history;
pub mod lab;
pub mod lock;
pub mod name;
pub mod preset;
pub mod quarantine;
pub mod random;
pub mod reason;
pub mod repeat;
pub mod requirement;
pub mod result;
#[cfg(feature = "samples")]
pub mod samples;
pub mod schema;
pub mod settings;
pub mod situation;
pub mod step;
#[cfg(test)]
mod tests;
mod text;
pub mod units;
pub mod validator;
pub mod version;
