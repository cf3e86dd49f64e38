//! What a device claims, and which requirements a record shows it to meet.
//!
//! A [`Statement`] is the implementation conformance statement of a device: each function, setting and limit that cases
//! ask for, with its meaning, its value, and the requirements that depend on it. A [`Matrix`] has the state of each
//! requirement in a record. Both follow from values that a record holds, so anybody can compute them again. Nothing in
//! this crate reads a file.

mod claims;
mod coverage;
mod depends;
mod matrix;
mod sheet;
pub mod show;
mod statement;
#[cfg(test)]
mod tests;

pub use claims::{Status, known};
pub use coverage::{Coverage, CoverageRow, Covered};
pub use depends::Dependents;
pub use matrix::{Cell, Evidence, Excuse, Matrix, Row, State};
pub use sheet::{Section, Sheet};
pub use statement::{Claimed, Function, Identification, Limit, Meaning, Setting, Statement};

/// Version of the JSON that [`Statement`] and [`Matrix`] are written as. It is raised when a field changes its meaning.
pub const SCHEMA: u32 = 1;
