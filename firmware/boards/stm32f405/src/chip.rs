//! Start of the chip and what it does for both firmwares (ST reference manual RM0090).

use crate::clock;
use crate::registers::{flash, pwr, rcc};
use crate::usart::{AIR, HOST};
use board_arm::{Device, Memory};
use board_stm32::time::comes;
use board_stm32::{Clock, Line, Resets, Stm32, Stm32Board};
use cortex_m_rt::exception;

/// The board.
#[derive(Debug)]
pub struct Stm32f405;

impl Stm32f405 {
    /// Sets up the chip. Once, at start.
    ///
    /// `faults_told`: the console is text, and a fault is told on it before the board starts again.
    #[must_use]
    pub fn start(faults_told: bool) -> Device<Stm32Board<Self>> {
        // HSION is set after every reset of a real chip.
        let real = rcc::CR.read() != 0;
        rcc::AHB1ENR.set(rcc::GPIOA_EN | rcc::BACKUP_SRAM_EN);
        rcc::APB1ENR.set(rcc::USART2_EN | rcc::PWR_EN);
        rcc::APB2ENR.set(rcc::USART1_EN);
        // A clock reaches its peripheral two cycles after the write (RM0090 7.2.12): reading it back takes longer.
        let _ = rcc::APB2ENR.read();
        let clock = if real { Self::wake() } else { clock::EMULATED };
        board_stm32::start(clock, real, faults_told)
    }

    /// What only a real chip has: clock, backup memory, random numbers, brown-out level, access for a debugger.
    fn wake() -> Clock {
        board_stm32::keep_debug_port_awake();
        pwr::CR.set(pwr::BACKUP_WRITES);
        pwr::CSR.set(pwr::BACKUP_REGULATOR);
        // Without the regulator the memory works as long as VDD is there. Nothing more can be done about it here.
        let _ = comes(|| pwr::CSR.read() & pwr::BACKUP_REGULATOR_READY != 0);
        let clock = clock::raise();
        rcc::AHB2ENR.set(rcc::RNG_EN);
        let _ = rcc::AHB2ENR.read();
        board_stm32::start_noise();
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

impl Stm32 for Stm32f405 {
    const NAME: &'static str = "stm32f405";
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
        if board_stm32::is_real() {
            // SAFETY: backup memory of 4 KB, its clock and regulator are on after start; nothing else uses it.
            unsafe { Memory::at(0x4002_4000, 4096) }
        } else {
            // SAFETY: QEMU has no backup memory, but 64 KB of RAM behind the 128 that the linker script gives out. Its
            // content goes with the power.
            unsafe { Memory::at(0x2002_0000, 0x1_0000) }
        }
    }
}

/// All interrupts of the chip.
#[exception]
#[allow(unsafe_code, reason = "cortex-m-rt asks for it; its macro copies the attribute, so that `expect` fails")]
unsafe fn DefaultHandler(number: i16) {
    board_stm32::interrupted::<Stm32f405>(number);
}
