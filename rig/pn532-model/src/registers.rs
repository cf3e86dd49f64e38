//! The registers of the chip's contactless interface that a host may read and write.

use std::collections::BTreeMap;

/// CIU_TxMode. Bit 7: the chip puts a CRC behind each frame that it sends.
const TX_MODE: u16 = 0x6302;
/// CIU_RxMode. Bit 7: the chip checks the CRC of each frame that it receives.
const RX_MODE: u16 = 0x6303;
const CRC: u8 = 0x80;

/// All registers. They hold what was written, and 0 before that.
#[derive(Debug, Default)]
pub(crate) struct Registers(BTreeMap<u16, u8>);

impl Registers {
    /// The values at these addresses of two bytes each.
    pub(crate) fn read(&self, addresses: &[u8]) -> Vec<u8> {
        let pairs = addresses.as_chunks().0.iter();
        pairs.map(|at| self.0.get(&u16::from_be_bytes(*at)).copied().unwrap_or(0)).collect()
    }

    /// Writes items of an address and a value.
    pub(crate) fn write(&mut self, items: &[u8]) {
        for [high, low, value] in items.as_chunks().0 {
            self.0.insert(u16::from_be_bytes([*high, *low]), *value);
        }
    }

    /// What TgInitAsTarget does: 106 kbit/s with CRC in both directions.
    pub(crate) fn listen(&mut self) {
        self.0.insert(TX_MODE, CRC);
        self.0.insert(RX_MODE, CRC);
    }

    /// Whether the chip puts a CRC behind what it sends.
    pub(crate) fn sends_crc(&self) -> bool {
        self.0.get(&TX_MODE).is_some_and(|mode| mode & CRC != 0)
    }
}
