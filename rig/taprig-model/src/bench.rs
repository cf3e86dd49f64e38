//! A bench file, `fixtures/benches/<name>.yaml`: one validator, one card side, and how to reach them.

pub use crate::board::{BoardKind, Role};
use crate::name::Name;
use crate::units::{Duration, Hex};
use crate::version::Version;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// A bench. Its boards may be of different kinds.
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
    pub validator: BoardConfig,
    /// What holds cards to the validator's reader.
    pub card: CardSideConfig,
    /// How power is switched.
    #[serde(default)]
    pub power: Power,
}

impl Bench {
    /// Whether times in a report are modelled instead of measured. This is so if at least one of the two boards is not
    /// real.
    #[must_use]
    pub fn is_modelled(&self) -> bool {
        self.boards().iter().any(|(_, board)| board.runs_here())
    }

    /// The boards of this bench, in the order in which they get power. A card side that is no board and an external
    /// device are not among them.
    #[must_use]
    pub fn boards(&self) -> Vec<(Role, &BoardConfig)> {
        let card = self.card.board().map(|board| (Role::Emulator, board));
        card.into_iter()
            .chain([(Role::Validator, &self.validator)])
            .filter(|(_, board)| board.external().is_none())
            .collect()
    }

    /// The same as [`Bench::boards`], to change them.
    pub fn boards_mut(&mut self) -> Vec<(Role, &mut BoardConfig)> {
        let card = match &mut self.card {
            CardSideConfig::Emulator(board) => Some((Role::Emulator, board)),
            CardSideConfig::VirtualReader(_) | CardSideConfig::Pn532(_) | CardSideConfig::Pn532Model(_) => None,
        };
        let boards = card.into_iter().chain([(Role::Validator, &mut self.validator)]);
        boards.filter(|(_, board)| board.external().is_none()).collect()
    }
}

/// What holds cards to the validator's reader.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum CardSideConfig {
    /// A board that runs the card emulator's firmware of this repository.
    Emulator(BoardConfig),
    /// A virtual PC/SC reader: the daemon `vpcd` of vsmartcard.
    VirtualReader(VirtualReader),
    /// A PN532 module as a card with ISO/IEC 14443-4.
    Pn532(Pn532),
    /// A model of a PN532 module. The rig runs it as a process, and its radio end is the air of boards on this host.
    Pn532Model(Pn532Model),
}

impl CardSideConfig {
    /// The board, if the card side is one with the card emulator's firmware.
    #[must_use]
    pub const fn board(&self) -> Option<&BoardConfig> {
        match self {
            Self::Emulator(board) => Some(board),
            Self::VirtualReader(_) | Self::Pn532(_) | Self::Pn532Model(_) => None,
        }
    }

    /// The name of the kind in files and reports.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Emulator(_) => "emulator",
            Self::VirtualReader(_) => "virtual-reader",
            Self::Pn532(_) => "pn532",
            Self::Pn532Model(_) => "pn532-model",
        }
    }
}

/// A virtual PC/SC reader.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct VirtualReader {
    /// Host and port at which `vpcd` waits for a card. The default is `127.0.0.1:35963`.
    pub address: String,
}

impl Default for VirtualReader {
    fn default() -> Self {
        Self { address: "127.0.0.1:35963".into() }
    }
}

/// A PN532 module.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Pn532 {
    /// Its serial port. The driver begins at 115,200 bits per second and then switches the module to the rate that is
    /// given here.
    pub serial: SerialPort,
    /// The mode byte of TgInitAsTarget. The default is 04 (PICC only).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_mode: Option<Hex>,
}

/// A model of a PN532 module.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Pn532Model {}

/// Where a board is and how it is programmed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum BoardConfig {
    /// The firmware compiled for this host. It runs as a process.
    Sim(Sim),
    /// The real image on an emulated board, flashed through probe-rs.
    Qemu(Qemu),
    /// A real board, flashed through probe-rs.
    Probe(Probe),
    /// A device that is already programmed.
    Attached(Attached),
    /// A device for which the rig needs no port: an adapter program or a person reaches it.
    External(External),
}

impl BoardConfig {
    /// Whether the board is a process on this host, so that its times are modelled and the rig itself has its power.
    #[must_use]
    pub const fn runs_here(&self) -> bool {
        matches!(self, Self::Sim(_) | Self::Qemu(_))
    }

    /// The external device, if it is one.
    #[must_use]
    pub const fn external(&self) -> Option<&External> {
        match self {
            Self::External(external) => Some(external),
            Self::Sim(_) | Self::Qemu(_) | Self::Probe(_) | Self::Attached(_) => None,
        }
    }

    /// The serial port, if the board is reached by one.
    #[must_use]
    pub const fn serial(&self) -> Option<&SerialPort> {
        match self {
            Self::Probe(probe) => Some(&probe.serial),
            Self::Attached(attached) => Some(&attached.serial),
            Self::Sim(_) | Self::Qemu(_) | Self::External(_) => None,
        }
    }

    /// The kind of this board.
    #[must_use]
    pub const fn kind(&self) -> BoardKind {
        match self {
            Self::Sim(_) => BoardKind::Sim,
            Self::Qemu(_) => BoardKind::Qemu,
            Self::Probe(_) => BoardKind::Probe,
            Self::Attached(_) => BoardKind::Attached,
            Self::External(_) => BoardKind::External,
        }
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

/// A device for which the rig needs no port.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct External {
    /// Values for the adapter program, such as `port: /dev/ttyUSB0`. They come on top of those of the device file.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub parameters: BTreeMap<String, String>,
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

/// How power is switched. The rig can always switch boards that run on this host. Any other board needs a switch.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Power {
    /// How the rig takes power from boards that run on this host.
    pub hosted: HostedPower,
    /// The switches of real boards, by role. A real board without a switch is reset instead of power-cycled.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub switches: BTreeMap<Role, SwitchConfig>,
}

/// How the rig takes power from boards that run on this host.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum HostedPower {
    /// The default. The rig stops two emulated boards whose machine allows it, overwrites their RAM with random bytes
    /// and resets them. Their processes stay. Other boards that run on this host are switched as with `process`.
    #[default]
    Cut,
    /// The rig ends the processes of boards that run on this host and starts new ones.
    Process,
}

/// A power switch of one role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SwitchConfig {
    /// Programs that switch power.
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
