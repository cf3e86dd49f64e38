//! What the rig knows of a chip before it touches one.

use object::elf;
use probe_rs::{
    Architecture,
    config::{Registry, RegistryError, Target},
};
use probe_rs_qemu::Machine;
use std::ops::Range;

/// A family of processors. An ELF file names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Processor {
    /// 32-bit Arm.
    Arm,
    /// RISC-V.
    RiscV,
    /// Xtensa.
    Xtensa,
}

impl Processor {
    const ALL: [Self; 3] = [Self::Arm, Self::RiscV, Self::Xtensa];

    /// `e_machine` of an ELF file for this processor.
    pub(super) fn machine(self) -> u16 {
        match self {
            Self::Arm => elf::EM_ARM.0,
            Self::RiscV => elf::EM_RISCV.0,
            Self::Xtensa => elf::EM_XTENSA.0,
        }
    }

    /// The processor with this `e_machine`, if a chip of probe-rs has it.
    pub(super) fn of_machine(machine: u16) -> Option<Self> {
        Self::ALL.into_iter().find(|processor| processor.machine() == machine)
    }
}

/// A chip.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chip {
    /// The name that probe-rs gives it.
    pub name: String,
    /// Where its flash is. A second address of the same flash does not count.
    pub flash: Vec<Range<u64>>,
    /// Its processor.
    pub processor: Option<Processor>,
}

impl Chip {
    /// A chip that probe-rs knows.
    ///
    /// # Errors
    /// There is no such chip, or several.
    pub fn real(name: &str) -> Result<Self, RegistryError> {
        Ok(Self::of(&Registry::from_builtin_families().get_target_by_name(name)?))
    }

    /// The chip of a board in QEMU.
    #[must_use]
    pub fn emulated(machine: Machine) -> Self {
        let flash = machine.flash();
        Self {
            name: machine.chip().to_owned(),
            flash: std::iter::once(u64::from(flash.start)..u64::from(flash.end)).collect(),
            processor: Some(Processor::Arm),
        }
    }

    pub(super) fn of(target: &Target) -> Self {
        let flash = target.memory_map.iter().filter_map(|region| region.as_nvm_region());
        let processor = target.cores.first().map(|core| match core.core_type.architecture() {
            Architecture::Arm => Processor::Arm,
            Architecture::Riscv => Processor::RiscV,
            Architecture::Xtensa => Processor::Xtensa,
        });
        Self {
            name: target.name.clone(),
            flash: flash.filter(|region| !region.is_alias).map(|region| region.range.clone()).collect(),
            processor,
        }
    }
}
