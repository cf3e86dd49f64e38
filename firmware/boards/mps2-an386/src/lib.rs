//! QEMU's mps2-an386: a Cortex-M4F with the peripherals of Arm's Cortex-M System Design Kit (CMSDK).
//!
//! UART0 is console or link, UART1 the air, UART2 the line to an acquirer. The 16 MB at 0x21000000 are a file of the host: the non-volatile memory first,
//! then the RAM, whose content the host overwrites when it cuts the power.
#![cfg_attr(target_os = "none", no_std)]

#[cfg(target_os = "none")]
mod chip;

#[cfg(target_os = "none")]
pub use chip::Mps2;
