//! STM32F405: a Cortex-M4F at 168 MHz, from its internal oscillator through the PLL.
//!
//! USART1 (PA9 transmit, PA10 receive) is console or link at 115,200 bit/s, USART2 (PA2, PA3) the air at
//! 1 Mbit/s to a second board. 4 KB of backup memory keep their content over a reset, and without power as long as a
//! battery supplies VBAT.
//!
//! The same binaries start on QEMU's netduinoplus2, which has no clock control and no backup memory: the validator keeps its
//! settings in RAM there.
#![cfg_attr(target_os = "none", no_std)]

#[cfg(target_os = "none")]
mod chip;
#[cfg(target_os = "none")]
mod clock;
#[cfg(target_os = "none")]
mod registers;
#[cfg(target_os = "none")]
mod usart;

#[cfg(target_os = "none")]
pub use chip::Stm32f405;
