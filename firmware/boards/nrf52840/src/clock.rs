//! Time in us, from timer 0.

use crate::registers::timer;
use board_arm::{enable_interrupt, woken};
use core::cell::Cell;
use cortex_m::interrupt::{self, Mutex};

/// Of the timer's interrupt: after those of the UARTs.
const PRIORITY: u8 = 0x80;

/// The longest alarm. The timer turns over after 71 minutes, and the time has to be read more often than that.
const LONGEST_US: u64 = 1_000_000;
/// The shortest: setting it takes less.
const SHORTEST_US: u64 = 10;

/// The time when it was last read.
static TIME: Mutex<Cell<u64>> = Mutex::new(Cell::new(0));

pub(crate) fn start() {
    timer::BITMODE.write(timer::BITS_32);
    timer::PRESCALER.write(timer::TO_1_MHZ);
    timer::INTENSET.write(timer::ON_ALARM);
    timer::START.write(1);
    enable_interrupt(timer::INTERRUPT, PRIORITY);
}

fn count() -> u32 {
    timer::CAPTURE_NOW.write(1);
    timer::NOW.read()
}

/// Time since start, in us.
pub(crate) fn now_us() -> u64 {
    interrupt::free(|token| {
        let time = TIME.borrow(token);
        let (last, low) = (time.get(), count());
        let turned = u64::from(low) < last & 0xFFFF_FFFF;
        let now = (last >> 32) + u64::from(turned) << 32 | u64::from(low);
        time.set(now);
        now
    })
}

/// Sees to an interrupt so many us from now, or sooner if that is long.
pub(crate) fn alarm(us: u64) {
    let us = us.clamp(SHORTEST_US, LONGEST_US) as u32;
    timer::ALARMED.write(0);
    let now = now_us() as u32;
    timer::ALARM.write(now.wrapping_add(us));
    // Something more urgent came in between: the count may have passed the alarm unseen.
    if (now_us() as u32).wrapping_sub(now) >= us {
        woken();
    }
}

/// For the timer's interrupt.
pub(crate) fn alarmed() {
    timer::ALARMED.write(0);
    // The write has arrived when it can be read back.
    let _ = timer::ALARMED.read();
    woken();
}

/// The time of a captured count that is in the past, when it is now `now_us`.
pub(crate) fn of(captured: u32, now_us: u64) -> u64 {
    // The lower half is meant.
    now_us.saturating_sub((now_us as u32).wrapping_sub(captured).into())
}
