//! STM32F405: a Cortex-M4F at 16 MHz from its internal oscillator.
//!
//! USART1 (PA9 transmit, PA10 receive) is console or link at 115,200 bit/s, USART2 (PA2, PA3) the air at
//! 1 Mbit/s to a second board, 4 KB of backup memory keep their content while VBAT is supplied.
//!
//! The same binaries start on QEMU's netduinoplus2, which has no clock control and no backup memory: the card emulator
//! works there, the validator has nowhere to keep anything.
#![cfg_attr(target_os = "none", no_std)]

#[cfg(target_os = "none")]
mod chip;

#[cfg(target_os = "none")]
pub use chip::Stm32f405;
