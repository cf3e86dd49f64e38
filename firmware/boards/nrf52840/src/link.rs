//! The host's link: UARTE1 at 115,200 bit/s. The firmware does not wait for its bytes: a reader in front of the antenna does
//! not wait either.

use crate::clock::now_us;
use crate::registers::{gpio, register};
use board_arm::ring::Ring;
use board_arm::{Port, Register, enable_interrupt, pend_interrupt, received};
use core::sync::atomic::{AtomicBool, AtomicU8, Ordering, fence};

pub(crate) const INTERRUPT: u8 = 40;
/// A byte takes 87 us. It is after the air and before the timer.
const PRIORITY: u8 = 0x40;

const BASE: usize = 0x4002_8000;
const STARTRX: Register = register(BASE);
const STARTTX: Register = register(BASE + 0x008);
/// The receive buffer is full: the byte is there.
const ENDRX: Register = register(BASE + 0x110);
/// The transmit buffer is out.
const ENDTX: Register = register(BASE + 0x120);
const SHORTS: Register = register(BASE + 0x200);
const ENDRX_STARTRX: u32 = 1 << 5;
const INTENSET: Register = register(BASE + 0x304);
const ON_ENDRX: u32 = 1 << 4;
const ON_ENDTX: u32 = 1 << 8;
const ENABLE: Register = register(BASE + 0x500);
const WITH_EASYDMA: u32 = 8;
/// RTS, TXD, CTS, RXD.
const PSEL: [Register; 4] =
    [register(BASE + 0x508), register(BASE + 0x50C), register(BASE + 0x510), register(BASE + 0x514)];
const BAUDRATE: Register = register(BASE + 0x524);
const BITS_115200: u32 = 0x01D6_0000;
const RXD_PTR: Register = register(BASE + 0x534);
const RXD_MAXCNT: Register = register(BASE + 0x538);
const TXD_PTR: Register = register(BASE + 0x544);
const TXD_MAXCNT: Register = register(BASE + 0x548);

/// How long the line may take no byte, in us.
const STUCK_US: u64 = 100_000;

/// Bytes for the host: some of the longest notes.
static OUT: Ring<4096> = Ring::new();
/// What EasyDMA sends.
static SENDING: [AtomicU8; 32] = [const { AtomicU8::new(0) }; 32];
static BUSY: AtomicBool = AtomicBool::new(false);
/// Where EasyDMA puts the next byte.
static RECEIVED: AtomicU8 = AtomicU8::new(0);

pub(crate) fn start() {
    gpio::output(gpio::HOST_TRANSMIT);
    gpio::input(gpio::HOST_RECEIVE);
    for (register, pin) in PSEL.into_iter().zip([gpio::NONE, gpio::HOST_TRANSMIT, gpio::NONE, gpio::HOST_RECEIVE]) {
        register.write(pin);
    }
    BAUDRATE.write(BITS_115200);
    // One byte at a time: the next one takes 87 us, and the interrupt far less.
    RXD_PTR.write((&raw const RECEIVED).addr() as u32);
    RXD_MAXCNT.write(1);
    SHORTS.write(ENDRX_STARTRX);
    ENABLE.write(WITH_EASYDMA);
    INTENSET.write(ON_ENDRX | ON_ENDTX);
    enable_interrupt(INTERRUPT, PRIORITY);
    STARTRX.write(1);
}

/// For its interrupt. Nothing else touches the transmitter.
pub(crate) fn interrupt() {
    if ENDRX.read() != 0 {
        ENDRX.write(0);
        fence(Ordering::SeqCst);
        received(Port::Host, RECEIVED.load(Ordering::Relaxed), crate::registers::timer::NOW.read());
    }
    if ENDTX.read() != 0 {
        ENDTX.write(0);
        BUSY.store(false, Ordering::Relaxed);
    }
    if BUSY.load(Ordering::Relaxed) {
        return;
    }
    let mut length = 0;
    for place in &SENDING {
        let Some(byte) = OUT.pop() else { break };
        place.store(byte, Ordering::Relaxed);
        length += 1;
    }
    if length > 0 {
        BUSY.store(true, Ordering::Relaxed);
        fence(Ordering::SeqCst);
        TXD_PTR.write((&raw const SENDING).addr() as u32);
        TXD_MAXCNT.write(length);
        STARTTX.write(1);
    }
}

/// Sends bytes, later. Gives up on a line that takes none.
pub(crate) fn send(bytes: &[u8]) {
    for &byte in bytes {
        if !OUT.push(byte) {
            pend_interrupt(INTERRUPT);
            let limit = now_us() + STUCK_US;
            while !OUT.push(byte) {
                if now_us() > limit {
                    return;
                }
            }
        }
    }
    pend_interrupt(INTERRUPT);
}
