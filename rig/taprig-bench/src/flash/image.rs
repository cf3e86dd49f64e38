//! A firmware image: what goes into flash, read from an ELF, Intel HEX or binary file.

mod load;

use super::chip::{Chip, Processor};
use sha2::{Digest as _, Sha256};
use std::{
    fs, io,
    ops::Range,
    path::{Path, PathBuf},
    sync::Arc,
};
use taprig_record::units::lower_hex;

/// No board has so much flash. A larger file, or one with more content, is not firmware for a board.
const LARGEST: u64 = 16 << 20;

/// Bytes that go to consecutive addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// First address.
    pub address: u32,
    /// The content from that address on. It is not empty, and its end is an address of 32 bits.
    pub content: Vec<u8>,
}

impl Piece {
    /// The addresses of this piece.
    pub(crate) fn range(&self) -> Range<u64> {
        let start = u64::from(self.address);
        start..start + self.content.len() as u64
    }
}

/// The content of flash from a file. Flash that the file does not name is left as it is, so a bootloader stays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    path: PathBuf,
    /// In the order of their addresses. They do not touch.
    pieces: Arc<[Piece]>,
    /// The processor that the file names. Only ELF files name one.
    processor: Option<Processor>,
    digest: [u8; 32],
}

/// The file is not a firmware image, or not one for this chip.
#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    /// The file can't be read.
    #[error("reading the image {} failed", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
    /// The file is too large to be firmware.
    #[error("the image {} has {bytes} bytes, more than any board's flash (16 MiB)", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Its size, or the size of its content.
        bytes: u64,
    },
    /// The file is damaged, or it is another kind of ELF file.
    #[error("{} is a damaged ELF file", path.display())]
    NotElf {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: object::Error,
    },
    /// The file is for another processor.
    #[error("{} is an ELF file for another processor (machine {machine})", path.display())]
    WrongProcessor {
        /// The file.
        path: PathBuf,
        /// `e_machine` of the ELF header.
        machine: u16,
    },
    /// A line of the file is not Intel HEX.
    #[error("{}, line {line}: this is not Intel HEX: {what}", path.display())]
    NotHex {
        /// The file.
        path: PathBuf,
        /// Number of the line, from 1.
        line: usize,
        /// What is wrong with it.
        what: String,
    },
    /// The file gives two contents for one address.
    #[error("{} gives the address {address:#010x} two contents", path.display())]
    Overlap {
        /// The file.
        path: PathBuf,
        /// The address.
        address: u32,
    },
    /// A binary file does not say where it belongs.
    #[error("{} is a binary file, and the bench file does not say for which address", path.display())]
    NoAddress {
        /// The file.
        path: PathBuf,
    },
    /// The file says where it belongs, and so does the bench file.
    #[error("{} has addresses of its own, but the bench file gives one, too", path.display())]
    NeedlessAddress {
        /// The file.
        path: PathBuf,
    },
    /// The file has no content.
    #[error("{} has no content for flash", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// The image does not begin with a vector table.
    #[error("{} does not begin with a vector table (stack pointer {stack:#010x}, reset vector {reset:#010x})", path.display())]
    NoVectorTable {
        /// The file.
        path: PathBuf,
        /// The first word.
        stack: u32,
        /// The second word.
        reset: u32,
    },
    /// The image is for another chip.
    #[error("{} occupies {:#010x}..{:#010x}, but the flash of {chip} is {}", path.display(), range.start, range.end, ranges(flash))]
    WrongChip {
        /// The file.
        path: PathBuf,
        /// The address range of a piece of the image.
        range: Range<u64>,
        /// The chip.
        chip: String,
        /// The flash of the chip.
        flash: Vec<Range<u64>>,
    },
}

impl ImageError {
    /// What a person can try.
    #[must_use]
    pub fn advice(&self) -> &'static str {
        match self {
            Self::Unreadable { .. } => "check that the firmware has been built",
            Self::TooLarge { .. } | Self::NotHex { .. } | Self::Overlap { .. } => "check that it is the right file",
            Self::NotElf { .. } => "build it again",
            Self::WrongProcessor { .. } => "check whether it was built for the host or for another chip",
            Self::Empty { .. } => "check whether it was linked without a linker script",
            Self::NoVectorTable { .. } => "check that it was linked with the board's linker script",
            Self::WrongChip { .. } => "check whether it was built for another board",
            Self::NoAddress { .. } => {
                "name an ELF or Intel HEX file, or add `address` if it is a binary file for a board with a debug probe"
            }
            Self::NeedlessAddress { .. } => "remove `address`",
        }
    }
}

