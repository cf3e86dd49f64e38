//! Running, halting, stepping, reset.

use super::{
    C_DEBUGEN, C_HALT, C_STEP, CortexM, DFSR_BKPT, DFSR_HALTED, DFSR_VCATCH, Result, VC_CORERESET, VC_HARDERR, VTOR,
    registers::{LR, PC, XPSR, XPSR_T},
    stuff::is_bkpt,
};
use crate::rsp::unexpected;
use std::time::Duration;

/// How long a read of the state of a running core waits for a stop. Without this wait, a debugger that asks "halted?"
/// misses an algorithm that ends within microseconds, and goes to sleep.
const GLANCE: Duration = Duration::from_millis(1);

/// From this address on there is no code, but the magic values for returns from exceptions.
const EXC_RETURN: u32 = 0xF000_0000;

impl CortexM {
    /// Processes a write to DHCSR.
    pub(super) fn set_control(&mut self, value: u32) -> Result<()> {
        const DBGKEY: u32 = 0xA05F;
        if value >> 16 != DBGKEY {
            return Ok(());
        }
        self.poll()?;
        let new = value & 0x2F;
        let old = std::mem::replace(&mut self.control, new);
        if self.in_reset {
            return Ok(());
        }
        let debug = new & C_DEBUGEN != 0;
        if old & C_DEBUGEN == 0 && new == C_DEBUGEN && self.halted {
            // probe-rs attaches under reset by enabling debug only after the reset. The caught core stays halted.
            self.control |= C_HALT;
        } else if debug && new & C_HALT != 0 {
            self.halt()?;
        } else if self.halted {
            if debug && new & C_STEP != 0 { self.step()? } else { self.resume()? }
        }
        Ok(())
    }

    /// Resets the system as AIRCR.SYSRESETREQ does. Memory keeps its content.
    pub(super) fn reset(&mut self) -> Result<()> {
        self.pause()?;
        self.drop_temporary()?;
        self.client.monitor("system_reset")?;
        // QEMU serves the request before the next packet.
        self.register(PC)?;
        self.breakpoints.disable();
        self.set_breakpoints()?;
        self.was_reset = true;
        self.lockup = false;
        // A real core catches the reset only if C_DEBUGEN is set, but see `set_control`.
        if self.demcr & VC_CORERESET != 0 {
            self.enter_debug_state(DFSR_VCATCH);
        } else {
            self.control &= !C_HALT;
            self.halted = false;
            if !self.in_reset {
                self.resume()?;
            }
        }
        Ok(())
    }

    /// Asserts the reset line.
    ///
    /// # Errors
    /// The gdbstub failed.
    pub fn hold_reset(&mut self) -> Result<()> {
        self.in_reset = true;
        self.pause().map(drop)
    }

    /// Releases the reset line.
    ///
    /// # Errors
    /// The gdbstub failed.
    pub fn release_reset(&mut self) -> Result<()> {
        if std::mem::take(&mut self.in_reset) {
            self.reset()?;
        }
        Ok(())
    }

    /// Removes every breakpoint and lets a running core go on without a debugger. A halted core stays halted.
    ///
    /// # Errors
    /// The gdbstub failed.
    pub fn detach(&mut self) -> Result<()> {
        self.pause()?;
        self.clear_breakpoints()?;
        if !self.halted && !self.lockup && !self.in_reset {
            self.client.order("D")?;
        }
        Ok(())
    }

    /// Does something that needs the machine stopped. Afterwards the machine continues if it ran before.
    pub(super) fn while_stopped<T>(&mut self, action: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        let ran = self.pause()?;
        let result = action(self);
        if ran {
            self.client.send("c")?;
            self.running = true;
        }
        result
    }

    /// Notes a stop that happened meanwhile.
    pub(super) fn poll(&mut self) -> Result<()> {
        if self.running
            && let Some(stop) = self.client.receive(GLANCE)?
        {
            self.stopped(&stop)?;
        }
        Ok(())
    }

