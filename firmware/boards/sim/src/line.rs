//! Bytes on their way through a file descriptor that doesn't block.

use std::collections::VecDeque;
use std::io;
use std::os::fd::BorrowedFd;

/// Bytes kept in each direction. A reader beyond it waits in the system's buffer; a writer beyond it loses bytes, as on
/// a serial line at whose end nobody reads.
const CAPACITY: usize = 256 * 1024;

/// How long bytes wait for others at most. Somebody may look at them after all, such as at the polls of a reader.
const HOLD_US: u64 = 2000;

/// So much is sent at once even where the firmware does not sleep.
const BATCH: usize = 4096;

/// What a transfer found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flow {
    /// The line is up.
    Open,
    /// The other side is gone.
    Closed,
}

/// Both directions.
#[derive(Debug, Default)]
pub(crate) struct Line {
    inbox: VecDeque<u8>,
    outbox: VecDeque<u8>,
    /// How many of the last bytes of `outbox` may wait for others.
    held: usize,
    /// Until when they may wait, on the clock of the board.
    held_until_us: u64,
}

impl Line {
    pub(crate) fn pop(&mut self) -> Option<u8> {
        self.inbox.pop_front()
    }

    pub(crate) fn wants_input(&self) -> bool {
        self.inbox.len() < CAPACITY
    }

    pub(crate) fn has_output(&self) -> bool {
        self.outbox.len() > self.held
    }

    /// Forgets what the firmware has not read: a reset empties the receiver's buffer.
    pub(crate) fn forget_input(&mut self) {
        self.inbox.clear();
    }

    /// Forgets both directions: the line was cut.
    pub(crate) fn forget(&mut self) {
        self.inbox.clear();
        self.outbox.clear();
        self.held = 0;
    }

    /// Keeps bytes for [`Line::flush`], which is due whenever the firmware sleeps: what it says between two sleeps goes in one
    /// system call. Much is sent now.
    pub(crate) fn send(&mut self, fd: BorrowedFd<'_>, bytes: &[u8]) -> Flow {
        if self.outbox.len() + bytes.len() <= CAPACITY {
            self.outbox.extend(bytes);
        }
        self.held = 0;
        if self.outbox.len() < BATCH { Flow::Open } else { self.flush(fd) }
    }

    /// Keeps bytes that nobody waits for until others follow, or until [`HOLD_US`] have passed. Much is sent now.
    pub(crate) fn hold(&mut self, fd: BorrowedFd<'_>, bytes: &[u8], now_us: u64) -> Flow {
        if self.held == 0 {
            self.held_until_us = now_us + HOLD_US;
        }
        let held = self.held + bytes.len();
        let flow = self.send(fd, bytes);
        self.held = held.min(self.outbox.len());
        flow
    }

    /// When bytes that wait for others are due, if there are any.
    pub(crate) fn due_us(&self) -> Option<u64> {
        (self.held > 0).then_some(self.held_until_us)
    }

    /// Lets bytes wait no longer that are due.
    pub(crate) fn release(&mut self, now_us: u64) {
        if self.held > 0 && now_us >= self.held_until_us {
            self.held = 0;
        }
    }

    /// Sends what was kept, as far as the line takes it. Nothing is sent if all of it may wait.
    pub(crate) fn flush(&mut self, fd: BorrowedFd<'_>) -> Flow {
        if !self.has_output() {
            return Flow::Open;
        }
        self.held = 0;
        while !self.outbox.is_empty() {
            match attempt(rustix::io::write(fd, self.outbox.as_slices().0)) {
                Some(Ok(n)) if n > 0 => drop(self.outbox.drain(..n)),
                None => break,
                Some(_) => return Flow::Closed,
            }
        }
        Flow::Open
    }

    /// Takes in what has arrived.
    pub(crate) fn fill(&mut self, fd: BorrowedFd<'_>) -> Flow {
        let mut buffer = [0; 4096];
        match attempt(rustix::io::read(fd, &mut buffer)) {
            Some(Ok(n)) if n > 0 => {
                self.inbox.extend(&buffer[..n]);
                Flow::Open
            }
            None => Flow::Open,
            Some(_) => Flow::Closed,
        }
    }
}

/// `None` when the call has to be made again later.
fn attempt(result: rustix::io::Result<usize>) -> Option<io::Result<usize>> {
    match result {
        Err(rustix::io::Errno::AGAIN | rustix::io::Errno::INTR) => None,
        other => Some(other.map_err(Into::into)),
    }
}
