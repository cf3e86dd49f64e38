//! Work with device files: [`check`] tries one on a bench.

pub mod check;
