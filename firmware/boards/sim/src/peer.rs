//! The other side of a line that is a unix socket.

use crate::line::Line;
use crate::waits::{Source, Waits};
use rustix::event::epoll::EventFlags;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;

/// A socket that doesn't block, and what it is waited for.
#[derive(Debug)]
pub(crate) struct Peer {
    stream: UnixStream,
    registered: Option<EventFlags>,
}

impl Peer {
    /// Takes the stream over; nothing when it can't be had without blocking.
    pub(crate) fn new(stream: UnixStream) -> Option<Self> {
        stream.set_nonblocking(true).ok()?;
        Some(Self { stream, registered: None })
    }

    /// Has the stream waited for, if that is new or otherwise than before. One that can't be is one whose bytes come with the
    /// next event of another.
    pub(crate) fn register(&mut self, waits: &Waits, source: Source, line: &Line) {
        let flags = direction(line);
        let done = match self.registered {
            Some(before) if before == flags => return,
            Some(_) => waits.change(&self.stream, source, flags),
            None => waits.add(&self.stream, source, flags),
        };
        self.registered = done.is_ok().then_some(flags);
    }
}

/// What a line has to be waited for.
pub(crate) fn direction(line: &Line) -> EventFlags {
    let mut flags = EventFlags::empty();
    flags.set(EventFlags::IN, line.wants_input());
    flags.set(EventFlags::OUT, line.has_output());
    flags
}

impl AsFd for Peer {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }
}
