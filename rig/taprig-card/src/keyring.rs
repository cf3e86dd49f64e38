//! The keys that images name.

use crate::cryptogram;
use crate::rsa::PrivateKey;
use sha1::{Digest, Sha1};
use std::collections::BTreeMap;
use std::sync::Arc;
use taprig_model::card::KeyFile;
use taprig_model::card::key::{Algorithm, Key};
use taprig_model::name::Name;

/// Keys by their names. Cloning is cheap.
#[derive(Debug, Clone, Default)]
pub struct KeyRing {
    keys: BTreeMap<Name, Arc<Held>>,
}

#[derive(Debug)]
enum Held {
    Authority { index: u8, key: Option<PrivateKey> },
    Rsa(PrivateKey),
    Master(cryptogram::Key),
}

/// Why a key can't be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// A number of the key file is out of its range.
    #[error("key `{name}`: {problem}")]
    Malformed {
        /// The key.
        name: Name,
        /// What is wrong.
        problem: String,
    },
    /// There is no such key.
    #[error("no key has the name `{name}`; these keys exist: {known}")]
    Unknown {
        /// The key.
        name: Name,
        /// The keys of the required kind.
        known: String,
    },
    /// The key is of another kind.
    #[error("key `{name}` is not a {wanted}; keys of this kind: {known}")]
    Kind {
        /// The key.
        name: Name,
        /// The required kind.
        wanted: &'static str,
        /// The keys of the required kind.
        known: String,
    },
}

impl KeyRing {
    /// The keys of an iterator over names and files.
    ///
    /// # Errors
    /// [`KeyError::Malformed`] for the first file that is not a valid key.
    pub fn load<'a>(files: impl IntoIterator<Item = (Name, &'a KeyFile)>) -> Result<Self, KeyError> {
        let mut ring = Self::default();
        for (name, file) in files {
            ring.insert(name, file)?;
        }
        Ok(ring)
    }

    /// Adds a key. It replaces a key of the same name.
    ///
    /// # Errors
    /// [`KeyError::Malformed`] for a key of wrong length, an even modulus, or a wrong check sum.
    pub fn insert(&mut self, name: Name, file: &KeyFile) -> Result<(), KeyError> {
        let held = match hold(&file.key) {
            Ok(held) => held,
            Err(problem) => return Err(KeyError::Malformed { name, problem }),
        };
        self.keys.insert(name, Arc::new(held));
        Ok(())
    }

    /// The index (8F) and key pair of a certification authority.
    pub(crate) fn authority(&self, name: &Name) -> Result<(u8, &PrivateKey), KeyError> {
        self.find(name, "certification authority with a private exponent", |held| match held {
            Held::Authority { index, key: Some(key) } => Some((*index, key)),
            _ => None,
        })
    }

    /// The key pair of an issuer or a card.
    pub(crate) fn rsa(&self, name: &Name) -> Result<&PrivateKey, KeyError> {
        self.find(name, "key of an issuer or a card (`rsa`)", |held| match held {
            Held::Rsa(key) => Some(key),
            _ => None,
        })
    }

    /// An issuer's master key.
    pub(crate) fn master(&self, name: &Name) -> Result<&cryptogram::Key, KeyError> {
        self.find(name, "master key", |held| match held {
            Held::Master(key) => Some(key),
            _ => None,
        })
    }

    fn find<'a, T>(
        &'a self,
        name: &Name,
        wanted: &'static str,
        kind: impl Fn(&'a Held) -> Option<T>,
    ) -> Result<T, KeyError> {
        let known = || {
            let known: Vec<_> =
                self.keys.iter().filter(|(_, held)| kind(held).is_some()).map(|(name, _)| name.as_str()).collect();
            if known.is_empty() { "none".into() } else { known.join(", ") }
        };
        match self.keys.get(name) {
            None => Err(KeyError::Unknown { name: name.clone(), known: known() }),
            Some(held) => kind(held).ok_or_else(|| KeyError::Kind { name: name.clone(), wanted, known: known() }),
        }
    }
}

fn hold(key: &Key) -> Result<Held, String> {
    // EMV Book 2, annex B2.1: moduli have up to 248 bytes.
    let pair = |modulus: &[u8], exponent: &[u8], private: &[u8]| {
        if !(64..=248).contains(&modulus.len()) {
            return Err(format!("the modulus has {} bytes; 64 to 248 are possible", modulus.len()));
        }
        PrivateKey::new(modulus, exponent, private).ok_or_else(|| {
            "modulus and exponents are not an RSA key: the modulus must be odd and must not begin with 00".into()
        })
    };
    match key {
        Key::Authority(authority) => {
            let (rid, index) = match (authority.rid.0.len(), authority.index.0.as_slice()) {
                (5, [index]) => (&authority.rid.0, *index),
                _ => return Err("the RID must have 5 bytes, and the index 1 byte".into()),
            };
            let mut hash = Sha1::new();
            hash.update(rid);
            hash.update([index]);
            hash.update(&authority.modulus.0);
            hash.update(&authority.exponent.0);
            let right: [u8; 20] = hash.finalize().into();
            if right.as_slice() != authority.check_sum.0 {
                let right = taprig_model::units::Hex(right.to_vec());
                return Err(format!("the check sum is wrong: that of RID, index, modulus and exponent is {right}"));
            }
            let key = match &authority.private_exponent {
                Some(private) => Some(pair(&authority.modulus.0, &authority.exponent.0, &private.0)?),
                None => None,
            };
            Ok(Held::Authority { index, key })
        }
        Key::Rsa(key) => Ok(Held::Rsa(pair(&key.modulus.0, &key.exponent.0, &key.private_exponent.0)?)),
        Key::Master(master) => match (master.algorithm, master.value.0.as_slice().try_into()) {
            (Algorithm::TripleDes, Ok(key)) => Ok(Held::Master(key)),
            (Algorithm::TripleDes, Err(_)) => {
                Err(format!("the triple-DES master key has {} bytes instead of 16", master.value.0.len()))
            }
        },
    }
}
