//! The chip description for probe-rs, made from the ELF file of the flash algorithm.

use crate::Machine;
use object::{Object as _, ObjectSection as _, ObjectSegment as _, ObjectSymbol as _, SectionKind};
use probe_rs::config::{
    Chip, ChipFamily, Core, CoreType, FlashProperties, MemoryAccess, MemoryRegion, NvmRegion, RamRegion,
    RawFlashAlgorithm, SectorDescription, TargetDescriptionSource,
};
use probe_rs_target::{ApAddress, ArmCoreAccessOptions, CoreAccessOptions};

/// The largest number of bytes that one call of ProgramPage writes. It is a sector of the main board.
const PAGE: u32 = 0x1000;
/// The longest time of a call of the algorithm, in ms. A call that takes longer hangs.
const TIMEOUT: u32 = 3000;
/// The largest plausible algorithm. A larger file is something else.
const LARGEST: usize = 16 * 1024;
const CORE: &str = "main";

/// The file can't be used as a flash algorithm.
#[derive(Debug, thiserror::Error)]
pub enum ChipError {
    /// The file is not an ELF file.
    #[error("the flash algorithm is not an ELF file")]
    NotElf(#[from] object::Error),
    /// The ELF file is for another processor.
    #[error("the flash algorithm is built for {0:?}, not for Arm")]
    NotArm(object::Architecture),
    /// An entry point is missing.
    #[error("the flash algorithm has no function `{0}`")]
    NoFunction(&'static str),
    /// The code is not a single piece at address zero.
    #[error("the flash algorithm must be one piece of code at address 0, of at most {LARGEST} bytes: {0}")]
    Layout(String),
}

/// The description of the machine as a chip family with one chip, [`Machine::chip`]. `elf` is the flash algorithm: one
/// position-independent piece of code at address 0. It has `Init`, `UnInit`, and for each kind of flash either
/// `EraseSector` and `ProgramPage` (the core writes) or `HostEraseSector` and `HostProgramPage` (the probe writes).
///
/// # Errors
/// The file is not such an algorithm.
pub fn family(machine: Machine, elf: &[u8]) -> Result<ChipFamily, ChipError> {
    let name = machine.chip().to_owned();
    let algorithm = algorithm(machine, elf)?;
    let ram = machine.ram();
    let flash = machine.flash();
    let chip = Chip {
        name: name.clone(),
        part: None,
        svd: None,
        documentation: Default::default(),
        package_variants: Vec::new(),
        cores: vec![Core {
            name: CORE.into(),
            core_type: CoreType::Armv7em,
            core_access_options: CoreAccessOptions::Arm(ArmCoreAccessOptions {
                ap: ApAddress::V1(0),
                ..Default::default()
            }),
        }],
        memory_map: vec![
            MemoryRegion::Nvm(NvmRegion {
                name: Some("flash".into()),
                range: flash.start.into()..flash.end.into(),
                cores: vec![CORE.into()],
                is_alias: false,
                access: Some(MemoryAccess { read: true, write: false, execute: true, boot: true }),
            }),
            MemoryRegion::Ram(RamRegion {
                name: Some("ram".into()),
                range: ram.start.into()..ram.end.into(),
                cores: vec![CORE.into()],
                is_alias: false,
                access: None,
            }),
        ],
        flash_algorithms: vec![algorithm.name.clone()],
        rtt_scan_ranges: None,
        jtag: None,
        default_binary_format: None,
    };
    Ok(ChipFamily {
        name: format!("QEMU {machine}"),
        manufacturer: None,
        chip_detection: Vec::new(),
        generated_from_pack: false,
        pack_file_release: None,
        variants: vec![chip],
        flash_algorithms: vec![algorithm],
        source: TargetDescriptionSource::External,
    })
}

fn algorithm(machine: Machine, elf: &[u8]) -> Result<RawFlashAlgorithm, ChipError> {
    let file = object::File::parse(elf)?;
    if file.architecture() != object::Architecture::Arm {
        return Err(ChipError::NotArm(file.architecture()));
    }
    let instructions = code(&file)?;
    let end = instructions.len() as u64;
    let entry = |name: &'static str| {
        // Functions are Thumb code. Bit 0 of the symbol is set, as a branch needs it.
        let found = file.symbols().find(|symbol| symbol.name() == Ok(name)).map(|symbol| symbol.address() | 1);
        found.filter(|address| *address < end).ok_or(ChipError::NoFunction(name))
    };
    let (erase, program) = if machine.flash_is_rom() {
        (entry("HostEraseSector")?, entry("HostProgramPage")?)
    } else {
        (entry("EraseSector")?, entry("ProgramPage")?)
    };
    let flash = machine.flash();
    Ok(RawFlashAlgorithm {
        name: machine.chip().to_ascii_lowercase(),
        description: format!("flash of QEMU's {machine}"),
        default: true,
        pc_init: Some(entry("Init")?),
        pc_uninit: Some(entry("UnInit")?),
        pc_program_page: program,
        pc_erase_sector: erase,
        data_section_offset: end.next_multiple_of(16),
        flash_properties: FlashProperties {
            address_range: flash.start.into()..flash.end.into(),
            page_size: page(machine),
            erased_byte_value: 0xFF,
            program_page_timeout: TIMEOUT,
            erase_sector_timeout: TIMEOUT,
            sectors: sectors(machine),
        },
        instructions,
        ..RawFlashAlgorithm::default()
    })
}

/// Number of bytes that one call of ProgramPage writes: never more than a sector, of which the next one may hold something.
fn page(machine: Machine) -> u32 {
    machine.sectors().iter().fold(PAGE, |page, sector| page.min(sector.size))
}

/// The first sector of each run of equal sectors, by its offset in the flash.
fn sectors(machine: Machine) -> Vec<SectorDescription> {
    let base = u64::from(machine.flash().start);
    let mut runs = Vec::<SectorDescription>::new();
    for sector in machine.sectors() {
        if runs.last().is_none_or(|run| run.size != u64::from(sector.size)) {
            runs.push(SectorDescription { size: sector.size.into(), address: u64::from(sector.address) - base });
        }
    }
    runs
}

/// The only loaded piece, padded to whole words.
fn code(file: &object::File<'_>) -> Result<Vec<u8>, ChipError> {
    // Data would have to move together with the code, but nothing does that.
    let data = file.sections().find(|section| {
        matches!(section.kind(), SectionKind::Data | SectionKind::UninitializedData) && section.size() > 0
    });
    if let Some(section) = data {
        return Err(ChipError::Layout(format!("it has data in section {}", section.name()?)));
    }
    let mut pieces = file.segments().filter(|segment| segment.file_range().1 > 0);
    let (Some(piece), None) = (pieces.next(), pieces.next()) else {
        return Err(ChipError::Layout("it has no loaded segment, or several".into()));
    };
    let mut code = piece.data()?.to_vec();
    if piece.address() != 0 || code.len() > LARGEST {
        return Err(ChipError::Layout(format!("it has {} bytes at {:#x}", code.len(), piece.address())));
    }
    code.resize(code.len().next_multiple_of(4), 0);
    Ok(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_files_are_refused() {
        assert!(matches!(family(Machine::Mps2An386, b"not an ELF"), Err(ChipError::NotElf(_))));
        let own = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        assert!(matches!(family(Machine::Mps2An386, &own), Err(ChipError::NotArm(_))));
    }

    #[test]
    fn equal_sectors_are_told_once() {
        let described = |machine| sectors(machine).iter().map(|s| (s.address, s.size)).collect::<Vec<_>>();
        assert_eq!(described(Machine::Mps2An386), [(0, 0x1000)]);
        assert_eq!(described(Machine::NetduinoPlus2), [(0, 0x4000), (0x1_0000, 0x1_0000), (0x2_0000, 0x2_0000)]);
        assert_eq!(described(Machine::BL475eIot01a), [(0, 0x800)]);
    }

    #[test]
    fn a_page_is_never_larger_than_a_sector() {
        assert_eq!(Machine::ALL.map(page), [0x1000, 0x1000, 0x800]);
    }
}
