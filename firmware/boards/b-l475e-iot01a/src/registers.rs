//! Registers of the chip (ST reference manual RM0351), by peripheral.

use board_arm::Register;

#[expect(unsafe_code, reason = "register addresses of RM0351")]
pub(crate) const fn register(address: usize) -> Register {
    // SAFETY: called with constants of this crate only.
    unsafe { Register::at(address) }
}

/// Reset and clock control (RM0351 6.4).
pub(crate) mod rcc {
    use super::{Register, register};
    pub(crate) const CR: Register = register(0x4002_1000);
    pub(crate) const CFGR: Register = register(0x4002_1008);
    pub(crate) const PLLCFGR: Register = register(0x4002_100C);
    pub(crate) const AHB2ENR: Register = register(0x4002_104C);
    pub(crate) const APB1ENR1: Register = register(0x4002_1058);
    pub(crate) const APB2ENR: Register = register(0x4002_1060);
    pub(crate) const CCIPR: Register = register(0x4002_1088);
    pub(crate) const CSR: Register = register(0x4002_1094);
    /// The multi-speed oscillator, from which the chip starts at 4 MHz.
    pub(crate) const MSI_READY: u32 = 1 << 1;
    /// Its range is the one in this register.
    pub(crate) const MSI_RANGE_HERE: u32 = 1 << 3;
    pub(crate) const MSI_RANGE: u32 = 0b1111 << 4;
    pub(crate) const MSI_48_MHZ: u32 = 0b1011 << 4;
    pub(crate) const HSI16_ON: u32 = 1 << 8;
    pub(crate) const HSI16_READY: u32 = 1 << 10;
    pub(crate) const PLL_ON: u32 = 1 << 24;
    pub(crate) const PLL_READY: u32 = 1 << 25;
    /// The system clock: what is chosen, what is in use.
    pub(crate) const SWITCH: u32 = 0b11;
    pub(crate) const SWITCH_TO_HSI16: u32 = 0b01;
    pub(crate) const SWITCH_TO_PLL: u32 = 0b11;
    pub(crate) const SWITCHED: u32 = 0b11 << 2;
    pub(crate) const SWITCHED_TO_HSI16: u32 = 0b01 << 2;
    pub(crate) const SWITCHED_TO_PLL: u32 = 0b11 << 2;
    pub(crate) const PLL_FROM_HSI16: u32 = 0b10;
    pub(crate) const PLL_R_ENABLE: u32 = 1 << 24;
    /// What clocks the generator of random numbers.
    pub(crate) const CLK48: u32 = 0b11 << 26;
    pub(crate) const CLK48_FROM_MSI: u32 = 0b11 << 26;
    pub(crate) const GPIOA_EN: u32 = 1 << 0;
    pub(crate) const GPIOB_EN: u32 = 1 << 1;
    pub(crate) const RNG_EN: u32 = 1 << 18;
    pub(crate) const UART4_EN: u32 = 1 << 19;
    pub(crate) const PWR_EN: u32 = 1 << 28;
    pub(crate) const USART1_EN: u32 = 1 << 14;
    pub(crate) const REMOVE_RESET_FLAGS: u32 = 1 << 23;
    /// Power and brown-out have one flag.
    pub(crate) const POWER_RESETS: u32 = 1 << 27;
    pub(crate) const WATCHDOG_RESETS: u32 = 0b11 << 29;
}

/// Flash interface (RM0351 3.7).
pub(crate) mod flash {
    use super::{Register, register};
    pub(crate) const ACR: Register = register(0x4002_2000);
    pub(crate) const LATENCY: u32 = 0b111;
    /// Prefetch, instruction cache, data cache. The caches are on after a reset.
    pub(crate) const ACCELERATOR: u32 = 1 << 8 | 1 << 9 | 1 << 10;
}

/// Power control (RM0351 5.4).
pub(crate) mod pwr {
    use super::{Register, register};
    pub(crate) const CR1: Register = register(0x4000_7000);
    pub(crate) const SR2: Register = register(0x4000_7014);
    /// Voltage scaling. Range 1, which is there after a reset, is needed above 26 MHz.
    pub(crate) const SCALE: u32 = 0b11 << 9;
    pub(crate) const RANGE_1: u32 = 0b01 << 9;
    /// The regulator has not reached its range yet.
    pub(crate) const SCALING: u32 = 1 << 10;
}
