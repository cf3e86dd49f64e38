//! Clock, timer and UARTs (Arm application note AN386; Cortex-M System Design Kit, technical reference manual).

use board_arm::{Chip, Device, Memory, Port, Register, enable_interrupt, received, tell_faults, ticked, woken};
use core::cell::Cell;
use cortex_m::interrupt::{self, Mutex};
use cortex_m::peripheral::Peripherals;
use cortex_m::peripheral::syst::SystClkSource;
use cortex_m_rt::exception;
use validator::board::ResetCause;

/// System clock of the board.
const CLOCK_HZ: u32 = 25_000_000;

/// The system tick. QEMU's main loop misses input that came before reception was switched on as long as no timer runs; a
/// tick of 100 Hz cures it and costs 1 % of a host's core.
const TICK_HZ: u32 = 100;

/// The part of the memory at 0x21000000 that is used.
const NVM_SIZE: usize = 256 * 1024;

#[expect(unsafe_code, reason = "register addresses of AN386")]
const fn register(address: usize) -> Register {
    // SAFETY: called with the constants of this file only.
    unsafe { Register::at(address) }
}

/// FPGA system control: a counter, and its divider less one.
const COUNTER: Register = register(0x4002_8018);
const PRESCALE: Register = register(0x4002_801C);

/// CMSDK timer 0.
mod timer {
    use super::{Register, register};
    pub(super) const INTERRUPT: u8 = 8;
    pub(super) const CTRL: Register = register(0x4000_0000);
    pub(super) const VALUE: Register = register(0x4000_0004);
    pub(super) const RELOAD: Register = register(0x4000_0008);
    pub(super) const INTCLEAR: Register = register(0x4000_000C);
    pub(super) const ENABLE_WITH_INTERRUPT: u32 = 0b1001;
}

/// A CMSDK UART.
#[derive(Clone, Copy)]
struct Uart {
    port: Port,
    receive_interrupt: u8,
    data: Register,
    state: Register,
    ctrl: Register,
    intclear: Register,
    bauddiv: Register,
}

const fn uart(port: Port, base: usize, receive_interrupt: u8) -> Uart {
    Uart {
        port,
        receive_interrupt,
        data: register(base),
        state: register(base + 0x4),
        ctrl: register(base + 0x8),
        intclear: register(base + 0xC),
        bauddiv: register(base + 0x10),
    }
}

const UART0: Uart = uart(Port::Host, 0x4000_4000, 0);
const UART1: Uart = uart(Port::Air, 0x4000_5000, 2);
const UART2: Uart = uart(Port::Uplink, 0x4000_6000, 4);

const TX_FULL: u32 = 1 << 0;
const RX_FULL: u32 = 1 << 1;
const RX_INTERRUPT: u32 = 1 << 1;
/// CTRL: transmit, receive, interrupt on receive.
const TRANSMIT_RECEIVE_INTERRUPT: u32 = 0b1011;

/// How long a line may take no byte, in us.
const STUCK_US: u64 = 200_000;

impl Uart {
    fn start(self, baud: u32) {
        self.bauddiv.write(CLOCK_HZ / baud);
        self.ctrl.write(TRANSMIT_RECEIVE_INTERRUPT);
        enable_interrupt(self.receive_interrupt, 0);
    }

    /// The interrupt is cleared before the byte is read: the next byte may come right behind and raise it again.
    fn receive(self) {
        self.intclear.write(RX_INTERRUPT);
        while self.state.read() & RX_FULL != 0 {
            // The data are in the low eight bits.
            received(self.port, self.data.read() as u8, COUNTER.read());
        }
    }

    /// Polled: QEMU takes a byte at once unless its other end is full.
    fn send(self, bytes: &[u8]) {
        for &byte in bytes {
            if self.state.read() & TX_FULL != 0 {
                let limit = Mps2::now_us() + STUCK_US;
                while self.state.read() & TX_FULL != 0 {
                    if Mps2::now_us() > limit {
                        return;
                    }
                }
            }
            self.data.write(byte.into());
        }
    }
}

/// The board.
#[derive(Debug)]
pub struct Mps2;

impl Mps2 {
    /// Sets up the chip. Once, at start.
    ///
    /// `faults_told`: the console is text, and a fault is told on it before the board starts again.
    #[must_use]
    pub fn start(faults_told: bool) -> Device<Self> {
        PRESCALE.write(CLOCK_HZ / 1_000_000 - 1);
        if let Some(mut core) = Peripherals::take() {
            core.SYST.set_clock_source(SystClkSource::Core);
            core.SYST.set_reload(CLOCK_HZ / TICK_HZ - 1);
            core.SYST.clear_current();
            core.SYST.enable_interrupt();
            core.SYST.enable_counter();
        }
        enable_interrupt(timer::INTERRUPT, 0);
        UART0.start(115_200);
        UART1.start(1_000_000);
        UART2.start(115_200);
        if faults_told {
            tell_faults(|bytes| UART0.send(bytes));
        }
        Device::new()
    }
}

/// Upper half and last value of the microsecond counter.
static TIME: Mutex<Cell<u64>> = Mutex::new(Cell::new(0));

impl Chip for Mps2 {
    const NAME: &'static str = "mps2-an386";
    const HAS_UPLINK: bool = true;

    #[expect(unsafe_code, reason = "memory that the linker script leaves out")]
    fn nvm() -> Memory {
        // SAFETY: the first part of 16 MB of PSRAM; the linker's RAM begins 8 MB further on.
        unsafe { Memory::at(0x2100_0000, NVM_SIZE) }
    }

    fn now_us() -> u64 {
        // The counter turns over after 71 minutes; the tick looks more often than that.
        interrupt::free(|token| {
            let time = TIME.borrow(token);
            let (last, low) = (time.get(), COUNTER.read());
            let turned = u64::from(low) < last & 0xFFFF_FFFF;
            let now = (last >> 32) + u64::from(turned) << 32 | u64::from(low);
            time.set(now);
            now
        })
    }

    fn counter() -> u32 {
        // The counter of microseconds, and the fine part of the tick.
        COUNTER.read() ^ cortex_m::peripheral::SYST::get_current() << 12
    }

    fn alarm(us: u64) {
        // Beyond a tick the tick wakes first, and the rest of the wait comes here again.
        if us < 1_000_000 / u64::from(TICK_HZ) {
            // Below 10^4 us: far within 32 bits.
            let cycles = us as u32 * (CLOCK_HZ / 1_000_000);
            timer::CTRL.write(0);
            timer::INTCLEAR.write(1);
            timer::RELOAD.write(cycles);
            timer::VALUE.write(cycles);
            timer::CTRL.write(timer::ENABLE_WITH_INTERRUPT);
        }
    }

    fn send(port: Port, bytes: &[u8]) {
        match port {
            Port::Host => UART0.send(bytes),
            Port::Air => UART1.send(bytes),
            Port::Uplink => UART2.send(bytes),
        }
    }

    fn reset_cause() -> Option<ResetCause> {
        None
    }
}

#[exception]
fn SysTick() {
    woken();
    ticked(Mps2::now_us());
}

/// All interrupts of the chip.
#[exception]
#[allow(unsafe_code, reason = "cortex-m-rt asks for it; its macro copies the attribute, so that `expect` fails")]
unsafe fn DefaultHandler(number: i16) {
    match number {
        0 => UART0.receive(),
        2 => UART1.receive(),
        4 => UART2.receive(),
        8 => {
            timer::CTRL.write(0);
            timer::INTCLEAR.write(1);
            woken();
        }
        // None other is enabled.
        _ => {}
    }
}
