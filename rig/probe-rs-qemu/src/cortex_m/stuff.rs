//! Executes single instructions on the halted core if the stub has no packet for an operation.

use super::{
    CortexM, Result,
    registers::{LR, PC, R0, R1, SP, SYS_PSP, XPSR, XPSR_T},
};
use std::time::Duration;

/// `str r1, [r0]`
pub(super) const STR: &[u8] = &[0x01, 0x60];
/// `strh r1, [r0]`
pub(super) const STRH: &[u8] = &[0x01, 0x80];
/// `strb r1, [r0]`
pub(super) const STRB: &[u8] = &[0x01, 0x70];
/// `bx lr`
const BX_LR: &[u8] = &[0x70, 0x47];

/// If an interrupt was pending when an exception was undone, it has this long to finish.
const TAIL: Duration = Duration::from_secs(1);

/// Whether a halfword is a `bkpt`.
pub(super) fn is_bkpt(instruction: u16) -> bool {
    instruction >> 8 == 0xBE
}

impl CortexM {
    /// Executes one instruction with the given r0 and r1 and returns r0. All registers are restored.
    pub(super) fn stuff(&mut self, code: &[u8], r0: u32, r1: u32) -> Result<u32> {
        let saved = [self.register(R0)?, self.register(R1)?, self.register(PC)?];
        let xpsr = self.register(XPSR)?;
        self.set_register(R0, r0)?;
        self.set_register(R1, r1)?;
        if xpsr & XPSR_T == 0 {
            self.set_register(XPSR, xpsr | XPSR_T)?;
        }
        self.execute(code)?;
        let result = self.register(R0)?;
        for (number, value) in [R0, R1, PC].into_iter().zip(saved) {
            self.set_register(number, value)?;
        }
        if xpsr & XPSR_T == 0 {
            self.set_register(XPSR, xpsr)?;
        }
        Ok(result)
    }

    /// Executes one instruction from a borrowed word of RAM. The registers stay as the instruction leaves them.
    fn execute(&mut self, code: &[u8]) -> Result<()> {
        let scratch = self.machine.scratch();
        let mut saved = [0; 4];
        let saved = &mut saved[..code.len()];
        self.load(scratch, saved)?;
        self.store_plain(scratch, code)?;
        self.set_register(PC, scratch)?;
        self.client.ask("s")?;
        self.store_plain(scratch, saved)
    }

    /// `mrs r0, <special>`
    pub(super) fn special(&mut self, number: u8) -> Result<u32> {
        self.stuff(&[0xEF, 0xF3, number, 0x80], 0, 0)
    }

    /// `msr <special>, r0`
    pub(super) fn set_special(&mut self, number: u8, value: u32) -> Result<()> {
        self.stuff(&[0x80, 0xF3, number, 0x88], value, 0).map(drop)
    }

    /// For a core on the first instruction of its HardFault handler: if a BKPT brought it there, undoes the exception
    /// entry and leaves the core on the BKPT, where a real core would have halted. Returns `false` if it was another
    /// fault.
    pub(super) fn unwind_bkpt(&mut self) -> Result<bool> {
        // The stacked PC is the seventh word of the frame. EXC_RETURN in LR says which stack holds the frame (ARMv7-M
        // B1.5.8).
        let stack = if self.register(LR)? & 4 != 0 { self.special(SYS_PSP)? } else { self.register(SP)? };
        let mut bytes = [0; 4];
        if self.load(stack.wrapping_add(0x18), &mut bytes).is_err() {
            return Ok(false);
        }
        let culprit = u32::from_le_bytes(bytes);
        if !self.instruction(culprit)?.is_some_and(is_bkpt) {
            return Ok(false);
        }
        self.execute(BX_LR)?;
        if self.register(PC)? != culprit {
            // A pending interrupt was taken on the return. It runs until the BKPT is reached again.
            self.add_temporary(culprit)?;
            self.client.send("c")?;
            if self.client.receive(TAIL)?.is_none() {
                self.client.interrupt()?;
                self.client.expect("interrupt")?;
            }
            self.drop_temporary()?;
        }
        Ok(true)
    }
}
