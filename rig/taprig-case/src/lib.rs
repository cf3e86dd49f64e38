//! Finds, reads and checks cases and fixtures, and prepares them for a run.
//!
//! A file goes through these layers: [`source`] reads it within limits. [`document`] parses it into a tree that knows
//! the place of each word, and refuses YAML that the format does not use. [`mod@include`] merges it with the files that
//! it includes. [`each`] makes sub-cases from it. [`typed`] converts the tree into a type of `taprig-model`. [`check`]
//! looks up everything that it refers to. taprig gathers all problems of all files and reports them at once. If there
//! is a problem, nothing runs.
//!
//! Two YAML libraries share the work. `serde_yaml` (its maintained continuation) converts to types. But it does not
//! report the place of a value, it accepts duplicate keys silently, and it expands aliases. So the tree is made from
//! the events of `saphyr-parser`, which carry their places.

pub mod baseline;
pub mod check;
pub mod criteria;
pub mod diagnostic;
pub mod document;
pub mod each;
pub mod include;
pub mod index;
pub mod lab;
pub mod lock;
pub mod partition;
pub mod plan;
pub mod preset;
pub mod project;
pub mod quarantine;
pub mod requirements;
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
