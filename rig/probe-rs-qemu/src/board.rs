//! Emulated boards with a power switch: QEMU processes whose flash and non-volatile memory are files.
//!
//! A board is prepared first (its process is there, the machine stopped, all its ends known) and started when it is
//! wanted, so that the next one can be prepared while the last one still works:
//!
//! ```no_run
//! use probe_rs_qemu::{Machine, board::{AirEnd, Board, BoardSpec}};
//!
//! # fn main() -> Result<(), probe_rs_qemu::board::BoardError> {
//! let spec = BoardSpec::new(Machine::Mps2An386, "state/validator", "/tmp/rig");
//! let standby = Board::prepare(&spec, AirEnd::Connect("/tmp/rig/air.sock".into()))?;
//! let console = standby.serial().to_owned(); // open it now, before the firmware's first line
//! let board = standby.start()?;
//! // ...
//! board.power_off()?; // the process is killed; flash.bin and nvm.bin stay
//! # let _ = console;
//! # Ok(())
//! # }
//! ```
//!
//! The power of a board that works can also be cut in place, which costs less: [`Board::cut`] stops the machine and keeps the
//! process, [`Dark::standby`] makes it ready for the next power-on, which overwrites its RAM.
//!
//! Flash is put back through the gdbstub and not by `-device loader`, because QEMU would copy a loader's file again at
//! every reset, over what was flashed since.

mod command;
mod cut;
mod error;
mod flash;
mod process;
mod qmp;
mod spec;
mod terminal;
mod wire;

pub use cut::Dark;
pub use error::BoardError;
pub use process::Exit;
pub use spec::{AirEnd, BoardSpec};
pub use wire::Wire;

use crate::Endpoint;
use command::Sockets;
use process::Process;
use qmp::Qmp;
use serde_json::json;
use std::{
    fmt, fs,
    os::unix::net::UnixStream,
    path::Path,
    sync::{Mutex, PoisonError},
    time::Duration,
};
use terminal::Terminal;

/// From spawning to the first answer. QEMU takes some 30 ms on an idle machine.
const START: Duration = Duration::from_secs(20);
/// For one command to a machine that is up.
const COMMAND: Duration = Duration::from_secs(5);

/// A board without power, ready to be switched on: its process exists, its machine has not run an instruction.
#[derive(Debug)]
pub struct Standby(Board);

/// A board with power. Dropping it cuts the power.
pub struct Board {
    spec: BoardSpec,
    process: Process,
    /// One conversation; commands take turns.
    qmp: Mutex<Qmp>,
    gdb: Endpoint,
    sockets: Sockets,
    terminal: Terminal,
    blank: bool,
    /// All RAM of the program in flash is overwritten at a power-on.
    forgets: bool,
}

impl fmt::Debug for Board {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let machine = self.spec.machine;
        f.debug_struct("Board").field("machine", &machine).field("pid", &self.pid()).finish_non_exhaustive()
    }
}

impl Board {
    /// Spawns the process of a board, with the flash and non-volatile memory that its state folder keeps, and its end
    /// of the air.
    ///
    /// # Errors
    /// QEMU is missing, too old, or does not start; its own words are in the error.
    pub fn prepare(spec: &BoardSpec, air: AirEnd) -> Result<Standby, BoardError> {
        let spec = spec.made_ready()?;
        let image = flash::stored(&spec)?;
        Self::spawn(spec, air, image)
    }

    /// As [`Board::prepare`], with nothing in flash, whatever the state folder keeps: for a debugger that will flash it.
    /// What was flashed before may be what a core can't run.
    ///
    /// # Errors
    /// As [`Board::prepare`].
    pub fn prepare_blank(spec: &BoardSpec) -> Result<Standby, BoardError> {
        Self::spawn(spec.made_ready()?, AirEnd::None, None)
    }

    fn spawn(spec: BoardSpec, air: AirEnd, image: Option<Vec<u8>>) -> Result<Standby, BoardError> {
        let sockets = Sockets::new(&spec, &air)?;
        let (ours, theirs) = UnixStream::pair().map_err(|source| BoardError::Io {
            doing: "making a socket for",
            path: spec.qemu.clone(),
            source,
        })?;
        let (terminal, device) = Terminal::new()?;
        let (command, inherited) = command::line(&spec, &sockets, device, theirs.into(), air)?;
        let process = Process::spawn(command, inherited, &spec)?;
        let device = terminal.device();
        process.on_exit(Box::new(move |_| device.close()));
        let mut qmp = Qmp::new(ours);
        if let Err(error) = qmp.greet(START) {
            return Err(process.explain_start(error, &spec.qemu));
        }
        let gdb = Endpoint::Unix(sockets.gdb.clone());
        let (blank, forgets) = (image.is_none(), cut::forgets(&spec, image.as_deref()));
        if let Some(image) = image {
            flash::load(&spec, &gdb, &image)?;
            // The core fetches its stack pointer and entry point at reset.
            qmp.reset(COMMAND).map_err(|error| process.explain(error))?;
        }
        Ok(Standby(Self { spec, process, qmp: Mutex::new(qmp), gdb, sockets, terminal, blank, forgets }))
    }

