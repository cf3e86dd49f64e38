//! The clock tree: 80 MHz from the internal oscillator of 16 MHz, and what follows from it.

use crate::registers::{flash, pwr, rcc};
use board_stm32::{Clock, time::comes};

/// The oscillator that the chip starts from.
const MSI_HZ: u32 = 4_000_000;
/// The one that is trimmed to 1 %, which a serial line needs.
const HSI16_HZ: u32 = 16_000_000;
/// PLL: 16 MHz / 2 * 20 / 2 = 80 MHz.
const PLL_M: u32 = 2;
const PLL_N: u32 = 20;
const PLL_R: u32 = 2;
const PLL_HZ: u32 = HSI16_HZ / PLL_M * PLL_N / PLL_R;
/// At 80 MHz in range 1 (RM0351 3.3.3).
const WAIT_STATES: u32 = 4;

/// The buses are not divided: their limit is 80 MHz, too.
const fn all(hz: u32) -> Clock {
    Clock { core: hz, host: hz, air: hz }
}

/// Raises the clock. A chip whose PLL does not lock stays at 16 MHz and works; at 1 Mbit/s it then loses bytes. One whose
/// oscillator of 16 MHz does not start has only its console. Power control has its clock already.
///
/// `real`: no emulation, where the flash interface reads as zero.
pub(crate) fn raise(real: bool) -> Clock {
    pwr::CR1.modify(pwr::SCALE, pwr::RANGE_1);
    rcc::CR.set(rcc::HSI16_ON);
    if !comes(|| rcc::CR.read() & rcc::HSI16_READY != 0) {
        return all(MSI_HZ);
    }
    rcc::PLLCFGR.write(rcc::PLL_FROM_HSI16 | (PLL_M - 1) << 4 | PLL_N << 8 | rcc::PLL_R_ENABLE | (PLL_R / 2 - 1) << 25);
    rcc::CR.set(rcc::PLL_ON);
    let locked = comes(|| rcc::CR.read() & rcc::PLL_READY != 0);
    // Flash has to be slow enough, and the voltage high enough, before the clock rises.
    flash::ACR.write(WAIT_STATES | flash::ACCELERATOR);
    let slow = !real || comes(|| flash::ACR.read() & flash::LATENCY == WAIT_STATES);
    let supplied = comes(|| pwr::SR2.read() & pwr::SCALING == 0);
    if locked && slow && supplied && switched(rcc::SWITCH_TO_PLL, rcc::SWITCHED_TO_PLL) {
        all(PLL_HZ)
    } else if switched(rcc::SWITCH_TO_HSI16, rcc::SWITCHED_TO_HSI16) {
        all(HSI16_HZ)
    } else {
        all(MSI_HZ)
    }
}

fn switched(to: u32, in_use: u32) -> bool {
    rcc::CFGR.modify(rcc::SWITCH, to);
    comes(|| rcc::CFGR.read() & rcc::SWITCHED == in_use)
}

/// Clocks the generator of random numbers by the oscillator that the chip started from, which is free by now, at 48 MHz. If the
/// core still needs it, the generator has no clock, and gives no numbers.
pub(crate) fn random_numbers() {
    if rcc::CFGR.read() & rcc::SWITCHED == 0 || !comes(|| rcc::CR.read() & rcc::MSI_READY != 0) {
        return;
    }
    rcc::CR.modify(rcc::MSI_RANGE, rcc::MSI_48_MHZ | rcc::MSI_RANGE_HERE);
    let _ = comes(|| rcc::CR.read() & rcc::MSI_READY != 0);
    rcc::CCIPR.modify(rcc::CLK48, rcc::CLK48_FROM_MSI);
}
