//! Cases and fixtures: found, read, checked, made ready to run.
//!
//! A file goes through these layers: [`source`] reads it within bounds; [`document`] parses it into a tree that knows
//! the place of each word, and refuses what the format has no use for; [`mod@include`] puts it over the files it includes;
//! [`each`] makes sub-cases of it; [`typed`] turns the tree into a type of `taprig-model`; [`check`] looks up what it refers
//! to. All problems of all files are gathered and reported at once, and nothing runs when there is one.
//!
//! Two YAML libraries share the work. `serde_yaml` (the continued one) does the typing, but knows no places once a
//! value is read, lets duplicate keys win silently and expands aliases; so `saphyr-parser`'s events, which carry their
//! places, make the tree.

pub mod baseline;
pub mod check;
pub mod criteria;
pub mod diagnostic;
pub mod document;
pub mod each;
pub mod include;
pub mod index;
pub mod plan;
pub mod preset;
pub mod project;
pub mod select;
pub mod source;
pub mod suite;
#[cfg(test)]
mod tests;
pub mod typed;
pub mod workshop;

pub use diagnostic::{Diagnostic, Problems};
pub use project::Project;
pub use suite::{SubCase, Suite};
pub use workshop::Workshop;
