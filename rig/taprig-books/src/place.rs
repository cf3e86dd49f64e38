//! Where a row of a file is.

/// A file that was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileId(u32);

impl FileId {
    pub(crate) const fn new(index: u32) -> Self {
        Self(index)
    }

    /// Its place in [`Books::files`](crate::Books::files).
    pub(crate) const fn index(self) -> usize {
        self.0 as usize
    }
}

/// A row of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The file.
    pub file: FileId,
    /// Line as an editor counts it, from 1.
    pub row: u32,
}
