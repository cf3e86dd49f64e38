//! Start of the chip and what it does for both firmwares (ST reference manual RM0090).

use crate::clock::{self, Clock, comes};
use crate::registers::{dbgmcu, flash, gpio, pwr, rcc, rng};
use crate::usart::{TICK_PRIORITY, USART1, USART2};
use board_arm::{Chip, Device, Memory, Port, drain_before_reset, tell_faults, ticked, woken};
use core::sync::atomic::{AtomicBool, Ordering};
use cortex_m::peripheral::syst::SystClkSource;
use cortex_m::peripheral::{Peripherals, SYST, scb::SystemHandler};
use cortex_m_rt::exception;
use validator::board::ResetCause;

/// Ticks a second: how finely a deadline is met.
const TICK_HZ: u32 = 1_000;
/// An emulated tick costs the host's time.
const EMULATED_TICK_HZ: u32 = 100;

/// Speed of the air's line.
const AIR_BAUD: u32 = 1_000_000;
/// A start bit, a byte and a stop bit.
const BITS_PER_BYTE: u32 = 10;

/// Set where the chip kept its reset flags readable, which no emulation does.
static REAL: AtomicBool = AtomicBool::new(false);

/// The board.
#[derive(Debug)]
pub struct Stm32f405;

impl Stm32f405 {
    /// Sets up the chip. Once, at start.
    ///
    /// `faults_told`: the console is text, and a fault is told on it before the board starts again.
    #[must_use]
    pub fn start(faults_told: bool) -> Device<Self> {
        // HSION is set after every reset of a real chip.
        let real = rcc::CR.read() != 0;
        REAL.store(real, Ordering::Relaxed);
        rcc::AHB1ENR.set(rcc::GPIOA_EN | rcc::BACKUP_SRAM_EN);
        rcc::APB1ENR.set(rcc::USART2_EN | rcc::PWR_EN);
        rcc::APB2ENR.set(rcc::USART1_EN);
        // A clock reaches its peripheral two cycles after the write (RM0090 7.2.12): reading it back takes longer.
        let _ = rcc::APB2ENR.read();
        let (clock, tick) = if real { (Self::wake(), TICK_HZ) } else { (Clock::EMULATED, EMULATED_TICK_HZ) };
        clock::set_tick(clock.core, tick);
        // PA2, PA3, PA9, PA10: alternate function 7, the receivers with pull-up, so that an open line is silent.
        gpio::MODER.modify(0x003C_00F0, 0x0028_00A0);
        gpio::PUPDR.modify(0x0030_00C0, 0x0010_0040);
        gpio::AFRL.modify(0x0000_FF00, 0x0000_7700);
        gpio::AFRH.modify(0x0000_0FF0, 0x0000_0770);
        if let Some(mut core) = Peripherals::take() {
            core.SYST.set_clock_source(SystClkSource::Core);
            core.SYST.set_reload(clock.core / tick - 1);
            core.SYST.clear_current();
            #[expect(
                unsafe_code,
                reason = "a priority may break a critical section that rests on priorities; none does"
            )]
            // SAFETY: critical sections here mask all interrupts, whatever their priority.
            unsafe {
                core.SCB.set_priority(SystemHandler::SysTick, TICK_PRIORITY);
            }
            core.SYST.enable_interrupt();
            core.SYST.enable_counter();
        }
        USART1.start(clock.apb2, 115_200);
        USART2.start(clock.apb1, AIR_BAUD);
        drain_before_reset(|| {
            USART1.drain();
            USART2.drain();
        });
        if faults_told {
            tell_faults(|bytes| USART1.send(bytes));
        }
        Device::new()
    }

    /// What only a real chip has: clock, backup memory, random numbers, brown-out level, access for a debugger.
    fn wake() -> Clock {
        // A processor that sleeps most of the time can't be attached to otherwise.
        dbgmcu::CR.set(dbgmcu::DEBUG_ALWAYS);
        pwr::CR.set(pwr::BACKUP_WRITES);
        pwr::CSR.set(pwr::BACKUP_REGULATOR);
        // Without the regulator the memory works as long as VDD is there. Nothing more can be done about it here.
        let _ = comes(|| pwr::CSR.read() & pwr::BACKUP_REGULATOR_READY != 0);
        let clock = clock::raise();
        rcc::AHB2ENR.set(rcc::RNG_EN);
        let _ = rcc::AHB2ENR.read();
        rng::CR.write(rng::ENABLE);
        set_brown_out_level();
        clock
    }
}

