//! The bus and the debug block of a Cortex-M core, as an AHB access port sees them, on top of a gdbstub.
//!
//! A debugger halts, steps and inspects such a core through memory-mapped registers (ARMv7-M Architecture Reference
//! Manual, C1.6). QEMU provides these registers only to the guest, so this module models them. It forwards every other
//! address.

mod breakpoints;
mod host_flash;
mod memory;
mod registers;
mod run;
mod stuff;

use crate::{
    Endpoint, Machine,
    rsp::{Client, RspError},
};
use breakpoints::Breakpoints;

/// Application interrupt and reset control register.
const AIRCR: u32 = 0xE000_ED0C;
/// CPU identification register.
const CPUID: u32 = 0xE000_ED00;
/// Vector table offset register.
const VTOR: u32 = 0xE000_ED08;
/// Debug fault status register.
const DFSR: u32 = 0xE000_ED30;
/// Debug halting control and status register.
const DHCSR: u32 = 0xE000_EDF0;
/// Debug core register selector register.
const DCRSR: u32 = 0xE000_EDF4;
/// Debug core register data register.
const DCRDR: u32 = 0xE000_EDF8;
/// Debug exception and monitor control register.
const DEMCR: u32 = 0xE000_EDFC;
/// Flash patch control register. The comparators follow at + 8.
const FP_CTRL: u32 = 0xE000_2000;
const FP_COMP0: u32 = 0xE000_2008;

const C_DEBUGEN: u32 = 1 << 0;
const C_HALT: u32 = 1 << 1;
const C_STEP: u32 = 1 << 2;
const DFSR_HALTED: u32 = 1 << 0;
const DFSR_BKPT: u32 = 1 << 1;
const DFSR_VCATCH: u32 = 1 << 3;
const VC_CORERESET: u32 = 1 << 0;
const VC_HARDERR: u32 = 1 << 10;

/// An access through the port failed.
#[derive(Debug, thiserror::Error)]
pub enum CoreError {
    /// The target's bus refused the access, because nothing is mapped there. The connection still works.
    #[error("bus fault at {address:#010x}")]
    Fault {
        /// The address.
        address: u32,
    },
    /// The stub does not have this register.
    #[error("the gdbstub has no register {number}")]
    NoRegister {
        /// The number that gdb gives the register.
        number: u32,
    },
    /// The gdbstub failed.
    #[error(transparent)]
    Rsp(#[from] RspError),
}

type Result<T, E = CoreError> = std::result::Result<T, E>;

/// A Cortex-M core behind a gdbstub.
#[derive(Debug)]
pub struct CortexM {
    client: Client,
    machine: Machine,
    breakpoints: Breakpoints,
    /// Whether QEMU's machine runs, so that a `c` waits for its stop reply.
    running: bool,
    /// Whether the core is in Debug state, as the debugger sees it.
    halted: bool,
    /// Whether the core would lock up if it ran. QEMU would abort in that case, so the core is kept stopped and shown
    /// as locked up.
    lockup: bool,
    /// Whether the reset line holds the core in reset.
    in_reset: bool,
    /// Control bits of DHCSR.
    control: u32,
    /// S_RESET_ST: whether there was a reset since DHCSR was last read.
    was_reset: bool,
    dfsr: u32,
    demcr: u32,
    dcrdr: u32,
}

impl CortexM {
    /// Connects to the core. The core continues to run, like a real one when a probe is plugged in.
    ///
    /// # Errors
    /// The gdbstub can't be reached, or it does not behave as expected.
    pub fn connect(machine: Machine, endpoint: &Endpoint) -> Result<Self> {
        let mut core = Self {
            client: Client::connect(endpoint)?,
            machine,
            breakpoints: Breakpoints::default(),
            running: false,
            halted: false,
            lockup: false,
            in_reset: false,
            control: 0,
            was_reset: false,
            dfsr: 0,
            demcr: 0,
            dcrdr: 0,
        };
        core.breakpoints = Breakpoints::of_core(core.load_word(CPUID)?);
        core.resume()?;
        Ok(core)
    }

    /// Reads a word at an aligned address.
    ///
    /// # Errors
    /// Nothing is mapped there, or the gdbstub failed.
    pub fn read_word(&mut self, address: u32) -> Result<u32> {
        if let Some(value) = self.breakpoints.read(address) {
            return Ok(value);
        }
        match address {
            DHCSR => self.status(),
            DCRSR => Ok(0),
            DCRDR => Ok(self.dcrdr),
            DEMCR => Ok(self.demcr),
            DFSR => {
                self.poll()?;
                Ok(self.dfsr)
            }
            _ => self.while_stopped(|core| core.load_word(address)),
        }
    }

    /// Writes a word at an aligned address.
    ///
    /// # Errors
    /// Nothing is mapped there, or the gdbstub failed.
    pub fn write_word(&mut self, address: u32, value: u32) -> Result<()> {
        if self.breakpoints.write(address, value) {
            return self.while_stopped(Self::set_breakpoints);
        }
        match address {
            DHCSR => self.set_control(value)?,
            DCRSR => self.transfer(value)?,
            DCRDR => self.dcrdr = value,
            DEMCR => self.demcr = value,
            // These bits are cleared by writing one.
            DFSR => self.dfsr &= !value,
            // VECTKEY, and SYSRESETREQ or VECTRESET.
            AIRCR if value >> 16 == 0x05FA && value & 0b101 != 0 => self.reset()?,
            _ => self.write(address, &value.to_le_bytes())?,
        }
        Ok(())
    }

    /// Reads memory. A running core is stopped for that moment.
    ///
    /// # Errors
    /// Nothing is mapped there, or the gdbstub failed.
    pub fn read(&mut self, address: u32, bytes: &mut [u8]) -> Result<()> {
        self.while_stopped(|core| core.load(address, bytes))
    }

    /// Writes memory or device registers. A running core is stopped for that moment.
    ///
    /// # Errors
    /// Nothing is mapped there, or the gdbstub failed.
    pub fn write(&mut self, address: u32, bytes: &[u8]) -> Result<()> {
        self.while_stopped(|core| core.store(address, bytes))
    }

    /// Whether `length` bytes at `address` touch a modelled register. A plain transfer would miss it.
    pub fn is_modelled(address: u32, length: u32) -> bool {
        [(DHCSR, 16), (DFSR, 4), (AIRCR, 4), (FP_CTRL, 4 * 16)]
            .into_iter()
            .any(|(start, size)| address < start + size && address.saturating_add(length) > start)
    }

    /// Whether the reset line holds the core in reset.
    pub fn in_reset(&self) -> bool {
        self.in_reset
    }

    fn status(&mut self) -> Result<u32> {
        self.poll()?;
        let value = self.control
            | 1 << 16 // S_REGRDY
            | u32::from(self.halted) << 17 // S_HALT
            | u32::from(self.lockup) << 19 // S_LOCKUP
            | u32::from(!self.halted) << 24 // S_RETIRE_ST
            | u32::from(self.was_reset) << 25; // S_RESET_ST
        self.was_reset = false;
        Ok(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transfers_that_touch_the_debug_block_are_seen() {
        assert!(CortexM::is_modelled(DHCSR, 1));
        assert!(CortexM::is_modelled(DHCSR - 4, 8));
        assert!(!CortexM::is_modelled(DHCSR - 4, 4));
        assert!(!CortexM::is_modelled(DEMCR + 4, 4));
        assert!(!CortexM::is_modelled(u32::MAX, 4));
    }
}
