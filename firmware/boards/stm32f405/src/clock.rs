//! The clock tree: 168 MHz from the internal oscillator, and what follows from it.

use crate::registers::{flash, pwr, rcc};
use core::sync::atomic::{AtomicU32, Ordering};

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

/// Looks at a flag before the hardware behind it counts as broken. The PLL locks within 300 us, which are 4,800 cycles of
/// 16 MHz, and a look takes several.
const PATIENCE: u32 = 50_000;

/// Frequencies in Hz.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    /// The core and the system tick.
    pub(crate) core: u32,
    /// The bus of USART2.
    pub(crate) apb1: u32,
    /// The bus of USART1.
    pub(crate) apb2: u32,
}

impl Clock {
    /// What runs after reset.
    const RESET: Self = Self { core: HSI_HZ, apb1: HSI_HZ, apb2: HSI_HZ };
    /// What is wanted. The buses are at their limits of 42 and 84 MHz.
    const FULL: Self = Self { core: PLL_HZ, apb1: PLL_HZ / 4, apb2: PLL_HZ / 2 };
    /// QEMU's system tick counts 168 MHz, whatever the clock control says; its UARTs know no clock.
    pub(crate) const EMULATED: Self = Self::FULL;
}

/// Whether a flag comes up in time.
pub(crate) fn comes(flag: impl Fn() -> bool) -> bool {
    (0..PATIENCE).any(|_| flag())
}

/// Raises the clock of a real chip. One whose PLL does not lock stays at 16 MHz and works; at 1 Mbit/s it then loses
/// bytes. Power control has its clock already.
pub(crate) fn raise() -> Clock {
    pwr::CR.set(pwr::SCALE_1);
    rcc::PLLCFGR.write(PLL_M | PLL_N << 6 | (PLL_P / 2 - 1) << 16 | PLL_Q << 24);
    rcc::CR.set(rcc::PLL_ON);
    if !comes(|| rcc::CR.read() & rcc::PLL_READY != 0) {
        return Clock::RESET;
    }
    // Flash has to be slow enough, and the buses divided, before the clock rises.
    flash::ACR.write(WAIT_STATES | flash::ACCELERATOR);
    if !comes(|| flash::ACR.read() & flash::LATENCY == WAIT_STATES) {
        return Clock::RESET;
    }
    rcc::CFGR.modify(rcc::APB_DIVIDERS, rcc::APB1_BY_4_APB2_BY_2);
    rcc::CFGR.modify(rcc::SWITCH, rcc::SWITCH_TO_PLL);
    if comes(|| rcc::CFGR.read() & rcc::SWITCHED == rcc::SWITCHED_TO_PLL) {
        return Clock::FULL;
    }
    rcc::CFGR.modify(rcc::SWITCH | rcc::APB_DIVIDERS, 0);
    Clock::RESET
}

/// System ticks since start, two halves: the chip has no 64-bit atomics. Written by the tick alone.
static TICKS_LOW: AtomicU32 = AtomicU32::new(0);
static TICKS_HIGH: AtomicU32 = AtomicU32::new(0);
/// Length of a tick in us, its cycles, and the cycles of a us.
static TICK_US: AtomicU32 = AtomicU32::new(0);
static TICK_CYCLES: AtomicU32 = AtomicU32::new(1);
static US_CYCLES: AtomicU32 = AtomicU32::new(1);

/// Notes the length of a tick.
pub(crate) fn set_tick(core_hz: u32, tick_hz: u32) {
    TICK_US.store(1_000_000 / tick_hz, Ordering::Relaxed);
    TICK_CYCLES.store(core_hz / tick_hz, Ordering::Relaxed);
    US_CYCLES.store(core_hz / 1_000_000, Ordering::Relaxed);
}

/// Clock of the processor in MHz.
pub(crate) fn core_mhz() -> u32 {
    US_CYCLES.load(Ordering::Relaxed)
}

/// For the tick: counts it. Its number, lower half.
pub(crate) fn tick() -> u32 {
    let low = TICKS_LOW.load(Ordering::Relaxed).wrapping_add(1);
    TICKS_LOW.store(low, Ordering::Relaxed);
    if low == 0 {
        TICKS_HIGH.store(TICKS_HIGH.load(Ordering::Relaxed).wrapping_add(1), Ordering::Relaxed);
    }
    low
}

/// Time since start, in us.
///
/// Interrupts wait only while the registers are read: the arithmetic has divisions, and a byte of the air is over after
/// 1,680 cycles.
pub(crate) fn now_us() -> u64 {
    use cortex_m::peripheral::{SCB, SYST};
    let (low, high, pending, left) = cortex_m::interrupt::free(|_| {
        let before = SYST::get_current();
        // The counter turned over and its interrupt waits for us to leave: which side the reading is on shows by a
        // second one.
        let pending = SCB::is_pendst_pending();
        let left = if pending { SYST::get_current() } else { before };
        (TICKS_LOW.load(Ordering::Relaxed), TICKS_HIGH.load(Ordering::Relaxed), pending, left)
    });
    let ticks = (u64::from(high) << 32 | u64::from(low)) + u64::from(pending);
    let gone = (TICK_CYCLES.load(Ordering::Relaxed) - 1).saturating_sub(left);
    ticks * u64::from(TICK_US.load(Ordering::Relaxed)) + u64::from(gone / US_CYCLES.load(Ordering::Relaxed))
}
