//! A firmware image: the content of flash, read from an ELF file.

use object::{
    Endianness, elf,
    read::elf::{FileHeader, ProgramHeader},
};
use sha2::{Digest as _, Sha256};
use std::{
    fs, io,
    ops::Range,
    path::{Path, PathBuf},
    sync::Arc,
};
use taprig_record::units::lower_hex;

/// No board has so much flash. A larger file, or one that is spread over more addresses, is not firmware for a board.
const LARGEST: u64 = 16 << 20;
/// The value of an erased byte of flash.
const ERASED: u8 = 0xFF;

/// The content of flash from an ELF file: its loadable segments by physical address, with gaps filled with 0xFF.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    path: PathBuf,
    address: u32,
    content: Arc<[u8]>,
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
    #[error("the image {} spans {bytes} bytes, more than any board's flash (16 MiB)", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Its size, or the span of its segments.
        bytes: u64,
    },
    /// The file is not an ELF file, or it is damaged.
    #[error("{} is not an ELF file, or it is damaged", path.display())]
    NotElf {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: object::Error,
    },
    /// The file is for another processor.
    #[error("{} is an ELF file for another processor (machine {machine}), not for 32-bit Arm", path.display())]
    WrongProcessor {
        /// The file.
        path: PathBuf,
        /// `e_machine` of the ELF header.
        machine: u16,
    },
    /// The file has no loadable segment.
    #[error("{} has no loadable segment", path.display())]
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
        /// The address range of the image.
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
            Self::TooLarge { .. } => "check that it is the right file",
            Self::NotElf { .. } => "name the file that cargo built, not a .bin or .hex",
            Self::WrongProcessor { .. } => "check whether it was built for the host",
            Self::Empty { .. } => "check whether it was linked without a linker script",
            Self::NoVectorTable { .. } => "check that it was linked with the board's linker script",
            Self::WrongChip { .. } => "check whether it was built for another board",
        }
    }
}

impl Image {
    /// Reads an image from an ELF file.
    ///
    /// # Errors
    /// The file is missing, too large, or not firmware for a Cortex-M.
    pub fn read(path: impl Into<PathBuf>) -> Result<Self, ImageError> {
        let path = path.into();
        let bytes = fs::metadata(&path)
            .map_err(|source| ImageError::Unreadable { path: path.clone(), source })
            // Debug information may be several times as large as the image.
            .and_then(|meta| match meta.len() {
                bytes if bytes > 8 * LARGEST => Err(ImageError::TooLarge { path: path.clone(), bytes }),
                _ => fs::read(&path).map_err(|source| ImageError::Unreadable { path: path.clone(), source }),
            })?;
        Self::parse(path, &bytes)
    }

