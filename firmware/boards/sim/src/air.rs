//! The air between two processes: a unix socket at which the emulator listens.

use crate::error::SimError;
use crate::line::{Flow, Line};
use crate::peer::Peer;
use crate::waits::{Source, Waits};
use rustix::event::epoll::EventFlags;
use rustix::fs::inotify;
use std::io::{self, ErrorKind};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Where the other side comes from.
#[derive(Debug)]
enum Meeting {
    /// We listen; whoever comes last is the other side.
    Listen { listener: UnixListener },
    /// We connect, now or when the folder shows a new socket.
    Connect {
        path: PathBuf,
        /// Tells of new sockets. There only while the other side is not: to close it takes the kernel ten milliseconds
        /// and more, which would be part of every power cut.
        watch: Option<OwnedFd>,
        /// The socket is there and refuses: the other side has bound it and does not listen yet.
        refused: bool,
    },
}

/// One end of the air.
#[derive(Debug)]
pub(crate) struct Air {
    meeting: Meeting,
    peer: Option<Peer>,
    pub(crate) line: Line,
    registered: Registered,
}

/// What of the air is already waited for.
#[derive(Debug, Default)]
struct Registered {
    listener: bool,
    watch: bool,
}

impl Air {
    /// The emulator's end.
    pub(crate) fn listen(path: &Path) -> Result<Self, SimError> {
        let failed = |source| SimError::Listen { path: path.to_owned(), source };
        // Bound aside and moved into place while it already listens: who sees the socket can connect.
        let mut aside = path.as_os_str().to_owned();
        aside.push("~");
        let _ = std::fs::remove_file(&aside);
        let listener = UnixListener::bind(&aside).map_err(failed)?;
        listener.set_nonblocking(true).map_err(failed)?;
        std::fs::rename(&aside, path).map_err(failed)?;
        Ok(Self {
            meeting: Meeting::Listen { listener },
            peer: None,
            line: Line::default(),
            registered: Registered::default(),
        })
    }

    /// The validator's end. The emulator may come later.
    pub(crate) fn connect(path: &Path) -> Result<Self, SimError> {
        let meeting = Meeting::Connect { path: path.to_owned(), watch: None, refused: false };
        let mut air = Self { meeting, peer: None, line: Line::default(), registered: Registered::default() };
        air.meet();
        if air.peer.is_none() && matches!(air.meeting, Meeting::Connect { watch: None, .. }) {
            // It can't be told when the other side comes.
            watch_folder(path).map_err(|source| SimError::Watch { path: path.to_owned(), source })?;
        }
        Ok(air)
    }

    /// Has the sources waited for that are new or are to be waited for otherwise than before. A source that can't be is one whose
    /// bytes come with the next event of another.
    ///
    /// A listener has to hear of the next peer even while it has one: a validator that was killed and started again may connect
    /// before the end of the old connection is seen.
    pub(crate) fn register(&mut self, waits: &Waits) {
        match &self.meeting {
            Meeting::Listen { listener } if !self.registered.listener => {
                self.registered.listener = waits.add(listener, Source::Newcomer, EventFlags::IN).is_ok();
            }
            Meeting::Connect { watch: Some(watch), .. } if !self.registered.watch => {
                self.registered.watch = waits.add(watch, Source::Air, EventFlags::IN).is_ok();
            }
            _ => {}
        }
        if let Some(peer) = &mut self.peer {
            peer.register(waits, Source::Air, &self.line);
        }
    }

    /// How soon [`Air::serve`] has to be called whatever happens.
    pub(crate) fn patience(&self) -> Option<Duration> {
        // Between bind and listen of an emulator that is not ours (QEMU), which takes some microseconds and shows by
        // no event.
        matches!(self.meeting, Meeting::Connect { refused: true, .. }).then_some(Duration::from_millis(1))
    }

    /// Sends what was kept.
    pub(crate) fn flush(&mut self) {
        if let Some(peer) = &self.peer {
            let flow = self.line.flush(peer.as_fd());
            self.keep(flow);
        }
    }

    /// Moves bytes and meets the other side; `newcomer`: another one may be there.
    pub(crate) fn serve(&mut self, newcomer: bool) {
        if newcomer || self.peer.is_none() {
            self.meet();
        }
        if let Some(peer) = &self.peer {
            let flow = match self.line.flush(peer.as_fd()) {
                Flow::Open if self.line.wants_input() => self.line.fill(peer.as_fd()),
                flow => flow,
            };
            self.keep(flow);
        }
    }

    pub(crate) fn send(&mut self, bytes: &[u8]) {
        // Without another side the bytes are lost, as on any antenna.
        if let Some(peer) = &self.peer {
            let flow = self.line.send(peer.as_fd(), bytes);
            self.keep(flow);
        }
    }

    fn keep(&mut self, flow: Flow) {
        if flow == Flow::Closed {
            self.peer = None;
            // Bytes that came before the end are still good.
            self.meet();
        }
    }

    fn meet(&mut self) {
        let found = match &mut self.meeting {
            Meeting::Listen { listener } => listener.accept().ok().map(|(peer, _)| peer),
            Meeting::Connect { path, watch, refused } => {
                if let Some(watch) = watch {
                    drain(watch);
                }
                let mut attempt = UnixStream::connect(&*path);
                if attempt.is_err() && watch.is_none() {
                    // Once more, as the socket may have come before the watch.
                    *watch = watch_folder(path).ok();
                    self.registered.watch = false;
                    attempt = UnixStream::connect(&*path);
                }
                if attempt.is_ok() {
                    *watch = None;
                }
                *refused = matches!(&attempt, Err(error) if error.kind() == ErrorKind::ConnectionRefused)
                    // A socket that nobody holds refuses for ever: only a young one is worth another try.
                    && young(path);
                attempt.ok()
            }
        };
        if let Some(peer) = found.and_then(Peer::new) {
            self.peer = Some(peer);
            self.line.forget();
        }
    }
}

fn watch_folder(path: &Path) -> io::Result<OwnedFd> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let watch = inotify::init(inotify::CreateFlags::CLOEXEC | inotify::CreateFlags::NONBLOCK)?;
    inotify::add_watch(&watch, folder, inotify::WatchFlags::CREATE | inotify::WatchFlags::MOVED_TO)?;
    Ok(watch)
}

fn young(path: &Path) -> bool {
    let age = std::fs::metadata(path).and_then(|data| data.modified()).ok().and_then(|made| made.elapsed().ok());
    age.is_some_and(|age| age < Duration::from_secs(2))
}

/// Events only say "look again".
fn drain(watch: &OwnedFd) {
    let mut buffer = [0; 4096];
    while matches!(rustix::io::read(watch, &mut buffer), Ok(n) if n > 0) {}
}
