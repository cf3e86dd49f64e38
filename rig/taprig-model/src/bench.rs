//! A bench file, `fixtures/benches/<name>.yaml`: one validator, one card side, and how to reach them.

mod acquirer;
mod flash;
mod place;
mod power;
mod probe;

use crate::address::Address;
pub use crate::board::{BoardKind, CardSideKind, Role};
use crate::name::Name;
use crate::text::text;
use crate::units::{Duration, Hex, Malformed, malformed};
use crate::version::Version;
pub use acquirer::{AcquirerConfig, AcquirerLink, ListenAddress};
pub use flash::FlashCommand;
pub use place::{Labgrid, PlaceName};
pub use power::{
    HostedPower, HttpRequest, HttpState, HttpSwitch, LineSwitch, ModemLine, Power, PowerCommand, RelaySwitch,
    ShellySwitch, SwitchConfig, TasmotaSwitch,
};
pub use probe::ProbeName;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

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
    /// The acquirer to which the validator sends its rides. If it is absent, cases that need one are not applicable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acquirer: Option<AcquirerConfig>,
    /// How power is switched.
    #[serde(default)]
    pub power: Power,
    /// The maker's own program that flashes the validator, if the rig does not flash it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flash: Option<FlashCommand>,
    /// The place of a labgrid coordinator that stands for this bench. It must be acquired for each use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub labgrid: Option<Labgrid>,
    /// How long a run waits for a part that was unplugged. The default is 30 s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub back_within: Option<Duration>,
}

impl Bench {
    /// Whether times in a report are modelled instead of measured. The card emulator computes them from the frames,
    /// between real boards as well. A card emulator with an antenna measures them. A virtual reader and a PN532 module
    /// have times of the host.
    #[must_use]
    pub const fn is_modelled(&self) -> bool {
        match self.card {
            CardSideConfig::Emulator(_) | CardSideConfig::Pn532Model(_) => true,
            CardSideConfig::Nrf52840(_) | CardSideConfig::VirtualReader(_) | CardSideConfig::Pn532(_) => false,
        }
    }

    /// Whether a machine can have several of this bench: all parts run on this host, and no coordinator hands it out.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        self.runs_here() && self.labgrid.is_none()
    }

    /// Whether all parts of the bench run on this host. Otherwise they exist once.
    #[must_use]
    pub fn runs_here(&self) -> bool {
        let card = match &self.card {
            CardSideConfig::Emulator(board) => board.runs_here(),
            CardSideConfig::Pn532Model(_) => true,
            CardSideConfig::Nrf52840(_) | CardSideConfig::VirtualReader(_) | CardSideConfig::Pn532(_) => false,
        };
        // An address and a serial port exist once.
        let acquirer = matches!(self.acquirer, None | Some(AcquirerConfig::Link(_)));
        card && acquirer && self.validator.runs_here()
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
            CardSideConfig::Emulator(board) | CardSideConfig::Nrf52840(board) => Some((Role::Emulator, board)),
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
    /// An nRF52840 with an antenna, which runs that firmware, too. It plays one card at a time.
    Nrf52840(BoardConfig),
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
            Self::Emulator(board) | Self::Nrf52840(board) => Some(board),
            Self::VirtualReader(_) | Self::Pn532(_) | Self::Pn532Model(_) => None,
        }
    }

    /// The kind of this card side.
    #[must_use]
    pub const fn kind(&self) -> CardSideKind {
        match self {
            Self::Emulator(_) => CardSideKind::Emulator,
            Self::Nrf52840(_) => CardSideKind::Nrf52840,
            Self::VirtualReader(_) => CardSideKind::VirtualReader,
            Self::Pn532(_) => CardSideKind::Pn532,
            Self::Pn532Model(_) => CardSideKind::Pn532Model,
        }
    }
}

/// A virtual PC/SC reader.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct VirtualReader {
    /// Host and port at which `vpcd` waits for a card. The default is `127.0.0.1:35963`.
    pub address: Address,
}

impl Default for VirtualReader {
    fn default() -> Self {
        Self { address: Address::vpcd() }
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
    /// A program on this host that is the device: another maker's simulator, or firmware compiled for this host.
    Program(Program),
    /// A device for which the rig needs no port: an adapter program or a person reaches it.
    External(External),
}

impl BoardConfig {
    /// Whether the board is a process on this host, so that its times are modelled and the rig itself has its power.
    #[must_use]
    pub const fn runs_here(&self) -> bool {
        matches!(self, Self::Sim(_) | Self::Qemu(_) | Self::Program(_))
    }

    /// The external device, if it is one.
    #[must_use]
    pub const fn external(&self) -> Option<&External> {
        match self {
            Self::External(external) => Some(external),
            _ => None,
        }
    }

