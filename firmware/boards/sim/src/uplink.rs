//! The line to an acquirer's host: a unix socket at which the rig listens.

use crate::line::{Flow, Line};
use crate::peer::Peer;
use crate::waits::{Source, Waits};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

/// The validator's end.
#[derive(Debug)]
pub(crate) struct Uplink {
    path: PathBuf,
    peer: Option<Peer>,
    line: Line,
}

impl Uplink {
    /// Connects. If nobody listens, each later byte tries again.
    pub(crate) fn connect(path: &Path) -> Self {
        let mut uplink = Self { path: path.to_owned(), peer: None, line: Line::default() };
        uplink.meet();
        uplink
    }

    fn meet(&mut self) {
        self.line.forget();
        self.peer = UnixStream::connect(&self.path).ok().and_then(Peer::new);
    }

    pub(crate) fn read(&mut self) -> Option<u8> {
        self.line.pop()
    }

    pub(crate) fn send(&mut self, bytes: &[u8]) {
        if self.peer.is_none() {
            self.meet();
        }
        // Without a host the bytes are lost, as on a line that nobody has connected.
        if let Some(peer) = &self.peer {
            let flow = self.line.send(peer.as_fd(), bytes);
            self.keep(flow);
        }
    }

    pub(crate) fn forget_input(&mut self) {
        self.line.forget_input();
    }

    pub(crate) fn flush(&mut self) {
        if let Some(peer) = &self.peer {
            let flow = self.line.flush(peer.as_fd());
            self.keep(flow);
        }
    }

    /// Takes in what has come.
    pub(crate) fn serve(&mut self) {
        if let Some(peer) = &self.peer
            && self.line.wants_input()
        {
            let flow = self.line.fill(peer.as_fd());
            self.keep(flow);
        }
    }

    pub(crate) fn register(&mut self, waits: &Waits) {
        if let Some(peer) = &mut self.peer {
            peer.register(waits, Source::Uplink, &self.line);
        }
    }

    fn keep(&mut self, flow: Flow) {
        if flow == Flow::Closed {
            // What came before the end is still good. The next byte that is sent connects again.
            self.peer = None;
        }
    }
}
