//! nRF52840: a Cortex-M4F at 64 MHz with a front end for cards, as on the nRF52840-DK.
//!
//! Two programs play a card. One does it through the chip's own front end and an antenna ([`nfct`]). The other one does it
//! over a UART to a validator's board, as all other boards do.
//!
//! The host's link is UARTE1 at 115,200 bit/s on P0.06 (transmit) and P0.08 (receive). On the kit, its interface processor
//! passes it on as a serial port. The air of the second program is UART0 at 1 Mbit/s on P1.02 (transmit) and P1.01
//! (receive).
#![cfg_attr(target_os = "none", no_std)]

pub mod nfct;

#[cfg(target_os = "none")]
mod antenna;
#[cfg(target_os = "none")]
mod chip;
#[cfg(target_os = "none")]
mod clock;
#[cfg(target_os = "none")]
mod link;
#[cfg(target_os = "none")]
mod registers;
#[cfg(target_os = "none")]
mod uart;

#[cfg(target_os = "none")]
pub use antenna::FrontEnd;
#[cfg(target_os = "none")]
pub use chip::Nrf52840;
