//! B-L475E-IOT01A, ST's "Discovery kit IoT node": an STM32L475VG, a Cortex-M4F at 80 MHz from its internal oscillator through
//! the PLL, with a debug probe (ST-LINK/V2-1) on the board.
//!
//! USART1 (PB6 transmit, PB7 receive) is console or link at 115,200 bit/s; the probe passes it on as a serial port. UART4
//! (PA0 transmit, PA1 receive: D1 and D0 of the Arduino connector) is the air at 1 Mbit/s to a second board. 64 KB of RAM are
//! what the validator remembers over a reset. Nothing on the board supplies them when the power is off.
//!
//! The same binaries start on QEMU's b-l475e-iot01a (QEMU 9.1 or newer), which models the clock control, but neither flash
//! interface nor power control.
#![cfg_attr(target_os = "none", no_std)]

#[cfg(target_os = "none")]
mod chip;
#[cfg(target_os = "none")]
mod clock;
#[cfg(target_os = "none")]
mod lines;
#[cfg(target_os = "none")]
mod registers;

#[cfg(target_os = "none")]
pub use chip::BL475eIot01a;
