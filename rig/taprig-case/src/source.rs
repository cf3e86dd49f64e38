//! Reads a file within limits.

use super::diagnostic::Diagnostic;
use std::fmt;
use std::fs::File;
use std::io::Read;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The largest file that taprig reads, in bytes. A case is about a thousandth of this size.
pub const MAX_BYTES: u64 = 1 << 20;

/// The text of a file, and the positions of its lines and characters.
pub struct Source {
    path: PathBuf,
    text: String,
    /// The byte offset of each character. It is empty if every character is one byte long.
    bytes_of_chars: Vec<usize>,
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Source({})", self.path.display())
    }
}

impl Source {
    /// Reads the text of a file.
    ///
    /// # Errors
    /// The file can't be read, is too large, or is not text.
    pub fn read(path: &Path) -> Result<Arc<Self>, Diagnostic> {
        let failed = |error: std::io::Error| Diagnostic::of_file(path, format!("the file can't be read: {error}"));
        let file = File::open(path).map_err(failed)?;
        let meta = file.metadata().map_err(failed)?;
        let too_large = |size: u64| {
            Diagnostic::of_file(path, format!("the file has {size} bytes; taprig reads at most {MAX_BYTES}"))
                .help("check that this is a case or a fixture")
        };
        if !meta.is_file() {
            return Err(Diagnostic::of_file(path, "this is not a file"));
        }
        if meta.len() > MAX_BYTES {
            return Err(too_large(meta.len()));
        }
        // The size may be wrong (a file that grows, /proc), so the limit also holds while reading.
        let mut bytes = Vec::new();
        file.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(failed)?;
        if bytes.len() as u64 > MAX_BYTES {
            return Err(too_large(bytes.len() as u64));
        }
        Self::of_bytes(path, bytes)
    }

    /// The text of these bytes, as if a file had contained them.
    ///
    /// # Errors
    /// The bytes are not text that YAML allows.
    pub fn of_bytes(path: &Path, bytes: Vec<u8>) -> Result<Arc<Self>, Diagnostic> {
        let text = match String::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => {
                let good = error.utf8_error().valid_up_to();
                let text = String::from_utf8_lossy(&error.as_bytes()[..good]).into_owned();
                let source = Self::new(path, text);
                let end = source.text.len();
                return Err(Diagnostic::at(&source, end..end, "the byte after this is not UTF-8")
                    .help("save the file as UTF-8"));
            }
        };
        let source = Self::new(path, text);
        let bad = source.text.char_indices().find(|(_, c)| c.is_control() && !matches!(c, '\n' | '\r' | '\t'));
        if let Some((at, c)) = bad {
            let message = format!("this is the control character {:02X}", u32::from(c));
            return Err(Diagnostic::at(&source, at..at + c.len_utf8(), message).help("remove it: a case is plain text"));
        }
        let mut start = 0;
        for line in source.text.split_inclusive('\n') {
            let indent = line.len() - line.trim_start_matches([' ', '\t']).len();
            if let Some(tab) = line[..indent].find('\t') {
                return Err(Diagnostic::at(&source, start + tab..start + tab + 1, "the indentation contains a tab")
                    .help("indent with spaces"));
            }
            start += line.len();
        }
        Ok(source)
    }

    fn new(path: &Path, text: String) -> Arc<Self> {
        let bytes_of_chars = if text.is_ascii() { Vec::new() } else { text.char_indices().map(|(at, _)| at).collect() };
        Arc::new(Self { path: path.into(), text, bytes_of_chars })
    }

    /// Where the file is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// All of the text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The byte range between two characters. Both are counted from 0.
    #[must_use]
    pub fn bytes(&self, chars: Range<usize>) -> Range<usize> {
        let byte = |index: usize| match self.bytes_of_chars.get(index) {
            Some(byte) => *byte,
            None if self.bytes_of_chars.is_empty() => index.min(self.text.len()),
            None => self.text.len(),
        };
        let start = byte(chars.start);
        start..byte(chars.end).max(start)
    }

    /// Line and column of a byte, both from 1. Columns count characters.
    #[must_use]
    pub fn line_column(&self, byte: usize) -> (usize, usize) {
        let before = self.text.get(..byte).unwrap_or(&self.text);
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
    }
}
