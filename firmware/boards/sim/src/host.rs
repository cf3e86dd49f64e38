//! What both hosted boards are made of: a clock, two lines, and one place to wait.

use crate::air::Air;
use crate::error::SimError;
use crate::line::Line;
use crate::peer::direction;
use crate::pty::Pty;
use crate::uplink::Uplink;
use crate::waits::{Source, Waits};
use rustix::event::Timespec;
use rustix::event::epoll::EventFlags;
use std::cell::{Cell, RefCell};
use std::io::{self, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::time::Instant;

/// A process as a board: a pseudo terminal as its serial port, a unix socket as the air, and one place to wait.
#[derive(Debug)]
pub struct Host {
    started: Instant,
    /// The board ends when this closes.
    stop: OwnedFd,
    waits: Waits,
    pty: Pty,
    serial_line: RefCell<Line>,
    /// What the serial port is waited for.
    serial_flags: Cell<EventFlags>,
    air: RefCell<Air>,
    uplink: RefCell<Option<Uplink>>,
    stopped: Cell<bool>,
}

impl Host {
    /// Opens the serial port and tells its name on standard output. The board ends when standard input closes.
    pub(crate) fn start(air: Air) -> Result<Self, SimError> {
        let host = Self::open(air, standard_input()?)?;
        host.tell()?;
        Ok(host)
    }

    /// The card side's end of an air: a socket at `air`, where a reader can connect. The board is
    /// [stopped](Host::stopped) when the other end of `stop` closes.
    ///
    /// # Errors
    /// [`SimError`] when a port can't be opened.
    pub fn card_side(air: &Path, stop: OwnedFd) -> Result<Self, SimError> {
        Self::open(Air::listen(air)?, stop)
    }

    /// Tells the name of the serial port on standard output, as the rig expects it of a hosted board.
    ///
    /// # Errors
    /// [`SimError::Tell`].
    pub fn tell(&self) -> Result<(), SimError> {
        let mut out = io::stdout().lock();
        writeln!(out, "{{\"serial\":\"{}\"}}", self.pty.path).and_then(|()| out.flush()).map_err(SimError::Tell)
    }

    /// What the rig opens: the path of the serial port.
    #[must_use]
    pub fn serial(&self) -> &Path {
        Path::new(&self.pty.path)
    }

    fn open(air: Air, stop: OwnedFd) -> Result<Self, SimError> {
        let pty = Pty::open()?;
        let waits = Waits::new().map_err(SimError::Wait)?;
        // An end that can't be waited for is no pipe of a rig: nobody holds this board.
        let held = waits.add(&stop, Source::Stop, EventFlags::IN).is_ok();
        waits.add(&pty.master, Source::Serial, EventFlags::IN).map_err(SimError::Wait)?;
        Ok(Self {
            started: Instant::now(),
            stop,
            waits,
            pty,
            serial_line: RefCell::default(),
            serial_flags: Cell::new(EventFlags::IN),
            air: RefCell::new(air),
            uplink: RefCell::default(),
            stopped: Cell::new(!held),
        })
    }

    /// Time since the start, in us.
    #[must_use]
    pub fn now_us(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    /// Whether the board is asked to end.
    #[must_use]
    pub fn stopped(&self) -> bool {
        self.stopped.get()
    }

    /// The next byte from the rig, if there is one.
    #[must_use]
    pub fn serial_read(&self) -> Option<u8> {
        self.serial_line.borrow_mut().pop()
    }

    /// Sends bytes to the rig.
    pub fn serial_write(&self, bytes: &[u8]) {
        // The terminal stays open as long as we hold its other end.
        let _ = self.serial_line.borrow_mut().send(self.pty.master.as_fd(), bytes);
    }

    /// Sends bytes to the rig with those that follow, because the rig does not wait for them. Each transfer wakes the rig, which takes
    /// longer than the transfer.
    pub fn serial_write_later(&self, bytes: &[u8]) {
        let _ = self.serial_line.borrow_mut().hold(self.pty.master.as_fd(), bytes, self.now_us());
    }

    /// The next byte from the other side of the air, if there is one.
    #[must_use]
    pub fn air_read(&self) -> Option<u8> {
        self.air.borrow_mut().line.pop()
    }

    /// Sends bytes to the other side of the air. Without another side they are lost.
    pub fn air_write(&self, bytes: &[u8]) {
        self.air.borrow_mut().send(bytes);
    }

    /// Connects the line to an acquirer's host.
    pub(crate) fn connect_uplink(&mut self, path: &Path) {
        self.uplink = RefCell::new(Some(Uplink::connect(path)));
    }

    pub(crate) fn has_uplink(&self) -> bool {
        self.uplink.borrow().is_some()
    }

    pub(crate) fn uplink_read(&self) -> Option<u8> {
        self.uplink.borrow_mut().as_mut()?.read()
    }

    pub(crate) fn uplink_write(&self, bytes: &[u8]) {
        if let Some(uplink) = self.uplink.borrow_mut().as_mut() {
            uplink.send(bytes);
        }
    }

    /// What a reset does to the receivers.
    pub(crate) fn forget_input(&self) {
        self.serial_line.borrow_mut().forget_input();
        self.air.borrow_mut().line.forget_input();
        if let Some(uplink) = self.uplink.borrow_mut().as_mut() {
            uplink.forget_input();
        }
    }

    /// Waits until the clock reads `until_us`, or anything arrives, or the board is asked to end. `u64::MAX`: no deadline.
    pub fn sleep(&self, until_us: u64) {
        let mut serial = self.serial_line.borrow_mut();
        let mut air = self.air.borrow_mut();
        let mut uplink = self.uplink.borrow_mut();
        // Whatever stays waits below for room. The air comes first: somebody waits for it.
        air.flush();
        serial.release(self.now_us());
        let _ = serial.flush(self.pty.master.as_fd());
        if let Some(uplink) = uplink.as_mut() {
            uplink.flush();
            uplink.register(&self.waits);
        }
        let until_us = serial.due_us().map_or(until_us, |due_us| due_us.min(until_us));
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
        if ready.has(Source::Stop) {
            let mut ignored = [0; 256];
            // Its end, or any failure: nobody holds us any more.
            self.stopped.set(!matches!(rustix::io::read(&self.stop, &mut ignored), Ok(n) if n > 0));
        }
        if ready.has(Source::Serial) {
            let fd = self.pty.master.as_fd();
            let _ = serial.flush(fd);
            if serial.wants_input() {
                let _ = serial.fill(fd);
            }
        }
        if ready.has(Source::Uplink)
            && let Some(uplink) = uplink.as_mut()
        {
            uplink.flush();
            uplink.serve();
        }
        let newcomer = ready.has(Source::Newcomer);
        if newcomer || ready.has(Source::Air) || air.patience().is_some() {
            air.serve(newcomer);
        }
    }
}

/// Standard input, by a handle of our own.
fn standard_input() -> Result<OwnedFd, SimError> {
    rustix::stdio::stdin().try_clone_to_owned().map_err(SimError::StandardInput)
}
