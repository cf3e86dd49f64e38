//! The state that a validator is brought into before the first step of a case.

use crate::card::key::{Authority, Sm2Authority};
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
    /// The key itself.
    pub key: PublicKey,
}

/// The key of a certification authority, by its algorithm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PublicKey {
    /// RSA.
    Rsa {
        /// Exponent.
        exponent: Hex,
        /// Modulus.
        modulus: Hex,
    },
    /// SM2.
    Sm2 {
        /// The public point: X and Y, 32 bytes each.
        point: Hex,
    },
}

impl From<&Authority> for AuthorityKey {
    fn from(key: &Authority) -> Self {
        Self {
            rid: key.rid.clone(),
            index: key.index.clone(),
            key: PublicKey::Rsa { exponent: key.exponent.clone(), modulus: key.modulus.clone() },
        }
    }
}

impl From<&Sm2Authority> for AuthorityKey {
    fn from(key: &Sm2Authority) -> Self {
        let point = Hex([key.x.0.as_slice(), &key.y.0].concat());
        Self { rid: key.rid.clone(), index: key.index.clone(), key: PublicKey::Sm2 { point } }
    }
}
