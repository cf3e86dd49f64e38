//! Start of the chip and what it does for the firmware.

use crate::antenna::{self, FrontEnd};
use crate::nfct::Nfct;
use crate::registers::{approtect, nvmc, power, timer};
use crate::{clock, link, registers, uart};
use board_arm::{Chip, Device, Memory, Port};
use cortex_m_rt::exception;
use validator::board::ResetCause;

/// Looks at a flag before the hardware behind it counts as broken. The crystal starts within 0.4 ms, and a word of flash is
/// written within 0.1 ms; both are less than 30,000 cycles, and a look takes several.
const PATIENCE: u32 = 50_000;

/// Whether a flag comes up in time.
fn comes(flag: impl Fn() -> bool) -> bool {
    (0..PATIENCE).any(|_| flag())
}

/// The board.
#[derive(Debug)]
pub struct Nrf52840;

impl Nrf52840 {
    /// Sets up the chip with its front end for cards as the air. Once, at start.
    #[must_use]
    pub fn start_with_antenna() -> (Device<Self>, Nfct<FrontEnd>) {
        Self::start();
        (Device::new(), Nfct::new(FrontEnd::start()))
    }

    /// Sets up the chip with UART0 as the air. Once, at start.
    #[must_use]
    pub fn start_with_uart() -> Device<Self> {
        Self::start();
        uart::start();
        Device::new()
    }

    fn start() {
        keep_debug_port_open();
        // The front end needs the crystal, and both UARTs keep their rate better with it. A chip whose crystal does not start
        // goes on with its internal oscillator; a reader then hears no card.
        registers::clock::HFCLKSTART.write(1);
        let _ = comes(|| registers::clock::HFCLKSTARTED.read() != 0);
        clock::start();
        link::start();
    }
}

/// A chip of build code F and later closes its debug port at each reset, unless a word in flash and the firmware both keep it
/// open. The word is erased together with the flash, and holds from the next reset on. Earlier chips would take this
/// value for a lock.
fn keep_debug_port_open() {
    let build_code = approtect::VARIANT.read().to_be_bytes()[2];
    if !(b'F'..=b'Z').contains(&build_code) {
        return;
    }
    if approtect::UICR.read() == approtect::ERASED && comes(|| nvmc::READY.read() & 1 != 0) {
        nvmc::CONFIG.write(nvmc::WRITES);
        approtect::UICR.write(approtect::OPEN);
        let written = comes(|| nvmc::READY.read() & 1 != 0);
        nvmc::CONFIG.write(0);
        // Once: if the word had stayed as it was, every start would end here.
        if written && approtect::UICR.read() == approtect::OPEN {
            board_arm::reset();
        }
    }
    if approtect::UICR.read() == approtect::OPEN {
        approtect::DISABLE.write(approtect::OPEN);
    }
}

impl Chip for Nrf52840 {
    const NAME: &'static str = "nrf52840";

    #[expect(unsafe_code, reason = "a stretch without a byte")]
    fn nvm() -> Memory {
        // SAFETY: nothing is ever read from it or written to it. A card emulator has no such memory.
        unsafe { Memory::at(0x2000_0000, 0) }
    }

    fn now_us() -> u64 {
        clock::now_us()
    }

    fn counter() -> u32 {
        timer::NOW.read()
    }

    fn alarm(us: u64) {
        clock::alarm(us);
    }

    fn air_byte_ns() -> u32 {
        uart::BYTE_NS
    }

    fn core_mhz() -> u32 {
        64
    }

    fn send(port: Port, bytes: &[u8]) {
        match port {
            Port::Host => link::send(bytes),
            Port::Air => uart::send(bytes),
            // It has none.
            Port::Uplink => {}
        }
    }

    fn reset_cause() -> Option<ResetCause> {
        let reasons = power::RESETREAS.read();
        power::RESETREAS.write(reasons);
        Some(match reasons {
            0 => ResetCause::Power,
            reasons if reasons & power::WATCHDOG != 0 => ResetCause::Watchdog,
            _ => ResetCause::Reset,
        })
    }
}

/// All interrupts of the chip.
#[exception]
#[allow(unsafe_code, reason = "cortex-m-rt asks for it; its macro copies the attribute, so that `expect` fails")]
unsafe fn DefaultHandler(number: i16) {
    match u8::try_from(number) {
        Ok(uart::INTERRUPT) => uart::receive(),
        Ok(link::INTERRUPT) => link::interrupt(),
        Ok(antenna::INTERRUPT) => antenna::interrupt(),
        Ok(timer::INTERRUPT) => clock::alarmed(),
        // No other interrupt is enabled.
        _ => {}
    }
}