    fn parse(path: PathBuf, file: &[u8]) -> Result<Self, ImageError> {
        let (address, content) = load(&path, file)?;
        let word = |at: usize| {
            content.get(at..).and_then(|rest| rest.first_chunk::<4>()).map_or(0, |word| u32::from_le_bytes(*word))
        };
        let (stack, reset) = (word(0), word(4));
        let code = address..address + content.len() as u32;
        // The stack is word-aligned and the code is Thumb code within the image (ARMv7-M B1.5.3).
        if stack == 0 || stack & 3 != 0 || reset & 1 == 0 || !code.contains(&(reset & !1)) {
            return Err(ImageError::NoVectorTable { path, stack, reset });
        }
        let digest = Sha256::digest(&content).into();
        Ok(Self { path, address, content: content.into(), digest })
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

    /// First address in flash.
    pub fn address(&self) -> u32 {
        self.address
    }

    /// The content from that address on.
    pub fn content(&self) -> &[u8] {
        &self.content
    }

    /// Number of bytes that go into flash.
    pub fn bytes(&self) -> u64 {
        self.content.len() as u64
    }

    /// Number of bytes of flash to keep for the next power-on: from the start of flash, where an image begins, to the
    /// end of the image.
    pub fn extent(&self) -> u32 {
        // `load` refuses an image that is longer.
        self.content.len() as u32
    }

    /// SHA-256 of the content. The firmware computes the same over its flash.
    pub fn digest(&self) -> [u8; 32] {
        self.digest
    }

    /// The digest as the firmware reports it: 64 lower-case hexadecimal digits.
    pub fn digest_hex(&self) -> String {
        lower_hex(&self.digest)
    }

    /// Whether the image lies in the chip's flash.
    ///
    /// # Errors
    /// [`ImageError::WrongChip`] if it does not.
    pub fn check_fits(&self, chip: &str, flash: &[Range<u64>]) -> Result<(), ImageError> {
        let range = u64::from(self.address)..u64::from(self.address) + self.bytes();
        if flash.iter().any(|flash| flash.start <= range.start && range.end <= flash.end) {
            return Ok(());
        }
        Err(ImageError::WrongChip { path: self.path.clone(), range, chip: chip.to_owned(), flash: flash.to_vec() })
    }
}

/// Addresses and contents of the loadable segments.
fn load(path: &Path, file: &[u8]) -> Result<(u32, Vec<u8>), ImageError> {
    let not_elf = |source| ImageError::NotElf { path: path.to_owned(), source };
    let wrong = |machine| ImageError::WrongProcessor { path: path.to_owned(), machine };
    // The class is checked first, because a 64-bit file is a valid file for another processor.
    if object::FileKind::parse(file).map_err(not_elf)? == object::FileKind::Elf64 {
        let header = elf::FileHeader64::<Endianness>::parse(file).map_err(not_elf)?;
        return Err(wrong(header.e_machine(header.endian().map_err(not_elf)?).0));
    }
    let header = elf::FileHeader32::<Endianness>::parse(file).map_err(not_elf)?;
    let endian = header.endian().map_err(not_elf)?;
    if header.e_machine(endian) != elf::EM_ARM || endian != Endianness::Little {
        return Err(wrong(header.e_machine(endian).0));
    }
    let mut pieces = Vec::new();
    for segment in header.program_headers(endian, file).map_err(not_elf)? {
        if segment.p_type(endian) == elf::PT_LOAD && segment.p_filesz(endian) > 0 {
            let content = segment.data(endian, file).map_err(|()| ImageError::Unreadable {
                path: path.to_owned(),
                source: io::ErrorKind::UnexpectedEof.into(),
            })?;
            pieces.push((segment.p_paddr(endian), content));
        }
    }
    let start = pieces.iter().map(|(at, _)| *at).min().ok_or_else(|| ImageError::Empty { path: path.to_owned() })?;
    let end = pieces.iter().map(|(at, content)| u64::from(*at) + content.len() as u64).max().unwrap_or(0);
    let bytes = end - u64::from(start);
    if bytes > LARGEST || end > 1 << 32 {
        return Err(ImageError::TooLarge { path: path.to_owned(), bytes });
    }
    let mut image = vec![ERASED; bytes as usize];
    for (at, content) in pieces {
        let from = (at - start) as usize;
        image[from..from + content.len()].copy_from_slice(content);
    }
    Ok((start, image))
}

fn ranges(flash: &[Range<u64>]) -> String {
    let texts: Vec<_> = flash.iter().map(|range| format!("{:#010x}..{:#010x}", range.start, range.end)).collect();
    texts.join(" and ")
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A minimal ELF file for `machine` with loadable segments at physical addresses.
    pub(crate) fn elf_file(machine: elf::Machine, segments: &[(u32, &[u8])]) -> Vec<u8> {
        const HEADER: u32 = 52;
        const ENTRY: u32 = 32;
        let mut file = b"\x7fELF\x01\x01\x01".to_vec();
        file.resize(16, 0);
        for half in [2, machine.0] {
            file.extend(half.to_le_bytes());
        }
        for word in [1, 0, HEADER, 0, 0_u32] {
            file.extend(word.to_le_bytes());
        }
        for half in [HEADER as u16, ENTRY as u16, segments.len() as u16, 40, 0, 0] {
            file.extend(half.to_le_bytes());
        }
        let mut offset = HEADER + ENTRY * segments.len() as u32;
        for (address, content) in segments {
            let size = content.len() as u32;
            // The virtual address differs, as that of .data does.
            for word in [1, offset, 0x2000_0000, *address, size, size, 5, 4] {
                file.extend(word.to_le_bytes());
            }
            offset += size;
        }
        file.extend(segments.iter().flat_map(|(_, content)| content.iter()));
        file
    }

    /// The first words of an image at `address` that is `bytes` long.
    pub(crate) fn program(address: u32, bytes: usize) -> Vec<u8> {
        let mut program = [0x2000_1000, address + 9].map(u32::to_le_bytes).concat();
        program.resize(bytes, 0xA5);
        program
    }

    fn parse(file: &[u8]) -> Result<Image, ImageError> {
        Image::parse("test.elf".into(), file)
    }

    #[test]
    fn gaps_are_filled_and_digested() {
        let first = program(0x0800_0000, 16);
        let image = parse(&elf_file(elf::EM_ARM, &[(0x0800_0014, &[1, 2]), (0x0800_0000, &first)])).unwrap();
        let whole = [first.as_slice(), &[0xFF; 4], &[1, 2]].concat();
        assert_eq!((image.address(), image.content()), (0x0800_0000, whole.as_slice()));
        assert_eq!(image.digest(), <[u8; 32]>::from(Sha256::digest(&whole)));
        assert_eq!(image.digest_hex().len(), 64);
        assert_eq!(image.bytes(), 22);
    }

    #[test]
    fn the_chip_must_have_the_flash() {
        let image = parse(&elf_file(elf::EM_ARM, &[(0x0800_0000, &program(0x0800_0000, 64))])).unwrap();
        image.check_fits("chip", &[0..64, 0x0800_0000..0x0800_0040]).unwrap();
        let error = image.check_fits("chip", &[0..0x40_0000, 0x0800_0000..0x0800_003F]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "test.elf occupies 0x08000000..0x08000040, but the flash of chip is 0x00000000..0x00400000 and \
             0x08000000..0x0800003f"
        );
        assert_eq!(error.advice(), "check whether it was built for another board");
    }

    #[test]
    fn other_files_are_refused() {
        assert!(matches!(parse(b""), Err(ImageError::NotElf { .. })));
        assert!(matches!(parse(b":10000000"), Err(ImageError::NotElf { .. })));
        let own = fs::read(std::env::current_exe().unwrap()).unwrap();
        assert!(matches!(parse(&own), Err(ImageError::WrongProcessor { .. })));
        assert!(matches!(parse(&elf_file(elf::EM_RISCV, &[])), Err(ImageError::WrongProcessor { .. })));
        assert!(matches!(parse(&elf_file(elf::EM_ARM, &[])), Err(ImageError::Empty { .. })));
        assert!(matches!(Image::read("/no/such/image.elf"), Err(ImageError::Unreadable { .. })));
        let spread = elf_file(elf::EM_ARM, &[(0, &program(0, 16)), (0x2000_0000, &[1])]);
        assert!(matches!(parse(&spread), Err(ImageError::TooLarge { .. })));
    }

    #[test]
    fn a_file_without_vector_table_is_refused() {
        for broken in [program(0x100, 64), vec![0; 64], vec![0xFF; 64], vec![1]] {
            let file = elf_file(elf::EM_ARM, &[(0, &broken)]);
            assert!(matches!(parse(&file), Err(ImageError::NoVectorTable { .. })));
        }
    }

    proptest! {
        #[test]
        fn damaged_files_never_panic(at in 0_usize..200, byte: u8, cut in 0_usize..200) {
            let mut file = elf_file(elf::EM_ARM, &[(0, &program(0, 64)), (0x80, &[1, 2, 3])]);
            let last = file.len() - 1;
            file[at.min(last)] = byte;
            file.truncate(file.len() - cut.min(last));
            let _ = parse(&file);
        }
    }
}
