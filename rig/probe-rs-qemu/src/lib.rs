//! QEMU's gdbstub as a debug probe of probe-rs, and emulated boards with persistent flash.
//!
//! The layers, from the bottom up:
//!
//! - [`rsp`]: a client of the GDB remote serial protocol, as far as QEMU's stub speaks it
//! - [`cortex_m`]: the bus and the debug block of a Cortex-M core, on top of that client
//! - [`probe`]: SW-DP and AHB-AP registers on top of the core, in the place where a USB probe puts bits on the wire.
//!   The access port, debug sequence and flashing code of probe-rs run unchanged above it
//! - [`chip`]: what probe-rs must know about an emulated machine, made from the ELF file of the flash algorithm
//! - [`board`]: QEMU processes as boards with a power switch. Of the layers above it needs only the remote protocol
//!
//! ```no_run
//! use probe_rs_qemu::{Machine, QemuProbe, board::{AirEnd, EmulatedBoard, BoardSpec}, chip};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let spec = BoardSpec::new(Machine::Mps2An386, "state/validator", "/tmp/rig");
//! let board = EmulatedBoard::prepare(&spec, AirEnd::None)?.start()?;
//! let mut registry = probe_rs::config::Registry::new();
//! let family = chip::family(Machine::Mps2An386, &std::fs::read("flash-algorithm.elf")?)?;
//! let name = registry.add_target_family(family)?;
//! let probe = probe_rs::probe::Probe::new(QemuProbe::new(Machine::Mps2An386, board.gdb().clone()));
//! let session = probe.attach_with_registry(Machine::Mps2An386.chip(), Default::default(), &registry)?;
//! # Ok(())
//! # }
//! ```

pub mod board;
pub mod chip;
pub mod cortex_m;
mod endpoint;
mod machine;
pub mod probe;
pub mod rsp;

pub use endpoint::{Endpoint, EndpointError};
pub use machine::{Machine, Sector, UnknownMachine};
pub use probe::{Faults, QemuLister, QemuProbe, QemuProbeFactory};
