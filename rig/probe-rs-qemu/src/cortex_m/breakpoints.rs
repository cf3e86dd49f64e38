//! The flash patch and breakpoint unit (ARMv7-M C1.11), kept in step with QEMU's own breakpoints.

use super::{CortexM, FP_COMP0, FP_CTRL, Result};

/// The registers of the unit, and the breakpoints that QEMU has.
#[derive(Debug, Default)]
pub(super) struct Breakpoints {
    /// The revision. Revision 0 has breakpoints below 0x20000000 only, for a halfword of a word. Revision 1 has them
    /// anywhere.
    revision: u32,
    enabled: bool,
    comparators: Vec<u32>,
    /// Addresses at which QEMU stops for the debugger.
    set: Vec<u32>,
    /// Addresses at which QEMU stops for this module itself, until the next stop.
    temporary: Vec<u32>,
    /// The address of the HardFault handler, to which QEMU sends a core that executes BKPT. It is one of `temporary`.
    pub(super) hard_fault: Option<u32>,
}

impl Breakpoints {
    /// The unit of the core with this CPUID.
    pub(super) fn of_core(cpuid: u32) -> Self {
        const CORTEX_M0: u32 = 0xC20;
        // A Cortex-M0 has the breakpoint unit of ARMv6-M. Its comparators look like those of revision 0.
        let (revision, count) = if cpuid >> 4 & 0xFFF == CORTEX_M0 { (0, 4) } else { (1, 6) };
        Self { revision, comparators: vec![0; count], ..Self::default() }
    }

    /// The value of the register at `address`, or `None` if the unit has none there.
    pub(super) fn read(&self, address: u32) -> Option<u32> {
        if address == FP_CTRL {
            return Some(self.revision << 28 | (self.comparators.len() as u32) << 4 | u32::from(self.enabled));
        }
        self.comparators.get(Self::index(address)?).copied()
    }

    /// Writes the register at `address`. Returns `false` if the unit has none there.
    pub(super) fn write(&mut self, address: u32, value: u32) -> bool {
        if address == FP_CTRL {
            // A write counts only if KEY is set.
            if value & 2 != 0 {
                self.enabled = value & 1 != 0;
            }
            return true;
        }
        let Some(comparator) = Self::index(address).and_then(|index| self.comparators.get_mut(index)) else {
            return false;
        };
        *comparator = value;
        true
    }

    /// Disables the unit, as a reset of the core does.
    pub(super) fn disable(&mut self) {
        self.enabled = false;
    }

    fn index(address: u32) -> Option<usize> {
        let offset = address.checked_sub(FP_COMP0)?;
        if offset % 4 == 0 { usize::try_from(offset / 4).ok() } else { None }
    }

    /// The addresses that the comparators ask for.
    fn wanted(&self) -> Vec<u32> {
        let enabled = self.comparators.iter().filter(|&&c| self.enabled && c & 1 != 0);
        match self.revision {
            // REPLACE: 0b01 for the lower halfword, 0b10 for the upper one.
            0 => enabled.map(|c| (c & 0x1FFF_FFFC) | if c >> 30 == 2 { 2 } else { 0 }).collect(),
            _ => enabled.map(|c| c & !1).collect(),
        }
    }
}

impl CortexM {
    /// Sets the breakpoints in QEMU that the comparators ask for, and removes the others.
    pub(super) fn set_breakpoints(&mut self) -> Result<()> {
        let wanted = self.breakpoints.wanted();
        for address in std::mem::take(&mut self.breakpoints.set) {
            if !wanted.contains(&address) {
                self.remove(address)?;
            } else {
                self.breakpoints.set.push(address);
            }
        }
        for address in wanted {
            if !self.breakpoints.set.contains(&address) {
                self.insert(address)?;
                self.breakpoints.set.push(address);
            }
        }
        Ok(())
    }

    /// Also stops at `address`, until the next stop.
    pub(super) fn add_temporary(&mut self, address: u32) -> Result<()> {
        if !self.breakpoints.set.contains(&address) && !self.breakpoints.temporary.contains(&address) {
            self.insert(address)?;
            self.breakpoints.temporary.push(address);
        }
        Ok(())
    }

    /// Removes what [`Self::add_temporary`] added.
    pub(super) fn drop_temporary(&mut self) -> Result<()> {
        self.breakpoints.hard_fault = None;
        for address in std::mem::take(&mut self.breakpoints.temporary) {
            // The debugger may have asked for the same breakpoint meanwhile.
            if !self.breakpoints.set.contains(&address) {
                self.remove(address)?;
            }
        }
        Ok(())
    }

    /// Removes every breakpoint, before the connection is closed.
    pub(super) fn clear_breakpoints(&mut self) -> Result<()> {
        self.drop_temporary()?;
        self.breakpoints.disable();
        self.set_breakpoints()
    }

    fn insert(&mut self, address: u32) -> Result<()> {
        Ok(self.client.order(&format!("Z1,{address:x},2"))?)
    }

    fn remove(&mut self, address: u32) -> Result<()> {
        Ok(self.client.order(&format!("z1,{address:x},2"))?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CORTEX_M4: u32 = 0x410F_C241;
    const CORTEX_M0: u32 = 0x410C_C200;

    #[test]
    fn shows_the_unit_of_its_core() {
        assert_eq!(Breakpoints::of_core(CORTEX_M4).read(FP_CTRL), Some(0x1000_0060));
        assert_eq!(Breakpoints::of_core(CORTEX_M0).read(FP_CTRL), Some(0x0000_0040));
        assert_eq!(Breakpoints::of_core(CORTEX_M0).read(FP_COMP0 + 16), None);
        assert_eq!(Breakpoints::of_core(CORTEX_M4).read(FP_CTRL - 4), None);
    }

    #[test]
    fn wants_nothing_while_disabled() {
        let mut unit = Breakpoints::of_core(CORTEX_M4);
        assert!(unit.write(FP_COMP0, 0x0001_2345));
        assert!(unit.wanted().is_empty());
        assert!(unit.write(FP_CTRL, 1));
        assert!(unit.wanted().is_empty(), "a write without the key does not count");
        assert!(unit.write(FP_CTRL, 3));
        assert_eq!(unit.wanted(), [0x0001_2344]);
    }

    #[test]
    fn revision_0_selects_a_halfword() {
        let mut unit = Breakpoints::of_core(CORTEX_M0);
        unit.write(FP_CTRL, 3);
        unit.write(FP_COMP0, 0x8000_1235);
        unit.write(FP_COMP0 + 4, 0x4000_1235);
        assert_eq!(unit.wanted(), [0x1236, 0x1234]);
    }
}
