//! Registers of the chip (nRF52840 Product Specification), by peripheral.

use board_arm::Register;

#[expect(unsafe_code, reason = "register addresses of the product specification")]
pub(crate) const fn register(address: usize) -> Register {
    // SAFETY: called with constants of this crate only.
    unsafe { Register::at(address) }
}

/// Clock control.
pub(crate) mod clock {
    use super::{Register, register};
    /// Starts the crystal oscillator of 64 MHz.
    pub(crate) const HFCLKSTART: Register = register(0x4000_0000);
    pub(crate) const HFCLKSTARTED: Register = register(0x4000_0100);
}

/// Access for a debugger.
pub(crate) mod approtect {
    use super::{Register, register};
    /// Chip variant in letters, such as AAF0.
    pub(crate) const VARIANT: Register = register(0x1000_0104);
    /// In flash: what holds after a reset.
    pub(crate) const UICR: Register = register(0x1000_1208);
    /// What the firmware adds to that.
    pub(crate) const DISABLE: Register = register(0x4000_0558);
    pub(crate) const ERASED: u32 = u32::MAX;
    pub(crate) const OPEN: u32 = 0x5A;
}

/// Flash controller.
pub(crate) mod nvmc {
    use super::{Register, register};
    pub(crate) const READY: Register = register(0x4001_E400);
    pub(crate) const CONFIG: Register = register(0x4001_E504);
    pub(crate) const WRITES: u32 = 1;
}

/// Reset reasons.
pub(crate) mod power {
    use super::{Register, register};
    /// A 1 clears a bit. No bit: power came on, or it fell below the brown-out level.
    pub(crate) const RESETREAS: Register = register(0x4000_0400);
    pub(crate) const WATCHDOG: u32 = 1 << 1;
}

/// Pins. Port and number as PSEL counts them: port 1 begins at 32.
pub(crate) mod gpio {
    use super::{Register, register};
    pub(crate) const HOST_TRANSMIT: u32 = 6;
    pub(crate) const HOST_RECEIVE: u32 = 8;
    pub(crate) const AIR_TRANSMIT: u32 = 32 + 2;
    pub(crate) const AIR_RECEIVE: u32 = 32 + 1;
    /// PSEL without a pin.
    pub(crate) const NONE: u32 = u32::MAX;

    const fn port(pin: u32) -> usize {
        0x5000_0000 + 0x300 * (pin as usize / 32)
    }

    /// Makes a pin high, then an output: the line of a UART that is idle.
    pub(crate) fn output(pin: u32) {
        register(port(pin) + 0x508).write(1 << (pin % 32));
        register(port(pin) + 0x518).write(1 << (pin % 32));
    }

    /// Makes a pin an input with pull-up, so that an open line is silent.
    pub(crate) fn input(pin: u32) {
        const PULL_UP: u32 = 0b11 << 2;
        let configuration: Register = register(port(pin) + 0x700 + 4 * (pin as usize % 32));
        configuration.write(PULL_UP);
    }
}

/// Timer 0, which counts us.
pub(crate) mod timer {
    use super::{Register, register};
    pub(crate) const INTERRUPT: u8 = 8;
    pub(crate) const START: Register = register(0x4000_8000);
    /// Copies the count to [`NOW`].
    pub(crate) const CAPTURE_NOW: Register = register(0x4000_8040);
    /// Copies the count to [`RECEIVED`].
    pub(crate) const CAPTURE_RECEIVED: usize = 0x4000_8048;
    /// The count has reached [`ALARM`].
    pub(crate) const ALARMED: Register = register(0x4000_8144);
    pub(crate) const INTENSET: Register = register(0x4000_8304);
    pub(crate) const ON_ALARM: u32 = 1 << 17;
    pub(crate) const BITMODE: Register = register(0x4000_8508);
    pub(crate) const BITS_32: u32 = 3;
    pub(crate) const PRESCALER: Register = register(0x4000_8510);
    /// 16 MHz / 2^4.
    pub(crate) const TO_1_MHZ: u32 = 4;
    pub(crate) const NOW: Register = register(0x4000_8540);
    pub(crate) const ALARM: Register = register(0x4000_8544);
    pub(crate) const RECEIVED: Register = register(0x4000_8548);
}

/// Events of one peripheral that are tasks of another.
pub(crate) mod ppi {
    use super::{Register, register};
    pub(crate) const ENABLE: Register = register(0x4001_F504);
    pub(crate) const EVENT_0: Register = register(0x4001_F510);
    pub(crate) const TASK_0: Register = register(0x4001_F514);
}
