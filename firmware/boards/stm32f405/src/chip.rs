//! Clock, pins, USARTs and backup memory (ST reference manual RM0090).

use board_arm::{Chip, Device, Memory, Port, Register, enable_interrupt, received, tell_faults, ticked};
use core::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use cortex_m::interrupt;
use cortex_m::peripheral::syst::SystClkSource;
use cortex_m::peripheral::{Peripherals, SCB, SYST};
use cortex_m_rt::exception;
use validator::board::ResetCause;

/// The internal oscillator, which runs after reset.
const HSI_HZ: u32 = 16_000_000;
/// What QEMU's system tick counts, whatever the clock control says.
const EMULATED_HZ: u32 = 168_000_000;
/// Ticks a second: how finely a deadline is met.
const TICK_HZ: u32 = 1_000;
/// An emulated tick costs the host's time.
const EMULATED_TICK_HZ: u32 = 100;

#[expect(unsafe_code, reason = "register addresses of RM0090")]
const fn register(address: usize) -> Register {
    // SAFETY: called with the constants of this file only.
    unsafe { Register::at(address) }
}

/// Reset and clock control.
mod rcc {
    use super::{Register, register};
    pub(super) const CR: Register = register(0x4002_3800);
    pub(super) const AHB1ENR: Register = register(0x4002_3830);
    pub(super) const APB1ENR: Register = register(0x4002_3840);
    pub(super) const APB2ENR: Register = register(0x4002_3844);
    pub(super) const CSR: Register = register(0x4002_3874);
    pub(super) const GPIOA_EN: u32 = 1 << 0;
    pub(super) const BACKUP_SRAM_EN: u32 = 1 << 18;
    pub(super) const USART2_EN: u32 = 1 << 17;
    pub(super) const PWR_EN: u32 = 1 << 28;
    pub(super) const USART1_EN: u32 = 1 << 4;
    pub(super) const REMOVE_RESET_FLAGS: u32 = 1 << 24;
    pub(super) const POWER_ON_RESET: u32 = 1 << 27;
    pub(super) const WATCHDOG_RESETS: u32 = 0b11 << 29;
}

/// Power control.
mod pwr {
    use super::{Register, register};
    pub(super) const CR: Register = register(0x4000_7000);
    pub(super) const CSR: Register = register(0x4000_7004);
    /// Writes to the backup domain are let through.
    pub(super) const BACKUP_WRITES: u32 = 1 << 8;
    /// The backup memory is supplied by VBAT when VDD is off.
    pub(super) const BACKUP_REGULATOR: u32 = 1 << 9;
}

/// Port A.
mod gpio {
    use super::{Register, register};
    pub(super) const MODER: Register = register(0x4002_0000);
    pub(super) const PUPDR: Register = register(0x4002_000C);
    pub(super) const AFRL: Register = register(0x4002_0020);
    pub(super) const AFRH: Register = register(0x4002_0024);
}

/// A USART.
#[derive(Clone, Copy)]
struct Usart {
    port: Port,
    interrupt: u8,
    sr: Register,
    dr: Register,
    brr: Register,
    cr1: Register,
}

const fn usart(port: Port, base: usize, interrupt: u8) -> Usart {
    Usart {
        port,
        interrupt,
        sr: register(base),
        dr: register(base + 0x4),
        brr: register(base + 0x8),
        cr1: register(base + 0xC),
    }
}

const USART1: Usart = usart(Port::Host, 0x4001_1000, 37);
const USART2: Usart = usart(Port::Air, 0x4000_4400, 38);

const SR_RXNE: u32 = 1 << 5;
const SR_ORE: u32 = 1 << 3;
const SR_TXE: u32 = 1 << 7;
/// CR1: USART on, transmit, receive, interrupt on receive.
const ON_WITH_INTERRUPT: u32 = 1 << 13 | 1 << 3 | 1 << 2 | 1 << 5;

/// How long a line may take no byte, in us. At 115,200 bit/s a byte takes 87.
const STUCK_US: u64 = 50_000;

impl Usart {
    /// Oversampling by 16: BRR is the clock divided by the rate, rounded.
    fn start(self, baud: u32) {
        self.brr.write((HSI_HZ + baud / 2) / baud);
        self.cr1.write(ON_WITH_INTERRUPT);
        enable_interrupt(self.interrupt);
    }

