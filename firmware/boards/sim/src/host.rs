//! What both hosted boards are made of: a clock, two lines, and one place to wait.

use crate::air::Air;
use crate::error::SimError;
use crate::line::Line;
use crate::pty::Pty;
use crate::waits::{Source, Waits};
use rustix::event::Timespec;
use rustix::event::epoll::EventFlags;
use std::cell::{Cell, RefCell};
use std::io::Write;
use std::os::fd::AsFd;
use std::time::Instant;

/// A process as a board.
#[derive(Debug)]
pub(crate) struct Host {
    started: Instant,
    waits: Waits,
    pty: Pty,
    serial: RefCell<Line>,
    /// What the serial port is waited for.
    serial_flags: Cell<EventFlags>,
    air: RefCell<Air>,
    stopped: Cell<bool>,
}

impl Host {
    /// Opens the serial port and tells its name on standard output.
    pub(crate) fn start(air: Air) -> Result<Self, SimError> {
        let pty = Pty::open()?;
        let waits = Waits::new().map_err(SimError::Wait)?;
        // Standard input that can't be waited for is no pipe of a rig: nobody holds this process.
        let held = waits.add(rustix::stdio::stdin(), Source::Stdin, EventFlags::IN).is_ok();
        waits.add(&pty.master, Source::Serial, EventFlags::IN).map_err(SimError::Wait)?;
        let mut out = std::io::stdout().lock();
        writeln!(out, "{{\"serial\":\"{}\"}}", pty.path).and_then(|()| out.flush()).map_err(SimError::Tell)?;
        Ok(Self {
            started: Instant::now(),
            waits,
            pty,
            serial: RefCell::default(),
            serial_flags: Cell::new(EventFlags::IN),
            air: RefCell::new(air),
            stopped: Cell::new(!held),
        })
    }

    pub(crate) fn now_us(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    pub(crate) fn stopped(&self) -> bool {
        self.stopped.get()
    }

    pub(crate) fn serial_read(&self) -> Option<u8> {
        self.serial.borrow_mut().pop()
    }

    pub(crate) fn serial_write(&self, bytes: &[u8]) {
        // The terminal stays open as long as we hold its other end.
        let _ = self.serial.borrow_mut().send(self.pty.master.as_fd(), bytes);
    }

    pub(crate) fn air_read(&self) -> Option<u8> {
        self.air.borrow_mut().line.pop()
    }

    pub(crate) fn air_write(&self, bytes: &[u8]) {
        self.air.borrow_mut().send(bytes);
    }

    /// What a reset does to the receivers.
    pub(crate) fn forget_input(&self) {
        self.serial.borrow_mut().forget_input();
        self.air.borrow_mut().line.forget_input();
    }

    /// Waits until the clock reads `until_us`, or anything arrives, or the rig closes our standard input.
    pub(crate) fn sleep(&self, until_us: u64) {
        let mut serial = self.serial.borrow_mut();
        let mut air = self.air.borrow_mut();
        // Whatever stays waits below for room. The air comes first: somebody waits for it.
        air.flush();
        let _ = serial.flush(self.pty.master.as_fd());
        let deadline = (until_us != u64::MAX).then(|| until_us.saturating_sub(self.now_us()));
        let patience = air.patience().and_then(|patience| u64::try_from(patience.as_micros()).ok());
        let timeout = deadline.into_iter().chain(patience).min().map(|us| Timespec {
            tv_sec: i64::try_from(us / 1_000_000).unwrap_or(i64::MAX),
            // Below 10^9, so it fits.
            tv_nsec: i64::try_from(us % 1_000_000 * 1000).unwrap_or(0),
        });
        let flags = direction(&serial);
        if self.serial_flags.replace(flags) != flags {
            let _ = self.waits.change(&self.pty.master, Source::Serial, flags);
        }
        air.register(&self.waits);
        // An error is a signal: the firmware sleeps again.
        let Ok(ready) = self.waits.wait(timeout.as_ref()) else { return };
        if ready.has(Source::Stdin) {
            let mut ignored = [0; 256];
            // Its end, or any failure: nobody holds us any more.
            self.stopped.set(!matches!(rustix::io::read(rustix::stdio::stdin(), &mut ignored), Ok(n) if n > 0));
        }
        if ready.has(Source::Serial) {
            let fd = self.pty.master.as_fd();
            let _ = serial.flush(fd);
            if serial.wants_input() {
                let _ = serial.fill(fd);
            }
        }
        let newcomer = ready.has(Source::Newcomer);
        if newcomer || ready.has(Source::Air) || air.patience().is_some() {
            air.serve(newcomer);
        }
    }
}

/// What a line has to be waited for.
pub(crate) fn direction(line: &Line) -> EventFlags {
    let mut flags = EventFlags::empty();
    flags.set(EventFlags::IN, line.wants_input());
    flags.set(EventFlags::OUT, line.has_output());
    flags
}
