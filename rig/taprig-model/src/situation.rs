//! The state that a validator is brought into before the first step of a case.

use crate::card::key::Authority;
use crate::settings::Settings;
use crate::units::Hex;

/// What a validator has to hold before a case. Its journal is empty then, and its clock shows [`Settings::clock`] where
/// the settings have one. What the settings leave out is as in the device's factory state.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Situation {
    /// The settings: those of the profile, and over them those of the case.
    pub settings: Settings,
    /// The CA public keys that [`Settings::keys`] names, in that order.
    pub keys: Vec<AuthorityKey>,
}

/// The public part of a certification authority's key.
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
