//! Work with device files: [`new`] writes one from answers, and [`check`] tries one on a bench.

pub mod check;
pub mod new;
