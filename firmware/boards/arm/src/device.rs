//! The traits of both firmwares, over what a chip can do.

use crate::register::start_cycle_counter;
use crate::{Memory, fault, kept, memory, pool::Pool, ring::Ring};
use core::cell::Cell;
use core::marker::PhantomData;
use core::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use cortex_m::peripheral::DWT;
use cortex_m::{asm, interrupt};
use validator::board::ResetCause;

/// The serial ports of a board.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Port {
    /// Console of the validator, link of the emulator.
    Host,
    /// The air.
    Air,
    /// The validator's line to an acquirer's host, on chips that have one.
    Uplink,
}

/// What a chip can do.
pub trait Chip {
    /// Kind of board, as its folder is called.
    const NAME: &'static str;
    /// Whether the board has a third port, for the line to an acquirer's host.
    const HAS_UPLINK: bool = false;
    /// Memory that keeps its content without power.
    fn nvm() -> Memory;
    /// Time since start, in us.
    fn now_us() -> u64;
    /// A counter as fast as the chip has.
    fn counter() -> u32;
    /// A word of the chip's own generator of random numbers, if it has one that works.
    fn noise() -> Option<u32> {
        None
    }
    /// Sees to an interrupt at or soon after `us` from now, which calls [`woken`]. A tick that comes before it is good enough, for a long wait.
    fn alarm(us: u64);
    /// How long a byte is on the air's line, in ns; 0 if the chip is emulated and a byte takes as long as the host takes.
    fn air_byte_ns() -> u32 {
        0
    }
    /// Clock of the processor in MHz; 0 if the chip is emulated, so that it does not count its cycles.
    fn core_mhz() -> u32 {
        0
    }
    /// Sends bytes. Gives up on a line that takes none.
    fn send(port: Port, bytes: &[u8]);
    /// Why the chip started, if it has a register for it. Called once.
    fn reset_cause() -> Option<ResetCause>;
}

static HOST: Ring<4096> = Ring::new();
static AIR: Ring<4096> = Ring::new();
static UPLINK: Ring<4096> = Ring::new();
/// Something arrived since the firmware last slept.
static ARRIVED: AtomicBool = AtomicBool::new(false);
/// A tick or an alarm came since the firmware last looked at the clock.
static WOKEN: AtomicBool = AtomicBool::new(false);
/// The processor's count of cycles at the last byte that ended a message of the air.
static AIR_ENDED: AtomicU32 = AtomicU32::new(0);
static POOL: Pool = Pool::new();

/// For the interrupt of a port: a byte came, while the fast counter read `counter`.
pub fn received(port: Port, byte: u8, counter: u32) {
    let ring = match port {
        Port::Host => &HOST,
        Port::Air => &AIR,
        Port::Uplink => &UPLINK,
    };
    // A zero ends a message: wire::frame.
    if port == Port::Air && byte == 0 {
        AIR_ENDED.store(DWT::cycle_count(), Ordering::Relaxed);
    }
    // A full ring loses the byte; who sends more than 4 KiB unasked sees it in the frames' check sums.
    let _ = ring.push(byte);
    POOL.stir(counter);
    ARRIVED.store(true, Ordering::Release);
}

/// For the interrupt of something else than a port: whoever sleeps has something to do.
pub fn arrived() {
    ARRIVED.store(true, Ordering::Release);
}

/// For the interrupts of tick and alarm: whoever sleeps has to look at the clock.
pub fn woken() {
    WOKEN.store(true, Ordering::Release);
}

/// The wall clock, kept where interrupts reach it.
static WALL: interrupt::Mutex<Cell<Option<Wall>>> = interrupt::Mutex::new(Cell::new(None));

#[derive(Debug, Clone, Copy)]
struct Wall {
    seconds: u64,
    at_us: u64,
}

fn wall(now_us: u64) -> Option<u64> {
    interrupt::free(|token| WALL.borrow(token).get())
        .map(|wall| wall.seconds + now_us.saturating_sub(wall.at_us) / 1_000_000)
}

fn set_wall(seconds: u64, at_us: u64) {
    interrupt::free(|token| WALL.borrow(token).set(Some(Wall { seconds, at_us })));
    kept::remember(Some(seconds));
}

/// For the system tick, about every 10 ms: notes the wall clock for after a reset.
pub fn ticked(now_us: u64) {
    if let Some(seconds) = wall(now_us) {
        kept::remember(Some(seconds));
    }
}

/// A chip as a board for either firmware.
#[derive(Debug)]
pub struct Device<C> {
    cause: ResetCause,
    chip: PhantomData<C>,
}

