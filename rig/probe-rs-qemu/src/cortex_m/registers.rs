//! The core registers, and their transfer through DCRSR and DCRDR.

use super::{CoreError, CortexM, Result};
use crate::rsp::{from_hex, to_hex};

/// The register numbers of gdb.
pub(super) const R0: u32 = 0;
pub(super) const R1: u32 = 1;
pub(super) const SP: u32 = 13;
pub(super) const LR: u32 = 14;
pub(super) const PC: u32 = 15;
pub(super) const XPSR: u32 = 25;
const D0: u32 = 26;
const FPSCR: u32 = 42;

/// Thumb state in xPSR. Without it every instruction faults.
pub(super) const XPSR_T: u32 = 1 << 24;

/// Special registers, by their numbers in MRS and MSR.
pub(super) const SYS_MSP: u8 = 8;
pub(super) const SYS_PSP: u8 = 9;
const SYS_PRIMASK: u8 = 16;
const SYS_BASEPRI: u8 = 17;
const SYS_FAULTMASK: u8 = 19;
const SYS_CONTROL: u8 = 20;

/// The registers that DCRSR.REGSEL names (ARMv7-M C1.6.3).
enum Selected {
    /// A register that gdb has.
    Gdb(u32),
    /// A register that only MRS and MSR can reach, because QEMU before version 8 does not offer it to gdb.
    Special(u8),
    /// CONTROL, FAULTMASK, BASEPRI and PRIMASK in one word.
    Extra,
    /// A single-precision register. It is half of one of gdb's double-precision registers.
    Single {
        double: u32,
        upper: bool,
    },
    Nothing,
}

fn select(regsel: u32) -> Selected {
    match regsel {
        0..=15 => Selected::Gdb(regsel),
        16 => Selected::Gdb(XPSR),
        17 => Selected::Special(SYS_MSP),
        18 => Selected::Special(SYS_PSP),
        20 => Selected::Extra,
        33 => Selected::Gdb(FPSCR),
        64..=95 => Selected::Single { double: D0 + (regsel - 64) / 2, upper: regsel & 1 == 1 },
        _ => Selected::Nothing,
    }
}

impl CortexM {
    /// Reads one of gdb's 32-bit registers.
    pub(super) fn register(&mut self, number: u32) -> Result<u32> {
        let bytes = self.register_bytes(number)?;
        let word = bytes.first_chunk::<4>().ok_or(CoreError::NoRegister { number })?;
        Ok(u32::from_le_bytes(*word))
    }

    /// Writes one of gdb's 32-bit registers.
    pub(super) fn set_register(&mut self, number: u32, value: u32) -> Result<()> {
        self.set_register_bytes(number, &value.to_le_bytes())
    }

    fn register_bytes(&mut self, number: u32) -> Result<Vec<u8>> {
        let answer = self.client.ask(&format!("p{number:x}"))?;
        from_hex(&answer).ok_or(CoreError::NoRegister { number })
    }

    fn set_register_bytes(&mut self, number: u32, bytes: &[u8]) -> Result<()> {
        let answer = self.client.ask(&format!("P{number:x}={}", to_hex(bytes)))?;
        if answer == b"OK" { Ok(()) } else { Err(CoreError::NoRegister { number }) }
    }

    /// Processes a write to DCRSR: moves a register of the halted core to or from DCRDR.
    pub(super) fn transfer(&mut self, dcrsr: u32) -> Result<()> {
        // On a running core this is unpredictable (C1.6.3). Here nothing happens.
        if !self.halted {
            return Ok(());
        }
        let selected = select(dcrsr & 0x7F);
        if dcrsr & 1 << 16 != 0 { self.transfer_in(selected) } else { self.transfer_out(selected) }
    }

    fn transfer_in(&mut self, selected: Selected) -> Result<()> {
        let value = self.dcrdr;
        match selected {
            Selected::Gdb(PC) => self.set_register(PC, value & !1),
            Selected::Gdb(number) => self.set_register(number, value),
            Selected::Special(number) => self.set_special(number, value),
            Selected::Extra => {
                let [primask, basepri, faultmask, control] = value.to_le_bytes();
                self.set_special(SYS_PRIMASK, u32::from(primask))?;
                self.set_special(SYS_BASEPRI, u32::from(basepri))?;
                self.set_special(SYS_FAULTMASK, u32::from(faultmask))?;
                self.set_special(SYS_CONTROL, u32::from(control))
            }
            Selected::Single { double, upper } => {
                let mut bytes = self.register_bytes(double)?;
                let start = if upper { 4 } else { 0 };
                let half = bytes.get_mut(start..start + 4).ok_or(CoreError::NoRegister { number: double })?;
                half.copy_from_slice(&value.to_le_bytes());
                self.set_register_bytes(double, &bytes)
            }
            Selected::Nothing => Ok(()),
        }
    }

    fn transfer_out(&mut self, selected: Selected) -> Result<()> {
        self.dcrdr = match selected {
            Selected::Gdb(number) => self.register(number)?,
            Selected::Special(number) => self.special(number)?,
            Selected::Extra => {
                self.special(SYS_CONTROL)? << 24
                    | self.special(SYS_FAULTMASK)? << 16
                    | self.special(SYS_BASEPRI)? << 8
                    | self.special(SYS_PRIMASK)?
            }
            Selected::Single { double, upper } => {
                let bytes = self.register_bytes(double)?;
                let (halves, _) = bytes.as_chunks::<4>();
                let half = halves.get(usize::from(upper)).ok_or(CoreError::NoRegister { number: double })?;
                u32::from_le_bytes(*half)
            }
            Selected::Nothing => 0,
        };
        Ok(())
    }
}
