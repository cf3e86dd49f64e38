//! Non-volatile memory in a file.

use crate::error::SimError;
use std::cell::RefCell;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

/// Bytes of it unless told otherwise: as on the emulated board.
pub const MEMORY: u32 = 256 * 1024;

/// So much is read from the file at once. A validator reads all records when it starts, one after the other.
const WINDOW: usize = 16 * 1024;

/// The file, and the part of it that was read last.
#[derive(Debug)]
pub struct Nvm {
    file: File,
    size: usize,
    window: RefCell<Window>,
}

/// Bytes of the file.
#[derive(Debug, Default)]
struct Window {
    offset: usize,
    bytes: Vec<u8>,
}

impl Window {
    /// The part from `offset` on, if all of it is here.
    fn part(&mut self, offset: usize, length: usize) -> Option<&mut [u8]> {
        let start = offset.checked_sub(self.offset)?;
        self.bytes.get_mut(start..start.checked_add(length)?)
    }
}

impl Nvm {
    /// Opens the file of a memory of `size` bytes, or makes one of zeros; a shorter one is made longer, and of a longer one the
    /// rest is not used.
    ///
    /// # Errors
    /// [`SimError::Nvm`] when the file can't be opened, made or made longer.
    pub fn open(path: &Path, size: u32) -> Result<Self, SimError> {
        Self::try_open(path, size).map_err(|source| SimError::Nvm { path: path.to_owned(), source })
    }

    fn try_open(path: &Path, size: u32) -> io::Result<Self> {
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
        if file.metadata()?.len() < size.into() {
            file.set_len(size.into())?;
        }
        Ok(Self { file, size: size as usize, window: RefCell::default() })
    }

    /// Its size in bytes.
    #[must_use]
    pub fn size(&self) -> usize {
        self.size
    }

    /// Copies bytes out.
    ///
    /// # Errors
    /// When the file can't be read, or the range is beyond the end.
    pub fn read(&self, offset: usize, buffer: &mut [u8]) -> io::Result<()> {
        self.within(offset, buffer.len())?;
        let mut window = self.window.borrow_mut();
        if window.part(offset, buffer.len()).is_none() {
            let length = buffer.len().max(WINDOW).min(self.size - offset);
            window.offset = offset;
            window.bytes.resize(length, 0);
            if let Err(error) = self.file.read_exact_at(&mut window.bytes, offset as u64) {
                window.bytes.clear();
                return Err(error);
            }
        }
        let part = window.part(offset, buffer.len()).ok_or(io::ErrorKind::InvalidInput)?;
        buffer.copy_from_slice(part);
        Ok(())
    }

    /// Writes to the file: what was written before the process is killed stays.
    ///
    /// # Errors
    /// When the file takes no bytes, or the range is beyond the end.
    pub fn write(&self, offset: usize, bytes: &[u8]) -> io::Result<()> {
        self.within(offset, bytes.len())?;
        let mut window = self.window.borrow_mut();
        match window.part(offset, bytes.len()) {
            Some(part) => part.copy_from_slice(bytes),
            // Perhaps a part of it is here.
            None => window.bytes.clear(),
        }
        self.file.write_all_at(bytes, offset as u64)
    }

    fn within(&self, offset: usize, length: usize) -> io::Result<()> {
        let end = offset.checked_add(length).filter(|end| *end <= self.size);
        end.map(drop).ok_or_else(|| io::ErrorKind::InvalidInput.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_there_for_the_next_process() {
        let path = std::env::temp_dir().join(format!("taprig-nvm-{}", std::process::id()));
        for size in [4096, MEMORY] {
            let end = size as usize;
            let nvm = Nvm::open(&path, size).expect("a file");
            assert_eq!(nvm.size(), end);
            nvm.write(end - 3, &[1, 2, 3]).expect("within");
            assert!(nvm.write(end - 2, &[1, 2, 3]).is_err());
            drop(nvm);
            let nvm = Nvm::open(&path, size).expect("the file");
            let mut bytes = [0; 4];
            nvm.read(end - 4, &mut bytes).expect("within");
            assert_eq!(bytes, [0, 1, 2, 3]);
        }
        std::fs::remove_file(&path).expect("removed");
    }

    /// Reads and writes at places in and beyond the window, compared with plain memory.
    #[test]
    fn every_read_sees_every_write() {
        let path = std::env::temp_dir().join(format!("taprig-nvm-window-{}", std::process::id()));
        let nvm = Nvm::open(&path, MEMORY).expect("a file");
        let size = nvm.size();
        let mut plain = vec![0; size];
        let mut seed = 1_usize;
        let mut next = |below: usize| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (seed >> 33) % below
        };
        for turn in 0..4000_u32 {
            let length = next(300);
            // Mostly close to each other, so that windows overlap with what is written.
            let near = if next(4) == 0 { size } else { 2 * WINDOW };
            let offset = next(near - length + 1);
            if next(2) == 0 {
                let bytes = vec![turn.to_le_bytes()[0]; length];
                nvm.write(offset, &bytes).expect("within");
                plain[offset..offset + length].copy_from_slice(&bytes);
            } else {
                let mut bytes = vec![0; length];
                nvm.read(offset, &mut bytes).expect("within");
                assert_eq!(bytes, plain[offset..offset + length], "turn {turn}, {offset} + {length}");
            }
        }
        assert!(nvm.read(size - 1, &mut [0; 2]).is_err());
        assert!(nvm.read(usize::MAX, &mut [0; 2]).is_err());
        std::fs::remove_file(&path).expect("removed");
    }
}
