//! The machines of QEMU that can serve as boards, and their memory.

use std::{fmt, ops::Range, str::FromStr};

/// A machine of `qemu-system-arm` that can serve as a board.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Machine {
    /// Arm MPS2 with application note 386: a Cortex-M4F. Its flash is RAM that the core itself can write.
    Mps2An386,
    /// Netduino Plus 2: an STM32F405. Its flash is a ROM without a controller, which can be written only from outside.
    NetduinoPlus2,
    /// B-L475E-IOT01A: an STM32L475VG with its clock control. Its flash is a ROM, as on Netduino Plus 2.
    BL475eIot01a,
}

/// The smallest unit of flash that can be erased.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sector {
    /// First address.
    pub address: u32,
    /// Length in bytes.
    pub size: u32,
}

/// QEMU has no machine of this name that can serve as a board.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no emulated board has the name `{0}`: use mps2-an386, netduinoplus2 or b-l475e-iot01a")]
pub struct UnknownMachine(String);

impl Machine {
    /// All machines.
    pub const ALL: [Self; 3] = [Self::Mps2An386, Self::NetduinoPlus2, Self::BL475eIot01a];

    /// The name that follows QEMU's `-machine`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Mps2An386 => "mps2-an386",
            Self::NetduinoPlus2 => "netduinoplus2",
            Self::BL475eIot01a => "b-l475e-iot01a",
        }
    }

    /// The name of the chip in the description that [`chip::family`](crate::chip::family) makes.
    pub fn chip(self) -> &'static str {
        match self {
            Self::Mps2An386 => "QEMU-MPS2-AN386",
            Self::NetduinoPlus2 => "QEMU-STM32F405",
            Self::BL475eIot01a => "QEMU-STM32L475",
        }
    }

    /// The oldest version of QEMU that has everything that the machine needs, as (major, minor).
    pub fn oldest_qemu(self) -> (u64, u64) {
        match self {
            Self::Mps2An386 | Self::NetduinoPlus2 => (7, 2),
            // 9.0 knows the machine, but has no USART in it.
            Self::BL475eIot01a => (9, 1),
        }
    }

    /// The memory that holds the program.
    pub fn flash(self) -> Range<u32> {
        match self {
            Self::Mps2An386 => 0..0x40_0000,
            Self::NetduinoPlus2 | Self::BL475eIot01a => 0x0800_0000..0x0810_0000,
        }
    }

    /// The memory that probe-rs may use for a flash algorithm.
    pub fn ram(self) -> Range<u32> {
        match self {
            Self::Mps2An386 => 0x2000_0000..0x2040_0000,
            Self::NetduinoPlus2 => 0x2000_0000..0x2002_0000,
            // The firmware remembers something in what follows.
            Self::BL475eIot01a => 0x2000_0000..0x2001_0000,
        }
    }

    /// The memory that is backed by a file, so that it outlives the power, except for [`Machine::work_ram`] within it.
    /// It is never offered to probe-rs, because an algorithm there would overwrite what the device remembers.
    pub fn nvm(self) -> Option<Range<u32>> {
        match self {
            Self::Mps2An386 => Some(0x2100_0000..0x2200_0000),
            Self::NetduinoPlus2 | Self::BL475eIot01a => None,
        }
    }

    /// The part of [`Machine::nvm`] that is the firmware's RAM. The host overwrites it whenever the board gets power.
    /// If the firmware has RAM elsewhere, that RAM would keep its content during
    /// [`EmulatedBoard::cut`](crate::board::EmulatedBoard::cut), so the cut is refused.
    pub fn work_ram(self) -> Option<Range<u32>> {
        match self {
            Self::Mps2An386 => Some(0x2180_0000..0x2184_0000),
            Self::NetduinoPlus2 | Self::BL475eIot01a => None,
        }
    }

    /// Number of serial ports between the console, which is QEMU's first, and the air.
    pub(crate) fn ports_between(self) -> usize {
        match self {
            Self::Mps2An386 | Self::NetduinoPlus2 => 0,
            // The air is UART4, after USART1 to USART3.
            Self::BL475eIot01a => 2,
        }
    }

    /// A word of RAM that the debug block may use for a moment.
    pub(crate) fn scratch(self) -> u32 {
        self.ram().end - 16
    }

    /// The erasable units of flash, in order and without gaps.
    pub fn sectors(self) -> Vec<Sector> {
        let flash = self.flash();
        let equal = |size: u32| flash.clone().step_by(size as usize).map(|address| Sector { address, size }).collect();
        match self {
            Self::Mps2An386 => equal(SECTOR),
            // RM0351, 3.3.1: pages of 2 KiB in two banks.
            Self::BL475eIot01a => equal(0x800),
            // RM0090, table 5: four sectors of 16 KiB, one of 64 KiB, seven of 128 KiB.
            Self::NetduinoPlus2 => [0x4000; 4]
                .into_iter()
                .chain([0x1_0000])
                .chain([0x2_0000; 7])
                .scan(flash.start, |next, size| {
                    let address = *next;
                    *next += size;
                    Some(Sector { address, size })
                })
                .collect(),
        }
    }

    /// Whether only the debugger can write the flash.
    pub fn flash_is_rom(self) -> bool {
        match self {
            Self::Mps2An386 => false,
            Self::NetduinoPlus2 | Self::BL475eIot01a => true,
        }
    }
}

/// Sector size of [`Machine::Mps2An386`]. The flash algorithm erases this much.
const SECTOR: u32 = 0x1000;

impl FromStr for Machine {
    type Err = UnknownMachine;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|m| m.name() == text).ok_or_else(|| UnknownMachine(text.to_owned()))
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sectors_fill_the_flash() {
        for machine in Machine::ALL {
            let flash = machine.flash();
            let end = machine.sectors().iter().fold(flash.start, |next, sector| {
                assert_eq!(sector.address, next);
                next + sector.size
            });
            assert_eq!(end, flash.end);
        }
    }

    #[test]
    fn a_name_finds_its_machine() {
        for machine in Machine::ALL {
            assert_eq!(machine.name().parse(), Ok(machine));
        }
        assert!("mps2".parse::<Machine>().is_err());
    }

    #[test]
    fn nothing_borrows_what_must_last() {
        for machine in Machine::ALL {
            assert!(machine.ram().contains(&machine.scratch()));
            assert!(!machine.nvm().is_some_and(|nvm| nvm.start < machine.ram().end && machine.ram().start < nvm.end));
            if let Some(work_ram) = machine.work_ram() {
                let nvm = machine.nvm().unwrap();
                assert!(nvm.start < work_ram.start && work_ram.end <= nvm.end);
            }
        }
    }
}
