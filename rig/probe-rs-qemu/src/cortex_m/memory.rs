//! Access to plain memory of a stopped machine.

use super::{CoreError, CortexM, Result, stuff};
use crate::rsp::{from_hex, to_hex, unexpected};

/// Number of bytes in one packet. QEMU 7.2 accepts packets of 4096 characters, and a byte takes two characters.
const CHUNK: usize = 1984;

impl CortexM {
    /// Reads memory through the stub.
    pub(super) fn load(&mut self, address: u32, bytes: &mut [u8]) -> Result<()> {
        let mut at = address;
        for chunk in bytes.chunks_mut(CHUNK) {
            let request = format!("m{at:x},{:x}", chunk.len());
            let answer = self.client.ask(&request)?;
            if answer.first() == Some(&b'E') {
                return Err(CoreError::Fault { address: at });
            }
            let data = from_hex(&answer).filter(|data| data.len() == chunk.len());
            chunk.copy_from_slice(&data.ok_or_else(|| unexpected(&request, &answer))?);
            at = at.wrapping_add(chunk.len() as u32);
        }
        Ok(())
    }

    /// Reads a word through the stub.
    pub(super) fn load_word(&mut self, address: u32) -> Result<u32> {
        let mut bytes = [0; 4];
        self.load(address, &mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }

    /// The instruction at `address`, or its first half. Returns `None` if nothing is mapped there.
    pub(super) fn instruction(&mut self, address: u32) -> Result<Option<u16>> {
        let mut bytes = [0; 2];
        match self.load(address, &mut bytes) {
            Ok(()) => Ok(Some(u16::from_le_bytes(bytes))),
            Err(CoreError::Fault { .. }) => Ok(None),
            Err(e) => Err(e),
        }
    }

    /// Writes memory, including ROM, through the stub.
    pub(super) fn store_plain(&mut self, address: u32, bytes: &[u8]) -> Result<()> {
        let mut at = address;
        for chunk in bytes.chunks(CHUNK) {
            let answer = self.client.ask(&format!("M{at:x},{:x}:{}", chunk.len(), to_hex(chunk)))?;
            if answer != b"OK" {
                return Err(CoreError::Fault { address: at });
            }
            at = at.wrapping_add(chunk.len() as u32);
        }
        Ok(())
    }

    /// Writes memory or device registers.
    pub(super) fn store(&mut self, address: u32, bytes: &[u8]) -> Result<()> {
        if !is_device(address) {
            return self.store_plain(address, bytes);
        }
        // The stub answers OK to a write to a device, but drops it. So the core has to do it.
        match *bytes {
            [a] => self.stuff(stuff::STRB, address, u32::from(a))?,
            [a, b] => self.stuff(stuff::STRH, address, u32::from(u16::from_le_bytes([a, b])))?,
            _ => {
                for (word, at) in bytes.as_chunks::<4>().0.iter().zip((address..).step_by(4)) {
                    self.stuff(stuff::STR, at, u32::from_le_bytes(*word))?;
                }
                return Ok(());
            }
        };
        Ok(())
    }
}

/// The peripheral region, and everything from the private peripheral bus on (ARMv7-M B3.1).
fn is_device(address: u32) -> bool {
    (0x4000_0000..0x6000_0000).contains(&address) || address >= 0xE000_0000
}
