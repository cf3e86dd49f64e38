//! The state that a validator is brought into before the first step of a case.

use crate::card::key::Authority;
use crate::settings::Settings;
use crate::units::Hex;

/// The required state of a validator before a case. Its journal is empty, and its clock shows [`Settings::clock`] if
/// that setting is present. Everything that the settings leave out is in the factory state of the device.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Situation {
    /// The settings: those of the profile, overridden by those of the case.
    pub settings: Settings,
    /// The CA public keys that [`Settings::keys`] names, in the same order.
    pub keys: Vec<AuthorityKey>,
}

/// The public part of the key of a certification authority.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthorityKey {
    /// Registered application provider identifier.
    pub rid: Hex,
    /// CA public key index (8F).
    pub index: Hex,
    /// Exponent.
    pub exponent: Hex,
    /// Modulus.
    pub modulus: Hex,
}

impl From<&Authority> for AuthorityKey {
    fn from(key: &Authority) -> Self {
        Self {
            rid: key.rid.clone(),
            index: key.index.clone(),
            exponent: key.exponent.clone(),
            modulus: key.modulus.clone(),
        }
    }
}
