//! The firmware of a board.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::board::Role;

/// The image of a board.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FirmwareImage {
    /// Which board.
    pub role: Role,
    /// Path of the file.
    pub path: String,
    /// SHA-256 over the content that goes into flash, in lower-case hexadecimal.
    pub digest: String,
    /// Number of bytes that go into flash.
    pub bytes: u64,
}

/// What flashing did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum FlashOutcome {
    /// The image was erased, programmed and verified.
    Programmed,
    /// The digest showed that the flash held the image already.
    Unchanged,
}
