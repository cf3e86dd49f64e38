//! Tests of images from files of each format.

use super::*;
use object::elf;
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
    Image::parse("test.elf".into(), file, None)
}

#[test]
fn gaps_are_filled_and_digested() {
    let first = program(0x0800_0000, 16);
    let image = parse(&elf_file(elf::EM_ARM, &[(0x0800_0014, &[1, 2]), (0x0800_0000, &first)])).unwrap();
    let whole = [first.as_slice(), &[0xFF; 4], &[1, 2]].concat();
    assert_eq!(image.pieces(), [Piece { address: 0x0800_0000, content: whole.clone() }]);
    assert_eq!(image.digest(), <[u8; 32]>::from(Sha256::digest(&whole)));
    assert_eq!(image.digest_hex().len(), 64);
    assert_eq!(image.bytes(), 22);
}

fn chip(flash: &[Range<u64>]) -> Chip {
    Chip { name: "chip".into(), flash: flash.to_vec(), processor: Some(Processor::Arm) }
}

#[test]
fn the_chip_must_have_the_flash_and_the_processor() {
    let content = program(0x0800_0000, 64);
    let image = parse(&elf_file(elf::EM_ARM, &[(0x0800_0000, &content)])).unwrap();
    image.check_fits(&chip(&[0..64, 0x0800_0000..0x0800_0040])).unwrap();
    let error = image.check_fits(&chip(&[0..0x40_0000, 0x0800_0000..0x0800_003F])).unwrap_err();
    assert_eq!(
        error.to_string(),
        "test.elf occupies 0x08000000..0x08000040, but the flash of chip is 0x00000000..0x00400000 and \
         0x08000000..0x0800003f"
    );
    assert_eq!(error.advice(), "check whether it was built for another board");
    let image = parse(&elf_file(elf::EM_RISCV, &[(0x0800_0000, &content)])).unwrap();
    let error = image.check_fits(&chip(&[0..4, 0x0800_0000..0x0800_0040])).unwrap_err();
    assert!(matches!(error, ImageError::WrongProcessor { machine: 243, .. }), "{error}");
    let [arm, risc_v] = ["nRF52840_xxAA", "GD32VF103CBT6"].map(|name| Chip::real(name).unwrap());
    assert_eq!((arm.processor, risc_v.processor), (Some(Processor::Arm), Some(Processor::RiscV)));
    assert!(arm.flash.contains(&(0..0x10_0000)), "{arm:?}");
    assert!(Chip::real("no such chip").is_err());
}

/// Two pieces, the second one in another block of 64 KiB.
const HEX: &str = ":020000040800F2
:0800000001020304050607 08D4
:0400100055AA55AAEE
:02000004 0801F1
:02FFFE00AABB9C
:0400000508000131BD
:00000001FF
";

fn hex(text: &str) -> Result<Image, ImageError> {
    Image::parse("test.hex".into(), text.as_bytes(), None)
}

#[test]
fn a_hex_file_leaves_alone_what_it_does_not_name() {
    let text = HEX.replace(' ', "");
    let image = hex(&text).unwrap();
    let pieces = [
        (0x0800_0000, vec![1, 2, 3, 4, 5, 6, 7, 8]),
        (0x0800_0010, vec![0x55, 0xAA, 0x55, 0xAA]),
        (0x0801_FFFE, vec![0xAA, 0xBB]),
    ];
    assert_eq!(image.pieces(), pieces.map(|(address, content)| Piece { address, content }));
    assert_eq!(image.bytes(), 14);
    assert_eq!(hex(&text.replace('\n', "\r\n")).unwrap(), image);
}

#[test]
fn a_damaged_hex_file_is_refused_with_its_line() {
    let text = HEX.replace(' ', "");
    let error = hex(&text.replace("55AA55AAEE", "55AA55ABEE")).unwrap_err().to_string();
    assert!(error.starts_with("test.hex, line 3: this is not Intel HEX: invalid checksum"), "{error}");
    let error = hex(text.trim_end().trim_end_matches(":00000001FF")).unwrap_err().to_string();
    assert_eq!(error, "test.hex, line 6: this is not Intel HEX: the end record is missing");
    let twice = text.replace(":00000001FF", ":020000040800F2\n:0100070000F8\n:00000001FF");
    assert!(matches!(hex(&twice), Err(ImageError::Overlap { address: 0x0800_0007, .. })));
    assert!(matches!(hex(":00000001FF"), Err(ImageError::Empty { .. })));
}

#[test]
fn a_binary_file_needs_an_address_and_no_other_has_one() {
    let binary = |address| Image::parse("test.bin".into(), &[0x12, 0x34], address);
    assert_eq!(binary(Some(0x4000)).unwrap().pieces(), [Piece { address: 0x4000, content: vec![0x12, 0x34] }]);
    assert!(matches!(binary(None), Err(ImageError::NoAddress { .. })));
    assert!(matches!(binary(Some(u32::MAX)), Err(ImageError::TooLarge { .. })));
    let text = HEX.replace(' ', "");
    let error = Image::parse("test.hex".into(), text.as_bytes(), Some(0)).unwrap_err();
    assert!(matches!(error, ImageError::NeedlessAddress { .. }), "{error}");
}

#[test]
fn other_files_are_refused() {
    assert!(matches!(parse(b""), Err(ImageError::Empty { .. })));
    assert!(matches!(parse(b"\x7fELF\x01"), Err(ImageError::NotElf { .. })));
    let own = fs::read(std::env::current_exe().unwrap()).unwrap();
    assert!(matches!(parse(&own), Err(ImageError::WrongProcessor { .. })));
    assert!(matches!(parse(&elf_file(elf::EM_386, &[])), Err(ImageError::WrongProcessor { .. })));
    assert!(matches!(parse(&elf_file(elf::EM_ARM, &[])), Err(ImageError::Empty { .. })));
    assert!(matches!(Image::read("/no/such/image.elf", None), Err(ImageError::Unreadable { .. })));
    let twice = elf_file(elf::EM_ARM, &[(0, &program(0, 16)), (8, &[1])]);
    assert!(matches!(parse(&twice), Err(ImageError::Overlap { address: 8, .. })));
}

#[test]
fn a_distant_segment_is_a_piece_of_its_own() {
    let content = program(0, 16);
    let image = parse(&elf_file(elf::EM_ARM, &[(0x1000_1000, &[7; 4]), (0, &content)])).unwrap();
    let pieces = [Piece { address: 0, content }, Piece { address: 0x1000_1000, content: vec![7; 4] }];
    assert_eq!(image.pieces(), pieces);
}

#[test]
fn firmware_of_ours_begins_with_a_vector_table() {
    parse(&elf_file(elf::EM_ARM, &[(0, &program(0, 64))])).unwrap().check_vector_table().unwrap();
    for broken in [program(0x100, 64), vec![0; 64], vec![0xFF; 64], vec![1]] {
        let image = parse(&elf_file(elf::EM_ARM, &[(0, &broken)])).unwrap();
        assert!(matches!(image.check_vector_table(), Err(ImageError::NoVectorTable { .. })));
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

    #[test]
    fn damaged_hex_files_never_panic(at in 0_usize..200, byte: u8, cut in 0_usize..200) {
        let mut file = HEX.replace(' ', "").into_bytes();
        let last = file.len() - 1;
        file[at.min(last)] = byte;
        file.truncate(file.len() - cut.min(last));
        let _ = Image::parse("test.hex".into(), &file, None);
    }
}
