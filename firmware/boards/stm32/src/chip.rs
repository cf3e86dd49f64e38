//! What the chip does for both firmwares, and its registers that lie at the same place in every STM32 here (ST reference
//! manuals RM0090 and RM0351).

use crate::gpio::Pin;
use crate::{Usart, time};
use board_arm::{Chip, Device, Memory, Port, Register, drain_before_reset, tell_faults};
use core::marker::PhantomData;
use core::sync::atomic::{AtomicBool, Ordering};
use validator::board::ResetCause;

/// Ticks a second: how finely a deadline is met.
const TICK_HZ: u32 = 1_000;
/// An emulated tick costs the host's time.
const EMULATED_TICK_HZ: u32 = 100;

/// Bits a second.
const HOST_BAUD: u32 = 115_200;
const AIR_BAUD: u32 = 1_000_000;
/// A start bit, a byte and a stop bit.
const BITS_PER_BYTE: u32 = 10;

/// Set where the chip is no emulation.
static REAL: AtomicBool = AtomicBool::new(false);

/// Whether the chip is no emulation, as its board said at [`start`].
#[must_use]
pub fn is_real() -> bool {
    REAL.load(Ordering::Relaxed)
}

#[expect(unsafe_code, reason = "register addresses of RM0090 and RM0351")]
const fn register(address: usize) -> Register {
    // SAFETY: called with the constants of this file only.
    unsafe { Register::at(address) }
}

/// Debug support (RM0090 38.16, RM0351 48.16).
mod dbgmcu {
    use super::{Register, register};
    pub(super) const CR: Register = register(0xE004_2004);
    /// The debug port keeps its clock in sleep, stop and standby.
    pub(super) const DEBUG_ALWAYS: u32 = 0b111;
}

/// Random number generator (RM0090 24.4, RM0351 27.8).
mod rng {
    use super::{Register, register};
    pub(super) const CR: Register = register(0x5006_0800);
    pub(super) const SR: Register = register(0x5006_0804);
    pub(super) const DR: Register = register(0x5006_0808);
    pub(super) const ENABLE: u32 = 1 << 2;
    pub(super) const READY: u32 = 1 << 0;
    /// The clock or the seed is wrong, now or since this was last looked at.
    pub(super) const ERRORS: u32 = 1 << 1 | 1 << 2 | 1 << 5 | 1 << 6;
}

/// Lets a debugger attach at any time. A processor that sleeps most of the time can't be attached to otherwise.
pub fn keep_debug_port_awake() {
    dbgmcu::CR.set(dbgmcu::DEBUG_ALWAYS);
}

/// Switches the generator of random numbers on. It has its clocks already.
pub fn start_noise() {
    rng::CR.write(rng::ENABLE);
}

/// A serial port of a board: its USART, the pins, and what clocks it.
#[derive(Debug, Clone, Copy)]
pub struct Line {
    /// The USART.
    pub usart: Usart,
    /// Its pin that sends.
    pub transmit: Pin,
    /// Its pin that receives.
    pub receive: Pin,
}

impl Line {
    fn start(&self, clock_hz: u32, baud: u32) {
        self.transmit.transmit();
        self.receive.receive();
        self.usart.start(clock_hz, baud);
    }
}

/// The flags of the last resets.
#[derive(Debug, Clone, Copy)]
pub struct Resets {
    /// Their register, RCC_CSR.
    pub flags: Register,
    /// The bit in it that removes them.
    pub remove: u32,
    /// Those that tell of power.
    pub power: u32,
    /// Those that tell of a watchdog.
    pub watchdog: u32,
}

/// Frequencies in Hz.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    /// The core and the system tick.
    pub core: u32,
    /// What clocks the USART of console or link.
    pub host: u32,
    /// What clocks the USART of the air.
    pub air: u32,
}

/// An STM32 on its board.
pub trait Stm32 {
    /// Kind of board, as its folder is called.
    const NAME: &'static str;
    /// Console or link.
    const HOST: Line;
    /// The air.
    const AIR: Line;
    /// Why the chip started.
    const RESETS: Resets;
    /// Memory that outlives a reset.
    fn nvm() -> Memory;
    /// Called whenever bytes were taken from a USART.
    fn took() {}
}

/// The board as [`Device`] wants it.
#[derive(Debug)]
pub struct Stm32Board<S>(PhantomData<S>);

/// Starts tick and serial ports, when the clocks run. Once, at start.
///
/// `real`: no emulation. `faults_told`: the console is text, and a fault is told on it before the board starts again.
#[must_use]
pub fn start<S: Stm32>(clock: Clock, real: bool, faults_told: bool) -> Device<Stm32Board<S>> {
    REAL.store(real, Ordering::Relaxed);
    time::start(clock.core, if real { TICK_HZ } else { EMULATED_TICK_HZ });
    S::HOST.start(clock.host, HOST_BAUD);
    S::AIR.start(clock.air, AIR_BAUD);
    drain_before_reset(|| {
        S::HOST.usart.drain();
        S::AIR.usart.drain();
    });
    if faults_told {
        tell_faults(|bytes| S::HOST.usart.send(bytes));
    }
    Device::new()
}

/// For the interrupts of a board: those of the two serial ports are served. A byte of the air is over after 800 cycles of 80 MHz.
#[inline]
pub fn interrupted<S: Stm32>(number: i16) {
    if number == const { S::AIR.usart.interrupt as i16 } {
        S::AIR.usart.receive();
    } else if number == const { S::HOST.usart.interrupt as i16 } {
        S::HOST.usart.receive();
    }
    // None other is enabled.
    S::took();
}

impl<S: Stm32> Chip for Stm32Board<S> {
    const NAME: &'static str = S::NAME;

    fn nvm() -> Memory {
        S::nvm()
    }

    fn now_us() -> u64 {
        time::now_us()
    }

    fn counter() -> u32 {
        time::counter()
    }

    fn noise() -> Option<u32> {
        // A word is ready some time after the one before; who comes sooner gets none. Where the generator is not emulated,
        // none is ever ready.
        (rng::SR.read() & (rng::READY | rng::ERRORS) == rng::READY).then(|| rng::DR.read())
    }

    fn alarm(_us: u64) {
        // The tick is fine enough.
    }

    fn air_byte_ns() -> u32 {
        if is_real() { BITS_PER_BYTE * (1_000_000_000 / AIR_BAUD) } else { 0 }
    }

    fn core_mhz() -> u32 {
        if is_real() { time::core_mhz() } else { 0 }
    }

    fn send(port: Port, bytes: &[u8]) {
        match port {
            Port::Host => S::HOST.usart.send(bytes),
            Port::Air => S::AIR.usart.send(bytes),
            // It has none.
            Port::Uplink => {}
        }
    }

    fn reset_cause() -> Option<ResetCause> {
        // No emulation keeps the flags.
        if !is_real() {
            return None;
        }
        let flags = S::RESETS.flags.read();
        S::RESETS.flags.set(S::RESETS.remove);
        Some(match flags {
            flags if flags & S::RESETS.power != 0 => ResetCause::Power,
            flags if flags & S::RESETS.watchdog != 0 => ResetCause::Watchdog,
            _ => ResetCause::Reset,
        })
    }
}