    /// Lets the core run from its present position.
    pub(super) fn resume(&mut self) -> Result<()> {
        self.serve_host_call()?;
        let pc = self.register(PC)?;
        let thumb = self.register(XPSR)? & XPSR_T != 0;
        self.halted = false;
        // A lockup makes QEMU abort, so a core that would lock up at once is not released.
        self.lockup = !thumb || self.instruction(pc)?.is_none();
        if self.lockup {
            return Ok(());
        }
        self.watch_for_bkpt(pc)?;
        self.client.send("c")?;
        self.running = true;
        Ok(())
    }

    /// QEMU never reports a BKPT, but makes an exception from it. Breakpoints take its place.
    fn watch_for_bkpt(&mut self, pc: u32) -> Result<()> {
        // probe-rs lets a flash algorithm return to a BKPT.
        let caller = self.register(LR)? & !1;
        if caller != 0 && caller < EXC_RETURN && self.instruction(caller)?.is_some_and(is_bkpt) {
            self.add_temporary(caller)?;
        }
        // All other BKPTs (semihosting, panic handlers) are caught in the HardFault handler.
        if self.control & C_DEBUGEN == 0 {
            return Ok(());
        }
        let mut vector = [0; 4];
        let table = self.load_word(VTOR)?;
        if self.load(table.wrapping_add(12), &mut vector).is_err() {
            return Ok(());
        }
        let vector = u32::from_le_bytes(vector);
        let handler = vector & !1;
        let is_code = vector & 1 != 0 && handler < EXC_RETURN && self.instruction(handler)?.is_some();
        if is_code && handler != pc && handler != caller {
            self.add_temporary(handler)?;
            self.breakpoints.hard_fault = Some(handler);
        }
        Ok(())
    }

    fn halt(&mut self) -> Result<()> {
        if self.halted {
            return Ok(());
        }
        self.pause()?;
        self.drop_temporary()?;
        if !self.halted {
            self.lockup = false;
            self.enter_debug_state(DFSR_HALTED);
        }
        Ok(())
    }

    fn step(&mut self) -> Result<()> {
        if self.serve_host_call()? {
            self.enter_debug_state(DFSR_HALTED);
            return Ok(());
        }
        // A real core that steps onto a BKPT enters Debug state there, and the debugger moves the PC on.
        let pc = self.register(PC)?;
        if self.instruction(pc)?.is_some_and(is_bkpt) {
            self.enter_debug_state(DFSR_HALTED | DFSR_BKPT);
            return Ok(());
        }
        self.client.ask("s")?;
        self.enter_debug_state(DFSR_HALTED);
        Ok(())
    }

    /// Stops QEMU's machine. Returns `true` if it ran and the core is not halted. The caller may then let it go on.
    fn pause(&mut self) -> Result<bool> {
        if !self.running {
            return Ok(false);
        }
        self.client.interrupt()?;
        let stop = self.client.expect("interrupt")?;
        if stop.starts_with(b"T02") || stop.starts_with(b"S02") {
            self.running = false;
            return Ok(true);
        }
        // It had stopped by itself shortly before.
        self.stopped(&stop)?;
        if !self.running {
            return Ok(false);
        }
        // That was for a fault that this module does not catch, and the machine goes on.
        self.pause()
    }

    /// Determines what a stop of the running machine means for the core.
    fn stopped(&mut self, stop: &[u8]) -> Result<()> {
        self.running = false;
        let hard_fault = self.breakpoints.hard_fault;
        self.drop_temporary()?;
        let trap = match stop {
            [b'T' | b'S', signal @ ..] => signal.starts_with(b"05"),
            _ => return Err(unexpected("continue", stop).into()),
        };
        if trap && hard_fault.is_some() && Some(self.register(PC)?) == hard_fault && !self.unwind_bkpt()? {
            if self.demcr & VC_HARDERR != 0 {
                self.enter_debug_state(DFSR_VCATCH);
                return Ok(());
            }
            // This is a HardFault of the firmware itself. Step off the breakpoint and go on.
            self.client.ask("s")?;
            return self.resume();
        }
        self.enter_debug_state(if trap { DFSR_BKPT } else { DFSR_HALTED });
        Ok(())
    }

    /// A debugger reads C_HALT as set in Debug state, whatever the cause, and writes back what it read.
    fn enter_debug_state(&mut self, cause: u32) {
        self.halted = true;
        self.control |= C_HALT;
        self.dfsr |= cause;
    }
}
