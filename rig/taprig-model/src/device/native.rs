//! The console of a device that keeps the grammar of the reference device, with words of its own.

use crate::acquirer::Work;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The console as data: templates of commands, and the names of settings and events.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Native {
    /// Bits per second. The format is 8 data bits, no parity, one stop bit.
    pub baud: u32,
    /// The prefixes of lines.
    pub lines: Lines,
    /// The commands that the rig sends.
    pub commands: Commands,
    /// Settings that have another name on the device than in taprig: from taprig's name to the device's.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub settings: BTreeMap<String, String>,
    /// The names that the device gives its events.
    pub events: Events,
}

impl Native {
    /// The name that the device gives one of [`Settings`](crate::settings::Settings).
    #[must_use]
    pub fn setting<'a>(&'a self, key: &'a str) -> &'a str {
        self.settings.get(key).map_or(key, String::as_str)
    }
}

/// The prefixes of the console's lines.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Lines {
    /// A data line of a reply.
    pub data: String,
    /// The last line of a reply if the device carried out the command.
    pub ok: String,
    /// The last line of a reply if the device refused the command.
    pub error: String,
    /// An event.
    pub event: String,
}

/// Templates of commands. `{name}` stands for a value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Commands {
    /// Asks the device for its identity.
    pub identity: String,
    /// Asks the device to repeat `{text}`. If it is absent, the device can't do this. Then the power-on before a case
    /// proves that no answer is stale.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub echo: Option<String>,
    /// Asks for the state, the number of journal records, their total, and the profile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// Sets the clock to `{time}`, such as `2018-05-21T08:00:00`.
    pub clock: String,
    /// Sets `{key}` to `{value}`.
    pub set: String,
    /// Adds a CA key: `{rid}`, `{index}`, `{exponent}` and `{modulus}` in hexadecimal.
    pub key_add: String,
    /// Adds a CA key of SM2: `{rid}`, `{index}` and `{point}` in hexadecimal. If it is absent, the device takes no such
    /// keys, and the rig leaves them out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_add_sm2: Option<String>,
    /// Removes all CA keys.
    pub key_clear: String,
    /// Adds `{entry}` to the deny list: a PAN, optionally followed by `:` and the PSN.
    pub deny_add: String,
    /// Empties the deny list.
    pub deny_clear: String,
    /// Revokes the certificate `{rid}` `{index}` `{serial}`.
    pub revoke_add: String,
    /// Empties the revocation list.
    pub revoke_clear: String,
    /// Names the settings `{tag}`. If it is absent, the device keeps no name of its settings, and the rig sends all
    /// settings before each case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// Lists the journal from record `{from}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub journal: Option<String>,
    /// Empties the journal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub journal_clear: Option<String>,
    /// Commands for a fare policy. If they are absent, cases that need one are not applicable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fares: Option<FareCommands>,
    /// Commands by which the device works with its acquirer. If they are absent, cases that need them are not applicable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uplink: Option<UplinkCommands>,
    /// Resets all settings.
    pub factory: String,
    /// Restarts the device.
    pub reboot: String,
}

/// Commands for a fare policy. The rules of it are written as `firmware/validator/README.md` says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct FareCommands {
    /// Removes the policy: the flat fare alone holds.
    pub clear: String,
    /// Adds the rule `{rule}`.
    pub rule: String,
    /// Puts the rules in force that were added.
    #[serde(rename = "use")]
    pub in_force: String,
    /// The bus is at stop `{stop}`, or nobody knows where it is: `none`.
    pub stop: String,
}

/// Commands for the uplink. The device answers each at once, and an event says when the work has ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct UplinkCommands {
    /// Sends all claims that wait.
    pub upload: String,
    /// Sends all claims that wait and closes the batch.
    pub settle: String,
    /// Signs on.
    pub sign_on: String,
    /// Signs off.
    pub sign_off: String,
    /// Downloads the deny list.
    pub deny_list: String,
    /// Downloads the keys of certification authorities.
    pub authority_keys: String,
    /// The name of the event that says that a work has ended: `what` and `result`.
    pub event: String,
    /// What the event calls the works, if it does not use the words of cases: from the device's word to that of cases.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub words: BTreeMap<String, Work>,
}

impl UplinkCommands {
    /// The command of a work.
    #[must_use]
    pub fn of(&self, work: Work) -> &str {
        match work {
            Work::Upload => &self.upload,
            Work::Settle => &self.settle,
            Work::SignOn => &self.sign_on,
            Work::SignOff => &self.sign_off,
            Work::DenyList => &self.deny_list,
            Work::AuthorityKeys => &self.authority_keys,
        }
    }
}

impl Commands {
    /// The template with its values inserted: `fill("set {key} {value}", &[("key", "fare"), ("value", "100")])`.
    #[must_use]
    pub fn fill(template: &str, values: &[(&str, &str)]) -> String {
        values.iter().fold(template.into(), |line: String, (name, value)| line.replace(&format!("{{{name}}}"), value))
    }
}

/// The names that the device gives its events.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Events {
    /// The firmware has started.
    pub started: String,
    /// The device is idle and polls for cards.
    pub ready: String,
    /// A message on the display: `id`, `text`, and sometimes `amount`.
    pub show: String,
    /// A sound.
    pub sound: String,
    /// The gate.
    pub gate: String,
    /// The end of a tap: `outcome`, `reason`, `fare`, and sometimes `charged`.
    pub result: String,
    /// The device noticed something wrong about itself.
    pub fault: String,
}
