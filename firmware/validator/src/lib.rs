//! The reference validator: reader, fares, journal, lists, display and console, over the traits of a [`board`].
#![no_std]

pub mod board;

/// Why [`run`] returned; only hosted boards see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The console asked for a restart and [`board::Board::reset`] returned.
    Reset,
    /// [`board::Board::stopped`] said so.
    Stopped,
}
