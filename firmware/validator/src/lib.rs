//! The reference validator: the device under test, as a library over what a [`board`] gives.
//!
//! ```text
//! device  start, idle, tap, removal         console  lines in, commands carried out, lines out
//!   tap   card -> kernel -> journal         present  display, sound, gate
//!   reader  polling, activation, blocks     fares    what a tap costs: policy, card and time
//!   due     fares, card and stop -> amount
//!                                           journal  rides, and the card that rode last
//!                                           uplink   claims, settlement, lists from the acquirer
//! board   clock, console, air, uplink,      store    what lies where; settings, keys, lists
//!         memory
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
mod due;
pub mod fares;
pub mod hex;
pub mod journal;
pub mod present;
pub mod problem;
pub mod reader;
pub mod store;
mod tap;
#[cfg(test)]
mod testboard;
#[cfg(test)]
mod tests;
mod uplink;
pub mod work;

pub use device::{End, run};
