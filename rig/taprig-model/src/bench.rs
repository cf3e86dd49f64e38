//! A bench file, `fixtures/benches/<name>.yaml`: one validator, one card emulator, and how to reach them.

use crate::name::Name;
use crate::units::{Duration, Hex};
use crate::version::Version;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::path::PathBuf;

/// A bench. Kinds of board may be mixed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Bench {
    /// Version of this format.
    pub schema: Version,
    /// For a person: what and where it is.
    pub title: String,
    /// The device under test: a file in `fixtures/devices`.
    pub device: Name,
    /// Serial number of the device under test, as it stands on the device; for reports.
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
    /// Times in a report are modelled, not measured: so as soon as one board is not real.
    #[must_use]
    pub const fn is_modelled(&self) -> bool {
        matches!(
            (&self.validator, &self.emulator),
            (Board::Sim(_) | Board::Qemu(_), _) | (_, Board::Sim(_) | Board::Qemu(_))
        )
    }
}

/// Where a board is and how it is programmed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Board {
    /// The firmware compiled for this host, a process.
    Sim(Sim),
    /// The real image on an emulated board, flashed through probe-rs.
    Qemu(Qemu),
    /// A real board, flashed through probe-rs.
    Probe(Probe),
    /// A device that is already programmed.
    Attached(Attached),
}

impl Board {
    /// Which kind.
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
    /// The firmware compiled for this host, a process.
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
    /// The program; relative to the project's folder. Absent: the one built with taprig.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub program: Option<PathBuf>,
}

/// An emulated board.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Qemu {
    /// QEMU's name of the board: `mps2-an386`.
    pub machine: String,
    /// ELF image; relative to the project's folder. Absent: the one built with taprig for this machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub firmware: Option<PathBuf>,
}

/// A real board with a debug probe.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Probe {
    /// probe-rs's name of the chip: `STM32F405RGTx`.
    pub chip: String,
    /// Which probe, `vid:pid:serial`. Absent: the only one there is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probe: Option<String>,
    /// ELF image; relative to the project's folder.
    pub firmware: PathBuf,
    /// Console of a validator, link of an emulator.
    pub serial: SerialPort,
}

/// A device that is already programmed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Attached {
    /// Console of a validator, link of an emulator.
    pub serial: SerialPort,
}

/// A serial port, named by what does not change when cables are plugged in another order. All that is given must fit.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct SerialPort {
    /// A path, for ports that are no USB adapters, or a udev link.
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
    /// USB port chain, such as `1-2.3`, for adapters without serial number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
    /// Bits a second, when it is not the device file's (validator) or 115,200 (emulator).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub baud: Option<u32>,
}

/// How reader and card emulator are connected.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Air {
    /// By UARTs; boards of this host are connected by the rig. An antenna needs a card emulator that has one, and there is
    /// none yet.
    #[default]
    Uart,
}

/// How power is switched: of boards of this host always, of real boards only by programs and only the validator's.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Power {
    /// As nobody says otherwise: boards of this host as by `cut`; real ones not at all, and a power cycle is a reset.
    #[default]
    None,
    /// Two emulated boards whose machine allows it are stopped, their RAM is overwritten with random bytes, and they are
    /// reset; their processes stay. Other boards of this host are switched as by `process`.
    Cut,
    /// The processes of boards of this host are ended and new ones started.
    Process,
    /// By programs.
    Command(PowerCommand),
}

/// Programs that switch power. Each is a program and its arguments; no shell.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct PowerCommand {
    /// Power on.
    pub on: Vec<String>,
    /// Power off.
    pub off: Vec<String>,
    /// How long power stays off, so that capacitors empty.
    pub off_for: Duration,
    /// How long each program may take. Absent: 10 s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub within: Option<Duration>,
}