    /// Path of the terminal that is the board's serial port (UART0).
    pub fn serial(&self) -> &Path {
        self.terminal.path()
    }

    /// Where its gdbstub listens. One debugger at a time.
    pub fn gdb(&self) -> &Endpoint {
        &self.gdb
    }

    /// What it was made from.
    pub fn spec(&self) -> &BoardSpec {
        &self.spec
    }

    /// Id of its process.
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// Resets the machine as its reset button does. Memory keeps its content.
    ///
    /// # Errors
    /// QEMU is gone or does not answer.
    pub fn reset(&self) -> Result<(), BoardError> {
        self.with_qmp(|qmp| qmp.reset(COMMAND))
    }

    /// Keeps the first `bytes` of flash for the next time the board has power; call it after flashing.
    ///
    /// # Errors
    /// There is not so much flash, QEMU is gone, or the state folder can't be written.
    pub fn save_flash(&self, bytes: u32) -> Result<(), BoardError> {
        let range = self.spec.machine.flash();
        if bytes > range.end - range.start {
            return Err(BoardError::FlashTooSmall { machine: self.spec.machine, bytes: bytes.into() });
        }
        let target = self.spec.flash_file();
        let fresh = self.sockets.unique(&self.spec.state_dir, "flash", "part");
        let saved = self.with_qmp(|qmp| {
            let path = fresh.to_string_lossy();
            let arguments = json!({ "val": range.start, "size": bytes, "filename": path });
            qmp.execute("pmemsave", &arguments, COMMAND).map(drop)
        });
        let renamed = saved.and_then(|()| {
            fs::rename(&fresh, &target).map_err(|source| BoardError::Io {
                doing: "writing",
                path: target.clone(),
                source,
            })
        });
        if renamed.is_err() {
            let _ = fs::remove_file(&fresh);
        }
        renamed
    }

    /// Ends the board: the process is killed. What was not saved is lost, as it is in life.
    ///
    /// # Errors
    /// The process does not end.
    pub fn power_off(self) -> Result<Exit, BoardError> {
        self.process.kill(COMMAND)
    }

    /// Calls `notify` when the process ends, for whatever reason, on a thread of the board; at once if it has ended.
    pub fn on_exit(&self, notify: impl FnOnce(&Exit) + Send + 'static) {
        self.process.on_exit(Box::new(notify));
    }

    /// How the process ended, if it has.
    pub fn exited(&self) -> Option<Exit> {
        self.process.exited()
    }

    fn with_qmp<T>(&self, action: impl FnOnce(&mut Qmp) -> Result<T, BoardError>) -> Result<T, BoardError> {
        let mut qmp = self.qmp.lock().unwrap_or_else(PoisonError::into_inner);
        action(&mut qmp).map_err(|error| self.process.explain(error))
    }
}

impl Standby {
    /// Path of the terminal that is the board's serial port. Open it before [`Standby::start`], and no byte is missed.
    pub fn serial(&self) -> &Path {
        self.0.serial()
    }

    /// Where its gdbstub listens.
    pub fn gdb(&self) -> &Endpoint {
        self.0.gdb()
    }

    /// Id of its process.
    pub fn pid(&self) -> u32 {
        self.0.pid()
    }

    /// Whether nothing has been flashed yet. Such a board does not run until a debugger flashes and resets it, since
    /// QEMU would abort at the lockup of an empty chip.
    pub fn is_blank(&self) -> bool {
        self.0.blank
    }

    /// As [`Board::on_exit`].
    pub fn on_exit(&self, notify: impl FnOnce(&Exit) + Send + 'static) {
        self.0.on_exit(notify);
    }

    /// Switches the power on. What is in RAM then is anything, but for what outlives the power.
    ///
    /// # Errors
    /// QEMU is gone or does not answer, or the file of its memory can't be written.
    pub fn start(self) -> Result<Board, BoardError> {
        // Now and not before: until now a board that is at work may have had the same file.
        cut::forget(self.0.spec.machine, &self.0.spec.nvm_file())?;
        if !self.0.blank {
            self.0.with_qmp(|qmp| qmp.execute("cont", &json!({}), COMMAND))?;
        }
        Ok(self.0)
    }
}
