//! The transcript of a sub-case, for a person to read. It is the same for every run and every board.
//!
//! Within a tap, the exchanges of the card come first, and the signals of the console follow. The two come from two
//! ports, and their relative speed has no meaning. Placeholders replace times, random numbers, cryptograms, signatures
//! and the like. Frames on the air are shown if they were traced, without the polling.

mod acquirer;
mod air;
mod render;
mod tap;

pub use acquirer::lines as acquirer_lines;
pub use air::is_checked as air_frame_is_checked;
pub use render::{render, transcript};
pub use tap::TapText;
