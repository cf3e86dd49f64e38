//! The acquirer of a bench: the host of a case, behind the line that the bench file names.
//!
//! ```text
//!  validator <-- socket, TCP or serial port --> line (a task for each) --> Host of the case --> events
//! ```
//!
//! The line lives as long as the bench. A host lives as long as a case with an acquirer. Whatever comes without a host is
//! discarded, and nobody answers. [`state`] is what the lines of a bench share, and [`line`] moves the bytes of one of them.

mod line;
mod state;
#[cfg(test)]
mod tests;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use taprig_acquirer::Host;
use taprig_model::bench::AcquirerConfig;
use taprig_model::event::Role;
use taprig_record::Scope;
use tokio::net::{TcpListener, UnixListener, UnixStream};
use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinSet};

use crate::BenchError;
use crate::link::endpoint::{Endpoint, Reader, Writer, halves};
use crate::port;
use line::{Kind, Line};
use state::Shared;

/// Speed of a serial port if the bench file gives none, in bits per second.
const BAUD: u32 = 9600;

/// The acquirer of a bench.
#[derive(Debug)]
pub(crate) struct Acquirer {
    shared: Arc<Shared>,
    /// How the log names the place where validators connect.
    place: String,
    /// Ends the lines that were made by connecting, and the one of a serial port.
    waiting: Option<AbortHandle>,
    /// The line to an emulated board that has power.
    wired: Option<AbortHandle>,
    /// Each new value says that the validator has lost its power.
    cuts: watch::Sender<u64>,
    socket: Option<PathBuf>,
}

impl Acquirer {
    /// Opens the line. `folder` is for the socket of a link. Call it within a tokio runtime.
    ///
    /// # Errors
    /// [`BenchError::Acquirer`] if nobody can listen there, or if the port can't be opened.
    pub(crate) fn open(config: &AcquirerConfig, folder: &Path) -> Result<Self, BenchError> {
        let shared = Arc::new(Shared::default());
        let (cuts, cut) = watch::channel(0);
        let failed = |place: &str, source: io::Error| BenchError::Acquirer {
            what: format!("the acquirer can't use {place}: {source}"),
        };
        let mut socket = None;
        let (place, waiting) = match config {
            AcquirerConfig::Link(_) => {
                let path = folder.join("uplink");
                let place = format!("the socket {}", path.display());
                let listener = UnixListener::bind(&path).map_err(|source| failed(&place, source))?;
                socket = Some(path);
                (place, tokio::spawn(accept_links(listener, shared.clone(), cut)).abort_handle())
            }
            AcquirerConfig::Listen(address) => {
                let place = format!("the address {address}");
                let listener = std::net::TcpListener::bind(address.socket())
                    .and_then(|listener| listener.set_nonblocking(true).map(|()| listener))
                    .and_then(TcpListener::from_std)
                    .map_err(|source| failed(&place, source))?;
                (place, tokio::spawn(accept_connections(listener, shared.clone(), cut)).abort_handle())
            }
            AcquirerConfig::Serial(serial) => {
                let path = port::find(Role::Validator, serial).map_err(|error| BenchError::Acquirer {
                    what: format!("the acquirer has no serial port: {error}"),
                })?;
                let endpoint = Endpoint::from(path);
                let (reader, writer) = endpoint.open(serial.baud.unwrap_or(BAUD))?;
                let place = endpoint.to_string();
                let line = Line::new(Kind::Line, place.clone(), shared.clone(), cut);
                let shared = shared.clone();
                let serve = async move {
                    line.run(reader, writer).await;
                    // A port does not end by itself.
                    shared.failed(&io::Error::other("it vanished"));
                };
                (place, tokio::spawn(serve).abort_handle())
            }
        };
        Ok(Self { shared, place, waiting: Some(waiting), wired: None, cuts, socket })
    }

    /// The socket at which a hosted board reaches it, if it is a link.
    pub(crate) fn socket(&self) -> Option<&Path> {
        self.socket.as_deref()
    }

    /// Serves the line to an emulated board from now on, in place of the one before. Call it within a tokio runtime.
    ///
    /// # Errors
    /// [`BenchError::Acquirer`] if the runtime does not take the socket.
    pub(crate) fn attach(&mut self, end: std::os::unix::net::UnixStream) -> Result<(), BenchError> {
        self.detach();
        let stream = UnixStream::from_std(end).map_err(|source| BenchError::Acquirer {
            what: format!("the acquirer can't use its line to the emulated board: {source}"),
        })?;
        let (reader, writer) = halves(stream);
        let line = Line::new(Kind::Line, "the emulated board".into(), self.shared.clone(), self.cuts.subscribe());
        self.wired = Some(tokio::spawn(line.run(reader, writer)).abort_handle());
        Ok(())
    }

    fn detach(&mut self) {
        if let Some(wired) = self.wired.take() {
            wired.abort();
        }
    }

    /// The validator loses its power. What it had begun to send is forgotten, and no late answer comes to it any more.
    pub(crate) fn power_lost(&mut self) {
        self.detach();
        self.shared.power_lost();
        self.cuts.send_modify(|cuts| *cuts += 1);
    }

    /// A case begins: this host answers from now on, and what happens goes to `scope`.
    pub(crate) fn begin(&self, host: Host, scope: &Scope) {
        self.shared.begin(host, scope, &self.place);
    }

    /// The case has ended. Nobody answers from now on.
    ///
    /// # Errors
    /// [`BenchError::Acquirer`] if the line broke during the case, so that messages may be missing.
    pub(crate) fn end(&self) -> Result<(), BenchError> {
        match self.shared.end() {
            None => Ok(()),
            Some(why) => Err(BenchError::Acquirer { what: format!("the acquirer lost {}: {why}", self.place) }),
        }
    }
}

impl Drop for Acquirer {
    fn drop(&mut self) {
        self.detach();
        if let Some(waiting) = self.waiting.take() {
            waiting.abort();
        }
        if let Some(socket) = &self.socket {
            // The folder is removed with the slot, too.
            let _ = std::fs::remove_file(socket);
        }
    }
}

/// Serves hosted boards. Such a line has no connections that mean anything: the board connects when it gets power.
async fn accept_links(listener: UnixListener, shared: Arc<Shared>, cut: watch::Receiver<u64>) {
    let mut lines = JoinSet::new();
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                let line = Line::new(Kind::Line, "the hosted board".into(), shared.clone(), cut.clone());
                serve(&mut lines, line, halves(stream));
            }
            Err(error) => return shared.failed(&error),
        }
    }
}

/// Serves devices with a network.
async fn accept_connections(listener: TcpListener, shared: Arc<Shared>, cut: watch::Receiver<u64>) {
    let mut lines = JoinSet::new();
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                // Answers are short, and a terminal waits for each. Without this, an answer only takes longer.
                let _ = stream.set_nodelay(true);
                let line = Line::new(Kind::Connection, peer.to_string(), shared.clone(), cut.clone());
                serve(&mut lines, line, halves(stream));
            }
            // The device has gone before it was accepted.
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
            Err(error) => return shared.failed(&error),
        }
    }
}

fn serve(lines: &mut JoinSet<()>, line: Line, (reader, writer): (Reader, Writer)) {
    while lines.try_join_next().is_some() {}
    lines.spawn(line.run(reader, writer));
}
