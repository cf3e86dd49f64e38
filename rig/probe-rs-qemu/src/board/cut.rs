//! A power cut in place. The machine is stopped wherever it is, its process stays, and its RAM is overwritten.

use super::{BoardError, BoardSpec, COMMAND, EmulatedBoard, Standby, flash};
use crate::Machine;
use serde_json::json;
use std::{
    fs,
    hash::{BuildHasher, RandomState},
    os::unix::fs::FileExt,
    path::Path,
};

/// A board without power whose process is kept. Its machine stands still in the middle of its work.
///
/// Two kinds of bytes are still on their way on the air: those that it has not read yet, and those that it sent last.
/// The owner of the air discards them when the boards at both ends are [`Standby`] again, and before either is started.
#[derive(Debug)]
pub struct Dark(EmulatedBoard);

impl EmulatedBoard {
    /// Whether [`EmulatedBoard::cut`] is possible: all RAM of its program is in [`Machine::work_ram`].
    pub fn can_be_cut(&self) -> bool {
        self.forgets
    }

    /// Cuts the power and keeps the process, so that the next power-on costs a fraction of [`EmulatedBoard::prepare`]. The
    /// machine stops between two instructions. Only what it has written to its non-volatile memory until then stays.
    ///
    /// # Errors
    /// A part of the machine's RAM is not in [`Machine::work_ram`], or QEMU has ended or does not answer. In that case
    /// the process is ended.
    pub fn cut(self) -> Result<Dark, BoardError> {
        if !self.forgets {
            return Err(BoardError::RamStays { machine: self.spec.machine });
        }
        self.with_qmp(|qmp| qmp.execute("stop", &json!({}), COMMAND))?;
        Ok(Dark(self))
    }
}

impl Dark {
    /// Makes the board ready for its next power-on: it is reset, its serial port is empty in both directions, and its
    /// flash is as it was last saved. [`Standby::start`] overwrites the RAM.
    ///
    /// # Errors
    /// QEMU has ended or does not answer, or the state folder can't be used. In that case the process is ended.
    pub fn standby(self) -> Result<Standby, BoardError> {
        let Self(mut board) = self;
        let image = flash::stored(&board.spec)?;
        if let Some(image) = &image
            && board.read_flash(image.len())? != *image
        {
            // A debugger or the program itself wrote there. A new process would not have this content either.
            flash::load(&board.spec, &board.gdb, image)?;
        }
        board.blank = image.is_none();
        board.forgets = forgets(&board.spec, image.as_deref());
        board.with_qmp(|qmp| qmp.reset(COMMAND))?;
        // This comes after the reset, because the reset makes the serial port deaf.
        board.terminal.flush()?;
        Ok(Standby(board))
    }
}

impl EmulatedBoard {
    fn read_flash(&self, bytes: usize) -> Result<Vec<u8>, BoardError> {
        let path = self.sockets.unique(&self.spec.runtime_dir, "flash", "read");
        let arguments =
            json!({ "val": self.spec.machine.flash().start, "size": bytes, "filename": path.to_string_lossy() });
        let read = self.with_qmp(|qmp| qmp.execute("pmemsave", &arguments, COMMAND)).and_then(|_| {
            fs::read(&path).map_err(|source| BoardError::Io { doing: "reading", path: path.clone(), source })
        });
        // QEMU may not have made the file.
        let _ = fs::remove_file(&path);
        read
    }
}

/// Whether a power-on overwrites all RAM that the program in `image` uses. The first word of the vector table says that
/// its stack begins there, and a linker puts the rest beside the stack.
pub(super) fn forgets(spec: &BoardSpec, image: Option<&[u8]>) -> bool {
    let stack = image.and_then(|image| Some(u32::from_le_bytes(*image.first_chunk()?)));
    match (spec.machine.work_ram(), stack) {
        // A full descending stack begins directly behind its memory.
        (Some(ram), Some(stack)) => ram.start < stack && stack <= ram.end,
        _ => false,
    }
}

/// The content of RAM at a power-on: arbitrary data.
pub(super) fn forget(machine: Machine, file: &Path) -> Result<(), BoardError> {
    let (Some(nvm), Some(ram)) = (machine.nvm(), machine.work_ram()) else { return Ok(()) };
    let bytes = anything((ram.end - ram.start) as usize);
    let write = |file: fs::File| file.write_all_at(&bytes, u64::from(ram.start - nvm.start));
    fs::OpenOptions::new().write(true).open(file).and_then(write).map_err(|source| BoardError::Io {
        doing: "overwriting the RAM in",
        path: file.to_owned(),
        source,
    })
}

/// Bytes that differ from call to call: SplitMix64 with a seed from the system.
fn anything(bytes: usize) -> Vec<u8> {
    let mut state = RandomState::new().hash_one(0_u8);
    let mut all = Vec::with_capacity(bytes + 8);
    while all.len() < bytes {
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        all.extend((mixed ^ (mixed >> 31)).to_le_bytes());
    }
    all.truncate(bytes);
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_power_ons_find_the_same_ram() {
        let [first, second] = [anything(1001), anything(1001)];
        assert_eq!((first.len(), second.len()), (1001, 1001));
        assert_ne!(first, second);
        // About four of 1001 bytes are equal by chance.
        assert!(first.iter().zip(&second).filter(|(a, b)| a == b).count() < 50);
    }

    #[test]
    fn a_program_with_its_stack_elsewhere_remembers() {
        let spec = |machine| BoardSpec::new(machine, "/tmp", "/tmp");
        let forgets = |machine, stack: u32| forgets(&spec(machine), Some(&stack.to_le_bytes()));
        assert!(forgets(Machine::Mps2An386, 0x2184_0000));
        assert!(!forgets(Machine::Mps2An386, 0x2180_0000), "below it is non-volatile memory");
        assert!(!forgets(Machine::Mps2An386, 0x2040_0000));
        assert!(!forgets(Machine::NetduinoPlus2, 0x2002_0000));
        assert!(!super::forgets(&spec(Machine::Mps2An386), Some(&[0; 3])));
        assert!(!super::forgets(&spec(Machine::Mps2An386), None));
    }
}
