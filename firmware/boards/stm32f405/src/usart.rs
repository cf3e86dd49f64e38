//! The two USARTs (RM0090 30.6).

use crate::clock::{comes, now_us};
use crate::registers::register;
use board_arm::{Port, Register, enable_interrupt, received};
use cortex_m::peripheral::SYST;

/// A USART.
#[derive(Clone, Copy)]
pub(crate) struct Usart {
    port: Port,
    interrupt: u8,
    /// Of its interrupt: the lower, the more urgent.
    priority: u8,
    sr: Register,
    dr: Register,
    brr: Register,
    cr1: Register,
}

const fn usart(port: Port, base: usize, interrupt: u8, priority: u8) -> Usart {
    Usart {
        port,
        interrupt,
        priority,
        sr: register(base),
        dr: register(base + 0x4),
        brr: register(base + 0x8),
        cr1: register(base + 0xC),
    }
}

/// Console or link. A byte takes 87 us.
pub(crate) const USART1: Usart = usart(Port::Host, 0x4001_1000, 37, 0x40);
/// The air. A byte takes 10 us and the next one overwrites it, so that nothing comes before its interrupt.
pub(crate) const USART2: Usart = usart(Port::Air, 0x4000_4400, 38, 0x00);
/// The system tick waits for both.
pub(crate) const TICK_PRIORITY: u8 = 0x80;

const SR_RXNE: u32 = 1 << 5;
const SR_ORE: u32 = 1 << 3;
const SR_TC: u32 = 1 << 6;
const SR_TXE: u32 = 1 << 7;
/// CR1: USART on, transmit, receive, interrupt on receive.
const ON_WITH_INTERRUPT: u32 = 1 << 13 | 1 << 3 | 1 << 2 | 1 << 5;

/// How long a line may take no byte, in us. At 115,200 bit/s a byte takes 87.
const STUCK_US: u64 = 50_000;

impl Usart {
    /// Oversampling by 16: BRR is the clock of the USART's bus divided by the rate, rounded.
    pub(crate) fn start(self, bus_hz: u32, baud: u32) {
        self.brr.write((bus_hz + baud / 2) / baud);
        self.cr1.write(ON_WITH_INTERRUPT);
        enable_interrupt(self.interrupt, self.priority);
    }

    /// For its interrupt.
    pub(crate) fn receive(self) {
        // Reading SR and then DR clears an overrun too, which would otherwise interrupt for ever.
        while self.sr.read() & (SR_RXNE | SR_ORE) != 0 {
            // The data are in the low eight bits.
            received(self.port, self.dr.read() as u8, SYST::get_current());
        }
    }

    /// Sends bytes. Gives up on a line that takes none.
    pub(crate) fn send(self, bytes: &[u8]) {
        for &byte in bytes {
            if self.sr.read() & SR_TXE == 0 {
                let limit = now_us() + STUCK_US;
                while self.sr.read() & SR_TXE == 0 {
                    if now_us() > limit {
                        return;
                    }
                }
            }
            self.dr.write(byte.into());
        }
    }

    /// Waits until the last byte has left the chip. The data register is empty two bytes before that.
    pub(crate) fn drain(self) {
        // Two bytes of the console are 174 us, 29,000 cycles: time can't be read where interrupts are off.
        let _ = comes(|| self.sr.read() & SR_TC != 0);
    }
}
