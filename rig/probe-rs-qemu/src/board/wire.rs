//! The air between two emulated boards: a pair of sockets that outlives power cuts of the boards.

use super::{AirEnd, BoardError};
use std::{
    io::{self, ErrorKind, Read},
    os::unix::net::UnixStream,
};

/// Two connected sockets: one end for the reader's board, and one for the card's. This type keeps copies of both.
#[derive(Debug)]
pub struct Wire {
    reader: UnixStream,
    card: UnixStream,
}

impl Wire {
    /// A new pair, for one pair of processes.
    ///
    /// # Errors
    /// The system has no more sockets.
    pub fn new() -> Result<Self, BoardError> {
        let (reader, card) = UnixStream::pair().map_err(|source| failed("making", source))?;
        // QEMU's ends are the same sockets, and QEMU needs them non-blocking as well.
        for end in [&reader, &card] {
            end.set_nonblocking(true).map_err(|source| failed("making", source))?;
        }
        Ok(Self { reader, card })
    }

    /// The reader's end, for its board.
    ///
    /// # Errors
    /// The system has no more sockets.
    pub fn reader(&self) -> Result<AirEnd, BoardError> {
        end(&self.reader)
    }

    /// The card's end, for its board.
    ///
    /// # Errors
    /// The same as for [`Wire::reader`].
    pub fn card(&self) -> Result<AirEnd, BoardError> {
        end(&self.card)
    }

    /// Discards everything on its way, in both directions. The boards at both ends must be [`Standby`](super::Standby).
    /// Then no byte from before their power cut can reach them afterwards.
    ///
    /// # Errors
    /// The sockets are broken.
    pub fn flush(&self) -> Result<(), BoardError> {
        let mut bytes = [0_u8; 4096];
        for mut end in [&self.reader, &self.card] {
            loop {
                match end.read(&mut bytes) {
                    // Only this process could end the stream.
                    Ok(0) => break,
                    Ok(_) => {}
                    Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                    Err(error) if error.kind() == ErrorKind::Interrupted => {}
                    Err(source) => return Err(failed("emptying", source)),
                }
            }
        }
        Ok(())
    }
}

fn end(socket: &UnixStream) -> Result<AirEnd, BoardError> {
    socket.try_clone().map(|socket| AirEnd::Wire(socket.into())).map_err(|source| failed("copying", source))
}

fn failed(doing: &'static str, source: io::Error) -> BoardError {
    BoardError::Io { doing, path: "the sockets that are the air".into(), source }
}
