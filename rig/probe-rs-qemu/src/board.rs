//! Emulated boards with a power switch: QEMU processes whose flash and non-volatile memory are files.
//!
//! A board is prepared first: its process exists, its machine is stopped, and all its ends are known. It is started
//! when it is needed. So the next board can be prepared while the last one still works:
//!
//! ```no_run
//! use probe_rs_qemu::{Machine, board::{AirEnd, EmulatedBoard, BoardSpec}};
//!
//! # fn main() -> Result<(), probe_rs_qemu::board::BoardError> {
//! let spec = BoardSpec::new(Machine::Mps2An386, "state/validator", "/tmp/rig");
//! let standby = EmulatedBoard::prepare(&spec, AirEnd::Connect("/tmp/rig/air.sock".into()))?;
//! let console = standby.serial().to_owned(); // open it now, before the firmware's first line
//! let board = standby.start()?;
//! // ...
//! board.power_off()?; // the process is killed; flash.bin and nvm.bin stay
//! # let _ = console;
//! # Ok(())
//! # }
//! ```
//!
//! The power of a working board can also be cut in place, which costs less. [`EmulatedBoard::cut`] stops the machine and keeps
//! the process. [`Dark::standby`] makes it ready for the next power-on, which overwrites its RAM.
//!
//! Flash is restored through the gdbstub and not by `-device loader`, because QEMU would copy a loader's file again at
//! every reset, and overwrite what was flashed since.

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
pub use spec::{AirEnd, BoardSpec, Ends};
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

/// The longest time from spawning to the first answer. QEMU takes some 30 ms on an idle machine.
const START: Duration = Duration::from_secs(20);
/// The longest time for one command to a running machine.
const COMMAND: Duration = Duration::from_secs(5);

/// A board without power that is ready to be switched on. Its process exists, but its machine has not executed an
/// instruction.
#[derive(Debug)]
pub struct Standby(EmulatedBoard);

/// A board with power. Dropping it cuts the power.
pub struct EmulatedBoard {
    spec: BoardSpec,
    process: Process,
    /// There is only one conversation, so commands take turns.
    qmp: Mutex<Qmp>,
    gdb: Endpoint,
    sockets: Sockets,
    terminal: Terminal,
    blank: bool,
    /// Whether a power-on overwrites all RAM of the program in flash.
    forgets: bool,
}

impl fmt::Debug for EmulatedBoard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let machine = self.spec.machine;
        f.debug_struct("EmulatedBoard").field("machine", &machine).field("pid", &self.pid()).finish_non_exhaustive()
    }
}

impl EmulatedBoard {
    /// Spawns the process of a board, with the flash and non-volatile memory from its state folder, and with its end of
    /// the air.
    ///
    /// # Errors
    /// QEMU is missing, too old, or does not start. The error contains QEMU's own words.
    pub fn prepare(spec: &BoardSpec, air: AirEnd) -> Result<Standby, BoardError> {
        Self::prepare_with(spec, air.into())
    }

    /// The same with everything that is connected to its serial ports.
    ///
    /// # Errors
    /// The same as for [`EmulatedBoard::prepare`].
    pub fn prepare_with(spec: &BoardSpec, ends: Ends) -> Result<Standby, BoardError> {
        let spec = spec.made_ready()?;
        let image = flash::stored(&spec)?;
        Self::spawn(spec, ends, image)
    }

    /// Prepares a board as [`EmulatedBoard::prepare`] does, but with an empty flash, whatever the state folder contains. It is
    /// for a debugger that will flash the board. The earlier content of flash may be something that a core can't run.
    ///
    /// # Errors
    /// The same as for [`EmulatedBoard::prepare`].
    pub fn prepare_blank(spec: &BoardSpec) -> Result<Standby, BoardError> {
        Self::spawn(spec.made_ready()?, Ends::default(), None)
    }

