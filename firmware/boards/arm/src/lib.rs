//! What the Cortex-M boards have in common: receive buffers, memory, what survives a reset, faults, and the traits
//! of both firmwares over a small `Chip`.
//!
//! On a host only the parts without hardware are compiled, for their tests.
#![cfg_attr(target_os = "none", no_std)]

pub mod pool;
pub mod ring;

#[cfg(target_os = "none")]
mod device;
#[cfg(target_os = "none")]
mod fault;
#[cfg(target_os = "none")]
mod kept;
#[cfg(target_os = "none")]
mod memory;
#[cfg(target_os = "none")]
mod register;

#[cfg(target_os = "none")]
pub use device::{Chip, Device, Port, arrived, received, ticked, woken};
#[cfg(target_os = "none")]
pub use fault::{drain_before_reset, reset, tell_faults};
#[cfg(target_os = "none")]
pub use memory::Memory;
#[cfg(target_os = "none")]
pub use register::{Register, enable_interrupt, pend_interrupt};
