//! Everything that a board waits for. It is registered once, so that a wait does not have to name and look at all of it anew.

use rustix::event::Timespec;
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};

/// What a wait can find ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    /// The rig's hold on this board, usually standard input.
    Stop,
    /// The serial port.
    Serial,
    /// The air, or the folder in which the other side's socket will be.
    Air,
    /// The socket at which the emulator listens.
    Newcomer,
    /// The line to an acquirer's host.
    Uplink,
}

impl Source {
    const ALL: [Self; 5] = [Self::Stop, Self::Serial, Self::Air, Self::Newcomer, Self::Uplink];

    fn bit(self) -> u64 {
        1 << self as u32
    }
}

/// What a wait found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Ready(u64);

impl Ready {
    pub(crate) fn has(self, source: Source) -> bool {
        self.0 & source.bit() != 0
    }
}

/// The sources that are waited for.
#[derive(Debug)]
pub(crate) struct Waits(OwnedFd);

impl Waits {
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self(epoll::create(CreateFlags::CLOEXEC)?))
    }

    /// Waits for a source from now on, until it is closed.
    pub(crate) fn add(&self, fd: impl AsFd, source: Source, flags: EventFlags) -> io::Result<()> {
        Ok(epoll::add(&self.0, fd, EventData::new_u64(source.bit()), flags)?)
    }

    /// Waits for something else of a source.
    pub(crate) fn change(&self, fd: impl AsFd, source: Source, flags: EventFlags) -> io::Result<()> {
        Ok(epoll::modify(&self.0, fd, EventData::new_u64(source.bit()), flags)?)
    }

    /// Waits until a source is ready, or for so long.
    pub(crate) fn wait(&self, timeout: Option<&Timespec>) -> io::Result<Ready> {
        let mut space = [MaybeUninit::<Event>::uninit(); Source::ALL.len()];
        let (events, _) = epoll::wait(&self.0, &mut space, timeout)?;
        Ok(Ready(events.iter().fold(0, |ready, event| ready | event.data.u64())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;
    use std::os::unix::net::UnixStream;

    const NOW: Timespec = Timespec { tv_sec: 0, tv_nsec: 0 };

    #[test]
    fn what_is_ready_is_told_until_it_is_taken() {
        let waits = Waits::new().expect("a wait");
        let (mut one, other) = UnixStream::pair().expect("a pair");
        let (end, stdin) = UnixStream::pair().expect("a pair");
        waits.add(&other, Source::Air, EventFlags::IN).expect("added");
        waits.add(&stdin, Source::Stop, EventFlags::IN).expect("added");
        assert_eq!(waits.wait(Some(&NOW)).expect("a wait"), Ready::default());
        one.write_all(b"x").expect("sent");
        for _ in 0..2 {
            let ready = waits.wait(Some(&NOW)).expect("a wait");
            assert_eq!(Source::ALL.map(|source| ready.has(source)), [false, false, true, false, false]);
        }
        drop(end);
        let ready = waits.wait(Some(&NOW)).expect("a wait");
        assert_eq!(Source::ALL.map(|source| ready.has(source)), [true, false, true, false, false]);
        drop(other);
        assert!(!waits.wait(Some(&NOW)).expect("a wait").has(Source::Air), "it was closed");
        waits.change(&stdin, Source::Stop, EventFlags::OUT).expect("changed");
        assert!(waits.wait(Some(&NOW)).expect("a wait").has(Source::Stop));
    }
}
