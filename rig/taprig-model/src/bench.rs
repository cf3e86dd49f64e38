//! A bench file, `fixtures/benches/<name>.yaml`: one validator, one card emulator, and how to reach them.

use crate::name::Name;
use crate::units::{Duration, Hex};
use crate::version::Version;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::path::PathBuf;

/// A bench. Its two boards may be of different kinds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Bench {
    /// Version of this format.
    pub schema: Version,
    /// For a person: what the bench is and where it stands.
    pub title: String,
    /// The device under test: a file in `fixtures/devices`.
    pub device: Name,
    /// Serial number that is printed on the device under test. Reports show it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub serial_number: Option<String>,
    /// The validator's board.
    pub validator: Board,
    /// The card emulator's board.
    pub emulator: Board,
    /// How the two are connected.
    #[serde(default)]
    pub air: Air,
    /// How power is switched.
    #[serde(default)]
    pub power: Power,
}

impl Bench {
    /// Whether times in a report are modelled instead of measured. They are modelled on every air of today: over a UART, the
    /// card emulator computes the times from the frames, between real boards too.
    #[must_use]
    pub const fn is_modelled(&self) -> bool {
        match self.air {
            Air::Uart => true,
        }
    }
}

/// Where a board is and how it is programmed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Board {
    /// The firmware compiled for this host. It runs as a process.
    Sim(Sim),
    /// The real image on an emulated board, flashed through probe-rs.
    Qemu(Qemu),
    /// A real board, flashed through probe-rs.
    Probe(Probe),
    /// A device that is already programmed.
    Attached(Attached),
}

impl Board {
    /// The kind of this board.
    #[must_use]
    pub const fn kind(&self) -> BoardKind {
        match self {
            Self::Sim(_) => BoardKind::Sim,
            Self::Qemu(_) => BoardKind::Qemu,
            Self::Probe(_) => BoardKind::Probe,
            Self::Attached(_) => BoardKind::Attached,
        }
    }
}

/// Kinds of board.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum BoardKind {
    /// The firmware compiled for this host. It runs as a process.
    Sim,
    /// The real image on an emulated board.
    Qemu,
    /// A real board with a debug probe.
    Probe,
    /// A device that is already programmed.
    Attached,
}

impl fmt::Display for BoardKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sim => "sim",
            Self::Qemu => "qemu",
            Self::Probe => "probe",
            Self::Attached => "attached",
        })
    }
}

/// The firmware compiled for this host.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Sim {
    /// Path of the program, relative to the project's folder. If it is absent, taprig uses the program that was built
    /// with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub program: Option<PathBuf>,
    /// Bytes of the validator's non-volatile memory, 4096 or more. If it is absent, the board has 262144. A card emulator
    /// has no such memory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 4096))]
    pub memory: Option<u32>,
}

/// An emulated board.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Qemu {
    /// The name that QEMU gives the board: `mps2-an386`.
    pub machine: String,
    /// Path of the ELF image, relative to the project's folder. If it is absent, taprig uses the image that was built
    /// with it for this machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub firmware: Option<PathBuf>,
}

/// A real board with a debug probe.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Probe {
    /// The name that probe-rs gives the chip: `STM32F405RGTx`.
    pub chip: String,
    /// The probe, as `vid:pid:serial`. If it is absent, there has to be exactly one probe.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probe: Option<String>,
    /// Path of the ELF image, relative to the project's folder.
    pub firmware: PathBuf,
    /// The serial port: the console of a validator, or the link of a card emulator.
    pub serial: SerialPort,
}

/// A device that is already programmed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Attached {
    /// The serial port: the console of a validator, or the link of a card emulator.
    pub serial: SerialPort,
}

/// A serial port. It is described by properties that stay the same when cables are plugged in another order. A port has
/// to match every property that is given.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct SerialPort {
    /// A path. Use it for ports that are not USB adapters, or for a udev link.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<PathBuf>,
    /// USB vendor id, two bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vid: Option<Hex>,
    /// USB product id, two bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pid: Option<Hex>,
    /// USB serial number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub serial: Option<String>,
    /// USB interface number, for adapters with several ports.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interface: Option<u8>,
    /// USB port chain, such as `1-2.3`, for adapters that have no serial number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
    /// Bits per second. If it is absent, a validator's port uses the rate of its device file, and a card emulator's
    /// port uses 115,200.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub baud: Option<u32>,
}

/// How reader and card emulator are connected.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Air {
    /// By UARTs. The rig itself connects boards that run on this host. There is no antenna yet, because it would need a
    /// card emulator that has one.
    #[default]
    Uart,
}

/// How power is switched. The rig can always switch boards that run on this host. It switches real boards by programs
/// only, and of these only the validator.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Power {
    /// The default. Boards that run on this host are switched as with `cut`. Real boards are not switched, and a power
    /// cycle resets them instead.
    #[default]
    None,
    /// The rig stops two emulated boards whose machine allows it, overwrites their RAM with random bytes and resets
    /// them. Their processes stay. Other boards that run on this host are switched as with `process`.
    Cut,
    /// The rig ends the processes of boards that run on this host and starts new ones.
    Process,
    /// By programs.
    Command(PowerCommand),
}

/// Programs that switch power. Each one is a program with its arguments, and no shell is involved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct PowerCommand {
    /// The program that switches power on.
    pub on: Vec<String>,
    /// The program that switches power off.
    pub off: Vec<String>,
    /// How long power stays off, so that the capacitors discharge.
    pub off_for: Duration,
    /// The longest time that each program may take. The default is 10 s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub within: Option<Duration>,
}
