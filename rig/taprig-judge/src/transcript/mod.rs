//! What happened in a sub-case, as a person reads it: the same from run to run and from board to board.
//!
//! Within a tap the card's exchanges come first, then what the console told: the two come from two ports, and which was
//! faster says nothing. Times, random numbers, cryptograms, signatures and the like are placeholders. Frames on the air are
//! told where they were traced, without the polling.

mod air;
mod render;

pub use render::{render, transcript};
