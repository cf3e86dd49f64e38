//! Writes sheets and matrices as text.

mod csv;
mod html;
mod markdown;

pub use csv::{COLUMNS, csv};
pub use html::html;
pub use markdown::markdown;
