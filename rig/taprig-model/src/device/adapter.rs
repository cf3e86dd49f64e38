//! A device that is reached through a program, which speaks the protocol of [`crate::adapter`].

use crate::units::Duration;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The program, and what it is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct AdapterProgram {
    /// The program and its arguments. It runs in the project's folder, and no shell is involved.
    pub command: Vec<String>,
    /// Values for the program. Those of the bench file come on top. If the validator's board has a serial port, the
    /// rig adds its path as `port`. If the validator is attached over a network, `port` is `HOST:PORT`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub parameters: BTreeMap<String, String>,
    /// The longest time from the start of the program to its answer to `hello`. The default is 20 s.
    #[serde(default = "hello")]
    pub hello: Duration,
    /// The longest time that the program may take to bring the device into the state in which a case begins. The
    /// default is 30 s.
    #[serde(default = "establish")]
    pub establish: Duration,
}

const fn hello() -> Duration {
    Duration::from_ms(20_000)
}

const fn establish() -> Duration {
    Duration::from_ms(30_000)
}

impl AdapterProgram {
    /// This program with the default time limits.
    #[must_use]
    pub fn new(command: Vec<String>, parameters: BTreeMap<String, String>) -> Self {
        Self { command, parameters, hello: hello(), establish: establish() }
    }
}
