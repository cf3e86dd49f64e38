//! The pieces of an image, from each format of a file.

use super::{ImageError, LARGEST, Piece};
use crate::flash::chip::Processor;
use ihex::Record;
use object::{
    Endianness, elf,
    read::elf::{FileHeader, ProgramHeader},
};
use std::{io, path::Path};

/// The value of an erased byte of flash.
const ERASED: u8 = 0xFF;

/// The largest gap that a linker leaves between the segments of one program, to align the second one. Such a gap belongs to
/// the program: the digest that firmware computes over its flash contains it.
const ALIGNMENT: u64 = 4096;

/// What a file contains.
#[derive(Debug)]
pub(super) struct Loaded {
    /// In the order of their addresses.
    pub(super) pieces: Vec<Piece>,
    pub(super) processor: Option<Processor>,
}

/// Reads a file. It is ELF by its first bytes, Intel HEX by its first character, and otherwise binary.
pub(super) fn load(path: &Path, file: &[u8], address: Option<u32>) -> Result<Loaded, ImageError> {
    let is_elf = file.starts_with(&elf::ELFMAG);
    let is_hex = file.trim_ascii_start().starts_with(b":");
    match address {
        Some(_) if is_elf || is_hex => Err(ImageError::NeedlessAddress { path: path.to_owned() }),
        _ if is_elf => from_elf(path, file),
        _ if is_hex => from_hex(path, file),
        _ if file.is_empty() => Err(ImageError::Empty { path: path.to_owned() }),
        None => Err(ImageError::NoAddress { path: path.to_owned() }),
        Some(address) => {
            let pieces = joined(path, vec![Piece { address, content: file.to_vec() }], 0)?;
            Ok(Loaded { pieces, processor: None })
        }
    }
}

/// The loadable segments by physical address.
fn from_elf(path: &Path, file: &[u8]) -> Result<Loaded, ImageError> {
    let not_elf = |source| ImageError::NotElf { path: path.to_owned(), source };
    let wrong = |machine| ImageError::WrongProcessor { path: path.to_owned(), machine };
    // The class is checked first, because a 64-bit file is a valid file for another processor.
    if object::FileKind::parse(file).map_err(not_elf)? == object::FileKind::Elf64 {
        let header = elf::FileHeader64::<Endianness>::parse(file).map_err(not_elf)?;
        return Err(wrong(header.e_machine(header.endian().map_err(not_elf)?).0));
    }
    let header = elf::FileHeader32::<Endianness>::parse(file).map_err(not_elf)?;
    let endian = header.endian().map_err(not_elf)?;
    let machine = header.e_machine(endian).0;
    let processor = Processor::of_machine(machine).filter(|_| endian == Endianness::Little);
    let processor = processor.ok_or_else(|| wrong(machine))?;
    let mut pieces = Vec::new();
    for segment in header.program_headers(endian, file).map_err(not_elf)? {
        if segment.p_type(endian) == elf::PT_LOAD && segment.p_filesz(endian) > 0 {
            let content = segment.data(endian, file).map_err(|()| ImageError::Unreadable {
                path: path.to_owned(),
                source: io::ErrorKind::UnexpectedEof.into(),
            })?;
            pieces.push(Piece { address: segment.p_paddr(endian), content: content.to_vec() });
        }
    }
    Ok(Loaded { pieces: joined(path, pieces, ALIGNMENT)?, processor: Some(processor) })
}

/// The data records. A file that has no end record was cut off.
fn from_hex(path: &Path, file: &[u8]) -> Result<Loaded, ImageError> {
    let wrong = |line: usize, what: String| ImageError::NotHex { path: path.to_owned(), line: line + 1, what };
    let (mut pieces, mut base, mut last) = (Vec::<Piece>::new(), 0_u32, 0);
    for (at, line) in file.split(|byte| *byte == b'\n').enumerate() {
        let line = line.trim_ascii();
        if line.is_empty() {
            continue;
        }
        last = at;
        let text = std::str::from_utf8(line).map_err(|error| wrong(at, error.to_string()))?;
        match Record::from_record_string(text).map_err(|error| wrong(at, error.to_string()))? {
            Record::Data { offset, value } => {
                let address = base.checked_add(offset.into()).filter(|_| !value.is_empty());
                let Some(address) = address else { return Err(wrong(at, "its address or length is wrong".into())) };
                match pieces.last_mut() {
                    // Nearly every record continues the one before it.
                    Some(piece) if piece.range().end == u64::from(address) => piece.content.extend(value),
                    _ => pieces.push(Piece { address, content: value }),
                }
            }
            Record::ExtendedLinearAddress(high) => base = u32::from(high) << 16,
            Record::ExtendedSegmentAddress(segment) => base = u32::from(segment) << 4,
            // Where the program starts is not written to flash.
            Record::StartLinearAddress(_) | Record::StartSegmentAddress { .. } => {}
            Record::EndOfFile => return Ok(Loaded { pieces: joined(path, pieces, 0)?, processor: None }),
        }
    }
    Err(wrong(last, "the end record is missing".into()))
}

/// The pieces in order. Those with a gap of at most `gap` bytes between them become one, with erased bytes in the gap.
fn joined(path: &Path, mut pieces: Vec<Piece>, gap: u64) -> Result<Vec<Piece>, ImageError> {
    pieces.sort_by_key(|piece| piece.address);
    let mut joined = Vec::<Piece>::new();
    for piece in pieces {
        let range = piece.range();
        if range.end > 1 << 32 || range.end - range.start > LARGEST {
            return Err(ImageError::TooLarge { path: path.to_owned(), bytes: range.end - range.start });
        }
        match joined.last_mut() {
            Some(before) if before.range().end > range.start => {
                return Err(ImageError::Overlap { path: path.to_owned(), address: piece.address });
            }
            Some(before) if range.start - before.range().end <= gap => {
                let filled = range.start - u64::from(before.address);
                before.content.resize(usize::try_from(filled).unwrap_or(usize::MAX), ERASED);
                before.content.extend(piece.content);
            }
            _ => joined.push(piece),
        }
    }
    if joined.is_empty() { Err(ImageError::Empty { path: path.to_owned() }) } else { Ok(joined) }
}