    fn receive(self) {
        // Reading SR and then DR clears an overrun too, which would otherwise interrupt for ever.
        while self.sr.read() & (SR_RXNE | SR_ORE) != 0 {
            // The data are in the low eight bits.
            received(self.port, self.dr.read() as u8, SYST::get_current());
        }
    }

    fn send(self, bytes: &[u8]) {
        for &byte in bytes {
            if self.sr.read() & SR_TXE == 0 {
                let limit = Stm32f405::now_us() + STUCK_US;
                while self.sr.read() & SR_TXE == 0 {
                    if Stm32f405::now_us() > limit {
                        return;
                    }
                }
            }
            self.dr.write(byte.into());
        }
    }
}

/// System ticks since start, two halves: the chip has no 64-bit atomics. Written by the tick alone.
static TICKS_LOW: AtomicU32 = AtomicU32::new(0);
static TICKS_HIGH: AtomicU32 = AtomicU32::new(0);
/// Length of a tick in us, and its cycles.
static TICK_US: AtomicU32 = AtomicU32::new(0);
static TICK_CYCLES: AtomicU32 = AtomicU32::new(1);
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
        let (clock, tick) = if real { (HSI_HZ, TICK_HZ) } else { (EMULATED_HZ, EMULATED_TICK_HZ) };
        TICK_US.store(1_000_000 / tick, Ordering::Relaxed);
        TICK_CYCLES.store(clock / tick, Ordering::Relaxed);
        rcc::AHB1ENR.set(rcc::GPIOA_EN | rcc::BACKUP_SRAM_EN);
        rcc::APB1ENR.set(rcc::USART2_EN | rcc::PWR_EN);
        rcc::APB2ENR.set(rcc::USART1_EN);
        // A clock reaches its peripheral two cycles after the write (RM0090 6.2.13): reading it back takes longer.
        let _ = rcc::APB2ENR.read();
        pwr::CR.set(pwr::BACKUP_WRITES);
        pwr::CSR.set(pwr::BACKUP_REGULATOR);
        // PA2, PA3, PA9, PA10: alternate function 7, the receivers with pull-up, so that an open line is silent.
        gpio::MODER.modify(0x003C_00F0, 0x0028_00A0);
        gpio::PUPDR.modify(0x0030_00C0, 0x0010_0040);
        gpio::AFRL.modify(0x0000_FF00, 0x0000_7700);
        gpio::AFRH.modify(0x0000_0FF0, 0x0000_0770);
        if let Some(mut core) = Peripherals::take() {
            core.SYST.set_clock_source(SystClkSource::Core);
            core.SYST.set_reload(clock / tick - 1);
            core.SYST.clear_current();
            core.SYST.enable_interrupt();
            core.SYST.enable_counter();
        }
        USART1.start(115_200);
        USART2.start(1_000_000);
        if faults_told {
            tell_faults(|bytes| USART1.send(bytes));
        }
        Device::new()
    }
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
        interrupt::free(|_| {
            let cycles = TICK_CYCLES.load(Ordering::Relaxed);
            let before = SYST::get_current();
            // The counter turned over and its interrupt waits for us to leave: which side the reading is on shows
            // by a second one.
            let pending = SCB::is_pendst_pending();
            let left = if pending { SYST::get_current() } else { before };
            let ticks =
                u64::from(TICKS_HIGH.load(Ordering::Relaxed)) << 32 | u64::from(TICKS_LOW.load(Ordering::Relaxed));
            let gone = u64::from((cycles - 1).saturating_sub(left));
            let us = u64::from(TICK_US.load(Ordering::Relaxed));
            (ticks + u64::from(pending)) * us + gone * us / u64::from(cycles)
        })
    }

    fn counter() -> u32 {
        SYST::get_current()
    }

    fn alarm(_us: u64) {
        // The tick is fine enough.
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
            flags if flags & rcc::POWER_ON_RESET != 0 => ResetCause::Power,
            flags if flags & rcc::WATCHDOG_RESETS != 0 => ResetCause::Watchdog,
            _ => ResetCause::Reset,
        })
    }
}

#[exception]
fn SysTick() {
    let low = TICKS_LOW.load(Ordering::Relaxed).wrapping_add(1);
    TICKS_LOW.store(low, Ordering::Relaxed);
    if low == 0 {
        TICKS_HIGH.store(TICKS_HIGH.load(Ordering::Relaxed).wrapping_add(1), Ordering::Relaxed);
    }
    // Every 16 ticks are often enough for a clock of seconds.
    if low % 16 == 0 {
        ticked(Stm32f405::now_us());
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
