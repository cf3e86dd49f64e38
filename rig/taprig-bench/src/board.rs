//! The operations that a bench needs from every kind of board.

use std::ops::Range;
use std::time::Duration;

use probe_rs_qemu::board::Standby;
use taprig_model::bench::BoardKind;
use taprig_model::event::PowerSwitch;

use super::BenchError;
use super::air::Air;
use crate::flash::{FlashReport, Image, Progress};
use crate::link::endpoint::Endpoint;
pub use crate::start::Start;
use crate::switch::Turn;

/// A board, from power-on to power-off.
///
/// The methods block for milliseconds. A bench has its own thread.
pub trait BenchBoard: Send + std::fmt::Debug {
    /// The kind of the board.
    fn kind(&self) -> BoardKind;

    /// Switches the board on. Returns where its link is. An emulated core does not run until
    /// [`BenchBoard::go`], so that no byte comes before the link is open.
    ///
    /// `air` is the air if both boards are processes on this host. `prepared` is what [`BenchBoard::preparation`] made.
    ///
    /// # Errors
    /// [`BenchError`] that names what does not start.
    fn power_on(&mut self, air: &Air, prepared: Option<Prepared>) -> Result<Endpoint, BenchError>;

    /// Lets the core run, because the serial port is open now.
    ///
    /// # Errors
    /// [`BenchError`] if the core does not run.
    fn go(&mut self) -> Result<(), BenchError> {
        Ok(())
    }

    /// Restarts the firmware without the power switch, after [`BenchBoard::power_on`]. Returns whether the board can do that.
    ///
    /// # Errors
    /// [`BenchError`] if the board is not reset, or if its core does not run.
    fn reset(&mut self) -> Result<bool, BenchError> {
        // A process that was made anew starts like that.
        self.go().map(|()| true)
    }

    /// What switches the power after [`BenchBoard::go`] or [`BenchBoard::power_off`]. `None` if those two methods
    /// switch it.
    fn switch(&self, _on: bool) -> Option<Turn> {
        None
    }

    /// Whether the firmware restarts when [`BenchBoard::power_on`] and [`BenchBoard::go`] switch the board on.
    fn restarts(&self) -> bool {
        true
    }

    /// Switches the power off at once, as in a power cut.
    fn power_off(&mut self);

    /// How the board's power was last switched.
    fn switched(&self) -> PowerSwitch;

    /// Whether [`BenchBoard::cut`] would keep the board's process.
    fn can_be_cut(&self) -> bool {
        false
    }

    /// Switches the power off as [`BenchBoard::power_off`] does, but keeps the process if possible, for
    /// [`BenchBoard::power_on_again`].
    fn cut(&mut self) {
        self.power_off();
    }

    /// Switches the board on as [`BenchBoard::power_on`] does, with the process that [`BenchBoard::cut`] has kept. Returns
    /// `None` if a new process is needed, because there is no kept process or it can't continue.
    fn power_on_again(&mut self) -> Option<Endpoint> {
        None
    }

    /// The work that another thread can do before the next power-on. When this method returns the preparation of an
    /// emulator, `air` already exists, so the validator can be prepared at the same time.
    ///
    /// # Errors
    /// [`BenchError::State`] if `air` can't be made.
    fn preparation(&self, _air: &Air) -> Result<Option<Preparation>, BenchError> {
        Ok(None)
    }

    /// Why the board's process has ended by itself. `None` if it has no process, or if the process is still running
    /// after the time `within`. The wait is needed because a port vanishes a moment before the process behind it ends.
    fn ended(&mut self, _within: Duration) -> Option<String> {
        None
    }

    /// Whether the process of the board is the device itself. If such a process ends by itself, the device has failed.
    /// Otherwise the process is a tool of the rig, such as QEMU, and the rig has failed.
    fn is_device_itself(&self) -> bool {
        false
    }

    /// Empties the non-volatile memory of a board that has no power. Returns whether the board can do that.
    ///
    /// # Errors
    /// [`BenchError::State`] if the memory can't be emptied.
    fn empty_memory(&mut self) -> Result<bool, BenchError> {
        Ok(false)
    }

    /// The image that the board is to run. `None` if this bench does not program the board.
    fn image(&self) -> Option<&Image> {
        None
    }

    /// The digest of what is in flash where [`BenchBoard::image`] belongs, read through the debug probe. `None` if the board has
    /// no image or no probe.
    ///
    /// # Errors
    /// [`BenchError::Flash`] if flash can't be read.
    fn flash_digest(&mut self) -> Result<Option<String>, BenchError> {
        Ok(None)
    }

    /// Compares the serial number of the chip with the one in the bench file, if the bench file gives one.
    ///
    /// # Errors
    /// [`BenchError::WrongChip`], [`BenchError::Flash`] if the number can't be read.
    fn check_chip(&mut self) -> Result<(), BenchError> {
        Ok(())
    }

    /// Which of these texts are in these parts of flash, read through the debug probe. Empty if the board has no probe.
    ///
    /// # Errors
    /// [`BenchError::Flash`] if flash can't be read.
    fn flash_contains(&mut self, _parts: &[Range<u64>], _texts: &[&str]) -> Result<Vec<bool>, BenchError> {
        Ok(vec![])
    }

    /// Whether the flash is known to be empty, so that there is no firmware to ask for its identity.
    fn is_blank(&self) -> bool {
        false
    }

    /// Erases, programs and verifies [`BenchBoard::image`] through the debug probe. Afterwards the board is off if its power
    /// can be switched. Otherwise it is reset.
    ///
    /// # Errors
    /// [`BenchError::Flash`] if one of these steps fails.
    fn flash(&mut self, _progress: &mut dyn FnMut(Progress)) -> Result<FlashReport, BenchError> {
        Err(BenchError::NotProgrammable(self.kind()))
    }
}

/// What was made ahead of a power-on.
#[derive(Debug)]
pub enum Prepared {
    /// An emulated board whose core is halted.
    Qemu(Box<Standby>),
}

/// The work that makes a [`Prepared`].
pub type Preparation = Box<dyn FnOnce() -> Result<Prepared, BenchError> + Send>;
