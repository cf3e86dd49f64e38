//! Power in a bench file: what takes it from a board and gives it back.

use super::SerialPort;
use crate::board::Role;
use crate::units::Duration;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

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

/// A power switch of one board.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SwitchConfig {
    /// Programs that switch power.
    Command(PowerCommand),
    /// A relay on a serial port that takes four-byte commands, such as the boards sold as LCUS-1. It reports nothing
    /// back.
    Relay(RelaySwitch),
    /// A switch with an HTTP interface, by templates.
    Http(HttpSwitch),
    /// A Shelly plug or relay.
    Shelly(ShellySwitch),
    /// A plug or relay with the firmware Tasmota.
    Tasmota(TasmotaSwitch),
    /// A modem control line of a serial adapter that drives a transistor or a relay. It reports nothing back.
    Line(LineSwitch),
}

impl SwitchConfig {
    /// How long power stays off, so that the capacitors discharge.
    #[must_use]
    pub const fn off_for(&self) -> Duration {
        match self {
            Self::Command(PowerCommand { off_for, .. })
            | Self::Relay(RelaySwitch { off_for, .. })
            | Self::Http(HttpSwitch { off_for, .. })
            | Self::Shelly(ShellySwitch { off_for, .. })
            | Self::Tasmota(TasmotaSwitch { off_for, .. })
            | Self::Line(LineSwitch { off_for, .. }) => *off_for,
        }
    }

    /// The longest time that switching may take, if the file gives one.
    #[must_use]
    pub const fn within(&self) -> Option<Duration> {
        match self {
            Self::Command(PowerCommand { within, .. })
            | Self::Http(HttpSwitch { within, .. })
            | Self::Shelly(ShellySwitch { within, .. })
            | Self::Tasmota(TasmotaSwitch { within, .. }) => *within,
            Self::Relay(_) | Self::Line(_) => None,
        }
    }
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

/// A relay on a serial port, at 9600 bits per second.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct RelaySwitch {
    /// Its serial port.
    pub serial: SerialPort,
    /// Number of the channel, from 1. The default is 1.
    #[serde(default = "first")]
    pub channel: u8,
    /// How long power stays off, so that the capacitors discharge.
    pub off_for: Duration,
}

const fn first() -> u8 {
    1
}

/// A switch with an HTTP interface.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct HttpSwitch {
    /// The request that switches power on.
    pub on: HttpRequest,
    /// The request that switches power off.
    pub off: HttpRequest,
    /// The request that asks for the state. If it is absent, the answers with status 200 are all that the rig knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<HttpState>,
    /// How long power stays off, so that the capacitors discharge.
    pub off_for: Duration,
    /// The longest time that each request may take. The default is 10 s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub within: Option<Duration>,
}

/// A request over HTTP.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct HttpRequest {
    /// The address: `http://10.0.0.7/relay/0?turn=on`.
    pub url: String,
    /// The body. With a body the request is a POST, and without one it is a GET.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
}

/// How a switch with an HTTP interface tells its state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct HttpState {
    /// The request.
    pub request: HttpRequest,
    /// Text that the answer contains when power is on. White space does not count.
    pub on: String,
    /// Text that the answer contains when power is off. White space does not count.
    pub off: String,
}

/// A Shelly plug or relay. The rig asks it for its state after each switching.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ShellySwitch {
    /// Host name or address, and optionally a port: `10.0.0.7`.
    pub address: String,
    /// Number of the output, from 0.
    #[serde(default)]
    pub output: u8,
    /// Generation of the device: 1, or 2 for that and all later ones. The default is 2.
    #[serde(default = "second")]
    pub generation: u8,
    /// How long power stays off, so that the capacitors discharge.
    pub off_for: Duration,
    /// The longest time that each request may take. The default is 10 s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub within: Option<Duration>,
}

const fn second() -> u8 {
    2
}

/// A plug or relay with the firmware Tasmota. The rig asks it for its state after each switching.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct TasmotaSwitch {
    /// Host name or address, and optionally a port: `10.0.0.8`.
    pub address: String,
    /// Number of the output, from 1, for devices that have several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<u8>,
    /// How long power stays off, so that the capacitors discharge.
    pub off_for: Duration,
    /// The longest time that each request may take. The default is 10 s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub within: Option<Duration>,
}

/// A modem control line of a serial adapter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct LineSwitch {
    /// The serial port. The rig holds it open while the bench is in use, so it can't be the console of a board as well.
    pub serial: SerialPort,
    /// The line.
    pub line: ModemLine,
    /// Whether power is on while the line is asserted. The default is `true`. Operating systems release the lines of a
    /// port that is closed, so a board with `false` has power when no run is in progress.
    #[serde(default = "yes")]
    pub on_when_asserted: bool,
    /// How long power stays off, so that the capacitors discharge.
    pub off_for: Duration,
}

const fn yes() -> bool {
    true
}

/// Modem control lines that a serial adapter drives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ModemLine {
    /// Data terminal ready.
    Dtr,
    /// Request to send.
    Rts,
}
