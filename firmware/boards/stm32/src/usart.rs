//! USARTs (RM0090 30.6, RM0351 40.8). Their flags are the same in every STM32 here, their registers lie elsewhere.

use crate::time::{comes, counter, now_us};
use board_arm::{Port, Register, enable_interrupt, received};

/// A USART.
#[derive(Debug, Clone, Copy)]
pub struct Usart {
    /// What it is for.
    pub port: Port,
    /// The number of its interrupt.
    pub interrupt: u8,
    /// The flags: SR or ISR.
    pub status: Register,
    /// What came: DR or RDR.
    pub came: Register,
    /// What is to go: DR or TDR.
    pub goes: Register,
    /// BRR.
    pub rate: Register,
    /// CR1.
    pub control: Register,
    /// CR1: USART on.
    pub on: u32,
    /// ICR, where an overrun has to be cleared by a write. `None`: it goes when what came is read.
    pub clear: Option<Register>,
}

const RXNE: u32 = 1 << 5;
/// Overrun; its bit in ICR, too.
const ORE: u32 = 1 << 3;
const TC: u32 = 1 << 6;
const TXE: u32 = 1 << 7;
/// CR1: transmit, receive, interrupt on receive.
const BOTH_WITH_INTERRUPT: u32 = 1 << 3 | 1 << 2 | 1 << 5;

/// How long a line may take no byte, in us. At 115,200 bit/s a byte takes 87.
const STUCK_US: u64 = 50_000;

impl Usart {
    /// Of its interrupt: the lower, the more urgent. A byte of the air takes 10 us and the next one overwrites it, so that
    /// nothing comes before it. A byte of console or link takes 87 us.
    const fn priority(self) -> u8 {
        match self.port {
            Port::Air | Port::Uplink => 0x00,
            Port::Host => 0x40,
        }
    }

    /// Starts it. Oversampling by 16: BRR is the clock of the USART divided by the rate, rounded.
    pub fn start(self, clock_hz: u32, baud: u32) {
        self.rate.write((clock_hz + baud / 2) / baud);
        self.control.write(self.on | BOTH_WITH_INTERRUPT);
        enable_interrupt(self.interrupt, self.priority());
    }

    /// For its interrupt. In line, so that the registers are constants there.
    #[inline(always)]
    pub fn receive(self) {
        loop {
            let status = self.status.read();
            if status & (RXNE | ORE) == 0 {
                return;
            }
            // An overrun would otherwise interrupt for ever.
            if let (Some(clear), true) = (self.clear, status & ORE != 0) {
                clear.write(ORE);
            }
            // An overrun leaves the byte before it in its place; the data are in the low eight bits.
            if status & RXNE != 0 || self.clear.is_none() {
                received(self.port, self.came.read() as u8, counter());
            }
        }
    }

    /// Sends bytes. Gives up on a line that takes none.
    pub fn send(self, bytes: &[u8]) {
        for &byte in bytes {
            if self.status.read() & TXE == 0 {
                let limit = now_us() + STUCK_US;
                while self.status.read() & TXE == 0 {
                    if now_us() > limit {
                        return;
                    }
                }
            }
            self.goes.write(byte.into());
        }
    }

    /// Waits until the last byte has left the chip. What is to go is taken two bytes before that.
    pub fn drain(self) {
        // Two bytes of the console are 174 us, 29,000 cycles of 168 MHz: time can't be read where interrupts are off.
        let _ = comes(|| self.status.read() & TC != 0);
    }
}
