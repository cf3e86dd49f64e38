//! Flash that the core can't write. The entry points of the algorithm are breakpoints, and this module serves them.

use super::{
    CoreError, CortexM, Result,
    registers::{PC, R0, R1},
    stuff::is_bkpt,
};

/// `bkpt #0xF1`: ProgramPage(r0 address, r1 size, r2 data).
const PROGRAM_PAGE: u8 = 0xF1;
/// `bkpt #0xF2`: EraseSector(r0 address).
const ERASE_SECTOR: u8 = 0xF2;
const R2: u32 = 2;
/// Result codes of the entry points. The core's own algorithm uses the same codes.
const OK: u32 = 0;
const NOT_A_SECTOR: u32 = 1;
const NOT_ERASED: u32 = 2;
const OUT_OF_RANGE: u32 = 3;

impl CortexM {
    /// If the next instruction is one of the calls, does what it asks and moves on. Returns `false` if it is another
    /// instruction.
    pub(super) fn serve_host_call(&mut self) -> Result<bool> {
        if !self.machine.flash_is_rom() {
            return Ok(false);
        }
        let pc = self.register(PC)?;
        let Some([number, _]) = self.instruction(pc)?.filter(|&i| is_bkpt(i)).map(u16::to_le_bytes) else {
            return Ok(false);
        };
        let address = self.register(R0)?;
        let result = match number {
            PROGRAM_PAGE => {
                let (size, data) = (self.register(R1)?, self.register(R2)?);
                self.program_page(address, size, data)?
            }
            ERASE_SECTOR => self.erase_sector(address)?,
            _ => return Ok(false),
        };
        self.set_register(R0, result)?;
        self.set_register(PC, pc + 2)?;
        Ok(true)
    }

    fn erase_sector(&mut self, address: u32) -> Result<u32> {
        let Some(sector) = self.machine.sectors().into_iter().find(|s| s.address == address) else {
            return Ok(NOT_A_SECTOR);
        };
        self.store_plain(sector.address, &vec![0xFF; sector.size as usize])?;
        Ok(OK)
    }

    fn program_page(&mut self, address: u32, size: u32, data: u32) -> Result<u32> {
        let flash = self.machine.flash();
        if !flash.contains(&address) || flash.end - address < size {
            return Ok(OUT_OF_RANGE);
        }
        let (mut new, mut old) = (vec![0; size as usize], vec![0; size as usize]);
        match self.load(data, &mut new) {
            Err(CoreError::Fault { .. }) => return Ok(OUT_OF_RANGE),
            other => other?,
        }
        self.load(address, &mut old)?;
        // This is NOR flash: programming only clears bits.
        if new.iter().zip(&old).any(|(new, old)| new & !old != 0) {
            return Ok(NOT_ERASED);
        }
        self.store_plain(address, &new)?;
        Ok(OK)
    }
}
