//! For tests: a pseudo terminal whose device end is played by a thread.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, channel};

use wire::frame::{Collected, Collector};
use wire::link::{Note, Order, Report, Request};

#[path = "../../../taprig/tests/support/pty.rs"]
pub(crate) mod open;

/// A pseudo terminal in raw mode.
pub(crate) struct Terminal {
    device: File,
    path: PathBuf,
    /// This is kept, so that the device sees no hang-up before the port is opened and after it was closed.
    port: OwnedFd,
}

impl Terminal {
    pub(crate) fn new() -> Self {
        let (device, port, path) = open::raw();
        Self { device, path, port }
    }

    /// Path of the port.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Sends bytes as the device.
    pub(crate) fn say(&self, bytes: &[u8]) {
        (&self.device).write_all(bytes).unwrap();
    }

    /// What sends bytes as the device, while a thread plays the device.
    pub(crate) fn voice(&self) -> File {
        self.device.try_clone().unwrap()
    }

    /// The next bytes that the device receives.
    pub(crate) fn hear(&self, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count];
        (&self.device).read_exact(&mut bytes).unwrap();
        bytes
    }

    /// Disconnects the cable.
    pub(crate) fn unplug(self) {
        drop(self.device);
    }

    /// A validator that replies to each line as `reply` says. If `reply` returns nothing, it stays silent. Returns the
    /// lines that it received. The thread ends with the test's process.
    pub(crate) fn console(self, mut reply: impl FnMut(&str) -> Option<String> + Send + 'static) -> Receiver<String> {
        let (send, heard) = channel();
        std::thread::spawn(move || {
            let _port = self.port;
            for line in BufReader::new(&self.device).lines().map_while(Result::ok) {
                let said = reply(&line);
                let _ = send.send(line);
                if said.is_some_and(|said| (&self.device).write_all(said.as_bytes()).is_err()) {
                    break;
                }
            }
        });
        heard
    }

    /// A card emulator that answers each order as `report` says.
    pub(crate) fn emulator(self, mut report: impl FnMut(&Order) -> Option<Report> + Send + 'static) {
        std::thread::spawn(move || {
            let _port = self.port;
            let mut collector = Collector::<{ wire::link::MAX_PACKED }>::default();
            let mut number = 0;
            for byte in BufReader::new(&self.device).bytes().map_while(Result::ok) {
                let Some(Collected::Frame(body)) = collector.push(byte) else { continue };
                let Some(report) = report(&wire::link::decode(body).unwrap()) else { continue };
                let note = Note { number, at_us: 0, air_us: 0, report };
                number += 1;
                if (&self.device).write_all(&wire::link::encode(&note).unwrap()).is_err() {
                    break;
                }
            }
        });
    }
}

/// The answer of a correct emulator to an order.
pub(crate) fn echoes(order: &Order) -> Option<Report> {
    match &order.request {
        Request::Echo(nonce) => Some(Report::Echo(*nonce)),
        _ => Some(Report::Done(order.number)),
    }
}
