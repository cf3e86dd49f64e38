//! What every kind of board can do for a bench.

use std::path::PathBuf;
use std::time::Duration;

use probe_rs_qemu::board::Standby;
use taprig_model::bench::BoardKind;
use taprig_model::event::PowerSwitch;

use super::BenchError;
use super::air::Air;
use crate::flash::{FlashReport, Image, Progress};
use crate::switch::Switch;

/// A board, from power-on to power-off.
///
/// The methods block, for milliseconds; a bench has a thread of its own.
pub trait Board: Send + std::fmt::Debug {
    /// Which kind.
    fn kind(&self) -> BoardKind;

    /// Gives power. Returns the path of the serial port; an emulated core stands still until
    /// [`Board::go`], so that no byte comes before the port is open.
    ///
    /// `air` stands for the air where both boards are processes of this host; `prepared` what
    /// [`Board::preparation`] made.
    ///
    /// # Errors
    /// [`BenchError`], by what does not start.
    fn power_on(&mut self, air: &Air, prepared: Option<Prepared>) -> Result<PathBuf, BenchError>;

    /// The serial port is open: the core may run.
    ///
    /// # Errors
    /// [`BenchError`], when it does not.
    fn go(&mut self) -> Result<(), BenchError> {
        Ok(())
    }

    /// What is to be run to switch the power, after [`Board::go`] or [`Board::power_off`]; none where those do it.
    fn switch(&self, _on: bool) -> Option<Switch> {
        None
    }

    /// Whether the firmware starts anew when the board is switched on by [`Board::power_on`] and [`Board::go`].
    fn restarts(&self) -> bool {
        true
    }

    /// Takes power away at once, as a cut does.
    fn power_off(&mut self);

    /// How its power was switched last.
    fn switched(&self) -> PowerSwitch;

    /// Whether [`Board::cut`] would keep the process behind the board.
    fn can_be_cut(&self) -> bool {
        false
    }

    /// As [`Board::power_off`], but keeps the process, if it can, for [`Board::power_on_again`].
    fn cut(&mut self) {
        self.power_off();
    }

    /// As [`Board::power_on`], with the process that [`Board::cut`] has kept. `None`: there is none, or it can't go on; a
    /// new one is needed.
    fn power_on_again(&mut self) -> Option<PathBuf> {
        None
    }

    /// What can be done ahead of the next power-on, on another thread. When this returns one for an emulator, `air`
    /// is there, so that the validator's may be done at the same time.
    ///
    /// # Errors
    /// [`BenchError::State`] when `air` can't be made.
    fn preparation(&self, _air: &Air) -> Result<Option<Preparation>, BenchError> {
        Ok(None)
    }

    /// Why the board is gone, when it is gone of its own accord, or goes `within` this time: a port vanishes a moment
    /// before the process behind it has ended.
    fn ended(&mut self, _within: Duration) -> Option<String> {
        None
    }

    /// The image that the board is to run; none where this bench does not program it.
    fn image(&self) -> Option<&Image> {
        None
    }

    /// True when the flash is known to hold nothing, so that there is no firmware to ask who it is.
    fn is_blank(&self) -> bool {
        false
    }

    /// Erases, programs and verifies [`Board::image`] through the debug probe. The board is off afterwards where its
    /// power can be switched, reset where not.
    ///
    /// # Errors
    /// [`BenchError::Flash`].
    fn flash(&mut self, _progress: &mut dyn FnMut(Progress)) -> Result<FlashReport, BenchError> {
        Err(BenchError::NotProgrammable(self.kind()))
    }
}

/// How a board comes to start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// Its power came on, so it starts by itself.
    PoweredOn,
    /// Its power can't be switched: it has had it all the time.
    StillOn,
}

/// What was made ahead of a power-on.
#[derive(Debug)]
pub enum Prepared {
    /// An emulated board whose core stands still.
    Qemu(Box<Standby>),
}

/// Makes a [`Prepared`].
pub type Preparation = Box<dyn FnOnce() -> Result<Prepared, BenchError> + Send>;
