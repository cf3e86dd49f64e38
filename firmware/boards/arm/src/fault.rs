//! When the firmware breaks: tell it if there is somebody to tell, and start again.
//!
//! No handler waits for ever and none faults again: a processor in lockup hangs a real board and ends an emulated one.

use core::cell::Cell;
use core::fmt::Write;
use core::panic::PanicInfo;
use cortex_m::interrupt::{self, Mutex};
use cortex_m_rt::{ExceptionFrame, exception};

/// How to say something without interrupts.
type Voice = fn(&[u8]);

static VOICE: Mutex<Cell<Option<Voice>>> = Mutex::new(Cell::new(None));

/// From now on a fault is told as a console event, `! fault`, through `voice`, before the board starts again. The card
/// emulator says nothing: its host sees it start again.
pub fn tell_faults(voice: Voice) {
    interrupt::free(|token| VOICE.borrow(token).set(Some(voice)));
}

/// Waits until what was sent has left the chip, without interrupts and not for ever.
type Drain = fn();

static DRAIN: Mutex<Cell<Option<Drain>>> = Mutex::new(Cell::new(None));

/// From now on [`reset`] waits by `drain` first: a reset stops a UART in the middle of a byte.
pub fn drain_before_reset(drain: Drain) {
    interrupt::free(|token| DRAIN.borrow(token).set(Some(drain)));
}

/// Starts the chip again (AIRCR.SYSRESETREQ), when the last reply is out.
pub fn reset() -> ! {
    if let Some(drain) = interrupt::free(|token| DRAIN.borrow(token).take()) {
        drain();
    }
    cortex_m::peripheral::SCB::sys_reset()
}

struct Line(Voice);

impl Write for Line {
    fn write_str(&mut self, text: &str) -> core::fmt::Result {
        (self.0)(text.as_bytes());
        Ok(())
    }
}

fn voice() -> Option<Line> {
    interrupt::free(|token| VOICE.borrow(token).take()).map(Line)
}

#[panic_handler]
fn panicked(info: &PanicInfo<'_>) -> ! {
    interrupt::disable();
    // Taken, so that a panic in here says nothing and ends.
    if let Some(mut line) = voice() {
        let _ = match info.location() {
            Some(at) => writeln!(line, "\n! fault what=panic at={}:{}", at.file(), at.line()),
            None => writeln!(line, "\n! fault what=panic"),
        };
    }
    reset()
}

#[exception]
#[allow(unsafe_code, reason = "cortex-m-rt asks for it; its macro copies the attribute, so that `expect` fails")]
unsafe fn HardFault(frame: &ExceptionFrame) -> ! {
    if let Some(mut line) = voice() {
        let _ = writeln!(line, "\n! fault what=hard-fault pc={:08x}", frame.pc());
    }
    reset()
}