    /// The serial port, if the board is reached by one.
    #[must_use]
    pub const fn serial(&self) -> Option<&SerialPort> {
        match self {
            Self::Probe(probe) => Some(&probe.serial),
            Self::Attached(Attached::Serial(serial)) => Some(serial),
            Self::Attached(Attached::Tcp(_)) | Self::Sim(_) | Self::Qemu(_) | Self::Program(_) | Self::External(_) => {
                None
            }
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
            Self::Program(_) => BoardKind::Program,
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
    /// Path of the image, ELF or Intel HEX, relative to the project's folder. If it is absent, taprig uses the image that
    /// was built with it for this machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub firmware: Option<PathBuf>,
}

/// A real board with a debug probe.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Probe {
    /// The name that probe-rs gives the chip: `STM32F405RGTx`.
    pub chip: String,
    /// The probe, as `vid:pid:serial` or by the USB port chain, such as `1-2.3`. If it is absent, there has to be exactly
    /// one probe.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probe: Option<ProbeName>,
    /// The serial number that the maker has written into the chip. `taprig bench check` shows it. Before the board is
    /// flashed, it is compared, so that a probe on the wrong board is noticed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chip_serial: Option<Hex>,
    /// Path of the image, relative to the project's folder: ELF, Intel HEX or binary.
    pub firmware: PathBuf,
    /// Address of the first byte of a binary image: `08004000`. The other formats contain their addresses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<Hex>,
    /// The serial port: the console of a validator, or the link of a card emulator.
    pub serial: SerialPort,
}

/// A device that is already programmed, by how the rig reaches it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Attached {
    /// By a serial port: the console of a validator, or the link of a card emulator.
    Serial(SerialPort),
    /// By a network: a TCP port that carries the bytes of a console, such as `192.0.2.7:4001`.
    Tcp(Address),
}

/// A program on this host that is the device. Its standard input and output are a pseudo terminal in raw mode without
/// echo, and they carry what a serial port would carry. To switch the power off, the rig ends the program's process
/// group. To switch it on, the rig starts the program again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Program {
    /// The program and its arguments; no shell is involved. It is started in the project's folder. In an argument,
    /// `{air}` stands for the path of the socket that is the air, `{state}` for a folder that outlives the power, and
    /// `{taprig}` for the program taprig.
    pub command: Vec<Argument>,
}

/// Places in an argument, and what they stand for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ArgumentPlace {
    /// The path of the socket that is the air.
    Air,
    /// A folder that outlives the power.
    State,
    /// The program taprig.
    Taprig,
}

impl ArgumentPlace {
    /// All places, with their names.
    const ALL: [(&str, Self); 3] = [("{air}", Self::Air), ("{state}", Self::State), ("{taprig}", Self::Taprig)];
}

/// A program or one of its arguments. `{air}`, `{state}` and `{taprig}` have a meaning; other braces have none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Argument(String);

text!(Argument, "Argument", r"^.+$", "a program or an argument, such as `{air}`");

impl FromStr for Argument {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        const WRITE: &str =
            "an argument without control characters, in which `{air}`, `{state}` and `{taprig}` have a meaning";
        if text.is_empty() || text.contains(char::is_control) {
            return malformed("this is no argument", WRITE);
        }
        let mut rest = text;
        while let Some((_, after)) = rest.split_once('{') {
            let place = after.split_once('}').map(|(name, _)| name).unwrap_or_default();
            let is_name = !place.is_empty() && place.chars().all(|c| c.is_ascii_lowercase() || c == '-');
            if is_name && !ArgumentPlace::ALL.iter().any(|(known, _)| *known == format!("{{{place}}}")) {
                return malformed(format!("`{{{place}}}` has no meaning"), WRITE);
            }
            rest = after;
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for Argument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Argument {
    /// The argument with the paths in their places.
    #[must_use]
    pub fn fill(&self, path: impl Fn(ArgumentPlace) -> String) -> String {
        ArgumentPlace::ALL.iter().fold(self.0.clone(), |text, (name, place)| match text.contains(name) {
            true => text.replace(name, &path(*place)),
            false => text,
        })
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_argument_may_hold_places() {
        let fill = |text: &str| text.parse::<Argument>().unwrap().fill(|place| format!("<{place:?}>"));
        assert_eq!(fill("--air={air}"), "--air=<Air>");
        assert_eq!(fill("{state}/nvm {air}"), "<State>/nvm <Air>");
        assert_eq!(fill("{\"a\": 1}"), "{\"a\": 1}");
        for wrong in ["{port}", "", "a\nb"] {
            assert!(wrong.parse::<Argument>().is_err(), "{wrong}");
        }
    }
}