/// Sees to it that a supply that falls slowly resets the chip before the flash reads wrong at 168 MHz. The level is an
/// option byte, which a new chip has off: it is written once, and holds from the next reset on.
fn set_brown_out_level() {
    if flash::OPTCR.read() & flash::BROWN_OUT != flash::BROWN_OUT || !comes(|| flash::SR.read() & flash::BUSY == 0) {
        return;
    }
    for key in flash::OPTION_KEYS {
        flash::OPTKEYR.write(key);
    }
    flash::OPTCR.modify(flash::BROWN_OUT, flash::BROWN_OUT_LEVEL_2);
    flash::OPTCR.set(flash::OPTION_START);
    // The processor stands still while it reads from a flash that is being written, and so this ends.
    let _ = comes(|| flash::SR.read() & flash::BUSY == 0);
    flash::OPTCR.set(flash::OPTION_LOCK);
}

impl Chip for Stm32f405 {
    const NAME: &'static str = "stm32f405";

    #[expect(unsafe_code, reason = "memory that the linker script leaves out")]
    fn nvm() -> Memory {
        if REAL.load(Ordering::Relaxed) {
            // SAFETY: backup memory of 4 KB, its clock and regulator are on after start; nothing else uses it.
            unsafe { Memory::at(0x4002_4000, 4096) }
        } else {
            // SAFETY: QEMU has no backup memory, but 64 KB of RAM behind the 128 that the linker script gives out. Its
            // content goes with the power.
            unsafe { Memory::at(0x2002_0000, 0x1_0000) }
        }
    }

    fn now_us() -> u64 {
        clock::now_us()
    }

    fn counter() -> u32 {
        SYST::get_current()
    }

    fn noise() -> Option<u32> {
        // A word is ready 40 cycles of 48 MHz after the one before; who comes sooner gets none.
        let ready = REAL.load(Ordering::Relaxed) && rng::SR.read() & (rng::READY | rng::ERRORS) == rng::READY;
        ready.then(|| rng::DR.read())
    }

    fn alarm(_us: u64) {
        // The tick is fine enough.
    }

    fn air_byte_ns() -> u32 {
        if REAL.load(Ordering::Relaxed) { BITS_PER_BYTE * (1_000_000_000 / AIR_BAUD) } else { 0 }
    }

    fn core_mhz() -> u32 {
        if REAL.load(Ordering::Relaxed) { clock::core_mhz() } else { 0 }
    }

    fn send(port: Port, bytes: &[u8]) {
        match port {
            Port::Host => USART1.send(bytes),
            Port::Air => USART2.send(bytes),
        }
    }

    fn reset_cause() -> Option<ResetCause> {
        if !REAL.load(Ordering::Relaxed) {
            return None;
        }
        let flags = rcc::CSR.read();
        rcc::CSR.set(rcc::REMOVE_RESET_FLAGS);
        Some(match flags {
            flags if flags & rcc::POWER_RESETS != 0 => ResetCause::Power,
            flags if flags & rcc::WATCHDOG_RESETS != 0 => ResetCause::Watchdog,
            _ => ResetCause::Reset,
        })
    }
}

#[exception]
fn SysTick() {
    woken();
    // Every 16 ticks are often enough for a clock of seconds.
    if clock::tick() % 16 == 0 {
        ticked(clock::now_us());
    }
}

/// All interrupts of the chip.
#[exception]
#[allow(unsafe_code, reason = "cortex-m-rt asks for it; its macro copies the attribute, so that `expect` fails")]
unsafe fn DefaultHandler(number: i16) {
    match number {
        37 => USART1.receive(),
        38 => USART2.receive(),
        // None other is enabled.
        _ => {}
    }
}
