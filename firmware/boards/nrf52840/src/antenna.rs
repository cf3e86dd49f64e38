//! The chip's NFCT.

use crate::clock;
use crate::nfct::registers::{Buffer, LONGEST_FRAME, Peripheral, event};
use crate::registers::{ppi, register, timer};
use board_arm::{Register, arrived, enable_interrupt};
use core::sync::atomic::AtomicU8;

pub(crate) const INTERRUPT: u8 = 5;
const PRIORITY: u8 = 0x40;

const BASE: usize = 0x4000_5000;
/// Switches the peripheral off and on, which resets it. The specification does not list it; Nordic's own driver (nrfx)
/// uses it.
const POWER: Register = register(BASE + 0xFFC);
const INTENCLR: Register = register(BASE + crate::nfct::registers::INTENCLR.0 as usize);

/// In RAM, as all that changes.
static TRANSMIT: [AtomicU8; LONGEST_FRAME] = [const { AtomicU8::new(0) }; LONGEST_FRAME];
static RECEIVE: [AtomicU8; LONGEST_FRAME] = [const { AtomicU8::new(0) }; LONGEST_FRAME];

/// The front end, of which a chip has one.
#[derive(Debug)]
pub struct FrontEnd(());

impl FrontEnd {
    /// Resets the peripheral, and lets the timer note the end of each frame.
    pub(crate) fn start() -> Self {
        POWER.write(0);
        let _ = POWER.read();
        POWER.write(1);
        ppi::EVENT_0.write((BASE + event::RXFRAMEEND.0 as usize) as u32);
        ppi::TASK_0.write(timer::CAPTURE_RECEIVED as u32);
        ppi::ENABLE.write(1);
        enable_interrupt(INTERRUPT, PRIORITY);
        Self(())
    }
}

/// For its interrupt: the firmware looks at the events, and switches it on again.
pub(crate) fn interrupt() {
    INTENCLR.write(u32::MAX);
    // The write has arrived when it can be read back.
    let _ = INTENCLR.read();
    arrived();
}

impl Peripheral for FrontEnd {
    fn read(&self, register: crate::nfct::registers::Register) -> u32 {
        at(register).read()
    }

    fn write(&self, register: crate::nfct::registers::Register, value: u32) {
        at(register).write(value);
    }

    fn transmit_buffer(&self) -> Buffer<'_> {
        buffer(&TRANSMIT)
    }

    fn receive_buffer(&self) -> Buffer<'_> {
        buffer(&RECEIVE)
    }

    fn received_us(&self, now_us: u64) -> u64 {
        clock::of(timer::RECEIVED.read(), now_us)
    }
}

fn at(offset: crate::nfct::registers::Register) -> Register {
    register(BASE + usize::from(offset.0))
}

fn buffer(bytes: &'static [AtomicU8; LONGEST_FRAME]) -> Buffer<'static> {
    // An address of the chip has 32 bits.
    Buffer { address: bytes.as_ptr().addr() as u32, bytes }
}
