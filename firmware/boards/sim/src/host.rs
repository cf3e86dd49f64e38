//! What both hosted boards are made of: a clock, two lines, and one place to wait.

use crate::air::Air;
use crate::error::SimError;
use crate::line::Line;
use crate::pty::Pty;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::cell::{Cell, RefCell};
use std::io::Write;
use std::os::fd::AsFd;
use std::time::Instant;

/// A process as a board.
#[derive(Debug)]
pub(crate) struct Host {
    started: Instant,
    pty: Pty,
    serial: RefCell<Line>,
    air: RefCell<Air>,
    stopped: Cell<bool>,
}

impl Host {
    /// Opens the serial port and tells its name on standard output.
    pub(crate) fn start(air: Air) -> Result<Self, SimError> {
        let pty = Pty::open()?;
        let mut out = std::io::stdout().lock();
        writeln!(out, "{{\"serial\":\"{}\"}}", pty.path).and_then(|()| out.flush()).map_err(SimError::Tell)?;
        Ok(Self {
            started: Instant::now(),
            pty,
            serial: RefCell::default(),
            air: RefCell::new(air),
            stopped: Cell::new(false),
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
        // Whatever stays waits below for room.
        let _ = serial.flush(self.pty.master.as_fd());
        air.flush();
        let deadline = (until_us != u64::MAX).then(|| until_us.saturating_sub(self.now_us()));
        let patience = air.patience().and_then(|patience| u64::try_from(patience.as_micros()).ok());
        let timeout = deadline.into_iter().chain(patience).min().map(|us| Timespec {
            tv_sec: i64::try_from(us / 1_000_000).unwrap_or(i64::MAX),
            // Below 10^9, so it fits.
            tv_nsec: i64::try_from(us % 1_000_000 * 1000).unwrap_or(0),
        });
        let mut serial_flags = PollFlags::empty();
        serial_flags.set(PollFlags::IN, serial.wants_input());
        serial_flags.set(PollFlags::OUT, serial.has_output());
        let stdin = rustix::stdio::stdin();
        let (stdin_ready, serial_ready, air_ready, newcomer) = {
            let mut waits = vec![
                PollFd::from_borrowed_fd(stdin, PollFlags::IN),
                PollFd::from_borrowed_fd(self.pty.master.as_fd(), serial_flags),
            ];
            waits.extend(air.interest());
            waits.extend(air.newcomers());
            if poll(&mut waits, timeout.as_ref()).is_err() {
                // A signal: the firmware sleeps again.
                return;
            }
            let ready = |at: usize| waits.get(at).is_some_and(|wait| !wait.revents().is_empty());
            (ready(0), ready(1), ready(2) || ready(3), ready(3))
        };
        if stdin_ready {
            let mut ignored = [0; 256];
            // Its end, or any failure: nobody holds us any more.
            self.stopped.set(!matches!(rustix::io::read(stdin, &mut ignored), Ok(n) if n > 0));
        }
        if serial_ready {
            let fd = self.pty.master.as_fd();
            let _ = serial.flush(fd);
            if serial.wants_input() {
                let _ = serial.fill(fd);
            }
        }
        if air_ready || air.patience().is_some() {
            air.serve(newcomer);
        }
    }
}
