//! Registers of the chip (ST reference manual RM0090), by peripheral.

use board_arm::Register;

#[expect(unsafe_code, reason = "register addresses of RM0090")]
pub(crate) const fn register(address: usize) -> Register {
    // SAFETY: called with constants of this crate only.
    unsafe { Register::at(address) }
}

/// Reset and clock control (RM0090 7.3).
pub(crate) mod rcc {
    use super::{Register, register};
    pub(crate) const CR: Register = register(0x4002_3800);
    pub(crate) const PLLCFGR: Register = register(0x4002_3804);
    pub(crate) const CFGR: Register = register(0x4002_3808);
    pub(crate) const AHB1ENR: Register = register(0x4002_3830);
    pub(crate) const AHB2ENR: Register = register(0x4002_3834);
    pub(crate) const APB1ENR: Register = register(0x4002_3840);
    pub(crate) const APB2ENR: Register = register(0x4002_3844);
    pub(crate) const CSR: Register = register(0x4002_3874);
    pub(crate) const PLL_ON: u32 = 1 << 24;
    pub(crate) const PLL_READY: u32 = 1 << 25;
    /// The system clock: what is chosen, what is in use.
    pub(crate) const SWITCH: u32 = 0b11;
    pub(crate) const SWITCH_TO_PLL: u32 = 0b10;
    pub(crate) const SWITCHED: u32 = 0b11 << 2;
    pub(crate) const SWITCHED_TO_PLL: u32 = 0b10 << 2;
    /// Dividers of the two peripheral buses.
    pub(crate) const APB_DIVIDERS: u32 = 0b111 << 13 | 0b111 << 10;
    pub(crate) const APB1_BY_4_APB2_BY_2: u32 = 0b100 << 13 | 0b101 << 10;
    pub(crate) const GPIOA_EN: u32 = 1 << 0;
    pub(crate) const BACKUP_SRAM_EN: u32 = 1 << 18;
    pub(crate) const RNG_EN: u32 = 1 << 6;
    pub(crate) const USART2_EN: u32 = 1 << 17;
    pub(crate) const PWR_EN: u32 = 1 << 28;
    pub(crate) const USART1_EN: u32 = 1 << 4;
    pub(crate) const REMOVE_RESET_FLAGS: u32 = 1 << 24;
    /// Power came on, or it fell below the brown-out level and rose again: the RAM can't be relied on after either.
    pub(crate) const POWER_RESETS: u32 = 1 << 27 | 1 << 25;
    pub(crate) const WATCHDOG_RESETS: u32 = 0b11 << 29;
}

/// Flash interface (RM0090 3.9).
pub(crate) mod flash {
    use super::{Register, register};
    pub(crate) const ACR: Register = register(0x4002_3C00);
    pub(crate) const OPTKEYR: Register = register(0x4002_3C08);
    pub(crate) const SR: Register = register(0x4002_3C0C);
    pub(crate) const OPTCR: Register = register(0x4002_3C14);
    pub(crate) const LATENCY: u32 = 0b111;
    /// Prefetch, instruction cache, data cache.
    pub(crate) const ACCELERATOR: u32 = 1 << 8 | 1 << 9 | 1 << 10;
    pub(crate) const BUSY: u32 = 1 << 16;
    pub(crate) const OPTION_KEYS: [u32; 2] = [0x0819_2A3B, 0x4C5D_6E7F];
    pub(crate) const OPTION_LOCK: u32 = 1 << 0;
    pub(crate) const OPTION_START: u32 = 1 << 1;
    /// Brown-out level: 11 is off, 01 resets below about 2.5 V.
    pub(crate) const BROWN_OUT: u32 = 0b11 << 2;
    pub(crate) const BROWN_OUT_LEVEL_2: u32 = 0b01 << 2;
}

/// Power control (RM0090 5.4).
pub(crate) mod pwr {
    use super::{Register, register};
    pub(crate) const CR: Register = register(0x4000_7000);
    pub(crate) const CSR: Register = register(0x4000_7004);
    /// Writes to the backup domain are let through.
    pub(crate) const BACKUP_WRITES: u32 = 1 << 8;
    /// Voltage scale 1, which 168 MHz need.
    pub(crate) const SCALE_1: u32 = 1 << 14;
    /// The backup memory is supplied by VBAT when VDD is off.
    pub(crate) const BACKUP_REGULATOR: u32 = 1 << 9;
    pub(crate) const BACKUP_REGULATOR_READY: u32 = 1 << 3;
}
