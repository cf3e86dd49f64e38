//! The standard debit/credit flow of an old card (JR/T 0025.5).

use crate::units::Hex;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What an application asks for in the standard debit/credit flow. It takes this flow if the reader announces it (TTQ byte 1,
/// 40): it answers GET PROCESSING OPTIONS with 82 and 94 alone, signs at INTERNAL AUTHENTICATE, and makes its cryptogram at
/// GENERATE AC.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Standard {
    /// CDOL1 (8C): tags and lengths of what the reader sends with GENERATE AC. A record has to hold 8C.
    pub cdol1: Hex,
    /// DDOL (9F49): tags and lengths of what the card signs. If it is absent, the card signs 9F37. A record has to hold 9F49.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ddol: Option<Hex>,
}
