//! The clock tree: 168 MHz from the internal oscillator, and what follows from it.

use crate::registers::{flash, pwr, rcc};
use board_stm32::{Clock, time::comes};

/// The internal oscillator, which runs after reset.
const HSI_HZ: u32 = 16_000_000;
/// PLL: 16 MHz / 16 * 336 / 2 = 168 MHz for the core, 336 / 7 = 48 MHz for the random number generator.
const PLL_M: u32 = 16;
const PLL_N: u32 = 336;
const PLL_P: u32 = 2;
const PLL_Q: u32 = 7;
const PLL_HZ: u32 = HSI_HZ / PLL_M * PLL_N / PLL_P;
/// At 168 MHz and 2.7 V or more (RM0090 3.5.1).
const WAIT_STATES: u32 = 5;

/// What runs after reset.
const RESET: Clock = Clock { core: HSI_HZ, host: HSI_HZ, air: HSI_HZ };
/// What is wanted. The buses are at their limits of 84 MHz (USART1) and 42 MHz (USART2).
const FULL: Clock = Clock { core: PLL_HZ, host: PLL_HZ / 2, air: PLL_HZ / 4 };
/// QEMU's system tick counts 168 MHz, whatever the clock control says; its UARTs know no clock.
pub(crate) const EMULATED: Clock = FULL;

/// Raises the clock of a real chip. One whose PLL does not lock stays at 16 MHz and works; at 1 Mbit/s it then loses
/// bytes. Power control has its clock already.
pub(crate) fn raise() -> Clock {
    pwr::CR.set(pwr::SCALE_1);
    rcc::PLLCFGR.write(PLL_M | PLL_N << 6 | (PLL_P / 2 - 1) << 16 | PLL_Q << 24);
    rcc::CR.set(rcc::PLL_ON);
    if !comes(|| rcc::CR.read() & rcc::PLL_READY != 0) {
        return RESET;
    }
    // Flash has to be slow enough, and the buses divided, before the clock rises.
    flash::ACR.write(WAIT_STATES | flash::ACCELERATOR);
    if !comes(|| flash::ACR.read() & flash::LATENCY == WAIT_STATES) {
        return RESET;
    }
    rcc::CFGR.modify(rcc::APB_DIVIDERS, rcc::APB1_BY_4_APB2_BY_2);
    rcc::CFGR.modify(rcc::SWITCH, rcc::SWITCH_TO_PLL);
    if comes(|| rcc::CFGR.read() & rcc::SWITCHED == rcc::SWITCHED_TO_PLL) {
        return FULL;
    }
    rcc::CFGR.modify(rcc::SWITCH | rcc::APB_DIVIDERS, 0);
    RESET
}
