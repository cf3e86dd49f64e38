//! The air of the second program: UART0, which keeps six bytes until its interrupt takes them.

use crate::clock::now_us;
use crate::registers::{gpio, register};
use board_arm::{Port, Register, enable_interrupt, received};

pub(crate) const INTERRUPT: u8 = 2;
/// A byte takes 10 us: nothing comes before this interrupt.
const PRIORITY: u8 = 0x00;

const BASE: usize = 0x4000_2000;
const STARTRX: Register = register(BASE);
const STARTTX: Register = register(BASE + 0x008);
/// A byte is in RXD.
const RXDRDY: Register = register(BASE + 0x108);
/// The byte of TXD is out.
const TXDRDY: Register = register(BASE + 0x11C);
const INTENSET: Register = register(BASE + 0x304);
const ON_RXDRDY: u32 = 1 << 2;
const ENABLE: Register = register(BASE + 0x500);
const WITHOUT_EASYDMA: u32 = 4;
/// RTS, TXD, CTS, RXD.
const PSEL: [Register; 4] =
    [register(BASE + 0x508), register(BASE + 0x50C), register(BASE + 0x510), register(BASE + 0x514)];
const RXD: Register = register(BASE + 0x518);
const TXD: Register = register(BASE + 0x51C);
const BAUDRATE: Register = register(BASE + 0x524);
const BITS_1M: u32 = 0x1000_0000;

/// A start bit, a byte and a stop bit.
pub(crate) const BYTE_NS: u32 = 10_000;
/// How long a line may take no byte, in us.
const STUCK_US: u64 = 50_000;

pub(crate) fn start() {
    gpio::output(gpio::AIR_TRANSMIT);
    gpio::input(gpio::AIR_RECEIVE);
    for (register, pin) in PSEL.into_iter().zip([gpio::NONE, gpio::AIR_TRANSMIT, gpio::NONE, gpio::AIR_RECEIVE]) {
        register.write(pin);
    }
    BAUDRATE.write(BITS_1M);
    ENABLE.write(WITHOUT_EASYDMA);
    INTENSET.write(ON_RXDRDY);
    enable_interrupt(INTERRUPT, PRIORITY);
    STARTRX.write(1);
    STARTTX.write(1);
}

/// For its interrupt. The event is cleared before the byte is read: that brings the next one, and the event again.
pub(crate) fn receive() {
    while RXDRDY.read() != 0 {
        RXDRDY.write(0);
        // The data are in the low eight bits.
        received(Port::Air, RXD.read() as u8, crate::registers::timer::NOW.read());
    }
}

/// Sends bytes. Gives up on a line that takes none.
pub(crate) fn send(bytes: &[u8]) {
    for &byte in bytes {
        TXDRDY.write(0);
        TXD.write(byte.into());
        let limit = now_us() + STUCK_US;
        while TXDRDY.read() == 0 {
            if now_us() > limit {
                return;
            }
        }
    }
}
