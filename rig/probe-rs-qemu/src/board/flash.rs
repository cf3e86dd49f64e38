//! Flash content that outlives the power.

use super::{BoardError, BoardSpec};
use crate::{
    Endpoint,
    rsp::{Client, to_hex},
};
use std::{fs, io::ErrorKind};

/// Number of bytes in one packet. QEMU 7.2 accepts packets of 4096 characters, and a byte takes two characters.
const CHUNK: usize = 1984;

/// The content of flash when it was last saved, or `None` if it never was.
pub(super) fn stored(spec: &BoardSpec) -> Result<Option<Vec<u8>>, BoardError> {
    let path = spec.flash_file();
    let image = match fs::read(&path) {
        Ok(image) => image,
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(BoardError::Io { doing: "reading", path, source }),
    };
    let flash = spec.machine.flash();
    let bytes = image.len() as u64;
    if bytes > u64::from(flash.end - flash.start) {
        return Err(BoardError::FlashTooSmall { machine: spec.machine, bytes });
    }
    Ok(Some(image).filter(|image| !image.is_empty()))
}

/// Writes the image into the flash of a stopped machine. The machine stays stopped.
pub(super) fn load(spec: &BoardSpec, gdb: &Endpoint, image: &[u8]) -> Result<(), BoardError> {
    let mut client = Client::connect(gdb).map_err(BoardError::Restore)?;
    let start = spec.machine.flash().start;
    for (chunk, at) in image.chunks(CHUNK).zip((start..).step_by(CHUNK)) {
        let request = format!("M{at:x},{:x}:{}", chunk.len(), to_hex(chunk));
        client.order(&request).map_err(BoardError::Restore)?;
    }
    // The connection is simply closed, because a proper farewell (`D`) would let the machine run.
    Ok(())
}
