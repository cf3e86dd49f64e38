//! What the boards with an STM32 have in common: start of the serial ports, time from the system tick, random numbers, access
//! for a debugger. The clock tree, and where most registers lie, are matters of each board.
#![cfg_attr(target_os = "none", no_std)]

#[cfg(target_os = "none")]
mod chip;
#[cfg(target_os = "none")]
pub mod gpio;
#[cfg(target_os = "none")]
pub mod time;
#[cfg(target_os = "none")]
mod usart;

#[cfg(target_os = "none")]
pub use chip::{
    Clock, Line, Resets, Stm32, Stm32Board, interrupted, is_real, keep_debug_port_awake, start, start_noise,
};
#[cfg(target_os = "none")]
pub use usart::Usart;