    fn spawn(spec: BoardSpec, ends: Ends, image: Option<Vec<u8>>) -> Result<Standby, BoardError> {
        let sockets = Sockets::new(&spec, &ends.air)?;
        let (ours, theirs) = UnixStream::pair().map_err(|source| BoardError::Io {
            doing: "making a socket for",
            path: spec.qemu.clone(),
            source,
        })?;
        let (terminal, device) = Terminal::new()?;
        let (command, inherited) = command::line(&spec, &sockets, device, theirs.into(), ends)?;
        let process = Process::spawn(command, inherited, &spec)?;
        let device = terminal.device();
        process.on_exit(Box::new(move |_| device.close()));
        let mut qmp = Qmp::new(ours);
        if let Err(error) = qmp.greet(spec.machine, START) {
            return Err(process.explain_start(error, &spec));
        }
        let gdb = Endpoint::Unix(sockets.gdb.clone());
        let (blank, forgets) = (image.is_none(), cut::forgets(&spec, image.as_deref()));
        if let Some(image) = image {
            flash::load(&spec, &gdb, &image)?;
            // The core fetches its stack pointer and its entry point at reset.
            qmp.reset(COMMAND).map_err(|error| process.explain(error))?;
        }
        Ok(Standby(Self { spec, process, qmp: Mutex::new(qmp), gdb, sockets, terminal, blank, forgets }))
    }

    /// Path of the terminal for the board's serial port (UART0).
    pub fn serial(&self) -> &Path {
        self.terminal.path()
    }

    /// Address of its gdbstub. It serves one debugger at a time.
    pub fn gdb(&self) -> &Endpoint {
        &self.gdb
    }

    /// The specification from which it was made.
    pub fn spec(&self) -> &BoardSpec {
        &self.spec
    }

    /// Id of its process.
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// Resets the machine like a reset button. Memory keeps its content.
    ///
    /// # Errors
    /// QEMU has ended or does not answer.
    pub fn reset(&self) -> Result<(), BoardError> {
        self.with_qmp(|qmp| qmp.reset(COMMAND))
    }

    /// Keeps the first `bytes` of flash for the next time that the board has power. Call it after flashing.
    ///
    /// # Errors
    /// The flash is smaller than that, QEMU has ended, or the state folder can't be written.
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

    /// Ends the board by killing its process. What was not saved is lost, as on a real board.
    ///
    /// # Errors
    /// The process does not end.
    pub fn power_off(self) -> Result<Exit, BoardError> {
        self.process.kill(COMMAND)
    }

    /// Calls `notify` when the process ends, for whatever reason, on a thread of the board. If the process has already
    /// ended, the call is made at once.
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
    /// Path of the terminal for the board's serial port. If it is opened before [`Standby::start`], no byte is missed.
    pub fn serial(&self) -> &Path {
        self.0.serial()
    }

    /// Address of its gdbstub.
    pub fn gdb(&self) -> &Endpoint {
        self.0.gdb()
    }

    /// Id of its process.
    pub fn pid(&self) -> u32 {
        self.0.pid()
    }

    /// Whether nothing has been flashed yet. Such a board does not run until a debugger flashes and resets it, because
    /// QEMU would abort when the core of an empty chip locks up.
    pub fn is_blank(&self) -> bool {
        self.0.blank
    }

    /// Does the same as [`EmulatedBoard::on_exit`].
    pub fn on_exit(&self, notify: impl FnOnce(&Exit) + Send + 'static) {
        self.0.on_exit(notify);
    }

    /// Switches the power on. RAM then contains arbitrary data. Non-volatile memory keeps its content.
    ///
    /// # Errors
    /// QEMU has ended or does not answer, or the file of its memory can't be written.
    pub fn start(self) -> Result<EmulatedBoard, BoardError> {
        // This must not happen earlier: until now, a working board may have used the same file.
        cut::forget(self.0.spec.machine, &self.0.spec.nvm_file())?;
        if !self.0.blank {
            self.0.with_qmp(|qmp| qmp.execute("cont", &json!({}), COMMAND))?;
        }
        Ok(self.0)
    }
}
