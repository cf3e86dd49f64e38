//! Finding the first image with which a case fails.
//!
//! [`images`] puts the images of a folder into order, [`search`] says which one to try next, and [`log`](mod@log) keeps what was
//! tried, so that a bisection that was interrupted goes on. Nothing here touches a bench.

pub mod images;
pub mod log;
pub mod search;
