//! Memory-mapped registers.

/// A register of a peripheral.
#[derive(Debug, Clone, Copy)]
pub struct Register(usize);

impl Register {
    /// The register at an address.
    ///
    /// # Safety
    /// `address` is that of a 32-bit register, or of a word of memory that nothing else uses, on the chip that this
    /// runs on; writing to it breaks nobody's memory.
    #[expect(unsafe_code, reason = "the address is the caller's word")]
    #[must_use]
    pub const unsafe fn at(address: usize) -> Self {
        Self(address)
    }

    /// Its value.
    #[expect(unsafe_code, reason = "the address was vouched for")]
    #[must_use]
    pub fn read(self) -> u32 {
        // SAFETY: by the promise at `at`.
        unsafe { core::ptr::read_volatile(self.0 as *const u32) }
    }

    /// Writes the whole register.
    #[expect(unsafe_code, reason = "the address was vouched for")]
    pub fn write(self, value: u32) {
        // SAFETY: by the promise at `at`.
        unsafe { core::ptr::write_volatile(self.0 as *mut u32, value) }
    }

    /// Sets bits.
    pub fn set(self, bits: u32) {
        self.write(self.read() | bits);
    }

    /// Gives the bits under `mask` this value.
    pub fn modify(self, mask: u32, value: u32) {
        self.write(self.read() & !mask | value);
    }
}

/// Lets an interrupt through (NVIC_ISER, ARMv7-M B3.4.4), with this priority (NVIC_IPR): 0 comes before all others. A chip
/// looks at the upper bits only.
pub fn enable_interrupt(number: u8, priority: u8) {
    let (word, bit) = (4 * (usize::from(number) / 32), number % 32);
    let byte = 8 * u32::from(number % 4);
    #[expect(unsafe_code, reason = "set-enable and priority registers of the NVIC")]
    // SAFETY: ISER0 to ISER7 and IPR0 to IPR59 on every ARMv7-M processor.
    let (enable, priorities) =
        unsafe { (Register::at(0xE000_E100 + word), Register::at(0xE000_E400 + usize::from(number & !3))) };
    priorities.modify(0xFF << byte, u32::from(priority) << byte);
    enable.write(1 << bit);
}

/// Makes an interrupt happen (NVIC_ISPR, ARMv7-M B3.4.6), at once unless something more urgent runs.
pub fn pend_interrupt(number: u8) {
    let (word, bit) = (4 * (usize::from(number) / 32), number % 32);
    #[expect(unsafe_code, reason = "set-pending registers of the NVIC")]
    // SAFETY: ISPR0 to ISPR7 on every ARMv7-M processor.
    let pend = unsafe { Register::at(0xE000_E200 + word) };
    pend.write(1 << bit);
}

/// Lets the processor count its cycles (DEMCR.TRCENA and DWT_CTRL.CYCCNTENA, ARMv7-M C1.6.5 and C1.8.7).
pub(crate) fn start_cycle_counter() {
    #[expect(unsafe_code, reason = "registers of the trace unit")]
    // SAFETY: both are there on every Cortex-M4.
    let (exception_control, watchpoint_control) = unsafe { (Register::at(0xE000_EDFC), Register::at(0xE000_1000)) };
    exception_control.set(1 << 24);
    watchpoint_control.set(1);
}