impl Image {
    /// Reads an image. The content of the file says whether it is ELF, Intel HEX or binary. A binary file needs the address
    /// of its first byte, and the other two must not have one.
    ///
    /// # Errors
    /// The file is missing, too large, damaged, or without content.
    pub fn read(path: impl Into<PathBuf>, address: Option<u32>) -> Result<Self, ImageError> {
        let path = path.into();
        let bytes = fs::metadata(&path)
            .map_err(|source| ImageError::Unreadable { path: path.clone(), source })
            // Debug information, or hexadecimal text, may be several times as large as the image.
            .and_then(|meta| match meta.len() {
                bytes if bytes > 8 * LARGEST => Err(ImageError::TooLarge { path: path.clone(), bytes }),
                _ => fs::read(&path).map_err(|source| ImageError::Unreadable { path: path.clone(), source }),
            })?;
        Self::parse(path, &bytes, address)
    }

    fn parse(path: PathBuf, file: &[u8], address: Option<u32>) -> Result<Self, ImageError> {
        let load::Loaded { pieces, processor } = load::load(&path, file, address)?;
        let bytes = pieces.iter().map(|piece| piece.content.len() as u64).sum();
        if bytes > LARGEST {
            return Err(ImageError::TooLarge { path, bytes });
        }
        let mut digest = Sha256::new();
        pieces.iter().for_each(|piece| digest.update(&piece.content));
        let digest = digest.finalize().into();
        Ok(Self { path, pieces: pieces.into(), processor, digest })
    }

    /// The same image with another path. Records are read on other machines, so they use paths relative to the project.
    #[must_use]
    pub fn called(self, path: &Path) -> Self {
        Self { path: path.into(), ..self }
    }

    /// The path of the file, for messages and records.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What goes into flash, in the order of the addresses.
    pub fn pieces(&self) -> &[Piece] {
        &self.pieces
    }

    /// Number of bytes that go into flash.
    pub fn bytes(&self) -> u64 {
        self.pieces.iter().map(|piece| piece.content.len() as u64).sum()
    }

    /// Number of bytes of flash to keep for the next power-on of an emulated board: from the start of flash, where its
    /// image begins, to the end of the image.
    pub fn extent(&self) -> u32 {
        let start = self.pieces.first().map_or(0, |piece| u64::from(piece.address));
        let end = self.pieces.last().map_or(0, |piece| piece.range().end);
        // Both are addresses of 32 bits.
        u32::try_from(end - start).unwrap_or(u32::MAX)
    }

    /// SHA-256 of the content of all pieces in order. Firmware of this repository is one piece, and computes the same over
    /// its flash.
    pub fn digest(&self) -> [u8; 32] {
        self.digest
    }

    /// The digest as the firmware reports it: 64 lower-case hexadecimal digits.
    pub fn digest_hex(&self) -> String {
        lower_hex(&self.digest)
    }

    /// Whether the image is for this chip: it lies in the chip's flash, and an ELF file names the chip's processor.
    ///
    /// # Errors
    /// [`ImageError::WrongChip`], [`ImageError::WrongProcessor`].
    pub fn check_fits(&self, chip: &Chip) -> Result<(), ImageError> {
        if let (Some(of), Some(processor)) = (self.processor, chip.processor)
            && of != processor
        {
            return Err(ImageError::WrongProcessor { path: self.path.clone(), machine: of.machine() });
        }
        let lies_there =
            |range: &Range<u64>| chip.flash.iter().any(|at| at.start <= range.start && range.end <= at.end);
        match self.pieces.iter().map(Piece::range).find(|range| !lies_there(range)) {
            None => Ok(()),
            Some(range) => {
                let (chip, flash) = (chip.name.clone(), chip.flash.clone());
                Err(ImageError::WrongChip { path: self.path.clone(), range, chip, flash })
            }
        }
    }

    /// Whether the image begins with the vector table of a Cortex-M, as firmware of this repository does. Other images may
    /// begin with a header, or follow a bootloader.
    ///
    /// # Errors
    /// [`ImageError::NoVectorTable`].
    pub fn check_vector_table(&self) -> Result<(), ImageError> {
        let Some(Piece { address, content }) = self.pieces.first() else { return Ok(()) };
        let word = |at: usize| {
            content.get(at..).and_then(|rest| rest.first_chunk::<4>()).map_or(0, |word| u32::from_le_bytes(*word))
        };
        let (stack, reset) = (word(0), word(4));
        let code = u64::from(*address)..u64::from(*address) + content.len() as u64;
        // The stack is word-aligned and the code is Thumb code within the image (ARMv7-M B1.5.3).
        if stack == 0 || stack & 3 != 0 || reset & 1 == 0 || !code.contains(&u64::from(reset & !1)) {
            return Err(ImageError::NoVectorTable { path: self.path.clone(), stack, reset });
        }
        Ok(())
    }
}

fn ranges(flash: &[Range<u64>]) -> String {
    let texts: Vec<_> = flash.iter().map(|range| format!("{:#010x}..{:#010x}", range.start, range.end)).collect();
    texts.join(" and ")
}

#[cfg(test)]
pub(crate) mod tests;
