//! The reference validator: the device under test, as a library over what a [`board`] gives.
//!
//! ```text
//! device  start, idle, tap, removal                      console  lines in, lines out
//!   tap   card -> kernel -> journal -> display           present  display, sound, gate
//!   reader  polling, activation, block protocol          store    settings, keys, lists, journal
//! board   clock, console, air, memory, wall clock
//! ```
//!
//! Blocking code, no heap. All waiting is [`board::Board::sleep`] with a deadline.
#![no_std]

#[cfg(test)]
extern crate std;

pub mod board;
pub mod clock;
mod command;
pub mod console;
mod device;
pub mod fare;
pub mod hex;
pub mod journal;
mod keys;
mod last;
mod lists;
pub mod memory;
pub mod present;
pub mod reader;
pub mod settings;
pub mod store;
mod tap;
#[cfg(test)]
mod testboard;
#[cfg(test)]
mod tests;

pub use device::{End, run};
