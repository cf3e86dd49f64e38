//! The two firmwares as processes on the host.
//!
//! The same crates as on boards, in a process each: UART0 is a pseudo terminal, the air a unix socket at which the
//! emulator listens, non-volatile memory a file. A process prints one line of JSON when its ports are ready,
//! `{"serial":"/dev/pts/3"}`, and ends when its standard input closes, so that it never outlives its rig.
//!
//! All waiting is in one `epoll` call with the firmware's own deadline; nothing is polled.

mod air;
mod card;
mod crash;
mod device;
mod error;
mod host;
mod line;
mod nvm;
mod peer;
mod pty;
mod uplink;
mod waits;

pub use card::{EmulatorOptions, run_emulator};
pub use device::{ValidatorOptions, run_validator};
pub use error::SimError;
pub use host::Host;
pub use nvm::{MEMORY, Nvm};
