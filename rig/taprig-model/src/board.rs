//! Boards in the words that files, events and results share: their roles and kinds.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;

/// A role on a bench.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// The device under test.
    Validator,
    /// The card emulator.
    Emulator,
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Validator => "validator",
            Self::Emulator => "emulator",
        })
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
    /// A program on this host that is the device.
    Program,
    /// A device that an adapter program or a person reaches.
    External,
}

impl fmt::Display for BoardKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sim => "sim",
            Self::Qemu => "qemu",
            Self::Probe => "probe",
            Self::Attached => "attached",
            Self::Program => "program",
            Self::External => "external",
        })
    }
}

/// Kinds of card side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum CardSideKind {
    /// The card emulator of this project.
    Emulator,
    /// An nRF52840 with an antenna, which runs the card emulator of this project.
    Nrf52840,
    /// A virtual PC/SC reader.
    VirtualReader,
    /// A PN532 module.
    Pn532,
    /// A model of a PN532 module.
    Pn532Model,
}