impl<C: Chip> Device<C> {
    /// The board, when its chip has been set up. Once.
    #[must_use]
    pub fn new() -> Self {
        if C::core_mhz() > 0 {
            start_cycle_counter();
        }
        let recalled = kept::recall();
        if let Some(Some(seconds)) = recalled {
            set_wall(seconds, 0);
        }
        let guess = if recalled.is_some() { ResetCause::Reset } else { ResetCause::Power };
        Self { cause: C::reset_cause().unwrap_or(guess), chip: PhantomData }
    }

    fn doze(&self, until_us: u64) {
        loop {
            // The clock is read before interrupts are masked, as that takes its time: a tick or alarm in between is seen
            // by its mark.
            WOKEN.store(false, Ordering::Release);
            let left = until_us.saturating_sub(C::now_us());
            if left > 0 {
                C::alarm(left);
            }
            // With interrupts off, so that none comes between the look and the sleep: a pending one still wakes.
            let arrived = interrupt::free(|_| {
                let arrived = ARRIVED.load(Ordering::Acquire);
                ARRIVED.store(false, Ordering::Release);
                if !arrived && left > 0 && !WOKEN.load(Ordering::Acquire) {
                    asm::dsb();
                    asm::wfi();
                }
                arrived
            });
            if arrived || left == 0 {
                return;
            }
        }
    }
}

impl<C: Chip> Default for Device<C> {
    fn default() -> Self {
        Self::new()
    }
}

impl<C: Chip> validator::board::Board for Device<C> {
    fn name(&self) -> &'static str {
        C::NAME
    }
    fn now_us(&self) -> u64 {
        C::now_us()
    }
    fn sleep(&self, until_us: u64) {
        self.doze(until_us);
    }
    fn console_read(&self) -> Option<u8> {
        HOST.pop()
    }
    fn console_write(&self, bytes: &[u8]) {
        C::send(Port::Host, bytes);
    }
    fn air_read(&self) -> Option<u8> {
        AIR.pop()
    }
    fn air_write(&self, bytes: &[u8]) {
        C::send(Port::Air, bytes);
    }
    fn has_uplink(&self) -> bool {
        C::HAS_UPLINK
    }
    fn uplink_read(&self) -> Option<u8> {
        UPLINK.pop()
    }
    fn uplink_write(&self, bytes: &[u8]) {
        C::send(Port::Uplink, bytes);
    }
    fn nvm_size(&self) -> usize {
        C::nvm().size()
    }
    fn nvm_read(&self, offset: usize, buffer: &mut [u8]) {
        C::nvm().read(offset, buffer);
    }
    fn nvm_write(&self, offset: usize, bytes: &[u8]) {
        C::nvm().write(offset, bytes);
    }
    fn rtc(&self) -> Option<u64> {
        wall(C::now_us())
    }
    fn set_rtc(&self, seconds: u64) {
        set_wall(seconds, C::now_us());
    }
    fn entropy(&self) -> u32 {
        if let Some(word) = C::noise() {
            POOL.stir(word);
        }
        POOL.draw(C::counter())
    }
    fn image(&self) -> &[u8] {
        memory::image()
    }
    fn reset_cause(&self) -> ResetCause {
        self.cause
    }
    fn reset(&self) {
        fault::reset();
    }
}

impl<C: Chip> emulator::CardBoard for Device<C> {
    fn name(&self) -> &'static str {
        C::NAME
    }
    fn image(&self) -> &[u8] {
        memory::image()
    }
    fn now_us(&self) -> u64 {
        C::now_us()
    }
    fn sleep(&self, until_us: u64) {
        self.doze(until_us);
    }
    fn link_read(&self) -> Option<u8> {
        HOST.pop()
    }
    fn link_write(&self, bytes: &[u8]) {
        C::send(Port::Host, bytes);
    }
    fn air_read(&self) -> Option<u8> {
        AIR.pop()
    }
    fn air_byte_ns(&self) -> u32 {
        C::air_byte_ns()
    }
    fn air_heard_us(&self) -> u64 {
        // The processor counts no cycles while it sleeps, and it does not sleep on a message that it has not looked at.
        let ago = DWT::cycle_count().wrapping_sub(AIR_ENDED.load(Ordering::Relaxed));
        C::now_us().saturating_sub(u64::from(ago.checked_div(C::core_mhz()).unwrap_or(0)))
    }
    fn air_write(&self, bytes: &[u8]) {
        C::send(Port::Air, bytes);
    }
}
