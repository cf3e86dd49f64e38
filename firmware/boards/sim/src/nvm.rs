//! Non-volatile memory in a file.

use crate::error::SimError;
use std::cell::RefCell;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

/// Bytes of it unless told otherwise: as on the emulated board.
pub const MEMORY: u32 = 256 * 1024;

/// The file, and what is in it.
#[derive(Debug)]
pub(crate) struct Nvm {
    file: File,
    content: RefCell<Vec<u8>>,
}

impl Nvm {
    /// Opens the file of a memory of `size` bytes, or makes one of zeros; a shorter one is made longer, and of a longer one the
    /// rest is not used.
    pub(crate) fn open(path: &Path, size: u32) -> Result<Self, SimError> {
        Self::try_open(path, size).map_err(|source| SimError::Nvm { path: path.to_owned(), source })
    }

    fn try_open(path: &Path, size: u32) -> io::Result<Self> {
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
        if file.metadata()?.len() < size.into() {
            file.set_len(size.into())?;
        }
        let mut content = vec![0; size as usize];
        file.read_exact_at(&mut content, 0)?;
        Ok(Self { file, content: RefCell::new(content) })
    }

    /// Its size in bytes.
    pub(crate) fn size(&self) -> usize {
        self.content.borrow().len()
    }

    /// Copies bytes out. Beyond the end nothing is copied.
    pub(crate) fn read(&self, offset: usize, buffer: &mut [u8]) {
        if let Some(bytes) =
            offset.checked_add(buffer.len()).and_then(|end| self.content.borrow().get(offset..end).map(<[u8]>::to_vec))
        {
            buffer.copy_from_slice(&bytes);
        }
    }

    /// Writes through to the file: what was written before the process is killed stays.
    ///
    /// # Errors
    /// When the file takes no bytes, or the range is beyond the end.
    pub(crate) fn write(&self, offset: usize, bytes: &[u8]) -> io::Result<()> {
        let mut content = self.content.borrow_mut();
        let place = offset.checked_add(bytes.len()).and_then(|end| content.get_mut(offset..end));
        place.ok_or(io::ErrorKind::InvalidInput)?.copy_from_slice(bytes);
        self.file.write_all_at(bytes, offset as u64)
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
            nvm.read(end - 4, &mut bytes);
            assert_eq!(bytes, [0, 1, 2, 3]);
        }
        std::fs::remove_file(&path).expect("removed");
    }
}
