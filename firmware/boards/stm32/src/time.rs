//! Time in us, from the system tick.

use board_arm::{Register, ticked, woken};
use core::sync::atomic::{AtomicU32, Ordering};
use cortex_m::peripheral::syst::SystClkSource;
use cortex_m::peripheral::{Peripherals, SCB, SYST, scb::SystemHandler};
use cortex_m_rt::exception;

/// Of the tick's interrupt: those of the USARTs come before it.
const PRIORITY: u8 = 0x80;

/// Looks at a flag before the hardware behind it counts as broken. A PLL locks within 300 us, which are 4,800 cycles of
/// 16 MHz, and a look takes several.
const PATIENCE: u32 = 50_000;

/// Whether a flag comes up in time.
pub fn comes(flag: impl Fn() -> bool) -> bool {
    (0..PATIENCE).any(|_| flag())
}

/// Cycles before a tick in which it is not worth a nudge.
const NUDGE_BEFORE: u32 = 10_000;

/// System ticks since start, two halves: the chip has no 64-bit atomics. Written by the tick alone.
static TICKS_LOW: AtomicU32 = AtomicU32::new(0);
static TICKS_HIGH: AtomicU32 = AtomicU32::new(0);
/// Length of a tick in us, its cycles, and the cycles of a us.
static TICK_US: AtomicU32 = AtomicU32::new(0);
static TICK_CYCLES: AtomicU32 = AtomicU32::new(1);
static US_CYCLES: AtomicU32 = AtomicU32::new(1);

/// Starts the system tick: so many a second, on a core that runs at `core_hz`. Once, at start.
pub fn start(core_hz: u32, tick_hz: u32) {
    TICK_US.store(1_000_000 / tick_hz, Ordering::Relaxed);
    TICK_CYCLES.store(core_hz / tick_hz, Ordering::Relaxed);
    US_CYCLES.store(core_hz / 1_000_000, Ordering::Relaxed);
    if let Some(mut core) = Peripherals::take() {
        core.SYST.set_clock_source(SystClkSource::Core);
        core.SYST.set_reload(core_hz / tick_hz - 1);
        core.SYST.clear_current();
        #[expect(unsafe_code, reason = "a priority may break a critical section that rests on priorities; none does")]
        // SAFETY: critical sections here mask all interrupts, whatever their priority.
        unsafe {
            core.SCB.set_priority(SystemHandler::SysTick, PRIORITY);
        }
        core.SYST.enable_interrupt();
        core.SYST.enable_counter();
    }
}

/// Clock of the processor in MHz.
pub(crate) fn core_mhz() -> u32 {
    US_CYCLES.load(Ordering::Relaxed)
}

/// For the tick: counts it. Its number, lower half.
fn tick() -> u32 {
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
/// 800 cycles of 80 MHz.
#[must_use]
pub fn now_us() -> u64 {
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

/// Stops the tick and lets it go on. On an emulated chip this wakes the emulator's own loop, which has to look for timers then.
///
/// A tick that is due wakes that loop without help, and on a busy host it may be long overdue: a stop would lose this time.
pub fn nudge() {
    if counter() < NUDGE_BEFORE {
        return;
    }
    #[expect(unsafe_code, reason = "the control register of the system tick")]
    // SAFETY: SYST_CSR on every ARMv7-M processor.
    const CONTROL: Register = unsafe { Register::at(0xE000_E010) };
    const ENABLE: u32 = 1 << 0;
    let control = CONTROL.read();
    CONTROL.write(control & !ENABLE);
    CONTROL.write(control | ENABLE);
}

/// A counter as fast as the core.
#[must_use]
pub fn counter() -> u32 {
    SYST::get_current()
}

#[exception]
fn SysTick() {
    woken();
    // Every 16 ticks are often enough for a clock of seconds.
    if tick() % 16 == 0 {
        ticked(now_us());
    }
}
