//! The air between two emulated boards, as a pair of sockets that outlives their power cuts.

use super::{AirEnd, BoardError};
use std::{
    io::{self, ErrorKind, Read},
    os::unix::net::UnixStream,
};

/// Two connected sockets: one end for the reader's board, one for the card's. Copies of both are kept here.
#[derive(Debug)]
pub struct Wire {
    reader: UnixStream,
    card: UnixStream,
}

impl Wire {
    /// A new pair, to be used by one pair of processes.
    ///
    /// # Errors
    /// The system has no more sockets.
    pub fn new() -> Result<Self, BoardError> {
        let (reader, card) = UnixStream::pair().map_err(|source| failed("making", source))?;
        // As QEMU wants its ends, too, which are the same sockets.
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
    /// As [`Wire::reader`].
    pub fn card(&self) -> Result<AirEnd, BoardError> {
        end(&self.card)
    }

    /// Throws away what is on its way, both ways. The boards at both ends must be [`Standby`](super::Standby): then no byte
    /// from before their power cut reaches them afterwards.
    ///
    /// # Errors
    /// The sockets are broken.
    pub fn flush(&self) -> Result<(), BoardError> {
        let mut bytes = [0_u8; 4096];
        for mut end in [&self.reader, &self.card] {
            loop {
                match end.read(&mut bytes) {
                    // The end of the stream only we could make.
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
