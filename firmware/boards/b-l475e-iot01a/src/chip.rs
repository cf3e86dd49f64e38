//! Start of the chip and what it does for both firmwares (ST reference manual RM0351).
//!
//! Unlike an STM32F405, this chip can't be without a brown-out reset: below about 1.7 V, where its flash and its clocks
//! still work (RM0351 5.2.2; data sheet, general operating conditions), it is held in reset. So no option byte is written.

use crate::clock;
use crate::lines::{AIR, HOST};
use crate::registers::{flash, rcc};
use board_arm::{Device, Memory};
use board_stm32::{Line, Resets, Stm32, Stm32Board, time};
use cortex_m_rt::exception;

/// The board.
#[derive(Debug)]
pub struct BL475eIot01a;

impl BL475eIot01a {
    /// Sets up the chip. Once, at start.
    ///
    /// `faults_told`: the console is text, and a fault is told on it before the board starts again.
    #[must_use]
    pub fn start(faults_told: bool) -> Device<Stm32Board<Self>> {
        // The caches are on after every reset of a real chip.
        let real = flash::ACR.read() != 0;
        board_stm32::keep_debug_port_awake();
        rcc::AHB2ENR.set(rcc::GPIOA_EN | rcc::GPIOB_EN | rcc::RNG_EN);
        rcc::APB1ENR1.set(rcc::UART4_EN | rcc::PWR_EN);
        rcc::APB2ENR.set(rcc::USART1_EN);
        // A clock reaches its peripheral two cycles after the write (RM0351 6.2.18): reading it back takes longer.
        let _ = rcc::APB2ENR.read();
        let clock = clock::raise(real);
        clock::random_numbers();
        board_stm32::start_noise();
        board_stm32::start(clock, real, faults_told)
    }
}

impl Stm32 for BL475eIot01a {
    const NAME: &'static str = "b-l475e-iot01a";
    const HOST: Line = HOST;
    const AIR: Line = AIR;
    const RESETS: Resets = Resets {
        flags: rcc::CSR,
        remove: rcc::REMOVE_RESET_FLAGS,
        power: rcc::POWER_RESETS,
        watchdog: rcc::WATCHDOG_RESETS,
    };

    #[expect(unsafe_code, reason = "memory that the linker script leaves out")]
    fn nvm() -> Memory {
        // SAFETY: the last 32 of the 96 KB of SRAM1, and SRAM2. Both are always clocked, and nothing else uses them. A reset alters
        // neither, as long as the option SRAM2_RST is as it comes from the factory (RM0351 3.4.1). Nothing supplies them when the
        // power is off.
        unsafe { Memory::at(0x2001_0000, 0x8000).continued(Memory::at(0x1000_0000, 0x8000)) }
    }

    fn took() {
        // QEMU 10's USART of this board does not tell QEMU's main loop that it has room again, so the next byte would wait for
        // the tick.
        if !board_stm32::is_real() {
            time::nudge();
        }
    }
}

/// All interrupts of the chip.
#[exception]
#[allow(unsafe_code, reason = "cortex-m-rt asks for it; its macro copies the attribute, so that `expect` fails")]
unsafe fn DefaultHandler(number: i16) {
    board_stm32::interrupted::<BL475eIot01a>(number);
}
